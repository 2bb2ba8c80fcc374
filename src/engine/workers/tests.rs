//! Threads at work, in real time.

use super::*;
use crate::engine::held::Wall;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

struct Idle;

impl Machine for Idle {
    fn cores(&self) -> usize {
        2
    }
    fn load(&self) -> Option<f64> {
        Some(0.0)
    }
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

const SOON: Duration = Duration::from_secs(20);

fn settings(least: usize, most: usize) -> Settings {
    let scale = ScaleSettings { least, most, ..ScaleSettings::default() };
    Settings { scale, tick: Duration::from_millis(5), grace: Duration::from_millis(50), ..Settings::default() }
}

fn workers<R: Send>(settings: Settings) -> Workers<R> {
    Workers::new(settings, Wall::start(), Arc::new(Idle))
}

#[test]
fn a_failing_task_takes_no_other_down() {
    let workers = workers(settings(2, 4));
    for i in 0..100u64 {
        let task = Task::new(format!("task {i}"), move |_| match i % 10 {
            3 => Err("no such file".to_owned()),
            7 => panic!("index {i} of 3"),
            _ => Ok(i),
        });
        workers.submit(task, SOON).expect("room");
    }
    let ended: Vec<Ended<u64>> = std::iter::from_fn(|| workers.next(SOON)).take(100).collect();
    let count = |wanted: fn(&Outcome<u64>) -> bool| ended.iter().filter(|ended| wanted(&ended.outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Done(_))), 80);
    assert_eq!(count(|outcome| *outcome == Outcome::Failed("no such file".into())), 10);
    assert_eq!(count(|outcome| matches!(outcome, Outcome::Panicked(why) if why.ends_with("of 3"))), 10);
    let mut numbers: Vec<u64> = ended.iter().map(|ended| ended.task).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
    let statistics = workers.statistics();
    assert_eq!((statistics.ended, statistics.abandoned.len()), (100, 0));
}

#[test]
fn results_come_in_the_order_in_which_tasks_end() {
    let workers = workers(settings(2, 2));
    let (first, go) = mpsc::channel::<()>();
    workers.submit(Task::new("slow", move |_| go.recv().map_err(|_| String::new())), SOON).expect("room");
    workers.submit(Task::new("quick", |_| Ok(())), SOON).expect("room");
    assert_eq!(workers.next(SOON).expect("ended").name.as_ref(), "quick");
    first.send(()).expect("it waits");
    assert_eq!(workers.next(SOON).expect("ended").name.as_ref(), "slow");
}

#[test]
fn a_task_that_is_late_stops_or_loses_its_thread() {
    let workers = workers(settings(2, 2));
    let limit = Duration::from_millis(30);
    let obeys = Task::new("obeys", |token: &Token| token.rest(SOON).map_err(|why| why.to_string())).timeout(limit);
    workers.submit(obeys, SOON).expect("room");
    let (let_go, held) = mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    // Three that ignore it, on two threads: each would stop all others.
    for _ in 0..3 {
        let held = held.clone();
        let ignores = move |_: &Token| held.lock().expect("not poisoned").recv().map_err(|_| "let go".to_owned());
        workers.submit(Task::new("ignores", ignores).timeout(limit), SOON).expect("room");
    }
    workers.submit(Task::new("after them", |_| Ok(())), SOON).expect("room");
    let ended: Vec<Ended<()>> = std::iter::from_fn(|| workers.next(SOON)).take(5).collect();
    let of = |name: &str| {
        ended.iter().filter(|ended| &*ended.name == name).map(|ended| ended.outcome.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("obeys"), [Outcome::TimedOut { stopped: true }]);
    assert_eq!(of("ignores"), vec![Outcome::TimedOut { stopped: false }; 3]);
    assert_eq!(of("after them"), [Outcome::Done(())]);
    assert_eq!(workers.statistics().abandoned.len(), 3);
    assert_eq!(workers.statistics().workers, 2);
    drop(let_go);
    let mut left = 1000;
    while !workers.statistics().abandoned.is_empty() && left > 0 {
        std::thread::sleep(Duration::from_millis(5));
        left -= 1;
    }
    assert_eq!(workers.statistics().abandoned.len(), 0, "they came back in the end, and are told once");
    assert_eq!(workers.shutdown(SOON), []);
}

#[test]
fn the_queue_is_bounded_and_the_task_comes_back() {
    let workers = workers(Settings { queue: 3, ..settings(1, 1) });
    let (go, held) = mpsc::channel::<()>();
    workers.submit(Task::new("holds", move |_| held.recv().map_err(|_| "let go".to_owned())), SOON).expect("room");
    while workers.statistics().queue.length > 0 {
        std::thread::yield_now();
    }
    for _ in 0..3 {
        workers.try_submit(Task::new("waits", |_| Ok(()))).expect("room");
    }
    assert!(matches!(workers.try_submit(Task::new("too many", |_| Ok(()))), Err(Refused::Full(_))));
    let refused = workers.submit(Task::new("too many", |_| Ok(())), Duration::from_millis(10));
    assert_eq!(refused.expect_err("full").to_string(), "the queue is full");
    go.send(()).expect("it waits");
    assert_eq!(workers.shutdown(SOON).len(), 4);
}

#[test]
fn a_shutdown_lets_end_what_it_can_and_tells_of_the_rest() {
    let workers = workers(settings(2, 2));
    let (go, held) = mpsc::channel::<()>();
    workers.submit(Task::new("quick", |_| Ok(())), SOON).expect("room");
    workers
        .submit(Task::new("obeys", |token: &Token| token.rest(SOON).map_err(|why| why.to_string())), SOON)
        .expect("room");
    workers.submit(Task::new("ignores", move |_| held.recv().map_err(|_| String::new())), SOON).expect("room");
    workers.submit(Task::new("never began", |_| Ok(())), SOON).expect("room");
    let ended = workers.shutdown(Duration::from_millis(100));
    let mut told: Vec<(&str, &Outcome<()>)> = ended.iter().map(|ended| (&*ended.name, &ended.outcome)).collect();
    told.sort_by_key(|(name, _)| *name);
    let cancelled = &Outcome::Cancelled;
    assert_eq!(
        told,
        [("ignores", cancelled), ("never began", cancelled), ("obeys", cancelled), ("quick", &Outcome::Done(()))]
    );
    drop(go);
}

#[test]
fn there_are_more_workers_where_more_are_of_use() {
    let workers = workers::<()>(settings(2, 8));
    let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..400 {
        let (most, now) = (most.clone(), now.clone());
        let waits = move |token: &Token| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _ = token.rest(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        workers.submit(Task::new("waits", waits), SOON).expect("room");
    }
    assert_eq!(workers.shutdown(SOON).len(), 400);
    let most = most.load(Ordering::SeqCst);
    assert!((4..=8).contains(&most), "{most}");
}

#[test]
fn the_number_of_workers_goes_by_load_memory_kind_and_history() {
    let busy =
        Conditions { workers: 4, busy: 4, waiting: 10, cores: 4, ended: 40, seconds: 1.0, ..Conditions::default() };
    // What a number of workers brings is to be seen twice.
    let next = |seen: Conditions| {
        let mut scale = Scale::new(ScaleSettings::default());
        scale.next(&seen);
        scale.next(&seen)
    };
    assert_eq!(next(busy), 5);
    assert_eq!(next(Conditions { load_of_others: Some(0.29), ..busy }), 5);
    assert_eq!(next(Conditions { load_of_others: Some(0.3), ..busy }), 4);
    assert_eq!(next(Conditions { load_of_others: Some(0.7), ..busy }), 2);
    assert_eq!(next(Conditions { computing: 4, ..busy }), 4);
    assert_eq!(next(Conditions { free_bytes: Some(99_000_000), ..busy }), 4);
    assert_eq!(next(Conditions { free_bytes: Some(0), busy: 0, ..busy }), 1);
    assert_eq!(next(Conditions { busy: 1, waiting: 0, ..busy }), 3);
    assert_eq!(next(Conditions { workers: 8, busy: 8, ..busy }), 8);
    // A rate that stops growing at five workers: it stays there, and tries six again only later.
    let mut scale = Scale::new(ScaleSettings::default());
    let mut workers = 2;
    let mut history = Vec::new();
    for _ in 0..100 {
        let ended = 10 * workers.min(5) as u64;
        workers = scale.next(&Conditions {
            workers,
            busy: workers,
            waiting: 9,
            cores: 4,
            ended,
            seconds: 1.0,
            ..Conditions::default()
        });
        history.push(workers);
    }
    assert!(history.iter().all(|workers| (2..=6).contains(workers)), "{history:?}");
    assert!(history[30..].iter().filter(|workers| **workers == 5).count() >= 55, "{history:?}");
}
