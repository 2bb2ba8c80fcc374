//! Any failures, any sizes, any deaths: against a plain list.

use super::{tests::Sink, *};
use crate::{engine::held::Held, model::Clock};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_item_is_handled_once_or_is_a_letter(
        items in 0u64..3000,
        poison in proptest::collection::btree_set(0u64..3000, 0..40),
        flaky in proptest::collection::btree_map(0u64..3000, 1u32..9, 0..20),
        all_bad in proptest::bool::weighted(0.05),
        panics in any::<bool>(),
        policy in prop_oneof![Just(Policy::Fixed), Just(Policy::Rules), Just(Policy::Search)],
        initial in 1usize..2000,
        deaths in proptest::collection::vec(1u32..40, 0..6),
    ) {
        let poison: BTreeSet<u64> = if all_bad { (0..items).collect() } else { poison };
        // An item that fails more often than it is tried is a letter as well; how often it is tried depends on the halvings.
        let mut sink = Sink { poison: poison.clone(), flaky: flaky.clone(), panics, ..Sink::default() };
        let settings = Settings { policy, initial, first_pause: Duration::ZERO, ..Settings::default() };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("dead.jsonl");
        let mut deaths = deaths.into_iter();
        loop {
            sink.dies_after = deaths.next();
            let mut letters = LetterFile::open(&path, |item: &u64| serde_json::json!(item)).expect("letters");
            let clock = Arc::new(Held::default()) as Arc<dyn Clock>;
            let run = Processor::new(settings.clone(), clock)
                .on_batch(|record| assert!((100..=10_000).contains(&record.next_size)))
                .run(0..items, &mut sink, &mut letters);
            match run {
                Ok(report) => {
                    prop_assert_eq!(report.done + report.dead + report.passed_over + report.from, items);
                    break;
                }
                Err(stopped) => prop_assert!(matches!(stopped.why, StopReason::Handler(_)), "{}", stopped),
            }
        }
        let lines = std::fs::read_to_string(&path).expect("letters");
        let lettered: Vec<u64> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["place"].as_u64().expect("a place"))
            .collect();
        let dead: BTreeSet<u64> = lettered.iter().copied().collect();
        prop_assert_eq!(dead.len(), lettered.len(), "a letter twice");
        // Handled in order, each once.
        prop_assert!(sink.done.is_sorted_by(|a, b| a < b));
        let done: BTreeSet<u64> = sink.done.iter().copied().collect();
        prop_assert!(done.is_disjoint(&dead));
        prop_assert_eq!(done.len() + dead.len(), items as usize);
        for place in poison.iter().filter(|place| **place < items) {
            prop_assert!(dead.contains(place));
        }
        for place in &dead {
            prop_assert!(poison.contains(place) || flaky.contains_key(place), "{} was sound", place);
        }
    }
}
