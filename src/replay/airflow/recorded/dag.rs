//! What a replay says of one DAG.

use super::{
    error::{ModelError, model_error},
    record::Recorded,
};
use crate::{
    engine::scheduler::bottom_levels,
    model::{Graph, Text},
    replay::airflow::{Case, Replayed, replay},
    stats::{
        self, Draw, Estimate, Forecaster, ar1_residual, effective_sample_size, geometric_mean, parallel_map,
        student_quantile,
    },
};
use std::collections::HashMap;

/// Level of the interval of the next run.
const LEVEL: f64 = 0.9;
/// Level of the interval of a ratio.
const RATIO_LEVEL: f64 = 0.95;
/// Runs without which the ratio of two replays is not told: two or three would have an interval that says nothing.
const MIN_RATIOS: usize = 5;
/// Replays of one case, an odd number.
const REPLAYS: u64 = 9;
/// Task instances of a history beyond which it is replayed once: the median of many runs moves little then.
const MANY_INSTANCES: usize = 200_000;
/// Standard deviation of the logarithm by which times vary.
const VARY: f64 = 0.02;
/// Tells this stream of random numbers from others of the same seed.
const VARY_KEY: u64 = 0x7661_7279;

/// A task instance of a run, in seconds from the run's start.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskTimes {
    /// Task.
    pub task_id: Text,
    /// Map index.
    pub map_index: i32,
    /// When it was queued first.
    pub queued_s: f64,
    /// When it ended.
    pub ended_s: f64,
}

/// A replay, told of one DAG.
#[derive(Clone, Debug, PartialEq)]
pub struct DagReplay {
    /// Seconds of each run that was recorded to end, by place of the run in the case; infinite where it does not end here.
    pub makespans: Vec<(usize, f64)>,
    /// Their median.
    pub median_s: f64,
    /// Median seconds from when a run was made to its end: what a limit on runs adds to.
    pub landed_s: f64,
    /// Recorded seconds of these runs.
    pub recorded: Vec<f64>,
    /// Median of: the longest way through a run, executor's latency with it.
    pub critical_path_s: f64,
    /// Median of the seconds in slots of a run.
    pub work_s: f64,
    /// Of the last run.
    pub tasks: Vec<TaskTimes>,
    /// Its longest way.
    pub critical_path: Vec<Text>,
    /// Median absolute error of this DAG's makespans against the record: of the case as recorded only.
    pub own_error: Option<Estimate>,
    /// How far the whole replay is from the record: of the case as recorded only.
    pub error: ModelError,
}

/// Intervals of runs, each told from those before it alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Held {
    /// Runs that lay inside.
    pub inside: usize,
    /// Runs of which one was told.
    pub of: usize,
    /// Median width over the point.
    pub width: f64,
    /// The same of what drawing whole runs gives: mean and spread of all runs before, Student's t.
    pub whole_run_width: f64,
}

impl DagReplay {
    /// Its makespans over those of another replay of the same runs: the geometric mean of their ratios, with an interval that
    /// allows for neighbouring runs being alike. Runs that do not end on both sides are left out.
    #[must_use]
    pub fn over(&self, base: &Self) -> Option<Estimate> {
        let of_base: HashMap<usize, f64> = base.makespans.iter().copied().collect();
        let ratio = |(run, seconds): &(usize, f64)| Some(seconds / of_base.get(run)?);
        let ratios: Vec<f64> = self.makespans.iter().filter_map(ratio).filter(|r| r.is_finite() && *r > 0.0).collect();
        if ratios.len() < MIN_RATIOS {
            return None;
        }
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let effective = effective_sample_size(ratios.len(), ar1_residual(&logs)).max(1.0);
        let mean = geometric_mean(&ratios, RATIO_LEVEL)?.widened((ratios.len() as f64 / effective).sqrt(), true);
        Some(Estimate { method: "geometric mean of runs' ratios, t, AR(1) effective n".into(), ..mean })
    }

    /// The next run, with the interval that recent ones had around their forecasts, and how such intervals did before. Of runs as
    /// recorded; with what-ifs, each recorded one times what the replay with them is over the replay without, which is `base`. So
    /// what the replay is off itself does not come in.
    #[must_use]
    pub fn next_run(&self, base: Option<&Self>) -> (Option<Estimate>, Held) {
        let of_base: HashMap<usize, f64> = base.iter().flat_map(|base| &base.makespans).copied().collect();
        let would_be = |((run, replayed), recorded): (&(usize, f64), &f64)| match of_base.get(run) {
            Some(before) if *before > 0.0 => recorded * replayed / before,
            _ => *recorded,
        };
        foretell(self.makespans.iter().zip(&self.recorded).map(would_be))
    }

    /// Runs that never end.
    #[must_use]
    pub fn never_end(&self) -> usize {
        self.makespans.iter().filter(|(_, seconds)| seconds.is_infinite()).count()
    }
}

/// Replays a case and tells of one DAG.
///
/// A schedule is sensitive: a task that ends a second later may let another one pass, and all after it. So makespans are medians of
/// several replays, in which times vary by two per cent and ties are broken otherwise.
#[must_use]
pub fn dag_replay(recorded: &Recorded, dag: u32) -> DagReplay {
    dag_replay_since(recorded, dag, 0)
}

/// The same of the runs that were made from an instant on; all are replayed.
#[must_use]
pub fn dag_replay_since(recorded: &Recorded, dag: u32, since: u64) -> DagReplay {
    let count = if recorded.case.instances.len() > MANY_INSTANCES { 1 } else { REPLAYS };
    let replays = parallel_map(&(0..count).collect::<Vec<u64>>(), |number| replay(&varied(recorded, *number)));
    let of_dag = |run: &usize| {
        let of = &recorded.runs[*run];
        of.dag == dag && of.is_whole && of.times.is_some() && recorded.case.runs[*run].made >= since
    };
    let seconds = |run: usize| {
        let of = |replayed: &Replayed| match replayed.run_ended[run] {
            u64::MAX => f64::INFINITY,
            ended => (ended - replayed.run_started[run]) as f64 / 1e6,
        };
        median(replays.iter().map(of))
    };
    let runs = (0..recorded.runs.len()).filter(of_dag);
    let mut makespans: Vec<(usize, f64)> = runs.map(|run| (run, seconds(run))).collect();
    let replayed = &replays[0];
    makespans.sort_by_key(|(run, _)| (replayed.run_started[*run], *run));
    let paths: Vec<RunPath> = makespans.iter().map(|(run, _)| RunPath::of(recorded, *run)).collect();
    let error = model_error(recorded, replayed);
    let last = makespans.last().map(|(run, _)| *run);
    let recorded_s = |run: usize| recorded.runs[run].times.map_or(0.0, |(start, end)| (end - start) as f64 / 1e6);
    DagReplay {
        landed_s: median(makespans.iter().map(|(run, _)| match replayed.run_ended[*run] {
            u64::MAX => f64::INFINITY,
            ended => ended.saturating_sub(recorded.case.runs[*run].made) as f64 / 1e6,
        })),
        median_s: median(makespans.iter().map(|(_, seconds)| *seconds)),
        recorded: makespans.iter().map(|(run, _)| recorded_s(*run)).collect(),
        critical_path_s: median(paths.iter().map(|path| path.longest)),
        work_s: median(paths.iter().map(|path| path.work)),
        tasks: last.map(|run| tasks(recorded, replayed, run)).unwrap_or_default(),
        critical_path: paths.last().map(|path| path.tasks.clone()).unwrap_or_default(),
        own_error: error.of_dag(recorded, dag),
        error,
        makespans,
    }
}

/// The next run, and how intervals of those before did.
fn foretell(makespans: impl Iterator<Item = f64>) -> (Option<Estimate>, Held) {
    let mut forecaster = Forecaster::with_level(LEVEL);
    let (mut held, mut widths, mut whole_run_widths, mut past) = (Held::default(), vec![], vec![], vec![]);
    for seconds in makespans {
        if let Some(told) = forecaster.forecast().filter(|told| told.upper.is_finite()) {
            held.inside += usize::from(told.contains(seconds));
            held.of += 1;
            widths.push((told.upper - told.lower) / told.point);
            whole_run_widths.extend(whole_run_width(&past));
        }
        forecaster.push(seconds);
        past.extend(Some(seconds).filter(|seconds| seconds.is_finite()));
    }
    held.width = stats::median(&widths).unwrap_or(0.0);
    held.whole_run_width = stats::median(&whole_run_widths).unwrap_or(0.0);
    (forecaster.forecast().filter(|next| next.upper.is_finite()), held)
}

/// Width over the point of an interval for the next of these, were they independent and normal.
fn whole_run_width(past: &[f64]) -> Option<f64> {
    let n = past.len() as f64;
    let mean = past.iter().sum::<f64>() / n;
    let variance = past.iter().map(|seconds| (seconds - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = student_quantile((1.0 + LEVEL) / 2.0, n - 1.0) * (variance * (1.0 + 1.0 / n)).sqrt();
    Some(2.0 * half / mean).filter(|width| width.is_finite())
}

/// The case; but for the first time with lengths that vary a little, and ties broken otherwise.
fn varied(recorded: &Recorded, number: u64) -> Case {
    let mut case = recorded.case.clone();
    if number > 0 {
        case.ties = number;
        let mut draw = Draw::keyed(number, &[VARY_KEY]);
        for step in &mut case.steps {
            step.length = (step.length as f64 * (VARY * draw.normal()).exp()).round() as u64;
        }
    }
    case
}

/// The upper one of two in the middle, so that one of infinity stays what it is.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

struct RunPath {
    longest: f64,
    work: f64,
    tasks: Vec<Text>,
}

impl RunPath {
    /// The longest way through a run by what its tasks took, pauses included: nothing but shorter tasks makes it shorter.
    fn of(recorded: &Recorded, run: usize) -> Self {
        let case = &recorded.case;
        let places = recorded.instances_of(run);
        let local = |place: u32| places.contains(&place).then(|| place - places.start);
        let mut edges = Vec::new();
        for place in places.clone() {
            edges.extend(case.graph.children(place).iter().filter_map(|child| Some((local(place)?, local(*child)?))));
        }
        let mut work = 0;
        let lengths: Vec<u64> = places
            .clone()
            .map(|place| {
                let steps = case.instances[place as usize].steps.clone().map(|step| case.steps[step as usize]);
                work += steps.clone().map(|step| step.latency + step.length).sum::<u64>();
                steps.map(|step| step.pause + step.latency + step.length).sum()
            })
            .collect();
        let Ok(graph) = Graph::new(places.len(), edges) else {
            return Self { longest: 0.0, work: 0.0, tasks: Vec::new() };
        };
        let longest = bottom_levels(&graph, &lengths).into_iter().max().unwrap_or(0);
        let path = crate::replay::simulate::critical_path(&graph, &lengths);
        let name = |at: &u32| recorded.names[(places.start + at) as usize].task_id.clone();
        Self { longest: longest as f64 / 1e6, work: work as f64 / 1e6, tasks: path.iter().map(name).collect() }
    }
}

fn tasks(recorded: &Recorded, replayed: &Replayed, run: usize) -> Vec<TaskTimes> {
    let began = replayed.run_started[run];
    let since = |at: u64| at.saturating_sub(began) as f64 / 1e6;
    let mut tasks: Vec<TaskTimes> = Vec::new();
    for place in recorded.instances_of(run) {
        let (instance, name) = (&recorded.case.instances[place as usize], &recorded.names[place as usize]);
        let steps = instance.steps.clone();
        // One that waits for ever has no times.
        if steps.is_empty() || replayed.ended[steps.end as usize - 1] == u64::MAX {
            continue;
        }
        tasks.push(TaskTimes {
            task_id: name.task_id.clone(),
            map_index: name.map_index,
            queued_s: since(replayed.queued[steps.start as usize]),
            ended_s: since(replayed.ended[steps.end as usize - 1]),
        });
    }
    tasks.sort_by(|a, b| {
        a.queued_s.total_cmp(&b.queued_s).then_with(|| (&a.task_id, a.map_index).cmp(&(&b.task_id, b.map_index)))
    });
    tasks
}
