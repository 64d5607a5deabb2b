use peers::per_op;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, Mutex, Notify, Semaphore};

fn play<F, T>(rt: &Runtime, tasks: usize, make: F)
where
    F: Fn(usize) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let all: Vec<_> = (0..tasks).map(|i| rt.spawn(make(i & 1))).collect();
    rt.block_on(async {
        for task in all {
            task.await.unwrap();
        }
    });
}

/// tokio has no condition: a Mutex, and a Notify for each side, come nearest.
fn cond(rt: &Runtime, n: usize) {
    let turn = Arc::new((Mutex::new(0), [Notify::new(), Notify::new()]));
    play(rt, 2, |odd| {
        let turn = turn.clone();
        async move {
            for _ in 0..n {
                let mut now = turn.0.lock().await;
                while *now != odd {
                    drop(now);
                    turn.1[odd].notified().await;
                    now = turn.0.lock().await;
                }
                *now = 1 - odd;
                turn.1[1 - odd].notify_one();
            }
        }
    });
}

fn sem_alone(rt: &Runtime, n: usize) {
    let unit = Semaphore::new(1);
    rt.block_on(async {
        for _ in 0..n {
            drop(unit.acquire().await.unwrap());
        }
    });
}

fn sem(rt: &Runtime, n: usize) {
    let sides = Arc::new([Semaphore::new(1), Semaphore::new(0)]);
    play(rt, 2, |odd| {
        let sides = sides.clone();
        async move {
            for _ in 0..n {
                sides[odd].acquire().await.unwrap().forget();
                sides[1 - odd].add_permits(1);
            }
        }
    });
}

fn meeting(rt: &Runtime, parties: usize, n: usize) {
    let barrier = Arc::new(Barrier::new(parties));
    play(rt, parties, |_| {
        let barrier = barrier.clone();
        async move {
            for _ in 0..n {
                barrier.wait().await;
            }
        }
    });
}

fn main() {
    let unit = "ns there and back";
    let one = Builder::new_current_thread().build().unwrap();
    per_op("condition ping-pong in one loop", unit, &|n| cond(&one, n));
    per_op("semaphore acquire + release", "ns", &|n| sem_alone(&one, n));
    per_op("semaphore ping-pong in one loop", unit, &|n| sem(&one, n));
    for (claim, parties) in [
        ("barrier of two tasks in one loop", 2),
        ("barrier of eight tasks in one loop", 8),
    ] {
        per_op(claim, "ns per round", &|n| meeting(&one, parties, n));
    }
    // Tasks on two threads, which tokio may leave on one.
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    per_op("condition ping-pong of two threads", unit, &|n| {
        cond(&two, n)
    });
    per_op("semaphore ping-pong of two threads", unit, &|n| {
        sem(&two, n)
    });
    for (claim, parties) in [
        ("barrier of two threads", 2),
        ("barrier of eight threads", 8),
    ] {
        per_op(claim, "ns per round", &|n| meeting(&two, parties, n));
    }
}
