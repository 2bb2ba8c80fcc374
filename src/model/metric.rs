//! One value of one metric at one time.

use super::{Text, Timestamp};

/// One value of one metric at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSample {
    /// Name as the source has it, without what is told by labels.
    pub metric: Text,
    /// Labels as a JSON object whose keys are sorted, such as `{"dag_id":"orders_etl"}`; `{}` where there is none.
    pub labels: Text,
    /// When it was taken.
    pub ts: Timestamp,
    /// Value in `unit`. Times are seconds and sizes are bytes, whatever the source counted in.
    pub value: f64,
    /// Unit in OpenMetrics' words (`seconds`, `bytes`, `ratio`, `percent`); `None` for a plain number.
    pub unit: Option<Text>,
    /// How values of this metric relate to each other.
    pub kind: MetricKind,
    /// Format it came in, such as `statsd`.
    pub source: &'static str,
}

/// How values of one metric relate to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricKind {
    /// A running total that only grows, or restarts at 0 (Prometheus).
    Counter,
    /// What was added since the value before (StatsD's `c`).
    Increment,
    /// A level.
    Gauge,
    /// One measured time.
    Timer,
    /// A running total of a histogram: a bucket, its sum or its count.
    Histogram,
    /// A quantile, sum or count of a summary.
    Summary,
    /// The source does not say.
    Unknown,
}

impl MetricKind {
    const ALL: [Self; 7] =
        [Self::Counter, Self::Increment, Self::Gauge, Self::Timer, Self::Histogram, Self::Summary, Self::Unknown];

    /// Text as in the lake.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Increment => "increment",
            Self::Gauge => "gauge",
            Self::Timer => "timer",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Unknown => "unknown",
        }
    }

    /// Reads that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
