//! Creep that bends: what grows by as much each day bends in logarithms, and a few steps follow a bend rather well.

use super::detect::Found;
use super::detector::Detector;
use super::means::dot;
use super::noise::unbiased;

/// Highest degree of a bend: it follows the logarithms of what grows to the threefold to two thousandths.
const HIGHEST: usize = 4;

/// Autocorrelation from which on a bend may be left beside all of the steps.
const REMEMBERS: f64 = 0.4;

/// By how much the autocorrelation about a bend may be larger than about the steps: what explains a series better leaves no
/// more memory, give or take the error of the estimate.
const MORE_MEMORY: f64 = 0.04;

/// How many of the clearest steps are put beside a bend, none first.
const MOST_LOOKS: usize = 3;

/// Points for each coefficient, fewer of which follow the noise.
const POINTS_EACH: usize = 4;

/// Evidence that each degree of a bend must give, as a normal deviate: less than a step, whose place was searched.
const Z_DEGREE: f64 = 3.0;

/// How far from the middle, as a part of half the series, creep may turn: a polynomial follows growth that slows down a
/// little beyond its top. What turns earlier has come and gone, and is no creep.
const TURNS_FROM: f64 = 0.8;

/// Places at which the bend is asked whether it turns.
const LOOKS: usize = 33;

/// Twice the logarithm of how much rarer kinks are than steps: without it one step in forty near an end passes for one.
const KINK_RARER: f64 = 6.0;

/// Fewest points on each side of a kink, and as a part of the series.
const KINK_POINTS: usize = 6;
const KINK_PART: f64 = 0.1;

/// Creep that is no straight line.
pub(super) struct Bend {
    /// What it adds to each value beyond a straight line.
    pub(super) off: Vec<f64>,
    /// Where it is made of two lines.
    pub(super) kink: Option<Kink>,
}

/// Where creep begins, ends or becomes faster.
pub(super) struct Kink {
    /// First point of the second line.
    pub(super) index: usize,
    /// Slopes before and after, in the unit of the values per unit of the times.
    pub(super) slopes: [f64; 2],
}

/// Creep that bends, beside some of the steps or none, where it explains the values better than what was `found`: each step
/// must pay with the evidence that is asked of one, and so must a kink, whose place was searched; each degree of a smooth
/// bend with its own. O(n).
pub(super) fn bend(times: &[f64], found: &Found, detector: &Detector) -> Option<Bend> {
    let n = times.len();
    let mut steps: Vec<(usize, f64)> = found.regimes.steps.iter().map(|s| (s.index, s.z)).collect();
    // A bend beside all of the steps passes for memory.
    let looks = steps.len() + usize::from(found.regimes.phi >= REMEMBERS);
    if looks == 0 {
        return None;
    }
    steps.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (start, half) = (times[0], 0.5 * (times[n - 1] - times[0]));
    let degrees = legendre(times.iter().map(|t| (t - start) / half - 1.0).collect());
    let squares: f64 = found.calm.iter().zip(&found.fitted).map(|(v, f)| (v - f) * (v - f)).sum();
    let step = detector.z_min * detector.z_min;
    // What a fit gains beyond what it must; nothing where it leaves more memory.
    let gained = |fit: &LeastSquares, asked: f64| {
        let left = fit.squares();
        let phi = unbiased(dot(&fit.left[1..], &fit.left[..n - 1]) / left, fit.columns.len(), n);
        let independent = n as f64 * (1.0 - phi) / (1.0 + phi);
        let gained = independent * (squares / left).ln() - asked;
        if phi <= found.regimes.phi + MORE_MEMORY { gained } else { f64::NEG_INFINITY }
    };
    for kept in 0..looks.min(MOST_LOOKS) {
        let mut fit = LeastSquares::new(&found.calm);
        for (place, _) in steps.iter().take(kept) {
            fit.add((0..n).map(|i| f64::from(u8::from(i >= *place))).collect())?;
        }
        fit.add(degrees[0].clone())?;
        fit.add(degrees[1].clone())?;
        let saved = (steps.len() as f64 - kept as f64) * step;
        let (mut best, mut found) = (0.0, None);
        if kept == 0
            && let Some((index, column)) = kink(&fit, &degrees[1])
        {
            let mut fit = fit.clone();
            fit.add(column.clone())?;
            let gain = gained(&fit, step + KINK_RARER - saved);
            if gain > best {
                let [_, before, more] = fit.coefficients()[..] else { return None };
                let slopes = [before / half, (before + more) / half];
                best = gain;
                let off = column.iter().map(|c| more * c).collect();
                found = Some(Bend { off, kink: Some(Kink { index, slopes }) });
            }
        }
        for degree in 2..=HIGHEST.min((n / POINTS_EACH).saturating_sub(kept + 1)) {
            fit.add(degrees[degree].clone())?;
            let gain = gained(&fit, (degree - 1) as f64 * Z_DEGREE * Z_DEGREE - saved);
            if gain > best {
                let bend = fit.coefficients().split_off(kept + 1);
                if turns(&bend) {
                    continue;
                }
                best = gain;
                let at = |i: usize| bend[1..].iter().zip(&degrees[2..]).map(|(b, d)| b * d[i]).sum::<f64>();
                found = Some(Bend { off: (0..n).map(at).collect(), kink: None });
            }
        }
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Where a second line explains most of what the first, which was fitted last, leaves: its first point, and how far each
/// point lies beyond it. O(n): sums over the rest of the series.
fn kink(fit: &LeastSquares, time: &[f64]) -> Option<(usize, Vec<f64>)> {
    let n = time.len();
    let least = KINK_POINTS.max((KINK_PART * n as f64) as usize);
    let line = fit.columns.last()?;
    let (mut points, mut t, mut tt, mut left, mut t_left, mut own, mut t_own) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut best, mut most) = (None, 0.0);
    for i in (1..n).rev() {
        points += 1.0;
        t += time[i];
        tt += time[i] * time[i];
        left += fit.left[i];
        t_left += time[i] * fit.left[i];
        own += line[i];
        t_own += time[i] * line[i];
        if i < least || n - i < least {
            continue;
        }
        // Products of the column max(0, time - from) with what is left, with 1, itself and the line.
        let from = time[i];
        let product = t_left - from * left;
        let sum = t - from * points;
        let along = t_own - from * own;
        let square = tt - 2.0 * from * t + from * from * points - sum * sum / n as f64 - along * along;
        if square > 0.0 && product * product > most * square {
            (best, most) = (Some(i), product * product / square);
        }
    }
    best.map(|index| (index, time.iter().map(|t| (t - time[index]).max(0.0)).collect()))
}

/// Does a bend turn back? Its coefficients are those of the Legendre polynomials from the first degree on.
fn turns(bend: &[f64]) -> bool {
    let looks = (0..LOOKS).map(|i| TURNS_FROM * (2.0 * i as f64 / (LOOKS - 1) as f64 - 1.0)).collect();
    let degrees = legendre(looks);
    let at: Vec<f64> = (0..LOOKS).map(|i| bend.iter().zip(&degrees[1..]).map(|(b, d)| b * d[i]).sum()).collect();
    let risen = at[LOOKS - 1] - at[0];
    at.windows(2).any(|w| (w[1] - w[0]) * risen < 0.0)
}

/// Legendre polynomials up to [`HIGHEST`] at times from -1 to 1: what bends in them has no slope.
fn legendre(time: Vec<f64>) -> Vec<Vec<f64>> {
    let mut degrees = vec![vec![1.0; time.len()], time];
    for d in 1..HIGHEST {
        let of = d as f64;
        let (time, last, before) = (&degrees[1], &degrees[d], &degrees[d - 1]);
        let next = time.iter().zip(last).zip(before);
        let next = next.map(|((t, last), before)| ((2.0 * of + 1.0) * t * last - of * before) / (of + 1.0)).collect();
        degrees.push(next);
    }
    degrees
}

/// Least squares, one column after the other (modified Gram-Schmidt: Björck 1967, BIT 7, 1).
#[derive(Clone)]
struct LeastSquares {
    /// What is left of the values.
    left: Vec<f64>,
    /// Columns, each without the earlier ones, of length 1.
    columns: Vec<Vec<f64>>,
    /// What was taken off each column of the earlier ones, its length last.
    shares: Vec<Vec<f64>>,
    /// The values' part in each.
    parts: Vec<f64>,
}

impl LeastSquares {
    fn new(values: &[f64]) -> Self {
        Self { left: values.to_vec(), columns: Vec::new(), shares: Vec::new(), parts: Vec::new() }
    }

    /// Takes a column out of what is left; `None` where it is made of earlier ones.
    fn add(&mut self, mut column: Vec<f64>) -> Option<()> {
        let whole = dot(&column, &column);
        let mut shares = Vec::with_capacity(self.columns.len() + 1);
        for earlier in &self.columns {
            let share = dot(&column, earlier);
            take_off(&mut column, share, earlier);
            shares.push(share);
        }
        let square = dot(&column, &column);
        if square <= 1e-9 * whole {
            return None;
        }
        let length = square.sqrt();
        column.iter_mut().for_each(|c| *c /= length);
        shares.push(length);
        let part = dot(&self.left, &column);
        take_off(&mut self.left, part, &column);
        self.columns.push(column);
        self.shares.push(shares);
        self.parts.push(part);
        Some(())
    }

    /// Coefficients of the columns as they were given.
    fn coefficients(&self) -> Vec<f64> {
        let mut coefficients = self.parts.clone();
        for i in (0..coefficients.len()).rev() {
            coefficients[i] /= self.shares[i][i];
            let own = coefficients[i];
            coefficients.iter_mut().zip(&self.shares[i]).take(i).for_each(|(c, share)| *c -= own * share);
        }
        coefficients
    }

    fn squares(&self) -> f64 {
        dot(&self.left, &self.left)
    }
}

fn take_off(from: &mut [f64], share: f64, of: &[f64]) {
    from.iter_mut().zip(of).for_each(|(f, o)| *f -= share * o);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::detect_regimes;
    use crate::stats::simulation::{Noise, series};

    fn times(n: usize) -> Vec<f64> {
        (0..n).map(|i| i as f64).collect()
    }

    /// Logarithms of what grows by as much each day, `noise` of its own.
    fn growth(seed: u64, n: usize, times_as_much: f64, noise: f64) -> Vec<f64> {
        let own = series(seed, n, Noise::Ar(0.3));
        own.iter()
            .enumerate()
            .map(|(i, e)| (1.0 + (times_as_much - 1.0) * i as f64 / n as f64).ln() + noise * e)
            .collect()
    }

    #[test]
    fn growth_by_as_much_each_day_is_creep_and_no_steps() {
        for (n, times_as_much, noise) in [(40, 2.0, 0.01), (90, 2.0, 0.02), (365, 2.0, 0.05), (365, 3.0, 0.02)] {
            let mut stepped = 0;
            for seed in 0..20 {
                let found = detect_regimes(&times(n), &growth(seed, n, times_as_much, noise), &Detector::default());
                let found = found.expect("usable");
                stepped += usize::from(!found.steps.is_empty() || found.slope_z() < Detector::default().z_min);
            }
            assert!(stepped <= 4, "{stepped} of 20 of {n} points to the {times_as_much} at {noise}");
        }
    }

    #[test]
    fn a_step_in_what_grows_is_found_alone() {
        let alone = (0..20).filter(|seed| {
            let mut y = growth(*seed, 365, 2.0, 0.02);
            y.iter_mut().skip(250).for_each(|v| *v += 0.2);
            let steps = detect_regimes(&times(365), &y, &Detector::default()).expect("usable").steps;
            steps.len() == 1 && steps[0].index.abs_diff(250) <= 5 && (steps[0].shift - 0.2).abs() < 0.04
        });
        assert!(alone.count() >= 17);
    }

    #[test]
    fn creep_begins_where_it_begins() {
        let d = Detector::default();
        let told = (0..20).filter(|seed| {
            let own = series(*seed, 365, Noise::Ar(0.3));
            let y: Vec<f64> =
                own.iter().enumerate().map(|(i, e)| 0.05 * e + 0.004 * (i as f64 - 200.0).max(0.0)).collect();
            let found = detect_regimes(&times(365), &y, &d).expect("usable");
            let [before, after] = &found.creeps[..] else { return false };
            found.steps.is_empty() && before.z.abs() < d.z_min && after.z > d.z_min && after.from.abs_diff(200) <= 12
        });
        assert!(told.count() >= 18);
    }

    #[test]
    fn a_kink_is_that_of_least_squares() {
        let y = series(8, 60, Noise::Ar(0.0));
        let degrees = legendre((0..60).map(|i| f64::from(i) / 29.5 - 1.0).collect());
        let line = || {
            let mut fit = LeastSquares::new(&y);
            fit.add(degrees[0].clone()).and_then(|()| fit.add(degrees[1].clone())).expect("independent");
            fit
        };
        let left = |from: usize| {
            let mut fit = line();
            fit.add(degrees[1].iter().map(|t| (t - degrees[1][from]).max(0.0)).collect()).expect("independent");
            fit.squares()
        };
        let best = (6..=54).min_by(|a, b| left(*a).total_cmp(&left(*b)));
        assert_eq!(kink(&line(), &degrees[1]).map(|(index, _)| index), best);
    }

    #[test]
    fn what_comes_and_goes_does_not_bend() {
        assert!(!turns(&[1.0, 0.2]) && !turns(&[-1.0, 0.2, 0.05]));
        assert!(turns(&[0.1, 1.0]) && turns(&[0.0, 0.0, 1.0]));
    }

    #[test]
    fn least_squares_finds_what_was_put_in() {
        let degrees = legendre((0..50).map(|i| i as f64 / 24.5 - 1.0).collect());
        let want = [3.0, -2.0, 0.5, 0.25, -4.0];
        let y: Vec<f64> = (0..50).map(|i| want.iter().zip(&degrees).map(|(w, d)| w * d[i]).sum()).collect();
        let mut fit = LeastSquares::new(&y);
        for degree in &degrees {
            fit.add(degree.clone()).expect("independent");
        }
        assert!(fit.squares() < 1e-20, "{}", fit.squares());
        assert!(fit.coefficients().iter().zip(want).all(|(c, w)| (c - w).abs() < 1e-9), "{:?}", fit.coefficients());
        assert!(fit.add(degrees[1].clone()).is_none(), "a column twice");
    }
}
