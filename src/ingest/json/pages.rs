//! Pages that a REST API gave, and whether they are all there.
//!
//! A page holds 100 rows by default, whatever its request asked for beyond the server's limit: rows of further pages that were
//! never asked for are the commonest fault of such an export, and nothing else shows it.

use super::{
    kind::Family,
    pull::{Pull, Value},
};

/// What pages with the same total hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) struct Pages {
    /// What their rows are about.
    pub(in crate::ingest) family: Family,
    /// `total_entries`: the rows that the request has; `None` where a page does not say.
    pub(in crate::ingest) total_entries: Option<u64>,
    /// Rows that were there.
    pub(in crate::ingest) rows: u64,
}

/// Totals that are kept apart; one input rarely has more than one.
const MAX_TOTALS: usize = 4_096;

/// Two totals that differ by no more are one: rows are added while page after page is asked for.
const GROWTH: f64 = 0.02;

/// Adds a page to those seen.
pub(super) fn add(pages: &mut Vec<Pages>, page: Pages) {
    let same = |known: &&mut Pages| known.family == page.family && known.total_entries == page.total_entries;
    if let Some(known) = pages.iter_mut().find(same) {
        known.rows += page.rows;
    } else if pages.len() < MAX_TOTALS {
        pages.push(page);
    }
}

/// `total_entries` of what a page holds beside its rows.
pub(super) fn total_entries(page: &[u8]) -> Option<u64> {
    let mut pull = Pull::new(page);
    let mut first = true;
    if pull.value().ok()? != Value::Object {
        return None;
    }
    while let Some(key) = pull.key(&mut first).ok()? {
        if key == b"total_entries" {
            let Value::Int(total) = pull.value().ok()? else { return None };
            return u64::try_from(total).ok();
        }
        pull.skip().ok()?;
    }
    None
}

/// For each kind of row of which pages seem to be missing, a sentence that says so. `pages` are those of all inputs that
/// were read together; duplicates among them can hide missing ones, never the other way round.
pub(in crate::ingest) fn missing(pages: &[Pages]) -> Vec<String> {
    let mut sums: Vec<Pages> = Vec::new();
    for page in pages.iter().filter(|page| page.total_entries.is_some()) {
        add(&mut sums, *page);
    }
    sums.retain(|sum| sum.total_entries.is_some_and(|total| sum.rows < total));
    sums.sort();
    // Totals that grew while the pages were asked for belong to one request.
    let mut requests: Vec<(Family, u64, u64, u64)> = Vec::new();
    for Pages { family, total_entries, rows } in sums {
        let total = total_entries.unwrap_or_default();
        match requests.last_mut() {
            Some((of, _, largest, seen)) if *of == family && total as f64 <= *largest as f64 * (1.0 + GROWTH) => {
                (*largest, *seen) = (total, seen.saturating_add(rows));
            }
            _ => requests.push((family, total, total, rows)),
        }
    }
    let lacks = requests.iter().filter(|(_, smallest, _, rows)| rows < smallest);
    lacks
        .map(|(family, _, total, rows)| {
            format!(
                "{} of {} {}: pages are missing? A page holds 100 rows unless the server allows more: ask again with \
                 `limit` and `offset` until all are there",
                grouped(*rows),
                grouped(*total),
                family.words()
            )
        })
        .collect()
}

/// `48213` as `48,213`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(total: u64, rows: u64) -> Pages {
        Pages { family: Family::TaskInstances, total_entries: Some(total), rows }
    }

    #[test]
    fn missing_pages_are_told() {
        let said = missing(&[page(48_213, 900), page(48_213, 100)]);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("1,000 of 48,213 task instances: pages are missing?"), "{said:?}");
    }

    #[test]
    fn whole_requests_are_passed_over() {
        let runs = Pages { family: Family::DagRuns, total_entries: Some(100), rows: 100 };
        assert!(missing(&[page(366, 100), page(366, 100), page(366, 100), page(366, 66), page(2, 4), runs]).is_empty());
        assert!(missing(&[Pages { total_entries: None, ..runs }]).is_empty());
    }

    #[test]
    fn a_total_that_grows_between_pages_is_one_request() {
        assert!(missing(&[page(300, 100), page(301, 100), page(303, 100)]).is_empty());
        let said = missing(&[page(300, 100), page(303, 100), page(4_000, 50)]);
        assert!(said[0].starts_with("200 of 303 "), "{said:?}");
        assert!(said[1].starts_with("50 of 4,000 "), "{said:?}");
    }

    #[test]
    fn a_page_tells_its_total() {
        assert_eq!(total_entries(br#"{"next_cursor":{"a":1},"total_entries":528}"#), Some(528));
        for none in [&b"{}"[..], b"{\"total_entries\":null}", b"{\"total_entries\":-1}", b"[", b"{\"a\""] {
            assert_eq!(total_entries(none), None);
        }
    }
}
