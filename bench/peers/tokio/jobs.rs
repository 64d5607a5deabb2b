use peers::{best, line, once, per_op};
use std::future::Future;
use std::pin::Pin;
use tokio::runtime::{Builder, Runtime};

type Sum = Pin<Box<dyn Future<Output = u64> + Send>>;

fn skynet(first: u64, size: u64) -> Sum {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let part = size / 10;
        let parts: Vec<_> = (0..10)
            .map(|i| tokio::spawn(skynet(first + i * part, part)))
            .collect();
        let mut sum = 0;
        for p in parts {
            sum += p.await.unwrap();
        }
        sum
    })
}

fn tiny(rt: &Runtime, n: usize) {
    rt.block_on(rt.spawn(async move {
        let jobs: Vec<_> = (0..n).map(|i| tokio::spawn(async move { i })).collect();
        for job in jobs {
            job.await.unwrap();
        }
    }))
    .unwrap();
}

fn main() {
    let rt = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    per_op("tiny jobs to 2 workers, 1,000,000", "ns per job", &|n| {
        tiny(&rt, n)
    });
    // From a thread outside: a task would run it on its own worker.
    let one = best(&|n| {
        for i in 0..n {
            assert_eq!(rt.block_on(rt.spawn(async move { i })).unwrap(), i);
        }
    });
    line("submit one, wait for it", "ns", one);
    line("submit one from a thread, wait for it", "ns", one);
    let took = once(
        &|_| {
            let sum = rt.block_on(rt.spawn(skynet(0, 1_000_000))).unwrap();
            assert_eq!(sum, 499_999_500_000);
        },
        0,
    );
    line(
        "skynet, 1,000,000 leaves, 2 workers",
        "ms",
        took.as_secs_f64() * 1000.0,
    );
}
