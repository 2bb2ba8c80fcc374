//! `analysis`: what the weekly analysis found, written and read again.

use super::estimate::{Estimate, tidy};
use crate::{
    analysis as memory,
    model::{Deployment, EdgeSource, Index, Quantity, RunType, SeriesKey, Text, TimeRange, Timestamp},
    stats,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the document.
pub(in crate::cli) const SCHEMA: &str = "windtunnel.analysis.v1";

/// What the weekly analysis found.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Document {
    schema: String,
    windtunnel: String,
    seed: u64,
    as_of: Time,
    window: Range,
    baseline: Range,
    axis: Vec<AxisChoice>,
    regressions: Vec<Finding>,
    improvements: Vec<Finding>,
    trends: Vec<Trend>,
    went_away: Vec<Episode>,
    inconclusive: Vec<Inconclusive>,
    not_measurable: Vec<NotMeasurable>,
    /// Of all regressions and hosts in force, each second once.
    #[serde(default)]
    minutes_lost_per_week: f64,
    #[serde(default)]
    host_changes: Vec<HostChange>,
    /// Findings that have one cause.
    #[serde(default)]
    together: Vec<Together>,
    run_changes: Vec<RunChange>,
    series: Vec<SeriesView>,
    dags: Vec<DagView>,
    coverage: Coverage,
    false_alarm_rate: FalseAlarms,
    warnings: Vec<String>,
}

/// An instant: RFC 3339, UTC.
#[derive(Clone, Copy, Debug)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(Timestamp::from_micros(instant.as_microsecond())))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A mapped instance, or `all` of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Instance {
    Number(i32),
    All(String),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Range {
    from: Time,
    to: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Key {
    deployment: String,
    dag_id: String,
    task_id: Option<String>,
    run_type: String,
    index: Instance,
    quantity: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct AxisChoice {
    deployment: String,
    dag_id: String,
    axis: String,
    why: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Finding {
    id: String,
    #[serde(flatten)]
    key: Key,
    changed_at: Time,
    changed_low: Time,
    changed_high: Time,
    in_window: bool,
    #[serde(default)]
    is_new: bool,
    effect: Estimate,
    effect_raw: Estimate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_equal_volume: Option<EqualVolume>,
    q_value: f64,
    before: Estimate,
    after: Estimate,
    minutes_lost_per_week: Estimate,
    n_before: usize,
    n_after: usize,
    last_run: Option<Time>,
    evidence: Vec<String>,
    #[serde(default)]
    also: Vec<Shadow>,
    acknowledged: Option<String>,
}

/// What the task handled, where effect, levels and minutes are at equal volume.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct EqualVolume {
    unit: String,
    ratio: f64,
    elasticity: Estimate,
}

/// Another series in which the same change shows.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Shadow {
    #[serde(flatten)]
    key: Key,
    effect: Estimate,
    minutes_lost_per_week: Estimate,
}

/// What all tasks of an Airflow share got larger or smaller: its hosts as a whole.
/// Findings of tasks that share something and changed at the same time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Together {
    deployment: String,
    /// `dag`, `pool`, `operator` or `host`.
    shared: String,
    name: String,
    changed_at: Time,
    worse: bool,
    /// Median over the tasks, after divided by before.
    effect: f64,
    changed: usize,
    /// Tasks that share it and were tested.
    of: usize,
    findings: Vec<String>,
    /// Of what they share having nothing to do with it (Fisher).
    p_value: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct HostChange {
    id: String,
    deployment: String,
    changed_at: Time,
    changed_low: Time,
    changed_high: Time,
    ended_at: Option<Time>,
    in_window: bool,
    #[serde(default)]
    is_new: bool,
    before_s: Estimate,
    after_s: Estimate,
    difference_s: Estimate,
    p_value: f64,
    attempts: usize,
    minutes_lost_per_week: Estimate,
    tasks: usize,
    tasks_moved: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Trend {
    id: String,
    #[serde(flatten)]
    key: Key,
    from: Time,
    to: Time,
    per_week: Estimate,
    q_value: f64,
    evidence: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Episode {
    id: String,
    #[serde(flatten)]
    key: Key,
    from: Time,
    to: Time,
    effect: Estimate,
    q_value: f64,
    n: usize,
    evidence: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Inconclusive {
    #[serde(flatten)]
    key: Key,
    effect: Estimate,
    more_runs_needed: Option<usize>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct NotMeasurable {
    #[serde(flatten)]
    key: Key,
    why: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct RunChange {
    deployment: String,
    dag_id: String,
    seconds: Estimate,
    n_before: usize,
    n_after: usize,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Part {
    kind: String,
    task_id: Option<String>,
    seconds: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct SeriesView {
    key: Key,
    axis: String,
    n: usize,
    points: Vec<Point>,
    regimes: Vec<Regime>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Point {
    at: Time,
    raw: f64,
    adjusted: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Regime {
    from: Time,
    to: Time,
    level: Estimate,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct DagView {
    deployment: String,
    dag_id: String,
    run_id: String,
    started_at: Time,
    duration_s: f64,
    gantt: Vec<Bar>,
    critical_path: Vec<String>,
    edges: Vec<Edge>,
    edges_from: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Bar {
    task_id: String,
    map_index: i32,
    try_number: Option<i32>,
    queued_s: Option<f64>,
    started_s: f64,
    ended_s: f64,
    state: String,
    critical: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Edge {
    upstream: String,
    downstream: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Coverage {
    attempts: u64,
    runs: u64,
    dags: u64,
    tasks: u64,
    series: u64,
    logical: Option<Range>,
    wall: Option<Range>,
    excluded: Vec<Count>,
    runs_by_type: Vec<Count>,
    runs_by_week: Vec<Week>,
    overhead: Vec<Overhead>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Count {
    what: String,
    count: u64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Week {
    from: Time,
    runs: u64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Overhead {
    at: Time,
    seconds: f64,
    attempts: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct FalseAlarms {
    false_discovery_rate: f64,
    series_tested: usize,
    quantities: Vec<String>,
    note: String,
}

/// Why a document is no analysis.
pub(in crate::cli) type Wrong = String;

mod read;
mod write;
