//! One history in two forms gives the same rows: CSV and SQLite, UTC and a time zone.

use super::support::{World, dataset, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows of a table of a deployment, without the deployment.
fn rows(world: &World, table: &str, deployment: &str) -> Vec<String> {
    let mut rows: Vec<String> = world
        .sql(&format!("SELECT * FROM {table} WHERE deployment = '{deployment}'"))
        .into_iter()
        .map(|mut row| {
            let columns = row.as_object_mut().expect("a row");
            columns.shift_remove("deployment");
            // Counts the ingests of this lake.
            columns.shift_remove("revision");
            row.to_string()
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn csv_and_the_database_file_give_the_same_rows() {
    for version in ["2.0.2", "2.5.3", "2.10.5"] {
        let world = World::new();
        world.ingest("csv", &[&dataset(&format!("airflow-{version}-sqlite/csv"))]);
        world.ingest("db", &[&dataset(&format!("airflow-{version}-sqlite/airflow.db"))]);
        for table in ["task_attempts", "dag_runs", "pools", "reschedules"] {
            let (csv, db) = (rows(&world, table, "csv"), rows(&world, table, "db"));
            let first = csv.iter().zip(&db).find(|(a, b)| a != b);
            assert!(csv == db, "{version} {table}: {} and {} rows; {first:#?}", csv.len(), db.len());
            assert!(!csv.is_empty() || table == "reschedules", "{version} {table}");
        }
    }
}

/// The history that the tests of PostgreSQL, REST and scheduler logs compare with its CSV, as a database file too: one run in
/// five forms.
#[test]
fn the_history_of_the_other_forms_as_a_database_file() {
    let (world, folder) = (World::new(), dataset("airflow-2.10.5"));
    let path = world.path("airflow.db");
    let mut database = rusqlite::Connection::open(&path).expect("a database file");
    for file in std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let Some(table) = name.strip_suffix(".csv.gz") else { continue };
        let text = super::idempotent::unpacked(&file);
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header = reader.headers().expect("a header").clone();
        let columns: Vec<String> = header.iter().map(|column| format!("\"{column}\"")).collect();
        database.execute(&format!("CREATE TABLE {table} ({})", columns.join(", ")), []).expect("a table");
        let transaction = database.transaction().expect("a transaction");
        let marks = vec!["?"; columns.len()].join(", ");
        for record in reader.records() {
            // SQLite keeps UTC and does not say so.
            let value = |field: &str| match field.strip_suffix("+00").filter(|at| at.len() >= 19) {
                _ if field.is_empty() => None,
                Some(instant) => Some(instant.to_owned()),
                None => Some(field.to_owned()),
            };
            let values: Vec<Option<String>> = record.expect("a record").iter().map(value).collect();
            let insert = format!("INSERT INTO {table} VALUES ({marks})");
            transaction.execute(&insert, rusqlite::params_from_iter(values)).expect("a row");
        }
        transaction.commit().expect("written");
    }
    drop(database);
    world.ingest("csv", &[&folder]);
    world.ingest("db", &[&path]);
    for table in ["task_attempts", "dag_runs", "pools", "dags", "reschedules"] {
        let (csv, db) = (rows(&world, table, "csv"), rows(&world, table, "db"));
        let first = csv.iter().zip(&db).find(|(a, b)| a != b);
        assert!(csv == db, "{table}: {} and {} rows; {first:#?}", csv.len(), db.len());
        assert!(!csv.is_empty(), "{table}");
    }
}

#[test]
fn csv_into_the_lake_of_the_database_file_adds_nothing() {
    for version in ["2.0.2", "2.5.3", "2.10.5"] {
        let world = World::new();
        world.ingest("x", &[&dataset(&format!("airflow-{version}-sqlite/airflow.db"))]);
        let before = world.parts();
        let receipt = world.ingest("x", &[&dataset(&format!("airflow-{version}-sqlite/csv"))]);
        assert_eq!(receipt["totals"]["rows_written"], 0, "{version}: {receipt:#}");
        assert!(world.parts() == before, "{version}: parts changed");
    }
}

#[test]
fn a_time_zone_changes_the_text_and_not_the_instants() {
    let world = World::new();
    world.ingest("berlin", &[&dataset("airflow-2.10.5-berlin")]);
    world.ingest("whole", &[&dataset("airflow-2.10.5").join("task_instance.csv.gz")]);
    let of = |deployment: &str| -> BTreeMap<String, Value> {
        let rows = world
            .sql(&format!("SELECT * FROM task_attempts WHERE deployment = '{deployment}' AND dag_id = 'users_sync'"));
        let key = |row: &Value| {
            format!("{} {} {} {}", text(row, "run_id"), text(row, "task_id"), row["map_index"], row["try_number"])
        };
        rows.into_iter()
            .map(|mut row| {
                row.as_object_mut().expect("a row").shift_remove("deployment");
                (key(&row), row)
            })
            .collect()
    };
    let (berlin, whole) = (of("berlin"), of("whole"));
    assert_eq!(berlin.len(), 200);
    for (key, row) in &berlin {
        assert_eq!(Some(row), whole.get(key), "{key}");
    }
}

#[test]
fn a_view_has_the_columns_of_the_contract() {
    let world = World::new();
    world.ingest("x", &[&dataset("airflow-3.3.2")]);
    let columns = |table: &str| -> Vec<String> {
        let rows = world.sql(&format!("SELECT * FROM {table} LIMIT 1"));
        rows[0].as_object().expect("a row").keys().cloned().collect()
    };
    let wanted = [
        (
            "task_attempts",
            "deployment dag_id run_id task_id map_index try_number state operator pool pool_slots queue priority_weight \
             hostname executor logical_date scheduled_at queued_at started_at ended_at duration_s queue_wait_s \
             scheduling_delay_s updated_at source",
        ),
        (
            "dag_runs",
            "deployment dag_id run_id run_type state logical_date run_after queued_at started_at ended_at duration_s source",
        ),
    ];
    for (table, names) in wanted {
        let got = columns(table);
        assert_eq!(got.first().map(String::as_str), Some("deployment"), "{table}");
        for name in names.split_whitespace() {
            assert!(got.iter().any(|column| column == name), "{table} lacks {name}: {got:?}");
        }
    }
    let sane = world.sql(
        "SELECT COUNT(*) AS n FROM task_attempts WHERE queue_wait_s IS NOT NULL AND scheduling_delay_s IS NOT NULL \
         AND logical_date IS NOT NULL",
    );
    assert!(sane[0]["n"].as_u64().is_some_and(|n| n > 100), "{sane:?}");
}
