package main

import (
	"container/heap"
	"sync"
)

type items []int64

func (h items) Len() int           { return len(h) }
func (h items) Less(i, j int) bool { return h[i] < h[j] }
func (h items) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *items) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *items) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

var lock sync.Mutex
var pending items

func turn(n int, seed uint64) {
	for ; n > 0; n-- {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		lock.Lock()
		heap.Push(&pending, int64(seed>>1))
		lock.Unlock()
		lock.Lock()
		heap.Pop(&pending)
		lock.Unlock()
	}
}

func two(n int) {
	var both sync.WaitGroup
	both.Add(2)
	for i := 0; i < 2; i++ {
		go func(seed uint64) {
			defer both.Done()
			turn(n/2, seed)
		}(88172645463325252 + uint64(i))
	}
	both.Wait()
}

func main() {
	for i := int64(0); i < 1000; i++ {
		heap.Push(&pending, i<<53)
	}
	perOp("priority queue, 1,000 pending, put + get", "ns", func(n int) { turn(n, 88172645463325252) })
	perOp("priority queue, 1,000 pending, two threads", "ns", two)
}
