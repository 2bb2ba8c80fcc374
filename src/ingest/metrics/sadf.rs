//! `sadf -d` of sysstat: tables behind each other, each with its header `# hostname;interval;timestamp;...`.
//!
//! A row is a line; its first number stands for it, the others are implied. `-T` writes local times without an offset: they
//! are refused, for the host's zone is not in the file.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    labels::Labels,
    lines::Lines,
    number,
    sadf_names::{DEVICES, group, metric, name_of_column, unit_of},
    series::{Cache, Maker, Series},
};
use crate::model::{MetricKind, Row, Timestamp};
use std::io::BufRead;

/// How a header begins.
pub(super) const HEADER: &[u8] = b"# hostname;interval;timestamp";
/// Widest table that is read; sysstat's own have two dozen columns.
const MAX_COLUMNS: usize = 256;

/// Reads the tables.
pub(super) fn read(input: Box<dyn BufRead>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut lines = Lines::new(input);
    let mut reader = Reader {
        maker: Maker::new("sysstat"),
        known: Cache::default(),
        key: Vec::new(),
        columns: Vec::new(),
        group: "other",
    };
    while let Some((number, line)) = lines.next() {
        let told = match line {
            Ok(line) if line.trim_ascii().is_empty() => continue,
            Ok(line) if line.starts_with(HEADER) => {
                if let Err(fault) = reader.header(line) {
                    sink.rejected(Some(number), &fault)?;
                }
                continue;
            }
            Ok(line) => reader.line(line),
            Err(fault) => Err(fault),
        };
        match told {
            Ok(Told::Rows(rows, bad)) => {
                let mut rows = rows.into_iter();
                match bad {
                    // A field is broken: the line is told as that, its other numbers are kept.
                    Some(fault) => sink.rejected(Some(number), &fault)?,
                    None => match rows.next() {
                        Some(row) => sink.row(row)?,
                        None => sink.ignored("a line without a number")?,
                    },
                }
                rows.try_for_each(|row| sink.implied(row))?;
            }
            Ok(Told::Ignored(reason)) => sink.ignored(reason)?,
            Err(fault) => sink.rejected(Some(number), &fault)?,
        }
    }
    Ok(())
}

enum Told {
    Rows(Vec<Row>, Option<Fault>),
    Ignored(&'static str),
}

struct Reader {
    maker: Maker,
    known: Cache<Series>,
    key: Vec<u8>,
    /// Columns behind the time.
    columns: Vec<String>,
    group: &'static str,
}

impl Reader {
    fn header(&mut self, line: &[u8]) -> Result<(), Fault> {
        self.columns.clear();
        let text = std::str::from_utf8(line).map_err(|_| fault("the header is not UTF-8", line))?;
        let columns = text.split(';').skip(3).map(|column| column.trim().to_owned());
        self.columns.extend(columns.take(MAX_COLUMNS));
        let small: Vec<String> = self.columns.iter().map(|column| column.to_ascii_lowercase()).collect();
        self.group = group(&small);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<Told, Fault> {
        let text = std::str::from_utf8(line).map_err(|_| fault("the line is not UTF-8", line))?;
        let mut fields = text.split(';');
        let (host, _, time) = match (fields.next(), fields.next(), fields.next()) {
            (Some(host), Some(interval), Some(time)) => (host, interval, time),
            _ => return Err(fault("not a line of sadf -d", line)),
        };
        let rest: Vec<&str> = fields.take(MAX_COLUMNS + 1).collect();
        if let Some(first) = rest.first()
            && rest.len() == 1
        {
            if first.contains("LINUX-RESTART") {
                return Ok(Told::Ignored("the host was restarted"));
            }
            if first.starts_with("COM") {
                return Ok(Told::Ignored("a comment in the record of sysstat"));
            }
        }
        if self.columns.is_empty() {
            return Err(fault("no header stands before the line", line));
        }
        if rest.len() != self.columns.len() {
            return Err(Fault::of("the line does not have the fields of its header", &rest.len().to_string()));
        }
        let ts = instant(time)?;
        self.numbers(host, ts, &rest)
    }

    fn numbers(&mut self, host: &str, ts: Timestamp, fields: &[&str]) -> Result<Told, Fault> {
        let columns = std::mem::take(&mut self.columns);
        let device = columns.first().and_then(|column| {
            let label = DEVICES.iter().find(|(name, _)| column.eq_ignore_ascii_case(name))?.1;
            Some((label, *fields.first()?))
        });
        let (mut rows, mut bad) = (Vec::with_capacity(columns.len()), None);
        for (column, text) in columns.iter().zip(fields).skip(usize::from(device.is_some())) {
            match self.number(host, device, column, ts, text) {
                Ok(row) => rows.extend(row),
                Err(fault) => bad = bad.or(Some(fault)),
            }
        }
        self.columns = columns;
        Ok(Told::Rows(rows, bad))
    }

    fn number(
        &mut self,
        host: &str,
        device: Option<(&'static str, &str)>,
        column: &str,
        ts: Timestamp,
        text: &str,
    ) -> Result<Option<Row>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        let value =
            number::float(text.as_bytes()).ok_or_else(|| fault("the value is not a number", text.as_bytes()))?;
        self.key.clear();
        for part in [self.group, column, host, device.map_or("", |(_, name)| name)] {
            self.key.extend_from_slice(part.as_bytes());
            self.key.push(b';');
        }
        if let Some(known) = self.known.get(&self.key) {
            return Ok(known.at(ts, value));
        }
        let name = name_of_column(self.group, column);
        let mut labels = Labels::default();
        labels.add("host", host);
        if let Some((label, name)) = device {
            labels.add(label, if label == "cpu" && name == "-1" { "all" } else { name });
        }
        let unit = unit_of(self.group, &name);
        let made = self.maker.series(&metric(self.group, &name), &mut labels, unit, MetricKind::Gauge)?;
        Ok(self.known.insert(&self.key, made).at(ts, value))
    }
}

/// `2026-11-24 11:22:32 UTC`, or unix seconds (`sadf -U`).
fn instant(text: &str) -> Result<Timestamp, Fault> {
    let text = text.trim();
    let seconds = text.bytes().all(|byte| byte.is_ascii_digit());
    if !seconds && !text.ends_with("UTC") && text.len() == 19 {
        return Err(fault("the time is local, without an offset: export without -T", text.as_bytes()));
    }
    number::any_time(text.as_bytes()).ok_or_else(|| fault("the time is not a time", text.as_bytes()))
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    #[test]
    fn tables_headers_and_restarts() {
        let got = told(
            Format::Sadf,
            "x",
            b"# hostname;interval;timestamp;CPU;%user;%idle\n\
              vm;5;2026-11-24 11:22:32 UTC;-1;85.61;0.00\n\
              vm;-1;2026-11-24 11:22:33 UTC;LINUX-RESTART\t(2 CPU)\n\
              # hostname;interval;timestamp;kbmemfree;%memused\n\
              vm;5;1795519352;2;11.12\n\
              vm;5;2026-11-24 11:22:32;2;11.12\n\
              vm;5;1795519352;x;11.12\n\
              vm;5;1795519352;1\n",
        );
        assert_eq!(
            got.rows,
            [
                r#"sysstat.cpu.user{"cpu":"all","host":"vm"} 85.61 percent gauge 2026-11-24T11:22:32Z"#,
                r#"sysstat.memory.memfree{"host":"vm"} 2048 bytes gauge 2026-11-24T11:22:32Z"#,
            ]
        );
        assert_eq!(
            got.implied,
            [
                r#"sysstat.cpu.idle{"cpu":"all","host":"vm"} 0 percent gauge 2026-11-24T11:22:32Z"#,
                r#"sysstat.memory.memused-percent{"host":"vm"} 11.12 percent gauge 2026-11-24T11:22:32Z"#,
                r#"sysstat.memory.memused-percent{"host":"vm"} 11.12 percent gauge 2026-11-24T11:22:32Z"#,
            ]
        );
        assert_eq!(got.ignored, ["the host was restarted"]);
        assert_eq!(
            got.faults,
            [
                "6: the time is local, without an offset: export without -T: `2026-11-24 11:22:32`",
                "7: the value is not a number: `x`",
                "8: the line does not have the fields of its header: `1`",
            ]
        );
    }
}
