//! `compare`: effects with intervals.

use super::VERSION;
use super::estimate::{Estimate, finite};
use super::roi::Roi;
use crate::analysis as memory;
use schemars::JsonSchema;
use serde::Serialize;

/// Effects of each series that both sides hold.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    effects: Vec<Effect>,
    /// With a cost file.
    #[serde(skip_serializing_if = "Option::is_none")]
    roi: Option<Roi>,
    /// Names that one side lacks.
    only_before: Vec<String>,
    only_after: Vec<String>,
    /// Share that is tolerated, and of false alarms among what is called changed.
    tolerance: f64,
    false_discovery_rate: f64,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Effect {
    id: String,
    quantity: &'static str,
    /// `location` is robust and carries the verdict.
    statistic: &'static str,
    /// After divided by before.
    ratio: Option<Estimate>,
    /// After minus before, in the unit of the values; with `location` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Estimate>,
    /// The ratio over the median ratio of other DAGs; with `location` in a history alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference_in_differences: Option<Estimate>,
    before_n: usize,
    after_n: usize,
    p_value: Option<f64>,
    q_value: Option<f64>,
    verdict: &'static str,
    /// Values a side that would decide it.
    #[serde(skip_serializing_if = "Option::is_none")]
    needed_n: Option<usize>,
}

impl Document {
    pub(in crate::cli) fn new(
        found: &memory::Comparison,
        settings: &memory::CompareSettings,
        roi: Option<Roi>,
        warnings: Vec<String>,
    ) -> Self {
        let names = |ids: &[crate::model::Text]| ids.iter().map(ToString::to_string).collect();
        Self {
            schema: "windtunnel.compare.v1",
            windtunnel: VERSION,
            effects: found.effects.iter().map(Effect::from).collect(),
            roi,
            only_before: names(&found.only_before),
            only_after: names(&found.only_after),
            tolerance: settings.tolerance,
            false_discovery_rate: settings.false_discovery_rate,
            warnings,
        }
    }
}

impl From<&memory::Effect> for Effect {
    fn from(e: &memory::Effect) -> Self {
        Self {
            id: e.id.to_string(),
            quantity: e.quantity.map_or("value", crate::model::Quantity::as_str),
            statistic: e.statistic.as_str(),
            ratio: e.ratio.as_ref().map(Estimate::from),
            difference: e.difference.as_ref().map(Estimate::from),
            difference_in_differences: e.against_others.as_ref().map(Estimate::from),
            before_n: e.before_n,
            after_n: e.after_n,
            p_value: e.p_value.and_then(finite),
            q_value: e.q_value.and_then(finite),
            verdict: e.verdict.as_str(),
            needed_n: e.needed_n,
        }
    }
}
