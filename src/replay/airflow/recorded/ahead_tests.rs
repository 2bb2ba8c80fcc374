//! Backlogs whose end can be told by hand.

use super::{
    super::{
        WhatIf,
        fixtures::{Dag, at, case},
    },
    Ahead, Backlog, Done, ahead,
};
use crate::{
    model::{Attempt, DagHistory, RunState, RunType, TaskState},
    stats::{Draw, Estimate},
};

const ETL: Dag<'static> = Dag { name: "etl", tasks: &[("a", 2), ("b", 1)], edges: &[("a", "b")] };

/// 40 runs of a task of ten minutes and one of five behind it.
fn etl() -> DagHistory {
    ETL.history(40, |_, place| if place == 0 { (2.0, 600.0) } else { (604.0, 300.0) })
}

fn asked(added: u32) -> Backlog {
    Backlog { dag: 0, added, seed: 7 }
}

fn end(told: Option<Ahead>) -> Estimate {
    match told.expect("runs").done {
        Done::In(estimate) => estimate,
        never => panic!("{never:?}"),
    }
}

/// The last run as far as it had come after so many seconds.
fn cut(mut history: DagHistory, after: f64) -> DagHistory {
    let run = history.runs.last_mut().expect("runs");
    let now = at(39.0 * 3_600.0 + after);
    (run.state, run.ended_at) = (Some(RunState::Running), None);
    let id = run.run_id.clone();
    history.attempts.retain(|attempt| attempt.run_id != id || attempt.queued_at <= now);
    for attempt in history.attempts.iter_mut().filter(|attempt| attempt.run_id == id && attempt.ended_at > now) {
        (attempt.state, attempt.ended_at) = (Some(TaskState::Running), None);
    }
    history
}

#[test]
fn what_is_under_way_ends_when_what_is_left_of_it_does() {
    // Its second task began at 604 s, and that is the last that is known.
    let told = ahead(&case(&[(ETL, cut(etl(), 700.0))], 4), &[], asked(0)).expect("a run");
    assert_eq!((told.under_way, told.to_go), (1, 1));
    let done = end(Some(told));
    assert!((295.0..320.0).contains(&done.point) && done.lower <= done.point && done.point <= done.upper, "{done:?}");
    // Nothing to do, nothing to tell.
    assert_eq!(ahead(&case(&[(ETL, etl())], 4), &[], asked(0)), None);
}

#[test]
fn a_pool_of_one_slot_works_off_one_task_at_a_time() {
    let told = ahead(&case(&[(ETL, etl())], 1), &[], asked(6)).expect("runs");
    let done = end(Some(told.clone()));
    // Six runs of a quarter of an hour; those that the schedule brings meanwhile, of later dates, come after their first tasks.
    assert!((5_400.0..6_700.0).contains(&done.point), "{done:?}");
    assert_eq!((told.under_way, told.to_go, told.progress.last().map(|last| last.0)), (0, 12, Some(6)));
    assert!((told.arriving_per_h - 2.0).abs() < 0.5, "{}", told.arriving_per_h);
    let wide = end(ahead(&case(&[(ETL, etl())], 16), &[], asked(6)));
    assert!((900.0..1_000.0).contains(&wide.point), "{wide:?}");
    // What the replay was off, the promise may be.
    let off = end(ahead(&case(&[(ETL, etl())], 16), &[0.8, 1.0, 1.25], asked(6)));
    assert!(off.lower < 0.85 * wide.point && off.upper > 1.2 * wide.point, "{off:?}");
}

#[test]
fn a_backlog_behind_more_urgent_work_than_can_be_done_never_ends() {
    // Two hours of work an hour, of the same single slot and of more weight.
    let urgent = Dag { name: "urgent", tasks: &[("x", 9)], edges: &[] };
    let history = urgent.history(40, |_, _| (2.0, 7_200.0));
    let told = ahead(&case(&[(ETL, etl()), (urgent, history)], 1), &[], asked(8)).expect("runs");
    assert!(matches!(told.done, Done::Outpaced(seconds) if seconds > 50_000.0), "{:?}", told.done);
    // A pool that was closed lets nobody in.
    let closed = case(&[(ETL, etl())], 0);
    assert_eq!(ahead(&closed, &[], asked(3)).expect("runs").done, Done::NoRoom);
}

#[test]
fn intervals_hold_runs_that_vary_together() {
    // Good and bad days: ten runs in a row are slow or fast alike.
    let (mut inside, mut widths) = (0, 0.0);
    for seed in 0..60 {
        let mut draw = Draw::new(seed);
        let days: Vec<f64> = (0..6).map(|_| draw.log_normal(1.0, 0.3)).collect();
        let runs: Vec<f64> = (0..56).map(|run| 600.0 * days[run / 10] * draw.log_normal(1.0, 0.1)).collect();
        let dag = Dag { name: "etl", tasks: &[("a", 1)], edges: &[] };
        let history = dag.history(55, |run, _| (2.0, runs[run]));
        let next = end(ahead(&case(&[(dag, history)], 4), &[], asked(1)));
        widths += (next.upper - next.lower) / next.point;
        inside += i32::from(next.lower - 3.0 <= runs[55] && runs[55] <= next.upper + 3.0);
    }
    // 90 of 100 are 54 of 60; seven of eight binomial ones of .9 lie in this range.
    assert!((48..=60).contains(&inside), "{inside} of 60");
    assert!(widths < 60.0 * 2.0, "{widths}");
}

#[test]
fn runs_made_by_hand_are_no_schedule() {
    // Thirty runs of another DAG within a minute, once, by hand.
    let other = Dag { name: "by_hand", tasks: &[("x", 9)], edges: &[] };
    let mut history = other.history(30, |_, _| (2.0, 600.0));
    for (number, run) in history.runs.iter_mut().enumerate() {
        run.run_type = RunType::Manual;
        run.logical_date = at(number as f64);
    }
    let told = ahead(&case(&[(ETL, etl()), (other, history)], 2), &[], asked(3)).expect("runs");
    // The hourly schedule of two tasks alone.
    assert!((told.arriving_per_h - 2.0).abs() < 1e-6, "{}", told.arriving_per_h);
    assert!(matches!(told.done, Done::In(_)), "{:?}", told.done);
}

#[test]
fn what_is_left_of_a_task_is_what_it_is_foretold_to_take_without_what_it_has_taken() {
    // Runs have come to take twice as long; one task has run for 900 s of 2,000.
    let dag = Dag { name: "etl", tasks: &[("a", 1)], edges: &[] };
    let mut history = dag.history(60, |run, _| (2.0, if run < 45 { 1_000.0 } else { 2_000.0 }));
    let (run, attempt) = (history.runs.last_mut().expect("runs"), history.attempts.last_mut().expect("attempts"));
    (run.state, run.ended_at, attempt.state, attempt.ended_at) =
        (Some(RunState::Running), None, Some(TaskState::Running), None);
    // Another DAG's task shows how late it is.
    let clock = Dag { name: "clock", tasks: &[("x", 1)], edges: &[] };
    let mut ticks = clock.history(60, |_, _| (800.0, 102.0));
    ticks.runs.truncate(60);
    let done = end(ahead(&case(&[(dag, history), (clock, ticks)], 4), &[], asked(0)));
    assert!((1_000.0..1_250.0).contains(&done.point), "{done:?}");
}

#[test]
fn mapped_tasks_of_a_run_under_way_are_those_that_it_is_recorded_to_have() {
    let dag = Dag { name: "etl", tasks: &[("m", 1)], edges: &[] };
    let mut history = dag.history(20, |_, _| (2.0, 60.0));
    history.attempts.iter_mut().for_each(|attempt| attempt.map_index = 0);
    let (last, mut attempts) = (history.attempts.last().expect("attempts").clone(), Vec::new());
    for index in 0..30 {
        let (state, queued_at) = (Some(TaskState::Scheduled), None);
        attempts.push(Attempt { map_index: index, state, queued_at, started_at: None, ended_at: None, ..last.clone() });
    }
    history.attempts.pop();
    history.attempts.extend(attempts);
    let run = history.runs.last_mut().expect("runs");
    (run.state, run.ended_at) = (Some(RunState::Running), None);
    let told = ahead(&case(&[(dag, history)], 3), &[], asked(0)).expect("a run");
    assert_eq!(told.to_go, 30);
    // Ten rounds of three at once.
    let done = end(Some(told));
    assert!((600.0..700.0).contains(&done.point), "{done:?}");
}

#[test]
fn little_history_makes_a_wide_promise() {
    let dag = Dag { name: "etl", tasks: &[("a", 1)], edges: &[] };
    let told = ahead(&case(&[(dag, dag_history(1))], 4), &[], asked(1)).expect("runs");
    assert_eq!(told.donors, 1);
    let done = end(Some(told));
    assert!(done.upper > 5.0 * done.lower, "{done:?}");
}

fn dag_history(runs: usize) -> DagHistory {
    Dag { name: "etl", tasks: &[("a", 1)], edges: &[] }.history(runs, |_, _| (2.0, 100.0))
}

#[test]
fn a_run_that_nothing_was_recorded_of_lately_is_known_to_be_idle() {
    let told = ahead(&case(&[(ETL, cut(etl(), 700.0))], 4), &[], asked(0)).expect("a run");
    assert!(told.idle_s < 1.0 && (850.0..950.0).contains(&told.usual_s), "{told:?}");
    let clock = Dag { name: "clock", tasks: &[("x", 1)], edges: &[] };
    let late = clock.history(60, |_, _| (2.0, 60.0));
    let told = ahead(&case(&[(ETL, cut(etl(), 700.0)), (clock, late)], 4), &[], asked(0)).expect("a run");
    assert!(told.idle_s > 60_000.0, "{}", told.idle_s);
}

#[test]
fn a_shift_moves_runs_and_no_clock() {
    let recorded = case(&[(ETL, cut(etl(), 700.0))], 4);
    for seconds in [7_200.0, -7_200.0] {
        let shifted = recorded.with(&[WhatIf::Shift("etl".into(), seconds)], &["etl".into()]).expect("a DAG");
        let [as_is, moved] = [&recorded, &shifted].map(|recorded| ahead(recorded, &[], asked(0)).expect("a run"));
        assert_eq!((as_is.now, as_is.done), (moved.now, moved.done));
    }
}
