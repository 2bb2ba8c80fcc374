//! What is believed of the rate at each size of a grid, from the batches seen so far: a Gaussian process over the logarithm of the
//! size (Rasmussen & Williams 2006, ch. 2), kept as a mean and a covariance and updated batch by batch.
//!
//! A priori the logarithm of the rate is a line, rising a little, with a random walk on top of it. So a batch tells of its own
//! size, and less and less of others the further they are away. Where a rate jumps, at a memory cliff, the walk between the sizes
//! that are known and the one that surprises is given as much room as the jump needs: what lies beyond is believed without doubt
//! being cast on what lies before.

use super::worth::HALVING;

/// Rise of the logarithm of the rate a step that is expected before anything was seen, and how far it may be off: at a quarter of a
/// doubling a step it is .17 where all cost is fixed, and 0 where none is.
const SLOPE: (f64, f64) = (0.03, 0.1);
/// Standard deviation of the walk, a step.
const WALK: f64 = 0.12;
/// Standard deviation by which the rate of all sizes may change together while [`FORGETS`] goes by once.
const LEVEL: f64 = 0.09;
/// Share of the walk that a batch makes uncertain again: work changes even where no step is seen.
pub(super) const FORGETS: f64 = 1.0 / 1000.0;
/// Standard deviations from which a batch surprises.
const SURPRISES: f64 = 3.0;
/// Share of a surprise that may be noise: a stray batch must not move what is believed by all that it is off.
const STRAY: f64 = 0.4;
/// Share of a surprise by which the work may have become faster or slower at all sizes: a disk stalls while one of them is tried. The
/// next batch at the size held tells.
const MAY_BE_ALL: f64 = 0.5;
/// Logarithm of how many times as long a batch takes in a stall, at most: six times.
const STALL: f64 = 1.8;
/// Beyond what a stall does, sizes on either side may have changed by other amounts than the one that surprises: by so many times what is
/// more. To stay beyond a cliff in the belief that all sizes have become slow is the dearest mistake of the search.
const TILT: f64 = 3.0;

/// How a batch is to be taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// Variance of the logarithm of the rate from batch to batch.
    pub(super) variance: f64,
    /// May a surprise be an accident of the moment?
    pub(super) accident: bool,
}

/// Mean and covariance of the logarithm of the rate at each place.
#[derive(Clone, Debug)]
pub(super) struct Belief {
    mean: Vec<f64>,
    covariance: Vec<f64>,
    /// Was a batch seen at that place?
    seen: Vec<bool>,
}

impl Belief {
    /// Nothing is known but one rate at one place, with that variance.
    pub(super) fn from_one(places: usize, at: usize, log_rate: f64, variance: f64) -> Self {
        let mut seen = vec![false; places];
        seen[at] = true;
        Self {
            mean: (0..places).map(|i| log_rate + rise(at, i)).collect(),
            covariance: (0..places * places).map(|k| variance + a_priori(at, k / places, k % places)).collect(),
            seen,
        }
    }

    pub(super) fn mean(&self, place: usize) -> f64 {
        self.mean[place]
    }

    /// Of what is not known of the rate, without that of a single batch.
    pub(super) fn variance(&self, place: usize) -> f64 {
        // Rounding may leave it below zero.
        self.covariance(place, place).max(0.0)
    }

    pub(super) fn covariance(&self, a: usize, b: usize) -> f64 {
        self.covariance[a * self.mean.len() + b]
    }

    /// Variance of what is not known of how far two are apart.
    pub(super) fn apart(&self, a: usize, b: usize) -> f64 {
        (self.variance(a) + self.variance(b) - 2.0 * self.covariance(a, b)).max(0.0)
    }

    /// Learns from a batch at that place.
    pub(super) fn learn(&mut self, at: usize, log_rate: f64, Noise { variance: mut noise, accident }: Noise) {
        let n = self.mean.len();
        let off = log_rate - self.mean[at];
        let expected = (self.variance(at) + noise).sqrt();
        if off.abs() > SURPRISES * expected {
            if accident {
                noise += (STRAY * off).powi(2);
                self.drift((MAY_BE_ALL * off).powi(2));
                if self.seen[at] {
                    self.tilt(at, TILT * (off.abs() - STALL).max(0.0));
                }
            }
            if !self.seen[at]
                && let Some(from) = self.nearest(at)
            {
                self.make_room(from, at, off);
            }
        }
        let column: Vec<f64> = (0..n).map(|i| self.covariance(i, at)).collect();
        let total = column[at] + noise;
        for (i, row) in self.covariance.chunks_exact_mut(n).enumerate() {
            let gain = column[i] / total;
            self.mean[i] += gain * off;
            for (covariance, other) in row.iter_mut().zip(&column) {
                *covariance -= gain * other;
            }
        }
        self.seen[at] = true;
    }

    /// A batch's time goes by, in which the work may have changed a little: all of it together, by what it drifts besides, and one size
    /// against another.
    pub(super) fn forget(&mut self, held: usize, drift: f64) {
        let n = self.mean.len();
        // As `walked`, in a form that takes some hundred nanoseconds: it runs with each batch.
        let share = FORGETS * WALK * WALK;
        let above: Vec<f64> = (0..n).map(|i| share * i.saturating_sub(held) as f64).collect();
        let below: Vec<f64> = (0..n).map(|i| share * held.saturating_sub(i) as f64).collect();
        let all = drift + FORGETS * LEVEL * LEVEL;
        for (i, row) in self.covariance.chunks_exact_mut(n).enumerate() {
            for ((covariance, above_j), below_j) in row.iter_mut().zip(&above).zip(&below) {
                *covariance += all + above[i].min(*above_j) + below[i].min(*below_j);
            }
        }
    }

    /// The work is other work by now, and the rate at the size held has changed by so much at once, 0 where it came bit by bit: smaller
    /// sizes may not have changed, and how all compare is as open as at the beginning, though what was learned is likeliest still.
    pub(super) fn open(&mut self, held: usize, off: f64) {
        if held > 0 {
            self.make_room(held, held.saturating_sub(HALVING), off);
        }
        let n = self.mean.len();
        // What is open already is opened no further.
        let lacks: Vec<f64> = (0..n)
            .map(|i| match a_priori(held, i, i) {
                0.0 => 0.0,
                most => (1.0 - self.apart(i, held) / most).max(0.0).sqrt(),
            })
            .collect();
        for i in 0..n {
            for j in 0..n {
                self.covariance[i * n + j] += lacks[i] * lacks[j] * a_priori(held, i, j);
            }
        }
    }

    /// Smaller or larger sizes may differ from that one by so much more, with an edge or a slope wherever between.
    fn tilt(&mut self, at: usize, room: f64) {
        for end in [0, self.mean.len() - 1] {
            if end != at {
                self.make_room(end, at, room);
            }
        }
    }

    /// The rate of all sizes together may be another by now, with that variance.
    fn drift(&mut self, variance: f64) {
        self.covariance.iter_mut().for_each(|covariance| *covariance += variance);
    }

    /// What was learned of a place long ago, which differs from what is held, may not be so any more.
    pub(super) fn doubt(&mut self, place: usize, held: usize) {
        self.make_room(held, place, self.mean[place] - self.mean[held]);
    }

    /// The nearest place that is known, other than that one.
    fn nearest(&self, at: usize) -> Option<usize> {
        let known = (0..self.mean.len()).filter(|i| *i != at && self.seen[*i]);
        known.min_by_key(|i| i.abs_diff(at))
    }

    /// The walk between two places, and to what lies beyond the second, may jump that far.
    fn make_room(&mut self, from: usize, to: usize, jump: f64) {
        let n = self.mean.len();
        let gap = from.abs_diff(to).max(1) as f64;
        let along = |i: usize| {
            let away = if to > from { i.saturating_sub(from) } else { from.saturating_sub(i) };
            (away as f64).min(gap) / gap
        };
        for i in 0..n {
            for j in 0..n {
                self.covariance[i * n + j] += jump * jump * along(i).min(along(j));
            }
        }
    }
}

/// How much more the logarithm of the rate is expected to be at a place than at one that is known.
fn rise(known: usize, place: usize) -> f64 {
    SLOPE.0 * (place as f64 - known as f64)
}

/// Covariance of what is not known of two places when the rate of one is: line and walk.
fn a_priori(known: usize, a: usize, b: usize) -> f64 {
    let away = |place: usize| place as f64 - known as f64;
    SLOPE.1 * SLOPE.1 * away(a) * away(b) + walked(known, a, b)
}

/// Covariance of a walk that starts at a place.
fn walked(from: usize, a: usize, b: usize) -> f64 {
    let same_side = (a > from) == (b > from);
    if same_side { WALK * WALK * a.abs_diff(from).min(b.abs_diff(from)) as f64 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(variance: f64) -> Noise {
        Noise { variance, accident: false }
    }

    /// Five batches at four places, in closed form: numpy, prior mean and covariance as in `from_one`, then
    /// `m + K[:,o] @ inv(K[o,o] + noise I) @ (y - m[o])`, and the covariance likewise; `tests/reference/belief.py`.
    #[test]
    fn what_is_believed_is_the_posterior_of_a_gaussian_process() {
        let mut belief = Belief::from_one(9, 4, 1.0, 0.01);
        for (at, log_rate) in [(5, 1.1), (3, 0.9), (6, 1.2), (5, 1.0)] {
            belief.learn(at, log_rate, steady(0.01));
        }
        for (place, (mean, deviation)) in [
            (0, (0.702_833_829_4, 0.313_792_491_0)),
            (4, (0.992_048_818_5, 0.071_994_450_7)),
            (8, (1.309_920_795_0, 0.243_719_443_8)),
        ] {
            assert!((belief.mean(place) - mean).abs() < 1e-9, "{place}: {}", belief.mean(place));
            assert!(
                (belief.variance(place).sqrt() - deviation).abs() < 1e-9,
                "{place}: {}",
                belief.variance(place).sqrt()
            );
        }
    }

    #[test]
    fn a_cliff_casts_no_doubt_on_what_lies_before() {
        let mut belief = Belief::from_one(9, 2, 0.0, 1e-4);
        belief.learn(3, 0.1, steady(1e-4));
        belief.learn(4, 0.2, steady(1e-4));
        belief.learn(6, -2.0, steady(1e-4));
        assert!((belief.mean(4) - 0.2).abs() < 0.02 && belief.mean(6) < -1.5, "{belief:?}");
        assert!(belief.mean(5) < 0.0 && belief.variance(5) > 0.3, "anything is possible between");
        assert!(belief.mean(8) < -1.0, "what lies beyond is low as well");
    }

    /// A size was tried while the disk stalled: the next batch at the one held stalls as well, and the first is as good as it was.
    #[test]
    fn a_stall_is_no_fault_of_the_size_that_was_tried() {
        let noise = Noise { variance: 1e-3, accident: true };
        let mut belief = Belief::from_one(9, 4, 0.0, 1e-3);
        for _ in 0..10 {
            belief.learn(4, 0.0, noise);
        }
        belief.learn(5, -1.5, noise);
        assert!(belief.mean(5) < belief.mean(4) - 0.3, "{belief:?}");
        let before = belief.mean(5) - belief.mean(4);
        belief.learn(4, -1.5, noise);
        belief.learn(4, -1.5, noise);
        assert!(belief.mean(5) - belief.mean(4) > before / 2.0, "{belief:?}");
    }

    #[test]
    fn what_is_forgotten_is_a_walk_from_the_size_held() {
        let mut belief = Belief::from_one(9, 4, 0.0, 0.01);
        let before = belief.clone();
        belief.forget(3, 0.5);
        for (a, b) in (0..9).flat_map(|a| (0..9).map(move |b| (a, b))) {
            let more = belief.covariance(a, b) - before.covariance(a, b);
            let walk = FORGETS * (LEVEL * LEVEL + walked(3, a, b));
            assert!((more - 0.5 - walk).abs() < 1e-12, "{a}, {b}: {more}");
        }
    }

    /// Surprises near and far, at sizes seen and not, on grids of one place and more.
    #[test]
    fn pairs_of_places_stay_correlated_by_one_at_most() {
        for places in [1, 2, 3, 27] {
            let mut draw = crate::stats::Draw::new(places as u64);
            let mut belief = Belief::from_one(places, places / 2, 0.0, 1e-2);
            for _ in 0..500 {
                let at = (draw.uniform() * places as f64) as usize;
                let accident = draw.chance(0.7);
                belief.learn(at, 5.0 * draw.normal(), Noise { variance: 1e-2, accident });
                belief.forget(at, 1e-4);
                if draw.chance(0.1) {
                    belief.open(at, -1.0);
                    belief.doubt(places - 1 - at, at);
                }
                for (a, b) in (0..places).flat_map(|a| (0..places).map(move |b| (a, b))) {
                    let (own, both) = (belief.covariance(a, a) * belief.covariance(b, b), belief.covariance(a, b));
                    assert!(own >= 0.0 && both * both <= own * (1.0 + 1e-6), "{places} places: {a}, {b}");
                    assert!((both - belief.covariance(b, a)).abs() <= 1e-9 * own.sqrt(), "{places} places: {a}, {b}");
                }
            }
            assert!((0..places).all(|i| belief.mean(i).is_finite()));
            // However often it is opened.
            let mut belief = Belief::from_one(places, 0, 0.0, 1e-2);
            for _ in 0..100 {
                belief.open(0, 0.0);
            }
            assert!((0..places).all(|i| belief.apart(i, 0) <= a_priori(0, i, i) + 1e-9));
        }
    }

    /// One batch that is off by far at a size that is known: two fifths are noise, half may be all sizes, and beyond a stall either side
    /// has its own doubt; `tests/reference/belief.py`.
    #[test]
    fn what_surprises_is_noise_or_all_sizes_or_some() {
        let mut belief = Belief::from_one(9, 4, 1.0, 0.01);
        belief.learn(5, 1.1, steady(0.01));
        belief.learn(4, -2.0, Noise { variance: 0.01, accident: true });
        for (place, (mean, deviation)) in [
            (0, (-0.716_627_905_5, 2.787_989_765_5)),
            (3, (-1.569_973_145_1, 2.014_329_781_3)),
            (4, (-1.854_421_558_3, 1.180_867_182_7)),
            (5, (-1.454_969_101_7, 2.010_950_281_2)),
            (8, (-0.325_686_577_2, 2.778_772_926_6)),
        ] {
            assert!((belief.mean(place) - mean).abs() < 1e-9, "{place}: {}", belief.mean(place));
            assert!(
                (belief.variance(place).sqrt() - deviation).abs() < 1e-9,
                "{place}: {}",
                belief.variance(place).sqrt()
            );
        }
    }
}
