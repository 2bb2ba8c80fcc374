//! What a benchmark tool wrote down: runs of named benchmarks, each with samples, a summary or a single figure.

use super::{Text, Timestamp};

/// One run of a set of benchmarks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchRun {
    /// When, where the tool says it.
    pub at: Option<Timestamp>,
    /// Machine, as far as the tool says it.
    pub host: Host,
    /// Benchmarks, each (name, measure) once.
    pub results: Vec<BenchResult>,
    /// Benchmarks that did not run to their end, with the reason.
    pub broken: Vec<(Text, Text)>,
}

/// One benchmark of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchResult {
    /// Its name.
    pub name: Text,
    /// What was measured, such as `time` or `B/op`.
    pub measure: Text,
    /// Unit of the values; empty where the tool names none.
    pub unit: Text,
    /// Is more of it better, as of throughput?
    pub higher_is_better: bool,
    /// The figures.
    pub measured: Measured,
}

/// What is known of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Each measurement, in order. Not empty, all finite.
    Samples(Vec<f64>),
    /// Mean, standard deviation and number of measurements that are not kept.
    Summary {
        /// Mean.
        mean: f64,
        /// Standard deviation of one measurement, not below 0.
        sd: f64,
        /// Measurements, at least 2.
        n: usize,
    },
    /// One figure; how it scatters is not known.
    Point(f64),
}

/// One measured run of an engine on a workload, as the lake keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchRecord {
    /// When its bench began.
    pub at: Timestamp,
    /// Engine.
    pub engine: Text,
    /// Workload, with what it is run on.
    pub workload: Text,
    /// How the engine was set.
    pub variant: Text,
    /// `candidate`, or `baseline of` one.
    pub side: Text,
    /// Pair, from 0.
    pub round: i32,
    /// Wall seconds.
    pub seconds: f64,
    /// Seconds of CPU of the whole process.
    pub cpu_seconds: f64,
    /// Records or tasks handled.
    pub items: i64,
    /// Most memory.
    pub peak_rss_bytes: i64,
    /// The machine: facts, as [`Host::to_text`] writes them.
    pub host: Text,
    /// 99 % of the waits of the run are no longer, where short ones are what the engine is for.
    pub p99_seconds: Option<f64>,
}

impl BenchRecord {
    /// What a gate compares of it.
    fn results(&self) -> impl Iterator<Item = BenchResult> {
        let what = [&self.engine, &self.workload, &self.variant].map(|text| &**text);
        BenchResult::of_engine(what, self.items as f64, self.seconds, self.p99_seconds)
    }
}

/// Runs of benches as runs of benchmarks: one a bench, each variant on each workload with its throughputs and waits.
#[must_use]
pub fn bench_runs(records: &[BenchRecord]) -> Vec<BenchRun> {
    let mut runs: Vec<BenchRun> = Vec::new();
    for record in records {
        let place = runs.iter().position(|run| run.at == Some(record.at)).unwrap_or_else(|| {
            runs.push(BenchRun { at: Some(record.at), host: Host::from_text(&record.host), ..BenchRun::default() });
            runs.len() - 1
        });
        record.results().for_each(|result| runs[place].add(result));
    }
    runs.sort_by_key(|run| run.at);
    runs
}

/// A machine as far as it is known; two of them are the same as far as both say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Model of the processor.
    pub cpu: Option<Text>,
    /// Processors that the program may use.
    pub cores: Option<Text>,
    /// Scaling governor of the processor's clock.
    pub governor: Option<Text>,
    /// Memory that the program may use, in bytes.
    pub memory_limit: Option<Text>,
    /// Operating system and architecture.
    pub system: Option<Text>,
    /// Version of the kernel.
    pub kernel: Option<Text>,
    /// Version of the interpreter or virtual machine.
    pub runtime: Option<Text>,
}

impl BenchResult {
    /// What one run of an engine on a workload, set in some way, says: items a second, and the 99th percentile of waits where that
    /// counts. Runs of other lengths are other benchmarks: what is done once in each weighs less in a long one.
    pub fn of_engine(
        [engine, workload, variant]: [&str; 3],
        items: f64,
        seconds: f64,
        p99_seconds: Option<f64>,
    ) -> impl Iterator<Item = Self> {
        let name: Text = format!("{engine}/{workload}/{variant} ({items})").into();
        let of = |measure: &str, unit: &str, higher_is_better, value: f64| Self {
            name: name.clone(),
            measure: measure.into(),
            unit: unit.into(),
            higher_is_better,
            measured: Measured::Samples(vec![value]),
        };
        let rate = Some(items / seconds).filter(|rate| rate.is_finite());
        let rate = rate.map(|rate| of("throughput", "items/s", true, rate));
        let wait = p99_seconds.filter(|wait| wait.is_finite()).map(|wait| of("p99", "s", false, wait));
        rate.into_iter().chain(wait)
    }

    /// Name with the measure, where that is not the one that goes without saying.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &*self.measure {
            "" | "time" => self.name.to_string(),
            measure => format!("{} {measure}", self.name),
        }
    }
}

/// Stands between facts in a text.
const BETWEEN: &str = "; ";

impl Host {
    /// Name and value of all that is known.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        [
            ("cpu", &self.cpu),
            ("cores", &self.cores),
            ("governor", &self.governor),
            ("memory limit", &self.memory_limit),
            ("system", &self.system),
            ("kernel", &self.kernel),
            ("runtime", &self.runtime),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// Name and value of all that is known, with semicolons between.
    #[must_use]
    pub fn to_text(&self) -> String {
        let fact = |(name, value): (&str, &Text)| format!("{name}: {}", value.replace(BETWEEN, ", "));
        self.facts().map(fact).collect::<Vec<_>>().join(BETWEEN)
    }

    /// Reads what [`Self::to_text`] wrote; anything else says nothing.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let fact = |wanted: &str| {
            let mut facts = text.split(BETWEEN).filter_map(|fact| fact.split_once(": "));
            facts.find(|(name, _)| *name == wanted).map(|(_, value)| Text::from(value))
        };
        Self {
            cpu: fact("cpu"),
            cores: fact("cores"),
            governor: fact("governor"),
            memory_limit: fact("memory limit"),
            system: fact("system"),
            kernel: fact("kernel"),
            runtime: fact("runtime"),
        }
    }

    /// Is anything known?
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.facts().next().is_some()
    }

    /// What differs among what both sides know: name, here, there.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, Text, Text)> {
        let theirs: Vec<(&str, &Text)> = other.facts().collect();
        self.facts()
            .filter_map(|(name, mine)| {
                let (_, other) = theirs.iter().find(|(their, _)| *their == name)?;
                (mine != *other).then(|| (name, mine.clone(), Text::clone(other)))
            })
            .collect()
    }
}

impl BenchRun {
    /// Adds measurements; those of a benchmark that stands here already are joined to it. What cannot be joined (another
    /// unit, a mean beside a mean) makes it a broken one: neither is the one that was meant.
    pub fn add(&mut self, result: BenchResult) {
        let same = |r: &BenchResult| r.name == result.name && r.measure == result.measure;
        let Some(place) = self.results.iter().position(same) else {
            if !self.broken.iter().any(|(name, _)| **name == *result.full_name()) {
                self.results.push(result);
            }
            return;
        };
        let known = &mut self.results[place];
        if known.unit != result.unit {
            let reason = format!("measured in `{}` and in `{}`", known.unit, result.unit);
            return self.break_off(place, &reason);
        }
        match (&mut known.measured, result.measured) {
            (Measured::Samples(all), Measured::Samples(more)) => all.extend(more),
            (Measured::Samples(all), Measured::Point(more)) => all.push(more),
            (Measured::Point(first), Measured::Point(more)) => known.measured = Measured::Samples(vec![*first, more]),
            _ => self.break_off(place, "it stands there twice"),
        }
    }

    fn break_off(&mut self, place: usize, reason: &str) {
        let result = self.results.remove(place);
        self.broken.push((result.full_name().into(), reason.into()));
    }
}

impl Measured {
    /// A summary, with a number of measurements that is no more than anyone can have made.
    #[must_use]
    pub fn summary(mean: f64, sd: f64, n: usize) -> Self {
        Self::Summary { mean, sd, n: n.min(MOST_MEASUREMENTS) }
    }
}

/// A year of one every microsecond and more: sums of such numbers stay exact.
const MOST_MEASUREMENTS: usize = 1 << 45;

#[cfg(test)]
mod tests {
    use super::*;

    fn result(value: f64) -> BenchResult {
        BenchResult {
            name: "a".into(),
            measure: "time".into(),
            unit: "s".into(),
            higher_is_better: false,
            measured: Measured::Point(value),
        }
    }

    #[test]
    fn repeated_figures_become_samples() {
        let mut run = BenchRun::default();
        [1.0, 2.0, 3.0].into_iter().for_each(|v| run.add(result(v)));
        assert_eq!(run.results.len(), 1);
        assert_eq!(run.results[0].measured, Measured::Samples(vec![1.0, 2.0, 3.0]));
    }

    #[test]
    fn what_cannot_be_joined_is_broken() {
        let mut run = BenchRun::default();
        run.add(result(1.0));
        run.add(BenchResult { unit: "ms".into(), ..result(2.0) });
        // Whatever else comes under that name.
        run.add(result(3.0));
        assert!(run.results.is_empty());
        assert_eq!(run.broken, [("a".into(), "measured in `s` and in `ms`".into())]);
        let summary = || BenchResult { measured: Measured::summary(1.0, 0.1, usize::MAX), ..result(0.0) };
        let mut run = BenchRun::default();
        run.add(summary());
        run.add(summary());
        assert_eq!(run.broken, [("a".into(), "it stands there twice".into())]);
    }

    #[test]
    fn records_of_one_bench_are_one_run() {
        let host = Host { cpu: Some("A: B".into()), cores: Some("4".into()), ..Host::default() };
        let record = |at: i64, variant: &str, seconds: f64| BenchRecord {
            at: Timestamp::from_micros(at),
            engine: "batch".into(),
            workload: "orders".into(),
            variant: variant.into(),
            side: "candidate".into(),
            round: 0,
            seconds,
            cpu_seconds: 1.0,
            items: 200,
            peak_rss_bytes: 1,
            host: host.to_text().into(),
            p99_seconds: (variant == "search").then_some(0.25),
        };
        let runs = bench_runs(&[
            record(5, "rules", 2.0),
            record(1, "rules", 2.5),
            record(5, "search", 0.5),
            record(5, "rules", 4.0),
        ]);
        assert_eq!(runs.iter().map(|run| run.at.map(Timestamp::micros)).collect::<Vec<_>>(), [Some(1), Some(5)]);
        assert_eq!(runs[1].host, host);
        assert_eq!(&*runs[1].results[0].name, "batch/orders/rules (200)");
        assert_eq!(runs[1].results[0].measured, Measured::Samples(vec![100.0, 50.0]));
        let names = runs[1].results.iter().map(BenchResult::full_name);
        assert_eq!(
            names.collect::<Vec<_>>(),
            [
                "batch/orders/rules (200) throughput",
                "batch/orders/search (200) throughput",
                "batch/orders/search (200) p99"
            ]
        );
        assert!(!runs[1].results[2].higher_is_better);
    }

    #[test]
    fn hosts_differ_in_what_both_know() {
        let here = Host { cpu: Some("A".into()), cores: Some("4".into()), ..Host::default() };
        let there = Host { cpu: Some("B".into()), kernel: Some("6.1".into()), ..Host::default() };
        assert_eq!(here.differences(&there), [("cpu", "A".into(), "B".into())]);
        assert!(Host::default().differences(&there).is_empty() && !Host::default().is_known());
    }
}
