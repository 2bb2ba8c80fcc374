//! Several DAGs that share slots, each from its own time on.

use super::Scenario;
use super::bounds::{Bounds, bounds};
use crate::{
    engine::scheduler::{Contender, Policy, Ranks, fairest},
    model::Graph,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// One of them.
#[derive(Clone, Debug)]
pub struct Job {
    /// Dependencies.
    pub graph: Graph,
    /// Microseconds that tasks really take.
    pub lengths: Vec<u64>,
    /// And those that a scheduler expects.
    pub predicted: Vec<u64>,
    /// From when on it is there, in microseconds.
    pub arrives: u64,
}

/// How slots are given across DAGs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// By the ranks of their tasks, as if all were one DAG: what Airflow does with its weights.
    AsOne(Policy),
    /// A DAG first, then a task of it by the longest way that is left.
    Fair,
}

struct Running<'a> {
    job: &'a Job,
    ranks: Ranks,
    open: Vec<u32>,
    ready: BinaryHeap<Reverse<(u64, u32)>>,
    left: f64,
    alone: f64,
    tasks_left: u32,
}

impl<'a> Running<'a> {
    fn new(job: &'a Job, policy: Policy, slots: u32) -> Self {
        let own = vec![1; job.lengths.len()];
        let scenario = Scenario::on_slots(job.graph.clone(), slots);
        let Bounds { work, lower, .. } = bounds(&scenario, &job.predicted);
        Self {
            ranks: Ranks::of(policy, &job.graph, &job.predicted, &own),
            open: (0..job.graph.nodes()).map(|task| job.graph.parents(task).len() as u32).collect(),
            ready: BinaryHeap::new(),
            left: work as f64,
            alone: lower,
            tasks_left: job.graph.nodes(),
            job,
        }
    }

    fn free(&mut self, task: u32, now: u64) {
        self.ready.push(Reverse((self.ranks.of_task(task, now), task)));
    }
}

/// When each job is done, in microseconds.
#[must_use]
pub fn share(jobs: &[Job], slots: u32, across: Across) -> Vec<u64> {
    let policy = if let Across::AsOne(policy) = across { policy } else { Policy::Heft };
    let mut running: Vec<Running<'_>> = jobs.iter().map(|job| Running::new(job, policy, slots)).collect();
    let mut arrivals: Vec<usize> = (0..jobs.len()).collect();
    arrivals.sort_by_key(|job| Reverse((jobs[*job].arrives, *job)));
    let mut there: Vec<usize> = Vec::new();
    let mut ends: BinaryHeap<Reverse<(u64, usize, u32)>> = BinaryHeap::new();
    let mut done = vec![0; jobs.len()];
    let mut free = slots;
    let mut now = 0;
    loop {
        while let Some(job) = arrivals.pop_if(|job| jobs[*job].arrives <= now) {
            let first: Vec<u32> =
                (0..jobs[job].graph.nodes()).filter(|task| running[job].open[*task as usize] == 0).collect();
            first.into_iter().for_each(|task| running[job].free(task, now));
            done[job] = now;
            there.push(job);
        }
        while free > 0 {
            let Some(job) = next(&running, &there, across, now) else { break };
            let Some(Reverse((_, task))) = running[job].ready.pop() else { break };
            free -= 1;
            ends.push(Reverse((now + jobs[job].lengths[task as usize], job, task)));
        }
        let arrival = arrivals.last().map(|job| jobs[*job].arrives);
        let Some(at) = ends.peek().map(|Reverse((at, ..))| *at).into_iter().chain(arrival).min() else { break };
        now = at;
        while let Some(&Reverse((_, job, task))) = ends.peek().filter(|Reverse((at, ..))| *at == now) {
            ends.pop();
            free += 1;
            let of = &mut running[job];
            of.left -= of.job.predicted[task as usize] as f64;
            of.tasks_left -= 1;
            for &child in of.job.graph.children(task) {
                of.open[child as usize] -= 1;
                if of.open[child as usize] == 0 {
                    of.free(child, now);
                }
            }
            if of.tasks_left == 0 {
                done[job] = now;
                there.retain(|other| *other != job);
            }
        }
    }
    done
}

/// The job whose first ready task goes next.
fn next(running: &[Running<'_>], there: &[usize], across: Across, now: u64) -> Option<usize> {
    let with_ready = there.iter().copied().filter(|job| !running[*job].ready.is_empty());
    match across {
        Across::AsOne(_) => with_ready.min_by_key(|job| (running[*job].ready.peek().map(|entry| entry.0), *job)),
        Across::Fair => {
            let contender = |job: usize| {
                let of = &running[job];
                Contender { left: of.left.max(1.0), waited: (now - of.job.arrives) as f64, alone: of.alone }
            };
            fairest(with_ready.map(|job| (job, contender(job))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::scheduler::WeightRule, stats::Draw};

    const SLOTS: u32 = 16;

    /// Layered DAGs of heavy-tailed sizes, at a load of nine tenths; predictions are off by a run's and a task's factor.
    fn jobs(seed: u64) -> Vec<Job> {
        let mut draw = Draw::new(seed);
        let mut at = 0.0;
        let mut made: Vec<Job> = Vec::new();
        for _ in 0..80 {
            let tasks = draw.pareto(8.0, 1.1).min(1_500.0) as u32;
            let width = 1 + tasks / (2 + draw.below(6) as u32);
            let seconds = draw.log_normal(20.0, 1.0);
            let lengths: Vec<u64> = (0..tasks).map(|_| (draw.log_normal(seconds, 0.8) * 1e6) as u64).collect();
            let edges = (width..tasks).map(|task| (task - 1 - draw.below(u64::from(width)) as u32, task)).collect();
            let of_run = draw.log_normal(1.0, 0.3);
            let predicted = (0..tasks).map(|_| (draw.log_normal(seconds * 1.38 * of_run, 0.3) * 1e6) as u64).collect();
            let graph = Graph::new(tasks as usize, edges).expect("edges go forward");
            made.push(Job { graph, lengths, predicted, arrives: 0 });
        }
        let work: f64 = made.iter().flat_map(|job| &job.lengths).map(|length| *length as f64).sum();
        let apart = work / made.len() as f64 / f64::from(SLOTS) / 0.9;
        for job in &mut made {
            at += draw.exponential(apart);
            job.arrives = at as u64;
        }
        made
    }

    /// Mean completion in seconds, and the worst slowdown against having all slots alone.
    fn told(jobs: &[Job], across: Across) -> (f64, f64) {
        let done = share(jobs, SLOTS, across);
        let mut worst = 0.0_f64;
        let mut sum = 0.0;
        for (job, done) in jobs.iter().zip(done) {
            let completion = (done - job.arrives) as f64;
            let alone = bounds(&Scenario::on_slots(job.graph.clone(), SLOTS), &job.lengths).lower;
            sum += completion / 1e6;
            worst = worst.max(completion / alone);
        }
        (sum / jobs.len() as f64, worst)
    }

    #[test]
    fn fair_halves_the_mean_completion_and_puts_nobody_off_for_ever() {
        let (mut ratios, mut worst) = (Vec::new(), (0.0_f64, 0.0_f64));
        for seed in 0..6 {
            let jobs = jobs(seed);
            let airflow = told(&jobs, Across::AsOne(Policy::Airflow(WeightRule::Downstream)));
            let fair = told(&jobs, Across::Fair);
            ratios.push(fair.0 / airflow.0);
            worst = (worst.0.max(fair.1), worst.1.max(airflow.1));
        }
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        assert!(mean <= 0.6, "{ratios:?}");
        assert!(worst.0 < 60.0 && worst.1 > 3.0 * worst.0, "{worst:?}");
    }

    #[test]
    fn alone_it_is_a_list_schedule() {
        let jobs = &jobs(9)[..1];
        let ranks = Ranks::of(Policy::Heft, &jobs[0].graph, &jobs[0].predicted, &vec![1; jobs[0].lengths.len()]);
        let alone = super::super::list(&Scenario::on_slots(jobs[0].graph.clone(), SLOTS), &jobs[0].lengths, &ranks);
        assert_eq!(share(jobs, SLOTS, Across::Fair), [alone.makespan + jobs[0].arrives]);
    }
}
