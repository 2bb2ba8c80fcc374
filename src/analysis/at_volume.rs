//! Durations at equal volume: a task that handles more rows takes longer, and that is no regression.

use super::{
    result::EqualVolume,
    series::{Sampled, Series},
};
use crate::{
    model::{DagHistory, Text},
    stats::{Estimate, elasticity, median, quantile},
};
use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

/// Share of the points whose volume must be known, and how many of the last ones, which the verdict is about.
const MIN_KNOWN: f64 = 0.8;
const LAST_KNOWN: usize = 5;
/// Largest elasticity that is believed: beyond the cube, rows are not what makes it slow.
const MOST: f64 = 3.0;
/// Share of a change of the duration that the volume must account for to be its reason.
const ACCOUNTED: f64 = 0.7;

/// What volume did to a series.
#[derive(Clone, Debug)]
pub(super) struct AtVolume {
    pub(super) unit: Unit,
    /// Relative change of the duration for one of the volume.
    pub(super) elasticity: Estimate,
}

/// What volume is counted in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Rows,
    Bytes,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
        }
    }

    fn of(self, point: &Sampled) -> Option<f64> {
        match self {
            Self::Rows => point.rows,
            Self::Bytes => point.bytes,
        }
    }
}

/// Volumes of the task instances of a DAG.
pub(super) struct Volumes<'a>(HashMap<InstanceId<'a>, Amounts>);

/// Task, run, map index.
pub(super) type InstanceId<'a> = (&'a Text, &'a Text, i32);
/// Rows, bytes.
type Amounts = (Option<f64>, Option<f64>);

impl<'a> Volumes<'a> {
    pub(super) fn of(history: &'a DagHistory) -> Self {
        // Nothing to do is another kind of run.
        let amount = |amount: Option<i64>| amount.map(|amount| amount as f64).filter(|amount| *amount > 0.0);
        let one = |volume: &'a crate::model::Volume| (Self::id(volume), (amount(volume.rows), amount(volume.bytes)));
        Self(history.volumes.iter().map(one).collect())
    }

    /// What the instance of a volume is known by.
    pub(super) fn id(volume: &crate::model::Volume) -> InstanceId<'_> {
        (&volume.task_id, &volume.run_id, volume.map_index)
    }

    /// Rows and bytes of one instance.
    pub(super) fn get(&self, task_id: &Text, run_id: &Text, map_index: i32) -> Amounts {
        if self.0.is_empty() {
            return (None, None);
        }
        self.0.get(&(task_id, run_id, map_index)).copied().unwrap_or_default()
    }
}

impl Series {
    /// Brings each point to the series' middle volume, where rows, else bytes, are known of most and clearly matter; points
    /// without them are left out. The recorded values stay as they are.
    pub(super) fn bring_to_equal_volume(&mut self) {
        for unit in [Unit::Rows, Unit::Bytes] {
            let is_known = |point: &Sampled| point.adjusted > 0.0 && unit.of(point).is_some();
            let known = self.points.iter().filter(|point| is_known(point)).count();
            let last = self.points.iter().rev().take(LAST_KNOWN).all(is_known);
            if known == 0 || (known as f64) < MIN_KNOWN * self.points.len() as f64 || !last {
                continue;
            }
            let of = |point: &Sampled| Some((point.adjusted.ln(), unit.of(point)?.ln()));
            let (values, volumes): (Vec<f64>, Vec<f64>) =
                self.points.iter().filter(|point| is_known(point)).filter_map(of).unzip();
            let clear = elasticity(&values, &volumes).filter(|e| e.lower > 0.0 && e.point <= MOST);
            let (Some(elasticity), Some(middle)) = (clear, median(&volumes)) else { continue };
            self.cut(is_known);
            for (point, volume) in self.points.iter_mut().zip(&volumes) {
                let factor = (elasticity.point * (middle - volume)).exp();
                point.adjusted *= factor;
                point.sd *= factor;
            }
            self.at_volume = Some(AtVolume { unit, elasticity });
            return;
        }
    }

    /// Did the volume change to what its effect was not learned from: farther beyond nine tenths of the volumes before than
    /// those lie apart? What a fixed cost and a cost a row do together is no power of the rows.
    pub(super) fn is_beyond_volume(&self, before: Range<usize>, after: Range<usize>) -> bool {
        let beyond = |at_volume: &AtVolume| {
            let logs = |of: Range<usize>| -> Vec<f64> {
                let mut logs: Vec<f64> =
                    self.points[of].iter().filter_map(|p| at_volume.unit.of(p)).map(f64::ln).collect();
                logs.sort_by(f64::total_cmp);
                logs
            };
            let (before, since) = (logs(before), median(&logs(after))?);
            let (low, high) = (quantile(&before, 0.05)?, quantile(&before, 0.95)?);
            Some(since > high + (high - low) || since < low - (high - low))
        };
        self.at_volume.as_ref().and_then(beyond).unwrap_or(false)
    }

    /// What it handled on both sides of the place `at`, if it was brought to equal volume.
    pub(super) fn equal_volume(&self, from: usize, at: usize, to: usize) -> Option<EqualVolume> {
        let AtVolume { unit, elasticity } = self.at_volume.as_ref()?;
        let middle = |points: &[Sampled]| median(&points.iter().filter_map(|p| unit.of(p)).collect::<Vec<_>>());
        let ratio = middle(&self.points[at..to])? / middle(&self.points[from..at])?;
        Some(EqualVolume { unit: unit.name().to_owned(), ratio, elasticity: elasticity.clone() })
    }

    /// What is said where nothing is told of a task that takes longer, or less long, than before the place `at`: it handles as
    /// much more or less, or so much that nobody can know.
    pub(super) fn explained_by_volume(&self, from: usize, at: usize, min_effect: f64) -> Option<String> {
        let to = self.points.len();
        let volume = self.equal_volume(from, at, to)?;
        let middle = |points: &[Sampled]| median(&points.iter().map(|p| p.raw).collect::<Vec<_>>());
        let longer = middle(&self.points[at..])? / middle(&self.points[from..at])?;
        let accounted = volume.elasticity.point * volume.ratio.ln() / longer.ln();
        let verdict = if self.is_beyond_volume(from..at, at..to) {
            format!(
                "{} changed by more than from run to run before, so that nothing can be said of the rest",
                volume.unit
            )
        } else if (ACCOUNTED..=1.0 / ACCOUNTED).contains(&accounted) {
            format!("no other change was found at equal {}", volume.unit)
        } else {
            return None;
        };
        (longer.ln().abs() >= min_effect.ln_1p()).then(|| {
            format!(
                "{} takes {:+.0} % since {} against the runs before, and handles {:+.0} % {}: {verdict}",
                self.key.name(),
                (longer - 1.0) * 100.0,
                self.points[at].at.date_string(),
                (volume.ratio - 1.0) * 100.0,
                volume.unit,
            )
        })
    }
}

/// Tasks whose recorded durations go up and down with their volume: they say nothing of what all tasks share.
pub(super) fn tasks_that_follow_volume(history: &DagHistory) -> HashSet<Text> {
    if history.volumes.is_empty() {
        return HashSet::new();
    }
    let volumes = Volumes::of(history);
    let follows = |attempts: &[crate::model::Attempt]| {
        let one = |attempt: &crate::model::Attempt| {
            let seconds = attempt.ended_at?.seconds_since(attempt.started_at?);
            let (rows, bytes) = volumes.get(&attempt.task_id, &attempt.run_id, attempt.map_index);
            (seconds > 0.0).then_some((seconds.ln(), rows.or(bytes)?.ln()))
        };
        let (values, amounts): (Vec<f64>, Vec<f64>) = attempts.iter().filter_map(one).unzip();
        elasticity(&values, &amounts).is_some_and(|e| e.lower > 0.0)
    };
    let by_task = history.attempts.chunk_by(|a, b| a.task_id == b.task_id);
    by_task.filter(|attempts| follows(attempts)).map(|attempts| attempts[0].task_id.clone()).collect()
}
