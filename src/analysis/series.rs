//! Histories to series: one quantity of one task, one point a run, in the order of the DAG's axis.

use super::{
    at_volume::{AtVolume, Volumes},
    axis::{DagAxis, instant, instant_of_attempt},
    overhead::{Overhead, SHARED_ERROR},
    path::critical_path,
    structure::Structure,
};
use crate::{
    model::{
        Attempt, DagHistory, DagRun, Index, Quantity, RunState, RunType, SeriesKey, TaskState, Text, TextMap, Timestamp,
    },
    stats::{median, quantile},
};
use std::collections::{BTreeMap, HashMap};

/// Runs that an instance of a mapped task must have for a series of its own.
const MIN_INSTANCE_RUNS: usize = 20;
/// Instances of a mapped task, beyond which only the longest of each run is looked at.
const MAX_INSTANCES: usize = 64;
/// What takes less, in seconds, does no work of its own: an empty operator, a branch.
pub(super) const MIN_SECONDS: f64 = 0.05;
/// Runs of ten that must take less for a task that does no work.
const NEARLY_ALL: f64 = 0.9;
/// Expected maximum of n independent standard normal values, n = 0..=10 (Harter, Biometrika 48, 1961).
const MAX_OF_NORMALS: [f64; 11] = [0.0, 0.0, 0.564, 0.846, 1.029, 1.163, 1.267, 1.352, 1.424, 1.485, 1.539];

/// One series.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) key: SeriesKey,
    pub(super) points: Vec<Sampled>,
    /// Mean over the instances of a mapped task, with its uncertainty, at each point.
    pub(super) means: Option<Vec<(f64, f64)>>,
    /// What volume did to it, if its values were brought to equal volume.
    pub(super) at_volume: Option<AtVolume>,
    /// It cannot be judged, for this reason.
    pub(super) not_measurable: Option<String>,
}

impl Series {
    /// Are these durations of a task that does no work? All that varies in them is what is taken off for the common overhead.
    pub(super) fn takes_no_time(&self) -> bool {
        let mut raw: Vec<f64> = self.points.iter().map(|point| point.raw).collect();
        raw.sort_by(f64::total_cmp);
        self.key.quantity == Quantity::Duration && quantile(&raw, NEARLY_ALL).is_some_and(|most| most < MIN_SECONDS)
    }

    /// Keeps the points that fit.
    pub(super) fn cut(&mut self, keep: impl Fn(&Sampled) -> bool) {
        let kept: Vec<bool> = self.points.iter().map(keep).collect();
        let mut at = kept.iter();
        self.points.retain(|_| at.next().copied().unwrap_or(true));
        if let Some(means) = &mut self.means {
            let mut at = kept.iter();
            means.retain(|_| at.next().copied().unwrap_or(true));
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampled {
    pub(super) at: Timestamp,
    pub(super) raw: f64,
    pub(super) adjusted: f64,
    /// Standard deviation of what the removal of the common overhead adds.
    pub(super) sd: f64,
    /// What it handled, where it is known: rows, bytes.
    pub(super) rows: Option<f64>,
    pub(super) bytes: Option<f64>,
}

const CAUGHT_UP: &str = "the history was caught up: its waiting says nothing of normal running";

/// All series of one DAG.
pub(super) fn of_dag(
    (h, history, structure): (usize, &DagHistory, &Structure),
    axis: &DagAxis,
    overhead: &Overhead,
) -> Vec<Series> {
    let runs = Runs::new(history, axis);
    let mut tasks: BTreeMap<(&Text, &RunType), Vec<usize>> = BTreeMap::new();
    let attempts = history.attempts.iter().enumerate();
    let known: Vec<_> =
        attempts.filter_map(|(i, attempt)| Some(((&attempt.task_id, &runs.of(i)?.run_type), i))).collect();
    // Attempts of a task mostly stand together.
    for same in known.chunk_by(|a, b| a.0 == b.0) {
        tasks.entry(same[0].0).or_default().extend(same.iter().map(|(_, i)| i));
    }
    let waits = sensor_waits(history);
    let volumes = Volumes::of(history);
    let mut all = Vec::new();
    for ((task_id, run_type), places) in &tasks {
        let task = Task {
            h,
            history,
            runs: &runs,
            task_id,
            run_type,
            places,
            overhead,
            axis,
            waits: &waits,
            volumes: &volumes,
        };
        all.extend(task.series());
    }
    all.extend(runs.durations(h, structure, overhead));
    all
}

/// Runs with their place on the axis.
struct Runs<'a> {
    history: &'a DagHistory,
    axis: &'a DagAxis,
    known: Vec<RunOf>,
    /// The run of each attempt, looked up once.
    of: Vec<Option<u32>>,
}

struct RunOf {
    at: Timestamp,
    run_type: RunType,
}

impl<'a> Runs<'a> {
    fn new(history: &'a DagHistory, axis: &'a DagAxis) -> Self {
        let mut known = Vec::new();
        let mut by_id: TextMap<&Text, u32> = TextMap::default();
        for run in &history.runs {
            if let Some(at) = instant(run, axis.choice.axis) {
                by_id.insert(&run.run_id, known.len() as u32);
                known.push(RunOf { at, run_type: run.run_type.clone() });
            }
        }
        // An export without dag_run: the date that the run's id states, else the run's first start.
        let mut of_attempt = |attempt: &'a Attempt| {
            if let Some(run) = by_id.get(&attempt.run_id) {
                return Some(*run);
            }
            let at = instant_of_attempt(attempt, axis.choice.axis)?;
            by_id.insert(&attempt.run_id, known.len() as u32);
            known.push(RunOf { at, run_type: RunType::from_run_id(&attempt.run_id) });
            by_id.get(&attempt.run_id).copied()
        };
        let of = history.attempts.iter().map(&mut of_attempt).collect();
        Self { history, axis, known, of }
    }

    /// The run of an attempt, by its place.
    fn of(&self, attempt: usize) -> Option<&RunOf> {
        self.of[attempt].map(|run| &self.known[run as usize])
    }

    /// Runs that ended well. What they are longer for because of the common overhead is the overhead in the attempts of their
    /// critical path.
    fn durations(&self, h: usize, structure: &Structure, overhead: &Overhead) -> Vec<Series> {
        let mut attempts: TextMap<&Text, (Vec<&Attempt>, Vec<usize>)> = TextMap::default();
        // Where nothing common was found, there is nothing to look for on the path.
        let with_overhead = !self.history.runs.is_empty() && !overhead.common().is_empty();
        for (i, attempt) in self.history.attempts.iter().enumerate().filter(|_| with_overhead) {
            let (of_run, places) = attempts.entry(&attempt.run_id).or_default();
            of_run.push(attempt);
            places.push(i);
        }
        let common = |run: &DagRun| {
            let Some((of_run, places)) = attempts.get(&run.run_id).filter(|_| !self.axis.caught_up) else {
                return (0.0, 0.0);
            };
            let path = critical_path(run, of_run, structure).map(|path| path.attempts).unwrap_or_default();
            let parts = path.into_iter().filter_map(|i| Some(overhead.of((h, places[i]), of_run[i].started_at?)));
            let (seconds, variance) = parts.fold((0.0, 0.0), |(seconds, all), (s, sd)| (seconds + s, all + sd * sd));
            (seconds, variance.sqrt())
        };
        let mut by_type: BTreeMap<RunType, Vec<Sampled>> = BTreeMap::new();
        for run in self.history.runs.iter().filter(|run| run.state == Some(RunState::Success)) {
            if let (Some(at), Some(raw)) = (instant(run, self.axis.choice.axis), run.duration_s()) {
                let (seconds, sd) = common(run);
                let point = Sampled { at, raw, adjusted: raw - seconds, sd, rows: None, bytes: None };
                by_type.entry(run.run_type.clone()).or_default().push(point);
            }
        }
        let series = |(run_type, mut points): (RunType, Vec<Sampled>)| {
            points.sort_by_key(|point| point.at);
            let key = SeriesKey {
                deployment: self.history.deployment.clone(),
                dag_id: self.history.dag_id.clone(),
                task_id: None,
                run_type,
                index: Index::All,
                quantity: Quantity::RunDuration,
            };
            Series {
                key,
                points,
                means: None,
                at_volume: None,
                not_measurable: self.axis.caught_up.then(|| CAUGHT_UP.to_owned()),
            }
        };
        by_type.into_iter().map(series).collect()
    }
}

/// (run, task, map_index, try) of an attempt.
type AttemptId<'a> = (&'a Text, &'a Text, i32, Option<i32>);

/// Start of the first poke of each rescheduled sensor attempt.
fn sensor_waits(history: &DagHistory) -> HashMap<AttemptId<'_>, Timestamp> {
    let mut first = HashMap::new();
    for poke in &history.reschedules {
        let Some(start) = poke.started_at else { continue };
        let id = (&poke.run_id, &poke.task_id, poke.map_index, poke.try_number);
        let entry = first.entry(id).or_insert(start);
        *entry = start.min(*entry);
    }
    first
}

/// One task under one run type.
struct Task<'a> {
    h: usize,
    history: &'a DagHistory,
    runs: &'a Runs<'a>,
    task_id: &'a Text,
    run_type: &'a RunType,
    places: &'a [usize],
    overhead: &'a Overhead,
    axis: &'a DagAxis,
    waits: &'a HashMap<AttemptId<'a>, Timestamp>,
    volumes: &'a Volumes<'a>,
}

impl Task<'_> {
    fn series(&self) -> Vec<Series> {
        let mut all = Vec::new();
        if self.is_sensor() {
            let why = self.axis.caught_up.then_some(CAUGHT_UP);
            all.push(self.one(Index::All, Quantity::SensorWait, why, |_, attempt| {
                let id = (&attempt.run_id, &attempt.task_id, attempt.map_index, attempt.try_number);
                let start = self.waits.get(&id).copied().or(attempt.started_at)?;
                Some((attempt.ended_at?.seconds_since(start), 0.0, 0.0))
            }));
        } else {
            let own = |place: usize, attempt: &Attempt| {
                let seconds = attempt.ended_at?.seconds_since(attempt.started_at?);
                let (common, sd) = self.overhead.of((self.h, place), attempt.started_at?);
                Some((seconds, common, sd))
            };
            all.push(self.one(Index::All, Quantity::Duration, None, own));
            for index in self.instances() {
                all.push(self.one(Index::Instance(index), Quantity::Duration, None, own));
            }
            all.push(self.retries(own));
        }
        let why = self.axis.caught_up.then_some(CAUGHT_UP);
        all.push(
            self.one(Index::All, Quantity::QueueWait, why, |_, attempt| Some((attempt.queue_wait_s()?, 0.0, 0.0))),
        );
        if self.places.iter().any(|&i| self.history.attempts[i].scheduled_at.is_some()) {
            all.push(self.one(Index::All, Quantity::SchedulingDelay, why, |_, attempt| {
                Some((attempt.scheduling_delay_s()?, 0.0, 0.0))
            }));
        }
        let tried = self.tried();
        all.push(self.rate(&tried, Quantity::FailureRate, |tries| tries.iter().any(|tried| failed(tried.attempt))));
        all.push(self.rate(&tried, Quantity::RetryRate, |tries| {
            tries.len() > 1 || tries.iter().any(|tried| tried.attempt.try_number.is_some_and(|number| number > 1))
        }));
        all.retain(|series| !series.points.is_empty());
        all
    }

    fn is_sensor(&self) -> bool {
        let rescheduled = self.history.reschedules.iter().any(|poke| &poke.task_id == self.task_id);
        let operator = |i: &usize| self.history.attempts[*i].operator.as_deref();
        let mut operators = self.places.chunk_by(|a, b| operator(a) == operator(b));
        rescheduled || operators.any(|same| operator(&same[0]).is_some_and(|operator| operator.contains("Sensor")))
    }

    fn key(&self, index: Index, quantity: Quantity) -> SeriesKey {
        SeriesKey {
            deployment: self.history.deployment.clone(),
            dag_id: self.history.dag_id.clone(),
            task_id: Some(self.task_id.clone()),
            run_type: self.run_type.clone(),
            index,
            quantity,
        }
    }

    /// Mapped instances that ran often enough for a series of their own.
    fn instances(&self) -> Vec<i32> {
        let mut runs: BTreeMap<i32, usize> = BTreeMap::new();
        for &i in self.places {
            let attempt = &self.history.attempts[i];
            if attempt.map_index >= 0 && is_first_try(attempt) {
                *runs.entry(attempt.map_index).or_default() += 1;
            }
        }
        if runs.len() < 2 || runs.len() > MAX_INSTANCES {
            return Vec::new();
        }
        runs.into_iter().filter(|(_, runs)| *runs >= MIN_INSTANCE_RUNS).map(|(index, _)| index).collect()
    }

    /// A series of first tries. `measure` gives seconds, the common overhead in them, and its uncertainty.
    fn one(
        &self,
        index: Index,
        quantity: Quantity,
        why_not: Option<&str>,
        measure: impl Fn(usize, &Attempt) -> Option<(f64, f64, f64)>,
    ) -> Series {
        let chosen = |attempt: &Attempt| {
            is_first_try(attempt) && matches!(index, Index::All)
                || matches!(index, Index::Instance(n) if n == attempt.map_index && is_first_try(attempt))
        };
        let mut measured: Vec<Measured> = self.measured(chosen, measure);
        measured.sort_by_key(|m| (m.at, m.started));
        let is_mapped = index == Index::All && quantity == Quantity::Duration && measured.iter().any(|m| m.mapped);
        let means = is_mapped.then(|| means(&measured));
        let points = points(measured);
        let key = self.key(index, quantity);
        let mut series = Series { key, points, means, at_volume: None, not_measurable: why_not.map(str::to_owned) };
        if quantity == Quantity::Duration {
            series.bring_to_equal_volume();
        }
        series
    }

    fn retries(&self, measure: impl Fn(usize, &Attempt) -> Option<(f64, f64, f64)>) -> Series {
        let later = |attempt: &Attempt| {
            attempt.try_number.is_some_and(|number| number > 1) && attempt.state == Some(TaskState::Success)
        };
        let points = points(self.measured(later, measure));
        Series {
            key: self.key(Index::All, Quantity::RetryDuration),
            points,
            means: None,
            at_volume: None,
            not_measurable: None,
        }
    }

    fn measured(
        &self,
        chosen: impl Fn(&Attempt) -> bool,
        measure: impl Fn(usize, &Attempt) -> Option<(f64, f64, f64)>,
    ) -> Vec<Measured> {
        let one = |&i: &usize| {
            let attempt = &self.history.attempts[i];
            let started = attempt.started_at.filter(|_| attempt.ran() && chosen(attempt))?;
            let (raw, common, sd) = measure(i, attempt)?;
            Some(Measured {
                at: self.runs.of(i)?.at,
                started,
                raw,
                adjusted: raw - common,
                sd,
                mapped: attempt.map_index >= 0,
                volume: self.volumes.get(&attempt.task_id, &attempt.run_id, attempt.map_index),
            })
        };
        self.places.iter().filter_map(one).collect()
    }

    /// Tries by run and instance.
    fn tried(&self) -> Vec<Tried<'_>> {
        let one = |&i: &usize| {
            let attempt = &self.history.attempts[i];
            let tried = attempt.ran() || failed(attempt);
            self.runs.of(i).filter(|_| tried).map(|run| Tried { at: run.at, attempt })
        };
        let mut all: Vec<Tried<'_>> = self.places.iter().filter_map(one).collect();
        all.sort_by(|a, b| a.run().cmp(&b.run()).then(a.attempt.map_index.cmp(&b.attempt.map_index)));
        all
    }

    /// One point a run: 1 where it happened, 0 where not; only runs in which the task was tried at all.
    fn rate(&self, tried: &[Tried<'_>], quantity: Quantity, happened: impl Fn(&[Tried<'_>]) -> bool) -> Series {
        let point = |run: &[Tried<'_>]| {
            // Instances of a mapped task are no tries of each other: each is looked at alone.
            let instances = || run.chunk_by(|a, b| a.attempt.map_index == b.attempt.map_index);
            let value = f64::from(u8::from(instances().any(&happened)));
            let is_whole = !instances().any(lacks_its_end);
            is_whole.then(|| Sampled { at: run[0].at, raw: value, adjusted: value, sd: 0.0, rows: None, bytes: None })
        };
        let points = tried.chunk_by(|a, b| a.run() == b.run()).filter_map(point).collect();
        // A sensor fails when what it waits for is late: in a catch-up, whenever the other DAG is behind.
        let why = (self.axis.caught_up && self.is_sensor()).then(|| CAUGHT_UP.to_owned());
        Series { key: self.key(Index::All, quantity), points, means: None, at_volume: None, not_measurable: why }
    }
}

/// A try with the time of its run.
struct Tried<'a> {
    at: Timestamp,
    attempt: &'a Attempt,
}

impl Tried<'_> {
    fn run(&self) -> (Timestamp, &Text) {
        (self.at, &self.attempt.run_id)
    }
}

fn is_first_try(attempt: &Attempt) -> bool {
    attempt.try_number.is_some_and(|number| number <= 1) && attempt.state == Some(TaskState::Success)
}

fn failed(attempt: &Attempt) -> bool {
    matches!(attempt.state, Some(TaskState::Failed | TaskState::UpForRetry)) && attempt.started_at.is_some()
}

/// A retry follows the last try that is known, but no row tells of it: an export of the history table without the live one.
/// Such a run would count as failed whatever came of it.
fn lacks_its_end(tries: &[Tried<'_>]) -> bool {
    let last = tries.iter().map(|tried| tried.attempt).max_by_key(|attempt| attempt.try_number);
    last.is_some_and(|last| {
        let retries_left =
            last.try_number.zip(last.max_tries).is_some_and(|(number, max)| number >= 1 && number <= max);
        last.state == Some(TaskState::Failed) && retries_left
    })
}

struct Measured {
    at: Timestamp,
    started: Timestamp,
    raw: f64,
    adjusted: f64,
    sd: f64,
    mapped: bool,
    /// Rows, bytes.
    volume: (Option<f64>, Option<f64>),
}

/// The longest instance of each run, less what noise alone adds to a maximum, with the error that neighbours share.
fn points(mut measured: Vec<Measured>) -> Vec<Sampled> {
    let mut sds: Vec<f64> = measured.iter().map(|m| m.sd).collect();
    sds.sort_by(f64::total_cmp);
    let quiet = quantile(&sds, 0.1).unwrap_or(0.0);
    measured.sort_by_key(|m| (m.at, m.started));
    let mut points: Vec<(Sampled, Timestamp)> = Vec::new();
    for run in measured.chunk_by(|a, b| a.at == b.at) {
        let Some(longest) = run.iter().max_by(|a, b| a.adjusted.total_cmp(&b.adjusted)) else { continue };
        let sd = match run {
            [one] => one.sd,
            several => median(&several.iter().map(|m| m.sd).collect::<Vec<_>>()).unwrap_or(0.0),
        };
        let expected = MAX_OF_NORMALS[run.len().min(MAX_OF_NORMALS.len() - 1)];
        let bias = expected * (sd - quiet).max(0.0) * (1.0 - SHARED_ERROR).sqrt();
        let raw = run.iter().map(|m| m.raw).fold(f64::NEG_INFINITY, f64::max);
        // Of several instances, the volume of the longest says little.
        let (rows, bytes) = if run.len() == 1 { longest.volume } else { (None, None) };
        let adjusted = longest.adjusted - bias;
        points.push((Sampled { at: longest.at, raw, adjusted, sd, rows, bytes }, longest.started));
    }
    share_errors(&mut points);
    points.into_iter().map(|(point, _)| point).collect()
}

/// The mean over the instances of each run; their errors agree in part, so it is less exact than their number suggests.
fn means(measured: &[Measured]) -> Vec<(f64, f64)> {
    let mean = |run: &[Measured]| {
        let weights: Vec<f64> = run.iter().map(|m| 1.0 / m.sd.powi(2).max(1e-6)).collect();
        let total: f64 = weights.iter().sum();
        let value = run.iter().zip(&weights).map(|(m, w)| m.adjusted * w).sum::<f64>() / total;
        let agree = 1.0 + SHARED_ERROR * (run.len() as f64 - 1.0);
        (value, (agree / total).sqrt())
    };
    measured.chunk_by(|a, b| a.at == b.at).map(mean).collect()
}

/// Points whose attempts started within seconds of each other were corrected by the same neighbours: their errors agree.
fn share_errors(points: &mut [(Sampled, Timestamp)]) {
    const REACH_S: f64 = 10.0;
    if points.iter().all(|(point, _)| point.sd == 0.0) {
        return;
    }
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&i| points[i].1);
    let starts: Vec<Timestamp> = order.iter().map(|&i| points[i].1).collect();
    for (place, &i) in order.iter().enumerate() {
        let near = |j: usize| starts[j].seconds_since(starts[place]).abs();
        let back = (0..place).rev().map(near).take_while(|gap| *gap < REACH_S);
        let forth = (place + 1..starts.len()).map(near).take_while(|gap| *gap < REACH_S);
        let shared: f64 = back.chain(forth).map(|gap| (-gap).exp()).sum();
        points[i].0.sd *= (1.0 + SHARED_ERROR * shared).sqrt();
    }
}
