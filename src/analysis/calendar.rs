//! Which week is judged, and against which: per DAG, on the DAG's axis.

use super::{axis::DagAxis, facts::Facts, result::Axis, settings::Settings};
use crate::model::{TimeRange, Timestamp};

/// Window and baseline of each DAG.
pub(super) struct Calendar {
    /// Last instant of each DAG.
    of: Vec<Timestamp>,
    /// Last instant of all DAGs on the axis that most of them took.
    pub(super) last: Timestamp,
    /// Last instant by wall clock.
    wall: Timestamp,
    window_s: f64,
    baseline_s: f64,
}

impl Calendar {
    /// On the wall clock all DAGs have the same last instant: one that no longer runs did not change this week. A catch-up
    /// got as far with each DAG as it got, so there each has its own.
    pub(super) fn new(facts: &[Facts], axes: &[DagAxis], settings: &Settings) -> Self {
        let last_of = |h: usize, wanted: Axis| facts[h].last(wanted);
        let on = |wanted: Axis| (0..axes.len()).filter(move |&h| axes[h].choice.axis == wanted);
        let last_on = |wanted: Axis| on(wanted).filter_map(|h| last_of(h, wanted)).max();
        let main = if 2 * on(Axis::Logical).count() > axes.len() { Axis::Logical } else { Axis::Wall };
        let last = settings.as_of.or_else(|| last_on(main)).unwrap_or_default();
        let wall = settings.as_of.or_else(|| last_on(Axis::Wall)).unwrap_or(last);
        let of = |h: usize| match axes[h].choice.axis {
            Axis::Wall => wall,
            Axis::Logical => settings.as_of.or_else(|| last_of(h, Axis::Logical)).unwrap_or(last),
        };
        Self {
            of: (0..axes.len()).map(of).collect(),
            last,
            wall,
            window_s: settings.window_days * 86_400.0,
            baseline_s: settings.baseline_days * 86_400.0,
        }
    }

    pub(super) fn window(&self, h: usize) -> TimeRange {
        self.window_to(self.of[h])
    }

    pub(super) fn baseline(&self, h: usize) -> TimeRange {
        self.baseline_to(self.of[h])
    }

    /// The window of those that go by the wall clock.
    pub(super) fn wall_window(&self) -> TimeRange {
        self.window_to(self.wall)
    }

    /// The last instant is inside.
    pub(super) fn window_to(&self, last: Timestamp) -> TimeRange {
        let to = Timestamp::from_micros(last.micros().saturating_add(1));
        TimeRange { from: to.plus_seconds(-self.window_s), to }
    }

    pub(super) fn baseline_to(&self, last: Timestamp) -> TimeRange {
        let to = self.window_to(last).from;
        TimeRange { from: to.plus_seconds(-self.baseline_s), to }
    }
}
