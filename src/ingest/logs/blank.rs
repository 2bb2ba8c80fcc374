//! Rows of which only the identity is known, for a log to fill in.

use crate::model::{Attempt, DagRun, RunType, SourceKind, Text};

/// An attempt of which nothing but its identity is known.
pub(super) fn attempt(dag_id: Text, run_id: Text, task_id: Text, source: SourceKind) -> Attempt {
    Attempt {
        dag_id,
        run_id,
        task_id,
        map_index: -1,
        try_number: None,
        state: None,
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
        started_at: None,
        ended_at: None,
        duration_s: None,
        updated_at: None,
        ti_id: None,
        source,
        fills: None,
    }
}

/// A run of which nothing but its identity is known.
pub(super) fn run(dag_id: Text, run_id: Text, source: SourceKind) -> DagRun {
    DagRun {
        run_type: RunType::from_run_id(&run_id),
        dag_id,
        run_id,
        state: None,
        logical_date: None,
        run_after: None,
        queued_at: None,
        started_at: None,
        ended_at: None,
        updated_at: None,
        source,
        fills: None,
    }
}
