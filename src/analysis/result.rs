//! What an analysis says: plain data, ready to be printed, drawn or compared with last week's.

use super::together::Together;
use crate::{
    model::{Deployment, EdgeSource, Quantity, RunType, SeriesKey, Text, TimeRange, Timestamp},
    stats::Estimate,
};
use std::collections::BTreeSet;

/// The weekly regression analysis of one lake.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Last instant in the lake on the axis most DAGs took, unless the user named another.
    pub as_of: Timestamp,
    /// The week that is judged.
    pub window: TimeRange,
    /// The weeks it is judged against.
    pub baseline: TimeRange,
    /// Seed of everything that draws random numbers.
    pub seed: u64,
    /// Time axis of each DAG.
    pub axes: Vec<AxisChoice>,
    /// Changes for the worse that are still in force, newest and dearest first.
    pub regressions: Vec<Finding>,
    /// Changes for the better that are still in force.
    pub improvements: Vec<Finding>,
    /// Slow creep that no step explains.
    pub trends: Vec<Trend>,
    /// Changes that came and went.
    pub went_away: Vec<Episode>,
    /// Series that look changed, with too little data to say so.
    pub inconclusive: Vec<Inconclusive>,
    /// Series about which nothing can be said.
    pub not_measurable: Vec<NotMeasurable>,
    /// Findings that have one cause: a pool, an operator, a host, a DAG.
    pub together: Vec<Together>,
    /// Changes of what all tasks of an Airflow share: its hosts got slower or faster as a whole.
    pub host_changes: Vec<HostChange>,
    /// Where each DAG's seconds went, window against baseline.
    pub run_changes: Vec<RunChange>,
    /// Data behind the charts: the series of the findings shown.
    pub series: Vec<SeriesView>,
    /// Each DAG's typical run.
    pub dags: Vec<DagView>,
    /// What the lake holds.
    pub coverage: Coverage,
    /// False alarms to expect.
    pub false_alarms: FalseAlarms,
    /// What a reader should know before believing any of this.
    pub warnings: Vec<String>,
}

/// The time axis that a DAG's series are ordered by.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisChoice {
    /// Airflow installation.
    pub deployment: Deployment,
    /// DAG.
    pub dag_id: Text,
    /// Axis.
    pub axis: Axis,
    /// Why, in words.
    pub why: String,
}

/// A time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Axis {
    /// The date the run is about: changes of data and code show here when history was caught up.
    Logical,
    /// When it ran.
    Wall,
}

impl Axis {
    /// Text as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logical => "logical",
            Self::Wall => "wall",
        }
    }
}

/// One change of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable id: the same change of the same series has the same id next week. Fit for a URL fragment.
    pub id: String,
    /// Series.
    pub key: SeriesKey,
    /// First run of the new regime.
    pub changed_at: Timestamp,
    /// Earliest time the change may have happened.
    pub changed_low: Timestamp,
    /// Latest time the change may have happened.
    pub changed_high: Timestamp,
    /// Did it change in the window that is judged?
    pub in_window: bool,
    /// Can it be told since the window only? A change needs five runs before it can be told from chance, so one that
    /// happened shortly before the window is news in it.
    pub is_new: bool,
    /// After / before, once the overhead common to all tasks is removed. For rates: the ratio of the rates.
    pub effect: Estimate,
    /// After / before, as recorded.
    pub effect_raw: Estimate,
    /// What the task handled before and since, where the effect, the levels and the minutes are at equal volume.
    pub at_volume: Option<EqualVolume>,
    /// Probability under "no change", after control of the false discovery rate over all series.
    pub q_value: f64,
    /// Level before: seconds (or share) once the common overhead is removed.
    pub before: Estimate,
    /// Level after.
    pub after: Estimate,
    /// Minutes lost a week (negative: won).
    pub minutes_lost_per_week: Estimate,
    /// Runs before and after.
    pub n_before: usize,
    /// Runs in the new regime.
    pub n_after: usize,
    /// Last run of the series.
    pub last_run: Timestamp,
    /// What speaks for it, in words, one sentence each.
    pub evidence: Vec<String>,
    /// Other series in which the same change shows: the run that the task makes longer, the retries of its failures.
    pub also: Vec<Shadow>,
    /// Acknowledged in the configuration until that date, with the reason given there.
    pub acknowledged: Option<String>,
}

/// A comparison at equal volume.
#[derive(Clone, Debug, PartialEq)]
pub struct EqualVolume {
    /// `rows` or `bytes`.
    pub unit: String,
    /// Volume after / before, medians; as recorded.
    pub ratio: f64,
    /// Relative change of the duration for one of the volume.
    pub elasticity: Estimate,
}

impl EqualVolume {
    /// `rows -50 %`.
    #[must_use]
    pub fn change(&self) -> String {
        format!("{} {:+.0} %", self.unit, (self.ratio - 1.0) * 100.0)
    }
}

/// A finding that another one explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Shadow {
    /// Series.
    pub key: SeriesKey,
    /// After / before.
    pub effect: Estimate,
    /// Minutes lost a week, seen there.
    pub minutes_lost_per_week: Estimate,
}

/// A change of the overhead that all tasks of one Airflow share.
#[derive(Clone, Debug, PartialEq)]
pub struct HostChange {
    /// Stable id. Fit for a URL fragment.
    pub id: String,
    /// Airflow installation.
    pub deployment: Deployment,
    /// First day of the new level.
    pub changed_at: Timestamp,
    /// Earliest day on which it may have changed.
    pub changed_low: Timestamp,
    /// Latest day on which it may have changed.
    pub changed_high: Timestamp,
    /// First day on which it was over; `None` while it is in force.
    pub ended_at: Option<Timestamp>,
    /// Did it change in the window that is judged?
    pub in_window: bool,
    /// Can it be told since the window only?
    pub is_new: bool,
    /// Seconds of overhead in an attempt, before.
    pub before: Estimate,
    /// Seconds of overhead in an attempt, after.
    pub after: Estimate,
    /// Seconds more (negative: fewer) in each attempt.
    pub difference: Estimate,
    /// Under "no change", corrected for having searched all days.
    pub p_value: f64,
    /// Attempts since.
    pub attempts: usize,
    /// Minutes lost a week over all attempts, task time.
    pub minutes_lost_per_week: Estimate,
    /// Tasks that ran before and after.
    pub tasks: usize,
    /// Those whose recorded median moved the same way.
    pub tasks_moved: usize,
}

/// Slow creep.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// Stable id.
    pub id: String,
    /// Series.
    pub key: SeriesKey,
    /// First and last instant of the creep.
    pub range: TimeRange,
    /// Relative change a week: 0.08 is 8 % a week.
    pub per_week: Estimate,
    /// After control of the false discovery rate.
    pub q_value: f64,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
}

/// A change that came and went.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// Stable id.
    pub id: String,
    /// Series.
    pub key: SeriesKey,
    /// First run of the episode, and first run after it.
    pub range: TimeRange,
    /// During / around.
    pub effect: Estimate,
    /// After control of the false discovery rate.
    pub q_value: f64,
    /// Runs in the episode.
    pub n: usize,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
}

/// A series that may have changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Inconclusive {
    /// Series.
    pub key: SeriesKey,
    /// Window / baseline.
    pub effect: Estimate,
    /// Runs of the window that are missing for a verdict, if the effect is what it looks like.
    pub more_runs_needed: Option<usize>,
}

/// A series about which nothing can be said.
#[derive(Clone, Debug, PartialEq)]
pub struct NotMeasurable {
    /// Series.
    pub key: SeriesKey,
    /// Why, in words.
    pub why: String,
}

/// Where a DAG's change between baseline and window comes from. The parts sum to the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RunChange {
    /// Airflow installation.
    pub deployment: Deployment,
    /// DAG.
    pub dag_id: Text,
    /// Seconds more a run.
    pub seconds: Estimate,
    /// Runs compared, baseline and window.
    pub n_before: usize,
    /// Runs of the window.
    pub n_after: usize,
    /// Parts, largest first.
    pub parts: Vec<ChangePart>,
}

/// One part of a run's change.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangePart {
    /// What kind of time.
    pub kind: PartKind,
    /// Task on the critical path; `None` for gaps of the run as a whole.
    pub task_id: Option<Text>,
    /// Seconds more a run.
    pub seconds: f64,
}

/// Kinds of time on a run's critical path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    /// A task ran.
    Duration,
    /// A task sat in the executor's queue.
    QueueWait,
    /// Nothing of the path ran or was queued: scheduler, pool, limits, retry delay.
    Gap,
}

impl PartKind {
    /// Text as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::QueueWait => "queue_wait",
            Self::Gap => "gap",
        }
    }
}

/// The data behind one chart.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesView {
    /// Series.
    pub key: SeriesKey,
    /// Axis of its times.
    pub axis: Axis,
    /// Points, oldest first, at most [`SeriesView::MAX_POINTS`].
    pub points: Vec<Point>,
    /// Points of the whole series, of which `points` is an even selection where there are more.
    pub n: usize,
    /// Stretches between changes.
    pub regimes: Vec<Regime>,
}

impl SeriesView {
    /// Enough for a chart, little enough for a page with many of them.
    pub const MAX_POINTS: usize = 400;
}

/// One run of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Time on the series' axis.
    pub at: Timestamp,
    /// As recorded: seconds, or 0/1 for rates.
    pub raw: f64,
    /// Once the overhead common to all tasks is removed.
    pub adjusted: f64,
}

/// A stretch of a series without a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Regime {
    /// First run and first run after.
    pub range: TimeRange,
    /// Level of the adjusted values.
    pub level: Estimate,
}

/// The typical run of a DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct DagView {
    /// Airflow installation.
    pub deployment: Deployment,
    /// DAG.
    pub dag_id: Text,
    /// Run that is nearest to the median duration in the window (or the last ones, where the window holds none).
    pub run_id: Text,
    /// Its start.
    pub started_at: Timestamp,
    /// Its length in seconds.
    pub duration_s: f64,
    /// Bars in the order of their start.
    pub gantt: Vec<GanttBar>,
    /// Tasks of the critical path, first to last.
    pub critical_path: Vec<Text>,
    /// Dependencies drawn.
    pub edges: Vec<(Text, Text)>,
    /// Where the edges are known from.
    pub edges_from: EdgeSource,
}

/// One attempt in a Gantt chart; offsets in seconds from the start of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct GanttBar {
    /// Task.
    pub task_id: Text,
    /// Mapped instance, or -1.
    pub map_index: i32,
    /// Try.
    pub try_number: Option<i32>,
    /// When it was queued; `None` where not known (or resumed after a deferral).
    pub queued_s: Option<f64>,
    /// When it started.
    pub started_s: f64,
    /// When it ended.
    pub ended_s: f64,
    /// State as text.
    pub state: String,
    /// Is it on the critical path?
    pub critical: bool,
}

/// What the lake holds, so that a reader knows what a silence means.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Coverage {
    /// Attempts read.
    pub attempts: u64,
    /// Runs read.
    pub runs: u64,
    /// DAGs read.
    pub dags: u64,
    /// Tasks read.
    pub tasks: u64,
    /// Series analysed.
    pub series: u64,
    /// First and last instant, logical dates.
    pub logical: Option<(Timestamp, Timestamp)>,
    /// First and last instant, wall clock.
    pub wall: Option<(Timestamp, Timestamp)>,
    /// Attempts that no statistic uses, by reason.
    pub excluded: Vec<(String, u64)>,
    /// Runs by type.
    pub runs_by_type: Vec<(RunType, u64)>,
    /// Runs a week, for the coverage strip: (Monday of the week on the axis, runs).
    pub runs_by_week: Vec<(Timestamp, u64)>,
    /// The overhead common to all tasks over wall-clock time: (time, seconds, tasks it rests on).
    pub overhead: Vec<(Timestamp, f64, u32)>,
}

/// How many findings to expect by chance alone.
#[derive(Clone, Debug, PartialEq)]
pub struct FalseAlarms {
    /// Share of false findings among the findings that is aimed at.
    pub false_discovery_rate: f64,
    /// Series that were tested together.
    pub series_tested: usize,
    /// Quantities tested.
    pub quantities: Vec<Quantity>,
    /// In words, with what it rests on.
    pub note: String,
}

impl Analysis {
    /// Minutes lost a week to what is in force and not acknowledged: single tasks and runs, each second once, and the hosts.
    pub fn minutes_lost_per_week(&self) -> f64 {
        let open = self.regressions.iter().filter(|finding| finding.acknowledged.is_none());
        let hosts: f64 = self.slower_hosts().map(|change| change.minutes_lost_per_week.point).sum();
        super::minutes_lost(open) + hosts
    }

    /// Changes of the hosts for the worse that are still in force.
    pub fn slower_hosts(&self) -> impl Iterator<Item = &HostChange> {
        self.host_changes.iter().filter(|change| change.ended_at.is_none() && change.difference.point > 0.0)
    }

    /// Leaves out what is about other DAGs.
    pub fn keep_dags(&mut self, keep: impl Fn(&Deployment, &Text) -> bool) {
        let key = |key: &SeriesKey| keep(&key.deployment, &key.dag_id);
        self.regressions.retain(|f| key(&f.key));
        self.improvements.retain(|f| key(&f.key));
        let told = self.regressions.iter().chain(&self.improvements);
        let told: BTreeSet<String> = told.map(|finding| finding.id.clone()).collect();
        self.together.retain(|group| group.findings.iter().any(|id| told.contains(id)));
        self.trends.retain(|t| key(&t.key));
        self.went_away.retain(|e| key(&e.key));
        self.inconclusive.retain(|i| key(&i.key));
        self.not_measurable.retain(|n| key(&n.key));
        self.series.retain(|s| key(&s.key));
        self.axes.retain(|c| keep(&c.deployment, &c.dag_id));
        self.run_changes.retain(|c| keep(&c.deployment, &c.dag_id));
        self.dags.retain(|d| keep(&d.deployment, &d.dag_id));
        let axes = &self.axes;
        self.host_changes.retain(|c| axes.iter().any(|axis| axis.deployment == c.deployment));
    }
}
