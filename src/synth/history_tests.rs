//! Whole histories: what the files hold against what the ground truth says.

use super::{Airflow, Files, Options, Summary, history};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, Arc<Mutex<Vec<u8>>>>);

struct Open(Arc<Mutex<Vec<u8>>>);

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Files for Memory {
    fn create(&mut self, name: &str) -> io::Result<Box<dyn Write + Send>> {
        let file = Arc::<Mutex<Vec<u8>>>::default();
        assert!(self.0.insert(name.to_owned(), file.clone()).is_none(), "{name} twice");
        Ok(Box::new(Open(file)))
    }
}

/// A history as it was written.
struct Written {
    files: BTreeMap<String, String>,
    truth: Value,
    summary: Summary,
}

fn write(options: &Options) -> Written {
    let mut memory = Memory::default();
    let summary = history(options, &mut memory).expect("memory takes all");
    let text = |file: &Arc<Mutex<Vec<u8>>>| String::from_utf8(file.lock().expect("lock").clone()).expect("UTF-8");
    let files: BTreeMap<String, String> = memory.0.iter().map(|(name, file)| (name.clone(), text(file))).collect();
    let truth = serde_json::from_str(&files["ground_truth.json"]).expect("JSON");
    Written { files, truth, summary }
}

type Row<'a> = BTreeMap<&'a str, &'a str>;

impl Written {
    /// Rows of a table whose fields hold no commas.
    fn rows(&self, name: &str) -> Vec<Row<'_>> {
        let mut lines = self.files[name].lines();
        let header: Vec<&str> = lines.next().expect("header").split(',').collect();
        let row = |line: &'_ str| -> usize { line.split(',').count() };
        lines
            .inspect(|line| assert_eq!(row(line), header.len(), "{line}"))
            .map(|line| header.iter().copied().zip(line.split(',')).collect())
            .collect()
    }

    fn planted(&self, kind: &str) -> &Value {
        let planted = self.truth["planted"].as_array().expect("list");
        planted.iter().find(|change| change["kind"] == kind).expect("planted")
    }
}

/// Microseconds of `2026-03-02 00:15:02.688736+00` since an arbitrary day; larger is later.
fn micros(text: &str) -> i64 {
    let (day, time) = text.trim_end_matches("+00").split_once(' ').expect("date and time");
    let date: jiff::civil::Date = day.parse().expect("date");
    let days = i64::from(date.since(jiff::civil::date(2026, 1, 1)).expect("span").get_days());
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("digits"));
    (days * 86_400 + seconds) * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().expect("digits")
}

/// `14.707269` in microseconds.
fn duration(text: &str) -> i64 {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    seconds.parse::<i64>().expect("digits") * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().expect("digits")
}

fn key<'a>(row: &Row<'a>) -> [&'a str; 4] {
    ["dag_id", "run_id", "task_id", "map_index"].map(|column| row[column])
}

fn small(airflow: Airflow) -> Options {
    Options { days: Some(30), airflow, ..Options::default() }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let (first, again) = (write(&small(Airflow::V2_10)), write(&small(Airflow::V2_10)));
    assert_eq!(first.files, again.files);
    let other = write(&Options { seed: 2, ..small(Airflow::V2_10) });
    for name in ["task_instance.csv", "dag_run.csv", "statsd.txt", "ground_truth.json"] {
        assert_ne!(first.files[name], other.files[name], "{name}");
    }
}

/// What a week's history gave on the day this was written. Another machine gives the same; a change of the generator that
/// changes the histories has to change this number too.
#[test]
fn the_bytes_are_these_on_every_machine() {
    let written = write(&Options { days: Some(7), ..Options::default() });
    let all = written.files.values().flat_map(|text| text.bytes());
    // FNV-1a (Fowler, Noll & Vo; draft-eastlake-fnv).
    let hash = all.fold(0xcbf2_9ce4_8422_2325, |hash: u64, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, 17_143_022_030_002_364_138);
}

#[test]
fn the_truth_counts_what_the_files_hold_in_every_version() {
    for airflow in [Airflow::V1_10, Airflow::V2_10, Airflow::V3_3] {
        let written = write(&small(airflow));
        let files = written.truth["files"].as_object().expect("files");
        assert_eq!(files.len() + 1, written.files.len());
        for (name, told) in files {
            let text = &written.files[name];
            let header = usize::from(name.ends_with(".csv"));
            assert_eq!(told["rows"], text.lines().count() - header, "{name}");
            assert_eq!(told["bytes"], text.len(), "{name}");
            assert!(told["rows"].as_u64() > Some(0), "{name} is empty");
        }
        let has = |name: &str| written.files.contains_key(name);
        assert_eq!(has("task_fail.csv"), airflow != Airflow::V3_3);
        assert_eq!(has("task_instance_history.csv"), airflow != Airflow::V1_10);
    }
}

#[test]
fn durations_add_up_and_every_try_is_there() {
    let written = write(&small(Airflow::V2_10));
    let rows = written.rows("task_instance.csv");
    let sum =
        |rows: &[Row<'_>]| rows.iter().map(|r| r["duration"]).filter(|d| !d.is_empty()).map(duration).sum::<i64>();
    let text = |micros: i64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let past = written.rows("task_instance_history.csv");
    assert_eq!(written.truth["files"]["task_instance.csv"]["sum_of_durations_s"], text(sum(&rows)));
    assert_eq!(written.truth["files"]["task_instance_history.csv"]["sum_of_durations_s"], text(sum(&past)));
    let mut tries: BTreeMap<[&str; 4], Vec<i64>> = BTreeMap::new();
    for row in &past {
        tries.entry(key(row)).or_default().push(row["try_number"].parse().expect("number"));
    }
    let mut kept = 0;
    for row in &rows {
        let number: i64 = row["try_number"].parse().expect("number");
        let before = tries.remove(&key(row)).unwrap_or_default();
        let runs = !matches!(row["state"], "skipped" | "upstream_failed");
        let want: Vec<i64> = (1..if runs { number } else { number + 1 }).collect();
        kept += usize::from(!runs && number > 0);
        assert_eq!(before, want, "{row:?}");
        if runs && row["operator"] != "EmptyOperator" {
            let (start, end) = (micros(row["start_date"]), micros(row["end_date"]));
            assert_eq!(duration(row["duration"]), end - start, "{row:?}");
        }
    }
    assert!(tries.is_empty(), "{tries:?}");
    assert_eq!(written.truth["cleared_and_not_run_again"], kept);
    assert!(written.truth["cleared_runs"].as_u64() > Some(0));
}

#[test]
fn of_overlapping_exports_the_newest_version_counts() {
    let written = write(&Options { overlap: 0.05, ..small(Airflow::V2_10) });
    let told = &written.truth["files"]["task_instance.csv"];
    let rows = written.rows("task_instance.csv");
    let mut newest: BTreeMap<[&str; 4], &Row<'_>> = BTreeMap::new();
    for row in &rows {
        let entry = newest.entry(key(row)).or_insert(row);
        if micros(row["updated_at"]) > micros(entry["updated_at"]) {
            *entry = row;
        }
    }
    assert_eq!(told["task_instances"], newest.len());
    let again = told["older_versions"].as_u64().expect("count") + told["newer_versions"].as_u64().expect("count");
    assert_eq!(rows.len() - newest.len(), again as usize);
    assert!((again as f64 / newest.len() as f64 - 0.05).abs() < 0.01, "{again}");
    let sum: i64 = newest.values().map(|row| row["duration"]).filter(|d| !d.is_empty()).map(duration).sum();
    assert_eq!(told["sum_of_durations_s"], format!("{}.{:06}", sum / 1_000_000, sum % 1_000_000));
    assert!(newest.values().all(|row| row["state"] != "running"));
}

#[test]
fn a_pool_never_holds_more_than_its_slots() {
    let written = write(&small(Airflow::V2_10));
    let pool = written.planted("pool");
    let at = micros(&pool["at"].as_str().expect("instant").replace('T', " ").replace('Z', "+00"));
    let slots = |when: i64| pool[if when >= at { "slots_after" } else { "slots_before" }].as_i64().expect("slots");
    let (rows, past) = (written.rows("task_instance.csv"), written.rows("task_instance_history.csv"));
    let mut steps: Vec<(i64, i64)> = Vec::new();
    let name = pool["name"].as_str().expect("name");
    for row in rows.iter().chain(&past).filter(|row| row["pool"] == name && !row["queued_dttm"].is_empty()) {
        // `queued_dttm` is up to half a second after the slot was taken.
        steps.extend([(micros(row["queued_dttm"]), 1), (micros(row["end_date"]), -1)]);
    }
    steps.sort_unstable();
    let (mut used, mut most, mut over_old_limit) = (0, 0, 0);
    for (when, step) in steps {
        used += step;
        most = most.max(used);
        // What ran when the pool shrank goes on to its end.
        let limit = if when < at + 3_600_000_000 { slots(0) } else { slots(when) };
        assert!(used <= limit, "{used} of {limit} at {when}");
        over_old_limit += i64::from(when < at && used == slots(0));
    }
    assert!(most > 1 && over_old_limit > 0, "{most} {over_old_limit}");
    let delay = |side: &str| pool[side]["mean_scheduling_delay_s"].as_f64().expect("delay");
    assert!(delay("after") > delay("before") + 5.0, "{pool}");
}

#[test]
fn a_planted_step_is_measured_in_the_rows() {
    let written = write(&small(Airflow::V2_10));
    let step = written.planted("step");
    let rows = written.rows("task_instance.csv");
    let at = step["at"].as_str().expect("instant");
    let (mut sums, mut counts) = ([0.0; 2], [0; 2]);
    for row in rows.iter().filter(|row| step["dag_id"] == row["dag_id"] && step["task_id"] == row["task_id"]) {
        let date = row["run_id"].split_once("__").expect("date").1;
        if row["state"] == "success" && row["try_number"] == "1" {
            let side = usize::from(date >= at.trim_end_matches('Z'));
            sums[side] += (duration(row["duration"]) as f64 / 1e6).ln();
            counts[side] += 1;
        }
    }
    // A cleared run's first try is in the history table; the truth counts it too.
    for (side, name) in ["before", "after"].into_iter().enumerate() {
        let n = step[name]["first_try_successes"].as_i64().expect("count");
        assert!((n - counts[side]).abs() <= 2, "{name}: {n} {counts:?}");
        let told = step[name]["geometric_mean_duration_s"].as_f64().expect("mean");
        let found = (sums[side] / counts[side] as f64).exp();
        assert!((found / told - 1.0).abs() < 0.02, "{name}: {found} {told}");
    }
    let work = |side: &str| step[side]["geometric_mean_work_s"].as_f64().expect("mean");
    let factor = step["size"]["factor"].as_f64().expect("factor");
    assert!((work("after") / work("before") / factor - 1.0).abs() < 0.15, "{step}");
}

#[test]
fn one_month_means_one_month_and_rows_are_about_what_was_asked() {
    let asked = 100_000;
    let written = write(&Options { rows: Some(asked), one_month: true, statsd_days: 0, ..Options::default() });
    let months: BTreeSet<&str> = written
        .rows("dag_run.csv")
        .iter()
        .map(|row| row["run_id"].split_once("__").map_or("", |(_, date)| &date[..7]))
        .collect();
    assert_eq!(months, BTreeSet::from(["2026-08"]));
    let rows = written.rows("task_instance.csv").len() as f64;
    assert!((rows / asked as f64 - 1.0).abs() < 0.08, "{rows}");
    assert!(written.summary.dags > 14 && written.summary.days <= 30);
}

#[test]
fn a_catch_up_runs_many_dates_at_once_but_never_more_than_allowed() {
    let written = write(&Options { catch_up_days: 10, ..small(Airflow::V2_10) });
    let runs = written.rows("dag_run.csv");
    let of = |row: &&Row<'_>| row["dag_id"] == "orders_etl" && row["run_type"] == "scheduled";
    let orders: Vec<&Row<'_>> = runs.iter().filter(of).collect();
    assert_eq!(orders.len(), 40);
    let mut steps: Vec<(i64, i32)> = Vec::new();
    for row in orders.iter().filter(|row| row["clear_number"] == "0") {
        steps.extend([(micros(row["start_date"]), 1), (micros(row["end_date"]), -1)]);
    }
    steps.sort_unstable();
    let most = steps.iter().scan(0, |active, (_, step)| {
        *active += step;
        Some(*active)
    });
    assert_eq!(most.max(), Some(4));
}

#[test]
fn the_capture_is_in_order_and_has_the_traps_of_2_10() {
    let written = write(&small(Airflow::V2_10));
    let lines: Vec<&str> = written.files["statsd.txt"].lines().collect();
    assert!(lines.windows(2).all(|pair| pair[0][..17] < pair[1][..17]), "strictly in order");
    let told = &written.truth["files"]["statsd.txt"];
    let value = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(told["processes_that_succeeded"], value(" airflow.ti_successes:1|c"));
    assert_eq!(told["processes_that_failed"], value(" airflow.ti_failures:1|c"));
    let durations: Vec<&&str> =
        lines.iter().filter(|line| line.contains(" airflow.dag.") && line.contains(".duration:")).collect();
    assert_eq!(told["task_durations"], durations.len());
    let ms = |line: &str| line.rsplit_once(':').expect("value").1.trim_end_matches("000|ms").replace('.', "");
    let sum: i64 = durations.iter().map(|line| ms(line).parse::<i64>().expect("digits")).sum();
    assert_eq!(told["sum_of_task_durations_ms"], format!("{}.{:03}", sum / 1000, sum % 1000));
    assert!(value(".upstream_failed:0|c") > 0 && value(".upstream_failed:1|c") == 0);
    assert!(lines.iter().any(|line| line.contains("dag.orders_etl.transform.enrich_orders.duration:")));
    let three = write(&small(Airflow::V3_3));
    assert!(three.files["statsd.txt"].contains("dag.orders_etl.transform__enrich_orders.duration:"));
    assert!(!three.files["statsd.txt"].contains(":0|c"));
}
