//! What concerns many series at once: a host that got slower, one change seen in several places, and what a reader must be
//! told before believing any of it.

use super::{
    support::{World, list, number, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

/// Eight DAGs of 70 daily runs, a minute apart; from `day` on each task takes `seconds` more.
fn fleet(day: usize, seconds: f64, doubles_on: usize) -> Vec<Story> {
    let story = |i: u32| Story {
        days: 70,
        doubles_on: if i == 3 { doubles_on } else { 70 },
        starts_at: 60.0 * f64::from(i),
        scale: 0.3,
        host: (day, seconds),
        ..Story::new(&format!("d{i}"))
    };
    (0..8).map(story).collect()
}

fn world(stories: &[Story]) -> World {
    let world = World::new();
    world.write("in/task_instance.csv", task_instances(stories));
    world.write("in/dag_run.csv", dag_runs(stories));
    world.ingest("x", &[&world.path("in")]);
    world
}

fn names(findings: &Value) -> Vec<String> {
    list(findings).iter().map(|f| format!("{} {} {}", f["dag_id"], f["task_id"], f["quantity"])).collect()
}

#[test]
fn a_slower_host_is_told_once_and_blamed_on_no_task() {
    let world = world(&fleet(50, 6.0, 70));
    let document = world.json(&["analyze"]);
    let hosts = list(&document["host_changes"]);
    assert_eq!(hosts.len(), 1, "{:#}", document["host_changes"]);
    assert_eq!(&text(&hosts[0], "changed_at")[..10], "2026-05-21", "{:#}", hosts[0]);
    let seconds = &hosts[0]["difference_s"];
    assert!(number(&seconds["lower"]) <= 6.0 && 6.0 <= number(&seconds["upper"]), "{seconds:#}");
    assert!(hosts[0]["ended_at"].is_null());
    for shelf in ["regressions", "improvements", "trends", "went_away"] {
        assert_eq!(names(&document[shelf]), Vec::<String>::new(), "{shelf}");
    }
    let run = world.run(&["analyze"]).exits(0);
    assert!(run.stdout.contains("All tasks at once"), "{run:#?}");
    world.run(&["report", "--out", "out"]).exits(0);
    let page = String::from_utf8(world.files()["out/report.html"].clone()).expect("UTF-8");
    assert!(page.contains("All tasks of deployment x take"), "the verdict names the host");
}

#[test]
fn a_change_of_one_task_is_not_the_hosts_and_its_run_stands_beside_it() {
    let mut stories = fleet(0, 0.0, 45);
    stories.iter_mut().for_each(|story| story.scale = 1.0);
    let document = world(&stories).json(&["analyze"]);
    assert_eq!(list(&document["host_changes"]).len(), 0, "{:#}", document["host_changes"]);
    assert_eq!(names(&document["regressions"]), ["\"d3\" \"work d3\" \"duration\""]);
}

#[test]
fn acknowledgements_that_hide_nothing_and_a_stray_date_are_said() {
    let mut stories = fleet(0, 0.0, 45);
    let mut stray = Story::new("stray");
    stray.days = 1;
    stray.run_prefix = "scheduled__".to_owned();
    stories.push(stray);
    let world = World::new();
    let (tasks, runs) = (task_instances(&stories), dag_runs(&stories));
    let late = |text: String| -> String {
        let lines = text.lines().map(|line| match line.contains("stray") {
            true => format!("{}\n", line.replace("2026-04-01", "2031-04-01")),
            false => format!("{line}\n"),
        });
        lines.collect()
    };
    world.write("in/task_instance.csv", late(tasks));
    world.write("in/dag_run.csv", late(runs));
    world.ingest("x", &[&world.path("in")]);
    world.write(
        "windtunnel.toml",
        "[[acknowledge]]\ndag = 'nowhere'\nuntil = '2027-01-01'\nreason = 'y'\n\
         [[acknowledge]]\ndag = 'd3'\nuntil = '2026-01-01'\nreason = 'y'\n",
    );
    let warnings = world.json(&["analyze"])["warnings"].to_string();
    for words in ["nowhere fits no regression", "d3 ended on 2026-01-01", "--as-of 2026-06-"] {
        assert!(warnings.contains(words), "should say {words}: {warnings}");
    }
    let bounded = world.json(&["analyze", "--as-of", "2026-06-09"])["warnings"].to_string();
    assert!(!bounded.contains("--as-of"), "{bounded}");
}

#[test]
fn three_runs_that_stand_apart_are_undecided_not_silent() {
    let mut story = Story::new("late");
    story.days = 60;
    story.doubles_on = 57;
    let world = world(&[story]);
    let document = world.json(&["analyze"]);
    assert_eq!(names(&document["regressions"]), Vec::<String>::new());
    assert!(
        names(&document["inconclusive"]).contains(&"\"late\" \"work late\" \"duration\"".to_owned()),
        "{document:#}"
    );
    let run = world.run(&["analyze"]).exits(0);
    assert!(run.stdout.contains("Undecided") && run.stdout.contains("work late"), "{run:#?}");
}
