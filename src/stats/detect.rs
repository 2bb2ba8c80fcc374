//! Steps in a level: where, how sure, and between which points the place lies.
//!
//! Search generously, then let each candidate prove itself (`research/detection.md`, section 6): most false alarms of
//! other tools come from autocorrelation, creep and stragglers that are taken for steps. `tests` measure false alarms
//! and power.

use super::autocorrelation::long_run_sd;
use super::bend::{Bend, Kink, bend};
use super::clean::{difference_sd, winsorise_locally};
use super::detector::Detector;
use super::distributions::{scan_p_value, z_from_t};
use super::levels::Levels;
use super::locate::place_interval;
use super::noise::{Noise, variance_df};
use super::saddle::Shape;
use super::seeded::propose;
use super::step_scan::StepScan;
use super::validate::{Candidate, Judge, evidence_needed};

/// Fewest points in which a change is looked for.
pub(super) const MIN_POINTS: usize = 5;

/// Reach around the running median, in noise standard deviations.
const LOCAL_REACH: f64 = 2.0;

/// Reach about the levels found so far (Huber 1964), in standard deviations about them.
const CLOSE_REACH: f64 = 2.0;

/// Reach within which residuals tell autocorrelation.
const WIDE_REACH: f64 = 3.0;

/// Evidence from which on a place is proposed, below what is asked in the end: the noise is not yet what it will be.
const Z_PROPOSED: f64 = 3.5;

/// How often noise and steps are found from each other.
const ROUNDS: usize = 4;

/// Can the skew of the noise not make this evidence chance? Not where it is overwhelming, nor where it is strong and both
/// levels rest on many points, `fewest` at least, whose means are nearly normal. To look at the tail takes as long as the rest.
fn beyond_doubt(z: f64, fewest: f64) -> bool {
    z >= OVERWHELMING || z >= STRONG && fewest >= MANY
}

/// Normal deviates for [`beyond_doubt`]: p of 1e-33 and of 1e-15; and points whose mean is nearly normal, the usual rule.
const OVERWHELMING: f64 = 12.0;
const STRONG: f64 = 8.0;
const MANY: f64 = 30.0;

/// A lasting change of level.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// First point of the new regime, best guess.
    pub index: usize,
    /// Earliest point that may be the first of the new regime, at about 95 %.
    pub index_low: usize,
    /// Latest point that may be the first of the new regime, at about 95 %.
    pub index_high: usize,
    /// New level minus old one, stragglers pulled in and creep taken out; in the unit of the values.
    pub shift: f64,
    /// Evidence for the change as a normal deviate; not negative.
    pub z: f64,
    /// Two-sided p-value, corrected for having searched all places in the window and for the skew of the noise: a mean of
    /// few values has its tail.
    pub p_value: f64,
}

/// A series cut into regimes.
#[derive(Clone, Debug, PartialEq)]
pub struct Regimes {
    /// Steps in order of time.
    pub steps: Vec<Step>,
    /// Creep common to all regimes, in the unit of the values per unit of the times, on average where it bends; the chance that
    /// there is none weighed in.
    pub slope: f64,
    /// Standard deviation of what is believed of it.
    pub slope_sd: f64,
    /// The whole series, or its parts before and after creep begins, ends or becomes faster.
    pub creeps: Vec<Stretch>,
    /// What creep adds to each value where it bends; empty where it does not. `steps` and `slope` are what is left without it.
    pub bend: Vec<f64>,
    /// Standard deviation of a point about its regime, stragglers pulled in; in the unit of the values.
    pub sd: f64,
    /// Autocorrelation at lag 1 about the regimes.
    pub phi: f64,
}

/// A part of a series that may creep.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// First point.
    pub from: usize,
    /// First point after.
    pub to: usize,
    /// Evidence for creep as a normal deviate: the slope, not shrunk, over its standard error.
    pub z: f64,
}

impl Regimes {
    /// Of values that were divided by `unit`.
    fn in_unit(mut self, unit: f64) -> Self {
        self.steps.iter_mut().for_each(|step| step.shift *= unit);
        self.bend.iter_mut().for_each(|off| *off *= unit);
        Self { slope: self.slope * unit, slope_sd: self.slope_sd * unit, sd: self.sd * unit, ..self }
    }

    /// The clearest creep as a normal deviate.
    #[must_use]
    pub fn slope_z(&self) -> f64 {
        self.creeps.iter().map(|c| c.z).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0)
    }
}

/// [`detect_regimes`] of values at equal distances, steps alone.
#[must_use]
pub fn detect_steps(values: &[f64], detector: &Detector) -> Vec<Step> {
    let times: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
    detect_regimes(&times, values, detector).map(|r| r.steps).unwrap_or_default()
}

/// Steps of a series in order of time, ascending by place, with the noise and creep that they are seen against.
///
/// Stragglers are pulled in, seeded intervals propose (Kovács et al. 2023), and the weakest candidate is merged away until each
/// that is left has evidence `z_min` against its surroundings, creep allowed for, and lasts; noise and levels are then
/// found again. A regime of 3 to 6 points needs more evidence and no point of it on the old side of the middle. Where creep
/// that bends explains the series better than steps do, the search is repeated without the bend.
/// `times` ascend, in any unit. O(n log n) a round, four rounds at most, once or twice. `None` under 5 points, for values or
/// times that are not finite, times that do not ascend, lengths that differ, or a constant series.
#[must_use]
pub fn detect_regimes(times: &[f64], values: &[f64], detector: &Detector) -> Option<Regimes> {
    let n = values.len();
    let usable = |v: &[f64]| v.iter().all(|v| v.is_finite());
    if n < MIN_POINTS || times.len() != n || !usable(values) || !usable(times) || times[0] >= times[n - 1] {
        return None;
    }
    let first_sd = difference_sd(values);
    if !first_sd.is_finite() || first_sd <= 0.0 {
        return None;
    }
    if !SQUARES_WELL.contains(&first_sd) {
        // A power of two changes no digit.
        let unit = first_sd.log2().round().clamp(-1000.0, 1000.0).exp2();
        let values: Vec<f64> = values.iter().map(|v| v / unit).collect();
        return Some(detect_regimes(times, &values, detector)?.in_unit(unit));
    }
    let first = search(times, values, first_sd, detector);
    let Some(Bend { off, kink }) = bend(times, &first, detector) else { return Some(first.regimes) };
    let straight: Vec<f64> = values.iter().zip(&off).map(|(v, off)| v - off).collect();
    let second = search(times, &straight, first_sd, detector).regimes;
    let most = if kink.is_some() { 0 } else { first.regimes.steps.len() };
    if second.steps.len() > most {
        return Some(first.regimes);
    }
    let creeps = kink.map_or(second.creeps.clone(), |kink| stretches(times, &second, &kink));
    Some(Regimes { bend: off, creeps, ..second })
}

/// Spread of values whose squares neither vanish nor overflow.
const SQUARES_WELL: std::ops::Range<f64> = 1e-100..1e100;

/// The two lines that meet at a kink.
fn stretches(times: &[f64], regimes: &Regimes, kink: &Kink) -> Vec<Stretch> {
    let noise = long_run_sd(regimes.sd, regimes.phi);
    let df = variance_df(times.len(), 3, regimes.phi);
    let scan = StepScan::new(&vec![0.0; times.len()], times);
    let stretch = |from, to, slope: f64| {
        let z = slope * scan.within(from, to).time_spread.sqrt() / noise;
        Stretch { from, to, z: z_from_t(z, df) }
    };
    let [before, after] = kink.slopes;
    vec![stretch(0, kink.index, before), stretch(kink.index, times.len(), after)]
}

/// What a search found, and what it looked at.
pub(super) struct Found {
    pub(super) regimes: Regimes,
    /// Values with stragglers pulled in to their neighbours.
    pub(super) calm: Vec<f64>,
    /// Regimes, sloped, at each time.
    pub(super) fitted: Vec<f64>,
}

fn search(times: &[f64], values: &[f64], first_sd: f64, detector: &Detector) -> Found {
    let n = values.len();
    // Creep is stated a point, whatever the unit of the times.
    let spacing = (times[n - 1] - times[0]) / (n - 1) as f64;
    let creep = |noise: Noise, scan: &StepScan| {
        detector.creep(noise.long_run_sd / noise.sd, spacing).within_reach(scan.within(0, n), noise.long_run_sd)
    };
    let margin = shortest(n, detector);
    let calm = winsorise_locally(values, LOCAL_REACH * first_sd);
    let mut noise = Noise::independent(first_sd, n);
    let mut scan = StepScan::new(&calm, times);
    let first = creep(noise, &scan);
    let mut changes = propose(&scan, noise.long_run_sd, first, detector.z_obvious, margin);
    let mut levels = Levels::new(&scan, &changes, first, noise.long_run_sd);
    let mut judged = Vec::new();
    let mut residuals = Vec::new();
    for round in 0..ROUNDS {
        let pulled = levels.pull_in(&calm, times, first_sd, [CLOSE_REACH, WIDE_REACH]);
        scan = scan.of_values(&pulled.values, times);
        noise = Noise::of_residuals(&pulled.close, &pulled.wide, &levels.ends, levels.fitted(), 1e-3 * first_sd);
        residuals = pulled.wide;
        let creep = creep(noise, &scan);
        let mut found = changes.clone();
        if round < 2 {
            found = propose(&scan, noise.long_run_sd, creep, Z_PROPOSED, margin);
        }
        let judge = Judge { scan: &scan, raw: values, noise, creep, detector };
        judged = judge.merge(&mut found);
        let settled = found == changes;
        changes = found;
        levels = Levels::new(&scan, &changes, creep, noise.long_run_sd);
        if settled && (round > 0 || changes.is_empty()) {
            break;
        }
    }
    let fitted = levels.at(times);
    let creep = levels.believed(detector.steady, noise.long_run_sd);
    let seen = Seen { scan: &scan, slope: creep.slope, noise, residuals: &residuals };
    let steps = seen.describe(&changes, &judged, detector);
    let slope_z = z_from_t(creep.z, noise.df);
    let regimes = Regimes {
        steps,
        slope: creep.slope,
        slope_sd: creep.sd,
        creeps: vec![Stretch { from: 0, to: n, z: slope_z }],
        bend: Vec::new(),
        sd: noise.sd,
        phi: noise.phi,
    };
    Found { regimes, calm, fitted }
}

/// Shortest regime that is proposed at all, in points.
pub(super) fn shortest(n: usize, detector: &Detector) -> usize {
    detector.min_segment.clamp(1, if n < 6 { 2 } else { 3 })
}

/// What steps are described by.
struct Seen<'a> {
    scan: &'a StepScan,
    slope: f64,
    noise: Noise,
    /// Noise about the levels, stragglers pulled in generously.
    residuals: &'a [f64],
}

impl Seen<'_> {
    fn describe(&self, changes: &[usize], judged: &[Candidate], detector: &Detector) -> Vec<Step> {
        let Self { scan, slope, noise, .. } = *self;
        if changes.is_empty() {
            return Vec::new();
        }
        let n = scan.len();
        // So many points count as one in a mean.
        let inflation = (1.0 + noise.phi) / (1.0 - noise.phi);
        // The variance of ln((1 + φ) / (1 - φ)) is 4 / (n (1 - φ²)) (Bartlett 1946), as if that of a variance on these degrees
        // of freedom. What passes the threshold is chosen among many, and with them the series whose memory seems shortest.
        let memory_df = (n as f64 * (1.0 - noise.phi * noise.phi) / 2.0).max(1.0);
        let bound = |i: Option<usize>, end: usize| i.and_then(|i| changes.get(i)).copied().unwrap_or(end);
        let mut shape = None;
        let step = |(i, candidate): (usize, &Candidate)| {
            let (from, to) = (bound(i.checked_sub(1), 0), bound(i.checked_add(1), n));
            let index = changes[i];
            let (index_low, index_high) = place_interval(scan, slope, (from, index, to), noise.long_run_sd);
            let crept = slope * (scan.mean_time(index, to) - scan.mean_time(from, index));
            let shift = scan.mean(index, to) - scan.mean(from, index) - crept;
            let (before, after) = ((index - from) as f64 / inflation, (to - index) as f64 / inflation);
            // Short regimes have more places to be found by chance: what more is asked of them counts against them.
            let asked = evidence_needed(detector, n, index - from, to - index) - detector.z_min;
            let z = if beyond_doubt(candidate.z, before.min(after)) {
                candidate.z
            } else {
                let shape = shape.get_or_insert_with(|| Shape::new(self.residuals));
                candidate.z.min(shape.deviate(shift, before, after))
            };
            let z = z_from_t(z, memory_df) - asked;
            let p_value = scan_p_value(z.max(0.0), to - from, shortest(n, detector));
            Step { index, index_low, index_high, shift, z: candidate.z, p_value }
        };
        judged.iter().enumerate().map(step).collect()
    }
}
