//! Airflow's logs: entries, and the attempts and runs that they tell of.
//!
//! A task's log, a scheduler's, a triggerer's, a DAG processor's are written in one of a few formats ([`Format`]); what an
//! entry says decides what it implies. An entry is one row of the source: a line with a time and the lines without one that
//! follow it. Of its text a template is kept ([`miner`]), of warnings and errors the first line as well, with secrets masked.

mod clock;
mod console;
mod entry;
mod exception;
mod fetched;
mod json;
mod lines;
mod miner;
mod names;
mod pairs;
mod place;
mod scheduler;
mod session;
mod task;
mod text;
mod variables;

use super::{
    reading::Fault,
    sink::{Halt, Sink},
};
use crate::model::{DagRun, Text, Timestamp};
use std::{collections::HashMap, io::BufRead};

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Airflow 1.10 to 2.x: `[time] {file.py:123} LEVEL - message`.
    Text,
    /// Task logs of Airflow 3: a JSON object a line.
    Json,
    /// Airflow 3 on a console: `time [level    ] message [logger] key=value`.
    Console,
    /// What the REST API answers: one JSON object around either of the first two.
    Fetched,
}

/// Longest prefix of an input that is looked at to recognise it.
const HEAD: usize = 8 << 10;

impl Format {
    /// The format of an input by its first bytes, decompressed, and its path; `None` where it is no log of Airflow.
    pub(super) fn recognise(head: &[u8], path: &str) -> Option<Self> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let is_cut = head.len() >= HEAD;
        let head = &head[..head.len().min(HEAD)];
        if memchr::memchr(0, head).is_some() {
            return None;
        }
        if fetched::begins(head) {
            return Some(Self::Fetched);
        }
        // Output of Airflow's commands: a table or JSON, with log lines before it.
        let is_data = [".json", ".csv", ".tsv"].iter().any(|end| path.ends_with(end));
        let mut plain = Vec::new();
        for line in head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
            let line = if entry::without_colours(line, &mut plain) { &plain } else { line };
            match line.first() {
                Some(b'{') if json::entry(line).is_some_and(|entry| is_airflow(&entry)) => return Some(Self::Json),
                Some(b'{') if is_cut && json::begins(line) => return Some(Self::Json),
                // Any other JSON is something else, whatever stands in it.
                Some(b'{') => return None,
                Some(b'[') if !is_data && text::airflow(line).is_some() => return Some(Self::Text),
                Some(b'0'..=b'9') if !is_data && console::entry(line).is_some() => return Some(Self::Console),
                _ => {}
            }
        }
        // A task that printed much before its first entry: the path says what it is.
        place::place(path).1.map(|_| Self::Text)
    }

    /// The format, for people.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Text => "log (Airflow 1.10 to 2.x)",
            Self::Json => "log (Airflow 3, JSON lines)",
            Self::Console => "log (Airflow 3, console)",
            Self::Fetched => "log (REST API)",
        }
    }
}

/// Other programs write JSON lines with an `event` as well.
fn is_airflow(entry: &entry::Entry<'_>) -> bool {
    !entry.level.is_empty() || !entry.logger.is_empty() || entry.message.starts_with(b"::")
}

/// What the user knows of the logs and they do not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    /// Seconds east of UTC of the clock of logs that state no offset (Airflow 1.10 to 2.2); UTC where it is not given.
    pub(super) utc_offset_s: Option<i32>,
}

/// Reads all logs of one ingest: templates are the same in all of them.
///
/// Which template a line gets depends on the lines before it, so logs must be read in a fixed order, one after the other.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Shared,
}

/// What outlives a log.
#[derive(Debug)]
struct Shared {
    miner: miner::Miner,
    names: names::Names,
    has_warned: bool,
    nothing: Text,
    /// The level of nearly every entry.
    info: Text,
    /// The run told last: the logs of a run lie side by side and tell of it once.
    last_run: Option<(Text, Text, Option<Timestamp>)>,
}

impl Shared {
    fn is_new_run(&mut self, run: &DagRun) -> bool {
        let key = (run.dag_id.clone(), run.run_id.clone(), run.logical_date);
        let is_new = self.last_run.as_ref() != Some(&key);
        self.last_run = Some(key);
        is_new
    }
}

impl Reader {
    /// A reader that has seen nothing.
    pub(super) fn new() -> Self {
        Self {
            shared: Shared {
                miner: miner::Miner::new(),
                names: names::Names::new(),
                has_warned: false,
                nothing: "".into(),
                info: "INFO".into(),
                last_run: None,
            },
        }
    }

    /// Reads a log to its end: entries to [`Sink::row`], attempts and runs to [`Sink::implied`]. A stream that breaks is a
    /// fault of its last line: what was read before stands.
    pub(super) fn read(
        &mut self,
        format: Format,
        path: &str,
        input: &mut dyn BufRead,
        hints: &Hints,
        sink: &mut dyn Sink,
    ) -> Result<(), Halt> {
        if format != Format::Fetched {
            return session::Session::new(format, path, hints, &mut self.shared, sink).read(input);
        }
        let fault = match fetched::lines(input) {
            Ok(Some((format, lines))) => {
                return session::Session::new(format, path, hints, &mut self.shared, sink).read(&mut lines.as_slice());
            }
            Ok(None) => Fault::new("not a whole log of the REST API (cut off, or longer than 64 MiB)"),
            Err(error) => Fault::of("cannot be read", &error.to_string()),
        };
        sink.rejected(None, &fault)
    }

    /// Texts of templates that later lines made more general, each with what it is now.
    pub(super) fn generalised(&self) -> HashMap<Text, Text> {
        self.shared.miner.generalised()
    }

    /// Templates found so far.
    #[cfg(test)]
    pub(super) fn templates(&self) -> usize {
        self.shared.miner.count()
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
