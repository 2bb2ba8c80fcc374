//! What no order can beat, and what every list schedule keeps.

use super::Scenario;
use crate::engine::scheduler::bottom_levels;

/// Thresholds of heads that are tried for the tight bound: each costs a pass over all tasks.
const HEADS: usize = 256;

/// Bounds of the makespan of a graph on slots that are alike, in microseconds (fractions where work is shared).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Sum of all lengths.
    pub work: u64,
    /// The longest way through the graph.
    pub critical_path: u64,
    /// The larger of critical path and work over slots, and of the work of each pool over its slots.
    pub lower: f64,
    /// The same with the time before the first and after the last of every set of tasks that have that much before and behind
    /// them: at least `lower`.
    pub tight: f64,
    /// No list schedule on alike slots takes longer: work over slots, plus the critical path's share on the others (Graham 1966).
    pub upper: f64,
}

/// Bounds of a scenario; releases are left out of account.
#[must_use]
pub fn bounds(scenario: &Scenario, lengths: &[u64]) -> Bounds {
    let graph = &scenario.graph;
    let slots = f64::from(scenario.limits.parallelism.max(1));
    let tails = bottom_levels(graph, lengths);
    let work: u64 = lengths.iter().fold(0, |sum, length| sum.saturating_add(*length));
    let critical_path = tails.iter().copied().max().unwrap_or(0);
    let mut in_pools = vec![0.0_f64; scenario.limits.pools.len()];
    for (task, length) in lengths.iter().enumerate() {
        let lane = scenario.limits.lanes[scenario.lanes[task] as usize];
        in_pools[lane.pool as usize] += *length as f64 * f64::from(lane.slots);
    }
    let pools = in_pools.iter().zip(&scenario.limits.pools).map(|(work, slots)| work / f64::from((*slots).max(1)));
    let lower = pools.fold((work as f64 / slots).max(critical_path as f64), f64::max);
    Bounds {
        work,
        critical_path,
        lower,
        tight: lower.max(tight(scenario, lengths, &tails, slots)),
        upper: work as f64 / slots + (1.0 - 1.0 / slots) * critical_path as f64,
    }
}

/// The largest of: least head + work over slots + least tail, over sets of tasks with heads and tails of at least so much.
fn tight(scenario: &Scenario, lengths: &[u64], levels: &[u64], slots: f64) -> f64 {
    let heads = heads(scenario, lengths);
    let tails: Vec<u64> = levels.iter().zip(lengths).map(|(level, length)| level - length).collect();
    let mut by_tail: Vec<u32> = (0..lengths.len() as u32).filter(|task| lengths[*task as usize] > 0).collect();
    by_tail.sort_unstable_by_key(|task| std::cmp::Reverse(tails[*task as usize]));
    let mut thresholds: Vec<u64> = by_tail.iter().map(|task| heads[*task as usize]).collect();
    thresholds.sort_unstable();
    thresholds.dedup();
    let every = thresholds.len().div_ceil(HEADS).max(1);
    let mut best = 0.0_f64;
    for threshold in thresholds.into_iter().step_by(every) {
        let mut work = 0_u64;
        for &task in by_tail.iter().filter(|task| heads[**task as usize] >= threshold) {
            work += lengths[task as usize];
            best = best.max(threshold as f64 + work as f64 / slots + tails[task as usize] as f64);
        }
    }
    best
}

/// Of each task, the longest way from the beginning to its start.
fn heads(scenario: &Scenario, lengths: &[u64]) -> Vec<u64> {
    let graph = &scenario.graph;
    let mut heads = vec![0_u64; lengths.len()];
    for &task in graph.order() {
        let before = graph.parents(task).iter().map(|parent| heads[*parent as usize] + lengths[*parent as usize]);
        heads[task as usize] = before.max().unwrap_or(0);
    }
    heads
}
