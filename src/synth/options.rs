//! What a generated history is to be: how long, how wide, of which Airflow.

use super::template::TEMPLATES;
use crate::model::Timestamp;

/// Microseconds in a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// Monday 2026-03-02: first logical date of a history.
const START_DAY: i64 = 20_514;
/// 2026-08-01: first logical date of a history that lies within one month.
const MONTH_DAY: i64 = 20_666;
/// Days where neither they nor a number of rows is asked for.
const DAYS: u32 = 60;
/// Days at most where a number of rows is asked for; beyond, more DAGs.
const DAYS_FOR_ROWS: u32 = 90;
/// Days of logical dates that fit in the month with the runs that follow from them.
const DAYS_OF_MONTH: u32 = 30;
/// DAGs at most: a bound for memory.
const MAX_DAGS: f64 = 200_000.0;

/// Whose tables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Airflow {
    /// 1.10.15.
    V1_10,
    /// 2.10.5.
    V2_10,
    /// 3.3.2.
    V3_3,
}

impl Airflow {
    /// Reads `1.10`, `2.10` or `3.3`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V1_10, Self::V2_10, Self::V3_3].into_iter().find(|version| version.as_str() == text)
    }

    /// `1.10`, `2.10` or `3.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_10 => "1.10",
            Self::V2_10 => "2.10",
            Self::V3_3 => "3.3",
        }
    }
}

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Seed: the same one gives the same bytes. Two deployments take two seeds.
    pub seed: u64,
    /// Days of logical dates; `None` for 60, or for what `rows` asks for.
    pub days: Option<u32>,
    /// Copies of the platform's 14 DAGs (tenants, regions); a part of one takes the first DAGs. `None` for 1, or for what
    /// `rows` asks for.
    pub scale: Option<f64>,
    /// About so many rows of task_instance.
    pub rows: Option<u64>,
    /// Version.
    pub airflow: Airflow,
    /// All runs within one calendar month.
    pub one_month: bool,
    /// Share of the attempts that stand in the file a second time, as an older or newer version of the row.
    pub overlap: f64,
    /// Days before the first one whose runs are caught up at the start.
    pub catch_up_days: u32,
    /// Correlation of a task's work from one run to the next, in -0.95..=0.95.
    pub ar1: f64,
    /// Changes are planted; without them all series are unchanged.
    pub changes: bool,
    /// Days at the end whose StatsD lines were captured.
    pub statsd_days: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            days: None,
            scale: None,
            rows: None,
            airflow: Airflow::V2_10,
            one_month: false,
            overlap: 0.0,
            catch_up_days: 0,
            ar1: 0.3,
            changes: true,
            statsd_days: 1,
        }
    }
}

/// Options with every number fixed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) options: Options,
    pub(super) days: u32,
    /// DAGs: whole tenants and the first ones of another.
    pub(super) dags: usize,
    /// First logical date.
    pub(super) start: i64,
    /// First instant after the last one.
    pub(super) end: i64,
}

impl Plan {
    pub(super) fn new(options: &Options) -> Self {
        let mut options = options.clone();
        options.ar1 = if options.ar1.is_finite() { options.ar1.clamp(-0.95, 0.95) } else { 0.0 };
        options.overlap = if options.overlap.is_finite() { options.overlap.clamp(0.0, 1.0) } else { 0.0 };
        let per_day: Vec<f64> = TEMPLATES.iter().map(|template| template.rows_per_day()).collect();
        let tenant: f64 = per_day.iter().sum();
        let most = if options.one_month { DAYS_OF_MONTH } else { 36_500 };
        let asked = options.days.map(|days| days.clamp(1, most));
        let scale = options.scale.filter(|scale| scale.is_finite() && *scale > 0.0);
        let daily = |dags: usize| -> f64 {
            let (whole, part) = (dags / TEMPLATES.len(), dags % TEMPLATES.len());
            tenant * whole as f64 + per_day.iter().take(part).sum::<f64>()
        };
        let (days, dags) = match (options.rows.map(|rows| rows as f64), asked, scale) {
            (Some(rows), None, scale) => {
                let few = ((rows / tenant) as u32).clamp(7, DAYS_FOR_ROWS).min(most);
                let dags = scale.map_or_else(|| dags_for(rows / f64::from(few), &per_day), dags_of);
                (((rows / daily(dags)).round() as u32).clamp(1, most), dags)
            }
            (Some(rows), Some(days), _) => (days, dags_for(rows / f64::from(days), &per_day)),
            (None, days, scale) => (days.unwrap_or(DAYS).min(most), dags_of(scale.unwrap_or(1.0))),
        };
        let start = DAY * if options.one_month { MONTH_DAY } else { START_DAY };
        Self { days, dags, start, end: start + i64::from(days) * DAY, options }
    }

    /// The instant as the model has it.
    pub(super) fn date(instant: i64) -> String {
        Timestamp::from_micros(instant).date_string()
    }
}

fn dags_of(scale: f64) -> usize {
    ((scale * TEMPLATES.len() as f64).round().clamp(1.0, MAX_DAGS)) as usize
}

/// The smallest number of DAGs whose rows a day come nearest to `daily`.
fn dags_for(daily: f64, per_day: &[f64]) -> usize {
    let tenant: f64 = per_day.iter().sum();
    let whole = (daily / tenant).floor().clamp(0.0, MAX_DAGS / per_day.len() as f64);
    let (mut dags, mut left) = (whole as usize * per_day.len(), daily - whole * tenant);
    for rows in per_day {
        if left < rows / 2.0 {
            break;
        }
        left -= rows;
        dags += 1;
    }
    dags.max(1)
}
