//! The overhead that all tasks share at a time: process start, DAG parsing, a busy host. It is additive, in seconds, and by
//! wall clock; what is left of a task's duration is its own.

use super::{at_volume::tasks_that_follow_volume, settings::Settings};
use crate::{
    model::{Attempt, DagHistory, Deployment, TaskState, Text, Timestamp},
    stats::{Neighbours, Observations, Pace, Scale, SharedEffect, Uneven, fit_shared_effect, splits, weekday_pattern},
};
use std::collections::{BTreeMap, HashMap};

/// Fits with regimes refined between them, at most.
const FITS: usize = 3;
/// Attempts of one task that start within a second share this much of the error of their overhead, falling by 1/e a second.
pub(super) const SHARED_ERROR: f64 = 0.55;
/// Process start, DAG parsing and heartbeats on a quiet host, in seconds, at most (0.2 to 3 s in histories of five versions).
const MAX_QUIET_S: f64 = 3.0;
/// Attempts that a fit takes in, so that its memory does not grow with the history; of a longer one a half, a quarter, .. are
/// chosen, and the overhead of the others is that of the chosen ones before and after them.
const MAX_ATTEMPTS: usize = 100_000;
/// Share of the tasks that must follow the overhead second for second.
const MIN_AGREEMENT: f64 = 0.8;
/// Attempts and tasks without which nothing can be said of what they share.
const MIN_ATTEMPTS: usize = 50;
const MIN_TASKS: usize = 5;

/// Overhead by Airflow.
pub(super) type Overheads = BTreeMap<Deployment, Overhead>;

/// Which attempt: the DAG's place among the histories, then the attempt's.
pub(super) type Place = (usize, usize);

/// The common overhead of each attempt that ran.
#[derive(Debug, Default)]
pub(super) struct Overhead {
    of: HashMap<Place, (f64, f64)>,
    common: Vec<Common>,
    /// (time, seconds, attempts it rests on), for the chart.
    pub(super) curve: Vec<(Timestamp, f64, u32)>,
    /// Why there is none.
    pub(super) absent: Option<String>,
}

/// One attempt with the overhead in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Common {
    pub(super) started: Timestamp,
    /// Overhead, seconds.
    pub(super) seconds: f64,
    /// Standard deviation of its error.
    pub(super) sd: f64,
    /// As recorded.
    pub(super) duration_s: f64,
    /// Which task: numbered within the deployment.
    pub(super) task: usize,
}

struct Sample {
    place: Place,
    started: Timestamp,
    duration_s: f64,
    task: usize,
    /// Order of the run within its task: the regimes' axis.
    at: Timestamp,
    first_try: bool,
}

impl Overhead {
    /// Seconds of overhead of an attempt that started then, and their standard deviation.
    pub(super) fn of(&self, place: Place, started: Timestamp) -> (f64, f64) {
        self.of.get(&place).copied().unwrap_or_else(|| self.between(started))
    }

    /// From the attempts before and after, the nearer the more.
    fn between(&self, started: Timestamp) -> (f64, f64) {
        let next = self.common.partition_point(|one| one.started < started);
        let (before, after) = (next.checked_sub(1).map(|i| self.common[i]), self.common.get(next).copied());
        match (before, after) {
            (None, None) => (0.0, 0.0),
            (Some(one), None) | (None, Some(one)) => (one.seconds, one.sd),
            (Some(a), Some(b)) => {
                let gap = b.started.seconds_since(a.started);
                let share = if gap > 0.0 { started.seconds_since(a.started) / gap } else { 0.5 };
                let apart = (b.seconds - a.seconds) / 2.0;
                let seconds = a.seconds + share * (b.seconds - a.seconds);
                (seconds, ((a.sd * a.sd + b.sd * b.sd) / 2.0 + apart * apart).sqrt())
            }
        }
    }

    /// The overhead by start, oldest first; empty where none was found.
    pub(super) fn common(&self) -> &[Common] {
        &self.common
    }

    #[cfg(test)]
    pub(super) fn of_common(common: Vec<Common>) -> Self {
        Self { common, ..Self::default() }
    }

    /// Fits the overhead to the attempts of one Airflow.
    fn fit(mut samples: Vec<Sample>, caught_up: bool, settings: &Settings) -> Self {
        samples.sort_by_key(|sample| (sample.started, sample.place));
        let tasks = samples.iter().map(|sample| sample.task).max().map_or(0, |max| max + 1);
        if samples.len() < MIN_ATTEMPTS || tasks < MIN_TASKS {
            let why = format!("{} attempts of {tasks} tasks say too little of what they share", samples.len());
            return Self { absent: Some(why), ..Self::default() };
        }
        let origin = samples[0].started;
        let time_s: Vec<f64> = samples.iter().map(|sample| sample.started.seconds_since(origin)).collect();
        // In a catch-up, weeks pass within minutes: other tasks' weekly patterns cancel there, and taking them out adds noise.
        let value = if caught_up {
            samples.iter().map(|sample| sample.duration_s).collect()
        } else {
            without_weekdays(&samples)
        };
        let group: Vec<usize> = samples.iter().map(|sample| sample.task).collect();
        let pace = if caught_up { Pace::BURST } else { Pace::DAILY };
        let mut regime = group.clone();
        let mut neighbours = Neighbours::OtherGroups;
        for round in 1.. {
            let observations = Observations { time_s: &time_s, value: &value, group: &group, regime: &regime };
            let fit = fit_shared_effect(observations, neighbours, pace);
            let next = regimes(&samples, &value, &fit.effect, &fit.uncertainty, settings.threshold);
            if round == FITS || next == regime {
                let constant = match caught_up {
                    true => constant(&fit, observations),
                    false => above_quiet(&fit, observations),
                };
                let constant = match constant {
                    Ok(constant) => constant,
                    Err(absent) => return Self { absent, ..Self::default() },
                };
                let pairs = fit.effect.iter().zip(&fit.uncertainty).map(|(effect, sd)| (effect + constant, *sd));
                let of: HashMap<Place, (f64, f64)> = samples.iter().map(|sample| sample.place).zip(pairs).collect();
                let curve = curve(&samples, &of, &fit.support);
                let pairs = fit.effect.iter().zip(&fit.uncertainty);
                let common =
                    samples.iter().zip(pairs).map(|(sample, (effect, sd))| sample.with(effect + constant, *sd));
                return Self { common: common.collect(), of, curve, absent: None };
            }
            regime = next;
            neighbours = Neighbours::AllOthers;
        }
        Self::default()
    }
}

/// The constant between overhead and the tasks' own work. Durations alone do not tell it: it is bounded by what the quickest
/// task leaves, by what process start and DAG parsing take on a quiet host, and by the overhead's own swing. Nothing where the
/// overhead does not swing by more than a single attempt's noise: then it explains nothing, and nothing is removed.
fn constant(fit: &SharedEffect, observations: Observations<'_>) -> Result<f64, Option<String>> {
    let (low, swing) = swing(fit)?;
    Ok(fit.anchor(observations).min(swing.min(MAX_QUIET_S) - low))
}

/// The constant where runs came on schedule: the quiet host is zero, and only what goes beyond it is removed. There the shift
/// must be the same number of seconds for each task: a host that makes everything 1.3 times slower, or half of the tasks that
/// changed at once, is no overhead.
fn above_quiet(fit: &SharedEffect, observations: Observations<'_>) -> Result<f64, Option<String>> {
    let (low, _) = swing(fit)?;
    match fit.agreement(observations) {
        Some(share) if share >= MIN_AGREEMENT => Ok(-low),
        Some(share) => Err(Some(format!(
            "what tasks share is no equal number of seconds: only {:.0} % of those that can tell follow it",
            share * 100.0
        ))),
        // Tasks vary too much by themselves: there is nothing to warn of.
        None => Err(None),
    }
}

/// Its quiet level and how far it swings; nothing where it swings no more than its own error.
fn swing(fit: &SharedEffect) -> Result<(f64, f64), Option<String>> {
    let (low, high, noise) = fit.swing().ok_or(None)?;
    let swing = high - low;
    if swing > noise { Ok((low, swing)) } else { Err(None) }
}

impl Sample {
    fn with(&self, seconds: f64, sd: f64) -> Common {
        Common { started: self.started, seconds, sd, duration_s: self.duration_s, task: self.task }
    }
}

/// Collects the attempts of one Airflow, DAG by DAG.
#[derive(Default)]
pub(super) struct Gathering {
    samples: Vec<Sample>,
    tasks: usize,
    /// Attempts are kept whose hash ends in so many zero bits.
    thinned: u32,
}

impl Gathering {
    /// Takes the attempts of a DAG that ended well. `at` gives an attempt's time on the DAG's axis.
    pub(super) fn add(&mut self, h: usize, history: &DagHistory, at: impl Fn(&Attempt) -> Option<Timestamp>) {
        self.add_at_most(MAX_ATTEMPTS, h, history, at);
    }

    fn add_at_most(&mut self, most: usize, h: usize, history: &DagHistory, at: impl Fn(&Attempt) -> Option<Timestamp>) {
        let mut tasks: BTreeMap<&Text, usize> = BTreeMap::new();
        let by_volume = tasks_that_follow_volume(history);
        // Attempts of a task mostly stand together.
        let mut last: Option<(&Text, usize)> = None;
        for (i, attempt) in history.attempts.iter().enumerate() {
            let well = attempt.ran() && attempt.state == Some(TaskState::Success) && attempt.queued_at.is_some();
            let (Some(started), Some(ended)) = (attempt.started_at, attempt.ended_at) else { continue };
            let Some(at) = at(attempt).filter(|_| well && !by_volume.contains(&attempt.task_id)) else { continue };
            let task = match last {
                Some((task_id, task)) if *task_id == attempt.task_id => task,
                _ => {
                    let next = self.tasks + tasks.len();
                    *tasks.entry(&attempt.task_id).or_insert(next)
                }
            };
            last = Some((&attempt.task_id, task));
            if !is_chosen((h, i), self.thinned) {
                continue;
            }
            let first_try = attempt.try_number.unwrap_or(1) <= 1;
            let duration_s = ended.seconds_since(started);
            self.samples.push(Sample { place: (h, i), started, duration_s, task, at, first_try });
            while self.samples.len() > most {
                self.thinned += 1;
                let thinned = self.thinned;
                self.samples.retain(|sample| is_chosen(sample.place, thinned));
            }
        }
        self.tasks += tasks.len();
    }

    /// Fits what they share.
    pub(super) fn fit(self, caught_up: bool, settings: &Settings) -> Overhead {
        Overhead::fit(self.samples, caught_up, settings)
    }
}

/// One attempt in 2^`bits`, always the same ones; no pattern of the history decides it (splitmix64: Steele, Lea & Flood,
/// OOPSLA 2014).
fn is_chosen((h, i): Place, bits: u32) -> bool {
    let mut z = ((h as u64) << 40 ^ i as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).trailing_zeros() >= bits
}

/// Durations less each task's own weekly pattern: where many tasks do less on Sundays, that is no quieter host.
fn without_weekdays(samples: &[Sample]) -> Vec<f64> {
    let mut value: Vec<f64> = samples.iter().map(|sample| sample.duration_s).collect();
    for members in by_task(samples).values_mut() {
        members.sort_by_key(|&i| samples[i].at);
        let days: Vec<f64> = members.iter().map(|&i| samples[i].at.seconds() / 86_400.0).collect();
        let own: Vec<f64> = members.iter().map(|&i| samples[i].duration_s).collect();
        for (&i, pattern) in members.iter().zip(weekday_pattern(&days, &own).unwrap_or_default()) {
            value[i] -= pattern;
        }
    }
    value
}

/// Places of each task's samples.
fn by_task(samples: &[Sample]) -> BTreeMap<usize, Vec<usize>> {
    let mut by_task: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        by_task.entry(sample.task).or_default().push(i);
    }
    by_task
}

/// Cuts each task's adjusted durations where they changed, so that the next fit lets the change stand.
fn regimes(samples: &[Sample], own: &[f64], effect: &[f64], sd: &[f64], threshold: f64) -> Vec<usize> {
    let mut regime = vec![0; samples.len()];
    let mut next = 0;
    for members in by_task(samples).values() {
        let points = one_a_run(samples, members);
        let value: Vec<f64> = points.iter().map(|&i| own[i] - effect[i]).collect();
        let sd: Vec<f64> = points.iter().map(|&i| sd[i]).collect();
        let cuts: Vec<Timestamp> = splits(Uneven { value: &value, sd: &sd, scale: Scale::Plain }, threshold)
            .iter()
            .map(|split| samples[points[split.index]].at)
            .collect();
        for &i in members {
            regime[i] = next + cuts.iter().filter(|cut| samples[i].at >= **cut).count();
        }
        next += cuts.len() + 1;
    }
    compact(&regime)
}

/// First tries, the longest instance of each run, by the run's time.
fn one_a_run(samples: &[Sample], members: &[usize]) -> Vec<usize> {
    let mut longest: BTreeMap<Timestamp, usize> = BTreeMap::new();
    for &i in members.iter().filter(|&&i| samples[i].first_try) {
        let entry = longest.entry(samples[i].at).or_insert(i);
        if samples[i].duration_s > samples[*entry].duration_s {
            *entry = i;
        }
    }
    longest.into_values().collect()
}

/// Renumbers without gaps: a regime may have lost all its members to another.
fn compact(regime: &[usize]) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    for value in regime {
        let next = numbers.len();
        numbers.entry(*value).or_insert(next);
    }
    regime.iter().map(|value| numbers[value]).collect()
}

/// Points of the chart: medians over stretches of equal length.
const CURVE_POINTS: i64 = 200;

fn curve(samples: &[Sample], of: &HashMap<Place, (f64, f64)>, support: &[u32]) -> Vec<(Timestamp, f64, u32)> {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else { return Vec::new() };
    let step = ((last.started.micros() - first.started.micros()) / CURVE_POINTS).max(1);
    let mut bins: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (sample, _) in samples.iter().zip(support) {
        let bin = (sample.started.micros() - first.started.micros()) / step;
        bins.entry(bin).or_default().extend(of.get(&sample.place).map(|(seconds, _)| *seconds));
    }
    let point = |(bin, seconds): (i64, Vec<f64>)| {
        let at = Timestamp::from_micros(first.started.micros() + bin * step + step / 2);
        crate::stats::median(&seconds).map(|middle| (at, middle, seconds.len() as u32))
    };
    bins.into_iter().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{at, attempt, history};
    use super::*;

    #[test]
    fn a_long_history_is_thinned_without_a_pattern() {
        let one = |i: i32| {
            let start = f64::from(i) * 60.0;
            Attempt {
                queued_at: Some(at(start)),
                ..attempt(["a", "b"][i as usize % 2], &format!("r{i}"), start, start + 5.0)
            }
        };
        let history = history((0..1_000).map(one).collect());
        let mut gathering = Gathering::default();
        gathering.add_at_most(300, 0, &history, |attempt| attempt.started_at);
        let kept = gathering.samples.len();
        assert!((150..=300).contains(&kept), "{kept}");
        // Every second attempt is of the other task: each task keeps its half.
        let first = gathering.samples.iter().filter(|sample| sample.task == 0).count();
        assert!((2 * first).abs_diff(kept) < kept / 4, "{first} of {kept}");
    }

    #[test]
    fn an_attempt_that_was_not_chosen_lies_between_its_neighbours() {
        let one =
            |second: f64, seconds: f64| Common { started: at(second), seconds, sd: 0.1, duration_s: 9.0, task: 0 };
        let overhead = Overhead::of_common(vec![one(0.0, 1.0), one(100.0, 3.0)]);
        let (seconds, sd) = overhead.of((0, 0), at(25.0));
        assert!((seconds - 1.5).abs() < 1e-9 && sd > 1.0, "{seconds} {sd}");
        assert_eq!(overhead.of((0, 0), at(500.0)).0, 3.0);
        assert_eq!(Overhead::default().of((0, 0), at(0.0)), (0.0, 0.0));
    }
}
