//! The targets under `cargo test`: every input that was kept, and random changes of those.

use super::{TARGETS, Target};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

/// Inputs that are made of the kept ones for each target.
const MADE: u32 = 256;
/// The same of a target whose inputs are made long.
const MADE_LONG: u32 = 8;

/// `seeds` are what inputs look like, `cases` what once broke a promise.
fn kept(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let of = |folder: &str| match target {
        "long" => walkdir::WalkDir::new(root.join(folder)),
        target => walkdir::WalkDir::new(root.join(folder).join(target)),
    };
    let files = ["seeds", "cases"].into_iter().flat_map(|folder| of(folder).sort_by_file_name());
    files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// One change of an input; places and lengths are taken modulo what there is.
#[derive(Clone, Debug)]
enum Edit {
    Put(usize, u8),
    Cut(usize, usize),
    /// A piece of another input.
    Copy(usize, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<usize>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Put(at, byte)),
        (place(), 1..40_usize).prop_map(|(at, length)| Edit::Cut(at, length)),
        (place(), place(), 1..80_usize).prop_map(|(at, from, length)| Edit::Copy(at, from, length)),
    ]
}

fn edited(input: &[u8], edits: &[Edit], other: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for edit in edits {
        let place = |at: &usize| at % (bytes.len() + 1);
        match edit {
            Edit::Put(at, byte) => bytes.insert(place(at), *byte),
            Edit::Cut(at, length) => {
                let at = place(at);
                bytes.drain(at..bytes.len().min(at + length));
            }
            Edit::Copy(at, from, length) => {
                let (at, from) = (place(at), from % (other.len() + 1));
                bytes.splice(at..at, other[from..other.len().min(from + length)].iter().copied());
            }
        }
    }
    bytes
}

fn try_target(name: &str, target: Target) {
    let paths = kept(name);
    assert!(paths.len() > 2, "{name} has no inputs");
    let inputs: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).expect("a kept input")).collect();
    for (path, input) in paths.iter().zip(&inputs) {
        let kept = catch_unwind(|| target(input));
        assert!(kept.is_ok(), "broken by {}", path.display());
    }
    let cases = if name == "long" { MADE_LONG } else { MADE };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let made = (0..inputs.len(), 0..inputs.len(), vec(edit(), 0..8));
    let result = TestRunner::new(config).run(&made, |(input, other, edits)| {
        target(&edited(&inputs[input], &edits, &inputs[other]));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{name}: {error}");
    }
}

/// A test for each target, so that they run beside each other.
macro_rules! targets {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                let (name, target) = TARGETS.into_iter().find(|(name, _)| *name == stringify!($name)).expect("a target");
                try_target(name, target);
            }
        )*

        #[test]
        fn every_target_is_tried() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$(stringify!($name)),*]);
        }
    };
}

targets!(
    archive,
    exposition,
    files,
    json,
    logs,
    long,
    markers,
    metrics_json,
    metrics_tables,
    secrets,
    statsd,
    tables,
    values
);

#[test]
fn any_bytes() {
    let config = Config { cases: MADE, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&vec(any::<u8>(), 0..300), |bytes| {
        TARGETS.iter().filter(|(name, _)| *name != "long").for_each(|(_, target)| target(&bytes));
        Ok(())
    });
    assert!(result.is_ok(), "{result:?}");
}
