//! Model structs to rows of cells and back.

use super::{batch::RowWriter, cell::Cell, table::Table, tables};
use crate::model::{
    Attempt, Dag, DagRun, DagTag, EdgeSource, Pool, Reschedule, RunState, RunType, SourceKind, TaskEdge, TaskState,
    Text,
};

/// A struct that has a table.
pub(super) trait Stored {
    const TABLE: &'static Table;
    /// Writes its values in the order of the table's columns.
    fn write(&self, row: &mut RowWriter<'_>);
}

/// A struct that is read back.
pub(super) trait Loaded: Stored + Sized {
    /// `None` where a value that must be there is not.
    fn from_cells(cells: &[Cell]) -> Option<Self>;
}

impl Stored for Attempt {
    const TABLE: &'static Table = &tables::TASK_ATTEMPTS;

    fn write(&self, row: &mut RowWriter<'_>) {
        super::rows_more::write_attempt(&self.as_ref(), self.fills.as_deref(), row);
    }
}

impl Loaded for Attempt {
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let text = |place: usize| cells[place].as_text().cloned();
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            task_id: text(2)?,
            map_index: cells[3].as_i32()?,
            try_number: cells[4].as_i32(),
            state: cells[5].as_text().map(|state| TaskState::parse(state)),
            operator: text(6),
            pool: text(7),
            pool_slots: cells[8].as_i32(),
            queue: text(9),
            priority_weight: cells[10].as_i32(),
            hostname: text(11),
            executor: text(12),
            max_tries: cells[13].as_i32(),
            scheduled_at: cells[14].as_time(),
            queued_at: cells[15].as_time(),
            started_at: cells[16].as_time(),
            ended_at: cells[17].as_time(),
            duration_s: cells[18].as_float(),
            updated_at: cells[19].as_time(),
            ti_id: text(20),
            source: SourceKind::parse(&text(21)?)?,
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let text = |place: usize| cells[place].as_text().cloned();
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            run_type: RunType::parse(&text(2)?),
            state: cells[3].as_text().map(|state| RunState::parse(state)),
            logical_date: cells[4].as_time(),
            run_after: cells[5].as_time(),
            queued_at: cells[6].as_time(),
            started_at: cells[7].as_time(),
            ended_at: cells[8].as_time(),
            updated_at: cells[9].as_time(),
            source: SourceKind::parse(&text(10)?)?,
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let text = |place: usize| cells[place].as_text().cloned();
        Some(Self {
            dag_id: text(0)?,
            run_id: text(1)?,
            task_id: text(2)?,
            map_index: cells[3].as_i32()?,
            try_number: cells[4].as_i32(),
            number: cells[5].as_int()?,
            started_at: cells[6].as_time(),
            ended_at: cells[7].as_time(),
            reschedule_at: cells[8].as_time(),
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let text = |place: usize| -> Option<Text> { cells[place].as_text().cloned() };
        Some(Self {
            dag_id: text(0)?,
            upstream: text(1)?,
            downstream: text(2)?,
            version: text(3)?,
            source: EdgeSource::parse(&text(4)?)?,
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        Some(Self {
            pool: cells[0].as_text().cloned()?,
            slots: cells[1].as_i32(),
            include_deferred: cells[2].as_bool(),
            description: cells[3].as_text().cloned(),
        })
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        let text = |place: usize| cells[place].as_text().cloned();
        Some(Self {
            dag_id: text(0)?,
            owners: text(1),
            schedule: text(2),
            max_active_tasks: cells[3].as_i32(),
            max_active_runs: cells[4].as_i32(),
            updated_at: cells[5].as_time(),
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
    fn from_cells(cells: &[Cell]) -> Option<Self> {
        Some(Self { dag_id: cells[0].as_text().cloned()?, tag: cells[1].as_text().cloned()? })
    }
}
