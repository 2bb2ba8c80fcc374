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
use std::collections::{BTreeSet, HashMap};

/// Other runs that tell what is usual: about a month of a daily DAG.
const OTHER_RUNS: usize = 30;
/// Runs without which nothing is called usual.
const MIN_RUNS: usize = 5;
/// Share of the other runs that lies below, and above, what is still called usual.
const TAIL: f64 = 0.05;
/// Runs below which the least and the most stand for these.
const FEW: usize = 20;

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
    /// 5 % of the runs lie below; of fewer than twenty, the least.
    pub low: f64,
    /// 5 % lie above; of fewer than twenty, the most.
    pub high: f64,
    /// Runs.
    pub n: usize,
}

impl Usual {
    /// Are there so few runs that `low` and `high` are the least and the most?
    #[must_use]
    pub fn is_of_few(&self) -> bool {
        self.n < FEW
    }

    /// `None` of fewer than five runs.
    fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        // One run in twenty is the fewest of which a twentieth can lie outside.
        let tail = if seconds.len() < FEW { 0.0 } else { TAIL };
        let at = |share| quantile(&seconds, share);
        let (median, low, high) = (at(0.5)?, at(tail)?, at(1.0 - tail)?);
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

    /// Longer than in 95 % of the other runs; of fewer than twenty, longer than in each?
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
    /// From when it was due (the end of its interval) to its end, Airflow's landing time; and what was usual.
    pub landing: Option<(f64, Option<Usual>)>,
    /// From its start to its end, each second once.
    pub parts: Vec<Explained>,
    /// Of a run that is not over: the task of it that ended last, and how long other runs took from that task's end to theirs.
    pub to_go: Option<(Text, Usual)>,
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
    let mut parts = split(&path, attempts);
    let usual = UsualParts::of(&others, attempts_of, &parts, &structure);
    let keys = numbered(parts.iter().map(|part| (part.task_id.clone(), part.map_index, part.kind)));
    parts.iter_mut().zip(&keys).for_each(|(part, key)| part.usual = usual.part(key));
    let interval = interval_s(history);
    let landed = |run: &DagRun| Some(run.ended_at?.seconds_since(due_at(run, interval)?));
    let whole_landing = landed(&whole);
    let of_runs = |of: fn(&DagRun) -> Option<f64>| {
        of(&whole).map(|seconds| (seconds, Usual::of(others.iter().filter_map(|run| of(run)).collect())))
    };
    let last = path.attempts.last().map(|&place| &attempts[place].task_id).filter(|_| run.ended_at.is_none());
    let to_go = last.and_then(|task| {
        let rest = |other: &&DagRun| Some(other.ended_at?.seconds_since(last_end(attempts_of(other), task)?).max(0.0));
        Some((task.clone(), Usual::of(others.iter().filter_map(rest).collect())?))
    });
    Some(Explanation {
        to_go,
        seconds: whole.duration_s()?,
        is_over: run.ended_at.is_some(),
        usual: Usual::of(others.iter().filter_map(|run| run.duration_s()).collect()),
        waited: of_runs(|run| Some(run.started_at?.seconds_since(run.queued_at?)).filter(|waited| *waited >= 0.0)),
        landing: whole_landing
            .map(|seconds| (seconds, Usual::of(others.iter().filter_map(|run| landed(run)).collect()))),
        parts,
        edges_from: structure.source,
        run: run.clone(),
    })
}

/// Seconds between two scheduled runs' dates: their median distance; 0 where there are not two.
#[must_use]
pub fn interval_s(history: &DagHistory) -> f64 {
    let scheduled = history.runs.iter().filter(|run| run.run_type == RunType::Scheduled);
    let mut dates: Vec<Timestamp> = scheduled.filter_map(|run| run.logical_date).collect();
    dates.sort_unstable();
    dates.dedup();
    let mut gaps: Vec<f64> = dates.windows(2).map(|pair| pair[1].seconds_since(pair[0])).collect();
    gaps.sort_by(f64::total_cmp);
    quantile(&gaps, 0.5).unwrap_or(0.0)
}

/// When a run was due: its `run_after` (Airflow 3), else the end of the interval that its date begins, which is an interval after it
/// where it was scheduled.
#[must_use]
pub fn due_at(run: &DagRun, interval_s: f64) -> Option<Timestamp> {
    let scheduled = run.run_type == RunType::Scheduled;
    run.run_after.or(run.logical_date.map(|date| date.plus_seconds(if scheduled { interval_s } else { 0.0 })))
}

/// When the last instance of a task ended well.
fn last_end(attempts: &[&Attempt], task: &Text) -> Option<Timestamp> {
    let of_task = attempts.iter().filter(|attempt| attempt.task_id == *task && ended_well(attempt));
    of_task.filter_map(|attempt| attempt.ended_at).max()
}

/// A stretch of a path: task, map index, what it was, and the how manieth such it is.
type PartKey = (Option<Text>, i32, StretchKind, usize);

/// Stretches with how many like them came before.
fn numbered(parts: impl Iterator<Item = (Option<Text>, i32, StretchKind)>) -> Vec<PartKey> {
    let mut seen: HashMap<(Option<Text>, i32, StretchKind), usize> = HashMap::new();
    let keys = parts.map(move |part| {
        let count = seen.entry(part.clone()).or_default();
        *count += 1;
        (part.0, part.1, part.2, *count)
    });
    keys.collect()
}

/// What stretches took in other runs.
struct UsualParts {
    seconds: HashMap<PartKey, Vec<f64>>,
    /// Runs in which each task instance (or one that stands for it) ended well.
    runs: HashMap<(Text, i32), usize>,
}

impl UsualParts {
    fn of<'a>(
        others: &[&DagRun],
        attempts_of: impl Fn(&DagRun) -> &'a [&'a Attempt],
        parts: &[Explained],
        structure: &Structure,
    ) -> Self {
        let mut usual = Self { seconds: HashMap::new(), runs: HashMap::new() };
        let on_path: BTreeSet<(&Text, i32)> =
            parts.iter().filter_map(|part| Some((part.task_id.as_ref()?, part.map_index))).collect();
        for other in others {
            for (task, index) in &on_path {
                let Some(took) = parts_of_task(other, attempts_of(other), (task, *index), structure) else { continue };
                *usual.runs.entry(((*task).clone(), *index)).or_default() += 1;
                let keys = numbered(took.iter().map(|(kind, _)| (Some((*task).clone()), *index, *kind)));
                for (key, (_, seconds)) in keys.into_iter().zip(&took) {
                    usual.seconds.entry(key).or_default().push(*seconds);
                }
            }
        }
        usual
    }

    /// A run that has the task and not that stretch of it spent no time there.
    fn part(&self, key: &PartKey) -> Option<Usual> {
        let runs = *self.runs.get(&(key.0.clone()?, key.1))?;
        let mut seconds = self.seconds.get(key).cloned().unwrap_or_default();
        seconds.resize(runs, 0.0);
        Usual::of(seconds)
    }
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

/// What a task took in a run, as its path through it would be told: of that instance, or where there is none the one that ended last.
fn parts_of_task(
    run: &DagRun,
    attempts: &[&Attempt],
    (task, map_index): (&Text, i32),
    structure: &Structure,
) -> Option<Vec<(StretchKind, f64)>> {
    let of_task = |i: &usize| &attempts[*i].task_id == task && ended_well(attempts[*i]);
    let key = |i: &usize| (attempts[*i].map_index == map_index, attempts[*i].ended_at);
    let place = (0..attempts.len()).filter(of_task).max_by_key(key)?;
    let last = attempts[place];
    let (started, ended) = (last.started_at?, last.ended_at?);
    let queued = last.queued_at.filter(|queued| *queued <= started).unwrap_or(started);
    let freed = before(attempts, place, queued, structure).and_then(|place| attempts[place].ended_at);
    let freed = freed.or(run.started_at)?.min(queued);
    let stretch = |kind, from: Timestamp, to: Timestamp| Stretch {
        kind,
        task_id: Some(task.clone()),
        attempt: Some(place),
        from,
        seconds: to.seconds_since(from),
    };
    let stretches = [
        stretch(PartKind::Gap, freed, queued),
        stretch(PartKind::QueueWait, queued, started),
        stretch(PartKind::Duration, started, ended),
    ];
    let parts = stretches.iter().flat_map(|stretch| split_one(stretch, attempts));
    Some(parts.map(|part| (part.kind, part.seconds)).collect())
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
        // Its interval is a day, at whose beginning it ran.
        assert_eq!(explained.landing.map(|(seconds, _)| seconds), Some(460.0 - 86_400.0));
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
                "queued b 2 0",
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
        // In other runs `b` waits 8 s, runs 50, and 2 s later all is over.
        assert_eq!(
            running.to_go.clone().map(|(task, usual)| (task.to_string(), usual.median)),
            Some(("a".to_owned(), 60.0))
        );
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
