//! What the engines cost by themselves, beside their peers: the queue, objects used again, tasks on threads, batches, slots, locks.
//!
//! `cargo bench --profile dev --bench engines`

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::{
    convert::Infallible,
    hint::black_box,
    sync::{Arc, Condvar, Mutex, mpsc},
    time::Duration,
};
use windtunnel::{
    engine::{
        batch::{Batch, Failure, Policy, Processor, Settings as BatchSettings},
        lock::{InProcess, LockSettings, Locks},
        memory::{ObjectSettings, Objects},
        workers::{Machine, Priority, Queue, ScaleSettings, Settings as WorkerSettings, Task, Workers},
    },
    replay::Wall,
};

fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("push and pop, one thread");
    let ours: Queue<u64> = Queue::new(1000);
    group.bench_function("queue with priorities", |bencher| {
        bencher.iter(|| {
            ours.try_push(black_box(1), Priority::Normal).expect("room");
            ours.try_pop()
        });
    });
    let (send, receive) = crossbeam_channel::bounded::<u64>(1000);
    group.bench_function("crossbeam-channel, bounded", |bencher| {
        bencher.iter(|| {
            send.try_send(black_box(1)).expect("room");
            receive.try_recv()
        });
    });
    let (send, receive) = mpsc::sync_channel::<u64>(1000);
    group.bench_function("std::sync::mpsc, bounded", |bencher| {
        bencher.iter(|| {
            send.try_send(black_box(1)).expect("room");
            receive.try_recv()
        });
    });
    group.finish();
}

fn objects(criterion: &mut Criterion) {
    const BYTES: usize = 64 * 1024;
    let mut group = criterion.benchmark_group("a buffer of 64 KiB, written to");
    let ours: Objects<Vec<u8>> = Objects::new(ObjectSettings::default(), Wall::start());
    group.bench_function("objects used again", |bencher| {
        bencher.iter(|| {
            let mut buffer = ours.take(BYTES as u64).expect("small");
            buffer.resize(BYTES, black_box(1));
        });
    });
    let peer: object_pool::Pool<Vec<u8>> = object_pool::Pool::new(4, || Vec::with_capacity(BYTES));
    group.bench_function("object-pool", |bencher| {
        bencher.iter(|| {
            let mut buffer = peer.pull(|| Vec::with_capacity(BYTES));
            buffer.clear();
            buffer.resize(BYTES, black_box(1));
        });
    });
    group.bench_function("allocated anew", |bencher| {
        bencher.iter(|| {
            let mut buffer = Vec::with_capacity(BYTES);
            buffer.resize(BYTES, black_box(1u8));
            buffer
        });
    });
    group.finish();
}

struct Quiet;

impl Machine for Quiet {
    fn cores(&self) -> usize {
        2
    }
    fn load(&self) -> Option<f64> {
        None
    }
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

/// Some microseconds of work.
fn work() -> u64 {
    (0..black_box(2000u64)).fold(0, |sum, i| sum ^ i.wrapping_mul(0x9e37_79b9))
}

fn workers(criterion: &mut Criterion) {
    const TASKS: u64 = 1000;
    let mut group = criterion.benchmark_group("a thousand short tasks on two threads");
    group.throughput(Throughput::Elements(TASKS)).sample_size(20);
    let scale = ScaleSettings { least: 2, most: 2, ..ScaleSettings::default() };
    group.bench_function("workers", |bencher| {
        bencher.iter(|| {
            let workers: Workers<u64> =
                Workers::new(WorkerSettings { scale, ..WorkerSettings::default() }, Wall::start(), Arc::new(Quiet));
            for _ in 0..TASKS {
                workers.submit(Task::new("t", |_| Ok(work())), Duration::from_secs(10)).expect("room");
            }
            workers.shutdown(Duration::from_secs(10)).len()
        });
    });
    let rayon = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    group.bench_function("rayon, a scope", |bencher| {
        bencher.iter(|| {
            let results = Mutex::new(Vec::new());
            rayon.scope(|scope| (0..TASKS).for_each(|_| scope.spawn(|_| results.lock().expect("whole").push(work()))));
            results.into_inner().map(|results| results.len())
        });
    });
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    const ITEMS: u64 = 100_000;
    let mut group = criterion.benchmark_group("a hundred thousand items in batches of a thousand, summed");
    group.throughput(Throughput::Elements(ITEMS));
    for (name, policy) in [("fixed", Policy::Fixed), ("search", Policy::Search)] {
        group.bench_function(format!("processor, {name}"), |bencher| {
            bencher.iter_batched(
                || Processor::new(BatchSettings { policy, ..BatchSettings::default() }, Wall::start()),
                |processor| {
                    let mut sum = 0u64;
                    let mut add = |batch: Batch<'_, u64>| -> Result<(), Failure> {
                        sum = batch.items.iter().fold(sum, |sum, item| sum.wrapping_add(*item));
                        Ok(())
                    };
                    processor.run(0..black_box(ITEMS), &mut add, &mut Vec::new()).expect("runs");
                    sum
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("chunks by hand", |bencher| {
        bencher.iter(|| {
            let (mut sum, mut buffer) = (0u64, Vec::new());
            for item in 0..black_box(ITEMS) {
                buffer.push(item);
                if buffer.len() == 1000 {
                    sum = buffer.iter().fold(sum, |sum, item| sum.wrapping_add(*item));
                    buffer.clear();
                }
            }
            sum
        });
    });
    group.finish();
}

/// A semaphore as many write it.
struct Counting(parking_lot::Mutex<u32>, parking_lot::Condvar);

/// Manages nothing.
struct Numbers;

impl r2d2::ManageConnection for Numbers {
    type Connection = u64;
    type Error = Infallible;
    fn connect(&self) -> Result<u64, Infallible> {
        Ok(1)
    }
    fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

fn slots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a slot or a lock and back, one thread");
    let counting = Counting(parking_lot::Mutex::new(4), parking_lot::Condvar::new());
    group.bench_function("parking_lot, mutex and condition variable", |bencher| {
        bencher.iter(|| {
            let mut free = counting.0.lock();
            counting.1.wait_while(&mut free, |free| *free == 0);
            *free -= 1;
            drop(free);
            *counting.0.lock() += 1;
            counting.1.notify_one();
        });
    });
    let standard = (Mutex::new(4u32), Condvar::new());
    group.bench_function("std, mutex and condition variable", |bencher| {
        bencher.iter(|| {
            let free = standard.0.lock().expect("whole");
            let mut free = standard.1.wait_while(free, |free| *free == 0).expect("whole");
            *free -= 1;
            drop(free);
            *standard.0.lock().expect("whole") += 1;
            standard.1.notify_one();
        });
    });
    let r2d2 = r2d2::Pool::builder().max_size(4).build(Numbers).expect("a pool");
    group.bench_function("r2d2", |bencher| bencher.iter(|| r2d2.get().map(|number| *number)));
    let deadpool = deadpool::unmanaged::Pool::from(vec![1u64, 2, 3, 4]);
    group.bench_function("deadpool, unmanaged", |bencher| bencher.iter(|| deadpool.try_get().map(|number| *number)));
    let clock = Wall::start();
    let locks = Locks::new(Arc::new(InProcess::new(clock.clone())), "bench", LockSettings::default(), clock);
    group.bench_function("lease with a fence, in process", |bencher| {
        bencher.iter(|| locks.lock(black_box("p")).expect("free").unlock());
    });
    group.finish();
}

criterion_group!(benches, queue, objects, workers, batches, slots);
criterion_main!(benches);
