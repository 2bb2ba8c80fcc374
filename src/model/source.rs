//! Where a row came from, and which of two rows is to be believed.

/// Kind of source. Order is trust: later variants win over earlier ones where both give a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A row that another table implies, as a joined export implies its run.
    Derived,
    /// `task_fail`: failed attempts, whole seconds.
    TaskFail,
    /// A scheduler's log.
    SchedulerLog,
    /// A task's log.
    TaskLog,
    /// The REST API.
    Rest,
    /// The metadata database: live tables, history tables and their archives.
    Database,
}

impl SourceKind {
    const ALL: [Self; 6] =
        [Self::Derived, Self::TaskFail, Self::SchedulerLog, Self::TaskLog, Self::Rest, Self::Database];

    /// Text as in the lake.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Derived => "derived",
            Self::TaskFail => "task_fail",
            Self::SchedulerLog => "scheduler_log",
            Self::TaskLog => "task_log",
            Self::Rest => "rest",
            Self::Database => "database",
        }
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which input of one ingest a row came from: a place in its list of sources.
pub type Origin = u32;

/// Origin of rows that are only implied by a row of a source: they are kept, and no receipt counts them.
pub const UNCOUNTED: Origin = Origin::MAX;
