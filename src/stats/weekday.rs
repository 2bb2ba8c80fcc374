//! A weekly pattern: what each day of the week adds to a series, whatever its level does meanwhile.

use super::window::from_middle_around;
use super::{MAD_TO_SD, mad, median};

/// Days on each side whose median is the level that a day is held against: a whole week's worth of days, twice.
const HALF_WINDOW_DAYS: f64 = 7.0;
/// Weeks of history without which a pattern cannot be told from chance, and points that each day of the week needs.
const MIN_WEEKS: f64 = 4.0;
const MIN_PER_DAY: usize = 3;
/// The pattern is dropped unless its chi-square (6 degrees of freedom) exceeds this: one in a thousand by chance.
const CHI_SQUARE: f64 = 22.46;
/// Variance of a median over that of a mean, normal values.
const MEDIAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;

/// What to subtract from each value: the median distance of its day of the week from the median of the fortnight around it,
/// centred on the middle day. `None` where there is no clear pattern, or too little history to see one.
///
/// `days` are days since the Unix epoch, ascending; in the unit of the values. O(n times the points of a fortnight).
#[must_use]
pub fn weekday_pattern(days: &[f64], values: &[f64]) -> Option<Vec<f64>> {
    let n = values.len().min(days.len());
    let span = days.last()? - days.first()?;
    if span < MIN_WEEKS * 7.0 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let rest = from_middle_around(days, values, HALF_WINDOW_DAYS);
    let day: Vec<usize> = days[..n].iter().map(|day| (day.floor() as i64).rem_euclid(7) as usize).collect();
    let mut by_day: [Vec<f64>; 7] = Default::default();
    day.iter().zip(&rest).for_each(|(day, rest)| by_day[*day].push(*rest));
    let seen: Vec<usize> = (0..7).filter(|&d| !by_day[d].is_empty()).collect();
    if seen.len() < 2 || seen.iter().any(|&d| by_day[d].len() < MIN_PER_DAY) {
        return None;
    }
    let middles: Vec<f64> = by_day.iter().map(|values| median(values).unwrap_or(0.0)).collect();
    let within: Vec<f64> = day.iter().zip(&rest).map(|(day, rest)| rest - middles[*day]).collect();
    let noise = mad(&within)?.max(MAD_TO_SD * 1e-9);
    let total: f64 = seen.iter().map(|&d| by_day[d].len() as f64 * middles[d]).sum::<f64>() / n as f64;
    let square =
        |d: &usize| by_day[*d].len() as f64 * (middles[*d] - total).powi(2) / (noise * noise * MEDIAN_VARIANCE);
    if seen.iter().map(square).sum::<f64>() <= CHI_SQUARE {
        return None;
    }
    let centre = median(&seen.iter().map(|&d| middles[d]).collect::<Vec<_>>())?;
    Some(day.iter().map(|day| middles[*day] - centre).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * 7919 % 101) as f64 - 50.0) * 0.001).collect()
    }

    fn days(n: usize) -> Vec<f64> {
        (0..n).map(|i| 20_000.0 + i as f64).collect()
    }

    #[test]
    fn weekends_are_found_beside_a_step() {
        let days = days(90);
        let weekend = |i: usize| (20_000 + i as i64).rem_euclid(7) < 2;
        let value: Vec<f64> = noise(90)
            .iter()
            .enumerate()
            .map(|(i, e)| e + if weekend(i) { -0.35 } else { 0.0 } + if i < 60 { 0.0 } else { 1.1 })
            .collect();
        let pattern = weekday_pattern(&days, &value).expect("a pattern");
        for (i, p) in pattern.iter().enumerate() {
            let want = if weekend(i) { -0.35 } else { 0.0 };
            assert!((p - want).abs() < 0.06, "{i}: {p} for {want}");
        }
    }

    #[test]
    fn noise_and_short_histories_have_no_pattern() {
        assert_eq!(weekday_pattern(&days(90), &noise(90)), None);
        assert_eq!(weekday_pattern(&days(20), &noise(20)), None);
        assert_eq!(weekday_pattern(&[], &[]), None);
        assert_eq!(weekday_pattern(&days(90), &[1.0; 90]), None);
    }
}
