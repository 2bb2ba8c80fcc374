//! Pools beside their peers: uncontended, contended, and who starves in a closed loop.
//!
//! `cargo bench --profile dev --bench pool`: first what 60 urgent and 4 other tasks get of four slots in two seconds each, then
//! times.

use cpu_time::ProcessTime;
use criterion::{Criterion, criterion_group, criterion_main};
use priority_semaphore::PrioritySemaphore;
use std::{
    future::Future,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;
use windtunnel::{
    engine::pool::{PoolId, PoolSpec, Pools, Settings},
    model::Clock,
};

/// The processor's time stamp counter.
struct Wall(quanta::Clock);

impl Clock for Wall {
    fn nanos(&self) -> u64 {
        self.0.delta_as_nanos(0, self.0.raw())
    }

    fn park_until(&self, nanos: u64) {
        std::thread::park_timeout(Duration::from_nanos(nanos.saturating_sub(self.nanos())));
    }
}

fn pools(slots: u32, ageing: Duration) -> (Pools, PoolId) {
    let longest_hold = Duration::from_secs(60);
    let spec = PoolSpec { name: "p".into(), slots, priority: 5, longest_hold, within: None };
    let settings = Settings { ageing, ..Settings::default() };
    let pools = Pools::new(vec![spec], settings, Arc::new(Wall(quanta::Clock::new()))).expect("pools");
    let id = pools.id("p").expect("a pool");
    (pools, id)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime")
}

fn uncontended(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("acquire and release, uncontended");
    let (pools, id) = pools(4, Settings::default().ageing);
    group.bench_function("pool, try_acquire", |bencher| bencher.iter(|| pools.request(black_box(id)).try_acquire()));
    group.bench_function("pool, acquire", |bencher| {
        bencher.iter(|| ready(pools.request(black_box(id)).acquire()).expect("free"));
    });
    group.bench_function("pool, wait with a time-out", |bencher| {
        bencher.iter(|| pools.request(black_box(id)).wait(Duration::from_secs(1)).expect("free"));
    });
    group.bench_function("pool, acquire, owned", |bencher| {
        bencher.iter(|| ready(pools.owned_request(black_box(id)).acquire()).expect("free"));
    });
    let tokio = Arc::new(Semaphore::new(4));
    group.bench_function("tokio, acquire", |bencher| {
        bencher.iter(|| ready(black_box(&tokio).acquire()).expect("free"));
    });
    group.bench_function("tokio, try_acquire_owned", |bencher| bencher.iter(|| tokio.clone().try_acquire_owned()));
    group.bench_function("tokio, acquire_owned", |bencher| {
        bencher.iter(|| ready(black_box(&tokio).clone().acquire_owned()).expect("free"));
    });
    let strict = Arc::new(PrioritySemaphore::new(4));
    group.bench_function("priority-semaphore, acquire", |bencher| {
        bencher.iter(|| ready(black_box(&strict).acquire(5)).expect("free"));
    });
    let runtime = runtime();
    group.bench_function("tokio, acquire with a time-out", |bencher| {
        let acquire = || async { tokio::time::timeout(Duration::from_secs(1), tokio.acquire()).await.is_ok() };
        bencher.iter(|| runtime.block_on(acquire()));
    });
    group.finish();
}

/// What a future that is done at once gives.
fn ready<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => unreachable!("nobody else holds a slot"),
    }
}

const TASKS: u64 = 64;

/// 64 tasks take turns at four slots, on two threads: CPU time of a turn, of both threads together. Where they give the slot back at
/// once, nobody waits for one and threads meet in the state of the pool only; where others run while they hold it, all wait.
fn contended(criterion: &mut Criterion) {
    let runtime = runtime();
    let (pools, id) = pools(4, Settings::default().ageing);
    let tokio = Arc::new(Semaphore::new(4));
    let strict = Arc::new(PrioritySemaphore::new(4));
    for (name, held) in [("64 tasks at 4 slots, a turn", false), ("64 tasks at 4 slots, held meanwhile", true)] {
        let mut group = criterion.benchmark_group(name);
        group.bench_function("pool", |bencher| {
            bencher.iter_custom(|turns| {
                crowd(&runtime, turns, || {
                    let pools = pools.clone();
                    move || {
                        let pools = pools.clone();
                        async move { holds(pools.request(id).acquire().await.expect("a lease"), held).await }
                    }
                })
            });
        });
        group.bench_function("tokio", |bencher| {
            bencher.iter_custom(|turns| {
                crowd(&runtime, turns, || {
                    let tokio = tokio.clone();
                    move || {
                        let tokio = tokio.clone();
                        async move { holds(tokio.acquire_owned().await.expect("open"), held).await }
                    }
                })
            });
        });
        group.bench_function("priority-semaphore", |bencher| {
            bencher.iter_custom(|turns| {
                crowd(&runtime, turns, || {
                    let strict = strict.clone();
                    move || {
                        let strict = strict.clone();
                        async move { holds(strict.acquire(5).await.expect("open"), held).await }
                    }
                })
            });
        });
        group.finish();
    }
}

async fn holds<L>(lease: L, held: bool) {
    if held {
        tokio::task::yield_now().await;
    }
    drop(lease);
}

fn crowd<T, F>(runtime: &tokio::runtime::Runtime, turns: u64, task: impl Fn() -> T) -> Duration
where
    T: Fn() -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let each = turns / TASKS + 1;
    let began = ProcessTime::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let turn = task();
            runtime.spawn(async move {
                for _ in 0..each {
                    turn().await;
                    // While it holds nothing, others of its thread have their turn.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).expect("no panic"));
    began.elapsed() * u32::try_from(turns).unwrap_or(u32::MAX) / u32::try_from(each * TASKS).unwrap_or(u32::MAX)
}

/// 60 tasks of priority 10 and 4 of priority 1 in a closed loop at four slots: turns of each kind, and the longest wait of the
/// second.
#[expect(clippy::print_stdout, reason = "what a bench found is its output")]
fn closed_loop<F>(name: &str, acquire: impl Fn(u8) -> F + Clone + Send + Sync + 'static)
where
    F: Future<Output = Box<dyn Send>> + Send + 'static,
{
    const LASTS: Duration = Duration::from_secs(2);
    let runtime = runtime();
    let done = Arc::new(AtomicBool::new(false));
    let counts = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
    let longest = Arc::new(AtomicU64::new(0));
    for task in 0..TASKS {
        let (kind, priority) = if task < 60 { (0, 10) } else { (1, 1) };
        let (done, count, longest, acquire) = (done.clone(), counts[kind].clone(), longest.clone(), acquire.clone());
        runtime.spawn(async move {
            while !done.load(Relaxed) {
                let asked = Instant::now();
                let lease = acquire(priority).await;
                tokio::task::yield_now().await;
                drop(lease);
                count.fetch_add(1, Relaxed);
                if kind == 1 {
                    longest.fetch_max(asked.elapsed().as_nanos() as u64, Relaxed);
                }
            }
        });
    }
    std::thread::sleep(LASTS);
    done.store(true, Relaxed);
    println!(
        "{name}: 60 urgent tasks had {} turns, 4 others {} (longest wait {:.1} ms)",
        counts[0].load(Relaxed),
        counts[1].load(Relaxed),
        longest.load(Relaxed) as f64 * 1e-6
    );
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn starvation(_: &mut Criterion) {
    // A level of priority is worth 10 ms: the others wait for 90 ms longer than in a plain queue, at most.
    let (pools, id) = pools(4, Duration::from_millis(10));
    closed_loop("pool, 10 ms a level", move |priority| {
        let request = pools.owned_request(id).priority(priority);
        async move { Box::new(request.acquire().await.expect("a lease")) as Box<dyn Send> }
    });
    let strict = Arc::new(PrioritySemaphore::new(4));
    closed_loop("priority-semaphore", move |priority| {
        let strict = strict.clone();
        async move { Box::new(strict.acquire(i32::from(priority)).await.expect("open")) as Box<dyn Send> }
    });
    let tokio = Arc::new(Semaphore::new(4));
    closed_loop("tokio, no priorities", move |_| {
        let tokio = tokio.clone();
        async move { Box::new(tokio.acquire_owned().await.expect("open")) as Box<dyn Send> }
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = starvation, uncontended, contended
}
criterion_main!(benches);
