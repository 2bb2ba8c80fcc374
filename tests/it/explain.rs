//! `explain`, through the binary: where the seconds of a run went, and what decides how long a DAG takes.

use super::{
    simulate::recorded,
    support::{World, arg, dataset, list, number, text, windtunnel},
};
use serde_json::Value;

fn explained(world: &World, args: &[&str]) -> Value {
    let config = dataset("airflow-2.10.5").join("windtunnel.toml");
    let all: Vec<&str> =
        ["explain", "orders_etl"].into_iter().chain(args.iter().copied()).chain(["--config", arg(&config)]).collect();
    world.json(&all)
}

fn about(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-3 * a.abs().max(1.0)
}

#[test]
fn each_second_of_a_run_is_told_once_beside_what_is_usual() {
    let world = World::new();
    recorded(&world);
    for run in ["slowest", "latest", "2026-08-25"] {
        let told = explained(&world, &[run]);
        let parts = list(&told["parts"]);
        let sum: f64 = parts.iter().map(|part| number(&part["seconds"])).sum();
        assert!(about(sum, number(&told["duration_s"])), "{told}");
        let mut path: Vec<&str> = parts.iter().filter_map(|part| part["task_id"].as_str()).collect();
        path.dedup();
        let named: Vec<&str> = list(&told["critical_path"]).iter().filter_map(Value::as_str).collect();
        assert_eq!(path, named);
        assert_eq!(text(&told, "edges_from"), "inferred");
        for part in parts.iter().filter(|part| part["kind"] == "waiting") {
            let limits = list(&part["blocked_by"]);
            let longest = limits.iter().map(|limit| number(&limit["seconds"])).fold(0.0, f64::max);
            assert!(!limits.is_empty() && longest <= number(&part["seconds"]) + 1e-3, "{part}");
        }
        for part in parts.iter().filter(|part| !part["usual"].is_null()) {
            let usual = &part["usual"];
            let [low, median, high] = ["low_s", "median_s", "high_s"].map(|name| number(&usual[name]));
            assert!(low <= median && median <= high && number(&usual["n"]) >= 5.0, "{part}");
            assert!(about(number(&part["more_s"]), number(&part["seconds"]) - median), "{part}");
            assert_eq!(part["unusual"], number(&part["seconds"]) > high);
        }
    }
    let slowest = explained(&world, &["slowest"]);
    let longest = world.sql("SELECT max(duration_s) AS s FROM dag_runs WHERE dag_id = 'orders_etl'");
    assert!(about(number(&slowest["duration_s"]), number(&longest[0]["s"])), "{slowest}");
    // A task of it waited for the warehouse's slots.
    let limits = list(&slowest["parts"]).iter().flat_map(|part| list(&part["blocked_by"]));
    assert!(limits.clone().any(|limit| limit["limit"] == "pool.warehouse"), "{slowest}");
}

#[test]
fn deadlines_count_from_the_date_of_a_run() {
    let world = World::new();
    recorded(&world);
    let told = explained(&world, &["2026-08-25", "--deadline", "24h"]);
    let deadline = &told["deadline"];
    assert!(about(number(&deadline["late_s"]), number(&told["landing"]["seconds"]) - 86_400.0), "{told}");
    // It was caught up months later: every run was late.
    assert_eq!(deadline["missed"], deadline["of"]);
    let shown = world.run(&["explain", "orders_etl", "2026-08-25", "--deadline", "24h"]).exits(0);
    assert!(shown.says().contains("missed by"), "{}", shown.says());
}

#[test]
fn the_tasks_of_a_dag_share_its_mean_run() {
    let world = World::new();
    recorded(&world);
    let told = explained(&world, &["--worth", "2"]);
    let tasks = list(&told["tasks"]);
    let on_path: f64 = tasks.iter().map(|task| number(&task["on_path_s"])).sum();
    assert!(about(on_path + number(&told["idle_s"]), number(&told["mean_s"])), "{told}");
    for task in tasks {
        let [critical, runs] = ["critical_runs", "runs"].map(|name| number(&task[name]));
        assert!(critical <= runs && number(&task["slack_s"]) >= 0.0, "{task}");
        // What is always on the path has nothing to spare.
        assert!(critical < runs || number(&task["slack_s"]) < 1e-6, "{task}");
    }
    let worth: Vec<&Value> = tasks.iter().filter(|task| !task["at_zero"].is_null()).collect();
    assert_eq!(worth.len(), 2);
    assert!(worth.iter().all(|task| number(&task["at_zero"]["lower"]) < 1.0), "{told}");
    for wait in list(&told["waits"]) {
        let by_hour = list(&wait["by_hour_s"]);
        let sum: f64 = by_hour.iter().map(number).sum();
        assert!(by_hour.len() == 168 && about(sum, number(&wait["seconds"])), "{wait}");
    }
    // The longest of the limits is no more than all waiting, and the hours in which any was full no more than that.
    let full: f64 = list(&told["full_by_hour_s"]).iter().map(number).sum();
    let queued = |wait: &&Value| wait["limit"] != "executor";
    let waits = list(&told["waits"]).iter().filter(queued).map(|wait| number(&wait["seconds"]));
    assert!(
        waits.fold(0.0, f64::max) <= number(&told["waited_s"]) + 1e-3 && full <= number(&told["waited_s"]),
        "{told}"
    );
    let executor =
        list(&told["waits"]).iter().find(|wait| wait["limit"] == "executor").expect("waits for the executor");
    let record = world
        .sql("SELECT sum(queue_wait_s) AS s FROM task_attempts WHERE dag_id = 'orders_etl' AND ended_at IS NOT NULL");
    let share = number(&executor["seconds"]) / number(&record[0]["s"]);
    assert!((0.9..=1.001).contains(&share), "{executor} {record:?}");
    // What is proposed was tried, and works as it stands.
    let next = list(&told["next"]);
    assert!(!next.is_empty() && next.iter().all(|step| number(&step["ratio"]["upper"]) < 1.0), "{told}");
    for step in next {
        let words: Vec<&str> = text(step, "command").split(' ').collect();
        assert_eq!(words[0], "windtunnel");
        let tried = windtunnel().current_dir(world.path(".")).args(&words[1..]).arg("--json").output().expect("runs");
        let tried: Value = serde_json::from_slice(&tried.stdout).expect("one document");
        assert!(text(&tried, "schema").ends_with("simulation.v1"));
    }
    // Some of its runs were not over when the record ends.
    let backlog = &told["backlog"];
    assert!(number(&backlog["under_way"]) > 0.0 && number(&backlog["done_s"]["lower"]) > 0.0, "{backlog}");
    let foretold = &told["foretold"];
    let share = number(&foretold["inside"]) / number(&foretold["n"]);
    assert!(number(&foretold["n"]) > 500.0 && (0.93..=0.97).contains(&share), "{foretold}");
    assert!(number(&foretold["error"]) < number(&foretold["error_of_last_two"]), "{foretold}");
    assert!(number(&foretold["error"]) < number(&foretold["error_of_mean"]), "{foretold}");
    assert!(!told["model_error"].is_null(), "{told}");
}

#[test]
fn a_run_that_is_not_there_is_told_from_one_that_is_not_named_well() {
    let world = World::new();
    recorded(&world);
    for (args, said) in [
        (&["orders_etl", "2025-01-01"][..], "its last ones are"),
        (&["orders_etl", "2026-08"], "runs have `2026-08` in their ids"),
        (&["orders_tel", "latest"], "nearest: orders_etl"),
        (&["orders_etl", "latest", "--deadline", "-1h"], "a deadline is after the run is due"),
        (&["orders_etl", "latest", "--deadline", "soon"], "soon"),
    ] {
        let all: Vec<&str> = ["explain"].into_iter().chain(args.iter().copied()).collect();
        let run = world.run(&all).exits(1);
        assert!(run.says().contains(said), "{args:?}: {}", run.says());
    }
}

#[test]
fn what_explain_says_has_a_page() {
    let world = World::new();
    recorded(&world);
    for (run, title, image) in
        [(Some("slowest"), "Why orders_etl", "critical-path.png"), (None, "What decides", "hours-full.png")]
    {
        let told = explained(&world, &run.into_iter().collect::<Vec<&str>>());
        world.write("told.json", told.to_string());
        let written = world.json(&["report", "--from", "told.json", "--out", "page"]);
        let page = std::fs::read_to_string(world.path("page/report.html")).expect("a page");
        assert!(page.contains(title) && page.contains("transform.enrich_orders"), "{title}");
        let markdown = std::fs::read_to_string(world.path("page/report.md")).expect("Markdown");
        assert!(markdown.contains(&title.replace('_', "\\_")) && markdown.contains(image), "{markdown}");
        let images = list(&written["paths"]["images"]);
        assert!(images.iter().any(|path| path.as_str().is_some_and(|path| path.ends_with(image))), "{written}");
    }
    // A document of another kind is refused by its name; a damaged one by what is wrong.
    world.write("told.json", r#"{"schema": "windtunnel.explanation.v1", "parts": 3}"#);
    let refused = world.run(&["report", "--from", "told.json"]).exits(1);
    assert!(refused.stderr.contains("not an explanation document"), "{refused:#?}");
}

#[test]
fn pokes_of_a_sensor_are_no_waiting_for_the_scheduler() {
    let world = World::new();
    let out = world.path("export");
    world.run(&["synth", "history", "--days", "10", "--seed", "3", "--statsd-days", "0", "--out", arg(&out)]).exits(0);
    world.ingest("default", &[&out]);
    let told = world.json(&["explain", "orders_etl", "latest"]);
    let sensing = |part: &&Value| part["kind"] == "sensing" && part["task_id"] == "wait_for_orders_export";
    let sensed: f64 = list(&told["parts"]).iter().filter(sensing).map(|part| number(&part["seconds"])).sum();
    let record = world.sql(&format!(
        "SELECT min(started_at) AS a, max(reschedule_at) AS b FROM reschedules WHERE run_id = '{}' AND dag_id = 'orders_etl'",
        text(&told, "run_id")
    ));
    let seconds =
        |name: &str| text(&record[0], name).parse::<jiff::Timestamp>().expect("a time").as_microsecond() as f64 / 1e6;
    assert!(sensed > 0.0 && (sensed - (seconds("b") - seconds("a"))).abs() < 2.0, "{sensed} {record:?}");
}
