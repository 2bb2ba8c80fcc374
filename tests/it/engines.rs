//! `bench`: every engine on a small workload, and locks on real servers, in a storm.

use super::support::windtunnel;
use arrow::array::RecordBatch;
use parquet::arrow::{ArrowWriter, ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a command prints that goes well.
#[track_caller]
pub(crate) fn json(command: &mut Command) -> Value {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Runs `bench --json` and returns what it printed.
#[track_caller]
fn bench(arguments: &[&str]) -> Value {
    json(windtunnel().args(["bench", "--json", "--rounds", "3"]).args(arguments))
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} in {value:#}"))
}

/// What the contract says of each result.
#[track_caller]
fn check(result: &Value) {
    let count = |name: &str| result[name].as_u64().unwrap_or_else(|| panic!("{name} in {result:#}"));
    assert_eq!(count("items_in"), count("items_out") + count("items_dead_lettered"));
    let success = count("items_out") as f64 / count("items_in") as f64;
    assert!((number(result, "/success_rate") - success).abs() < 1e-9);
    for estimate in ["throughput", "baseline_throughput", "speedup", "cpu_speedup"] {
        let [point, lower, upper] =
            ["point", "lower", "upper"].map(|end| number(result, &format!("/{estimate}/{end}")));
        assert!(lower <= point && point <= upper && point > 0.0, "{estimate} in {result:#}");
    }
    let latency = ["p50_s", "p95_s", "p99_s"].map(|quantile| number(&result["latency"], &format!("/{quantile}")));
    assert!(latency.is_sorted() && latency[2] > 0.0, "{latency:?}");
    let samples = result["samples"].as_array().expect("samples");
    assert_eq!(samples.len(), 6, "three of each side");
    let ratios: Vec<f64> = (0..3)
        .map(|round| {
            let of = |side: &str| {
                let of_side = |sample: &&Value| sample["side"] == side && sample["round"] == round;
                let sample = samples.iter().find(of_side).expect("a sample");
                number(sample, "/items") / number(sample, "/seconds")
            };
            of("candidate") / of("baseline")
        })
        .collect();
    let (least, most) = (ratios.iter().copied().fold(f64::MAX, f64::min), ratios.iter().copied().fold(0.0, f64::max));
    let point = number(result, "/speedup/point");
    assert!(point >= least * 0.999 && point <= most * 1.001, "{point} of {ratios:?}");
}

#[test]
fn batches_are_tried_on_six_costs_each_by_rules_and_by_search() {
    let document = bench(&["batch", "--items", "4000", "--sweep"]);
    assert_eq!(document["schema"], "windtunnel.bench.v1");
    let results = document["engine_results"].as_array().expect("results");
    assert_eq!(results.len(), 12);
    for result in results {
        check(result);
        assert_eq!(result["items_in"], 4000);
        assert!(number(result, "/success_rate") >= 0.995, "{result:#}");
    }
    // Sizes up to that of one batch of all, and the search.
    let sizes: Vec<Option<u64>> =
        document["sweep"].as_array().expect("a sweep").iter().map(|point| point["size"].as_u64()).collect();
    let each = [100, 200, 500, 1000, 2000, 2500, 4000].map(Some).into_iter().chain([None]);
    assert_eq!(sizes, each.cycle().take(48).collect::<Vec<_>>());
    assert!(number(&document, "/spin_scaling") > 0.0);
}

#[test]
fn the_scheduler_on_threads_does_what_it_does_in_virtual_time() {
    let document = bench(&["scheduler", "--items", "120"]);
    let results = document["engine_results"].as_array().expect("results");
    assert_eq!(results.len(), 1);
    check(&results[0]);
    assert_eq!((results[0]["items_in"].as_u64(), results[0]["items_out"].as_u64()), (Some(120), Some(120)));
    let notes = results[0]["notes"].to_string();
    assert_eq!(notes.matches("in virtual time by the same decisions").count(), 2, "{notes}");
}

#[test]
fn more_workers_are_worth_it_where_tasks_wait() {
    let document = bench(&["workers", "--items", "300"]);
    let results = document["engine_results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    results.iter().for_each(check);
    assert!(number(&results[0], "/speedup/point") > 1.1, "{:#}", results[0]);
}

#[test]
fn urgent_requests_wait_less() {
    let document = bench(&["pool", "--items", "2400"]);
    let result = &document["engine_results"][0];
    check(result);
    let [now, before] = ["/latency/p99_s", "/baseline_latency/p99_s"].map(|pointer| number(result, pointer));
    assert!(now < before, "{now} against {before}");
    // Pair by pair, and told by each run.
    let of = |side: &str| {
        let samples = result["samples"].as_array().expect("samples").iter().filter(|sample| sample["side"] == side);
        samples.map(|sample| number(sample, "/p99_s").ln()).sum::<f64>() / 3.0
    };
    let gain = (of("baseline") - of("candidate")).exp();
    assert!((number(result, "/p99_gain/point") / gain - 1.0).abs() < 1e-9 && gain > 1.0, "{gain}: {result:#}");
}

#[test]
fn with_half_of_the_memory_all_at_once_dies_and_admission_does_not() {
    let document = bench(&["memory", "--items", "60"]);
    let result = &document["engine_results"][0];
    check(result);
    assert!(number(result, "/peak_rss_bytes") < number(result, "/baseline_peak_rss_bytes") / 2.0, "{result:#}");
    let notes = result["notes"].to_string();
    assert!(notes.contains("all at once does not finish"), "{notes}");
    assert!(notes.contains("it handles 60 of 60 items, refuses 0"), "{notes}");
    let share = notes.split(" MB at most, ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a share");
    assert!(share.parse::<f64>().expect("a number") < 70.0, "{notes}");
}

#[test]
fn locks_without_a_server_are_timed_and_stand_a_storm() {
    let document = bench(&["lock", "--items", "200"]);
    let results = document["engine_results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    results.iter().for_each(check);
    assert_safe(&bench(&["lock", "--storm", "4000"]), 4000);
}

#[track_caller]
pub(crate) fn assert_safe(document: &Value, writes: u64) {
    let storm = &document["storm"];
    assert!(storm["writes_accepted"].as_u64() >= Some(writes), "{storm:#}");
    for fault in ["lost_updates", "stale_accepted", "lost_writes"] {
        assert_eq!(storm[fault], 0, "{storm:#}");
    }
    assert!(storm["processes_stopped"].as_u64() > Some(0), "no storm: {storm:#}");
}

/// The storm is one: without fences it does harm. By which seed is a matter of chance.
#[test]
fn without_fences_a_storm_does_harm() {
    let harm = (1..=8).any(|seed| {
        let document = json(windtunnel().args([
            "bench",
            "--json",
            "lock",
            "--storm",
            "6000",
            "--unfenced",
            "--seed",
            &seed.to_string(),
        ]));
        ["lost_updates", "stale_accepted"].iter().any(|fault| document["storm"][fault].as_u64() > Some(0))
    });
    assert!(harm, "eight storms, and nothing was lost");
}

#[test]
fn what_cannot_be_is_told() {
    let told = |arguments: &[&str]| {
        let output = windtunnel().arg("bench").args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    assert!(told(&["lock", "--rounds", "2"]).contains("3 are the fewest"));
    assert!(told(&["batch", "--storm", "10"]).contains("--storm is for locks"));
    assert!(told(&["lock", "--storm", "0"]).contains("0 is not in 1.."));
    assert!(told(&["pool", "--items", "0"]).contains("1 to 1,000,000,000"));
    assert!(told(&["pool", "--rounds", "18446744073709551615"]).contains("1 to 1,000,000,000"));
    assert!(told(&["pool", "--sweep"]).contains("says nothing to the engines"));
    assert!(told(&["lock", "--backend", "http://x"]).contains("none of redis"));
    assert!(told(&["lock", "--backend", "in-process", "--storm", "9"]).contains("several processes"));
    assert!(told(&["lock", "--backend", ""]).contains("not nothing"));
    let text = told(&["lock", "--backend", "redis:user:secret@127.0.0.1"]);
    assert!(text.contains("begins with `redis://`") && !text.contains("secret"), "{text}");
    let text = told(&["lock", "--backend", "redis://user:secret@127.0.0.1:1"]);
    assert!(text.contains("locks on Redis") && !text.contains("secret"), "{text}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("work.toml");
    for (content, expected) in [
        ("[orders]\nodd = 1", "unknown field `odd`"),
        ("[orders]\npoison = 2.0", "`poison` is 2; it must be a share"),
        ("[batch]\nleast = 0", "sizes from 0"),
        ("[workers]\nleast = 9", "9 to 8 threads"),
        ("[batch]\ninitial = 0", "a batch has 1 to"),
        ("[batch]\nmemory_line = nan", "`batch.memory_line` is NaN"),
        ("[workers]\nbusy = 2.0", "`workers.busy` is 2"),
        ("[workers]\nqueue = 0", "room for 1 to"),
        ("[orders]\nmalformed = 1.0", "nothing was handled"),
        ("[[pools]]\nname = \"p\"\nslots = 4294967295", "4294967295 slots"),
        ("transient = 7", "`transient` is 7"),
        ("[[pools]]\nname = \"p\"\nslots = 0", "pool `p` has no slots"),
    ] {
        std::fs::write(&file, content).expect("written");
        let engine = match content {
            content if content.starts_with("[workers]") => "workers",
            content if content.starts_with("[[pools]]") => "pool",
            _ => "batch",
        };
        let text = told(&[engine, "--items", "500", "--rounds", "3", "--workload", file.to_str().expect("UTF-8")]);
        assert!(text.contains(expected), "{text}");
    }
}

/// Where files cannot grow, as on a disk that is full, a bench ends and says so: smaller batches and patience would not help.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_ends_the_bench() {
    let program = windtunnel().get_program().to_owned();
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" bench batch --items 100000 --rounds 3";
    let output = Command::new("sh").args(["-c", script]).arg(program).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("disk") && told.contains("gives no timing"), "{told}");
}

#[test]
fn pools_within_pools_are_timed_and_what_one_command_refuses_all_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("shop.toml");
    let name = file.to_str().expect("UTF-8");
    let inner = "[[pools]]\nname = \"all\"\nslots = 6\n\n[[pools]]\nname = \"part\"\nslots = 2\n";
    std::fs::write(&file, format!("{inner}within = \"all\"\n")).expect("written");
    let document = bench(&["pool", "--items", "600", "--workload", name]);
    check(&document["engine_results"][0]);
    let out = folder.path().join("out").to_str().expect("UTF-8").to_owned();
    for (text, why) in [
        (format!("{inner}within = \"none\"\n"), "which is no pool"),
        (format!("{inner}\n{inner}"), "two pools are named"),
        ("transient = 1.5\n".to_owned(), "must be a share"),
        (std::fs::read_to_string(super::support::dataset("ecommerce.toml")).expect("readable"), "describes a platform"),
    ] {
        std::fs::write(&file, text).expect("written");
        for command in [&["bench", "pool"][..], &["synth", "orders", "--out", &out]] {
            let output = windtunnel().args(command).args(["--workload", name]).output().expect("it runs");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && told.contains(why), "{command:?}: {told}");
        }
    }
}

#[test]
fn generated_orders_are_what_their_truth_says_and_the_bundled_workload_is_what_is_usual() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |out: &str, more: &[&str]| {
        let out = folder.path().join(out);
        let status = windtunnel().args(["synth", "orders", "--most", "20000", "--out"]).arg(&out).args(more).status();
        assert!(status.expect("it runs").success());
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("a file");
        (read("events.jsonl"), serde_json::from_str::<Value>(&read("ground_truth.json")).expect("JSON"))
    };
    let (events, truth) = write("a", &[]);
    assert_eq!(events.lines().count() as u64, truth["events"].as_u64().expect("a number"));
    let broken = events.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).count() as u64;
    assert_eq!(Some(broken), truth["malformed"].as_u64());
    let workload = super::support::dataset("orders.toml");
    assert_eq!(write("b", &["--workload", workload.to_str().expect("UTF-8")]).0, events);
    assert_ne!(write("c", &["--seed", "2"]).0, events);
}

/// Writes each part of a table anew as a program would have that did not know the column.
fn without_column(lake: &Path, table: &str, column: &str) {
    let manifest = lake.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let mut known: Value = serde_json::from_str(&text).expect("JSON");
    for part in known["parts"].as_array_mut().expect("parts") {
        let name = |sha256: &str| format!("part-{}.parquet", &sha256[..16]);
        let old = name(part["sha256"].as_str().expect("a hash"));
        let path = parts(&lake.join(table)).into_iter().find(|path| path.ends_with(&old)).expect("the part");
        let open = || ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("a part")).expect("Parquet");
        let names: Vec<String> = open().schema().fields().iter().map(|field| field.name().clone()).collect();
        let known = names.iter().map(String::as_str).filter(|name| *name != column);
        let mask = ProjectionMask::columns(open().parquet_schema(), known);
        let batches: Vec<RecordBatch> =
            open().with_projection(mask).build().expect("a reader").map(|batch| batch.expect("rows")).collect();
        assert_eq!(batches[0].num_columns() + 1, names.len(), "{names:?}");
        let file = File::create(&path).expect("a part");
        let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).expect("a writer");
        batches.iter().for_each(|batch| writer.write(batch).expect("written"));
        writer.close().expect("written");
        let bytes = std::fs::read(&path).expect("the part");
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::rename(&path, path.with_file_name(name(&sha256))).expect("renamed");
        (part["sha256"], part["bytes"]) = (sha256.into(), bytes.len().into());
    }
    std::fs::write(&manifest, known.to_string()).expect("written");
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => all.extend(parts(&path)),
            false => all.push(path),
        }
    }
    all
}

#[test]
fn benches_are_kept_gated_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let run = |arguments: &[&str]| {
        let output = windtunnel().arg("--lake").arg(&lake).args(arguments).output().expect("it runs");
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8(output.stderr).expect("UTF-8"),
        )
    };
    let (code, _, told) = run(&["gate", "--bench"]);
    assert_eq!(code, Some(1), "{told}");
    let bench = ["bench", "lock", "--backend", "in-process", "--items", "20000", "--rounds", "5", "--record"];
    assert_eq!(run(&bench).0, Some(0));
    let (code, _, told) = run(&["gate", "--bench"]);
    assert_eq!(code, Some(3), "the first one has nothing to be compared with: {told}");
    let (_, document, _) = run(&[&bench[..], &["--json"]].concat());
    let (code, text, told) = run(&["gate", "--bench", "--tolerance", "90%", "--json"]);
    assert!(matches!(code, Some(0 | 3)), "{text}{told}");
    assert!(text.contains("lock/in process, one after the other/lease with a fence"), "{text}");
    let undecided = text.contains("\"inconclusive\"");
    assert_eq!(undecided, text.contains("undecided: "), "what would decide is told: {text}");
    let (code, rows, told) =
        run(&["lake", "sql", "--json", "SELECT count(*) AS n, count(DISTINCT at) AS runs FROM bench_records"]);
    assert_eq!(code, Some(0), "{told}");
    let rows: Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!((&rows["rows"][0]["n"], &rows["rows"][0]["runs"]), (&20.into(), &2.into()));
    assert_eq!(run(&["lake", "verify"]).0, Some(0));

    // Waits are kept where they count, and a part from before they were has none.
    let waits = "SELECT engine, count(p99_seconds) AS n FROM bench_records GROUP BY engine ORDER BY engine";
    without_column(&lake, "bench_records", "p99_seconds");
    assert_eq!(run(&["bench", "pool", "--items", "600", "--rounds", "3", "--record"]).0, Some(0));
    let (code, rows, told) = run(&["lake", "sql", "--json", waits]);
    assert_eq!(code, Some(0), "{told}");
    let rows: Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!((&rows["rows"][0]["n"], &rows["rows"][1]["n"]), (&0.into(), &6.into()), "{rows:#}");
    let (_, text, told) = run(&["gate", "--bench", "--json"]);
    assert!(text.contains("priorities with ageing (600) p99\""), "{text}{told}");

    let kept = folder.path().join("bench.json");
    std::fs::write(&kept, &document).expect("written");
    let kept = kept.to_str().expect("UTF-8");
    let (code, text, told) = run(&["gate", "--current", kept, "--baseline", kept]);
    assert!(matches!(code, Some(0 | 3)), "{text}{told}");
    let out = folder.path().join("report");
    let (code, _, told) = run(&["report", "--from", kept, "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(code, Some(0), "{told}");
    let html = std::fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(html.contains("lease with a fence") && html.contains("<svg"), "{html}");
    assert!(out.join("images/bench-speedups.png").exists());
}

/// Processes whose parent that one is.
#[cfg(target_os = "linux")]
fn children_of(parent: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name in brackets: state, parent.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()) == Some(parent)
    })
    .collect()
}

/// However a storm ends, its processes end with it, the stopped ones as well.
#[cfg(target_os = "linux")]
#[test]
fn a_storm_that_is_killed_leaves_nobody_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut storm = windtunnel()
        .args(["bench", "lock", "--storm", "1000000"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("no storm began", &|| children_of(storm.id()).len() >= 8);
    std::thread::sleep(Duration::from_secs(1));
    let children = children_of(storm.id());
    storm.kill().expect("it runs");
    storm.wait().expect("it ended");
    // One that ended may wait for whoever reaps it.
    let ended = |child: &u32| match std::fs::read_to_string(format!("/proc/{child}/stat")) {
        Ok(stat) => stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z')),
        Err(_) => true,
    };
    until("some go on", &|| children.iter().all(ended));
}

/// Somebody stops a bench: its files go with it, also those in a folder that was named.
#[cfg(unix)]
#[test]
fn a_bench_that_is_stopped_leaves_no_files() {
    let (own, named) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut bench = windtunnel()
        .args(["bench", "lock", "--rounds", "5000", "--items", "5000", "--backend"])
        .arg(named.path())
        .env("TMPDIR", own.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let made = |folder: &Path| std::fs::read_dir(folder).expect("a folder").count();
    let began = Instant::now();
    while made(named.path()) == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "no bench began");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let stopped = Command::new("kill").args(["-INT", &bench.id().to_string()]).status();
    assert!(stopped.expect("it runs").success());
    assert_eq!(bench.wait().expect("it ended").code(), Some(130));
    assert_eq!((made(own.path()), made(named.path())), (0, 0));
}

/// What is wrong with arguments is told before anything is run.
#[test]
fn wrong_arguments_are_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = |arguments: &[&str]| {
        let began = Instant::now();
        let output = windtunnel().current_dir(folder.path()).arg("bench").args(arguments).output().expect("it runs");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        // All engines take minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(bench(&["--items", "4000"]).contains("`memory`"));
    assert!(bench(&["--record", "--deployment", "a b"]).contains("a b"));
    assert!(bench(&["--backend", "foo://bar"]).contains("foo://"));
    assert!(bench(&["--backend", "inprocess"]).contains("neither `in-process`"));
    assert!(!folder.path().join("inprocess").exists());
}

/// Pointers to all values of a document that have no others in them.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(all) => all.iter().for_each(|(key, value)| leaves(value, &format!("{at}/{key}"), found)),
        Value::Array(all) => all.iter().enumerate().for_each(|(i, value)| leaves(value, &format!("{at}/{i}"), found)),
        _ => found.push(at.to_owned()),
    }
}

/// A document of a bench in which a value is something else is reported or refused with its path.
#[test]
fn any_value_in_a_bench_document_is_reported_or_refused() {
    let document = bench(&["lock", "--backend", "in-process", "--items", "2000"]);
    let mut places = Vec::new();
    leaves(&document, "", &mut places);
    let values = ["null", "-1", "0", "1e308", "-1e308", "18446744073709551615", "\"<b>\\u0000\"", "[]", "{}", "true"];
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("bench.json");
    let (mut reported, mut refused) = (0, 0);
    // Each place at least once, the values in turn.
    for (turn, place) in
        places.iter().enumerate().filter(|(turn, _)| places.len() < 60 || turn % (places.len() / 60) == 0)
    {
        let mut changed = document.clone();
        let value = values[(turn * 7) % values.len()];
        *changed.pointer_mut(place).expect("it is there") = serde_json::from_str(value).expect("JSON");
        std::fs::write(&kept, changed.to_string()).expect("written");
        let out = folder.path().join(format!("report-{turn}"));
        let output =
            windtunnel().args(["report", "--from"]).arg(&kept).arg("--out").arg(&out).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {
                let html = std::fs::read_to_string(out.join("report.html")).expect("a page");
                assert!(!html.contains("<b>\u{0}"), "{place} = {value} is not escaped");
                reported += 1;
            }
            Some(1) => {
                assert!(told.contains("bench.json"), "{place} = {value}: {told}");
                refused += 1;
            }
            code => panic!("{place} = {value}: {code:?} {told}"),
        }
    }
    assert!(reported > 5 && refused > 5, "{reported} reported, {refused} refused");
}

/// Killed wherever it is, again and again: in the end each record is there once or is a dead letter, each once.
#[test]
fn a_batch_run_that_is_killed_goes_on_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut kills, mut wait) = (0, 0u64);
    let last = loop {
        let mut command = windtunnel();
        command.args(["bench-child", "batch"]).arg(folder.path()).arg("60000");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        // Longer each time: at some time it gets to the end.
        wait += 23 + wait / 16;
        let until = Instant::now() + Duration::from_millis(wait);
        while Instant::now() < until && child.try_wait().expect("a process").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().expect("a process").is_some() {
            break child.wait_with_output().expect("its output");
        }
        child.kill().expect("killed");
        child.wait().expect("its end");
        kills += 1;
        assert!(kills < 1000, "it never got to its end");
    };
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    assert!(String::from_utf8_lossy(&last.stdout).contains("all accounted for"));
    let letters = std::fs::read_to_string(folder.path().join("dead.jsonl")).expect("letters");
    let place = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["place"].as_u64().expect("a place");
    let mut places: Vec<u64> = letters.lines().map(place).collect();
    let all = places.len();
    places.sort_unstable();
    places.dedup();
    assert!(places.len() == all && all > 0, "a letter twice");
    assert!(kills > 0, "it was never killed");
}
