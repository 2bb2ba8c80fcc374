//! The weekly regression analysis: histories in, findings out.

use super::{
    axis,
    calendar::Calendar,
    change::{Judged, judge},
    coverage::coverage,
    dag_view::dag_view,
    host::host_changes,
    multiplicity::{is_tested, q_values},
    overhead::overheads,
    result::{Analysis, FalseAlarms},
    run_change::run_change,
    series::{self, Sampled, Series},
    series_view::view,
    settings::Settings,
    shadow::instances,
    sorted::Sorted,
    warnings::{stale_acknowledgements, warnings},
};
use crate::{model::DagHistory, stats::parallel_map};
use std::collections::BTreeSet;

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
        host_changes: overheads
            .iter()
            .filter(|(deployment, _)| !axis::is_catch_up(deployment, &axes))
            .flat_map(|(deployment, overhead)| host_changes(deployment, overhead, calendar.wall_window(), settings))
            .collect(),
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
        warnings: warnings(histories, &axes, &overheads, &calendar, settings)
            .into_iter()
            .chain(stale_acknowledgements(&sorted.regressions, settings))
            .collect(),
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
