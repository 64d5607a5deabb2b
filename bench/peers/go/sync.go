package main

import (
	"runtime"
	"sync"
)

// So many goroutines do fn.
func play(strands int, fn func(odd int)) {
	var all sync.WaitGroup
	all.Add(strands)
	for i := 0; i < strands; i++ {
		go func(odd int) {
			defer all.Done()
			fn(odd)
		}(i & 1)
	}
	all.Wait()
}

func cond(n int) {
	var lock sync.Mutex
	changed := sync.NewCond(&lock)
	turn := 0
	play(2, func(odd int) {
		for i := 0; i < n; i++ {
			lock.Lock()
			for turn != odd {
				changed.Wait()
			}
			turn = 1 - turn
			changed.Signal()
			lock.Unlock()
		}
	})
}

// A semaphore is a channel that holds its units.
var unit = make(chan struct{}, 1)

func semAlone(n int) {
	for i := 0; i < n; i++ {
		<-unit
		unit <- struct{}{}
	}
}

func sem(n int) {
	sides := []chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	sides[0] <- struct{}{}
	play(2, func(odd int) {
		for i := 0; i < n; i++ {
			<-sides[odd]
			sides[1-odd] <- struct{}{}
		}
	})
}

// Go has no barrier: this is the usual one.
type barrier struct {
	lock                   sync.Mutex
	all                    *sync.Cond
	parties, inside, round int
}

func (b *barrier) wait() {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.inside++
	if b.inside == b.parties {
		b.inside = 0
		b.round++
		b.all.Broadcast()
		return
	}
	for round := b.round; round == b.round; {
		b.all.Wait()
	}
}

func meeting(parties int) func(n int) {
	return func(n int) {
		b := barrier{parties: parties}
		b.all = sync.NewCond(&b.lock)
		play(parties, func(int) {
			for i := 0; i < n; i++ {
				b.wait()
			}
		})
	}
}

func main() {
	unit <- struct{}{}
	runtime.GOMAXPROCS(1)
	perOp("condition ping-pong in one loop", "ns there and back", cond)
	perOp("semaphore acquire + release", "ns", semAlone)
	perOp("semaphore ping-pong in one loop", "ns there and back", sem)
	perOp("barrier of two tasks in one loop", "ns per round", meeting(2))
	perOp("barrier of eight tasks in one loop", "ns per round", meeting(8))
	// Go has no threads to offer: goroutines on two, which it may leave on one.
	runtime.GOMAXPROCS(2)
	perOp("condition ping-pong of two threads", "ns there and back", cond)
	perOp("semaphore ping-pong of two threads", "ns there and back", sem)
	perOp("barrier of two threads", "ns per round", meeting(2))
	perOp("barrier of eight threads", "ns per round", meeting(8))
}
