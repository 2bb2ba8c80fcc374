//! `compare`: effects with intervals.

use super::VERSION;
use super::estimate::{Estimate, finite};
use super::roi::Roi;
use crate::{analysis as memory, model::Quantity, report::ComparisonResults};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Quantity of numbers from a file.
const NUMBER: &str = "value";

/// Effects of each series that both sides hold.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: Cow<'static, str>,
    windtunnel: Cow<'static, str>,
    effects: Vec<Effect>,
    /// With a cost file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi: Option<Roi>,
    /// Names that one side lacks.
    only_before: Vec<String>,
    only_after: Vec<String>,
    /// Share that is tolerated, and of false alarms among what is called changed.
    tolerance: f64,
    false_discovery_rate: f64,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Effect {
    id: String,
    quantity: Cow<'static, str>,
    /// `location` is robust and carries the verdict.
    statistic: Cow<'static, str>,
    /// After divided by before.
    ratio: Option<Estimate>,
    /// After minus before, in the unit of the values; with `location` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    difference: Option<Estimate>,
    /// The ratio over the median ratio of other DAGs; with `location` in a history alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    difference_in_differences: Option<Estimate>,
    before_n: usize,
    after_n: usize,
    p_value: Option<f64>,
    q_value: Option<f64>,
    verdict: Cow<'static, str>,
    /// Values a side that would decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
            schema: "windtunnel.compare.v1".into(),
            windtunnel: VERSION.into(),
            effects: found.effects.iter().map(Effect::from).collect(),
            roi,
            only_before: names(&found.only_before),
            only_after: names(&found.only_after),
            tolerance: settings.tolerance,
            false_discovery_rate: settings.false_discovery_rate,
            warnings,
        }
    }

    /// What a page is made of.
    pub(in crate::cli) fn into_results(self) -> Result<ComparisonResults, String> {
        let names = |ids: Vec<String>| ids.into_iter().map(Into::into).collect();
        let (tolerance, false_discovery_rate) = (self.tolerance, self.false_discovery_rate);
        for three in self.effects.chunk_by(|a, b| (&a.id, &a.quantity) == (&b.id, &b.quantity)) {
            let locations = three.iter().filter(|e| e.statistic == memory::Statistic::Location.as_str()).count();
            if locations != 1 {
                return Err(format!("`{}`, {}: {locations} locations instead of one", three[0].id, three[0].quantity));
            }
        }
        Ok(ComparisonResults {
            comparison: memory::Comparison {
                effects: self.effects.into_iter().map(Effect::into_memory).collect::<Result<_, _>>()?,
                only_before: names(self.only_before),
                only_after: names(self.only_after),
            },
            settings: memory::CompareSettings { tolerance, false_discovery_rate, ..Default::default() },
            roi: self.roi.map(Roi::into_results).transpose()?,
            warnings: self.warnings,
        })
    }
}

impl Effect {
    fn into_memory(self) -> Result<memory::Effect, String> {
        let unknown = |what: &str, text: &str| format!("`{text}` is no {what}");
        let quantity = match &*self.quantity {
            NUMBER => None,
            other => Some(Quantity::parse(other).ok_or(unknown("quantity", other))?),
        };
        let statistic = memory::Statistic::parse(&self.statistic).ok_or(unknown("statistic", &self.statistic))?;
        let verdict = memory::Verdict::parse(&self.verdict).ok_or(unknown("verdict", &self.verdict))?;
        Ok(memory::Effect {
            id: self.id.into(),
            quantity,
            statistic,
            ratio: self.ratio.map(Into::into),
            difference: self.difference.map(Into::into),
            level_before: None,
            before_n: self.before_n,
            after_n: self.after_n,
            p_value: self.p_value,
            q_value: self.q_value,
            against_others: self.difference_in_differences.map(Into::into),
            verdict,
            needed_n: self.needed_n,
        })
    }
}

impl From<&memory::Effect> for Effect {
    fn from(e: &memory::Effect) -> Self {
        Self {
            id: e.id.to_string(),
            quantity: e.quantity.map_or(NUMBER, Quantity::as_str).into(),
            statistic: e.statistic.as_str().into(),
            ratio: e.ratio.as_ref().map(Estimate::from),
            difference: e.difference.as_ref().map(Estimate::from),
            difference_in_differences: e.against_others.as_ref().map(Estimate::from),
            before_n: e.before_n,
            after_n: e.after_n,
            p_value: e.p_value.and_then(finite),
            q_value: e.q_value.and_then(finite),
            verdict: e.verdict.as_str().into(),
            needed_n: e.needed_n,
        }
    }
}
