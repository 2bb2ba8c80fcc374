//! Is the analysis right? A recorded Airflow whose tasks were changed on purpose, and synthetic histories, both with the
//! truth beside them.

use super::{
    support::{World, dataset, json_file, list, number, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

fn recorded() -> World {
    let world = World::new();
    world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    world
}

fn findings<'a>(document: &'a Value, shelves: &[&str]) -> Vec<&'a Value> {
    shelves.iter().flat_map(|shelf| list(&document[shelf])).collect()
}

fn about<'a>(findings: &[&'a Value], planted: &Value) -> Vec<&'a Value> {
    let same = |f: &&&Value| f["dag_id"] == planted["dag_id"] && f["task_id"] == planted["task_id"];
    findings.iter().filter(same).copied().collect()
}

/// lower <= value <= upper; a bound that is null is infinite.
fn holds(estimate: &Value, value: f64) -> bool {
    estimate["lower"].as_f64().is_none_or(|low| low <= value)
        && estimate["upper"].as_f64().is_none_or(|high| value <= high)
}

#[test]
fn every_planted_step_is_found_dated_and_measured() {
    let document = recorded().json(&["analyze"]);
    let truth = json_file("datasets/airflow-2.10.5/ground_truth.json");
    let levels = findings(&document, &["regressions", "improvements"]);
    let mut steps = 0;
    for planted in list(&truth["changed"]).iter().filter(|c| c["kind"] == "step") {
        let factor = number(&planted["factor"]);
        let hit = about(&levels, planted)
            .into_iter()
            .find(|f| f["quantity"] == "duration")
            .unwrap_or_else(|| panic!("missed: {planted}"));
        let shelf = if factor > 1.0 { "regressions" } else { "improvements" };
        assert!(list(&document[shelf]).contains(hit), "{hit:#}");
        let index = planted["map_index"].as_u64().map_or("all".to_owned(), |index| index.to_string());
        assert_eq!(hit["index"].to_string().trim_matches('"'), index, "{hit:#}");
        let (low, at, high) = (text(hit, "changed_low"), text(hit, "changed_at"), text(hit, "changed_high"));
        let date = text(planted, "at");
        assert!(low[..10] <= *date && *date <= high[..10] && low <= at && at <= high, "{date} not in {low}..{high}");
        let realised = planted["realised_work"]["factor"].as_f64().unwrap_or(factor);
        assert!(holds(&hit["effect"], realised), "{realised} not in {:#}", hit["effect"]);
        assert!(number(&hit["q_value"]) < 0.05, "{hit:#}");
        steps += 1;
    }
    assert_eq!(steps, 5);
}

#[test]
fn a_task_got_slower_while_its_recorded_times_fell() {
    let document = recorded().json(&["analyze", "--dag", "orders_etl"]);
    let enrich = findings(&document, &["regressions"]);
    let enrich = enrich.iter().find(|f| f["task_id"] == "transform.enrich_orders").expect("enrich_orders is found");
    assert!(number(&enrich["effect"]["point"]) > 1.5, "{enrich:#}");
    assert!(number(&enrich["effect_raw"]["point"]) < 1.0, "{enrich:#}");
    assert!(!list(&enrich["evidence"]).is_empty());
}

#[test]
fn drift_spike_and_failures_stand_on_their_own_shelves() {
    let document = recorded().json(&["analyze"]);
    let one = |shelf: &str, dag: &str, task: &str| -> Value {
        let hit = list(&document[shelf]).iter().find(|f| f["dag_id"] == dag && f["task_id"] == task);
        hit.unwrap_or_else(|| panic!("{dag}.{task} is not among {shelf}: {:#}", document[shelf])).clone()
    };
    let spike = one("went_away", "finance_report", "fx_convert");
    assert!(number(&spike["effect"]["point"]) > 3.0 && text(&spike, "from").starts_with("2026-09-25"), "{spike:#}");
    let drift = one("trends", "marketing_attribution", "attribute_touchpoints");
    assert!(holds(&drift["per_week"], 0.084), "1.2 % a day: {drift:#}");
    let failing = one("regressions", "users_sync", "extract_crm_contacts");
    assert!(["failure_rate", "retry_rate"].contains(&text(&failing, "quantity")), "{failing:#}");
}

#[test]
fn nothing_unchanged_is_called_changed() {
    let document = recorded().json(&["analyze"]);
    let truth = json_file("datasets/airflow-2.10.5/ground_truth.json");
    let all = findings(&document, &["regressions", "improvements", "trends", "went_away"]);
    let unchanged = list(&truth["unchanged"]);
    assert!(unchanged.len() > 30);
    for planted in unchanged {
        assert!(about(&all, planted).is_empty(), "{:#?}", about(&all, planted));
    }
}

/// Seven DAGs, each at a time of its own, in each of which one task doubles and two do not.
fn doubling(scale: f64) -> World {
    let world = World::new();
    let story = |i: usize| Story { starts_at: 1800.0 * i as f64, scale, ..Story::new(&format!("dag{i}")) };
    let stories: Vec<Story> = (0..7).map(story).collect();
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.ingest("x", &[&world.path("in")]);
    world
}

#[test]
fn a_task_that_doubles_has_an_effect_of_two() {
    let mut wrong = Vec::new();
    for scale in [0.1, 10.0] {
        let document = doubling(scale).json(&["analyze"]);
        let of_task = |f: &&Value| f["quantity"] == "duration" && f["task_id"].is_string();
        let found: Vec<&Value> = list(&document["regressions"]).iter().filter(of_task).collect();
        let names: Vec<_> =
            found.iter().map(|f| format!("{}.{} x{}", f["dag_id"], f["task_id"], f["effect"]["point"])).collect();
        assert_eq!(found.len(), 7, "scale {scale}: {names:?} {}", document["warnings"]);
        for finding in found {
            assert!(text(finding, "task_id").starts_with("work "), "{finding:#}");
            assert!(text(finding, "changed_at").starts_with("2026-05-01"), "{finding:#}");
            for name in ["effect", "effect_raw"] {
                let effect = &finding[name];
                if !holds(effect, 2.0) {
                    let [point, low, high] = ["point", "lower", "upper"].map(|bound| number(&effect[bound]));
                    wrong.push(format!("scale {scale}: {name} x{point:.2} ({low:.2} to {high:.2})"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_parts_of_a_run_add_up_to_its_change() {
    for world in [recorded(), doubling(1.0)] {
        let document = world.json(&["analyze"]);
        let changes = list(&document["run_changes"]);
        assert!(!changes.is_empty());
        for change in changes {
            let sum: f64 = list(&change["parts"]).iter().map(|part| number(&part["seconds"])).sum();
            let point = number(&change["seconds"]["point"]);
            assert!((sum - point).abs() < 1e-6, "{} parts sum to {sum}, not {point}", change["dag_id"]);
        }
    }
}

#[test]
fn every_estimate_is_whole_and_in_order() {
    fn check(value: &Value, path: &str) {
        match value {
            Value::Object(fields) => {
                if let (Some(point), Some(low), Some(high)) =
                    (fields.get("point"), fields.get("lower"), fields.get("upper"))
                {
                    let (point, low, high) = (point.as_f64(), low.as_f64(), high.as_f64());
                    let fine =
                        low.zip(point).is_none_or(|(a, b)| a <= b) && point.zip(high).is_none_or(|(a, b)| a <= b);
                    assert!(fine, "{path}: {value}");
                    for name in ["level", "n", "method"] {
                        assert!(fields.contains_key(name), "{path} lacks {name}: {value}");
                    }
                }
                fields.iter().for_each(|(name, value)| check(value, &format!("{path}.{name}")));
            }
            Value::Array(all) => all.iter().enumerate().for_each(|(i, value)| check(value, &format!("{path}[{i}]"))),
            _ => {}
        }
    }
    check(&recorded().json(&["analyze"]), "");
}
