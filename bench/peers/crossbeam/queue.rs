use crossbeam_channel::bounded;
use peers::rate;
use std::thread;

/// n items through one queue of 128, from and to so many threads.
fn stream(pairs: usize, n: usize) {
    let (put, get) = bounded::<usize>(128);
    thread::scope(|s| {
        for _ in 0..pairs {
            let (put, get) = (put.clone(), get.clone());
            s.spawn(move || {
                for i in 0..n / pairs {
                    put.send(i).unwrap();
                }
            });
            s.spawn(move || for _ in get {});
        }
        drop(put);
    });
}

fn main() {
    rate("bounded queue, 1 to 1, two threads", &|n| stream(1, n));
    rate("bounded queue, 4 to 4 tasks, two threads", &|n| {
        stream(4, n)
    });
}
