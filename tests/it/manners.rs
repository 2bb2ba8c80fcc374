//! How the program behaves as a command: help, exit codes, what goes to which stream, no colours where nobody sees them.

use super::{
    support::{Run, World, arg, dataset, windtunnel},
    synthetic::{Story, dag_runs, task_instances},
};
use std::{io::Read, process::Stdio};

const COMMANDS: [&str; 12] = [
    "weekly",
    "demo",
    "ingest",
    "export-sql",
    "lake",
    "analyze",
    "report",
    "config",
    "doctor",
    "schema",
    "completions",
    "man",
];

/// A small history: one DAG, forty runs.
fn small() -> World {
    let (world, stories) = (World::new(), [Story::new("shop"), Story::new("bank")]);
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.run(&["ingest", "--quiet", "in"]).exits(0);
    world
}

/// Every command that gives an answer.
const ANSWERS: [&[&str]; 9] = [
    &["weekly", "in"],
    &["ingest", "in"],
    &["lake", "ls"],
    &["lake", "verify"],
    &["lake", "sql", "SELECT COUNT(*) AS n FROM task_attempts"],
    &["analyze"],
    &["report"],
    &["config", "show"],
    &["doctor"],
];

fn is_plain(run: &Run) -> bool {
    !run.says().chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

#[test]
fn every_command_has_help() {
    let world = World::new();
    let whole = world.run(&["--help"]).exits(0);
    for command in COMMANDS {
        assert!(whole.stdout.contains(command), "--help does not list {command}");
        let help = world.run(&[command, "--help"]).exits(0);
        assert!(
            help.stdout.contains("Usage: ") && help.stdout.contains("--lake") && help.stderr.is_empty(),
            "{help:#?}"
        );
        assert!(!help.stdout.contains('\u{1b}'), "{help:#?}");
        let has_commands = help.stdout.contains("Commands:");
        assert!(help.stdout.contains("Example") || has_commands, "{help:#?}");
        assert_eq!(help.stdout, world.run(&["help", command]).exits(0).stdout, "help {command}");
    }
    assert!(whole.stdout.contains("0 fine") && whole.stdout.contains("windtunnel demo"), "{whole:#?}");
    let version = world.run(&["--version"]).exits(0);
    assert!(version.stdout.starts_with("windtunnel ") && version.stdout.lines().count() == 1, "{version:#?}");
}

#[test]
fn a_usage_error_exits_with_1_and_says_why_on_stderr() {
    let world = World::new();
    for args in [
        &[][..],
        &["no-such-command"],
        &["ingest"],
        &["weekly"],
        &["analyze", "--no-such-option"],
        &["analyze", "--axis", "sideways"],
        &["analyze", "--window", "a week"],
        &["analyze", "--window", "0d"],
        &["analyze", "--window", "-7d"],
        &["analyze", "--seed", "x"],
        &["analyze", "--threads", "0"],
        &["analyze", "--threads", "1000"],
        &["lake"],
        &["lake", "sql"],
        &["schema", "nothing"],
        &["completions", "cmd.exe"],
        &["export-sql"],
        &["export-sql", "--dialect", "oracle", "--airflow", "2"],
        &["export-sql", "--dialect", "postgres", "--airflow", "9"],
    ] {
        let run = world.run(args).exits(1);
        assert!(run.stdout.is_empty() && run.stderr.len() > 20, "{args:?}: {run:#?}");
    }
}

#[test]
fn a_query_that_cannot_be_run_is_an_error_and_not_a_panic() {
    let world = small();
    for query in [
        "",
        "SELEC 1",
        "SELECT * FROM nothing",
        "SELECT nothing FROM task_attempts",
        "DROP TABLE dag_runs",
        "SELECT 1; SELECT 2",
    ] {
        let run = world.run(&["lake", "sql", query]);
        assert!(run.code == Some(1) || query.contains("; ") || query.starts_with("DROP"), "{query}: {run:#?}");
        assert!(!run.stderr.contains("panicked"), "{query}: {run:#?}");
    }
    world.verify();
    let empty = world.json(&["lake", "sql", "SELECT dag_id FROM dag_runs WHERE dag_id = 'none'"]);
    assert_eq!(empty["rows"], serde_json::json!([]));
}

#[test]
fn under_json_stdout_is_one_document() {
    let world = small();
    for args in ANSWERS {
        let run = world.run(&[args, &["--json"]].concat()).exits(0);
        assert!(run.json().is_object() && run.stdout.ends_with("}\n"), "{args:?}");
    }
    for common in [&["--json", "--quiet"][..], &["--json", "--color", "always"], &["--json", "--no-progress"]] {
        for args in [&["lake", "ls"][..], &["analyze"], &["doctor"]] {
            world.run(&[args, common].concat()).exits(0).json();
        }
    }
    let failed = World::new().run(&["lake", "ls", "--json"]);
    assert!(failed.code == Some(1) && failed.stdout.is_empty() && failed.stderr.contains("no lake"), "{failed:#?}");
}

#[test]
fn the_list_of_schemas_is_a_document_too() {
    World::new().run(&["schema", "--json"]).exits(0).json();
}

#[test]
fn quiet_says_nothing_but_what_was_asked_for_and_errors() {
    let world = small();
    for args in [&["weekly", "in"][..], &["ingest", "in"], &["analyze"], &["report"]] {
        let run = world.run(&[args, &["--quiet"]].concat()).exits(0);
        assert!(run.says().is_empty(), "{args:?}: {run:#?}");
    }
    let error = world.run(&["ingest", "missing.csv", "--quiet"]).exits(1);
    assert!(error.stderr.contains("missing.csv"), "{error:#?}");
    let rows = world.run(&["lake", "sql", "SELECT 7 AS seven FROM dag_runs LIMIT 1", "--quiet"]).exits(0);
    assert!(rows.stdout.contains("seven"), "{rows:#?}");
}

#[test]
fn nobody_sees_colours_or_bars_where_there_is_no_terminal() {
    let world = small();
    for args in ANSWERS {
        assert!(is_plain(&world.run(args).exits(0)), "{args:?}");
        let output = world.command(args).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0").output().expect("run");
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b), "{args:?}");
    }
    assert!(is_plain(&world.run(&["no-such-command"]).exits(1)));
    assert!(is_plain(&world.run(&["ingest", "missing.csv"]).exits(1)));
    let coloured = world.run(&["analyze", "--color", "always"]).exits(0);
    assert!(coloured.stdout.contains("\u{1b}["), "--color always: {coloured:#?}");
}

#[test]
fn texts_about_the_program_work() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = world.run(&["completions", shell]).exits(0);
        assert!(script.stdout.contains("windtunnel") && script.stdout.contains("analyze"), "{shell}");
    }
    let page = world.run(&["man"]).exits(0);
    assert!(page.stdout.contains(".TH windtunnel") && page.stdout.contains("analyze"));
    let doctor = world.run(&["doctor"]).exits(0);
    assert!(doctor.stdout.contains("ingest") && doctor.stdout.contains("ok"), "{doctor:#?}");
    for dialect in ["postgres", "mysql", "sqlite"] {
        for airflow in ["2", "3"] {
            let script = world.run(&["export-sql", "--dialect", dialect, "--airflow", airflow]).exits(0);
            assert!(
                script.stdout.contains("task_instance") && script.stdout.contains("dag_run"),
                "{dialect} {airflow}"
            );
        }
    }
    world.write("lake/manifest.json", "{");
    let doctor = world.run(&["doctor"]).exits(1);
    assert!(doctor.stdout.contains("FAIL") && doctor.stdout.contains("manifest.json"), "{doctor:#?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = small();
    for args in [
        &["lake", "sql", "SELECT * FROM task_attempts", "--json"][..],
        &["analyze", "--json"],
        &["man"],
        &["completions", "zsh"],
    ] {
        let mut child = world.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start");
        let mut byte = [0];
        child.stdout.take().expect("stdout").read_exact(&mut byte).expect("a byte");
        let output = child.wait_with_output().expect("wait");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !stderr.contains("panicked") && !stderr.contains("Broken pipe"),
            "{args:?}: {stderr}"
        );
    }
}

#[test]
fn it_looks_at_no_network_and_needs_no_home() {
    let world = World::new();
    let data = dataset("export-archived");
    let output = windtunnel()
        .env_clear()
        .current_dir(world.path("."))
        .args(["weekly", arg(&data), "--lake", "lake", "--quiet"])
        .output()
        .expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.path("reports/report.html").is_file());
}

#[test]
fn a_wide_query_result_stands_as_records_a_narrow_one_as_a_table() {
    let world = small();
    let wide = world.run(&["lake", "sql", "SELECT * FROM task_attempts LIMIT 2"]).exits(0);
    assert!(wide.stdout.contains("-[ record 2 ]") && wide.stdout.contains("duration_s"), "{wide:#?}");
    let narrow = world.run(&["lake", "sql", "SELECT dag_id, count(*) AS n FROM dag_runs GROUP BY dag_id"]).exits(0);
    assert!(!narrow.stdout.contains("record") && narrow.stdout.contains("shop"), "{narrow:#?}");
    assert!(narrow.stdout.lines().all(|line| line.chars().count() <= 80), "{narrow:#?}");
    let unknown = world.run(&["lake", "sql", "SELECT * FROM attempts"]).exits(1);
    assert!(unknown.stderr.contains("task_attempts"), "{unknown:#?}");
}

#[test]
fn a_query_names_its_columns_and_orders_by_aggregates() {
    let world = small();
    world.ingest("other", &[&dataset("airflow-2.10.5/dag_run.csv.gz")]);
    let rows = world.sql("SELECT dag_id, count(*) FROM dag_runs GROUP BY dag_id ORDER BY count(*) DESC, dag_id");
    let counts: Vec<u64> = rows.iter().map(|row| row["count(*)"].as_u64().expect("a count")).collect();
    assert!(
        counts.len() > 5 && counts.is_sorted_by(|a, b| a >= b) && counts[0] > counts[counts.len() - 1],
        "{counts:?}"
    );
    let span = &world.sql("SELECT min(started_at), max(started_at) FROM dag_runs")[0];
    assert!(span["min(started_at)"].as_str() < span["max(started_at)"].as_str(), "{span}");
    let run =
        world.run(&["lake", "sql", "SELECT dag_id FROM dag_runs GROUP BY dag_id ORDER BY max(started_at)"]).exits(1);
    assert!(run.stderr.contains("AS n"), "{run:#?}");
}

#[test]
fn no_answer_is_made_of_a_damaged_part() {
    let world = small();
    let (name, mut bytes) = world.parts().into_iter().find(|(name, _)| name.contains("task_attempts")).expect("a part");
    // In the middle of the values, where Parquet itself notices nothing.
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    std::fs::write(world.lake().join(&name), bytes).expect("written");
    for command in [&["lake", "sql", "SELECT sum(duration_s) FROM task_attempts"][..], &["analyze"], &["report"]] {
        let run = world.run(command).exits(1);
        assert!(run.stdout.is_empty() && run.stderr.contains("not what the manifest says"), "{run:#?}");
    }
    world.run(&["lake", "sql", "SELECT count(*) FROM pools"]).exits(0);
}

#[test]
fn a_receipt_tells_each_kind_once_and_keeps_to_the_width() {
    let world = World::new();
    let folder = arg(&dataset("airflow-2.10.5-metrics")).to_owned();
    let run = world.run(&["ingest", &folder]).exits(0);
    let table: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with(' ')).collect();
    assert!(table.len() > 6 && table.iter().all(|line| line.chars().count() <= 80), "{run:#?}");
    assert_eq!(run.stdout.matches("StatsD capture").count(), 1, "{run:#?}");
    let warnings: Vec<&str> = run.stderr.lines().filter(|line| line.contains("samples state no time")).collect();
    assert!(warnings.len() <= 2, "{warnings:#?}");
    let again = world.run(&["ingest", &folder]).exits(0);
    assert!(again.stdout.starts_with("nothing new: "), "{again:#?}");
    let kinds = world.run(&["ingest", "--kind", "task_instances", &folder]).exits(1);
    assert!(kinds.stderr.contains("task_instance_history"), "{kinds:#?}");
}
