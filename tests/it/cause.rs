//! Why did it change? What changed together, and what was deployed just before.

use super::{
    support::{World, list, number, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

/// Ten daily DAGs; the middle tasks of the first four run in a pool of their own and double on 2026-05-01.
fn world() -> World {
    let world = World::new();
    let stories: Vec<Story> = (0..10)
        .map(|i| Story {
            starts_at: 5.0 + 3_600.0 * i as f64,
            doubles_on: if i < 4 { 30 } else { 99 },
            ..Story::new(&format!("dag{i}"))
        })
        .collect();
    let in_its_pool = |line: &str| match (0..4).any(|i| line.starts_with(&format!("\"work dag{i}\""))) {
        true => line.replace("default_pool", "heavy") + "\n",
        false => line.to_owned() + "\n",
    };
    let tasks: String = task_instances(&stories).lines().map(in_its_pool).collect();
    world.write("in/task_instance.csv", tasks);
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.write(
        "in/markers.csv",
        "time,kind,text,dag_id,reference\n2026-04-30T18:00:00Z,deploy,new parser,,v2.7\n2026-04-30T20:00:00Z,deploy,other DAG,dag9,\n\
         2026-04-20T08:00:00Z,deploy,long before,,\n2026-05-01T12:00:00Z,upgrade,after the fact,dag0,\n",
    );
    world.ingest("default", &[&world.path("in")]);
    world
}

fn evidence(finding: &Value) -> String {
    list(&finding["evidence"]).iter().map(|line| line.as_str().expect("text").to_owned() + "\n").collect()
}

#[test]
fn tasks_of_one_pool_are_one_cause() {
    let found = world().json(&["analyze"]);
    let [group] = list(&found["together"]) else { panic!("{:#}", found["together"]) };
    assert_eq!((text(group, "shared"), text(group, "name")), ("pool", "heavy"));
    assert_eq!((number(&group["changed"]), number(&group["of"])), (4.0, 4.0));
    assert!((1.9..2.1).contains(&number(&group["effect"])) && number(&group["p_value"]) < 1e-3, "{group}");
    assert_eq!(list(&group["findings"]).len(), 4);
    let told =
        list(&found["regressions"]).iter().filter(|f| evidence(f).contains("4 of 4 tasks of pool heavy")).count();
    assert_eq!(told, 4);
    let shown = world().run(&["analyze"]).exits(0).stdout;
    assert!(shown.contains("Changed together") && shown.contains("4 of 4 tasks of pool heavy"), "{shown}");
}

#[test]
fn a_deploy_just_before_is_named_and_others_are_not() {
    let found = world().json(&["analyze"]);
    let first = list(&found["regressions"]).iter().find(|f| text(f, "task_id") == "work dag0").expect("a finding");
    let told = evidence(first);
    assert!(told.contains("deploy of the whole Airflow at 2026-04-30 18:00: new parser (v2.7)"), "{told}");
    assert!(!told.contains("other DAG") && !told.contains("long before") && !told.contains("after the fact"), "{told}");
}

#[test]
fn what_changed_alone_is_no_group() {
    let world = World::new();
    let stories: Vec<Story> = (0..10)
        .map(|i| Story {
            starts_at: 5.0 + 3_600.0 * i as f64,
            doubles_on: if i < 4 { 12 + 6 * i } else { 99 },
            ..Story::new(&format!("dag{i}"))
        })
        .collect();
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.ingest("default", &[&world.path("in")]);
    let found = world.json(&["analyze"]);
    assert!(list(&found["together"]).is_empty() && list(&found["regressions"]).len() >= 3, "{:#}", found["together"]);
}
