//! The knobs of step detection.

use super::step_scan::Creep;

/// Settings of [`detect_steps`](super::detect_steps) and its relatives.
///
/// The defaults were chosen on generated A/A and A/B series of one year as
/// `tests/reference/step_alarms.py` makes them; other seeds measure them.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    /// Least evidence for a step, as a normal deviate: the knob between false alarms and power. Default 4.05.
    pub z_min: f64,
    /// Evidence from which on a step is obvious, and is taken out before noise is measured at all. Default 6.5.
    pub z_obvious: f64,
    /// By how much more evidence a regime of 1/e of 28 points needs: stragglers cluster. Default 0.7.
    pub z_short: f64,
    /// Points of a regime from which on the ordinary rules apply. Default 5.
    pub min_segment: usize,
    /// Points after a change from which on the ordinary rules apply; with fewer it may still go away. Default 7.
    pub min_after: usize,
    /// Probability that a series does not creep at all. Default 0.65.
    pub steady: f64,
    /// Spread of the creep of those that do, in noise standard deviations over 365 points. Default 2.5: a year that adds
    /// a quarter to a task whose runs scatter by a tenth.
    pub creep_sd: f64,
}

impl Default for Detector {
    fn default() -> Self {
        Self { z_min: 4.05, z_obvious: 6.5, z_short: 0.7, min_segment: 5, min_after: 7, steady: 0.65, creep_sd: 2.5 }
    }
}

impl Detector {
    /// What is believed of creep in a series whose means behave as if its noise were `inflation` times larger.
    pub(super) fn creep(&self, inflation: f64, spacing: f64) -> Creep {
        let slope_sd = self.creep_sd / inflation / (YEAR * spacing);
        Creep::new(slope_sd.powi(-2), self.steady, FAST_SHARE)
    }
}

/// Share of the series that creep which do so ten times as fast.
const FAST_SHARE: f64 = 0.1;

/// Points of a year of daily runs, over which creep is stated.
const YEAR: f64 = 365.0;
