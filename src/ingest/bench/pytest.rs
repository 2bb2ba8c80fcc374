//! pytest-benchmark `--benchmark-json`: seconds a round. `stats.data` holds each round where it was saved
//! (`--benchmark-save-data`, or the JSON of one run), else mean, standard deviation and rounds are what there is.

use super::{content::Content, put_samples};
use crate::{
    ingest::{Error, instants::parse_instant},
    model::{BenchResult, BenchRun, Host, Measured, Text},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    machine_info: Option<Machine>,
    #[serde(default)]
    datetime: Option<String>,
    benchmarks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Machine {
    #[serde(default)]
    cpu: Option<Cpu>,
    #[serde(default)]
    machine: Option<String>,
    #[serde(default)]
    system: Option<String>,
    #[serde(default)]
    release: Option<String>,
    #[serde(default)]
    python_implementation: Option<String>,
    #[serde(default)]
    python_version: Option<String>,
}

#[derive(Deserialize)]
struct Cpu {
    // Versions differ in how they name the model.
    #[serde(default, alias = "brand")]
    brand_raw: Option<String>,
    #[serde(default)]
    count: Option<u64>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    fullname: Option<String>,
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    data: Option<Vec<Round>>,
    #[serde(default)]
    mean: Option<f64>,
    #[serde(default)]
    stddev: Option<f64>,
    #[serde(default)]
    median: Option<f64>,
    #[serde(default)]
    iqr: Option<f64>,
    #[serde(default)]
    rounds: usize,
}

/// Interquartile range of a normal distribution with standard deviation 1.
const IQR_TO_SD: f64 = 1.349;
/// Standard error of the median over that of the mean, normal values: the root of π/2.
const MEDIAN_TO_MEAN: f64 = 1.2533;

/// Seconds of a round; anything else says that the list was cut.
#[derive(Deserialize)]
#[serde(untagged)]
enum Round {
    Seconds(f64),
    Other(serde::de::IgnoredAny),
}

pub(super) fn read(content: &Content) -> Result<Vec<BenchRun>, Error> {
    let document: Document = content.json("pytest-benchmark")?;
    let at = document.datetime.and_then(|text| Some(parse_instant(&text)?.0));
    let mut run =
        BenchRun { at, host: document.machine_info.map(Host::from).unwrap_or_default(), ..BenchRun::default() };
    for entry in document.benchmarks {
        let name: Text = entry.fullname.unwrap_or(entry.name).into();
        let stats = entry.stats;
        let robust = stats.median.zip(stats.iqr).filter(|(_, iqr)| *iqr > 0.0);
        let measured = match (stats.mean, stats.stddev) {
            // Rounds have stragglers: median and quartiles are to the mean what raw data would be.
            (Some(_), Some(_)) if stats.rounds >= 2 && robust.is_some() => {
                robust.map(|(median, iqr)| Measured::summary(median, MEDIAN_TO_MEAN * iqr / IQR_TO_SD, stats.rounds))
            }
            (Some(mean), Some(sd)) if stats.rounds >= 2 => Some(Measured::summary(mean, sd, stats.rounds)),
            (Some(mean), _) => Some(Measured::Point(mean)),
            (None, _) => None,
        };
        let result = |measured| BenchResult {
            name: name.clone(),
            measure: "time".into(),
            unit: "s".into(),
            higher_is_better: false,
            measured,
        };
        let data: Vec<f64> = stats
            .data
            .into_iter()
            .flatten()
            .filter_map(|round| match round {
                Round::Seconds(seconds) => Some(seconds),
                Round::Other(_) => None,
            })
            .collect();
        match measured {
            // Some tools cut the list and keep the count of rounds.
            Some(measured) if data.len() < stats.rounds.max(1) => run.add(result(measured)),
            _ => put_samples(&mut run, result(Measured::Point(0.0)), data),
        }
    }
    Ok(vec![run])
}

impl From<Machine> for Host {
    fn from(m: Machine) -> Self {
        let joined = |a: Option<String>, b: Option<String>| Some(Text::from(format!("{} {}", a?, b?)));
        let cpu = m.cpu.unwrap_or(Cpu { brand_raw: None, count: None });
        Self {
            cpu: cpu.brand_raw.map(Text::from),
            cores: cpu.count.map(|n| n.to_string().into()),
            system: joined(m.system, m.machine),
            kernel: m.release.map(Text::from),
            runtime: joined(m.python_implementation, m.python_version),
            ..Self::default()
        }
    }
}
