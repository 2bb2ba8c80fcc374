//! Every kind of input, damaged in every way: no panic, a receipt that adds up, each file told of, and a lake that is whole
//! and takes the undamaged file as if nothing had happened.

mod huge;
mod samples;
mod ways;

use super::{
    idempotent::packed,
    support::{World, complain, count, list, text},
};
use samples::{Form, Sample};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use ways::{Dice, WAYS};

/// Damaged files of each kind and way; more with `WINDTUNNEL_DAMAGE=500`.
fn variants() -> usize {
    std::env::var("WINDTUNNEL_DAMAGE").ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}

/// What the receipt says of one file.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// A source, or passed over with a reason.
    is_source: bool,
    /// Rows that could be read.
    good: u64,
    has_defect: bool,
}

/// A damaged file, with what was done to it.
struct Damaged {
    how: String,
    bytes: Vec<u8>,
}

/// A lake that takes damaged files of one kind.
struct Patient<'s> {
    sample: &'s Sample,
    world: World,
    wrong: Vec<String>,
}

impl<'s> Patient<'s> {
    fn new(sample: &'s Sample) -> Self {
        Self { sample, world: World::new(), wrong: Vec::new() }
    }

    fn note(&mut self, what: impl std::fmt::Display) {
        self.wrong.push(format!("{}: {what}", self.sample.kind));
    }

    fn path(&self, folder: &str, how: &str) -> String {
        format!("{folder}/{how}/{}", self.sample.path)
    }

    /// Ingests damaged files, and the whole one beside them, as one folder. What is told of each, and of the whole one last.
    fn take(&mut self, folder: &str, damaged: &[Damaged]) -> Vec<Told> {
        let whole = Damaged { how: "whole".to_owned(), bytes: self.sample.bytes.clone() };
        for damaged in damaged.iter().chain([&whole]) {
            self.world.write(&self.path(folder, &damaged.how), &damaged.bytes);
        }
        let before = self.world.parts();
        let run = self.world.run(&["ingest", "--json", "--deployment", folder, folder]);
        if run.code == Some(0) && !run.says().contains("panicked") && !run.says().contains('\u{1b}') {
            let hows: Vec<&str> = damaged.iter().chain([&whole]).map(|damaged| damaged.how.as_str()).collect();
            return self.told(folder, &hows, &run.json());
        }
        if self.world.parts() != before && run.code != Some(0) {
            self.note(format!("{folder}: refused, and the lake is another one"));
        }
        // Damage may make another history of the same runs, for which the whole folder is refused; and of a fault it is good
        // to know which file shows it. Each half is tried alone.
        let (of_two, complaints) = (run.stderr.contains("two Airflows"), self.wrong.len());
        let mut told = vec![Told::default(); damaged.len() + 1];
        if damaged.len() > 1 {
            let (some, others) = damaged.split_at(damaged.len() / 2);
            told = self.take(&format!("{folder}1"), some);
            told.pop();
            told.extend(self.take(&format!("{folder}2"), others));
        }
        if !of_two && self.wrong.len() == complaints {
            let hows: Vec<_> = damaged.iter().map(|damaged| &damaged.how).collect();
            self.note(format!("{folder}, {hows:?}: {run:#?}"));
        }
        told
    }

    fn told(&mut self, folder: &str, hows: &[&str], receipt: &Value) -> Vec<Told> {
        const PARTS: [&str; 5] = ["rows_written", "rows_duplicate", "rows_superseded", "rows_ignored", "rows_rejected"];
        let mut by_path: BTreeMap<&str, Told> = BTreeMap::new();
        for source in list(&receipt["sources"]) {
            let path = text(source, "path");
            let read = count(&source["rows_read"]);
            if read != PARTS.iter().map(|part| count(&source[part])).sum::<u64>() {
                self.note(format!("does not add up: {source:#}"));
            }
            let told = by_path.entry(path.split('#').next().unwrap_or(path)).or_default();
            told.is_source = true;
            told.good += read - count(&source["rows_rejected"]);
        }
        for defect in list(&receipt["defects"]) {
            let path = text(defect, "path");
            if text(defect, "reason").is_empty() {
                self.note(format!("a defect without a reason: {defect:#}"));
            }
            by_path.entry(path.split('#').next().unwrap_or(path)).or_default().has_defect = true;
        }
        let told: Vec<_> = hows.iter().map(|how| by_path.remove(&*self.path(folder, how))).collect();
        for (how, _) in hows.iter().zip(&told).filter(|(_, told)| told.is_none()) {
            self.note(format!("{folder}: nothing is said of {how}"));
        }
        if !by_path.is_empty() {
            self.note(format!("{folder}: no such files: {by_path:?}"));
        }
        told.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// A file that is named must be readable: a few that are, and a few that are not.
    fn name_some(&mut self, damaged: &[Damaged], told: &[Told]) {
        for readable in [true, false] {
            let alike = damaged.iter().zip(told).filter(|(_, told)| told.is_source == readable);
            for (damaged, _) in alike.step_by(1 + damaged.len() / 2) {
                let path = self.path("named", &damaged.how);
                self.world.write(&path, &damaged.bytes);
                let run = self.world.run(&["ingest", "--json", "--deployment", "named", &path]);
                let fine = match run.code {
                    Some(0) => readable && !list(&run.json()["sources"]).is_empty(),
                    Some(1) => run.stderr.contains(&path) && (!readable || run.stderr.contains("can be used")),
                    _ => false,
                };
                if !fine {
                    self.note(format!("named: {run:#?}"));
                }
            }
        }
    }

    /// The lake is whole, and the whole file gives in it what it gives in an empty one.
    fn recovers(mut self) -> Vec<String> {
        let verified = self.world.run(&["lake", "verify"]);
        if verified.code != Some(0) {
            self.note(format!("{verified:#?}"));
        }
        let outcome = |world: &World| {
            let file = world.write(&format!("again/{}", self.sample.path), &self.sample.bytes);
            let receipt = world.ingest("again", &[&file]);
            let parts: BTreeSet<String> =
                world.parts().into_keys().filter(|name| name.contains("deployment=again/")).collect();
            (receipt["totals"].clone(), parts)
        };
        let (here, elsewhere) = (outcome(&self.world), outcome(&World::new()));
        // The revision of the lake is the version of a state, such as of a pool: parts of the same rows may differ by it.
        if here.0 != elsewhere.0 || here.1.len() != elsewhere.1.len() {
            self.note(format!("the whole file gives {here:#?}\nand in an empty lake {elsewhere:#?}"));
        }
        self.wrong
    }
}

#[test]
fn each_sample_is_read_whole() {
    let samples = samples::all();
    let kinds: BTreeSet<_> = samples.iter().map(|sample| sample.kind).collect();
    assert_eq!(kinds.len(), samples.len(), "kinds have names of their own");
    for sample in samples {
        let world = World::new();
        let file = world.write(sample.path, &sample.bytes);
        let totals = &world.ingest("x", &[&file])["totals"];
        // In Airflow 3 a reschedule waits for its task instance.
        let rejected = if sample.kind == "task_reschedule of 3.3" { 0 } else { count(&totals["rows_rejected"]) };
        assert!(count(&totals["rows_read"]) > 0 && rejected == 0, "{}: {totals:#}", sample.kind);
        assert!(sample.bytes.len() < 8_000, "{}: {} bytes", sample.kind, sample.bytes.len());
    }
}

fn cut(bytes: &[u8], step: usize) -> Vec<Damaged> {
    let cuts = (0..bytes.len()).step_by(step);
    cuts.map(|at| Damaged { how: format!("{at:04}"), bytes: bytes[..at].to_vec() }).collect()
}

#[test]
fn every_prefix_of_every_kind() {
    let mut wrong = Vec::new();
    for sample in samples::all() {
        // From byte to byte little changes in the pages of a database.
        let damaged = cut(&sample.bytes, if sample.form == Form::Binary { 13 } else { 1 });
        let mut patient = Patient::new(&sample);
        let told = patient.take("cut", &damaged);
        let whole = told.last().copied().unwrap_or_default();
        for (Damaged { how, bytes }, told) in damaged.iter().zip(&told) {
            let rest = sample.bytes[bytes.len()..].trim_ascii();
            if sample.form == Form::Document && told.is_source && !told.has_defect && !rest.is_empty() {
                patient.note(format!("cut after {how} bytes and not told of: {told:?}"));
            }
            if told.good > whole.good {
                patient.note(format!("{how} bytes hold more rows than all: {told:?} {whole:?}"));
            }
        }
        patient.name_some(&damaged, &told);
        wrong.extend(patient.recovers());
    }
    complain(&wrong);
}

#[test]
fn random_damage_of_every_kind() {
    let mut wrong = Vec::new();
    for (seed, sample) in samples::all().iter().enumerate() {
        let mut damaged = Vec::new();
        for (way, damage) in WAYS {
            let mut dice = Dice::new(seed as u64);
            damaged.extend((0..variants()).map(|n| {
                let mut bytes = sample.bytes.clone();
                damage(&mut bytes, &mut dice);
                Damaged { how: format!("{way}-{n:04}"), bytes }
            }));
        }
        let mut patient = Patient::new(sample);
        let told = patient.take("damaged", &damaged);
        patient.name_some(&damaged, &told);
        wrong.extend(patient.recovers());
    }
    complain(&wrong);
}

/// What is wrong lies in the compressed bytes: cut anywhere, or changed.
#[test]
fn damaged_packed_files() {
    const KINDS: [&str; 7] = [
        "task_instance of 2.10",
        "DAG runs of the API",
        "task's log",
        "logs in an archive",
        "StatsD",
        "OpenMetrics",
        "git log",
    ];
    let mut wrong = Vec::new();
    for sample in samples::all().iter().filter(|sample| KINDS.contains(&sample.kind)) {
        let zst = zstd::encode_all(sample.bytes.as_slice(), 1).expect("pack");
        for (form, packed) in [("gz", packed(&sample.bytes)), ("zst", zst)] {
            let mut damaged = cut(&packed, 1);
            for (way, damage) in &WAYS[..5] {
                let mut dice = Dice::new(packed.len() as u64);
                damaged.extend((0..variants()).map(|n| {
                    let mut bytes = packed.clone();
                    damage(&mut bytes, &mut dice);
                    Damaged { how: format!("{way}-{n:04}"), bytes }
                }));
            }
            let mut patient = Patient::new(sample);
            let told = patient.take(form, &damaged);
            let whole = told.last().copied().unwrap_or_default();
            for (damaged, told) in damaged.iter().zip(&told).take(packed.len()) {
                // Of fewer bytes nobody can tell that they were packed.
                if told.is_source && !told.has_defect && damaged.bytes.len() > 3 {
                    patient.note(format!("{form} cut after {} bytes and not told of: {told:?}", damaged.how));
                }
                if told.good > whole.good {
                    patient.note(format!("{form}: {} bytes hold more than all: {told:?} {whole:?}", damaged.how));
                }
            }
            patient.name_some(&damaged, &told);
            wrong.extend(patient.recovers());
        }
    }
    complain(&wrong);
}
