use crossbeam_channel::{bounded, select, Receiver, Sender};
use peers::per_op;

fn queues() -> (Vec<Sender<usize>>, Vec<Receiver<usize>>) {
    (0..8).map(|_| bounded(128)).unzip()
}

fn get2(q: &[Receiver<usize>]) -> usize {
    select! {
        recv(q[0]) -> v => v.unwrap(),
        recv(q[1]) -> v => v.unwrap(),
    }
}

fn get8(q: &[Receiver<usize>]) -> usize {
    select! {
        recv(q[0]) -> v => v.unwrap(),
        recv(q[1]) -> v => v.unwrap(),
        recv(q[2]) -> v => v.unwrap(),
        recv(q[3]) -> v => v.unwrap(),
        recv(q[4]) -> v => v.unwrap(),
        recv(q[5]) -> v => v.unwrap(),
        recv(q[6]) -> v => v.unwrap(),
        recv(q[7]) -> v => v.unwrap(),
    }
}

/// An operation is one put and the select that gets it.
fn ready(n: usize, of: usize, get: fn(&[Receiver<usize>]) -> usize) {
    let (put, q) = queues();
    for i in 0..n {
        put[i % of].send(i).unwrap();
        assert_eq!(get(&q), i);
    }
}

fn main() {
    per_op("select of 2 queues, one ready", "ns", &|n| {
        ready(n, 2, get2)
    });
    per_op("select of 8 queues, one ready", "ns", &|n| {
        ready(n, 8, get8)
    });
}
