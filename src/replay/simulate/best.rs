//! The best of several orders, each improved by forward and backward passes (double justification: Valls, Ballestín & Quintanilla,
//! EJOR 165, 2005), then of seeded perturbations of the best rank. Airflow's own order is among them, so that under the same
//! lengths the result is never worse than Airflow's.

use super::{Scenario, Schedule, bounds::bounds, list::list};
use crate::{
    engine::scheduler::{Policy, Ranks, WeightRule, bottom_levels},
    stats::Draw,
};

/// Passes of one improvement: gains end after a few.
const PASSES: usize = 10;
/// Placements of single tasks in all, so that a graph of two thousand tasks takes some tens of milliseconds.
const PLACEMENTS: usize = 80_000;
/// Most perturbations: small graphs have found what they find by then.
const TRIES: usize = 400;
/// Standard deviations of the logarithms by which ranks are perturbed, in turn.
const SPREADS: [f64; 4] = [0.05, 0.1, 0.2, 0.4];

/// A schedule and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// The schedule.
    pub schedule: Schedule,
    /// Ranks whose list schedule it is.
    pub ranks: Ranks,
    /// The order that it began with.
    pub from: &'static str,
    /// Schedules that were made.
    pub tried: usize,
}

struct Search<'a> {
    scenario: &'a Scenario,
    reversed: Scenario,
    lengths: &'a [u64],
    found: Best,
    left: usize,
}

/// Searches; the same seed gives the same schedule.
#[must_use]
pub fn best(scenario: &Scenario, lengths: &[u64], own: &[i64], seed: u64) -> Best {
    let ranks = |policy| Ranks::of(policy, &scenario.graph, lengths, own);
    let first = Policy::Airflow(WeightRule::Downstream);
    let found =
        Best { schedule: list(scenario, lengths, &ranks(first)), ranks: ranks(first), from: first.as_str(), tried: 1 };
    let left = PLACEMENTS / lengths.len().max(1);
    let floor = bounds(scenario, lengths).tight;
    let mut search = Search { scenario, reversed: scenario.reversed(), lengths, found, left };
    for policy in [first, Policy::Heft, Policy::Lpt, Policy::Fifo, Policy::Airflow(WeightRule::Upstream)] {
        search.improve(ranks(policy), policy.as_str());
    }
    let levels = bottom_levels(&scenario.graph, lengths);
    let mut tries = 0;
    while search.left > 0 && tries < TRIES && (search.found.schedule.makespan as f64) > floor + 1.0 {
        let mut draw = Draw::keyed(seed, &[tries as u64]);
        let spread = SPREADS[tries % SPREADS.len()];
        let moved = |level: &u64| u64::MAX - (*level as f64 * (spread * draw.normal()).exp()).round() as u64;
        search.improve(Ranks::Fixed(levels.iter().map(moved).collect()), "heft, perturbed");
        tries += 1;
    }
    search.found
}

impl Search<'_> {
    /// List schedule, then backward and forward as long as that gains.
    fn improve(&mut self, ranks: Ranks, from: &'static str) {
        let mut now = self.forward(ranks, from);
        for _ in 0..PASSES {
            if self.left == 0 {
                return;
            }
            let last = now.ends.iter().map(|end| u64::MAX - *end).collect();
            let back = list(&self.reversed, self.lengths, &Ranks::Fixed(last));
            self.spend();
            let starts = back.ends.iter().map(|end| back.makespan.saturating_sub(*end)).collect();
            let next = self.forward(Ranks::Fixed(starts), from);
            let gained = next.makespan < now.makespan;
            now = next;
            if !gained {
                return;
            }
        }
    }

    fn forward(&mut self, ranks: Ranks, from: &'static str) -> Schedule {
        let schedule = list(self.scenario, self.lengths, &ranks);
        self.spend();
        if schedule.makespan < self.found.schedule.makespan {
            self.found = Best { schedule: schedule.clone(), ranks, from, tried: self.found.tried };
        }
        schedule
    }

    fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.found.tried += 1;
    }
}
