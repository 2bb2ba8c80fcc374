//! The search for the batch size of most items a second: after each batch the size is taken that is worth most, by the knowledge
//! gradient (Frazier, Powell & Dayanik 2009, INFORMS J. Comput. 21, 599) over what is believed of each size of a geometric grid.
//! A size other than the best is tried where what that may teach, for as long as the work has gone on so far, outweighs what its
//! batches are expected to lose; and once in a while, from a hundredth of the time, one that was worse when it was tried last.
//! A batch off by more than four standard deviations is noise, a stall of everything, or other work. What is over soon was a stall. What
//! lasts opens the search again (`level`), and where more in a row fail as a whole than is likely (`failures`) it starts anew.
//!
//! What is compared is what a caller gets: items handled over time taken, with tries in vain and pauses in it.
//!
//! Limits: work that slows down by less than two fifths, where rates scatter by more than that, is not searched again but by looks
//! around; of several separate best sizes it finds the one uphill from where it stands; sizes closer than two per cent in rate are
//! not told apart, so that where the size does not matter it is any.

use super::{
    Observed,
    belief::{Belief, Noise},
    failures::{Failures, Tried},
    level::Level,
    worth::{Choice, HALVING, MARGIN, STEPS_PER_DOUBLING},
};
use std::ops::RangeInclusive;

/// Relative scatter of rates that is assumed until scatter was seen, with the weight of so many observations.
const PRIOR_SCATTER: (f64, f64) = (0.08, 4.0);
/// Least scatter: a clock and a processor are no steadier.
const LEAST_SCATTER: f64 = 0.02;
/// What an earlier batch weighs in the scatter when a new one comes.
const SCATTER_MEMORY: f64 = 0.98;
/// Standard deviations, and the least logarithm of a ratio, by which a batch is off.
const OFF: (f64, f64) = (4.0, 0.2);
/// Variance by which the rate of all sizes drifts from batch to batch, as a share of that of a batch.
const DRIFT: f64 = 0.01;
/// Steps of a near and a far look around, up and down in turn: the far one is a doubling or a halving.
const LOOKS: [(usize, bool); 4] = [(1, true), (1, false), (HALVING, true), (HALVING, false)];
/// Share of the time that looking around may lose.
const LOOKING_AROUND: f64 = 0.01;
/// Batches between two looks around.
const LOOK_EVERY: u64 = 20;
/// Steps down after which what lies further down is opened as well.
const DOWNHILL: usize = 2;
/// Share of work in vain from which a batch is one that failed as a whole: it was tried, and its halves after it.
const FAILS: f64 = 0.4;
/// Batches at a size more than half of which failed as a whole, so that smaller ones are tried.
const ENOUGH_FAILURES: f64 = 3.0;
/// Batches in a row that went well, after which a retreat is tried again.
const FAILURES_ARE_NEWS: u32 = 50;
/// Batches in a row that end a retreat.
const WENT_WELL: u32 = 2;
/// Batches for which a ceiling holds.
const CEILING_HOLDS: u64 = 50;

/// A search at work.
#[derive(Debug)]
pub(super) struct Search {
    grid: Vec<usize>,
    /// `None` before the first batch.
    belief: Option<Belief>,
    /// Since the search last began.
    tried: Vec<Tried>,
    /// The place held, which is the best as far as is known.
    best: usize,
    /// The place of the running batch.
    at: usize,
    /// Batches fail as a whole: halving the size until so many in a row went well.
    retreat: Option<u32>,
    scatter: Scatter,
    /// Whether the size was lowered for failures: where that did not help, it is not tried again until many batches in a row went well.
    retreated: bool,
    /// Whether the last batch was beyond what noise does.
    was_off: bool,
    failures: Failures,
    level: Level,
    /// Where the search was last opened, and by how much the rate had changed.
    opened: Option<(usize, f64)>,
    ceiling: Option<(usize, u64)>,
    batches: u64,
    seconds: f64,
    looks: Looks,
}

/// Looking around.
#[derive(Debug, Default)]
struct Looks {
    /// Batches since the last.
    since: u64,
    count: usize,
    /// Seconds that each kind has lost.
    lost: [f64; 4],
}

impl Search {
    pub(super) fn new(sizes: RangeInclusive<usize>, start: usize) -> Self {
        let (least, most) = ((*sizes.start()).max(1) as f64, *sizes.end() as f64);
        // Even, so that the middle of the range, the usual start, is a place of it.
        let steps = ((most / least).max(1.0).log2() * STEPS_PER_DOUBLING / 2.0).round() as usize * 2;
        let place = |i: usize| (least * (most / least).powf(i as f64 / steps.max(1) as f64)).round() as usize;
        let mut grid: Vec<usize> = (0..=steps).map(place).collect();
        grid.dedup();
        let near = |size: usize| (size as f64 / start.max(1) as f64).ln().abs();
        let best = (0..grid.len()).min_by(|a, b| near(grid[*a]).total_cmp(&near(grid[*b]))).unwrap_or(0);
        Self {
            belief: None,
            tried: vec![Tried::default(); grid.len()],
            grid,
            best,
            at: best,
            retreat: None,
            scatter: Scatter::new(),
            retreated: false,
            was_off: false,
            failures: Failures::default(),
            level: Level::default(),
            opened: None,
            ceiling: None,
            batches: 0,
            seconds: 0.0,
            looks: Looks::default(),
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

    /// Places above a ceiling are shut for a while; one that is higher than the last changes nothing as long as that holds.
    fn limit(&mut self, ceiling: Option<usize>) {
        self.ceiling = self.ceiling.filter(|(_, until)| *until > self.batches);
        if let Some(size) = ceiling {
            let place = self.grid.iter().rposition(|known| *known <= size).unwrap_or(0);
            if self.ceiling.is_none_or(|(lowest, _)| place <= lowest) {
                self.ceiling = Some((place, self.batches + CEILING_HOLDS));
            }
        }
    }

    fn highest(&self) -> usize {
        self.ceiling.map_or(self.grid.len() - 1, |(place, _)| place)
    }

    fn learn(&mut self, seen: &Observed, fails: bool) {
        // Nothing done at all is worse than anything: half an item.
        let log_rate = ((seen.done as f64).max(0.5) / seen.seconds.max(1e-9)).ln();
        let noise = self.scatter.variance();
        let Some(belief) = &mut self.belief else { return self.start_anew(log_rate, fails) };
        let off = log_rate - belief.mean(self.at);
        let expected = (belief.variance(self.at) + noise).sqrt();
        let known = self.tried[self.at].batches > 0.0;
        let is_off = known && off.abs() > (OFF.0 * expected).max(OFF.1);
        let Tried { batches, failed } = self.tried[self.at];
        let is_news = fails && (self.at == self.best || failed < batches / 2.0);
        if self.failures.see(fails, is_news) {
            // What was known is of other work.
            self.retreat = Some(0);
            return self.start_anew(log_rate, fails);
        }
        // Once beyond what noise does is the work or the noise: the next batch tells.
        if known && (!is_off || self.was_off) {
            let residual = off.clamp(-OFF.0 * expected, OFF.0 * expected);
            self.scatter.see(residual * noise.sqrt() / expected);
        }
        self.was_off = is_off;
        let before = belief.mean(self.best);
        belief.learn(self.at, log_rate, Noise { variance: noise, accident: !fails });
        let moved = belief.mean(self.best) - before;
        if self.retreat.is_some() {
            self.level = Level::default();
        } else if fails {
            self.level.disturbed(moved);
        } else {
            let off = (self.at == self.best && is_off).then_some(off);
            if let Some(off) = self.level.see(moved, off) {
                belief.open(self.best, off);
                self.opened = Some((self.best, off));
            }
        }
        belief.forget(self.best, DRIFT * noise);
        self.tried[self.at].once_more(fails);
    }

    /// Only this batch is known.
    fn start_anew(&mut self, log_rate: f64, fails: bool) {
        self.belief = Some(Belief::from_one(self.grid.len(), self.at, log_rate, self.scatter.variance()));
        self.best = self.at;
        self.was_off = false;
        (self.level, self.opened) = (Level::default(), None);
        self.tried.fill(Tried::default());
        self.tried[self.at].once_more(fails);
    }

    fn decide(&mut self, fails: bool) -> usize {
        let Tried { batches, failed } = self.tried[self.best];
        if self.failures.went_well >= FAILURES_ARE_NEWS {
            self.retreated = false;
        }
        if !self.retreated && self.at == self.best && batches > ENOUGH_FAILURES && failed > batches / 2.0 {
            self.retreated = true;
            self.retreat = Some(0);
        }
        match self.retreat {
            Some(_) if fails && self.at > 0 => {
                self.best = self.at.saturating_sub(HALVING);
                self.retreat = Some(0);
                self.best
            }
            Some(well) if !fails && well + 1 < WENT_WELL => {
                self.retreat = Some(well + 1);
                self.best
            }
            _ => {
                self.retreat = None;
                self.choose()
            }
        }
    }

    /// The place that is worth most: the best, or one that may teach more than it costs.
    fn choose(&mut self) -> usize {
        self.move_to_better();
        let Some(belief) = &self.belief else { return self.best };
        let places = 0..=self.highest();
        let tried = |place: usize| self.tried[place].batches > 0.0;
        let choice = Choice {
            belief,
            grid: &self.grid,
            tried: &tried,
            best: self.best,
            noise: self.scatter.variance(),
            seconds: self.seconds,
        };
        if let Some(place) = choice.worth_most(places) {
            return place;
        }
        self.looks.since += 1;
        if self.looks.since < LOOK_EVERY {
            return self.best;
        }
        let turn = self.looks.count % LOOKS.len();
        let (step, up) = LOOKS[turn];
        let place = if up { (self.best + step).min(self.highest()) } else { self.best.saturating_sub(step) };
        let lost = choice.lost(place, belief.mean(self.best) - belief.mean(place));
        self.looks.count += 1;
        // Each kind has a share of its own, else cheap looks would leave nothing for dear ones.
        if place == self.best || self.looks.lost[turn] + lost > LOOKING_AROUND / LOOKS.len() as f64 * self.seconds {
            return self.best;
        }
        self.looks.lost[turn] += lost;
        self.looks.since = 0;
        if let Some(belief) = &mut self.belief {
            belief.doubt(place, self.best);
        }
        place
    }

    /// Holds the place believed to be fastest of those tried. Where that is downhill from where the search was opened, it goes on there.
    fn move_to_better(&mut self) {
        let highest = self.highest();
        let Some(belief) = &mut self.belief else { return };
        let tried = (0..=highest).filter(|place| self.tried[*place].batches > 0.0);
        let fastest = tried.max_by(|a, b| belief.mean(*a).total_cmp(&belief.mean(*b)));
        let better = fastest.filter(|place| belief.mean(*place) > belief.mean(self.best) + MARGIN);
        self.best = better.unwrap_or(self.best);
        if let Some((place, off)) = self.opened
            && self.best + DOWNHILL <= place
        {
            belief.open(self.best, off);
            self.opened = Some((self.best, off));
        }
    }
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

    fn see(&mut self, residual: f64) {
        self.squares = self.squares * SCATTER_MEMORY + residual * residual;
        self.weight = self.weight * SCATTER_MEMORY + 1.0;
    }

    fn variance(&self) -> f64 {
        (self.squares / self.weight).max(LEAST_SCATTER * LEAST_SCATTER)
    }
}
