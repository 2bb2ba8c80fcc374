//! What the analysis cannot say, and why: silence is not health.

use super::{article::qualifiers, parts::Table};
use crate::{analysis::Analysis, model::SeriesKey, report::words};
use std::collections::BTreeMap;

/// Rows of a table; more are counted.
const MOST_ROWS: usize = 200;

/// Series named for one reason; more are counted.
const MOST_NAMES: usize = 12;

/// Series that may have changed.
pub(crate) fn inconclusive(analysis: &Analysis) -> Option<Table> {
    let rows = analysis.inconclusive.iter().take(MOST_ROWS).map(|series| {
        let needs = series.more_runs_needed.map_or_else(
            || "cannot be told".to_owned(),
            |n| format!("{} needed", words::counted(n, "more run", "more runs")),
        );
        vec![name(&series.key), words::ratio_range(&series.effect), needs]
    });
    let rows: Vec<_> = rows.collect();
    let rest = analysis.inconclusive.len() - rows.len();
    (!rows.is_empty()).then(|| Table {
        caption: "Looks changed, with too few runs to say so".to_owned(),
        head: vec!["Series".to_owned(), "Window / baseline".to_owned(), "For a verdict".to_owned()],
        rows,
        note: (rest > 0).then(|| format!("{} more left out.", words::count(rest as u64))),
    })
}

/// Series about which nothing can be said, by reason.
pub(crate) fn not_measurable(analysis: &Analysis) -> Option<Table> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for series in &analysis.not_measurable {
        by_reason.entry(&series.why).or_default().push(name(&series.key));
    }
    let rows = by_reason.into_iter().take(MOST_ROWS).map(|(why, names)| {
        let rest = names.len().saturating_sub(MOST_NAMES);
        let mut listed = names[..names.len() - rest].join("; ");
        if rest > 0 {
            listed.push_str(&format!("; and {} more", words::count(rest as u64)));
        }
        vec![words::visible(why), words::count(names.len() as u64), listed]
    });
    let rows: Vec<_> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        caption: "Not measurable".to_owned(),
        head: vec!["Why".to_owned(), "Series".to_owned(), "Which".to_owned()],
        rows,
        note: None,
    })
}

/// A series in one cell.
fn name(key: &SeriesKey) -> String {
    let mut name = format!("{}, {}", words::visible(&key.name()), key.quantity.label());
    for qualifier in qualifiers(key) {
        name.push_str(", ");
        name.push_str(&qualifier);
    }
    name
}
