//! Rows of Airflow's tables, as every version from 1.10 to 3.x writes them, to rows of the model.

use super::{
    fields::{Clock, Field, Texts},
    reading::{Fault, Reading},
    recognise::Table,
    structure,
    table::RowView,
};
use crate::model::{
    Attempt, Dag, DagRun, DagTag, Pool, Reschedule, Row, RunState, RunType, SourceKind, TaskState, Text, Timestamp,
    stand_in_run_id,
};

/// Longest id: four times what Airflow's database takes (250 characters). A longer one is a broken row.
const MAX_ID_BYTES: usize = 1_000;

/// Columns of a table, by name.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<String>);

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name)
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

    /// From 2.10 on the number of a try is counted up when it is scheduled, before when it starts.
    fn counts_when_scheduled(&self) -> bool {
        self.has("executor") || self.has("scheduled_dttm")
    }
}

/// What became of a row.
pub(super) enum Outcome {
    /// A row, and rows that it implies.
    Row { row: Box<Row>, implied: Vec<Row> },
    /// Understood and not kept, for this reason.
    Ignored(String),
}

/// Reads the rows of one table.
pub(super) struct Reader<'c> {
    table: Table,
    columns: &'c Columns,
    /// Places of the columns that are read, in the order in which the mapping asks for them.
    places: std::collections::HashMap<&'static str, Option<usize>>,
    clock: Clock,
    texts: Texts,
}

impl<'c> Reader<'c> {
    pub(super) fn new(table: Table, columns: &'c Columns) -> Self {
        Self { table, columns, places: Default::default(), clock: Clock::default(), texts: Texts::default() }
    }

    pub(super) fn read(&mut self, row: &dyn RowView, reading: &mut Reading) -> Result<Outcome, Fault> {
        let mut row = Cells { reader: self, row };
        match row.reader.table {
            Table::TaskInstance | Table::TaskInstanceHistory => row.attempt(reading),
            Table::TaskFail => row.failure(reading),
            Table::DagRun => row.run(reading),
            Table::TaskReschedule => row.poke(reading),
            Table::SlotPool => row.pool(),
            Table::Dag => row.dag(),
            Table::DagTag => row.tag(),
            Table::SerializedDag => row.structure(),
            Table::Other(name) => Ok(Outcome::Ignored(format!("table {name} is not used yet"))),
        }
    }
}

fn only(row: Row) -> Result<Outcome, Fault> {
    Ok(Outcome::Row { row: Box::new(row), implied: Vec::new() })
}

/// A start that lies this many seconds behind its end is a fault of the row; less is the clocks of two hosts.
const CLOCK_SKEW_S: f64 = 1.0;

/// One row, by column name.
struct Cells<'a, 'c> {
    reader: &'a mut Reader<'c>,
    row: &'a dyn RowView,
}

impl<'a> Cells<'a, '_> {
    fn field(&mut self, name: &'static str) -> Field<'a> {
        let columns = self.reader.columns;
        let place = *self.reader.places.entry(name).or_insert_with(|| columns.place(name));
        place.map_or(Field::Null, |place| self.row.field(place))
    }

    fn text(&mut self, name: &'static str) -> Result<Option<Text>, Fault> {
        let text = self.field(name).text(name)?;
        Ok(text.map(|text| self.reader.texts.get(&text)))
    }

    fn must(&mut self, name: &'static str) -> Result<Text, Fault> {
        let text = self.text(name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))?;
        if text.len() > MAX_ID_BYTES {
            return Err(Fault::of(format!("{name} is longer than {MAX_ID_BYTES} bytes"), &text));
        }
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
        if let Some(run_id) = self.text("run_id")? {
            return Ok(run_id);
        }
        let date = self.time("execution_date")?;
        date.map(stand_in_run_id).ok_or_else(|| Fault::new("neither run_id nor execution_date is given"))
    }

    fn attempt(&mut self, reading: &mut Reading) -> Result<Outcome, Fault> {
        let dag_id = self.must("dag_id")?;
        let run_id = self.run_id()?;
        let state =
            self.field("state").text("state")?.filter(|text| text != "None").map(|text| TaskState::parse(&text));
        let mut attempt = Attempt {
            task_id: self.must("task_id")?,
            map_index: self.int("map_index")?.unwrap_or(-1),
            try_number: self.int("try_number")?,
            operator: self.text("operator")?,
            pool: self.text("pool")?,
            pool_slots: self.int("pool_slots")?,
            queue: self.text("queue")?,
            priority_weight: self.int("priority_weight")?,
            hostname: self.text("hostname")?,
            executor: self.text("executor")?,
            max_tries: self.int("max_tries")?,
            scheduled_at: self.time("scheduled_dttm")?,
            queued_at: self.time("queued_dttm")?,
            started_at: self.time("start_date")?,
            ended_at: self.time("end_date")?,
            duration_s: self.field("duration").float("duration")?,
            updated_at: self.time("updated_at")?,
            ti_id: self.ti_id()?,
            source: SourceKind::Database,
            fills: None,
            dag_id,
            run_id,
            state,
        };
        check_order(attempt.started_at, attempt.ended_at)?;
        check_numbers(&attempt)?;
        if self.reader.table == Table::TaskInstance && self.reader.columns.counts_when_scheduled() && waits(&attempt) {
            // The row already has the number of the try to come, and still the times of the one before.
            (attempt.started_at, attempt.ended_at, attempt.duration_s) = (None, None, None);
        }
        for instant in [attempt.started_at, attempt.ended_at] {
            reading.saw(instant);
        }
        let implied = self.implied_run(&attempt)?;
        Ok(Outcome::Row { row: Box::new(Row::Attempt(attempt)), implied })
    }

    /// Airflow 3's id of this try: `id` of the live table, `task_instance_id` of the history table.
    fn ti_id(&mut self) -> Result<Option<Text>, Fault> {
        if self.reader.columns.has("task_instance_id") {
            return self.uuid("task_instance_id");
        }
        if self.reader.columns.has("dag_version_id") { self.uuid("id") } else { Ok(None) }
    }

    /// A UUID without its dashes: PostgreSQL writes them, SQLite does not.
    fn uuid(&mut self, name: &'static str) -> Result<Option<Text>, Fault> {
        let text = self.field(name).text(name)?;
        Ok(text.map(|text| text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase().into()))
    }

    /// An export of task_instance joined with dag_run tells of the run as well.
    fn implied_run(&mut self, attempt: &Attempt) -> Result<Vec<Row>, Fault> {
        let columns = self.reader.columns;
        if !columns.has("run_id") || !columns.has("run_type") {
            return Ok(Vec::new());
        }
        let run_type = self.field("run_type").text("run_type")?;
        let run = DagRun {
            dag_id: attempt.dag_id.clone(),
            run_id: attempt.run_id.clone(),
            run_type: run_type.map_or_else(|| RunType::from_run_id(&attempt.run_id), |text| RunType::parse(&text)),
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
        Ok(vec![Row::Run(run)])
    }

    fn logical_date(&mut self) -> Result<Option<Timestamp>, Fault> {
        match self.time("logical_date")? {
            Some(date) => Ok(Some(date)),
            None => self.time("execution_date"),
        }
    }

    fn failure(&mut self, reading: &mut Reading) -> Result<Outcome, Fault> {
        let (started_at, ended_at) = (self.time("start_date")?, self.time("end_date")?);
        check_order(started_at, ended_at)?;
        reading.saw(started_at);
        reading.saw(ended_at);
        let seconds = match (started_at, ended_at) {
            // The column holds whole seconds, cut off; the times hold microseconds.
            (Some(start), Some(end)) => Some(end.seconds_since(start)),
            _ => self.field("duration").float("duration")?,
        };
        let attempt = Attempt {
            dag_id: self.must("dag_id")?,
            run_id: self.run_id()?,
            task_id: self.must("task_id")?,
            map_index: self.int("map_index")?.unwrap_or(-1),
            try_number: None,
            state: Some(TaskState::Failed),
            operator: None,
            pool: None,
            pool_slots: None,
            queue: None,
            priority_weight: None,
            hostname: None,
            executor: None,
            max_tries: None,
            scheduled_at: None,
            queued_at: None,
            started_at,
            ended_at,
            duration_s: seconds,
            updated_at: None,
            ti_id: None,
            source: SourceKind::TaskFail,
            fills: None,
        };
        only(Row::Attempt(attempt))
    }

    fn run(&mut self, reading: &mut Reading) -> Result<Outcome, Fault> {
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
            source: SourceKind::Database,
            fills: None,
        };
        reading.saw(run.ended_at);
        // `dags test` writes the logical date as the start: it says nothing of when the run happened.
        reading.saw(run.started_at.filter(|start| run.logical_date != Some(*start)));
        only(Row::Run(run))
    }

    fn poke(&mut self, reading: &mut Reading) -> Result<Outcome, Fault> {
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
        reading.saw(poke.started_at);
        only(match by_id {
            Some(ti_id) => Row::RescheduleById { ti_id, poke },
            None => Row::Reschedule(poke),
        })
    }

    fn pool(&mut self) -> Result<Outcome, Fault> {
        only(Row::Pool(Pool {
            pool: self.must("pool")?,
            slots: self.int("slots")?,
            include_deferred: self.field("include_deferred").bool("include_deferred")?,
            description: self.text("description")?,
        }))
    }

    fn dag(&mut self) -> Result<Outcome, Fault> {
        let schedule = match self.text("timetable_summary")? {
            Some(summary) => Some(summary),
            // JSON text in 2.x: a cron string in quotes, or an object.
            None => {
                self.field("schedule_interval").text("schedule_interval")?.map(|text| text.trim_matches('"').into())
            }
        };
        only(Row::Dag(Dag {
            dag_id: self.must("dag_id")?,
            owners: self.text("owners")?,
            schedule: schedule.filter(|text| &**text != "null"),
            max_active_tasks: self.int("max_active_tasks")?,
            max_active_runs: self.int("max_active_runs")?,
            updated_at: self.time("last_parsed_time")?,
        }))
    }

    fn tag(&mut self) -> Result<Outcome, Fault> {
        only(Row::DagTag(DagTag { dag_id: self.must("dag_id")?, tag: self.must("name")? }))
    }

    fn structure(&mut self) -> Result<Outcome, Fault> {
        let dag_id = self.must("dag_id")?;
        let version = self.must("dag_hash")?;
        let mut edges =
            structure::edges(&dag_id, &version, self.field("data"), self.field("data_compressed"))?.into_iter();
        match edges.next() {
            Some(first) => {
                Ok(Outcome::Row { row: Box::new(Row::Edge(first)), implied: edges.map(Row::Edge).collect() })
            }
            None => Ok(Outcome::Ignored("a DAG without dependencies".to_owned())),
        }
    }
}

/// Does the row wait for a try that has not started?
fn waits(attempt: &Attempt) -> bool {
    match &attempt.state {
        None | Some(TaskState::Scheduled | TaskState::Queued) => true,
        Some(TaskState::Other(text)) => &**text == "restarting",
        _ => false,
    }
}

fn check_numbers(attempt: &Attempt) -> Result<(), Fault> {
    let negative = |name: &str, value: String| Err(Fault::of(format!("{name} is negative"), &value));
    match attempt {
        Attempt { duration_s: Some(seconds), .. } if *seconds < -CLOCK_SKEW_S => {
            negative("duration", seconds.to_string())
        }
        Attempt { try_number: Some(number), .. } if *number < 0 => negative("try_number", number.to_string()),
        Attempt { map_index, .. } if *map_index < -1 => {
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
