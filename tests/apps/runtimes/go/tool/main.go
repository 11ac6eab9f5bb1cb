// A helper that a server executes.
package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
)

func main() {
	place, err := url.Parse(os.Getenv("REDIS_URL"))
	if err != nil {
		panic(err)
	}
	connection, err := net.Dial("tcp", place.Host)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	connection.Close()
	fmt.Println("connected")
}
