//! Captured StatsD lines to samples.
//!
//! A StatsD line has no time of its own: a capture must put the time of receipt in front (unix seconds or RFC 3339). Counters
//! are increments, timers become seconds, names that hold ids are taken apart, and of a measurement sent under two names one
//! is kept.

use super::{
    super::{
        ids::Ids,
        reading::Fault,
        sink::{Halt, Sink},
    },
    Hints, Open, Stop,
    labels::Labels,
    lines::Lines,
    names::{self, Name, Resolved},
    number,
    series::{Cache, Maker, Series},
    statsd_line::{self, Metric},
    survey::survey,
    timers::TimerScale,
    twins::{Line, Twins},
    unit,
};
use crate::model::{MetricKind, Row, Text, Timestamp};
use std::{borrow::Cow, cell::Cell, sync::Arc};

/// Why a line is left out.
const ZERO: &str = "a count of 0 that Airflow sends for every state when a task starts: nothing happened";
/// Why a line is left out.
const NO_NUMBER: &str = "the value is NaN or infinite: nothing was measured";

/// Reads a capture.
pub(super) fn read(open: Open<'_>, hints: &Hints<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
    let scale = survey(open()?, hints, sink);
    let mut lines = Lines::new(open()?);
    let mut reader = Reader {
        ids: hints.ids,
        scale,
        maker: Maker::new("statsd"),
        known: Cache::default(),
        key: Vec::new(),
        twins: Twins::default(),
        time: None,
        untimed: 0,
        joined: 0,
        unresolved: 0,
        unresolved_name: None,
    };
    while let Some((number, line)) = lines.next() {
        match line {
            Ok(line) => reader.line(number, line, sink)?,
            Err(fault) => sink.rejected(Some(number), &fault)?,
        }
    }
    reader.finish(sink)?;
    Ok(())
}

/// What was worked out for one name with one type.
#[derive(Debug)]
struct Known {
    series: Series,
    name: Option<Name>,
    tagged: bool,
    labels: Arc<Labels<'static>>,
    unresolved: bool,
    /// Is a count of 0 an announcement, and no event?
    zero_is_noise: bool,
    /// DogStatsD has no relative gauges: a sign is part of the value.
    signs_are_values: bool,
    /// Last level of a gauge, to which a signed value is added.
    level: Cell<Option<f64>>,
    /// Time of the value before, and how many had it since.
    last: Cell<(Option<Timestamp>, i64)>,
}

impl Known {
    /// Several values of one name may have one time, where a capture states whole seconds: each is a measurement, so that they
    /// are kept a microsecond apart.
    fn moment(&self, time: Timestamp) -> Timestamp {
        let (before, times) = self.last.get();
        let times = if before == Some(time) { times + 1 } else { 0 };
        self.last.set((Some(time), times));
        Timestamp::from_micros(time.micros().saturating_add(times))
    }
}

struct Reader<'h> {
    ids: &'h Ids,
    scale: TimerScale,
    maker: Maker,
    known: Cache<Known>,
    key: Vec<u8>,
    twins: Twins,
    /// Time of the line before: lines of one packet share it.
    time: Option<Timestamp>,
    untimed: u64,
    joined: u64,
    unresolved: u64,
    unresolved_name: Option<Text>,
}

impl Reader<'_> {
    fn line(&mut self, number: u64, line: &[u8], sink: &mut dyn Sink) -> Result<(), Halt> {
        let (time, packet) = statsd_line::received(line.trim_ascii());
        if packet.is_empty() {
            // An empty line is no metric; a time with nothing behind it is an empty packet.
            return if time.is_some() { sink.ignored("an empty packet") } else { Ok(()) };
        }
        if time.is_some() {
            self.time = time;
        } else if self.time.is_some() {
            self.joined += 1;
        }
        let time = self.time;
        statsd_line::each_metric(packet, |text| match self.metric(number, text, time, sink) {
            Ok(()) => Ok(()),
            Err(Trouble::Halt(halt)) => Err(halt),
            Err(Trouble::Fault(fault)) => sink.rejected(Some(number), &fault),
        })
    }

    fn metric(
        &mut self,
        number: u64,
        text: &[u8],
        time: Option<Timestamp>,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        if text.starts_with(b"_e{") {
            return Ok(sink.ignored("an event of DogStatsD, no metric")?);
        }
        if text.starts_with(b"_sc|") {
            return Ok(sink.ignored("a service check of DogStatsD, no metric")?);
        }
        let parsed = statsd_line::parse(text);
        let mut next = Some(parsed.ok_or_else(|| Fault::of("not a StatsD line", &String::from_utf8_lossy(text)))?);
        while let Some(metric) = next {
            if let Err(trouble) = self.values(&metric, time, sink) {
                match trouble {
                    Trouble::Halt(halt) => return Err(Trouble::Halt(halt)),
                    Trouble::Fault(fault) => sink.rejected(Some(number), &fault)?,
                }
            }
            next = None;
            if let Some(more) = metric.more {
                let values = statsd_line::values(metric.name, more);
                next = Some(values.ok_or_else(|| fault("a value behind another has no type", more))?);
            }
        }
        Ok(())
    }

    /// The values of one name and type. DogStatsD packs several, with a colon between.
    fn values(&mut self, metric: &Metric<'_>, time: Option<Timestamp>, sink: &mut dyn Sink) -> Result<(), Trouble> {
        if metric.kind == b"s" {
            return Ok(sink.ignored("a member of a set: the line names it, and measures nothing")?);
        }
        let own = metric.time.map(|text| number::unix_time(text).ok_or_else(|| fault("the time is not a time", text)));
        let Some(time) = own.transpose()?.or(time) else {
            self.untimed += 1;
            return Err(fault("no time of receipt stands in front of the line", metric.name).into());
        };
        let known = self.known(metric)?;
        let rate = metric.rate.map(|text| {
            let rate = number::float(text).filter(|rate| *rate > 0.0 && *rate <= 1.0);
            rate.ok_or_else(|| fault("the sampling rate is not between 0 and 1", text))
        });
        let rate = rate.transpose()?.unwrap_or(1.0);
        let (first, mut rest) = match metric.values.iter().position(|byte| *byte == b':') {
            Some(at) => (metric.values.get(..at).unwrap_or_default(), metric.values.get(at + 1..)),
            None => (metric.values, None),
        };
        self.value(&known, first, rate, time, sink)?;
        while let Some(values) = rest {
            let at = values.iter().position(|byte| *byte == b':').unwrap_or(values.len());
            self.value(&known, values.get(..at).unwrap_or_default(), rate, time, sink)?;
            rest = values.get(at + 1..);
        }
        Ok(())
    }

    fn value(
        &mut self,
        known: &Arc<Known>,
        text: &[u8],
        rate: f64,
        time: Timestamp,
        sink: &mut dyn Sink,
    ) -> Result<(), Trouble> {
        let value = number::float(text).ok_or_else(|| fault("the value is not a number", text))?;
        if known.zero_is_noise && value == 0.0 {
            return Ok(sink.ignored(ZERO)?);
        }
        if known.unresolved {
            self.unresolved += 1;
            self.unresolved_name.get_or_insert_with(|| known.series.metric.clone());
        }
        let value = match known.series.kind {
            MetricKind::Increment => value / rate,
            MetricKind::Gauge => {
                let signed = matches!(text.first(), Some(b'+' | b'-')) && !known.signs_are_values;
                match (signed, known.level.get()) {
                    (true, None) => {
                        return Ok(
                            sink.ignored("a relative gauge before the first absolute value: its level is not known")?
                        );
                    }
                    (true, Some(level)) => level + value,
                    (false, _) => value,
                }
            }
            _ => value,
        };
        if known.series.kind == MetricKind::Gauge {
            known.level.set(Some(value));
        }
        let Some(row) = known.series.at(known.moment(time), value) else { return Ok(sink.ignored(NO_NUMBER)?) };
        match (row, known.name) {
            (Row::Metric(sample), Some(name)) => {
                let labels = known.labels.clone();
                Ok(self.twins.offer(Line { name, tagged: known.tagged, settled: false, labels, sample }, sink)?)
            }
            (row, _) => Ok(sink.row(row)?),
        }
    }

    fn known(&mut self, metric: &Metric<'_>) -> Result<Arc<Known>, Fault> {
        self.key.clear();
        for part in [metric.name, b"|", metric.kind, b"|", metric.tags.unwrap_or_default()] {
            self.key.extend_from_slice(part);
        }
        if let Some(known) = self.known.get(&self.key) {
            return Ok(known.clone());
        }
        let kind = match metric.kind {
            b"c" => MetricKind::Increment,
            b"g" => MetricKind::Gauge,
            b"ms" => MetricKind::Timer,
            // Histograms and distributions of DogStatsD: single values of something that need not be a time.
            b"h" | b"d" => MetricKind::Unknown,
            other => return Err(fault("the type is none of c, g, ms, h, d, s", other)),
        };
        let mut labels = Labels::default();
        let (resolved, tagged) = resolve(metric, &mut labels, self.ids)?;
        let unit = match kind {
            MetricKind::Timer => (Some("seconds"), self.scale.of(&resolved.metric)),
            MetricKind::Gauge if resolved.metric.contains("airflow.") => names::gauge_unit(&resolved.metric),
            _ => unit::of_name(&resolved.metric).unwrap_or(unit::NONE),
        };
        let series = self.maker.series(&resolved.metric, &mut labels, unit, kind)?;
        let zero_is_noise = kind == MetricKind::Increment && resolved.metric.ends_with("airflow.ti.finish")
            || resolved.unresolved && resolved.metric.contains("airflow.ti.finish.");
        let known = Known {
            series,
            name: resolved.name,
            tagged,
            labels: Arc::new(if resolved.name.is_some() { labels.into_owned() } else { Labels::default() }),
            unresolved: resolved.unresolved,
            zero_is_noise,
            signs_are_values: metric.tags.is_some(),
            level: Cell::new(None),
            last: Cell::new((None, 0)),
        };
        Ok(self.known.insert(&self.key, known))
    }

    fn finish(mut self, sink: &mut dyn Sink) -> Result<(), Halt> {
        self.twins.finish(sink)?;
        if self.untimed > 0 {
            sink.warn(format!(
                "{} values have no time: StatsD sends none, so put the time of receipt in front of each captured line \
                 (`1795520011.071192 airflow.ti_successes:1|c`)",
                self.untimed
            ));
        }
        if self.joined > 0 {
            sink.warn(format!(
                "{} lines without a time in front were taken for the rest of the packet of the line before",
                self.joined
            ));
        }
        if let Some(name) = self.unresolved_name {
            sink.warn(format!(
                "{} values are kept under names that hold ids which are not known, such as `{name}`: names \
                 are settled when metrics are read, so ingest the metadata database before them or at once, into a new lake",
                self.unresolved
            ));
        }
        Ok(())
    }
}

/// Canonical name and labels; whether the plain name has tags.
pub(super) fn resolve<'a>(
    metric: &Metric<'a>,
    labels: &mut Labels<'a>,
    ids: &Ids,
) -> Result<(Resolved<'a>, bool), Fault> {
    let text = |part: &'a [u8]| std::str::from_utf8(part).map_err(|_| fault("the name is not UTF-8", part));
    let name = text(metric.name)?;
    let (name, influx) = name.split_once(',').unwrap_or((name, ""));
    for tag in influx.split(',').filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once('=').unwrap_or((tag, "true"));
        labels.add(Cow::Borrowed(key), Cow::Borrowed(value));
    }
    for tag in text(metric.tags.unwrap_or_default())?.split(',').filter(|tag| !tag.is_empty()) {
        let (key, value) = tag.split_once(':').unwrap_or((tag, "true"));
        labels.add(Cow::Borrowed(key), Cow::Borrowed(value));
    }
    let tagged = !labels.is_empty();
    Ok((names::dotted(name, labels, ids), tagged))
}

fn fault(kind: &str, value: &[u8]) -> Fault {
    Fault::of(kind, &String::from_utf8_lossy(value))
}

/// Why a metric gives no row.
enum Trouble {
    Halt(Halt),
    Fault(Fault),
}

impl From<Halt> for Trouble {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[cfg(test)]
#[path = "statsd_tests.rs"]
mod tests;
