//! Runs the target that the environment variable `FUZZ_TARGET` names under libFuzzer.
#![no_main]

#[allow(dead_code, unused_imports, unfulfilled_lint_expectations, reason = "the program uses what the targets do not")]
#[path = "../../src/ingest/mod.rs"]
mod ingest;
#[allow(dead_code, unused_imports, unfulfilled_lint_expectations, reason = "the program uses what the targets do not")]
#[path = "../../src/model/mod.rs"]
mod model;

use std::{alloc::System, sync::LazyLock};

/// No input of a few kilobytes needs more: what is beyond ends the run as a crash.
const MAX_MEMORY: usize = 256 << 20;

#[global_allocator]
static MEMORY: cap::Cap<System> = cap::Cap::new(System, MAX_MEMORY);

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names = ingest::fuzz::TARGETS.map(|(name, _)| name).join(", ");
    let hit = ingest::fuzz::TARGETS.into_iter().find(|(known, _)| *known == name);
    hit.unwrap_or_else(|| panic!("FUZZ_TARGET must be one of {names}")).1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
