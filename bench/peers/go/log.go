package main

import (
	"log"
	"os"
)

// Go's log has neither levels nor a queue: a line with its time, to a file.
func lines(path string) func(n int) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	to := log.New(f, "", log.LstdFlags|log.Lmicroseconds)
	return func(n int) {
		for i := 0; i < n; i++ {
			to.Printf("[INFO] main: request %d took %d us", i, 42)
		}
	}
}

func main() {
	perOp("log line to /dev/null", "ns", lines("/dev/null"))
	f, err := os.CreateTemp("", "go-bench-log")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	perOp("log line to a file", "ns", lines(f.Name()))
}
