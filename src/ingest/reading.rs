//! What reading one source counts.

use super::{
    secrets,
    session::Learned,
    sink::{Halt, Sink},
};
use crate::model::{AttemptRef, Counts, Defect, Row, TimeRange, Timestamp};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// What reading one source counted.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Rows read, ignored and rejected; the rest is for the lake to count.
    pub counts: Counts,
    /// Rows that were understood and not kept, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// Earliest and latest instant among the rows.
    pub span: Option<TimeRange>,
    faults: BTreeMap<String, (Option<u64>, String, u64)>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// SHA-256 of the file as it lies there, where reading computed it.
    pub sha256: Option<String>,
    /// Bytes of the values, where there is no file.
    pub bytes: Option<u64>,
}

/// A fault of one row. Small, as it is a part of what reading each value returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(Box<Told>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    kind: String,
    value: Option<String>,
}

/// Longest value that is shown.
const SHOWN_CHARS: usize = 60;

impl Fault {
    pub(super) fn new(kind: impl Into<String>) -> Self {
        Self(Box::new(Told { kind: kind.into(), value: None }))
    }

    /// What is wrong, without the value: faults of one kind are counted together.
    pub(super) fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The value.
    pub(super) fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// Of a value, whose secrets are masked: what is wrong with it is shown to people and kept.
    pub(super) fn of(kind: impl Into<String>, value: &str) -> Self {
        // Far more than is shown, so that no secret is cut in two; the rest is not looked at.
        let end = value.char_indices().nth(16 * SHOWN_CHARS).map_or(value.len(), |(end, _)| end);
        let value = secrets::mask(value.get(..end).unwrap_or_default());
        let mut shown: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self(Box::new(Told { kind: kind.into(), value: Some(shown) }))
    }

    /// With the value.
    pub(super) fn text(&self) -> String {
        match self.value() {
            Some(value) => format!("{}: `{value}`", self.kind()),
            None => self.kind().to_owned(),
        }
    }
}

impl Reading {
    /// Defects found, by kind.
    pub fn defects(&self, path: &str) -> Vec<Defect> {
        let defect = |(line, reason, count): &(Option<u64>, String, u64)| Defect {
            path: path.to_owned(),
            line: *line,
            reason: reason.clone(),
            count: *count,
        };
        let mut defects: Vec<_> = self.faults.values().map(defect).collect();
        defects.sort_by_key(|defect| defect.line);
        defects
    }

    fn reject(&mut self, line: Option<u64>, fault: &Fault) {
        self.counts.rejected += 1;
        let entry = self.faults.entry(fault.kind().to_owned()).or_insert_with(|| (line, fault.text(), 0));
        entry.2 += 1;
    }

    fn ignore(&mut self, reason: &str) {
        self.counts.ignored += 1;
        match self.ignored.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.ignored.insert(reason.to_owned(), 1);
            }
        }
    }

    fn saw(&mut self, instant: Option<Timestamp>) {
        let Some(at) = instant else { return };
        let span = self.span.get_or_insert(TimeRange { from: at, to: at });
        span.from = span.from.min(at);
        span.to = span.to.max(at);
    }

    fn saw_row(&mut self, row: &Row) {
        match row {
            Row::Attempt(attempt) => [attempt.started_at, attempt.ended_at].into_iter().for_each(|at| self.saw(at)),
            Row::Run(run) => {
                self.saw(run.ended_at);
                // `dags test` writes the logical date as the start: it says nothing of when the run happened.
                self.saw(run.started_at.filter(|start| run.logical_date != Some(*start)));
            }
            Row::Reschedule(poke) | Row::RescheduleById { poke, .. } => self.saw(poke.started_at),
            Row::Metric(sample) => self.saw(Some(sample.ts)),
            Row::Log(event) => self.saw(event.ts),
            Row::Audit(event) => self.saw(Some(event.time)),
            _ => {}
        }
    }
}

/// Takes the rows of a source. False stops the reading: the receiver failed, and knows why.
pub trait Receiver {
    /// A row; `counted` if it stands for one of the source and is not only implied by one.
    fn row(&mut self, row: Row, counted: bool) -> bool;

    /// An attempt that stands for a row of the source.
    fn attempt(&mut self, attempt: &AttemptRef<'_>) -> bool;

    /// A row that cannot be read: its line, what is wrong, and the value with that fault, cut short and without secrets.
    fn rejected(&mut self, _line: Option<u64>, _reason: &str, _value: Option<&str>) -> bool {
        true
    }

    /// Rows that were read so far, and bytes of the file as it lies there; called now and then.
    fn progress(&mut self, rows: u64, bytes: u64);
}

/// Counts what a reader finds, and hands it on.
pub(super) struct Counting<'r> {
    reading: Reading,
    receiver: &'r mut dyn Receiver,
    learned: Option<Learned>,
    bytes: Option<Arc<AtomicU64>>,
    /// Stop at the first defect.
    strict: bool,
    /// When the file was last changed: what states no time is dated so, which says nothing of the span of the data.
    changed_at: Option<Timestamp>,
}

/// Rows between two calls of [`Receiver::progress`].
const PROGRESS_ROWS: u64 = 16_384;

impl<'r> Counting<'r> {
    pub(super) fn new(receiver: &'r mut dyn Receiver, learned: Option<Learned>, strict: bool) -> Self {
        Self { reading: Reading::default(), receiver, learned, bytes: None, strict, changed_at: None }
    }

    /// Tells of the bytes that are read, as `bytes` counts them.
    pub(super) fn watch(&mut self, bytes: Arc<AtomicU64>) {
        self.bytes = Some(bytes);
    }

    /// Leaves the time of the file's last change out of the span.
    pub(super) fn set_changed_at(&mut self, at: Option<Timestamp>) {
        self.changed_at = at;
    }

    /// What was counted and learned.
    pub(super) fn finish(self) -> (Reading, Option<Learned>) {
        (self.reading, self.learned)
    }

    fn saw_row(&mut self, row: &Row) {
        match row {
            Row::Metric(sample) if Some(sample.ts) == self.changed_at => {}
            row => self.reading.saw_row(row),
        }
    }

    fn count(&mut self) {
        self.reading.counts.read += 1;
        if self.reading.counts.read.is_multiple_of(PROGRESS_ROWS) {
            let bytes = self.bytes.as_ref().map_or(0, |bytes| bytes.load(Ordering::Relaxed));
            self.receiver.progress(self.reading.counts.read, bytes);
        }
    }
}

fn go_on(taken: bool) -> Result<(), Halt> {
    if taken { Ok(()) } else { Err(Halt) }
}

impl Sink for Counting<'_> {
    fn row(&mut self, row: Row) -> Result<(), Halt> {
        if let Row::Attempt(attempt) = &row {
            return self.attempt(&attempt.as_ref());
        }
        self.count();
        self.saw_row(&row);
        go_on(self.receiver.row(row, true))
    }

    fn attempt(&mut self, attempt: &AttemptRef<'_>) -> Result<(), Halt> {
        self.count();
        self.reading.saw(attempt.started_at);
        self.reading.saw(attempt.ended_at);
        if let Some(learned) = &mut self.learned {
            learned.note(attempt.dag_id, attempt.task_id, attempt.duration_s);
        }
        go_on(self.receiver.attempt(attempt))
    }

    fn implied(&mut self, row: Row) -> Result<(), Halt> {
        self.saw_row(&row);
        go_on(self.receiver.row(row, false))
    }

    fn ignored(&mut self, reason: &str) -> Result<(), Halt> {
        self.count();
        self.reading.ignore(reason);
        Ok(())
    }

    fn rejected(&mut self, line: Option<u64>, fault: &Fault) -> Result<(), Halt> {
        self.count();
        self.reading.reject(line, fault);
        go_on(self.receiver.rejected(line, fault.kind(), fault.value()) && !self.strict)
    }

    fn warn(&mut self, text: String) {
        if !self.reading.warnings.contains(&text) {
            self.reading.warnings.push(text);
        }
    }
}
