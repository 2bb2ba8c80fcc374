//! Histories one at a time, and the few facts about each that the whole analysis needs at once.

use super::{
    axis::{self, DagAxis, StatedDates},
    result::Axis,
    settings::Settings,
};
use crate::model::{DagHistory, Deployment, Detail, Marker, Text, Timestamp};

/// Where histories come from. Each is asked for twice and dropped in between: a history is larger than what is found in it.
pub trait Histories {
    /// Why one cannot be had.
    type Error;
    /// How many there are.
    fn count(&self) -> usize;
    /// The history at a place, always the same one.
    fn load(&self, place: usize, detail: Detail) -> Result<DagHistory, Self::Error>;
    /// How many may be held at once.
    fn at_once(&self) -> usize {
        1
    }
    /// Deploys, upgrades and incidents of all Airflows.
    fn markers(&self) -> Result<Vec<(Deployment, Marker)>, Self::Error> {
        Ok(Vec::new())
    }
}

/// What is remembered of a DAG's history.
pub(super) struct Facts {
    pub(super) deployment: Deployment,
    pub(super) dag_id: Text,
    /// Does the filter let it through?
    pub(super) wanted: bool,
    pub(super) has_runs: bool,
    pub(super) has_edges: bool,
    last_logical: Option<Timestamp>,
    last_wall: Option<Timestamp>,
}

impl Facts {
    pub(super) fn of(history: &DagHistory, settings: &Settings) -> Self {
        let last = |wanted: Axis| {
            let runs = history.runs.iter().filter_map(|run| axis::instant(run, wanted)).max();
            let mut stated = StatedDates::default();
            let attempts = history.attempts.iter().filter(|_| runs.is_none()).filter_map(|attempt| {
                let stated = if wanted == Axis::Logical { stated.of(&attempt.run_id) } else { None };
                stated.or(attempt.started_at)
            });
            runs.or(attempts.max())
        };
        Self {
            deployment: history.deployment.clone(),
            dag_id: history.dag_id.clone(),
            wanted: settings.filter.lets_through(history),
            has_runs: !history.runs.is_empty(),
            has_edges: !history.edges.is_empty(),
            last_logical: last(Axis::Logical),
            last_wall: last(Axis::Wall),
        }
    }

    /// Last instant on an axis.
    pub(super) fn last(&self, axis: Axis) -> Option<Timestamp> {
        match axis {
            Axis::Logical => self.last_logical,
            Axis::Wall => self.last_wall,
        }
    }
}

/// Runs before and since an instant: what a stray date is told by.
#[derive(Default)]
pub(super) struct Ends {
    /// Last run before.
    pub(super) before: Option<Timestamp>,
    /// Runs since, and the first of them.
    pub(super) since: usize,
    pub(super) first_since: Option<Timestamp>,
}

impl Ends {
    pub(super) fn of(history: &DagHistory, dag: &DagAxis, at: Timestamp) -> Self {
        let mut ends = Self::default();
        for instant in history.runs.iter().filter_map(|run| axis::instant(run, dag.choice.axis)) {
            if instant < at {
                ends.before = ends.before.max(Some(instant));
            } else {
                ends.since += 1;
                ends.first_since = Some(ends.first_since.map_or(instant, |first| first.min(instant)));
            }
        }
        ends
    }
}
