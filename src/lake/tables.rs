//! The tables, each with its columns, identity, order and home: a list of data.

use super::table::{Kind, Table, late, may, must};

/// Every table that is written, in the order of their names.
pub(super) const TABLES: &[&Table] = &[
    &AUDIT_EVENTS,
    &BENCH_RECORDS,
    &DAG_RUNS,
    &DAG_TAGS,
    &DAGS,
    &DEADLINES,
    &JOBS,
    &LOG_EVENTS,
    &MARKERS,
    &METRIC_SAMPLES,
    &POOLS,
    &RESCHEDULES,
    &TASK_ATTEMPTS,
    &TASK_EDGES,
    &TASK_VOLUMES,
    &TASKS,
];

/// Places of columns of `task_attempts` that reconciling looks at.
pub(super) mod attempt {
    pub(crate) const DAG_ID: usize = 0;
    pub(crate) const RUN_ID: usize = 1;
    pub(crate) const TASK_ID: usize = 2;
    pub(crate) const MAP_INDEX: usize = 3;
    pub(crate) const TRY_NUMBER: usize = 4;
    pub(crate) const STARTED_AT: usize = 16;
    pub(crate) const ENDED_AT: usize = 17;
    pub(crate) const TI_ID: usize = 20;
    #[cfg(test)]
    pub(crate) const STATE: usize = 5;
    #[cfg(test)]
    pub(crate) const SOURCE: usize = 21;
}

/// Places of columns of `log_events`.
pub(super) mod log_event {
    pub(crate) const TEMPLATE: usize = 12;
}

pub(super) static TASK_ATTEMPTS: Table = Table {
    name: "task_attempts",
    columns: &[
        must("dag_id", Kind::Text),
        must("run_id", Kind::Text),
        must("task_id", Kind::Text),
        must("map_index", Kind::Int32),
        may("try_number", Kind::Int32),
        may("state", Kind::Text),
        may("operator", Kind::Text),
        may("pool", Kind::Text),
        may("pool_slots", Kind::Int32),
        may("queue", Kind::Text),
        may("priority_weight", Kind::Int32),
        may("hostname", Kind::Text),
        may("executor", Kind::Text),
        may("max_tries", Kind::Int32),
        may("scheduled_at", Kind::Time),
        may("queued_at", Kind::Time),
        may("started_at", Kind::Time),
        may("ended_at", Kind::Time),
        may("duration_s", Kind::Float),
        may("updated_at", Kind::Time),
        may("ti_id", Kind::Text),
        must("source", Kind::Text),
        may("fills", Kind::Text),
    ],
    key: &[0, 2, 1, 3, 4],
    unnumbered: Some((attempt::TRY_NUMBER, attempt::STARTED_AT)),
    group: 2,
    instance: 3,
    order: &[0, 2, 16, 1, 3, 4],
    monthly: true,
    source: Some(21),
    version: Some(19),
    version_else: &[17, 16, 15, 14],
    fills: Some(22),
};

/// Places of columns of `dag_runs` that other code looks at.
pub(super) mod run {
    pub(crate) const DAG_ID: usize = 0;
    pub(crate) const RUN_ID: usize = 1;
    pub(crate) const LOGICAL_DATE: usize = 4;
}

pub(super) static DAG_RUNS: Table = Table {
    name: "dag_runs",
    columns: &[
        must("dag_id", Kind::Text),
        must("run_id", Kind::Text),
        must("run_type", Kind::Text),
        may("state", Kind::Text),
        may("logical_date", Kind::Time),
        may("run_after", Kind::Time),
        may("queued_at", Kind::Time),
        may("started_at", Kind::Time),
        may("ended_at", Kind::Time),
        may("updated_at", Kind::Time),
        must("source", Kind::Text),
        may("fills", Kind::Text),
    ],
    key: &[0, 1],
    unnumbered: None,
    group: 1,
    instance: 2,
    order: &[0, 4, 1],
    monthly: true,
    source: Some(10),
    version: Some(9),
    version_else: &[8, 7, 6],
    fills: Some(11),
};

pub(super) static RESCHEDULES: Table = Table {
    name: "reschedules",
    columns: &[
        must("dag_id", Kind::Text),
        must("run_id", Kind::Text),
        must("task_id", Kind::Text),
        must("map_index", Kind::Int32),
        may("try_number", Kind::Int32),
        must("number", Kind::Int64),
        may("started_at", Kind::Time),
        may("ended_at", Kind::Time),
        may("reschedule_at", Kind::Time),
    ],
    key: &[0, 2, 1, 3, 4, 5],
    unnumbered: None,
    group: 2,
    instance: 6,
    order: &[0, 2, 1, 3, 4, 5],
    monthly: true,
    source: None,
    version: Some(7),
    version_else: &[],
    fills: None,
};

pub(super) static TASK_VOLUMES: Table = Table {
    name: "task_volumes",
    columns: &[
        must("dag_id", Kind::Text),
        must("run_id", Kind::Text),
        must("task_id", Kind::Text),
        must("map_index", Kind::Int32),
        may("rows", Kind::Int64),
        may("bytes", Kind::Int64),
        must("revision", Kind::Int64),
    ],
    key: &[0, 2, 1, 3],
    unnumbered: None,
    group: 2,
    instance: 4,
    order: &[0, 2, 1, 3],
    monthly: true,
    source: None,
    version: Some(6),
    version_else: &[],
    fills: None,
};

pub(super) static TASK_EDGES: Table = Table {
    name: "task_edges",
    columns: &[
        must("dag_id", Kind::Text),
        must("upstream", Kind::Text),
        must("downstream", Kind::Text),
        must("version", Kind::Text),
        must("source", Kind::Text),
        must("revision", Kind::Int64),
    ],
    key: &[0, 1, 2, 3, 4],
    unnumbered: None,
    group: 1,
    instance: 5,
    order: &[0, 1, 2, 3, 4],
    monthly: false,
    source: None,
    version: Some(5),
    version_else: &[],
    fills: None,
};

pub(super) static POOLS: Table = Table {
    name: "pools",
    columns: &[
        must("pool", Kind::Text),
        may("slots", Kind::Int32),
        may("include_deferred", Kind::Bool),
        may("description", Kind::Text),
        must("revision", Kind::Int64),
    ],
    key: &[0],
    unnumbered: None,
    group: 1,
    instance: 1,
    order: &[0],
    monthly: false,
    source: None,
    version: Some(4),
    version_else: &[],
    fills: None,
};

pub(super) static DAGS: Table = Table {
    name: "dags",
    columns: &[
        must("dag_id", Kind::Text),
        may("owners", Kind::Text),
        may("schedule", Kind::Text),
        may("max_active_tasks", Kind::Int32),
        may("max_active_runs", Kind::Int32),
        may("updated_at", Kind::Time),
        must("revision", Kind::Int64),
    ],
    key: &[0],
    unnumbered: None,
    group: 1,
    instance: 1,
    order: &[0],
    monthly: false,
    source: None,
    version: Some(6),
    version_else: &[],
    fills: None,
};

pub(super) static DAG_TAGS: Table = Table {
    name: "dag_tags",
    columns: &[must("dag_id", Kind::Text), must("tag", Kind::Text), must("revision", Kind::Int64)],
    key: &[0, 1],
    unnumbered: None,
    group: 1,
    instance: 2,
    order: &[0, 1],
    monthly: false,
    source: None,
    version: Some(2),
    version_else: &[],
    fills: None,
};

pub(super) static TASKS: Table = Table {
    name: "tasks",
    columns: &[
        must("dag_id", Kind::Text),
        must("task_id", Kind::Text),
        must("version", Kind::Text),
        may("operator", Kind::Text),
        may("pool", Kind::Text),
        may("pool_slots", Kind::Int32),
        may("queue", Kind::Text),
        may("priority_weight", Kind::Int32),
        may("retries", Kind::Int32),
        may("trigger_rule", Kind::Text),
        must("mapped", Kind::Bool),
        must("revision", Kind::Int64),
    ],
    key: &[0, 1, 2],
    unnumbered: None,
    group: 1,
    instance: 3,
    order: &[0, 1, 2],
    monthly: false,
    source: None,
    version: Some(11),
    version_else: &[],
    fills: None,
};

pub(super) static METRIC_SAMPLES: Table = Table {
    name: "metric_samples",
    columns: &[
        must("metric", Kind::Text),
        must("labels", Kind::Text),
        must("ts", Kind::Time),
        must("value", Kind::Float),
        may("unit", Kind::Text),
        must("kind", Kind::Text),
        must("source", Kind::Text),
    ],
    key: &[0, 1, 2],
    unnumbered: None,
    group: 2,
    instance: 3,
    order: &[0, 1, 2],
    monthly: true,
    source: None,
    version: None,
    version_else: &[],
    fills: None,
};

pub(super) static LOG_EVENTS: Table = Table {
    name: "log_events",
    columns: &[
        must("source", Kind::Text),
        must("line", Kind::Int64),
        may("dag_id", Kind::Text),
        may("run_id", Kind::Text),
        may("task_id", Kind::Text),
        may("map_index", Kind::Int32),
        may("try_number", Kind::Int32),
        may("ts", Kind::Time),
        may("gap_s", Kind::Float),
        may("level", Kind::Text),
        may("logger", Kind::Text),
        may("exception", Kind::Text),
        must("template", Kind::Text),
        may("message", Kind::Text),
        must("lines", Kind::Int32),
    ],
    // A log of the same name that began anew has other times.
    key: &[0, 1, 7],
    unnumbered: None,
    group: 1,
    instance: 2,
    order: &[0, 1, 7],
    monthly: true,
    source: None,
    // An entry grows while it is written: the longer one is the later word.
    version: Some(14),
    version_else: &[],
    fills: None,
};

pub(super) static MARKERS: Table = Table {
    name: "markers",
    columns: &[
        must("time", Kind::Time),
        must("kind", Kind::Text),
        must("text", Kind::Text),
        may("dag_id", Kind::Text),
        may("reference", Kind::Text),
        may("ended_at", Kind::Time),
    ],
    key: &[0, 1, 2],
    unnumbered: None,
    group: 1,
    instance: 3,
    order: &[0, 1, 2],
    monthly: false,
    source: None,
    version: Some(5),
    version_else: &[],
    fills: None,
};

pub(super) static BENCH_RECORDS: Table = Table {
    name: "bench_records",
    columns: &[
        must("at", Kind::Time),
        must("engine", Kind::Text),
        must("workload", Kind::Text),
        must("variant", Kind::Text),
        must("side", Kind::Text),
        must("round", Kind::Int32),
        must("seconds", Kind::Float),
        must("cpu_seconds", Kind::Float),
        must("items", Kind::Int64),
        must("peak_rss_bytes", Kind::Int64),
        must("host", Kind::Text),
        late("p99_seconds", Kind::Float),
    ],
    key: &[0, 1, 2, 3, 4, 5],
    unnumbered: None,
    group: 1,
    instance: 6,
    order: &[0, 1, 2, 3, 4, 5],
    monthly: true,
    source: None,
    version: Some(0),
    version_else: &[],
    fills: None,
};

pub(super) static AUDIT_EVENTS: Table = Table {
    name: "audit_events",
    columns: &[
        must("time", Kind::Time),
        must("id", Kind::Int64),
        must("event", Kind::Text),
        may("dag_id", Kind::Text),
        may("run_id", Kind::Text),
        may("task_id", Kind::Text),
        may("map_index", Kind::Int32),
        may("try_number", Kind::Int32),
        may("owner", Kind::Text),
        may("extra", Kind::Text),
    ],
    key: &[0, 1],
    unnumbered: None,
    group: 1,
    instance: 2,
    order: &[0, 1],
    monthly: true,
    source: None,
    version: None,
    version_else: &[],
    fills: None,
};

pub(super) static JOBS: Table = Table {
    name: "jobs",
    columns: &[
        must("id", Kind::Int64),
        may("job_type", Kind::Text),
        may("state", Kind::Text),
        may("dag_id", Kind::Text),
        may("hostname", Kind::Text),
        may("started_at", Kind::Time),
        may("ended_at", Kind::Time),
        may("heartbeat_at", Kind::Time),
    ],
    key: &[0],
    unnumbered: None,
    group: 1,
    instance: 1,
    order: &[0],
    monthly: true,
    source: None,
    version: Some(7),
    version_else: &[6, 5],
    fills: None,
};

pub(super) static DEADLINES: Table = Table {
    name: "deadlines",
    columns: &[
        must("kind", Kind::Text),
        must("id", Kind::Text),
        may("dag_id", Kind::Text),
        may("task_id", Kind::Text),
        may("run_id", Kind::Text),
        may("logical_date", Kind::Time),
        may("due_at", Kind::Time),
        may("missed_at", Kind::Time),
        may("missed", Kind::Bool),
    ],
    key: &[0, 1],
    unnumbered: None,
    group: 1,
    instance: 2,
    order: &[0, 1],
    monthly: true,
    source: None,
    version: Some(7),
    version_else: &[6, 5],
    fills: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_hold_together() {
        for table in TABLES {
            assert_eq!(table.key[..table.group], table.order[..table.group], "{}: group prefix", table.name);
            for place in table.key.iter().chain(table.order) {
                assert!(*place < table.columns.len(), "{}", table.name);
            }
            let named = |place: Option<usize>, name: &str| place.is_none_or(|place| table.columns[place].name == name);
            assert!(named(table.source, "source") && named(table.fills, "fills"), "{}", table.name);
        }
        let at = |place: usize| TASK_ATTEMPTS.columns[place].name;
        assert_eq!(
            [
                at(attempt::STATE),
                at(attempt::STARTED_AT),
                at(attempt::ENDED_AT),
                at(attempt::TI_ID),
                at(attempt::SOURCE)
            ],
            ["state", "started_at", "ended_at", "ti_id", "source"]
        );
        assert_eq!(DAG_RUNS.columns[run::LOGICAL_DATE].name, "logical_date");
    }
}
