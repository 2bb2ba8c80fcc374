//! The key of a series: one quantity of one task (or of the run) over time, one point a run.

use super::{Deployment, RunType, Text};
use std::fmt;

/// What a series is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Airflow installation.
    pub deployment: Deployment,
    /// DAG.
    pub dag_id: Text,
    /// Task, or `None` for the run as a whole.
    pub task_id: Option<Text>,
    /// What started the runs: scheduled runs are kept apart from manual ones and backfills.
    pub run_type: RunType,
    /// Which mapped instance.
    pub index: Index,
    /// Quantity measured.
    pub quantity: Quantity,
}

impl SeriesKey {
    /// `dag.task` or `dag`, with the mapped index in brackets where there is one.
    pub fn name(&self) -> String {
        let mut name = self.dag_id.to_string();
        if let Some(task_id) = &self.task_id {
            name = format!("{name}.{task_id}");
        }
        if let Index::Instance(index) = self.index {
            name = format!("{name}[{index}]");
        }
        name
    }
}

/// Which instance of a mapped task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// The whole task: its longest instance in each run.
    All,
    /// One instance.
    Instance(i32),
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Instance(index) => write!(f, "{index}"),
        }
    }
}

/// A quantity that can get worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// Seconds from start to end of a first try.
    Duration,
    /// Seconds from start to end of later tries.
    RetryDuration,
    /// Seconds from `queued` to `started`.
    QueueWait,
    /// Seconds from `scheduled` to `queued`.
    SchedulingDelay,
    /// Seconds from first to last poke of a rescheduled sensor.
    SensorWait,
    /// Seconds from start to end of the run.
    RunDuration,
    /// Share of runs in which an attempt failed.
    FailureRate,
    /// Share of runs that needed more than one try.
    RetryRate,
    /// Spread of the duration around its own level.
    Spread,
}

impl Quantity {
    /// Every quantity.
    pub const ALL: [Self; 9] = [
        Self::Duration,
        Self::RetryDuration,
        Self::QueueWait,
        Self::SchedulingDelay,
        Self::SensorWait,
        Self::RunDuration,
        Self::FailureRate,
        Self::RetryRate,
        Self::Spread,
    ];

    /// Text as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::RetryDuration => "retry_duration",
            Self::QueueWait => "queue_wait",
            Self::SchedulingDelay => "scheduling_delay",
            Self::SensorWait => "sensor_wait",
            Self::RunDuration => "run_duration",
            Self::FailureRate => "failure_rate",
            Self::RetryRate => "retry_rate",
            Self::Spread => "spread",
        }
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|q| q.as_str() == text)
    }

    /// Words for a reader.
    pub fn label(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::RetryDuration => "duration of retries",
            Self::QueueWait => "queue wait",
            Self::SchedulingDelay => "scheduling delay",
            Self::SensorWait => "sensor wait",
            Self::RunDuration => "run duration",
            Self::FailureRate => "failure rate",
            Self::RetryRate => "retry rate",
            Self::Spread => "spread of the duration",
        }
    }

    /// Is it a share of runs, and not a number of seconds?
    pub fn is_rate(self) -> bool {
        matches!(self, Self::FailureRate | Self::RetryRate)
    }
}
