// What the Go programs share: bench.h in Go.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

const longEnough = 100 * time.Millisecond

func line(claim, unit string, value float64) {
	fmt.Printf("%s\t%s\t%.4g\n", claim, unit, value)
}

func once(run func(n int), n int) time.Duration {
	began := time.Now()
	run(n)
	return time.Since(began)
}

// The nanoseconds of one operation: the best of three runs that are long enough.
func best(run func(n int)) float64 {
	n := 1000
	for once(run, n) < longEnough {
		n *= 2
	}
	least := once(run, n)
	for i := 0; i < 2; i++ {
		if t := once(run, n); t < least {
			least = t
		}
	}
	return float64(least) / float64(n)
}

func perOp(claim, unit string, run func(n int)) { line(claim, unit, best(run)) }
func rate(claim string, run func(n int))        { line(claim, "M items/s", 1000/best(run)) }

// A line "Name:  123 kB" of /proc/self/status, in bytes.
func status(name string) float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), name) {
			var kb float64
			fmt.Sscan(s.Text()[len(name):], &kb)
			return kb * 1024
		}
	}
	return 0
}
