//! Several ingests of overlapping exports at once, killed at any moment and begun again: in the end the lake holds what it
//! holds when they come one after the other.
#![cfg(unix)]

use super::{
    support::{World, text},
    synthetic::{Story, TASK_HEADER, dag_runs, task_instances},
};
use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Kills in all; more with `WINDTUNNEL_KILLS=100`.
fn kills() -> u32 {
    std::env::var("WINDTUNNEL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

/// Ingests that run at once: deployment and files. One of them is another Airflow with the same ids.
const INGESTS: [(&str, &[&str]); 5] = [
    ("prod", &["early/task_instance.csv", "early/dag_run.csv"]),
    ("prod", &["late"]),
    ("prod", &["parts/even.csv", "parts/odd.csv"]),
    ("other", &["late/task_instance.csv", "early"]),
    ("prod", &["copies"]),
];

/// Writes the exports into a world: one taken early, when every other task was still running, one taken later, of which the
/// first has half of the rows; the later one in two parts that share a third; and copies under other names.
fn export(world: &World) {
    let stories: Vec<Story> = (0..24).map(|n| Story { days: 60, ..Story::new(&format!("shop_{n}")) }).collect();
    let (tasks, runs) = (task_instances(&stories), dag_runs(&stories));
    let rows: Vec<&str> = tasks.lines().skip(1).collect();
    let table = |rows: Vec<String>| format!("{TASK_HEADER}\n{}\n", rows.join("\n"));
    let pick = |keep: &dyn Fn(usize) -> bool| {
        table(rows.iter().enumerate().filter(|(n, _)| keep(*n)).map(|(_, row)| (*row).to_owned()).collect())
    };
    let early = table(
        rows.iter()
            .step_by(2)
            .enumerate()
            .map(|(n, row)| if n % 2 == 0 { running(row) } else { (*row).to_owned() })
            .collect(),
    );
    world.write("early/task_instance.csv", &early);
    world.write("early/dag_run.csv", &runs);
    world.write("late/task_instance.csv", &tasks);
    world.write("late/dag_run.csv", &runs);
    world.write("parts/even.csv", pick(&|n| n % 3 != 1));
    world.write("parts/odd.csv", pick(&|n| n % 3 != 0));
    world.write("copies/a.csv", early);
    world.write("copies/b.csv", tasks.clone());
}

/// The row as it was before its task ended.
fn running(row: &str) -> String {
    let columns: Vec<&str> = TASK_HEADER.split(',').collect();
    let mut fields: Vec<&str> = row.split(',').collect();
    let place = |name: &str| columns.iter().position(|column| *column == name).expect("a column");
    fields[place("updated_at")] = fields[place("start_date")];
    (fields[place("end_date")], fields[place("duration")], fields[place("state")]) = ("", "", "running");
    fields.join(",")
}

fn args((deployment, files): (&'static str, &'static [&'static str])) -> Vec<&'static str> {
    [&["ingest", "--quiet", "--deployment", deployment], files].concat()
}

/// What the kills hit, so that a run in which they all came too late or too early is noticed.
#[derive(Debug, Default)]
struct Tally {
    killed: AtomicU32,
    /// The lake's folder held an unfinished ingest right after the kill.
    left_something: AtomicU32,
    ended_before: AtomicU32,
}

/// Runs one of the ingests until it succeeds; it is killed a few times before.
fn insist(world: &World, args: &[&str], mut moments: Vec<Duration>, tally: &Tally) {
    loop {
        let Some(moment) = moments.pop() else {
            world.run(args).exits(0);
            return;
        };
        let mut child = world.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start");
        std::thread::sleep(moment);
        if let Some(status) = child.try_wait().expect("wait") {
            assert!(status.success(), "{args:?}: {status}");
            tally.ended_before.fetch_add(1, Ordering::Relaxed);
            return;
        }
        child.kill().expect("kill");
        child.wait().expect("wait");
        tally.killed.fetch_add(1, Ordering::Relaxed);
        let mut names = std::fs::read_dir(world.lake()).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let unfinished = |name: std::ffi::OsString| name.to_string_lossy().starts_with(".staging-");
        tally.left_something.fetch_add(u32::from(names.any(unfinished)), Ordering::Relaxed);
        // Others may be writing: what can be seen is whole at any time.
        if world.lake().join("manifest.json").exists() {
            world.verify();
        }
    }
}

#[expect(clippy::print_stderr, reason = "shown with --nocapture: how much was hit")]
fn tell(what: &str) {
    eprintln!("{what}");
}

/// Contents that were taken, each under its deployment.
fn contents(world: &World) -> BTreeSet<(String, String)> {
    let rows = world.sql("SELECT deployment, sha256 FROM sources");
    rows.iter().map(|row| (text(row, "deployment").to_owned(), text(row, "sha256").to_owned())).collect()
}

#[test]
fn killed_and_repeated_ingests_at_once_leave_the_lake_of_a_calm_sequence() {
    let calm = World::new();
    export(&calm);
    let clock = Instant::now();
    for ingest in INGESTS {
        calm.run(&args(ingest)).exits(0);
    }
    let takes = clock.elapsed();
    let rows = |world: &World, what: &str| world.sql(&format!("SELECT COUNT(*) AS n FROM {what}"))[0]["n"].clone();
    assert_eq!(rows(&calm, "task_attempts WHERE deployment = 'prod' AND state = 'success'"), 24 * 60 * 3);
    let (parts, want) = (calm.parts(), contents(&calm));
    assert!(parts.len() > 4 && want.len() == 8, "{} parts of {} contents", parts.len(), want.len());

    let (tally, mut seed) = (Tally::default(), 3_u64);
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n.max(1)
    };
    let mut rounds = 0;
    while tally.killed.load(Ordering::Relaxed) < kills() {
        let world = World::new();
        export(&world);
        std::thread::scope(|scope| {
            for ingest in INGESTS {
                // All together take about as long as they do in a row: writers wait for each other.
                let longest = takes.as_micros() as u64;
                let moments = (0..1 + below(3)).map(|_| Duration::from_micros(500 + below(longest))).collect();
                let (world, tally) = (&world, &tally);
                scope.spawn(move || insist(world, &args(ingest), moments, tally));
            }
        });
        rounds += 1;
        let place = format!("round {rounds}, {tally:?}");
        world.verify();
        assert!(world.history_parts() == calm.history_parts(), "{place}: other rows");
        assert_eq!(contents(&world), want, "{place}");
        // The last one to succeed may have been followed by one that was killed: the next ingest clears up behind it.
        world.run(&args(INGESTS[0])).exits(0);
        let (files, calm) = (world.lake_files(), calm.lake_files());
        assert!(files.keys().eq(calm.keys()), "{place}: {:?}\n{:?}", files.keys(), calm.keys());
        world.verify();
        assert!(rounds < 10 * kills(), "hardly a kill hits: {tally:?}");
    }
    assert!(tally.left_something.load(Ordering::Relaxed) > 0, "no kill hit an ingest that was writing: {tally:?}");
    tell(&format!("{rounds} rounds of {} ingests, {takes:?} in a row: {tally:?}", INGESTS.len()));
}

/// The very first ingest is killed where it waits for a reader: it has made the lake, and its parts are not in place.
#[test]
fn a_killed_first_ingest_is_no_known_source() {
    let world = World::new();
    export(&world);
    let readers = world.write("lake/.readers", "");
    let reader = std::fs::File::open(readers).expect("open");
    reader.lock_shared().expect("lock");
    let first = args(INGESTS[1]);
    let mut child = world.command(&first).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start");
    let clock = Instant::now();
    while !world.lake().join("manifest.json").exists() && child.try_wait().expect("wait").is_none() {
        assert!(clock.elapsed() < Duration::from_secs(60), "neither ends nor makes a lake");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(50));
    child.kill().expect("kill");
    child.wait().expect("wait");
    drop(reader);
    world.verify();
    world.run(&first).exits(0);
    let rows = world.sql("SELECT COUNT(*) AS n FROM task_attempts");
    assert_eq!(rows[0]["n"], 24 * 60 * 3, "the ingest that was killed counts as done");
    world.verify();
}
