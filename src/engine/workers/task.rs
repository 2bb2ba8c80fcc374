//! Tasks, what becomes of them, and what workers go by.

use super::{Kind, Priority, QueueStatistics, ScaleSettings, Token};
use crate::model::Text;
use std::time::Duration;

/// What workers go by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many there are.
    pub scale: ScaleSettings,
    /// Tasks that may wait. Default 1,000.
    pub queue: usize,
    /// Time limit of a task that names none. Default 300 s.
    pub timeout: Duration,
    /// How long a task that was told to stop may take to do so. Default 1 s.
    pub grace: Duration,
    /// How often the number of workers is decided anew; a time limit is kept to that as well. Default 0.1 s.
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scale: ScaleSettings::default(),
            queue: 1000,
            timeout: Duration::from_secs(300),
            grace: Duration::from_secs(1),
            tick: Duration::from_millis(100),
        }
    }
}

/// Tells how the machine stands.
pub trait Machine: Send + Sync {
    /// Cores.
    fn cores(&self) -> usize;
    /// Runnable threads of the whole machine, where that is known.
    fn load(&self) -> Option<f64>;
    /// Bytes that may be used still, where that is known.
    fn free_bytes(&self) -> Option<u64>;
}

/// What a task does.
type Act<R> = Box<dyn FnOnce(&Token) -> Result<R, String> + Send>;

/// A task.
pub struct Task<R> {
    pub(super) name: Text,
    pub(super) kind: Kind,
    pub(super) priority: Priority,
    pub(super) timeout: Option<Duration>,
    pub(super) act: Act<R>,
}

impl<R> Task<R> {
    /// A task that waits for things, of normal priority.
    pub fn new(name: impl Into<Text>, act: impl FnOnce(&Token) -> Result<R, String> + Send + 'static) -> Self {
        Self { name: name.into(), kind: Kind::Io, priority: Priority::Normal, timeout: None, act: Box::new(act) }
    }

    /// Of that kind.
    #[must_use]
    pub fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Of that priority.
    #[must_use]
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// With that time limit.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// It ended well; if beyond its time limit, within the grace.
    Done(R),
    /// It said that it failed.
    Failed(String),
    /// It panicked.
    Panicked(String),
    /// It was told to stop at its time limit.
    TimedOut {
        /// It did stop; else its thread was given up.
        stopped: bool,
    },
    /// It was not run, or was told to stop, since the workers were shut down.
    Cancelled,
}

/// A task that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended<R> {
    /// Its number, in the order of submission, from 1.
    pub task: u64,
    /// Its name.
    pub name: Text,
    /// What became of it.
    pub outcome: Outcome<R>,
    /// Nanoseconds in the queue.
    pub queued_ns: u64,
    /// Nanoseconds that it ran.
    pub ran_ns: u64,
}

/// What workers did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The queue.
    pub queue: QueueStatistics,
    /// Tasks that ended, in whatever way.
    pub ended: u64,
    /// Workers now.
    pub workers: usize,
    /// Most workers at a time.
    pub most_workers: usize,
    /// Names of tasks that did not stop, and whose threads are not back.
    pub abandoned: Vec<Text>,
}

/// Why a task was not taken: it comes back.
#[derive(thiserror::Error)]
pub enum Refused<R> {
    /// The queue is full.
    #[error("the queue is full")]
    Full(Task<R>),
    /// The workers were shut down.
    #[error("the workers were shut down")]
    Closed(Task<R>),
}

impl<R> std::fmt::Debug for Refused<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
