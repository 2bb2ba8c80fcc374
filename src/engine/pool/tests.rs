//! What the pools promise, case by case, in time that the test holds.

use super::*;
use crate::engine::held::Held;
use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

pub(super) fn spec(name: &str, slots: u32) -> PoolSpec {
    let longest_hold = Duration::from_secs(60);
    PoolSpec { name: name.into(), slots, priority: DEFAULT_PRIORITY, longest_hold, within: None }
}

fn pools(specs: Vec<PoolSpec>) -> (Pools, Arc<Held>) {
    let clock = Arc::new(Held::default());
    (Pools::new(specs, Settings::default(), clock.clone()).expect("pools"), clock)
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Requests that wait, by priority, and the order in which they are served one after the other.
fn order(pools: &Pools, clock: &Held, priorities: &[(u8, u64)]) -> Vec<usize> {
    let id = pools.id("p").expect("a pool");
    let first = pools.request(id).try_acquire().expect("free");
    let mut waiting: Vec<Option<Pin<Box<Acquire>>>> = Vec::new();
    for (priority, seconds) in priorities {
        clock.forward(Duration::from_secs(*seconds));
        let mut acquire = Box::pin(pools.request(id).priority(*priority).acquire());
        assert!(poll(&mut acquire.as_mut()).is_none());
        waiting.push(Some(acquire));
    }
    drop(first);
    let mut served = Vec::new();
    while served.len() < waiting.len() {
        let next = (0..waiting.len())
            .find(|i| waiting[*i].as_mut().is_some_and(|acquire| poll(&mut acquire.as_mut()).is_some()))
            .expect("one of them is served");
        waiting[next] = None;
        served.push(next);
    }
    served
}

#[test]
fn the_more_urgent_first_equal_ones_as_they_came_and_none_for_ever_last() {
    let (pools, clock) = pools(vec![spec("p", 1)]);
    assert_eq!(order(&pools, &clock, &[(5, 0), (1, 0), (10, 0), (5, 0), (10, 0)]), [2, 4, 0, 3, 1]);
    // One level is worth 30 s: who came 31 s before one of the next level is served first, who came 29 s before is not.
    assert_eq!(order(&pools, &clock, &[(5, 0), (6, 31)]), [0, 1]);
    assert_eq!(order(&pools, &clock, &[(5, 0), (6, 29)]), [1, 0]);
    // The least urgent is passed by nobody who came 270 s after it.
    assert_eq!(order(&pools, &clock, &[(1, 0), (10, 271), (10, 0)]), [0, 1, 2]);
}

#[test]
fn a_wide_request_keeps_what_is_free_and_nobody_passes_it() {
    let (pools, _) = pools(vec![spec("p", 3)]);
    let id = pools.id("p").expect("a pool");
    let (one, two) = (pools.request(id).try_acquire().expect("free"), pools.request(id).try_acquire().expect("free"));
    let mut wide = pin!(pools.request(id).slots(3).acquire());
    assert!(poll(&mut wide).is_none());
    // A slot is free, but not for those behind.
    assert_eq!(pools.request(id).try_acquire().err(), Some(Refusal::Busy));
    let mut narrow = pin!(pools.request(id).acquire());
    assert!(poll(&mut narrow).is_none());
    // A more urgent one is not behind.
    drop(pools.request(id).priority(6).try_acquire().expect("its turn is earlier"));
    drop(one);
    assert!(poll(&mut wide).is_none() && poll(&mut narrow).is_none());
    drop(two);
    let lease = poll(&mut wide).expect("served").expect("a lease");
    assert!(poll(&mut narrow).is_none());
    drop(lease);
    assert!(poll(&mut narrow).is_some());
}

#[test]
fn who_gives_up_makes_way_and_gives_back() {
    let (pools, clock) = pools(vec![spec("p", 1)]);
    let id = pools.id("p").expect("a pool");
    let lease = pools.request(id).holder("etl").try_acquire().expect("free");
    clock.forward(Duration::from_secs(7));
    let mut first = Box::pin(pools.request(id).acquire());
    let mut second = pin!(pools.request(id).acquire());
    assert!(poll(&mut first.as_mut()).is_none() && poll(&mut second).is_none());
    drop(lease);
    // Granted to the first, which never looks.
    drop(first);
    let lease = poll(&mut second).expect("served").expect("a lease");
    let mut late = pin!(pools.request(id).acquire_until(std::future::ready(())));
    let refusal = poll(&mut late).expect("its time is up").expect_err("a refusal");
    assert!(matches!(&refusal, Refusal::TimedOut { holders, .. } if holders.len() == 1), "{refusal}");
    drop(lease);
    let told = &pools.statistics()[0];
    assert_eq!((told.requests, told.grants, told.timeouts, told.cancels, told.rejected), (4, 3, 1, 0, 0));
    assert_eq!((told.held, told.waiting, told.peak_held, told.wait.count, told.hold.count), (0, 0, 1, 3, 3));
}

#[test]
fn a_pool_may_shrink_below_what_is_held() {
    let (pools, clock) = pools(vec![spec("p", 3)]);
    let id = pools.id("p").expect("a pool");
    let mut leases: Vec<Lease> = (0..3).map(|_| pools.request(id).try_acquire().expect("free")).collect();
    let (mut wide, mut one) = (pin!(pools.request(id).slots(2).acquire()), pin!(pools.request(id).acquire()));
    assert!(poll(&mut wide).is_none() && poll(&mut one).is_none());
    pools.resize(id, 1);
    let refusal = poll(&mut wide).expect("never").err();
    assert_eq!(refusal, Some(Refusal::TooWide { pool: "p".into(), slots: 2, capacity: 1 }));
    leases.pop();
    leases.pop();
    assert!(poll(&mut one).is_none(), "the one slot that is left is held");
    clock.forward(Duration::from_secs(10));
    leases.pop();
    assert!(poll(&mut one).is_some());
    pools.resize(id, 0);
    assert!(matches!(pools.request(id).try_acquire(), Err(Refusal::TooWide { .. })));
}

#[test]
fn pools_lie_within_pools() {
    let inner = |name: &str, slots| PoolSpec { within: Some("all".into()), ..spec(name, slots) };
    let (pools, _) = pools(vec![spec("all", 3), inner("a", 2), inner("b", 2)]);
    let (a, b, all) = (pools.id("a").expect("a"), pools.id("b").expect("b"), pools.id("all").expect("all"));
    let of_a = pools.request(a).slots(2).try_acquire().expect("free");
    let _of_b = pools.request(b).try_acquire().expect("free");
    assert_eq!(pools.request(b).try_acquire().err(), Some(Refusal::Busy), "the outer pool is full");
    drop(of_a);
    assert!(pools.request(all).slots(2).try_acquire().is_ok());
    let wrong = |specs: Vec<PoolSpec>| {
        Pools::<crate::engine::guard::Threads>::new(specs, Settings::default(), Arc::new(Held::default())).err()
    };
    assert_eq!(wrong(vec![inner("all", 1)]), Some(SpecError::Circle("all".into())));
    assert_eq!(wrong(vec![spec("p", 1), spec("p", 2)]), Some(SpecError::Twice("p".into())));
    assert!(matches!(wrong(vec![inner("a", 1)]), Some(SpecError::NoSuchPool { .. })));
}

#[test]
fn several_pools_are_granted_together_and_a_ring_is_refused() {
    let (pools, _) = pools(vec![spec("a", 1), spec("b", 1)]);
    let (a, b) = (pools.id("a").expect("a"), pools.id("b").expect("b"));
    {
        let (mut one, mut two) =
            (pin!(pools.request(a).and(b, 1).acquire()), pin!(pools.request(b).and(a, 1).acquire()));
        let lease = poll(&mut one).expect("free").expect("a lease");
        assert!(poll(&mut two).is_none());
        drop(lease);
        assert!(poll(&mut two).expect("served").is_ok());
    }
    // One after the other is what deadlocks are made of.
    let _a = pools.request(a).holder("x").try_acquire().expect("free");
    let _b = pools.request(b).holder("y").try_acquire().expect("free");
    let mut x = pin!(pools.request(b).holder("x").acquire());
    assert!(poll(&mut x).is_none());
    let y = poll(&mut pin!(pools.request(a).holder("y").acquire())).expect("at once").err();
    assert_eq!(y, Some(Refusal::Deadlock { holders: vec!["x".into(), "y".into()] }));
}

#[test]
fn leaks_are_told_and_taken_back() {
    let (pools, clock) = pools(vec![spec("p", 1)]);
    let id = pools.id("p").expect("a pool");
    let lease = pools.request(id).holder("lost").try_acquire().expect("free");
    clock.forward(Duration::from_secs(60));
    assert!(pools.overdue().is_empty() && !lease.is_revoked());
    clock.forward(Duration::from_secs(1));
    let [told] = &pools.overdue()[..] else { panic!("one is overdue") };
    assert_eq!((told.holder.as_deref(), told.age), (Some("lost"), 61_000_000_000));
    assert!(pools.reclaim(|_| false).is_empty() && pools.request(id).try_acquire().is_err());
    assert_eq!(pools.reclaim(|told| told.holder.as_deref() == Some("lost")).len(), 1);
    let next = pools.request(id).try_acquire().expect("taken back");
    assert!(lease.is_revoked());
    drop(lease);
    assert!(pools.request(id).try_acquire().is_err(), "what was revoked gives nothing back");
    drop(next);
    assert_eq!(pools.statistics()[0].reclaimed, 1);
}

#[test]
fn a_thread_waits_and_is_told_who_is_in_the_way() {
    let (pools, _) = pools(vec![spec("p", 1)]);
    let id = pools.id("p").expect("a pool");
    let lease = pools.request(id).holder("etl").try_acquire().expect("free");
    let refusal = pools.request(id).wait(Duration::from_millis(5)).expect_err("held");
    assert!(refusal.to_string().contains("held by etl"), "{refusal}");
    let other = std::thread::spawn({
        let pools = pools.clone();
        move || pools.request(id).wait(DEFAULT_TIMEOUT).map(drop)
    });
    std::thread::sleep(Duration::from_millis(5));
    drop(lease);
    assert_eq!(other.join().expect("no panic"), Ok(()));
}

#[test]
fn what_they_were_used_for() {
    let (pools, clock) = pools(vec![spec("p", 2)]);
    let id = pools.id("p").expect("a pool");
    for _ in 0..40 {
        let lease = pools.request(id).try_acquire().expect("free");
        clock.forward(Duration::from_secs(3));
        drop(lease);
        clock.forward(Duration::from_secs(1));
    }
    let told = &pools.statistics()[0];
    assert!((told.efficiency.expect("time went by") - 0.375).abs() < 1e-9);
    assert_eq!((told.hold.mean, told.observed), (Duration::from_secs(3), Duration::from_secs(160)));
    assert_eq!(told.advice(), Advice::Fewer { slots: 1 });
    assert!(default_pools().iter().map(|pool| pool.slots).eq([2, 4, 1, 3, 5]));
}

/// A task of an executor whose wakers own it: with the last waker goes the task, and what it holds.
struct OwnedByItsWakers {
    #[expect(dead_code, reason = "it is held by being there")]
    lease: std::sync::Mutex<Option<Lease<'static>>>,
}

impl std::task::Wake for OwnedByItsWakers {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn wakers_are_dropped_where_nobody_holds_the_pools() {
    let (pools, _) = pools(vec![spec("p", 1), spec("q", 1)]);
    let (p, q) = (pools.id("p").expect("a pool"), pools.id("q").expect("a pool"));
    let _held = pools.request(p).try_acquire().expect("free");
    let task = || {
        let lease = std::sync::Mutex::new(pools.owned_request(q).try_acquire().ok());
        Waker::from(Arc::new(OwnedByItsWakers { lease }))
    };
    let mut waits = Box::pin(pools.request(p).acquire());
    let first = task();
    assert!(waits.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
    drop(first);
    // The one that it kept is the last of its task, which gives a slot back as it goes.
    let second = task();
    assert!(waits.as_mut().poll(&mut Context::from_waker(&second)).is_pending());
    assert!(pools.request(q).try_acquire().is_ok(), "the second came too late for it");
    let third = task();
    assert!(waits.as_mut().poll(&mut Context::from_waker(&third)).is_pending());
    drop((second, third));
    drop(waits);
    assert!(pools.request(q).try_acquire().is_ok());
    let told = &pools.statistics()[0];
    assert_eq!((told.waiting, told.cancels), (0, 1));
}

#[test]
fn a_hold_that_may_last_for_ever_is_never_overdue() {
    let (pools, clock) = pools(vec![PoolSpec { longest_hold: Duration::from_secs(18_446_744_074), ..spec("p", 1) }]);
    let _lease = pools.request(pools.id("p").expect("a pool")).try_acquire().expect("free");
    clock.forward(Duration::from_secs(1_000_000));
    assert!(pools.overdue().is_empty(), "its nanoseconds are more than 64 bits hold");
}
