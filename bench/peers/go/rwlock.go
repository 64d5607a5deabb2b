package main

import (
	"sync"
	"time"
)

var shared struct {
	lock    sync.RWMutex
	_       [40]byte
	counter int
}

func readAlone(n int) {
	for ; n > 0; n-- {
		shared.lock.RLock()
		shared.lock.RUnlock()
	}
}

func work(n int) {
	for last := 0; n > 0; n-- {
		if n%10 == 0 {
			shared.lock.Lock()
			shared.counter++
			last = shared.counter
			shared.lock.Unlock()
			continue
		}
		shared.lock.RLock()
		if shared.counter < last {
			panic("a counter")
		}
		last = shared.counter
		shared.lock.RUnlock()
	}
}

func contend(claim string, strands, pairs int) {
	var all sync.WaitGroup
	began := time.Now()
	all.Add(strands)
	for i := 0; i < strands; i++ {
		go func() {
			defer all.Done()
			work(pairs / strands)
		}()
	}
	all.Wait()
	if shared.counter != pairs/10 {
		panic(claim)
	}
	line(claim, "ns per pair", float64(time.Since(began))/float64(pairs))
}

func main() {
	perOp("read lock + unlock, uncontended", "ns per pair", readAlone)
	contend("eight threads on one rwlock, 90 % read", 8, 4000000)
}
