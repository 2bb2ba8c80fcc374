//! Threads that meet in the pools in every order that a model checker comes upon, at random and by probabilistic concurrency testing
//! (Burckhardt et al. 2010, ASPLOS 15, 167). The same models are run with faults planted, each of which must be noticed: a model that
//! notices nothing proves nothing. Three waiters and more: some faults do not show with two.

use super::{core::Fault, tests::spec, *};
use crate::engine::{checked::Checked, held::Held};
use shuttle::{
    future::block_on,
    sync::{
        Arc as Shared, Barrier, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use std::{future::Future, panic, pin::pin, sync::Arc, task::Poll};

fn pools(slots: u32, fault: Fault) -> (Pools<Checked>, PoolId, Arc<Held>) {
    let clock = Arc::new(Held::default());
    let pools = Pools::new(vec![spec("p", slots)], Settings::default(), clock.clone()).expect("pools");
    pools.plant(fault);
    let id = pools.id("p").expect("a pool");
    (pools, id, clock)
}

fn spawn(pools: &Pools<Checked>, body: impl FnOnce(Pools<Checked>) + Send + 'static) -> thread::JoinHandle<()> {
    let pools = pools.clone();
    thread::spawn(move || body(pools))
}

/// What must hold once all threads are done: nothing is held, nobody waits, and everything was counted once.
fn all_came_back(pools: &Pools<Checked>, requests: u64) {
    let told = &pools.statistics()[0];
    assert_eq!((told.held, told.waiting, told.requests), (0, 0, requests), "{told:?}");
    assert_eq!(told.requests, told.grants + told.timeouts + told.cancels + told.rejected, "{told:?}");
    assert_eq!((told.wait.count, told.hold.count), (told.grants, told.grants));
    assert!(pools.request(pools.id("p").expect("a pool")).slots(told.slots).try_acquire().is_ok());
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

/// Four that wait: one of them gives up at once, one after a moment, one wants all slots. Nobody waits for ever.
fn some_give_up(fault: Fault) {
    let (pools, id, _) = pools(2, fault);
    let first = pools.request(id).slots(2).try_acquire().expect("free");
    let threads = [
        spawn(&pools, move |pools| drop(block_on(pools.request(id).acquire()))),
        spawn(&pools, move |pools| drop(block_on(pools.request(id).slots(2).acquire()))),
        spawn(&pools, move |pools| {
            let mut acquire = pools.request(id).acquire();
            let _ = block_on(once(&mut acquire));
            thread::yield_now();
            drop(acquire);
        }),
        spawn(&pools, move |pools| drop(block_on(pools.request(id).acquire_until(shuttle::future::yield_now())))),
    ];
    drop(first);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    all_came_back(&pools, 5);
}

/// Three that wait for one slot each while all are held by one: all of them hold one at the same time once it gives back.
fn all_are_woken(fault: Fault) {
    let (pools, id, _) = pools(3, fault);
    let first = pools.request(id).slots(3).try_acquire().expect("free");
    let meet = Shared::new(Barrier::new(3));
    let threads = [0; 3].map(|_| {
        let meet = meet.clone();
        spawn(&pools, move |pools| {
            let lease = block_on(pools.request(id).acquire()).expect("a lease");
            meet.wait();
            drop(lease);
        })
    });
    drop(first);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    all_came_back(&pools, 4);
}

/// One waits for all slots; those that ask after it, and are no more urgent, are served after it.
fn the_wide_one_is_not_passed(fault: Fault) {
    let (pools, id, _) = pools(2, fault);
    let holders = [0; 2].map(|_| pools.owned_request(id).try_acquire().expect("free"));
    served_before(
        &pools,
        &holders_of(holders),
        move |pools| pools.owned_request(id).slots(2),
        move |pools| pools.request(id),
    );
    all_came_back(&pools, 5);
}

/// The least urgent one has waited for its 270 seconds; the most urgent that ask now are served after it.
fn the_old_one_is_not_passed(fault: Fault) {
    let (pools, id, clock) = pools(1, fault);
    let holder = pools.owned_request(id).try_acquire().expect("free");
    served_before(
        &pools,
        &holders_of([holder]),
        move |pools| pools.owned_request(id).priority(1),
        move |pools| {
            clock.forward(Duration::from_secs(271));
            pools.request(id).priority(10)
        },
    );
    all_came_back(&pools, 4);
}

type Holders = Shared<Mutex<Vec<Lease<'static, Checked>>>>;

fn holders_of(leases: impl IntoIterator<Item = Lease<'static, Checked>>) -> Holders {
    Shared::new(Mutex::new(leases.into_iter().collect()))
}

/// `first` wants whatever the holders have; two `later` ones ask once it waits, and may not be served before it.
fn served_before(
    pools: &Pools<Checked>,
    holders: &Holders,
    first: impl FnOnce(&Pools<Checked>) -> Request<'static, Checked> + Send + 'static,
    later: impl Fn(&Pools<Checked>) -> Request<'_, Checked> + Send + Sync + 'static,
) {
    let (served, later) = (Shared::new(AtomicBool::new(false)), Shared::new(later));
    let told = served.clone();
    let mut acquire = first(pools).acquire();
    assert!(block_on(once(&mut acquire)).is_none(), "it waits");
    let mut threads = vec![spawn(pools, move |_| {
        let lease = block_on(acquire).expect("a lease");
        told.store(true, Ordering::SeqCst);
        drop(lease);
    })];
    threads.extend((0..2).map(|_| {
        let (served, later) = (served.clone(), later.clone());
        spawn(pools, move |pools| {
            let lease = block_on(later(&pools).acquire()).expect("a lease");
            let in_turn = served.load(Ordering::SeqCst);
            // What fails must hold nothing: it would be given back while the thread panics.
            drop(lease);
            assert!(in_turn, "one that came later was served first");
        })
    }));
    let holders = holders.clone();
    threads.push(spawn(pools, move |_| {
        while let Some(lease) = { holders.lock().expect("nobody panics under it").pop() } {
            drop(lease);
            thread::yield_now();
        }
    }));
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

type Model = fn(Fault);

const MODELS: [Model; 4] = [some_give_up, all_are_woken, the_wide_one_is_not_passed, the_old_one_is_not_passed];

fn check(model: Model, fault: Fault, times: usize) {
    shuttle::check_random(move || model(fault), times);
    shuttle::check_pct(move || model(fault), times, 3);
}

#[test]
fn nothing_is_lost_and_nobody_is_passed() {
    MODELS.iter().for_each(|model| check(*model, Fault::None, 2_000));
}

#[test]
fn planted_faults_are_noticed() {
    let faults = [Fault::CancelSwallowsGrant, Fault::NotifyOne, Fault::NoReservation, Fault::NoAgeing];
    for fault in faults {
        let noticed = MODELS.iter().any(|model| panic::catch_unwind(|| check(*model, fault, 2_000)).is_err());
        assert!(noticed, "{fault:?}");
    }
}
