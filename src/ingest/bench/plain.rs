//! Plain numbers: each series is a benchmark, its values the samples.

use super::{content::Content, put_samples};
use crate::{
    ingest::{Error, numbers},
    model::{BenchResult, BenchRun, Measured},
};
use std::path::Path;

pub(super) fn read(path: &Path, content: &Content) -> Result<Vec<BenchRun>, Error> {
    let mut run = BenchRun::default();
    for series in numbers::read_from(path, content.reader()?)?.series {
        let name = if series.id.is_empty() { "value".into() } else { series.id };
        let (measure, unit) = ("".into(), "".into());
        let result = BenchResult { name, measure, unit, higher_is_better: false, measured: Measured::Point(0.0) };
        put_samples(&mut run, result, series.values);
    }
    Ok(vec![run])
}
