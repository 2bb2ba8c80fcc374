//! What a processor promises, case by case.

use super::*;
use crate::{engine::held::Held, model::Clock};
use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

fn processor<'a>(settings: Settings) -> Processor<'a> {
    Processor::new(settings, Arc::new(Held::default()) as Arc<dyn Clock>)
}

/// Keeps what it handled with its own position, as a transaction does.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) done: Vec<u64>,
    pub(super) position: u64,
    pub(super) poison: BTreeSet<u64>,
    /// Items that fail so many times more.
    pub(super) flaky: std::collections::BTreeMap<u64, u32>,
    pub(super) panics: bool,
    /// Calls until it dies.
    pub(super) dies_after: Option<u32>,
}

impl Handler<u64> for Sink {
    fn apply(&mut self, batch: Batch<'_, u64>) -> Result<(), Failure> {
        if let Some(calls) = &mut self.dies_after {
            *calls = calls.checked_sub(1).ok_or_else(|| Failure::Fatal("killed".into()))?;
        }
        for item in batch.items {
            if let Some(times) = self.flaky.get_mut(item).filter(|times| **times > 0) {
                *times -= 1;
                return Err(Failure::Transient(format!("{item} is not ready")));
            }
            if self.poison.contains(item) {
                if self.panics {
                    // As `panic!`, without a word to whoever runs the tests.
                    std::panic::resume_unwind(Box::new(format!("{item} is poison")));
                }
                return Err(Failure::Rejected(format!("{item} is poison")));
            }
        }
        self.done.extend(batch.items);
        self.position = batch.end();
        Ok(())
    }

    fn position(&mut self) -> Result<Option<u64>, String> {
        Ok(Some(self.position))
    }
}

#[test]
fn poison_is_found_by_halving_and_told_with_its_reason() {
    for panics in [false, true] {
        let mut sink = Sink { poison: BTreeSet::from([17, 1500, 1501, 2999]), panics, ..Sink::default() };
        let mut letters: Vec<(u64, u32, String)> = Vec::new();
        let report = processor(Settings::default()).run(0..3000, &mut sink, &mut letters).expect("runs");
        assert_eq!((report.done, report.dead, report.position), (2996, 4, 3000));
        assert_eq!(letters.iter().map(|letter| letter.0).collect::<Vec<_>>(), [17, 1500, 1501, 2999]);
        let said = if panics { "panic: 17 is poison" } else { "17 is poison" };
        assert_eq!(letters[0].2, said);
        assert_eq!(sink.done.len(), 2996);
        // Two calls a halving at most, of ten halvings of a thousand, for each of the four.
        assert!(report.calls <= 3 + 4 * 20, "{}", report.calls);
    }
}

#[test]
fn what_fails_for_a_while_is_tried_again_with_doubling_pauses() {
    let mut sink = Sink { flaky: [(5, 4)].into(), ..Sink::default() };
    let mut letters: Vec<(u64, u32, String)> = Vec::new();
    let report =
        processor(Settings { initial: 100, ..Settings::default() }).run(0..100, &mut sink, &mut letters).expect("runs");
    assert_eq!((report.done, report.dead), (100, 0));
    let mut sink = Sink { flaky: [(5, 1000)].into(), ..Sink::default() };
    let report = processor(Settings::default()).run(0..100, &mut sink, &mut letters).expect("runs");
    assert_eq!((report.done, report.dead), (99, 1));
    assert_eq!(letters, [(5, 4, "5 is not ready".to_owned())]);
    // One pause for the batch, three for the item: 0.1 + 0.1 + 0.2 + 0.4 s.
    assert!((report.paused_s - 0.8).abs() < 0.005, "{}", report.paused_s);
}

#[test]
fn only_the_items_that_failed_are_tried_again() {
    let calls = RefCell::new(Vec::new());
    let mut handler = |batch: Batch<'_, u64>| {
        calls.borrow_mut().push(batch.items.len());
        let failed = |(place, item): (usize, &u64)| match item {
            7 => Some((place, ItemFailure::Rejected("malformed".into()))),
            9 if calls.borrow().len() < 3 => Some((place, ItemFailure::Transient("busy".into()))),
            _ => None,
        };
        let failed: Vec<_> = batch.items.iter().enumerate().filter_map(failed).collect();
        if failed.is_empty() { Ok(()) } else { Err(Failure::Items(failed)) }
    };
    let mut letters: Vec<(u64, u32, String)> = Vec::new();
    let report = processor(Settings::default()).run(0..100, &mut handler, &mut letters).expect("runs");
    assert_eq!((report.done, report.dead), (99, 1));
    assert_eq!(letters, [(7, 1, "malformed".to_owned())]);
    assert_eq!(*calls.borrow(), [100, 1, 1]);
    let mut wrong = |_: Batch<'_, u64>| Err(Failure::Items(vec![(100, ItemFailure::Rejected(String::new()))]));
    let stopped = processor(Settings::default()).run(0..100, &mut wrong, &mut letters).expect_err("item 100 of 100");
    assert!(matches!(stopped.why, StopReason::Handler(_)), "{stopped}");
}

#[test]
fn too_many_dead_letters_stop_the_run_and_it_can_be_resumed() {
    let mut sink = Sink { poison: (50..100).collect(), ..Sink::default() };
    let mut letters: Vec<(u64, u32, String)> = Vec::new();
    let settings = Settings { most_dead_letters: Some(10), ..Settings::default() };
    let stopped = processor(settings.clone()).run(0..200, &mut sink, &mut letters).expect_err("ten are enough");
    assert!(matches!(stopped.why, StopReason::DeadLetters(10)), "{stopped}");
    assert_eq!((stopped.report.done, stopped.report.dead, stopped.report.position), (50, 10, 60));
    sink.poison.clear();
    let report = processor(settings).run(0..200, &mut sink, &mut letters).expect("the cause is mended");
    // The handler's own position is that of its last transaction: those in between are handled after all.
    assert_eq!((report.from, report.done), (50, 150));
}

#[test]
fn a_checkpoint_and_a_file_of_letters_survive_and_torn_lines_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (kept, lettered) = (folder.path().join("position.json"), folder.path().join("dead.jsonl"));
    let number = |item: &u64| serde_json::json!(item);
    let done = RefCell::new(Vec::new());
    for (round, budget) in (2..22).enumerate() {
        let mut checkpoint = Checkpoint::open(&kept, "orders").expect("a checkpoint");
        let mut letters = LetterFile::open(&lettered, number).expect("letters");
        let mut calls = budget;
        let mut handler = |batch: Batch<'_, u64>| {
            calls -= 1;
            if calls == 0 {
                return Err(Failure::Fatal("killed".into()));
            }
            if batch.items.contains(&150) {
                return Err(Failure::Rejected("poison".into()));
            }
            done.borrow_mut().extend_from_slice(batch.items);
            Ok(())
        };
        let settings = Settings { initial: 100, sizes: 100..=100, ..Settings::default() };
        let run = processor(settings).checkpoint(&mut checkpoint).run(0..500, &mut handler, &mut letters);
        if run.is_ok() {
            assert!(round > 0, "it was to be killed");
            break;
        }
        // As a crash in the midst of a line leaves it.
        let mut bytes = std::fs::read(&lettered).expect("letters");
        bytes.extend_from_slice(b"{\"place\":");
        std::fs::write(&lettered, bytes).expect("written");
    }
    let letters = LetterFile::open(&lettered, number).expect("letters");
    assert_eq!(letters.len(), 1);
    assert!(<LetterFile<u64> as DeadLetters<u64>>::holds(&letters, 150));
    assert_eq!(Checkpoint::open(&kept, "orders").expect("a checkpoint").position(), 500);
    let handled: BTreeSet<u64> = done.borrow().iter().copied().collect();
    assert_eq!(handled, (0..500).filter(|item| *item != 150).collect());

    let other = Checkpoint::open(&kept, "payments").expect_err("another input");
    assert!(other.to_string().contains("a checkpoint of `orders`, not of `payments`"), "{other}");
    std::fs::write(&kept, "{").expect("written");
    let broken = Checkpoint::open(&kept, "orders").expect_err("broken");
    assert!(broken.to_string().contains("remove it to begin from the start"), "{broken}");
    std::fs::write(&lettered, "nonsense\n").expect("written");
    let broken = LetterFile::open(&lettered, number).err().expect("no letters");
    assert!(broken.to_string().contains("line 1: no dead letter"), "{broken}");
}

#[test]
fn another_input_that_ends_too_early_is_refused() {
    let mut sink = Sink { position: 300, ..Sink::default() };
    let stopped = processor(Settings::default()).run(0..200, &mut sink, &mut Vec::new()).expect_err("too short");
    assert!(matches!(stopped.why, StopReason::ShortInput { items: 200, position: 300 }), "{stopped}");
}

#[test]
fn a_stream_is_handled_as_it_comes() {
    let mut sink = Sink::default();
    let mut waits = 0;
    // Every seventh item is not there at once.
    let mut next = 0u64;
    let mut not_yet = true;
    let items = futures_util::stream::poll_fn(|context| {
        if next % 7 == 6 && std::mem::replace(&mut not_yet, false) {
            waits += 1;
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        not_yet = true;
        next += 1;
        std::task::Poll::Ready((next <= 100).then_some(next - 1))
    });
    let sizes = RefCell::new(Vec::new());
    let told = RefCell::new(Vec::new());
    let settings = Settings { progress_every: 50, ..Settings::default() };
    let mut letters = Vec::new();
    let run = processor(settings)
        .on_batch(|record| sizes.borrow_mut().push(record.seen.items))
        .on_progress(|position| told.borrow_mut().push(position))
        .run_stream(items, &mut sink, &mut letters);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let report = runtime.block_on(run).expect("runs");
    assert_eq!(report.done, 100);
    assert_eq!(sink.done, (0..100).collect::<Vec<_>>());
    assert_eq!(sizes.borrow()[..3], [6, 7, 7]);
    assert_eq!(*told.borrow(), [55, 100]);
    assert_eq!(waits, 14);
}

#[test]
fn no_items_are_no_batches() {
    let report = processor(Settings::default()).run(0..0u64, &mut Sink::default(), &mut Vec::new()).expect("runs");
    assert_eq!((report.done, report.calls), (0, 0));
    assert_eq!(report.success_rate(), 1.0);
}
