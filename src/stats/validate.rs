//! Does a proposed change deserve to be called a step?

use super::detect::shortest;
use super::detector::Detector;
use super::distributions::z_from_t;
use super::noise::Noise;
use super::step_scan::{Creep, Elsewhere, StepScan};

/// How far across each point of a short regime must be, as a part of the shift: three points of noise fail at half of
/// it too often, and a straggler that makes up the whole mean leaves the others at none of it.
const OWN_SIDE: f64 = 1.0 / 3.0;

/// By how much the evidence must exceed what is asked of others while the new regime is short.
const SHORT_EXTRA: f64 = 0.4;

/// Points in a regime of which the least evidence is asked: four weeks of daily runs, but no more than a quarter of the
/// series, for fewer points hold fewer clusters of stragglers.
const FULL_LENGTH: f64 = 28.0;
const FULL_PART: f64 = 0.25;

/// Points in a window from which on a slope can be told from a step.
const SLOPE_FROM: usize = 20;

/// A step must stand out beside any slope whatever, in standard errors, however unlikely such a slope is.
const BESIDE_ANY_SLOPE: f64 = 2.0;

/// Evidence asked of a step with that many points before and after it in a series of `n`.
pub(super) fn evidence_needed(detector: &Detector, n: usize, before: usize, after: usize) -> f64 {
    let short = before < detector.min_segment || after < detector.min_after;
    let full = FULL_LENGTH.min(FULL_PART * n as f64);
    let shorter = before.min(after).max(1) as f64;
    detector.z_min + if short { SHORT_EXTRA } else { 0.0 } + detector.z_short * (full / shorter).ln().max(0.0)
}

/// What changes are judged by.
pub(super) struct Judge<'a> {
    /// Values with stragglers pulled in.
    pub(super) scan: &'a StepScan,
    /// Values as they came.
    pub(super) raw: &'a [f64],
    pub(super) noise: Noise,
    pub(super) creep: Creep,
    pub(super) detector: &'a Detector,
}

/// What is known about a proposed change.
pub(super) struct Candidate {
    /// Evidence, not negative.
    pub(super) z: f64,
    /// Evidence beyond what is asked; far below 0 for what is no step at all, so that it goes first.
    margin: f64,
}

impl Judge<'_> {
    /// Drops the weakest candidate until all pass; what is known of the rest.
    pub(super) fn merge(&self, changes: &mut Vec<usize>) -> Vec<Candidate> {
        // The window in which each was placed last: where it did not change, neither did the clearest place.
        let mut placed = vec![(0, 0); changes.len()];
        loop {
            self.refine(changes, &mut placed);
            let judged = self.judged(changes);
            let weakest = judged.iter().enumerate().min_by(|a, b| a.1.margin.total_cmp(&b.1.margin));
            match weakest {
                Some((i, candidate)) if candidate.margin < 0.0 => {
                    changes.remove(i);
                    placed.remove(i);
                }
                _ => return judged,
            }
        }
    }

    /// Moves each change to the clearest place between its neighbours, some of which may have been merged away since.
    fn refine(&self, changes: &mut [usize], placed: &mut [(usize, usize)]) {
        let least = shortest(self.scan.len(), self.detector);
        for i in 0..changes.len() {
            let from = if i == 0 { 0 } else { changes[i - 1] };
            let to = changes.get(i + 1).copied().unwrap_or(self.scan.len());
            if std::mem::replace(&mut placed[i], (from, to)) == (from, to) {
                continue;
            }
            let evidence = |place: usize| {
                self.scan.evidence((from, place, to), self.noise.long_run_sd, self.creep, Elsewhere::default()).abs()
            };
            let mut best = evidence(changes[i]);
            let plain = self.scan.clearest_plain(from, to, least);
            let beside = |precision| self.scan.clearest_beside_slope(from, to, least, precision);
            let ramps = [beside(self.creep.precision), beside(self.creep.fast_precision())];
            for place in plain.into_iter().chain(ramps.into_iter().flatten()) {
                // Rounding must not move a change back and forth.
                let seen = evidence(place);
                if seen > best * (1.0 + 1e-12) {
                    best = seen;
                    changes[i] = place;
                }
            }
        }
    }

    fn judged(&self, changes: &[usize]) -> Vec<Candidate> {
        let n = self.scan.len();
        let starts: Vec<usize> = std::iter::once(0).chain(changes.iter().copied()).collect();
        let end = |i: usize| starts.get(i + 1).copied().unwrap_or(n);
        let within: Vec<Elsewhere> = (0..starts.len()).map(|i| self.scan.within(starts[i], end(i))).collect();
        let all = within.iter().fold(Elsewhere::default(), |sum, w| sum + *w);
        (0..changes.len())
            .map(|i| self.candidate((starts[i], changes[i], end(i + 1)), all - within[i] - within[i + 1]))
            .collect()
    }

    /// Judges a change at `place` of from..to; `other` is what the rest of the series says about creep.
    fn candidate(&self, (from, place, to): (usize, usize, usize), other: Elsewhere) -> Candidate {
        let Self { scan, noise, detector, .. } = self;
        let evidence = scan.evidence((from, place, to), noise.long_run_sd, self.creep, other);
        let (before, after) = (place - from, to - place);
        let short = before < detector.min_segment || after < detector.min_after;
        // Three stragglers in a row feign a new regime: as long as it is short, what was pulled in elsewhere counts in
        // full.
        let longer = if before > after { (from, place) } else { (place, to) };
        let t = if short { evidence / self.straggling(longer) } else { evidence };
        let z = z_from_t(t.abs(), noise.df);
        let free = scan.beside_slope(from, place, to, 0.0, Elsewhere::default()) / noise.long_run_sd;
        let ramp = to - from >= SLOPE_FROM && free * evidence.signum() < BESIDE_ANY_SLOPE;
        // A short regime in the midst of others has gone away again: an episode, no step. At the ends nobody knows yet.
        let ended = (before < detector.min_segment && from > 0) || (after < detector.min_after && to < scan.len());
        let lasting = !short || (!ended && self.wholly_across(from, place, to));
        let needed = evidence_needed(detector, scan.len(), before, after);
        let margin = z - needed;
        let passes = lasting && !ramp;
        Candidate { z, margin: if passes { margin } else { margin.min(0.0) - 10.0 } }
    }

    /// How much larger the standard deviation is with stragglers than with them pulled in, at least 1.
    fn straggling(&self, (from, to): (usize, usize)) -> f64 {
        let mean = self.scan.mean(from, to);
        let raw: f64 = self.raw[from..to].iter().map(|v| (v - mean) * (v - mean)).sum();
        let pulled = self.scan.squared_error(from, to);
        if pulled > 0.0 { (raw / pulled).sqrt().max(1.0) } else { 1.0 }
    }

    /// Is each point of the shorter side well off the other level? One straggler among three cannot feign that.
    fn wholly_across(&self, from: usize, place: usize, to: usize) -> bool {
        let (a, b) = (self.scan.mean(from, place), self.scan.mean(place, to));
        let shift = b - a;
        if place - from < to - place {
            self.raw[from..place].iter().all(|v| (b - OWN_SIDE * shift - v) * shift > 0.0)
        } else {
            self.raw[place..to].iter().all(|v| (v - a - OWN_SIDE * shift) * shift > 0.0)
        }
    }
}
