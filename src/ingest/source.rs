//! One input that was recognised, and how it is read.

use super::{
    Error, Stopped, airflow,
    airflow_columns::Columns,
    archive, json, lineage, logs, markers, metrics, open,
    reading::{Counting, Fault, Reading, Receiver},
    rest::DatabaseRows,
    secrets,
    server::Server,
    session::Session,
    sink::{Halt, Sink},
    sqlite,
    table::{self, RowView},
    table_kind::{self, Table},
};
use crate::model::{SourceKind, Timestamp};
use std::{
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// One source to read: a file, or a table of a database.
#[derive(Clone, Debug)]
pub struct Source {
    pub(super) path: PathBuf,
    /// Path for people: as given, with `#table` behind a database.
    pub shown: String,
    /// SHA-256 of the file, once it is known.
    pub(super) sha256: Option<String>,
    pub(super) content: Content,
}

/// What a source holds, and in which form.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A table of the metadata database, in a delimited text.
    Text { table: Table, columns: Columns, delimiter: u8 },
    /// The same in a SQLite file.
    Sqlite { table: Table, columns: Columns, name: String },
    /// The same on a server; `fetched` are the columns that are read.
    Server { table: Table, columns: Columns, name: String, fetched: Vec<String>, server: Server },
    /// What the REST API or a command of Airflow answers.
    Json(json::Format),
    /// OpenLineage events.
    Lineage,
    /// Deploys and incidents.
    Markers(markers::Format),
    /// A log.
    Log(logs::Format),
    /// Logs in an archive.
    Archive,
    /// Metrics.
    Metrics(metrics::Format),
}

/// Names that `--kind` knows: tables of the metadata database, and other inputs.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    table_kind::KEPT.map(Table::name).into_iter().chain(["api", "metrics", "openlineage", "markers", "volume"])
}

impl Source {
    /// Is it a file, whose hash can be known before it is read?
    pub fn is_file(&self) -> bool {
        !matches!(self.content, Content::Server { .. })
    }

    /// Bytes of the file as it lies there; none for a table on a server.
    pub fn bytes(&self) -> Result<u64, Error> {
        if !self.is_file() {
            return Ok(0);
        }
        Ok(std::fs::metadata(&self.path).map_err(Error::io(&self.path))?.len())
    }

    /// SHA-256 of the file; reads it, if that was not done before.
    pub fn hash(&mut self) -> Result<String, Error> {
        match &self.sha256 {
            Some(known) => Ok(known.clone()),
            None => Ok(self.sha256.insert(open::hash(&self.path)?).clone()),
        }
    }

    /// Order in which sources of one ingest are to be read: tables, runs before attempts, attempts before the logs and
    /// metrics that speak of them.
    pub fn order(&self) -> impl Ord + use<> {
        let rank = match &self.content {
            Content::Text { table, .. } | Content::Sqlite { table, .. } | Content::Server { table, .. } => {
                (0, Some(*table), None)
            }
            Content::Json(json::Format::Rest(family)) => (1, None, *family),
            Content::Json(json::Format::Command(family)) => (2, None, Some(*family)),
            Content::Json(json::Format::Refused(_)) => (2, None, None),
            Content::Lineage => (3, None, None),
            Content::Markers(_) => (4, None, None),
            Content::Log(_) | Content::Archive => (5, None, None),
            Content::Metrics(_) => (6, None, None),
        };
        (rank, self.shown.clone())
    }

    /// Table of the lake its rows go to; `None` where they are not kept.
    pub fn home(&self) -> Option<&'static str> {
        match &self.content {
            Content::Text { table, .. } | Content::Sqlite { table, .. } | Content::Server { table, .. } => table.home(),
            Content::Json(json::Format::Rest(family)) => family.and_then(json::Family::home),
            Content::Json(json::Format::Command(family)) => family.home(),
            Content::Json(json::Format::Refused(_)) => None,
            Content::Lineage => Some("task_attempts"),
            Content::Markers(_) => Some("markers"),
            Content::Log(_) | Content::Archive => Some("log_events"),
            Content::Metrics(_) => Some("metric_samples"),
        }
    }

    /// What `--kind` calls it: one of [`kinds`].
    pub fn name(&self) -> &'static str {
        match &self.content {
            Content::Text { table, .. } | Content::Sqlite { table, .. } | Content::Server { table, .. } => table.name(),
            Content::Json(_) => "api",
            Content::Lineage => "openlineage",
            Content::Markers(_) => "markers",
            Content::Log(_) | Content::Archive => "log",
            Content::Metrics(_) => "metrics",
        }
    }

    /// Do names of DAGs and tasks have to be known before it is read?
    pub fn needs_ids(&self) -> bool {
        matches!(self.content, Content::Metrics(_))
    }

    /// What it was recognised as, for people.
    pub fn kind(&self) -> String {
        let of_table = |table: Table, columns: &Columns, format: &str| {
            let tells = matches!(table, Table::TaskInstance | Table::TaskInstanceHistory | Table::DagRun);
            match columns.version().filter(|_| tells) {
                Some(version) => format!("{} (Airflow {version}, {format})", table.name()),
                None => format!("{} ({format})", table.name()),
            }
        };
        match &self.content {
            Content::Text { table, columns, delimiter: b',' } => of_table(*table, columns, "CSV"),
            Content::Text { table, columns, .. } => of_table(*table, columns, "delimited text"),
            Content::Sqlite { table, columns, .. } => of_table(*table, columns, "SQLite"),
            Content::Server { table, columns, server, .. } => of_table(*table, columns, server.system()),
            Content::Json(format) => format.words(),
            Content::Lineage => "OpenLineage events".to_owned(),
            Content::Markers(format) => format.words().to_owned(),
            Content::Log(format) => format.label().to_owned(),
            Content::Archive => "logs in an archive (tar)".to_owned(),
            Content::Metrics(format) => format.label().to_owned(),
        }
    }

    /// Reads it to its end, or to the first defect if `strict`. Its rows go to `receiver`.
    pub fn read(&self, session: &mut Session, receiver: &mut dyn Receiver, strict: bool) -> Result<Reading, Stopped> {
        let learner = session.learner();
        let mut sink = Counting::new(receiver, learner, strict);
        let (mut sha256, mut bytes) = (None, None);
        let result = match &self.content {
            Content::Sqlite { table, columns, name } => {
                let mut reader = airflow::Reader::new(*table, SourceKind::Database, columns.clone());
                sqlite::rows(&self.path, name, columns.names(), |line, row| one(&mut reader, line, row, &mut sink))
            }
            Content::Server { table, columns, name, fetched, server } => {
                let mut reader = airflow::Reader::new(*table, SourceKind::Database, columns.clone());
                let read = server.rows(name, fetched, |line, row| one(&mut reader, line, row, &mut sink));
                read.map(|read| (sha256, bytes) = (Some(read.sha256), Some(read.bytes)))
            }
            _ => self.read_file(&mut session.tools, &mut sink, &mut sha256),
        };
        let (mut reading, learned) = sink.finish();
        session.give_back(learned);
        match result {
            // The first defect under `strict`: the reading tells of it.
            Err(Stopped::Receiver) if strict && reading.counts.rejected > 0 => {}
            Err(stopped) => return Err(stopped),
            Ok(()) => {}
        }
        (reading.sha256, reading.bytes) = (sha256, bytes);
        Ok(reading)
    }

    fn read_file(
        &self,
        tools: &mut super::session::Tools,
        sink: &mut Counting<'_>,
        sha256: &mut Option<String>,
    ) -> Result<(), Stopped> {
        if let Content::Metrics(format) = &self.content {
            return self.read_metrics(*format, tools, sink);
        }
        let mut input = open::open(&self.path)?;
        sink.watch(input.progress());
        match &self.content {
            Content::Text { table, columns, delimiter } => {
                let mut reader = airflow::Reader::new(*table, SourceKind::Database, columns.clone());
                table::rows(&mut input, *delimiter, |line, row| match row {
                    Ok(row) => reader.read(line, row, sink),
                    Err(fault) => sink.rejected(Some(line), &fault),
                })?;
            }
            Content::Json(json::Format::Refused(_))
            | Content::Sqlite { .. }
            | Content::Server { .. }
            | Content::Metrics(_) => {}
            Content::Json(_) => {
                let settings = json::Settings { dag_id: tools.settings.dag_id.as_deref(), mask: secrets::mask };
                let pages = json::read(&mut input, settings, &mut DatabaseRows::default(), sink)?;
                tools.pages.extend(pages);
            }
            Content::Lineage => lineage::read(&mut input, secrets::mask, sink)?,
            Content::Markers(format) => markers::read(&mut input, format, &self.file_name(), secrets::mask, sink)?,
            Content::Archive => archive::read(&mut input, tools, sink)?,
            Content::Log(format) => {
                let hints = logs::Hints { utc_offset_s: tools.settings.utc_offset_s };
                tools.logs.read(*format, &self.shown, &mut input, &hints, sink)?;
            }
        }
        if self.sha256.is_none() {
            *sha256 = Some(input.sha256()?);
        }
        Ok(())
    }

    fn read_metrics(
        &self,
        format: metrics::Format,
        tools: &super::session::Tools,
        sink: &mut Counting<'_>,
    ) -> Result<(), Stopped> {
        let name = self.file_name();
        let hints = metrics::Hints {
            ids: &tools.ids,
            durations: &tools.durations,
            timer_unit: tools.settings.timer_unit,
            airflow_major: tools.settings.airflow_major,
            scrape_time: modified(&self.path),
            name: &name,
            csv: tools.settings.csv.as_ref(),
        };
        sink.set_changed_at(hints.scrape_time);
        let open = || -> std::io::Result<Box<dyn std::io::BufRead>> {
            match open::open(&self.path) {
                Ok(input) => Ok(Box::new(input)),
                Err(Error::Io { source, .. }) => Err(source),
                Err(error) => Err(std::io::Error::other(error.to_string())),
            }
        };
        metrics::read(format, &open, &hints, sink).map_err(|stop| match stop {
            metrics::Stop::Halt => Stopped::Receiver,
            metrics::Stop::Io(source) => Stopped::Input(Error::Io { path: PathBuf::from(&self.shown), source }),
        })
    }

    fn file_name(&self) -> String {
        Path::new(&self.shown).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

fn one(
    reader: &mut airflow::Reader,
    line: u64,
    row: Result<&dyn RowView, Fault>,
    sink: &mut Counting<'_>,
) -> Result<(), Halt> {
    match row {
        Ok(row) => reader.read(line, row, sink),
        Err(fault) => sink.rejected(Some(line), &fault),
    }
}

/// When the file was last written.
fn modified(path: &Path) -> Option<Timestamp> {
    let since = std::fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?))
}
