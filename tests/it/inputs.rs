//! Every kind of input, and the same history from each of them.

use super::support::{World, arg, dataset};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path};

/// File, what it is recognised as, table of the lake, rows read, rows that are understood and not kept.
const FILES: [(&str, &str, &str, u64, u64); 22] = [
    ("airflow-2.10.5-logs/task_logs_all.tar.gz", "logs in an archive (tar)", "log_events", 80_245, 0),
    ("airflow-2.10.5-logs/scheduler_stdout.log.gz", "log (Airflow 1.10 to 2.x)", "log_events", 44_706, 0),
    ("airflow-2.10.5-rest/taskInstances_users_sync_limit1000.json.gz", "task instances (REST", "task_attempts", 558, 0),
    ("airflow-2.10.5-rest/tries_orders_etl_enrich.json.gz", "task instances (REST", "task_attempts", 2, 0),
    ("airflow-2.10.5-rest/dagRuns_offset0.json.gz", "DAG runs (REST", "dag_runs", 100, 0),
    ("airflow-2.10.5-rest/dags.json.gz", "DAGs (REST", "dags", 9, 0),
    ("airflow-2.10.5-rest/pools.json.gz", "pools (REST", "pools", 8, 0),
    ("airflow-2.10.5-rest/eventLogs.json.gz", "event logs (REST", "audit_events", 100, 0),
    ("airflow-3.3.2-rest/taskInstances_users_sync_offset0.json.gz", "task instances (REST", "task_attempts", 100, 0),
    ("airflow-2.10.5-metrics/statsd_raw_plain_filtered_first4000.txt.gz", "StatsD", "metric_samples", 4_000, 1_565),
    ("airflow-2.10.5-metrics/statsd_raw_datadog_tags.txt.gz", "StatsD", "metric_samples", 279, 206),
    ("airflow-2.10.5-metrics/statsd_raw_influxdb_tags.txt.gz", "StatsD", "metric_samples", 1_049, 824),
    ("airflow-2.10.5-metrics/statsd_bridge_1795520058.prom.gz", "Prometheus text", "metric_samples", 555, 0),
    ("airflow-2.10.5-metrics/node_1795520058.prom.gz", "Prometheus text", "metric_samples", 507, 0),
    ("airflow-2.10.5-metrics/om.txt", "Prometheus text", "metric_samples", 3, 0),
    ("airflow-2.10.5-metrics/tsdb_dump_node_load.txt.gz", "promtool", "metric_samples", 1_810, 2),
    ("airflow-2.10.5-metrics/query_range_executor.json.gz", "Prometheus query", "metric_samples", 756, 0),
    ("airflow-2.10.5-metrics/sadf_cpu_queue.csv.gz", "sysstat (sadf -d)", "metric_samples", 1_790, 0),
    ("airflow-2.10.5-metrics/sadf.json", "sysstat (sadf -j)", "metric_samples", 2, 0),
    ("airflow-2.10.5-metrics/pg_stat_activity_first200.csv.gz", "pg_stat_activity", "metric_samples", 199, 127),
    ("airflow-3.3.2/dag_version.csv.gz", "dag_version", "markers", 9, 0),
    ("airflow-2.10.5/dag.csv.gz", "dag (CSV)", "dags", 9, 0),
];

#[test]
fn each_kind_is_recognised_and_its_rows_add_up() {
    for (file, kind, table, read, ignored) in FILES {
        let world = World::new();
        let receipt = world.ingest("x", &[&dataset(file)]);
        let source = &receipt["sources"][0];
        let count = |name: &str| source[name].as_u64().expect("a count");
        assert!(source["kind"].as_str().expect("a kind").starts_with(kind), "{file}: {}", source["kind"]);
        assert_eq!(source["table"], table, "{file}");
        assert_eq!((count("rows_read"), count("rows_ignored"), count("rows_rejected")), (read, ignored, 0), "{file}");
        let parts = ["written", "duplicate", "superseded", "ignored", "rejected"];
        let sum: u64 = parts.iter().map(|part| count(&format!("rows_{part}"))).sum();
        assert_eq!(sum, read, "{file}: {source:#}");
        world.run(&["lake", "verify"]).exits(0);
        // The same file again is known.
        let again = world.ingest("x", &[&dataset(file)]);
        assert_eq!(again["sources"][0]["skipped_as_known"], true, "{file}");
        assert_eq!(again["totals"]["rows_read"], 0, "{file}");
    }
}

type Attempts = BTreeMap<String, BTreeMap<&'static str, Value>>;

const COLUMNS: [&str; 13] = [
    "state",
    "operator",
    "pool",
    "pool_slots",
    "queue",
    "priority_weight",
    "hostname",
    "max_tries",
    "queued_at",
    "started_at",
    "ended_at",
    "duration_s",
    "executor",
];

/// Attempts of a world by identity.
fn attempts(world: &World) -> Attempts {
    let query =
        format!("SELECT dag_id, run_id, task_id, map_index, try_number, {} FROM task_attempts", COLUMNS.join(", "));
    let answer = world.json(&["lake", "sql", &query]);
    let rows = answer["rows"].as_array().expect("rows");
    let key = |row: &Value| {
        ["dag_id", "run_id", "task_id", "map_index", "try_number"].map(|name| row[name].to_string()).join(" ")
    };
    let values = |row: &Value| COLUMNS.iter().map(|name| (*name, row[*name].clone())).collect();
    rows.iter().map(|row| (key(row), values(row))).collect()
}

fn of(paths: &[&Path]) -> Attempts {
    let world = World::new();
    world.ingest("x", paths);
    attempts(&world)
}

/// How many attempts are in both, and how often each of `columns` differs.
fn compare(ours: &Attempts, truth: &Attempts, columns: &[&'static str]) -> (usize, BTreeMap<&'static str, usize>) {
    let mut differences = BTreeMap::new();
    let mut both = 0;
    for (key, row) in ours {
        let Some(known) = truth.get(key) else { continue };
        both += 1;
        for column in columns {
            if row[column] != known[column] {
                *differences.entry(*column).or_insert(0) += 1;
            }
        }
    }
    (both, differences)
}

#[test]
fn the_api_tells_what_the_database_holds() {
    let csv = of(&[&dataset("airflow-2.10.5")]);
    let api = of(&[&dataset("airflow-2.10.5-rest/taskInstances_users_sync_limit1000.json.gz")]);
    let (both, differences) = compare(&api, &csv, &COLUMNS);
    assert_eq!(both, api.len());
    assert_eq!(both, 558);
    assert_eq!(differences, BTreeMap::new());
}

#[test]
fn a_scheduler_log_holds_the_attempts_that_it_saw_end() {
    let csv = of(&[&dataset("airflow-2.10.5")]);
    let log = of(&[&dataset("airflow-2.10.5-logs/scheduler_stdout.log.gz")]);
    let told =
        ["operator", "pool", "queue", "priority_weight", "max_tries", "queued_at", "started_at", "ended_at", "state"];
    let (both, differences) = compare(&log, &csv, &told);
    assert_eq!((both, log.len()), (3_944, 3_944));
    // The history table stores a retried attempt as failed; the log said up_for_retry. Nothing else differs.
    assert_eq!(differences, BTreeMap::from([("state", 68)]));
}

#[test]
fn task_logs_hold_the_times_of_each_attempt() {
    let csv = of(&[&dataset("airflow-2.10.5")]);
    let logs = of(&[&dataset("airflow-2.10.5-logs/task_logs_all.tar.gz")]);
    let seconds = |value: &Value| {
        let text = value.as_str()?;
        text.parse::<jiff::Timestamp>().ok().map(|time| time.as_microsecond() as f64 / 1e6)
    };
    let (mut both, mut start_off, mut end_off) = (0, 0, 0);
    for (key, row) in &logs {
        let Some(known) = csv.get(key) else { continue };
        both += 1;
        let off = |column: &str| match (seconds(&row[column]), seconds(&known[column])) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() > 0.3,
            _ => true,
        };
        start_off += usize::from(off("started_at"));
        end_off += usize::from(off("ended_at"));
    }
    assert_eq!((both, logs.len()), (3_997, 3_997));
    // Five were killed, which the database noticed later than the log; two sensors waited for their next poke.
    assert_eq!((start_off, end_off), (0, 7));
}

#[test]
fn a_log_tree_becomes_dozens_of_templates() {
    let world = World::new();
    world.ingest("x", &[&dataset("airflow-2.10.5-logs")]);
    let count = |query: &str| world.json(&["lake", "sql", query])["rows"][0]["n"].as_u64().expect("a count");
    assert_eq!(count("SELECT COUNT(*) AS n FROM log_events"), 80_245 + 44_706);
    let templates = count("SELECT COUNT(*) AS n FROM (SELECT DISTINCT template FROM log_events)");
    assert!((80..160).contains(&templates), "{templates} templates");
    let distinct = "SELECT COUNT(DISTINCT template) AS n FROM log_events";
    assert_eq!(count(distinct), templates);
    let errors = "SELECT COUNT(*) AS n FROM log_events WHERE level = 'ERROR' AND message IS NULL";
    assert_eq!(count(errors), 0, "the message of each error is kept");
}

#[test]
fn early_lines_have_the_template_that_later_ones_made_general() {
    let world = World::new();
    let lines: String = (0..60_000)
        .map(|n| {
            let table = if n < 59_000 { "dim_customer" } else { "dim_product" };
            format!(
                "[2026-11-24T12:{:02}:{:02}.000+0000] {{a.py:{n}}} INFO - loading into {table}\n",
                n / 3_000,
                n / 50 % 60
            )
        })
        .collect();
    let file = world.write("scheduler.log", lines);
    // Several sorted runs on disk, and the last rows in memory.
    let receipt = world.json(&["ingest", arg(&file), "--memory-limit", "12MB"]);
    assert_eq!(receipt["totals"]["rows_written"], 60_000, "{receipt:#}");
    let templates = world.sql("SELECT template, COUNT(*) AS n FROM log_events GROUP BY template");
    assert_eq!(templates, [serde_json::json!({"template": "loading into <*>", "n": 60_000})]);
}

#[test]
fn missing_pages_are_said() {
    let world = World::new();
    let page = dataset("airflow-2.10.5-rest/dagRuns_offset0.json.gz");
    let receipt = world.ingest("x", &[&page]);
    let warnings = receipt["warnings"].to_string();
    assert!(warnings.contains("100 of ") && warnings.contains("pages are missing"), "{warnings}");
}

#[test]
fn names_in_metrics_are_taken_apart_by_what_the_database_knows() {
    let world = World::new();
    world.ingest("x", &[&dataset("airflow-2.10.5")]);
    world.ingest("x", &[&dataset("airflow-2.10.5-metrics/statsd_raw_plain_filtered_first4000.txt.gz")]);
    let query = "SELECT labels, unit FROM metric_samples WHERE metric = 'airflow.task.duration'";
    let answer = world.json(&["lake", "sql", query]);
    let rows = answer["rows"].as_array().expect("rows");
    assert!(!rows.is_empty());
    let group = |row: &Value| row["labels"].as_str().expect("labels").contains("\"task_id\":\"extract.");
    assert!(rows.iter().any(group), "a task of a group: {:?}", rows.first());
    assert!(rows.iter().all(|row| row["unit"] == "seconds"));
}

#[test]
fn secrets_in_logs_do_not_reach_the_lake() {
    let world = World::new();
    let text = "[2026-11-24T11:26:22.394+0000] {hook.py:7} ERROR - cannot connect to postgresql://bob:hunter2@db:5432/x \
                password=hunter2 token: 'hunter2'\n";
    let path = world.write("logs/dag_id=d/run_id=r/task_id=t/attempt=1.log", text);
    world.ingest("x", &[&path]);
    let events = world.json(&["lake", "sql", "SELECT * FROM log_events"]);
    assert_eq!(events["rows"].as_array().map(Vec::len), Some(1));
    assert!(!events.to_string().contains("hunter2"), "{events:#}");
    for (name, bytes) in world.parts() {
        let found = bytes.windows(7).any(|window| window == b"hunter2");
        assert!(!found, "{name:?}");
    }
}
