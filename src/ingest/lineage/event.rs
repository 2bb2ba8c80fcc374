//! One OpenLineage run event, as far as Airflow's provider fills it.
//!
//! Sources: OpenLineage specification 2-0-2; facets `airflow`, `airflowDagRun`, `airflowState` and the job facet `airflow` of
//! the provider package (its documentation names no version for them: what is missing is left empty here).

use super::super::json::{Pull, Raw, Value, Wrong};

/// The parts of an event that are read. All are texts as they stand in the event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Event<'a> {
    pub(super) time: Option<Raw<'a>>,
    pub(super) kind: Option<Raw<'a>>,
    pub(super) run_uuid: Option<Raw<'a>>,
    pub(super) job_name: Option<Raw<'a>>,
    /// `DAG` or `TASK`.
    pub(super) job_type: Option<Raw<'a>>,
    pub(super) airflow_version: Option<Raw<'a>>,
    pub(super) nominal_start: Option<Raw<'a>>,
    /// Is there a facet of Airflow at all?
    pub(super) of_airflow: bool,
    /// Does it name datasets?
    pub(super) datasets: bool,
    /// What its outputs and its inputs say they hold, summed up.
    pub(super) written: Amount,
    pub(super) read: Amount,
    pub(super) run: Run<'a>,
    pub(super) instance: Instance<'a>,
    pub(super) task: Task<'a>,
    pub(super) dag_state: Option<Raw<'a>>,
    /// The object of all tasks in the job facet of a DAG event.
    pub(super) tasks: Option<Pull<'a>>,
}

/// Facets `outputStatistics` and `inputStatistics` (OpenLineage: OutputStatisticsOutputDatasetFacet 1-0-2,
/// InputStatisticsInputDatasetFacet 1-0-0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) rows: Option<i64>,
    pub(super) bytes: Option<i64>,
}

impl Amount {
    fn add(&mut self, other: Self) {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        *self = Self { rows: sum(self.rows, other.rows), bytes: sum(self.bytes, other.bytes) };
    }

    /// Of one dataset.
    fn of_dataset(pull: &mut Pull<'_>) -> Result<Self, Wrong> {
        let mut amount = Self::default();
        let count = |pull: &mut Pull<'_>| Ok(whole(pull)?.filter(|count| *count >= 0));
        members(pull, &mut |key, pull| match key {
            b"outputFacets" | b"inputFacets" => members(pull, &mut |key, pull| match key {
                b"outputStatistics" | b"inputStatistics" => members(pull, &mut |key, pull| {
                    match key {
                        b"rowCount" => amount.rows = count(pull)?,
                        b"size" => amount.bytes = count(pull)?,
                        _ => pull.skip()?,
                    }
                    Ok(())
                }),
                _ => pull.skip(),
            }),
            _ => pull.skip(),
        })?;
        Ok(amount)
    }
}

/// `dagRun`, and the DAG's id.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run<'a> {
    pub(super) dag_id: Option<Raw<'a>>,
    pub(super) run_id: Option<Raw<'a>>,
    pub(super) run_type: Option<Raw<'a>>,
    pub(super) logical_date: Option<Raw<'a>>,
    pub(super) run_after: Option<Raw<'a>>,
    pub(super) start_date: Option<Raw<'a>>,
    pub(super) end_date: Option<Raw<'a>>,
}

/// `taskInstance`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Instance<'a> {
    pub(super) try_number: Option<i64>,
    pub(super) map_index: Option<i64>,
    pub(super) pool: Option<Raw<'a>>,
    pub(super) queued_dttm: Option<Raw<'a>>,
    pub(super) duration: Option<f64>,
}

/// `task`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Task<'a> {
    pub(super) task_id: Option<Raw<'a>>,
    pub(super) operator: Option<Raw<'a>>,
    pub(super) queue: Option<Raw<'a>>,
    pub(super) retries: Option<i64>,
    pub(super) priority_weight: Option<i64>,
    pub(super) trigger_rule: Option<Raw<'a>>,
    pub(super) mapped: bool,
    /// A list as Python prints it: `['a', 'b']`.
    pub(super) downstream: Option<Raw<'a>>,
}

/// Is handed a key and the value behind it, which it reads or passes.
type Each<'e, 'a> = dyn FnMut(&'a [u8], &mut Pull<'a>) -> Result<(), Wrong> + 'e;

/// Calls `each` with the members of the next value; a value that is no object is passed.
pub(super) fn members<'a>(pull: &mut Pull<'a>, each: &mut Each<'_, 'a>) -> Result<(), Wrong> {
    let value = pull.value()?;
    if value != Value::Object {
        return pull.skip_rest(value);
    }
    let mut first = true;
    while let Some(key) = pull.key(&mut first)? {
        each(key, pull)?;
    }
    Ok(())
}

fn text<'a>(pull: &mut Pull<'a>) -> Result<Option<Raw<'a>>, Wrong> {
    let value = pull.value()?;
    pull.skip_rest(value)?;
    Ok(match value {
        Value::Text(raw) if !raw.bytes.is_empty() => Some(raw),
        _ => None,
    })
}

fn number(pull: &mut Pull<'_>) -> Result<Option<f64>, Wrong> {
    let value = pull.value()?;
    pull.skip_rest(value)?;
    Ok(match value {
        Value::Int(number) => Some(number as f64),
        Value::Real(number) => Some(number),
        Value::Text(raw) => raw.text()?.parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    })
}

fn whole(pull: &mut Pull<'_>) -> Result<Option<i64>, Wrong> {
    Ok(number(pull)?.filter(|number| number.fract() == 0.0).map(|number| number as i64))
}

impl<'a> Event<'a> {
    pub(super) fn read(json: &'a [u8]) -> Result<Self, Wrong> {
        let mut event = Self::default();
        members(&mut Pull::new(json), &mut |key, pull| {
            match key {
                b"eventTime" => event.time = text(pull)?,
                b"eventType" => event.kind = text(pull)?,
                b"run" => event.run(pull)?,
                b"job" => event.job(pull)?,
                b"inputs" | b"outputs" => {
                    let mut first = true;
                    let mut inside = *pull;
                    let side = if key == b"outputs" { &mut event.written } else { &mut event.read };
                    if inside.value()? == Value::List {
                        while inside.element(&mut first)? {
                            event.datasets = true;
                            side.add(Amount::of_dataset(&mut inside)?);
                        }
                    }
                    pull.skip()?;
                }
                _ => pull.skip()?,
            }
            Ok(())
        })?;
        Ok(event)
    }

    fn run(&mut self, pull: &mut Pull<'a>) -> Result<(), Wrong> {
        members(pull, &mut |key, pull| match key {
            b"runId" => {
                self.run_uuid = text(pull)?;
                Ok(())
            }
            b"facets" => members(pull, &mut |key, pull| self.run_facet(key, pull)),
            _ => pull.skip(),
        })
    }

    fn run_facet(&mut self, key: &'a [u8], pull: &mut Pull<'a>) -> Result<(), Wrong> {
        match key {
            b"airflow" | b"airflowDagRun" => {
                self.of_airflow = true;
                members(pull, &mut |key, pull| self.airflow(key, pull))
            }
            b"airflowState" => {
                self.of_airflow = true;
                let state = &mut self.dag_state;
                members(pull, &mut |key, pull| match key {
                    b"dagRunState" => {
                        *state = text(pull)?;
                        Ok(())
                    }
                    _ => pull.skip(),
                })
            }
            b"nominalTime" => {
                let start = &mut self.nominal_start;
                members(pull, &mut |key, pull| match key {
                    b"nominalStartTime" => {
                        *start = text(pull)?;
                        Ok(())
                    }
                    _ => pull.skip(),
                })
            }
            b"processing_engine" => {
                let (mut name, mut version) = (None, None);
                members(pull, &mut |key, pull| match key {
                    b"name" => {
                        name = text(pull)?;
                        Ok(())
                    }
                    b"version" => {
                        version = text(pull)?;
                        Ok(())
                    }
                    _ => pull.skip(),
                })?;
                if name.is_some_and(|name| name.bytes.eq_ignore_ascii_case(b"airflow")) {
                    self.of_airflow = true;
                    self.airflow_version = version;
                }
                Ok(())
            }
            _ => pull.skip(),
        }
    }

    fn airflow(&mut self, key: &'a [u8], pull: &mut Pull<'a>) -> Result<(), Wrong> {
        let (run, instance, task) = (&mut self.run, &mut self.instance, &mut self.task);
        match key {
            b"dag" => members(pull, &mut |key, pull| {
                match key {
                    b"dag_id" => run.dag_id = text(pull)?,
                    _ => pull.skip()?,
                }
                Ok(())
            }),
            b"dagRun" => members(pull, &mut |key, pull| {
                match key {
                    b"dag_id" => run.dag_id = text(pull)?.or(run.dag_id),
                    b"run_id" => run.run_id = text(pull)?,
                    b"run_type" => run.run_type = text(pull)?,
                    b"logical_date" | b"execution_date" => run.logical_date = text(pull)?.or(run.logical_date),
                    b"run_after" => run.run_after = text(pull)?,
                    b"start_date" => run.start_date = text(pull)?,
                    b"end_date" => run.end_date = text(pull)?,
                    _ => pull.skip()?,
                }
                Ok(())
            }),
            b"taskInstance" => members(pull, &mut |key, pull| {
                match key {
                    b"try_number" => instance.try_number = whole(pull)?,
                    b"map_index" => instance.map_index = whole(pull)?,
                    b"pool" => instance.pool = text(pull)?,
                    b"queued_dttm" => instance.queued_dttm = text(pull)?,
                    b"duration" => instance.duration = number(pull)?,
                    _ => pull.skip()?,
                }
                Ok(())
            }),
            b"task" => members(pull, &mut |key, pull| {
                match key {
                    b"task_id" => task.task_id = text(pull)?,
                    b"operator_class" => task.operator = text(pull)?,
                    b"queue" => task.queue = text(pull)?,
                    b"retries" => task.retries = whole(pull)?,
                    b"priority_weight" => task.priority_weight = whole(pull)?,
                    b"trigger_rule" => task.trigger_rule = text(pull)?,
                    b"mapped" => task.mapped = pull.value()? == Value::Bool(true),
                    b"downstream_task_ids" => task.downstream = text(pull)?,
                    _ => pull.skip()?,
                }
                Ok(())
            }),
            _ => pull.skip(),
        }
    }

    fn job(&mut self, pull: &mut Pull<'a>) -> Result<(), Wrong> {
        members(pull, &mut |key, pull| match key {
            b"name" => {
                self.job_name = text(pull)?;
                Ok(())
            }
            b"facets" => members(pull, &mut |key, pull| match key {
                b"jobType" => members(pull, &mut |key, pull| {
                    match key {
                        b"jobType" => self.job_type = text(pull)?,
                        b"integration" => {
                            self.of_airflow |= text(pull)?.is_some_and(|raw| raw.bytes == b"AIRFLOW");
                        }
                        _ => pull.skip()?,
                    }
                    Ok(())
                }),
                b"airflow" => members(pull, &mut |key, pull| {
                    if key == b"tasks" {
                        self.tasks = Some(*pull);
                    }
                    pull.skip()
                }),
                _ => pull.skip(),
            }),
            _ => pull.skip(),
        })
    }
}

/// Ids in a list or a set as Python prints it, such as `['a', 'b']`; `None` where it is none.
pub(super) fn python_list(text: &str) -> Option<Vec<&str>> {
    if text == "set()" {
        return Some(Vec::new());
    }
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.or_else(|| text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')))?;
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    let unquoted = |item: &'_ str| -> Option<(usize, usize)> {
        let quote = item.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        (item.len() >= 2 && item.ends_with(quote)).then_some((1, item.len() - 1))
    };
    inside
        .split(',')
        .map(|item| {
            let item = item.trim();
            let (from, to) = unquoted(item)?;
            item.get(from..to).filter(|id| !id.is_empty() && !id.contains(['\'', '"', '\\']))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_python_are_read() {
        assert_eq!(python_list("['pull', \"a.b\"]"), Some(vec!["pull", "a.b"]));
        assert_eq!(python_list("{'x'}"), Some(vec!["x"]));
        assert_eq!(python_list("[]"), Some(vec![]));
        assert_eq!(python_list("set()"), Some(vec![]));
        for bad in ["", "['a'", "[a]", "['a', b]", "['a\\'b']", "['']", "[']"] {
            assert_eq!(python_list(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_event_gives_its_parts() {
        let json =
            br#"{"eventType":"START","run":{"runId":"u","facets":{"airflow":{"task":{"task_id":"t","mapped":true},
            "taskInstance":{"try_number":2,"duration":1.5,"map_index":null}},"x":[{}]}},"inputs":[],"outputs":[{"n":1}],
            "job":{"name":"d.t","facets":{"airflow":{"tasks":{"a":{"downstream_task_ids":["b"]}}}}}}"#;
        let event = Event::read(json).expect("JSON");
        assert!(event.of_airflow && event.datasets && event.task.mapped && event.tasks.is_some());
        assert_eq!((event.instance.try_number, event.instance.map_index), (Some(2), None));
        assert_eq!(event.task.task_id.map(|raw| raw.bytes), Some(&b"t"[..]));
        assert!(Event::read(b"{\"run\":{").is_err());
    }
}
