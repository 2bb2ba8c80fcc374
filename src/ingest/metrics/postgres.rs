//! Samples of PostgreSQL's views as CSV: sessions by state, locks by mode, statements by their id.
//!
//! A sample is the rows that were read together: `clock_timestamp()` differs a little from row to row, so rows less than half a
//! second after the first belong to it. Equal rows are counted; the first stands for its group. The text of a query is never
//! kept: it may hold literals.

use super::{
    super::{
        reading::Fault,
        sink::{Halt, Sink},
    },
    Format, Hints,
    labels::Labels,
    number,
    records::Records,
    series::Maker,
    time_in_name,
    unit::{self, MILLISECONDS, Unit},
};
use crate::model::{MetricKind, Timestamp};
use std::{collections::BTreeMap, io::BufRead};

/// Rows of one sample lie within this time.
const SAMPLE_S: f64 = 0.5;
/// Groups of one sample that are held. `pg_stat_statements.max` is 5,000 by default.
const MAX_GROUPS: usize = 20_000;

/// Names under which the time of a sample goes.
const TIMES: [&str; 8] =
    ["sampled_at", "sample_time", "collected_at", "clock_timestamp", "now", "time", "timestamp", "ts"];

/// What is counted of a view.
struct View {
    /// Columns (any of these names) and the label they become.
    labels: &'static [(&'static [&'static str], &'static str)],
    /// Columns that are summed, with name, unit and kind; none: rows are counted.
    sums: &'static [(&'static [&'static str], &'static str, Unit)],
    /// Name of the count of rows.
    count: &'static str,
}

const ACTIVITY: View = View {
    labels: &[
        (&["datname"], "datname"),
        (&["state"], "state"),
        (&["wait_event_type"], "wait_event_type"),
        (&["wait_event"], "wait_event"),
    ],
    sums: &[],
    count: "pg_stat_activity.sessions",
};

const LOCKS: View = View {
    labels: &[
        (&["database", "datname"], "datname"),
        (&["locktype"], "locktype"),
        (&["mode"], "mode"),
        (&["granted"], "granted"),
    ],
    sums: &[],
    count: "pg_locks.locks",
};

const STATEMENTS: View = View {
    labels: &[(&["datname", "dbid"], "datname"), (&["queryid", "query_id"], "queryid")],
    sums: &[
        (&["calls"], "pg_stat_statements.calls", unit::NONE),
        // `total_time` until PostgreSQL 12.
        (&["total_exec_time", "total_time"], "pg_stat_statements.total_exec_time", MILLISECONDS),
        (&["rows"], "pg_stat_statements.rows", unit::NONE),
    ],
    count: "",
};

/// Reads samples of the view.
pub(super) fn read(
    format: Format,
    input: Box<dyn BufRead>,
    hints: &Hints<'_>,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    let view = match format {
        Format::PgLocks => &LOCKS,
        Format::PgStatements => &STATEMENTS,
        _ => &ACTIVITY,
    };
    let (header, mut records) = match Records::new(input) {
        Ok(opened) => opened,
        Err(fault) => return sink.rejected(Some(1), &fault),
    };
    let otherwise = time_in_name(hints.name).or(hints.scrape_time);
    let mut sampler = Sampler::new(view, &header, otherwise);
    while let Some((line, record)) = records.next() {
        let told = match record {
            Ok(record) => sampler.row(record, sink)?,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = told {
            sink.rejected(Some(line), &fault)?;
        }
    }
    sampler.flush(sink)?;
    if let Some(time) = otherwise.filter(|_| sampler.time.is_none()) {
        sink.warn(format!(
            "no column states when it was sampled: it was taken at {time}, as the file's name or date says"
        ));
    }
    Ok(())
}

/// The rows of a group: how many, and their sums.
#[derive(Debug, Default)]
struct Group {
    rows: u64,
    sums: [f64; 3],
}

struct Sampler {
    view: &'static View,
    maker: Maker,
    time: Option<usize>,
    labels: Vec<(Option<usize>, &'static str)>,
    sums: Vec<Option<usize>>,
    /// Where there is no `queryid`, the text stands for it, as its hash.
    query: Option<usize>,
    otherwise: Option<Timestamp>,
    /// Time of the first row of the sample.
    at: Option<Timestamp>,
    groups: BTreeMap<Vec<String>, Group>,
}

impl Sampler {
    fn new(view: &'static View, header: &[String], otherwise: Option<Timestamp>) -> Self {
        let place = |names: &[&str]| header.iter().position(|column| names.contains(&column.as_str()));
        let labels: Vec<_> = view.labels.iter().map(|(names, label)| (place(names), *label)).collect();
        let no_id = labels.iter().any(|(place, label)| *label == "queryid" && place.is_none());
        Self {
            view,
            maker: Maker::new("postgres"),
            time: TIMES.iter().find_map(|name| place(&[name])),
            sums: view.sums.iter().map(|(names, ..)| place(names)).collect(),
            query: no_id.then(|| place(&["query"])).flatten(),
            labels,
            otherwise,
            at: None,
            groups: BTreeMap::new(),
        }
    }

    /// Counts a row; the inner fault is one of the row.
    fn row(&mut self, record: &csv::ByteRecord, sink: &mut dyn Sink) -> Result<Result<(), Fault>, Halt> {
        let (time, sums, key) = match self.fields(record) {
            Ok(fields) => fields,
            Err(fault) => return Ok(Err(fault)),
        };
        if self.at.is_some_and(|at| time.seconds_since(at).abs() > SAMPLE_S) {
            self.flush(sink)?;
        }
        self.at.get_or_insert(time);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return Ok(Err(Fault::new("more than 20,000 groups in one sample")));
        }
        let group = self.groups.entry(key).or_default();
        group.rows += 1;
        for (sum, value) in group.sums.iter_mut().zip(sums) {
            *sum += value;
        }
        Ok(Ok(()))
    }

    fn fields(&self, record: &csv::ByteRecord) -> Result<(Timestamp, [f64; 3], Vec<String>), Fault> {
        let field = |place: Option<usize>| place.and_then(|place| record.get(place)).unwrap_or_default();
        let time = match self.time {
            Some(_) => {
                number::any_time(field(self.time)).ok_or_else(|| fault("the time is not a time", field(self.time)))?
            }
            None => self
                .otherwise
                .ok_or_else(|| Fault::new("no column states when it was sampled, and neither does the file"))?,
        };
        let mut sums = [0.0; 3];
        for (sum, place) in sums.iter_mut().zip(&self.sums) {
            let text = field(*place);
            if place.is_some() {
                let value = number::float(text).filter(|value| value.is_finite());
                *sum = value.ok_or_else(|| fault("the value is not a number", text))?;
            }
        }
        let mut key = Vec::with_capacity(self.labels.len());
        for (place, label) in &self.labels {
            let text = std::str::from_utf8(field(*place)).map_err(|_| fault("the text is not UTF-8", field(*place)))?;
            key.push(match (*label, text) {
                ("granted", "t") => "true".to_owned(),
                ("granted", "f") => "false".to_owned(),
                ("queryid", "") if self.query.is_some() => format!("text:{:016x}", fingerprint(field(self.query))),
                _ => text.chars().take(250).collect(),
            });
        }
        Ok((time, sums, key))
    }

    /// The sample is complete: each group is told.
    fn flush(&mut self, sink: &mut dyn Sink) -> Result<(), Halt> {
        let Some(ts) = self.at.take() else { return Ok(()) };
        for (key, group) in std::mem::take(&mut self.groups) {
            let mut labels = Labels::default();
            for ((_, label), text) in self.labels.iter().zip(key) {
                labels.add(*label, text);
            }
            let counted = [(self.view.count, unit::NONE, MetricKind::Gauge, Some(group.rows as f64))];
            let summed = self.view.sums.iter().zip(&self.sums).zip(group.sums);
            let summed =
                summed.map(|(((_, name, unit), place), sum)| (*name, *unit, MetricKind::Counter, place.map(|_| sum)));
            let mut rows = Vec::new();
            for (name, unit, kind, value) in counted.into_iter().chain(summed).filter(|(name, ..)| !name.is_empty()) {
                match (self.maker.series(name, &mut labels, unit, kind), value) {
                    (Ok(series), Some(value)) => rows.extend(series.at(ts, value)),
                    (Ok(_), None) => {}
                    (Err(fault), _) => return (0..group.rows).try_for_each(|_| sink.rejected(None, &fault)),
                }
            }
            let mut rows = rows.into_iter();
            match rows.next() {
                Some(row) => sink.row(row)?,
                None => sink.ignored("no column that is counted")?,
            }
            rows.try_for_each(|row| sink.implied(row))?;
            (1..group.rows).try_for_each(|_| sink.ignored("counted together with an equal row of the same sample"))?;
        }
        Ok(())
    }
}

/// FNV-1a of 64 bits: the same on every platform and version. Not for secrets; two queries rarely share one.
fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

#[cfg(test)]
mod tests {
    use super::super::{Format, whole_tests::told};

    #[test]
    fn sessions_are_counted_by_state() {
        let got = told(
            Format::PgActivity,
            "x",
            b"sampled_at,datname,pid,wait_event_type,wait_event,state,query\n\
              2026-11-24 11:33:40.533582+00,af210,1,Client,ClientRead,idle in transaction,\"SELECT 'secret'\"\n\
              2026-11-24 11:33:40.533667+00,af210,2,Client,ClientRead,idle in transaction,x\n\
              2026-11-24 11:33:40.533691+00,af210,3,,,active,x\n\
              2026-11-24 11:33:45.637752+00,af210,1,,,active,x\n\
              soon,af210,1,,,active,x\n",
        );
        assert_eq!(
            got.rows,
            [
                r#"pg_stat_activity.sessions{"datname":"af210","state":"active"} 1 - gauge 2026-11-24T11:33:40.533582Z"#,
                r#"pg_stat_activity.sessions{"datname":"af210","state":"idle in transaction","wait_event":"ClientRead","wait_event_type":"Client"} 2 - gauge 2026-11-24T11:33:40.533582Z"#,
                r#"pg_stat_activity.sessions{"datname":"af210","state":"active"} 1 - gauge 2026-11-24T11:33:45.637752Z"#,
            ]
        );
        assert_eq!(got.ignored, ["counted together with an equal row of the same sample"]);
        assert_eq!(got.faults, ["6: the time is not a time: `soon`"]);
    }

    #[test]
    fn locks_are_counted_by_mode() {
        let got = told(
            Format::PgLocks,
            "x",
            b"sampled_at,locktype,database,relation,pid,mode,granted\n\
              2026-11-24 11:33:41.07998+00,relation,af210,19838,21278,RowExclusiveLock,t\n\
              2026-11-24 11:33:41.08+00,relation,af210,19836,21278,RowExclusiveLock,f\n",
        );
        let shown = |granted: &str| {
            format!(
                r#"pg_locks.locks{{"datname":"af210","granted":"{granted}","locktype":"relation","mode":"RowExclusiveLock"}} 1 - gauge 2026-11-24T11:33:41.07998Z"#
            )
        };
        assert_eq!(got.rows, [shown("false"), shown("true")]);
    }

    #[test]
    fn the_fingerprint_is_fnv_1a() {
        // From the test vectors of the FNV authors.
        assert_eq!(super::fingerprint(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(super::fingerprint(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn statements_are_summed_and_their_text_is_not_kept() {
        let got = told(
            Format::PgStatements,
            "statements_1795520026.csv",
            b"datname,calls,total_exec_time,rows,query\n\
              af210,3,1500.5,4,\"UPDATE x SET password = 'hunter2'\"\n\
              af210,1,0.5,1,\"UPDATE x SET password = 'hunter2'\"\n\
              af210,x,0.5,1,SELECT\n",
        );
        let labels = r#"{"datname":"af210","queryid":"text:ac2e5d226f0621ce"}"#;
        let (name, at) = ("pg_stat_statements", "2026-11-24T11:33:46Z");
        assert_eq!(got.rows, [format!("{name}.calls{labels} 4 - counter {at}")]);
        assert_eq!(
            got.implied,
            [
                format!("{name}.total_exec_time{labels} 1.501 seconds counter {at}"),
                format!("{name}.rows{labels} 5 - counter {at}"),
            ]
        );
        assert_eq!(got.ignored.len(), 1);
        assert_eq!(got.faults, ["4: the value is not a number: `x`"]);
    }
}
