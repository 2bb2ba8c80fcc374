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
            "{rows} from {sources} of deployment `{}`, {new} new to the lake\n\n{}\n",
            receipt.deployment,
            by_kind(receipt, console.width())
        );
        if receipt.implied > 0 {
            let rows = counted(receipt.implied as usize, "row", "rows");
            text.push_str(&format!(
                "and {rows} that they imply: attempts and runs that logs tell of, further samples\n"
            ));
        }
        if known > 0 {
            let files = counted(known, "source was", "sources were");
            text.push_str(&format!("{files} ingested before and not read again\n"));
        }
        text
    };
    if let Some(span) = receipt.span {
        text.push_str(&format!("wall clock from {} to {}\n", span.from.minute_string(), span.to.minute_string()));
    }
    text.push_str(&reasons(&receipt.sources));
    text.push_str(&defects(receipt, console));
    text
}

/// Prints warnings, those that differ in names and numbers only once.
pub(super) fn warn(warnings: &[String], console: &Console) {
    for (first, more) in alike(warnings.iter().map(|warning| (warning.as_str(), warning.as_str()))) {
        match more {
            0 => console.warn(first),
            more => console.warn(&format!("{first} (and {} more like it: --json lists them)", count(more as u64))),
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
    let told: Vec<String> = receipt
        .defects
        .iter()
        .map(|defect| {
            let place = defect.line.map(|n| format!(", line {n}")).unwrap_or_default();
            let times = if defect.count > 1 { format!(" ({} times)", count(defect.count)) } else { String::new() };
            format!("{}{place}: {}{times}", line(&defect.path), line(&defect.reason))
        })
        .collect();
    let groups =
        alike(receipt.defects.iter().map(|defect| defect.reason.as_str()).zip(told.iter().map(String::as_str)));
    let mut text = String::new();
    for (first, more) in groups.iter().take(SHOWN) {
        let others = if *more > 0 { format!(" (and {} more like it)", count(*more as u64)) } else { String::new() };
        text.push_str(&format!("{mark} {first}{others}\n"));
    }
    if groups.len() > SHOWN {
        text.push_str(&format!("and {} more kinds of defect\n", groups.len() - SHOWN));
    }
    if groups.len() > SHOWN || groups.iter().any(|(_, more)| *more > 0) {
        text.push_str("--json lists each one\n");
    }
    text
}

/// Texts whose keys differ in values only (words that hold a digit, a path or a quotation): the first of each kind, and how
/// many more there are.
fn alike<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, usize)> {
    let mut groups: Vec<(String, &str, usize)> = Vec::new();
    for (key, text) in texts {
        let is_value = |word: &&str| word.contains(|c: char| c.is_ascii_digit() || c == '/');
        let unquoted = key.split('`').step_by(2).collect::<Vec<_>>().join("_");
        let words = unquoted.split_whitespace().map(|word| if is_value(&word) { "_" } else { word });
        let kind = words.collect::<Vec<_>>().join(" ");
        match groups.iter_mut().find(|(known, ..)| *known == kind) {
            Some((.., more)) => *more += 1,
            None => groups.push((kind, text, 0)),
        }
    }
    groups.into_iter().map(|(_, text, more)| (text, more)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_in_values_only_are_told_once() {
        let texts = ["a/b.prom: 12 samples state `x`", "c/d.prom: 7 samples state `y z`", "c/d.prom: no time"];
        let groups = alike(texts.iter().map(|text| (*text, *text)));
        assert_eq!(groups, [(texts[0], 1), (texts[2], 0)]);
    }
}
