//! How sure each finding is among all that were looked for.

use super::{
    change::{Change, Judged, MIN_POINTS, spread_change},
    series::Series,
};
use crate::stats::{benjamini_hochberg, parallel_map};
use std::collections::BTreeMap;

/// Is it one of the series that share the false discovery rate?
pub(super) fn is_tested(series: &Series) -> bool {
    series.not_measurable.is_none() && series.points.len() >= MIN_POINTS
}

/// q-values of each change, and of the change of spread, of each series.
pub(super) struct QValues {
    pub(super) changes: Vec<f64>,
    pub(super) spread: Option<(Change, f64)>,
}

/// One p-value a series and kind enters, so that a series with many changes does not count as many series.
pub(super) fn q_values(all: &[(Series, usize)], judged: &[Judged]) -> Vec<QValues> {
    let pairs: Vec<(&Series, &Judged)> = all.iter().map(|(series, _)| series).zip(judged).collect();
    let spreads: Vec<Option<Change>> = parallel_map(&pairs, |(series, judged)| spread_change(series, judged));
    let tested: Vec<usize> = (0..all.len()).filter(|&i| is_tested(&all[i].0)).collect();
    let levels = benjamini_hochberg(&tested.iter().map(|&i| judged[i].p_value).collect::<Vec<_>>());
    let of_spread = |i: &usize| spreads[*i].as_ref().map_or(1.0, |change| change.p_value);
    let spread_q = benjamini_hochberg(&tested.iter().map(of_spread).collect::<Vec<_>>());
    let place: BTreeMap<usize, usize> = tested.iter().enumerate().map(|(k, &i)| (i, k)).collect();
    let of = |(i, spread): (usize, Option<Change>)| {
        let level_q = place.get(&i).map_or(1.0, |&k| levels[k]);
        let best = judged[i].p_value.max(f64::MIN_POSITIVE);
        // The q-value of a weaker change of the same series: as much larger as its p-value is.
        let changes = judged[i].changes.iter().map(|c| (level_q * (c.p_value / best)).min(1.0)).collect();
        QValues { changes, spread: spread.map(|change| (change, place.get(&i).map_or(1.0, |&k| spread_q[k]))) }
    };
    spreads.into_iter().enumerate().map(of).collect()
}
