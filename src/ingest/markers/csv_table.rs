//! A table of deploys or incidents, as people keep it: columns by name, under the usual names.

use super::{
    super::{
        airflow_more::Tools,
        fields::Field,
        reading::Fault,
        sink::{Halt, Sink},
        table::DELIMITERS,
    },
    instant, one_line,
};
use crate::model::{Marker, Row, Text, Timestamp};
use std::{cell::Cell, io::BufRead, rc::Rc};

const TIME: &[&str] = &[
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "when",
    "at",
    "deployed_at",
    "released_at",
    "occurred_at",
    "started_at",
    "start",
    "start_time",
    "created_at",
    "opened_at",
    "finished_at",
];
const TEXT: &[&str] = &[
    "text",
    "title",
    "description",
    "message",
    "summary",
    "subject",
    "name",
    "note",
    "notes",
    "what",
    "change",
    "event",
];
const KIND: &[&str] = &["kind", "type", "category"];
const DAG: &[&str] = &["dag_id", "dag"];
const REFERENCE: &[&str] = &[
    "reference",
    "ref",
    "version",
    "commit",
    "sha",
    "revision",
    "tag",
    "release",
    "ticket",
    "issue",
    "incident_id",
    "incident",
];
const END: &[&str] = &["ended_at", "end", "end_time", "resolved_at", "closed_at", "until"];

/// Columns that tables of markers do not have: the file is a table of Airflow, of a database or of metrics.
const OTHERS: &[&str] = &[
    "run_id",
    "execution_date",
    "logical_date",
    "try_number",
    "job_type",
    "dttm",
    "email_sent",
    "version_number",
    "fileloc",
    "dag_hash",
    "callback_def",
    "fetch_method",
    "deadline_time",
    "stacktrace",
    "source_code",
    "extra",
    "value",
    "metric",
    "hostname",
    "pid",
    "query",
    "slots",
    "reschedule_date",
];

/// Longest row, in bytes.
const MAX_ROW: usize = 1 << 20;

/// Places of the columns.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    time: usize,
    text: Option<usize>,
    kind: Option<usize>,
    dag: Option<usize>,
    reference: Option<usize>,
    end: Option<usize>,
    /// What the rows are about where no column says.
    about: &'static str,
}

impl Columns {
    fn of(header: &[String], name: &str) -> Option<Self> {
        let at = |names: &[&str]| names.iter().find_map(|name| header.iter().position(|column| column == name));
        let has = |name: &str| header.iter().any(|column| column == name);
        if OTHERS.iter().any(|other| has(other)) || has("dag_id") && has("task_id") {
            return None;
        }
        let time = at(TIME)?;
        let (text, kind, reference, end) = (at(TEXT), at(KIND), at(REFERENCE), at(END));
        if text.is_none() && reference.is_none() {
            return None;
        }
        let file = name.to_ascii_lowercase();
        let about = match () {
            () if has("deployed_at") || has("released_at") || file.contains("deploy") || file.contains("release") => {
                "deploy"
            }
            () if end.is_some() || has("severity") || has("incident_id") || file.contains("incident") => "incident",
            () if file.contains("upgrade") => "upgrade",
            () if has("commit") || has("sha") || has("version") || has("release") => "deploy",
            () => "event",
        };
        Some(Self { time, text, kind, dag: at(DAG), reference, end, about })
    }
}

/// The separator of a table of markers; `None` where it is none.
pub(super) fn recognise(head: &[u8], name: &str) -> Option<u8> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if !head.contains(&b'\n') || line.contains(&0) {
        return None;
    }
    DELIMITERS.into_iter().find(|delimiter| {
        let mut reader = csv::ReaderBuilder::new().delimiter(*delimiter).has_headers(false).from_reader(line);
        let mut header = csv::ByteRecord::new();
        let read = reader.read_byte_record(&mut header).unwrap_or(false);
        read && header.len() > 1 && Columns::of(&names(&header), name).is_some()
    })
}

/// `Deployed At` as `deployed_at`.
fn names(header: &csv::ByteRecord) -> Vec<String> {
    let name = |field: &[u8]| {
        let text = String::from_utf8_lossy(field);
        text.trim_start_matches('\u{feff}').trim().to_ascii_lowercase().replace([' ', '-'], "_")
    };
    header.iter().map(name).collect()
}

pub(super) fn read(
    input: &mut dyn BufRead,
    delimiter: u8,
    name: &str,
    tools: &mut Tools,
    sink: &mut dyn Sink,
) -> Result<(), Halt> {
    // Bytes that may be read before the next row.
    let left = Rc::new(Cell::new(MAX_ROW));
    let bounded = Bounded { input, left: left.clone() };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bounded);
    let columns = match reader.byte_headers() {
        Ok(header) => Columns::of(&names(header), name),
        Err(error) => return sink.rejected(Some(1), &Fault::of("not a CSV header", &error.to_string())),
    };
    let Some(columns) = columns else { return sink.rejected(Some(1), &Fault::new("no header of a table of markers")) };
    let width = reader.byte_headers().map_or(0, csv::ByteRecord::len);
    let mut record = csv::ByteRecord::new();
    let mut offsets = None;
    loop {
        left.set(MAX_ROW);
        let line = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line = record.position().map_or(line, csv::Position::line);
                if record.len() != width {
                    let kind = format!("row does not have the header's {width} fields (cut off, or another delimiter)");
                    sink.rejected(Some(line), &Fault::of(kind, &record.len().to_string()))?;
                    continue;
                }
                match marker(&columns, &record, tools, &mut offsets) {
                    Ok(marker) => sink.row(Row::Marker(marker))?,
                    Err(fault) => sink.rejected(Some(line), &fault)?,
                }
            }
            Err(error) if error.is_io_error() => {
                return sink.rejected(Some(line), &Fault::of("cannot read on from here", &error.to_string()));
            }
            Err(error) => sink.rejected(Some(line), &Fault::of("not a CSV row", &error.to_string()))?,
        }
    }
}

/// `offsets`: did the rows before state one? All must, or none (then they are UTC).
fn marker(
    columns: &Columns,
    record: &csv::ByteRecord,
    tools: &mut Tools,
    offsets: &mut Option<bool>,
) -> Result<Marker, Fault> {
    let field = |at: Option<usize>, name: &str| {
        let bytes = at.and_then(|at| record.get(at)).unwrap_or_default().trim_ascii();
        Field::from_bytes(bytes).text(name).map(|text| text.map(|text| text.into_owned()))
    };
    let mut time = |at: Option<usize>, name: &str| -> Result<Option<Timestamp>, Fault> {
        let Some(text) = field(at, name)? else { return Ok(None) };
        let (time, offset) = instant::parse(&text).ok_or_else(|| Fault::of(format!("{name} is not a time"), &text))?;
        if *offsets.get_or_insert(offset) != offset {
            let what = if offset { "states a time zone" } else { "states no time zone" };
            return Err(Fault::of(format!("{name} {what}, unlike the rows before"), &text));
        }
        Ok(Some(time))
    };
    let begin = time(Some(columns.time), "time")?.ok_or_else(|| Fault::new("time is missing"))?;
    let ended_at = time(columns.end, "end")?;
    if ended_at.is_some_and(|end| end < begin) {
        return Err(Fault::new("the end is before the start"));
    }
    let text = field(columns.text, "text")?;
    let reference = field(columns.reference, "reference")?;
    let shown = text.as_deref().or(reference.as_deref()).ok_or_else(|| Fault::new("text is missing"))?;
    let text = one_line(tools, shown);
    let dag_id = field(columns.dag, "dag_id")?;
    Ok(Marker {
        time: begin,
        kind: kind(field(columns.kind, "kind")?.as_deref(), columns.about),
        text,
        dag_id: tools.text(Field::from_bytes(dag_id.unwrap_or_default().as_bytes()), "dag_id")?,
        reference: reference.map(|reference| one_line(tools, &reference)),
        ended_at,
    })
}

/// The word of the source, or ours where it means the same.
fn kind(word: Option<&str>, about: &str) -> Text {
    let word = word.map_or_else(|| about.to_owned(), str::to_lowercase);
    match word.as_str() {
        "deployment" | "deploys" | "release" | "rollout" => "deploy".into(),
        "outage" | "alert" | "page" => "incident".into(),
        "update" | "migration" => "upgrade".into(),
        other => other.chars().take(40).collect::<String>().into(),
    }
}

/// Ends a row that grows without end (a quote that is never closed) with an error, before it fills the memory.
struct Bounded<'r> {
    input: &'r mut dyn BufRead,
    left: Rc<Cell<usize>>,
}

impl std::io::Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(std::io::Error::other("a row of more than 1 MiB: is a quote not closed?"));
        }
        let n = self.input.read(buffer)?;
        self.left.set(left.saturating_sub(n));
        Ok(n)
    }
}
