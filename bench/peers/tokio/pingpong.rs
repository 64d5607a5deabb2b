use peers::per_op;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

fn pingpong(rt: &Runtime, n: usize) {
    let (there, mut there_end) = mpsc::channel::<usize>(1024);
    let (back, mut back_end) = mpsc::channel::<usize>(1024);
    let odd = rt.spawn(async move {
        while let Some(i) = there_end.recv().await {
            back.send(i).await.unwrap();
        }
    });
    let even = rt.spawn(async move {
        for i in 0..n {
            there.send(i).await.unwrap();
            assert_eq!(back_end.recv().await, Some(i));
        }
    });
    rt.block_on(async {
        even.await.unwrap();
        odd.await.unwrap();
    });
}

fn main() {
    let unit = "ns there and back";
    let one = Builder::new_current_thread().build().unwrap();
    per_op("queue ping-pong in one loop", unit, &|n| pingpong(&one, n));
    let two = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    per_op("ping-pong of two tasks on two loops", unit, &|n| {
        pingpong(&two, n)
    });
}
