//! Did it pay? From seconds a run before and after to money, with the uncertainty of everything that enters.
//!
//! What is *freed* (slot-hours on a fleet that stays as it is) and what is *realised* (a bill that shrinks) stand apart and
//! are never added. Formulas: payback, net present value and return on investment as in Brealey, Myers & Allen,
//! Principles of Corporate Finance, chapters 2 and 5.

mod cost;
mod draws;
mod formulas;
mod lateness;
mod work;

#[cfg(test)]
mod tests;

use crate::stats::Estimate;
pub use cost::{CostModel, Delay, Fleet, Uncertain};
pub use draws::return_on_investment;
pub use formulas::{CashFlow, npv};
use std::borrow::Cow;
pub use work::{Work, runs_per_year};

/// What came of a change, in money and time. Ends of intervals are the 5th and 95th percentile of the draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Roi {
    /// Slot-hours saved a year; negative where more are needed.
    pub slot_hours_saved: Estimate,
    /// Seconds a run that it ends earlier, runs a year taken together as hours. `None` where no run durations are known.
    pub hours_earlier: Option<Estimate>,
    /// Runs a year that this rests on.
    pub runs_per_year: f64,
    /// Worth a year of capacity that nobody stopped paying for.
    pub freed: Estimate,
    /// Saving a year on the bill.
    pub realised: Estimate,
    /// Saving a year on what lateness costs.
    pub delay: Estimate,
    /// Saving a year on engineers' hours; as told, not measured.
    pub engineers: Estimate,
    /// Realised, delay and engineers together, a year.
    pub benefit: Estimate,
    /// What was paid once.
    pub investment: Estimate,
    /// Until the benefit has paid the investment; infinite where it never does. `None` where that is all but certain.
    pub payback_months: Option<Estimate>,
    /// Net present value over the horizon.
    pub npv: Estimate,
    /// Present value of benefits less costs, over costs. `None` where nothing was paid.
    pub roi: Option<Estimate>,
    /// Benefit a year from which on it pays.
    pub break_even: f64,
    /// Share of the draws in which it pays.
    pub p_positive: f64,
    /// Which input moves the net present value most, that one first.
    pub tornado: Vec<Swing>,
    /// What it comes to.
    pub verdict: Worth,
    /// What to know of it.
    pub notes: Vec<String>,
}

/// One input moved between its 5th and 95th percentile, all others at their centres.
#[derive(Clone, Debug, PartialEq)]
pub struct Swing {
    /// Input.
    pub input: Cow<'static, str>,
    /// Its low and high end.
    pub low: f64,
    /// The high one.
    pub high: f64,
    /// Net present value at the low end.
    pub npv_low: f64,
    /// And at the high end.
    pub npv_high: f64,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It pays in 95 % of the draws and more.
    WorthIt,
    /// It does not in 95 % and more.
    NotWorthIt,
    /// Neither.
    Undecided,
}

impl Worth {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorthIt => "worth_it",
            Self::NotWorthIt => "not_worth_it",
            Self::Undecided => "undecided",
        }
    }

    /// What [`as_str`](Self::as_str) says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::WorthIt, Self::NotWorthIt, Self::Undecided].into_iter().find(|worth| worth.as_str() == text)
    }
}
