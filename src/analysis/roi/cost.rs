//! What things cost, each with how sure that is.

use crate::stats::Draw;

/// A number that is known, or lies between two ends with one likely place.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Uncertain {
    /// Least.
    pub low: f64,
    /// Most likely.
    pub likely: f64,
    /// Most.
    pub high: f64,
}

/// Prices, hours and rules of a calculation.
#[derive(Clone, Debug, PartialEq)]
pub struct CostModel {
    /// Of all amounts, such as `USD`.
    pub currency: String,
    /// Years that count. Default 3.
    pub horizon_years: u32,
    /// Interest a year at which later money is worth less. Default 0.10.
    pub discount_rate: f64,
    /// Share that is taken off each benefit. Default 0.
    pub risk_adjustment: f64,
    /// Price of one slot for one hour.
    pub slot_hour: Uncertain,
    /// Does the bill follow the work?
    pub fleet: Fleet,
    /// What lateness costs.
    pub delay: Option<Delay>,
    /// Price of an engineer's hour.
    pub engineer_hour: Uncertain,
    /// Engineers' hours that the change took.
    pub invested_hours: Uncertain,
    /// Engineers' hours that it saves a year: incidents, re-runs. As told, not measured.
    pub saved_hours_per_year: Uncertain,
    /// Paid once, beside the hours.
    pub other_investment: Uncertain,
    /// Paid a year for the change.
    pub running_per_year: Uncertain,
    /// Runs a year, where the history does not tell.
    pub runs_per_year: Option<f64>,
    /// Slots that a run holds while it runs, where the history does not tell. Default 1.
    pub slots: f64,
}

/// How the bill follows the work.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fleet {
    /// What is not used is not paid: pods, containers, serverless.
    Elastic,
    /// Workers are paid whether they work or not: nothing is saved until some are removed.
    Fixed {
        /// Workers that were removed.
        workers_removed: f64,
        /// Price of one of them for one hour.
        worker_hour: Uncertain,
    },
}

/// What lateness costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// Seconds that a run may take.
    pub allowed_s: f64,
    /// Cost of each hour beyond.
    pub per_hour: Uncertain,
    /// Most that one run can cost.
    pub cap: Option<f64>,
}

impl Default for CostModel {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            horizon_years: 3,
            discount_rate: 0.10,
            risk_adjustment: 0.0,
            slot_hour: Uncertain::default(),
            fleet: Fleet::Elastic,
            delay: None,
            engineer_hour: Uncertain::default(),
            invested_hours: Uncertain::default(),
            saved_hours_per_year: Uncertain::default(),
            other_investment: Uncertain::default(),
            running_per_year: Uncertain::default(),
            runs_per_year: None,
            slots: 1.0,
        }
    }
}

impl CostModel {
    /// Is there no price and no hour in it?
    pub(super) fn is_unpriced(&self) -> bool {
        let workers = match self.fleet {
            Fleet::Elastic => 0.0,
            Fleet::Fixed { worker_hour, .. } => worker_hour.high,
        };
        let all = [self.slot_hour, self.engineer_hour, self.other_investment, self.running_per_year];
        workers == 0.0 && self.delay.is_none() && all.iter().all(|price| price.high == 0.0)
    }
}

impl Uncertain {
    /// A number that is known.
    #[must_use]
    pub fn known(value: f64) -> Self {
        Self { low: value, likely: value, high: value }
    }

    /// Mean of the triangle, which is what sums and products of it add up to.
    #[must_use]
    pub fn mean(&self) -> f64 {
        (self.low + self.likely + self.high) / 3.0
    }

    /// The value below which the share `p` lies: inverse of the triangular distribution (Johnson 1997, The Statistician
    /// 46, 387).
    pub(super) fn quantile(&self, p: f64) -> f64 {
        let (low, mode, high) = (self.low, self.likely, self.high);
        let width = high - low;
        if width <= 0.0 {
            return mode;
        }
        let left = (mode - low) / width;
        if p < left {
            low + (p * width * (mode - low)).sqrt()
        } else {
            high - ((1.0 - p) * width * (high - mode)).sqrt()
        }
    }

    pub(super) fn draw(&self, draw: &mut Draw) -> f64 {
        self.quantile(draw.uniform())
    }
}
