use parking_lot::RwLock;
use peers::{line, per_op};
use std::thread;
use std::time::Instant;

static COUNTER: RwLock<usize> = parking_lot::const_rwlock(0);

fn read_alone(n: usize) {
    for _ in 0..n {
        drop(COUNTER.read());
    }
}

fn work(each: usize) {
    let mut last = 0;
    for n in 0..each {
        if n % 10 == 0 {
            let mut counter = COUNTER.write();
            *counter += 1;
            last = *counter;
        } else {
            let counter = COUNTER.read();
            assert!(*counter >= last);
            last = *counter;
        }
    }
}

fn contend(claim: &str, threads: usize, pairs: usize) {
    let began = Instant::now();
    thread::scope(|s| {
        for _ in 0..threads {
            s.spawn(|| work(pairs / threads));
        }
    });
    assert_eq!(*COUNTER.read(), pairs / 10);
    line(claim, "ns per pair", began.elapsed().as_nanos() as f64 / pairs as f64);
}

fn main() {
    per_op("read lock + unlock, uncontended", "ns per pair", &read_alone);
    contend("eight threads on one rwlock, 90 % read", 8, 4_000_000);
}
