//! What it is worth to try a size other than the one that is held.

use super::belief::{Belief, FORGETS};
use crate::stats::expected_excess;
use std::{f64::consts::LN_2, ops::RangeInclusive};

/// Steps of the grid of sizes to a doubling: neighbours differ by a fifth, so that even where rate is proportional to size a tenth is
/// lost at most, and a hundredth where half of the cost is fixed.
pub(super) const STEPS_PER_DOUBLING: f64 = 4.0;
/// Steps of a halving.
pub(super) const HALVING: usize = STEPS_PER_DOUBLING as usize;
/// Gain in the logarithm of the rate for which it is worth moving.
pub(super) const MARGIN: f64 = 0.02;
/// Expected gain for which it is worth trying.
const LEAST_GAIN: f64 = 0.01;
/// The work is supposed to go on for as long as it has, but for so many batches of the size held at least, and at most until what was
/// learned is forgotten.
const LEAST_BATCHES_LEFT: f64 = 50.0;
/// Steps beyond what was tried that one batch may go: further away may be the bottom of a cliff.
const REACH: usize = 2;
/// Batches that a size is supposed to be tried for: where there is much noise a single one would teach nothing.
const TRIES: [f64; 3] = [1.0, 3.0, 9.0];
/// Difference in the logarithm of the rate between neighbours among the places tried that no smooth cost makes.
const EDGE: f64 = 0.4;
/// Rise of the logarithm of the rate a step where all cost is fixed.
const STEEPEST: f64 = LN_2 / STEPS_PER_DOUBLING;
/// Logarithm of how many times as long a batch is expected to take, at most: beyond e^6 it does not matter.
const MOST_LOST: f64 = 6.0;
/// What is not known of a rate makes its batch longer than its mean tells, by so much in logarithms at most: else what nothing is known
/// of would never be tried.
const MOST_SPREAD: f64 = 0.5;

/// What is known when a place is to be chosen.
pub(super) struct Choice<'a> {
    pub(super) belief: &'a Belief,
    /// Sizes, by place.
    pub(super) grid: &'a [usize],
    /// Which places were tried.
    pub(super) tried: &'a dyn Fn(usize) -> bool,
    /// The place that is held.
    pub(super) best: usize,
    /// Variance of the logarithm of the rate from batch to batch.
    pub(super) noise: f64,
    /// Seconds since the beginning.
    pub(super) seconds: f64,
}

impl Choice<'_> {
    /// The place that is worth more than the one held by most, if there is one.
    pub(super) fn worth_most(&self, places: RangeInclusive<usize>) -> Option<usize> {
        let lowest = places.clone().find(|place| (self.tried)(*place)).unwrap_or(self.best).saturating_sub(REACH);
        let highest = places.clone().rev().find(|place| (self.tried)(*place)).unwrap_or(self.best) + REACH;
        let (below, above) = self.neighbours();
        let neighbour = |place: usize| if place > self.best { above } else { below };
        places
            .filter(|place| *place != self.best && (lowest..=highest).contains(place))
            .map(|place| (place, self.worth(place, neighbour(place))))
            .filter(|(_, worth)| *worth > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(place, _)| place)
    }

    /// Seconds that are expected to be lost by a batch at a place whose logarithm of the rate is so far behind.
    pub(super) fn lost(&self, place: usize, behind: f64) -> f64 {
        self.batch(place) * (behind.min(MOST_LOST).exp() - 1.0).max(0.0)
    }

    /// Seconds that a batch takes of that size, at the rate of the best.
    fn batch(&self, place: usize) -> f64 {
        self.grid[place] as f64 / self.belief.mean(self.best).exp()
    }

    fn behind(&self, place: usize) -> f64 {
        self.belief.mean(self.best) - self.belief.mean(place)
    }

    /// Seconds of work that what is learned now may serve.
    fn left(&self) -> f64 {
        let batch = self.batch(self.best);
        self.seconds.clamp(LEAST_BATCHES_LEFT * batch, batch / FORGETS)
    }

    fn worth(&self, place: usize, neighbour: Option<usize>) -> f64 {
        let own = self.belief.variance(place);
        let moves = (own - self.belief.covariance(place, self.best)).abs();
        let lost = self.lost(place, self.behind(place) + (self.belief.apart(place, self.best) / 2.0).min(MOST_SPREAD));
        let most = most_gain(self.behind(place) + MARGIN, moves / own.sqrt());
        if self.left() * (most - LEAST_GAIN) <= lost {
            // However often it is tried. The search must cost little beside batches of some microseconds.
            return self.edge(place, neighbour).unwrap_or(f64::NEG_INFINITY);
        }
        let by = |tries: f64| {
            // The knowledge gradient: what the better of the two is expected to gain from knowing this one better.
            let gain = expected_excess(self.behind(place) + MARGIN, moves / (own + self.noise / tries).sqrt());
            self.left() * (gain - LEAST_GAIN).max(0.0) - tries * lost
        };
        TRIES.into_iter().map(by).chain(self.edge(place, neighbour)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The nearest places that were tried, on either side of the one held.
    fn neighbours(&self) -> (Option<usize>, Option<usize>) {
        let tried = |place: &usize| (self.tried)(*place);
        ((0..self.best).rev().find(tried), (self.best + 1..self.grid.len()).find(tried))
    }

    /// What a place is worth that lies between the best and a neighbour with a rate so much lower that there must be an edge between them:
    /// where the edge is beyond it, it is as much better than the best as the rate rose on the way there.
    fn edge(&self, place: usize, neighbour: Option<usize>) -> Option<f64> {
        let (up, neighbour) = (place > self.best, neighbour?);
        let (steps, gap) = (place.abs_diff(self.best), neighbour.abs_diff(self.best));
        let drop = self.behind(neighbour);
        if steps >= gap || drop < EDGE {
            return None;
        }
        let back = if up { self.best.checked_sub(steps) } else { Some(self.best + steps) };
        let rise = back.filter(|back| *back < self.grid.len()).map_or(0.0, |back| self.behind(back));
        // Anywhere between the two as likely.
        let beyond = 1.0 - steps as f64 / gap as f64;
        let gain = rise.clamp(0.0, steps as f64 * STEEPEST) - MARGIN;
        Some(self.left() * beyond * gain - (1.0 - beyond) * self.lost(place, drop))
    }
}

/// No less than [`expected_excess`], and cheaper: with the density at `behind` for its whole tail.
fn most_gain(behind: f64, deviation: f64) -> f64 {
    // 1/√(2π), the density of a normal variable at its mean.
    const DENSITY: f64 = 0.398_942_280_401_432_7;
    let z = (behind / deviation).max(0.0);
    deviation * DENSITY * (-z * z / 2.0).exp() + (-behind).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::{super::belief::Noise, *};

    #[test]
    fn what_is_passed_over_would_gain_nothing() {
        for behind in [-1.0, -0.1, 0.0, 0.02, 0.1, 1.0] {
            for deviation in [1e-9, 0.01, 0.1, 1.0, 10.0] {
                let (most, gain) = (most_gain(behind, deviation), expected_excess(behind, deviation));
                assert!(gain <= most + 1e-12 && most <= gain + 0.4 * deviation, "{behind} {deviation}: {gain} {most}");
            }
        }
    }

    #[test]
    fn between_the_best_and_a_cliff_the_middle_is_tried() {
        let grid: Vec<usize> = (0..12).map(|i| 100 << i).collect();
        let noise = Noise { variance: 1e-4, accident: false };
        let mut belief = Belief::from_one(12, 3, 0.0, noise.variance);
        belief.learn(4, 0.1, noise);
        belief.learn(5, 0.2, noise);
        belief.learn(8, -2.0, noise);
        let choice = Choice {
            belief: &belief,
            grid: &grid,
            tried: &|place| [3, 4, 5, 8].contains(&place),
            best: 5,
            noise: 1e-4,
            seconds: 1e6,
        };
        assert!(choice.worth_most(0..=11).is_some_and(|place| place == 6 || place == 7));
        assert_eq!(choice.edge(9, choice.neighbours().1), None, "beyond the one that is known");
    }
}
