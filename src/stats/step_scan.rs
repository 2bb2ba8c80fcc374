//! How clearly the level of a series steps at a place, with and without creep in the model, in constant time a place.
//!
//! The model within a stretch is level + slope · time + step, with normal noise. A slope explains a step rather well and
//! a step a slope, so both are weighed: with some probability there is no creep at all, otherwise its slope is normal
//! about zero with a known spread, or now and then with a much larger one (spike and slab, Mitchell & Beauchamp 1988, JASA 83, 1023).

use wide::f64x4;

/// Prefix sums over a series.
pub(super) struct StepScan {
    value: Vec<f64>,
    square: Vec<f64>,
    time: Vec<f64>,
    time_square: Vec<f64>,
    product: Vec<f64>,
    /// What was subtracted from each value.
    pub(super) centre: f64,
    /// What was subtracted from each time.
    time_centre: f64,
}

/// What is believed of creep before looking.
#[derive(Clone, Copy)]
pub(super) struct Creep {
    /// Precision of the slope, in inverse units of (noise per unit of time), squared: noise variance over slope variance.
    pub(super) precision: f64,
    /// Probability that there is none.
    pub(super) none: f64,
    /// Probability that a series which creeps does so [`FAST`] times as fast: the slab has a long tail.
    pub(super) fast: f64,
}

/// How much faster fast creep is.
const FAST: f64 = 10.0;

impl Creep {
    /// Precision of fast creep.
    pub(super) fn fast_precision(self) -> f64 {
        self.precision / (FAST * FAST)
    }
}

/// What other stretches of the series say about a common slope.
#[derive(Clone, Copy, Default)]
pub(super) struct Elsewhere {
    pub(super) time_spread: f64,
    pub(super) product: f64,
}

impl StepScan {
    pub(super) fn new(values: &[f64], times: &[f64]) -> Self {
        let n = values.len();
        // Centred sums keep differences from cancelling when the level is far from zero.
        let centre = values.iter().map(|v| v / n as f64).sum::<f64>();
        let time_centre = times.get(n / 2).copied().unwrap_or(0.0);
        let sums = || {
            let mut sums = Vec::with_capacity(n + 1);
            sums.push(0.0);
            sums
        };
        let mut scan = Self {
            value: sums(),
            square: sums(),
            time: sums(),
            time_square: sums(),
            product: sums(),
            centre,
            time_centre,
        };
        let (mut value, mut square, mut time, mut time_square, mut product) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (v, t) in values.iter().zip(times) {
            let (v, t) = (v - centre, t - time_centre);
            value += v;
            square += v * v;
            time += t;
            time_square += t * t;
            product += v * t;
            scan.value.push(value);
            scan.square.push(square);
            scan.time.push(time);
            scan.time_square.push(time_square);
            scan.product.push(product);
        }
        scan
    }

    /// Number of points.
    pub(super) fn len(&self) -> usize {
        self.value.len() - 1
    }

    /// Mean of the values from..to.
    pub(super) fn mean(&self, from: usize, to: usize) -> f64 {
        self.centre + (self.value[to] - self.value[from]) / (to - from) as f64
    }

    /// Mean of the times from..to.
    pub(super) fn mean_time(&self, from: usize, to: usize) -> f64 {
        self.time_centre + (self.time[to] - self.time[from]) / (to - from) as f64
    }

    /// Squared error of the points from..to around their mean.
    pub(super) fn squared_error(&self, from: usize, to: usize) -> f64 {
        let sum = self.value[to] - self.value[from];
        (self.square[to] - self.square[from] - sum * sum / (to - from) as f64).max(0.0)
    }

    /// Squared error of the points from..to around a line of the given slope.
    pub(super) fn squared_error_about(&self, from: usize, to: usize, slope: f64) -> f64 {
        let within = self.within(from, to);
        (self.squared_error(from, to) - 2.0 * slope * within.product + slope * slope * within.time_spread).max(0.0)
    }

    /// What the points from..to say about the slope.
    pub(super) fn within(&self, from: usize, to: usize) -> Elsewhere {
        let n = (to - from) as f64;
        let (time, value) = (self.time[to] - self.time[from], self.value[to] - self.value[from]);
        Elsewhere {
            time_spread: (self.time_square[to] - self.time_square[from] - time * time / n).max(0.0),
            product: self.product[to] - self.product[from] - value * time / n,
        }
    }

    /// Step at `place` of the stretch from..to in noise standard deviations of one: height over its standard error, no
    /// creep in the model. Negative for a step down.
    pub(super) fn plain(&self, from: usize, place: usize, to: usize) -> f64 {
        let (before, after) = ((place - from) as f64, (to - place) as f64);
        let n = before + after;
        let total = self.value[to] - self.value[from];
        (self.value[to] - self.value[place] - total * after / n) * (n / (before * after)).sqrt()
    }

    /// [`Self::plain`] with a slope in the model whose precision is given (0: any slope is as likely as another).
    pub(super) fn beside_slope(&self, from: usize, place: usize, to: usize, precision: f64, other: Elsewhere) -> f64 {
        let (before, after) = ((place - from) as f64, (to - place) as f64);
        let n = before + after;
        let (total, total_time) = (self.value[to] - self.value[from], self.time[to] - self.time[from]);
        let height = self.value[to] - self.value[place] - total * after / n;
        let tilt = self.time[to] - self.time[place] - total_time * after / n;
        let within = self.within(from, to);
        let spread = precision + within.time_spread + other.time_spread;
        let free = before * after / n;
        // The step indicator with level and slope taken out (Frisch & Waugh 1933, Econometrica 1) leaves one division.
        let left = free - tilt * tilt / spread;
        if spread <= 0.0 || left <= 1e-9 * free {
            return 0.0;
        }
        (height - tilt * (within.product + other.product) / spread) / left.sqrt()
    }

    /// Evidence for a step at `place` of from..to as a normal deviate: √(2 ln of the Bayes factor step : no step), either
    /// of them without creep or with; the step's height at its most likely value (Raftery 1995, Sociological
    /// Methodology 25). `noise` is the long-run standard deviation. Negative for a step down, 0 where no step is likelier.
    pub(super) fn evidence(
        &self,
        (from, place, to): (usize, usize, usize),
        noise: f64,
        creep: Creep,
        other: Elsewhere,
    ) -> f64 {
        let within = self.within(from, to);
        let spread = within.time_spread + other.time_spread;
        let product = (within.product + other.product) / noise;
        // Each kind of creep with its log evidence where no step is in the model, and the step beside it.
        let slab = |share: f64, precision: f64| {
            let slope = 0.5 * product * product / (precision + spread) - 0.5 * (spread / precision).ln_1p();
            (((1.0 - creep.none) * share).ln() + slope, self.beside_slope(from, place, to, precision, other) / noise)
        };
        let kinds = [
            (creep.none.ln(), self.plain(from, place, to) / noise),
            slab(1.0 - creep.fast, creep.precision),
            slab(creep.fast, creep.fast_precision()),
        ];
        let with_step = kinds.map(|(weight, z)| weight + 0.5 * z * z);
        let factor = log_sum(with_step) - log_sum(kinds.map(|k| k.0));
        let likeliest = if with_step[0] >= with_step[1].max(with_step[2]) {
            kinds[0].1
        } else if with_step[1] >= with_step[2] {
            kinds[1].1
        } else {
            kinds[2].1
        };
        (2.0 * factor.max(0.0)).sqrt().copysign(likeliest)
    }

    /// Is [`Self::evidence`] certainly below `least`? A mean of factors is no larger than the largest, and costs
    /// logarithms.
    pub(super) fn is_weaker(
        &self,
        (from, place, to): (usize, usize, usize),
        noise: f64,
        creep: Creep,
        least: f64,
    ) -> bool {
        let weak = |z: f64| z.abs() < least * noise;
        let beside = |precision| self.beside_slope(from, place, to, precision, Elsewhere::default());
        weak(self.plain(from, place, to)) && weak(beside(creep.precision)) && weak(beside(creep.fast_precision()))
    }

    /// The clearest place of from..to that leaves `margin` points a side, creep not considered.
    pub(super) fn clearest_plain(&self, from: usize, to: usize, margin: usize) -> Option<usize> {
        let n = (to - from) as f64;
        let (start, total) = (self.value[from], self.value[to] - self.value[from]);
        let mean = total / n;
        let sums = self.value.get(from + margin..(to + 1).saturating_sub(margin))?;
        clearest(
            sums,
            sums,
            margin,
            &Plain { start: f64x4::splat(start), mean: f64x4::splat(mean), n: f64x4::splat(n) },
        )
        .map(|before| from + before)
    }

    /// The clearest place of from..to that leaves `margin` points a side, beside a slope.
    pub(super) fn clearest_beside_slope(&self, from: usize, to: usize, margin: usize, precision: f64) -> Option<usize> {
        let n = (to - from) as f64;
        let (value, time) = (self.value[from], self.time[from]);
        let within = self.within(from, to);
        let spread = precision + within.time_spread;
        let beside = BesideSlope {
            value: f64x4::splat(value),
            time: f64x4::splat(time),
            mean: f64x4::splat((self.value[to] - value) / n),
            mean_time: f64x4::splat((self.time[to] - time) / n),
            slope: f64x4::splat(within.product / spread),
            per_spread: f64x4::splat(1.0 / spread),
            per_n: f64x4::splat(1.0 / n),
            n: f64x4::splat(n),
        };
        let places = from + margin..(to + 1).saturating_sub(margin);
        let (sums, time_sums) = (self.value.get(places.clone())?, self.time.get(places)?);
        clearest(sums, time_sums, margin, &beside).map(|before| from + before)
    }
}

/// The square of how clear a step is, up to a factor: a fraction (over, under), so that nothing is divided.
trait Score {
    /// With `before` points before the place, whose values and times sum up to these.
    fn of(&self, sum: f64x4, time_sum: f64x4, before: f64x4) -> (f64x4, f64x4);
}

/// [`StepScan::plain`].
struct Plain {
    start: f64x4,
    mean: f64x4,
    n: f64x4,
}

impl Score for Plain {
    #[inline(always)]
    fn of(&self, sum: f64x4, _: f64x4, before: f64x4) -> (f64x4, f64x4) {
        let gap = sum - self.start - self.mean * before;
        (gap * gap, before * (self.n - before))
    }
}

/// [`StepScan::beside_slope`], with what does not depend on the place taken out, and the signs of both gaps turned.
struct BesideSlope {
    value: f64x4,
    time: f64x4,
    mean: f64x4,
    mean_time: f64x4,
    slope: f64x4,
    per_spread: f64x4,
    per_n: f64x4,
    n: f64x4,
}

impl Score for BesideSlope {
    #[inline(always)]
    fn of(&self, sum: f64x4, time_sum: f64x4, before: f64x4) -> (f64x4, f64x4) {
        let height = sum - self.value - self.mean * before;
        let tilt = time_sum - self.time - self.mean_time * before;
        let free = before * (self.n - before) * self.per_n;
        let left = free - tilt * tilt * self.per_spread;
        let part = height - tilt * self.slope;
        // Where the slope explains everything there is nothing left to compare.
        let some = left.simd_gt(free * f64x4::splat(1e-9));
        (some.select(part * part, f64x4::ZERO), some.select(left, f64x4::ONE))
    }
}

/// Places that are looked at side by side: each has a best of its own, so that none waits for another.
const LANES: usize = 4;

/// Best score of each lane with the points before it.
struct Best {
    over: f64x4,
    under: f64x4,
    before: f64x4,
}

impl Best {
    #[inline(always)]
    fn offer(&mut self, before: f64x4, (over, under): (f64x4, f64x4)) {
        let better = (over * self.under).simd_gt(self.over * under);
        self.over = better.select(over, self.over);
        self.under = better.select(under, self.under);
        self.before = better.select(before, self.before);
    }
}

/// Points before the place whose score is largest, the first of equals; the first place has `margin`.
fn clearest(sums: &[f64], time_sums: &[f64], margin: usize, score: &impl Score) -> Option<usize> {
    let none = f64x4::splat(-1.0);
    let mut best = Best { over: none, under: f64x4::ONE, before: none };
    let (sums, last_sums) = sums.as_chunks::<LANES>();
    let (time_sums, last_time_sums) = time_sums.as_chunks::<LANES>();
    let lanes = f64x4::from([0.0, 1.0, 2.0, 3.0]);
    let mut before = f64x4::splat(margin as f64) + lanes;
    for (sum, time_sum) in sums.iter().zip(time_sums) {
        best.offer(before, score.of(f64x4::from(*sum), f64x4::from(*time_sum), before));
        before += f64x4::splat(LANES as f64);
    }
    if !last_sums.is_empty() {
        // What is left does not fill the lanes: the rest of them offers nothing.
        let filled = |values: &[f64]| f64x4::from(std::array::from_fn(|lane| values.get(lane).copied().unwrap_or(0.0)));
        let (over, under) = score.of(filled(last_sums), filled(last_time_sums), before);
        let is_place = f64x4::splat(last_sums.len() as f64).simd_gt(lanes);
        best.offer(before, (is_place.select(over, f64x4::splat(f64::NAN)), under));
    }
    let (over, under, before) = (best.over.to_array(), best.under.to_array(), best.before.to_array());
    let mut first = 0;
    for lane in 1..LANES {
        let (one, other) = (over[lane] * under[first], over[first] * under[lane]);
        if one > other || (one == other && before[lane] < before[first]) {
            first = lane;
        }
    }
    (before[first] >= 0.0).then_some(before[first] as usize)
}

impl std::ops::Add for Elsewhere {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { time_spread: self.time_spread + other.time_spread, product: self.product + other.product }
    }
}

impl std::ops::Sub for Elsewhere {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { time_spread: self.time_spread - other.time_spread, product: self.product - other.product }
    }
}

/// ln Σ eˣ without overflow.
fn log_sum(of: [f64; 3]) -> f64 {
    let top = of[0].max(of[1]).max(of[2]);
    top + of.iter().map(|x| (x - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    fn times(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    /// Ordinary least squares by normal equations, the oracle: the last coefficient over its standard error at noise 1.
    fn least_squares(columns: &[Vec<f64>], y: &[f64], ridge: &[f64]) -> f64 {
        let k = columns.len();
        let mut a = vec![vec![0.0; k + 1]; k];
        for i in 0..k {
            for j in 0..k {
                a[i][j] = columns[i].iter().zip(&columns[j]).map(|(x, z)| x * z).sum::<f64>();
            }
            a[i][i] += ridge[i];
            a[i][k] = columns[i].iter().zip(y).map(|(x, z)| x * z).sum();
        }
        for i in 0..k {
            for j in i + 1..k {
                let f = a[j][i] / a[i][i];
                let pivot = a[i].clone();
                a[j].iter_mut().zip(&pivot).skip(i).for_each(|(x, p)| *x -= f * p);
            }
        }
        // After elimination the last pivot is what the others leave of the last column.
        a[k - 1][k] / a[k - 1][k - 1].sqrt()
    }

    #[test]
    fn steps_are_those_of_least_squares() {
        let y: Vec<f64> = series(5, 60, Noise::Ar(0.3)).iter().enumerate().map(|(i, v)| v + 0.02 * i as f64).collect();
        let scan = StepScan::new(&y, &times(60));
        let part = |place: usize| (10..50).map(|i| f64::from(u8::from(i >= place))).collect::<Vec<_>>();
        let (one, t) = (vec![1.0; 40], (10..50).map(f64::from).collect::<Vec<_>>());
        for place in [14, 30, 44] {
            let plain = least_squares(&[one.clone(), part(place)], &y[10..50], &[0.0, 0.0]);
            assert!((scan.plain(10, place, 50) - plain).abs() < 1e-9);
            // The slope's prior is about the middle of the stretch, where level and slope do not disturb each other.
            let centred: Vec<f64> = t.iter().map(|t| t - 29.5).collect();
            for precision in [0.0, 800.0] {
                let want =
                    least_squares(&[one.clone(), centred.clone(), part(place)], &y[10..50], &[0.0, precision, 0.0]);
                let got = scan.beside_slope(10, place, 50, precision, Elsewhere::default());
                assert!((got - want).abs() < 1e-9, "place {place}, precision {precision}: {got} instead of {want}");
            }
        }
    }

    #[test]
    fn the_clearest_place_is_that_of_a_plain_search() {
        for seed in 0..20 {
            let y = series(seed, 80, Noise::Ar(0.2));
            let scan = StepScan::new(&y, &times(80));
            let best = (8..=72).max_by(|a, b| scan.plain(0, *a, 80).abs().total_cmp(&scan.plain(0, *b, 80).abs()));
            assert_eq!(scan.clearest_plain(0, 80, 8), best);
        }
        assert_eq!(StepScan::new(&[1.0, 2.0], &times(2)).clearest_plain(0, 2, 3), None);
    }

    #[test]
    fn evidence_weighs_creep() {
        let creep = Creep { precision: (365.0 / 2.5_f64).powi(2), none: 0.75, fast: 0.1 };
        let ramp: Vec<f64> = (0..300).map(|i| i as f64 * 6.0 / 300.0).collect();
        let scan = StepScan::new(&ramp, &times(300));
        let at = |scan: &StepScan| scan.evidence((0, 150, 300), 1.0, creep, Elsewhere::default());
        assert!(scan.plain(0, 150, 300) > 20.0 && at(&scan) < 3.0, "a ramp: {}", at(&scan));
        let step: Vec<f64> = (0..300).map(|i| if i < 150 { 0.0 } else { 1.0 }).collect();
        let scan = StepScan::new(&step, &times(300));
        assert!(at(&scan) > 4.5, "a step: {} of {}", at(&scan), scan.plain(0, 150, 300));
        let down: Vec<f64> = step.iter().map(|v| -v).collect();
        assert!((at(&StepScan::new(&down, &times(300))) + at(&scan)).abs() < 1e-9);
    }
}
