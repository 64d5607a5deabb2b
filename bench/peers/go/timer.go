package main

import (
	"math/rand"
	"runtime"
	"time"
)

const million = 1000000

var timers [million]*time.Timer
var fired, wanted int
var done = make(chan bool)

// Timers' functions are goroutines: on one processor they take turns.
func fire() {
	fired++
	if fired == wanted {
		done <- true
	}
}

func insert(from, within time.Duration) {
	due := time.Now().Add(from)
	for i := range timers {
		at := due.Add(time.Duration(rand.Int63n(int64(within))))
		timers[i] = time.AfterFunc(time.Until(at), fire)
	}
}

func took(step func()) float64 {
	began := time.Now()
	step()
	return float64(time.Since(began)) / million
}

func main() {
	runtime.GOMAXPROCS(1)
	var least [3]float64
	for i := 0; i <= 3; i++ {
		var now [3]float64
		now[0] = took(func() { insert(time.Hour, time.Hour) })
		now[1] = took(func() {
			for _, t := range timers {
				t.Stop()
			}
		})
		fired, wanted = 0, million
		due := time.Now().Add(3 * time.Second)
		insert(3*time.Second, time.Millisecond)
		// The scheduler looks in here every 10 ms: a loop past due would let some fire unmeasured.
		for time.Now().Before(due) {
		}
		if fired > 0 {
			panic("inserting took longer than 3 s")
		}
		now[2] = took(func() { <-done })
		for k := range now {
			if i <= 1 || now[k] < least[k] {
				least[k] = now[k]
			}
		}
	}
	line("timer insert, 1,000,000 pending", "ns", least[0])
	line("timer cancel", "ns", least[1])
	line("timer fire", "ns", least[2])
}
