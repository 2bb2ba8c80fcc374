//! `roi` of a comparison: amounts with intervals.

use super::estimate::{Estimate, finite};
use crate::{analysis as memory, cli::cost::HORIZONS, report::MoneyTerms, stats};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a change was worth. Intervals hold 90 % of the draws.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Roi {
    currency: String,
    horizon_years: u32,
    discount_rate: f64,
    seed: u64,
    /// `worth_it`, `not_worth_it` or `undecided`.
    verdict: Cow<'static, str>,
    /// Share of the draws in which it pays.
    p_roi_positive: f64,
    slot_hours_saved_per_year: Estimate,
    /// Hours by which the runs of a year end earlier, all together.
    hours_earlier_per_year: Option<Estimate>,
    runs_per_year: f64,
    /// Capacity freed that is paid for nevertheless; never part of the benefit.
    saving_freed_per_year: Estimate,
    saving_realised_per_year: Estimate,
    delay_saving_per_year: Estimate,
    /// Engineers' hours as told, not measured.
    engineers_saving_per_year: Estimate,
    benefit_per_year: Estimate,
    investment: Estimate,
    payback_months: Option<Estimate>,
    npv: Estimate,
    roi: Option<Estimate>,
    break_even_benefit_per_year: Option<f64>,
    tornado: Vec<Swing>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Swing {
    input: Cow<'static, str>,
    low: Option<f64>,
    high: Option<f64>,
    npv_low: Option<f64>,
    npv_high: Option<f64>,
}

impl Roi {
    pub(in crate::cli) fn new(roi: &memory::Roi, model: &memory::CostModel, seed: u64) -> Self {
        let swing = |s: &memory::Swing| Swing {
            input: s.input.clone(),
            low: finite(s.low),
            high: finite(s.high),
            npv_low: finite(s.npv_low),
            npv_high: finite(s.npv_high),
        };
        Self {
            currency: model.currency.clone(),
            horizon_years: model.horizon_years,
            discount_rate: model.discount_rate,
            seed,
            verdict: roi.verdict.as_str().into(),
            p_roi_positive: roi.p_positive,
            slot_hours_saved_per_year: (&roi.slot_hours_saved).into(),
            hours_earlier_per_year: roi.hours_earlier.as_ref().map(Estimate::from),
            runs_per_year: roi.runs_per_year,
            saving_freed_per_year: (&roi.freed).into(),
            saving_realised_per_year: (&roi.realised).into(),
            delay_saving_per_year: (&roi.delay).into(),
            engineers_saving_per_year: (&roi.engineers).into(),
            benefit_per_year: (&roi.benefit).into(),
            investment: (&roi.investment).into(),
            payback_months: roi.payback_months.as_ref().map(Estimate::from),
            npv: (&roi.npv).into(),
            roi: roi.roi.as_ref().map(Estimate::from),
            break_even_benefit_per_year: finite(roi.break_even),
            tornado: roi.tornado.iter().map(swing).collect(),
            notes: roi.notes.clone(),
        }
    }

    /// What was written, and what its money is.
    pub(in crate::cli) fn into_results(self) -> Result<(memory::Roi, MoneyTerms), String> {
        if !(0.0..=1.0).contains(&self.p_roi_positive) {
            return Err(format!("p_roi_positive: {} is no probability", self.p_roi_positive));
        }
        if !HORIZONS.contains(&self.horizon_years) || !self.discount_rate.is_finite() {
            return Err(format!("{} years at {} is no horizon", self.horizon_years, self.discount_rate));
        }
        let verdict = memory::Worth::parse(&self.verdict).ok_or(format!("`{}` is no verdict", self.verdict))?;
        let swing = |s: Swing| {
            let of = |end: Option<f64>| end.unwrap_or(f64::NAN);
            let (low, high, npv_low, npv_high) = (of(s.low), of(s.high), of(s.npv_low), of(s.npv_high));
            memory::Swing { input: s.input, low, high, npv_low, npv_high }
        };
        let roi = memory::Roi {
            slot_hours_saved: self.slot_hours_saved_per_year.into(),
            hours_earlier: self.hours_earlier_per_year.map(Into::into),
            runs_per_year: self.runs_per_year,
            freed: self.saving_freed_per_year.into(),
            realised: self.saving_realised_per_year.into(),
            delay: self.delay_saving_per_year.into(),
            engineers: self.engineers_saving_per_year.into(),
            benefit: self.benefit_per_year.into(),
            investment: self.investment.into(),
            payback_months: self.payback_months.map(stats::Estimate::from).map(or_never),
            npv: self.npv.into(),
            roi: self.roi.map(Into::into),
            break_even: self.break_even_benefit_per_year.unwrap_or(f64::NAN),
            p_positive: self.p_roi_positive,
            tornado: self.tornado.into_iter().map(swing).collect(),
            verdict,
            notes: self.notes,
        };
        let Self { currency, horizon_years, discount_rate, .. } = self;
        Ok((roi, MoneyTerms { currency, horizon_years, discount_rate }))
    }
}

/// What has no point never pays back.
fn or_never(months: stats::Estimate) -> stats::Estimate {
    let point = if months.point.is_nan() { f64::INFINITY } else { months.point };
    stats::Estimate { point, ..months }
}
