package main

import (
	"sync"
	"time"
)

var shared struct {
	lock    sync.Mutex
	_       [56]byte
	counter int
}

func contend(claim string, strands, pairs int) {
	each := pairs / strands
	var all sync.WaitGroup
	shared.counter = 0
	began := time.Now()
	all.Add(strands)
	for i := 0; i < strands; i++ {
		go func() {
			defer all.Done()
			for n := each; n > 0; n-- {
				shared.lock.Lock()
				shared.counter++
				shared.lock.Unlock()
			}
		}()
	}
	all.Wait()
	if shared.counter != each*strands {
		panic(claim)
	}
	line(claim, "ns per pair", float64(time.Since(began))/float64(each*strands))
}

func main() {
	contend("lock + unlock, uncontended", 1, 100000000)
	contend("two threads on one lock", 2, 20000000)
	contend("eight threads on one lock", 8, 20000000)
}
