//! What the sources of one ingest know of each other: names and durations of tasks, templates of log lines, pages.

use super::{
    ids::Ids,
    json, logs,
    metrics::{CsvMapping, Durations, TimerUnit},
};
use crate::model::Text;
use std::collections::HashMap;

/// What the user says of inputs that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Unit of timers; by default it is found out.
    pub timer_unit: TimerUnit,
    /// Seconds east of UTC of logs without an offset (Airflow 1.10 to 2.2); UTC where it is not given.
    pub utc_offset_s: Option<i32>,
    /// Columns of a metrics table of the user's own.
    pub csv: Option<CsvMapping>,
    /// Major version of the Airflow that sent the metrics.
    pub airflow_major: Option<u8>,
    /// DAG of API pages that do not name it.
    pub dag_id: Option<String>,
}

/// One ingest.
#[derive(Debug)]
pub struct Session {
    pub(super) tools: Tools,
    learned: Learned,
    /// Are names and durations of tasks wanted by a source to come?
    learns: bool,
}

/// What readers are handed.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) settings: Settings,
    pub(super) logs: logs::Reader,
    pub(super) ids: Ids,
    pub(super) durations: Durations,
    pub(super) pages: Vec<json::Pages>,
}

impl Tools {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            logs: logs::Reader::new(),
            ids: Ids::default(),
            durations: Durations::default(),
            pages: Vec::new(),
        }
    }
}

impl Session {
    /// A session that has seen nothing. `learns` if a source to come [needs ids](super::Source::needs_ids).
    pub fn new(settings: Settings, learns: bool) -> Self {
        Self { tools: Tools::new(settings), learned: Learned::default(), learns }
    }

    /// A task that is known already, with the median of its durations.
    pub fn note_task(&mut self, dag_id: &Text, task_id: &Text, median_s: Option<f64>) {
        self.tools.ids.insert(dag_id, task_id);
        if let Some(median) = median_s {
            self.tools.durations.insert(dag_id, task_id, median);
        }
    }

    /// Before the first source that needs them: names and durations that the sources before it told.
    pub fn use_what_was_learned(&mut self) {
        for ((dag_id, task_id), mut durations) in std::mem::take(&mut self.learned.durations) {
            self.tools.ids.insert(&dag_id, &task_id);
            durations.sort_by(f64::total_cmp);
            if let Some(median) = durations.get(durations.len() / 2) {
                self.tools.durations.insert(&dag_id, &task_id, *median);
            }
        }
    }

    /// Templates of log lines that later lines made more general, each with what it is now.
    pub fn generalised_templates(&self) -> HashMap<Text, Text> {
        self.tools.logs.generalised()
    }

    /// What is to be said when all sources are read.
    pub fn warnings(&self) -> Vec<String> {
        json::missing(&self.tools.pages)
    }

    pub(super) fn learner(&mut self) -> Option<Learned> {
        self.learns.then(|| std::mem::take(&mut self.learned))
    }

    pub(super) fn give_back(&mut self, learned: Option<Learned>) {
        if let Some(learned) = learned {
            self.learned = learned;
        }
    }
}

/// Durations of a task that are kept for its median.
const MAX_DURATIONS: usize = 64;
/// Tasks that are kept: far above any installation, and a bound on memory.
const MAX_TASKS: usize = 200_000;

/// Names and durations of tasks, as attempts go by.
#[derive(Debug, Default)]
pub(super) struct Learned {
    durations: HashMap<(Text, Text), Vec<f64>>,
}

impl Learned {
    pub(super) fn note(&mut self, dag_id: &str, task_id: &str, duration_s: Option<f64>) {
        let key = (Text::from(dag_id), Text::from(task_id));
        if self.durations.len() >= MAX_TASKS && !self.durations.contains_key(&key) {
            return;
        }
        let known = self.durations.entry(key).or_default();
        if known.len() < MAX_DURATIONS {
            known.extend(duration_s);
        }
    }
}
