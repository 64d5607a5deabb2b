package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const million = 1000000

func oneAtATime(n int) {
	var done sync.WaitGroup
	for i := 0; i < n; i++ {
		done.Add(1)
		go done.Done()
		done.Wait()
	}
}

func all(n int) {
	var done sync.WaitGroup
	done.Add(n)
	for i := 0; i < n; i++ {
		go done.Done()
	}
	done.Wait()
}

func parked() {
	var asleep int64
	rss, tables, began := status("VmRSS:"), status("VmPTE:"), time.Now()
	for i := 0; i < million; i++ {
		go func() {
			atomic.AddInt64(&asleep, 1)
			time.Sleep(time.Hour)
		}()
	}
	for atomic.LoadInt64(&asleep) < million {
		runtime.Gosched()
	}
	line("1,000,000 parked, time to park all", "s", time.Since(began).Seconds())
	rss = status("VmRSS:") - rss
	tables = status("VmPTE:") - tables
	line("1,000,000 parked, resident", "bytes each", rss/million)
	line("1,000,000 parked, with page tables", "bytes each", (rss+tables)/million)
}

func main() {
	runtime.GOMAXPROCS(1)
	perOp("spawn + join, one at a time", "ns", oneAtATime)
	took := once(all, million)
	line("spawn 1,000,000, peak", "MB", status("VmHWM:")/1e6)
	// A second processor takes half of them away meanwhile: the better of the two counts.
	runtime.GOMAXPROCS(2)
	if two := once(all, million); two < took {
		took = two
	}
	line("spawn 1,000,000, then wait", "ns per task", float64(took)/million)
	runtime.GOMAXPROCS(1)
	parked()
}
