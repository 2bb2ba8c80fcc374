//! `gate` through the binary: every format, every exit code, every file that it writes.

use super::{
    numbers::noise,
    support::{World, arg, dataset, list, number, text},
};
use quick_xml::events::Event;
use serde_json::{Value, json};
use std::fs;

/// Forty measurements about `level`.
fn samples(level: f64, seed: u64) -> Vec<f64> {
    noise(40, seed).iter().map(|e| level * (0.03 * e).exp()).collect()
}

/// The same benchmark as each tool writes it: name and text.
fn outputs(level: f64, seed: u64) -> Vec<(&'static str, String)> {
    let times = samples(level, seed);
    let cells: Vec<Value> =
        times.iter().map(|t| json!({"time_wall_clock": {"value": t, "unit": "second"}, "exit_code": 0})).collect();
    let repetitions: Vec<Value> = times
        .iter()
        .map(|t| json!({"name": "b", "run_name": "b", "run_type": "iteration", "real_time": t, "time_unit": "ns"}))
        .collect();
    let go: String = times.iter().map(|t| format!("BenchmarkB-8 \t 100\t {t} ns/op\t 16 B/op\n")).collect();
    let csv: String = times.iter().map(|t| format!("b,{t}\n")).collect();
    vec![
        ("hyperfine-1.json", json!({"results": [{"command": "b", "times": times}]}).to_string()),
        (
            "hyperfine-2.json",
            json!({"schema_version": 2, "primary_metric": "time_wall_clock", "results": [{"command": "b", "measurements": cells}]})
                .to_string(),
        ),
        (
            "pytest.json",
            json!({"machine_info": {}, "benchmarks": [{"name": "b", "stats": {"data": times, "mean": 1.0, "stddev": 1.0, "rounds": 40}}]})
                .to_string(),
        ),
        ("google.json", json!({"context": {"num_cpus": 2}, "benchmarks": repetitions}).to_string()),
        (
            "jmh.json",
            json!([{"benchmark": "b", "mode": "avgt", "primaryMetric": {"scoreUnit": "s/op", "rawData": [times]}}]).to_string(),
        ),
        ("go.txt", format!("goos: linux\n{go}PASS\n")),
        ("numbers.csv", format!("series_id,value\n{csv}")),
        ("own.json", json!({"schema": "windtunnel.benchmarks.v1", "runs": [{"benchmarks": [{"name": "b", "samples": times}]}]}).to_string()),
    ]
}

fn gate(world: &World, current: &str, baseline: &str) -> Option<i32> {
    world.run(&["gate", "--current", current, "--baseline", baseline]).code
}

#[test]
fn every_format_passes_unchanged_and_fails_slowed() {
    let world = World::new();
    let (before, same, slow) = (outputs(10.0, 1), outputs(10.0, 2), outputs(12.0, 3));
    for ((name, before), ((_, same), (_, slow))) in before.into_iter().zip(same.into_iter().zip(slow)) {
        let paths = [("before", before), ("same", same), ("slow", slow)]
            .map(|(side, output)| world.write(&format!("{side}-{name}"), output));
        let [before, same, slow] = paths.each_ref().map(|path| arg(path));
        assert_eq!((gate(&world, same, before), gate(&world, slow, before)), (Some(0), Some(2)), "{name}");
    }
}

#[test]
fn single_figures_are_judged_by_their_history() {
    let world = World::new();
    let figures = [100.2, 99.1, 101.3, 100.4, 98.9, 100.8, 99.6, 100.1];
    let bmf = |v: f64| json!({"b": {"latency": {"value": v}}}).to_string();
    let list = |v: f64| json!([{"name": "b", "unit": "ns", "value": v}]).to_string();
    for (i, v) in figures.iter().enumerate() {
        world.write(&format!("bmf/{i}.json"), bmf(*v));
        world.write(&format!("list/{i}.json"), list(*v));
    }
    let entries: Vec<Value> = figures
        .iter()
        .enumerate()
        .map(|(i, v)| json!({"date": 1000 * i, "tool": "go", "benches": [{"name": "b", "unit": "ns", "value": v}]}))
        .collect();
    let history = |all: &[Value]| format!("window.BENCHMARK_DATA = {}", json!({"entries": {"suite": all}}));
    world.write("data.js", history(&entries));
    for (now, baseline) in [("bmf", "bmf"), ("list", "list"), ("list", "data.js")] {
        let text = if now == "bmf" { bmf } else { list };
        world.write("same.json", text(100.5));
        world.write("slow.json", text(125.0));
        assert_eq!(
            (gate(&world, "same.json", baseline), gate(&world, "slow.json", baseline)),
            (Some(0), Some(2)),
            "{now} {baseline}"
        );
    }
    // A history whose last run is the one of now is no part of its own baseline.
    let mut entries = entries;
    entries.push(json!({"date": 99_000, "tool": "go", "benches": [{"name": "b", "unit": "ns", "value": 125.0}]}));
    world.write("data.js", history(&entries));
    let found = world.run(&["gate", "--json", "--current", "data.js", "--baseline", "data.js"]).exits(2).json();
    assert_eq!(number(&found["baseline_runs"]), 8.0);
}

#[test]
fn recorded_outputs_are_read() {
    // What each tool really wrote: 10 scattered samples, 3 sleeps, means of 5 MB of rounds, the rounds themselves.
    let world = World::new();
    for (name, code) in
        [("criterion", 3), ("hyperfine.json", 3), ("pytest-benchmark.json", 0), ("pytest-benchmark-data.json.gz", 0)]
    {
        let path = dataset("bench").join(name);
        let run = world.run(&["gate", "--json", "--current", arg(&path), "--baseline", arg(&path)]).exits(code).json();
        assert!(number(&run["benchmarks"][0]["current"]["point"]) > 0.0, "{name}: {run}");
    }
}

#[test]
fn a_criterion_folder_is_compared_with_its_own_last_run() {
    let world = World::new();
    let sample = |level, seed| json!({"iters": vec![1.0; 40], "times": samples(level, seed)}).to_string();
    for (run, level) in [("base", 10.0), ("new", 12.0), ("main", 12.0)] {
        world.write(&format!("criterion/b/{run}/benchmark.json"), r#"{"full_id": "b"}"#);
        world.write(&format!("criterion/b/{run}/sample.json"), sample(level, run.len() as u64));
    }
    assert_eq!(gate(&world, "criterion", "criterion"), Some(2));
    let with = ["gate", "--current", "criterion", "--baseline", "criterion", "--criterion-baseline"];
    assert_eq!(world.run(&[&with[..], &["main"]].concat()).code, Some(0));
    // A run that is not there is a missing baseline, and no pass.
    let run = world.run(&[&with[..], &["older"]].concat()).exits(3);
    assert!(run.stderr.contains("no run `older`") && run.stderr.contains("base, main, new"), "{run:?}");
}

#[test]
fn without_a_baseline_there_is_no_pass() {
    let world = World::new();
    world.write("now.csv", "value\n1\n2\n3\n4\n5\n");
    let run = world.run(&["gate", "--current", "now.csv"]).exits(3);
    assert!(run.says().contains("no baseline") && run.says().contains("--save"), "{run:?}");
    assert_eq!(gate(&world, "now.csv", "not-there.json"), Some(3));
    for arguments in [
        &["gate", "--current", "not-there.json"][..],
        &["gate"],
        &["gate", "--current", "now.csv", "--tolerance", "x"],
        &["gate", "--current", "now.csv", "--floor", "-1"],
        &["gate", "--current", "now.csv", "--limit", "no-equals"],
    ] {
        world.run(arguments).exits(1);
    }
    world.write("broken.json", r#"{"results": ["#);
    let run = world.run(&["gate", "--current", "now.csv", "--baseline", "broken.json"]).exits(1);
    assert!(run.stderr.contains("broken.json") && run.stderr.contains("line 1"), "{run:?}");
}

#[test]
fn undecided_is_what_the_user_says() {
    let world = World::new();
    world.write("wild.csv", "value\n1\n9\n2\n8\n3\n7\n");
    let with =
        |more: &[&str]| world.run(&[&["gate", "--current", "wild.csv", "--baseline", "wild.csv"][..], more].concat());
    let run = with(&[]).exits(3);
    assert!(run.stdout.contains("NO DECISION") && run.stdout.contains("a side needed"), "{run:?}");
    assert!(run.stdout.contains("NO DECISION"), "{run:?}");
    // What is written agrees with the exit code.
    let read = |name: &str| std::fs::read_to_string(world.path(name)).expect("was written");
    for (wish, exit, failures) in [("fail", 2, "failures=\"1\""), ("pass", 0, "failures=\"0\"")] {
        let told =
            with(&["--on-inconclusive", wish, "--json", "--junit", "j.xml", "--metrics", "m.txt"]).exits(exit).json();
        assert_eq!((text(&told, "verdict"), &told["as_asked"]), (wish, &serde_json::Value::Bool(true)));
        assert_eq!(text(&told["benchmarks"][0], "verdict"), "inconclusive");
        let (junit, metrics) = (read("j.xml"), read("m.txt"));
        assert!(junit.contains(failures) && junit.contains("--on-inconclusive"), "{junit}");
        assert!(metrics.contains(&format!("windtunnel_gate_exit_code {exit}")), "{metrics}");
        assert!(with(&["--on-inconclusive", wish]).exits(exit).stdout.contains("--on-inconclusive"));
    }
    // A limit wide enough decides it.
    with(&["--limit", "value=1000%"]).exits(0);
}

#[test]
fn a_second_run_confirms_or_takes_back() {
    let world = World::new();
    let csv = |level, seed| samples(level, seed).iter().fold("value\n".to_owned(), |all, v| all + &format!("{v}\n"));
    world.write("before.csv", csv(10.0, 1));
    world.write("again-slow.csv", csv(12.0, 3));
    world.write("again-fine.csv", csv(10.0, 4));
    let rerun = |copy: &str| {
        world.write("now.csv", csv(12.0, 2));
        let command = format!("cp {copy} now.csv; echo noise of the benchmarks");
        world.run(&["gate", "--json", "--current", "now.csv", "--baseline", "before.csv", "--rerun", &command])
    };
    let confirmed = rerun("again-slow.csv").exits(2).json();
    assert_eq!(number(&confirmed["benchmarks"][0]["confirmed_runs"]), 2.0);
    let taken_back = rerun("again-fine.csv").exits(0).json();
    assert_eq!(text(&taken_back, "verdict"), "pass");
    assert!(text(&taken_back["benchmarks"][0], "reason").contains("1 of 2 runs"), "{taken_back}");
    world.write("now.csv", csv(12.0, 2));
    let run = world.run(&["gate", "--current", "now.csv", "--baseline", "before.csv", "--rerun", "exit 7"]).exits(1);
    assert!(run.stderr.contains("--rerun failed"), "{run:?}");
    let run = world.run(&["gate", "--current", "now.csv", "--baseline", "before.csv", "--rerun", "true"]).exits(1);
    assert!(run.stderr.contains("a run does not confirm itself"), "{run:?}");
}

#[test]
fn saved_runs_become_a_history_whose_scatter_counts() {
    let world = World::new();
    for (i, level) in [10.0, 11.2, 9.5, 10.4, 8.8, 10.9, 9.7].into_iter().enumerate() {
        let values = samples(level, i as u64).iter().fold("value\n".to_owned(), |all, v| all + &format!("{v}\n"));
        world.write("now.csv", values);
        // The tolerance lets every run in.
        let arguments = ["gate", "--current", "now.csv", "--save", "main.json", "--keep", "6", "--tolerance", "90%"];
        world.run(&arguments).exits(if i == 0 { 3 } else { 0 });
    }
    let kept: Value = serde_json::from_slice(&fs::read(world.path("main.json")).expect("kept")).expect("JSON");
    assert_eq!(list(&kept["runs"]).len(), 6);
    assert!(kept["runs"][0]["at"].is_string() && kept["runs"][0]["host"]["cores"].is_string(), "{kept}");
    // One of them alone would call 11.5 a regression; all of them know that runs differ by more.
    let values = samples(11.5, 99).iter().fold("value\n".to_owned(), |all, v| all + &format!("{v}\n"));
    world.write("now.csv", values);
    let found = world.run(&["gate", "--json", "--current", "now.csv", "--baseline", "main.json"]).exits(3).json();
    assert_eq!((text(&found["benchmarks"][0], "basis"), number(&found["baseline_runs"])), ("runs", 6.0));
    // The same run once more is none, and one that failed is not let in.
    let saved = fs::read(world.path("main.json")).expect("kept");
    let again = ["gate", "--save", "main.json", "--on-inconclusive", "pass", "--current"];
    let run = world.run(&[&again[..], &["now.csv"]].concat()).exits(0);
    assert!(run.stderr.is_empty(), "{run:?}");
    assert!(world.run(&[&again[..], &["now.csv"]].concat()).exits(0).stderr.contains("it has this run"));
    let values = samples(30.0, 99).iter().fold("value\n".to_owned(), |all, v| all + &format!("{v}\n"));
    world.write("slow.csv", values);
    let before = fs::read(world.path("main.json")).expect("kept");
    assert!(before != saved);
    assert!(world.run(&[&again[..], &["slow.csv"]].concat()).exits(2).stderr.contains("not added to main.json"));
    assert_eq!(fs::read(world.path("main.json")).expect("kept"), before);
    // What is no baseline is found out before anything is judged.
    world.write("main.json", "{");
    world.run(&[&again[..], &["now.csv"]].concat()).exits(1);
    // What was saved is a series as well.
    world.write("main.json", &saved);
    let series = world.json(&["detect", "main.json"]);
    assert_eq!((list(&series["series"]).len(), number(&series["series"][0]["n"])), (1, 6.0));
}

#[test]
fn an_earlier_gate_is_a_baseline() {
    let world = World::new();
    for (name, level, seed) in [("a.csv", 10.0, 1), ("b.csv", 10.0, 2), ("c.csv", 12.0, 3)] {
        world.write(name, samples(level, seed).iter().fold("value\n".to_owned(), |all, v| all + &format!("{v}\n")));
    }
    let document = world.run(&["gate", "--json", "--current", "a.csv", "--baseline", "b.csv"]).exits(0).stdout;
    world.write("gate.json", document);
    assert_eq!((gate(&world, "b.csv", "gate.json"), gate(&world, "c.csv", "gate.json")), (Some(0), Some(2)));
}

#[test]
fn machines_are_compared() {
    let world = World::new();
    let on = |cpu: &str, seed| {
        json!({"schema": "windtunnel.benchmarks.v1", "runs": [{"host": {"cpu": cpu}, "benchmarks": [{"name": "b", "samples": samples(1.0, seed)}]}]})
            .to_string()
    };
    world.write("a.json", on("Alpha", 1));
    world.write("b.json", on("Beta", 2));
    let with =
        |policy: &str| world.run(&["gate", "--current", "b.json", "--baseline", "a.json", "--host-mismatch", policy]);
    assert!(with("warn").exits(0).stderr.contains("cpu `Beta` instead of `Alpha`"));
    assert!(with("ignore").exits(0).stderr.is_empty());
    with("fail").exits(3);
}

#[test]
fn new_and_vanished_benchmarks() {
    let world = World::new();
    let of = |names: &[&str]| {
        let all: Vec<Value> = names.iter().map(|name| json!({"name": name, "samples": samples(1.0, 1)})).collect();
        json!({"schema": "windtunnel.benchmarks.v1", "runs": [{"benchmarks": all}]}).to_string()
    };
    world.write("one.json", of(&["a"]));
    world.write("two.json", of(&["a", "b"]));
    assert_eq!((gate(&world, "two.json", "one.json"), gate(&world, "one.json", "two.json")), (Some(3), Some(3)));
    world.run(&["gate", "--current", "two.json", "--baseline", "one.json", "--allow-new"]).exits(0);
    world.run(&["gate", "--current", "one.json", "--baseline", "two.json", "--allow-gone"]).exits(0);
    // Nothing at all in the baseline is no new benchmark.
    world.run(&["gate", "--current", "two.json", "--baseline", "none.json", "--allow-new"]).exits(3);
}

#[test]
fn all_that_is_written() {
    let world = World::new();
    let csv = |level: f64| {
        let rows =
            |id: &str, level: f64, seed| samples(level, seed).iter().map(|v| format!("{id},{v}\n")).collect::<String>();
        format!("series_id,value\n{}{}", rows("\"<a> & \"\"b\"\" | c\"", level, 1), rows("same", 1.0, 2))
    };
    world.write("before.csv", csv(10.0));
    world.write("now.csv", csv(12.0));
    let files = [
        "--junit",
        "out/gate.xml",
        "--summary",
        "out/gate.md",
        "--code-quality",
        "out/cq.json",
        "--bmf",
        "out/bmf.json",
        "--metrics",
        "out/metrics.txt",
    ];
    let arguments =
        [&["gate", "--current", "now.csv", "--baseline", "before.csv", "--annotations", "github"][..], &files[..]]
            .concat();
    let run = world.run(&arguments).exits(2);
    assert!(run.stdout.contains("::error title=<a> & \"b\" | c%3A regressed::"), "{run:?}");
    let read = |name: &str| fs::read_to_string(world.path(name)).expect(name);
    check_junit(&read("out/gate.xml"));
    assert!(read("out/gate.md").starts_with("### ❌ windtunnel gate failed: 1 regressed, 1 unchanged\n"));
    let findings: Value = serde_json::from_str(&read("out/cq.json")).expect("JSON");
    assert_eq!((list(&findings).len(), text(&findings[0]["location"], "path")), (1, "now.csv"));
    assert_eq!(gate(&world, "out/bmf.json", "out/bmf.json"), Some(3), "single figures");
    assert!(read("out/metrics.txt").ends_with("# EOF\n"));
    // A step's summary is added to, any other file is written anew.
    let summary = |set: bool| {
        let mut command =
            world.command(&["gate", "--current", "now.csv", "--baseline", "before.csv", "--summary", "step.md"]);
        command.env_remove("GITHUB_STEP_SUMMARY");
        if set {
            command.env("GITHUB_STEP_SUMMARY", "step.md");
        }
        command.output().expect("run");
        read("step.md").matches("### ").count()
    };
    assert_eq!((summary(false), summary(false), summary(true)), (1, 1, 2));
}

/// The structure that Jenkins, GitLab and GitHub's reporters want: suites hold a suite, a suite its cases, counts add up.
fn check_junit(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut stack, mut counts) = (Vec::new(), std::collections::BTreeMap::new());
    let mut suite = std::collections::BTreeMap::new();
    loop {
        let event = reader.read_event().expect("well-formed");
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            match event {
                Event::End(_) => drop(stack.pop()),
                Event::Eof => break,
                _ => {}
            }
            continue;
        };
        let name = String::from_utf8(element.name().as_ref().to_vec()).expect("UTF-8");
        let attributes: std::collections::BTreeMap<String, String> = element
            .attributes()
            .map(|a| a.expect("an attribute"))
            .map(|a| {
                (String::from_utf8_lossy(a.key.as_ref()).into_owned(), String::from_utf8_lossy(&a.value).into_owned())
            })
            .collect();
        let (parent, wanted): (&[&str], &[&str]) = match name.as_str() {
            "testsuites" => (&[], &["name", "tests", "failures", "errors"]),
            "testsuite" => (&["testsuites"], &["name", "tests", "failures", "errors", "skipped"]),
            "properties" | "testcase" => {
                (&["testsuite"], if name == "testcase" { &["name", "classname"] } else { &[] })
            }
            "property" => (&["properties"], &["name", "value"]),
            "failure" | "error" | "skipped" => (&["testcase"], &["message", "type"]),
            "system-out" => (&["testcase"], &[]),
            other => panic!("element {other}"),
        };
        assert_eq!(stack.last().map(String::as_str), parent.first().copied(), "{name}");
        assert!(wanted.iter().all(|key| attributes.contains_key(*key)), "{name}: {attributes:?}");
        *counts.entry(name.clone()).or_insert(0) += 1;
        if name == "testsuite" {
            suite = attributes;
        }
        if matches!(event, Event::Start(_)) {
            stack.push(name);
        }
    }
    assert!(stack.is_empty());
    for (attribute, element) in
        [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
    {
        assert_eq!(suite[attribute], counts.get(element).copied().unwrap_or(0).to_string(), "{attribute}");
    }
}

#[test]
fn the_terminal_keeps_to_eighty_columns() {
    let world = World::new();
    let before = outputs(10.0, 1).remove(5).1;
    world.write("before.txt", &before);
    world.write(
        "now.txt",
        before.replace("BenchmarkB-8", "BenchmarkWithAVeryLongNameThatGoesOnAndOnAndOnAndOnForEverAndEver-8") + &before,
    );
    let mut command = world.command(&["gate", "--current", "now.txt", "--baseline", "before.txt", "--allow-new"]);
    let output = command.env("COLUMNS", "80").output().expect("run");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let longest = shown.lines().filter(|l| !l.contains("VeryLong")).map(|l| l.chars().count()).max();
    assert!(longest <= Some(80), "{shown}");
}

#[test]
fn text_from_data_cannot_drive_the_terminal_or_the_workflow() {
    for hostile in ["\u{1b}[31mred\r\n::error::owned", "::error::owned", "  ::stop-commands::x", "x ##[error]y"] {
        let world = World::new();
        let of = |level, seed| {
            let entry = json!({"name": hostile, "unit": hostile, "samples": samples(level, seed)});
            json!({"schema": "windtunnel.benchmarks.v1", "runs": [{"host": {"cpu": format!("{hostile}{level}")}, "benchmarks": [entry]}]})
                .to_string()
        };
        world.write("a.json", of(1.0, 1));
        world.write("b.json", of(2.0, 2));
        let arguments = [
            "gate",
            "--current",
            "b.json",
            "--baseline",
            "a.json",
            "--junit",
            "g.xml",
            "--summary",
            "g.md",
            "--metrics",
            "m.txt",
        ];
        let plain = world.run(&arguments).exits(2);
        let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        assert_eq!(plain.says().lines().filter(is_command).count(), 0, "{plain:?}");
        let annotated = world.run(&[&arguments[..], &["--annotations", "github"]].concat()).exits(2);
        assert_eq!(
            annotated.says().lines().filter(|line| line.trim_start().starts_with("::")).count(),
            1,
            "{annotated:?}"
        );
        let files = ["g.xml", "g.md", "m.txt"].map(|name| fs::read_to_string(world.path(name)).expect(name));
        for text in [&plain.says(), &annotated.says()].into_iter().chain(&files) {
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
        }
        check_junit(&files[0]);
        assert!(files[1].lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')), "{}", files[1]);
    }
}

#[test]
fn a_mistyped_baseline_and_a_floor_that_says_nothing_are_told() {
    let world = World::new();
    world.write("fast.csv", "value\n10\n11\n10\n11\n10\n11\n");
    world.write("slow.csv", "value\n20\n21\n20\n21\n20\n21\n");
    let gate = |more: &[&str]| world.run(&[&["gate", "--current", "slow.csv"][..], more].concat());
    let typo = gate(&["--baseline", "fsat.csv", "--on-inconclusive", "pass"]).exits(1);
    assert!(typo.stderr.contains("fsat.csv"), "{typo:?}");
    gate(&["--baseline", "fsat.csv"]).exits(3);
    gate(&["--baseline", "./new.json", "--save", "new.json", "--on-inconclusive", "pass"]).exits(0);
    assert!(gate(&["--save", "folder/", "--on-inconclusive", "pass"]).exits(1).stderr.contains("is a folder"));
    let floored = gate(&["--baseline", "fast.csv", "--floor", "500s"]).exits(2);
    assert!(floored.stderr.contains("no unit"), "{floored:?}");
    let floored = gate(&["--baseline", "fast.csv", "--floor", "50"]).exits(0);
    assert!(!floored.stderr.contains("no unit"), "{floored:?}");
}
