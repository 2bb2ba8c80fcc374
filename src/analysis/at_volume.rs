//! Durations at equal volume: a task that handles more rows takes longer, and that is no regression.

use super::series::Series;
use crate::{
    model::{DagHistory, Text},
    stats::{Estimate, elasticity, median},
};
use std::collections::HashMap;

/// Share of the points whose volume must be known.
const MIN_KNOWN: f64 = 0.8;
/// What is told of nothing: one row or byte, whose logarithm is 0.
const LEAST: f64 = 1.0;
/// Largest elasticity that is believed: beyond the square, rows are not what makes it slow.
const MOST: f64 = 2.0;

/// What volume did to a series.
#[derive(Clone, Debug)]
pub(super) struct AtVolume {
    /// Rows or bytes.
    pub(super) unit: &'static str,
    /// Relative change of the duration for one of the volume.
    pub(super) elasticity: Estimate,
}

/// Volumes of the task instances of a DAG.
pub(super) struct Volumes<'a>(HashMap<(&'a Text, &'a Text, i32), (Option<f64>, Option<f64>)>);

impl<'a> Volumes<'a> {
    pub(super) fn of(history: &'a DagHistory) -> Self {
        let amount = |amount: Option<i64>| amount.map(|amount| (amount as f64).max(LEAST));
        let one = |volume: &'a crate::model::Volume| {
            let id = (&volume.task_id, &volume.run_id, volume.map_index);
            (id, (amount(volume.rows), amount(volume.bytes)))
        };
        Self(history.volumes.iter().map(one).collect())
    }

    /// Rows and bytes of one instance.
    pub(super) fn get(&self, task_id: &Text, run_id: &Text, map_index: i32) -> (Option<f64>, Option<f64>) {
        if self.0.is_empty() {
            return (None, None);
        }
        self.0.get(&(task_id, run_id, map_index)).copied().unwrap_or_default()
    }
}

impl Series {
    /// Brings each point to the series' middle volume, where rows, else bytes, are known of most and clearly matter. The
    /// recorded values stay as they are.
    pub(super) fn bring_to_equal_volume(&mut self) {
        for unit in ["rows", "bytes"] {
            let volume = |point: &super::series::Sampled| if unit == "rows" { point.rows } else { point.bytes };
            let known: Vec<(f64, f64)> = self
                .points
                .iter()
                .filter(|point| point.adjusted > 0.0)
                .filter_map(|point| Some((point.adjusted.ln(), volume(point)?.ln())))
                .collect();
            if known.is_empty() || (known.len() as f64) < MIN_KNOWN * self.points.len() as f64 {
                continue;
            }
            let (values, volumes): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
            let clear = elasticity(&values, &volumes).filter(|e| e.lower > 0.0);
            let (Some(elasticity), Some(middle)) = (clear, median(&volumes)) else { continue };
            let slope = elasticity.point.min(MOST);
            for point in &mut self.points {
                if let Some(volume) = volume(point) {
                    let factor = (slope * (middle - volume.ln())).exp();
                    point.adjusted *= factor;
                    point.sd *= factor;
                }
            }
            self.at_volume = Some(AtVolume { unit, elasticity });
            return;
        }
    }

    /// What is said of the volume beside a change of the level at `at`.
    pub(super) fn volume_evidence(&self, from: usize, at: usize, to: usize) -> Option<String> {
        let AtVolume { unit, elasticity } = self.at_volume.as_ref()?;
        let middle = |points: &[super::series::Sampled]| {
            let volume = |p: &super::series::Sampled| if *unit == "rows" { p.rows } else { p.bytes };
            median(&points.iter().filter_map(volume).collect::<Vec<_>>())
        };
        let (before, after) = (middle(&self.points[from..at])?, middle(&self.points[at..to])?);
        Some(format!(
            "at equal {unit}: it handles {:+.0} % since, and takes {:.2} % longer for each per cent more",
            (after / before - 1.0) * 100.0,
            elasticity.point
        ))
    }

    /// A task that takes longer, or less long, only as it handles more, or less, than before the place `at`.
    pub(super) fn explained_by_volume(&self, from: usize, at: usize, min_effect: f64) -> Option<String> {
        let AtVolume { unit, .. } = self.at_volume.as_ref()?;
        let ratio = |value: &dyn Fn(&super::series::Sampled) -> Option<f64>| {
            let middle =
                |points: &[super::series::Sampled]| median(&points.iter().filter_map(value).collect::<Vec<_>>());
            Some(middle(&self.points[at..])? / middle(&self.points[from..at])?)
        };
        let (longer, more) = (ratio(&|p| Some(p.raw))?, ratio(&|p| if *unit == "rows" { p.rows } else { p.bytes })?);
        let same_way = longer.ln() * more.ln() > 0.0;
        (same_way && longer.ln().abs() >= min_effect.ln_1p()).then(|| {
            format!(
                "{} takes {:+.0} % in the window and handles {:+.0} % {unit}: at equal {unit} nothing changed",
                self.key.name(),
                (longer - 1.0) * 100.0,
                (more - 1.0) * 100.0
            )
        })
    }
}
