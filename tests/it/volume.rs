//! Tasks that handle more take longer: at equal rows nothing changed, or just then something did.

use super::{
    support::{World, list, number, text},
    synthetic::{TASK_HEADER, date, instant},
};
use serde_json::Value;

const DAYS: usize = 80;
const CHANGE: usize = 60;

/// Rows of a day: they scatter by a fifth, and change by a factor on day 60.
fn rows(day: usize, factor: f64) -> f64 {
    let scatter = 1.0 + 0.4 * (((day * 7919 + 31) % 97) as f64 / 97.0 - 0.5);
    1e6 * scatter * if day >= CHANGE { factor } else { 1.0 }
}

/// (DAG, change of its rows, change of its seconds at equal rows).
const DAGS: [(&str, f64, f64); 3] = [("grows", 1.5, 1.0), ("slower", 0.75, 1.35), ("steady", 1.0, 1.0)];

fn history() -> (String, String) {
    let mut tasks = format!("{TASK_HEADER}\n");
    let mut volumes = "dag_id,task_id,run_id,rows\n".to_owned();
    for (place, (dag, more, slower)) in DAGS.into_iter().enumerate() {
        for day in 0..DAYS {
            let noise = 1.0 + 0.06 * (((day * 104_729 + place * 7) % 89) as f64 / 89.0 - 0.5);
            let seconds = rows(day, more) / 1e4 * noise * if day >= CHANGE { slower } else { 1.0 };
            let (queued, start) = (60.0 * place as f64, 60.0 * place as f64 + 2.0);
            let run_id = format!("scheduled__{}T00:00:00+00:00", date(day));
            tasks.push_str(&format!(
                "load,{dag},{run_id},-1,{},{},{seconds},success,1,1,default_pool,1,default,1,BashOperator,{},,{}\n",
                instant(day, start),
                instant(day, start + seconds),
                instant(day, queued),
                instant(day, start + seconds),
            ));
            volumes.push_str(&format!("{dag},load,{run_id},{:.0}\n", rows(day, more)));
        }
    }
    (tasks, volumes)
}

fn found(document: &Value, shelf: &str) -> Vec<String> {
    list(&document[shelf]).iter().map(|f| format!("{} {}", text(f, "dag_id"), text(f, "quantity"))).collect()
}

#[test]
fn a_task_that_handles_more_is_not_slower_and_one_that_hides_behind_less_is() {
    let (tasks, volumes) = history();
    let world = World::new();
    world.write("in/task_instance.csv", tasks);
    world.ingest("x", &[&world.path("in")]);
    let blind = world.json(&["analyze"]);
    assert_eq!(found(&blind, "regressions"), ["grows duration"], "{blind:#}");

    world.write("rows.csv", volumes);
    world.ingest("x", &[&world.path("rows.csv")]);
    let document = world.json(&["analyze"]);
    assert_eq!(found(&document, "regressions"), ["slower duration"], "{document:#}");
    assert_eq!(found(&document, "improvements"), Vec::<String>::new());
    let finding = &list(&document["regressions"])[0];
    let effect = &finding["effect"];
    assert!(number(&effect["lower"]) <= 1.35 && 1.35 <= number(&effect["upper"]), "{effect:#}");
    assert_eq!(&text(finding, "changed_at")[..10], date(CHANGE), "{finding:#}");
    let evidence = finding["evidence"].to_string();
    assert!(evidence.contains("judged at equal rows: it handles -2"), "{evidence}");

    let then = world.json(&["analyze", "--as-of", &format!("{}T12:00:00Z", date(CHANGE + 6))]);
    let said = then["warnings"].to_string();
    assert!(said.contains("grows.load") && said.contains("no other change was found at equal rows"), "{said}");
    assert_eq!(found(&then, "regressions"), ["slower duration"], "{then:#}");
}

#[test]
fn two_ranges_are_compared_at_equal_rows() {
    let (tasks, volumes) = history();
    let world = World::new();
    world.write("in/task_instance.csv", tasks);
    world.write("in/rows.csv", volumes);
    world.ingest("x", &[&world.path("in")]);
    let document = world.json(&["compare", "--at", &date(CHANGE)]);
    let location = |id: &str| {
        let is =
            |e: &&Value| text(e, "id") == id && text(e, "quantity") == "duration" && text(e, "statistic") == "location";
        let one = list(&document["effects"]).iter().find(is).unwrap_or_else(|| panic!("no {id}: {document:#}"));
        (text(one, "verdict").to_owned(), number(&one["ratio"]["point"]))
    };
    assert_eq!(location("grows.load").0, "unchanged", "{document:#}");
    let (verdict, ratio) = location("slower.load");
    assert!(verdict == "regressed" && (1.25..1.45).contains(&ratio), "{verdict} {ratio}");
}

/// One DAG of `n` daily runs: seconds and rows of each.
fn one_dag(runs: &[(f64, Option<f64>)]) -> World {
    let mut tasks = format!("{TASK_HEADER}\n");
    let mut volumes = "dag_id,task_id,run_id,rows\n".to_owned();
    for (day, (seconds, rows)) in runs.iter().enumerate() {
        let run_id = format!("scheduled__{}T00:00:00+00:00", date(day));
        tasks.push_str(&format!(
            "load,d,{run_id},-1,{},{},{seconds},success,1,1,default_pool,1,default,1,BashOperator,{},,{}\n",
            instant(day, 2.0),
            instant(day, 2.0 + seconds),
            instant(day, 0.0),
            instant(day, 2.0 + seconds),
        ));
        if let Some(rows) = rows {
            volumes.push_str(&format!("d,load,{run_id},{rows:.0}\n"));
        }
    }
    let world = World::new();
    world.write("in/task_instance.csv", tasks);
    world.write("in/rows.csv", volumes);
    world.ingest("x", &[&world.path("in")]);
    world
}

fn noise(day: usize) -> f64 {
    1.0 + 0.06 * (((day * 104_729) % 89) as f64 / 89.0 - 0.5)
}

#[test]
fn rows_that_changed_once_explain_nothing() {
    let runs: Vec<_> = (0..70)
        .map(|day| if day < 55 { (60.0 * noise(day), Some(100.0)) } else { (90.0 * noise(day), Some(150.0)) })
        .collect();
    assert_eq!(found(&one_dag(&runs).json(&["analyze"]), "regressions"), ["d duration"]);
}

#[test]
fn rows_missing_at_the_end_or_the_beginning_make_no_step() {
    for missing in [60..70, 0..12] {
        let run = |day: usize| {
            let rows = rows(day.min(CHANGE - 1), 1.0) * 1.012_f64.powi(day as i32);
            (rows / 2e4 * noise(day), (!missing.contains(&day)).then_some(rows))
        };
        let document = one_dag(&(0..70).map(run).collect::<Vec<_>>()).json(&["analyze"]);
        assert_eq!(found(&document, "regressions"), Vec::<String>::new(), "{missing:?}");
        assert_eq!(found(&document, "improvements"), Vec::<String>::new(), "{missing:?}");
    }
}

#[test]
fn nothing_is_said_where_rows_went_far_beyond_what_was_seen() {
    for factor in [0.1, 3.0] {
        let run = |day: usize| {
            let rows = rows(day, factor);
            ((60.0 + 4e-5 * rows) * noise(day), Some(rows))
        };
        let document = one_dag(&(0..70).map(run).collect::<Vec<_>>()).json(&["analyze"]);
        assert_eq!(found(&document, "regressions"), Vec::<String>::new(), "{factor}");
        let said = document["warnings"].to_string();
        assert!(said.contains("d.load") && said.contains("nothing can be said of the rest"), "{factor}: {said}");
    }
}

#[test]
fn what_is_no_amount_is_a_counted_defect() {
    let world = World::new();
    let rows = "dag_id,task_id,run_id,rows,bytes\na,t,r1,-5,\na,t,r2,,\na,t,r3,many,\na,t,r4,7.0,9\n";
    world.write("rows.csv", rows);
    world.ingest("x", &[&world.path("rows.csv")]);
    let kept = world.sql("SELECT run_id, rows, bytes FROM task_volumes");
    assert_eq!((kept.len(), number(&kept[0]["rows"]), number(&kept[0]["bytes"])), (1, 7.0, 9.0), "{kept:?}");
    let reasons: Vec<String> =
        world.sql("SELECT reason FROM defects").iter().map(|d| text(d, "reason").to_owned()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
}

#[test]
fn volumes_of_what_never_ran_are_told() {
    let world = one_dag(&(0..70).map(|day| (60.0 * noise(day), Some(100.0))).collect::<Vec<_>>());
    let said = |world: &World| world.json(&["analyze"])["warnings"].to_string();
    assert!(!said(&world).contains("volumes"), "{}", said(&world));
    let rows = "dag_id,task_id,run_id,rows\nd,laod,scheduled__2026-04-01T00:00:00+00:00,7\nd,load,manual__nope,7\n\
                D,load,scheduled__x,7\n";
    world.write("strange/rows.csv", rows);
    world.ingest("x", &[&world.path("strange")]);
    let said = said(&world);
    assert!(said.contains("2 of 72 rows of volumes explain nothing"), "{said}");
    assert!(
        said.contains("1 of a task laod, which d does not have, 1 of runs such as manual__nope of d.load"),
        "{said}"
    );
    assert!(said.contains("1 DAG(s) that have no run in the lake, such as D"), "{said}");
}
