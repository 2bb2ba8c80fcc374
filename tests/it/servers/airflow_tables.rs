//! The recorded Airflow as tables of a server: what its exports hold, in columns of the types that Airflow gives them.

use super::{Kind, Server};
use crate::support::dataset;
use flate2::read::GzDecoder;
use std::fs::File;

/// Tables with their primary keys, in an order in which each row finds what it refers to.
const TABLES: [(&str, &str); 7] = [
    ("dag", "dag_id"),
    ("slot_pool", "id"),
    ("dag_run", "id"),
    ("task_instance", "dag_id, task_id, run_id, map_index"),
    ("task_instance_history", "id"),
    ("task_fail", "id"),
    ("task_reschedule", "id"),
];
/// Columns that hold pickles and the like. Nobody but the owner may read them.
const SECRET: [&str; 4] = ["conf", "executor_config", "next_kwargs", "unixname"];

impl Server {
    /// A database with the tables of the recorded Airflow 2.10.5. `reader` may see what holds no secrets.
    pub(crate) fn load_airflow(&self, database: &str) {
        self.sql("", &format!("CREATE DATABASE {database}"));
        for (table, key) in TABLES {
            let file = File::open(dataset("airflow-2.10.5").join(format!("{table}.csv.gz"))).expect("an export");
            let mut export = csv::Reader::from_reader(GzDecoder::new(file));
            let header: Vec<String> = export.headers().expect("a header").iter().map(str::to_owned).collect();
            let rows: Vec<csv::StringRecord> = export.records().collect::<Result<_, _>>().expect("rows");
            self.sql(database, &self.script(table, key, &header, &rows));
        }
    }

    fn script(&self, table: &str, key: &str, header: &[String], rows: &[csv::StringRecord]) -> String {
        let types: Vec<&str> = header.iter().map(|name| type_of(self.kind, table, name)).collect();
        let columns: Vec<String> = header.iter().zip(&types).map(|(name, of)| format!("{name} {of}")).collect();
        let mut script = format!("CREATE TABLE {table} ({}, PRIMARY KEY ({key}));\n", columns.join(", "));
        let readable: Vec<&str> = header.iter().map(String::as_str).filter(|name| !SECRET.contains(name)).collect();
        script.push_str(&format!("GRANT SELECT ({}) ON {table} TO reader;\n", readable.join(", ")));
        script.push_str(if self.kind == Kind::Mariadb {
            "SET time_zone = '+00:00', sql_mode = 'NO_BACKSLASH_ESCAPES';\n"
        } else {
            ""
        });
        for rows in rows.chunks(500) {
            let rows = rows.iter().map(|row| {
                let values: Vec<String> = row.iter().zip(&types).map(|(value, of)| literal(value, of)).collect();
                format!("({})", values.join(", "))
            });
            script.push_str(&format!("INSERT INTO {table} VALUES {};\n", rows.collect::<Vec<_>>().join(",\n")));
        }
        script
    }
}

/// A value as an export has it. MySQL takes neither a zone in a time nor letters for a truth.
fn literal(value: &str, of: &str) -> String {
    match (of, value) {
        (_, "") => "NULL".to_owned(),
        ("TINYINT(1)", _) => u8::from(value == "t").to_string(),
        ("TIMESTAMP(6) NULL", _) => format!("'{}'", value.trim_end_matches("+00")),
        ("BLOB", _) => format!("x'{}'", value.trim_start_matches("\\x")),
        _ => format!("'{}'", value.replace('\'', "''")),
    }
}

fn type_of(kind: Kind, table: &str, column: &str) -> &'static str {
    let postgres = kind == Kind::Postgres;
    let pick = |of_postgres, of_mysql| if postgres { of_postgres } else { of_mysql };
    match column {
        "dag_id" | "task_id" | "run_id" => {
            pick("VARCHAR(250)", "VARCHAR(250) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin")
        }
        "duration" if table == "task_fail" => "INTEGER",
        "duration" => pick("DOUBLE PRECISION", "FLOAT"),
        "conf" | "executor_config" => pick("BYTEA", "BLOB"),
        "description" | "schedule_interval" | "next_kwargs" | "dataset_expression" => "TEXT",
        "external_trigger" | "include_deferred" | "scheduler_lock" => pick("BOOLEAN", "TINYINT(1)"),
        name if name.starts_with("is_") || name.starts_with("has_") => pick("BOOLEAN", "TINYINT(1)"),
        name if ["_date", "_dttm", "_at"].iter().any(|end| name.ends_with(end)) => time(postgres),
        name if ["last_", "next_dagrun", "data_interval"].iter().any(|start| name.starts_with(start)) => time(postgres),
        "id" | "pid" | "slots" | "map_index" | "try_number" | "max_tries" | "pool_slots" | "priority_weight" => {
            "INTEGER"
        }
        name if name.ends_with("job_id") || name.starts_with("max_") || name == "clear_number" => "INTEGER",
        _ => "VARCHAR(2000)",
    }
}

fn time(postgres: bool) -> &'static str {
    if postgres { "TIMESTAMP WITH TIME ZONE" } else { "TIMESTAMP(6) NULL" }
}
