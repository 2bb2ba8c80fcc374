//! Influx line protocol: `measurement,tag=v field=1.5,other=2i 1465839830100400200`.
//!
//! Source: "Line protocol" of InfluxDB's documentation. A row is a field. Nanoseconds are the default; the size of a time tells
//! where a client was set otherwise. Airflow's timers come this way from Telegraf, which keeps StatsD's milliseconds.

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
    time_in_name,
    unit::{self, MILLISECONDS},
};
use crate::model::{MetricKind, Timestamp};
use std::{borrow::Cow, io::BufRead, sync::Arc};

/// Why a field is left out.
const TEXT: &str = "a text field, no number";
/// Why a field is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";

/// Reads lines.
pub(super) fn read(input: Box<dyn BufRead>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut lines = Lines::new(input);
    let mut reader = Reader { ids: hints.ids, maker: Maker::new("influx"), known: Cache::default(), key: Vec::new() };
    let otherwise = time_in_name(hints.name).or(hints.scrape_time);
    let mut untimed = 0_u64;
    while let Some((number, line)) = lines.next() {
        let line = match line {
            Ok(line) => line.trim_ascii(),
            Err(fault) => {
                sink.rejected(Some(number), &fault)?;
                continue;
            }
        };
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let told = match parts(line) {
            Ok(parts) => {
                untimed += u64::from(parts.time.is_empty());
                reader.fields(number, &parts, otherwise, sink)?
            }
            Err(fault) => Err(fault),
        };
        if let Err(fault) = told {
            sink.rejected(Some(number), &fault)?;
        }
    }
    if let Some(time) = otherwise.filter(|_| untimed > 0) {
        sink.warn(format!("{untimed} lines state no time: they were taken at {time}, as the file's name or date says"));
    }
    Ok(())
}

/// The three parts of a line.
struct Parts<'a> {
    series: &'a str,
    fields: &'a str,
    time: &'a str,
}

fn parts(line: &[u8]) -> Result<Parts<'_>, Fault> {
    let text = std::str::from_utf8(line).map_err(|_| fault("the line is not UTF-8", line))?;
    let (series, rest) = cut(text, b' ', false).ok_or_else(|| fault("not a line of the Influx protocol", line))?;
    let rest = rest.trim_start_matches(' ');
    let (fields, time) = cut(rest, b' ', true).unwrap_or((rest, ""));
    if series.is_empty() || fields.is_empty() {
        return Err(fault("not a line of the Influx protocol", line));
    }
    Ok(Parts { series, fields, time: time.trim() })
}

/// Cuts at the first `at` that no backslash escapes and, with `quotes`, that stands outside of quotes.
fn cut(text: &str, at: u8, quotes: bool) -> Option<(&str, &str)> {
    let (mut escaped, mut quoted) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == b'"' && quotes {
            quoted = !quoted;
        } else if byte == at && !quoted {
            return Some((text.get(..place)?, text.get(place + 1..)?));
        }
    }
    None
}

/// A text without its escapes. A backslash before anything but a special character is itself.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next @ (',' | '=' | ' ' | '"' | '\\')) if character == '\\' => {
                plain.push(*next);
                characters.next();
            }
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

struct Reader<'h> {
    ids: &'h Ids,
    maker: Maker,
    known: Cache<Series>,
    key: Vec<u8>,
}

impl Reader<'_> {
    /// Tells each field; the inner fault is one of the whole line.
    fn fields(
        &mut self,
        number: u64,
        parts: &Parts<'_>,
        otherwise: Option<Timestamp>,
        sink: &mut dyn Sink,
    ) -> Result<Result<(), Fault>, Halt> {
        let time = match parts.time {
            "" => otherwise,
            text => match number::unix_time(text.as_bytes()) {
                Some(time) => Some(time),
                None => return Ok(Err(fault("the time is not a unix time", text.as_bytes()))),
            },
        };
        let Some(time) = time else {
            return Ok(Err(fault("the line has no time, and neither has the file", parts.series.as_bytes())));
        };
        let mut rest = Some(parts.fields);
        while let Some(fields) = rest {
            let (field, more) = cut(fields, b',', true).map_or((fields, None), |(field, more)| (field, Some(more)));
            match self.field(parts.series, field) {
                Ok(Some((series, value))) => match series.at(time, value) {
                    Some(row) => sink.row(row)?,
                    None => sink.ignored(NO_NUMBER)?,
                },
                Ok(None) => sink.ignored(TEXT)?,
                Err(fault) => sink.rejected(Some(number), &fault)?,
            }
            rest = more;
        }
        Ok(Ok(()))
    }

    /// The series of a field and its number; `None` for a text.
    fn field(&mut self, series: &str, field: &str) -> Result<Option<(Arc<Series>, f64)>, Fault> {
        let (name, text) = cut(field, b'=', false).ok_or_else(|| fault("a field has no value", field.as_bytes()))?;
        let value = match text {
            "t" | "T" | "true" | "True" | "TRUE" => 1.0,
            "f" | "F" | "false" | "False" | "FALSE" => 0.0,
            _ if text.starts_with('"') => return Ok(None),
            _ => {
                let digits = text.strip_suffix(['i', 'u']).unwrap_or(text);
                number::float(digits.as_bytes()).ok_or_else(|| fault("the value is not a number", text.as_bytes()))?
            }
        };
        self.key.clear();
        for part in [series, " ", name] {
            self.key.extend_from_slice(part.as_bytes());
        }
        if let Some(known) = self.known.get(&self.key) {
            return Ok(Some((known.clone(), value)));
        }
        let made = self.make(series, &plain(name))?;
        Ok(Some((self.known.insert(&self.key, made), value)))
    }

    fn make(&mut self, series: &str, field: &str) -> Result<Series, Fault> {
        let (measurement, mut rest) =
            cut(series, b',', false).map_or((series, None), |(name, tags)| (name, Some(tags)));
        let mut labels = Labels::default();
        while let Some(tags) = rest {
            let (tag, more) = cut(tags, b',', false).map_or((tags, None), |(tag, more)| (tag, Some(more)));
            let (key, value) = cut(tag, b'=', false).ok_or_else(|| fault("a tag has no value", tag.as_bytes()))?;
            labels.add(plain(key), plain(value));
            rest = more;
        }
        let measurement = plain(measurement);
        let kind = match labels.take("metric_type").as_deref() {
            Some("counter") => MetricKind::Counter,
            Some("gauge") => MetricKind::Gauge,
            Some("timing") => MetricKind::Timer,
            _ => MetricKind::Unknown,
        };
        let resolved = if measurement.contains('.') {
            names::dotted(&measurement, &mut labels, self.ids)
        } else {
            names::flat(&measurement, &mut labels, self.ids)
        };
        let whole = format!("{measurement}_{field}");
        let unit = match kind {
            MetricKind::Timer if field != "count" => MILLISECONDS,
            MetricKind::Timer => unit::NONE,
            _ => unit::of_name(&whole).or_else(|| unit::of_name(&measurement)).unwrap_or(unit::NONE),
        };
        let metric = if field == "value" { resolved.metric } else { format!("{}.{field}", resolved.metric).into() };
        self.maker.series(&metric, &mut labels, unit, kind)
    }
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

/// Is it a line of the protocol, for recognising a file?
pub(super) fn is_line(line: &[u8]) -> bool {
    let Ok(parts) = parts(line) else { return false };
    let time = parts.time.is_empty() || number::unix_time(parts.time.as_bytes()).is_some();
    let mut rest = Some(parts.fields);
    while let Some(fields) = rest {
        let (field, more) = cut(fields, b',', true).map_or((fields, None), |(field, more)| (field, Some(more)));
        let Some((name, text)) = cut(field, b'=', false) else { return false };
        let digits = text.strip_suffix(['i', 'u']).unwrap_or(text);
        let known = text.starts_with('"') && text.ends_with('"') && text.len() > 1
            || matches!(text, "t" | "T" | "true" | "True" | "TRUE" | "f" | "F" | "false" | "False" | "FALSE")
            || number::float(digits.as_bytes()).is_some();
        if !known || name.is_empty() {
            return false;
        }
        rest = more;
    }
    time && !parts.series.contains(['{', '"', '['])
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    #[test]
    fn fields_tags_and_escapes() {
        let got = told(
            Format::Influx,
            "x",
            concat!(
                "cpu,host=a\\ b,cpu=cpu0 usage_percent=1.5,n=2i,u=3u,up=t,version=\"1, 2\\\" x=3\" 1795520026000000000\n",
                "# a comment\n\n",
                "m\\,x value=-1e3 1795520026000\n",
                "net bytes=12 1795520026\n",
            )
            .as_bytes(),
        );
        assert_eq!(
            got.rows,
            [
                r#"cpu.usage_percent{"cpu":"cpu0","host":"a b"} 1.5 percent unknown 2026-11-24T11:33:46Z"#,
                r#"cpu.n{"cpu":"cpu0","host":"a b"} 2 - unknown 2026-11-24T11:33:46Z"#,
                r#"cpu.u{"cpu":"cpu0","host":"a b"} 3 - unknown 2026-11-24T11:33:46Z"#,
                r#"cpu.up{"cpu":"cpu0","host":"a b"} 1 - unknown 2026-11-24T11:33:46Z"#,
                "m,x{} -1000 - unknown 2026-11-24T11:33:46Z",
                "net.bytes{} 12 bytes unknown 2026-11-24T11:33:46Z",
            ]
        );
        assert_eq!(got.ignored, [super::TEXT]);
        assert!(got.faults.is_empty());
    }

    #[test]
    fn telegraf_keeps_milliseconds() {
        let line =
            "airflow_task_duration,dag_id=d,metric_type=timing,task_id=t mean=1500,count=2i 1795520026000000000\n";
        let got = told(Format::Influx, "x", line.as_bytes());
        assert_eq!(
            got.rows,
            [
                r#"airflow_task_duration.mean{"dag_id":"d","task_id":"t"} 1.5 seconds timer 2026-11-24T11:33:46Z"#,
                r#"airflow_task_duration.count{"dag_id":"d","task_id":"t"} 2 - timer 2026-11-24T11:33:46Z"#,
            ]
        );
    }

    #[test]
    fn broken_lines_are_told() {
        let got = told(
            Format::Influx,
            "x",
            b"cpu\ncpu x=1,y=abc 1795520026\ncpu x=1 yesterday\ncpu,a x=1 1795520026\ncpu x=1\n",
        );
        assert_eq!(
            got.faults,
            [
                "1: not a line of the Influx protocol: `cpu`",
                "2: the value is not a number: `abc`",
                "3: the time is not a unix time: `yesterday`",
                "4: a tag has no value: `a`",
                "5: the line has no time, and neither has the file: `cpu`",
            ]
        );
        assert_eq!(got.rows.len(), 1);
    }
}
