//! Small histories for tests.

use crate::model::{Attempt, DagHistory, DagRun, Deployment, RunState, RunType, SourceKind, TaskState, Timestamp};

/// 2026-01-01T00:00:00Z plus seconds.
pub(super) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000).plus_seconds(seconds)
}

/// A first try that was queued as it started.
pub(super) fn attempt(task: &str, run: &str, start: f64, end: f64) -> Attempt {
    Attempt {
        dag_id: "d".into(),
        run_id: run.into(),
        task_id: task.into(),
        map_index: -1,
        try_number: Some(1),
        state: Some(TaskState::Success),
        operator: None,
        pool: None,
        pool_slots: None,
        queue: None,
        priority_weight: None,
        hostname: None,
        executor: None,
        max_tries: None,
        scheduled_at: None,
        queued_at: Some(at(start)),
        started_at: Some(at(start)),
        ended_at: Some(at(end)),
        duration_s: Some(end - start),
        updated_at: None,
        ti_id: None,
        source: SourceKind::Database,
        fills: None,
    }
}

/// A scheduled run that ended well.
pub(super) fn run(id: &str, start: f64, end: f64) -> DagRun {
    DagRun {
        dag_id: "d".into(),
        run_id: id.into(),
        run_type: RunType::Scheduled,
        state: Some(RunState::Success),
        logical_date: Some(at(start)),
        run_after: None,
        queued_at: Some(at(start)),
        started_at: Some(at(start)),
        ended_at: Some(at(end)),
        updated_at: None,
        source: SourceKind::Database,
        fills: None,
    }
}

/// A DAG with these attempts and no runs.
pub(super) fn history(attempts: Vec<Attempt>) -> DagHistory {
    DagHistory {
        deployment: Deployment::default(),
        dag_id: "d".into(),
        dag: None,
        tags: Vec::new(),
        runs: Vec::new(),
        attempts,
        reschedules: Vec::new(),
        volumes: Vec::new(),
        edges: Vec::new(),
    }
}

/// Nearly normal values of standard deviation one, the same every time.
pub(super) fn noise(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut unit = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(|_| (0..12).map(|_| unit()).sum::<f64>() - 6.0).collect()
}
