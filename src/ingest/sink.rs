//! Where a reader's rows go. Each row of a source is told once: as a row, as one that is not kept, or as a fault.

use super::reading::Fault;
use crate::model::{AttemptRef, Row};

/// The receiver failed (the disk is full, `--strict` met a defect) and knows why: the reader stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halt;

/// Receives what a reader finds.
pub(super) trait Sink {
    /// A row of the source, understood.
    fn row(&mut self, row: Row) -> Result<(), Halt>;

    /// The same for an attempt that is only borrowed.
    fn attempt(&mut self, attempt: &AttemptRef<'_>) -> Result<(), Halt> {
        self.row(Row::Attempt(attempt.to_owned()))
    }

    /// A row that one of the source implies, such as the attempt that a log tells of. It is kept, and not counted.
    fn implied(&mut self, row: Row) -> Result<(), Halt>;

    /// A row of the source, understood and not kept, for this reason (a fixed phrase: reasons are counted).
    fn ignored(&mut self, reason: &str) -> Result<(), Halt>;

    /// A row of the source that cannot be read.
    fn rejected(&mut self, line: Option<u64>, fault: &Fault) -> Result<(), Halt>;

    /// What the user should know and can mend.
    fn warn(&mut self, text: String);
}

/// Keeps everything, for tests and fuzz targets.
#[cfg(any(test, fuzzing))]
#[derive(Debug, Default, PartialEq)]
pub(super) struct Collected {
    pub(super) rows: Vec<Row>,
    pub(super) implied: Vec<Row>,
    pub(super) ignored: Vec<String>,
    pub(super) faults: Vec<(Option<u64>, Fault)>,
    pub(super) warnings: Vec<String>,
}

#[cfg(any(test, fuzzing))]
impl Sink for Collected {
    fn row(&mut self, row: Row) -> Result<(), Halt> {
        self.rows.push(row);
        Ok(())
    }

    fn implied(&mut self, row: Row) -> Result<(), Halt> {
        self.implied.push(row);
        Ok(())
    }

    fn ignored(&mut self, reason: &str) -> Result<(), Halt> {
        self.ignored.push(reason.to_owned());
        Ok(())
    }

    fn rejected(&mut self, line: Option<u64>, fault: &Fault) -> Result<(), Halt> {
        self.faults.push((line, fault.clone()));
        Ok(())
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}
