//! Bencher Metric Format: `{benchmark: {measure: {value, lower_value, upper_value}}}`.
//!
//! What the bounds mean is up to the tool that wrote them (an interval of the mean, one standard deviation, the extremes),
//! so they are not taken for an uncertainty: each is a single figure, and runs tell how it scatters.

use super::content::Content;
use crate::{
    ingest::Error,
    model::{BenchResult, BenchRun, Measured},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use std::fmt;

#[derive(Deserialize)]
struct Metric {
    value: f64,
}

/// Units of Bencher's built-in measures.
const UNITS: [(&str, &str); 5] =
    [("latency", "ns"), ("throughput", "ops/s"), ("build-time", "s"), ("file-size", "B"), ("json", "")];

pub(super) fn read(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let document: Pairs<Pairs<Metric>> = content.json("BMF")?;
    let mut run = BenchRun::default();
    for (name, measures) in document.0 {
        for (measure, metric) in measures.0 {
            let unit = UNITS.iter().find(|(known, _)| *known == measure).map_or("", |(_, unit)| unit);
            run.add(BenchResult {
                name: name.as_str().into(),
                higher_is_better: measure.contains("throughput") || measure.ends_with("per-second"),
                measure: measure.into(),
                unit: unit.into(),
                measured: Measured::Point(metric.value),
            });
        }
    }
    Ok(vec![run])
}

/// An object in the order in which it is written.
struct Pairs<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    pairs.push(entry);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(std::marker::PhantomData))
    }
}
