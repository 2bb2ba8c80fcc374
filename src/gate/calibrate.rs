//! How often the gate would fail if nothing had changed: the same rules, on noise like that of the user's own baseline.

use super::{
    GateSettings,
    evidence::{Evidence, Noise},
    judge::Trial,
};
use crate::stats::{Draw, Sieve, benjamini_hochberg, parallel_map, rate};

/// Share of gates that fail by chance alone, measured on gates whose two sides are drawn from one source.
#[derive(Clone, Debug, PartialEq)]
pub struct FalseAlarms {
    /// Gates that were drawn.
    pub gates: usize,
    /// Of these, how many failed.
    pub failed: usize,
    /// Share that is not exceeded, at a confidence of 97.5 %.
    pub at_most: f64,
}

/// Comparisons that are drawn in all; of a gate with many benchmarks fewer gates are drawn, ..
const COMPARISONS: usize = 20_000;
/// .. but no fewer than these, ..
const LEAST: usize = 100;
/// .. and no more than these: at most 0.4 % can be said of 1,000 gates without a failure.
const MOST: usize = 1_000;
/// Values that are drawn of one side at most; of longer ones as many, each nearer to the mean, so that the mean scatters as
/// theirs does.
const DRAWN: usize = 200;

/// Draws gates of the benchmarks that were judged, each judged `runs` times. `None` where none was.
pub(super) fn calibrate(trials: &[Trial], runs: usize, settings: &GateSettings) -> Option<FalseAlarms> {
    let sources: Vec<Source<'_>> = trials.iter().filter_map(Source::of).collect();
    if sources.is_empty() {
        return None;
    }
    let gates = (COMPARISONS / sources.len()).clamp(LEAST, MOST);
    let numbers: Vec<u64> = (0..gates as u64).collect();
    let fails = parallel_map(&numbers, |number| {
        let mut draw = Draw::keyed(settings.seed, &[CALIBRATION, *number]);
        fails(&sources, runs, settings, &mut draw)
    });
    let failed = fails.into_iter().filter(|failed| *failed).count();
    let at_most = rate(failed, gates, 0.95).map_or(1.0, |share| share.upper);
    Some(FalseAlarms { gates, failed, at_most })
}

/// Key of the stream of random numbers.
const CALIBRATION: u64 = 0x6761_7465;

struct Source<'a> {
    evidence: &'a Evidence,
    noise: Like,
    edge: f64,
}

/// What is drawn from.
enum Like {
    Values(Sieve),
    Sd(f64),
}

impl<'a> Source<'a> {
    fn of(trial: &'a Trial) -> Option<Self> {
        let evidence = trial.evidence.as_ref()?;
        let noise = match &evidence.noise {
            Noise::Values(values) => Like::Values(Sieve::fit(values)?),
            Noise::Sd(sd) => Like::Sd(*sd),
        };
        Some(Self { evidence, noise, edge: trial.worse_by()?.1 })
    }

    fn side(&self, n: usize, draw: &mut Draw) -> Vec<f64> {
        let drawn = n.min(DRAWN);
        let nearer = (drawn as f64 / n as f64).sqrt();
        match &self.noise {
            Like::Values(sieve) => sieve.draw(drawn, nearer, draw),
            Like::Sd(sd) => (0..drawn).map(|_| self.evidence.before.mean + nearer * sd * draw.normal()).collect(),
        }
    }

    /// p-values of being no worse than tolerated, of all runs together and of each run alone.
    fn draw(&self, runs: usize, draw: &mut Draw) -> Vec<f64> {
        let before = self.side(self.evidence.before.n, draw);
        // Where there are several runs of now their measurements were joined.
        let each = (self.evidence.after.n / runs).max(1);
        let after: Vec<Vec<f64>> = (0..runs).map(|_| self.side(each, draw)).collect();
        let together = after.concat();
        let alone = if runs > 1 { after } else { Vec::new() };
        let p_value = |after: &[f64]| Some(self.evidence.again(&before, after)?.p_at_most(self.edge));
        [together].iter().chain(&alone).map(|after| p_value(after).unwrap_or(1.0)).collect()
    }
}

/// Draws one gate; does it fail?
fn fails(sources: &[Source<'_>], runs: usize, settings: &GateSettings, draw: &mut Draw) -> bool {
    let p_values: Vec<Vec<f64>> = sources.iter().map(|source| source.draw(runs, draw)).collect();
    let together: Vec<f64> = p_values.iter().map(|p| p[0]).collect();
    let q_values = benjamini_hochberg(&together);
    let alpha = 0.5 * (1.0 - settings.level);
    p_values.iter().zip(q_values).any(|(p, q)| q <= settings.false_discovery_rate && p.iter().all(|p| *p <= alpha))
}
