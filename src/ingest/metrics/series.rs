//! What all values of one series share, made once and kept.

use super::super::reading::Fault;
use super::{labels::Labels, unit::Unit};
use crate::model::{MetricKind, MetricSample, Row, Text, Timestamp};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Longest name of a metric.
pub(super) const MAX_NAME: usize = 2_000;

/// What all values of one series share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) metric: Text,
    pub(super) labels: Text,
    pub(super) unit: Option<Text>,
    pub(super) kind: MetricKind,
    /// From the source's unit to `unit`: times this,
    multiply: f64,
    /// and divided by this. Milliseconds are divided by 1,000: multiplied by 0.001 they would be off in the last digit.
    divide: f64,
    /// Format it came in.
    pub(super) source: &'static str,
}

impl Series {
    /// One of its values, as the source has it. A value that is no number (`NaN`, infinite) is none.
    pub(super) fn at(&self, ts: Timestamp, value: f64) -> Option<Row> {
        let value = value * self.multiply / self.divide;
        let sample = MetricSample {
            metric: self.metric.clone(),
            labels: self.labels.clone(),
            ts,
            value,
            unit: self.unit.clone(),
            kind: self.kind,
            source: self.source,
        };
        value.is_finite().then_some(Row::Metric(sample))
    }
}

/// Makes series of one source; equal names and units share one allocation.
#[derive(Debug)]
pub(super) struct Maker {
    source: &'static str,
    names: HashSet<Text>,
    bytes: usize,
    /// The name before: series of one metric stand behind each other.
    last: Text,
    units: Vec<Text>,
    unlabelled: Text,
    json: String,
}

impl Maker {
    /// Bytes of distinct names after which nothing is gained by remembering more.
    const MAX_BYTES: usize = 16 << 20;

    pub(super) fn new(source: &'static str) -> Self {
        let (names, units, json) = (HashSet::new(), Vec::new(), String::new());
        Self { source, names, bytes: 0, last: "".into(), units, unlabelled: "{}".into(), json }
    }

    fn name(&mut self, name: &str) -> Text {
        if *self.last == *name {
            return self.last.clone();
        }
        self.last = match self.names.get(name) {
            Some(known) => known.clone(),
            None => {
                if self.bytes > Self::MAX_BYTES {
                    self.names.clear();
                    self.bytes = 0;
                }
                let name: Text = name.into();
                self.bytes += name.len() + 64;
                self.names.insert(name.clone());
                name
            }
        };
        self.last.clone()
    }

    /// There are few units.
    fn unit(&mut self, unit: &str) -> Text {
        if let Some(known) = self.units.iter().find(|known| ***known == *unit) {
            return known.clone();
        }
        self.units.push(unit.into());
        unit.into()
    }

    /// A series; `unit` is the unit after scaling.
    pub(super) fn series(
        &mut self,
        metric: &str,
        labels: &mut Labels<'_>,
        (unit, scale): Unit,
        kind: MetricKind,
    ) -> Result<Series, Fault> {
        if metric.is_empty() {
            return Err(Fault::new("the metric has no name"));
        }
        if metric.len() > MAX_NAME {
            return Err(Fault::of("the name of the metric is longer than 2000 bytes", metric));
        }
        let labels = if labels.is_empty() {
            self.unlabelled.clone()
        } else {
            labels.write(&mut self.json)?;
            self.json.as_str().into()
        };
        let unit = unit.map(|unit| self.unit(unit));
        let (multiply, divide) = if scale < 1.0 { (1.0, (1.0 / scale).round()) } else { (scale, 1.0) };
        Ok(Series { metric: self.name(metric), labels, unit, kind, multiply, divide, source: self.source })
    }
}

/// What was worked out for a text that stands in many lines, such as a series' name and labels.
#[derive(Debug)]
pub(super) struct Cache<V> {
    known: HashMap<Box<[u8]>, Arc<V>>,
    bytes: usize,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { known: HashMap::new(), bytes: 0 }
    }
}

impl<V> Cache<V> {
    /// Bytes of keys after which the cache begins anew: sources with one name a run would fill the memory.
    const MAX_BYTES: usize = 16 << 20;

    pub(super) fn get(&self, key: &[u8]) -> Option<&Arc<V>> {
        self.known.get(key)
    }

    pub(super) fn insert(&mut self, key: &[u8], value: V) -> Arc<V> {
        if self.bytes > Self::MAX_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        let value = Arc::new(value);
        self.bytes += key.len() + 256;
        self.known.insert(key.into(), value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_scaled_and_one_that_is_no_number_is_none() {
        let mut labels = Labels::default();
        labels.add("dag_id", "d");
        let mut maker = Maker::new("statsd");
        let series = maker.series("m", &mut labels, (Some("seconds"), 0.001), MetricKind::Timer).expect("made");
        let ts = Timestamp::from_micros(5);
        let Some(Row::Metric(sample)) = series.at(ts, 1_500.0) else { panic!("a value") };
        assert_eq!((sample.value, sample.unit.as_deref()), (1.5, Some("seconds")));
        assert_eq!((&*sample.labels, sample.ts), (r#"{"dag_id":"d"}"#, ts));
        assert_eq!(series.at(ts, f64::NAN), None);
        assert_eq!(series.at(ts, f64::INFINITY), None);
    }

    #[test]
    fn the_cache_stays_within_its_bound() {
        let mut cache = Cache::default();
        for n in 0..200_000_u32 {
            cache.insert(&n.to_le_bytes(), n);
        }
        assert!(cache.bytes <= Cache::<u32>::MAX_BYTES + 1_024);
        assert_eq!(cache.get(&199_999_u32.to_le_bytes()).map(|n| **n), Some(199_999));
    }
}
