//! What an input is, by its content: first bytes, then the names of its columns. Never by its name or by position.

use super::{
    Error, Reading, Stopped,
    airflow::{self, Columns},
    open,
    reading::{Counting, Fault, Receiver},
    sink::Sink,
    sqlite,
    table::{self, DELIMITERS},
};
use crate::model::SourceKind;
use std::path::{Path, PathBuf};

/// One table to read: a file, or a table of a database file.
#[derive(Clone, Debug)]
pub struct Source {
    path: PathBuf,
    /// Path for people: as given, with `#table` behind a database file.
    pub shown: String,
    /// SHA-256 of the file, once it is known.
    sha256: Option<String>,
    table: Table,
    place: Place,
    columns: Columns,
}

#[derive(Clone, Debug)]
enum Place {
    Csv { delimiter: u8 },
    Sqlite { table: String },
}

/// Tables of Airflow's metadata database that history lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    // In the order in which they are read: runs give ids to attempts, pokes wait for their attempts.
    DagRun,
    TaskReschedule,
    TaskInstanceHistory,
    TaskInstance,
    TaskFail,
    SlotPool,
    Dag,
    DagTag,
    SerializedDag,
    /// Known, and of no use yet.
    Other(&'static str),
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::DagRun => "dag_run",
            Self::TaskReschedule => "task_reschedule",
            Self::TaskInstanceHistory => "task_instance_history",
            Self::TaskInstance => "task_instance",
            Self::TaskFail => "task_fail",
            Self::SlotPool => "slot_pool",
            Self::Dag => "dag",
            Self::DagTag => "dag_tag",
            Self::SerializedDag => "serialized_dag",
            Self::Other(name) => name,
        }
    }

    /// Table of the lake its rows go to.
    fn home(self) -> Option<&'static str> {
        Some(match self {
            Self::DagRun => "dag_runs",
            Self::TaskReschedule => "reschedules",
            Self::TaskInstanceHistory | Self::TaskInstance | Self::TaskFail => "task_attempts",
            Self::SlotPool => "pools",
            Self::Dag => "dags",
            Self::DagTag => "dag_tags",
            Self::SerializedDag => "task_edges",
            Self::Other(_) => return None,
        })
    }
}

/// Bytes that are looked at before a file is taken for a table.
const HEAD: usize = 8_192;

/// The tables in the file at `path`, which the user calls `shown`.
pub fn recognise(path: &Path, shown: &str) -> Result<Vec<Source>, Error> {
    let unrecognised = |reason: String| Error::Unrecognised { path: PathBuf::from(shown), reason };
    let head = open::head(path, HEAD)?;
    if head.is_empty() {
        return Err(unrecognised("the file is empty".to_owned()));
    }
    if head.starts_with(sqlite::MAGIC) {
        return database(path, shown);
    }
    if let Some(reason) = no_table(&head) {
        return Err(unrecognised(reason.to_owned()));
    }
    let mut first_header = None;
    for delimiter in DELIMITERS {
        let header = table::header(path, delimiter)?;
        if let Some(table) = table_of(&header) {
            if let Some(name) =
                header.iter().enumerate().find(|(i, name)| header[..*i].contains(name)).map(|(_, name)| name)
            {
                let reason =
                    format!("column `{name}` stands twice in the header: which one is meant? Export named columns");
                return Err(unrecognised(reason));
            }
            let columns = Columns::new(header);
            let place = Place::Csv { delimiter };
            return Ok(vec![Source {
                path: path.into(),
                shown: shown.to_owned(),
                sha256: None,
                table,
                place,
                columns,
            }]);
        }
        first_header.get_or_insert(header);
    }
    let names = first_header.unwrap_or_default().join(",");
    let fault = Fault::of("no table of Airflow has this header, and a file without a header cannot be read", &names);
    Err(unrecognised(format!("{}; export with `\\copy TABLE TO FILE CSV HEADER`", fault.text())))
}

/// What a file is that cannot be a table.
fn no_table(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        Some("the text is UTF-16; save it as UTF-8")
    } else if begins(b"<!doctype") || begins(b"<html") || begins(b"<?xml") {
        Some(
            "an HTML page, not an export: was it saved from a login page? Export the tables instead (`windtunnel export-sql`)",
        )
    } else if begins(b"{") || begins(b"[") {
        Some("JSON is not read yet; export the tables as CSV (`windtunnel export-sql`)")
    } else if head.contains(&0) {
        Some("a binary file of no kind that is known")
    } else {
        None
    }
}

fn database(path: &Path, shown: &str) -> Result<Vec<Source>, Error> {
    // Several tables share one file, which is read once for each.
    let sha256 = Some(open::hash(path)?);
    let mut sources = Vec::new();
    for (name, header) in sqlite::tables(path)? {
        let known = table_of(&header).filter(|table| table.home().is_some());
        if known.is_none() && NEEDED.contains(&name.as_str()) {
            let reason = format!(
                "table `{name}` is not Airflow's: it lacks a column that every version has; it has {}",
                header.join(",")
            );
            return Err(Error::Unrecognised { path: shown.into(), reason });
        }
        let Some(table) = known else { continue };
        sources.push(Source {
            path: path.into(),
            shown: format!("{shown}#{name}"),
            sha256: sha256.clone(),
            table,
            place: Place::Sqlite { table: name },
            columns: Columns::new(header),
        });
    }
    if sources.is_empty() {
        let reason = "a SQLite database without Airflow's tables".to_owned();
        return Err(Error::Unrecognised { path: shown.into(), reason });
    }
    Ok(sources)
}

/// Tables without which a history is not whole: one that cannot be read is said, not passed over.
const NEEDED: [&str; 2] = ["task_instance", "dag_run"];

/// The table that has these columns.
fn table_of(header: &[String]) -> Option<Table> {
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|column| column == name));
    let run_key = has(&["run_id"]) || has(&["execution_date"]);
    let attempt = has(&["dag_id", "task_id", "start_date", "end_date"]) && run_key;
    if attempt && has(&["state", "try_number"]) {
        let past = has(&["task_instance_id"]) || has(&["id", "job_id"]);
        return Some(if past { Table::TaskInstanceHistory } else { Table::TaskInstance });
    }
    let tables: [(&[&str], Table); 22] = [
        (&["dag_id", "run_id", "state", "start_date", "end_date"], Table::DagRun),
        (&["reschedule_date", "start_date"], Table::TaskReschedule),
        (&["pool", "slots"], Table::SlotPool),
        (&["dag_id", "fileloc", "owners", "is_paused"], Table::Dag),
        (&["dag_id", "dag_hash", "data"], Table::SerializedDag),
        (&["dttm", "event", "owner"], Table::Other("log")),
        (&["job_type", "latest_heartbeat"], Table::Other("job")),
        (&["dag_id", "task_id", "email_sent", "timestamp"], Table::Other("sla_miss")),
        (&["deadline_time"], Table::Other("deadline")),
        (&["key", "value", "dag_id", "task_id"], Table::Other("xcom")),
        (&["dataset_id", "source_dag_id"], Table::Other("dataset_event")),
        (&["asset_id", "source_dag_id"], Table::Other("asset_event")),
        (&["classpath", "kwargs"], Table::Other("trigger")),
        (&["dag_id", "version_number"], Table::Other("dag_version")),
        (&["callback_def"], Table::Other("deadline_alert")),
        (&["fetch_method"], Table::Other("callback")),
        (&["rendered_fields"], Table::Other("rendered_task_instance_fields")),
        (&["fileloc", "source_code"], Table::Other("dag_code")),
        (&["filename", "stacktrace"], Table::Other("import_error")),
        (&["backfill_id", "dag_run_id"], Table::Other("backfill_dag_run")),
        (&["elasticsearch_id"], Table::Other("log_template")),
        (&["conn_id", "conn_type"], Table::Other("connection")),
    ];
    if attempt && has(&["duration", "id"]) && !has(&["reschedule_date"]) {
        return Some(Table::TaskFail);
    }
    let is_tag = has(&["name", "dag_id"]) && header.len() <= 3;
    let hit = tables.into_iter().find(|(names, _)| has(names)).map(|(_, table)| table);
    hit.or(is_tag.then_some(Table::DagTag))
}

impl Source {
    /// Bytes of the file as it lies there.
    pub fn bytes(&self) -> Result<u64, Error> {
        Ok(std::fs::metadata(&self.path).map_err(Error::io(&self.path))?.len())
    }

    /// SHA-256 of the file; reads it, if that was not done before.
    pub fn hash(&mut self) -> Result<String, Error> {
        match &self.sha256 {
            Some(known) => Ok(known.clone()),
            None => Ok(self.sha256.insert(open::hash(&self.path)?).clone()),
        }
    }

    /// Order in which sources of one ingest are to be read.
    pub fn order(&self) -> impl Ord + use<> {
        (self.table, self.shown.clone())
    }

    /// Table of the lake its rows go to; `None` where they are not kept.
    pub fn home(&self) -> Option<&'static str> {
        self.table.home()
    }

    /// Airflow's name of the table.
    pub fn name(&self) -> &'static str {
        self.table.name()
    }

    /// What it was recognised as, for people.
    pub fn kind(&self) -> String {
        let format = match &self.place {
            Place::Csv { delimiter: b',' } => "CSV",
            Place::Csv { .. } => "delimited text",
            Place::Sqlite { .. } => "SQLite",
        };
        match self
            .columns
            .version()
            .filter(|_| matches!(self.table, Table::TaskInstance | Table::TaskInstanceHistory | Table::DagRun))
        {
            Some(version) => format!("{} (Airflow {version}, {format})", self.table.name()),
            None => format!("{} ({format})", self.table.name()),
        }
    }

    /// Reads it to its end, or to the first defect if `strict`. Its rows go to `receiver`.
    pub fn read(&self, receiver: &mut dyn Receiver, strict: bool) -> Result<Reading, Stopped> {
        let mut sink = Counting::new(receiver, strict);
        let mut reader = airflow::Reader::new(self.table, SourceKind::Database, &self.columns);
        let mut sha256 = None;
        let result = match &self.place {
            Place::Csv { delimiter } => {
                let mut input = open::open(&self.path)?;
                let result = table::rows(&mut input, *delimiter, |line, row| match row {
                    Ok(row) => reader.read(line, row, &mut sink),
                    Err(fault) => sink.rejected(Some(line), &fault),
                });
                if self.sha256.is_none() && result.is_ok() {
                    sha256 = Some(input.sha256()?);
                }
                result.map_err(Stopped::from)
            }
            Place::Sqlite { table } => sqlite::rows(&self.path, table, |line, row| match row {
                Ok(row) => reader.read(line, row, &mut sink),
                Err(fault) => sink.rejected(Some(line), &fault),
            }),
        };
        let mut reading = sink.reading;
        match result {
            // The first defect under `strict`: the reading tells of it.
            Err(Stopped::Receiver) if strict && reading.counts.rejected > 0 => {}
            Err(stopped) => return Err(stopped),
            Ok(()) => {}
        }
        reading.sha256 = sha256;
        Ok(reading)
    }
}
