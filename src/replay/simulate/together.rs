//! Many DAGs that arrive by chance and share slots: what each order makes of them.

use super::{
    Scenario,
    bounds::bounds,
    share::{Across, Job, share},
};
use crate::{
    engine::scheduler::{Policy, WeightRule},
    model::Workflow,
    stats::{Draw, Estimate, geometric_mean, parallel_map},
};
use std::collections::HashMap;

/// Times that each DAG arrives in a replication, and replications.
const TIMES: usize = 2;
const REPLICATIONS: u64 = 10;
const LEVEL: f64 = 0.95;
/// Tells this stream of random numbers from others of the same seed.
const KEY: u64 = 0x7368_6172;

/// How DAGs arrive and what is known of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    /// Slots.
    pub slots: u32,
    /// Work that arrives, over what the slots can do in that time.
    pub load: f64,
    /// Standard deviation of the logarithm by which the predictions of a run, and again of a task, are off; predictions are means of
    /// tasks of one kind (the name up to its number).
    pub error: f64,
    /// Seed.
    pub seed: u64,
}

/// What an order made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Completions {
    /// Order: a policy for all as one, or `fair`.
    pub policy: &'static str,
    /// Seconds from arrival to end, mean of all DAGs and replications.
    pub mean_s: f64,
    /// The same over that of Airflow's order, replication by replication.
    pub against_airflow: Option<Estimate>,
    /// Geometric mean of completion over what the DAG would take with all slots for itself.
    pub slowdown: f64,
    /// The worst.
    pub worst_slowdown: f64,
}

/// Each order on the same arrivals, Airflow's first.
#[must_use]
pub fn together(workflows: &[Workflow], arrivals: Arrivals) -> Vec<Completions> {
    const AIRFLOW: Policy = Policy::Airflow(WeightRule::Downstream);
    let orders = [
        ("airflow", Across::AsOne(AIRFLOW)),
        ("fifo", Across::AsOne(Policy::Fifo)),
        ("lpt", Across::AsOne(Policy::Lpt)),
        ("heft", Across::AsOne(Policy::Heft)),
        ("fair", Across::Fair),
    ];
    let numbers: Vec<u64> = (0..REPLICATIONS).collect();
    // Of each replication and order: mean seconds, mean logarithm of slowdowns, worst slowdown.
    let told = parallel_map(&numbers, |number| {
        let jobs = jobs(workflows, arrivals, *number);
        let alone: Vec<f64> = jobs
            .iter()
            .map(|job| bounds(&Scenario::on_slots(job.graph.clone(), arrivals.slots), &job.lengths).lower.max(1.0))
            .collect();
        orders.map(|(_, across)| figures(&jobs, &alone, &share(&jobs, arrivals.slots, across)))
    });
    let of_order = |(place, (policy, _)): (usize, &(&'static str, Across))| {
        let mean = |what: fn(&(f64, f64, f64)) -> f64| {
            told.iter().map(|of| what(&of[place])).sum::<f64>() / told.len().max(1) as f64
        };
        let ratios: Vec<f64> = told.iter().map(|of| of[place].0 / of[0].0).collect();
        Completions {
            policy,
            mean_s: mean(|of| of.0),
            against_airflow: if place == 0 { None } else { geometric_mean(&ratios, LEVEL) },
            slowdown: mean(|of| of.1).exp(),
            worst_slowdown: told.iter().map(|of| of[place].2).fold(0.0, f64::max),
        }
    };
    orders.iter().enumerate().map(of_order).collect()
}

fn figures(jobs: &[Job], alone: &[f64], done: &[u64]) -> (f64, f64, f64) {
    let n = jobs.len().max(1) as f64;
    let completions = jobs.iter().zip(done).map(|(job, done)| (done - job.arrives) as f64);
    let slowdowns: Vec<f64> = completions.clone().zip(alone).map(|(took, alone)| (took / alone).max(1.0)).collect();
    (
        completions.sum::<f64>() / 1e6 / n,
        slowdowns.iter().map(|slowdown| slowdown.ln()).sum::<f64>() / n,
        slowdowns.iter().copied().fold(0.0, f64::max),
    )
}

/// Each DAG some times in an order by chance, with exponential times between them (a Poisson process).
fn jobs(workflows: &[Workflow], arrivals: Arrivals, number: u64) -> Vec<Job> {
    let mut draw = Draw::keyed(arrivals.seed, &[KEY, number]);
    let mut order: Vec<usize> = (0..workflows.len() * TIMES).map(|at| at % workflows.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, draw.below(at as u64 + 1) as usize);
    }
    let work: f64 = workflows.iter().flat_map(Workflow::lengths).map(|length| length as f64).sum();
    let apart = work / workflows.len().max(1) as f64 / f64::from(arrivals.slots) / arrivals.load;
    let mut at = 0.0;
    let job = |workflow: usize| {
        let of = &workflows[workflow];
        at += draw.exponential(apart);
        let of_run = draw.log_normal(1.0, arrivals.error);
        let lengths = of.lengths();
        let predicted = kind_means(of, &lengths)
            .into_iter()
            .map(|mean| (mean * of_run * draw.log_normal(1.0, arrivals.error)) as u64)
            .collect();
        Job { graph: of.graph.clone(), lengths, predicted, arrives: at as u64 }
    };
    order.into_iter().map(job).collect()
}

/// Of each task the mean of those of its kind: what the names of tasks tell.
fn kind_means(workflow: &Workflow, lengths: &[u64]) -> Vec<f64> {
    let kind = |at: usize| workflow.tasks[at].task_id.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut sums: HashMap<&str, (f64, f64)> = HashMap::new();
    for (at, length) in lengths.iter().enumerate() {
        let sum = sums.entry(kind(at)).or_default();
        *sum = (sum.0 + *length as f64, sum.1 + 1.0);
    }
    let mean = |at: usize| sums.get(kind(at)).map_or(0.0, |(sum, n)| sum / n);
    (0..lengths.len()).map(mean).collect()
}
