//! `lake sql` against SQLite: the same query over the same rows gives the same answer, or is refused.

use super::support::{World, dataset};
use serde_json::Value;

/// Queries that both engines understand.
const ANSWERED: [&str; 27] = [
    "SELECT count(*) FROM task_attempts",
    "SELECT count(*), count(*), count(DISTINCT dag_id) FROM dag_runs",
    "SELECT dag_id, count(*) FROM dag_runs GROUP BY dag_id ORDER BY count(*) DESC, dag_id",
    "SELECT dag_id, COUNT(*) AS n FROM dag_runs GROUP BY dag_id HAVING count(*) > 30 ORDER BY n, dag_id",
    "SELECT state, min(duration_s), max(duration_s), sum(duration_s) FROM task_attempts GROUP BY state",
    "SELECT dag_id, avg(duration_s) FROM task_attempts WHERE state = 'success' GROUP BY dag_id",
    "SELECT sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) FROM task_attempts",
    "SELECT dag_id, sum(pool_slots) FROM task_attempts GROUP BY dag_id",
    "SELECT r.dag_id, count(*) FROM dag_runs AS r JOIN task_attempts AS t ON r.run_id = t.run_id AND r.dag_id = t.dag_id \
     AND t.state = 'failed' GROUP BY r.dag_id",
    "SELECT t.dag_id, count(*) FROM task_attempts AS t JOIN dag_runs AS r ON r.run_id = t.run_id AND r.dag_id = t.dag_id \
     AND r.state = 'failed' AND t.state = 'success' GROUP BY t.dag_id",
    "SELECT r.dag_id, count(*) FROM dag_runs AS r JOIN task_attempts AS t ON r.run_id = t.run_id AND r.dag_id = t.dag_id \
     WHERE t.state = 'failed' OR r.state = 'failed' GROUP BY r.dag_id",
    "SELECT r.dag_id, count(t.task_id) FROM dag_runs AS r LEFT JOIN (SELECT * FROM task_attempts WHERE state = 'failed') AS t \
     ON r.run_id = t.run_id AND r.dag_id = t.dag_id GROUP BY r.dag_id",
    "WITH f AS (SELECT dag_id, run_id FROM task_attempts WHERE state = 'failed') SELECT dag_id, count(*) FROM f GROUP BY dag_id",
    "SELECT n, sum(n) OVER () AS total FROM (SELECT dag_id, count(*) AS n FROM dag_runs GROUP BY dag_id)",
    "SELECT dag_id, n FROM (SELECT dag_id, count(*) AS n FROM dag_runs GROUP BY dag_id) WHERE n > 40",
    "SELECT DISTINCT dag_id, state FROM dag_runs",
    "SELECT dag_id FROM dag_runs UNION SELECT task_id FROM task_attempts",
    "SELECT count(*) FROM task_attempts WHERE pool IS NULL OR pool LIKE 'default%'",
    "SELECT count(*) FROM task_attempts WHERE duration_s BETWEEN 1 AND 5",
    "SELECT count(*) FROM task_attempts WHERE state NOT IN ('success', 'failed')",
    "SELECT count(*) FROM task_attempts WHERE dag_id IN (SELECT dag_id FROM dag_runs WHERE state = 'failed')",
    "SELECT task_id, rank() OVER (PARTITION BY dag_id ORDER BY n DESC) AS place FROM (SELECT dag_id, task_id, count(*) AS n FROM \
     task_attempts WHERE state = 'failed' GROUP BY dag_id, task_id)",
    "SELECT upper(dag_id) AS name, length(dag_id) AS n FROM dag_runs GROUP BY dag_id",
    "SELECT coalesce(operator, 'none') AS o, count(*) FROM task_attempts GROUP BY o",
    "SELECT try_number, count(*) FROM task_attempts GROUP BY try_number ORDER BY try_number LIMIT 3",
    "SELECT max(n) FROM (SELECT run_id, count(*) AS n FROM task_attempts GROUP BY run_id)",
    "SELECT round(sum(queue_wait_s), 3) FROM task_attempts",
];

/// Queries that the engine would answer wrongly.
const REFUSED: [&str; 6] = [
    "SELECT sum(1) FROM task_attempts",
    "SELECT dag_id, sum(count(*)) OVER () AS n FROM task_attempts GROUP BY dag_id",
    "SELECT r.dag_id, count(*) AS n FROM dag_runs AS r LEFT JOIN task_attempts AS t ON r.run_id = t.run_id AND t.state = 'failed' \
     GROUP BY r.dag_id",
    "SELECT dag_id FROM dag_runs QUALIFY row_number() OVER (PARTITION BY dag_id ORDER BY run_id) = 1",
    "SELECT dag_id FROM dag_runs UNION ALL SELECT dag_id FROM task_attempts ORDER BY count(*)",
    "SELECT array_agg(dag_id) AS a FROM dag_runs",
];

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{:.6}", number.as_f64().expect("a number")),
        Value::Null => "null".to_owned(),
        other => other.as_str().map_or_else(|| other.to_string(), str::to_owned),
    }
}

/// A table of the lake as one of SQLite.
fn copy(world: &World, table: &str, into: &rusqlite::Connection) {
    let rows = world.sql(&format!("SELECT * FROM {table}"));
    let columns: Vec<&String> = rows[0].as_object().expect("a row").keys().collect();
    let names = columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    into.execute(&format!("CREATE TABLE {table} ({names})"), []).expect("a table");
    let places = vec!["?"; columns.len()].join(", ");
    let mut insert = into.prepare(&format!("INSERT INTO {table} VALUES ({places})")).expect("a statement");
    for row in &rows {
        let values = columns.iter().map(|name| match &row[*name] {
            Value::Null => rusqlite::types::Value::Null,
            Value::Number(number) if number.is_i64() => {
                rusqlite::types::Value::Integer(number.as_i64().expect("whole"))
            }
            Value::Number(number) => rusqlite::types::Value::Real(number.as_f64().expect("a number")),
            other => rusqlite::types::Value::Text(text(other)),
        });
        insert.execute(rusqlite::params_from_iter(values)).expect("a row");
    }
}

fn theirs(sqlite: &rusqlite::Connection, query: &str) -> Vec<Vec<String>> {
    let mut statement = sqlite.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns)
            .map(|column| {
                Ok(match row.get::<_, rusqlite::types::Value>(column)? {
                    rusqlite::types::Value::Null => "null".to_owned(),
                    rusqlite::types::Value::Integer(value) => format!("{:.6}", value as f64),
                    rusqlite::types::Value::Real(value) => format!("{value:.6}"),
                    rusqlite::types::Value::Text(value) => value,
                    rusqlite::types::Value::Blob(_) => panic!("no bytes here"),
                })
            })
            .collect()
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn answers_are_those_of_sqlite() {
    let world = World::new();
    world.ingest(
        "x",
        &["task_instance", "dag_run"]
            .map(|name| dataset(&format!("airflow-2.10.5/{name}.csv.gz")))
            .each_ref()
            .map(|path| path.as_path()),
    );
    let sqlite = rusqlite::Connection::open_in_memory().expect("SQLite");
    for table in ["task_attempts", "dag_runs"] {
        copy(&world, table, &sqlite);
    }
    for query in ANSWERED {
        let rows = world.sql(query);
        let mut ours: Vec<Vec<String>> =
            rows.iter().map(|row| row.as_object().expect("a row").values().map(text).collect()).collect();
        let mut theirs = theirs(&sqlite, query);
        let is_ordered = query.rsplit(" FROM ").next().is_some_and(|end| end.contains("ORDER BY"));
        if !is_ordered {
            ours.sort();
            theirs.sort();
        }
        assert!(!ours.is_empty(), "{query}");
        assert_eq!(ours, theirs, "{query}");
    }
    for query in REFUSED {
        let run = world.run(&["lake", "sql", query]).exits(1);
        assert!(run.stdout.is_empty() && run.stderr.chars().count() < 400, "{run:#?}");
    }
}
