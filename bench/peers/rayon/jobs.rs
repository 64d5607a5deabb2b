use peers::{best, line, once, per_op};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn skynet(first: u64, size: u64) -> u64 {
    if size == 1 {
        return first;
    }
    let part = size / 10;
    (0..10u64)
        .into_par_iter()
        .map(|i| skynet(first + i * part, part))
        .sum()
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", &|n| {
        let count = AtomicUsize::new(0);
        pool.scope(|s| {
            for _ in 0..n {
                s.spawn(|_| {
                    count.fetch_add(1, Relaxed);
                });
            }
        });
        assert_eq!(count.into_inner(), n);
    });
    let one = best(&|n| {
        for i in 0..n {
            assert_eq!(pool.install(|| i), i);
        }
    });
    line("submit one, wait for it", "ns", one);
    line("submit one from a thread, wait for it", "ns", one);
    let ms = |run: &dyn Fn(usize)| (0..3).map(|_| once(run, 0)).min().unwrap().as_secs_f64() * 1e3;
    line(
        "skynet, 1,000,000 leaves, 2 workers",
        "ms",
        ms(&|_| assert_eq!(pool.install(|| skynet(0, 1_000_000)), 499_999_500_000)),
    );
    line(
        "fork-join fib(32), 2 workers",
        "ms",
        ms(&|_| assert_eq!(pool.install(|| fib(32)), 2_178_309)),
    );
}
