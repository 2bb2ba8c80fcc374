//! Before against after: three statistics of each pair of series, each with its own interval, and a verdict in four states.

use crate::{
    model::{NumberSeries, Quantity, Text},
    stats::{
        Estimate, benjamini_hochberg, calendar_pattern, location, mean_difference, median, p_value_of_difference,
        parallel_map, ratio, ratio_of_locations, ratio_of_means, ratio_of_medians,
    },
};
use std::collections::HashMap;

/// Rules of [`compare_numbers`].
#[derive(Clone, Debug, PartialEq)]
pub struct CompareSettings {
    /// Changes up to this share are none that matter. Default 0.05.
    pub tolerance: f64,
    /// Share of false alarms that is accepted among what is called changed (Benjamini-Hochberg). Default 0.05.
    pub false_discovery_rate: f64,
    /// Is more better, as for throughput? Default false.
    pub higher_is_better: bool,
    /// Is there a verdict by the difference where a ratio says nothing? Default true; not where levels about zero are what
    /// a correction left over.
    pub by_difference: bool,
    /// Confidence level of the intervals. Default 0.95.
    pub level: f64,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self { tolerance: 0.05, false_discovery_rate: 0.05, higher_is_better: false, by_difference: true, level: 0.95 }
    }
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Robust: the mean of logarithms with stragglers pulled in. It carries the verdict.
    Location,
    /// Plain mean.
    Mean,
    /// Median.
    Median,
}

/// What came of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Certainly worse, and by more than is tolerated.
    Regressed,
    /// Certainly better, and by more than is tolerated.
    Improved,
    /// Certainly within what is tolerated.
    Unchanged,
    /// None of these: more runs are needed.
    Inconclusive,
}

/// One statistic of one series, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Series.
    pub id: Text,
    /// What its values are; `None` for numbers from a file.
    pub quantity: Option<Quantity>,
    /// What is compared.
    pub statistic: Statistic,
    /// After divided by before; `None` where that says nothing (values around zero).
    pub ratio: Option<Estimate>,
    /// After minus before, in the unit of the values; of the robust location alone.
    pub difference: Option<Estimate>,
    /// Level before, in the unit of the values; of the robust location alone.
    pub level_before: Option<f64>,
    /// Values before.
    pub before_n: usize,
    /// Values after.
    pub after_n: usize,
    /// Of no change.
    pub p_value: Option<f64>,
    /// Corrected for all series that were compared.
    pub q_value: Option<f64>,
    /// The ratio over that of series which the change did not touch; of the location in a history alone.
    pub against_others: Option<Estimate>,
    /// What came of it.
    pub verdict: Verdict,
    /// Values a side that would decide it, where it is inconclusive and more would.
    pub needed_n: Option<usize>,
}

/// All effects, and what had no counterpart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Three a series that both sides hold, in the order of `before`.
    pub effects: Vec<Effect>,
    /// Series of `before` that `after` lacks.
    pub only_before: Vec<Text>,
    /// Series of `after` that `before` lacks.
    pub only_after: Vec<Text>,
}

/// Compares series of one name. Where each side holds one series alone, their names do not matter.
#[must_use]
pub fn compare_numbers(before: &[NumberSeries], after: &[NumberSeries], settings: &CompareSettings) -> Comparison {
    let by_id: HashMap<&Text, &NumberSeries> = after.iter().map(|s| (&s.id, s)).collect();
    let alone = before.len() == 1 && after.len() == 1;
    let partner = |s: &NumberSeries| if alone { after.first() } else { by_id.get(&s.id).copied() };
    let pairs: Vec<(&NumberSeries, &NumberSeries)> = before.iter().filter_map(|b| Some((b, partner(b)?))).collect();
    let effects = compare_pairs(&pairs, settings, |_| true);
    let known: Vec<&Text> = pairs.iter().flat_map(|(b, a)| [&b.id, &a.id]).collect();
    let lonely = |side: &[NumberSeries]| side.iter().map(|s| s.id.clone()).filter(|id| !known.contains(&id)).collect();
    Comparison {
        only_before: lonely(before),
        only_after: lonely(after),
        effects: effects.into_iter().flatten().collect(),
    }
}

/// Three effects a pair; the pairs at the places that `counts` names share the false discovery rate.
pub(super) fn compare_pairs(
    pairs: &[(&NumberSeries, &NumberSeries)],
    settings: &CompareSettings,
    counts: impl Fn(usize) -> bool,
) -> Vec<[Effect; 3]> {
    let mut all = parallel_map(pairs, |(before, after)| effects(before, after, settings));
    let places: Vec<usize> = (0..all.len()).filter(|place| counts(*place)).collect();
    for statistic in [Statistic::Location, Statistic::Mean, Statistic::Median] {
        // Effects stand in this order.
        let statistic = statistic as usize;
        let p_values: Vec<f64> = places.iter().map(|place| all[*place][statistic].p_value.unwrap_or(1.0)).collect();
        for (place, q) in places.iter().zip(benjamini_hochberg(&p_values)) {
            let effect = &mut all[*place][statistic];
            effect.q_value = effect.p_value.map(|_| q);
            effect.judge(settings);
        }
    }
    all
}

fn effects(before: &NumberSeries, after: &NumberSeries, settings: &CompareSettings) -> [Effect; 3] {
    let (a, b) = without_calendar(before, after).unwrap_or_else(|| (before.values.clone(), after.values.clone()));
    let level = settings.level;
    let positive = a.iter().chain(&b).all(|v| *v > 0.0);
    let effect = |statistic, ratio, p_value| Effect {
        id: before.id.clone(),
        quantity: None,
        statistic,
        ratio,
        difference: if statistic == Statistic::Location { mean_difference(&a, &b, level) } else { None },
        level_before: if statistic == Statistic::Location { location(&a, level).map(|e| e.point) } else { None },
        before_n: a.len(),
        after_n: b.len(),
        p_value,
        q_value: None,
        against_others: None,
        verdict: Verdict::Inconclusive,
        needed_n: None,
    };
    if !positive {
        // Without logarithms only the location has an interval, and only where it is not about zero.
        let above_0 = |side: &[f64]| location(side, level).is_some_and(|side| side.lower > 0.0);
        let location = ratio_of_locations(&a, &b, level)
            .filter(|r| r.lower.is_finite() && r.upper.is_finite() && above_0(&a) && above_0(&b));
        let none = |statistic| effect(statistic, None, None);
        let p_value = p_value_of_difference(&a, &b);
        return [effect(Statistic::Location, location, p_value), none(Statistic::Mean), none(Statistic::Median)];
    }
    let logs = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<f64>>();
    let (mean, middle) = (ratio_of_means(&a, &b, level), ratio_of_medians(&a, &b, level));
    [
        effect(Statistic::Location, ratio(&a, &b, level), p_value_of_difference(&logs(&a), &logs(&b))),
        effect(Statistic::Mean, mean.as_ref().map(|r| r.estimate.clone()), mean.map(|r| r.p_value)),
        effect(Statistic::Median, middle.as_ref().map(|r| r.estimate.clone()), middle.map(|r| r.p_value)),
    ]
}

/// Both sides without what weekdays and hours add, where times are known, follow each other and show a pattern: a week with
/// more weekends is not faster for it.
fn without_calendar(before: &NumberSeries, after: &NumberSeries) -> Option<(Vec<f64>, Vec<f64>)> {
    let (first, second) = (before.times.as_ref()?, after.times.as_ref()?);
    if first.last()? >= second.first()? || before.values.iter().chain(&after.values).any(|v| *v <= 0.0) {
        return None;
    }
    let days: Vec<f64> = first.iter().chain(second).map(|t| t.seconds() / 86_400.0).collect();
    let logs = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<f64>>();
    let (a, b) = (logs(&before.values), logs(&after.values));
    let risen = matched_difference(&days, &a, &b)?;
    let flat: Vec<f64> = a.iter().copied().chain(b.iter().map(|v| v - risen)).collect();
    let pattern = calendar_pattern(&days, &flat)?;
    let (a, b) = pattern.split_at(before.values.len());
    let clean = |v: &[f64], pattern: &[f64]| v.iter().zip(pattern).map(|(v, p)| v * (-p).exp()).collect();
    Some((clean(&before.values, a), clean(&after.values, b)))
}

/// Median over the days of the week of the difference of their medians. `None` where no day stands on both sides.
fn matched_difference(days: &[f64], before: &[f64], after: &[f64]) -> Option<f64> {
    let of_day = |weekday: i64, days: &[f64], values: &[f64]| {
        let own = days.iter().zip(values).filter(|(d, _)| (d.floor() as i64).rem_euclid(7) == weekday);
        median(&own.map(|(_, v)| *v).collect::<Vec<f64>>())
    };
    let (first, second) = days.split_at(before.len());
    let differences: Vec<f64> =
        (0..7).filter_map(|d| Some(of_day(d, second, after)? - of_day(d, first, before)?)).collect();
    median(&differences)
}

impl Effect {
    fn judge(&mut self, settings: &CompareSettings) {
        if self.before_n.min(self.after_n) < MIN_VALUES {
            self.needed_n = Some(MIN_VALUES);
            return;
        }
        let Some(ratio) = &self.ratio else { return self.judge_difference(settings) };
        let (low, high) = (1.0 / (1.0 + settings.tolerance), 1.0 + settings.tolerance);
        let certain = self.q_value.is_some_and(|q| q <= settings.false_discovery_rate);
        let (more, less) = match settings.higher_is_better {
            true => (Verdict::Improved, Verdict::Regressed),
            false => (Verdict::Regressed, Verdict::Improved),
        };
        self.verdict = if ratio.lower >= low && ratio.upper <= high {
            Verdict::Unchanged
        } else if ratio.lower > 1.0 && ratio.point > high && certain {
            more
        } else if ratio.upper < 1.0 && ratio.point < low && certain {
            less
        } else {
            Verdict::Inconclusive
        };
        if self.verdict == Verdict::Inconclusive && ratio.lower > 0.0 && ratio.upper.is_finite() {
            // An interval shrinks with the root of n; half of it must fit between the point and the next edge.
            let half = 0.5 * (ratio.upper / ratio.lower).ln();
            let edge = (ratio.point.ln().abs() - high.ln()).abs().max(0.25 * high.ln());
            let factor = (half / edge).powi(2);
            // What one side counts for: of 40 against 2 it is the 2 that leave it open.
            let n = 2.0 / (1.0 / self.before_n.max(1) as f64 + 1.0 / self.after_n.max(1) as f64);
            self.needed_n =
                (factor.is_finite() && factor > 1.0 && n * factor < 1e9).then(|| (n * factor).ceil() as usize);
        }
    }
}

/// Values a side under which nothing is certain, however alike they are.
const MIN_VALUES: usize = 3;

impl Effect {
    /// Where a ratio says nothing: what is tolerated is a share of the level before, whatever its sign.
    fn judge_difference(&mut self, settings: &CompareSettings) {
        let (Some(difference), Some(level), true) = (&self.difference, self.level_before, settings.by_difference)
        else {
            return;
        };
        let edge = settings.tolerance * level.abs();
        let certain = self.q_value.is_some_and(|q| q <= settings.false_discovery_rate);
        let (more, less) = match settings.higher_is_better {
            true => (Verdict::Improved, Verdict::Regressed),
            false => (Verdict::Regressed, Verdict::Improved),
        };
        self.verdict = if difference.lower >= -edge && difference.upper <= edge {
            Verdict::Unchanged
        } else if difference.lower > 0.0 && difference.point > edge && certain {
            more
        } else if difference.upper < 0.0 && difference.point < -edge && certain {
            less
        } else {
            Verdict::Inconclusive
        };
    }
}

impl Verdict {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// What [`as_str`](Self::as_str) says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Regressed, Self::Improved, Self::Unchanged, Self::Inconclusive]
            .into_iter()
            .find(|of| of.as_str() == text)
    }
}

impl Statistic {
    /// As documents have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Mean => "mean",
            Self::Median => "median",
        }
    }

    /// What [`as_str`](Self::as_str) says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Location, Self::Mean, Self::Median].into_iter().find(|of| of.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::noise;
    use super::*;
    use crate::model::Timestamp;

    fn series(id: &str, n: usize, seed: u64, level: f64, sd: f64) -> NumberSeries {
        let values = noise(n, seed).iter().map(|e| level * (sd * e).exp()).collect();
        NumberSeries { id: id.into(), times: None, values }
    }

    fn verdict(factor: f64, sd: f64, n: usize) -> (Verdict, Option<usize>) {
        let (a, b) = (series("", n, 1, 10.0, sd), series("", n, 2, 10.0 * factor, sd));
        let found = compare_numbers(&[a], &[b], &CompareSettings::default());
        (found.effects[0].verdict, found.effects[0].needed_n)
    }

    #[test]
    fn four_states() {
        assert_eq!(verdict(1.2, 0.1, 80).0, Verdict::Regressed);
        assert_eq!(verdict(0.8, 0.1, 80).0, Verdict::Improved);
        assert_eq!(verdict(1.0, 0.05, 200), (Verdict::Unchanged, None));
        let (verdict, needed) = verdict(1.03, 0.3, 20);
        assert!(verdict == Verdict::Inconclusive && needed.is_some_and(|n| n > 20), "{needed:?}");
    }

    #[test]
    fn more_is_better_where_told() {
        let settings = CompareSettings { higher_is_better: true, ..CompareSettings::default() };
        let found = compare_numbers(&[series("x", 60, 1, 10.0, 0.1)], &[series("y", 60, 2, 13.0, 0.1)], &settings);
        assert_eq!(found.effects[0].verdict, Verdict::Improved);
        assert!(found.only_before.is_empty() && found.only_after.is_empty());
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        let before = [series("a", 20, 1, 1.0, 0.1), series("b", 20, 2, 1.0, 0.1)];
        let after = [series("b", 20, 3, 1.0, 0.1), series("c", 20, 4, 1.0, 0.1)];
        let found = compare_numbers(&before, &after, &CompareSettings::default());
        assert_eq!((found.effects.len(), found.only_before, found.only_after), (3, vec!["a".into()], vec!["c".into()]));
    }

    #[test]
    fn a_side_with_more_weekends_is_no_faster() {
        let day = |i: i64| Timestamp::from_micros((1_767_225_600 + i * 86_400) * 1_000_000);
        let weekend = |i: i64| (i + 3) % 7 >= 5;
        let side = |days: Vec<i64>, seed| NumberSeries {
            id: "".into(),
            values: noise(days.len(), seed)
                .iter()
                .zip(&days)
                .map(|(e, i)| (0.05 * e + if weekend(*i) { -0.7 } else { 0.0 }).exp())
                .collect(),
            times: Some(days.iter().map(|i| day(*i)).collect()),
        };
        // From a Saturday to the Sunday of the next week but one: six of sixteen days.
        let before = side((0..51).collect(), 1);
        let after = side((51..67).collect(), 2);
        assert_eq!((51..67).filter(|i| weekend(*i)).count(), 6);
        let found = compare_numbers(&[before], &[after], &CompareSettings::default());
        let ratio = found.effects[0].ratio.as_ref().expect("positive");
        assert!(ratio.contains(1.0) && ratio.lower > 0.9, "{ratio:?}");
    }

    #[test]
    fn values_about_zero_have_a_difference() {
        let side = |seed, level: f64| NumberSeries {
            id: "".into(),
            times: None,
            values: noise(50, seed).iter().map(|e| e + level).collect(),
        };
        let found = compare_numbers(&[side(1, 0.0)], &[side(2, 2.0)], &CompareSettings::default());
        assert!(found.effects[0].difference.as_ref().is_some_and(|d| d.contains(2.0)));
        assert_eq!(found.effects[1].verdict, Verdict::Inconclusive);
    }
}
