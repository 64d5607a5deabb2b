use peers::per_op;
use tokio::runtime::{Builder, Runtime};
use tokio::select;
use tokio::sync::mpsc::{channel, Receiver, Sender};
use tokio::task::yield_now;

type Queues = [Receiver<usize>; 8];

fn queues() -> (Vec<Sender<usize>>, Queues) {
    let (put, get): (Vec<_>, Vec<_>) = (0..8).map(|_| channel(128)).unzip();
    (put, get.try_into().unwrap())
}

async fn get2([a, b, ..]: &mut Queues) -> usize {
    select! {
        v = a.recv() => v,
        v = b.recv() => v,
    }
    .unwrap()
}

async fn get8([a, b, c, d, e, f, g, h]: &mut Queues) -> usize {
    select! {
        v = a.recv() => v,
        v = b.recv() => v,
        v = c.recv() => v,
        v = d.recv() => v,
        v = e.recv() => v,
        v = f.recv() => v,
        v = g.recv() => v,
        v = h.recv() => v,
    }
    .unwrap()
}

async fn get(of: usize, q: &mut Queues) -> usize {
    match of {
        2 => get2(q).await,
        _ => get8(q).await,
    }
}

/// An operation is one put and the select that gets it.
fn ready(rt: &Runtime, of: usize, n: usize) {
    let (put, mut q) = queues();
    let task = rt.spawn(async move {
        for i in 0..n {
            put[i % of].send(i).await.unwrap();
            assert_eq!(get(of, &mut q).await, i);
        }
    });
    rt.block_on(task).unwrap();
}

/// The getter waits in all of them before each put.
fn waited(rt: &Runtime, of: usize, n: usize) {
    let (put, mut q) = queues();
    let getter = rt.spawn(async move {
        for i in 0..n {
            assert_eq!(get(of, &mut q).await, i);
        }
    });
    let putter = rt.spawn(async move {
        for i in 0..n {
            put[i % of].send(i).await.unwrap();
            yield_now().await;
        }
    });
    rt.block_on(async {
        getter.await.unwrap();
        putter.await.unwrap();
    });
}

fn main() {
    let rt = Builder::new_current_thread().build().unwrap();
    for of in [2, 8] {
        per_op(&format!("select of {of} queues, one ready"), "ns", &|n| {
            ready(&rt, of, n)
        });
        per_op(&format!("select of {of} queues, waited for"), "ns", &|n| {
            waited(&rt, of, n)
        });
    }
}
