//! OpenLineage run events, as Airflow's provider writes them to a file, to attempts, runs and edges.
//!
//! One event is one row: START tells when a try began, COMPLETE and FAIL how it ended. The lake puts the rows of one try
//! together: they have the same identity, and the later event is the newer word.

mod event;

use super::{
    airflow_more::{API_VERSION, Mask, Tools},
    fields::Field,
    json::{Position, Pull, Raw, Value, Visitor, Wrong, first_keys, walk},
    reading::Fault,
    sink::{Halt, Sink},
};
use crate::model::{
    Attempt, DagRun, EdgeSource, Row, RunState, RunType, SourceKind, TaskEdge, TaskSpec, TaskState, Text, Timestamp,
    Volume, date_in_run_id,
};
use event::{Amount, Event};
use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    io::BufRead,
};

/// Tries whose START is remembered until they end: some 32 MiB at most.
const MAX_OPEN: usize = 200_000;
/// Tasks and runs that were told already are not told again, up to so many.
const MAX_TOLD: usize = 65_536;
/// The listener tells of an end up to so long after it, in seconds.
const LATE_S: f64 = 5.0;

/// Are these run events of OpenLineage, or a list of them as Marquez answers? `head` may be cut anywhere.
pub(super) fn recognise(head: &[u8]) -> bool {
    let (outer, inner) = first_keys(head);
    let event = |keys: &[&[u8]]| {
        let has = |name: &str| keys.contains(&name.as_bytes());
        has("eventTime") && (has("eventType") || has("run") || has("job") || has("schemaURL"))
    };
    event(&outer) || outer.contains(&&b"events"[..]) && event(&inner)
}

/// Reads the events of `input` to its end.
pub(super) fn read(input: &mut dyn BufRead, mask: Mask, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut reader = Reader {
        sink,
        tools: Tools::new(mask),
        open: HashMap::new(),
        told: HashSet::new(),
        hashes: RandomState::new(),
        datasets: 0,
    };
    walk(input, &mut reader)?;
    if reader.datasets > 0 {
        let text =
            format!("{} lineage events name datasets, of which only the rows and bytes are kept", reader.datasets);
        reader.sink.warn(text);
    }
    Ok(())
}

struct Reader<'a> {
    sink: &'a mut dyn Sink,
    tools: Tools,
    /// Starts of tries that have not ended, by the run id of OpenLineage.
    open: HashMap<u128, Open>,
    told: HashSet<u64>,
    hashes: RandomState,
    datasets: u64,
}

/// A try that began. Old providers name it at its start alone, and then by the run id of OpenLineage.
struct Open {
    time: Timestamp,
    dag_id: Text,
    run_id: Text,
    task_id: Text,
    map_index: i32,
    try_number: Option<i32>,
}

/// What an event says of its run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Start,
    Running,
    Complete,
    Fail,
    Abort,
}

impl Visitor for Reader<'_> {
    type List = ();

    fn list(&mut self, key: &[u8], before: &[u8]) -> Option<()> {
        (key == b"events" && before.len() < 64).then_some(())
    }

    fn object(&mut self, at: Position, _: Option<()>, json: &[u8]) -> Result<(), Halt> {
        let event = match Event::read(json) {
            Ok(event) => event,
            Err(wrong) => return self.sink.rejected(Some(at.line), &not_json(at, wrong)),
        };
        self.datasets += u64::from(event.datasets);
        match self.rows(&event) {
            Ok(Ok((row, implied))) => {
                self.sink.row(row)?;
                implied.into_iter().try_for_each(|row| self.sink.implied(row))
            }
            Ok(Err(reason)) => self.sink.ignored(reason),
            Err(fault) => self.sink.rejected(Some(at.line), &fault),
        }
    }

    fn page(&mut self, _: &[u8]) {}

    fn damaged(&mut self, at: Position, fault: &Fault) -> Result<(), Halt> {
        self.sink.rejected(Some(at.line), fault)
    }

    fn before(&mut self, at: Position) -> Result<(), Halt> {
        self.sink.rejected(Some(at.line), &Fault::new("not JSON"))
    }
}

/// The end of a try that only its start named.
fn end(open: &Open, step: Step, time: Timestamp) -> Result<Attempt, &'static str> {
    let state = match step {
        Step::Start | Step::Running => return Err("a lineage event that tells nothing new of its try"),
        Step::Complete => TaskState::Success,
        Step::Fail => TaskState::Failed,
        Step::Abort => TaskState::Other("aborted".into()),
    };
    let ids = (open.dag_id.clone(), open.run_id.clone(), open.task_id.clone());
    Ok(Attempt {
        map_index: open.map_index,
        try_number: open.try_number,
        state: Some(state),
        started_at: Some(open.time),
        ended_at: Some(time),
        updated_at: Some(time),
        ..Attempt::known_by(ids.0, ids.1, ids.2, SourceKind::Rest)
    })
}

/// What a try handled, once it ended well: what it wrote, else what it read.
fn volume(event: &Event<'_>, step: Step, attempt: &Attempt) -> Option<Row> {
    let Amount { rows, bytes } = if event.written == Amount::default() { event.read } else { event.written };
    let told = step == Step::Complete && (rows.is_some() || bytes.is_some());
    told.then(|| {
        Row::Volume(Volume {
            dag_id: attempt.dag_id.clone(),
            run_id: attempt.run_id.clone(),
            task_id: attempt.task_id.clone(),
            map_index: attempt.map_index,
            rows,
            bytes,
        })
    })
}

type Rows = Result<(Row, Vec<Row>), &'static str>;

impl Reader<'_> {
    /// The row of an event and what it implies, or why it is not kept.
    fn rows(&mut self, event: &Event<'_>) -> Result<Rows, Fault> {
        if event.run_uuid.is_none() {
            return Ok(Err("a dataset or job event: no run"));
        }
        let named = event.of_airflow && event.run.run_id.is_some();
        let began = event.run_uuid.and_then(|raw| uuid(raw.bytes)).filter(|id| !named && self.open.contains_key(id));
        if !event.of_airflow && began.is_none() {
            return Ok(Err("a lineage event of another tool than Airflow"));
        }
        let step = match event.kind.map(|kind| kind.bytes) {
            Some(b"START") => Step::Start,
            Some(b"RUNNING") => Step::Running,
            Some(b"COMPLETE") => Step::Complete,
            Some(b"FAIL") => Step::Fail,
            Some(b"ABORT") => Step::Abort,
            _ => return Ok(Err("a lineage event that tells no step of its run")),
        };
        let time = self.time(event.time, "eventTime")?.ok_or_else(|| Fault::new("eventTime is missing"))?;
        if let Some((uuid, open)) = began.and_then(|id| self.open.remove_entry(&id)) {
            let attempt = end(&open, step, time);
            if matches!(step, Step::Start | Step::Running) {
                self.open.insert(uuid, open);
            }
            return Ok(attempt.map(|attempt| {
                let volume = volume(event, step, &attempt);
                (Row::Attempt(attempt), volume.into_iter().collect())
            }));
        }
        if event.run.run_id.is_none() {
            return Ok(Err("a lineage event without Airflow's run id"));
        }
        let run_id = self.must(event.run.run_id, "run_id")?;
        let dag_id = self.must(event.run.dag_id.or(event.job_name), "dag_id")?;
        if event.task.task_id.is_none() {
            let dag = event.job_type.is_none_or(|kind| kind.bytes == b"DAG");
            if !dag {
                return Ok(Err("a lineage event of a task without its id"));
            }
            let run = self.run(event, dag_id.clone(), run_id, Some((step, time)))?;
            let edges = event.tasks.map_or(Ok(Vec::new()), |tasks| self.edges(&dag_id, tasks))?;
            return Ok(Ok((Row::Run(run), edges)));
        }
        let task_id = self.must(event.task.task_id, "task_id")?;
        let mut implied = Vec::new();
        if self.first_time((&dag_id, &run_id)) {
            implied.push(Row::Run(self.run(event, dag_id.clone(), run_id.clone(), None)?));
        }
        let downstream = event.task.downstream.map(|raw| raw.text().map_err(wrong)).transpose()?;
        // A set is printed in any order.
        let mut behind = downstream.as_deref().and_then(event::python_list).unwrap_or_default();
        behind.sort_unstable();
        if self.first_time((&dag_id, &task_id, &behind)) {
            implied.push(Row::Task(self.spec(event, &dag_id, &task_id)?));
            implied.extend(behind.into_iter().map(|id| edge(&dag_id, &task_id, id)));
        }
        let attempt = self.attempt(event, (dag_id, run_id, task_id), step, time)?;
        implied.extend(volume(event, step, &attempt));
        Ok(Ok((Row::Attempt(attempt), implied)))
    }

    fn attempt(
        &mut self,
        event: &Event<'_>,
        (dag_id, run_id, task_id): (Text, Text, Text),
        step: Step,
        time: Timestamp,
    ) -> Result<Attempt, Fault> {
        let uuid = event.run_uuid.and_then(|raw| uuid(raw.bytes));
        let ended = matches!(step, Step::Complete | Step::Fail | Step::Abort);
        // A START may still carry the duration of the try before.
        let duration_s = event.instance.duration.filter(|seconds| ended && *seconds >= 0.0);
        let started_at = match (step, uuid) {
            (Step::Start, _) => Some(time),
            (_, Some(uuid)) if ended => self.open.remove(&uuid).map(|open| open.time),
            _ => None,
        };
        // The listener runs a moment after the end: start and duration are Airflow's own.
        let own = started_at.zip(duration_s).map(|(start, seconds)| start.plus_seconds(seconds));
        let own = own.filter(|end| (0.0..LATE_S).contains(&time.seconds_since(*end)));
        let try_number = at_least(0, self.int(event.instance.try_number, "try_number")?, "try_number")?;
        let map_index = at_least(-1, self.int(event.instance.map_index, "map_index")?, "map_index")?.unwrap_or(-1);
        if let (Step::Start, Some(uuid)) = (step, uuid) {
            if self.open.len() >= MAX_OPEN {
                self.open.clear();
            }
            let (dag_id, run_id, task_id) = (dag_id.clone(), run_id.clone(), task_id.clone());
            self.open.insert(uuid, Open { time, dag_id, run_id, task_id, map_index, try_number });
        }
        Ok(Attempt {
            map_index,
            try_number: match try_number {
                // Before 2.10 the number of a try that succeeded was read when it had been counted up already.
                Some(number) if step == Step::Complete && before_2_10(event.airflow_version) => {
                    Some((number - 1).max(1))
                }
                number => number,
            },
            state: Some(match step {
                Step::Start | Step::Running => TaskState::Running,
                Step::Complete => TaskState::Success,
                Step::Fail => TaskState::Failed,
                Step::Abort => TaskState::Other("aborted".into()),
            }),
            operator: self.text(event.task.operator, "operator_class")?,
            pool: self.text(event.instance.pool, "pool")?,
            queue: self.text(event.task.queue, "queue")?,
            // The event has the task's own priority weight, an attempt the effective one: it stays unknown.
            queued_at: self.time(event.instance.queued_dttm, "queued_dttm")?,
            started_at,
            ended_at: if ended { Some(own.unwrap_or(time)) } else { None },
            duration_s,
            updated_at: Some(time),
            ..Attempt::known_by(dag_id, run_id, task_id, SourceKind::Rest)
        })
    }

    /// The run of an event of a DAG, or (without a step) what the event of a task tells of it.
    fn run(
        &mut self,
        event: &Event<'_>,
        dag_id: Text,
        run_id: Text,
        step: Option<(Step, Timestamp)>,
    ) -> Result<DagRun, Fault> {
        let run_type = match event.run.run_type {
            Some(raw) => RunType::parse(&raw.text().map_err(wrong)?),
            None => RunType::from_run_id(&run_id),
        };
        let logical_date = match self.time(event.run.logical_date, "logical_date")?.or_else(|| date_in_run_id(&run_id))
        {
            // Other runs are about a date of their own, their interval about another.
            None if run_type == RunType::Scheduled => self.time(event.nominal_start, "nominalStartTime")?,
            date => date,
        };
        let ended = step.filter(|(step, _)| matches!(step, Step::Complete | Step::Fail | Step::Abort));
        let state = match (step, event.dag_state) {
            (Some(_), Some(raw)) => Some(RunState::parse(&raw.text().map_err(wrong)?)),
            (Some((step, _)), None) => Some(match step {
                Step::Start | Step::Running => RunState::Running,
                Step::Complete => RunState::Success,
                Step::Fail => RunState::Failed,
                Step::Abort => RunState::Other("aborted".into()),
            }),
            (None, _) => None,
        };
        let began = step.filter(|(step, _)| *step == Step::Start).map(|(_, time)| time);
        Ok(DagRun {
            run_type,
            state,
            logical_date,
            run_after: self.time(event.run.run_after, "run_after")?,
            queued_at: None,
            started_at: self.time(event.run.start_date, "start_date")?.or(began),
            ended_at: match step {
                Some(_) => self.time(event.run.end_date, "end_date")?.or(ended.map(|(_, time)| time)),
                None => None,
            },
            updated_at: step.map(|(_, time)| time),
            source: if step.is_some() { SourceKind::Rest } else { SourceKind::Derived },
            fills: None,
            dag_id,
            run_id,
        })
    }

    fn spec(&mut self, event: &Event<'_>, dag_id: &Text, task_id: &Text) -> Result<TaskSpec, Fault> {
        Ok(TaskSpec {
            dag_id: dag_id.clone(),
            task_id: task_id.clone(),
            version: API_VERSION.into(),
            operator: self.text(event.task.operator, "operator_class")?,
            pool: self.text(event.instance.pool, "pool")?,
            pool_slots: None,
            queue: self.text(event.task.queue, "queue")?,
            priority_weight: self.int(event.task.priority_weight, "priority_weight")?,
            retries: self.int(event.task.retries, "retries")?,
            trigger_rule: self.text(event.task.trigger_rule, "trigger_rule")?,
            mapped: event.task.mapped,
        })
    }

    /// Edges of a whole DAG: `{"task": {"downstream_task_ids": ["other"]}}`.
    fn edges(&mut self, dag_id: &Text, mut tasks: Pull<'_>) -> Result<Vec<Row>, Fault> {
        let from = tasks.at();
        tasks.skip().map_err(wrong)?;
        let whole = tasks.since(from);
        if !self.first_time((dag_id, whole)) {
            return Ok(Vec::new());
        }
        let mut edges = Vec::new();
        let mut read = |pull: &mut Pull<'_>| -> Result<(), Wrong> {
            event::members(pull, &mut |upstream, pull| {
                let upstream = String::from_utf8_lossy(upstream);
                event::members(pull, &mut |key, pull| {
                    let value = pull.value()?;
                    if key != b"downstream_task_ids" || value != Value::List {
                        return pull.skip_rest(value);
                    }
                    let mut first = true;
                    while pull.element(&mut first)? {
                        match pull.value()? {
                            Value::Text(raw) => edges.push(edge(dag_id, &upstream, &raw.text()?)),
                            value => pull.skip_rest(value)?,
                        }
                    }
                    Ok(())
                })
            })
        };
        read(&mut Pull::new(whole)).map_err(wrong)?;
        Ok(edges)
    }

    fn first_time(&mut self, what: impl std::hash::Hash) -> bool {
        if self.told.len() >= MAX_TOLD {
            self.told.clear();
        }
        self.told.insert(self.hashes.hash_one(what))
    }

    fn time(&mut self, raw: Option<Raw<'_>>, name: &str) -> Result<Option<Timestamp>, Fault> {
        let Some(raw) = raw else { return Ok(None) };
        let text = raw.text().map_err(wrong)?;
        self.tools.time(Field::from_bytes(text.as_bytes()), name)
    }

    fn text(&mut self, raw: Option<Raw<'_>>, name: &str) -> Result<Option<Text>, Fault> {
        let Some(raw) = raw else { return Ok(None) };
        let text = raw.text().map_err(wrong)?;
        self.tools.text(Field::from_bytes(text.as_bytes()), name)
    }

    fn must(&mut self, raw: Option<Raw<'_>>, name: &str) -> Result<Text, Fault> {
        self.text(raw, name)?.ok_or_else(|| Fault::new(format!("{name} is missing")))
    }

    fn int(&mut self, value: Option<i64>, name: &str) -> Result<Option<i32>, Fault> {
        value.map_or(Ok(None), |value| Field::Int(value).int32(name))
    }
}

fn at_least(least: i32, number: Option<i32>, name: &str) -> Result<Option<i32>, Fault> {
    match number {
        Some(number) if number < least => Err(Fault::of(format!("{name} is below {least}"), &number.to_string())),
        number => Ok(number),
    }
}

fn edge(dag_id: &Text, upstream: &str, downstream: &str) -> Row {
    Row::Edge(TaskEdge {
        dag_id: dag_id.clone(),
        upstream: upstream.into(),
        downstream: downstream.into(),
        version: API_VERSION.into(),
        source: EdgeSource::Api,
    })
}

fn before_2_10(version: Option<Raw<'_>>) -> bool {
    let Some(text) = version.and_then(|raw| raw.text().ok()) else { return false };
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    matches!((parts.next().flatten(), parts.next().flatten()), (Some(major), Some(minor)) if (major, minor) < (2, 10))
}

fn uuid(text: &[u8]) -> Option<u128> {
    let digits = text.iter().filter(|byte| **byte != b'-');
    let mut count = 0;
    let number = digits.take(33).try_fold(0_u128, |sum, digit| {
        count += 1;
        Some(sum << 4 | u128::from(char::from(*digit).to_digit(16)?))
    });
    number.filter(|_| count == 32)
}

fn wrong(wrong: Wrong) -> Fault {
    Fault::new(format!("not JSON: {} is missing", wrong.wanted))
}

fn not_json(at: Position, wrong: Wrong) -> Fault {
    let place = at.byte.saturating_add(wrong.at as u64);
    Fault::of(format!("not JSON: {} is missing", wrong.wanted), &format!("near byte {place}"))
}

#[cfg(test)]
mod tests;
