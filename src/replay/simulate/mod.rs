//! Work in virtual time: integer microseconds, no clock, the same result each time.

mod best;
mod bounds;
mod list;
mod share;
mod slots;
mod together;

pub use best::{Best, best};
pub use bounds::{Bounds, bounds};
pub use list::{Scenario, Schedule, list};
pub use share::{Across, Job, share};
pub use slots::slots;
pub use together::{Arrivals, Completions, together};

use crate::{
    engine::scheduler::{Policy, Ranks, bottom_levels},
    model::Graph,
};

/// The order of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// That of a policy.
    By(Policy),
    /// The best that is found.
    Best,
}

/// Lets a scenario run in an order; `own` are the priority weights of tasks. The schedule, and where it came from.
#[must_use]
pub fn simulate(
    scenario: &Scenario,
    lengths: &[u64],
    own: &[i64],
    order: Order,
    seed: u64,
) -> (Schedule, &'static str) {
    match order {
        Order::By(policy) => {
            let ranks = Ranks::of(policy, &scenario.graph, lengths, own);
            (list(scenario, lengths, &ranks), policy.as_str())
        }
        Order::Best => {
            let found = best(scenario, lengths, own, seed);
            (found.schedule, found.from)
        }
    }
}

/// The tasks of the longest way through a graph, first to last; of ways that are as long, the one with the lower numbers.
#[must_use]
pub fn critical_path(graph: &Graph, lengths: &[u64]) -> Vec<u32> {
    let levels = bottom_levels(graph, lengths);
    let longest = |tasks: &mut dyn Iterator<Item = u32>| {
        tasks.min_by_key(|task| (std::cmp::Reverse(levels[*task as usize]), *task))
    };
    let mut path: Vec<u32> =
        longest(&mut (0..graph.nodes()).filter(|task| graph.parents(*task).is_empty())).into_iter().collect();
    while let Some(next) = path.last().and_then(|last| longest(&mut graph.children(*last).iter().copied())) {
        path.push(next);
    }
    path
}

#[cfg(test)]
mod tests;
