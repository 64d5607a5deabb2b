use peers::{line, once, per_op, status};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

const MILLION: usize = 1_000_000;

/// Nobody keeps a handle: a counter is the cheapest way to wait for all.
fn all(rt: &Runtime, n: usize) {
    rt.block_on(async {
        let left = Arc::new(AtomicUsize::new(n));
        let done = Arc::new(Notify::new());
        for _ in 0..n {
            let (left, done) = (left.clone(), done.clone());
            tokio::spawn(async move {
                if left.fetch_sub(1, Relaxed) == 1 {
                    done.notify_one();
                }
            });
        }
        done.notified().await;
    })
}

fn parked(rt: &Runtime) {
    rt.block_on(async {
        let asleep = Arc::new(AtomicUsize::new(0));
        let (rss, tables) = (status("VmRSS:"), status("VmPTE:"));
        let began = Instant::now();
        for _ in 0..MILLION {
            let asleep = asleep.clone();
            tokio::spawn(async move {
                asleep.fetch_add(1, Relaxed);
                tokio::time::sleep(Duration::from_secs(3600)).await;
            });
        }
        while asleep.load(Relaxed) < MILLION {
            tokio::task::yield_now().await;
        }
        line(
            "1,000,000 parked, time to park all",
            "s",
            began.elapsed().as_secs_f64(),
        );
        let (rss, tables) = (status("VmRSS:") - rss, status("VmPTE:") - tables);
        line(
            "1,000,000 parked, resident",
            "bytes each",
            rss / MILLION as f64,
        );
        let both = (rss + tables) / MILLION as f64;
        line("1,000,000 parked, with page tables", "bytes each", both);
    })
}

fn main() {
    let rt = Builder::new_current_thread().enable_time().build().unwrap();
    let took = once(&|n| all(&rt, n), MILLION);
    line(
        "spawn 1,000,000, then wait",
        "ns per task",
        took.as_nanos() as f64 / MILLION as f64,
    );
    line("spawn 1,000,000, peak", "MB", status("VmHWM:") / 1e6);
    per_op("spawn + join, one at a time", "ns", &|n| {
        rt.block_on(async {
            for _ in 0..n {
                tokio::spawn(async {}).await.unwrap();
            }
        })
    });
    let fresh = Builder::new_current_thread().enable_time().build().unwrap();
    parked(&fresh);
    std::process::exit(0); // a million sleepers need no waking
}
