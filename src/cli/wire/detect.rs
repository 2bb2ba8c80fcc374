//! `detect`: steps and creep in series of numbers.

use super::VERSION;
use super::estimate::{Estimate, finite};
use crate::{analysis as memory, model::Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// What was found in each series of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: &'static str,
    windtunnel: &'static str,
    series: Vec<Series>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Series {
    /// Name in the file, empty where it names none.
    id: String,
    /// Points.
    n: usize,
    change_points: Vec<ChangePoint>,
    trends: Vec<Trend>,
    /// Smallest ratio above 1 that a step of `minimum_detectable_after` points would have to have to be found in four of
    /// five cases; `null` where values are not all positive.
    minimum_detectable_effect: Option<f64>,
    /// The same in the unit of the values.
    minimum_detectable_difference: Option<f64>,
    minimum_detectable_after: Option<usize>,
    /// Why nothing could be tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    untested: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChangePoint {
    /// First point of the new level, from 0.
    index: usize,
    /// RFC 3339, UTC.
    time: Option<String>,
    index_low: usize,
    index_high: usize,
    time_low: Option<String>,
    time_high: Option<String>,
    /// After divided by before.
    effect: Option<Estimate>,
    /// After minus before, in the unit of the values.
    difference: Option<Estimate>,
    p_value: f64,
    q_value: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Trend {
    from_index: usize,
    to_index: usize,
    /// RFC 3339, UTC.
    from_time: Option<String>,
    to_time: Option<String>,
    /// In the unit of the values a day (a point, where there are no times).
    slope_per_day: Estimate,
    p_value: f64,
    q_value: f64,
}

impl Document {
    pub(in crate::cli) fn new(found: &[memory::NumberChanges], warnings: Vec<String>) -> Self {
        let series = found.iter().map(Series::from).collect();
        Self { schema: "windtunnel.detect.v1", windtunnel: VERSION, series, warnings }
    }
}

impl From<&memory::NumberChanges> for Series {
    fn from(found: &memory::NumberChanges) -> Self {
        Self {
            id: found.id.to_string(),
            n: found.n,
            change_points: found.change_points.iter().map(ChangePoint::from).collect(),
            trends: found.trends.iter().map(Trend::from).collect(),
            minimum_detectable_effect: found.detectable.and_then(|d| d.ratio).and_then(finite),
            minimum_detectable_difference: found.detectable.and_then(|d| finite(d.difference)),
            minimum_detectable_after: found.detectable.map(|d| d.after),
            untested: found.untested,
        }
    }
}

impl From<&memory::ChangePoint> for ChangePoint {
    fn from(point: &memory::ChangePoint) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            index: point.index,
            time: point.time.map(text),
            index_low: point.range.0,
            index_high: point.range.1,
            time_low: point.time_range.map(|r| text(r.0)),
            time_high: point.time_range.map(|r| text(r.1)),
            effect: point.effect.as_ref().map(Estimate::from),
            difference: point.difference.as_ref().map(Estimate::from),
            p_value: point.p_value,
            q_value: point.q_value,
        }
    }
}

impl From<&memory::NumberTrend> for Trend {
    fn from(trend: &memory::NumberTrend) -> Self {
        Self {
            from_index: trend.from_index,
            to_index: trend.to_index,
            from_time: trend.times.map(|(from, _)| from.to_string()),
            to_time: trend.times.map(|(_, to)| to.to_string()),
            slope_per_day: Estimate::from(&trend.slope_per_day),
            p_value: trend.p_value,
            q_value: trend.q_value,
        }
    }
}
