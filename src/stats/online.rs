//! False discoveries held down in a stream of tests whose end nobody knows: week after week of analyses.

/// LORD++: each test gets a level from the wealth that earlier discoveries earned.
///
/// Javanmard & Montanari 2018, Annals of Statistics 46, 526, as sharpened by Ramdas, Yang, Wainwright & Jordan 2017, NIPS.
/// The false discovery rate stays below `alpha` at every time for independent p-values. Discoveries come in order; memory
/// grows with them, not with the tests. O(discoveries) a test.
#[derive(Clone, Debug, PartialEq)]
pub struct OnlineFdr {
    alpha: f64,
    /// Tests so far.
    tests: u64,
    /// Numbers of the tests that were discoveries, from 1.
    discoveries: Vec<u64>,
}

/// Share of `alpha` that is there to begin with, as in R's onlineFDR.
const INITIAL_WEALTH: f64 = 0.1;

/// Makes the levels that one discovery pays for sum to its wealth (Javanmard & Montanari 2018, section 4; no unit).
const GAMMA_SCALE: f64 = 0.077_208_38;

impl OnlineFdr {
    /// A stream whose false discovery rate stays below `alpha`.
    #[must_use]
    pub fn new(alpha: f64) -> Self {
        Self { alpha: alpha.clamp(0.0, 1.0), tests: 0, discoveries: Vec::new() }
    }

    /// Level of the next test.
    #[must_use]
    pub fn level(&self) -> f64 {
        let now = self.tests + 1;
        let start = INITIAL_WEALTH * self.alpha;
        let earned: f64 = self
            .discoveries
            .iter()
            .enumerate()
            .map(|(i, at)| if i == 0 { self.alpha - start } else { self.alpha } * gamma(now - at))
            .sum();
        (start * gamma(now) + earned).min(1.0)
    }

    /// Takes the next p-value; is it a discovery?
    pub fn test(&mut self, p_value: f64) -> bool {
        let discovery = p_value <= self.level();
        self.tests += 1;
        if discovery {
            self.discoveries.push(self.tests);
        }
        discovery
    }
}

/// Share of the wealth that is spent `age` tests after it was earned.
fn gamma(age: u64) -> f64 {
    let age = age as f64;
    GAMMA_SCALE * age.max(2.0).ln() / (age * age.ln().sqrt().exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_paper() {
        // tests/reference/stats_reference.py, section online
        let mut stream = OnlineFdr::new(0.05);
        let p_values = [1e-7, 0.2, 1e-5, 0.6, 0.003, 0.5];
        let levels: Vec<f64> = p_values
            .iter()
            .map(|p| {
                let level = stream.level();
                stream.test(*p);
                level
            })
            .collect();
        for (got, want) in levels.iter().zip(LEVELS) {
            assert!((got / want - 1.0).abs() < 1e-9, "{levels:?}");
        }
    }

    const LEVELS: [f64; 6] = [
        2.675838545630e-04,
        2.466445719982e-03,
        5.732817542047e-04,
        3.163119021676e-03,
        9.878169103474e-04,
        8.403535783520e-04,
    ];

    #[test]
    fn false_discoveries_stay_few() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut uniform = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut share, mut found) = (0.0, 0);
        for _ in 0..200 {
            let mut stream = OnlineFdr::new(0.1);
            let (mut wrong, mut right) = (0, 0);
            for i in 0..300 {
                let real = i % 10 == 3;
                let p = if real { uniform().powi(12) * 1e-3 } else { uniform() };
                match (stream.test(p), real) {
                    (true, true) => right += 1,
                    (true, false) => wrong += 1,
                    _ => {}
                }
            }
            share += f64::from(wrong) / f64::from((wrong + right).max(1)) / 200.0;
            found += right;
        }
        assert!(share <= 0.1 && found > 200 * 15, "false share {share}, found {found} of 6000");
    }
}
