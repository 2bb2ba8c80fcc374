//! What a scheduler's log tells of attempts and runs.
//!
//! * `TaskInstance Finished: dag_id=.., run_start_date=.., state=..` (2.2 and later) is the row of the database as it was when the
//!   executor's event was handled. Only a row in a state that ends an attempt is one: `up_for_reschedule` and `deferred` are
//!   pauses, and by `queued`, `scheduled` or `running` the row has moved on, so that its times are of the try before, its
//!   number of the try to come.
//! * `DagRun Finished: ..` (2.2 and later) likewise.
//! * `Marking run <DagRun d @ date: run_id, ..> successful` is all that 1.10 to 2.1 say of the end of a run, with the time of the
//!   line for its end; where `DagRun Finished` follows, that is used instead.
//!
//! `Executor reports execution of ..` (1.10 to 2.1) and `Received executor event ..` give the executor's status, which is not
//! the task's, and no times: they stay log entries.

use super::{clock, names::Names, pairs, place::Who};
use crate::model::{Attempt, DagRun, Row, RunState, RunType, SourceKind, TaskState, Timestamp, stand_in_run_id};

const ATTEMPT: &str = "TaskInstance Finished: ";
const RUN: &str = "DagRun Finished: ";
const MARKING: &str = "Marking run <DagRun ";
/// Lines that name an attempt as `TaskInstanceKey(dag_id='d', ..)`.
const KEYED: [&[u8]; 2] = [b"Received executor event", b"Sending TaskInstanceKey("];

/// Follows one scheduler's log.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// A run that was marked, until its full record comes.
    marked: Option<DagRun>,
}

impl Follower {
    /// Whom a line is about, and in `rows` the rows that it implies; `time` is when it was written.
    pub(super) fn see(
        &mut self,
        message: &[u8],
        time: Option<Timestamp>,
        names: &mut Names,
        rows: &mut Vec<Row>,
    ) -> Option<Who> {
        // Nearly every line is none of ours: one byte tells.
        if !matches!(message.first(), Some(b'T' | b'D' | b'M' | b'R' | b'S')) {
            return None;
        }
        if message.starts_with(ATTEMPT.as_bytes()) {
            let (attempt, is_end) = after(message, ATTEMPT).and_then(|record| attempt(record, names))?;
            let who = Who::from(&attempt);
            rows.extend(is_end.then_some(Row::Attempt(attempt)));
            return Some(who);
        }
        if message.starts_with(RUN.as_bytes()) {
            let run = after(message, RUN).and_then(|record| run(record, names))?;
            self.marked.take_if(|marked| marked.dag_id == run.dag_id && marked.run_id == run.run_id);
            let who = Who::run(&run);
            rows.push(Row::Run(run));
            return Some(who);
        }
        if message.starts_with(MARKING.as_bytes()) {
            rows.extend(self.finish());
            self.marked = after(message, MARKING).and_then(|text| marked(text, time, names));
            return self.marked.as_ref().map(Who::run);
        }
        KEYED.iter().any(|prefix| message.starts_with(prefix)).then(|| key(message, names)).flatten()
    }

    /// What is left at the end of the log.
    pub(super) fn finish(&mut self) -> Option<Row> {
        self.marked.take().map(Row::Run)
    }
}

fn after<'a>(message: &'a [u8], prefix: &str) -> Option<&'a str> {
    std::str::from_utf8(&message[prefix.len()..]).ok()
}

/// The attempt that a line names by its key.
fn key(message: &[u8], names: &mut Names) -> Option<Who> {
    let text = std::str::from_utf8(message).ok()?;
    let (_, key) = text.split_once("TaskInstanceKey(")?;
    let pairs: Vec<_> = pairs::pairs(key.split_once(')')?.0).collect();
    let get = |key| pairs::get(&pairs, key).map(|value| value.trim_matches('\''));
    let mut text = |key| get(key).and_then(|value: &str| names.some(value.as_bytes()));
    let (dag_id, run_id, task_id) = (text("dag_id"), text("run_id"), text("task_id"));
    Some(Who { dag_id, run_id, task_id, map_index: number(get("map_index")), try_number: number(get("try_number")) })
}

/// The attempt of a record, and whether the record is of its end.
fn attempt(record: &str, names: &mut Names) -> Option<(Attempt, bool)> {
    let pairs: Vec<_> = pairs::pairs(record).collect();
    let get = |key| pairs::get(&pairs, key);
    let state = TaskState::parse(get("state")?);
    let is_end = matches!(state, TaskState::Success | TaskState::Failed | TaskState::Skipped | TaskState::UpForRetry);
    let run_id = match get("run_id") {
        Some(run_id) => names.some(run_id.as_bytes())?,
        None => stand_in_run_id(time(get("execution_date"))?),
    };
    let mut text = |key| get(key).and_then(|value: &str| names.some(value.as_bytes()));
    let mut attempt = Attempt::known_by(text("dag_id")?, run_id, text("task_id")?, SourceKind::SchedulerLog);
    attempt.map_index = get("map_index").map_or(Some(-1), |index| index.parse().ok())?;
    attempt.try_number = number(get("try_number"));
    attempt.state = Some(state);
    attempt.operator = text("operator");
    attempt.pool = text("pool");
    attempt.queue = text("queue");
    // `LocalExecutor(parallelism=8)`: the name is what the database keeps.
    attempt.executor = text("executor").map(|text| text.split('(').next().unwrap_or(&text).into());
    attempt.priority_weight = number(get("priority_weight"));
    attempt.max_tries = number(get("max_tries"));
    attempt.scheduled_at = time(get("scheduled_dttm"));
    attempt.queued_at = time(get("queued_dttm"));
    attempt.started_at = time(get("run_start_date"));
    attempt.ended_at = time(get("run_end_date"));
    attempt.duration_s =
        get("run_duration").and_then(|text| text.parse().ok()).filter(|seconds: &f64| seconds.is_finite());
    attempt.ti_id = text("ti_id").map(|id| id.replace('-', "").into());
    Some((attempt, is_end))
}

fn run(record: &str, names: &mut Names) -> Option<DagRun> {
    let pairs: Vec<_> = pairs::pairs(record).collect();
    let get = |key| pairs::get(&pairs, key);
    let run_id = names.some(get("run_id")?.as_bytes())?;
    let mut run = DagRun::known_by(names.some(get("dag_id")?.as_bytes())?, run_id, SourceKind::SchedulerLog);
    run.run_type = get("run_type").map_or(run.run_type, RunType::parse);
    run.state = get("state").map(RunState::parse);
    run.logical_date = time(get("logical_date")).or_else(|| time(get("execution_date")));
    run.started_at = time(get("run_start_date"));
    run.ended_at = time(get("run_end_date"));
    Some(run)
}

/// `orders_etl @ 2026-09-25 02:00:00+00:00: scheduled__2026-09-25T02:00:00+00:00, externally triggered: False> successful`
fn marked(text: &str, time: Option<Timestamp>, names: &mut Names) -> Option<DagRun> {
    let (dag_id, rest) = text.split_once(" @ ")?;
    let (date, rest) = rest.split_once(": ")?;
    let (run_id, rest) = [", state:", ", externally triggered"].iter().find_map(|end| rest.split_once(end))?;
    let mut run =
        DagRun::known_by(names.some(dag_id.as_bytes())?, names.some(run_id.as_bytes())?, SourceKind::SchedulerLog);
    run.logical_date = self::time(Some(date));
    run.ended_at = time;
    run.state = match rest.rsplit_once("> ")?.1.trim() {
        "successful" => Some(RunState::Success),
        word if word.starts_with("failed") => Some(RunState::Failed),
        _ => return None,
    };
    Some(run)
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    clock::exactly(text?.as_bytes()).map(|stamp| stamp.instant(0))
}

fn number(text: Option<&str>) -> Option<i32> {
    text?.parse().ok()
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
