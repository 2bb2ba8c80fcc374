//! Killed at any moment, the lake is as it was before the ingest or after it, and the same ingest again completes it.
#![cfg(unix)]

use super::support::{World, arg, dataset, files_below};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

/// Kills per test; more with `WINDTUNNEL_KILLS=200`.
fn kills() -> u32 {
    std::env::var("WINDTUNNEL_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// A number between 0 and 1, the same one in each run of the tests.
fn fraction(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1_u64 << 53) as f64
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files_below(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
        fs::write(path, bytes).expect("write");
    }
}

/// Where a kill left things, so that a run in which every kill came too late is noticed.
#[derive(Debug, Default)]
struct Tally {
    before: u32,
    after: u32,
    left_something: u32,
}

fn kill_at_random_moments(prepare: impl Fn(&World), files: &[&str], seed: u64) {
    let calm = World::new();
    prepare(&calm);
    let old = World::new();
    copy(&calm.lake(), &old.lake());
    let paths: Vec<_> = files.iter().map(|name| dataset(name)).collect();
    let args: Vec<&str> =
        ["ingest", "--quiet", "--deployment", "prod"].into_iter().chain(paths.iter().map(|path| arg(path))).collect();
    let clock = Instant::now();
    calm.run(&args).exits(0);
    let takes = clock.elapsed();
    let (before, after) = (old.lake_files(), calm.lake_files());
    assert!(before != after);

    let (mut seed, mut tally, n) = (seed, Tally::default(), kills());
    for i in 0..n {
        let world = World::new();
        copy(&old.lake(), &world.lake());
        let mut child = world.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start");
        // One kill in each n-th of the time, and a little beyond its end.
        let at = takes.mul_f64(1.1 * (f64::from(i) + fraction(&mut seed)) / f64::from(n));
        std::thread::sleep(at.max(Duration::from_millis(1)));
        child.kill().expect("kill");
        child.wait().expect("wait");

        let place = format!("kill {i} after {at:?} of {takes:?}");
        let found = world.lake_files();
        let manifest = &found["manifest.json"];
        let live = if manifest == &before["manifest.json"] {
            tally.before += 1;
            &before
        } else {
            assert!(manifest == &after["manifest.json"], "{place}: the manifest is neither the old nor the new one");
            tally.after += 1;
            &after
        };
        tally.left_something += u32::from(found.len() > live.len());
        assert!(live.iter().all(|(name, bytes)| found.get(name) == Some(bytes)), "{place}: a live file is not whole");
        let run = world.run(&["lake", "verify"]);
        assert_eq!(run.code, Some(0), "{place}: {run:#?}");

        world.run(&args).exits(0);
        let again = world.lake_files();
        assert_eq!(names(&again), names(&after), "{place}: files after a second try");
        assert!(again == after, "{place}: bytes after a second try");
        world.verify();
    }
    assert!(tally.before > 0, "every kill came too late: {tally:?}");
}

fn names(files: &BTreeMap<String, Vec<u8>>) -> Vec<&String> {
    files.keys().collect()
}

#[test]
fn a_killed_ingest_beside_another_airflow() {
    let prepare = |world: &World| drop(world.ingest("other", &[&dataset("airflow-1.10.15")]));
    kill_at_random_moments(prepare, &["airflow-2.10.5", "airflow-2.10.5-archive"], 1);
}

#[test]
fn a_killed_ingest_that_replaces_parts() {
    let prepare = |world: &World| {
        world.ingest("other", &[&dataset("airflow-2.5.3-sqlite")]);
        world.ingest("prod", &[&dataset("airflow-2.10.5-archive")]);
    };
    kill_at_random_moments(prepare, &["airflow-2.10.5"], 2);
}
