// A server in Go: it asks Redis in Redis' own protocol, while its runtime interrupts busy threads with SIGURG, and
// then has tools try the same.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

func address() string {
	place, err := url.Parse(os.Getenv("REDIS_URL"))
	if err != nil {
		panic(err)
	}
	return place.Host
}

func ask() (string, error) {
	connection, err := net.DialTimeout("tcp", address(), 5*time.Second)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(connection, "ECHO 41\r\n")
	reader := bufio.NewReader(connection)
	if _, err = reader.ReadString('\n'); err != nil {
		return "", err
	}
	line, err := reader.ReadString('\n')
	return strings.TrimSpace(line), err
}

// Goroutines that never yield are preempted by SIGURG every 10 ms, in the middle of whatever their threads do.
func storm() {
	stop := make(chan struct{})
	for i := 0; i < 2*runtime.NumCPU(); i++ {
		go func() {
			for n := 0; ; n++ {
				if n%(1<<24) == 0 {
					select {
					case <-stop:
						return
					default:
					}
				}
			}
		}()
	}
	var dialers sync.WaitGroup
	var lock sync.Mutex
	correct := 0
	for i := 0; i < 8; i++ {
		dialers.Add(1)
		go func() {
			defer dialers.Done()
			for n := 0; n < 25; n++ {
				answer, err := ask()
				lock.Lock()
				if err == nil && answer == "41" {
					correct++
				} else {
					fmt.Println("server wrong answer", answer, err)
				}
				lock.Unlock()
			}
		}()
	}
	dialers.Wait()
	close(stop)
	fmt.Println("server storm", correct)
}

func tool(name string, command ...string) {
	said, _ := exec.Command(command[0], command[1:]...).CombinedOutput()
	words := strings.TrimSpace(string(said))
	if strings.Contains(strings.ToLower(words), "connection refused") {
		words = "refused"
	}
	fmt.Println("server", name, words)
}

func main() {
	// Most servers listen first, and connect when somebody asks.
	if _, err := net.Listen("tcp", "127.0.0.1:0"); err != nil {
		panic(err)
	}
	answer, err := ask()
	if err != nil {
		answer = "refused"
	}
	fmt.Println("server redis", answer)
	if err == nil {
		storm()
	}
	tool("redis-cli", "redis-cli", "-u", os.Getenv("REDIS_URL"), "ping")
	if helper := os.Getenv("HELPER"); helper != "" {
		tool("helper", helper)
	}
}
