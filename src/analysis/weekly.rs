//! The weekly regression analysis: histories in, findings out.

use super::{
    axis,
    causes::attribute,
    coverage::Counting,
    dag_view::dag_view,
    examined::{Examined, Outcome, examine},
    facts::{Ends, Histories},
    gathered::Shared,
    host::host_changes,
    multiplicity::q_values,
    result::{Analysis, DagView, FalseAlarms, Finding, RunChange},
    run_change::run_change,
    settings::Settings,
    shadow::instances,
    sorted::Sorted,
    structure::Structure,
    together::{tell, together},
    unmatched::Unmatched,
    warnings::{stale_acknowledgements, warnings},
};
use crate::{
    model::{DagHistory, Detail},
    stats::{both, parallel_map},
};
use std::collections::BTreeSet;

/// Analyses the histories of one or more deployments. Each history is read twice: once for what all of them share, once for
/// its own series; between the two, and of the series without a change, nothing is kept that grows with its length.
///
/// # Errors
/// Where a history cannot be had.
pub fn analyze<H: Histories>(histories: &H, settings: &Settings) -> Result<Analysis, H::Error> {
    let shared = Shared::gather(histories, settings)?;
    let each = Each::examine(histories, &shared, settings)?;
    let markers = histories.markers()?;
    let mut analysis = conclude(shared, each, settings);
    attribute(&mut analysis.regressions, &markers, &analysis.axes);
    attribute(&mut analysis.improvements, &markers, &analysis.axes);
    Ok(analysis)
}

/// What was found in each history.
#[derive(Default)]
struct Each {
    series: Vec<Examined>,
    run_changes: Vec<RunChange>,
    dags: Vec<DagView>,
    counting: Counting,
    unmatched: Unmatched,
    ends: Vec<Ends>,
}

impl Each {
    fn examine<H: Histories>(histories: &H, shared: &Shared, settings: &Settings) -> Result<Self, H::Error> {
        let mut each = Self::default();
        let places: Vec<usize> = (0..shared.axes.len()).collect();
        let mut before = Vec::new();
        for places in places.chunks(histories.at_once().max(1)) {
            let load = |&h: &usize| Ok((h, histories.load(h, Detail::Series)?));
            let batch = places.iter().map(load).collect::<Result<Vec<_>, H::Error>>()?;
            let examine = || parallel_map(&batch, |(h, history)| One::examine(*h, history, shared, settings));
            // Counting, and giving memory back, take their time too.
            let (told, ()) = both(examine, || each.take_all(before, shared));
            before = batch.into_iter().zip(told).collect();
        }
        each.take_all(before, shared);
        Ok(each)
    }

    fn take_all(&mut self, told: Vec<((usize, DagHistory), One)>, shared: &Shared) {
        told.into_iter().for_each(|((h, history), one)| self.take(h, &history, one, shared));
    }

    fn take(&mut self, h: usize, history: &DagHistory, one: One, shared: &Shared) {
        let told = one.series.iter().filter(|series| !matches!(series.outcome, Outcome::Silent(None))).count();
        self.counting.add(history, &shared.axes[h], told);
        self.unmatched.add(history);
        self.series.extend(one.series);
        self.ends.push(one.ends);
        self.run_changes.extend(one.run_change);
        self.dags.extend(one.dag);
    }
}

/// What was found in one history.
struct One {
    series: Vec<Examined>,
    run_change: Option<RunChange>,
    dag: Option<DagView>,
    ends: Ends,
}

impl One {
    fn examine(h: usize, history: &DagHistory, shared: &Shared, settings: &Settings) -> Self {
        let dag = &shared.axes[h];
        let axis = dag.choice.axis;
        let ranges = (shared.calendar.baseline(h), shared.calendar.window(h));
        let structure = Structure::of(history);
        let overhead = &shared.overheads[&history.deployment];
        let wanted = shared.facts[h].wanted;
        Self {
            series: examine((h, history, &structure), dag, overhead, ranges, settings),
            ends: Ends::of(history, dag, ranges.0.from),
            run_change: wanted.then(|| run_change((history, &structure), axis, ranges, settings)).flatten(),
            dag: wanted.then(|| dag_view(history, &structure, axis, ranges.1)).flatten(),
        }
    }
}

/// Sentences on tasks that take longer only because they handle more, before their number is told instead.
const MAX_BY_VOLUME: usize = 5;

fn by_volume(all: &[Examined]) -> Vec<String> {
    let mut said: Vec<String> = all.iter().filter_map(|series| series.by_volume.clone()).collect();
    let more = said.len().saturating_sub(MAX_BY_VOLUME);
    said.truncate(MAX_BY_VOLUME);
    said.extend((more > 0).then(|| format!("{more} more tasks changed only with the volume they handle")));
    said
}

fn conclude(shared: Shared, each: Each, settings: &Settings) -> Analysis {
    let Shared { facts, axes, calendar, overheads } = shared;
    let mut sorted = Sorted::default();
    let q = q_values(&each.series);
    for (series, q) in each.series.iter().zip(&q) {
        sorted.take(series, q, calendar.window(series.h), &axes[series.h], settings);
    }
    sorted.rank(&instances(&each.series));
    let found: Vec<&Finding> = sorted.regressions.iter().chain(&sorted.improvements).collect();
    let groups = together(&found, &each.series);
    tell(&mut sorted.regressions, &groups);
    tell(&mut sorted.improvements, &groups);
    let shown = sorted.shown();
    let series = each.series.iter().filter(|series| shown.contains(&series.key));
    let views = series.filter_map(|series| series.view(axes[series.h].choice.axis, settings.level)).collect();
    let tested = each.series.iter().filter(|series| series.is_tested()).count();
    let said = warnings(&facts, &axes, &overheads, &each.ends, settings).into_iter();
    let said = said.chain(stale_acknowledgements(&sorted.regressions, settings));
    let said = said.chain(by_volume(&each.series)).chain(each.unmatched.warning()).collect();
    let paced = overheads.iter().filter(|(deployment, _)| !axis::is_catch_up(deployment, &axes));
    let hosts =
        paced.flat_map(|(name, overhead)| host_changes(name, overhead, calendar.wall_window(), settings)).collect();
    let quantities: BTreeSet<_> = each.series.iter().map(|series| series.key.quantity).collect();
    let mut analysis = Analysis {
        as_of: calendar.last,
        window: calendar.window_to(calendar.last),
        baseline: calendar.baseline_to(calendar.last),
        seed: settings.seed,
        host_changes: hosts,
        together: groups,
        run_changes: each.run_changes,
        dags: each.dags,
        coverage: each.counting.finish(overheads.values()),
        false_alarms: FalseAlarms {
            false_discovery_rate: settings.false_discovery_rate,
            series_tested: tested,
            quantities: quantities.into_iter().collect(),
            note: format!(
                "of {tested} series tested together, at most {:.0} % of the findings are expected to be false \
                 (Benjamini-Hochberg on p-values corrected for searching all dates)",
                settings.false_discovery_rate * 100.0
            ),
        },
        warnings: said,
        axes: axes.into_iter().map(|axis| axis.choice).collect(),
        series: views,
        regressions: sorted.regressions,
        improvements: sorted.improvements,
        trends: sorted.trends,
        went_away: sorted.went_away,
        inconclusive: sorted.inconclusive,
        not_measurable: sorted.not_measurable,
    };
    let wanted: BTreeSet<_> =
        facts.into_iter().filter(|dag| dag.wanted).map(|dag| (dag.deployment, dag.dag_id)).collect();
    analysis.keep_dags(|deployment, dag_id| wanted.contains(&(deployment.clone(), dag_id.clone())));
    analysis
}
