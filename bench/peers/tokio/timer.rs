use peers::line;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, sleep_until, Instant, Sleep};

const MILLION: usize = 1_000_000;

/// A timer fires when it wakes whoever polled it.
struct Fired(AtomicUsize);

impl Wake for Fired {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Bench {
    rt: Runtime,
    fired: Arc<Fired>,
    timers: Vec<Pin<Box<Sleep>>>,
    seed: u64,
}

impl Bench {
    /// From then on and within so many ns.
    fn some_time(&mut self, from: Instant, within: u64) -> Instant {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        from + Duration::from_nanos(self.seed % within)
    }

    fn insert(&mut self, from: Instant, within: u64) {
        let handle = self.rt.handle().clone();
        let _in = handle.enter();
        let waker = Waker::from(self.fired.clone());
        for _ in 0..MILLION {
            let at = self.some_time(from, within);
            let mut timer = Box::pin(sleep_until(at));
            let pending = timer.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(pending.is_pending());
            self.timers.push(timer);
        }
    }

    fn fire(&mut self) {
        while self.fired.0.load(Ordering::Relaxed) < MILLION {
            self.rt.block_on(async { sleep(Duration::from_nanos(1)).await });
        }
    }
}

fn took(step: impl FnOnce()) -> f64 {
    let began = Instant::now();
    step();
    began.elapsed().as_nanos() as f64 / MILLION as f64
}

fn main() {
    let mut b = Bench {
        rt: Builder::new_current_thread().enable_time().build().unwrap(),
        fired: Arc::new(Fired(AtomicUsize::new(0))),
        timers: Vec::with_capacity(MILLION),
        seed: 88172645463325252,
    };
    let mut best = [f64::MAX; 3];
    for i in 0..=3 {
        let hour = Instant::now() + Duration::from_secs(3600);
        let insert = took(|| b.insert(hour, 3_600_000_000_000));
        let cancel = took(|| b.timers.clear());
        let near = Instant::now() + Duration::from_secs(3);
        b.insert(near, 1_000_000);
        assert_eq!(b.fired.0.load(Ordering::Relaxed), 0);
        while Instant::now() < near + Duration::from_millis(3) {}
        let fire = took(|| b.fire());
        b.timers.clear();
        b.fired.0.store(0, Ordering::Relaxed);
        if i > 0 {
            for (least, now) in best.iter_mut().zip([insert, cancel, fire]) {
                *least = least.min(now);
            }
        }
    }
    line("timer insert, 1,000,000 pending", "ns", best[0]);
    line("timer cancel", "ns", best[1]);
    line("timer fire", "ns", best[2]);
}
