//! `windtunnel.toml`: settings, each with where it comes from.

use super::airflow_table::AirflowTable;
use crate::{
    ingest::{CsvMapping, TimeFormat},
    model::MetricKind,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// File name that is looked for, here and in the folders above.
pub(super) const FILE: &str = "windtunnel.toml";

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("{path}: {reason}")]
    Bad { path: String, reason: String },
}

/// The file as written. Unknown keys are refused; toml then lists the known ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Folder of the lake, from the folder of this file.
    pub(super) lake: Option<PathBuf>,
    /// Seed.
    pub(super) seed: Option<u64>,
    #[serde(default)]
    pub(super) analyze: AnalyzeTable,
    #[serde(default)]
    pub(super) acknowledge: Vec<Acknowledge>,
    pub(super) metrics: Option<MetricsTable>,
    #[serde(default)]
    pub(super) airflow: AirflowTable,
}

/// `[metrics]`: how a table of metrics of the user's own is to be read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsTable {
    /// Column of the time.
    time: String,
    /// auto, s, ms, us, ns or rfc3339.
    time_format: Option<String>,
    /// Column of the metric's name, in a table with one value a row.
    metric: Option<String>,
    /// Column of the value.
    value: Option<String>,
    /// Columns that become labels.
    #[serde(default)]
    labels: Vec<String>,
    /// Unit of all values.
    unit: Option<String>,
    /// counter, increment, gauge, timer, histogram, summary or unknown.
    kind: Option<String>,
    /// Stands before the name of each metric.
    #[serde(default)]
    prefix: String,
}

impl MetricsTable {
    fn mapping(&self) -> Result<CsvMapping, String> {
        let time_format = match self.time_format.as_deref() {
            None | Some("auto") => TimeFormat::Auto,
            Some("s") => TimeFormat::Seconds,
            Some("ms") => TimeFormat::Milliseconds,
            Some("us") => TimeFormat::Microseconds,
            Some("ns") => TimeFormat::Nanoseconds,
            Some("rfc3339") => TimeFormat::Rfc3339,
            Some(other) => {
                return Err(format!("metrics.time_format: `{other}` is not one of auto, s, ms, us, ns, rfc3339"));
            }
        };
        let kind = self.kind.as_deref().map(|text| {
            MetricKind::parse(text).ok_or_else(|| {
                format!(
                    "metrics.kind: `{text}` is not one of counter, increment, gauge, timer, histogram, summary, unknown"
                )
            })
        });
        Ok(CsvMapping {
            time: self.time.clone(),
            time_format,
            metric: self.metric.clone(),
            value: self.value.clone(),
            labels: self.labels.clone(),
            unit: self.unit.clone(),
            kind: kind.transpose()?,
            prefix: self.prefix.clone(),
        })
    }
}

/// `[analyze]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnalyzeTable {
    pub(super) window: Option<String>,
    pub(super) baseline: Option<String>,
    /// Share of false findings among the findings.
    pub(super) false_discovery_rate: Option<f64>,
    /// Smallest change worth a finding, as a share: 0.05 is 5 %.
    pub(super) min_effect: Option<f64>,
}

/// `[[acknowledge]]`: a finding that is known, until a date.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acknowledge {
    pub(super) dag: String,
    pub(super) task: Option<String>,
    pub(super) quantity: Option<String>,
    pub(super) until: String,
    pub(super) reason: String,
}

/// Settings and where the file lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Config {
    pub(super) path: Option<PathBuf>,
    pub(super) file: File,
}

impl Config {
    /// The file named, else the nearest one from here upward, else none.
    pub(super) fn load(named: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = named.map(Path::to_owned).or_else(nearest) else { return Ok(Self::default()) };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|source| Error::Io { path: shown.clone(), source })?;
        let bad = |reason: String| Error::Bad { path: shown.clone(), reason };
        let file: File = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        file.check().map_err(bad)?;
        Ok(Self { path: Some(path), file })
    }

    /// How a table of metrics is to be read.
    pub(super) fn metrics_table(&self) -> Result<Option<CsvMapping>, String> {
        self.file.metrics.as_ref().map(MetricsTable::mapping).transpose()
    }

    /// Folder of the lake that the file names.
    pub(super) fn lake(&self) -> Option<PathBuf> {
        let folder = self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        self.file.lake.as_ref().map(|lake| folder.join(lake))
    }
}

impl File {
    fn check(&self) -> Result<(), String> {
        for (name, value) in [("window", &self.analyze.window), ("baseline", &self.analyze.baseline)] {
            if let Some(text) = value {
                super::args::parse_days(text).map_err(|reason| format!("analyze.{name}: {reason}"))?;
            }
        }
        let rate = self.analyze.false_discovery_rate;
        if rate.is_some_and(|rate| !(rate > 0.0 && rate < 1.0)) {
            return Err("analyze.false_discovery_rate: must lie between 0 and 1".to_owned());
        }
        if self.analyze.min_effect.is_some_and(|effect| !(0.0..10.0).contains(&effect)) {
            return Err("analyze.min_effect: must be a share such as 0.05".to_owned());
        }
        self.airflow.limits()?;
        if let Some(table) = &self.metrics {
            table.mapping()?;
        }
        for known in &self.acknowledge {
            known
                .until
                .parse::<jiff::civil::Date>()
                .map_err(|_| format!("acknowledge: until = `{}` is no date: write YYYY-MM-DD", known.until))?;
            if let Some(quantity) = &known.quantity
                && crate::model::Quantity::parse(quantity).is_none()
            {
                let all: Vec<_> = crate::model::Quantity::ALL.iter().map(|q| q.as_str()).collect();
                return Err(format!("acknowledge: quantity = `{quantity}` is not one of {}", all.join(", ")));
            }
        }
        Ok(())
    }
}

fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}
