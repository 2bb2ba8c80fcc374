//! Rows of Airflow's tables, as every version from 1.10 to 3.x writes them, to rows of the model.

use super::{
    airflow_cells::Cells,
    airflow_columns::Columns,
    airflow_more::{self, Tools},
    fields::{Clock, Field, Texts},
    reading::Fault,
    secrets,
    sink::{Halt, Sink},
    structure_tasks,
    table::RowView,
    table_kind::Table,
    volumes,
};
use crate::model::{
    Attempt, AttemptRef, Dag, DagRun, DagTag, Pool, Reschedule, Row, RunState, RunType, SourceKind, TaskState, Text,
    Timestamp,
};

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
    pub(super) columns: Columns,
    /// Places of the columns that are read, in the order in which the mapping asks for them: row after row the same.
    pub(super) places: Vec<(&'static str, Option<usize>)>,
    pub(super) clock: Clock,
    pub(super) texts: Texts,
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
            Table::Volume => cells.other(volumes::volume, sink),
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

impl<'a, R: RowView + ?Sized> Cells<'a, R> {
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
