//! What reading one source counts.

use crate::model::{Counts, Defect, TimeRange, Timestamp};
use std::collections::BTreeMap;

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
}

/// A fault of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is wrong, without the value: faults of one kind are counted together.
    pub(super) kind: String,
    /// The value.
    pub(super) value: Option<String>,
}

/// Longest value that is shown.
const SHOWN_CHARS: usize = 60;

impl Fault {
    pub(super) fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: None }
    }

    pub(super) fn of(kind: impl Into<String>, value: &str) -> Self {
        let mut shown: String = value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
        if value.chars().nth(SHOWN_CHARS).is_some() {
            shown.push('…');
        }
        Self { kind: kind.into(), value: Some(shown) }
    }

    /// With the value.
    pub(super) fn text(&self) -> String {
        match &self.value {
            Some(value) => format!("{}: `{value}`", self.kind),
            None => self.kind.clone(),
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

    pub(super) fn reject(&mut self, line: Option<u64>, fault: &Fault) {
        self.counts.rejected += 1;
        let entry = self.faults.entry(fault.kind.clone()).or_insert_with(|| (line, fault.text(), 0));
        entry.2 += 1;
    }

    pub(super) fn ignore(&mut self, reason: &str) {
        self.counts.ignored += 1;
        match self.ignored.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.ignored.insert(reason.to_owned(), 1);
            }
        }
    }

    pub(super) fn saw(&mut self, instant: Option<Timestamp>) {
        let Some(at) = instant else { return };
        let span = self.span.get_or_insert(TimeRange { from: at, to: at });
        span.from = span.from.min(at);
        span.to = span.to.max(at);
    }
}
