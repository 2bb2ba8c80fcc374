//! How clearly the level of a series steps at a place, with and without creep in the model, in constant time a place.
//!
//! The model within a stretch is level + slope · time + step, with normal noise. A slope explains a step rather well and
//! a step a slope, so both are weighed: with some probability there is no creep at all, otherwise its slope is normal
//! about zero with a known spread, or now and then with a much larger one (spike and slab, Mitchell & Beauchamp 1988, JASA 83, 1023).

use super::clearest::{BesideSlope, Plain, clearest};

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
    /// Precision of fast creep.
    pub(super) fast_precision: f64,
}

/// How much faster fast creep is.
const FAST: f64 = 10.0;

/// Farthest that the slope of a whole series may be out in the spread of fast creep: where it is farther, as of a short
/// series that hardly scatters, fast creep is as much faster. A smaller value takes steps of twenty points for creep.
const FARTHEST: f64 = 5.0;

impl Creep {
    /// With fast creep [`FAST`] times as fast.
    pub(super) fn new(precision: f64, none: f64, fast: f64) -> Self {
        Self { precision, none, fast, fast_precision: precision / (FAST * FAST) }
    }

    /// With fast creep so fast that the slope of the `whole` series is within its reach; `noise` is the long-run standard
    /// deviation.
    pub(super) fn within_reach(self, whole: Elsewhere, noise: f64) -> Self {
        let slope = if whole.time_spread > 0.0 { whole.product / whole.time_spread / noise } else { 0.0 };
        let reach = (FARTHEST / slope).powi(2);
        Self { fast_precision: self.fast_precision.min(reach), ..self }
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
        let mut scan = Self {
            value: vec![0.0; n + 1],
            square: vec![0.0; n + 1],
            time: vec![0.0; n + 1],
            time_square: vec![0.0; n + 1],
            product: vec![0.0; n + 1],
            centre: 0.0,
            time_centre: times.get(n / 2).copied().unwrap_or(0.0),
        };
        let (mut time, mut time_square) = (0.0, 0.0);
        for ((t, of), of_square) in times.iter().zip(&mut scan.time[1..]).zip(&mut scan.time_square[1..]) {
            let t = t - scan.time_centre;
            (time, time_square) = (time + t, time_square + t * t);
            (*of, *of_square) = (time, time_square);
        }
        scan.of_values(values, times)
    }

    /// The same over other values at the same times.
    pub(super) fn of_values(mut self, values: &[f64], times: &[f64]) -> Self {
        // Centred sums keep differences from cancelling when the level is far from zero.
        let share = 1.0 / values.len() as f64;
        self.centre = values.iter().map(|v| v * share).sum::<f64>();
        let (mut value, mut square, mut product) = (0.0, 0.0, 0.0);
        let sums = self.value[1..].iter_mut().zip(&mut self.square[1..]).zip(&mut self.product[1..]);
        for (((of, of_square), of_product), (v, t)) in sums.zip(values.iter().zip(times)) {
            let (v, t) = (v - self.centre, t - self.time_centre);
            (value, square, product) = (value + v, square + v * v, product + v * t);
            (*of, *of_square, *of_product) = (value, square, product);
        }
        self
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
            slab(creep.fast, creep.fast_precision),
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

    /// By how much less squared error the points from..to have about a level on each side of `place` than about one, all along
    /// lines of the given slope.
    pub(super) fn explained(&self, (from, place, to): (usize, usize, usize), slope: f64) -> f64 {
        let (before, after) = ((place - from) as f64, (to - place) as f64);
        let n = before + after;
        let rest = |sums: &[f64]| sums[to] - sums[place] - (sums[to] - sums[from]) * after / n;
        let height = rest(&self.value) - slope * rest(&self.time);
        height * height * n / (before * after)
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
        let (n, before, after) = ((to - from) as f64, (place - from) as f64, (to - place) as f64);
        let height = self.value[to] - self.value[place] - (self.value[to] - self.value[from]) * after / n;
        let free = before * after / n;
        let most = (least * noise).powi(2);
        if height * height >= most * free {
            return false;
        }
        let tilt = self.time[to] - self.time[place] - (self.time[to] - self.time[from]) * after / n;
        let within = self.within(from, to);
        // The squares of `plain` and `beside_slope`, both sides times what they are divided by.
        let is_weak_beside = |precision: f64| {
            let spread = precision + within.time_spread;
            let (part, left) = (height * spread - tilt * within.product, free * spread - tilt * tilt);
            spread <= 0.0 || left <= 1e-9 * free * spread || part * part < most * left * spread
        };
        is_weak_beside(creep.precision) && is_weak_beside(creep.fast_precision)
    }

    /// The clearest place of from..to that leaves `margin` points a side, creep not considered.
    pub(super) fn clearest_plain(&self, from: usize, to: usize, margin: usize) -> Option<usize> {
        let n = (to - from) as f64;
        let (start, total) = (self.value[from], self.value[to] - self.value[from]);
        let mean = total / n;
        let sums = self.value.get(from + margin..(to + 1).saturating_sub(margin))?;
        clearest(sums, sums, margin, &Plain { start, mean, n }).map(|before| from + before)
    }

    /// The clearest place of from..to that leaves `margin` points a side, beside a slope.
    pub(super) fn clearest_beside_slope(&self, from: usize, to: usize, margin: usize, precision: f64) -> Option<usize> {
        let n = (to - from) as f64;
        let (value, time) = (self.value[from], self.time[from]);
        let within = self.within(from, to);
        let spread = precision + within.time_spread;
        let beside = BesideSlope {
            value,
            time,
            mean: (self.value[to] - value) / n,
            mean_time: (self.time[to] - time) / n,
            slope: within.product / spread,
            per_spread: 1.0 / spread,
            per_n: 1.0 / n,
            n,
        };
        let places = from + margin..(to + 1).saturating_sub(margin);
        let (sums, time_sums) = (self.value.get(places.clone())?, self.time.get(places)?);
        clearest(sums, time_sums, margin, &beside).map(|before| from + before)
    }
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
        let creep = Creep::new((365.0 / 2.5_f64).powi(2), 0.75, 0.1);
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
