//! Each JSON document fits the JSON Schema that the program publishes for it, and has the keys of the contract.

use super::{
    support::{World, arg, dataset, text},
    synthetic::{Story, dag_runs, task_instances},
};
use serde_json::Value;

/// Checks what schemars writes: types, required and known keys, items, references, alternatives, constants.
fn violations(value: &Value, schema: &Value, root: &Value, path: &str, out: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"));
        violations(value, target, root, path, out);
    }
    let alternatives = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(all) = alternatives {
        let fits = |schema: &Value| {
            let mut wrong = Vec::new();
            violations(value, schema, root, path, &mut wrong);
            wrong.is_empty()
        };
        if !all.iter().any(fits) {
            out.push(format!("{path}: fits none of the alternatives: {value}"));
        }
    }
    let is = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().any(|name| name.as_str().is_some_and(is)),
        _ => true,
    };
    if !fits {
        out.push(format!("{path}: {value} is not {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|constant| constant != value)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(value))
    {
        out.push(format!("{path}: {value} is none of the constants"));
    }
    if let Value::Object(fields) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                out.push(format!("{path}: lacks {name}"));
            }
        }
        for (name, field) in fields {
            let known = schema["properties"].get(name);
            match known.or(schema.get("additionalProperties").filter(|rest| rest.is_object())) {
                Some(schema) => violations(field, schema, root, &format!("{path}.{name}"), out),
                None if schema["properties"].is_object() => out.push(format!("{path}: {name} is not in the schema")),
                None => {}
            }
        }
    }
    if let Value::Array(items) = value {
        for (i, item) in items.iter().enumerate() {
            violations(item, &schema["items"], root, &format!("{path}[{i}]"), out);
        }
    }
}

/// Documents about a small history.
fn documents() -> (World, Vec<(&'static str, Value)>) {
    let (world, stories) = (World::new(), [Story::new("shop"), Story { starts_at: 7200.0, ..Story::new("bank") }]);
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    let receipt = world.ingest("default", &[&world.path("in"), &dataset("export-archived")]);
    let weekly = world.json(&["weekly", "in"]);
    world.write("cost.toml", "[engineers]\nhour = 100\ninvested_hours = 2\n");
    let dag = world.write("dag.json", r#"{"tasks": [["a", 1, null, null, []], ["b", 2, null, null, [0]]]}"#);
    world.write("dags/dag.json", r#"{"tasks": [["a", 1, null, null, []], ["b", 2, null, null, [0]]]}"#);
    let platform = world.write("platform.toml", super::platform::SMALL);
    let documents = vec![
        ("receipt", receipt),
        ("weekly", weekly),
        ("lake", world.json(&["lake", "ls"])),
        ("lake", world.json(&["lake", "verify"])),
        ("rows", world.json(&["lake", "sql", "SELECT * FROM dag_runs LIMIT 3"])),
        ("analysis", world.json(&["analyze"])),
        ("report", world.json(&["report", "--from", "reports/analysis.json"])),
        ("doctor", world.json(&["doctor"])),
        ("config", world.json(&["config", "show"])),
        ("gate", gate(&world)),
        (
            "simulation",
            world.json(&["simulate", "--dag", "shop", "--set", "parallelism=4", "--sweep", "parallelism=1..2"]),
        ),
        ("simulation", world.json(&["simulate", "--dag", arg(&dag), "--policy", "best"])),
        ("sharing", world.json(&["simulate", "--dag", "dags"])),
        ("explanation", world.json(&["explain", "shop", "latest", "--deadline", "2h"])),
        ("critical_path", world.json(&["explain", "shop"])),
        ("bench", world.json(&["bench", "ecommerce", "--workload", arg(&platform), "--virtual-only"])),
        ("compare", world.json(&["compare", "--at", "2026-05-01", "--cost", "cost.toml"])),
        ("benchmarks", serde_json::from_slice(&std::fs::read(world.path("kept.json")).expect("kept")).expect("JSON")),
    ];
    (world, documents)
}

/// A gate on itself, which also writes what is kept for the next one.
fn gate(world: &World) -> Value {
    world.write("bench.csv", "value\n1.0\n1.1\n1.2\n1.1\n1.0\n1.2\n");
    let arguments = ["gate", "--json", "--current", "bench.csv", "--baseline", "bench.csv", "--save", "kept.json"];
    world.run(&arguments).json()
}

#[test]
fn each_document_begins_as_the_contract_says() {
    for (name, document) in documents().1 {
        let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
        assert_eq!(keys[0], "schema", "{name}");
        assert_eq!(document["schema"], format!("windtunnel.{name}.v1"));
        assert!(document["windtunnel"].is_string() && document["warnings"].is_array(), "{name}: {keys:?}");
        let wanted = match name {
            "receipt" => "deployment sources totals span defects",
            "weekly" => "receipt paths seed",
            "simulation" => {
                "seed policy slots makespan_s lower_bound_s lower_bound_tight_s work_s critical_path_s critical_path tasks model_error interval"
            }
            "explanation" => "dag_id run_id duration_s critical_path parts",
            "bench" => "host engine_results quiet_machine",
            "gate" => "verdict benchmarks false_alarm_rate seed",
            "analysis" => {
                "seed as_of window baseline axis regressions improvements trends went_away inconclusive not_measurable \
                 run_changes series dags coverage false_alarm_rate"
            }
            _ => "",
        };
        for key in wanted.split_whitespace() {
            assert!(document.get(key).is_some(), "{name} lacks {key}: {keys:?}");
        }
    }
}

#[test]
fn each_document_fits_its_published_schema() {
    let (world, documents) = documents();
    let listed = world.run(&["schema"]).exits(0).stdout;
    let published: Vec<&str> = listed.lines().collect();
    let mut wrong = Vec::new();
    for (name, document) in documents.iter().filter(|(name, _)| published.contains(name)) {
        let schema = world.run(&["schema", name]).exits(0).json();
        assert!(text(&schema, "$schema").contains("json-schema.org"), "{schema:#}");
        violations(document, &schema, &schema, name, &mut wrong);
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_analysis_of_a_recorded_airflow_fits_its_published_schema() {
    let world = World::new();
    world.ingest("prod", &[&dataset("airflow-2.10.5")]);
    let (document, schema) = (world.json(&["analyze"]), world.run(&["schema", "analysis"]).exits(0).json());
    let mut wrong = Vec::new();
    violations(&document, &schema, &schema, "analysis", &mut wrong);
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_schema_is_published_for_each_document() {
    let (world, documents) = documents();
    let missing: Vec<&str> =
        documents.iter().map(|(name, _)| *name).filter(|name| world.run(&["schema", name]).code != Some(0)).collect();
    assert!(missing.is_empty(), "no schema for {missing:?}");
}

#[test]
fn a_finding_has_the_keys_of_the_contract() {
    let (_, documents) = documents();
    let analysis = &documents.iter().find(|(name, _)| *name == "analysis").expect("analysis").1;
    let finding = &analysis["regressions"][0];
    for key in "deployment dag_id task_id run_type index quantity changed_at changed_low changed_high in_window effect effect_raw \
                q_value minutes_lost_per_week evidence"
        .split_whitespace()
    {
        assert!(finding.get(key).is_some(), "a regression lacks {key}: {finding:#}");
    }
    let change = &analysis["run_changes"][0];
    assert!(change["parts"][0]["kind"].is_string() && change["parts"][0].get("task_id").is_some(), "{change:#}");
    let (dag, series) = (&analysis["dags"][0], &analysis["series"][0]);
    for (of, keys) in [(dag, "dag_id gantt critical_path edges_from"), (series, "key points regimes")] {
        for key in keys.split_whitespace() {
            assert!(of.get(key).is_some(), "lacks {key}: {of:#}");
        }
    }
}
