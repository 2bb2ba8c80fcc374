//! The host as a whole: since when the overhead that all tasks share is larger or smaller. It is told once, of the
//! Airflow installation, because no task is to blame for it.

use super::{
    finding::TELLS,
    level_change::{EXCURSION_THRESHOLD, autocorrelation_factor},
    minutes::{Cadence, minutes},
    overhead::{Common, Overhead},
    result::HostChange,
    settings::Settings,
};
use crate::{
    model::{Deployment, TimeRange, Timestamp},
    stats::{
        Scale, Split, Uneven, excursion, median, quantile, splits, uneven_difference, uneven_level, weekday_pattern,
    },
};
use std::collections::BTreeMap;

const DAY_S: f64 = 86_400.0;
/// Attempts that started in a day without which that day says nothing.
const MIN_A_DAY: usize = 5;
/// Days without which nothing is said.
const MIN_DAYS: usize = 12;
/// Smallest change of the overhead that is told, in seconds: below it, process starts differ by more from day to day.
const MIN_DIFFERENCE_S: f64 = 0.5;
/// A later level that leaves less than this share of a change undoes it.
const LEFT: f64 = 0.5;

/// Changes of the common overhead's daily median, oldest first.
///
/// Only for an Airflow that ran on schedule: in a catch-up, weeks of runs share an hour, and the load of that hour is no
/// state of the host. A day is one value: its attempts share their overhead, and their number would only feign precision.
pub(super) fn host_changes(
    deployment: &Deployment,
    overhead: &Overhead,
    window: TimeRange,
    settings: &Settings,
) -> Vec<HostChange> {
    let common: Vec<Common> = overhead.common().iter().copied().filter(|one| one.started < window.to).collect();
    let Some(days) = Days::of(&common) else { return Vec::new() };
    let case = Case { deployment, common: &common, days: &days, window, settings };
    let inflation = autocorrelation_factor(days.uneven(), settings.threshold);
    let came_and_went = excursion(days.uneven(), EXCURSION_THRESHOLD, inflation);
    if let Some(episode) = came_and_went {
        return case.episode(episode.from, episode.to, episode.p_value()).into_iter().collect();
    }
    let found = splits(days.uneven(), settings.threshold * inflation);
    (0..found.len()).filter_map(|i| case.step(&found, i)).collect()
}

/// Daily medians, less their weekly pattern.
struct Days {
    at: Vec<Timestamp>,
    value: Vec<f64>,
    exact: Vec<f64>,
}

impl Days {
    fn of(common: &[Common]) -> Option<Self> {
        let mut by_day: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for one in common {
            by_day.entry((one.started.seconds() / DAY_S).floor() as i64).or_default().push(one.seconds);
        }
        by_day.retain(|_, seconds| seconds.len() >= MIN_A_DAY);
        if by_day.len() < MIN_DAYS {
            return None;
        }
        let day: Vec<f64> = by_day.keys().map(|day| *day as f64).collect();
        let middle: Vec<f64> = by_day.values().filter_map(|seconds| median(seconds)).collect();
        let pattern = weekday_pattern(&day, &middle).unwrap_or_else(|| vec![0.0; middle.len()]);
        Some(Self {
            at: day.iter().map(|day| Timestamp::default().plus_seconds(day * DAY_S)).collect(),
            exact: vec![0.0; middle.len()],
            value: middle.iter().zip(pattern).map(|(middle, pattern)| middle - pattern).collect(),
        })
    }

    fn uneven(&self) -> Uneven<'_> {
        Uneven { value: &self.value, sd: &self.exact, scale: Scale::Plain }
    }
}

struct Case<'a> {
    deployment: &'a Deployment,
    common: &'a [Common],
    days: &'a Days,
    window: TimeRange,
    settings: &'a Settings,
}

impl Case<'_> {
    fn step(&self, found: &[Split], i: usize) -> Option<HostChange> {
        let n = self.days.value.len();
        let all = self.days.uneven();
        let edge = |i: usize| found.get(i).map_or(n, |split| split.index);
        let from = if i == 0 { 0 } else { edge(i - 1) };
        let split = &found[i];
        let mut change = self.change(all.slice(from, split.index), split.index, edge(i + 1), split.p_value())?;
        change.changed_low = self.days.at[split.index_low];
        change.changed_high = self.days.at[split.index_high.min(n - 1)];
        let left = |next: &usize| {
            let level = median(&self.days.value[edge(*next)..edge(next + 1)]).unwrap_or(f64::NAN);
            (level - change.before.point) / change.difference.point
        };
        change.ended_at = (i + 1..found.len()).find(|next| left(next) < LEFT).map(|next| self.days.at[edge(next)]);
        Some(change)
    }

    fn episode(&self, from: usize, to: usize, p_value: f64) -> Option<HostChange> {
        let around: Vec<f64> = [&self.days.value[..from], &self.days.value[to..]].concat();
        let exact = vec![0.0; around.len()];
        let around = Uneven { value: &around, sd: &exact, scale: Scale::Plain };
        Some(HostChange { ended_at: Some(self.days.at[to]), ..self.change(around, from, to, p_value)? })
    }

    /// The days `from..to` against those of `around`; `None` where the difference is not worth a word.
    fn change(&self, around: Uneven<'_>, from: usize, to: usize, p_value: f64) -> Option<HostChange> {
        let inside = self.days.uneven().slice(from, to);
        let level = self.settings.level;
        let difference = uneven_difference(around, inside, level)?;
        let at = self.days.at[from];
        let until = self.days.at[to - 1].plus_seconds(DAY_S);
        let during = TimeRange { from: at, to: until };
        if difference.contains(0.0) || difference.point.abs() < self.smallest()? {
            return None;
        }
        let attempts = self.common.iter().filter(|one| during.contains(one.started)).count();
        let a_week = attempts as f64 / (during.days() / 7.0);
        let (tasks, moved) = self.agreement(during, difference.point);
        Some(HostChange {
            id: format!("host-{}", at.date_string()),
            deployment: self.deployment.clone(),
            changed_at: at,
            changed_low: at,
            changed_high: at,
            ended_at: None,
            in_window: self.window.contains(at),
            is_new: self.days.at[(from + TELLS - 1).min(self.days.at.len() - 1)] >= self.window.from,
            before: uneven_level(around, level)?,
            after: uneven_level(inside, level)?,
            minutes_lost_per_week: minutes(Some(difference.clone()), Cadence::PerWeek(a_week), level),
            difference,
            p_value,
            attempts,
            tasks,
            tasks_moved: moved,
        })
    }

    /// Smallest change worth a word: by the duration that a quarter of the attempts do not reach, as those feel it most.
    fn smallest(&self) -> Option<f64> {
        let mut durations: Vec<f64> = self.common.iter().map(|one| one.duration_s).collect();
        durations.sort_by(f64::total_cmp);
        Some((self.settings.min_effect * quantile(&durations, 0.25)?).max(MIN_DIFFERENCE_S))
    }

    /// Tasks that ran on both sides, and those whose recorded median moved the same way.
    fn agreement(&self, during: TimeRange, difference: f64) -> (usize, usize) {
        let mut sides: BTreeMap<usize, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
        for one in self.common {
            let (outside, inside) = sides.entry(one.task).or_default();
            if during.contains(one.started) { inside } else { outside }.push(one.duration_s);
        }
        let moves = sides.values().filter_map(|(outside, inside)| Some(median(inside)? - median(outside)?));
        let moves: Vec<f64> = moves.collect();
        (moves.len(), moves.iter().filter(|move_s| **move_s * difference > 0.0).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: usize = 8;

    /// Ninety days of eight tasks; `extra` is the hosts' overhead on a day.
    fn changes(extra: impl Fn(usize) -> f64) -> Vec<HostChange> {
        let one = |i: usize| {
            let (day, task) = (i / TASKS, i % TASKS);
            let jitter = ((i * 7919 % 101) as f64 - 50.0) * 0.004;
            let started = Timestamp::default().plus_seconds(day as f64 * DAY_S + task as f64 * 60.0);
            Common { started, seconds: 1.0 + extra(day) + jitter, sd: 0.1, duration_s: 5.0 + extra(day) + jitter, task }
        };
        let common: Vec<Common> = (0..90 * TASKS).map(one).collect();
        let window =
            TimeRange { from: common[83 * TASKS].started, to: Timestamp::default().plus_seconds(90.0 * DAY_S) };
        host_changes(&Deployment::default(), &Overhead::of_common(common), window, &Settings::default())
    }

    #[test]
    fn a_step_of_the_hosts_is_told_once_with_its_day_and_size() {
        let found = changes(|day| if day >= 60 { 3.0 } else { 0.0 });
        assert_eq!(found.len(), 1, "{found:?}");
        let change = &found[0];
        assert!(change.difference.contains(3.0) && change.ended_at.is_none() && !change.in_window, "{change:?}");
        assert_eq!(change.changed_at, Timestamp::default().plus_seconds(60.0 * DAY_S));
        assert_eq!((change.tasks, change.tasks_moved), (TASKS, TASKS));
        // 8 attempts a day, 7 days, 3 s.
        assert!((change.minutes_lost_per_week.point - 2.8).abs() < 0.1, "{:?}", change.minutes_lost_per_week);
    }

    #[test]
    fn what_is_over_has_an_end() {
        let found = changes(|day| if (40..50).contains(&day) { 3.0 } else { 0.0 });
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].ended_at, Some(Timestamp::default().plus_seconds(50.0 * DAY_S)));
    }

    #[test]
    fn small_changes_weekly_patterns_and_quiet_are_silent() {
        assert_eq!(changes(|_| 0.0), []);
        assert_eq!(changes(|day| if day >= 60 { 0.3 } else { 0.0 }), []);
        assert_eq!(changes(|day| if day % 7 < 2 { 2.0 } else { 0.0 }), []);
    }
}
