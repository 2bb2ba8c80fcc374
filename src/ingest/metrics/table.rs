//! A table of a time and numbers, long (one value a row) or wide (one metric a column).
//!
//! A row's first number stands for it, the others are implied. A field that is no number makes the row a fault; its other numbers
//! are kept.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    Hints,
    labels::Labels,
    number,
    records::Records,
    series::{Cache, Maker, Series},
    table_columns::Columns,
    unit,
};
use crate::model::{Row, Timestamp};
use std::{collections::VecDeque, io::BufRead, sync::Arc};

/// Rows that are looked at to find out what the columns are.
const LOOKED_AT: usize = 20;

/// Reads a table, by the user's mapping or as its columns are obviously meant.
pub(super) fn read(input: Box<dyn BufRead>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Halt> {
    let (header, mut records) = match Records::new(input) {
        Ok(opened) => opened,
        Err(fault) => return sink.rejected(Some(1), &fault),
    };
    let mut first = VecDeque::new();
    let columns = match hints.csv {
        Some(mapping) => Columns::mapped(&header, mapping),
        None => {
            while first.len() < LOOKED_AT {
                let Some((line, record)) = records.next() else { break };
                first.push_back((line, record.cloned()));
            }
            let full: Vec<_> = first.iter().filter_map(|(_, record)| record.clone().ok()).collect();
            Columns::obvious(&header, &full).ok_or_else(|| {
                Fault::new("which column is the time and which are values is not plain: state it in windtunnel.toml")
            })
        }
    };
    let columns = match columns {
        Ok(columns) => columns,
        Err(fault) => return sink.rejected(Some(1), &fault),
    };
    let mut reader = Reader { columns, maker: Maker::new("csv"), known: Cache::default(), key: Vec::new() };
    for (line, record) in first {
        reader.tell(line, record.as_ref().map_err(Clone::clone), sink)?;
    }
    while let Some((line, record)) = records.next() {
        reader.tell(line, record, sink)?;
    }
    Ok(())
}

struct Reader {
    columns: Columns,
    maker: Maker,
    known: Cache<Series>,
    key: Vec<u8>,
}

impl Reader {
    fn tell(&mut self, line: u64, record: Result<&csv::ByteRecord, Fault>, sink: &mut dyn Sink) -> Result<(), Halt> {
        let read = record.and_then(|record| {
            let time = record.get(self.columns.time).unwrap_or_default();
            Ok((record, self.columns.time_format.read(time)?))
        });
        let (record, ts) = match read {
            Ok(read) => read,
            Err(fault) => return sink.rejected(Some(line), &fault),
        };
        let mut bad = None;
        let mut held: Option<Row> = None;
        for place in 0..self.columns.values.len() {
            match self.value(place, record, ts) {
                Ok(Some(row)) => {
                    // Whether the first number may stand for the row shows only at its end.
                    if let Some(row) = held.replace(row) {
                        sink.implied(row)?;
                    }
                }
                Ok(None) => {}
                Err(fault) => bad = bad.or(Some(fault)),
            }
        }
        match (bad, held) {
            (Some(fault), held) => {
                sink.rejected(Some(line), &fault)?;
                held.map_or(Ok(()), |row| sink.implied(row))
            }
            (None, Some(row)) => sink.row(row),
            (None, None) => sink.ignored("a row without a number"),
        }
    }

    fn value(&mut self, place: usize, record: &csv::ByteRecord, ts: Timestamp) -> Result<Option<Row>, Fault> {
        let Some((at, _)) = self.columns.values.get(place) else { return Ok(None) };
        let text = record.get(*at).unwrap_or_default().trim_ascii();
        if matches!(text, b"" | b"\\N" | b"NULL" | b"null") {
            return Ok(None);
        }
        let value = number::float(text).ok_or_else(|| fault("the value is not a number", text))?;
        Ok(self.series(place, record)?.at(ts, value))
    }

    fn series(&mut self, place: usize, record: &csv::ByteRecord) -> Result<Arc<Series>, Fault> {
        self.key.clear();
        self.key.extend_from_slice(&place.to_le_bytes());
        let named = [self.columns.metric, self.columns.unit];
        for at in named.into_iter().flatten().chain(self.columns.labels.iter().map(|(at, _)| *at)) {
            let text = record.get(at).unwrap_or_default();
            // Lengths keep `a` + `bc` apart from `ab` + `c`.
            self.key.extend_from_slice(&text.len().to_le_bytes());
            self.key.extend_from_slice(text);
        }
        if let Some(known) = self.known.get(&self.key) {
            return Ok(known.clone());
        }
        let text = |at: usize| {
            let bytes = record.get(at).unwrap_or_default();
            std::str::from_utf8(bytes).map(str::trim).map_err(|_| fault("the text is not UTF-8", bytes))
        };
        let columns = &self.columns;
        let name = match columns.metric {
            Some(at) => text(at)?,
            None => columns.values.get(place).map_or("", |(_, name)| name),
        };
        let mut labels = Labels::default();
        for (at, label) in &columns.labels {
            labels.add(label.as_str(), text(*at)?);
        }
        let stated = columns.unit.map(text).transpose()?.filter(|word| !word.is_empty());
        let of_row = stated.map(|word| unit::of_word(word).unwrap_or(unit::NONE));
        let unit = columns.all.or(of_row).or_else(|| unit::of_name(name)).unwrap_or(unit::NONE);
        if name.is_empty() {
            return Err(Fault::new("the metric has no name"));
        }
        let made = self.maker.series(&format!("{}{name}", columns.prefix), &mut labels, unit, columns.kind)?;
        Ok(self.known.insert(&self.key, made))
    }
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

#[cfg(test)]
mod tests {
    use super::super::{
        CsvMapping, Format, TimeFormat,
        whole_tests::{told, told_mapped},
    };
    use crate::model::MetricKind;

    #[test]
    fn a_wide_table() {
        let got = told(
            Format::Table,
            "x",
            b"Time,latency_milliseconds,load\n1795520026,250,1\n1795520027,,\n1795520028,5,abc\nsoon,1,1\n1795520029\n",
        );
        assert_eq!(got.rows, ["load{} 1 - unknown 2026-11-24T11:33:46Z"]);
        assert_eq!(
            got.implied,
            [
                "latency_milliseconds{} 0.25 seconds unknown 2026-11-24T11:33:46Z",
                "latency_milliseconds{} 0.005 seconds unknown 2026-11-24T11:33:48Z",
            ]
        );
        assert_eq!(got.ignored, ["a row without a number"]);
        assert_eq!(
            got.faults,
            [
                "4: the value is not a number: `abc`",
                "5: the time is not a time: `soon`",
                "6: the row does not have the header's 3 fields: `1`",
            ]
        );
    }

    #[test]
    fn a_long_table() {
        let text = b"ts,metric,value,host,unit\n2026-11-24T11:33:46Z,wait,250,vm,ms\n2026-11-24T11:33:47Z,load,x,,\n";
        let got = told(Format::Table, "x", text);
        assert_eq!(got.faults.len(), 1, "`value` holds a text: it is not plain");
        let got = told(Format::Table, "x", &text[..text.len() - 30]);
        assert_eq!(got.rows, [r#"wait{"host":"vm"} 0.25 seconds unknown 2026-11-24T11:33:46Z"#]);
    }

    #[test]
    fn a_mapped_table() {
        let mapping = CsvMapping {
            time: "when".into(),
            time_format: TimeFormat::Milliseconds,
            value: Some("n".into()),
            labels: vec!["host".into()],
            unit: Some("ms".into()),
            kind: Some(MetricKind::Gauge),
            prefix: "shop.".into(),
            ..CsvMapping::default()
        };
        let text = b"when;n;host;note\n1795520026000;1500;vm;text\n";
        assert_eq!(told_mapped(&mapping, text).rows, [r#"shop.n{"host":"vm"} 1.5 seconds gauge 2026-11-24T11:33:46Z"#]);
        let missing = CsvMapping { time: "at".into(), ..mapping };
        let got = told_mapped(&missing, text);
        assert_eq!(got.faults, ["1: the table has no column of the name that windtunnel.toml gives: `at`"]);
    }
}
