//! What lateness costs, at any price: with a cap on what a run can cost it is no multiple of the price.

use super::{
    CostModel, Delay, Work,
    work::{Saving, student},
};
use crate::{model::NumberSeries, stats::Draw};

/// Money saved a year, at the lowest, the likely and the highest price of an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lateness {
    prices: [f64; 3],
    saved: [f64; 3],
    errors: [f64; 3],
    df: f64,
}

impl Lateness {
    /// Of all work whose durations are known. `None` where lateness costs nothing.
    pub(super) fn of(work: &[Work], model: &CostModel) -> Option<Self> {
        let delay = model.delay?;
        let prices = [delay.per_hour.low, delay.per_hour.likely, delay.per_hour.high];
        let mut all = Self { prices, df: f64::INFINITY, ..Self::default() };
        for (i, price) in prices.into_iter().enumerate() {
            let mut variance = 0.0;
            for one in work {
                let Some((before, after)) = &one.durations else { continue };
                let Some(saving) = Saving::of(&costs(before, &delay, price), &costs(after, &delay, price)) else {
                    continue;
                };
                all.saved[i] += saving.point * one.runs_per_year;
                variance += (saving.standard_error * one.runs_per_year).powi(2);
                all.df = all.df.min(saving.df);
            }
            all.errors[i] = variance.sqrt();
        }
        Some(all)
    }

    /// At a price, `deviation` standard errors from what was measured.
    pub(super) fn at(&self, price: f64, deviation: f64) -> f64 {
        self.between(&self.saved, price) + deviation * self.between(&self.errors, price)
    }

    /// How many standard errors chance may be away.
    pub(super) fn deviation(&self, draw: &mut Draw) -> f64 {
        if self.df.is_finite() { student(self.df, draw) } else { 0.0 }
    }

    /// The same at its 95th percentile.
    pub(super) fn far(&self) -> f64 {
        if self.df.is_finite() { crate::stats::student_quantile(0.95, self.df) } else { 0.0 }
    }

    /// Straight lines between the three prices: what is capped is concave in the price, so they lie below it.
    fn between(&self, values: &[f64; 3], price: f64) -> f64 {
        let side = usize::from(price > self.prices[1]);
        let (low, high) = (self.prices[side], self.prices[side + 1]);
        let share = if high > low { ((price - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        values[side] + share * (values[side + 1] - values[side])
    }
}

/// What each run costs.
fn costs(runs: &NumberSeries, delay: &Delay, price: f64) -> NumberSeries {
    let cost = |seconds: &f64| {
        let hours = (seconds - delay.allowed_s).max(0.0) / 3_600.0;
        (hours * price).min(delay.cap.unwrap_or(f64::INFINITY))
    };
    NumberSeries { values: runs.values.iter().map(cost).collect(), ..runs.clone() }
}
