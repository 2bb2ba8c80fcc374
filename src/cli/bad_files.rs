//! Workload and platform files in which a value, or any byte, is something else: each is taken or refused, and neither ends in a
//! panic, goes on for ever or takes all memory.

use super::{platform_file, workload};
use crate::engine::{
    batch::{Policy, Processor},
    pool::{Pools, Settings},
};
use proptest::prelude::*;

const WORKLOAD: &str = include_str!("../../datasets/orders.toml");
const PLATFORM: &str = include_str!("../../datasets/ecommerce.toml");

/// What may stand where something else should.
const VALUES: [&str; 16] = [
    "0",
    "-1",
    "1",
    "0.0",
    "-0.5",
    "1e-308",
    "1e308",
    "inf",
    "nan",
    "18446744073709551616",
    "9223372036854775807",
    "4294967296",
    "\"\"",
    "\"\\u0000<b>\"",
    "[]",
    "true",
];

/// The text with the value of each key replaced in turn.
fn replaced(text: &str) -> impl Iterator<Item = String> {
    let lines: Vec<&str> = text.lines().collect();
    let keys: Vec<usize> =
        (0..lines.len()).filter(|i| lines[*i].split_once('=').is_some_and(|(key, _)| !key.contains('#'))).collect();
    keys.into_iter().flat_map(move |at| {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        VALUES.iter().map(move |value| {
            let mut lines = lines.clone();
            let key = lines[at].split('=').next().unwrap_or_default();
            lines[at] = format!("{key}= {value}");
            lines.join("\n")
        })
    })
}

/// Reads a workload and uses what it says; was it taken?
fn use_workload(text: &str) -> bool {
    let Ok(file) = workload::File::parse(text) else { return false };
    let (Ok(work), Ok(batch), Ok(_), Ok(pools)) =
        (file.workload_after(50, 1, 40), file.batch(), file.workers(), file.pools())
    else {
        return false;
    };
    assert!(work.records.len() <= 40);
    // Small ones, so that there are batches to learn from.
    let settings = crate::engine::batch::Settings { policy: Policy::Search, sizes: 1..=8, initial: 4, ..batch };
    let mut handled = 0_u64;
    let clock = crate::replay::Wall::start();
    let mut count = |batch: crate::engine::batch::Batch<'_, String>| {
        handled += batch.items.len() as u64;
        Ok(())
    };
    let told = Processor::new(settings, clock.clone()).run(work.records.iter().cloned(), &mut count, &mut Vec::new());
    assert!(told.is_ok());
    assert_eq!(handled, work.records.len() as u64);
    let _: Result<Pools, _> = Pools::new(pools, Settings::default(), clock);
    true
}

fn use_platform(text: &str) -> bool {
    let Ok(file) = platform_file::File::parse(text) else { return false };
    file.platform().is_ok()
}

#[test]
fn any_value_in_a_workload_is_taken_or_refused() {
    assert!(use_workload(WORKLOAD));
    let taken = replaced(WORKLOAD).filter(|text| use_workload(text)).count();
    let all = replaced(WORKLOAD).count();
    assert!(all > 600 && taken > all / 20 && taken < all / 2, "{taken} of {all} were taken");
}

#[test]
fn any_value_in_a_platform_is_taken_or_refused() {
    assert!(use_platform(PLATFORM));
    let taken = replaced(PLATFORM).filter(|text| use_platform(text)).count();
    let all = replaced(PLATFORM).count();
    assert!(all > 600 && taken > all / 50 && taken < all / 2, "{taken} of {all} were taken");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_bytes_in_them_are_taken_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<char>()), 1..6),
        platform in any::<bool>(),
    ) {
        let mut text: Vec<char> = if platform { PLATFORM } else { WORKLOAD }.chars().collect();
        for (at, act, with) in edits {
            let at = at.index(text.len());
            match act {
                0 => text[at] = with,
                1 => drop(text.remove(at)),
                _ => text.insert(at, with),
            }
        }
        let text: String = text.into_iter().collect();
        let _ = if platform { use_platform(&text) } else { use_workload(&text) };
    }
}

#[test]
fn a_file_is_named_with_its_line_where_it_is_wrong() {
    let error = workload::File::parse("[orders]\ncustomers = -3").expect_err("fewer than none").to_string();
    assert!(error.contains("line 2") && error.contains("customers"), "{error}");
}
