//! Two ranges of an Airflow history against each other: each task and each DAG's runs, without the overhead that all of an
//! Airflow's tasks share, and what the others did meanwhile beside it.

use super::{
    compare::{CompareSettings, Comparison, Effect, Statistic, compare_pairs},
    facts::Histories,
    gathered::Shared,
    roi::Work,
    series::{self, Sampled, Series},
    settings::Settings,
    slot_time::slot_seconds,
};
use crate::{
    model::{Index, NumberSeries, Quantity, RunType, SeriesKey, TimeRange},
    stats::{Estimate, MAD_TO_SD, mad, median, normal_quantile_two_sided},
};
use std::collections::BTreeSet;

/// Tasks of other DAGs from which on their median says what happened to all.
const MIN_OTHERS: usize = 5;

/// Two ranges of time, on each DAG's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// Before the change.
    pub before: TimeRange,
    /// After it.
    pub after: TimeRange,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BeforeAfter {
    /// Three effects a series.
    pub comparison: Comparison,
    /// Slot-time and durations of the runs of each DAG, for a calculation of what it was worth.
    pub work: Vec<Work>,
    /// What to know of it.
    pub notes: Vec<String>,
}

/// Compares the ranges in each history that the filter lets through; the others say what happened to all.
///
/// Manual runs and backfills are left out where a DAG has scheduled runs, and so are runs that had not ended when the change
/// came.
///
/// # Errors
/// Where a history cannot be had.
pub fn compare_ranges<H: Histories>(
    histories: &H,
    ranges: &Ranges,
    settings: &Settings,
    compare: &CompareSettings,
) -> Result<BeforeAfter, H::Error> {
    let shared = Shared::gather(histories, settings)?;
    let mut gathered = Gathered::default();
    for (h, axis) in shared.axes.iter().enumerate() {
        let history = histories.load(h)?;
        let wanted = shared.facts[h].wanted;
        let all = series::of_dag(h, &history, axis, &shared.overheads[&history.deployment]);
        let kept = gathered.without_unscheduled(all);
        for one in kept.iter().filter(|one| one.not_measurable.is_none() || one.key.task_id.is_some()) {
            gathered.take(one, ranges, wanted);
        }
        if wanted {
            let work = slot_seconds(&history, axis).into_iter().filter_map(|(run_type, cost)| {
                let is_run = |s: &&Series| s.key.task_id.is_none() && s.key.run_type == run_type;
                let durations = kept.iter().find(is_run).filter(|s| s.not_measurable.is_none());
                gathered.work(&history.dag_id, &cost, durations, ranges)
            });
            let work: Vec<Work> = work.collect();
            gathered.work.extend(work);
        }
    }
    Ok(gathered.finish(compare))
}

/// Series as they come.
#[derive(Default)]
struct Gathered {
    keys: Vec<(SeriesKey, bool)>,
    pairs: Vec<(NumberSeries, NumberSeries)>,
    work: Vec<Work>,
    unscheduled: usize,
    overlapping: usize,
    one_sided: usize,
}

impl Gathered {
    /// Durations of tasks and of runs; where runs are scheduled, those alone.
    fn without_unscheduled(&mut self, all: Vec<Series>) -> Vec<Series> {
        let is_asked = |s: &Series| match s.key.quantity {
            Quantity::Duration => s.key.index == Index::All,
            quantity => quantity == Quantity::RunDuration,
        };
        let mut kept: Vec<Series> = all.into_iter().filter(is_asked).collect();
        if kept.iter().any(|s| s.key.run_type == RunType::Scheduled) {
            let before = kept.len();
            kept.retain(|s| !matches!(s.key.run_type, RunType::Manual | RunType::Backfill));
            self.unscheduled += before - kept.len();
        }
        kept
    }

    fn take(&mut self, series: &Series, ranges: &Ranges, wanted: bool) {
        let before = self.side(series, &ranges.before, |p| p.adjusted);
        let after = self.side(series, &ranges.after, |p| p.adjusted);
        if before.values.is_empty() || after.values.is_empty() {
            self.one_sided += usize::from(wanted);
            return;
        }
        self.keys.push((series.key.clone(), wanted));
        self.pairs.push((before, after));
    }

    /// Points of a range. A run that began before the change and ended after it is on neither side.
    fn side(&mut self, series: &Series, range: &TimeRange, value: impl Fn(&Sampled) -> f64) -> NumberSeries {
        let inside: Vec<&Sampled> = series.points.iter().filter(|p| range.contains(p.at)).collect();
        let kept: Vec<&Sampled> = inside.iter().copied().filter(|p| p.at.plus_seconds(p.raw) <= range.to).collect();
        self.overlapping += inside.len() - kept.len();
        NumberSeries {
            id: series.key.name().into(),
            times: Some(kept.iter().map(|p| p.at).collect()),
            values: kept.iter().map(|p| value(p)).collect(),
        }
    }

    fn work(&mut self, id: &str, cost: &NumberSeries, durations: Option<&Series>, ranges: &Ranges) -> Option<Work> {
        let (before, after) = (within(cost, &ranges.before), within(cost, &ranges.after));
        let overlapping = self.overlapping;
        let durations = durations
            .map(|series| (self.side(series, &ranges.before, |p| p.raw), self.side(series, &ranges.after, |p| p.raw)));
        // They were counted when the series was compared.
        self.overlapping = overlapping;
        let (first, last) = (*after.times.as_ref()?.first()?, *after.times.as_ref()?.last()?);
        // What the range holds, not what it was asked to hold: a history may end before it.
        let n = after.values.len() as f64;
        let days = last.seconds_since(first) / 86_400.0;
        let runs_per_year = if n > 1.0 && days > 0.0 { (n - 1.0) / days * 365.25 } else { 0.0 };
        (before.values.len() >= 2 && runs_per_year > 0.0).then(|| Work {
            id: id.to_owned(),
            before,
            after,
            durations,
            runs_per_year,
        })
    }

    fn finish(self, settings: &CompareSettings) -> BeforeAfter {
        let pairs: Vec<(&NumberSeries, &NumberSeries)> = self.pairs.iter().map(|(b, a)| (b, a)).collect();
        let mut effects = compare_pairs(&pairs, settings, |place| self.keys[place].1);
        for (three, (key, _)) in effects.iter_mut().zip(&self.keys) {
            three.iter_mut().for_each(|effect| effect.quantity = Some(key.quantity));
        }
        let others: Vec<Option<Estimate>> = effects.iter().map(|three| three[0].ratio.clone()).collect();
        for (place, three) in effects.iter_mut().enumerate() {
            three[0].against_others = against_others(place, &self.keys, &others, settings.level);
        }
        let deployments: BTreeSet<_> = self.keys.iter().map(|(key, _)| &key.deployment).collect();
        let run_types: BTreeSet<_> = self.keys.iter().map(|(key, _)| (&key.dag_id, &key.run_type)).collect();
        let mut kept = Vec::new();
        for (three, (key, wanted)) in effects.into_iter().zip(&self.keys) {
            if !wanted {
                continue;
            }
            let several = run_types.iter().filter(|(dag, _)| *dag == &key.dag_id).count() > 1;
            let mut id = key.name();
            if deployments.len() > 1 {
                id = format!("{}/{id}", key.deployment);
            }
            if several {
                id.push_str(&format!(" ({})", key.run_type.as_str()));
            }
            kept.extend(three.into_iter().map(|effect| Effect { id: id.as_str().into(), ..effect }));
        }
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
        let notes = [
            count(self.unscheduled, "series of manual runs and backfills left out"),
            count(self.overlapping, "runs left out that had not ended at the end of their range"),
            count(self.one_sided, "series left out that have runs in one range only"),
        ];
        BeforeAfter {
            comparison: Comparison { effects: kept, ..Comparison::default() },
            work: self.work,
            notes: notes.into_iter().flatten().collect(),
        }
    }
}

fn within(series: &NumberSeries, range: &TimeRange) -> NumberSeries {
    let times = series.times.as_deref().unwrap_or_default();
    let kept = || times.iter().zip(&series.values).filter(|(at, _)| range.contains(**at));
    NumberSeries {
        id: series.id.clone(),
        times: Some(kept().map(|(at, _)| *at).collect()),
        values: kept().map(|(_, value)| *value).collect(),
    }
}

/// Difference in differences (Angrist & Pischke, Mostly Harmless Econometrics, section 5.2), as a ratio of ratios: the change
/// over the median change of the same quantity in other DAGs, which the change did not touch.
fn against_others(
    place: usize,
    keys: &[(SeriesKey, bool)],
    ratios: &[Option<Estimate>],
    level: f64,
) -> Option<Estimate> {
    let (own, ratio) = (&keys[place].0, ratios[place].as_ref()?);
    let is_other = |key: &SeriesKey| {
        key.quantity == own.quantity && (key.dag_id != own.dag_id || key.deployment != own.deployment)
    };
    let logs: Vec<f64> = keys
        .iter()
        .zip(ratios)
        .filter(|((key, _), _)| is_other(key))
        .filter_map(|(_, ratio)| Some(ratio.as_ref()?.point.ln()).filter(|log| log.is_finite()))
        .collect();
    if logs.len() < MIN_OTHERS {
        return None;
    }
    let shift = median(&logs)?;
    let z = normal_quantile_two_sided(level);
    // Asymptotic standard error of a median of normal values.
    let others = (std::f64::consts::FRAC_PI_2 / logs.len() as f64).sqrt() * MAD_TO_SD * mad(&logs)?;
    let half = |end: f64| ((end / ratio.point).ln().powi(2) + (z * others).powi(2)).sqrt();
    let point = ratio.point.ln() - shift;
    let (lower, upper) = (point - half(ratio.lower), point + half(ratio.upper));
    let n = ratio.n + logs.len();
    let method = "ratio over the median ratio of other DAGs".into();
    lower.is_finite().then(|| Estimate { point, lower, upper, level, n, method }.map(f64::exp))
}

impl BeforeAfter {
    /// Effects of one statistic.
    pub fn of(&self, statistic: Statistic) -> impl Iterator<Item = &Effect> {
        self.comparison.effects.iter().filter(move |effect| effect.statistic == statistic)
    }
}
