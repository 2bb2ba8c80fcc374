//! What StatsD's `|ms` really counts, and the check against durations that are known.
//!
//! Before Airflow 3 timers are milliseconds in plain StatsD and in its Influx dialect, but seconds under Datadog's client, all
//! of them written `|ms` (release notes 2.11, `[metrics] timer_unit_consistency`); from 3.0 on they are milliseconds
//! everywhere, but for single metrics that hand over seconds (apache/airflow#29740).

use crate::model::Text;
use std::collections::{BTreeMap, HashMap};

/// What the user says timers are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimerUnit {
    /// By the table of this file, checked against known durations.
    #[default]
    Auto,
    /// Milliseconds, whatever the values look like.
    Milliseconds,
    /// Seconds, whatever the values look like.
    Seconds,
}

/// Median seconds of tasks whose attempts are known from the database.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Durations(HashMap<Text, HashMap<Text, f64>>);

impl Durations {
    /// Remembers the median of a task's attempts; one that is not above 0 tells nothing.
    pub(in crate::ingest) fn insert(&mut self, dag_id: &Text, task_id: &Text, median_s: f64) {
        if median_s.is_finite() && median_s > 0.0 {
            self.0.entry(dag_id.clone()).or_default().insert(task_id.clone(), median_s);
        }
    }

    /// Is nothing known?
    pub(in crate::ingest) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, dag_id: &str, task_id: &str) -> Option<f64> {
        self.0.get(dag_id)?.get(task_id).copied()
    }
}

/// Which client sent the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// No tags.
    #[default]
    Plain,
    /// Tags within the name, after commas.
    Influx,
    /// Tags behind `|#`.
    Datadog,
}

/// Metrics that Airflow 3 hands over in seconds and that are sent as `|ms` all the same.
const SECONDS_SINCE_3: [&str; 2] = ["dag_processing.last_duration", "dag_processing.last_runtime"];

/// Factor from a timer's value to seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimerScale {
    pub(super) common: f64,
    airflow_3: bool,
}

impl TimerScale {
    /// By what is known of the sender.
    pub(super) fn new(unit: TimerUnit, dialect: Dialect, major: Option<u8>) -> Self {
        let airflow_3 = major.is_some_and(|major| major >= 3);
        let seconds = match unit {
            TimerUnit::Auto => dialect == Dialect::Datadog && !airflow_3,
            TimerUnit::Milliseconds => false,
            TimerUnit::Seconds => true,
        };
        Self { common: if seconds { 1.0 } else { 0.001 }, airflow_3 }
    }

    /// For the timer with this canonical name.
    pub(super) fn of(&self, metric: &str) -> f64 {
        let odd = self.airflow_3 && SECONDS_SINCE_3.iter().any(|name| metric.contains(name));
        if odd { 1.0 } else { self.common }
    }
}

/// Values that are enough for a judgement; more would not change a factor of 1,000.
const ENOUGH: usize = 2_000;
/// Values without which no judgement is made.
const FEWEST: usize = 5;
/// Both sides measure the same attempt differently (the database adds the start of the process, which is most of a short
/// task), and not always the same attempts: a factor of ten either way is no wrong unit.
const TOLERANCE: f64 = 10.0;

/// Compares what metrics say of tasks' durations with what the database says.
#[derive(Debug, Default)]
pub(super) struct Check {
    values: BTreeMap<(String, String), Vec<f64>>,
    count: usize,
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Too few values of known tasks.
    Unknown,
    /// The unit is right.
    Right,
    /// Values are this many times too large (1,000) or too small (0.001): divide by it. With the ratio that was found.
    Wrong { factor: f64, ratio: f64 },
    /// Neither; with the ratio that was found.
    Apart { ratio: f64 },
}

impl Check {
    /// Takes one duration, in what are taken for seconds.
    pub(super) fn add(&mut self, dag_id: &str, task_id: &str, seconds: f64) {
        if !self.is_enough() && seconds.is_finite() && seconds > 0.0 {
            self.values.entry((dag_id.to_owned(), task_id.to_owned())).or_default().push(seconds);
            self.count += 1;
        }
    }

    pub(super) fn is_enough(&self) -> bool {
        self.count >= ENOUGH
    }

    /// The median over tasks of the ratio of both medians.
    pub(super) fn verdict(mut self, durations: &Durations) -> Verdict {
        let mut used = 0;
        let mut ratios = Vec::new();
        for ((dag_id, task_id), values) in &mut self.values {
            if let Some(known) = durations.get(dag_id, task_id) {
                used += values.len();
                ratios.extend(median(values).map(|value| value / known));
            }
        }
        let Some(ratio) = median(&mut ratios).filter(|_| used >= FEWEST) else { return Verdict::Unknown };
        let near = |factor: f64| ratio < factor * TOLERANCE && ratio > factor / TOLERANCE;
        match [1.0, 1_000.0, 0.001].into_iter().find(|factor| near(*factor)) {
            Some(1.0) => Verdict::Right,
            Some(factor) => Verdict::Wrong { factor, ratio },
            None => Verdict::Apart { ratio },
        }
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(lower + (upper - lower) / 2.0)
}

/// What the user is told of a verdict, if anything.
pub(super) fn warning(verdict: Verdict, option: &str) -> Option<String> {
    match verdict {
        Verdict::Unknown | Verdict::Right => None,
        Verdict::Wrong { factor, ratio } => Some(format!(
            "timers are {} times what the database says of the same tasks: they were divided by {factor}; {option}",
            shown(ratio)
        )),
        Verdict::Apart { ratio } => Some(format!(
            "timers are {} times what the database says of the same tasks, which no unit explains: they were kept as they \
             are; is it the same Airflow?",
            shown(ratio)
        )),
    }
}

fn shown(ratio: f64) -> String {
    if (0.01..100.0).contains(&ratio) { format!("{ratio:.2}") } else { format!("{ratio:.3e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: &[f64], known: f64) -> Verdict {
        let mut check = Check::default();
        let mut durations = Durations::default();
        durations.insert(&"d".into(), &"t".into(), known);
        for value in values {
            check.add("d", "t", *value);
            check.add("d", "unknown", 1e9);
        }
        check.verdict(&durations)
    }

    #[test]
    fn a_factor_of_a_thousand_is_a_wrong_unit() {
        let seconds = [1.7, 1.8, 1.9, 2.0, 2.1];
        assert_eq!(verdict(&seconds, 2.0), Verdict::Right);
        assert_eq!(verdict(&seconds, 0.0019), Verdict::Wrong { factor: 1_000.0, ratio: 1_000.0 });
        let Verdict::Wrong { factor, .. } = verdict(&seconds, 2_400.0) else { panic!("too small") };
        assert_eq!(factor, 0.001);
        assert!(matches!(verdict(&seconds, 0.05), Verdict::Apart { ratio } if (37.9..38.1).contains(&ratio)));
        assert_eq!(verdict(&seconds[..4], 2.0), Verdict::Unknown, "too few");
        assert_eq!(verdict(&[], 2.0), Verdict::Unknown);
    }

    #[test]
    fn who_sends_what() {
        let scale = |unit, dialect, major| TimerScale::new(unit, dialect, major).common;
        assert_eq!(scale(TimerUnit::Auto, Dialect::Plain, Some(2)), 0.001);
        assert_eq!(scale(TimerUnit::Auto, Dialect::Influx, None), 0.001);
        assert_eq!(scale(TimerUnit::Auto, Dialect::Datadog, None), 1.0);
        assert_eq!(scale(TimerUnit::Auto, Dialect::Datadog, Some(3)), 0.001);
        assert_eq!(scale(TimerUnit::Seconds, Dialect::Plain, Some(3)), 1.0);
        let three = TimerScale::new(TimerUnit::Auto, Dialect::Plain, Some(3));
        assert_eq!(three.of("airflow.dag_processing.last_duration"), 1.0);
        assert_eq!(three.of("airflow.task.duration"), 0.001);
        let two = TimerScale::new(TimerUnit::Auto, Dialect::Plain, Some(2));
        assert_eq!(two.of("airflow.dag_processing.last_duration"), 0.001);
    }
}
