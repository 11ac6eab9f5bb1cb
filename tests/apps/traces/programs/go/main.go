// Ends, or goes on, with the stack trace named by its argument.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

type shop struct{ stock map[string]int }

func (s *shop) take(depth int) {
	if depth == 0 {
		s.stock["x"] = 1
	}
	s.take(depth - 1)
}

func race() {
	n := 0
	var group sync.WaitGroup
	for i := 0; i < 2; i++ {
		group.Add(1)
		go func() { defer group.Done(); n++ }()
	}
	group.Wait()
	fmt.Fprintln(os.Stderr, n)
}

func again(n int) int { return again(n+1) + 1 }

func main() {
	switch os.Args[1] {
	case "uncaught":
		(&shop{}).take(2)
	case "error":
		panic(fmt.Errorf("outer: %w", errors.New("inner")))
	case "message":
		panic("first line\nsecond line\n\nafter a blank line")
	case "goroutines":
		for i := 0; i < 3; i++ {
			go func() { time.Sleep(time.Hour) }()
		}
		time.Sleep(20 * time.Millisecond)
		debug.SetTraceback("all")
		panic("with others")
	case "repanic":
		defer func() { panic(fmt.Sprint("again: ", recover())) }()
		(&shop{}).take(1)
	case "deferred":
		defer func() { panic("second") }()
		panic("first")
	case "recovered":
		defer func() { recover(); debug.PrintStack() }()
		(&shop{}).take(1)
	case "asleep":
		<-make(chan int)
	case "mutex":
		var m sync.Mutex
		m.Unlock()
	case "nil":
		var s *shop
		fmt.Println(s.stock)
	case "exit":
		os.Exit(2)
	case "maps":
		m := map[int]int{}
		for i := 0; i < 4; i++ {
			go func() {
				for {
					m[1]++
				}
			}()
		}
		time.Sleep(time.Second)
	case "overflow":
		debug.SetMaxStack(1 << 16)
		again(0)
	case "http":
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { (&shop{}).take(1) }))
		http.Get(server.URL)
		server.Close()
	case "race":
		race()
	}
}
