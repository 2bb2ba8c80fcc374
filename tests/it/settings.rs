//! `windtunnel.toml`: found upward, refused with a sentence where it is wrong, and each value's origin told.

use super::support::{World, count, dataset, list, text};
use serde_json::Value;

#[test]
fn an_unknown_key_lists_the_known_ones() {
    let world = World::new();
    let cases = [
        ("lakes = 'x'", &["lakes", "lake", "seed", "analyze", "acknowledge"][..]),
        ("[analyze]\nwindows = '7d'", &["windows", "window", "baseline", "false_discovery_rate", "min_effect"]),
        ("[[acknowledge]]\ndag = 'x'\nuntil = '2027-01-01'\nreason = 'y'\ntasks = 'z'", &["tasks", "task", "quantity"]),
        ("[analyze]\nwindow = 'a week'", &["window"]),
        ("[analyze]\nfalse_discovery_rate = 2.0", &["false_discovery_rate"]),
        ("[analyze]\nmin_effect = -1.0", &["min_effect"]),
        ("[[acknowledge]]\ndag = 'x'\nuntil = 'soon'\nreason = 'y'", &["until", "soon"]),
        ("[[acknowledge]]\ndag = 'x'\nuntil = '2027-01-01'", &["reason"]),
        ("[[acknowledge]]\ndag = 'x'\nquantity = 'speed'\nuntil = '2027-01-01'\nreason = 'y'", &["speed", "duration"]),
        ("seed = -1", &["seed"]),
        ("lake = [", &[]),
    ];
    for (toml, words) in cases {
        world.write("windtunnel.toml", toml);
        for args in [&["config", "show"][..], &["analyze"], &["lake", "ls"]] {
            let run = world.run(args).exits(1);
            for word in words.iter().chain(&["windtunnel.toml"]) {
                assert!(run.stderr.contains(word), "{toml}: should say {word}: {run:#?}");
            }
            assert!(run.stdout.is_empty(), "{run:#?}");
        }
    }
    let run = world.run(&["config", "show", "--config", "none.toml"]).exits(1);
    assert!(run.stderr.contains("none.toml"), "{run:#?}");
}

#[test]
fn config_show_tells_where_each_value_comes_from() {
    let world = World::new();
    world.write("windtunnel.toml", "seed = 5\nlake = 'history'\n[analyze]\nwindow = '14d'\n");
    let answer = world.json(&["--seed", "9", "config", "show", "--origin"]);
    let of = |name: &str| {
        let settings = list(&answer["settings"]);
        let row = settings.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {answer:#}"));
        (text(row, "value").to_owned(), text(row, "origin").to_owned())
    };
    assert_eq!(of("seed").0, "9");
    assert!(of("seed").1.contains("command line"), "{answer:#}");
    assert_eq!(of("analyze.window").0, "14d");
    assert!(of("analyze.window").1.ends_with("windtunnel.toml"), "{answer:#}");
    assert_eq!(of("analyze.baseline"), ("28d".to_owned(), "default".to_owned()));
    let run = world.run(&["config", "show", "--origin"]).exits(0);
    assert!(run.stdout.contains("analyze.window") && run.stdout.contains("windtunnel.toml"), "{run:#?}");
}

#[test]
fn settings_are_found_upward_and_the_lake_lies_beside_them() {
    let world = World::new();
    world.write("windtunnel.toml", "lake = 'history'");
    world.write("deep/er/x", "");
    let here = |args: &[&str]| {
        let mut command = super::support::windtunnel();
        let output = command.current_dir(world.path("deep/er")).args(args).output().expect("run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    here(&["ingest", dataset("export-archived").to_str().expect("UTF-8")]);
    assert!(world.path("history/manifest.json").is_file());
    here(&["lake", "verify"]);
    assert!(!world.path("deep/er/lake").exists() && !world.path("deep/er/history").exists());
}

#[test]
fn an_environment_variable_names_the_lake_and_the_option_wins() {
    let world = World::new();
    world.ingest("x", &[&dataset("export-archived")]);
    let run = |args: &[&str]| {
        let mut command = super::support::windtunnel();
        command.current_dir(world.path(".")).env("WINDTUNNEL_LAKE", world.lake()).args(args);
        command.output().expect("run").status.code()
    };
    assert_eq!(run(&["lake", "verify"]), Some(0));
    assert_eq!(run(&["--lake", "elsewhere", "lake", "verify"]), Some(1));
}

#[test]
fn a_known_regression_is_set_apart_and_stops_no_pipeline() {
    let world = World::new();
    world.ingest("x", &[&dataset("airflow-2.10.5")]);
    let in_window = ["analyze", "--as-of", "2026-10-25T03:00:00Z", "--fail-on", "regressed"];
    let open = world.run(&[&in_window[..], &["--json"]].concat()).exits(2).json();
    let fresh: Vec<&Value> = list(&open["regressions"]).iter().filter(|f| f["in_window"] == true).collect();
    assert!(!fresh.is_empty(), "{open:#}");
    let mut toml = String::new();
    for finding in &fresh {
        let (dag, quantity) = (text(finding, "dag_id"), text(finding, "quantity"));
        toml.push_str(&format!(
            "[[acknowledge]]\ndag = '{dag}'\ntask = '{}'\nquantity = '{quantity}'\nuntil = '2027-01-01'\nreason = 'known since Monday'\n",
            text(finding, "task_id")
        ));
    }
    world.write("windtunnel.toml", &toml);
    let known = world.run(&[&in_window[..], &["--json"]].concat()).exits(0).json();
    let told = known.to_string().matches("known since Monday").count();
    assert!(told >= fresh.len(), "the reason is told with the finding: {known:#}");
    assert_eq!(list(&known["regressions"]).len(), list(&open["regressions"]).len(), "it is not hidden");
    let said = world.run(&in_window).exits(0).stdout;
    assert!(said.contains("Known"), "{said}");
    world.write("windtunnel.toml", toml.replace("2027-01-01", "2026-10-21"));
    world.run(&in_window).exits(2);
    assert!(count(&known["seed"]) == count(&open["seed"]));
}
