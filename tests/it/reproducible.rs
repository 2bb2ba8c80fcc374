//! The same lake, seed and version give the same bytes; filters and dates change what is looked at, and nothing else.

use super::support::{World, dataset, list, text};

fn recorded() -> World {
    let world = World::new();
    world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    world
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let world = recorded();
    let run = |args: &[&str]| world.run(&[&["analyze", "--json"], args].concat()).exits(0).stdout;
    let first = run(&["--seed", "7"]);
    assert!(first == run(&["--seed", "7"]), "twice");
    let again = recorded().run(&["analyze", "--json", "--seed", "7", "--threads", "1"]).exits(0).stdout;
    assert!(first == again, "another lake of the same exports, one thread");
    let document: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(document["seed"], 7);
    assert_eq!(document["schema"], "windtunnel.analysis.v1");
}

#[test]
fn a_filter_hides_other_dags_and_changes_no_number() {
    let world = recorded();
    let (all, one) = (world.json(&["analyze"]), world.json(&["analyze", "--dag", "orders_etl"]));
    for shelf in ["regressions", "improvements", "trends", "went_away", "run_changes", "dags", "axis", "inconclusive"] {
        assert!(list(&one[shelf]).iter().all(|f| f["dag_id"] == "orders_etl"), "{shelf}: {:#}", one[shelf]);
        for finding in list(&one[shelf]) {
            let same = list(&all[shelf]).contains(finding);
            assert!(same, "{shelf}: not among all DAGs' findings: {finding:#}");
        }
    }
    let owned = world.json(&["analyze", "--owner", "finance"]);
    assert!(list(&owned["dags"]).iter().all(|dag| dag["dag_id"] == "finance_report"), "{:#}", owned["dags"]);
    let run = world.run(&["analyze", "--dag", "no_such_dag"]).exits(1);
    assert!(run.stderr.contains("no DAG"), "{run:#?}");
}

#[test]
fn an_earlier_date_knows_nothing_of_later_changes() {
    let world = recorded();
    let early = world.json(&["analyze", "--as-of", "2026-10-19T12:00:00Z"]);
    assert!(text(&early, "as_of").starts_with("2026-10-19"), "{}", early["as_of"]);
    for shelf in ["regressions", "improvements"] {
        for finding in list(&early[shelf]) {
            assert!(text(finding, "changed_at") < "2026-10-19T12", "{finding:#}");
        }
    }
    let slow = |document: &serde_json::Value| {
        list(&document["regressions"])
            .iter()
            .any(|f| f["task_id"] == "compute_stock_levels" && f["quantity"] == "duration")
    };
    assert!(!slow(&early), "a change of 2026-10-20 is known on the day before");
    assert!(slow(&world.json(&["analyze", "--as-of", "2026-10-30T12:00:00Z"])));
    for bad in ["soon", "2026-13-01", ""] {
        world.run(&["analyze", "--as-of", bad]).exits(1);
    }
}

#[test]
fn before_the_first_run_nothing_is_claimed() {
    let said = recorded().run(&["analyze", "--as-of", "2001-01-01T00:00:00Z"]);
    assert!(said.code == Some(1) || !said.stdout.contains("Nothing got slower"), "{said:#?}");
}

#[test]
fn only_a_regression_of_this_week_fails_a_pipeline() {
    let world = recorded();
    let code = |args: &[&str]| world.run(&[&["analyze", "--quiet"], args].concat()).code;
    for dag in ["orders_etl", "ml_features", "users_sync"] {
        assert_eq!(
            code(&["--fail-on", "regressed", "--dag", dag]),
            Some(0),
            "{dag}: in force, and older than the window"
        );
    }
    // Changed a day before its DAG's last week began: its fifth run, from which on it can be told, lies in that week.
    assert_eq!(code(&["--fail-on", "regressed", "--dag", "inventory_sync"]), Some(2));
    assert_eq!(code(&["--fail-on", "regressed", "--as-of", "2026-10-25T03:00:00Z"]), Some(2));
    assert_eq!(code(&["--as-of", "2026-10-25T03:00:00Z"]), Some(0), "without the option");
    assert_eq!(code(&["--fail-on", "regressed", "--as-of", "2026-10-25T03:00:00Z", "--dag", "users_sync"]), Some(0));
    assert_eq!(code(&["--fail-on", "anything"]), Some(1));
}
