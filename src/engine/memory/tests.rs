//! Memory as a test says it is.

use super::*;
use crate::{
    engine::{guard::Threads, held::Held},
    model::Clock,
};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A probe that reads what a test says.
struct Told(AtomicU64);

const LIMIT: u64 = 1000;

impl Probe for Told {
    fn read(&self) -> Option<Reading> {
        Some(Reading { used: self.0.load(Ordering::SeqCst), limit: LIMIT, by: Limit::Machine })
    }
}

fn controller(used: u64) -> (Controller, Arc<Told>) {
    let told = Arc::new(Told(AtomicU64::new(used)));
    (Controller::new(Settings::default(), told.clone(), Arc::new(Held::default()) as Arc<dyn Clock>), told)
}

#[test]
fn what_is_promised_counts_before_it_is_taken() {
    let (controller, _) = controller(100);
    let held: Vec<Admission> = (0..5).map(|_| controller.admit(100).expect("there is room")).collect();
    // 100 in use and 500 promised are the 600 of the target: the sixth waits until there is less than the 550 to resume at.
    let other = controller.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let waits = std::thread::spawn(move || {
        let admission = other.admit(100).expect("later");
        tell.send(()).expect("heard");
        drop(admission);
    });
    assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "let in above the target");
    let mut held = held.into_iter();
    drop(held.next());
    assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "let in again at once");
    drop(held.next());
    told.recv_timeout(Duration::from_secs(20)).expect("let in");
    waits.join().expect("ended");
    let statistics = controller.statistics();
    assert_eq!((statistics.admitted, statistics.pauses, statistics.refused), (6, 1, 0));
    assert!(statistics.longest_pause_ns > 0);
}

#[test]
fn what_runs_alone_may_pass_the_target_but_not_the_emergency_line() {
    let (controller, _) = controller(100);
    let cleaned = Arc::new(AtomicU64::new(0));
    let counter = cleaned.clone();
    controller.on_cleanup(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    drop(controller.admit(650).expect("750 of 800"));
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
    let refused = controller.admit(750).err().expect("850 of 800");
    assert_eq!(refused, TooLarge { bytes: 750, limit: 1000, free: 700 });
    let statistics = controller.statistics();
    assert_eq!((statistics.above_target, statistics.refused, statistics.cleanups), (1, 1, 3));
}

#[test]
fn an_emergency_frees_what_can_be_freed() {
    let (controller, told) = controller(850);
    let freed = told.clone();
    controller.on_cleanup(move || freed.0.store(300, Ordering::SeqCst));
    drop(controller.admit(100).expect("after the cleanup"));
    let statistics = controller.statistics();
    assert_eq!((statistics.emergencies, statistics.warnings, statistics.admitted), (1, 1, 1));
    assert!((statistics.highest - 0.85).abs() < 1e-12);
}

#[test]
fn chunks_have_so_many_items_at_most_and_no_more_bytes_than_there_is_room_for() {
    let (controller, _) = controller(200);
    // 400 below the target: a chunk has 100 at most. The item of 700 fits nowhere; that of 300 alone.
    let items = [10u64; 25].into_iter().chain([300, 700, 1, 1]);
    let mut seen = Vec::new();
    for chunk in controller.chunks(items, |item| *item) {
        seen.push(chunk.map(|(chunk, _)| chunk.len()).map_err(|(items, _)| items[0]));
    }
    assert_eq!(seen, [Ok(10), Ok(10), Ok(5), Ok(1), Err(700), Ok(2)]);
    let (controller, _) = self::controller(0);
    let sizes: Vec<usize> =
        controller.chunks(0..2500u64, |_| 0).map(|chunk| chunk.map_or(0, |(chunk, _)| chunk.len())).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
}

#[test]
fn objects_are_used_again_within_their_budget() {
    let clock = Arc::new(Held::default());
    let settings = ObjectSettings { budget: 1 << 20, largest: 2 << 20, ..ObjectSettings::default() };
    let objects: Objects<Vec<u8>, Threads> = Objects::new(settings, clock.clone() as Arc<dyn Clock>);
    let mut buffer = objects.take(1000).expect("small");
    assert!(buffer.capacity() >= 1000);
    buffer.extend_from_slice(b"what the last one wrote");
    let at = buffer.as_ptr();
    drop(buffer);
    let buffer = objects.take(900).expect("small");
    assert!(buffer.is_empty(), "the next one sees nothing of it");
    assert_eq!(buffer.as_ptr(), at, "the same memory");
    let whole = objects.take(1 << 20).expect("past the pool");
    let refused = objects.take((2 << 20) + 1).err().expect("too large");
    assert_eq!(refused.bytes, (2 << 20) + 1);
    drop((buffer, whole));
    let statistics = objects.statistics();
    assert_eq!(
        (statistics.asked, statistics.made, statistics.reused, statistics.past_pool, statistics.refused),
        (4, 1, 1, 1, 1)
    );
    assert_eq!((statistics.lent_bytes, statistics.kept_bytes), (0, 1024));
    clock.forward(Duration::from_secs(61));
    objects.clean();
    assert_eq!(objects.statistics().kept_bytes, 0);
    // Room is made for what is asked for.
    let kept: Vec<_> = (0..8).map(|_| objects.take(1 << 17).expect("room")).collect();
    drop(kept);
    assert_eq!(objects.statistics().kept_bytes, 1 << 20);
    drop(objects.take(1 << 19).expect("room is made"));
    let statistics = objects.statistics();
    assert!(statistics.kept_bytes + statistics.lent_bytes <= 1 << 20);
    objects.empty();
    assert_eq!(objects.statistics().kept_bytes, 0);
    // After every thousandth what is old goes by itself.
    clock.forward(Duration::from_secs(100));
    let old = objects.take(1 << 18).expect("room");
    drop(old);
    clock.forward(Duration::from_secs(100));
    for _ in 0..1000 {
        drop(objects.take(64).expect("room"));
    }
    assert!(objects.statistics().kept_bytes < 1 << 18);
}

#[test]
fn this_process_uses_some_of_what_there_is() {
    let reading = SystemProbe::default().read().expect("a machine");
    assert!(reading.used > 1 << 20 && reading.used <= reading.limit, "{reading:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn control_groups_of_both_versions_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let read = |version_2: bool| super::probe_linux::read(folder.path(), version_2);
    write("memory.max", "max\n");
    write("memory.current", "900\n");
    write("memory.stat", "anon 5\ninactive_file 100\nactive_file 7\n");
    assert_eq!(read(true), None, "no limit");
    write("memory.high", "1500\n");
    assert_eq!(read(true), Some(Reading { used: 800, limit: 1500, by: Limit::ControlGroup2 }));
    write("memory.max", "1000\n");
    assert_eq!(read(true).map(|reading| reading.limit), Some(1000));
    write("memory.limit_in_bytes", "9223372036854771712\n");
    write("memory.usage_in_bytes", "900\n");
    assert_eq!(read(false), None, "no limit");
    write("memory.limit_in_bytes", "2000\n");
    write("memory.stat", "inactive_file 1\ntotal_inactive_file 300\n");
    assert_eq!(read(false), Some(Reading { used: 600, limit: 2000, by: Limit::ControlGroup1 }));
    write("memory.usage_in_bytes", "nonsense");
    assert_eq!(read(false), None);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn the_allocator_tells_what_it_holds() {
    let before = allocator_statistics().expect("glibc");
    let held = vec![1u8; 256 << 20];
    let after = allocator_statistics().expect("glibc");
    // Other tests of this process give memory back meanwhile.
    assert!(after.in_use >= before.in_use + (128 << 20), "{before:?} {after:?}");
    drop(held);
    give_back();
}
