//! Backlogs whose end can be told by hand.

use super::{
    super::fixtures::{Dag, at, case},
    Ahead, Backlog, Done, ahead,
};
use crate::{
    model::{DagHistory, RunState, TaskState},
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
    assert_eq!(told.done, Done::Outpaced);
    // A pool that was closed lets nobody in.
    let closed = case(&[(ETL, etl())], 0);
    assert_eq!(ahead(&closed, &[], asked(3)).expect("runs").done, Done::NoRoom);
}

#[test]
fn intervals_hold_runs_that_vary_together() {
    // Good and bad days: ten runs in a row are slow or fast alike.
    let mut inside = 0;
    for seed in 0..60 {
        let mut draw = Draw::new(seed);
        let days: Vec<f64> = (0..6).map(|_| draw.log_normal(1.0, 0.3)).collect();
        let runs: Vec<f64> = (0..56).map(|run| 600.0 * days[run / 10] * draw.log_normal(1.0, 0.1)).collect();
        let dag = Dag { name: "etl", tasks: &[("a", 1)], edges: &[] };
        let history = dag.history(55, |run, _| (2.0, runs[run]));
        let next = end(ahead(&case(&[(dag, history)], 4), &[], asked(1)));
        inside += i32::from(next.lower - 3.0 <= runs[55] && runs[55] <= next.upper + 3.0);
    }
    assert!(inside >= 46, "{inside} of 60");
}
