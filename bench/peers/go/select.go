package main

import "runtime"

const most = 8

func queues() (q [most]chan int) {
	for i := range q {
		q[i] = make(chan int, 128)
	}
	return
}

func get2(q *[most]chan int) (v int) {
	select {
	case v = <-q[0]:
	case v = <-q[1]:
	}
	return
}

func get8(q *[most]chan int) (v int) {
	select {
	case v = <-q[0]:
	case v = <-q[1]:
	case v = <-q[2]:
	case v = <-q[3]:
	case v = <-q[4]:
	case v = <-q[5]:
	case v = <-q[6]:
	case v = <-q[7]:
	}
	return
}

type getter func(q *[most]chan int) int

func check(got, wanted int) {
	if got != wanted {
		panic("select")
	}
}

// An operation is one put and the select that gets it.
func ready(of int, get getter) func(n int) {
	return func(n int) {
		q := queues()
		for i := 0; i < n; i++ {
			q[i%of] <- i
			check(get(&q), i)
		}
	}
}

// The getter waits in all of them before each put.
func waited(of int, get getter) func(n int) {
	return func(n int) {
		q := queues()
		done := make(chan bool)
		go func() {
			for i := 0; i < n; i++ {
				check(get(&q), i)
			}
			done <- true
		}()
		runtime.Gosched()
		for i := 0; i < n; i++ {
			q[i%of] <- i
			runtime.Gosched()
		}
		<-done
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	perOp("select of 2 queues, one ready", "ns", ready(2, get2))
	perOp("select of 2 queues, waited for", "ns", waited(2, get2))
	perOp("select of 8 queues, one ready", "ns", ready(8, get8))
	perOp("select of 8 queues, waited for", "ns", waited(8, get8))
}
