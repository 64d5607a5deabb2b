package main

import (
	"runtime"
	"sync"
)

// Two workers and a channel, which is what Go has for a pool.
type job struct {
	record *int
	done   *sync.WaitGroup
}

func pool(jobs chan job) {
	for j := range jobs {
		*j.record *= 2
		j.done.Done()
	}
}

func main() {
	runtime.GOMAXPROCS(2)
	jobs := make(chan job, 1024)
	records := make([]int, 100000)
	go pool(jobs)
	go pool(jobs)
	perOp("thread pool, submit one, wait", "ns", func(n int) {
		one := 1
		for i := 0; i < n; i++ {
			var done sync.WaitGroup
			done.Add(1)
			jobs <- job{&one, &done}
			done.Wait()
		}
	})
	all := func(n int) {
		var done sync.WaitGroup
		done.Add(n)
		for i := 0; i < n; i++ {
			jobs <- job{&records[i%len(records)], &done}
		}
		done.Wait()
	}
	perOp("thread pool, tiny jobs", "ns per job", all)
	line("thread pool, 100,000 tiny jobs, chunk 1", "M jobs/s", 1000/best(all))
}
