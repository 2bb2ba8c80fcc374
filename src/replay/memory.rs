//! Work that needs much memory: all of it at once, against as much as there is room for. Both in processes of their own; without a
//! limit for their speed, and with half of what all at once would need for who survives.

use super::{
    clock::Wall,
    limit::{self, LimitKind},
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, interleave, peak_rss},
};
use crate::{
    engine::{
        c_library::end_with_the_parent,
        memory::{Controller, ObjectSettings, Objects, Settings, SystemProbe},
    },
    stats::Draw,
};
use cpu_time::ProcessTime;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    io::BufRead,
    path::Path,
    process::Output,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

/// Items of a run, where no number is given: about a gigabyte.
const ITEMS: usize = 160;
/// Most items: some six gigabytes.
pub const MOST_MEMORY_ITEMS: usize = 1000;
/// Median bytes of an item, and the sigma of its logarithm.
const BYTES: (f64, f64) = (5e6, 0.6);
/// Largest item.
const LARGEST: f64 = 32e6;
/// Threads that work.
const THREADS: usize = 2;
/// Share of the natural peak that there is under the limit.
const LIMIT_SHARE: f64 = 0.5;

/// How items are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryMode {
    /// All are read, then handled.
    AllAtOnce,
    /// Each is read once there is memory for it.
    Admitted,
}

impl MemoryMode {
    /// As it stands on a command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllAtOnce => "all-at-once",
            Self::Admitted => "admitted",
        }
    }
}

/// What a process tells of its run.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    handled: u64,
    refused: u64,
    sum: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_rss_bytes: u64,
    highest_share: f64,
    pauses: u64,
    cleanups: u64,
    reused: u64,
}

/// What a process told or how it died, and what kept it below its limit; or that it could not be started.
type Started = Result<(Result<Told, String>, Option<LimitKind>), String>;

/// Compares; `exe` is this program, and `arguments` make it call [`memory_child`] with a mode and a number of items.
///
/// # Errors
/// Where a run is not right, or the machine does not let it be run.
pub fn bench_memory(
    seed: u64,
    plan: Plan,
    exe: &Path,
    arguments: impl Fn(MemoryMode, usize) -> Vec<String>,
) -> Result<Vec<EngineResult>, BenchError> {
    let items = plan.items.unwrap_or(ITEMS);
    if items > MOST_MEMORY_ITEMS {
        return Err(BenchError::Machine(format!(
            "{items} items need some {:.0} GB at once; {MOST_MEMORY_ITEMS} are the most",
            items as f64 * BYTES.0 * 1.2e-9
        )));
    }
    let truth = (0..items).map(|item| checksum_alone(seed, item)).fold(0u64, u64::wrapping_add);
    let go = |mode: MemoryMode, limit: Option<u64>| -> Started {
        let (output, kind) = limit::run(exe, &arguments(mode, items), limit).map_err(|error| error.to_string())?;
        Ok((told(&output), kind))
    };
    let contender = |mode: MemoryMode, name: &str| {
        let go = &go;
        Contender {
            name: name.to_owned(),
            prepare: Box::new(move || {
                let timed: Timed<'_> = Box::new(move || right(go(mode, None)?.0?, items, truth));
                Ok(timed)
            }),
        }
    };
    let sides =
        [contender(MemoryMode::AllAtOnce, "all at once"), contender(MemoryMode::Admitted, "admitted by memory")];
    let workload = format!("{items} items of {:.0} MB", BYTES.0 * 1e-6);
    let subject = Subject { engine: "memory", workload: workload.clone(), latency_of: "a run", for_latency: false };
    let mut result = interleave(subject, plan, sides)?;
    result.notes.extend(below_a_limit(&result, &workload, items, truth, &go)?);
    Ok(vec![result])
}

/// Who survives with half of the memory that all at once needs.
fn below_a_limit(
    result: &EngineResult,
    workload: &str,
    items: usize,
    truth: u64,
    go: &dyn Fn(MemoryMode, Option<u64>) -> Started,
) -> Result<Vec<String>, BenchError> {
    let wrong = |name: &str, what: String| BenchError::Wrong {
        engine: "memory",
        workload: workload.to_owned(),
        name: name.to_owned(),
        what,
    };
    let limit = (result.baseline_peak_rss_bytes as f64 * LIMIT_SHARE) as u64;
    let (naive, kind) = go(MemoryMode::AllAtOnce, Some(limit)).map_err(|what| wrong("all at once", what))?;
    let (admitted, _) = go(MemoryMode::Admitted, Some(limit)).map_err(|what| wrong("admitted by memory", what))?;
    let kind = kind.map_or("no limit", LimitKind::as_str);
    let megabytes = |bytes: u64| bytes as f64 * 1e-6;
    let mut notes = vec![format!(
        "with {:.0} MB ({kind}), half of what all at once uses: all at once {}",
        megabytes(limit),
        match naive {
            Ok(_) => "finishes all the same".to_owned(),
            Err(why) => format!("does not finish ({why})"),
        }
    )];
    let told = admitted.map_err(|what| wrong("admitted by memory, below the limit", what))?;
    let (handled, refused, peak) = (told.handled, told.refused, told.peak_rss_bytes);
    notes.push(format!(
        "admitted by memory it handles {handled} of {items} items, refuses {refused}, and uses {:.0} MB at most, {:.0} % of the limit; {} pauses, {} cleanups",
        megabytes(peak),
        peak as f64 / limit as f64 * 100.0,
        told.pauses,
        told.cleanups
    ));
    if handled + refused != items as u64 || (refused == 0 && told.sum != truth) {
        return Err(wrong(
            "admitted by memory, below the limit",
            format!("{handled} handled and {refused} refused of {items}"),
        ));
    }
    Ok(notes)
}

fn right(told: Told, items: usize, truth: u64) -> Result<Run, String> {
    if told.handled != items as u64 || told.sum != truth {
        return Err(format!(
            "{} of {items} items were handled, with the sum {} instead of {truth}",
            told.handled, told.sum
        ));
    }
    let mut run = Run::new(items as u64);
    run.items_out = told.handled;
    (run.seconds, run.cpu_seconds) = (Some(told.seconds), Some(told.cpu_seconds));
    run.peak_rss_bytes = Some(told.peak_rss_bytes);
    run.took((told.seconds * 1e9) as u64);
    Ok(run)
}

fn told(output: &Output) -> Result<Told, String> {
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("it told nothing that can be read: {error}"));
    }
    let last = String::from_utf8_lossy(&output.stderr);
    let last = last.trim().lines().last().map_or(String::new(), |line| format!(": {line}"));
    Err(format!("{}{last}", output.status))
}

/// What the process does that [`bench_memory`] starts: waits for a line, handles all items, gives a line of JSON to be printed.
///
/// # Errors
/// Where its standard input cannot be read.
pub fn memory_child(seed: u64, items: usize, mode: MemoryMode) -> std::io::Result<String> {
    end_with_the_parent();
    std::io::stdin().lock().read_line(&mut String::new())?;
    peak_rss::forget();
    let (began, cpu) = (Instant::now(), ProcessTime::now());
    let mut told = match mode {
        MemoryMode::AllAtOnce => all_at_once(seed, items),
        MemoryMode::Admitted => admitted(seed, items),
    };
    (told.seconds, told.cpu_seconds) = (began.elapsed().as_secs_f64(), cpu.elapsed().as_secs_f64());
    told.peak_rss_bytes = peak_rss::read();
    serde_json::to_string(&told).map_err(std::io::Error::other)
}

fn nothing() -> Told {
    let (handled, refused, sum, seconds, cpu_seconds, peak_rss_bytes) = (0, 0, 0, 0.0, 0.0, 0);
    Told {
        handled,
        refused,
        sum,
        seconds,
        cpu_seconds,
        peak_rss_bytes,
        highest_share: 0.0,
        pauses: 0,
        cleanups: 0,
        reused: 0,
    }
}

fn all_at_once(seed: u64, items: usize) -> Told {
    // As many threads as the other way has, for reading as for handling: what differs is when memory is taken.
    let numbers: Vec<usize> = (0..items).collect();
    let part = items.div_ceil(THREADS).max(1);
    let read: Vec<Vec<Vec<u8>>> = thread::scope(|scope| {
        let fill_all = |part: &[usize]| -> Vec<Vec<u8>> {
            let one = |item: &usize| {
                let mut bytes = Vec::with_capacity(bytes_of(seed, *item));
                fill(seed, *item, &mut bytes);
                bytes
            };
            part.iter().map(one).collect()
        };
        let threads: Vec<_> = numbers.chunks(part).map(|part| scope.spawn(move || fill_all(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let sum = thread::scope(|scope| {
        let threads: Vec<_> = read.iter().map(|part| scope.spawn(|| sum_of(part.iter().map(Vec::as_slice)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).fold(0, u64::wrapping_add)
    });
    Told { handled: items as u64, sum, ..nothing() }
}

fn admitted(seed: u64, items: usize) -> Told {
    let clock = Wall::start();
    let controller: Controller = Controller::new(Settings::default(), Arc::new(SystemProbe::default()), clock.clone());
    // Kept buffers are part of what is in use: no more of them than a small part of the room there is.
    let room = controller.room().unwrap_or(u64::MAX);
    let settings =
        ObjectSettings { budget: ObjectSettings::default().budget.min(room / 8), ..ObjectSettings::default() };
    let objects: Objects<Vec<u8>> = Objects::new(settings, clock);
    let kept = objects.clone();
    controller.on_cleanup(move || kept.empty());
    let (work, results) = (std::sync::Mutex::new((0..items).collect::<VecDeque<usize>>()), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (work, controller, objects, tell) = (&work, controller.clone(), objects.clone(), results.0.clone());
            scope.spawn(move || {
                while let Some(item) = { work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop_front() } {
                    let bytes = bytes_of(seed, item);
                    // A buffer has the next power of two: that is what it will use.
                    let one = controller.admit((bytes as u64).next_power_of_two()).ok().and_then(|admission| {
                        let mut buffer = objects.take(bytes as u64).ok()?;
                        fill(seed, item, &mut buffer);
                        let sum = checksum(&buffer);
                        drop((buffer, admission));
                        Some(sum)
                    });
                    // Whoever receives is there until the end.
                    let _ = tell.send(one);
                }
            });
        }
    });
    drop(results.0);
    let mut told = nothing();
    for one in results.1 {
        match one {
            Some(sum) => {
                told.handled += 1;
                told.sum = told.sum.wrapping_add(sum);
            }
            None => told.refused += 1,
        }
    }
    let statistics = controller.statistics();
    (told.pauses, told.cleanups, told.highest_share) = (statistics.pauses, statistics.cleanups, statistics.highest);
    told.reused = objects.statistics().reused;
    told
}

fn bytes_of(seed: u64, item: usize) -> usize {
    Draw::keyed(seed, &[12, item as u64]).log_normal(BYTES.0, BYTES.1).min(LARGEST) as usize
}

/// What an item holds: reading it, decoded.
fn fill(seed: u64, item: usize, bytes: &mut Vec<u8>) {
    let length = bytes_of(seed, item);
    let mut word = seed ^ (item as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while bytes.len() < length {
        word = next_word(word);
        let left = (length - bytes.len()).min(8);
        bytes.extend_from_slice(&word.to_le_bytes()[..left]);
    }
}

/// A step of a 64-bit linear congruential generator (Knuth 1998, The Art of Computer Programming 2, section 3.3.4, MMIX).
fn next_word(word: u64) -> u64 {
    word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

fn sum_of<'a>(items: impl Iterator<Item = &'a [u8]>) -> u64 {
    items.map(checksum).fold(0, u64::wrapping_add)
}

/// The checksum without the memory: byte after byte.
fn checksum_alone(seed: u64, item: usize) -> u64 {
    let length = bytes_of(seed, item);
    let (mut sum, mut left) = (0u64, length);
    let mut word = seed ^ (item as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while left > 0 {
        word = next_word(word);
        for byte in &word.to_le_bytes()[..left.min(8)] {
            sum = sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
        left -= left.min(8);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_come_to_the_truth() {
        let truth = (0..6).map(|item| checksum_alone(3, item)).fold(0u64, u64::wrapping_add);
        for told in [all_at_once(3, 6), admitted(3, 6)] {
            assert_eq!((told.handled, told.refused, told.sum), (6, 0, truth));
        }
    }
}
