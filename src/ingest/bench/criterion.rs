//! The folder of criterion: `<benchmark>/<baseline>/{benchmark,sample}.json`; nanoseconds of `iters` iterations a sample.

use super::{put_samples, unrecognised};
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Measured},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::BTreeSet, fs::File, io::BufReader, path::Path};
use walkdir::WalkDir;

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
}

#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Baseline that holds the last run.
const LAST: &str = "new";

/// `None` where the folder is none of criterion's.
pub(super) fn read(folder: &Path, named: Option<&str>) -> Result<Option<BenchRun>, Error> {
    let wanted = named.unwrap_or(LAST);
    let (mut run, mut there) = (BenchRun::default(), BTreeSet::new());
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| unrecognised(folder, error.to_string()))?;
        if entry.file_name() != "benchmark.json" {
            continue;
        }
        let Some(baseline) = entry.path().parent() else { continue };
        let Some(name) = baseline.file_name().and_then(|n| n.to_str()) else { continue };
        there.insert(name.to_owned());
        if name == wanted {
            benchmark(&mut run, baseline)?;
        }
    }
    if there.is_empty() {
        return Ok(None);
    }
    if run.results.is_empty() && run.broken.is_empty() {
        let there: Vec<String> = there.into_iter().collect();
        return Err(Error::NoSuchRun { path: folder.into(), wanted: wanted.to_owned(), there: there.join(", ") });
    }
    Ok(Some(run))
}

fn benchmark(run: &mut BenchRun, folder: &Path) -> Result<(), Error> {
    let Benchmark { full_id } = json(&folder.join("benchmark.json"))?;
    let path = folder.join("sample.json");
    if !path.exists() {
        run.broken.push((full_id.into(), "no sample.json beside it".into()));
        return Ok(());
    }
    let sample: Sample = json(&path)?;
    if sample.iters.len() != sample.times.len() {
        let (iters, times) = (sample.iters.len(), sample.times.len());
        return Err(unrecognised(&path, format!("{iters} `iters` but {times} `times`")));
    }
    if let Some(wrong) = sample.iters.iter().find(|n| n.is_nan() || **n <= 0.0) {
        run.broken.push((full_id.into(), format!("a sample of {wrong} iterations").into()));
        return Ok(());
    }
    let samples = sample.times.iter().zip(&sample.iters).map(|(time, n)| time / n).collect();
    let result = BenchResult {
        name: full_id.into(),
        measure: "time".into(),
        unit: "ns".into(),
        higher_is_better: false,
        measured: Measured::Point(0.0),
    };
    put_samples(run, result, samples);
    Ok(())
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    serde_json::from_reader(BufReader::new(file))
        .map_err(|error| unrecognised(path, format!("no criterion output: {error}")))
}
