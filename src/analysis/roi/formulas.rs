//! The formulas, free of chance.

/// Money of one calculation: a year's benefit and costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CashFlow {
    /// Benefit a year, after any risk adjustment.
    pub benefit: f64,
    /// Running cost a year.
    pub running: f64,
    /// Paid once, now.
    pub investment: f64,
}

/// What one unit a year is worth today: Σ (1 + r)^-t over t = 1..=years.
#[must_use]
pub(super) fn annuity(rate: f64, years: u32) -> f64 {
    (1..=years).map(|t| (1.0 + rate).powi(-i32::try_from(t).unwrap_or(i32::MAX))).sum()
}

/// Net present value: -investment + Σ (benefit - running) (1 + r)^-t.
#[must_use]
pub fn npv(flow: &CashFlow, rate: f64, years: u32) -> f64 {
    (flow.benefit - flow.running) * annuity(rate, years) - flow.investment
}

impl CashFlow {
    /// (PV of benefits - PV of costs) / PV of costs. `None` where nothing is paid.
    #[must_use]
    pub fn roi(&self, rate: f64, years: u32) -> Option<f64> {
        let costs = self.investment + self.running * annuity(rate, years);
        (costs > 0.0).then(|| (self.benefit * annuity(rate, years) - costs) / costs)
    }

    /// Months until the net benefit has paid the investment. `None` where it never does.
    #[must_use]
    pub fn payback_months(&self) -> Option<f64> {
        let net = self.benefit - self.running;
        (net > 0.0).then(|| self.investment / (net / 12.0))
    }

    /// Benefit a year from which on it pays: PV of costs / Σ (1 + r)^-t.
    #[must_use]
    pub fn break_even(&self, rate: f64, years: u32) -> f64 {
        self.running + self.investment / annuity(rate, years)
    }
}
