//! Every recorded Airflow, each under a name of its own in one lake, against the figures of an independent reader.
//!
//! `tests/reference/independent_reader.py` says how its figures are defined. Where the lake decides otherwise on purpose,
//! the difference stands here as data.

use super::support::{World, count, dataset, json_file, list, number, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Deployment, which is also the name of the figures, and its files.
pub(crate) const DATASETS: [(&str, &str); 15] = [
    ("1.10.15", "airflow-1.10.15"),
    ("2.0.2-csv", "airflow-2.0.2-sqlite/csv"),
    ("2.0.2-sqlite-file", "airflow-2.0.2-sqlite/airflow.db"),
    ("2.5.3-csv", "airflow-2.5.3-sqlite/csv"),
    ("2.5.3-sqlite-file", "airflow-2.5.3-sqlite/airflow.db"),
    ("2.10.5", "airflow-2.10.5"),
    ("2.10.5-archive", "airflow-2.10.5-archive"),
    ("2.10.5-berlin", "airflow-2.10.5-berlin"),
    ("2.10.5-joined", "airflow-2.10.5-joined"),
    ("2.10.5-sqlite-csv", "airflow-2.10.5-sqlite/csv"),
    ("2.10.5-sqlite-file", "airflow-2.10.5-sqlite/airflow.db"),
    ("3.3.2", "airflow-3.3.2"),
    ("3.3.2-archive", "airflow-3.3.2-archive"),
    ("fixtures-archive", "export-archived"),
    ("fixtures-archive-3.3", "export-archived-3.3"),
];

/// `task_fail` rows that the lake takes for a known attempt and the independent reader, which wants the very same start,
/// does not: eight of a rescheduling sensor of 1.10, written up to a second before the attempt's first poke.
const RETOLD: [(&str, &str, u64); 1] = [("1.10.15", "orders_etl|wait_for_orders_export", 8)];

/// A run type that was renamed in Airflow 3 goes by its new name.
const RENAMED: (&str, &str) = ("dataset_triggered", "asset_triggered");

fn all_in_one_lake() -> World {
    let world = World::new();
    for (deployment, files) in DATASETS {
        let receipt = world.ingest(deployment, &[&dataset(files)]);
        adds_up(&receipt);
        assert!(count(&receipt["totals"]["rows_written"]) > 0, "{deployment}: {receipt}");
    }
    world
}

/// Rows read = written + duplicate + superseded + ignored + rejected, for each source and in all.
#[track_caller]
pub(crate) fn adds_up(receipt: &Value) {
    const KINDS: [&str; 5] = ["rows_written", "rows_duplicate", "rows_superseded", "rows_ignored", "rows_rejected"];
    let totals = &receipt["totals"];
    for rows in list(&receipt["sources"]).iter().chain([totals]) {
        let sum: u64 = KINDS.iter().map(|kind| count(&rows[kind])).sum();
        assert_eq!(count(&rows["rows_read"]), sum, "{rows:#}");
    }
    for kind in KINDS.into_iter().chain(["rows_read"]) {
        let sum: u64 = list(&receipt["sources"]).iter().map(|source| count(&source[kind])).sum();
        assert_eq!(count(&totals[kind]), sum, "{kind}: {receipt:#}");
    }
}

fn retold(deployment: &str, group: impl Fn(&str) -> bool) -> u64 {
    RETOLD.iter().filter(|(of, task, _)| *of == deployment && group(task)).map(|(_, _, n)| n).sum()
}

#[test]
fn attempts_states_and_runs_are_those_of_an_independent_reader() {
    let (world, figures) = (all_in_one_lake(), json_file("tests/reference/independent_figures.json"));
    let states = world.sql("SELECT deployment, state, COUNT(*) AS n FROM task_attempts GROUP BY deployment, state");
    let runs = world.sql("SELECT deployment, dag_id, run_type, source, COUNT(*) AS n FROM dag_runs GROUP BY deployment, dag_id, run_type, source");
    assert_eq!(figures.as_object().expect("figures").len(), DATASETS.len(), "a data set without a test");
    for (deployment, _) in DATASETS {
        let of = |row: &&Value| text(row, "deployment") == deployment;
        let (want, lost) = (&figures[deployment], retold(deployment, |_| true));
        let mut got: BTreeMap<String, u64> = BTreeMap::new();
        for row in states.iter().filter(of) {
            *got.entry(text(row, "state").replace('-', "none")).or_default() += count(&row["n"]);
        }
        assert_eq!(got.values().sum::<u64>(), count(&want["attempts_kept"]) - lost, "{deployment}: attempts");
        let mut wanted = counts(&want["per_state"]);
        wanted.entry("failed".to_owned()).and_modify(|n| *n -= lost);
        assert_eq!(got, wanted, "{deployment}: states");

        let mut got: BTreeMap<String, u64> = BTreeMap::new();
        for row in runs.iter().filter(of).filter(|row| text(row, "source") == "database") {
            *got.entry(format!("{}|{}", text(row, "dag_id"), text(row, "run_type"))).or_default() += count(&row["n"]);
        }
        assert_eq!(got, counts(&want["runs"]["per_dag_and_type"]), "{deployment}: runs");
    }
}

/// An object of counts, run types by their new names.
fn counts(object: &Value) -> BTreeMap<String, u64> {
    let entries = object.as_object().expect("an object").iter();
    entries.map(|(key, n)| (key.replace(RENAMED.0, RENAMED.1), count(n))).collect()
}

#[test]
fn durations_of_each_dag_and_task_are_those_of_an_independent_reader() {
    let (world, figures) = (all_in_one_lake(), json_file("tests/reference/independent_figures.json"));
    for (by, columns) in [("per_dag", "dag_id"), ("per_task", "dag_id, task_id")] {
        let rows = world.sql(&format!(
            "SELECT deployment, {columns}, COUNT(*) AS n, COUNT(duration_s) AS timed, SUM(duration_s) AS seconds \
             FROM task_attempts GROUP BY deployment, {columns}"
        ));
        let key = |row: &Value| match by {
            "per_dag" => text(row, "dag_id").to_owned(),
            _ => format!("{}|{}", text(row, "dag_id"), text(row, "task_id")),
        };
        for (deployment, _) in DATASETS {
            let got: BTreeMap<String, &Value> =
                rows.iter().filter(|row| text(row, "deployment") == deployment).map(|row| (key(row), row)).collect();
            let wanted = figures[deployment][by].as_object().expect("an object");
            assert_eq!(got.len(), wanted.len(), "{deployment}: {by}");
            for (name, want) in wanted {
                let (row, place) = (got[name], format!("{deployment} {name}"));
                let lost = retold(deployment, |task| task == name || task.starts_with(&format!("{name}|")));
                assert_eq!(count(&row["n"]), count(&want["attempts"]) - lost, "{place}: attempts");
                assert_eq!(count(&row["timed"]), count(&want["with_duration"]) - lost, "{place}: with a duration");
                if lost == 0 {
                    let seconds = row["seconds"].as_f64().unwrap_or(0.0);
                    let is = |name: &str| (seconds - number(&want[name])).abs() < 2e-6 * number(&want["attempts"]);
                    // `task_fail` holds whole seconds, cut off: its attempts have the span between their times.
                    let whole = figures[deployment]["per_source"].get("task_fail").is_some();
                    assert!(
                        is("duration_sum") || whole && fail_spans(want, seconds),
                        "{place}: {seconds} s, not {want}"
                    );
                }
            }
        }
    }
}

/// Are the seconds between the sum of durations with cut-off ones and the sum of spans?
fn fail_spans(want: &Value, seconds: f64) -> bool {
    (number(&want["duration_sum"])..=number(&want["span_sum"]) + 1e-3).contains(&seconds)
}

#[test]
fn runs_that_only_tasks_name_are_found_by_their_tasks() {
    let (world, figures) = (all_in_one_lake(), json_file("tests/reference/independent_figures.json"));
    let orphans = world.sql(
        "SELECT a.deployment, COUNT(*) AS n FROM (SELECT DISTINCT deployment, dag_id, run_id FROM task_attempts) AS a \
         LEFT JOIN (SELECT deployment, dag_id, run_id, state FROM dag_runs WHERE source = 'database') AS r \
         ON a.deployment = r.deployment AND a.dag_id = r.dag_id AND a.run_id = r.run_id \
         WHERE r.state IS NULL GROUP BY a.deployment",
    );
    for (deployment, _) in DATASETS {
        let want: u64 = counts(&figures[deployment]["runs"]["derived"]).values().sum();
        let got = orphans.iter().find(|row| text(row, "deployment") == deployment).map_or(0, |row| count(&row["n"]));
        assert_eq!(got, want, "{deployment}");
    }
}

#[test]
fn a_joined_export_tells_of_its_runs() {
    let (world, figures) = (World::new(), json_file("tests/reference/independent_figures.json"));
    world.ingest("joined", &[&dataset("airflow-2.10.5-joined")]);
    world.ingest("whole", &[&dataset("airflow-2.10.5")]);
    let runs = world.sql(
        "SELECT dag_id, run_type, COUNT(*) AS n FROM dag_runs WHERE deployment = 'joined' AND source = 'derived' \
         GROUP BY dag_id, run_type",
    );
    let got: BTreeMap<String, u64> = runs
        .iter()
        .map(|row| (format!("{}|{}", text(row, "dag_id"), text(row, "run_type")), count(&row["n"])))
        .collect();
    assert_eq!(got, counts(&figures["2.10.5-joined"]["runs"]["derived"]));
    let dates = |deployment: &str| {
        world.sql(&format!(
            "SELECT dag_id, run_id, run_type, logical_date, started_at, ended_at FROM dag_runs \
             WHERE deployment = '{deployment}' ORDER BY dag_id, run_id"
        ))
    };
    assert_eq!(dates("joined"), dates("whole"), "the same runs at the same times");
}

#[test]
fn the_lake_names_the_source_of_every_row() {
    let (world, mut wrong) = (all_in_one_lake(), Vec::new());
    for table in ["task_attempts", "dag_runs", "reschedules", "pools", "dags"] {
        let own = if table == "dag_runs" { "WHERE source = 'database'" } else { "" };
        let kept = world.sql(&format!("SELECT deployment, COUNT(*) AS n FROM {table} {own} GROUP BY deployment"));
        let told = world.sql(&format!(
            "SELECT deployment, SUM(rows_written) AS n FROM sources WHERE \"table\" = '{table}' GROUP BY deployment"
        ));
        for (deployment, _) in DATASETS {
            let of = |rows: &[Value]| {
                rows.iter().find(|row| text(row, "deployment") == deployment).map_or(0, |row| count(&row["n"]))
            };
            if of(&kept) != of(&told) {
                wrong.push(format!("{deployment}: {table} has {} rows, its sources say {}", of(&kept), of(&told)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_receipt_names_every_table_and_its_span() {
    let world = World::new();
    let receipt = world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    assert_eq!(receipt["deployment"], "prod");
    let tables =
        |source: &Value| (text(source, "kind").split(' ').next().map(str::to_owned), count(&source["rows_read"]));
    let got: BTreeMap<_, _> = list(&receipt["sources"]).iter().map(tables).collect();
    let want = [
        ("dag", 9),
        ("dag_run", 528),
        ("slot_pool", 8),
        ("task_fail", 74),
        ("task_instance", 4149),
        ("task_instance_history", 90),
        ("task_reschedule", 379),
    ];
    assert_eq!(got, want.map(|(name, n)| (Some(name.to_owned()), n)).into_iter().collect());
    let (from, to) = (text(&receipt["span"], "from"), text(&receipt["span"], "to"));
    assert!(from.starts_with("2026-11-24T11:33") && to.starts_with("2026-11-24T12:33"), "{from} to {to}");
    let views = world.sql("SELECT table, rows_read, rows_written FROM sources ORDER BY name");
    assert_eq!(views.len(), 7, "{views:?}");
}
