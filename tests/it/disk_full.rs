//! A disk that is full: the error names the place and the space, the lake is as it was, and once there is room the same
//! ingest completes.
#![cfg(target_os = "linux")]

use super::{
    support::{Run, World, arg},
    synthetic::{Story, dag_runs, task_instances},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// A file system of a few kilobytes in memory. It lives in a namespace of its own, which a shell keeps open, so that nothing
/// is left of it whatever becomes of the test.
struct SmallDisk {
    shell: Child,
    answers: BufReader<std::process::ChildStdout>,
    folder: PathBuf,
}

impl SmallDisk {
    /// `None`, and a word why, where this user may not mount anything; in CI that is a failure.
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).expect("make a folder");
        let script = "mount -t tmpfs -o size=64m none \"$0\" && echo done || exit 1
            while read options; do mount -o remount,\"$options\" \"$0\" && echo done || echo failed; done";
        for namespace in ["-rm", "-m"] {
            let mut command = Command::new("unshare");
            command.args([namespace, "sh", "-c", script, arg(at)]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let Ok(mut shell) = command.stderr(Stdio::null()).spawn() else { continue };
            let mut answers = BufReader::new(shell.stdout.take().expect("stdout"));
            let mut answer = String::new();
            answers.read_line(&mut answer).expect("an answer");
            if answer.trim() == "done" {
                let folder = PathBuf::from(format!("/proc/{}/root{}", shell.id(), at.display()));
                return Some(Self { shell, answers, folder });
            }
            shell.wait().expect("wait");
        }
        assert!(std::env::var_os("CI").is_none(), "a file system in memory cannot be mounted here");
        say("not tested: a file system in memory cannot be mounted here");
        None
    }

    /// Mounts it anew with other options; what is in it stays.
    fn change(&mut self, options: &str) -> bool {
        let shell = self.shell.stdin.as_mut().expect("stdin");
        writeln!(shell, "{options}").expect("tell the shell");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        answer.trim() == "done"
    }

    /// Bytes that its files take, in whole pages.
    fn used(&self) -> u64 {
        let files = super::support::files_below(&self.folder);
        files.values().map(|bytes| (bytes.len() as u64).div_ceil(PAGE) * PAGE).sum()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Without its stdin the shell ends, and with it the namespace.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn say(what: &str) {
    eprintln!("{what}");
}

const PAGE: u64 = 4_096;

/// A world whose lake lies on a small disk.
fn world_on_disk() -> Option<(World, SmallDisk)> {
    let world = World::new();
    let disk = SmallDisk::mount(&world.path("disk"))?;
    fs::create_dir(disk.folder.join("lake")).expect("make a folder");
    std::os::unix::fs::symlink(disk.folder.join("lake"), world.lake()).expect("a link");
    Some((world, disk))
}

/// A history of `dags` DAGs in a world.
fn export(world: &World, dags: usize) {
    let stories: Vec<Story> = (0..dags).map(|n| Story { days: 60, ..Story::new(&format!("shop_{n}")) }).collect();
    world.write("in/task_instance.csv", task_instances(&stories));
    world.write("in/dag_run.csv", dag_runs(&stories));
    world.write("before/task_instance.csv", task_instances(&[Story::new("before")]));
}

const BEFORE: [&str; 5] = ["ingest", "--quiet", "--deployment", "x", "before"];

type Files = BTreeMap<String, Vec<u8>>;

/// What is wrong with an ingest that found no room, and with what it left behind.
fn objections(world: &World, run: &Run, before: &Files) -> Vec<String> {
    let mut wrong = Vec::new();
    let said = run.says();
    if run.code != Some(1) || said.contains("panicked") {
        wrong.push(format!("{run:?}"));
    }
    if !said.contains("lake") {
        wrong.push(format!("names no place: {said}"));
    }
    // `1.5 MB free`, `12 kB are free` or the like, and not only that there is none left.
    let mentions = said.contains("free") && said.contains(|c: char| c.is_ascii_digit()) && said.contains("B");
    if !mentions {
        wrong.push(format!("does not say how much is free: {said}"));
    }
    let verified = world.run(&["lake", "verify"]);
    let absent = before.is_empty() && verified.stderr.contains("no lake");
    if verified.code != Some(0) && !absent {
        wrong.push(format!("the lake is damaged: {verified:?}"));
    }
    wrong.extend(leftovers(world, before));
    wrong
}

/// What a failed ingest left behind or took away; an empty lake may stand where there was none.
fn leftovers(world: &World, before: &Files) -> Option<String> {
    let after = world.lake_files();
    let is_empty = |files: &Files| files.keys().all(|name| name == ".readers" || name == "manifest.json");
    if after == *before || before.is_empty() && is_empty(&after) {
        return None;
    }
    let left: Vec<_> =
        after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
    let lost: Vec<_> = before.keys().filter(|name| !after.contains_key(*name)).collect();
    Some(format!("leaves {left:?}, loses {lost:?}"))
}

fn run_of(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Ingests on disks of `sizes` bytes above what is in use, from none to enough; each time the same ingest is repeated on a
/// large disk. `prepare` makes the lake that is there before.
fn from_none_to_enough(dags: usize, args: &[&str], prepare: impl Fn(&World), sizes: impl Iterator<Item = u64>) {
    let elsewhere = World::new();
    export(&elsewhere, dags);
    prepare(&elsewhere);
    elsewhere.run(args).exits(0);
    let (mut wrong, mut failed, mut succeeded) = (Vec::new(), 0, 0);
    for size in sizes {
        let Some((world, mut disk)) = world_on_disk() else { return };
        export(&world, dags);
        prepare(&world);
        let before = world.lake_files();
        assert!(disk.change(&format!("size={}", disk.used() + size)), "a size that the system refuses");
        let run = world.run(args);
        let mut note = |what: String| wrong.push(format!("{size} bytes: {what}"));
        if run.code == Some(0) {
            succeeded += 1;
        } else {
            failed += 1;
            objections(&world, &run, &before).into_iter().for_each(&mut note);
        }
        assert!(disk.change("size=64m"), "a size that the system refuses");
        let again = world.run(args);
        if again.code != Some(0) || world.run(&["lake", "verify"]).code != Some(0) {
            note(format!("with room: {again:?}"));
        }
        let (here, there) = (world.lake_files(), elsewhere.lake_files());
        if here != there {
            let differs = there.iter().filter(|(name, bytes)| here.get(*name) != Some(bytes)).map(|(name, _)| name);
            note(format!("with room the lake lacks {:?}, and holds {:?}", differs.collect::<Vec<_>>(), here.keys()));
        }
        if succeeded == 2 {
            break;
        }
    }
    crate::support::complain(&wrong);
    assert!(failed > 3 && succeeded > 0, "{failed} ingests found no room, {succeeded} did");
}

#[test]
fn a_first_ingest_that_finds_no_room() {
    from_none_to_enough(1, &["ingest", "--quiet", "in"], |_| {}, (1..64).map(|pages| pages * PAGE));
}

#[test]
fn an_ingest_that_finds_no_room_beside_what_is_there() {
    let args = ["ingest", "--quiet", "--deployment", "x", "in"];
    from_none_to_enough(1, &args, |world| drop(world.run(&BEFORE).exits(0)), (0..64).map(|pages| pages * PAGE));
}

#[test]
fn sorted_runs_that_find_no_room() {
    let args = ["ingest", "--quiet", "--deployment", "x", "--memory-limit", "4MB", "in"];
    let sizes = (0..40).map(|n| n << 20);
    from_none_to_enough(400, &args, |world| drop(world.run(&BEFORE).exits(0)), sizes);
}

#[test]
fn a_disk_without_room_for_another_file() {
    let mut wrong = Vec::new();
    for inodes in 3..24 {
        let Some((world, mut disk)) = world_on_disk() else { return };
        export(&world, 1);
        world.run(&BEFORE).exits(0);
        let before = world.lake_files();
        if !disk.change(&format!("nr_inodes={inodes}")) {
            continue;
        }
        let args = ["ingest", "--quiet", "in"];
        let run = world.run(&args);
        if run.code != Some(0) {
            wrong.extend(objections(&world, &run, &before).into_iter().map(|what| format!("{inodes} files: {what}")));
        }
        assert!(disk.change("nr_inodes=1000"), "a number that the system refuses");
        world.run(&args).exits(0);
        world.verify();
    }
    crate::support::complain(&wrong);
}

#[test]
fn a_lake_on_a_disk_that_may_not_be_written_to_can_be_read() {
    let Some((world, mut disk)) = world_on_disk() else { return };
    export(&world, 1);
    world.run(&BEFORE).exits(0);
    let before = world.lake_files();
    assert!(disk.change("ro"), "read-only");
    let run = world.run(&["ingest", "in"]).exits(1);
    assert!(run.stderr.contains("lake"), "{run:#?}");
    world.verify();
    assert_eq!(world.sql("SELECT COUNT(*) AS n FROM task_attempts")[0]["n"], 120);
    assert!(world.lake_files() == before);
}

/// Only what comes by a pipe is put aside outside of the lake.
#[test]
fn a_folder_for_temporary_files_that_is_full() {
    let world = World::new();
    let Some(mut disk) = SmallDisk::mount(&world.path("disk")) else { return };
    export(&world, 4);
    world.run(&BEFORE).exits(0);
    let before = world.lake_files();
    assert!(disk.change("size=64k"), "a size that the system refuses");
    let ingest = |args: &[&str]| {
        let input = fs::File::open(world.path("in/task_instance.csv")).expect("open");
        run_of(world.command(args).env("TMPDIR", &disk.folder).stdin(input).output().expect("run"))
    };
    let run = ingest(&["ingest", "-"]).exits(1);
    assert!(world.lake_files() == before && super::support::files_below(&disk.folder).is_empty(), "something is left");
    assert!(run.stderr.contains(arg(&disk.folder)) && run.stderr.contains("free"), "place and space: {}", run.stderr);
    // Files that lie on a disk need no other one.
    ingest(&["ingest", "in"]).exits(0);
    world.verify();
}

/// A limit on the size of a file, which needs no privilege: the system refuses in the midst of a write.
#[test]
fn a_file_that_may_not_grow() {
    let (mut wrong, mut failed) = (Vec::new(), 0);
    // Blocks of 512 bytes: less than the manifest and the parts take, and less than the sorted runs do.
    let limits = [(1, &[0, 1, 2, 4, 8, 12, 16, 24, 48][..]), (400, &[64, 1_024, 8_000])];
    for (dags, blocks) in limits.iter().flat_map(|(dags, limits)| limits.iter().map(move |blocks| (*dags, *blocks))) {
        let world = World::new();
        export(&world, dags);
        world.run(&BEFORE).exits(0);
        let before = world.lake_files();
        let plain = world.command(&["ingest", "--quiet", "--memory-limit", "4MB", "in"]);
        let mut limited = Command::new("sh");
        // Where the signal is ignored, the program is told by an error.
        limited.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(plain.get_program());
        let output = limited.args(plain.get_args()).current_dir(world.path("")).output().expect("run");
        let run = run_of(output);
        if run.code != Some(0) {
            failed += 1;
            if run.code != Some(1) || !run.stderr.contains("lake/") || !run.stderr.contains("File too large") {
                wrong.push(format!("{blocks} blocks: {run:?}"));
            }
            wrong.extend(leftovers(&world, &before).map(|what| format!("{blocks} blocks: {what}")));
        }
        world.verify();
        world.run(&["ingest", "--quiet", "in"]).exits(0);
        world.verify();
        let rows = world.sql("SELECT COUNT(*) AS n FROM task_attempts WHERE deployment = 'default'");
        assert_eq!(rows[0]["n"], dags * 180, "{blocks} blocks");
    }
    crate::support::complain(&wrong);
    assert!(failed > 6, "{failed} ingests were refused");
}

/// The receipt cannot be written; what was ingested is ingested.
#[test]
fn an_answer_that_finds_no_room() {
    let world = World::new();
    export(&world, 1);
    for args in [
        &["ingest", "in"][..],
        &["ingest", "in", "--json"],
        &["lake", "ls", "--json"],
        &["lake", "sql", "SELECT * FROM dag_runs"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = world.command(args).stdout(full).output().expect("run");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
        assert!(stderr.contains("stdout") && !stderr.contains("panicked"), "{args:?}: {stderr}");
        world.verify();
    }
    assert_eq!(world.sql("SELECT COUNT(*) AS n FROM task_attempts")[0]["n"], 180);
}
