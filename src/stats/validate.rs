//! Does a proposed change deserve to be called a step?

use super::detect::shortest;
use super::detector::Detector;
use super::distributions::z_from_t;
use super::noise::Noise;
use super::step_scan::{Creep, Elsewhere, StepScan};
use std::ops::RangeInclusive;

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
    /// The regime that is over again.
    over: Option<Side>,
}

/// Before or after a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
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
                    let away = candidate.over.and_then(|side| self.episode(changes, i, side)).unwrap_or(i..=i);
                    changes.drain(away.clone());
                    placed.drain(away);
                }
                _ => return judged,
            }
        }
    }

    /// Both changes around a regime that is over again, if all is then as it was before: what is left of an episode would
    /// pass for a step where only one of the two is taken away.
    fn episode(&self, changes: &[usize], i: usize, side: Side) -> Option<RangeInclusive<usize>> {
        let (first, last) = match side {
            Side::Before => (i.checked_sub(1)?, i),
            Side::After => (i, i + 1),
        };
        let from = first.checked_sub(1).map_or(0, |before| changes[before]);
        let (begins, ends) = (changes[first], *changes.get(last)?);
        let to = changes.get(last + 1).copied().unwrap_or(self.scan.len());
        let gap = self.scan.mean(ends, to) - self.scan.mean(from, begins);
        let error = self.noise.long_run_sd * (1.0 / (begins - from) as f64 + 1.0 / (to - ends) as f64).sqrt();
        (gap.abs() < self.detector.z_min * error).then_some(first..=last)
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
            let ramps = [beside(self.creep.precision), beside(self.creep.fast_precision)];
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
        let over = if from > 0 && self.has_fewer((from, place), detector.min_segment, (place, to)) {
            Some(Side::Before)
        } else if to < scan.len() && self.has_fewer((place, to), detector.min_after, (from, place)) {
            Some(Side::After)
        } else {
            None
        };
        let lasting = over.is_none() && (!short || self.wholly_across(from, place, to));
        let needed = evidence_needed(detector, scan.len(), before, after);
        let margin = z - needed;
        let passes = lasting && !ramp;
        Candidate { z, margin: if passes { margin } else { margin.min(0.0) - 10.0 }, over }
    }

    /// Has a regime fewer than `least` points of its own? Those that lie beyond the middle third towards the other level were taken
    /// in to make it long enough. In a long one nobody counts.
    fn has_fewer(&self, (from, to): (usize, usize), least: usize, other: (usize, usize)) -> bool {
        if to - from >= 2 * least {
            return false;
        }
        let (own, other) = (self.scan.mean(from, to), self.scan.mean(other.0, other.1));
        let limit = other + OWN_SIDE * (own - other);
        self.raw[from..to].iter().filter(|v| (**v - limit) * (own - other) > 0.0).count() < least
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
