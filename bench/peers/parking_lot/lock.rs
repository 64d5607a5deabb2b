use parking_lot::Mutex;
use peers::line;
use std::thread;
use std::time::Instant;

static COUNTER: Mutex<usize> = parking_lot::const_mutex(0);

fn contend(claim: &str, threads: usize, pairs: usize) {
    let each = pairs / threads;
    let began = Instant::now();
    *COUNTER.lock() = 0;
    thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| {
                for _ in 0..each {
                    *COUNTER.lock() += 1;
                }
            });
        }
    });
    assert_eq!(*COUNTER.lock(), each * threads);
    let took = began.elapsed().as_nanos() as f64;
    line(claim, "ns per pair", took / (each * threads) as f64);
}

fn main() {
    contend("lock + unlock, uncontended", 1, 100_000_000);
    contend("two threads on one lock", 2, 20_000_000);
    contend("eight threads on one lock", 8, 20_000_000);
}
