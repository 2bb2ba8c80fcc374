//! The scheduler on threads: the decisions of [`Scheduler`], the workers of this program, and a clock.

use super::intelligent::Scheduler;
use crate::{
    engine::workers::{Machine, Outcome, ScaleSettings, Settings, Task, Token, Workers},
    model::Clock,
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

/// What a task does: its number, which try it is (from 0), and a token that tells it to stop.
pub type Act = Arc<dyn Fn(u32, u32, &Token) -> Result<(), String> + Send + Sync>;

/// How tasks are run.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadPlan {
    /// Threads: as many as tasks may run at once.
    pub threads: usize,
    /// Nanoseconds of the clock that are a microsecond of the schedule: 1,000 in real time, fewer where a day is run in seconds.
    pub nanos: f64,
    /// Nanoseconds of the clock after which a task is told to stop.
    pub timeout: Duration,
    /// Tries after the first, of each task.
    pub retries: Vec<u32>,
    /// Microseconds between two tries.
    pub retry_delay: Vec<u64>,
    /// When tasks that are held are released, in microseconds.
    pub releases: Vec<(u64, u32)>,
}

/// A try of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Task.
    pub task: u32,
    /// From, in microseconds of the schedule.
    pub began: u64,
    /// To.
    pub ended: u64,
    /// What became of it.
    pub outcome: Outcome<()>,
}

/// Runs all tasks to their ends; those behind one that fails for good are not run. What cannot start at all, since it needs more than
/// there is, is left, and the scheduler is not done then.
///
/// # Errors
/// Where the workers do not take a task.
pub fn run_on_threads(
    scheduler: &mut Scheduler,
    act: &Act,
    plan: &ThreadPlan,
    clock: &Arc<dyn Clock>,
    machine: Arc<dyn Machine>,
) -> Result<Vec<Ran>, String> {
    let threads = plan.threads.max(1);
    let settings = Settings {
        scale: ScaleSettings { least: threads, most: threads, ..ScaleSettings::default() },
        timeout: plan.timeout,
        ..Settings::default()
    };
    let workers: Workers<()> = Workers::new(settings, clock.clone(), machine);
    let origin = clock.nanos();
    let now = || (clock.nanos().saturating_sub(origin) as f64 / plan.nanos) as u64;
    let mut events: BinaryHeap<Reverse<(u64, u32, bool)>> =
        plan.releases.iter().map(|(at, task)| Reverse((*at, *task, false))).collect();
    let mut numbers: HashMap<u64, (u32, u64)> = HashMap::new();
    let mut tries: HashMap<u32, u32> = HashMap::new();
    let mut ran = Vec::new();
    while !scheduler.is_done() {
        let at = now();
        while let Some(&Reverse((_, task, again))) = events.peek().filter(|Reverse((due, _, _))| *due <= at) {
            events.pop();
            if again { scheduler.put_back(task, at) } else { scheduler.release(task, at) }
        }
        while let Some(task) = scheduler.start(now()) {
            let (act, number) = (act.clone(), tries.get(&task).copied().unwrap_or(0));
            let submitted = Task::new(task.to_string(), move |token: &Token| act(task, number, token));
            let number = workers.try_submit(submitted).map_err(|refused| refused.to_string())?;
            numbers.insert(number, (task, now()));
        }
        let event = events.peek().map(|Reverse((due, _, _))| *due);
        let change = scheduler.next_change(now());
        let Some(until) = event.into_iter().chain(change).min().or((!numbers.is_empty()).then_some(u64::MAX)) else {
            // Nothing runs and nothing will come: what waits never fits.
            break;
        };
        let wait = Duration::from_nanos((until.saturating_sub(now()) as f64 * plan.nanos) as u64);
        let Some(ended) = workers.next(wait) else { continue };
        let Some((task, began)) = numbers.remove(&ended.task) else { continue };
        scheduler.stopped(task);
        let at = now();
        let tried = tries.entry(task).or_default();
        *tried += 1;
        if matches!(ended.outcome, Outcome::Done(())) {
            scheduler.done(task, at);
        } else if *tried <= plan.retries.get(task as usize).copied().unwrap_or(0) {
            let delay = plan.retry_delay.get(task as usize).copied().unwrap_or(0);
            events.push(Reverse((at + delay, task, true)));
        } else {
            scheduler.failed(task);
        }
        ran.push(Ran { task, began, ended: at, outcome: ended.outcome });
    }
    Ok(ran)
}

#[cfg(test)]
mod tests {
    use super::super::{Job, Needs, Rules};
    use super::*;
    use crate::{
        engine::{held::Wall, workers::Priority},
        model::Graph,
    };
    use std::sync::Mutex;

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

    #[test]
    fn tasks_run_in_order_on_threads_and_failures_are_tried_again() {
        let job = Job {
            priority: Priority::Normal,
            rank: 0,
            needs: Needs::default(),
            pool: 0,
            slots: 1,
            group: 0,
            deadline: None,
            way: 0,
        };
        let graph = Graph::new(5, vec![(0, 1), (1, 2), (3, 4)]).expect("no circle");
        let mut scheduler = Scheduler::new(Rules::default(), vec![job; 5], graph, |task| task == 3);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let act: Act = Arc::new(move |task, number, _| {
            log.lock().expect("no panic").push((task, number));
            match (task, number) {
                (1, 0) => Err("busy".to_owned()),
                (3, _) => panic!("always"),
                _ => Ok(()),
            }
        });
        let plan = ThreadPlan {
            threads: 4,
            nanos: 1_000.0,
            timeout: Duration::from_secs(10),
            retries: vec![1; 5],
            retry_delay: vec![2_000; 5],
            releases: vec![(1_000, 3)],
        };
        let ran = run_on_threads(&mut scheduler, &act, &plan, &Wall::start(), Arc::new(Idle)).expect("workers");
        assert!(scheduler.is_done());
        let mut seen = seen.lock().expect("no panic").clone();
        let of = |tasks: &[u32], seen: &[(u32, u32)]| -> Vec<(u32, u32)> {
            seen.iter().copied().filter(|(task, _)| tasks.contains(task)).collect()
        };
        assert_eq!(of(&[0, 1, 2], &seen), [(0, 0), (1, 0), (1, 1), (2, 0)]);
        assert_eq!(of(&[3, 4], &seen), [(3, 0), (3, 1)], "what is behind a task that fails does not run");
        seen.sort_unstable();
        assert_eq!(ran.len(), seen.len());
        assert!(ran.iter().any(|one| matches!(&one.outcome, Outcome::Panicked(_))));
    }
}
