//! Model structs to rows of cells and back.

use super::{cell::Cell, table};
use crate::model::{
    Attempt, Dag, DagRun, DagTag, EdgeSource, Pool, Reschedule, RunState, RunType, SourceKind, TaskEdge, TaskState,
    Text,
};

/// A struct that has a table.
pub(super) trait Stored: Sized {
    const TABLE: &'static table::Table;
    /// Values in the order of the table's columns.
    fn cells(&self, revision: i64) -> Box<[Cell]>;
    /// `None` where a value that must be there is not.
    fn from_cells(cells: &[Cell]) -> Option<Self>;
}

impl Stored for Attempt {
    const TABLE: &'static table::Table = &table::TASK_ATTEMPTS;

    fn cells(&self, _revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.dag_id),
            Cell::from(&self.run_id),
            Cell::from(&self.task_id),
            Cell::from(self.map_index),
            Cell::from(self.try_number),
            Cell::from(self.state.as_ref().map(TaskState::as_str)),
            Cell::from(&self.operator),
            Cell::from(&self.pool),
            Cell::from(self.pool_slots),
            Cell::from(&self.queue),
            Cell::from(self.priority_weight),
            Cell::from(&self.hostname),
            Cell::from(&self.executor),
            Cell::from(self.max_tries),
            Cell::from(self.scheduled_at),
            Cell::from(self.queued_at),
            Cell::from(self.started_at),
            Cell::from(self.ended_at),
            Cell::from(self.duration_s),
            Cell::from(self.updated_at),
            Cell::from(&self.ti_id),
            Cell::from(self.source.as_str()),
            Cell::from(&self.fills),
        ])
    }

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
    const TABLE: &'static table::Table = &table::DAG_RUNS;

    fn cells(&self, _revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.dag_id),
            Cell::from(&self.run_id),
            Cell::from(self.run_type.as_str()),
            Cell::from(self.state.as_ref().map(RunState::as_str)),
            Cell::from(self.logical_date),
            Cell::from(self.run_after),
            Cell::from(self.queued_at),
            Cell::from(self.started_at),
            Cell::from(self.ended_at),
            Cell::from(self.updated_at),
            Cell::from(self.source.as_str()),
            Cell::from(&self.fills),
        ])
    }

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
    const TABLE: &'static table::Table = &table::RESCHEDULES;

    fn cells(&self, _revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.dag_id),
            Cell::from(&self.run_id),
            Cell::from(&self.task_id),
            Cell::from(self.map_index),
            Cell::from(self.try_number),
            Cell::from(self.number),
            Cell::from(self.started_at),
            Cell::from(self.ended_at),
            Cell::from(self.reschedule_at),
        ])
    }

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
    const TABLE: &'static table::Table = &table::TASK_EDGES;

    fn cells(&self, revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.dag_id),
            Cell::from(&self.upstream),
            Cell::from(&self.downstream),
            Cell::from(&self.version),
            Cell::from(self.source.as_str()),
            Cell::from(revision),
        ])
    }

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
    const TABLE: &'static table::Table = &table::POOLS;

    fn cells(&self, revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.pool),
            Cell::from(self.slots),
            Cell::from(self.include_deferred),
            Cell::from(&self.description),
            Cell::from(revision),
        ])
    }

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
    const TABLE: &'static table::Table = &table::DAGS;

    fn cells(&self, revision: i64) -> Box<[Cell]> {
        Box::new([
            Cell::from(&self.dag_id),
            Cell::from(&self.owners),
            Cell::from(&self.schedule),
            Cell::from(self.max_active_tasks),
            Cell::from(self.max_active_runs),
            Cell::from(self.updated_at),
            Cell::from(revision),
        ])
    }

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
    const TABLE: &'static table::Table = &table::DAG_TAGS;

    fn cells(&self, revision: i64) -> Box<[Cell]> {
        Box::new([Cell::from(&self.dag_id), Cell::from(&self.tag), Cell::from(revision)])
    }

    fn from_cells(cells: &[Cell]) -> Option<Self> {
        Some(Self { dag_id: cells[0].as_text().cloned()?, tag: cells[1].as_text().cloned()? })
    }
}
