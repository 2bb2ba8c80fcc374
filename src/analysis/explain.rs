//! Why one run took as long as it did: its critical path, each stretch beside what other runs took there.

use super::{
    path::critical_path,
    stretch::{Explained, Pokes, split},
    structure::{Structure, ended_well},
    usual::{Usual, UsualParts, numbered},
};
use crate::{
    model::{Attempt, DagHistory, DagRun, EdgeSource, RunState, RunType, Text, TextMap, Timestamp},
    stats::quantile,
};

/// Other runs that tell what is usual: about a month of a daily DAG.
const OTHER_RUNS: usize = 30;

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
    let pokes = Pokes::of(history);
    let mut parts = split(&path, attempts, &pokes);
    let usual = UsualParts::of(&others, attempts_of, &parts, (&structure, &pokes));
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
