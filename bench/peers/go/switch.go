package main

import (
	"runtime"
	"sync"
)

func yields(n int) {
	var done sync.WaitGroup
	done.Add(2)
	for k := 0; k < 2; k++ {
		go func() {
			defer done.Done()
			for i := 0; i < n/2; i++ {
				runtime.Gosched()
			}
		}()
	}
	done.Wait()
}

func main() {
	runtime.GOMAXPROCS(1)
	perOp("scheduled yield, two tasks", "ns per switch", yields)
}
