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

/// The run of the first row of a batch that is read back gets its own id, in a group too large for memory: no row changes but
/// that one. (Its neighbours once took the texts of other rows.)
#[test]
fn a_run_that_gets_its_own_id_leaves_its_neighbours_alone() {
    use super::support::arg;
    let (world, rows) = (World::new(), 8_192);
    let start = |n: usize| format!("2019-01-{:02} {:02}:{:02}:00+00", 1 + n / 1_440, n / 60 % 24, n % 60);
    let header = "task_id,dag_id,execution_date,start_date,end_date,state,try_number,hostname";
    let attempts: Vec<String> = (0..rows).map(|n| format!("t,d,{0},{0},{0},success,1,host{n}", start(n))).collect();
    let attempts = world.write("task_instance.csv", format!("{header}\n{}\n", attempts.join("\n")));
    let named = 4_096;
    let run = format!(
        "id,dag_id,execution_date,state,run_id,start_date,end_date\n1,d,{0},success,manual_{named},{0},{0}\n",
        start(named)
    );
    let run = world.write("dag_run.csv", run);
    for file in [&attempts, &run] {
        world.run(&["ingest", "--memory-limit", "1MB", arg(file)]).exits(0);
    }
    let of = |row: &Value, column: &str| text(row, column).to_owned();
    let mut hosts: Vec<(String, String)> = world
        .sql("SELECT run_id, hostname, strftime(started_at, '%Y-%m-%d %H:%M:00+00') AS at FROM task_attempts")
        .iter()
        .map(|row| (of(row, "at"), of(row, "hostname")))
        .collect();
    hosts.sort();
    let want: Vec<(String, String)> = (0..rows).map(|n| (start(n), format!("host{n}"))).collect();
    assert!(hosts == want, "{} rows of {rows}; {:?}", hosts.len(), hosts.iter().zip(&want).find(|(a, b)| a != b));
    let own = world.sql(&format!("SELECT hostname FROM task_attempts WHERE run_id = 'manual_{named}'"));
    assert_eq!(own.len(), 1);
    assert_eq!(of(&own[0], "hostname"), format!("host{named}"));
}
