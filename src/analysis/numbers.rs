//! Steps and creep in any series of numbers, each series judged by itself.

use crate::{
    model::{NumberSeries, Text, Timestamp},
    stats::{
        Detector, Estimate, Regimes, Step, Stretch, benjamini_yekutieli, calendar_pattern, detect_regimes,
        mean_difference, normal_two_sided, parallel_map, theil_sen,
    },
};

/// Confidence level of every interval.
const LEVEL: f64 = 0.95;
/// Fewest points of a regime that an effect is computed from after the uncertain ones were left out.
const MIN_CERTAIN: usize = 5;
/// How long the step must last that a minimum detectable effect speaks of, in points: four weeks of daily runs.
const LASTING: usize = 28;

/// What was found in one series.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberChanges {
    /// Its name.
    pub id: Text,
    /// Points.
    pub n: usize,
    /// Steps, in order.
    pub change_points: Vec<ChangePoint>,
    /// Creep.
    pub trends: Vec<NumberTrend>,
    /// Steps that were found, and are smaller than was asked for.
    pub left_out: usize,
    /// What could have been seen. `None` where nothing could.
    pub detectable: Option<Detectable>,
    /// Why nothing could be tested.
    pub untested: Option<&'static str>,
}

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePoint {
    /// First point of the new level.
    pub index: usize,
    /// When that was.
    pub time: Option<Timestamp>,
    /// Earliest and latest first point at 95 %.
    pub range: (usize, usize),
    /// When those were.
    pub time_range: Option<(Timestamp, Timestamp)>,
    /// After divided by before; `None` where values are not all positive.
    pub effect: Option<Estimate>,
    /// After minus before, in the unit of the values.
    pub difference: Option<Estimate>,
    /// Of no step, corrected for having searched all places.
    pub p_value: f64,
    /// Corrected for all series of the file.
    pub q_value: f64,
}

/// Creep from one point to another.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberTrend {
    /// First point.
    pub from_index: usize,
    /// Last point.
    pub to_index: usize,
    /// In the unit of the values a day, steps taken out; a point where the file has no times.
    pub slope_per_day: Estimate,
    /// When the first and the last point were; `None` where the file has no times.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Level at its first and at its last point, steps taken out: of the straight line through it, of logarithms where all
    /// values are positive.
    pub levels: (f64, f64),
    /// Of no creep.
    pub p_value: f64,
    /// Corrected for all series of the file.
    pub q_value: f64,
}

/// Smallest step that would have been found in four of five cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detectable {
    /// After divided by before, above 1; `None` where values are not all positive.
    pub ratio: Option<f64>,
    /// In the unit of the values.
    pub difference: f64,
    /// Points that the step must last.
    pub after: usize,
}

/// A ratio beyond which no series tells anything.
const LARGEST_RATIO: f64 = 1e4;

impl NumberChanges {
    /// Of all findings; 1 for a series in which nothing was found, for it was tested as well.
    fn p_values(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.change_points.iter().map(|c| c.p_value).collect();
        all.extend(self.trends.iter().map(|t| t.p_value));
        if all.is_empty() && self.untested.is_none() {
            all.push(1.0);
        }
        all
    }
}

/// Looks at each series by itself; only `q_value` knows of the others.
///
/// Positive values are compared as logarithms. The day of the week and the time of the day are taken out first where times
/// are known and they show. Steps whose effect is certainly less than `min_effect` (a ratio minus 1) are left out.
#[must_use]
pub fn detect_numbers(series: &[NumberSeries], detector: &Detector, min_effect: f64) -> Vec<NumberChanges> {
    let mut found = parallel_map(series, |series| changes(series, detector, min_effect));
    let p_values: Vec<f64> = found.iter().flat_map(NumberChanges::p_values).collect();
    let mut q_values = benjamini_yekutieli(&p_values).into_iter();
    for f in &mut found {
        let tests = f.p_values().len();
        let own = f.change_points.iter_mut().map(|c| &mut c.q_value).chain(f.trends.iter_mut().map(|t| &mut t.q_value));
        let mut values = q_values.by_ref().take(tests);
        own.zip(&mut values).for_each(|(q, value)| *q = value);
        // What belongs to a series without a finding.
        values.for_each(drop);
    }
    found
}

fn changes(series: &NumberSeries, detector: &Detector, min_effect: f64) -> NumberChanges {
    let prepared = Prepared::new(series);
    let nothing = |untested| NumberChanges {
        id: series.id.clone(),
        n: series.values.len(),
        change_points: Vec::new(),
        trends: Vec::new(),
        detectable: None,
        left_out: 0,
        untested: Some(untested),
    };
    let Some(regimes) = detect_regimes(&prepared.days, &prepared.values, detector) else {
        return nothing(prepared.why_not());
    };
    let all = regimes.steps.len();
    let change_points: Vec<ChangePoint> = (0..all)
        .map(|i| prepared.change_point(&regimes, i))
        .filter(|c| c.effect.as_ref().is_none_or(|e| far_enough(e, min_effect)))
        .collect();
    NumberChanges {
        left_out: all - change_points.len(),
        change_points,
        trends: prepared.trends(&regimes, detector),
        detectable: prepared.detectable(&regimes, detector),
        untested: None,
        ..nothing("")
    }
}

/// May the effect be as large as asked?
fn far_enough(effect: &Estimate, min_effect: f64) -> bool {
    effect.upper >= 1.0 + min_effect || effect.lower <= 1.0 / (1.0 + min_effect)
}

/// An interval that also allows for an error of standard deviation `sd`, independent of its own.
fn with_error(estimate: Estimate, sd: f64) -> Estimate {
    let reach = NORMAL_95 * sd;
    let end = |end: f64| estimate.point + (end - estimate.point).hypot(reach).copysign(end - estimate.point);
    Estimate { lower: end(estimate.lower), upper: end(estimate.upper), ..estimate }
}

/// Normal deviate of [`LEVEL`].
const NORMAL_95: f64 = 1.959_964;

/// A series as it is compared.
struct Prepared<'a> {
    series: &'a NumberSeries,
    /// Days since the first point, or points where there are no times.
    days: Vec<f64>,
    /// Logarithms where all values are positive, calendar taken out.
    values: Vec<f64>,
    logs: bool,
}

impl<'a> Prepared<'a> {
    fn new(series: &'a NumberSeries) -> Self {
        let logs = series.values.iter().all(|v| *v > 0.0);
        let mut values: Vec<f64> = series.values.iter().map(|v| if logs { v.ln() } else { *v }).collect();
        let days = match &series.times {
            Some(times) => {
                let days: Vec<f64> = times.iter().map(|t| t.seconds() / 86_400.0).collect();
                if let Some(pattern) = calendar_pattern(&days, &values) {
                    values.iter_mut().zip(pattern).for_each(|(value, part)| *value -= part);
                }
                let first = days.first().copied().unwrap_or(0.0);
                days.iter().map(|d| d - first).collect()
            }
            None => (0..values.len()).map(|i| i as f64).collect(),
        };
        Self { series, days, values, logs }
    }

    fn why_not(&self) -> &'static str {
        match (self.values.len(), &self.series.times) {
            (..5, _) => "fewer than 5 points",
            (_, Some(times)) if times.first() == times.last() => "all points have one time",
            _ => "constant",
        }
    }

    fn change_point(&self, regimes: &Regimes, i: usize) -> ChangePoint {
        let Step { index, index_low, index_high, p_value, .. } = regimes.steps[i];
        let from = i.checked_sub(1).map_or(0, |i| regimes.steps[i].index);
        let to = regimes.steps.get(i + 1).map_or(self.values.len(), |s| s.index);
        // Points that may belong to either side say nothing of the effect.
        let before_to = if index_low >= from + MIN_CERTAIN { index_low } else { index };
        let after_from = if index_high + MIN_CERTAIN <= to { index_high } else { index };
        let bend = |i: usize| regimes.bend.get(i).map_or(0.0, |at| at - regimes.bend[index]);
        let level = |i: usize| self.values[i] - regimes.slope * (self.days[i] - self.days[index]) - bend(i);
        let before: Vec<f64> = (from..before_to).map(level).collect();
        let after: Vec<f64> = (after_from..to).map(level).collect();
        let plain = |v: &[f64]| v.iter().map(|v| if self.logs { v.exp() } else { *v }).collect::<Vec<f64>>();
        let time = |i: usize| self.series.times.as_ref().map(|times| times[i]);
        let middle = |v: std::ops::Range<usize>| self.days[v.clone()].iter().sum::<f64>() / v.len() as f64;
        let crept = regimes.slope_sd * (middle(after_from..to) - middle(from..before_to));
        let compared = mean_difference(&before, &after, LEVEL).map(|e| with_error(e, crept));
        ChangePoint {
            index,
            time: time(index),
            range: (index_low, index_high),
            time_range: time(index_low).zip(time(index_high)),
            effect: compared.as_ref().filter(|_| self.logs).map(|e| e.map(f64::exp)),
            difference: if self.logs { mean_difference(&plain(&before), &plain(&after), LEVEL) } else { compared },
            p_value,
            q_value: p_value,
        }
    }

    fn trends(&self, regimes: &Regimes, detector: &Detector) -> Vec<NumberTrend> {
        let clear: Vec<&Stretch> = regimes.creeps.iter().filter(|creep| creep.z.abs() >= detector.z_min).collect();
        if clear.is_empty() {
            return Vec::new();
        }
        let mut steps = regimes.steps.iter().peekable();
        let mut risen = 0.0;
        let without_steps = |(i, v): (usize, &f64)| {
            if let Some(step) = steps.next_if(|s| s.index == i) {
                risen += step.shift;
            }
            v - risen
        };
        let level: Vec<f64> = self.values.iter().enumerate().map(without_steps).collect();
        let plain = |v: f64| if self.logs { v.exp() } else { v };
        let flat: Vec<f64> = level.iter().map(|v| plain(*v)).collect();
        let trend = |&Stretch { from, to, z }: &Stretch| {
            let slope_per_day = theil_sen(&self.days[from..to], &flat[from..to], LEVEL)?;
            let p_value = normal_two_sided(z);
            // Where logarithms are compared, the line of the logarithms: a straight one would end below 0.
            let middle = crate::stats::median(&level[from..to])?;
            let slope = theil_sen(&self.days[from..to], &level[from..to], LEVEL)?.point;
            let half = 0.5 * slope * (self.days[to - 1] - self.days[from]);
            // A slope whose interval holds 0 is not worth the name, whatever a mean says.
            (!slope_per_day.contains(0.0)).then(|| NumberTrend {
                from_index: from,
                to_index: to - 1,
                slope_per_day,
                times: self.series.times.as_ref().map(|times| (times[from], times[to - 1])),
                levels: (plain(middle - half), plain(middle + half)),
                p_value,
                q_value: p_value,
            })
        };
        clear.into_iter().filter_map(trend).collect()
    }

    fn detectable(&self, regimes: &Regimes, detector: &Detector) -> Option<Detectable> {
        let after = LASTING.min(self.values.len() / 4).max(detector.min_after);
        let height = detector.smallest_step(&self.days, after, regimes.phi) * regimes.sd;
        if !height.is_finite() {
            return None;
        }
        let level = crate::stats::median(&self.series.values)?;
        let ratio = self.logs.then(|| height.exp());
        if ratio.is_some_and(|ratio| ratio > LARGEST_RATIO) {
            return None;
        }
        Some(Detectable { ratio, difference: ratio.map_or(height, |r| (r - 1.0) * level), after })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::noise;
    use super::*;

    fn series(id: &str, values: Vec<f64>, step_s: i64) -> NumberSeries {
        let times = (0..values.len() as i64).map(|i| Timestamp::from_micros((1_767_225_600 + i * step_s) * 1_000_000));
        NumberSeries { id: id.into(), times: (step_s > 0).then(|| times.collect()), values }
    }

    fn detect(series: &[NumberSeries]) -> Vec<NumberChanges> {
        detect_numbers(series, &Detector::default(), 0.0)
    }

    #[test]
    fn a_step_with_its_effect_and_date() {
        let y =
            noise(200, 1).into_iter().enumerate().map(|(i, e)| (5.0 + 0.1 * e + if i < 120 { 0.0 } else { 0.3 }).exp());
        let found = detect(&[series("a", y.collect(), 86_400)]);
        let [point] = &found[0].change_points[..] else { panic!("{found:?}") };
        assert!(point.index.abs_diff(120) <= 2 && point.range.0 <= 120 && 120 <= point.range.1);
        assert!(point.effect.as_ref().is_some_and(|e| e.contains(0.3_f64.exp())), "{:?}", point.effect);
        assert!(point.difference.as_ref().is_some_and(|d| d.lower > 30.0 && d.upper < 75.0), "{:?}", point.difference);
        assert!(point.time.is_some() && found[0].trends.is_empty());
    }

    #[test]
    fn values_below_zero_have_no_ratio() {
        let y = noise(100, 2).into_iter().enumerate().map(|(i, e)| e + if i < 60 { -3.0 } else { 3.0 });
        let found = detect(&[series("", y.collect(), 0)]);
        let point = &found[0].change_points[0];
        assert!(point.effect.is_none() && point.time.is_none() && point.index.abs_diff(60) <= 1);
        assert!(point.difference.as_ref().is_some_and(|d| d.contains(6.0)));
        assert!(found[0].detectable.is_some_and(|d| d.ratio.is_none() && d.difference > 0.0));
    }

    #[test]
    fn creep_is_a_trend_and_no_step() {
        let y = noise(300, 3).into_iter().enumerate().map(|(i, e)| (4.0 + 0.1 * e + 0.4 * i as f64 / 365.0).exp());
        let found = detect(&[series("", y.collect(), 86_400)]);
        assert!(found[0].change_points.is_empty(), "{:?}", found[0].change_points);
        let [trend] = &found[0].trends[..] else { panic!("no trend") };
        assert!(trend.slope_per_day.lower > 0.0 && trend.slope_per_day.upper < 0.2, "{:?}", trend.slope_per_day);
    }

    #[test]
    fn what_is_found_does_not_depend_on_company() {
        let one =
            series("a", noise(150, 4).iter().enumerate().map(|(i, e)| e + (i / 90) as f64 * 4.0).collect(), 3_600);
        let mut crowd: Vec<NumberSeries> = (10..40).map(|s| series("x", noise(150, s), 86_400)).collect();
        crowd.insert(7, one.clone());
        let (alone, among) = (detect(&[one]).remove(0), detect(&crowd).remove(7));
        let without_q = |mut f: NumberChanges| {
            f.change_points.iter_mut().for_each(|c| c.q_value = 0.0);
            f
        };
        assert!(among.change_points[0].q_value > alone.change_points[0].q_value);
        assert_eq!(without_q(alone), without_q(among));
    }

    #[test]
    fn what_could_be_seen_is_seen_in_four_of_five() {
        let quiet = detect(&[series("", noise(200, 5).iter().map(|e| 50.0 + e).collect(), 0)]);
        let smallest = quiet[0].detectable.expect("long enough");
        let found = (0..200)
            .filter(|s| {
                let y = noise(200, 100 + s);
                let stepped = y
                    .iter()
                    .enumerate()
                    .map(|(i, e)| 50.0 + e + if i < 200 - smallest.after { 0.0 } else { smallest.difference });
                !detect(&[series("", stepped.collect(), 0)])[0].change_points.is_empty()
            })
            .count();
        assert!((140..=196).contains(&found), "{found} of 200");
    }

    #[test]
    fn what_cannot_be_tested_says_why() {
        let why = |values: Vec<f64>| detect(&[series("", values, 0)])[0].untested;
        assert_eq!(why(vec![1.0, 2.0]), Some("fewer than 5 points"));
        assert_eq!(why(vec![3.0; 30]), Some("constant"));
        assert_eq!(why(noise(30, 1)), None);
    }
}
