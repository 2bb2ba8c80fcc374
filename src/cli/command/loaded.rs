//! A DAG of the lake with all that shares slots with it: the whole history of its Airflow, as it was recorded.

use super::Context;
use crate::{
    analysis::dependencies,
    cli::{console::line, exit::Error},
    model::{DagHistory, Deployment, Detail, EdgeSource, Text},
    replay::airflow::{Recorded, recorded},
};

/// Names that a message lists.
const SHOWN: usize = 3;

/// The history of an Airflow, and the DAG that was asked for.
pub(super) struct Loaded {
    pub(super) deployment: Deployment,
    pub(super) histories: Vec<DagHistory>,
    /// Where the dependencies of each are known from.
    pub(super) edges_from: Vec<EdgeSource>,
    /// Names of the DAGs.
    pub(super) dags: Vec<Text>,
    /// Place of the DAG.
    pub(super) dag: usize,
    pub(super) recorded: Recorded,
}

impl Loaded {
    /// Reads it; `runs_by_limit`: do runs wait for `max_active_runs` in a replay?
    pub(super) fn new(
        context: &Context<'_>,
        dag: &str,
        deployment: Option<&str>,
        runs_by_limit: bool,
    ) -> Result<Self, Error> {
        let deployment = find(context, dag, deployment)?;
        let histories = histories(context, &deployment)?;
        let dags: Vec<Text> = histories.iter().map(|history| history.dag_id.clone()).collect();
        let place = dags.iter().position(|id| **id == *dag).unwrap_or_default();
        let (edges, edges_from): (Vec<_>, Vec<EdgeSource>) = histories.iter().map(dependencies).unzip();
        let mut limits = context.config.file.airflow.limits().map_err(Error::Usage)?;
        limits.runs_by_limit = runs_by_limit;
        let pools = context.lake().pools(&deployment)?;
        let recorded = recorded(&histories, &edges, &pools, &limits)
            .map_err(Error::Usage)?
            .ok_or_else(|| Error::Usage(format!("no run of {deployment} has a time")))?;
        Ok(Self { deployment, histories, edges_from, dags, dag: place, recorded })
    }
}

fn find(context: &Context<'_>, dag: &str, wanted: Option<&str>) -> Result<Deployment, Error> {
    let lake = context.lake();
    let mut found = Vec::new();
    let mut all = Vec::new();
    for deployment in lake.deployments()? {
        let dags = lake.dag_ids(&deployment)?;
        if wanted.is_none_or(|name| name == deployment.as_str()) && dags.iter().any(|id| **id == *dag) {
            found.push(deployment);
        }
        all.extend(dags);
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            all.sort_by_cached_key(|id| std::cmp::Reverse((strsim::jaro_winkler(id, dag) * 1e6) as u64));
            let near: Vec<String> = all.iter().take(SHOWN).map(|id| line(id)).collect();
            let near = if near.is_empty() { "none".to_owned() } else { near.join(", ") };
            Err(Error::Usage(format!(
                "no DAG `{}` among the {} of the lake at {}; nearest: {near}",
                line(dag),
                all.len(),
                context.lake_path().display(),
            )))
        }
        several => {
            let names: Vec<&str> = several.iter().map(Deployment::as_str).collect();
            let dag = line(dag);
            Err(Error::Usage(format!("{} have a DAG `{dag}`: name one with --deployment", names.join(", "))))
        }
    }
}

fn histories(context: &Context<'_>, deployment: &Deployment) -> Result<Vec<DagHistory>, Error> {
    let lake = context.lake();
    let _held = lake.hold();
    let ids: Vec<Text> = lake.dag_ids(deployment)?;
    let mut reader = lake.histories(deployment, Detail::All)?;
    ids.iter().map(|id| Ok(reader.next(id)?)).collect()
}
