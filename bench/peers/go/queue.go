package main

import (
	"runtime"
	"sync"
)

// n items through one channel of 128, from and to so many goroutines.
func stream(pairs int) func(n int) {
	return func(n int) {
		var puts, gets sync.WaitGroup
		q := make(chan int, 128)
		puts.Add(pairs)
		gets.Add(pairs)
		for k := 0; k < pairs; k++ {
			go func() {
				defer puts.Done()
				for i := 0; i < n/pairs; i++ {
					q <- i
				}
			}()
			go func() {
				defer gets.Done()
				for range q {
				}
			}()
		}
		puts.Wait()
		close(q)
		gets.Wait()
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	rate("bounded queue (128), one loop", stream(1))
	runtime.GOMAXPROCS(2)
	rate("bounded queue, 1 to 1, two threads", stream(1))
	rate("bounded queue, 4 to 4 tasks, two threads", stream(4))
}
