//! The data behind a chart.

use super::{
    change::{Judged, What},
    examined::{Examined, Outcome},
    finding::level_of,
    result::{Axis, Point, Regime, SeriesView},
    series::{Sampled, Series},
};
use crate::model::TimeRange;

impl Examined {
    /// Its chart, where something was found in it.
    pub(super) fn view(&self, axis: Axis, level: f64) -> Option<SeriesView> {
        match &self.outcome {
            Outcome::Changed(found) => Some(view(&found.series, &found.judged, axis, level)),
            _ => None,
        }
    }
}

/// Points and levels of a series, no more points than a chart can show.
fn view(series: &Series, judged: &Judged, axis: Axis, level: f64) -> SeriesView {
    let n = series.points.len();
    let stride = n.div_ceil(SeriesView::MAX_POINTS).max(1);
    let point = |p: &Sampled| Point { at: p.at, raw: p.raw, adjusted: p.adjusted };
    let mut edges: Vec<usize> = vec![0, n];
    for change in &judged.changes {
        match change.what {
            What::Step { at, .. } => edges.push(at),
            What::Excursion { from, to } => edges.extend([from, to]),
            What::Trend => {}
        }
    }
    let creeps = judged.changes.iter().any(|change| change.what == What::Trend);
    edges.sort_unstable();
    edges.dedup();
    let end = |i: usize| series.points.get(i).or(series.points.last()).map(|p| p.at).unwrap_or_default();
    let regime = |edge: &[usize]| {
        let level = level_of(series, judged, edge[0], edge[1], level)?;
        Some(Regime { range: TimeRange { from: end(edge[0]), to: end(edge[1]) }, level })
    };
    SeriesView {
        key: series.key.clone(),
        axis,
        points: series.points.iter().step_by(stride).map(point).collect(),
        n,
        // A creeping series has no level.
        regimes: if creeps { Vec::new() } else { edges.windows(2).filter_map(regime).collect() },
    }
}
