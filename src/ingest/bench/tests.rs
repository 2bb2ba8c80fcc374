//! Every format, from text as its tool writes it.

use super::*;

fn read(text: &str) -> Result<Vec<BenchRun>, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("results");
    std::fs::write(&path, text).expect("written");
    read_benches(&path, None)
}

fn one(text: &str) -> BenchRun {
    let mut runs = read(text).expect("readable");
    assert_eq!(runs.len(), 1);
    runs.remove(0)
}

/// Name with the measure, unit, is more better, figures.
fn told(run: &BenchRun) -> Vec<(String, &str, bool, Measured)> {
    run.results.iter().map(|r| (r.full_name(), &*r.unit, r.higher_is_better, r.measured.clone())).collect()
}

fn samples(values: &[f64]) -> Measured {
    Measured::Samples(values.to_vec())
}

#[test]
fn hyperfine_1() {
    let run = one(r#"{"results": [{"command": "sleep 1", "mean": 1.5, "times": [1.0, 2.0], "exit_codes": [0, 0]},
                        {"command": "false", "mean": 0.1, "times": [0.1, 0.1], "exit_codes": [1, null]}]}"#);
    assert_eq!(told(&run), [("sleep 1".to_owned(), "s", false, samples(&[1.0, 2.0]))]);
    assert_eq!(run.broken, [("false".into(), "2 of 2 runs ended with exit code 1".into())]);
}

#[test]
fn hyperfine_2() {
    let run = one(r#"{"schema_version": 2, "metadata": {"platform": {"os": "linux", "architecture": "x86_64"}},
            "primary_metric": "time_wall_clock",
            "results": [{"command": "sleep 1", "name": "nap", "measurements": [
              {"time_wall_clock": {"value": 1.0, "unit": "second"}, "memory_peak_resident": {"value": 9.0, "unit": "byte"}, "exit_code": 0},
              {"time_wall_clock": {"value": 1.1, "unit": "second"}, "memory_peak_resident": {"value": 9.0, "unit": "byte"}, "exit_code": 0}],
              "summary": {}}]}"#);
    assert_eq!(told(&run), [("nap".to_owned(), "s", false, samples(&[1.0, 1.1]))]);
    assert_eq!(run.host.system.as_deref(), Some("linux x86_64"));
}

#[test]
fn pytest_with_and_without_its_rounds() {
    let run = one(
        r#"{"machine_info": {"cpu": {"brand_raw": "X", "count": 2}, "system": "Linux", "machine": "x86_64", "release": "6.1",
             "python_implementation": "CPython", "python_version": "3.11"},
            "datetime": "2026-11-24T11:18:32.573113+00:00", "benchmarks": [
            {"name": "a", "fullname": "t.py::a", "stats": {"data": [1.0, 2.0], "mean": 1.5, "stddev": 0.7, "rounds": 2}},
            {"name": "b", "fullname": "t.py::b", "stats": {"data": [1.0, "... cut"], "mean": 1.5, "stddev": 0.5, "rounds": 90}},
            {"name": "c", "stats": {"mean": 1.5, "stddev": 0.5, "rounds": 7}}]}"#,
    );
    let summary = |n| Measured::Summary { mean: 1.5, sd: 0.5, n };
    assert_eq!(
        told(&run),
        [
            ("t.py::a".to_owned(), "s", false, samples(&[1.0, 2.0])),
            ("t.py::b".to_owned(), "s", false, summary(90)),
            ("c".to_owned(), "s", false, summary(7)),
        ]
    );
    let facts: Vec<String> = run.host.facts().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(facts, ["cpu=X", "cores=2", "system=Linux x86_64", "kernel=6.1", "runtime=CPython 3.11"]);
    assert_eq!(run.at.map(|at| at.to_string()).as_deref(), Some("2026-11-24T11:18:32.573113Z"));
}

#[test]
fn google_repetitions_and_aggregates() {
    let entry = |kind: &str, aggregate: &str, name: &str, time: f64| {
        let aggregate =
            if aggregate.is_empty() { String::new() } else { format!(r#","aggregate_name":"{aggregate}""#) };
        format!(
            r#"{{"name":"{name}_{kind}","run_name":"{name}","run_type":"{kind}","repetitions":3,"real_time":{time},"time_unit":"us"{aggregate}}}"#
        )
    };
    let entries = [
        entry("iteration", "", "f", 1.0),
        entry("iteration", "", "f", 2.0),
        entry("aggregate", "mean", "f", 1.5),
        entry("aggregate", "mean", "g", 4.0),
        entry("aggregate", "stddev", "g", 0.5),
        r#"{"name":"h","run_name":"h","error_occurred":true,"error_message":"no disk"}"#.to_owned(),
    ];
    let run = one(&format!(
        r#"{{"context":{{"num_cpus":4,"mhz_per_cpu":2700,"cpu_scaling_enabled":true}},"benchmarks":[{}]}}"#,
        entries.join(",")
    ));
    let summary = Measured::Summary { mean: 4000.0, sd: 500.0, n: 3 };
    assert_eq!(
        told(&run),
        [("f".to_owned(), "ns", false, samples(&[1000.0, 2000.0])), ("g".to_owned(), "ns", false, summary)]
    );
    assert_eq!(run.broken, [("h".into(), "no disk".into())]);
    assert_eq!(run.host.governor.as_deref(), Some("scaling"));
}

#[test]
fn jmh_raw_data_and_histograms() {
    let run = one(
        r#"[{"benchmark": "a.B.c", "mode": "thrpt", "threads": 4, "params": {"n": "10"}, "vmName": "VM", "jdkVersion": "21",
             "primaryMetric": {"score": 2.0, "scoreError": "NaN", "scoreUnit": "ops/s", "rawData": [[1.0, 2.0], [3.0]]}},
            {"benchmark": "a.B.d", "mode": "sample", "threads": 1,
             "primaryMetric": {"score": 2.0, "scoreUnit": "ms/op", "rawDataHistogram": [[[[1.0, 2], [4.0, 1]]]]}}]"#,
    );
    let known = told(&run);
    assert_eq!(known[0], ("a.B.c n=10 threads=4 thrpt".to_owned(), "ops/s", true, samples(&[1.0, 2.0, 3.0])));
    assert_eq!(known[1].0, "a.B.d sample");
    let Measured::Summary { mean, sd, n } = known[1].3 else { panic!("{known:?}") };
    assert!((mean - 2.0).abs() < 1e-12 && (sd - 3f64.sqrt()).abs() < 1e-12 && n == 3);
    assert_eq!(run.host.runtime.as_deref(), Some("VM 21"));
}

#[test]
fn go_lines_repeat() {
    let run = one("goos: linux\ngoarch: amd64\npkg: x.io/y\ncpu: Fast 3000\n\
                   BenchmarkA-8   100  12.5 ns/op  3 B/op  800 MB/s\nBenchmarkA-8   100  13.5 ns/op  3 B/op  900 MB/s\n\
                   BenchmarkNote this line is no measurement\n--- FAIL: BenchmarkB\npanic: boom\nPASS\n");
    assert_eq!(
        told(&run),
        [
            ("x.io/y.BenchmarkA-8".to_owned(), "ns", false, samples(&[12.5, 13.5])),
            ("x.io/y.BenchmarkA-8 B/op".to_owned(), "B/op", false, samples(&[3.0, 3.0])),
            ("x.io/y.BenchmarkA-8 MB/s".to_owned(), "MB/s", true, samples(&[800.0, 900.0])),
        ]
    );
    assert_eq!(run.broken, [("x.io/y.BenchmarkB".into(), "failed".into()), ("x.io/y".into(), "panic: boom".into())]);
    assert_eq!((run.host.cpu.as_deref(), run.host.system.as_deref()), (Some("Fast 3000"), Some("linux amd64")));
}

#[test]
fn bmf_and_github_action() {
    let run = one(r#"{"b": {"latency": {"value": 3.0, "lower_value": 1.0}}, "a": {"throughput": {"value": 9.0}}}"#);
    assert_eq!(
        told(&run),
        [
            ("b latency".to_owned(), "ns", false, Measured::Point(3.0)),
            ("a throughput".to_owned(), "ops/s", true, Measured::Point(9.0)),
        ]
    );
    let run = one(
        r#"[{"name": "x", "unit": "req/s", "value": 70, "range": "± 3"}, {"name": "y", "unit": "MB", "value": 1.5}]"#,
    );
    assert_eq!(
        told(&run),
        [("x".to_owned(), "req/s", true, Measured::Point(70.0)), ("y".to_owned(), "MB", false, Measured::Point(1.5)),]
    );
}

#[test]
fn a_history_is_a_run_an_entry_in_order_of_time() {
    let text = r#"window.BENCHMARK_DATA = {"lastUpdate": 1, "repoUrl": "u", "entries": {"Suite": [
        {"commit": {}, "date": 2000, "tool": "customBiggerIsBetter", "benches": [{"name": "x", "unit": "points", "value": 2}]},
        {"commit": {}, "date": 1000, "tool": "customBiggerIsBetter", "benches": [{"name": "x", "unit": "points", "value": 1}]}]}}"#;
    let runs = read(text).expect("readable");
    let values: Vec<_> = runs.iter().map(|run| run.results[0].measured.clone()).collect();
    assert_eq!(values, [Measured::Point(1.0), Measured::Point(2.0)]);
    assert!(runs.iter().all(|run| run.results[0].higher_is_better));
}

#[test]
fn own_documents() {
    let runs = read(
        r#"{"schema": "windtunnel.benchmarks.v1", "windtunnel": "0", "runs": [
            {"at": "2026-01-02T00:00:00Z", "host": {"cpu": "B"}, "benchmarks": [{"name": "x", "measure": "time", "unit": "s", "samples": [2.0]}]},
            {"at": "2026-01-01T00:00:00Z", "host": {}, "benchmarks": [{"name": "x", "mean": 1.0, "sd": 0.1, "n": 9}]}]}"#,
    )
    .expect("readable");
    assert_eq!(runs[0].results[0].measured, Measured::Summary { mean: 1.0, sd: 0.1, n: 9 });
    assert_eq!((runs[1].host.cpu.as_deref(), &runs[1].results[0].measured), (Some("B"), &samples(&[2.0])));
    let run = one(r#"{"schema": "windtunnel.gate.v1", "benchmarks": [
            {"name": "x B/op", "unit": "B/op", "current": {"point": 4.0, "lower": 3.0, "upper": 5.0, "n": 16, "standard_error": 0.5}},
            {"name": "y", "current": null}]}"#);
    let summary = Measured::Summary { mean: 4.0, sd: 2.0, n: 16 };
    assert_eq!(told(&run), [("x B/op".to_owned(), "B/op", false, summary)]);
    let error = read(r#"{"schema": "windtunnel.detect.v1"}"#).expect_err("no benchmarks").to_string();
    assert!(error.contains("\"windtunnel.detect.v1\" holds no benchmarks"), "{error}");
}

#[test]
fn plain_numbers_and_compressed_files() {
    let run = one("series_id,value\na,1\na,2\nb,3\n");
    assert_eq!(
        told(&run),
        [("a".to_owned(), "", false, samples(&[1.0, 2.0])), ("b".to_owned(), "", false, samples(&[3.0]))]
    );
    assert_eq!(told(&one("[1, 2, 3]"))[0].3, samples(&[1.0, 2.0, 3.0]));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("r.json.gz");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, b"[1, 2]").expect("packed");
    std::fs::write(&path, packed.finish().expect("packed")).expect("written");
    assert_eq!(told(&read_benches(&path, None).expect("readable")[0])[0].3, samples(&[1.0, 2.0]));
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let id = r#"{"full_id": "g/f/1"}"#;
    write("c/g/f/1/new/benchmark.json", id);
    write("c/g/f/1/new/sample.json", r#"{"sampling_mode": "Linear", "iters": [1.0, 2.0], "times": [10.0, 30.0]}"#);
    write("c/g/f/1/main/benchmark.json", id);
    let at = |name: &str| folder.path().join(name);
    let runs = read_benches(&at("c"), None).expect("readable");
    assert_eq!(told(&runs[0]), [("g/f/1".to_owned(), "ns", false, samples(&[10.0, 15.0]))]);
    let runs = read_benches(&at("c"), Some("main")).expect("readable");
    assert_eq!(runs[0].broken, [("g/f/1".into(), "no sample.json beside it".into())]);
    let error = read_benches(&at("c"), Some("base")).expect_err("no such run").to_string();
    assert!(error.ends_with("no run `base` in this criterion folder; there are main, new"), "{error}");
    write("runs/1.json", "[1, 2]");
    write("runs/2.csv", "value\n3\n");
    assert_eq!(read_benches(&at("runs"), None).expect("readable").len(), 2);
    let run = |name: &str| format!(r#"{{"benchmarks": [{{"name": "{name}", "stats": {{"data": [1.0, 2.0]}}}}]}}"#);
    write("suites/1.json", &run("a"));
    write("suites/2.json", &run("b"));
    let error = read_benches(&at("suites"), None).expect_err("two suites").to_string();
    assert!(
        error.contains("2.json has no benchmark in common") && error.contains("give the files themselves"),
        "{error}"
    );
    assert!(matches!(read_benches(&at("none"), None), Err(Error::NotFound { .. })));
}

#[test]
fn what_is_none_of_them_is_refused_with_the_place() {
    for (text, says) in [
        ("", "holds nothing"),
        ("{", "is no JSON: EOF"),
        ("{}", "an empty object"),
        (r#"{"a": 1}"#, "JSON with a; wanted a criterion folder"),
        (
            r#"{"results": [{"command": 1}]}"#,
            "no hyperfine output: invalid type: integer `1`, expected a string at line 1",
        ),
        (r#"{"results": [{"command": "x", "times": ["y"]}]}"#, "no hyperfine output"),
        (r#"{"results": []}"#, "no benchmark stands there"),
        (r#"{"results": []} {"results": []}"#, "trailing characters at line 1 column 17"),
        ("hello\nworld\n", "no column `value`"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(says), "{text:?}: {error}");
    }
    let run = one(r#"{"results": [{"command": "x", "times": []}]}"#);
    assert_eq!(run.broken, [("x".into(), "no measurement".into())]);
}

#[test]
fn numbers_beyond_measure_are_no_panic() {
    let big = r#"[{"benchmark": "x", "mode": "sample", "primaryMetric": {"scoreUnit": "s", "rawDataHistogram": [[[[1.0, 18446744073709551615], [2.0, 1]]]]}}]"#;
    assert!(matches!(one(big).results[0].measured, Measured::Summary { .. }));
    let big =
        r#"{"benchmarks": [{"name": "a", "stats": {"mean": 1.0, "stddev": 0.1, "rounds": 18446744073709551615}}]}"#;
    assert!(matches!(one(big).results[0].measured, Measured::Summary { n, .. } if n < 1 << 50));
    let spaces = format!("{}[1, 2]", " ".repeat(100_000));
    assert_eq!(told(&one(&spaces))[0].3, samples(&[1.0, 2.0]));
    let long = format!(r#"{{"{}": 1}}"#, "k".repeat(1_000_000));
    assert!(read(&long).expect_err("nothing known").to_string().len() < 2_000);
}

#[test]
fn secrets_in_commands_stay_where_they_are() {
    let run = one(r#"{"results": [{"command": "curl postgres://u:hunter2@db/x", "times": [1.0, 2.0]}]}"#);
    assert!(!run.results[0].name.contains("hunter2"), "{}", run.results[0].name);
}
