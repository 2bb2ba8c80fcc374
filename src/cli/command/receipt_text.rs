//! The receipt for people: one line a kind of source, then what was left out and why.

use super::lake::new_table;
use crate::{
    cli::console::{Console, line},
    model::{Counts, Receipt, SourceReceipt},
    report::{count, counted},
};
use comfy_table::CellAlignment;
use std::collections::BTreeMap;

/// Reasons and defects that are printed of each; the rest is in the JSON receipt and in the lake's table `defects`.
const SHOWN: usize = 10;

/// What was read, what became of it, what was left out.
pub(super) fn summary(receipt: &Receipt, console: &Console) -> String {
    let totals = receipt.totals();
    let known = receipt.sources.iter().filter(|source| source.skipped_as_known).count();
    let sources = counted(receipt.sources.len(), "source", "sources");
    let mut text = if known == receipt.sources.len() {
        format!("nothing new: {sources} of deployment `{}`, all ingested before\n", receipt.deployment)
    } else {
        let (rows, new) = (counted(totals.read as usize, "row", "rows"), count(totals.written));
        let mut text = format!(
            "{rows} from {sources} of deployment `{}`, {new} new to the lake\n\n{}\n\n",
            receipt.deployment,
            by_kind(receipt, console.width())
        );
        let (before, after) = receipt.lake_rows;
        text.push_str(&format!("the lake grew from {} to {}\n", count(before), counted(after as usize, "row", "rows")));
        if known > 0 {
            let files = counted(known, "source was", "sources were");
            text.push_str(&format!("{files} ingested before and not read again\n"));
        }
        text
    };
    if let Some(span) = receipt.span {
        text.push_str(&format!("wall clock from {} to {} UTC\n", span.from.minute_string(), span.to.minute_string()));
    }
    text.push_str(&reasons(&receipt.sources));
    text.push_str(&defects(receipt, console));
    text
}

/// Prints warnings, those that differ in names and numbers only once.
pub(super) fn warn(warnings: &[String], console: &Console) {
    for group in alike(warnings.iter().map(|warning| (warning.as_str(), warning))) {
        match group.len() {
            1 => console.warn(group[0]),
            more => {
                console.warn(&format!("{} (and {} more like it: --json lists them)", group[0], count(more as u64 - 1)))
            }
        }
    }
}

/// A way to count rows, and its heading.
type Column = (&'static str, fn(&Counts) -> u64);

const COLUMNS: [Column; 5] = [
    ("rows", |counts| counts.read),
    ("new", |counts| counts.written),
    // The same, or better.
    ("known", |counts| counts.duplicate + counts.superseded),
    ("not used", |counts| counts.ignored),
    ("rejected", |counts| counts.rejected),
];

fn by_kind(receipt: &Receipt, width: u16) -> String {
    let mut kinds: BTreeMap<&str, (u64, Counts)> = BTreeMap::new();
    for source in receipt.sources.iter().filter(|source| !source.skipped_as_known) {
        let (sources, counts) = kinds.entry(short_kind(source)).or_default();
        *sources += 1;
        *counts += source.counts;
    }
    let totals = receipt.totals();
    // Rows and new ones always, the others where there are any.
    let columns: Vec<Column> =
        COLUMNS.into_iter().enumerate().filter(|(place, c)| *place < 2 || c.1(&totals) > 0).map(|(_, c)| c).collect();
    let mut table = new_table(width);
    let headings = columns.iter().map(|(heading, _)| (*heading).to_owned());
    table.set_header(["kind".to_owned(), "sources".to_owned()].into_iter().chain(headings));
    for (kind, (sources, counts)) in kinds {
        let numbers = columns.iter().map(|(_, of)| count(of(&counts)));
        table.add_row([line(kind), count(sources)].into_iter().chain(numbers));
    }
    for place in 1..columns.len() + 2 {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// What a source is, without its version and format.
fn short_kind(source: &SourceReceipt) -> &str {
    match (source.kind.split(" (").next().unwrap_or_default(), source.table) {
        ("log", Some("log_events")) | ("logs in an archive", _) => "logs",
        (kind, _) => kind,
    }
}

/// Why rows were understood and not kept, most frequent first.
fn reasons(sources: &[SourceReceipt]) -> String {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, rows) in sources.iter().flat_map(|source| &source.ignored) {
        *reasons.entry(reason).or_default() += rows;
    }
    let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let mut text = String::new();
    for (reason, rows) in reasons.iter().take(SHOWN) {
        text.push_str(&format!("not used {}: {}\n", count(*rows), line(reason)));
    }
    if reasons.len() > SHOWN {
        text.push_str(&format!("and {} more reasons (--json lists them)\n", reasons.len() - SHOWN));
    }
    text
}

fn defects(receipt: &Receipt, console: &Console) -> String {
    let mark = console.paint("defect", anstyle::AnsiColor::Yellow);
    let groups = alike(receipt.defects.iter().map(|defect| (defect.reason.as_str(), defect)));
    let mut text = String::new();
    for group in groups.iter().take(SHOWN) {
        let first = group[0];
        let place = first.line.map(|n| format!(", line {n}")).unwrap_or_default();
        let times = match (group.iter().map(|defect| defect.count).sum::<u64>(), group.len()) {
            (1, _) => String::new(),
            (times, 1) => format!(" ({} times)", count(times)),
            (times, places) => format!(" ({} times in {})", count(times), counted(places, "place", "places")),
        };
        text.push_str(&format!("{mark} {}{place}: {}{times}\n", line(&first.path), line(&first.reason)));
    }
    if groups.len() > SHOWN {
        text.push_str(&format!("and {} more kinds of defect\n", groups.len() - SHOWN));
    }
    if groups.len() > SHOWN || groups.iter().any(|group| group.len() > 1) {
        text.push_str("--json lists each one\n");
    }
    text
}

/// What has texts that differ in values only (words that hold a digit, a path or a quotation), together; in the order of the
/// first of each kind.
fn alike<'a, T>(all: impl Iterator<Item = (&'a str, T)>) -> Vec<Vec<T>> {
    let mut groups: Vec<(String, Vec<T>)> = Vec::new();
    for (text, item) in all {
        let is_value = |word: &&str| word.contains(|c: char| c.is_ascii_digit() || c == '/');
        let unquoted = text.split('`').step_by(2).collect::<Vec<_>>().join("_");
        let words = unquoted.split_whitespace().map(|word| if is_value(&word) { "_" } else { word });
        let kind = words.collect::<Vec<_>>().join(" ");
        match groups.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, group)) => group.push(item),
            None => groups.push((kind, vec![item])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_values_only_are_told_once() {
        let texts = ["a/b.prom: 12 samples state `x`", "c/d.prom: 7 samples state `y z`", "c/d.prom: no time"];
        let groups = alike(texts.iter().map(|text| (*text, *text)));
        assert_eq!(groups, [vec![texts[0], texts[1]], vec![texts[2]]]);
    }
}
