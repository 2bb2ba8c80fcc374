//! Two ranges of an Airflow history against each other: each task and each DAG's runs, without the overhead that all of an
//! Airflow's tasks share, and what the others did meanwhile beside it.

use super::{
    compare::{CompareSettings, Comparison, Effect, compare_pairs},
    facts::Histories,
    gathered::Shared,
    roi::{Work, runs_per_year},
    series::{self, MIN_SECONDS, Sampled, Series},
    settings::Settings,
    slot_time::slot_seconds,
    structure::Structure,
};
use crate::{
    model::{Detail, Index, NumberSeries, Quantity, RunType, SeriesKey, TimeRange},
    stats::{Detector, Estimate, MAD_TO_SD, detect_steps, deviate, mad, median},
};
use std::collections::{BTreeMap, BTreeSet};

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

/// One series on both sides of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct SidePair {
    /// Its name, unique among all.
    pub id: String,
    /// What its values are.
    pub quantity: Quantity,
    /// Before.
    pub before: NumberSeries,
    /// After.
    pub after: NumberSeries,
}

/// The last days of each DAG against the days before them: what the settings call window and baseline. Of a step within the
/// last days, what came after it.
///
/// # Errors
/// Where a history cannot be had.
pub fn last_days<H: Histories>(histories: &H, settings: &Settings) -> Result<Vec<SidePair>, H::Error> {
    let gathered = Gathered::read(histories, settings, |shared, h| Ranges {
        before: shared.calendar.baseline(h),
        after: shared.calendar.window(h),
    })?;
    let names = gathered.names();
    let pairs = gathered.pairs.into_iter().zip(&gathered.keys).zip(names);
    Ok(pairs
        .filter(|((_, (_, wanted)), _)| *wanted)
        .map(|(((before, after), (key, _)), id)| {
            let after = since_its_step(&before, after);
            SidePair { id, quantity: key.quantity, before, after }
        })
        .collect())
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
    Ok(Gathered::read(histories, settings, |_, _| *ranges)?
        .finish(&CompareSettings { by_difference: false, ..compare.clone() }))
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
    instant: usize,
    caught_up: usize,
    /// What was compared at equal volume, in words.
    at_volume: Vec<String>,
}

impl Gathered {
    fn read<H: Histories>(
        histories: &H,
        settings: &Settings,
        ranges: impl Fn(&Shared, usize) -> Ranges,
    ) -> Result<Self, H::Error> {
        let shared = Shared::gather(histories, settings)?;
        let mut gathered = Self::default();
        for (h, axis) in shared.axes.iter().enumerate() {
            let history = histories.load(h, Detail::Series)?;
            let wanted = shared.facts[h].wanted;
            let ranges = &ranges(&shared, h);
            let told = (h, &history, &Structure::of(&history));
            let all = series::of_dag(told, axis, &shared.overheads[&history.deployment]);
            let kept = gathered.without_unscheduled(all);
            for one in &kept {
                if one.key.task_id.is_none() && one.not_measurable.is_some() {
                    gathered.caught_up += usize::from(wanted);
                } else {
                    gathered.take(one, ranges, wanted);
                }
            }
            if wanted {
                let work = slot_seconds(h, &history, axis, &shared.overheads[&history.deployment])
                    .into_iter()
                    .filter_map(|(run_type, cost)| {
                        let is_run = |s: &&Series| s.key.task_id.is_none() && s.key.run_type == run_type;
                        let durations = kept.iter().find(is_run).filter(|s| s.not_measurable.is_none());
                        gathered.work(&history.dag_id, &cost, durations, ranges)
                    });
                let work: Vec<Work> = work.collect();
                gathered.work.extend(work);
            }
        }
        Ok(gathered)
    }

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
        let before = self.before(series, &ranges.before, |p| p.adjusted);
        let after = inside(series, &ranges.after, |p| p.adjusted);
        let raw = |range: &TimeRange| median(&inside(series, range, |p| p.raw).values).unwrap_or(0.0);
        if raw(&ranges.before).max(raw(&ranges.after)) < MIN_SECONDS {
            self.instant += usize::from(wanted);
            return;
        }
        if before.values.is_empty() || after.values.is_empty() {
            self.one_sided += usize::from(wanted);
            return;
        }
        if let Some(unit) = series.at_volume.as_ref().map(|volume| volume.unit.name()).filter(|_| wanted) {
            let ratio = raw(&ranges.after) / raw(&ranges.before);
            let place = |at| series.points.partition_point(|point| point.at < at);
            let places = |range: &TimeRange| place(range.from)..place(range.to);
            let beyond = series.is_beyond_volume(places(&ranges.before), places(&ranges.after));
            self.at_volume.push(format!(
                "{} is compared at equal {unit}; as recorded, its median is {:+.1} %{}",
                series.key.name(),
                (ratio - 1.0) * 100.0,
                if beyond {
                    format!("; its {unit} changed by more than ever before, so this is a guess")
                } else {
                    String::new()
                }
            ));
        }
        self.keys.push((series.key.clone(), wanted));
        self.pairs.push((before, after));
    }

    /// Points before the change. A run that had not ended when it came is on neither side.
    fn before(&mut self, series: &Series, range: &TimeRange, value: impl Fn(&Sampled) -> f64) -> NumberSeries {
        let mut ended = series.clone();
        ended.cut(|p| !range.contains(p.at) || p.at.plus_seconds(p.raw) <= range.to);
        self.overlapping += series.points.len() - ended.points.len();
        inside(&ended, range, value)
    }

    fn work(&mut self, id: &str, cost: &NumberSeries, durations: Option<&Series>, ranges: &Ranges) -> Option<Work> {
        let (before, after) = (within(cost, &ranges.before), within(cost, &ranges.after));
        let overlapping = self.overlapping;
        let durations = durations
            .map(|series| (self.before(series, &ranges.before, |p| p.raw), inside(series, &ranges.after, |p| p.raw)));
        // They were counted when the series was compared.
        self.overlapping = overlapping;
        // What the range holds, not what it was asked to hold: a history may end before it.
        let runs_per_year = runs_per_year(&after)?;
        (before.values.len() >= 2).then(|| Work { id: id.to_owned(), before, after, durations, runs_per_year })
    }

    /// Names with as much of the deployment and the run type as tells them apart.
    fn names(&self) -> Vec<String> {
        let deployments: BTreeSet<_> = self.keys.iter().map(|(key, _)| &key.deployment).collect();
        let mut run_types: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (key, _) in &self.keys {
            run_types.entry((&key.deployment, &key.dag_id)).or_default().insert(&key.run_type);
        }
        let name = |(key, _): &(SeriesKey, bool)| {
            let mut id = key.name();
            if deployments.len() > 1 {
                id = format!("{}/{id}", key.deployment);
            }
            if run_types[&(&key.deployment, &key.dag_id)].len() > 1 {
                id.push_str(&format!(" ({})", key.run_type.as_str()));
            }
            id
        };
        self.keys.iter().map(name).collect()
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
        let mut kept = Vec::new();
        for ((three, (_, wanted)), id) in effects.into_iter().zip(&self.keys).zip(self.names()) {
            if *wanted {
                kept.extend(three.into_iter().map(|effect| Effect { id: id.as_str().into(), ..effect }));
            }
        }
        let count = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
        let notes = [
            count(self.unscheduled, "series of manual runs and backfills left out"),
            count(self.overlapping, "runs left out that had not ended when the change came"),
            count(self.one_sided, "series left out that have runs in one range only"),
            count(self.instant, "series left out that take no time, such as empty operators"),
            count(self.caught_up, "series of run durations left out: the history was caught up"),
        ];
        let more = self.at_volume.len().saturating_sub(MAX_AT_VOLUME);
        let at_volume = self.at_volume.into_iter().take(MAX_AT_VOLUME);
        let more = count(more, "more series are compared at equal rows or bytes");
        BeforeAfter {
            comparison: Comparison { effects: kept, ..Comparison::default() },
            work: self.work,
            notes: notes.into_iter().flatten().chain(at_volume).chain(more).collect(),
        }
    }
}

/// Series compared at equal volume that are named, before the number of the others is.
const MAX_AT_VOLUME: usize = 10;

/// Runs from which on a level after a step says something.
const MIN_SINCE: usize = 3;

/// What came after a step that falls into the last days: the days before it would water it down.
fn since_its_step(before: &NumberSeries, after: NumberSeries) -> NumberSeries {
    let all: Vec<f64> = before.values.iter().chain(&after.values).copied().collect();
    let log = all.iter().all(|v| *v > 0.0);
    let scaled: Vec<f64> = all.iter().map(|v| if log { v.ln() } else { *v }).collect();
    let step = detect_steps(&scaled, &Detector::default()).last().map(|step| step.index);
    let Some(since) = step.and_then(|index| index.checked_sub(before.values.len())) else { return after };
    if after.values.len() < since + MIN_SINCE {
        return after;
    }
    NumberSeries {
        times: after.times.map(|times| times[since..].to_vec()),
        values: after.values[since..].to_vec(),
        ..after
    }
}

/// Points of a range.
fn inside(series: &Series, range: &TimeRange, value: impl Fn(&Sampled) -> f64) -> NumberSeries {
    let kept = || series.points.iter().filter(|p| range.contains(p.at));
    NumberSeries {
        id: series.key.name().into(),
        times: Some(kept().map(|p| p.at).collect()),
        values: kept().map(value).collect(),
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
    let z = deviate(level)?;
    // Asymptotic standard error of a median of normal values.
    let others = (std::f64::consts::FRAC_PI_2 / logs.len() as f64).sqrt() * MAD_TO_SD * mad(&logs)?;
    let half = |end: f64| ((end / ratio.point).ln().powi(2) + (z * others).powi(2)).sqrt();
    let point = ratio.point.ln() - shift;
    let (lower, upper) = (point - half(ratio.lower), point + half(ratio.upper));
    let n = ratio.n + logs.len();
    let method = "ratio over the median ratio of other DAGs".into();
    lower.is_finite().then(|| Estimate { point, lower, upper, level, n, method }.map(f64::exp))
}
