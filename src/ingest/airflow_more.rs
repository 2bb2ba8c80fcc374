//! Rows of the tables beside the history itself, in every version from 1.10 to 3.x: the audit log, jobs, missed deadlines,
//! versions of DAGs; and tasks as the REST API lists them. Each function is handed its row as a look-up by column name, so
//! that an exported table and the REST API share it.

use super::{
    airflow_cells::check_length,
    fields::{Clock, Field, Texts},
    reading::Fault,
};
use crate::model::{
    AuditEvent, Deadline, EdgeSource, Job, Marker, Row, TaskEdge, TaskSpec, Text, Timestamp, stand_in_run_id,
};
use std::borrow::Cow;

/// Longest detail of an audit event, in characters, once secrets are masked.
const MAX_EXTRA_CHARS: usize = 2_000;

/// The version of edges and tasks that the REST API tells, which names none.
pub(super) const API_VERSION: &str = "api";

/// One row by column name: [`Field::Null`] where the table lacks the column.
pub(super) type Lookup<'f, 'a> = dyn Fn(&'static str) -> Field<'a> + 'f;

/// Replaces secrets in free text.
pub(super) type Mask = fn(&str) -> Cow<'_, str>;

/// One table's mapping.
pub(super) type Mapping = fn(&Lookup<'_, '_>, &mut Tools) -> Result<Row, Fault>;

/// What the mappings of one source share.
#[derive(Debug)]
pub(super) struct Tools {
    clock: Clock,
    texts: Texts,
    mask: Mask,
}

impl Tools {
    pub(super) fn new(mask: Mask) -> Self {
        Self { clock: Clock::default(), texts: Texts::default(), mask }
    }

    /// An instant; a fault where it is none, or where it states a time zone unlike the ones before.
    pub(super) fn time(&mut self, field: Field<'_>, column: &str) -> Result<Option<Timestamp>, Fault> {
        self.clock.read(field, column)
    }

    /// A text that many rows share.
    pub(super) fn text(&mut self, field: Field<'_>, column: &str) -> Result<Option<Text>, Fault> {
        let Some(text) = field.text(column)? else { return Ok(None) };
        check_length(column, &text)?;
        Ok(Some(self.texts.get(&text)))
    }

    fn must(&mut self, field: Field<'_>, column: &str) -> Result<Text, Fault> {
        self.text(field, column)?.ok_or_else(|| Fault::new(format!("{column} is missing")))
    }

    fn must_time(&mut self, field: Field<'_>, column: &str) -> Result<Timestamp, Fault> {
        self.time(field, column)?.ok_or_else(|| Fault::new(format!("{column} is missing")))
    }

    /// Free text without secrets, cut to `chars` characters.
    pub(super) fn free(&self, text: &str, chars: usize) -> Text {
        let masked = (self.mask)(text);
        match masked.char_indices().nth(chars) {
            Some((end, _)) => format!("{}…", masked.get(..end).unwrap_or_default()).into(),
            None => Text::from(masked),
        }
    }

    /// The id of a run, or the stand-in that its date gives (before 2.10).
    fn run_id(&mut self, field: &Lookup<'_, '_>) -> Result<Option<Text>, Fault> {
        if let Some(run_id) = self.text(field("run_id"), "run_id")? {
            return Ok(Some(run_id));
        }
        Ok(self.date(field)?.map(stand_in_run_id))
    }

    /// `logical_date` (3.x) or `execution_date` (before).
    fn date(&mut self, field: &Lookup<'_, '_>) -> Result<Option<Timestamp>, Fault> {
        match self.time(field("logical_date"), "logical_date")? {
            Some(date) => Ok(Some(date)),
            None => self.time(field("execution_date"), "execution_date"),
        }
    }
}

fn row_id(field: &Lookup<'_, '_>) -> Result<i64, Fault> {
    field("id").int("id")?.ok_or_else(|| Fault::new("id is missing"))
}

/// A row of `log`: 1.10 to 2.2 without `map_index`, before 2.10 with the run's date instead of its id.
pub(super) fn audit(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    let extra = field("extra").text("extra")?;
    Ok(Row::Audit(AuditEvent {
        id: row_id(field)?,
        time: tools.must_time(field("dttm"), "dttm")?,
        event: tools.must(field("event"), "event")?,
        dag_id: tools.text(field("dag_id"), "dag_id")?,
        run_id: tools.run_id(field)?,
        task_id: tools.text(field("task_id"), "task_id")?,
        map_index: field("map_index").int32("map_index")?,
        try_number: field("try_number").int32("try_number")?,
        owner: tools.text(field("owner"), "owner")?,
        extra: extra.map(|extra| tools.free(&extra, MAX_EXTRA_CHARS)),
    }))
}

/// A row of `job`: the same columns in every version.
pub(super) fn job(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    Ok(Row::Job(Job {
        id: row_id(field)?,
        job_type: tools.text(field("job_type"), "job_type")?,
        state: tools.text(field("state"), "state")?,
        dag_id: tools.text(field("dag_id"), "dag_id")?,
        hostname: tools.text(field("hostname"), "hostname")?,
        started_at: tools.time(field("start_date"), "start_date")?,
        ended_at: tools.time(field("end_date"), "end_date")?,
        heartbeat_at: tools.time(field("latest_heartbeat"), "latest_heartbeat")?,
    }))
}

/// A row of `sla_miss` (until 2.x): there is a row because the deadline was missed, and `timestamp` is when that was found.
pub(super) fn sla_miss(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    let dag_id = tools.must(field("dag_id"), "dag_id")?;
    let task_id = tools.must(field("task_id"), "task_id")?;
    let date = tools.must_time(field("execution_date"), "execution_date")?;
    Ok(Row::Deadline(Deadline {
        kind: "sla_miss",
        id: format!("{dag_id} {task_id} {date}").into(),
        dag_id: Some(dag_id),
        task_id: Some(task_id),
        run_id: Some(stand_in_run_id(date)),
        logical_date: Some(date),
        due_at: None,
        missed_at: tools.time(field("timestamp"), "timestamp")?,
        missed: Some(true),
    }))
}

/// A row of `deadline` (3.1 and later). From 3.2 on `missed` tells, and the row is last written when the miss is found; in
/// 3.1 the state of its callback is written into the same row, so its last write says nothing.
pub(super) fn deadline(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    let id = uuid(field("id"))?.ok_or_else(|| Fault::new("id is missing"))?;
    let missed = field("missed").bool("missed")?;
    let written = tools.time(field("last_updated_at"), "last_updated_at")?;
    Ok(Row::Deadline(Deadline {
        kind: "deadline",
        id,
        dag_id: tools.text(field("dag_id"), "dag_id")?,
        task_id: None,
        run_id: field("dagrun_id").text("dagrun_id")?.map(|id| tools.texts.get(&id)),
        logical_date: None,
        due_at: tools.time(field("deadline_time"), "deadline_time")?,
        missed_at: written.filter(|_| missed == Some(true)),
        missed,
    }))
}

/// A row of `dag_version` (3.x): the structure of a DAG changed, most often by a deploy.
pub(super) fn dag_version(field: &Lookup<'_, '_>, tools: &mut Tools) -> Result<Row, Fault> {
    let dag_id = tools.must(field("dag_id"), "dag_id")?;
    let number = field("version_number").int("version_number")?;
    let number = number.ok_or_else(|| Fault::new("version_number is missing"))?;
    let bundle = tools.text(field("bundle_name"), "bundle_name")?;
    let reference = match tools.text(field("bundle_version"), "bundle_version")? {
        Some(version) => Some(version),
        None => uuid(field("id"))?,
    };
    Ok(Row::Marker(Marker {
        time: tools.must_time(field("created_at"), "created_at")?,
        kind: tools.texts.get("dag_version"),
        text: match bundle {
            Some(bundle) => format!("version {number} of {dag_id} (bundle {bundle})").into(),
            None => format!("version {number} of {dag_id}").into(),
        },
        dag_id: Some(dag_id),
        reference,
        ended_at: None,
    }))
}

/// A task as the REST API lists it, and its edges to the tasks behind it. The API does not say which DAG it was asked for:
/// `dag_id` stands in where the row does not.
pub(super) fn api_task<'n>(
    field: &Lookup<'_, '_>,
    dag_id: Option<&str>,
    downstream: impl Iterator<Item = &'n [u8]>,
    tools: &mut Tools,
) -> Result<(TaskSpec, Vec<TaskEdge>), Fault> {
    let dag_id = match (tools.text(field("dag_id"), "dag_id")?, dag_id) {
        (Some(own), _) => own,
        (None, Some(around)) => tools.texts.get(around),
        (None, None) => {
            return Err(Fault::new(
                "a task without its DAG: put \"dag_id\" beside \"tasks\", which the API leaves out",
            ));
        }
    };
    let task = TaskSpec {
        task_id: tools.must(field("task_id"), "task_id")?,
        version: tools.texts.get(API_VERSION),
        operator: tools.text(field("operator"), "operator")?,
        pool: tools.text(field("pool"), "pool")?,
        pool_slots: field("pool_slots").int32("pool_slots")?,
        queue: tools.text(field("queue"), "queue")?,
        priority_weight: field("priority_weight").int32("priority_weight")?,
        retries: field("retries").int32("retries")?,
        trigger_rule: tools.text(field("trigger_rule"), "trigger_rule")?,
        mapped: field("is_mapped").bool("is_mapped")?.unwrap_or(false),
        dag_id,
    };
    let mut edges = Vec::new();
    for name in downstream {
        edges.push(TaskEdge {
            dag_id: task.dag_id.clone(),
            upstream: task.task_id.clone(),
            downstream: tools.must(Field::from_bytes(name), "downstream_task_ids")?,
            version: task.version.clone(),
            source: EdgeSource::Api,
        });
    }
    Ok((task, edges))
}

/// A UUID without its dashes: PostgreSQL and the API write them, SQLite does not.
fn uuid(field: Field<'_>) -> Result<Option<Text>, Fault> {
    let text = field.text("id")?;
    Ok(text.map(|text| text.chars().filter(|c| *c != '-').collect::<String>().to_ascii_lowercase().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Cow<'_, str> {
        text.replace("hunter2", "***").into()
    }

    type Mapping = fn(&Lookup<'_, '_>, &mut Tools) -> Result<Row, Fault>;

    fn map(mapping: Mapping, header: &str, line: &str) -> Result<Row, Fault> {
        let cells: Vec<(&str, &str)> = header.split(',').zip(line.split(',')).collect();
        let field = |name: &'static str| {
            let hit = cells.iter().find(|(column, _)| *column == name);
            hit.map_or(Field::Null, |(_, value)| Field::from_bytes(value.as_bytes()))
        };
        mapping(&field, &mut Tools::new(plain))
    }

    fn at(text: &str) -> Timestamp {
        super::super::fields::parse_instant(text).expect("a time").0
    }

    #[test]
    fn the_audit_log_of_every_version() {
        let old = map(
            audit,
            "id,dttm,dag_id,task_id,event,execution_date,owner,extra",
            "7,2026-11-24 12:28:21.683237,users_sync,load,success,2026-09-28 01:30:00,airflow,-p hunter2",
        );
        let Ok(Row::Audit(old)) = old else { panic!("{old:?}") };
        assert_eq!(old.run_id.as_deref(), Some("execution_date__2026-09-28T01:30:00Z"));
        assert_eq!((old.id, old.time, old.try_number), (7, at("2026-11-24 12:28:21.683237"), None));
        assert_eq!(old.extra.as_deref(), Some("-p ***"));
        let new = map(
            audit,
            "id,dttm,dag_id,task_id,map_index,event,logical_date,run_id,owner,owner_display_name,extra,try_number",
            "9,2026-11-24 12:28:21+00,d,t,2,failed,2026-09-28 01:30:00+00,scheduled__x,root,,,3",
        );
        let Ok(Row::Audit(new)) = new else { panic!("{new:?}") };
        assert_eq!((new.run_id.as_deref(), new.map_index, new.try_number), (Some("scheduled__x"), Some(2), Some(3)));
        assert_eq!(new.extra, None);
        assert!(map(audit, "id,dttm,event", "1,,x").is_err());
        assert!(map(audit, "id,dttm,event", "x,2026-11-24 12:28:21+00,x").is_err());
    }

    #[test]
    fn jobs_and_deadlines() {
        let job = map(
            job,
            "id,dag_id,state,job_type,start_date,end_date,latest_heartbeat,executor_class,hostname,unixname",
            "3,,success,SchedulerJob,2026-11-24 11:52:06.917452+00,2026-11-24 12:06:03.242339+00,2026-11-24 12:05:49.271519+00,,vm,root",
        );
        let Ok(Row::Job(job)) = job else { panic!("{job:?}") };
        assert_eq!((job.id, job.dag_id, job.hostname.as_deref()), (3, None, Some("vm")));
        assert_eq!(job.heartbeat_at, Some(at("2026-11-24 12:05:49.271519+00")));

        let sla = map(
            sla_miss,
            "task_id,dag_id,execution_date,email_sent,timestamp,description,notification_sent",
            "load_dim_customer,users_sync,2026-09-26 01:30:00+00,f,2026-11-24 12:22:10.466047+00,,f",
        );
        let Ok(Row::Deadline(sla)) = sla else { panic!("{sla:?}") };
        assert_eq!(&*sla.id, "users_sync load_dim_customer 2026-09-26T01:30:00Z");
        assert_eq!((sla.kind, sla.missed, sla.due_at), ("sla_miss", Some(true), None));

        let header = "id,created_at,last_updated_at,dagrun_id,deadline_time,missed,callback_id,deadline_alert_id";
        let row = |missed: &str| {
            let line = format!(
                "01a20d66-26af-7617-ae31-621b2899e1c8,2026-11-24 11:52:08.11127+00,2026-11-24 11:52:54.123756+00,6,2026-11-24 11:52:53.033119+00,{missed},x,y"
            );
            let Ok(Row::Deadline(row)) = map(deadline, header, &line) else { panic!("no deadline") };
            row
        };
        assert_eq!(&*row("t").id, "01a20d6626af7617ae31621b2899e1c8");
        assert_eq!((row("t").run_id.as_deref(), row("True").missed), (Some("6"), Some(true)));
        assert_eq!(row("t").missed_at, Some(at("2026-11-24 11:52:54.123756+00")));
        assert_eq!((row("f").missed_at, row("0").missed, row("").missed), (None, Some(false), None));
    }

    #[test]
    fn a_version_of_a_dag_is_a_marker() {
        let header = "id,version_number,dag_id,bundle_name,bundle_version,version_data,created_at,last_updated";
        let line =
            "01a20d65-61c6-779c-94f8-229bfcbf3623,2,inventory_sync,dags-folder,,null,2026-11-24 11:51:17.70241+00,x";
        let Ok(Row::Marker(marker)) = map(dag_version, header, line) else { panic!("no marker") };
        assert_eq!(&*marker.text, "version 2 of inventory_sync (bundle dags-folder)");
        assert_eq!((&*marker.kind, marker.dag_id.as_deref()), ("dag_version", Some("inventory_sync")));
        assert_eq!(marker.reference.as_deref(), Some("01a20d6561c6779c94f8229bfcbf3623"));
        assert_eq!(marker.time, at("2026-11-24 11:51:17.70241+00"));
        let line = "x,1,d,git,8f3a,null,2026-11-24 11:51:17+00,x";
        let Ok(Row::Marker(marker)) = map(dag_version, header, line) else { panic!("no marker") };
        assert_eq!(marker.reference.as_deref(), Some("8f3a"));
    }

    #[test]
    fn a_task_of_the_api_needs_its_dag() {
        let field = |name: &'static str| match name {
            "task_id" => Field::Bytes(b"a"),
            "retries" => Field::Real(2.0),
            _ => Field::Null,
        };
        let names: [&[u8]; 2] = [b"b", b"c"];
        let mut tools = Tools::new(plain);
        let (task, edges) = api_task(&field, Some("d"), names.into_iter(), &mut tools).expect("a task");
        assert_eq!((&*task.dag_id, task.retries, task.mapped, task.pool), ("d", Some(2), false, None));
        assert_eq!((&*edges[1].upstream, &*edges[1].downstream, edges[1].source), ("a", "c", EdgeSource::Api));
        assert!(api_task(&field, None, names.into_iter(), &mut tools).is_err());
    }

    #[test]
    fn free_text_is_masked_before_it_is_cut() {
        let tools = Tools::new(plain);
        assert_eq!(&*tools.free("hunter2 é", 4), "*** …");
        assert_eq!(&*tools.free("abc", 3), "abc");
    }
}
