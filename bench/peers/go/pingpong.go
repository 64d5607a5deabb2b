package main

import "runtime"

func pingpong(n int) {
	there, back := make(chan int, 1024), make(chan int, 1024)
	go func() {
		for i := range there {
			back <- i
		}
		close(back)
	}()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
	close(there)
	<-back
}

func main() {
	runtime.GOMAXPROCS(1)
	perOp("queue ping-pong in one loop", "ns there and back", pingpong)
	runtime.GOMAXPROCS(2)
	perOp("ping-pong of two tasks on two loops", "ns there and back", pingpong)
}
