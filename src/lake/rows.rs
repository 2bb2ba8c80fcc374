//! Model structs to rows of cells and back.

use super::{batch::RowWriter, cell::Cell, table::Table, tables};
use crate::model::{
    Attempt, Dag, DagRun, DagTag, EdgeSource, Pool, Reschedule, RunState, RunType, SourceKind, TaskEdge, TaskState,
    Text, Timestamp,
};

/// A struct that has a table.
pub(super) trait Stored {
    const TABLE: &'static Table;
    /// Writes its values in the order of the table's columns.
    fn write(&self, row: &mut RowWriter<'_>);
}

/// Values of a row by the places of their columns; none where there is none of that kind.
pub(super) trait Row {
    fn str(&self, place: usize) -> Option<&str>;
    fn text(&self, place: usize) -> Option<Text>;
    fn int(&self, place: usize) -> Option<i64>;
    fn float(&self, place: usize) -> Option<f64>;
    fn bool(&self, place: usize) -> Option<bool>;

    fn i32(&self, place: usize) -> Option<i32> {
        self.int(place).and_then(|value| i32::try_from(value).ok())
    }

    fn time(&self, place: usize) -> Option<Timestamp> {
        self.int(place).map(Timestamp::from_micros)
    }
}

impl Row for [Cell] {
    fn str(&self, place: usize) -> Option<&str> {
        self[place].as_text().map(|text| &**text)
    }

    fn text(&self, place: usize) -> Option<Text> {
        self[place].as_text().cloned()
    }

    fn int(&self, place: usize) -> Option<i64> {
        self[place].as_int()
    }

    fn float(&self, place: usize) -> Option<f64> {
        self[place].as_float()
    }

    fn bool(&self, place: usize) -> Option<bool> {
        self[place].as_bool()
    }
}

/// A struct that is read back.
pub(super) trait Loaded: Stored + Sized {
    /// `None` where a value that must be there is not.
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self>;
}

impl Stored for Attempt {
    const TABLE: &'static Table = &tables::TASK_ATTEMPTS;

    fn write(&self, row: &mut RowWriter<'_>) {
        super::rows_more::write_attempt(&self.as_ref(), self.fills.as_deref(), row);
    }
}

impl Loaded for Attempt {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            task_id: text(2)?,
            map_index: row.i32(3)?,
            try_number: row.i32(4),
            state: row.str(5).map(TaskState::parse),
            operator: text(6),
            pool: text(7),
            pool_slots: row.i32(8),
            queue: text(9),
            priority_weight: row.i32(10),
            hostname: text(11),
            executor: text(12),
            max_tries: row.i32(13),
            scheduled_at: row.time(14),
            queued_at: row.time(15),
            started_at: row.time(16),
            ended_at: row.time(17),
            duration_s: row.float(18),
            updated_at: row.time(19),
            ti_id: text(20),
            source: SourceKind::parse(row.str(21)?)?,
            fills: text(22),
        })
    }
}

impl Stored for DagRun {
    const TABLE: &'static Table = &tables::DAG_RUNS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.run_id));
        row.text(Some(self.run_type.as_str()));
        row.text(self.state.as_ref().map(RunState::as_str));
        row.time(self.logical_date);
        row.time(self.run_after);
        row.time(self.queued_at);
        row.time(self.started_at);
        row.time(self.ended_at);
        row.time(self.updated_at);
        row.text(Some(self.source.as_str()));
        row.text(self.fills.as_deref());
    }
}

impl Loaded for DagRun {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            run_type: RunType::parse(row.str(2)?),
            state: row.str(3).map(RunState::parse),
            logical_date: row.time(4),
            run_after: row.time(5),
            queued_at: row.time(6),
            started_at: row.time(7),
            ended_at: row.time(8),
            updated_at: row.time(9),
            source: SourceKind::parse(row.str(10)?)?,
            fills: text(11),
        })
    }
}

impl Stored for Reschedule {
    const TABLE: &'static Table = &tables::RESCHEDULES;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.run_id));
        row.text(Some(&self.task_id));
        row.int32(Some(self.map_index));
        row.int32(self.try_number);
        row.int64(Some(self.number));
        row.time(self.started_at);
        row.time(self.ended_at);
        row.time(self.reschedule_at);
    }
}

impl Loaded for Reschedule {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            task_id: text(2)?,
            map_index: row.i32(3)?,
            try_number: row.i32(4),
            number: row.int(5)?,
            started_at: row.time(6),
            ended_at: row.time(7),
            reschedule_at: row.time(8),
        })
    }
}

impl Stored for TaskEdge {
    const TABLE: &'static Table = &tables::TASK_EDGES;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.upstream));
        row.text(Some(&self.downstream));
        row.text(Some(&self.version));
        row.text(Some(self.source.as_str()));
        row.revision();
    }
}

impl Loaded for TaskEdge {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            upstream: text(1)?,
            downstream: text(2)?,
            version: text(3)?,
            source: EdgeSource::parse(row.str(4)?)?,
        })
    }
}

impl Stored for Pool {
    const TABLE: &'static Table = &tables::POOLS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.pool));
        row.int32(self.slots);
        row.bool(self.include_deferred);
        row.text(self.description.as_deref());
        row.revision();
    }
}

impl Loaded for Pool {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        Some(Self { pool: row.text(0)?, slots: row.i32(1), include_deferred: row.bool(2), description: row.text(3) })
    }
}

impl Stored for Dag {
    const TABLE: &'static Table = &tables::DAGS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(self.owners.as_deref());
        row.text(self.schedule.as_deref());
        row.int32(self.max_active_tasks);
        row.int32(self.max_active_runs);
        row.time(self.updated_at);
        row.revision();
    }
}

impl Loaded for Dag {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        let text = |place: usize| row.text(place);
        Some(Self {
            dag_id: text(0)?,
            owners: text(1),
            schedule: text(2),
            max_active_tasks: row.i32(3),
            max_active_runs: row.i32(4),
            updated_at: row.time(5),
        })
    }
}

impl Stored for DagTag {
    const TABLE: &'static Table = &tables::DAG_TAGS;

    fn write(&self, row: &mut RowWriter<'_>) {
        row.text(Some(&self.dag_id));
        row.text(Some(&self.tag));
        row.revision();
    }
}

impl Loaded for DagTag {
    fn from_row(row: &(impl Row + ?Sized)) -> Option<Self> {
        Some(Self { dag_id: row.text(0)?, tag: row.text(1)? })
    }
}
