//! Deploys, incidents and other events that may explain a change: tables that people keep, `git log`, deployments as GitHub and
//! GitLab list them.

mod csv_table;
mod deployments;
mod git;
mod instant;

use super::{
    airflow_more::{Mask, Tools},
    reading::Fault,
    sink::{Halt, Sink},
};
use crate::model::{Marker, Text, Timestamp};
use std::io::BufRead;

/// Longest text of a marker, in characters.
const MAX_TEXT_CHARS: usize = 300;

/// What an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A table with a time and a text.
    Table {
        /// Separator of its fields.
        delimiter: u8,
    },
    /// `git log`, with a block of lines a commit.
    GitLog,
    /// `git log --format=..`, with a line a commit that holds its hash, its date and its subject.
    GitLines,
    /// Deployments or releases, as JSON.
    Deployments,
    /// Close to one of those, and of no use as it is: what it is and what to do.
    Refused(String),
}

impl Format {
    /// In words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Table { .. } => "deploys and incidents, table",
            Self::GitLog | Self::GitLines => "git log",
            Self::Deployments => "deployments, JSON",
            Self::Refused(_) => "refused",
        }
    }
}

/// What an input is whose first bytes, decompressed and cut anywhere, are `head`. `name` is its file name: it decides nothing
/// but what a table without a column for it is about (`incidents.csv`).
pub(super) fn recognise(head: &[u8], name: &str) -> Option<Format> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if deployments::recognise(head) {
        return Some(Format::Deployments);
    }
    git::recognise(head).or_else(|| csv_table::recognise(head, name).map(|delimiter| Format::Table { delimiter }))
}

/// Reads `input`, recognised as `format`, to its end. `name` as for [`recognise`]; `mask` replaces secrets in free text.
pub(super) fn read(
    input: &mut dyn BufRead,
    format: &Format,
    name: &str,
    mask: Mask,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut tools = Tools::new(mask);
    match format {
        Format::Table { delimiter } => csv_table::read(input, *delimiter, name, &mut tools, sink),
        Format::GitLog => git::read_log(input, &tools, sink),
        Format::GitLines => git::read_lines(input, &tools, sink),
        Format::Deployments => deployments::read(input, &mut tools, sink),
        Format::Refused(reason) => sink.rejected(None, &Fault::new(reason.clone())),
    }
}

/// One line of masked text.
fn one_line(tools: &Tools, text: &str) -> Text {
    let words: Vec<&str> = text.split_whitespace().collect();
    tools.free(&words.join(" "), MAX_TEXT_CHARS)
}

fn commit(time: Timestamp, hash: &str, subject: &str, tools: &Tools) -> Marker {
    Marker {
        time,
        kind: "commit".into(),
        text: one_line(tools, if subject.is_empty() { hash } else { subject }),
        dag_id: None,
        reference: Some(hash.into()),
        ended_at: None,
    }
}

#[cfg(test)]
mod tests;
