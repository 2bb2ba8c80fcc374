//! Airflow's metric names that hold ids, to one canonical name and labels.
//!
//! Until 2.6 a metric's name holds its ids (`dag.<dag_id>.<task_id>.duration`); from 2.7 on the same metric is sent a second
//! time under a plain name (`task.duration`) with tags, which plain StatsD loses. The plain name is the canonical one, the
//! ids are labels. Exporters write both forms with `_` for every other character (`airflow_dag_x_y_duration`).
//! Names: "Metric Descriptions" in Airflow's documentation, and the clients of 1.10 to 3.3.

use super::super::ids::Ids;
use super::{
    labels::Labels,
    series::MAX_NAME,
    unit::{self, PERCENT, SECONDS, Unit},
};
use std::borrow::Cow;

/// What a name holds between its fixed parts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    /// `<dag_id>.<task_id>`
    Task,
    /// `<dag_id>.<task_id>.<state>`
    TaskState,
    /// `<queue>.<dag_id>.<task_id>`
    QueueTask,
    /// `<job id>.<dag_id>.<task_id>.<return code>`: one name a run. The job's id is kept where the counter is a running total,
    /// which no other may be mixed with; increments need it not, and would be one series each.
    ExitedTask,
    /// `<dag_id>`
    Dag,
    /// The value of this label.
    Label(&'static str),
}

/// What stands before and after, and the canonical name; all without the prefix `airflow.`.
type Rule = (&'static str, &'static str, &'static str, Holds);

const RULES: [Rule; 42] = [
    ("dag.", ".queued_duration", "task.queued_duration", Holds::Task),
    ("dag.", ".scheduled_duration", "task.scheduled_duration", Holds::Task),
    ("dag.", ".duration", "task.duration", Holds::Task),
    ("ti.start.", "", "ti.start", Holds::Task),
    ("ti.finish.", "", "ti.finish", Holds::TaskState),
    ("ti.queued.", "", "ti.queued", Holds::QueueTask),
    ("ti.running.", "", "ti.running", Holds::QueueTask),
    ("ti.scheduled.", "", "ti.scheduled", Holds::QueueTask),
    ("ti.deferred.", "", "ti.deferred", Holds::QueueTask),
    ("task.cpu_usage.", "", "task.cpu_usage", Holds::Task),
    ("task.mem_usage.", "", "task.mem_usage", Holds::Task),
    ("local_task_job.task_exit.", "", "local_task_job.task_exit", Holds::ExitedTask),
    ("dagrun.duration.success.", "", "dagrun.duration.success", Holds::Dag),
    ("dagrun.duration.failed.", "", "dagrun.duration.failed", Holds::Dag),
    ("dagrun.schedule_delay.", "", "dagrun.schedule_delay", Holds::Dag),
    ("dagrun.dependency-check.", "", "dagrun.dependency-check", Holds::Dag),
    ("dagrun.", ".first_task_scheduling_delay", FIRST_TASK_DELAY, Holds::Dag),
    ("task_removed_from_dag.", "", "task_removed_from_dag", Holds::Dag),
    ("task_restored_to_dag.", "", "task_restored_to_dag", Holds::Dag),
    ("pool.open_slots.", "", "pool.open_slots", Holds::Label("pool")),
    ("pool.used_slots.", "", "pool.used_slots", Holds::Label("pool")),
    ("pool.queued_slots.", "", "pool.queued_slots", Holds::Label("pool")),
    ("pool.running_slots.", "", "pool.running_slots", Holds::Label("pool")),
    ("pool.deferred_slots.", "", "pool.deferred_slots", Holds::Label("pool")),
    ("pool.scheduled_slots.", "", "pool.scheduled_slots", Holds::Label("pool")),
    ("pool.starving_tasks.", "", "pool.starving_tasks", Holds::Label("pool")),
    ("executor.open_slots.", "", "executor.open_slots", Holds::Label("executor")),
    ("executor.queued_tasks.", "", "executor.queued_tasks", Holds::Label("executor")),
    ("executor.running_tasks.", "", "executor.running_tasks", Holds::Label("executor")),
    ("operator_successes_", "", "operator_successes", Holds::Label("task_type")),
    ("operator_failures_", "", "operator_failures", Holds::Label("task_type")),
    ("task_instance_created_", "", "task_instance_created", Holds::Label("task_type")),
    ("task_instance_created-", "", "task_instance_created", Holds::Label("task_type")),
    ("triggers.running.", "", "triggers.running", Holds::Label("hostname")),
    ("triggerer.capacity_left.", "", "triggerer.capacity_left", Holds::Label("hostname")),
    ("dag_processing.last_duration.", "", "dag_processing.last_duration", Holds::Label("file_name")),
    ("dag_processing.last_runtime.", "", "dag_processing.last_runtime", Holds::Label("file_name")),
    ("dag_processing.last_run.seconds_ago.", "", "dag_processing.last_run.seconds_ago", Holds::Label("file_name")),
    ("dag_processing.last_num_of_db_queries.", "", "dag_processing.last_num_of_db_queries", Holds::Label("file_name")),
    ("dag_processing.processor_timeouts.", "", "dag_processing.processor_timeouts", Holds::Label("file_name")),
    ("dag.loading-duration.", "", "dag.loading-duration", Holds::Label("file_name")),
    ("dag.callback_exceptions.", "", "dag.callback_exceptions", Holds::Dag),
];

/// Airflow 3 sends the old name of this twice over, once for each of two plain names.
const FIRST_TASK_DELAY: &str = "dagrun.first_task_scheduling_delay";

/// Metrics that come under two names.
pub(super) const FAMILIES: usize = RULES.len();

/// States of a task, as names hold them.
const STATES: [&str; 15] = [
    "None",
    "removed",
    "scheduled",
    "queued",
    "running",
    "success",
    "restarting",
    "failed",
    "up_for_retry",
    "up_for_reschedule",
    "upstream_failed",
    "skipped",
    "deferred",
    "shutdown",
    "awaiting_input",
];

/// Which of the names of a metric that has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// Number of the metric, below [`FAMILIES`].
    pub(super) family: usize,
    /// The name that holds ids, and not the plain one?
    pub(super) legacy: bool,
    /// Is the legacy name sent twice over?
    pub(super) doubled: bool,
}

/// What a name says.
#[derive(Debug, PartialEq)]
pub(super) struct Resolved<'a> {
    /// Canonical name, with its prefix.
    pub(super) metric: Cow<'a, str>,
    /// Which name it is, where the metric has two.
    pub(super) name: Option<Name>,
    /// Does it hold ids that are not known? Then it is kept undivided.
    pub(super) unresolved: bool,
}

/// Takes a dotted name apart; ids become labels. Tags of the source that are Airflow's own get their canonical names.
pub(super) fn dotted<'a>(name: &'a str, labels: &mut Labels<'_>, ids: &Ids) -> Resolved<'a> {
    let as_is = |name_is| Resolved { metric: Cow::Borrowed(name), name: name_is, unresolved: false };
    let Some((prefix, bare)) = after_prefix(name).filter(|_| name.len() <= MAX_NAME) else { return as_is(None) };
    labels.rename("pool_name", "pool");
    if bare.starts_with("executor.") {
        labels.rename("name", "executor");
    }
    if let Some(family) = RULES.iter().position(|rule| rule.2 == bare) {
        return as_is(Some(Name { family, legacy: false, doubled: false }));
    }
    let hit = RULES.iter().find_map(|rule| {
        let inner = bare.strip_prefix(rule.0)?.strip_suffix(rule.1)?;
        (!inner.is_empty()).then_some((rule, inner))
    });
    let Some((rule, inner)) = hit else { return as_is(None) };
    let family = RULES.iter().position(|known| known.2 == rule.2).unwrap_or_default();
    let name_is = Some(Name { family, legacy: true, doubled: rule.2 == FIRST_TASK_DELAY });
    if inside(rule.3, inner, labels, ids).is_none() {
        return Resolved { unresolved: true, ..as_is(name_is) };
    }
    Resolved { metric: format!("{prefix}{}", rule.2).into(), name: name_is, unresolved: false }
}

/// `airflow.` and what stands before it (a prefix of the installation), and the rest.
fn after_prefix(name: &str) -> Option<(&str, &str)> {
    const PREFIX: &str = "airflow.";
    let at = if name.starts_with(PREFIX) { 0 } else { name.find(".airflow.")? + 1 };
    Some((name.get(..at + PREFIX.len())?, name.get(at + PREFIX.len()..)?))
}

fn inside(holds: Holds, inner: &str, labels: &mut Labels<'_>, ids: &Ids) -> Option<()> {
    match holds {
        Holds::Task => task(inner, labels, ids)?,
        Holds::TaskState => {
            let (both, state) = inner.rsplit_once('.')?;
            task(both, labels, ids)?;
            labels.add("state", state.to_owned());
        }
        Holds::QueueTask => {
            // A queue's name may hold dots as well.
            let mut splits = inner.match_indices('.');
            let (queue, (dag_id, task_id)) =
                splits.find_map(|(at, _)| Some((inner.get(..at)?, ids.split(inner.get(at + 1..)?)?)))?;
            labels.add("queue", queue.to_owned());
            labels.add("dag_id", dag_id.to_string());
            labels.add("task_id", task_id.to_string());
        }
        Holds::ExitedTask => {
            let (both, code) = inner.split_once('.')?.1.rsplit_once('.')?;
            task(both, labels, ids)?;
            labels.take("job_id");
            labels.add("return_code", code.to_owned());
        }
        Holds::Dag => labels.add("dag_id", inner.to_owned()),
        Holds::Label(label) => labels.add(label, inner.to_owned()),
    }
    Some(())
}

fn task(both: &str, labels: &mut Labels<'_>, ids: &Ids) -> Option<()> {
    if labels.get("dag_id").is_some() && labels.get("task_id").is_some() {
        return Some(()); // the tags say it
    }
    let (dag_id, task_id) = ids.split(both)?;
    labels.add("dag_id", dag_id.to_string());
    labels.add("task_id", task_id.to_string());
    Some(())
}

/// Endings that exporters add to a name.
const ENDINGS: [&str; 4] = ["_sum", "_count", "_bucket", "_total"];

/// Takes a name apart as exporters of StatsD write it, with `_` for every other character.
pub(super) fn flat<'a>(name: &'a str, labels: &mut Labels<'_>, ids: &Ids) -> Resolved<'a> {
    let as_is = |unresolved| Resolved { metric: Cow::Borrowed(name), name: None, unresolved };
    let Some(bare) = name.strip_prefix("airflow_").filter(|_| name.len() <= MAX_NAME) else { return as_is(false) };
    let mut unresolved = false;
    let stripped = ENDINGS.iter().find_map(|ending| Some((bare.strip_suffix(ending)?, *ending)));
    for (text, ending) in [Some((bare, "")), stripped].into_iter().flatten() {
        for rule in &RULES {
            let Some(inner) = strip_flat(text, rule.0, rule.1) else { continue };
            // An ending belongs to the exporter before it belongs to a pool or an operator.
            if ending.is_empty() && stripped.is_some() && matches!(rule.3, Holds::Label(_)) {
                continue;
            }
            if inside_flat(rule.3, inner, labels, ids).is_some() {
                return Resolved { metric: format!("airflow_{}{ending}", flattened(rule.2)).into(), ..as_is(false) };
            }
            // `airflow_dag_processing_last_duration` has the form of a task's duration, and is none.
            unresolved |= !text.starts_with("dag_processing_") && rule.3 != Holds::Dag;
        }
    }
    as_is(unresolved && labels.get("task_id").is_none())
}

fn inside_flat(holds: Holds, inner: &str, labels: &mut Labels<'_>, ids: &Ids) -> Option<()> {
    let (inner, state) = match holds {
        Holds::TaskState => {
            let hit = STATES.iter().filter_map(|state| Some((inner.strip_suffix(state)?.strip_suffix('_')?, *state)));
            // `up_for_retry` and the like end with no other state's name; the longest is meant all the same.
            let (inner, state) = hit.max_by_key(|(_, state)| state.len())?;
            (inner, Some(state))
        }
        _ => (inner, None),
    };
    match holds {
        Holds::Task | Holds::TaskState => flat_task(inner, labels, ids)?,
        Holds::QueueTask => {
            let mut splits = inner.match_indices('_');
            let (queue, tail) = splits.find_map(|(at, _)| {
                Some((inner.get(..at)?, inner.get(at + 1..).filter(|t| ids.split_flat(t).is_some())?))
            })?;
            flat_task(tail, labels, ids)?;
            labels.add("queue", queue.to_owned());
        }
        Holds::ExitedTask => {
            let (job, rest) = inner.split_once('_')?;
            let (both, code) = rest.rsplit_once('_')?;
            if !code.bytes().all(|byte| byte.is_ascii_digit()) || !job.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            // A negative code, a signal, leaves two underscores.
            let (both, sign) = both.strip_suffix('_').map_or((both, ""), |both| (both, "-"));
            flat_task(both, labels, ids)?;
            labels.add("job_id", job.to_owned());
            labels.add("return_code", format!("{sign}{code}"));
        }
        Holds::Dag => labels.add("dag_id", ids.flat_dag(inner)?.to_string()),
        Holds::Label(label) => labels.add(label, inner.to_owned()),
    }
    if let Some(state) = state {
        labels.add("state", state);
    }
    Some(())
}

fn flat_task(both: &str, labels: &mut Labels<'_>, ids: &Ids) -> Option<()> {
    let (dag_id, task_id) = ids.split_flat(both)?;
    labels.add("dag_id", dag_id.to_string());
    labels.add("task_id", task_id.to_string());
    Some(())
}

/// What stands between `before` and `after`, both dotted, in a flat name.
fn strip_flat<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let end = text.len().checked_sub(after.len())?;
    let same = |part: Option<&str>, pattern: &str| part.is_some_and(|part| is_flat(part, pattern));
    let inner = text.get(before.len()..end).filter(|inner| !inner.is_empty())?;
    (same(text.get(..before.len()), before) && same(text.get(end..), after)).then_some(inner)
}

fn is_flat(text: &str, pattern: &str) -> bool {
    let alike = |(byte, of): (u8, u8)| byte == of || byte == b'_' && matches!(of, b'.' | b'-');
    text.bytes().zip(pattern.bytes()).all(alike)
}

fn flattened(pattern: &str) -> String {
    pattern.replace(['.', '-'], "_")
}

/// The unit of an Airflow gauge, by the last part of its canonical name.
pub(super) fn gauge_unit(metric: &str) -> Unit {
    let ends = |ending: &str| metric.ends_with(ending);
    if ends("total_parse_time") || ends("seconds_ago") {
        SECONDS
    } else if ends("cpu_usage") || ends("mem_usage") {
        PERCENT
    } else {
        unit::NONE
    }
}

/// The unit of a flat Airflow name, without which `_duration` and the like say nothing: exporters of StatsD turn timers
/// into seconds.
pub(super) fn flat_unit(metric: &str) -> Option<Unit> {
    let bare = metric.strip_prefix("airflow_")?;
    if bare.ends_with("_count") || bare.ends_with("_bucket") {
        return Some(unit::NONE);
    }
    let bare = bare.strip_suffix("_sum").unwrap_or(bare);
    Some(if is_timer(metric) { SECONDS } else { gauge_unit(bare) })
}

/// Is it one of Airflow's timers, in either form of its name?
pub(super) fn is_timer(metric: &str) -> bool {
    let words = ["duration", "_delay", "dependency_check", "last_runtime", "load_serializers", "collect_dags"];
    metric.starts_with("airflow") && words.iter().any(|word| metric.contains(word))
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
