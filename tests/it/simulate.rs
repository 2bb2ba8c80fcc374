//! `simulate`, through the binary: schedules checked from outside, a recorded history replayed, and what-ifs.

use super::support::{Run, World, arg, dataset, list, number, text};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A DAG of 60 tasks in layers, the same every time, in the compact form.
fn layered() -> Value {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) % below
    };
    let mut tasks = Vec::new();
    for task in 0..60_u64 {
        let layer = task / 12;
        let parents: Vec<u64> =
            if layer == 0 { Vec::new() } else { (0..2).map(|_| (layer - 1) * 12 + next(12)).collect() };
        let runtime = 1.0 + next(9_000) as f64 / 100.0;
        tasks.push(json!([format!("t{task}"), runtime, null, null, parents]));
    }
    json!({"name": "layered", "tasks": tasks})
}

fn simulated(world: &World, args: &[&str]) -> Value {
    let all: Vec<&str> = ["simulate", "--dag", "dag.json"].into_iter().chain(args.iter().copied()).collect();
    world.json(&all)
}

/// Everything that a schedule must keep, seen from the document alone.
fn check(dag: &Value, told: &Value, slots: usize) {
    let tasks = list(&dag["tasks"]);
    let by_name: HashMap<&str, &Value> =
        list(&told["tasks"]).iter().map(|task| (text(task, "task_id"), task)).collect();
    assert_eq!(by_name.len(), tasks.len());
    let times = |name: &str| (number(&by_name[name]["start_s"]), number(&by_name[name]["end_s"]));
    let mut on_slot: HashMap<u64, Vec<(f64, f64)>> = HashMap::new();
    for task in tasks {
        let name = task[0].as_str().expect("a name");
        let (start, end) = times(name);
        assert!((end - start - number(&task[1])).abs() < 1e-5, "{name}");
        for parent in list(&task[4]) {
            let parent = tasks[parent.as_u64().expect("a place") as usize][0].as_str().expect("a name");
            assert!(times(parent).1 <= start + 1e-6, "{name} starts before {parent} ends");
        }
        on_slot.entry(by_name[name]["slot"].as_u64().expect("a slot")).or_default().push((start, end));
    }
    assert!(on_slot.len() <= slots);
    for intervals in on_slot.values_mut() {
        intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(intervals.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-6), "two at once on a slot");
    }
    let last = list(&told["tasks"]).iter().map(|task| number(&task["end_s"])).fold(0.0, f64::max);
    assert!((last - number(&told["makespan_s"])).abs() < 1e-6);
    assert!(number(&told["lower_bound_s"]) <= number(&told["lower_bound_tight_s"]) + 1e-9);
    assert!(number(&told["lower_bound_tight_s"]) <= last + 1e-6);
}

#[test]
fn every_order_is_a_schedule_and_the_best_is_not_worse_than_airflows() {
    let world = World::new();
    let dag = layered();
    world.write("dag.json", dag.to_string());
    for slots in ["3", "8"] {
        let of = |policy: &str| {
            let told = simulated(&world, &["--slots", slots, "--policy", policy]);
            assert_eq!((text(&told, "schema"), text(&told, "policy")), ("windtunnel.simulation.v1", policy));
            check(&dag, &told, slots.parse().expect("a number"));
            number(&told["makespan_s"])
        };
        let airflow = of("airflow");
        let others = ["fifo", "lpt", "heft", "airflow-upstream", "airflow-absolute"].map(of);
        let best = of("best");
        assert!(best <= airflow && others.iter().all(|other| best <= *other), "{slots}: {best} {airflow} {others:?}");
    }
}

#[test]
fn what_ifs_of_a_file_change_what_they_say() {
    let world = World::new();
    world.write(
        "dag.json",
        json!({"tasks": [["a", 10, null, null, []], ["b", 20, null, null, [0]], ["c", 5, null, null, [1]]]})
            .to_string(),
    );
    let told = simulated(&world, &[]);
    assert_eq!((number(&told["makespan_s"]), number(&told["critical_path_s"])), (35.0, 35.0));
    assert_eq!(told["critical_path"], json!(["a", "b", "c"]));
    let faster = simulated(&world, &["--speedup", "b=4", "--drop-edge", "a=b"]);
    assert_eq!((number(&faster["makespan_s"]), number(&faster["before"]["makespan_s"])), (10.0, 35.0));
    let free = simulated(&world, &["--speedup", "b=inf"]);
    assert_eq!(number(&free["makespan_s"]), 15.0);
    let run = |args: &[&str]| world.run(args).exits(1).stderr;
    let says = run(&["simulate", "--dag", "dag.json", "--drop-edge", "a=c"]);
    assert!(says.contains("`c` does not wait for `a` itself: it waits for b"), "{says}");
    let says = run(&["simulate", "--dag", "dag.json", "--speedup", "z=2"]);
    assert!(says.contains("no task `z`") && says.contains("a, b, c"), "{says}");
    world.write("circle.json", json!({"tasks": [["a", 1, null, null, [1]], ["b", 1, null, null, [0]]]}).to_string());
    let says = run(&["simulate", "--dag", "circle.json"]);
    assert!(says.contains("circle.json") && says.contains("a circle"), "{says}");
    let says = run(&["simulate", "--dag", "nowhere"]);
    assert!(says.contains("no lake at lake"), "{says}");
    let says = run(&["simulate", "--dag", "nowhere.json"]);
    assert!(says.contains("nowhere.json") && !says.contains("lake"), "{says}");
}

#[test]
fn more_work_than_a_clock_can_hold_is_refused_and_zero_is_not() {
    let world = World::new();
    world.write("dag.json", json!({"tasks": [["a", 0, null, null, []], ["b", null, null, null, [0]]]}).to_string());
    let told = simulated(&world, &[]);
    assert_eq!(number(&told["makespan_s"]), 0.0);
    assert!(list(&told["warnings"])[0].as_str().is_some_and(|warning| warning.contains("no runtime")), "{told}");
    world.write("long.json", json!({"tasks": [["a", 1e12, null, null, []]]}).to_string());
    let says = world.run(&["simulate", "--dag", "long.json"]).exits(1).stderr;
    assert!(says.contains("`a`: a runtime of 1000000000000 s"), "{says}");
}

/// The real history of Airflow 2.10 with the limits that its operator noted.
pub(crate) fn recorded(world: &World) {
    let folder = dataset("airflow-2.10.5");
    world.ingest("default", &[&folder]);
}

pub(crate) fn of_history(world: &World, args: &[&str]) -> Run {
    let config = dataset("airflow-2.10.5").join("windtunnel.toml");
    let all: Vec<&str> =
        ["--config", arg(&config), "simulate", "--dag", "orders_etl"].into_iter().chain(args.iter().copied()).collect();
    world.run(&all)
}

#[test]
fn a_recorded_history_is_replayed_to_a_tenth() {
    let world = World::new();
    recorded(&world);
    let told = of_history(&world, &["--json"]).exits(0).json();
    let error = &told["model_error"];
    assert!(number(&error["point"]) <= 0.105 && number(&error["n"]) > 350.0, "{error}");
    let checked = &told["history"]["checked"];
    assert!(number(&checked["start_error_median_s"]).abs() < 1.0, "{checked}");
    assert!((number(&checked["slot_seconds_ratio"]) - 1.0).abs() < 0.02, "{checked}");
    assert!(number(&checked["runs_restarted"]) > 0.0, "{checked}");
    let interval = &told["interval"];
    assert!(number(&interval["level"]) == 0.9 && number(&interval["lower"]) < number(&interval["upper"]), "{interval}");
    // Of all its DAGs: one alone has too few runs for a share.
    let (mut inside, mut of) = (0.0, 0.0);
    for dag in world.sql("SELECT DISTINCT dag_id FROM dag_runs") {
        let config = dataset("airflow-2.10.5").join("windtunnel.toml");
        let one = world.json(&["--config", arg(&config), "simulate", "--dag", text(&dag, "dag_id")]);
        let held = &one["history"]["told_and_held"];
        (inside, of) = (inside + number(&held["inside"]), of + number(&held["of"]));
    }
    assert!(of > 300.0 && (0.85..=0.97).contains(&(inside / of)), "{inside} of {of}");
    assert!(number(&told["lower_bound_s"]) <= number(&told["makespan_s"]));
    assert!(list(&told["tasks"]).len() >= 10 && list(&told["critical_path"]).len() >= 5, "{told}");
    // Twice the same.
    assert_eq!(told, of_history(&world, &["--json"]).exits(0).json());
    // Without the limits it is further off, and says so.
    let without = world.json(&["simulate", "--dag", "orders_etl"]);
    assert!(number(&without["model_error"]["point"]) > number(&error["point"]), "{without}");
    let warned = list(&without["warnings"])
        .iter()
        .any(|w| w.as_str().is_some_and(|w| w.contains("windtunnel.toml, under [airflow]")));
    assert!(warned, "{without}");
}

#[test]
fn what_ifs_of_a_history_are_told_beside_it() {
    let world = World::new();
    recorded(&world);
    let told = of_history(&world, &["--speedup", "transform.enrich_orders=10", "--set", "parallelism=64", "--json"])
        .exits(0)
        .json();
    let ratio = &told["history"]["ratio"];
    assert!(number(&ratio["upper"]) < 1.0, "{ratio}");
    assert!(number(&told["makespan_s"]) < number(&told["before"]["makespan_s"]), "{told}");
    assert_eq!(told["slots"], 64);
    let swept = of_history(&world, &["--sweep", "pool.warehouse=1..4", "--json"]).exits(0).json();
    let [one, two, _, four] = list(&swept["history"]["sweep"]) else { panic!("{swept}") };
    // A task takes two slots of that pool: with one, its runs never end.
    assert!(one["makespan_s"].is_null() && number(&one["never_end"]) > 70.0, "{one}");
    assert!(number(&two["makespan_s"]) > number(&four["makespan_s"]) && number(&four["never_end"]) == 0.0, "{swept}");
    let shown = of_history(&world, &["--sweep", "pool.warehouse=1..4"]).exits(0);
    assert!(
        shown.stdout.contains("knee") && shown.stdout.lines().all(|line| line.chars().count() <= 100),
        "{}",
        shown.stdout
    );
    for (args, says) in [
        (&["--set", "pool.nope=3"][..], "no pool `nope`: there are ads_api"),
        (&["--set", "slots=3"], "`slots` is no limit"),
        (&["--speedup", "nope=2"], "no task `nope` ran in that DAG"),
        (&["--drop-edge", "notify_slack=validate_schema"], "does not wait for"),
        (&["--policy", "fair"], "across DAGs"),
        (&["--slots", "4"], "--set parallelism=N"),
        (&["--shift-cron", "nope=+1h"], "no DAG `nope`"),
    ] {
        let run = of_history(&world, args).exits(1);
        assert!(run.stderr.contains(says), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn limits_of_the_configuration_are_checked() {
    let world = World::new();
    for (toml, says) in [
        ("[airflow]\nversion = \"4\"", "airflow.version: `4`"),
        ("[airflow]\nslots = 4", "unknown field `slots`"),
        ("[[airflow.change]]\nat = 2026-11-24T12:00:00Z", "nothing changes"),
        ("[[airflow.change]]\nat = 12:00:00\nparallelism = 3", "is no instant"),
    ] {
        let config = world.write("windtunnel.toml", toml);
        let run = world.run(&["--config", arg(&config), "config", "show"]).exits(1);
        assert!(run.stderr.contains(says), "{toml}: {}", run.stderr);
    }
}

#[test]
fn dags_of_a_folder_share_slots_and_fair_is_shorter_in_the_mean() {
    let world = World::new();
    // Many short DAGs and a wide one that fills all slots.
    for dag in 0..6 {
        let tasks: Vec<Value> = (0..4_u32)
            .map(|at| {
                json!([
                    format!("step_{at}"),
                    5.0 + f64::from(dag),
                    null,
                    null,
                    if at > 0 { vec![at - 1] } else { vec![] }
                ])
            })
            .collect();
        world.write(
            &format!("dags/short{dag}.json"),
            json!({"name": format!("short{dag}"), "tasks": tasks}).to_string(),
        );
    }
    let wide: Vec<Value> = (0..400).map(|at| json!([format!("part_{at}"), 60.0, null, null, []])).collect();
    world.write("dags/wide.json", json!({"name": "wide", "tasks": wide}).to_string());
    let args = ["simulate", "--dag", "dags", "--slots", "4", "--load", "0.9", "--policy", "fair"];
    let told = world.json(&args);
    assert_eq!((text(&told, "schema"), number(&told["dags"])), ("windtunnel.sharing.v1", 7.0));
    let policies = list(&told["policies"]);
    let of = |name: &str| policies.iter().find(|of| of["policy"] == name).unwrap_or_else(|| panic!("{name} in {told}"));
    assert!(of("airflow")["against_airflow"].is_null());
    assert!(number(&of("fair")["against_airflow"]["upper"]) < 1.0, "{told}");
    assert!(number(&of("fair")["worst_slowdown"]) <= number(&of("airflow")["worst_slowdown"]), "{told}");
    assert!(policies.iter().all(|of| number(&of["slowdown"]) >= 1.0), "{told}");
    assert_eq!(told, world.json(&args), "the same seed gives the same");
    world.run(&["simulate", "--dag", "dags", "--speedup", "part_1=2"]).exits(1);
    world.write("none/readme.txt", "nothing");
    let none = world.run(&["simulate", "--dag", "none"]).exits(1);
    assert!(none.says().contains("no DAG in it"), "{}", none.says());
    let one = world.run(&["simulate", "--dag", "dags/wide.json", "--policy", "fair"]).exits(1);
    assert!(one.says().contains("a folder of them"), "{}", one.says());
}
