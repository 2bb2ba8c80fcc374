//! `export-sql`: the script that a database's own client runs to export what `ingest` reads.

use super::Context;
use crate::{
    cli::{
        args::{Dialect, ExportSql},
        exit::{Error, Outcome},
    },
    ingest::columns_read,
};

pub(super) fn run(context: &Context<'_>, args: &ExportSql) -> Result<Outcome, Error> {
    // A line break would end the comment, the command or the name that the folder is written into.
    if args.dir.is_empty() || args.dir.contains(char::is_control) {
        return Err(Error::Usage("--dir must name a folder, without control characters".to_owned()));
    }
    context.console.print(&script(args.dialect, args.airflow, args.since, &args.dir))?;
    Ok(Outcome::Fine)
}

/// A table, and what is exported of it.
struct Table {
    name: &'static str,
    /// Major versions of Airflow that may have it.
    airflow: std::ops::RangeInclusive<u8>,
    rows: Rows,
}

/// Rows that are exported where only history since a date is wanted.
#[derive(Clone, Copy)]
enum Rows {
    /// All: a state, not a history.
    All,
    /// Of runs.
    Run,
    /// Of what belongs to a run.
    OfRun,
    /// Of what belongs to an attempt, which alone knows the run.
    OfAttempt,
}

const TABLES: [Table; 10] = [
    Table { name: "dag_run", airflow: 1..=3, rows: Rows::Run },
    Table { name: "task_instance", airflow: 1..=3, rows: Rows::OfRun },
    Table { name: "task_instance_history", airflow: 2..=3, rows: Rows::OfRun },
    Table { name: "task_fail", airflow: 1..=2, rows: Rows::OfRun },
    Table { name: "task_reschedule", airflow: 1..=2, rows: Rows::OfRun },
    Table { name: "task_reschedule", airflow: 3..=3, rows: Rows::OfAttempt },
    Table { name: "slot_pool", airflow: 1..=3, rows: Rows::All },
    Table { name: "dag", airflow: 1..=3, rows: Rows::All },
    Table { name: "dag_tag", airflow: 2..=3, rows: Rows::All },
    Table { name: "serialized_dag", airflow: 2..=3, rows: Rows::All },
];

fn script(dialect: Dialect, airflow: u8, since: Option<jiff::civil::Date>, dir: &str) -> String {
    let (frame, part) = match dialect {
        Dialect::Postgres => (include_str!("sql/postgres.sql"), include_str!("sql/postgres_table.sql")),
        Dialect::Mysql => (include_str!("sql/mysql.sql"), include_str!("sql/mysql_table.sql")),
        Dialect::Sqlite => (include_str!("sql/sqlite.sql"), include_str!("sql/sqlite_table.sql")),
    };
    let dir = path(dir);
    let of_airflow = TABLES.iter().filter(|table| table.airflow.contains(&airflow));
    let parts: Vec<String> = of_airflow.map(|table| export(dialect, part, table, since, &dir)).collect();
    let (make_folder, remove_script) = folder_of_sqlite(&dir);
    let note =
        since.map(|date| format!("--\n-- Only runs that were active on or after {date} (UTC), and their attempts.\n"));
    fill(
        frame,
        &[
            ("airflow", &airflow.to_string()),
            ("fingerprint", fingerprint(airflow)),
            ("shell_dir", &shell(&dir)),
            ("note", &note.unwrap_or_default()),
            ("make_folder", &make_folder),
            ("script", &double_quoted(&format!("{dir}/{GENERATED}"))),
            ("remove_script", &remove_script),
            ("tables", &parts.concat()),
        ],
    )
}

/// Script that sqlite3 writes for itself beside the exports. Hidden, so that `ingest` passes it over.
const GENERATED: &str = ".export.sql";

/// How sqlite3 makes the folder before, and removes what it wrote for itself after.
fn folder_of_sqlite(dir: &str) -> (String, String) {
    let (quoted, generated) = (shell(dir), shell(&format!("{dir}/{GENERATED}")));
    if quoted == dir {
        return (format!(".system mkdir -p {dir}"), format!(".system rm {generated}"));
    }
    // The client quotes what it hands to the shell, and not safely.
    (format!("-- Make the folder before: mkdir -p -- {quoted}"), format!("-- Of no further use: {generated}"))
}

/// The part of the script that exports one table.
fn export(dialect: Dialect, part: &str, table: &Table, since: Option<jiff::civil::Date>, dir: &str) -> String {
    let file = format!("{dir}/{}.csv", table.name);
    let rows = since.map(|date| condition(table.rows, date)).unwrap_or_default();
    let (file, rows) = match dialect {
        Dialect::Postgres => (backslash_quoted(&file), fill(&rows, &[("key", ":key")])),
        // The two others put the statement together as a text of SQL.
        Dialect::Mysql => (file, fill(&doubled(&rows), &[("key", "', @key, '")])),
        Dialect::Sqlite => (doubled(&double_quoted(&file)), fill(&doubled(&rows), &[("key", SQLITE_KEY)])),
    };
    // The script takes those that the database has.
    let columns = columns_read(table.name);
    let names = format!("'{}'", columns.replace(',', "', '"));
    let values = [("table", table.name), ("columns", columns), ("names", &names), ("file", &file), ("where", &rows)];
    fill(part, &values)
}

const SQLITE_KEY: &str = "' || CASE max(name = 'run_id') WHEN 1 THEN 'run_id' ELSE 'execution_date' END || '";

/// Those of three columns of `dag_run` that tell the major versions apart, by name.
fn fingerprint(airflow: u8) -> &'static str {
    match airflow {
        1 => "execution_date",
        2 => "execution_date,run_type",
        _ => "logical_date,run_type",
    }
}

/// Runs that were active on or after the date are exported whole, and what else started or ended then. `{{key}}` is the
/// column that leads from `t` to its run, which changed within Airflow 2.
fn condition(rows: Rows, since: jiff::civil::Date) -> String {
    let active = |of: &str| format!("{of}.start_date >= '{since} 00:00:00' OR {of}.end_date >= '{since} 00:00:00'");
    let run = |of: &str| format!("{} OR {of}.state NOT IN ('success', 'failed')", active(of));
    let belongs = match rows {
        Rows::All => return String::new(),
        Rows::Run => return format!(" WHERE {}", run("t")),
        Rows::OfRun => "dag_run AS r WHERE r.dag_id = t.dag_id AND r.{{key}} = t.{{key}}",
        Rows::OfAttempt => {
            "task_instance AS i JOIN dag_run AS r ON r.dag_id = i.dag_id AND r.run_id = i.run_id WHERE i.id = t.ti_id"
        }
    };
    format!(" WHERE {} OR EXISTS (SELECT 1 FROM {belongs} AND ({}))", active("t"), run("r"))
}

/// Puts values for `{{name}}` in one pass, so that a value which looks like a name stays what it is.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut pieces = template.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        text.extend(values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value));
        text.push_str(rest);
    }
    text
}

/// The clients take a name that begins with `|`, `-`, `(` or `~` for something else than a file.
fn path(dir: &str) -> String {
    let dir = if dir.len() > 1 { dir.trim_end_matches('/') } else { dir };
    let plain = dir.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_'));
    if plain { dir.to_owned() } else { format!("./{dir}") }
}

/// For a shell of Unix; as it is where nothing in it means anything to a shell.
pub(super) fn shell(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-'));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// For a command of psql.
fn backslash_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', "''"))
}

/// For a command of sqlite3.
fn double_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// For the inside of a text of SQL.
fn doubled(text: &str) -> String {
    text.replace('\'', "''")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Dialect; 3] = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];

    fn since() -> Option<jiff::civil::Date> {
        Some(jiff::civil::date(2026, 11, 1))
    }

    #[test]
    fn each_version_exports_the_tables_it_has() {
        for dialect in ALL {
            for airflow in 1..=3 {
                let script = script(dialect, airflow, None, "exports");
                let has = |table: &str| script.contains(&format!("FROM {table} AS t"));
                assert!(["task_instance", "dag_run", "slot_pool", "task_reschedule", "dag"].into_iter().all(has));
                assert_eq!(["task_instance_history", "dag_tag", "serialized_dag"].map(has), [airflow > 1; 3]);
                assert_eq!(has("task_fail"), airflow < 3);
                assert!(!script.contains("{{") && !script.contains("}}") && !script.contains("WHERE t."), "{script}");
            }
        }
    }

    #[test]
    fn no_column_that_may_hold_a_secret_is_named() {
        let secret =
            ["executor_config", "conf", "next_kwargs", "context_carrier", "unixname", "rendered_fields", "val"];
        for table in TABLES {
            assert!(!columns_read(table.name).split(',').any(|column| secret.contains(&column)), "{}", table.name);
        }
    }

    #[test]
    fn a_date_keeps_runs_whole_and_leaves_states_alone() {
        for (dialect, quote, key) in [(ALL[0], "'", ":key"), (ALL[1], "''", "', @key, '"), (ALL[2], "''", SQLITE_KEY)] {
            let script = script(dialect, 2, since(), "exports");
            let run =
                format!("FROM dag_run AS t WHERE t.start_date >= {quote}2026-11-01 00:00:00{quote} OR t.end_date");
            assert!(script.contains(&run), "{script}");
            assert!(script.contains(&format!("r.dag_id = t.dag_id AND r.{key} = t.{key} AND (")), "{script}");
            assert!(!script.contains("FROM slot_pool AS t WHERE"));
        }
        assert!(script(Dialect::Postgres, 3, since(), "exports").contains("WHERE i.id = t.ti_id AND (r.start_date"));
    }

    #[test]
    fn a_folder_is_quoted_for_each_client() {
        let dir = r#"it's \"$x";{{table}}"#;
        let postgres = script(Dialect::Postgres, 3, None, dir);
        assert!(postgres.contains(r#"\g 'it''s \\"$x";{{table}}/dag.csv'"#), "{postgres}");
        assert!(postgres.contains(r#"\! mkdir -p -- 'it'\''s \"$x";{{table}}'"#), "{postgres}");
        assert!(script(Dialect::Mysql, 3, None, dir).contains(r#"( cd -- 'it'\''s \"$x";{{table}}' && awk"#));
        let sqlite = script(Dialect::Sqlite, 3, None, dir);
        assert!(sqlite.contains(r#"'.output "it''s \\\"$x\";{{table}}/dag.csv"'"#), "{sqlite}");
        assert!(!sqlite.contains(".system"), "{sqlite}");
        assert!(script(Dialect::Sqlite, 3, None, "exports/").contains("\n.system mkdir -p exports\n"));
        assert_eq!(["|sh", "-x", "/", "a//", "."].map(path), ["./|sh", "./-x", "/", "a", "."]);
    }
}
