//! Seeded random numbers: a stream that is the same on every platform, and the distributions that workloads are made of.
//!
//! The generator is PCG XSL RR 128/64 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
//! Algorithms for Random Number Generation"), whose output is fixed by its definition. Everything on top of it uses
//! additions, multiplications, divisions and square roots only, which IEEE 754 rounds in one way. Logarithm and
//! exponential are computed here: those of a system's library may differ in the last bit.

use rand::Rng;
use rand_pcg::Pcg64;
use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// 2^-53: the distance of the numbers that [`Draw::uniform`] gives.
const ULP: f64 = 1.0 / (1u64 << 53) as f64;
/// Above this mean a Poisson number is drawn in parts, so that `exp(-mean)` stays far from zero.
const POISSON_PART: f64 = 500.0;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Draw(Pcg64);

impl Draw {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self::keyed(seed, &[])
    }

    /// A stream of its own for each `key` under one seed: what is drawn for one thing does not move what is drawn for
    /// another. The key is mixed by the finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014).
    pub fn keyed(seed: u64, key: &[u64]) -> Self {
        let mut state = mix(seed);
        for part in key {
            state = mix(state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        let wide = |a: u64, b: u64| u128::from(a) << 64 | u128::from(b);
        Self(Pcg64::new(wide(state, mix(state ^ 1)), wide(mix(state ^ 2), mix(state ^ 3))))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * ULP
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in 0..n; 0 where n is 0. By multiplication (Lemire 2019, "Fast Random Integer Generation in an
    /// Interval"), without his rejection: the bias is below n / 2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Standard normal, by the polar method (Marsaglia & Bray 1964, "A Convenient Method for Generating Normal Variables").
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * ln(s) / s).sqrt();
            }
        }
    }

    /// Log-normal with this median; `sigma` is the standard deviation of the logarithm (Aitchison & Brown 1957).
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// Exponential with this mean, by inversion (Devroye 1986, "Non-Uniform Random Variate Generation", II.2).
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * ln(1.0 - self.uniform())
    }

    /// Pareto of the first kind: at least `least`, with tail index `shape` > 0, by inversion (Devroye 1986, II.2).
    pub fn pareto(&mut self, least: f64, shape: f64) -> f64 {
        least * exp(-ln(1.0 - self.uniform()) / shape)
    }

    /// Poisson with this mean, by multiplying uniforms (Knuth, TAOCP 2, 3.4.1); means above 500 are summed from parts, as
    /// sums of Poisson numbers are Poisson. Takes time in proportion to the mean.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut left, mut count) = (mean, 0);
        while left > 0.0 {
            let limit = exp(-left.min(POISSON_PART));
            left -= POISSON_PART;
            let mut product = self.uniform();
            while product > limit {
                count += 1;
                product *= self.uniform();
            }
        }
        count
    }
}

/// Ranks 1..=n with probabilities in proportion to 1 / rank^s, drawn by inversion of a table (Zipf 1949).
#[derive(Clone, Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// `n` ranks with exponent `s` >= 0; memory in proportion to `n`.
    pub fn new(n: usize, s: f64) -> Self {
        let mut sum = 0.0;
        let weight = |rank: usize| exp(-s * ln(rank as f64));
        let mut table: Vec<f64> = (1..=n).map(|rank| add(&mut sum, weight(rank))).collect();
        table.iter_mut().for_each(|share| *share /= sum);
        Self(table)
    }

    /// A rank; 1 is the most frequent one.
    pub fn draw(&self, draw: &mut Draw) -> usize {
        let u = draw.uniform();
        let rank = self.0.partition_point(|share| *share <= u) + 1;
        rank.min(self.0.len()).max(1)
    }
}

fn add(sum: &mut f64, value: f64) -> f64 {
    *sum += value;
    *sum
}

pub(super) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Natural logarithm, the same on every platform; exact to about 2 units in the last place for normal numbers > 0, NaN
/// below 0, -infinity at 0 and for subnormal numbers. x = 2^k m, ln m = 2 artanh((m - 1) / (m + 1)) as a series
/// (Abramowitz & Stegun 1964, 4.1.27).
pub fn ln(x: f64) -> f64 {
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x < f64::MIN_POSITIVE {
        return f64::NEG_INFINITY;
    }
    if x.is_infinite() {
        return x;
    }
    let bits = x.to_bits();
    let mut power = (bits >> 52) as i64 - 1023;
    let mut m = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if m > SQRT_2 {
        m /= 2.0;
        power += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let mut series = 0.0;
    for odd in (1..=21).rev().step_by(2) {
        series = series * z + 1.0 / f64::from(odd);
    }
    power as f64 * LN_2 + 2.0 * s * series
}

/// Exponential, the same on every platform; exact to about 2 units in the last place, 0 below -708, infinity above 709.
/// x = k ln 2 + r, Taylor's series of e^r, then the power of two (Abramowitz & Stegun 1964, 4.2.1).
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.0 {
        return f64::INFINITY;
    }
    if x < -708.0 {
        return 0.0;
    }
    let k = (x * LOG2_E).round();
    // The upper part of ln 2 has zeros at its end, so that k times it is exact.
    let r = (x - k * 0.693_145_751_953_125) - k * 1.428_606_820_309_417_2e-6;
    let mut series = 1.0;
    for n in (1..=13).rev() {
        series = 1.0 + series * r / f64::from(n);
    }
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed() {
        let mut draw = Draw::new(1);
        let first: Vec<u64> = (0..3).map(|_| draw.bits()).collect();
        assert_eq!(first, FIRST);
        assert_ne!(Draw::keyed(1, &[1]).bits(), Draw::keyed(1, &[2]).bits());
        assert_ne!(Draw::keyed(1, &[1, 2]).bits(), Draw::keyed(1, &[2, 1]).bits());
        assert_ne!(Draw::keyed(1, &[1]).bits(), Draw::keyed(2, &[1]).bits());
    }

    /// From an implementation of the generator in another language; a change of it changes every generated history.
    const FIRST: [u64; 3] = [8_739_270_150_625_523_844, 2_850_698_758_114_276_395, 10_589_021_953_198_651_550];

    #[test]
    fn logarithm_and_exponential_are_right() {
        for i in 1..20_000 {
            let x = f64::from(i) * 0.037;
            let both = [(ln(x), x.ln()), (exp(x - 370.0), (x - 370.0).exp())];
            for (ours, theirs) in both {
                assert!((ours - theirs).abs() <= 4e-16 * theirs.abs().max(1e-300) + 2e-16, "{x}: {ours} {theirs}");
            }
            assert!((exp(ln(x)) / x - 1.0).abs() < 4e-15, "{x}");
        }
        assert_eq!((ln(1.0), exp(0.0), ln(0.0), exp(-1e9)), (0.0, 1.0, f64::NEG_INFINITY, 0.0));
        assert!(ln(-1.0).is_nan() && exp(f64::NAN).is_nan() && exp(1e9).is_infinite());
    }

    /// Mean and standard deviation of 100,000 numbers.
    fn moments(mut one: impl FnMut(&mut Draw) -> f64) -> (f64, f64) {
        let mut draw = Draw::new(7);
        let n = 100_000.0;
        let all: Vec<f64> = (0..100_000).map(|_| one(&mut draw)).collect();
        let mean = all.iter().sum::<f64>() / n;
        (mean, (all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
    }

    #[track_caller]
    fn near(found: (f64, f64), mean: f64, sd: f64) {
        // Five standard errors of the mean; the standard deviation within 3 %.
        assert!((found.0 - mean).abs() < 5.0 * sd / 316.0, "mean {} for {mean}", found.0);
        assert!((found.1 / sd - 1.0).abs() < 0.03, "sd {} for {sd}", found.1);
    }

    #[test]
    fn each_distribution_has_its_moments() {
        near(moments(Draw::uniform), 0.5, (1.0f64 / 12.0).sqrt());
        near(moments(Draw::normal), 0.0, 1.0);
        near(moments(|d| d.exponential(3.0)), 3.0, 3.0);
        near(moments(|d| d.poisson(4.0) as f64), 4.0, 2.0);
        near(moments(|d| d.poisson(900.0) as f64), 900.0, 30.0);
        near(moments(|d| d.below(10) as f64), 4.5, 8.25f64.sqrt());
        let s: f64 = 0.4;
        let mean = 10.0 * (s * s / 2.0).exp();
        near(moments(|d| d.log_normal(10.0, s)), mean, mean * ((s * s).exp() - 1.0).sqrt());
        // Pareto, shape 6: mean 6/5, variance 6 / (25 * 4).
        near(moments(|d| d.pareto(1.0, 6.0)), 1.2, 0.06f64.sqrt());
    }

    #[test]
    fn ranks_follow_zipf() {
        let (zipf, mut draw) = (Zipf::new(3, 1.0), Draw::new(3));
        let mut counts = [0.0; 3];
        (0..60_000).for_each(|_| counts[zipf.draw(&mut draw) - 1] += 1.0);
        // 6/11, 3/11, 2/11.
        for (count, share) in counts.iter().zip([6.0, 3.0, 2.0]) {
            assert!((count / 60_000.0 - share / 11.0f64).abs() < 0.01, "{counts:?}");
        }
    }
}
