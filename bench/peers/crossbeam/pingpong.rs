use crossbeam_channel::bounded;
use peers::per_op;
use std::thread;

fn main() {
    per_op(
        "ping-pong of two tasks on two loops",
        "ns there and back",
        &|n| {
            let (there, there_end) = bounded::<usize>(1024);
            let (back, back_end) = bounded::<usize>(1024);
            thread::scope(|s| {
                s.spawn(move || {
                    for i in there_end {
                        back.send(i).unwrap();
                    }
                });
                for i in 0..n {
                    there.send(i).unwrap();
                    assert_eq!(back_end.recv(), Ok(i));
                }
                drop(there);
            });
        },
    );
}
