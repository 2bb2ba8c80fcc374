//! What an ingest did, counted in source rows. The counts of a source always add up.

use super::{Deployment, TimeRange};
use std::{collections::BTreeMap, ops::AddAssign};

/// What happened to the rows of one source, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows seen.
    pub read: u64,
    /// Rows that changed the lake.
    pub written: u64,
    /// Rows that the lake held already, the same in every field.
    pub duplicate: u64,
    /// Rows about something of which the lake knows better.
    pub superseded: u64,
    /// Rows that are understood and not kept, by reason.
    pub ignored: u64,
    /// Rows that could not be read, by defect.
    pub rejected: u64,
}

impl Counts {
    /// Do the parts sum to `read`?
    pub fn add_up(&self) -> bool {
        self.read == self.written + self.duplicate + self.superseded + self.ignored + self.rejected
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.written += other.written;
        self.duplicate += other.duplicate;
        self.superseded += other.superseded;
        self.ignored += other.ignored;
        self.rejected += other.rejected;
    }
}

/// One source: a file, or one table of a database file.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceReceipt {
    /// Path as given, with `#table` behind a database file.
    pub path: String,
    /// Table of the lake its rows went to; `None` where they are not kept.
    pub table: Option<&'static str>,
    /// What it was recognised as, such as `task_instance (Airflow 2.10, CSV)`.
    pub kind: String,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// Bytes of the file as it lies there.
    pub bytes: u64,
    /// What happened to its rows.
    pub counts: Counts,
    /// Rows that were not kept, by reason.
    pub ignored: BTreeMap<String, u64>,
    /// The same content was ingested before.
    pub skipped_as_known: bool,
}

/// A kind of fault in one source: the first line that shows it and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Path as given.
    pub path: String,
    /// First line that shows it, counted from 1; `None` where the fault is the file's.
    pub line: Option<u64>,
    /// What is wrong, with the value.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// What an ingest did.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Deployment the rows went to.
    pub deployment: Deployment,
    /// Each source, in the order of their paths.
    pub sources: Vec<SourceReceipt>,
    /// Rows of the deployment in the lake before and after. A row of a source may tell of several (a log line that ends an
    /// attempt), and several of one.
    pub lake_rows: (u64, u64),
    /// Earliest and latest instant among the rows read.
    pub span: Option<TimeRange>,
    /// What was wrong.
    pub defects: Vec<Defect>,
    /// What the user should know and can mend.
    pub warnings: Vec<String>,
}

impl Receipt {
    /// The sum over all sources.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for source in &self.sources {
            totals += source.counts;
        }
        totals
    }
}
