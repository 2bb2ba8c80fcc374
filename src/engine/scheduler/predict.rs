//! How long a task will run, from similar ones before it.
//!
//! Similar are runs of the same instance on the same weekday, of the same instance, of the same task: of those that have been seen
//! often enough, the one whose forecasts were lately clearly the best. A [`Forecaster`] for each: it follows drift, and its intervals hold
//! their level in the long run. Where it is known how much a run handles, runs of the same instance at that volume are one more.

use crate::{
    model::Text,
    stats::{Estimate, Forecaster, VolumeForecaster},
};
use std::collections::HashMap;

/// Without any history: seconds, their range, and how much that is worth.
const COLD: (f64, f64, f64) = (300.0, 60.0, 900.0);
const COLD_CONFIDENCE: f64 = 0.5;
/// Values from which on a series may be chosen for its errors, and the share of another's error that is clearly better.
const SEEN: usize = 10;
const CLEARLY: f64 = 0.75;

/// What is predicted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskKey {
    /// DAG.
    pub dag_id: Text,
    /// Task.
    pub task_id: Text,
    /// Map index, -1 where it is not mapped.
    pub map_index: i32,
}

/// Days of the week, from Monday = 0.
pub type Weekday = u8;

/// What is known of a run before it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Its day.
    pub weekday: Weekday,
    /// How much it handles: rows or bytes, always the same of a task.
    pub volume: Option<f64>,
}

type SeriesKey = (TaskKey, Option<Weekday>);

/// Predictions that learn from every run.
#[derive(Clone, Debug, Default)]
pub struct Predictor {
    series: HashMap<SeriesKey, Forecaster>,
    at_volume: HashMap<TaskKey, VolumeForecaster>,
}

/// Map index of what stands for all instances of a task.
const ALL: i32 = i32::MIN;

fn similar(key: &TaskKey, weekday: Weekday) -> [SeriesKey; 3] {
    let all = TaskKey { map_index: ALL, ..key.clone() };
    [(key.clone(), Some(weekday)), (key.clone(), None), (all, None)]
}

impl Predictor {
    /// A run took so many seconds; none are learnt of one that took no time.
    pub fn learn(&mut self, key: &TaskKey, run: Circumstances, seconds: f64) {
        for series in similar(key, run.weekday) {
            self.series.entry(series).or_default().push(seconds);
        }
        if let Some(volume) = run.volume {
            self.at_volume.entry(key.clone()).or_default().push(seconds, volume);
        }
    }

    /// Seconds that the next run will take, with an interval of 95 %; of confidence 0.5, as a fifth to three times the point, where
    /// too little has been seen.
    #[must_use]
    pub fn predict(&self, key: &TaskKey, run: Circumstances) -> Estimate {
        let known: Vec<&Forecaster> = similar(key, run.weekday)
            .iter()
            .filter_map(|series| self.series.get(series))
            .filter(|of| of.seen() > 0)
            .collect();
        let often = known.iter().filter(|of| of.seen() >= SEEN);
        // The one that has seen most, unless another is clearly better: errors of a few runs are chance.
        let best = often
            .rev()
            .reduce(|usual, other| if other.recent_error() < CLEARLY * usual.recent_error() { other } else { usual });
        let usual_error = best.map_or(f64::INFINITY, |of| of.recent_error());
        let at_volume = self.at_volume.get(key).filter(|of| of.recent_error() < CLEARLY * usual_error);
        if let Some(told) = at_volume.zip(run.volume).and_then(|(of, volume)| of.forecast(volume)) {
            return told;
        }
        // Of those seen seldom, the one that has seen most.
        let chosen = best.or_else(|| known.iter().max_by_key(|of| of.seen()));
        let Some(told) = chosen.and_then(|of| of.forecast()) else { return guess(COLD.0, 0) };
        if told.upper.is_finite() { told } else { guess(told.point, told.n) }
    }
}

/// A point with the range that the cold start has around its own.
fn guess(point: f64, n: usize) -> Estimate {
    let (usual, low, high) = COLD;
    Estimate {
        point,
        lower: point * low / usual,
        upper: point * high / usual,
        level: COLD_CONFIDENCE,
        n,
        method: "too little history: a fifth to three times".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draw;

    fn key(task: &str, map_index: i32) -> TaskKey {
        TaskKey { dag_id: "etl".into(), task_id: task.into(), map_index }
    }

    fn on(weekday: Weekday) -> Circumstances {
        Circumstances { weekday, volume: None }
    }

    #[test]
    fn without_history_it_is_five_minutes_give_or_take() {
        let mut predictor = Predictor::default();
        let told = predictor.predict(&key("load", -1), on(0));
        assert_eq!((told.point, told.lower, told.upper, told.level), (300.0, 60.0, 900.0, 0.5));
        predictor.learn(&key("load", -1), on(0), 50.0);
        let told = predictor.predict(&key("load", -1), on(3));
        assert!((told.point - 50.0).abs() < 1e-9 && (told.lower - 10.0).abs() < 1e-9 && told.level == 0.5, "{told:?}");
        // An instance that was never seen is like the others of its task; another task is like none.
        assert!((predictor.predict(&key("load", 7), on(3)).point - 50.0).abs() < 1e-9);
        assert_eq!(predictor.predict(&key("other", -1), on(3)).point, 300.0);
    }

    /// Coverage, and mean absolute relative errors: told, of the mean, of the mean of the last two.
    fn walk(days: usize, mut seconds: impl FnMut(usize, i32) -> f64) -> (f64, [f64; 3]) {
        let mut predictor = Predictor::default();
        let (mut inside, mut n, mut errors) = (0.0, 0.0, [0.0; 3]);
        let mut past: HashMap<i32, Vec<f64>> = HashMap::new();
        for day in 0..days {
            for index in 0..3 {
                let (key, run, value) = (key("t", index), on((day % 7) as u8), seconds(day, index));
                let told = predictor.predict(&key, run);
                let past = past.entry(index).or_default();
                if told.level > 0.9 {
                    n += 1.0;
                    inside += f64::from(u8::from(told.contains(value)));
                    let mean = past.iter().sum::<f64>() / past.len() as f64;
                    let two = (past[past.len() - 1] + past[past.len() - 2]) / 2.0;
                    for (error, point) in errors.iter_mut().zip([told.point, mean, two]) {
                        *error += (point / value - 1.0).abs();
                    }
                }
                past.push(value);
                predictor.learn(&key, run, value);
            }
        }
        (inside / n, errors.map(|error| error / n))
    }

    #[test]
    fn it_learns_instances_weekdays_and_drift() {
        let mut draw = Draw::new(11);
        let mut noise = move || draw.log_normal(1.0, 0.15);
        let instance = |index: i32| 100.0 * f64::from(1 + index * index);
        type Story = fn(usize) -> f64;
        let stories: [(&str, Story); 3] = [
            ("steady", |_| 1.0),
            ("mondays", |day| if day.is_multiple_of(7) { 3.0 } else { 1.0 }),
            ("a step", |day| if day < 200 { 1.0 } else { 1.7 }),
        ];
        for (name, story) in stories {
            let (inside, errors) = walk(400, |day, index| instance(index) * story(day) * noise());
            assert!((0.93..0.975).contains(&inside), "{name}: {inside}");
            // Where nothing changes, the plain mean is the best there is: following what might change costs a tenth.
            assert!(errors[0] < errors[2] && errors[0] <= errors[1] * 1.15, "{name}: {errors:?}");
            assert!(name == "steady" || errors[0] < 0.8 * errors[1], "{name}: {errors:?}");
        }
    }

    #[test]
    fn a_run_that_handles_twice_as_much_takes_longer() {
        let mut draw = Draw::new(2);
        let mut predictor = Predictor::default();
        let handling = |volume: f64| Circumstances { weekday: 0, volume: Some(volume) };
        for _ in 0..100 {
            let volume = draw.log_normal(1e6, 0.3);
            predictor.learn(&key("load", -1), handling(volume), volume / 1e4 * draw.log_normal(1.0, 0.05));
        }
        let twice = predictor.predict(&key("load", -1), handling(2e6));
        assert!((180.0..220.0).contains(&twice.point) && twice.upper < 260.0, "{twice:?}");
        // Without it, or far beyond what was seen, it is like any run.
        let usual = predictor.predict(&key("load", -1), on(0));
        assert!((70.0..140.0).contains(&usual.point), "{usual:?}");
        assert_eq!(predictor.predict(&key("load", -1), handling(1e9)), usual);
    }
}
