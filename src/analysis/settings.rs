//! What a user may decide about an analysis.

use crate::model::{DagHistory, Quantity, SeriesKey, Timestamp};

/// Settings of the weekly analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Last instant to look at; `None` for the last in the history on each axis.
    pub as_of: Option<Timestamp>,
    /// Days that are judged. Default 7.
    pub window_days: f64,
    /// Days before them that they are judged against. Default 28.
    pub baseline_days: f64,
    /// Time axis. Default [`AxisMode::Auto`].
    pub axis: AxisMode,
    /// Share of false findings among the findings. Default 0.05.
    pub false_discovery_rate: f64,
    /// Smallest change worth a finding, as a share. Default 0.05.
    pub min_effect: f64,
    /// Distance between two levels in standard errors from which on they are a change. Default 4.5: the largest over all
    /// places of a series without a change stays below it in 199 of 200 (`stats::split`, tests).
    pub threshold: f64,
    /// Level of the intervals. Default 0.95.
    pub level: f64,
    /// DAGs that are told of.
    pub filter: Filter,
    /// Known findings.
    pub acknowledged: Vec<Acknowledgement>,
    /// Seed of everything that draws random numbers.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            as_of: None,
            window_days: 7.0,
            baseline_days: 28.0,
            axis: AxisMode::Auto,
            false_discovery_rate: 0.05,
            min_effect: 0.05,
            threshold: 4.5,
            level: 0.95,
            filter: Filter::default(),
            acknowledged: Vec::new(),
            seed: 1,
        }
    }
}

impl Acknowledgement {
    /// Is a change of that series meant?
    pub(super) fn is_about(&self, key: &SeriesKey) -> bool {
        self.dag_id == *key.dag_id
            && self.task_id.as_deref().is_none_or(|task| Some(task) == key.task_id.as_deref())
            && self.quantity.is_none_or(|quantity| quantity == key.quantity)
    }
}

/// How to choose the time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisMode {
    /// The one that fits each DAG.
    Auto,
    /// The logical date for all.
    Logical,
    /// The wall clock for all.
    Wall,
}

/// Which DAGs are told of. All are analysed: what is common to them, and the control of false findings, need them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Filter {
    /// These DAGs; empty for all.
    pub dags: Vec<String>,
    /// DAGs of these owners; empty for all.
    pub owners: Vec<String>,
    /// DAGs with one of these tags; empty for all.
    pub tags: Vec<String>,
}

impl Filter {
    pub(super) fn lets_through(&self, history: &DagHistory) -> bool {
        let owners = history.dag.as_ref().and_then(|dag| dag.owners.as_deref()).unwrap_or("");
        let owned = |owner: &String| owners.split(',').any(|name| name.trim() == owner);
        let tagged = |tag: &String| history.tags.iter().any(|known| **known == **tag);
        (self.dags.is_empty() || self.dags.iter().any(|dag| **dag == *history.dag_id))
            && (self.owners.is_empty() || self.owners.iter().any(owned))
            && (self.tags.is_empty() || self.tags.iter().any(tagged))
    }
}

/// A finding that is known until a date.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledgement {
    /// DAG.
    pub dag_id: String,
    /// Task; `None` for all of the DAG.
    pub task_id: Option<String>,
    /// Quantity; `None` for all.
    pub quantity: Option<Quantity>,
    /// First instant at which it is no longer known.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}
