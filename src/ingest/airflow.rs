//! Rows of Airflow's tables, as every version from 1.10 to 3.x writes them, to rows of the model.

use super::{
    airflow_more::{self, Tools},
    fields::{Clock, Field, Texts},
    reading::Fault,
    secrets,
    sink::{Halt, Sink},
    structure_tasks,
    table::RowView,
    table_kind::Table,
};
use crate::model::{
    Attempt, AttemptRef, Dag, DagRun, DagTag, Pool, Reschedule, Row, RunState, RunType, SourceKind, TaskState, Text,
    Timestamp, stand_in_run_id,
};
use std::borrow::Cow;

/// Longest id: four times what Airflow's database takes (250 characters). A longer one is a broken row.
const MAX_ID_BYTES: usize = 1_000;

/// Columns of a table, by name.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    has_task_instance_id: bool,
    has_dag_version_id: bool,
    /// From 2.10 on the number of a try is counted up when it is scheduled, before when it starts.
    counts_when_scheduled: bool,
    /// task_instance joined with dag_run.
    is_joined: bool,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let has = |name: &str| names.iter().any(|column| column == name);
        Self {
            has_task_instance_id: has("task_instance_id"),
            has_dag_version_id: has("dag_version_id"),
            counts_when_scheduled: has("executor") || has("scheduled_dttm"),
            is_joined: has("run_id") && has("run_type"),
            names,
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column == name)
    }

    fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The versions of Airflow whose tables have these columns.
    pub(super) fn version(&self) -> Option<&'static str> {
        let has = |name| self.has(name);
        Some(if has("task_id") {
            match () {
                () if has("scheduled_dttm") || has("dag_version_id") => "3.x",
                () if has("executor") => "2.10 to 2.11",
                () if has("custom_operator_name") => "2.7 to 2.9",
                () if has("updated_at") => "2.5 to 2.6",
                () if has("map_index") => "2.3 to 2.4",
                () if has("run_id") => "2.2",
                () if has("queued_by_job_id") => "2.0 to 2.1",
                () if has("execution_date") => "1.10",
                () => return None,
            }
        } else {
            match () {
                () if has("run_after") || has("logical_date") => "3.x",
                () if has("clear_number") => "2.8 to 2.11",
                () if has("data_interval_start") => "2.2 to 2.7",
                () if has("run_type") => "2.0 to 2.1",
                () if has("execution_date") => "1.10",
                () => return None,
            }
        })
    }
}

/// Why a row gives nothing more.
enum Stop {
    Fault(Fault),
    Halt,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Halt> for Stop {
    fn from(_: Halt) -> Self {
        Self::Halt
    }
}

/// Reads the rows of one table.
pub(super) struct Reader {
    table: Table,
    source: SourceKind,
    columns: Columns,
    /// Places of the columns that are read, in the order in which the mapping asks for them: row after row the same.
    places: Vec<(&'static str, Option<usize>)>,
    clock: Clock,
    texts: Texts,
    tools: Tools,
}

impl Reader {
    pub(super) fn new(table: Table, source: SourceKind, columns: Columns) -> Self {
        let (clock, texts) = (Clock::default(), Texts::default());
        Self { table, source, columns, places: Vec::new(), clock, texts, tools: Tools::new(secrets::mask) }
    }

    pub(super) fn read<R: RowView + ?Sized>(&mut self, line: u64, row: &R, sink: &mut dyn Sink) -> Result<(), Halt> {
        let mut cells = Cells { reader: self, row, asked: 0 };
        let result = match cells.reader.table {
            Table::TaskInstance | Table::TaskInstanceHistory => cells.attempt(sink),
            Table::TaskFail => cells.failure(sink),
            Table::DagRun => cells.run(sink),
            Table::TaskReschedule => cells.poke(sink),
            Table::SlotPool => cells.pool(sink),
            Table::Dag => cells.dag(sink),
            Table::DagTag => cells.tag(sink),
            Table::SerializedDag => cells.structure(sink),
            Table::Log => cells.other(airflow_more::audit, sink),
            Table::Job => cells.other(airflow_more::job, sink),
            Table::SlaMiss => cells.other(airflow_more::sla_miss, sink),
            Table::Deadline => cells.other(airflow_more::deadline, sink),
            Table::DagVersion => cells.other(airflow_more::dag_version, sink),
            Table::Other(name) => sink.ignored(&format!("table {name} is not used yet")).map_err(Stop::from),
        };
        match result {
            Err(Stop::Fault(fault)) => sink.rejected(Some(line), &fault),
            Err(Stop::Halt) => Err(Halt),
            Ok(()) => Ok(()),
        }
    }
}

/// A start that lies this many seconds behind its end is a fault of the row; less is the clocks of two hosts.
const CLOCK_SKEW_S: f64 = 1.0;

/// One row, by column name.
struct Cells<'a, R: ?Sized> {
    reader: &'a mut Reader,
    row: &'a R,
    /// Columns asked for so far.
    asked: usize,
}

impl<'a, R: RowView + ?Sized> Cells<'a, R> {
    #[inline]
    fn field(&mut self, name: &'static str) -> Field<'a> {
        let asked = self.asked;
        self.asked += 1;
        let place = match self.reader.places.get(asked) {
            Some((known, place)) if std::ptr::eq(*known, name) => *place,
            _ => self.find(name),
        };
        place.map_or(Field::Null, |place| self.row.field(place))
    }

    /// A row that asks for other columns than the one before, or the first one.
    fn find(&mut self, name: &'static str) -> Option<usize> {
        let place = self.reader.columns.place(name);
        self.reader.places.truncate(self.asked - 1);
        self.reader.places.push((name, place));
        place
    }

    /// Text that is only borrowed.
    #[inline]
    fn borrowed(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.field(name) {
            Field::Text(text) => Ok(Some(Cow::Borrowed(text))),
            other => other.text(name),
        }
    }

    fn must_borrowed(&mut self, name: &'static str) -> Result<Cow<'a, str>, Fault> {
        let text = self.borrowed(name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))?;
        check_length(name, &text)?;
        Ok(text)
    }

    fn text(&mut self, name: &'static str) -> Result<Option<Text>, Fault> {
        let text = self.field(name).text(name)?;
        Ok(text.map(|text| self.reader.texts.get(&text)))
    }

    fn must(&mut self, name: &'static str) -> Result<Text, Fault> {
        let text = self.text(name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))?;
        check_length(name, &text)?;
        Ok(text)
    }

    fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Fault> {
        let field = self.field(name);
        self.reader.clock.read(field, name)
    }

    fn int(&mut self, name: &'static str) -> Result<Option<i32>, Fault> {
        self.field(name).int32(name)
    }

    /// The run's id, or a stand-in where only its date is stated (before 2.2).
    fn run_id(&mut self) -> Result<Text, Fault> {
        match self.text("run_id")? {
            Some(run_id) => {
                check_length("run_id", &run_id)?;
                Ok(run_id)
            }
            None => self.run_id_of_date(),
        }
    }

    fn run_id_of_date(&mut self) -> Result<Text, Fault> {
        let date = self.time("execution_date")?;
        date.map(stand_in_run_id).ok_or_else(|| Fault::new("neither run_id nor execution_date is given"))
    }

    fn run_id_borrowed(&mut self) -> Result<Cow<'a, str>, Fault> {
        match self.borrowed("run_id")? {
            Some(run_id) => {
                check_length("run_id", &run_id)?;
                Ok(run_id)
            }
            None => self.run_id_of_date().map(|text| Cow::Owned(text.to_string())),
        }
    }

    fn attempt(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let dag_id = self.must_borrowed("dag_id")?;
        let run_id = self.run_id_borrowed()?;
        let task_id = self.must_borrowed("task_id")?;
        let state = self.borrowed("state")?.filter(|text| text != "None");
        let (operator, pool) = (self.borrowed("operator")?, self.borrowed("pool")?);
        let (queue, hostname) = (self.borrowed("queue")?, self.borrowed("hostname")?);
        let (executor, ti_id) = (self.borrowed("executor")?, self.ti_id()?);
        let mut attempt = AttemptRef {
            dag_id: &dag_id,
            run_id: &run_id,
            task_id: &task_id,
            map_index: self.int("map_index")?.unwrap_or(-1),
            try_number: self.int("try_number")?,
            state: state.as_deref(),
            operator: operator.as_deref(),
            pool: pool.as_deref(),
            pool_slots: self.int("pool_slots")?,
            queue: queue.as_deref(),
            priority_weight: self.int("priority_weight")?,
            hostname: hostname.as_deref(),
            executor: executor.as_deref(),
            max_tries: self.int("max_tries")?,
            scheduled_at: self.time("scheduled_dttm")?,
            queued_at: self.time("queued_dttm")?,
            started_at: self.time("start_date")?,
            ended_at: self.time("end_date")?,
            duration_s: self.field("duration").float("duration")?,
            updated_at: self.time("updated_at")?,
            ti_id: ti_id.as_deref(),
            source: self.reader.source,
        };
        check_order(attempt.started_at, attempt.ended_at)?;
        check_numbers(&attempt)?;
        if self.reader.table == Table::TaskInstance && self.reader.columns.counts_when_scheduled && waits(attempt.state)
        {
            // The row already has the number of the try to come, and still the times of the one before.
            (attempt.started_at, attempt.ended_at, attempt.duration_s) = (None, None, None);
        }
        let implied = self.implied_run(&attempt)?;
        sink.attempt(&attempt)?;
        if let Some(run) = implied {
            sink.implied(Row::Run(run))?;
        }
        Ok(())
    }

    /// Airflow 3's id of this try: `id` of the live table, `task_instance_id` of the history table.
    fn ti_id(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.reader.columns.has_task_instance_id {
            return self.uuid("task_instance_id");
        }
        if self.reader.columns.has_dag_version_id { self.uuid("id") } else { Ok(None) }
    }

    /// A UUID without its dashes: PostgreSQL writes them, SQLite does not.
    fn uuid(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, Fault> {
        let plain = |c: char| c != '-' && !c.is_ascii_uppercase();
        Ok(self.borrowed(name)?.map(|text| {
            if text.chars().all(plain) {
                return text;
            }
            Cow::Owned(text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase())
        }))
    }

    /// An export of task_instance joined with dag_run tells of the run as well.
    fn implied_run(&mut self, attempt: &AttemptRef<'_>) -> Result<Option<DagRun>, Fault> {
        if !self.reader.columns.is_joined {
            return Ok(None);
        }
        let run_type = self.field("run_type").text("run_type")?;
        let run = DagRun {
            dag_id: attempt.dag_id.into(),
            run_id: attempt.run_id.into(),
            run_type: run_type.map_or_else(|| RunType::from_run_id(attempt.run_id), |text| RunType::parse(&text)),
            state: None,
            logical_date: self.logical_date()?,
            run_after: self.time("run_after")?,
            queued_at: None,
            started_at: self.time("run_start")?,
            ended_at: self.time("run_end")?,
            updated_at: None,
            source: SourceKind::Derived,
            fills: None,
        };
        Ok(Some(run))
    }

    fn logical_date(&mut self) -> Result<Option<Timestamp>, Fault> {
        match self.time("logical_date")? {
            Some(date) => Ok(Some(date)),
            None => self.time("execution_date"),
        }
    }

    fn failure(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let (started_at, ended_at) = (self.time("start_date")?, self.time("end_date")?);
        check_order(started_at, ended_at)?;
        let seconds = match (started_at, ended_at) {
            // The column holds whole seconds, cut off; the times hold microseconds.
            (Some(start), Some(end)) => Some(end.seconds_since(start)),
            _ => self.field("duration").float("duration")?,
        };
        let (dag_id, run_id, task_id) = (self.must("dag_id")?, self.run_id()?, self.must("task_id")?);
        let attempt = Attempt {
            map_index: self.int("map_index")?.unwrap_or(-1),
            state: Some(TaskState::Failed),
            started_at,
            ended_at,
            duration_s: seconds,
            ..Attempt::known_by(dag_id, run_id, task_id, SourceKind::TaskFail)
        };
        check_numbers(&attempt.as_ref())?;
        Ok(sink.row(Row::Attempt(attempt))?)
    }

    fn run(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let run_id = self.must("run_id")?;
        let run_type = self.field("run_type").text("run_type")?;
        let run = DagRun {
            dag_id: self.must("dag_id")?,
            run_type: run_type.map_or_else(|| RunType::from_run_id(&run_id), |text| RunType::parse(&text)),
            run_id,
            state: self.field("state").text("state")?.map(|text| RunState::parse(&text)),
            logical_date: self.logical_date()?,
            run_after: self.time("run_after")?,
            queued_at: self.time("queued_at")?,
            started_at: self.time("start_date")?,
            ended_at: self.time("end_date")?,
            updated_at: self.time("updated_at")?,
            source: self.reader.source,
            fills: None,
        };
        Ok(sink.row(Row::Run(run))?)
    }

    fn poke(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let by_id = self.uuid("ti_id")?;
        let empty: Text = "".into();
        let (dag_id, run_id, task_id) = match by_id {
            Some(_) => (empty.clone(), empty.clone(), empty),
            None => (self.must("dag_id")?, self.run_id()?, self.must("task_id")?),
        };
        let number = self.field("id").int("id")?.ok_or_else(|| Fault::new("id is missing"))?;
        let poke = Reschedule {
            dag_id,
            run_id,
            task_id,
            map_index: self.int("map_index")?.unwrap_or(-1),
            try_number: self.int("try_number")?,
            number,
            started_at: self.time("start_date")?,
            ended_at: self.time("end_date")?,
            reschedule_at: self.time("reschedule_date")?,
        };
        Ok(sink.row(match by_id {
            Some(ti_id) => Row::RescheduleById { ti_id: ti_id.into(), poke },
            None => Row::Reschedule(poke),
        })?)
    }

    fn pool(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let pool = Pool {
            pool: self.must("pool")?,
            slots: self.int("slots")?,
            include_deferred: self.field("include_deferred").bool("include_deferred")?,
            description: self.text("description")?,
        };
        Ok(sink.row(Row::Pool(pool))?)
    }

    fn dag(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let schedule = match self.text("timetable_summary")? {
            Some(summary) => Some(summary),
            // JSON text in 2.x: a cron string in quotes, or an object.
            None => {
                self.field("schedule_interval").text("schedule_interval")?.map(|text| text.trim_matches('"').into())
            }
        };
        let dag = Dag {
            dag_id: self.must("dag_id")?,
            owners: self.text("owners")?,
            schedule: schedule.filter(|text| &**text != "null"),
            max_active_tasks: self.int("max_active_tasks")?,
            max_active_runs: self.int("max_active_runs")?,
            updated_at: self.time("last_parsed_time")?,
        };
        Ok(sink.row(Row::Dag(dag))?)
    }

    fn tag(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let tag = DagTag { dag_id: self.must("dag_id")?, tag: self.must("name")? };
        Ok(sink.row(Row::DagTag(tag))?)
    }

    /// A table that has a mapping of its own.
    fn other(&mut self, mapping: airflow_more::Mapping, sink: &mut dyn Sink) -> Result<(), Stop> {
        let (columns, row) = (&self.reader.columns, self.row);
        let field = |name: &'static str| columns.place(name).map_or(Field::Null, |place| row.field(place));
        Ok(sink.row(mapping(&field, &mut self.reader.tools)?)?)
    }

    fn structure(&mut self, sink: &mut dyn Sink) -> Result<(), Stop> {
        let dag_id = self.must("dag_id")?;
        let version = self.must("dag_hash")?;
        let structure = structure_tasks::read(&dag_id, &version, self.field("data"), self.field("data_compressed"))?;
        let (edges, tasks) = (structure.edges.into_iter().map(Row::Edge), structure.tasks.into_iter().map(Row::Task));
        let mut rows = edges.chain(tasks);
        match rows.next() {
            Some(first) => {
                sink.row(first)?;
                Ok(rows.try_for_each(|row| sink.implied(row))?)
            }
            None => Ok(sink.ignored("a DAG without tasks")?),
        }
    }
}

fn check_length(name: &str, text: &str) -> Result<(), Fault> {
    if text.len() <= MAX_ID_BYTES {
        return Ok(());
    }
    Err(Fault::of(format!("{name} is longer than {MAX_ID_BYTES} bytes"), text))
}

/// Does the row wait for a try that has not started?
fn waits(state: Option<&str>) -> bool {
    matches!(state, None | Some("scheduled" | "queued" | "restarting"))
}

fn check_numbers(attempt: &AttemptRef<'_>) -> Result<(), Fault> {
    let negative = |name: &str, value: String| Err(Fault::of(format!("{name} is negative"), &value));
    match attempt {
        AttemptRef { duration_s: Some(seconds), .. } if *seconds < -CLOCK_SKEW_S => {
            negative("duration", seconds.to_string())
        }
        AttemptRef { try_number: Some(number), .. } if *number < 0 => negative("try_number", number.to_string()),
        AttemptRef { map_index, .. } if *map_index < -1 => {
            Err(Fault::of("map_index is below -1, which means not mapped", &map_index.to_string()))
        }
        _ => Ok(()),
    }
}

fn check_order(start: Option<Timestamp>, end: Option<Timestamp>) -> Result<(), Fault> {
    match (start, end) {
        (Some(start), Some(end)) if end.seconds_since(start) < -CLOCK_SKEW_S => {
            Err(Fault::of("end_date is before start_date", &format!("{end} < {start}")))
        }
        _ => Ok(()),
    }
}
