//! Seeded series with known truth, for the tests of this floor only.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// The kinds of noise in `eval/gen_series.py`, all with standard deviation 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Noise {
    /// AR(1) with normal innovations; 0 is independence.
    Ar(f64),
    /// Student's t with 3 degrees of freedom, scaled to standard deviation 1, plus 4 % stragglers.
    Heavy,
}

/// A generator for one numbered series.
pub(crate) fn generator(seed: u64) -> Pcg64 {
    Pcg64::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(77))
}

/// A standard normal deviate (Box & Muller 1958).
pub(crate) fn normal(rng: &mut Pcg64) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
}

/// `n` values around 0.
pub(crate) fn series(seed: u64, n: usize, noise: Noise) -> Vec<f64> {
    let mut rng = generator(seed);
    match noise {
        Noise::Ar(phi) => {
            let mut last = normal(&mut rng);
            let step = (1.0 - phi * phi).sqrt();
            (0..n)
                .map(|_| {
                    let now = last;
                    last = phi * last + step * normal(&mut rng);
                    now
                })
                .collect()
        }
        Noise::Heavy => (0..n)
            .map(|_| {
                let chi: f64 = (0..3).map(|_| normal(&mut rng).powi(2)).sum();
                let t = normal(&mut rng) / (chi / 3.0).sqrt() / 3f64.sqrt();
                if rng.random::<f64>() < 0.04 { t + 4.0 + 9.0 * rng.random::<f64>() } else { t }
            })
            .collect(),
    }
}
