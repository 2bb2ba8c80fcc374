//! The next value of a series that grows with the volume handled, given the volume of the next one.
//!
//! Each value is brought to the middle volume by the series' own [`elasticity()`], forecast as any other series is, and brought to
//! the volume asked for. The elasticity is learnt anew as values come, and the forecasts with it.
//!
//! Costs: O(1) a value, and every [`REFIT`]th one the whole window again. Limits: nothing is told as long as the volume does not clearly
//! matter, nor of volumes beyond those seen: a fixed cost and a cost a row are no power of the rows.

use super::{Estimate, Forecaster, elasticity, median, quantile};

/// Values that are looked back on, as in [`Forecaster`].
const WINDOW: usize = 120;
/// Values after which the elasticity is learnt anew.
const REFIT: usize = 10;
/// Largest elasticity that is believed: beyond the cube, the volume is not what takes the time.
const MOST: f64 = 3.0;

/// Forecasts of one series; values come one by one, each with its volume.
#[derive(Clone, Debug, Default)]
pub struct VolumeForecaster {
    /// Logarithms of values and of volumes, oldest first.
    values: Vec<f64>,
    volumes: Vec<f64>,
    learnt: Option<Learnt>,
    since: usize,
}

/// What is known of the volume's effect.
#[derive(Clone, Debug)]
struct Learnt {
    elasticity: f64,
    /// Logarithms: the volume that values are brought to, and the range in which it is known.
    middle: f64,
    lowest: f64,
    highest: f64,
    at_middle: Forecaster,
}

impl VolumeForecaster {
    /// Learns a value; what is not positive and finite is left out.
    pub fn push(&mut self, value: f64, volume: f64) {
        let usable = |v: f64| v > 0.0 && v.is_finite();
        if !usable(value) || !usable(volume) {
            return;
        }
        if let Some(learnt) = &mut self.learnt {
            learnt.push(value.ln(), volume.ln());
        }
        self.values.push(value.ln());
        self.volumes.push(volume.ln());
        if self.values.len() > WINDOW {
            self.values.remove(0);
            self.volumes.remove(0);
        }
        self.since += 1;
        if self.since >= REFIT {
            self.since = 0;
            self.learnt = Learnt::of(&self.values, &self.volumes);
        }
    }

    /// Mean absolute relative error of the forecasts of late; infinite where there were none.
    #[must_use]
    pub fn recent_error(&self) -> f64 {
        self.learnt.as_ref().map_or(f64::INFINITY, |learnt| learnt.at_middle.recent_error())
    }

    /// The next value, if it handles that much. `None` where nothing can be told.
    #[must_use]
    pub fn forecast(&self, volume: f64) -> Option<Estimate> {
        let learnt = self.learnt.as_ref().filter(|_| volume > 0.0)?;
        let log = volume.ln();
        if log < learnt.lowest || log > learnt.highest {
            return None;
        }
        let told = learnt.at_middle.forecast().filter(|told| told.upper.is_finite())?;
        let factor = (learnt.elasticity * (log - learnt.middle)).exp();
        Some(Estimate {
            point: told.point * factor,
            lower: told.lower * factor,
            upper: told.upper * factor,
            method: "at its volume (elasticity of logs), adaptive conformal interval".into(),
            ..told
        })
    }
}

impl Learnt {
    fn of(values: &[f64], volumes: &[f64]) -> Option<Self> {
        let clear = elasticity(values, volumes).filter(|e| e.lower > 0.0 && e.point <= MOST)?;
        let mut sorted = volumes.to_vec();
        sorted.sort_by(f64::total_cmp);
        // As far beyond nine tenths of the volumes as those lie apart, as for findings at equal volume.
        let (low, high) = (quantile(&sorted, 0.05)?, quantile(&sorted, 0.95)?);
        let mut learnt = Self {
            elasticity: clear.point,
            middle: median(volumes)?,
            lowest: low - (high - low),
            highest: high + (high - low),
            at_middle: Forecaster::default(),
        };
        values.iter().zip(volumes).for_each(|(value, volume)| learnt.push(*value, *volume));
        Some(learnt)
    }

    fn push(&mut self, value: f64, volume: f64) {
        self.at_middle.push((value - self.elasticity * (volume - self.middle)).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Draw;
    use super::*;

    /// Volumes that vary by a third; seconds go with their power of .8, and are half as long again from the middle on.
    fn walk(power: f64) -> (VolumeForecaster, f64, f64, [f64; 2]) {
        let mut draw = Draw::new(5);
        let (mut with, mut without) = (VolumeForecaster::default(), Forecaster::default());
        let (mut told, mut inside, mut errors) = (0.0, 0.0, [0.0; 2]);
        for run in 0..600 {
            let volume = draw.log_normal(1e6, 0.35);
            let step = if run < 300 { 1.0 } else { 1.5 };
            let value = step * (volume / 1e6_f64).powf(power) * draw.log_normal(100.0, 0.1);
            if let (Some(next), Some(plain)) = (with.forecast(volume), without.forecast()) {
                told += 1.0;
                inside += f64::from(u8::from(next.contains(value)));
                errors[0] += (next.point / value - 1.0).abs();
                errors[1] += (plain.point / value - 1.0).abs();
            }
            with.push(value, volume);
            without.push(value);
        }
        (with, told, inside / told, errors.map(|error| error / told))
    }

    #[test]
    fn at_a_known_volume_less_is_left_to_chance() {
        let (forecaster, told, inside, errors) = walk(0.8);
        assert!(told > 500.0 && (0.93..0.975).contains(&inside), "{told} {inside}");
        assert!(errors[0] < 0.5 * errors[1], "{errors:?}");
        // A hundred times as much was never seen: nothing is told of it.
        assert_eq!(forecaster.forecast(1e8), None);
        assert_eq!(forecaster.forecast(0.0), None);
        assert_eq!(forecaster.forecast(f64::NAN), None);
    }

    #[test]
    fn a_volume_that_does_not_matter_tells_nothing() {
        let (_, told, ..) = walk(0.0);
        assert!(told < 60.0, "{told}");
        let mut forecaster = VolumeForecaster::default();
        (0..50).for_each(|_| forecaster.push(3.0, 1_000.0));
        assert_eq!(forecaster.forecast(1_000.0), None);
    }
}
