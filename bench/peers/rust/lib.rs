//! What the Rust programs share: bench.h in Rust.
use std::time::{Duration, Instant};

const LONG_ENOUGH: Duration = Duration::from_millis(100);

pub fn line(claim: &str, unit: &str, value: f64) {
    println!("{claim}\t{unit}\t{value}");
}

pub fn once(run: &dyn Fn(usize), n: usize) -> Duration {
    let began = Instant::now();
    run(n);
    began.elapsed()
}

/// The nanoseconds of one operation: the best of three runs that are long enough.
pub fn best(run: &dyn Fn(usize)) -> f64 {
    let mut n = 1000;
    while once(run, n) < LONG_ENOUGH {
        n *= 2;
    }
    let least = (0..3).map(|_| once(run, n)).min().unwrap();
    least.as_nanos() as f64 / n as f64
}

pub fn per_op(claim: &str, unit: &str, run: &dyn Fn(usize)) {
    line(claim, unit, best(run));
}

pub fn rate(claim: &str, run: &dyn Fn(usize)) {
    line(claim, "M items/s", 1000.0 / best(run));
}

/// A line "Name:  123 kB" of /proc/self/status, in bytes.
pub fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with(name)).unwrap_or("");
    let kb = line
        .split_whitespace()
        .nth(1)
        .and_then(|w| w.parse::<f64>().ok());
    kb.unwrap_or(0.0) * 1024.0
}
