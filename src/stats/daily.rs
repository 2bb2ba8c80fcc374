//! A daily pattern: what each time of the day adds to a series with several samples a day; and both calendars at once.

use super::{MAD_TO_SD, median, weekday_pattern};
use std::collections::BTreeMap;

/// Slots of a day, at most: five minutes.
const MAX_SLOTS: f64 = 288.0;
/// Days without which a pattern cannot be told from chance.
const MIN_DAYS: usize = 5;
/// A series has several samples a day if its median spacing is below this, in days.
const DENSE: f64 = 0.5;
/// What lies around a value, and the share of a usual day's points that it must hold.
const HALF_DAY: f64 = 0.5;
const MOSTLY: f64 = 0.9;
/// The pattern is dropped unless its mean square is this many times what chance gives: slots of one day are neighbours and
/// go up and down together, so that a chi-square would count them too often.
const CLEAR: f64 = 4.0;
/// Variance of a median over that of a mean, normal values.
const MEDIAN_VARIANCE: f64 = std::f64::consts::FRAC_PI_2;

/// What to subtract from each value so that neither the day of the week nor the time of the day is left in it; `None` where
/// neither shows.
///
/// `days` are days since the Unix epoch, ascending; in the unit of the values. Each slot's part is the median over the days
/// of its distance from the mean of the day around it, shrunk by what chance alone would give (James & Stein 1961); weekdays are
/// those of [`weekday_pattern`] on the medians of the days. O(n log n) for the usual number of values a day.
#[must_use]
pub fn calendar_pattern(days: &[f64], values: &[f64]) -> Option<Vec<f64>> {
    let spacings: Vec<f64> = days.windows(2).map(|w| w[1] - w[0]).collect();
    let spacing = median(&spacings)?;
    if spacing >= DENSE {
        return weekday_pattern(days, values);
    }
    let daily = daily_pattern(days, values, spacing);
    let rest: Vec<f64> = match &daily {
        Some(pattern) => values.iter().zip(pattern).map(|(v, p)| v - p).collect(),
        None => values.to_vec(),
    };
    let (of_day, middles) = day_medians(days, &rest);
    let noon: Vec<f64> = of_day.keys().map(|day| *day as f64 + 0.5).collect();
    let weekly = weekday_pattern(&noon, &middles).map(|pattern| {
        let by_day: BTreeMap<i64, f64> = of_day.keys().copied().zip(pattern).collect();
        days.iter().map(|d| by_day.get(&(d.floor() as i64)).copied().unwrap_or(0.0)).collect::<Vec<f64>>()
    });
    match (daily, weekly) {
        (Some(daily), Some(weekly)) => Some(daily.iter().zip(&weekly).map(|(d, w)| d + w).collect()),
        (daily, weekly) => daily.or(weekly),
    }
}

/// Values of each day, and the median of each.
fn day_medians(days: &[f64], values: &[f64]) -> (BTreeMap<i64, Vec<f64>>, Vec<f64>) {
    let mut of_day: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (day, value) in days.iter().zip(values) {
        of_day.entry(day.floor() as i64).or_default().push(*value);
    }
    let middles = of_day.values().map(|values| median(values).unwrap_or(0.0)).collect();
    (of_day, middles)
}

fn daily_pattern(days: &[f64], values: &[f64], spacing: f64) -> Option<Vec<f64>> {
    let slots = if spacing > 0.0 { (1.0 / spacing).round().clamp(2.0, MAX_SLOTS) } else { MAX_SLOTS };
    let slot = |day: f64| (((day - day.floor()) * slots) as usize).min(slots as usize - 1);
    let (first, last) = (days.first()?, days.last()?);
    if (last.floor() - first.floor()) < (MIN_DAYS - 1) as f64 || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    // What creeps within a day is no part of its pattern. Half a day at each end has one side only, as have the edges of
    // longer gaps.
    let around = around(days, values, spacing);
    let counts: Vec<f64> = around.iter().map(|day| day.points as f64).collect();
    let whole = MOSTLY * median(&counts)?;
    let mut by_slot = vec![Vec::new(); slots as usize];
    for ((day, value), around) in days.iter().zip(values).zip(&around) {
        let inside = day - first >= HALF_DAY && last - day >= HALF_DAY;
        if inside && around.points as f64 >= whole {
            by_slot[slot(*day)].push(value - around.mean);
        }
    }
    let centres: Vec<f64> = by_slot.iter().map(|values| median(values).unwrap_or(0.0)).collect();
    let total = days.iter().map(|d| centres[slot(*d)]).sum::<f64>() / days.len() as f64;
    // How far a slot's values lie from its centre, over the days.
    let off: Vec<f64> = by_slot.iter().zip(&centres).flat_map(|(v, c)| v.iter().map(move |v| (v - c).abs())).collect();
    let noise = MAD_TO_SD * median(&off)?;
    let (mut pattern, mut chance, mut seen) = (0.0, 0.0, 0.0);
    for (values, centre) in by_slot.iter().zip(&centres).filter(|s| s.0.len() >= 3) {
        pattern += (centre - total).powi(2);
        chance += noise * noise * MEDIAN_VARIANCE / values.len() as f64;
        seen += 1.0;
    }
    if seen < 2.0 || pattern <= CLEAR * chance || pattern <= 0.0 {
        return None;
    }
    let keep = 1.0 - chance / pattern;
    Some(days.iter().map(|d| keep * (centres[slot(*d)] - total)).collect())
}

/// The day around a value.
struct Around {
    points: usize,
    mean: f64,
}

/// Half a day on either side of each value. One end is left out, so that each time of the day counts once; a median would
/// jump where a day's values are of two kinds.
fn around(days: &[f64], values: &[f64], spacing: f64) -> Vec<Around> {
    let mut sums = vec![0.0];
    sums.extend(values.iter().scan(0.0, |sum, value| {
        *sum += value;
        Some(*sum)
    }));
    let (mut from, mut to) = (0, 0);
    let of = |day: &f64| {
        while days[from] < day - HALF_DAY - 0.25 * spacing {
            from += 1;
        }
        while to < days.len() && days[to] < day + HALF_DAY - 0.5 * spacing {
            to += 1;
        }
        Around { points: to - from, mean: (sums[to] - sums[from]) / (to - from) as f64 }
    };
    days.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::simulation::{Noise, series};

    fn hourly(n: usize) -> Vec<f64> {
        (0..n).map(|i| 20_000.0 + i as f64 / 24.0 + 1e-6).collect()
    }

    #[test]
    fn the_time_of_the_day_is_found_beside_a_step() {
        let days = hourly(24 * 40);
        let wave = |i: usize| (std::f64::consts::TAU * i as f64 / 24.0).sin();
        let y: Vec<f64> = series(4, days.len(), Noise::Ar(0.5))
            .iter()
            .enumerate()
            .map(|(i, e)| 0.3 * e + wave(i) + if i < 500 { 0.0 } else { 2.0 })
            .collect();
        let pattern = calendar_pattern(&days, &y).expect("a pattern");
        for i in (0..days.len()).step_by(7) {
            assert!((pattern[i] - wave(i)).abs() < 0.3, "{i}: {} for {}", pattern[i], wave(i));
        }
    }

    #[test]
    fn a_day_of_two_levels_is_taken_out_whole() {
        let n = 288 * 14;
        let days: Vec<f64> = (0..n).map(|i| 20_000.0 + i as f64 / 288.0 + 1e-6).collect();
        let y: Vec<f64> = (0..n).map(|i| if (108..252).contains(&(i % 288)) { 4.2 } else { 3.0 }).collect();
        let pattern = calendar_pattern(&days, &y).expect("a pattern");
        let left: Vec<f64> = y.iter().zip(&pattern).map(|(y, p)| y - p).collect();
        assert!(left.iter().all(|v| (v - left[0]).abs() < 1e-9));
    }

    #[test]
    fn creep_within_the_days_is_no_pattern() {
        for days in [5, 7, 10, 14] {
            let n = 24 * days;
            let y: Vec<f64> = series(3, n, Noise::Ar(0.0))
                .iter()
                .enumerate()
                .map(|(i, e)| 0.02 * e + 1.1 * i as f64 / n as f64)
                .collect();
            assert_eq!(calendar_pattern(&hourly(n), &y), None, "{days} days");
        }
    }

    #[test]
    fn wandering_is_no_pattern() {
        let found = (0..60)
            .filter(|&seed| {
                let y = series(seed, 24 * 21, Noise::Ar(0.9));
                calendar_pattern(&hourly(y.len()), &y).is_some()
            })
            .count();
        assert!(found <= 2, "{found} of 60");
        assert_eq!(calendar_pattern(&[], &[]), None);
        assert_eq!(calendar_pattern(&hourly(200), &[1.0; 200]), None);
    }
}
