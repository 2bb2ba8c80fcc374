//! Threads that meet in the queue and on the board in every order that a model checker comes upon; the same models with faults
//! planted, each of which must be noticed.

use super::{
    board::{Board, Running},
    queue::Fault,
    *,
};
use crate::engine::{checked::Checked, guard::Guard, held::Held};
use shuttle::{
    future::block_on,
    sync::{Arc as Shared, Mutex},
    thread,
};
use std::{future::Future, panic, pin::pin, sync::Arc, task::Poll};

type Checkings = Queue<u32, Checked>;

fn check(model: fn(Fault), fault: Fault) {
    const ROUNDS: usize = 600;
    shuttle::check_random(move || model(fault), ROUNDS);
    shuttle::check_pct(move || model(fault), ROUNDS, 3);
}

fn notices(model: fn(Fault), fault: Fault) {
    assert!(panic::catch_unwind(|| check(model, fault)).is_err(), "{fault:?} was not noticed");
}

/// Polls once; what it is then.
async fn once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match pin!(&mut *future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Three that take, of which one gives up at first; two that push through a queue of two; it is closed at the end. Each item is taken
/// once, by one that still wants it, and everybody comes home.
fn all_items_are_taken(fault: Fault) {
    let queue = Checkings::new(2);
    queue.plant(fault);
    let taken = Shared::new(Mutex::new(Vec::new()));
    let takers: Vec<_> = (0..3)
        .map(|i| {
            let (queue, taken) = (queue.clone(), taken.clone());
            thread::spawn(move || {
                if i == 0 {
                    let mut pop = queue.pop();
                    if let Some(at_once) = block_on(once(&mut pop)) {
                        return taken.lock().expect("whole").extend(at_once);
                    }
                    thread::yield_now();
                    drop(pop);
                }
                while let Some(item) = block_on(queue.pop()) {
                    taken.lock().expect("whole").push(item);
                }
            })
        })
        .collect();
    let pushers: Vec<_> = (0..2)
        .map(|i| {
            let queue = queue.clone();
            thread::spawn(move || {
                for item in 0..2 {
                    assert_eq!(block_on(queue.push(i * 2 + item, Priority::Normal)), Ok(()));
                }
            })
        })
        .collect();
    pushers.into_iter().for_each(|thread| thread.join().expect("no panic"));
    queue.close();
    takers.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let statistics = queue.statistics();
    assert_eq!((statistics.pushed, statistics.popped, statistics.length), (4, 4, 0));
    let mut taken = taken.lock().expect("whole").clone();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 4, "{taken:?}");
}

/// Two items for two that sleep, one of which gives up once it is woken; nothing else comes to wake anybody.
fn nobody_sleeps_while_there_is_something(fault: Fault) {
    let queue = Checkings::new(9);
    queue.plant(fault);
    let takers: Vec<_> = (0..2)
        .map(|_| {
            let queue = queue.clone();
            thread::spawn(move || assert!(block_on(queue.pop()).is_some()))
        })
        .collect();
    let gives_up = {
        let queue = queue.clone();
        thread::spawn(move || {
            let mut pop = queue.pop();
            if block_on(once(&mut pop)).is_some() {
                // It had one at once: put back.
                block_on(queue.push(0, Priority::Normal)).expect("open");
                return;
            }
            thread::yield_now();
            drop(pop);
        })
    };
    for item in 0..2 {
        queue.try_push(item, Priority::High).expect("room");
    }
    gives_up.join().expect("no panic");
    takers.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn the_queue_loses_and_forgets_nothing() {
    check(all_items_are_taken, Fault::None);
    check(nobody_sleeps_while_there_is_something, Fault::None);
}

#[test]
fn planted_faults_are_noticed() {
    notices(nobody_sleeps_while_there_is_something, Fault::GivenUpWakesNobody);
    notices(nobody_sleeps_while_there_is_something, Fault::WakesWhenEmptyOnly);
    notices(all_items_are_taken, Fault::ClosingWakesOne);
}

/// Once the queue is closed and empty nobody is hired: whoever came would go at once, and another would be hired.
#[test]
fn nobody_is_hired_for_nothing() {
    let mut board = Board::default();
    board.want(8);
    assert_eq!(std::iter::from_fn(|| board.hire()).count(), 8);
    board.go();
    board.want(8);
    assert_eq!(board.hire(), None);
}

/// A worker that ends its task while it is given up on, as another shuts down: the task is told once.
#[test]
fn a_task_is_told_once() {
    let model = || {
        let board = Shared::new(Mutex::new(Board::default()));
        let worker = board.with(|board| {
            board.want(1);
            board.hire().expect("one is wanted")
        });
        let token = Token::new(Arc::new(Held::default()));
        let running = Running {
            task: 1,
            name: "t".into(),
            kind: Kind::Io,
            queued_ns: 0,
            started: 0,
            deadline: 5,
            token,
            told: false,
        };
        assert!(board.with(|board| board.start(worker, running)).is_none());
        let told = [0; 3].map(|_| board.clone()).into_iter().enumerate().map(|(i, board)| {
            thread::spawn(move || match i {
                0 => usize::from(board.with(|board| board.finish(worker)).is_some()),
                1 => board.with(|board| board.late(100, 10)).abandoned.len(),
                _ => board.with(Board::abandon_all).len(),
            })
        });
        let told: Vec<_> = told.collect();
        let told: usize = told.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        assert_eq!(told, 1);
        assert_eq!(board.with(|board| (board.ended, board.busy())), (1, 0));
    };
    shuttle::check_random(model, 500);
    shuttle::check_pct(model, 500, 3);
}
