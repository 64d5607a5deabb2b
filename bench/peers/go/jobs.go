package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const million = 1000000

// Each job is a goroutine, as one would write it.
func tiny(n int) {
	var done sync.WaitGroup
	var sum int64
	done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			atomic.AddInt64(&sum, 1)
			done.Done()
		}()
	}
	done.Wait()
	if sum != int64(n) {
		panic("jobs are missing")
	}
}

// The same through two workers and a channel: the better of the two counts.
func workers(n int) {
	var done sync.WaitGroup
	var sum int64
	jobs := make(chan func(), 1024)
	for k := 0; k < 2; k++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for job := range jobs {
				job()
			}
		}()
	}
	for i := 0; i < n; i++ {
		jobs <- func() { atomic.AddInt64(&sum, 1) }
	}
	close(jobs)
	done.Wait()
	if sum != int64(n) {
		panic("jobs are missing")
	}
}

func submitAndWait(n int) {
	jobs, answers := make(chan int), make(chan int)
	go func() {
		for i := range jobs {
			answers <- i
		}
	}()
	for i := 0; i < n; i++ {
		jobs <- i
		<-answers
	}
	close(jobs)
}

func skynet(sum chan int, first, size int) {
	if size == 1 {
		sum <- first
		return
	}
	part := make(chan int)
	all := 0
	for i := 0; i < 10; i++ {
		go skynet(part, first+i*(size/10), size/10)
	}
	for i := 0; i < 10; i++ {
		all += <-part
	}
	sum <- all
}

// A goroutine for one half, the caller for the other.
func fib(n int) int {
	if n < 2 {
		return n
	}
	half := make(chan int, 1)
	go func() { half <- fib(n - 1) }()
	other := fib(n - 2)
	return other + <-half
}

func main() {
	runtime.GOMAXPROCS(2)
	a, b := best(tiny), best(workers)
	if b < a {
		a = b
	}
	line("tiny jobs to 2 workers, 1,000,000", "ns per job", a)
	one := best(submitAndWait)
	line("submit one, wait for it", "ns", one)
	line("submit one from a thread, wait for it", "ns", one) // to Go it is the same
	line("skynet, 1,000,000 leaves, 2 workers", "ms", once(func(int) {
		sum := make(chan int)
		go skynet(sum, 0, million)
		if <-sum != 499999500000 {
			panic("skynet")
		}
	}, 0).Seconds()*1000)
	line("fork-join fib(32), 2 workers", "ms", once(func(int) {
		if fib(32) != 2178309 {
			panic("fib")
		}
	}, 0).Seconds()*1000)
}
