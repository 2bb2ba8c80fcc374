//! Levels between changes, with one slope through all of them.

use super::clean::spread_of;
use super::step_scan::{Creep, Elsewhere, StepScan};

/// Standard deviations of usual creep beyond which it is not usual.
const FAR_OUT: f64 = 3.0;

/// Standard deviations of fast creep beyond which a slope is not shrunk at all: nearly as far as slopes are let out.
const BEYOND: f64 = 4.5;

/// Levels and the slope common to them.
pub(super) struct Levels {
    /// Where each level ends (exclusive).
    pub(super) ends: Vec<usize>,
    /// Mean time and mean value of each.
    middles: Vec<(f64, f64)>,
    /// Slope, shrunk towards 0 as far as creep is unlikely, unless it is far out.
    pub(super) slope: f64,
    /// Is it not shrunk?
    free: bool,
    /// What the values say about the slope, levels taken out.
    all: Elsewhere,
    precision: f64,
}

/// What is believed of creep after looking.
pub(super) struct Believed {
    /// Mean of the slope, the chance that there is none included.
    pub(super) slope: f64,
    /// Its standard deviation.
    pub(super) sd: f64,
    /// Slope, not shrunk, over its standard error.
    pub(super) z: f64,
}

/// Values and residuals with stragglers pulled in.
pub(super) struct Pulled {
    /// Values within the closer reach of their level.
    pub(super) values: Vec<f64>,
    /// Their residuals.
    pub(super) close: Vec<f64>,
    /// Residuals within the wider reach.
    pub(super) wide: Vec<f64>,
}

impl Levels {
    pub(super) fn new(scan: &StepScan, changes: &[usize], creep: Creep, noise: f64) -> Self {
        let ends: Vec<usize> = changes.iter().copied().chain([scan.len()]).collect();
        let starts = std::iter::once(0).chain(changes.iter().copied());
        let (mut middles, mut all) = (Vec::with_capacity(ends.len()), Elsewhere::default());
        for (from, &to) in starts.zip(&ends) {
            middles.push((scan.mean_time(from, to), scan.mean(from, to)));
            all = all + scan.within(from, to);
        }
        // A slope that is far out in the usual spread must be of the fast kind, which is not shrunk so much.
        let unshrunk = if all.time_spread > 0.0 { all.product / all.time_spread } else { 0.0 };
        let usual = unshrunk.abs() <= FAR_OUT * noise / creep.precision.sqrt();
        let precision = if usual { creep.precision } else { creep.fast_precision };
        // What would be left of a slope that is far out even so would pass for memory and hide the slope.
        let free = unshrunk.abs() > BEYOND * noise / creep.fast_precision.sqrt();
        let slope = if free { unshrunk } else { all.product / (all.time_spread + precision) };
        Self { ends, middles, slope, free, all, precision }
    }

    /// Number of means that were fitted, and of slopes: one that is shrunk hardly follows the noise.
    pub(super) fn fitted(&self) -> usize {
        self.ends.len() + usize::from(self.free)
    }

    /// The slope with the chance that there is none weighed in (Bayesian model averaging, Hoeting et al. 1999, Statistical
    /// Science 14, 382); `noise` is the long-run standard deviation.
    pub(super) fn believed(&self, none: f64, noise: f64) -> Believed {
        let Elsewhere { time_spread, product } = self.all;
        let score = product / noise;
        let spread = time_spread + self.precision;
        let evidence = 0.5 * score * score / spread - 0.5 * (time_spread / self.precision).ln_1p();
        let some = 1.0 / (1.0 + none / (1.0 - none) * (-evidence).exp());
        // Of a mixture of a point and a normal: within and between.
        let variance = some * noise * noise / spread + some * (1.0 - some) * self.slope * self.slope;
        let z = if time_spread > 0.0 { score / time_spread.sqrt() } else { 0.0 };
        Believed { slope: some * self.slope, sd: variance.sqrt(), z }
    }

    /// The levels, sloped, at each time.
    pub(super) fn at(&self, times: &[f64]) -> Vec<f64> {
        let mut at = Vec::with_capacity(times.len());
        let mut from = 0;
        for (&to, (time, value)) in self.ends.iter().zip(&self.middles) {
            at.extend(times[from..to].iter().map(|t| value + self.slope * (t - time)));
            from = to;
        }
        at
    }

    /// Pulls values in to their level, give or take `reach` robust standard deviations (close, wide). `least` stands in
    /// for the standard deviation of values that hardly scatter about their levels.
    pub(super) fn pull_in(&self, values: &[f64], times: &[f64], least: f64, reach: [f64; 2]) -> Pulled {
        let fitted = self.at(times);
        let residuals: Vec<f64> = values.iter().zip(&fitted).map(|(v, f)| v - f).collect();
        let mut off: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
        // Around fitted levels, values scatter less than around the true ones.
        let stretch = 1.0 + self.ends.len() as f64 / values.len() as f64;
        let sd = spread_of(&mut off) * stretch;
        let sd = if sd > 1e-9 * least { sd } else { least };
        let within = |reach: f64| residuals.iter().map(|r| r.clamp(-reach * sd, reach * sd)).collect::<Vec<f64>>();
        let close = within(reach[0]);
        Pulled { values: fitted.iter().zip(&close).map(|(f, r)| f + r).collect(), close, wide: within(reach[1]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stragglers_are_pulled_in_about_levels_that_creep() {
        let times: Vec<f64> = (0..120).map(|i| i as f64).collect();
        let truth = |i: usize| 0.01 * i as f64 + if i < 60 { 0.0 } else { 4.0 };
        let y: Vec<f64> = (0..120).map(|i| truth(i) + ((i * 37 % 11) as f64 - 5.0) * 0.02).collect();
        let creep = Creep::new(1.0, 0.5, 0.1);
        let levels = Levels::new(&StepScan::new(&y, &times), &[60], creep, 0.1);
        assert!((levels.slope - 0.01).abs() < 1e-3, "{}", levels.slope);
        let mut wild = y.clone();
        wild[30] += 50.0;
        let pulled = levels.pull_in(&wild, &times, 0.1, [2.0, 3.0]);
        assert!((pulled.values[30] - truth(30)).abs() < 0.3 && pulled.wide[30] > pulled.close[30]);
        assert!((pulled.values[10] - y[10]).abs() < 1e-12);
    }
}
