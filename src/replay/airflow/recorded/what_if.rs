//! What if: the same history under other limits, in another order, with faster tasks, fewer edges, other times.

use super::record::Recorded;
use crate::{
    engine::scheduler::{WeightRule, bottom_levels},
    model::Text,
    replay::airflow::{Away, Change, RunCase},
};
use std::collections::HashMap;

/// The order of scheduled task instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightBy {
    /// All alike: runs by their dates.
    Date,
    /// Median duration of the task, the longest first.
    Duration,
    /// Length of the longest way to the end of the run, by median durations.
    WayToEnd,
    /// Airflow's weights by a rule.
    Rule {
        /// Rule.
        rule: WeightRule,
        /// DAG, by place, whose own weights must be known for it.
        dag: u32,
    },
    /// The weights of one DAG, by place, in the best order that is found for a usual run of it alone.
    Planned {
        /// DAG.
        dag: u32,
        /// Seed of chance.
        seed: u64,
    },
}

/// One what-if. Where no DAG is named, every DAG is meant.
#[derive(Clone, Debug, PartialEq)]
pub enum WhatIf {
    /// `parallelism`
    Parallelism(u32),
    /// `max_tis_per_query`
    MaxTis(u32),
    /// Slots of a pool.
    Pool(Text, u32),
    /// `max_active_tasks`
    MaxActiveTasks(Option<Text>, u32),
    /// `max_active_runs`
    MaxActiveRuns(Option<Text>, u32),
    /// A task so many times as fast.
    Speedup(Text, Text, f64),
    /// A task that does not wait for another: DAG, first, then.
    DropEdge(Text, Text, Text),
    /// Runs of a DAG are made so many seconds later.
    Shift(Text, f64),
    /// Another order.
    Order(WeightBy),
}

impl Recorded {
    /// The same with what-ifs; `dags` are the names of the DAGs, by place.
    ///
    /// # Errors
    /// Where one names what is not there.
    pub fn with(&self, what_ifs: &[WhatIf], dags: &[Text]) -> Result<Self, String> {
        let mut changed = self.clone();
        for what_if in what_ifs {
            changed.apply(what_if, dags)?;
        }
        Ok(changed)
    }

    fn apply(&mut self, what_if: &WhatIf, dags: &[Text]) -> Result<(), String> {
        let place = |name: &Text| dags.iter().position(|dag| dag == name).ok_or_else(|| format!("no DAG `{name}`"));
        let case = &mut self.case;
        match what_if {
            // What is set holds all the time: recorded changes of the same limit are no longer made.
            WhatIf::Parallelism(count) => {
                case.rules.parallelism = *count;
                case.changes.retain(|(_, change)| !matches!(change, Change::Parallelism(_)));
            }
            WhatIf::MaxTis(count) => {
                case.rules.max_tis = *count;
                case.changes.retain(|(_, change)| !matches!(change, Change::MaxTis(_)));
            }
            WhatIf::Pool(name, slots) => {
                let Some(pool) = self.pools.iter().position(|pool| pool == name) else {
                    let known: Vec<&str> = self.pools.iter().map(|pool| &**pool).collect();
                    return Err(format!("no pool `{name}`: there are {}", known.join(", ")));
                };
                case.pools[pool].slots = *slots;
                case.changes.retain(|(_, change)| !matches!(change, Change::Pool(of, _) if *of as usize == pool));
            }
            WhatIf::MaxActiveTasks(name, count) => {
                let only = name.as_ref().map(place).transpose()?;
                let meant = |dag: usize| only.is_none_or(|only| only == dag);
                let all = case.dags.iter_mut().enumerate().filter(|(dag, _)| meant(*dag));
                all.for_each(|(_, dag)| dag.max_active_tasks = *count);
                case.changes.retain(|(_, c)| !matches!(c, Change::MaxActiveTasks(dag, _) if meant(*dag as usize)));
            }
            WhatIf::MaxActiveRuns(name, count) => {
                let only = name.as_ref().map(place).transpose()?;
                let meant = |dag: usize| only.is_none_or(|only| only == dag);
                let all = case.dags.iter_mut().enumerate().filter(|(dag, _)| meant(*dag));
                all.for_each(|(_, dag)| dag.max_active_runs = *count);
                let all = self.max_active_runs.iter_mut().enumerate().filter(|(dag, _)| meant(*dag));
                all.for_each(|(_, runs)| *runs = *count);
                case.changes.retain(|(_, c)| !matches!(c, Change::MaxActiveRuns(dag, _) if meant(*dag as usize)));
            }
            WhatIf::Speedup(dag, task, factor) => self.speed_up(place(dag)?, task, *factor)?,
            WhatIf::DropEdge(dag, first, then) => self.drop_edge(place(dag)?, first, then)?,
            WhatIf::Shift(dag, seconds) => {
                let dag = place(dag)? as u32;
                let shift = (seconds * 1e6) as i64;
                let moved = |run: &mut RunCase| run.made = run.made.saturating_add_signed(shift);
                case.runs.iter_mut().filter(|run| run.dag == dag).for_each(moved);
            }
            WhatIf::Order(by) => self.reweigh(*by, dags)?,
        }
        Ok(())
    }

    /// Instances of a task, by place.
    fn of_task(&self, dag: usize, task: &Text) -> Result<Vec<usize>, String> {
        let of_dag = |name: &&super::InstanceName| name.dag as usize == dag;
        let places: Vec<usize> = (0..self.names.len())
            .filter(|place| self.names[*place].dag as usize == dag && self.names[*place].task_id == *task)
            .collect();
        if places.is_empty() {
            let mut known: Vec<&str> = self.names.iter().filter(of_dag).map(|name| &*name.task_id).collect();
            known.sort_unstable();
            known.dedup();
            return Err(format!("no task `{task}` ran in that DAG: there are {}", known.join(", ")));
        }
        Ok(places)
    }

    fn speed_up(&mut self, dag: usize, task: &Text, factor: f64) -> Result<(), String> {
        for instance in self.of_task(dag, task)? {
            for step in self.case.instances[instance].steps.clone() {
                let step = &mut self.case.steps[step as usize];
                step.length = (step.length as f64 / factor).round() as u64;
                // What it was deferred for is its work elsewhere; what a sensor pauses between pokes, or a retry, is not.
                if step.away == Away::Deferred {
                    step.pause = (step.pause as f64 / factor).round() as u64;
                }
            }
        }
        Ok(())
    }

    fn drop_edge(&mut self, dag: usize, first: &Text, then: &Text) -> Result<(), String> {
        let (_, then_places) = (self.of_task(dag, first)?, self.of_task(dag, then)?);
        let graph = &self.case.graph;
        let mut dropped = 0_usize;
        let mut edges = Vec::with_capacity(graph.edges());
        for node in 0..graph.nodes() {
            for &child in graph.children(node) {
                let is_it =
                    self.names[node as usize].task_id == *first && then_places.binary_search(&(child as usize)).is_ok();
                if is_it {
                    dropped += 1;
                } else {
                    edges.push((node, child));
                }
            }
        }
        if dropped == 0 {
            return Err(format!("`{then}` does not wait for `{first}` itself"));
        }
        let nodes = graph.nodes() as usize;
        self.case.graph =
            crate::model::Graph::new(nodes, edges).map_err(|_| "the dependencies have a circle".to_owned())?;
        Ok(())
    }

    fn reweigh(&mut self, by: WeightBy, dags: &[Text]) -> Result<(), String> {
        let lengths = self.usual_lengths();
        let weights: Vec<i64> = match by {
            WeightBy::Date => vec![0; lengths.len()],
            WeightBy::Duration => lengths.iter().map(|length| *length as i64).collect(),
            WeightBy::WayToEnd => {
                bottom_levels(&self.case.graph, &lengths).into_iter().map(|level| level as i64).collect()
            }
            WeightBy::Rule { rule, dag } => self.weights_by_rule(rule, dag, dags)?,
            WeightBy::Planned { dag, seed } => self.planned_weights(dag, seed),
        };
        self.case.instances.iter_mut().zip(weights).for_each(|(instance, weight)| instance.weight = weight);
        Ok(())
    }

    /// Of each instance, the median time in slots of its task: what a scheduler could have known.
    pub(super) fn usual_lengths(&self) -> Vec<u64> {
        let length = |place: usize| -> u64 {
            self.case.instances[place].steps.clone().map(|step| self.case.steps[step as usize].length).sum()
        };
        let mut of_task: HashMap<u32, Vec<u64>> = HashMap::new();
        for (place, instance) in self.case.instances.iter().enumerate() {
            of_task.entry(instance.task).or_default().push(length(place));
        }
        of_task.values_mut().for_each(|lengths| lengths.sort_unstable());
        let median = |task: &u32| of_task.get(task).map_or(0, |lengths| lengths[lengths.len() / 2]);
        self.case.instances.iter().map(|instance| median(&instance.task)).collect()
    }
}
