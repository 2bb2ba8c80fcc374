//! What a task's own log tells of its attempt.
//!
//! Whose log it is, the path says, else the lines do (`AIRFLOW_CTX_*`, `Marking task as ..`, the keys of 3.x); then the log may
//! hold one attempt after another, as the output of a backfill does.
//!
//! * `started_at`: until 2.x the first `Dependencies all met`, which is written within milliseconds of the database's
//!   `start_date`; in 3.x `::group::Pre Execute`, half a second late. A poke of a rescheduled sensor starts it anew in 2.x and
//!   3.x and not in 1.10, as in the database; a resumption after a deferral does not.
//! * `ended_at`: until 2.x the line `Marking task as ..` itself, which is written within milliseconds of `end_date`; without
//!   one, `Task exited with return code`, if not 0. In 3.x the end of the group `Post Execute`. A log that stops gives no end;
//!   nor does a reschedule or a deferral.
//! * `Marking task as ..` states both in whole seconds of UTC: they choose between pokes, and stand in where no line agrees.
//! * `state`: until 2.x as marked; for a process that was killed, failed or up for retry by the tries that `Starting attempt 1
//!   of 3` leaves. In 3.x failed by `Task failed with exception` or a signal, skipped by `Skipping task.`, otherwise success if it
//!   came to `Post Execute`; 3.x does not say whether a retry follows.

use super::{clock, entry::Entry, names::Names, pairs, place::Place};
use crate::model::{Attempt, DagRun, SourceKind, TaskState, Text, Timestamp, is_stand_in_run_id, stand_in_run_id};

/// Follows one log.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The path names the attempt.
    is_placed: bool,
    dag_id: Option<Text>,
    run_id: Option<Text>,
    task_id: Option<Text>,
    map_index: i32,
    try_number: Option<i32>,
    logical_date: Option<Timestamp>,
    /// A process of the attempt has begun and not said how it ended.
    is_open: bool,
    /// In the group `Post Execute` of 3.x.
    is_closing: bool,
    opened_at: Option<Timestamp>,
    /// A process was seen to run.
    ran: bool,
    first_started_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    state: Option<TaskState>,
    max_tries: Option<i32>,
    operator: Option<Text>,
    hostname: Option<Text>,
    pool: Option<Text>,
    ti_id: Option<Text>,
}

/// An attempt, and its run where that has an id.
pub(super) type Told = (Attempt, Option<DagRun>);

impl Follower {
    /// Of a log whose path names an attempt, or of one whose lines do.
    pub(super) fn new(place: Option<&Place>) -> Self {
        let Some(place) = place else { return Self { map_index: -1, ..Self::default() } };
        Self {
            is_placed: true,
            dag_id: Some(place.dag_id.clone()),
            run_id: Some(place.run_id.clone()),
            task_id: Some(place.task_id.clone()),
            map_index: place.map_index,
            try_number: Some(place.try_number),
            logical_date: place.logical_date,
            ..Self::default()
        }
    }

    /// Reads an entry; the attempt before, where the entry begins another, or the one that it ends in a log without a path.
    pub(super) fn see(&mut self, entry: &Entry<'_>, time: Option<Timestamp>, names: &mut Names) -> Option<Told> {
        let message = &*entry.message;
        // Nearly every line is none of ours: one byte tells.
        let first = *message.first()?;
        if !matches!(first, b'S' | b'E' | b'M' | b'T' | b'R' | b'P' | b'D' | b'F' | b':') {
            return None;
        }
        if !self.is_placed {
            self.take_ids(entry, names);
        }
        if self.ti_id.is_none() && !entry.ids.ti_id.is_empty() {
            let id = names.some(&entry.ids.ti_id);
            self.ti_id = id.map(|id| id.replace('-', "").to_ascii_lowercase().into());
        }
        let after = |prefix: &str| message.strip_prefix(prefix.as_bytes());
        // 3.x names levels in small letters, and says some things of 2.x in another sense.
        let is_3 = entry.level.first().is_some_and(u8::is_ascii_lowercase);
        match first {
            b'D' if after("Dependencies not met").is_some() => (self.is_open, self.opened_at) = (false, None),
            b'D' if after("Dependencies all met").is_some() => {
                let before = if self.is_open { None } else { self.open() };
                self.opened_at = self.opened_at.or(time);
                return before;
            }
            b':' => return self.group(message, time),
            b'M' => {
                self.marked(after("Marking task as ")?, time, names);
                // Without a path the next line may be another attempt's already.
                return if self.is_placed { None } else { self.finish() };
            }
            b'E' => match after("Executing <Task").or_else(|| after("Executing <Mapped")) {
                Some(rest) => self.executing(rest, names),
                None => after("Exporting ")?.split(|b| *b == b' ').for_each(|pair| self.context(pair, names)),
            },
            b'T' => match after("Task exited with return code ") {
                Some(code) => self.exited(code, time),
                None if after("Task killed!").is_some() => self.end(time),
                None if is_3 && after("Task failed with exception").is_some() => self.state = Some(TaskState::Failed),
                None => {}
            },
            b'R' if after("Running").is_some() => self.running(message, names),
            b'R' if after("Resuming after deferral").is_some() => {
                (self.ran, self.state, self.ended_at) = (true, None, None);
                self.started_at = self.started_at.or(self.opened_at);
            }
            b'R' if after("Rescheduling task, marking").is_some() => self.pause(TaskState::UpForReschedule),
            b'P' if after("Pausing task as DEFERRED").is_some() => self.pause(TaskState::Deferred),
            b'P' if after("Process terminated by signal").is_some() => {
                self.end(time);
                self.state = Some(TaskState::Failed);
            }
            b'S' => match after("Starting attempt ") {
                Some(rest) => self.start(rest, time),
                None if is_3 && after("Skipping task.").is_some() => self.state = Some(TaskState::Skipped),
                None => self.state = Some(state(after("State of this instance has been externally set to ")?)),
            },
            // It was cleared or set by hand while it ran.
            b'F' if after("Failed to report terminal task state").is_some() => self.state = None,
            _ => {}
        }
        None
    }

    /// Reads a line that has no time of its own: until 2.8 the context stands in such lines.
    pub(super) fn context(&mut self, line: &[u8], names: &mut Names) {
        let Some(pair) = line.strip_prefix(b"AIRFLOW_CTX_") else { return };
        let Some(equals) = memchr::memchr(b'=', pair) else { return };
        let value = pair[equals + 1..].trim_ascii();
        let value = value.strip_prefix(b"'").and_then(|value| value.strip_suffix(b"'")).unwrap_or(value);
        if value.is_empty() {
            return;
        }
        self.ran = true;
        match &pair[..equals] {
            b"EXECUTION_DATE" | b"LOGICAL_DATE" => self.dated(value),
            b"DAG_ID" if !self.is_placed => self.dag_id = names.some(value),
            b"TASK_ID" if !self.is_placed => self.task_id = names.some(value),
            b"TRY_NUMBER" if !self.is_placed => self.try_number = number(value),
            b"DAG_RUN_ID" if !self.is_placed => self.run_id = names.some(value),
            // A path of 1.10 to 2.2 names the run by its date, the context by its id.
            b"DAG_RUN_ID" if self.run_id.as_deref().is_some_and(is_stand_in_run_id) => {
                self.run_id = names.some(value).or(self.run_id.take());
            }
            _ => {}
        }
    }

    /// The attempt, at the end of the log or where another begins.
    pub(super) fn finish(&mut self) -> Option<Told> {
        let fresh = Self { map_index: -1, ..Self::default() };
        let this = std::mem::replace(self, fresh);
        let run_id = this.run_id.or_else(|| this.logical_date.map(stand_in_run_id));
        let (true, Some(dag_id), Some(run_id), Some(task_id)) = (this.ran, this.dag_id, run_id, this.task_id) else {
            return None;
        };
        if run_id.starts_with(TEMPORARY_RUN) {
            return None;
        }
        let run = (!is_stand_in_run_id(&run_id)).then(|| {
            let run = DagRun::known_by(dag_id.clone(), run_id.clone(), SourceKind::TaskLog);
            DagRun { logical_date: this.logical_date, ..run }
        });
        let attempt = Attempt {
            map_index: this.map_index,
            try_number: this.try_number,
            state: this.state,
            operator: this.operator,
            pool: this.pool,
            hostname: this.hostname,
            max_tries: this.max_tries,
            started_at: this.started_at,
            ended_at: this.ended_at,
            ti_id: this.ti_id,
            ..Attempt::known_by(dag_id, run_id, task_id, SourceKind::TaskLog)
        };
        Some((attempt, run))
    }

    /// A process begins: of the same attempt where the path names it, of another otherwise.
    fn open(&mut self) -> Option<Told> {
        let before = if self.is_placed { None } else { self.finish() };
        (self.is_open, self.is_closing, self.opened_at) = (true, false, None);
        before
    }

    fn start(&mut self, rest: &[u8], time: Option<Timestamp>) {
        (self.ran, self.state, self.ended_at) = (true, None, None);
        self.started_at = self.opened_at.or(time);
        self.first_started_at = self.first_started_at.or(self.started_at);
        let mut numbers = rest.split(|b| *b == b' ').filter_map(number);
        if let Some(number) = numbers.next().filter(|_| !self.is_placed) {
            self.try_number = Some(number);
        }
        self.max_tries = numbers.next().and_then(|tries| tries.checked_sub(1));
    }

    /// `(PythonOperator): extract_users> on 2026-09-18 01:30:00+00:00`
    fn executing(&mut self, rest: &[u8], names: &mut Names) {
        self.ran = true;
        self.started_at = self.started_at.or(self.opened_at);
        let Some(open) = memchr::memchr(b'(', rest) else { return };
        let Some(length) = memchr::memchr(b')', &rest[open..]) else { return };
        self.operator = names.some(&rest[open + 1..open + length]);
        if let Some(date) = after_last_bracket(rest, b"> on ") {
            self.dated(date);
        }
    }

    /// `Running <TaskInstance: ..> on host vm`, and the command line, which until 2.x names the pool.
    fn running(&mut self, message: &[u8], names: &mut Names) {
        if let Some(host) = after_last_bracket(message, b"> on host ") {
            self.hostname = names.some(host.trim_ascii());
        } else if self.pool.is_none() && message.starts_with(b"Running: [") {
            let mut words = message.split(|b| *b == b'\'').skip_while(|word| *word != b"--pool");
            self.pool = words.nth(2).and_then(|pool| names.some(pool));
        }
    }

    /// `SUCCESS. dag_id=orders_etl, task_id=.., execution_date=20260925T020000, start_date=.., end_date=..`
    fn marked(&mut self, rest: &[u8], time: Option<Timestamp>, names: &mut Names) {
        self.state = Some(state(rest));
        // A scheduler marks tasks too: of a log without a path only what was seen to run counts.
        (self.ran, self.is_open, self.ended_at) = (self.ran || self.is_placed, false, time);
        let text = String::from_utf8_lossy(rest);
        let Some((_, record)) = text.split_once('.') else { return };
        let pairs: Vec<_> = pairs::pairs(record).collect();
        let said = |key| pairs::get(&pairs, key).and_then(|date| clock::compact(date.as_bytes()));
        self.logical_date = self.logical_date.or_else(|| said("execution_date"));
        self.started_at = agree(said("start_date"), [self.started_at, self.first_started_at]);
        self.ended_at = agree(said("end_date"), [time, None]);
        if self.is_placed {
            return;
        }
        let mut take = |key: &str, into: &mut Option<Text>| {
            if let Some(value) = pairs::get(&pairs, key) {
                *into = names.some(value.as_bytes());
            }
        };
        take("dag_id", &mut self.dag_id);
        take("task_id", &mut self.task_id);
        take("run_id", &mut self.run_id);
        if let Some(index) = pairs::get(&pairs, "map_index").and_then(|index| index.parse().ok()) {
            self.map_index = index;
        }
    }

    fn pause(&mut self, state: TaskState) {
        (self.is_open, self.is_closing, self.ended_at, self.state) = (false, false, None, Some(state));
    }

    /// `0`, `100 (task deferral)`, `-9. For more information ..`, `Negsignal.SIGKILL`
    fn exited(&mut self, code: &[u8], time: Option<Timestamp>) {
        let was_open = std::mem::replace(&mut self.is_open, false);
        let end = code.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'-')).unwrap_or(code.len());
        if !was_open || !self.ran || matches!(&code[..end], b"0" | b"100") {
            return;
        }
        self.ended_at = time;
        if self.state.is_none() {
            let may_retry = matches!((self.try_number, self.max_tries), (Some(number), Some(most)) if number <= most);
            self.state = Some(if may_retry { TaskState::UpForRetry } else { TaskState::Failed });
        }
    }

    fn end(&mut self, time: Option<Timestamp>) {
        (self.is_open, self.is_closing, self.ended_at) = (false, false, time);
    }

    /// `::group::` and `::endgroup::`: a process of 2.9 or 3.x begins or comes to its end.
    fn group(&mut self, message: &[u8], time: Option<Timestamp>) -> Option<Told> {
        if message.starts_with(b"::group::Pre task execution") {
            return self.open();
        }
        if message.starts_with(b"::group::Pre Execute") {
            let before = self.open();
            self.started_at = if self.state == Some(TaskState::Deferred) { self.started_at.or(time) } else { time };
            (self.ran, self.state, self.ended_at) = (true, None, None);
            return before;
        }
        if message.starts_with(b"::group::Post Execute") {
            self.is_closing = true;
            self.state = self.state.take().or(Some(TaskState::Success));
            self.ended_at = time;
        } else if self.is_closing && message.starts_with(b"::endgroup::") {
            self.end(time);
        }
        None
    }

    fn dated(&mut self, text: &[u8]) {
        if let Some(stamp) = clock::exactly(text.trim_ascii()) {
            self.logical_date = Some(stamp.instant(0));
        }
    }

    fn take_ids(&mut self, entry: &Entry<'_>, names: &mut Names) {
        if entry.ids.is_empty() {
            return;
        }
        let ids = &entry.ids;
        self.dag_id = names.some(&ids.dag_id).or(self.dag_id.take());
        self.run_id = names.some(&ids.run_id).or(self.run_id.take());
        self.task_id = names.some(&ids.task_id).or(self.task_id.take());
        self.map_index = number(ids.map_index).unwrap_or(self.map_index);
        self.try_number = number(ids.try_number).or(self.try_number);
    }
}

/// What follows `mark`, if the last `>` of the text begins it.
fn after_last_bracket<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    text[memchr::memrchr(b'>', text)?..].strip_prefix(mark)
}

/// `airflow tasks test` makes up a run and deletes it again.
const TEMPORARY_RUN: &str = "__airflow_temporary_run_";

/// Of the times of lines, the first that agrees with what Airflow says in whole seconds of UTC; else what it says, as of a
/// host whose clock is not on UTC.
fn agree(said: Option<Timestamp>, lines: [Option<Timestamp>; 2]) -> Option<Timestamp> {
    let Some(second) = said else { return lines[0] };
    let agrees = |line: &Timestamp| (-LATE_S..1.0 + LATE_S).contains(&line.seconds_since(second));
    lines.into_iter().flatten().find(agrees).or(said)
}

/// Seconds that a line may lie beside what it tells of.
const LATE_S: f64 = 1.0;

/// The state that a text begins with: `UP_FOR_RETRY. dag_id=..`
fn state(text: &[u8]) -> TaskState {
    let end = text.iter().position(|b| !(b.is_ascii_alphabetic() || *b == b'_')).unwrap_or(text.len());
    TaskState::parse(&String::from_utf8_lossy(&text[..end]).to_ascii_lowercase())
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
