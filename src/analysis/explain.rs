//! Why one run took as long as it did: its critical path, each stretch beside what other runs took there.

use super::{
    path::{RunPath, Stretch, before, critical_path},
    result::PartKind,
    structure::{Structure, ended_well},
};
use crate::{
    model::{Attempt, DagHistory, DagRun, EdgeSource, RunState, RunType, Text, TextMap, Timestamp},
    stats::quantile,
};
use std::collections::HashMap;

/// Other runs that tell what is usual: about a month of a daily DAG.
const OTHER_RUNS: usize = 30;
/// Runs without which nothing is called usual.
const MIN_RUNS: usize = 5;
/// Share of the other runs that lies below, and above, what is still called usual.
const TAIL: f64 = 0.05;

/// What a stretch of a run was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StretchKind {
    /// A task ran.
    Running,
    /// It was with the executor, and had not begun.
    Queued,
    /// What it waits for had ended, and it was not yet handed to the executor.
    Waiting,
    /// A try of it that did not end well.
    FailedTry,
    /// Between two of its tries.
    RetryDelay,
    /// Before the first of its tasks, or after the last.
    Idle,
}

impl StretchKind {
    /// Text as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Waiting => "waiting",
            Self::FailedTry => "failed_try",
            Self::RetryDelay => "retry_delay",
            Self::Idle => "idle",
        }
    }
}

/// What other runs took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// Median.
    pub median: f64,
    /// 5 % of the runs lie below.
    pub low: f64,
    /// 5 % lie above.
    pub high: f64,
    /// Runs.
    pub n: usize,
}

impl Usual {
    /// `None` of fewer than five runs.
    fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let at = |share| quantile(&seconds, share);
        let (median, low, high) = (at(0.5)?, at(TAIL)?, at(1.0 - TAIL)?);
        (seconds.len() >= MIN_RUNS).then_some(Self { median, low, high, n: seconds.len() })
    }
}

/// A stretch of the critical path.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What it was.
    pub kind: StretchKind,
    /// Whose; `None` of idle stretches.
    pub task_id: Option<Text>,
    /// Map index, -1 where it is not mapped.
    pub map_index: i32,
    /// When it began.
    pub from: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// What that took in other runs.
    pub usual: Option<Usual>,
}

impl Explained {
    /// Seconds above the usual; `None` where nothing is usual.
    #[must_use]
    pub fn more(&self) -> Option<f64> {
        self.usual.map(|usual| self.seconds - usual.median)
    }

    /// Longer than in 95 % of the other runs?
    #[must_use]
    pub fn is_unusual(&self) -> bool {
        self.usual.is_some_and(|usual| self.seconds > usual.high)
    }
}

/// Where the seconds of a run went.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The run.
    pub run: DagRun,
    /// From its start to its end; of a run that is not over, to the last end of a task of it.
    pub seconds: f64,
    /// Is it over?
    pub is_over: bool,
    /// What other runs took.
    pub usual: Option<Usual>,
    /// From made to begun: it waited for `max_active_runs`, or for the scheduler.
    pub waited: Option<(f64, Option<Usual>)>,
    /// From its date to its end (Airflow's landing time), and what was usual.
    pub landing: Option<(f64, Option<Usual>)>,
    /// From its start to its end, each second once.
    pub parts: Vec<Explained>,
    /// Where the dependencies are known from.
    pub edges_from: EdgeSource,
}

/// Explains a run of a history. `None` where it has no start, or nothing of it has ended.
#[must_use]
pub fn explain(history: &DagHistory, run: &DagRun) -> Option<Explanation> {
    let structure = Structure::of(history);
    let mut of_run: TextMap<&Text, Vec<&Attempt>> = TextMap::default();
    for attempt in &history.attempts {
        of_run.entry(&attempt.run_id).or_default().push(attempt);
    }
    let attempts_of = |run: &DagRun| of_run.get(&run.run_id).map_or(&[][..], Vec::as_slice);
    let attempts = attempts_of(run);
    let whole = until_now(run, attempts)?;
    let path = critical_path(&whole, attempts, &structure)?;
    let others = others(history, run);
    let mut usual: HashMap<(StretchKind, &Text), Vec<f64>> = HashMap::new();
    let on_path: Vec<&Text> = path.attempts.iter().map(|&place| &attempts[place].task_id).collect();
    for other in &others {
        let attempts = attempts_of(other);
        for task in &on_path {
            if let Some(took) = parts_of_task(other, attempts, task, &structure) {
                took.into_iter().for_each(|(kind, seconds)| usual.entry((kind, *task)).or_default().push(seconds));
            }
        }
    }
    let mut parts = split(&path, attempts);
    for part in &mut parts {
        let key = part.task_id.as_ref().map(|task| (part.kind, task));
        part.usual = key.and_then(|key| usual.get(&key)).cloned().and_then(Usual::of);
    }
    let of_runs = |of: fn(&DagRun) -> Option<f64>| {
        of(&whole).map(|seconds| (seconds, Usual::of(others.iter().filter_map(|run| of(run)).collect())))
    };
    Some(Explanation {
        seconds: whole.duration_s()?,
        is_over: run.ended_at.is_some(),
        usual: Usual::of(others.iter().filter_map(|run| run.duration_s()).collect()),
        waited: of_runs(|run| Some(run.started_at?.seconds_since(run.queued_at?)).filter(|waited| *waited >= 0.0)),
        landing: of_runs(|run| Some(run.ended_at?.seconds_since(run.run_after.or(run.logical_date)?))),
        parts,
        edges_from: structure.source,
        run: run.clone(),
    })
}

/// The run; one that is not over, as if it had ended with the last task of it that did.
fn until_now(run: &DagRun, attempts: &[&Attempt]) -> Option<DagRun> {
    let last = attempts.iter().filter_map(|attempt| attempt.ended_at).max();
    Some(DagRun { ended_at: Some(run.ended_at.or(last)?), ..run.clone() })
}

/// Others that ended well: the last ones before it began, and where these are few the next ones after; backfills are compared with
/// backfills.
fn others<'a>(history: &'a DagHistory, run: &DagRun) -> Vec<&'a DagRun> {
    let alike = |other: &&DagRun| {
        other.run_id != run.run_id
            && other.state == Some(RunState::Success)
            && other.duration_s().is_some()
            && (other.run_type == RunType::Backfill) == (run.run_type == RunType::Backfill)
    };
    let mut all: Vec<&DagRun> = history.runs.iter().filter(alike).collect();
    all.sort_by_key(|run| (run.started_at, &run.run_id));
    let before = all.partition_point(|other| other.started_at < run.started_at);
    let from = before.saturating_sub(OTHER_RUNS);
    all[from..].iter().take(OTHER_RUNS).copied().collect()
}

/// What a task took in a run: of its instance that ended last, until the first try was queued, that one's wait, all its tries.
fn parts_of_task(
    run: &DagRun,
    attempts: &[&Attempt],
    task: &Text,
    structure: &Structure,
) -> Option<[(StretchKind, f64); 5]> {
    let of_task = |i: &usize| &attempts[*i].task_id == task && ended_well(attempts[*i]);
    let place = (0..attempts.len()).filter(of_task).max_by_key(|&i| attempts[i].ended_at)?;
    let last = attempts[place];
    let started = last.started_at?;
    let queued = last.queued_at.filter(|queued| *queued <= started).unwrap_or(started);
    let freed = before(attempts, place, queued, structure).and_then(|place| attempts[place].ended_at);
    let freed = freed.or(run.started_at)?;
    let tries = earlier_tries(attempts, place, freed, queued);
    let first = tries.first().and_then(|first| first.queued_at.or(first.started_at)).unwrap_or(queued);
    let failed: f64 = tries.iter().filter_map(|t| Some(t.ended_at?.seconds_since(t.started_at?))).sum();
    let gap = queued.seconds_since(freed).max(0.0);
    let waited = first.seconds_since(freed).clamp(0.0, gap);
    Some([
        (StretchKind::Running, last.ended_at?.seconds_since(started)),
        (StretchKind::Queued, started.seconds_since(queued)),
        (StretchKind::Waiting, waited),
        (StretchKind::FailedTry, failed),
        (StretchKind::RetryDelay, (gap - waited - failed).max(0.0)),
    ])
}

/// Tries of an instance between two instants, other than the one given; in order.
fn earlier_tries<'a>(attempts: &[&'a Attempt], place: usize, from: Timestamp, to: Timestamp) -> Vec<&'a Attempt> {
    let of = attempts[place];
    let between = |other: &&&Attempt| {
        (&other.task_id, other.map_index) == (&of.task_id, of.map_index)
            && other.try_number != of.try_number
            && other.started_at.is_some_and(|start| start >= from)
            && other.ended_at.is_some_and(|end| end <= to && Some(end) >= other.started_at)
    };
    let mut tries: Vec<&Attempt> = attempts.iter().filter(between).copied().collect();
    tries.sort_by_key(|attempt| attempt.started_at);
    tries
}

/// The path with failed tries told apart from waiting.
fn split(path: &RunPath, attempts: &[&Attempt]) -> Vec<Explained> {
    path.stretches.iter().flat_map(|stretch| split_one(stretch, attempts)).collect()
}

fn split_one(stretch: &Stretch, attempts: &[&Attempt]) -> Vec<Explained> {
    let of = |kind, from: Timestamp, seconds| Explained {
        kind,
        task_id: stretch.task_id.clone(),
        map_index: stretch.attempt.map_or(-1, |place| attempts[place].map_index),
        from,
        seconds,
        usual: None,
    };
    let whole = |kind| vec![of(kind, stretch.from, stretch.seconds)];
    let place = match (stretch.kind, stretch.attempt) {
        (PartKind::Duration, _) => return whole(StretchKind::Running),
        (PartKind::QueueWait, _) => return whole(StretchKind::Queued),
        (PartKind::Gap, None) => return whole(StretchKind::Idle),
        (PartKind::Gap, Some(place)) => place,
    };
    let to = stretch.from.plus_seconds(stretch.seconds);
    let tries = earlier_tries(attempts, place, stretch.from, to);
    // What goes on until when.
    let mut until: Vec<(StretchKind, Timestamp)> = Vec::new();
    for (number, earlier) in tries.iter().enumerate() {
        let (Some(start), Some(end)) = (earlier.started_at, earlier.ended_at) else { continue };
        if number == 0 {
            let queued = earlier.queued_at.filter(|queued| *queued <= start).unwrap_or(start);
            until.extend([(StretchKind::Waiting, queued), (StretchKind::Queued, start)]);
        }
        until.extend([(StretchKind::RetryDelay, start), (StretchKind::FailedTry, end)]);
    }
    until.push((if tries.is_empty() { StretchKind::Waiting } else { StretchKind::RetryDelay }, to));
    let mut parts = Vec::new();
    let mut at = stretch.from;
    for (kind, end) in until {
        if end > at {
            parts.push(of(kind, at, end.seconds_since(at)));
            at = end;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{at, attempt, history, run};
    use super::*;
    use crate::model::TaskState;
    use proptest::prelude::*;

    /// A day's run of two tasks, `b` after `a`, that begins at that second.
    fn day(number: usize, a: f64, b: f64) -> (DagRun, Vec<Attempt>) {
        let (start, id) = (number as f64 * 86_400.0, format!("r{number:02}"));
        let run = run(&id, start, start + a + b + 10.0);
        let mut second = attempt("b", &id, start + a + 8.0, start + a + b + 8.0);
        second.queued_at = Some(at(start + a + 5.0));
        (run, vec![attempt("a", &id, start, start + a), second])
    }

    fn ten_days() -> DagHistory {
        let days = (0..10).map(|number| day(number, 100.0 + number as f64, 50.0));
        let (runs, attempts): (Vec<DagRun>, Vec<Vec<Attempt>>) = days.unzip();
        DagHistory { runs, ..history(attempts.concat()) }
    }

    fn told(explanation: &Explanation) -> Vec<String> {
        let part = |part: &Explained| {
            let usual = part.usual.map_or("-".to_owned(), |usual| format!("{}", usual.median));
            format!("{} {} {} {usual}", part.kind.as_str(), part.task_id.as_deref().unwrap_or("-"), part.seconds)
        };
        explanation.parts.iter().map(part).collect()
    }

    #[test]
    fn each_stretch_stands_beside_what_is_usual_there() {
        let mut history = ten_days();
        let (run, attempts) = day(10, 400.0, 50.0);
        history.attempts.extend(attempts);
        history.runs.push(run.clone());
        let explained = explain(&history, &run).expect("explained");
        assert_eq!(
            told(&explained),
            ["running a 400 104.5", "waiting b 5 5", "queued b 3 3", "running b 50 50", "idle - 2 -"]
        );
        assert_eq!(explained.usual.map(|usual| (usual.median, usual.n)), Some((164.5, 10)));
        let unusual: Vec<bool> = explained.parts.iter().map(Explained::is_unusual).collect();
        assert_eq!(unusual, [true, false, false, false, false]);
        assert_eq!(explained.parts[0].more(), Some(295.5));
        assert_eq!(explained.landing.map(|(seconds, _)| seconds), Some(460.0));
    }

    #[test]
    fn tries_that_failed_are_told_apart_from_waiting() {
        let mut history = ten_days();
        let (mut run, mut attempts) = day(10, 100.0, 50.0);
        let start = 864_000.0;
        attempts.truncate(1);
        for (number, from) in [(1, 105.0), (2, 205.0), (3, 305.0)] {
            let mut again = attempt("b", "r10", start + from, start + from + 30.0);
            (again.try_number, again.queued_at) = (Some(number), Some(at(start + from - 2.0)));
            again.state = Some(if number == 3 { TaskState::Success } else { TaskState::Failed });
            attempts.push(again);
        }
        run.ended_at = Some(at(start + 335.0));
        history.attempts.extend(attempts);
        history.runs.push(run.clone());
        assert_eq!(
            told(&explain(&history, &run).expect("explained")),
            [
                "running a 100 104.5",
                "waiting b 3 5",
                "queued b 2 3",
                "failed_try b 30 0",
                "retry_delay b 70 0",
                "failed_try b 30 0",
                "retry_delay b 68 0",
                "queued b 2 3",
                "running b 30 50",
            ]
        );
    }

    #[test]
    fn a_failed_run_ends_with_what_failed_and_one_on_its_way_with_what_ended() {
        let mut history = ten_days();
        let (mut run, mut attempts) = day(10, 100.0, 50.0);
        attempts[1].state = Some(TaskState::Failed);
        run.state = Some(RunState::Failed);
        history.attempts.extend(attempts.clone());
        history.runs.push(run.clone());
        let failed = explain(&history, &run).expect("explained");
        assert_eq!(failed.parts[3].task_id.as_deref(), Some("b"));
        let _ = history.attempts.split_off(20);
        history.attempts.push(attempts[0].clone());
        (run.state, run.ended_at) = (Some(RunState::Running), None);
        let running = explain(&history, &run).expect("explained");
        assert!(!running.is_over);
        assert_eq!(told(&running), ["running a 100 104.5"]);
        run.run_id = "none".into();
        assert_eq!(explain(&history, &run), None);
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_run(
            spans in prop::collection::vec((0.0_f64..100.0, 0.0_f64..50.0, 0_u8..3, 1_u32..4, 0.0_f64..9.0), 0..14),
            end in 0.0_f64..200.0,
        ) {
            let attempts = spans.iter().map(|(start, length, task, number, queue)| {
                let mut one = attempt(&format!("t{task}"), "r", *start, start + length);
                (one.try_number, one.queued_at) = (Some(*number as _), Some(at(start - queue)));
                if task + (*number as u8) % 3 == 1 {
                    one.state = Some(TaskState::Failed);
                }
                one
            });
            let run = run("r", 0.0, end);
            let history = DagHistory { runs: vec![run.clone()], ..history(attempts.collect()) };
            let explained = explain(&history, &run).expect("explained");
            let sum: f64 = explained.parts.iter().map(|part| part.seconds).sum();
            prop_assert!((sum - explained.seconds).abs() < 1e-5, "{} {}", sum, explained.seconds);
        }
    }
}
