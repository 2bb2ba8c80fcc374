//! The weekly regression analysis: histories in, findings out.

use super::{
    axis::{self, DagAxis},
    change::{Change, Judged, MIN_POINTS, What, judge, spread_change},
    coverage::coverage,
    dag_view::dag_view,
    finding::{Case, level_of},
    overhead::Overhead,
    result::{
        Analysis, Axis, Episode, FalseAlarms, Finding, Inconclusive, NotMeasurable, Point, Regime, SeriesView, Trend,
    },
    run_change::run_change,
    series::{self, Sampled, Series},
    settings::Settings,
};
use crate::{
    model::{Attempt, DagHistory, Index, Quantity, SeriesKey, TimeRange, Timestamp},
    stats::{ar1_robust, benjamini_hochberg, mad, parallel_map, ratio, runs_needed, uneven_ratio},
};
use std::collections::{BTreeMap, BTreeSet};

/// Series shown with their points.
const SHOWN_SERIES: usize = 60;

/// Analyses the histories of one or more deployments.
#[must_use]
pub fn analyze(histories: &[DagHistory], settings: &Settings) -> Analysis {
    let axes = axis::choose_all(histories, settings.axis);
    let calendar = Calendar::new(histories, &axes, settings);
    let overheads = overheads(histories, &axes, settings);
    let mut all: Vec<(Series, usize)> = Vec::new();
    for (h, history) in histories.iter().enumerate() {
        let overhead = &overheads[&history.deployment];
        let before_as_of = |point: &Sampled| point.at < calendar.window(h).to;
        for mut series in series::of_dag(h, history, &axes[h], overhead) {
            series.cut(before_as_of);
            all.push((series, h));
        }
    }
    let judged: Vec<Judged> = parallel_map(&all, |(series, _)| judge(series, settings));
    let mut sorted = Sorted::default();
    let q_values = q_values(&all, &judged);
    for (i, (series, h)) in all.iter().enumerate() {
        let ranges = (calendar.baseline(*h), calendar.window(*h));
        sorted.take(series, &judged[i], &q_values[i], ranges, axes[*h].has_pace(), settings);
    }
    sorted.rank(&instances(&all));
    let shown = sorted.shown();
    let views = all.iter().zip(&judged).filter(|((series, _), _)| shown.contains(&series.key));
    let series_views =
        views.map(|((series, h), judged)| view(series, judged, axes[*h].choice.axis, settings.level)).collect();
    let ranges = |h: usize| (calendar.baseline(h), calendar.window(h));
    let tested = all.iter().filter(|(series, _)| is_tested(series)).count();
    Analysis {
        as_of: calendar.last,
        window: calendar.window_to(calendar.last),
        baseline: calendar.baseline_to(calendar.last),
        seed: settings.seed,
        run_changes: histories
            .iter()
            .enumerate()
            .filter_map(|(h, history)| run_change(history, axes[h].choice.axis, ranges(h), settings))
            .collect(),
        dags: histories
            .iter()
            .enumerate()
            .filter_map(|(h, history)| dag_view(history, axes[h].choice.axis, ranges(h).1))
            .collect(),
        coverage: coverage(histories, &axes, all.len(), overheads.values()),
        false_alarms: FalseAlarms {
            false_discovery_rate: settings.false_discovery_rate,
            series_tested: tested,
            quantities: all.iter().map(|(s, _)| s.key.quantity).collect::<BTreeSet<_>>().into_iter().collect(),
            note: format!(
                "of {tested} series tested together, at most {:.0} % of the findings are expected to be false \
                 (Benjamini-Hochberg on p-values corrected for searching all dates)",
                settings.false_discovery_rate * 100.0
            ),
        },
        warnings: warnings(histories, &axes, &overheads),
        axes: axes.into_iter().map(|axis| axis.choice).collect(),
        series: series_views,
        regressions: sorted.regressions,
        improvements: sorted.improvements,
        trends: sorted.trends,
        went_away: sorted.went_away,
        inconclusive: sorted.inconclusive,
        not_measurable: sorted.not_measurable,
    }
}

/// Window and baseline of each DAG.
struct Calendar {
    /// Last instant of each DAG.
    of: Vec<Timestamp>,
    /// Last instant of all DAGs on the axis that most of them took.
    last: Timestamp,
    window_s: f64,
    baseline_s: f64,
}

impl Calendar {
    /// On the wall clock all DAGs have the same last instant: one that no longer runs did not change this week. A catch-up
    /// got as far with each DAG as it got, so there each has its own.
    fn new(histories: &[DagHistory], axes: &[DagAxis], settings: &Settings) -> Self {
        let last_of = |h: usize, wanted: Axis| {
            let runs = histories[h].runs.iter().filter_map(|run| axis::instant(run, wanted)).max();
            runs.or_else(|| histories[h].attempts.iter().filter_map(|attempt| attempt.started_at).max())
        };
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
            window_s: settings.window_days * 86_400.0,
            baseline_s: settings.baseline_days * 86_400.0,
        }
    }

    fn window(&self, h: usize) -> TimeRange {
        self.window_to(self.of[h])
    }

    fn baseline(&self, h: usize) -> TimeRange {
        self.baseline_to(self.of[h])
    }

    /// The last instant is inside.
    fn window_to(&self, last: Timestamp) -> TimeRange {
        let to = Timestamp::from_micros(last.micros().saturating_add(1));
        TimeRange { from: to.plus_seconds(-self.window_s), to }
    }

    fn baseline_to(&self, last: Timestamp) -> TimeRange {
        let to = self.window_to(last).from;
        TimeRange { from: to.plus_seconds(-self.baseline_s), to }
    }
}

/// Mapped instances with a series of their own, by the key of the whole task.
fn instances(all: &[(Series, usize)]) -> BTreeMap<SeriesKey, usize> {
    let mut instances = BTreeMap::new();
    for (series, _) in all.iter().filter(|(series, _)| series.key.index != Index::All) {
        *instances.entry(SeriesKey { index: Index::All, ..series.key.clone() }).or_default() += 1;
    }
    instances
}

type Overheads = BTreeMap<crate::model::Deployment, Overhead>;

/// Each Airflow has hosts of its own.
fn overheads(histories: &[DagHistory], axes: &[DagAxis], settings: &Settings) -> Overheads {
    let mut by_deployment: BTreeMap<_, Vec<(usize, &DagHistory)>> = BTreeMap::new();
    for (h, history) in histories.iter().enumerate() {
        by_deployment.entry(history.deployment.clone()).or_default().push((h, history));
    }
    let instants: Vec<BTreeMap<&str, Timestamp>> = histories
        .iter()
        .zip(axes)
        .map(|(history, dag)| {
            let at = |run| axis::instant(run, dag.choice.axis);
            history.runs.iter().filter_map(|run| Some((&*run.run_id, at(run)?))).collect()
        })
        .collect();
    let at = |h: usize, attempt: &Attempt| instants[h].get(&*attempt.run_id).copied().or(attempt.started_at);
    by_deployment.into_iter().map(|(name, group)| (name, Overhead::fit(&group, at, settings))).collect()
}

fn is_tested(series: &Series) -> bool {
    series.not_measurable.is_none() && series.points.len() >= MIN_POINTS
}

/// q-values of each change, and of the change of spread, of each series.
struct QValues {
    changes: Vec<f64>,
    spread: Option<(Change, f64)>,
}

/// One p-value a series and kind enters, so that a series with many changes does not count as many series.
fn q_values(all: &[(Series, usize)], judged: &[Judged]) -> Vec<QValues> {
    let pairs: Vec<(&Series, &Judged)> = all.iter().map(|(series, _)| series).zip(judged).collect();
    let spreads: Vec<Option<Change>> = parallel_map(&pairs, |(series, judged)| spread_change(series, judged));
    let tested: Vec<usize> = (0..all.len()).filter(|&i| is_tested(&all[i].0)).collect();
    let levels = benjamini_hochberg(&tested.iter().map(|&i| judged[i].p_value).collect::<Vec<_>>());
    let of_spread = |i: &usize| spreads[*i].as_ref().map_or(1.0, |change| change.p_value);
    let spread_q = benjamini_hochberg(&tested.iter().map(of_spread).collect::<Vec<_>>());
    let place: BTreeMap<usize, usize> = tested.iter().enumerate().map(|(k, &i)| (i, k)).collect();
    let of = |(i, spread): (usize, Option<Change>)| {
        let level_q = place.get(&i).map_or(1.0, |&k| levels[k]);
        let best = judged[i].p_value.max(f64::MIN_POSITIVE);
        // The q-value of a weaker change of the same series: as much larger as its p-value is.
        let changes = judged[i].changes.iter().map(|c| (level_q * (c.p_value / best)).min(1.0)).collect();
        QValues { changes, spread: spread.map(|change| (change, place.get(&i).map_or(1.0, |&k| spread_q[k]))) }
    };
    spreads.into_iter().enumerate().map(of).collect()
}

/// Findings by kind.
#[derive(Default)]
struct Sorted {
    regressions: Vec<Finding>,
    improvements: Vec<Finding>,
    trends: Vec<Trend>,
    went_away: Vec<Episode>,
    inconclusive: Vec<Inconclusive>,
    not_measurable: Vec<NotMeasurable>,
}

impl Sorted {
    fn take(
        &mut self,
        series: &Series,
        judged: &Judged,
        q: &QValues,
        (baseline, window): (TimeRange, TimeRange),
        has_pace: bool,
        settings: &Settings,
    ) {
        let silent = |why: String| NotMeasurable { key: series.key.clone(), why };
        if let Some(why) = &series.not_measurable {
            self.not_measurable.push(silent(why.clone()));
            return;
        }
        if series.points.len() < MIN_POINTS {
            // A quantity that hardly ever occurs (a retry) is no gap in the report.
            if series.key.quantity != Quantity::RetryDuration {
                let why = format!("{} runs; {MIN_POINTS} are needed", series.points.len());
                self.not_measurable.push(silent(why));
            }
            return;
        }
        let case =
            |change, q_value, key: SeriesKey| Case { series, judged, change, q_value, key, window, settings, has_pace };
        let before = self.findings();
        for (change, q_value) in
            judged.changes.iter().zip(&q.changes).filter(|(_, q)| **q <= settings.false_discovery_rate)
        {
            self.sort(&case(change, *q_value, series.key.clone()));
        }
        if let Some((change, q_value)) = q.spread.as_ref().filter(|(_, q)| *q <= settings.false_discovery_rate) {
            let key = SeriesKey { quantity: Quantity::Spread, ..series.key.clone() };
            self.sort(&case(change, *q_value, key));
        }
        if self.findings() == before {
            self.inconclusive.extend(inconclusive(series, judged, window, baseline, settings));
        }
    }

    fn findings(&self) -> usize {
        self.regressions.len() + self.improvements.len() + self.trends.len() + self.went_away.len()
    }

    fn sort(&mut self, case: &Case<'_>) {
        match case.change.what {
            What::Trend => self.trends.extend(case.trend()),
            What::Excursion { .. } => self.went_away.extend(case.episode()),
            What::Step { .. } => {
                let Some(finding) = case.step() else { return };
                if let Some(end) = taken_back(case, &finding) {
                    let What::Step { at, .. } = case.change.what else { return };
                    self.went_away.push(case.episode_of(at, end, finding.effect));
                } else if finding.effect.point > 1.0 {
                    self.regressions.push(finding);
                } else {
                    self.improvements.push(finding);
                }
            }
        }
    }

    /// Newest and dearest first: this week's before older ones, then by minutes, then by name.
    fn rank(&mut self, instances: &BTreeMap<SeriesKey, usize>) {
        for findings in [&mut self.regressions, &mut self.improvements] {
            drop_shadows(findings, instances);
            findings.sort_by(|a, b| {
                let dear = |f: &Finding| f.minutes_lost_per_week.point.abs();
                (b.in_window.cmp(&a.in_window)).then(dear(b).total_cmp(&dear(a))).then_with(|| a.key.cmp(&b.key))
            });
        }
        self.trends.sort_by(|a, b| b.per_week.point.total_cmp(&a.per_week.point).then_with(|| a.key.cmp(&b.key)));
        self.went_away.sort_by(|a, b| b.range.from.cmp(&a.range.from).then_with(|| a.key.cmp(&b.key)));
        self.inconclusive.sort_by(|a, b| b.effect.point.total_cmp(&a.effect.point).then_with(|| a.key.cmp(&b.key)));
        self.not_measurable.sort_by(|a, b| a.key.cmp(&b.key));
    }

    fn shown(&self) -> BTreeSet<SeriesKey> {
        let found = self.regressions.iter().chain(&self.improvements).map(|f| &f.key);
        let keys = found.chain(self.trends.iter().map(|t| &t.key)).chain(self.went_away.iter().map(|e| &e.key));
        let series = |key: &SeriesKey| match key.quantity {
            Quantity::Spread => SeriesKey { quantity: Quantity::Duration, ..key.clone() },
            _ => key.clone(),
        };
        keys.take(SHOWN_SERIES).map(series).collect()
    }
}

/// A later level that undoes at least half of the change: where it begins.
fn taken_back(case: &Case<'_>, finding: &Finding) -> Option<usize> {
    let What::Step { from, at, .. } = case.change.what else { return None };
    let later = case.judged.changes.iter().filter_map(|change| match change.what {
        What::Step { at: next, to, .. } if next > at => Some((next, to)),
        _ => None,
    });
    let size = finding.effect.point.ln();
    for (next, to) in later {
        let before = level_of(case.series, case.judged, from, at, case.settings.level)?;
        let now = level_of(case.series, case.judged, next, to, case.settings.level)?;
        let left = (now.point / before.point).ln();
        if left.is_finite() && left * size.signum() < size.abs() / 2.0 {
            return Some(next);
        }
    }
    None
}

/// One change shows in several series: the task and its instances, failures and retries. One of them speaks: the instances
/// where fewer than half of them changed, else the task as a whole.
fn drop_shadows(findings: &mut Vec<Finding>, instances: &BTreeMap<SeriesKey, usize>) {
    let all = findings.clone();
    let near = |a: &Finding, b: &Finding| a.changed_low <= b.changed_high && b.changed_low <= a.changed_high;
    let whole = |key: &SeriesKey| SeriesKey { index: Index::All, ..key.clone() };
    let few_changed = |task: &Finding| {
        let changed =
            all.iter().filter(|f| f.key.index != Index::All && whole(&f.key) == task.key && near(f, task)).count();
        changed > 0 && 2 * changed < instances.get(&task.key).copied().unwrap_or(0)
    };
    findings.retain(|finding| {
        if finding.key.index == Index::All && few_changed(finding) {
            return false;
        }
        !all.iter().any(|other| {
            let instance_of =
                finding.key.index != Index::All && other.key == whole(&finding.key) && !few_changed(other);
            let failures = SeriesKey { quantity: Quantity::FailureRate, ..finding.key.clone() };
            let retries_of = finding.key.quantity == Quantity::RetryRate && other.key == failures;
            (instance_of || retries_of) && near(finding, other)
        })
    });
}

/// Window against baseline where no change was found: does it look changed?
fn inconclusive(
    series: &Series,
    judged: &Judged,
    window: TimeRange,
    baseline: TimeRange,
    settings: &Settings,
) -> Option<Inconclusive> {
    if series.key.quantity.is_rate() || series.key.index != Index::All {
        return None;
    }
    let within = |range: TimeRange| {
        let from = series.points.partition_point(|point| point.at < range.from);
        (from, series.points.partition_point(|point| point.at < range.to))
    };
    let ((a, b), (c, d)) = (within(baseline), within(window));
    if b - a < 5 || d - c < 3 {
        return None;
    }
    let (before, after) = (judged.uneven().slice(a, b), judged.uneven().slice(c, d));
    let effect = if judged.logs {
        let plain = |from: usize, to: usize| series.points[from..to].iter().map(|p| p.adjusted).collect::<Vec<_>>();
        ratio(&plain(a, b), &plain(c, d), settings.level)?
    } else {
        uneven_ratio(before, after, settings.level)?
    };
    if effect.contains(1.0) || effect.point.ln().abs() < settings.min_effect.ln_1p() {
        return None;
    }
    let positive: Vec<f64> = series.points[a..d].iter().map(|p| p.adjusted).filter(|v| *v > 0.0).map(f64::ln).collect();
    let sd_log = mad(&positive)?;
    let needed = runs_needed(effect.point.ln(), sd_log, b - a, ar1_robust(&positive), settings.threshold);
    Some(Inconclusive {
        key: series.key.clone(),
        effect,
        more_runs_needed: needed.map(|n| n.saturating_sub(d - c)).filter(|n| *n > 0),
    })
}

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
        regimes: edges.windows(2).filter_map(regime).collect(),
    }
}

fn warnings(histories: &[DagHistory], axes: &[DagAxis], overheads: &Overheads) -> Vec<String> {
    let mut warnings = Vec::new();
    let caught_up = axes.iter().filter(|axis| axis.caught_up && axis.choice.axis == Axis::Logical).count();
    if caught_up > 1 {
        warnings.push(format!(
            "{caught_up} DAGs were caught up, each to a date of its own: each is judged on the last week of its own logical dates"
        ));
    }
    for (deployment, overhead) in overheads {
        if let Some(why) = &overhead.absent {
            warnings.push(format!("deployment {deployment}: the overhead common to all tasks was not removed: {why}"));
        }
    }
    let without_runs = histories.iter().filter(|history| history.runs.is_empty()).count();
    if without_runs > 0 {
        warnings.push(format!("{without_runs} DAG(s) have attempts but no runs: export dag_run as well"));
    }
    let unstructured = histories.iter().filter(|history| history.edges.is_empty()).count();
    if unstructured > 0 && unstructured == histories.len() {
        warnings.push("no serialized DAG was exported: dependencies are inferred from the history".to_owned());
    }
    warnings
}
