//! Places drawn with replacement, many at once: most of the time of a bootstrap is the drawing of places.

use super::draw::mix;
use pulp::{Simd, WithSimd, bytemuck::cast};
use rand::Rng;
use rand_pcg::Pcg64Mcg;

/// Generators that run side by side, and the 16-bit words that they give at once.
const LANES: usize = 8;
const WORDS: usize = 4 * LANES;
/// Numbers of places up to which a word of 16 bits is enough: of more, more than an eighth of the words would be rejected.
pub(super) const MOST: usize = 1 << 13;

/// A stream of places below `n`.
///
/// Eight generators xoshiro256++ (Blackman & Vigna 2021, ACM TOMS 47, 36), and multiplication with rejection (Lemire 2019, ACM
/// TOMACS 29, 3): exactly uniform, and the same numbers on each processor, however wide its registers.
pub(super) struct Places {
    state: [[u64; LANES]; 4],
    /// Draws again what was rejected.
    again: Pcg64Mcg,
    n: u16,
    /// Products whose lower half is below this are rejected.
    rejected: u16,
}

impl Places {
    /// The stream of a seed. `None` for no place, or more than [`MOST`].
    pub(super) fn new(n: usize, seed: u64) -> Option<Self> {
        let n = u16::try_from(n).ok().filter(|n| (1..=MOST).contains(&usize::from(*n)))?;
        let mut at = mix(seed);
        let mut next = || {
            at = at.wrapping_add(1);
            mix(at)
        };
        let state = std::array::from_fn(|_| std::array::from_fn(|_| next()));
        let again = Pcg64Mcg::new(u128::from(next()) << 64 | u128::from(next()));
        Some(Self { state, again, n, rejected: ((1_u32 << 16) % u32::from(n)) as u16 })
    }

    /// Overwrites `drawn` with values at places drawn one by one; `table` begins with the values.
    pub(super) fn draw(&mut self, table: &[f64; 1 << 16], drawn: &mut [f64]) {
        let mut places = [[0; WORDS]; 16];
        for drawn in drawn.chunks_mut(WORDS * places.len()) {
            let places = &mut places[..drawn.len().div_ceil(WORDS)];
            pulp::Arch::new().dispatch(Fill { of: self, places });
            for (slot, place) in drawn.iter_mut().zip(places.as_flattened()) {
                *slot = table[usize::from(*place)];
            }
        }
    }

    /// The next words of a state.
    #[inline(always)]
    fn words([a, b, c, d]: &mut [[u64; LANES]; 4]) -> [u16; WORDS] {
        let mut out = [0; LANES];
        for lane in 0..LANES {
            let sum = a[lane].wrapping_add(d[lane]);
            out[lane] = sum.rotate_left(23).wrapping_add(a[lane]);
            let shifted = b[lane] << 17;
            c[lane] ^= a[lane];
            d[lane] ^= b[lane];
            b[lane] ^= c[lane];
            a[lane] ^= d[lane];
            c[lane] ^= shifted;
            d[lane] = d[lane].rotate_left(45);
        }
        cast(out)
    }

    /// What is rejected is drawn again, alone.
    #[cold]
    fn redraw(&mut self, words: &[u16; WORDS], places: &mut [u16; WORDS]) {
        let lower = |word: u16| word.wrapping_mul(self.n);
        for (word, place) in words.iter().zip(places).filter(|(word, _)| lower(**word) < self.rejected) {
            let mut word = *word;
            while lower(word) < self.rejected {
                word = (self.again.next_u32() >> 16) as u16;
            }
            *place = ((u32::from(word) * u32::from(self.n)) >> 16) as u16;
        }
    }
}

struct Fill<'a> {
    of: &'a mut Places,
    places: &'a mut [[u16; WORDS]],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (n, rejected) = (self.of.n, self.of.rejected);
        // In registers as long as nothing else may look at it.
        let mut state = self.of.state;
        for places in self.places {
            let words = Places::words(&mut state);
            let (mut high, mut short) = ([0; WORDS], [0; WORDS]);
            for i in 0..WORDS {
                high[i] = ((u32::from(words[i]) * u32::from(n)) >> 16) as u16;
            }
            for i in 0..WORDS {
                short[i] = rejected.saturating_sub(words[i].wrapping_mul(n));
            }
            *places = high;
            let any: [u64; LANES] = cast(short);
            if any.iter().fold(0, |all, any| all | any) != 0 {
                self.of.redraw(&words, places);
            }
        }
        self.of.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that are their own places.
    fn table() -> Box<[f64; 1 << 16]> {
        let places: Vec<f64> = (0..1 << 16).map(f64::from).collect();
        places.into_boxed_slice().try_into().expect("as many as a word counts")
    }

    #[test]
    fn every_place_comes_equally_often() {
        let table = table();
        // Few rejections, none, and as many as there are.
        for n in [3, 365, 4_096, 7_000, MOST] {
            let mut places = Places::new(n, 7).expect("few enough");
            let (mut counts, mut drawn) = (vec![0.0; n], vec![0.0; 64 * n + 5]);
            places.draw(&table, &mut drawn);
            drawn.iter().for_each(|place| counts[*place as usize] += 1.0);
            let expected = drawn.len() as f64 / n as f64;
            let chi_square: f64 = counts.iter().map(|count| (count - expected) * (count - expected) / expected).sum();
            // Four standard deviations of chi-square about its mean.
            let (df, reach) = (n as f64 - 1.0, 4.0 * (2.0 * n as f64).sqrt());
            assert!((chi_square - df).abs() < reach.max(12.0), "{n}: {chi_square} on {df}");
        }
    }

    #[test]
    fn neighbours_and_lanes_are_independent() {
        let (table, n) = (table(), 365);
        let mut places = Places::new(n, 1).expect("few enough");
        let mut drawn = vec![0.0; 200_000];
        places.draw(&table, &mut drawn);
        let mean = (n as f64 - 1.0) / 2.0;
        let variance = (n as f64 * n as f64 - 1.0) / 12.0;
        for lag in [1, 4, LANES, WORDS, 16 * WORDS] {
            let products = drawn.windows(lag + 1).map(|w| (w[0] - mean) * (w[lag] - mean));
            let correlation = products.sum::<f64>() / (drawn.len() - lag) as f64 / variance;
            assert!(correlation.abs() < 4.0 / (drawn.len() as f64).sqrt(), "lag {lag}: {correlation}");
        }
    }

    #[test]
    fn registers_do_not_matter() {
        let mut one = Places::new(365, 5).expect("few enough");
        let mut two = Places::new(365, 5).expect("few enough");
        let (mut wide, mut narrow) = ([[0; WORDS]; 40], [[0; WORDS]; 40]);
        pulp::Arch::new().dispatch(Fill { of: &mut one, places: &mut wide });
        Fill { of: &mut two, places: &mut narrow }.with_simd(pulp::Scalar);
        assert_eq!(wide, narrow);
        assert!(Places::new(0, 1).is_none() && Places::new(MOST + 1, 1).is_none());
    }
}
