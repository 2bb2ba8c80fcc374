//! First come, first served against pools with priorities, in a closed loop of threads that ask for slots of the five pools.

use super::{
    clock::Wall,
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, interleave},
};
use crate::{
    engine::pool::{PoolSpec, Pools, Settings},
    model::{Clock, Workload},
    stats::Draw,
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
    time::Duration,
};

/// Slots handed out in a run, where no number is given.
const GRANTS: usize = 6000;
/// Threads that ask, of these so many for urgent work.
const THREADS: (usize, usize) = (24, 4);
/// Median time that slots are held, in seconds, and its sigma.
const HOLD: (f64, f64) = (0.0002, 0.8);
/// Priorities of urgent work and of all else.
const PRIORITIES: (u8, u8) = (10, 2);
/// By how much a level of priority brings a turn forward here: holds are a millionth of what they are in a real pool, and so is
/// this of the usual 30 s.
const AGEING: Duration = Duration::from_millis(5);

/// Compares; latencies are those of urgent work.
///
/// # Errors
/// Where a run is not right.
pub fn bench_pool(work: &Workload, plan: Plan, pools: &[PoolSpec]) -> Result<Vec<EngineResult>, BenchError> {
    let grants = plan.items.unwrap_or(GRANTS);
    let contender = |name: &str, priorities: bool| Contender {
        name: name.to_owned(),
        prepare: Box::new(move || {
            let timed: Timed<'_> = Box::new(move || run(work.seed, grants, pools, priorities));
            Ok(timed)
        }),
    };
    let sides = [contender("first come, first served", false), contender("priorities with ageing", true)];
    let slots: u64 = pools.iter().map(|pool| u64::from(pool.slots)).sum();
    let named = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let (pools, slots) = (named(pools.len() as u64, "pool"), named(slots, "slot"));
    let workload = format!("{}: {pools} of {slots}, {} threads", work.name, THREADS.0);
    let subject = Subject { engine: "pool", workload, latency_of: "an urgent request", for_latency: true };
    let mut result = interleave(subject, plan, sides)?;
    let (before, after) = (result.baseline_latency.p99, result.latency.p99);
    result.notes.push(format!(
        "urgent requests wait {:.2} ms in the 99th percentile, {:.2} ms without priorities",
        after * 1e3,
        before * 1e3
    ));
    Ok(vec![result])
}

fn run(seed: u64, grants: usize, specs: &[PoolSpec], priorities: bool) -> Result<Run, String> {
    let clock = Wall::start();
    let settings = Settings { ageing: AGEING, ..Settings::default() };
    let pools: Pools = Pools::new(specs.to_vec(), settings, clock.clone()).map_err(|error| error.to_string())?;
    let queues: Vec<Turnstile> = specs.iter().map(|spec| Turnstile::new(spec.slots)).collect();
    // Each asks as often: a few more than were asked for.
    let each = grants.div_ceil(THREADS.0);
    let waits = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.0)
            .map(|number| {
                let (pools, queues, clock) = (pools.clone(), &queues, &*clock);
                scope.spawn(move || ask(seed, number, each, specs, priorities.then_some(&pools), queues, clock))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
            .collect::<Result<Vec<_>, String>>()
    })?;
    let mut run = Run::new((each * THREADS.0) as u64);
    for (urgent, waits) in waits {
        run.items_out += waits.len() as u64;
        waits.into_iter().filter(|_| urgent).for_each(|wait| run.took(wait));
    }
    if priorities {
        let told = pools.statistics();
        // What is granted of a pool is granted of those that it lies within as well: the outermost count each once.
        let outermost = || specs.iter().zip(&told).filter(|(spec, _)| spec.within.is_none()).map(|(_, told)| told);
        let granted: u64 = outermost().map(|told| told.grants).sum();
        let held: u64 = outermost().map(|told| u64::from(told.held)).sum();
        if (granted, held) != (run.items_out, 0) {
            return Err(format!("the pools granted {granted} times and {held} slots are held still"));
        }
    }
    Ok(run)
}

/// One thread's requests: whether it is urgent, and how long each waited.
fn ask(
    seed: u64,
    number: usize,
    times: usize,
    specs: &[PoolSpec],
    pools: Option<&Pools>,
    queues: &[Turnstile],
    clock: &dyn Clock,
) -> Result<(bool, Vec<u64>), String> {
    let mut draw = Draw::keyed(seed, &[11, number as u64]);
    let urgent = number < THREADS.1;
    let hold = |draw: &mut Draw| thread::sleep(Duration::from_secs_f64(draw.log_normal(HOLD.0, HOLD.1).min(0.01)));
    let waits = (0..times).map(|_| {
        let place = draw.below(specs.len() as u64) as usize;
        let began = clock.nanos();
        match pools {
            Some(pools) => {
                let id = pools.id(&specs[place].name).ok_or("no such pool")?;
                let priority = if urgent { PRIORITIES.0 } else { PRIORITIES.1 };
                let lease = pools
                    .request(id)
                    .priority(priority)
                    .wait(Duration::from_secs(60))
                    .map_err(|refusal| refusal.to_string())?;
                let waited = clock.nanos() - began;
                hold(&mut draw);
                drop(lease);
                Ok(waited)
            }
            None => {
                let slot = queues[place].enter();
                let waited = clock.nanos() - began;
                hold(&mut draw);
                drop(slot);
                Ok(waited)
            }
        }
    });
    Ok((urgent, waits.collect::<Result<_, String>>()?))
}

/// Slots that are handed from whoever leaves to whoever came first.
struct Turnstile(Mutex<Line>);

struct Line {
    free: u32,
    next: u64,
    waiting: VecDeque<(u64, Thread)>,
    served: BTreeSet<u64>,
}

struct Slot<'a>(&'a Turnstile);

impl Turnstile {
    fn new(slots: u32) -> Self {
        Self(Mutex::new(Line { free: slots, next: 0, waiting: VecDeque::new(), served: BTreeSet::new() }))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Slot<'_> {
        let mut line = self.line();
        if line.free > 0 && line.waiting.is_empty() {
            line.free -= 1;
            return Slot(self);
        }
        line.next += 1;
        let ticket = line.next;
        line.waiting.push_back((ticket, thread::current()));
        drop(line);
        while !self.line().served.remove(&ticket) {
            thread::park();
        }
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        match line.waiting.pop_front() {
            Some((ticket, thread)) => {
                line.served.insert(ticket);
                drop(line);
                thread.unpark();
            }
            None => line.free += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pool::default_pools;

    #[test]
    fn each_thread_gets_its_slots_on_either_side() {
        for priorities in [false, true] {
            let run = run(1, 240, &default_pools(), priorities).expect("a run");
            assert_eq!((run.items_in, run.items_out), (240, 240));
            assert_eq!(run.latency.len(), 40, "of urgent work only");
        }
    }
}
