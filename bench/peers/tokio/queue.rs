use peers::rate;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// tokio's bounded queue has one reader.
fn stream(rt: &Runtime, n: usize) {
    let (put, mut get) = mpsc::channel::<usize>(128);
    let writer = rt.spawn(async move {
        for i in 0..n {
            put.send(i).await.unwrap();
        }
    });
    let reader = rt.spawn(async move {
        let mut count = 0;
        while get.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, n);
    });
    rt.block_on(async {
        writer.await.unwrap();
        reader.await.unwrap();
    });
}

fn main() {
    let one = Builder::new_current_thread().build().unwrap();
    rate("bounded queue (128), one loop", &|n| stream(&one, n));
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    rate("bounded queue, 1 to 1, two threads", &|n| stream(&two, n));
}
