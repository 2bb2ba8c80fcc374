//! `[airflow]` in `windtunnel.toml`: the limits that a replay goes by, and what changed when.

use crate::{
    model::{Text, Timestamp},
    replay::airflow::{AirflowLimits, DagLimits, Generation, LimitChange},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `[airflow]`; what is not said is as exported, else Airflow's default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AirflowTable {
    /// Such as "2.10"; its first number says whose rules hold.
    version: Option<String>,
    parallelism: Option<u32>,
    max_tis_per_query: Option<u32>,
    /// Slots by pool.
    #[serde(default)]
    pools: BTreeMap<String, u32>,
    #[serde(default)]
    dags: BTreeMap<String, DagTable>,
    #[serde(default)]
    change: Vec<ChangeTable>,
}

/// Limits of a DAG.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DagTable {
    max_active_tasks: Option<u32>,
    max_active_runs: Option<u32>,
}

/// `[[airflow.change]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeTable {
    at: toml::value::Datetime,
    parallelism: Option<u32>,
    max_tis_per_query: Option<u32>,
    #[serde(default)]
    pools: BTreeMap<String, u32>,
    #[serde(default)]
    dags: BTreeMap<String, DagTable>,
    /// The scheduler was restarted, and was away for so many seconds.
    restart_s: Option<f64>,
}

impl From<DagTable> for DagLimits {
    fn from(table: DagTable) -> Self {
        Self { max_active_tasks: table.max_active_tasks, max_active_runs: table.max_active_runs }
    }
}

impl AirflowTable {
    /// The limits, checked.
    pub(super) fn limits(&self) -> Result<AirflowLimits, String> {
        let generation = match self.version.as_deref().map(|text| text.split('.').next().unwrap_or(text)) {
            None => None,
            Some("1" | "2") => Some(Generation::Two),
            Some("3") => Some(Generation::Three),
            Some(other) => return Err(format!("airflow.version: `{other}` is not 1, 2 or 3")),
        };
        let mut changes = Vec::new();
        for change in &self.change {
            change.read(&mut changes)?;
        }
        changes.sort_by_key(|(at, _)| *at);
        Ok(AirflowLimits {
            generation,
            parallelism: self.parallelism,
            max_tis: self.max_tis_per_query,
            pools: self.pools.iter().map(|(name, slots)| (Text::from(name.as_str()), *slots)).collect(),
            dags: self.dags.iter().map(|(name, table)| (Text::from(name.as_str()), (*table).into())).collect(),
            runs_by_limit: false,
            changes,
        })
    }
}

impl ChangeTable {
    fn read(&self, changes: &mut Vec<(Timestamp, LimitChange)>) -> Result<(), String> {
        let text = self.at.to_string();
        let at = super::args::parse_start(&text)
            .map_err(|_| format!("airflow.change: at = `{text}` is no instant: write 2026-11-24T12:02:39Z"))?;
        let before = changes.len();
        changes.extend(self.parallelism.map(|count| (at, LimitChange::Parallelism(count))));
        changes.extend(self.max_tis_per_query.map(|count| (at, LimitChange::MaxTis(count))));
        changes.extend(self.pools.iter().map(|(name, slots)| (at, LimitChange::Pool(name.as_str().into(), *slots))));
        changes.extend(
            self.dags.iter().map(|(name, table)| (at, LimitChange::Dag(name.as_str().into(), (*table).into()))),
        );
        if let Some(seconds) = self.restart_s {
            if !(0.0..1e9).contains(&seconds) {
                return Err(format!("airflow.change at {text}: restart_s = {seconds} is no length"));
            }
            changes.push((at, LimitChange::Restart((seconds * 1e6) as u64)));
        }
        if changes.len() == before {
            return Err(format!(
                "airflow.change at {text}: nothing changes; say parallelism, max_tis_per_query, pools, dags or restart_s"
            ));
        }
        Ok(())
    }
}
