//! Rows of an input of JSON. Attempts, runs, DAGs and pools go through the mapping of the database's tables, which the caller
//! lends; the rest is mapped here.

use super::{
    kind::{Family, Kind},
    object::{self, Row as Object},
    pages::{self, Pages},
    pull::{Pull, Value, Wrong},
    scan::Position,
    walk::{Visitor, walk},
};
use crate::{
    ingest::{
        airflow_more::{self, Mask, Tools},
        fields::Field,
        reading::Fault,
        sink::{Halt, Sink},
        table::RowView,
    },
    model::{DagRun, Row, RunType, SourceKind},
};
use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
    io::BufRead,
};

/// What became of a row of the database's tables.
#[derive(Debug)]
pub(in crate::ingest) enum Mapped {
    /// A row, and rows that it implies.
    Row(Box<Row>, Vec<Row>),
    /// Understood and not kept, for this reason.
    Ignored(String),
}

/// The mapping of the database's tables to rows of the model.
pub(in crate::ingest) trait Mapping {
    /// Maps one row, whose columns are [`Kind::columns`].
    fn map(&mut self, kind: Kind, row: &dyn RowView) -> Result<Mapped, Fault>;
}

/// What the reader is to know beside the input.
#[derive(Clone, Copy, Debug)]
pub(in crate::ingest) struct Settings<'a> {
    /// DAG of a page of tasks that does not name it: the API answers `/dags/ID/tasks` without the ID.
    pub(in crate::ingest) dag_id: Option<&'a str>,
    /// Replaces secrets in free text.
    pub(in crate::ingest) mask: Mask,
}

/// Runs whose dates were told already; beyond that some are told again, which costs nothing but time.
const MAX_RUNS: usize = 65_536;

/// Reads `input` to its end. What its pages say of their number is returned, for [`pages::missing`] to be asked when all
/// inputs are read.
pub(in crate::ingest) fn read(
    input: &mut dyn BufRead,
    settings: Settings<'_>,
    mapping: &mut dyn Mapping,
    sink: &mut dyn Sink,
) -> Result<Vec<Pages>, Halt> {
    let mut reader = Reader {
        settings,
        mapping,
        sink,
        objects: object::Reader::default(),
        tools: Tools::new(settings.mask),
        pages: Vec::new(),
        page: None,
        page_dag: None,
        runs: HashSet::new(),
        hashes: RandomState::new(),
    };
    walk(input, &mut reader)?;
    reader.close_page(None);
    Ok(reader.pages)
}

struct Reader<'a> {
    settings: Settings<'a>,
    mapping: &'a mut dyn Mapping,
    sink: &'a mut dyn Sink,
    objects: object::Reader,
    tools: Tools,
    pages: Vec<Pages>,
    /// The page that is being read, and its rows so far.
    page: Option<(Family, u64)>,
    page_dag: Option<String>,
    /// Hashes of the runs whose dates were told.
    runs: HashSet<u64>,
    hashes: RandomState,
}

impl Visitor for Reader<'_> {
    type List = Family;

    fn list(&mut self, key: &[u8], before: &[u8]) -> Option<Family> {
        let family = Family::of_list(key)?;
        let beside = |name: &str| member(before, name);
        // A run holds the versions of its DAG: that list is a member of a row, not a page.
        if family != Family::Tasks && (beside("dag_id").is_some() || beside("dag_run_id").is_some()) {
            return None;
        }
        self.close_page(None);
        self.page_dag = beside("dag_id");
        self.page = Some((family, 0));
        Some(family)
    }

    fn object(&mut self, at: Position, list: Option<Family>, json: &[u8]) -> Result<(), Halt> {
        if let (Some(_), Some((_, rows))) = (list, &mut self.page) {
            *rows += 1;
        }
        match list.map_or_else(|| alone(json), |family| Ok(Alone::Family(family))) {
            Ok(Alone::Family(Family::Other(name))) => {
                self.sink.ignored(&format!("{name} of the REST API are not kept"))
            }
            Ok(Alone::Family(family)) => self.row(at, family, list.is_none(), json),
            Ok(Alone::Ignored(reason)) => self.sink.ignored(reason),
            Ok(Alone::Fault(fault)) => self.sink.rejected(Some(at.line), &fault),
            Err(wrong) => self.sink.rejected(Some(at.line), &not_json(at, wrong)),
        }
    }

    fn page(&mut self, json: &[u8]) {
        self.close_page(pages::total_entries(json));
    }

    fn damaged(&mut self, at: Position, fault: &Fault) -> Result<(), Halt> {
        self.sink.rejected(Some(at.line), fault)
    }

    fn before(&mut self, _: Position) -> Result<(), Halt> {
        self.sink.ignored("a line that the command printed before its JSON")
    }
}

impl Reader<'_> {
    fn close_page(&mut self, total_entries: Option<u64>) {
        if let Some((family, rows)) = self.page.take() {
            pages::add(&mut self.pages, Pages { family, total_entries, rows });
        }
    }

    fn row(&mut self, at: Position, family: Family, alone: bool, json: &[u8]) -> Result<(), Halt> {
        let object = match self.objects.read(family, json, alone) {
            Ok(object) => object,
            Err(wrong) => return self.sink.rejected(Some(at.line), &not_json(at, wrong)),
        };
        if family == Family::Dags && object.marked() {
            return self.sink.ignored("dag statistics of the REST API are not kept");
        }
        let tells = |name: &str| object.tells(Kind::TaskInstanceV2, name);
        let Some(kind) = Kind::of(family, tells) else { return Ok(()) };
        let field = |name: &'static str| object.named(kind, name);
        let mapped = match kind {
            Kind::EventLog => airflow_more::audit(&field, &mut self.tools).map(only),
            Kind::Job => airflow_more::job(&field, &mut self.tools).map(only),
            Kind::DagVersion => airflow_more::dag_version(&field, &mut self.tools).map(only),
            Kind::Task => {
                let dag = self.page_dag.as_deref().or(self.settings.dag_id).filter(|_| !alone);
                airflow_more::api_task(&field, dag, object.names(), &mut self.tools).map(|(task, edges)| {
                    Mapped::Row(Box::new(Row::Task(task)), edges.into_iter().map(Row::Edge).collect())
                })
            }
            _ => self.mapping.map(kind, object),
        };
        let (row, mut implied) = match mapped {
            Ok(Mapped::Row(row, implied)) => (row, implied),
            Ok(Mapped::Ignored(reason)) => return self.sink.ignored(&reason),
            Err(fault) => return self.sink.rejected(Some(at.line), &fault),
        };
        if kind == Kind::Dag {
            tags(object, self.mapping, &mut implied);
        }
        if let Row::Attempt(attempt) = &*row {
            let hash = self.hashes.hash_one((&attempt.dag_id, &attempt.run_id));
            if self.runs.len() >= MAX_RUNS {
                self.runs.clear();
            }
            if self.runs.insert(hash) {
                implied.extend(run_of(object, kind, attempt, &mut self.tools));
            }
        }
        self.sink.row(*row)?;
        implied.into_iter().try_for_each(|row| self.sink.implied(row))
    }
}

fn only(row: Row) -> Mapped {
    Mapped::Row(Box::new(row), Vec::new())
}

/// Tags that a DAG lists.
fn tags(object: &Object, mapping: &mut dyn Mapping, implied: &mut Vec<Row>) {
    for name in object.names() {
        let tag = Tag { name, dag_id: object.named(Kind::Dag, "dag_id") };
        // A tag that is broken cannot be told apart from its DAG: the DAG stands.
        if let Ok(Mapped::Row(row, _)) = mapping.map(Kind::DagTag, &tag) {
            implied.push(*row);
        }
    }
}

struct Tag<'a> {
    name: &'a [u8],
    dag_id: Field<'a>,
}

impl RowView for Tag<'_> {
    fn field(&self, column: usize) -> Field<'_> {
        match column {
            0 => Field::from_bytes(self.name),
            1 => self.dag_id,
            _ => Field::Null,
        }
    }
}

/// The API tells the dates of a task instance's run, which the database keeps with the run only.
fn run_of(object: &Object, kind: Kind, attempt: &crate::model::Attempt, tools: &mut Tools) -> Option<Row> {
    if matches!(object.named(kind, "run_id"), Field::Null) {
        return None;
    }
    let mut time = |name: &'static str| tools.time(object.named(kind, name), name).ok().flatten();
    let (logical_date, run_after) = (time("execution_date"), time("run_after"));
    if logical_date.is_none() && run_after.is_none() {
        return None;
    }
    Some(Row::Run(DagRun {
        dag_id: attempt.dag_id.clone(),
        run_id: attempt.run_id.clone(),
        run_type: RunType::from_run_id(&attempt.run_id),
        state: None,
        logical_date,
        run_after,
        queued_at: None,
        started_at: None,
        ended_at: None,
        updated_at: None,
        source: SourceKind::Derived,
        fills: None,
    }))
}

fn not_json(at: Position, wrong: Wrong) -> Fault {
    let place = at.byte.saturating_add(wrong.at as u64);
    Fault::of(format!("not JSON: {} is missing", wrong.wanted), &format!("near byte {place}"))
}

/// The text behind a key of an object that may lack its end.
fn member(object: &[u8], name: &str) -> Option<String> {
    let mut pull = Pull::new(object);
    let mut first = true;
    pull.value().ok()?;
    while let Some(key) = pull.key(&mut first).ok()? {
        match pull.value().ok()? {
            Value::Text(raw) if key == name.as_bytes() => return raw.text().ok().map(|text| text.into_owned()),
            value => pull.skip_rest(value).ok()?,
        }
    }
    None
}

/// What an object is that stands in no list of a page.
enum Alone {
    Family(Family),
    Ignored(&'static str),
    Fault(Fault),
}

/// Keys that are looked at: an object of Airflow has fewer.
const MAX_KEYS: usize = 64;

fn alone(json: &[u8]) -> Result<Alone, Wrong> {
    let mut keys: [&[u8]; MAX_KEYS] = [b""; MAX_KEYS];
    let mut pull = Pull::new(json);
    let mut first = true;
    pull.value()?;
    let mut slots = keys.iter_mut();
    while let Some(key) = pull.key(&mut first)? {
        pull.skip()?;
        if let Some(slot) = slots.next() {
            *slot = key;
        }
    }
    let has = |name: &str| keys.contains(&name.as_bytes());
    Ok(match Family::of_object(has) {
        Some(family) => Alone::Family(family),
        None if has("metadatabase") => Alone::Ignored("the health of an Airflow is not kept"),
        None if has("git_version") => Alone::Ignored("the version of an Airflow is not kept"),
        None if has("event") && (has("level") || has("timestamp")) => Alone::Ignored("a log line beside the rows"),
        None if has("detail") => {
            let detail = member(json, "detail").unwrap_or_default();
            Alone::Fault(Fault::of("an error that the API answered, no row", &detail))
        }
        None => {
            let shown: Vec<_> =
                keys.iter().filter(|key| !key.is_empty()).map(|key| String::from_utf8_lossy(key)).collect();
            Alone::Fault(Fault::of("an object of no kind that is known, with the keys", &shown.join(", ")))
        }
    })
}
