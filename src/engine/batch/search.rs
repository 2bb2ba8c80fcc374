//! The search for the batch size of most items a second: a compass search (Hooke & Jeeves 1961; Kolda, Lewis & Torczon 2003) over a
//! geometric grid, which starts anew when the rate at the size that it holds has changed (two batches in a row beyond four
//! standard deviations), and which looks around from time to time as long as that costs no more than a hundredth of the time.
//!
//! What is compared is what a caller gets: items handled over time taken, with tries in vain and pauses in it. A model of fixed and
//! marginal cost (Vegas, Gradient) would need fewer batches where it holds; at a memory cliff, or where errors grow with the size,
//! it does not hold.
//!
//! Limits: of several separate best sizes it finds the one uphill from where it stands; sizes closer than two per cent in rate are
//! not told apart.

use super::Observed;
use std::ops::RangeInclusive;

/// Steps of the grid to a doubling: neighbours differ by a fifth, so that even where rate is proportional to size a tenth is lost at
/// most, and a hundredth where half of the cost is fixed.
const STEPS_PER_DOUBLING: f64 = 4.0;
/// The first step: a doubling.
const FIRST_STEP: usize = 4;
/// Gain in the logarithm of the rate for which it is worth moving.
const MARGIN: f64 = 0.02;
/// Tries of two sizes before a difference that noise hides counts as none.
const MOST_TRIES: f64 = 4.0;
/// Relative scatter of rates that is assumed until scatter was seen, with the weight of so many observations.
const PRIOR_SCATTER: (f64, f64) = (0.05, 3.0);
/// Standard errors that make a difference.
const CLEAR: f64 = 2.0;
/// Standard errors that make it when looking around.
const LOOK_CLEAR: f64 = 1.3;
/// Standard deviations, and the least logarithm of a ratio, by which two batches in a row show that the work has changed.
const CHANGED: (f64, f64) = (4.0, 0.2);
/// Share of the time that looking around may lose.
const LOOKING_AROUND: f64 = 0.01;
/// Batches at one size between two looks around.
const LOOK_EVERY: u64 = 12;
/// What an earlier batch of a size weighs when a new one comes.
const MEMORY: f64 = 0.95;
/// Share of work in vain from which a batch is one that failed as a whole: it was tried, and its halves after it.
const FAILS: f64 = 0.4;
/// Batches at a size more than half of which failed as a whole, so that smaller ones are tried.
const ENOUGH_FAILURES: f64 = 3.0;
/// Batches in a row that end a retreat.
const WENT_WELL: u32 = 2;
/// Batches for which a ceiling holds.
const CEILING_HOLDS: u64 = 50;

/// What is known of a size.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Weight of batches.
    batches: f64,
    done: f64,
    seconds: f64,
    /// Weight of those that failed as a whole.
    failed: f64,
}

impl Known {
    fn log_rate(&self) -> f64 {
        // Nothing done at all is worse than anything: half an item.
        (self.done.max(0.5) / self.seconds.max(1e-9)).ln()
    }
}

/// A search at work.
#[derive(Debug)]
pub(super) struct Search {
    grid: Vec<usize>,
    known: Vec<Known>,
    /// The best place so far.
    best: usize,
    /// The place of the running batch.
    at: usize,
    phase: Phase,
    scatter: Scatter,
    /// Whether the size was lowered for failures since the work last changed: where that did not help, it is not tried again.
    retreated: bool,
    /// By how much the last rate at the size held was off, if it was.
    off: f64,
    ceiling: Option<(usize, u64)>,
    batches: u64,
    /// All the time, and what of it looking around has lost: near and far, above and below.
    seconds: f64,
    lost: [f64; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Comparing the best with a place `step` away.
    Climb { step: usize, up: bool, other_side_done: bool },
    /// Batches fail as a whole: halving the size until so many in a row went well.
    Retreat { well: u32 },
    /// At the best; `since` counts batches, `turn` the looks around.
    Hold { since: u64, turn: usize },
    /// Looking at a place near the best; `turn` as before.
    Look { turn: usize },
}

impl Phase {
    const START: Self = Self::Climb { step: FIRST_STEP, up: true, other_side_done: false };
}

impl Search {
    pub(super) fn new(sizes: RangeInclusive<usize>, start: usize) -> Self {
        let (least, most) = (*sizes.start() as f64, *sizes.end() as f64);
        // Even, so that the middle of the range, the usual start, is a place of it.
        let steps = ((most / least).log2() * STEPS_PER_DOUBLING / 2.0).round() as usize * 2;
        let place = |i: usize| (least * (most / least).powf(i as f64 / steps.max(1) as f64)).round() as usize;
        let mut grid: Vec<usize> = (0..=steps).map(place).collect();
        grid.dedup();
        let near = |size: usize| (size as f64 / start.max(1) as f64).ln().abs();
        let best = (0..grid.len()).min_by(|a, b| near(grid[*a]).total_cmp(&near(grid[*b]))).unwrap_or(0);
        Self {
            known: vec![Known::default(); grid.len()],
            grid,
            best,
            at: best,
            phase: Phase::START,
            retreated: false,
            scatter: Scatter::new(),
            off: 0.0,
            ceiling: None,
            batches: 0,
            seconds: 0.0,
            lost: [0.0; 4],
        }
    }

    /// Learns from the last batch and gives the next size.
    pub(super) fn next(&mut self, seen: &Observed, whole: bool, ceiling: Option<usize>) -> usize {
        self.batches += 1;
        self.seconds += seen.seconds;
        self.limit(ceiling);
        if whole {
            let fails = seen.error_rate() >= FAILS;
            self.learn(seen, fails);
            self.at = self.decide(fails);
        }
        self.at = self.at.min(self.highest());
        self.best = self.best.min(self.highest());
        self.grid[self.at]
    }

    /// Places above a ceiling are shut for a while.
    fn limit(&mut self, ceiling: Option<usize>) {
        if let Some(size) = ceiling {
            let place = self.grid.iter().rposition(|known| *known <= size).unwrap_or(0);
            self.ceiling = Some((place, self.batches + CEILING_HOLDS));
        }
        self.ceiling = self.ceiling.filter(|(_, until)| *until > self.batches);
    }

    fn highest(&self) -> usize {
        self.ceiling.map_or(self.grid.len() - 1, |(place, _)| place)
    }

    fn learn(&mut self, seen: &Observed, fails: bool) {
        let rate = seen.rate().max(1e-9).ln();
        let known = &mut self.known[self.at];
        if known.batches > 0.0 {
            let residual = rate - known.log_rate();
            let changed = (CHANGED.0 * self.scatter.deviation()).max(CHANGED.1);
            let off = residual.abs() > changed;
            let again = off && self.off != 0.0 && residual.signum() == self.off.signum() && self.at == self.best;
            if again {
                // What was known is of other work.
                self.known.fill(Known::default());
                self.phase = if fails { Phase::Retreat { well: 0 } } else { Phase::START };
                self.retreated = fails;
                self.off = 0.0;
            } else {
                // Once beyond what noise does is the work or the noise: the next batch tells.
                if !off || self.off != 0.0 {
                    self.scatter.see(residual.clamp(-changed, changed), known.batches);
                }
                if self.at == self.best {
                    self.off = if off { residual } else { 0.0 };
                }
            }
        }
        let known = &mut self.known[self.at];
        known.batches = known.batches * MEMORY + 1.0;
        known.done = known.done * MEMORY + seen.done as f64;
        known.seconds = known.seconds * MEMORY + seen.seconds;
        known.failed = known.failed * MEMORY + f64::from(u8::from(fails));
        if let Phase::Look { turn } = self.phase
            && self.at != self.best
        {
            self.lost[turn % 4] += (seen.seconds - seen.done as f64 / self.known[self.best].log_rate().exp()).max(0.0);
        }
    }

    fn decide(&mut self, fails: bool) -> usize {
        let best = self.known[self.best];
        if !self.retreated && self.at == self.best && best.batches > ENOUGH_FAILURES && best.failed > best.batches / 2.0
        {
            self.retreated = true;
            self.phase = Phase::Retreat { well: 0 };
        }
        match self.phase {
            Phase::Retreat { .. } if fails && self.at > 0 => {
                self.best = self.at.saturating_sub(FIRST_STEP);
                self.phase = Phase::Retreat { well: 0 };
                self.best
            }
            Phase::Retreat { well } if !fails && well + 1 < WENT_WELL => {
                self.phase = Phase::Retreat { well: well + 1 };
                self.best
            }
            Phase::Retreat { .. } => self.climb_on(FIRST_STEP / 2, true, false),
            Phase::Climb { step, up, other_side_done } => self.climb(step, up, other_side_done),
            Phase::Hold { since, turn } => self.hold(since, turn),
            Phase::Look { turn } => match self.compare() {
                Comparison::Open(place) => place,
                Comparison::Better => {
                    let up = self.at > self.best;
                    let step = self.at.abs_diff(self.best);
                    self.best = self.at;
                    self.climb_on(step, up, true)
                }
                Comparison::NotBetter => {
                    self.phase = Phase::Hold { since: 0, turn: turn + 1 };
                    self.best
                }
            },
        }
    }

    fn climb(&mut self, step: usize, up: bool, other_side_done: bool) -> usize {
        if self.at == self.best && self.known[self.best].batches < 1.5 && self.candidate(step, up).is_none() {
            return self.turn_or_shorten(step, up, other_side_done);
        }
        match self.compare() {
            Comparison::Open(place) => place,
            Comparison::Better => {
                self.best = self.at;
                self.climb_on(step, up, true)
            }
            Comparison::NotBetter if self.at == self.best => self.climb_on(step, up, other_side_done),
            Comparison::NotBetter => self.turn_or_shorten(step, up, other_side_done),
        }
    }

    /// The next place on the way, or the other way where there is none.
    fn climb_on(&mut self, step: usize, up: bool, other_side_done: bool) -> usize {
        self.phase = Phase::Climb { step, up, other_side_done };
        match self.candidate(step, up) {
            Some(place) => place,
            None => self.turn_or_shorten(step, up, other_side_done),
        }
    }

    fn turn_or_shorten(&mut self, step: usize, up: bool, other_side_done: bool) -> usize {
        match (other_side_done, step) {
            (false, _) => self.climb_on(step, !up, true),
            (true, 2..) => self.climb_on(step / 2, up, false),
            (true, _) => {
                self.phase = Phase::Hold { since: 0, turn: 0 };
                self.best
            }
        }
    }

    fn candidate(&self, step: usize, up: bool) -> Option<usize> {
        let place = if up { (self.best + step).min(self.highest()) } else { self.best.saturating_sub(step) };
        (place != self.best).then_some(place)
    }

    /// Step and way of a look around: near and far, above and below, in turn.
    fn look(turn: usize) -> (usize, bool) {
        ([1, 1, FIRST_STEP, FIRST_STEP][turn % 4], turn.is_multiple_of(2))
    }

    /// Stays, or looks around if that is due and may be paid for.
    fn hold(&mut self, since: u64, turn: usize) -> usize {
        self.phase = Phase::Hold { since: since + 1, turn };
        if since < LOOK_EVERY {
            return self.best;
        }
        let (step, up) = Self::look(turn);
        let Some(place) = self.candidate(step, up) else {
            self.phase = Phase::Hold { since, turn: turn + 1 };
            return self.best;
        };
        let best = self.known[self.best].log_rate();
        let expected = match self.known[place] {
            Known { batches: 0.0, .. } => self.grid[place] as f64 / best.exp(),
            known => self.grid[place] as f64 * ((-known.log_rate()).exp() - (-best).exp()).max(0.0),
        };
        // Each way has a share of its own, else cheap looks would leave nothing for dear ones.
        if self.lost[turn % 4] + expected > LOOKING_AROUND / 4.0 * self.seconds {
            self.phase = Phase::Hold { since, turn: turn + 1 };
            return self.best;
        }
        self.phase = Phase::Look { turn };
        place
    }

    /// The place of the last batch against the best.
    fn compare(&self) -> Comparison {
        let (here, best) = (self.known[self.at], self.known[self.best]);
        if self.at == self.best {
            // A candidate that was left open is gone back to by `Open`; else this is where a comparison begins.
            return self.open_candidate().map_or(Comparison::NotBetter, Comparison::Open);
        }
        let gain = here.log_rate() - best.log_rate();
        let error = self.scatter.deviation() * (1.0 / here.batches + 1.0 / best.batches.max(0.5)).sqrt();
        // Whether a batch fails as a whole is a matter of chance of its own, of which a single one tells nothing.
        let chance = (here.failed > 0.0 || best.failed > 0.0) && gain > MARGIN;
        let margins = if matches!(self.phase, Phase::Look { .. }) { CLEAR + 1.0 } else { CLEAR };
        let clear = !chance && (gain - MARGIN).abs() > margins * error;
        if !clear && here.batches.min(best.batches) < (1.0 - MEMORY.powf(MOST_TRIES)) / (1.0 - MEMORY) - 1e-9 {
            return Comparison::Open(if here.batches <= best.batches { self.at } else { self.best });
        }
        // Looked at again and again, some noise would seem a gain: there it must be a clear one.
        let enough = if matches!(self.phase, Phase::Look { .. }) { LOOK_CLEAR * error } else { 0.0 };
        if gain > MARGIN + enough { Comparison::Better } else { Comparison::NotBetter }
    }

    /// The candidate of a comparison that goes on, when the last batch was at the best place to know that better.
    fn open_candidate(&self) -> Option<usize> {
        let (step, up) = match self.phase {
            Phase::Climb { step, up, .. } => (step, up),
            Phase::Look { turn } => Self::look(turn),
            Phase::Hold { .. } | Phase::Retreat { .. } => return None,
        };
        self.candidate(step, up)
    }
}

enum Comparison {
    /// One more batch of that place is needed.
    Open(usize),
    Better,
    NotBetter,
}

/// Scatter of logarithms of rates at one size.
#[derive(Debug)]
struct Scatter {
    squares: f64,
    weight: f64,
}

impl Scatter {
    fn new() -> Self {
        let (deviation, weight) = PRIOR_SCATTER;
        Self { squares: deviation * deviation * weight, weight }
    }

    /// A value's distance from the mean of `n` earlier ones, which scatters by 1 + 1/n.
    fn see(&mut self, residual: f64, n: f64) {
        self.squares = self.squares * 0.98 + residual * residual / (1.0 + 1.0 / n);
        self.weight = self.weight * 0.98 + 1.0;
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.weight).sqrt()
    }
}
