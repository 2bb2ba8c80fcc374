//! Processes that take a lock and write, while others stop them and kill them: does the resource accept a stale write, is an
//! accepted one lost?
//!
//! The resource is a file. Each writer shows its fence when it reads and when it writes; the file refuses any that is lower than the
//! highest it has seen. It keeps all that it accepts, so that what happened can be checked afterwards, not only believed.

use crate::{
    engine::{
        c_library::end_with_the_parent,
        lock::{Backend, Fence, LockError, LockSettings, Locks},
    },
    model::Clock,
    stats::Draw,
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How a storm goes.
#[derive(Clone, Debug)]
pub struct StormPlan {
    /// Writes that are to be accepted.
    pub writes: u64,
    /// Processes.
    pub processes: usize,
    /// How long a lease lasts.
    pub expiry: Duration,
    /// Seed of whom it hits.
    pub seed: u64,
    /// Mean time between two blows.
    pub between: Duration,
    /// Is the resource to check fences? Without it a storm shows what locks alone are worth.
    pub checked: bool,
    /// Time after which it is given up.
    pub patience: Duration,
    /// Time without a write after which it is given up.
    pub still: Duration,
}

/// What a storm did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StormReport {
    /// Did the resource check fences?
    pub checked: bool,
    /// Writes accepted.
    pub accepted: u64,
    /// Writes and readings refused for an older fence.
    pub refused: u64,
    /// Accepted writes that had read another value than the one they overwrote.
    pub lost_updates: u64,
    /// Accepted writes whose fence is lower than one before.
    pub stale_accepted: u64,
    /// Writes that a process was told are accepted, and that are not there.
    pub lost_writes: u64,
    /// Processes stopped beyond the expiry of their leases.
    pub stopped: u64,
    /// Processes killed.
    pub killed: u64,
}

impl StormReport {
    /// `safe`, `not_safe`, or `not_provoked` where no holder came back with an old fence: then nothing was shown.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match (self.is_safe(), self.refused) {
            (false, _) => "not_safe",
            (true, 0) => "not_provoked",
            (true, _) => "safe",
        }
    }

    /// Nothing stale was accepted, nothing accepted was lost.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.lost_updates + self.stale_accepted + self.lost_writes == 0
    }
}

/// What a holder does between reading and writing: long enough to be stopped in.
const WORK: Duration = Duration::from_micros(150);
/// Name of the lock that all take.
const LOCK: &str = "storm";
/// Bytes of the head of the resource: highest fence, number of accepted writes, refusals.
const HEAD: u64 = 24;
/// Bytes of a write: its fence, the number that it read, who wrote.
const WRITE: u64 = 24;

/// A file that accepts writes in the order of fences.
struct Resource {
    file: File,
    checked: bool,
}

/// What a writer is told.
enum Answer {
    /// It may: the number of writes so far.
    Fine(u64),
    /// Its fence is old.
    Stale,
}

impl Resource {
    fn open(path: &Path, checked: bool) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, checked })
    }

    fn head(&self) -> io::Result<[u64; 3]> {
        let mut bytes = [0; HEAD as usize];
        match self.file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok([0; 3]),
            read => read?,
        }
        Ok([0, 8, 16].map(|at| word(&bytes, at)))
    }

    fn set_head(&self, head: [u64; 3]) -> io::Result<()> {
        self.file.write_all_at(&head.map(u64::to_le_bytes).concat(), 0)
    }

    /// Shows a fence and reads.
    fn read(&self, fence: Fence) -> io::Result<Answer> {
        self.file.lock()?;
        let answer = self.shown(fence);
        self.file.unlock()?;
        answer
    }

    fn shown(&self, fence: Fence) -> io::Result<Answer> {
        let [highest, count, refused] = self.head()?;
        if self.checked && fence.0 < highest {
            self.set_head([highest, count, refused + 1])?;
            return Ok(Answer::Stale);
        }
        self.set_head([highest.max(fence.0), count, refused])?;
        Ok(Answer::Fine(count))
    }

    /// Shows a fence and writes what was worked out from `read`.
    fn write(&self, fence: Fence, read: u64, writer: u64) -> io::Result<Answer> {
        self.file.lock()?;
        let answer = self.shown(fence).and_then(|answer| {
            let Answer::Fine(count) = answer else { return Ok(answer) };
            let entry = [fence.0, read, writer].map(u64::to_le_bytes).concat();
            // First the write, then that it is there: a process that dies between the two has written nothing.
            self.file.write_all_at(&entry, HEAD + WRITE * count)?;
            let [highest, _, refused] = self.head()?;
            self.set_head([highest, count + 1, refused])?;
            Ok(Answer::Fine(count + 1))
        });
        self.file.unlock()?;
        answer
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// Starts processes that call [`storm_child`], hits them, and looks at what is left. `command` makes the command of one of them.
///
/// # Errors
/// Where they cannot be started, or it takes too long.
pub fn storm(plan: &StormPlan, folder: &Path, command: impl Fn(usize) -> Command) -> io::Result<StormReport> {
    let resource = Resource::open(&folder.join("resource"), plan.checked)?;
    let mut draw = Draw::keyed(plan.seed, &[13]);
    let mut report = StormReport { checked: plan.checked, ..StormReport::default() };
    let start =
        |number: usize| command(number).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut children = Children(Vec::new());
    for number in 0..plan.processes {
        children.0.push(start(number)?);
    }
    let children = &mut children.0;
    // Who is stopped, and until when.
    let mut stopped: BTreeMap<usize, Instant> = BTreeMap::new();
    let (began, mut next_number) = (Instant::now(), plan.processes);
    let (mut accepted, mut last) = (0, began);
    let result = loop {
        thread::sleep(Duration::from_secs_f64(draw.exponential(plan.between.as_secs_f64()).min(1.0)));
        let awake: Vec<usize> =
            stopped.iter().filter(|(_, until)| **until <= Instant::now()).map(|(number, _)| *number).collect();
        for number in awake {
            stopped.remove(&number);
            signal("-CONT", &children[number])?;
        }
        let writes = resource.head()?[1];
        if writes >= plan.writes {
            break Ok(());
        }
        if writes > accepted {
            (accepted, last) = (writes, Instant::now());
        }
        if last.elapsed() > plan.still {
            let what = format!(
                "no write for {} s, after {writes} of {}: the locks are not given, or the server does not answer",
                plan.still.as_secs_f64(),
                plan.writes
            );
            break Err(io::Error::new(io::ErrorKind::TimedOut, what));
        }
        if began.elapsed() > plan.patience {
            break Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{writes} of {} writes within {:?}", plan.writes, plan.patience),
            ));
        }
        for child in children.iter_mut() {
            if let Some(status) = child.try_wait()?.filter(|status| !status.success()) {
                let mut text = String::new();
                child.stderr.take().map_or(Ok(0), |mut stderr| stderr.read_to_string(&mut text))?;
                return Err(io::Error::other(format!("a process ended with {status}: {}", text.trim())));
            }
        }
        let number = draw.below(children.len() as u64) as usize;
        if stopped.contains_key(&number) {
            continue;
        }
        if draw.chance(0.7) {
            signal("-STOP", &children[number])?;
            let length = plan.expiry.mul_f64(draw.between(0.5, 2.5));
            stopped.insert(number, Instant::now() + length);
            report.stopped += 1;
        } else {
            children[number].kill()?;
            children[number].wait()?;
            children[number] = start(next_number)?;
            next_number += 1;
            report.killed += 1;
        }
    };
    for child in children.iter_mut() {
        child.kill()?;
        child.wait()?;
    }
    result?;
    judge(&mut report, folder, next_number)?;
    Ok(report)
}

/// Processes that do not outlive the storm, however it ends.
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // SIGKILL ends one that is stopped as well; one that has ended is no failure.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal(which: &str, child: &Child) -> io::Result<()> {
    // One that has ended meanwhile is no failure.
    Command::new("kill").args([which, &child.id().to_string()]).stderr(Stdio::null()).status().map(drop)
}

/// What the resource and the processes wrote down.
fn judge(report: &mut StormReport, folder: &Path, processes: usize) -> io::Result<()> {
    let bytes = std::fs::read(folder.join("resource"))?;
    let count = word(&bytes, 8);
    report.accepted = count;
    report.refused = word(&bytes, 16);
    let writes: Vec<[u64; 3]> = (0..count as usize)
        .map(|place| [0, 8, 16].map(|at| word(&bytes, HEAD as usize + WRITE as usize * place + at)))
        .collect();
    let mut highest = 0;
    for (place, [fence, read, _]) in writes.iter().enumerate() {
        report.lost_updates += u64::from(*read != place as u64);
        report.stale_accepted += u64::from(*fence < highest);
        highest = highest.max(*fence);
    }
    for number in 0..processes {
        let Ok(told) = std::fs::read(told_to(folder, number as u64)) else { continue };
        for entry in told.chunks_exact(16) {
            let (place, fence) = (word(entry, 0) as usize, word(entry, 8));
            let there = place.checked_sub(1).and_then(|place| writes.get(place));
            report.lost_writes +=
                u64::from(there.is_none_or(|[had, _, writer]| *had != fence || *writer != number as u64));
        }
    }
    Ok(())
}

fn told_to(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("told-{number}"))
}

/// What each process does: takes the lock, reads, writes, gives it back, until there are as many writes as are to be.
///
/// # Errors
/// Where the files or the backend fail for good.
pub fn storm_child(
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
    plan: &StormPlan,
    folder: &Path,
    number: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let resource = Resource::open(&folder.join("resource"), plan.checked)?;
    let mut told = OpenOptions::new().create(true).append(true).open(told_to(folder, number))?;
    // It may be stopped when whoever started it is killed: then nobody would wake it.
    end_with_the_parent();
    let settings = LockSettings { expiry: plan.expiry, retries: 5, first_pause: Duration::from_millis(1) };
    let locks = Locks::new(backend, format!("process {number}"), settings, clock);
    let mut failures = 0;
    loop {
        let lock = match locks.lock(LOCK) {
            Ok(lock) => lock,
            Err(LockError::Backend(error)) if failures >= 50 => return Err(error.into()),
            Err(LockError::Backend(_)) => {
                failures += 1;
                continue;
            }
            Err(_) => continue,
        };
        failures = 0;
        let fence = lock.fence();
        let Answer::Fine(read) = resource.read(fence)? else { continue };
        if read >= plan.writes {
            return Ok(());
        }
        thread::sleep(WORK);
        if let Answer::Fine(place) = resource.write(fence, read, number)? {
            told.write_all(&[place, fence.0].map(u64::to_le_bytes).concat())?;
        }
        // One that was lost gives back nothing.
        let _ = lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_refuses_older_fences_and_keeps_what_it_accepts() {
        let folder = tempfile::tempdir().expect("a folder");
        let resource = Resource::open(&folder.path().join("resource"), true).expect("a file");
        let fine = |answer: io::Result<Answer>| match answer.expect("it answers") {
            Answer::Fine(count) => Some(count),
            Answer::Stale => None,
        };
        assert_eq!(fine(resource.read(Fence(5))), Some(0));
        assert_eq!(fine(resource.write(Fence(5), 0, 1)), Some(1));
        assert_eq!(fine(resource.read(Fence(7))), Some(1));
        assert_eq!(fine(resource.write(Fence(5), 1, 1)), None, "a later one has read");
        assert_eq!(fine(resource.write(Fence(7), 1, 2)), Some(2));
        let mut report = StormReport::default();
        judge(&mut report, folder.path(), 3).expect("readable");
        assert_eq!((report.accepted, report.refused, report.verdict()), (2, 1, "safe"));
        // One that was told of a write that is not there.
        std::fs::write(told_to(folder.path(), 2), [9u64, 7].map(u64::to_le_bytes).concat()).expect("written");
        judge(&mut report, folder.path(), 3).expect("readable");
        assert_eq!((report.lost_writes, report.verdict()), (1, "not_safe"));
        let unchecked = Resource::open(&folder.path().join("resource"), false).expect("a file");
        assert_eq!(fine(unchecked.write(Fence(1), 0, 1)), Some(3));
        let mut report = StormReport::default();
        judge(&mut report, folder.path(), 0).expect("readable");
        assert_eq!((report.stale_accepted, report.lost_updates), (1, 1));
    }

    /// A server that hangs would hold a storm for hours.
    #[test]
    fn a_storm_in_which_nothing_is_written_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = StormPlan {
            writes: 10,
            processes: 3,
            expiry: Duration::from_millis(20),
            seed: 1,
            between: Duration::from_millis(5),
            checked: true,
            patience: Duration::from_secs(600),
            still: Duration::from_millis(300),
        };
        let began = Instant::now();
        let result = storm(&plan, folder.path(), |_| {
            let mut command = Command::new("sleep");
            command.arg("600");
            command
        });
        let told = result.expect_err("no write").to_string();
        assert!(told.contains("no write for 0.3 s, after 0 of 10"), "{told}");
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
