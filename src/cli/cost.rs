//! The cost file of `compare --cost`: TOML, each price a number or `{ low, likely, high }`.

use super::exit::Error;
use crate::analysis::{CostModel, Delay, Fleet, Uncertain};
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    currency: Option<String>,
    horizon_years: Option<u32>,
    discount_rate: Option<f64>,
    risk_adjustment: f64,
    compute: Compute,
    delay: Option<DelayTable>,
    engineers: Engineers,
    other_investment: Price,
    running_per_year: Price,
    work: Work,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Compute {
    slot_hour: Price,
    /// `elastic` or `fixed`.
    fleet: Option<String>,
    workers_removed: f64,
    worker_hour: Price,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DelayTable {
    allowed_s: f64,
    per_hour: Price,
    cap: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Engineers {
    hour: Price,
    invested_hours: Price,
    saved_hours_per_year: Price,
}

/// For numbers from files, which do not tell.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Work {
    runs_per_year: Option<f64>,
    slots: Option<f64>,
}

/// A number, or three of them.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Price {
    Known(f64),
    Between { low: f64, likely: f64, high: f64 },
}

impl Default for Price {
    fn default() -> Self {
        Self::Known(0.0)
    }
}

/// Years that a change can be looked at.
pub(in crate::cli) const HORIZONS: std::ops::RangeInclusive<u32> = 1..=50;

/// Largest price, number of hours or of workers: more than there is of any currency's money, and nothing overflows.
const LARGEST: f64 = 1e15;

impl Price {
    fn read(self, name: &str) -> Result<Uncertain, String> {
        let read = match self {
            Self::Known(value) => Uncertain::known(value),
            Self::Between { low, likely, high } => Uncertain { low, likely, high },
        };
        let fits = read.low >= 0.0 && read.low <= read.likely && read.likely <= read.high && read.high <= LARGEST;
        if fits { Ok(read) } else { Err(format!("{name}: wanted 0 <= low <= likely <= high, up to {LARGEST:.0}")) }
    }
}

/// Reads a cost file.
pub(super) fn read(path: &Path) -> Result<CostModel, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let bad = |reason: String| Error::Usage(format!("{}: {reason}", path.display()));
    let file: File = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
    model(file).map_err(bad)
}

fn model(file: File) -> Result<CostModel, String> {
    let defaults = CostModel::default();
    let at_least_0 = |name: &str, value: f64| match value {
        v if (0.0..=LARGEST).contains(&v) => Ok(v),
        v => Err(format!("{name}: {v} is not between 0 and {LARGEST:.0}")),
    };
    let fleet = match file.compute.fleet.as_deref() {
        None | Some("elastic") => Fleet::Elastic,
        Some("fixed") => Fleet::Fixed {
            workers_removed: at_least_0("compute.workers_removed", file.compute.workers_removed)?,
            worker_hour: file.compute.worker_hour.read("compute.worker_hour")?,
        },
        Some(other) => return Err(format!("compute.fleet: `{other}` is not one of elastic, fixed")),
    };
    let delay = match file.delay {
        None => None,
        Some(delay) => Some(Delay {
            allowed_s: at_least_0("delay.allowed_s", delay.allowed_s)?,
            per_hour: delay.per_hour.read("delay.per_hour")?,
            cap: delay.cap.map(|cap| at_least_0("delay.cap", cap)).transpose()?,
        }),
    };
    let risk_adjustment = at_least_0("risk_adjustment", file.risk_adjustment)?;
    if risk_adjustment > 1.0 {
        return Err(format!("risk_adjustment: {risk_adjustment} is more than 1"));
    }
    let horizon_years = file.horizon_years.unwrap_or(defaults.horizon_years);
    if !HORIZONS.contains(&horizon_years) {
        return Err(format!("horizon_years: {horizon_years} is not between 1 and 50"));
    }
    Ok(CostModel {
        currency: file.currency.unwrap_or(defaults.currency),
        horizon_years,
        discount_rate: at_least_0("discount_rate", file.discount_rate.unwrap_or(defaults.discount_rate))?,
        risk_adjustment,
        slot_hour: file.compute.slot_hour.read("compute.slot_hour")?,
        fleet,
        delay,
        engineer_hour: file.engineers.hour.read("engineers.hour")?,
        invested_hours: file.engineers.invested_hours.read("engineers.invested_hours")?,
        saved_hours_per_year: file.engineers.saved_hours_per_year.read("engineers.saved_hours_per_year")?,
        other_investment: file.other_investment.read("other_investment")?,
        running_per_year: file.running_per_year.read("running_per_year")?,
        runs_per_year: file.work.runs_per_year.map(|runs| at_least_0("work.runs_per_year", runs)).transpose()?,
        slots: at_least_0("work.slots", file.work.slots.unwrap_or(defaults.slots))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CostModel, String> {
        model(toml::from_str(text).map_err(|error| error.to_string())?)
    }

    #[test]
    fn a_whole_file() {
        let read = parse(
            "currency = \"EUR\"\nhorizon_years = 2\ndiscount_rate = 0.08\nrisk_adjustment = 0.2\nrunning_per_year = 10\n\
             [compute]\nslot_hour = { low = 0.01, likely = 0.02, high = 0.05 }\nfleet = \"fixed\"\nworkers_removed = 1\nworker_hour = 0.11\n\
             [delay]\nallowed_s = 3600\nper_hour = 50\ncap = 200\n\
             [engineers]\nhour = 106\ninvested_hours = 40\n[work]\nruns_per_year = 7300\nslots = 8\n",
        )
        .expect("readable");
        assert_eq!((read.currency.as_str(), read.horizon_years, read.slots), ("EUR", 2, 8.0));
        assert_eq!(read.slot_hour, Uncertain { low: 0.01, likely: 0.02, high: 0.05 });
        assert_eq!(read.fleet, Fleet::Fixed { workers_removed: 1.0, worker_hour: Uncertain::known(0.11) });
        assert_eq!(read.delay.and_then(|delay| delay.cap), Some(200.0));
        assert_eq!(parse(""), Ok(CostModel::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            ("[compute]\nslot_hour = -1", "compute.slot_hour: wanted 0 <= low"),
            ("[engineers]\nhour = { low = 3, likely = 2, high = 4 }", "engineers.hour: wanted"),
            ("[compute]\nfleet = \"rented\"", "`rented` is not one of elastic, fixed"),
            ("[compute]\nslots = 1", "unknown field `slots`, expected one of"),
            ("horizon_years = 0", "not between 1 and 50"),
            ("risk_adjustment = 2", "more than 1"),
            ("discount_rate = nan", "discount_rate"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
