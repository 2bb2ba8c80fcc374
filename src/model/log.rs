//! One entry of a log: a line with what belongs to it.

use super::{Text, Timestamp};

/// One entry of a log: a line with a time, and the lines without one that follow it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEvent {
    /// The log it stands in: the end of its path that does not depend on where the tree lies, such as
    /// `dag_id=d/run_id=r/task_id=t/attempt=1.log`.
    pub source: Text,
    /// First line, counted from 1.
    pub line: i64,
    /// DAG, where the log is a task's or the entry names one.
    pub dag_id: Option<Text>,
    /// Run, likewise.
    pub run_id: Option<Text>,
    /// Task, likewise.
    pub task_id: Option<Text>,
    /// Index of the mapped instance, or -1.
    pub map_index: Option<i32>,
    /// Attempt, likewise.
    pub try_number: Option<i32>,
    /// When.
    pub ts: Option<Timestamp>,
    /// Seconds to the next entry of the same log: where a task spends its time.
    pub gap_s: Option<f64>,
    /// Level in capitals, such as `WARNING`.
    pub level: Option<Text>,
    /// Logger, or the source file where the format names that instead.
    pub logger: Option<Text>,
    /// Exception type, where the entry holds a traceback.
    pub exception: Option<Text>,
    /// The message with its variable parts replaced by `<*>`.
    pub template: Text,
    /// The message itself, with secrets masked, of warnings and errors only.
    pub message: Option<Text>,
    /// Lines that the entry consists of.
    pub lines: i32,
}
