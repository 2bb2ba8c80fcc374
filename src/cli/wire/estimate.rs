//! A number with its interval, in every document the same.

use crate::stats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An end of an interval that has none is `null`: JSON has no infinity.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Estimate {
    point: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    level: f64,
    n: usize,
    method: String,
}

impl From<&stats::Estimate> for Estimate {
    fn from(e: &stats::Estimate) -> Self {
        Self {
            point: finite(e.point),
            lower: finite(e.lower),
            upper: finite(e.upper),
            level: e.level,
            n: e.n,
            method: e.method.to_string(),
        }
    }
}

impl From<Estimate> for stats::Estimate {
    /// A missing end lies at infinity.
    fn from(e: Estimate) -> Self {
        Self {
            point: e.point.unwrap_or(f64::NAN),
            lower: e.lower.unwrap_or(f64::NEG_INFINITY),
            upper: e.upper.unwrap_or(f64::INFINITY),
            level: e.level,
            n: e.n,
            method: e.method.into(),
        }
    }
}

/// A number that JSON can hold, or nothing.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then(|| tidy(value))
}

/// Twelve significant digits: more than any of these numbers has, and few enough that reading and writing again gives the
/// same text.
pub(super) fn tidy(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}
