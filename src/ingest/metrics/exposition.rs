//! Prometheus text exposition, OpenMetrics, and `promtool tsdb dump`, whose lines differ in where the name stands only.
//!
//! Sources: "Exposition formats" of Prometheus' documentation; OpenMetrics 1.0. Times are milliseconds in the one and seconds in
//! the other: their size tells which.

use super::{
    super::{
        ids::Ids,
        reading::Fault,
        sink::{Halt, Sink},
    },
    Hints,
    labels::Labels,
    lines::Lines,
    names, number,
    series::{Cache, Maker, Series},
    time_in_name, unit,
};
use crate::model::{MetricKind, Timestamp};
use std::{borrow::Cow, io::BufRead, sync::Arc};

/// Why a sample is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";
/// Why a sample is left out.
const CREATED: &str = "the time at which a counter began (_created), no measurement";

/// Reads samples. One without a time of its own has that of the scrape.
pub(super) fn read(
    input: Box<dyn BufRead>,
    hints: &Hints<'_>,
    source: &'static str,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let mut lines = Lines::new(input);
    let mut reader = Reader {
        ids: hints.ids,
        scraped: time_in_name(hints.name).or(hints.scrape_time),
        maker: Maker::new(source),
        known: Cache::default(),
        family: Family::default(),
        first: Vec::new(),
        repeats: false,
        last_key: Vec::new(),
        last: None,
        counts: Tally::default(),
    };
    while let Some((number, line)) = lines.next() {
        let told = match line {
            Ok(line) => reader.line(line),
            Err(fault) => Err(fault),
        };
        match told {
            Ok(Told::Sample(known, time, value)) => match known.series.at(time, value) {
                Some(row) => sink.row(row)?,
                None => sink.ignored(NO_NUMBER)?,
            },
            Ok(Told::Ignored(reason)) => sink.ignored(reason)?,
            Ok(Told::Nothing) => {}
            Err(fault) => sink.rejected(Some(number), &fault)?,
        }
    }
    reader.counts.warn(reader.scraped, time_in_name(hints.name).is_some(), sink);
    Ok(())
}

enum Told {
    Sample(Arc<Known>, Timestamp, f64),
    Ignored(&'static str),
    /// A comment or an empty line.
    Nothing,
}

struct Reader<'h> {
    ids: &'h Ids,
    scraped: Option<Timestamp>,
    maker: Maker,
    known: Cache<Known>,
    family: Family,
    /// Text of the first series. Once it comes again others will, and are remembered: a single scrape has each series once.
    first: Vec<u8>,
    repeats: bool,
    /// Text and meaning of the series of the line before: dumps have thousands of lines of one series behind each other.
    last_key: Vec<u8>,
    last: Option<Arc<Known>>,
    counts: Tally,
}

/// What was worked out for the text of one series.
#[derive(Clone, Debug)]
struct Known {
    series: Series,
    created: bool,
    unresolved: bool,
}

/// What `# TYPE`, `# UNIT` and `# HELP` say of the samples that follow.
#[derive(Debug, Default)]
struct Family {
    name: Vec<u8>,
    kind: Option<MetricKind>,
    unit: Option<unit::Unit>,
    help: String,
    /// What the help text says of the unit, once it was asked.
    help_unit: Option<Option<unit::Unit>>,
}

impl Family {
    fn by_help(&mut self) -> Option<unit::Unit> {
        *self.help_unit.get_or_insert_with(|| unit::of_help(&self.help))
    }
}

impl Reader<'_> {
    fn line(&mut self, line: &[u8]) -> Result<Told, Fault> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(Told::Nothing);
        }
        if let Some(comment) = line.strip_prefix(b"#") {
            self.comment(comment);
            return Ok(Told::Nothing);
        }
        let (known, rest) = self.series(line)?;
        let mut words = rest.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
        let text = words.next().ok_or_else(|| fault("the sample has no value", line))?;
        let value = number::float(text).ok_or_else(|| fault("the value is not a number", text))?;
        let time = match words.next() {
            None => None,
            Some(b"#") => {
                self.counts.exemplars += 1;
                None
            }
            Some(text) => {
                match words.next() {
                    None => {}
                    Some(b"#") => self.counts.exemplars += 1,
                    Some(more) => return Err(fault("more stands behind the time of the sample", more)),
                }
                let float = || number::float(text).and_then(number::unix_seconds);
                let time = number::unix_time(text).or_else(float);
                Some(time.ok_or_else(|| fault("the time is not a time", text))?)
            }
        };
        if time.is_none() && self.repeats {
            return Err(fault("a second scrape without times in one file: when it was taken is not known", line));
        }
        self.counts.untimed += u64::from(time.is_none());
        let Some(time) = time.or(self.scraped) else {
            return Err(fault("the sample has no time, and neither has the file", line));
        };
        if known.created {
            return Ok(Told::Ignored(CREATED));
        }
        if known.unresolved {
            self.counts.unresolved += 1;
            self.counts.unresolved_name.get_or_insert_with(|| known.series.metric.to_string());
        }
        Ok(Told::Sample(known, time, value))
    }

    fn comment(&mut self, comment: &[u8]) {
        let mut words = comment.trim_ascii().splitn(3, |byte| matches!(byte, b' ' | b'\t'));
        let (Some(what), Some(name)) = (words.next(), words.next()) else { return };
        let text = std::str::from_utf8(words.next().unwrap_or_default()).unwrap_or_default().trim();
        if !matches!(what, b"TYPE" | b"UNIT" | b"HELP") {
            return;
        }
        if name != self.family.name {
            self.family.name.clear();
            self.family.name.extend_from_slice(name);
            self.family.help.clear();
            (self.family.kind, self.family.unit, self.family.help_unit) = (None, None, None);
        }
        match what {
            b"TYPE" => {
                self.family.kind = Some(match text {
                    "counter" => MetricKind::Counter,
                    "gauge" | "info" | "stateset" => MetricKind::Gauge,
                    "summary" => MetricKind::Summary,
                    "histogram" | "gaugehistogram" => MetricKind::Histogram,
                    _ => MetricKind::Unknown,
                });
            }
            b"UNIT" => self.family.unit = unit::of_word(text),
            _ => self.family.help.push_str(text),
        }
    }

    /// The series of a line, and what follows its name and labels.
    fn series<'l>(&mut self, line: &'l [u8]) -> Result<(Arc<Known>, &'l [u8]), Fault> {
        if let Some((known, rest)) = self.last.as_ref().zip(line.strip_prefix(self.last_key.as_slice()))
            && (self.last_key.ends_with(b"}") || matches!(rest.first(), Some(b' ' | b'\t')))
        {
            return Ok((known.clone(), rest));
        }
        if self.repeats {
            // The last brace ends the labels, but where an exemplar follows: such a text is never known.
            let brace = line.iter().rposition(|byte| *byte == b'}').map(|at| at + 1);
            let end = brace.or_else(|| line.iter().position(|byte| matches!(byte, b' ' | b'\t')));
            if let Some((key, rest)) = end.and_then(|end| line.split_at_checked(end))
                && let Some(known) = self.known.get(key)
            {
                let known = known.clone();
                self.remember(key, &known);
                return Ok((known, rest));
            }
        }
        let (name, mut labels, end) = series_text(line)?;
        let (key, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
        if self.first.is_empty() {
            self.first = key.to_vec();
        } else {
            self.repeats = self.repeats || self.first == key;
        }
        let known = match self.known.get(key).filter(|_| self.repeats) {
            Some(known) => known.clone(),
            None => {
                let known = self.make(&name, &mut labels)?;
                if self.repeats { self.known.insert(key, known) } else { Arc::new(known) }
            }
        };
        self.remember(key, &known);
        Ok((known, rest))
    }

    fn remember(&mut self, key: &[u8], known: &Arc<Known>) {
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.last = Some(known.clone());
    }

    fn make(&mut self, name: &str, labels: &mut Labels<'_>) -> Result<Known, Fault> {
        let ending = name.as_bytes().strip_prefix(self.family.name.as_slice());
        let of_family = ending.is_some_and(|ending| {
            matches!(
                ending,
                b"" | b"_total" | b"_sum" | b"_count" | b"_bucket" | b"_created" | b"_info" | b"_gsum" | b"_gcount"
            )
        });
        let mut family = of_family.then_some(&mut self.family);
        let kind = family.as_ref().and_then(|family| family.kind).unwrap_or_else(|| kind_of(name, labels));
        let totals = matches!(kind, MetricKind::Counter | MetricKind::Histogram | MetricKind::Summary);
        let resolved = names::flat(name, labels, self.ids);
        let counts = totals && (name.ends_with("_count") || name.ends_with("_bucket") || name.ends_with("_gcount"));
        let unit = if counts { Some(unit::NONE) } else { family.as_ref().and_then(|family| family.unit) };
        let unit = unit
            .or_else(|| unit::of_name(name))
            .or_else(|| names::flat_unit(&resolved.metric))
            .or_else(|| family.as_mut().and_then(|family| family.by_help()))
            .unwrap_or(unit::NONE);
        Ok(Known {
            series: self.maker.series(&resolved.metric, labels, unit, kind)?,
            created: of_family && totals && ending == Some(b"_created"),
            unresolved: resolved.unresolved,
        })
    }
}

/// What a sample is whose `# TYPE` is not known, as far as its name and labels tell.
pub(super) fn kind_of(name: &str, labels: &Labels<'_>) -> MetricKind {
    if labels.get("quantile").is_some() {
        MetricKind::Summary
    } else if name.ends_with("_bucket") && labels.get("le").is_some() {
        MetricKind::Histogram
    } else if name.ends_with("_total") {
        MetricKind::Counter
    } else {
        MetricKind::Unknown
    }
}

/// Name, labels, and where they end: `name{a="b"}`, `name`, `{__name__="name",a="b"}` or `{"name",a="b"}`.
fn series_text(line: &[u8]) -> Result<(Cow<'_, str>, Labels<'_>, usize), Fault> {
    let text = std::str::from_utf8(line).map_err(|_| fault("the sample is not UTF-8", line))?;
    let broken = || fault("the labels are not closed, or have no quotes", line);
    let stop = text.find(['{', ' ', '\t']).unwrap_or(text.len());
    let mut name = Cow::Borrowed(text.get(..stop).unwrap_or_default());
    let mut labels = Labels::default();
    if text.as_bytes().get(stop) != Some(&b'{') {
        return Ok((checked(name, line)?, labels, stop));
    }
    let mut at = stop + 1;
    loop {
        let rest = text.get(at..).ok_or_else(broken)?;
        let skipped = rest.len() - rest.trim_start_matches([' ', ',', '\t']).len();
        let rest = rest.get(skipped..).unwrap_or_default();
        at += skipped;
        if rest.starts_with('}') {
            break;
        }
        if rest.starts_with('"') {
            // A quoted text is the metric's name, or the name of a label.
            let (quoted, length) = quoted(rest).ok_or_else(broken)?;
            at += length;
            let after = text.get(at..).unwrap_or_default();
            if let Some(value) = after.strip_prefix('=') {
                let (value, length) = self::quoted(value).ok_or_else(broken)?;
                labels.add(quoted, value);
                at += 1 + length;
            } else {
                name = quoted;
            }
            continue;
        }
        let equals = rest.find('=').ok_or_else(broken)?;
        let key = rest.get(..equals).unwrap_or_default().trim();
        let (value, length) = rest.get(equals + 1..).and_then(quoted).ok_or_else(broken)?;
        at += equals + 1 + length;
        if key == "__name__" {
            name = value;
        } else {
            labels.add(key, value);
        }
    }
    Ok((checked(name, line)?, labels, at + 1))
}

fn checked<'a>(name: Cow<'a, str>, line: &[u8]) -> Result<Cow<'a, str>, Fault> {
    if name.is_empty() { Err(fault("the sample has no name", line)) } else { Ok(name) }
}

/// A quoted text with its escapes undone, and its length with the quotes.
fn quoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let inner = text.strip_prefix('"')?;
    let plain = inner.find(['"', '\\'])?;
    if inner.as_bytes().get(plain) == Some(&b'"') {
        return Some((Cow::Borrowed(inner.get(..plain)?), plain + 2));
    }
    let mut value = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), at + 2)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other @ ('"' | '\\') => value.push(other),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

/// What is told once at the end.
#[derive(Debug, Default)]
struct Tally {
    untimed: u64,
    exemplars: u64,
    unresolved: u64,
    unresolved_name: Option<String>,
}

impl Tally {
    fn warn(&self, scraped: Option<Timestamp>, by_name: bool, sink: &mut dyn Sink) {
        if let Some(time) = scraped.filter(|_| self.untimed > 0) {
            let from = if by_name { "the file's name states" } else { "the file was last changed" };
            sink.warn(format!("{} samples state no time: they were taken at {time}, as {from}", self.untimed));
        }
        if self.exemplars > 0 {
            sink.warn(format!("{} exemplars (examples beside a sample) are not kept", self.exemplars));
        }
        if let Some(name) = &self.unresolved_name {
            sink.warn(format!(
                "{} samples are kept under names that hold ids which are not known, such as `{name}`: names \
                 are settled when metrics are read, so ingest the metadata database before them or at once, into a new lake",
                self.unresolved
            ));
        }
    }
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

/// Is it a sample, for recognising a file? Its name must look like one.
pub(super) fn is_sample(line: &[u8]) -> bool {
    let Ok((name, labels, end)) = series_text(line) else { return false };
    let tail = line.get(end..).unwrap_or_default();
    let mut words = tail.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let value = words.next().is_some_and(|word| number::float(word).is_some());
    let named = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
    let shaped = name.contains('_') || !labels.is_empty();
    value && named && shaped && words.next().is_none_or(|word| number::float(word).is_some() || word == b"#")
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;
