//! Findings by kind, in the order in which they are told.

use super::{
    axis::DagAxis,
    change::What,
    examined::{Examined, Outcome},
    finding::{Case, level_of},
    multiplicity::QValues,
    result::{Episode, Finding, Inconclusive, NotMeasurable, Trend},
    settings::Settings,
    shadow::{Instances, fold_shadows},
};
use crate::model::{Quantity, SeriesKey, TimeRange};
use std::collections::BTreeSet;

/// Series shown with their points.
const SHOWN_SERIES: usize = 60;

/// Findings by kind.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) regressions: Vec<Finding>,
    pub(super) improvements: Vec<Finding>,
    pub(super) trends: Vec<Trend>,
    pub(super) went_away: Vec<Episode>,
    pub(super) inconclusive: Vec<Inconclusive>,
    pub(super) not_measurable: Vec<NotMeasurable>,
}

impl Sorted {
    /// Takes what came of one series.
    pub(super) fn take(
        &mut self,
        examined: &Examined,
        q: &QValues,
        window: TimeRange,
        axis: &DagAxis,
        settings: &Settings,
    ) {
        let found = match &examined.outcome {
            Outcome::Silent(why) => return self.not_measurable.extend(why.clone()),
            Outcome::Unchanged(doubt) => return self.inconclusive.extend(doubt.clone()),
            Outcome::Changed(found) => found,
        };
        let (series, judged) = (&found.series, &found.judged);
        let case =
            |change, q_value, key: SeriesKey| Case { series, judged, change, q_value, key, window, settings, axis };
        let before = self.findings();
        for (change, q_value) in
            judged.changes.iter().zip(&q.changes).filter(|(_, q)| **q <= settings.false_discovery_rate)
        {
            self.sort(&case(change, *q_value, series.key.clone()));
        }
        if let Some(change) = found.spread.as_ref().filter(|_| q.spread <= settings.false_discovery_rate) {
            let key = SeriesKey { quantity: Quantity::Spread, ..series.key.clone() };
            self.sort(&case(change, q.spread, key));
        }
        if self.findings() == before {
            self.inconclusive.extend(found.doubt.clone());
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
    pub(super) fn rank(&mut self, instances: &Instances) {
        for findings in [&mut self.regressions, &mut self.improvements] {
            fold_shadows(findings, instances);
            findings.sort_by(|a, b| {
                let dear = |f: &Finding| f.minutes_lost_per_week.point.abs();
                (b.is_new.cmp(&a.is_new)).then(dear(b).total_cmp(&dear(a))).then_with(|| a.key.cmp(&b.key))
            });
        }
        let steps: Vec<Finding> = self.regressions.iter().chain(&self.improvements).cloned().collect();
        self.trends.retain(|trend| !is_told_by_step(trend, &steps));
        self.trends.sort_by(|a, b| b.per_week.point.total_cmp(&a.per_week.point).then_with(|| a.key.cmp(&b.key)));
        self.went_away.sort_by(|a, b| b.range.from.cmp(&a.range.from).then_with(|| a.key.cmp(&b.key)));
        self.inconclusive.sort_by(|a, b| b.effect.point.total_cmp(&a.effect.point).then_with(|| a.key.cmp(&b.key)));
        self.not_measurable.sort_by(|a, b| a.key.cmp(&b.key));
    }

    pub(super) fn shown(&self) -> BTreeSet<SeriesKey> {
        let found = self.regressions.iter().chain(&self.improvements).map(|f| &f.key);
        let keys = found.chain(self.trends.iter().map(|t| &t.key)).chain(self.went_away.iter().map(|e| &e.key));
        let series = |key: &SeriesKey| match key.quantity {
            Quantity::Spread => SeriesKey { quantity: Quantity::Duration, ..key.clone() },
            _ => key.clone(),
        };
        keys.take(SHOWN_SERIES).map(series).collect()
    }
}

/// A run seems to creep where one of its tasks took a step: the task says it better.
fn is_told_by_step(trend: &Trend, steps: &[Finding]) -> bool {
    let run = &trend.key;
    trend.key.quantity == Quantity::RunDuration
        && steps.iter().any(|step| {
            let same_run = (&step.key.deployment, &step.key.dag_id, &step.key.run_type)
                == (&run.deployment, &run.dag_id, &run.run_type);
            same_run && step.key.task_id.is_some() && (step.effect.point > 1.0) == (trend.per_week.point > 0.0)
        })
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
