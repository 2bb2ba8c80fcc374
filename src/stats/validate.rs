//! Does a proposed change deserve to be called a step?

use std::ops::Range;

use super::clean::Residuals;
use super::detect::Detector;
use super::distributions::z_from_t;
use super::series::Series;

/// How far across each point of a short regime must be, as a part of the shift: three points of noise fail at half of
/// it too often, and a straggler that makes up the whole mean leaves the others at none of it.
const OWN_SIDE: f64 = 1.0 / 3.0;

/// By how much z must exceed the ordinary threshold while the new regime is short, in standard errors.
const SHORT_EXTRA: f64 = 0.4;

/// Points in a window from which on a slope can be told from a step.
const SLOPE_FROM: usize = 20;

/// What is known about a proposed change.
pub(super) struct Candidate {
    /// Level after minus level before.
    pub(super) shift: f64,
    /// Size in long-run standard errors, not negative, before allowing for the degrees of freedom.
    pub(super) t: f64,
    z: f64,
    z_needed: f64,
    passes: bool,
}

impl Candidate {
    /// At least 0 if the change passes; the more negative, the sooner it should be merged away.
    pub(super) fn score(&self) -> f64 {
        let margin = self.z - self.z_needed;
        // A change that is no step at all goes before any that is merely too weak, weakest first.
        if self.passes { margin } else { margin.min(0.0) - 1.0 - 0.5 * self.z_needed }
    }
}

/// Compares from..change with change..to.
pub(super) fn judge(
    series: &Series,
    from: usize,
    change: usize,
    to: usize,
    noise: Residuals,
    detector: &Detector,
) -> Candidate {
    let ((a, weight_a), (b, weight_b)) = (series.cost.mean(from, change), series.cost.mean(change, to));
    let shift = b - a;
    let t = shift.abs() / (noise.long_run_sd * (1.0 / weight_a + 1.0 / weight_b).sqrt());

    let (before, after) = (change - from, to - change);
    let short = before < detector.min_segment || after < detector.min_after;
    // Three stragglers in a row feign a new regime: as long as it is short, what was pulled in elsewhere counts in
    // full.
    let t = if short { t / straggling(series, if before > after { from..change } else { change..to }) } else { t };
    let z = z_from_t(t, noise.df);
    // A short regime in the midst of others has gone away again: an episode, no step. At the ends nobody knows yet.
    let ended = (before < detector.min_segment && from > 0) || (after < detector.min_after && to < series.len());
    let lasting = !short || (!ended && wholly_across(series, from, change, to, a, shift));
    let no_ramp =
        to - from < SLOPE_FROM || step_beside_slope(series, from, change, to, noise, shift) >= detector.slope_t_min;
    let z_needed = detector.z_needed(series.len()) + if short { SHORT_EXTRA } else { 0.0 };
    Candidate { shift, t, z, z_needed, passes: lasting && no_ramp }
}

/// How much larger the standard deviation is with stragglers than with them pulled in, at least 1.
pub(super) fn straggling(series: &Series, side: Range<usize>) -> f64 {
    let (mean, _) = series.cost.mean(side.start, side.end);
    let square = |i: usize| series.weights[i] * (series.raw[i] - series.cost.centre - mean).powi(2);
    let (raw, pulled) = (side.clone().map(square).sum::<f64>(), series.cost.of(side.start, side.end));
    if pulled > 0.0 { (raw / pulled).sqrt().max(1.0) } else { 1.0 }
}

/// Is each point of the shorter side well off the other level? One straggler among three cannot feign that.
fn wholly_across(series: &Series, from: usize, change: usize, to: usize, level: f64, shift: f64) -> bool {
    // `Cost::mean` is relative to a centre, so the bar is brought back to the scale of the values.
    let bar = |part: f64| level + series.cost.centre + part * shift;
    if change - from < to - change {
        series.values[from..change].iter().all(|v| (bar(1.0 - OWN_SIDE) - v) * shift > 0.0)
    } else {
        series.values[change..to].iter().all(|v| (v - bar(OWN_SIDE)) * shift > 0.0)
    }
}

/// The step of a model "level + slope + step" in its standard errors, negative if it points the other way than `shift`.
fn step_beside_slope(series: &Series, from: usize, change: usize, to: usize, noise: Residuals, shift: f64) -> f64 {
    // The step indicator with level and slope taken out (Frisch & Waugh 1933, Econometrica 1) leaves one division.
    let (mut w0, mut w1, mut w2, mut s0, mut s1) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for i in from..to {
        let (w, x) = (series.weights[i], i as f64 - change as f64);
        w0 += w;
        w1 += w * x;
        w2 += w * x * x;
        if i >= change {
            s0 += w;
            s1 += w * x;
        }
    }
    let det = w0 * w2 - w1 * w1;
    if det <= 0.0 {
        return 0.0;
    }
    let (level, slope) = ((s0 * w2 - s1 * w1) / det, (w0 * s1 - w1 * s0) / det);
    let (mut product, mut square) = (0.0, 0.0);
    for i in from..to {
        let left = f64::from(u8::from(i >= change)) - level - slope * (i as f64 - change as f64);
        product += series.weights[i] * left * (series.values[i] - series.cost.centre);
        square += series.weights[i] * left * left;
    }
    if square <= 0.0 { 0.0 } else { product / square.sqrt() / noise.long_run_sd * shift.signum() }
}
