use peers::per_op;
use tokio::runtime::Builder;

async fn yield_n(n: usize) {
    for _ in 0..n {
        tokio::task::yield_now().await;
    }
}

fn main() {
    let rt = Builder::new_current_thread().build().unwrap();
    per_op("scheduled yield, two tasks", "ns per switch", &|n| {
        rt.block_on(async {
            let a = tokio::spawn(yield_n(n / 2));
            let b = tokio::spawn(yield_n(n / 2));
            a.await.unwrap();
            b.await.unwrap();
        })
    });
}
