//! The serialized DAG: JSON, plain or compressed, to its tasks and the dependencies between them.
//!
//! Airflow leaves out what has its default value: such a field stays empty here. Forms: a plain object a task (1.10.7 to 2.6
//! and later), wrapped as `{"__var": {..}, "__type": "operator"}` (2.7 and later); what a mapped task passes on lies in
//! `partial_kwargs`; from 3.1 on defaults of all tasks lie in `client_defaults`.

use super::{
    fields::Field,
    json::{Pull, Value, Wrong},
    reading::Fault,
};
use crate::model::{EdgeSource, TaskEdge, TaskSpec, Text};
use std::{borrow::Cow, io::Read};

/// A serialized DAG larger than this is refused: a compressed column could otherwise fill the memory.
const MAX_BYTES: u64 = 64 << 20;
/// Most tasks and dependencies of a DAG, for the same reason.
const MAX_ROWS: usize = 1 << 20;
/// Longest id, as elsewhere: four times what Airflow's database takes.
const MAX_ID_BYTES: usize = 1_000;

/// What a serialized DAG tells of its tasks, both sorted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Structure {
    /// Dependencies.
    pub(super) edges: Vec<TaskEdge>,
    /// Tasks.
    pub(super) tasks: Vec<TaskSpec>,
}

/// Reads the columns `data` and `data_compressed` of one row of `serialized_dag`; `version` is its `dag_hash`.
pub(super) fn read(dag_id: &Text, version: &Text, data: Field<'_>, compressed: Field<'_>) -> Result<Structure, Fault> {
    let json = match (data.bytes(), compressed.bytes()) {
        (Some(text), _) if text != b"null" => Cow::Borrowed(text),
        (_, Some(bytes)) => Cow::Owned(inflate(&unhex(bytes)?)?),
        _ => return Err(Fault::new("data and data_compressed are both missing")),
    };
    let document = Pull::new(&json);
    let mut reader = Reader { dag_id, version, defaults: None, structure: Structure::default() };
    let mut dag = document;
    let whole = members(document, &mut |key, value| match key {
        b"dag" => dag = value,
        b"client_defaults" => reader.defaults = Some(value),
        _ => {}
    });
    whole.map_err(not_json)?.end().map_err(not_json)?;
    reader.defaults = reader.defaults.map(|all| member(all, "tasks")).transpose().map_err(not_json)?.flatten();
    let dag = unwrapped(dag).map_err(not_json)?;
    let mut tasks = member(dag, "tasks").map_err(not_json)?.unwrap_or(Pull::new(b"null"));
    if tasks.value() != Ok(Value::List) {
        return Err(Fault::new("data holds no list of tasks"));
    }
    let mut first = true;
    while tasks.element(&mut first).map_err(not_json)? {
        let task = unwrapped(tasks).map_err(not_json)?;
        reader.task(task)?;
        tasks.skip().map_err(not_json)?;
    }
    let Structure { mut edges, mut tasks } = reader.structure;
    edges.sort();
    edges.dedup();
    tasks.sort_by(|a, b| a.task_id.cmp(&b.task_id));
    tasks.dedup_by(|a, b| a.task_id == b.task_id);
    Ok(Structure { edges, tasks })
}

/// Calls `each` with the members of an object, their values still to be read; the text behind it. Of another value nothing.
fn members<'a>(mut pull: Pull<'a>, each: &mut dyn FnMut(&'a [u8], Pull<'a>)) -> Result<Pull<'a>, Wrong> {
    let value = pull.value()?;
    if value != Value::Object {
        pull.skip_rest(value)?;
        return Ok(pull);
    }
    let mut first = true;
    while let Some(key) = pull.key(&mut first)? {
        each(key, pull);
        pull.skip()?;
    }
    Ok(pull)
}

/// A member of an object, without what Airflow puts around it.
fn member<'a>(pull: Pull<'a>, name: &str) -> Result<Option<Pull<'a>>, Wrong> {
    let mut found = None;
    members(pull, &mut |key, value| {
        if key == name.as_bytes() {
            found = Some(value);
        }
    })?;
    found.map(unwrapped).transpose()
}

/// The value inside `{"__var": .., "__type": ..}`, which Airflow puts around whatever JSON has no type for.
fn unwrapped(pull: Pull<'_>) -> Result<Pull<'_>, Wrong> {
    let mut inside = pull;
    members(pull, &mut |key, value| {
        if key == b"__var" {
            inside = value;
        }
    })?;
    Ok(inside)
}

struct Reader<'a> {
    dag_id: &'a Text,
    version: &'a Text,
    /// What tasks have that do not say otherwise.
    defaults: Option<Pull<'a>>,
    structure: Structure,
}

impl<'a> Reader<'a> {
    fn task(&mut self, task: Pull<'a>) -> Result<(), Fault> {
        let (mut plain, mut private, mut partial) = (None, None, None);
        let mut own: Vec<(&[u8], Pull<'a>)> = Vec::new();
        // Of a key that stands twice the first is read: the task's own comes before what it passes on and the defaults.
        let mut keep = |key: &'a [u8], value| {
            if FIELDS.contains(&key) && !own.iter().any(|(known, _)| *known == key) {
                own.push((key, value));
            }
        };
        members(task, &mut |key, value| match key {
            b"downstream_task_ids" => plain = Some(value),
            b"_downstream_task_ids" => private = Some(value),
            b"partial_kwargs" => partial = Some(value),
            key => keep(key, value),
        })
        .map_err(not_json)?;
        let partial = partial.map(unwrapped).transpose().map_err(not_json)?;
        for place in [partial, self.defaults].into_iter().flatten() {
            members(place, &mut keep).map_err(not_json)?;
        }
        let field = |name: &str| -> Result<Option<Value<'a>>, Fault> {
            let Some((_, value)) = own.iter().find(|(key, _)| *key == name.as_bytes()) else { return Ok(None) };
            unwrapped(*value).and_then(|mut value| value.value()).map(Some).map_err(not_json)
        };
        let text = |name: &str| match field(name)? {
            Some(Value::Text(raw)) => Ok::<_, Fault>(Some(Text::from(raw.text().map_err(not_json)?))),
            _ => Ok(None),
        };
        let int = |name: &str| {
            let whole = match field(name)? {
                Some(Value::Int(value)) => Some(value),
                Some(Value::Real(value)) if value.fract() == 0.0 => Some(value as i64),
                _ => None,
            };
            Ok::<_, Fault>(whole.and_then(|value| i32::try_from(value).ok()))
        };
        let task_id = text("task_id")?.ok_or_else(|| Fault::new("data holds a task without task_id"))?;
        let task_id = id(task_id)?;
        self.edges(&task_id, plain.or(private))?;
        self.structure.tasks.push(TaskSpec {
            dag_id: self.dag_id.clone(),
            version: self.version.clone(),
            operator: text("task_type")?.or(text("_task_type")?),
            pool: text("pool")?,
            pool_slots: int("pool_slots")?,
            queue: text("queue")?,
            priority_weight: int("priority_weight")?,
            retries: int("retries")?,
            trigger_rule: text("trigger_rule")?,
            mapped: field("_is_mapped")? == Some(Value::Bool(true)),
            task_id,
        });
        Ok(())
    }

    fn edges(&mut self, task_id: &Text, downstream: Option<Pull<'a>>) -> Result<(), Fault> {
        let Some(list) = downstream else { return Ok(()) };
        let mut list = unwrapped(list).map_err(not_json)?;
        if list.value() != Ok(Value::List) {
            return Ok(());
        }
        let mut first = true;
        while list.element(&mut first).map_err(not_json)? {
            let value = list.value().map_err(not_json)?;
            list.skip_rest(value).map_err(not_json)?;
            let Value::Text(raw) = value else { continue };
            if self.structure.edges.len() + self.structure.tasks.len() >= MAX_ROWS {
                return Err(Fault::new(format!("data holds more than {MAX_ROWS} tasks and dependencies")));
            }
            self.structure.edges.push(TaskEdge {
                dag_id: self.dag_id.clone(),
                upstream: task_id.clone(),
                downstream: id(raw.text().map_err(not_json)?.into())?,
                version: self.version.clone(),
                source: EdgeSource::Serialized,
            });
        }
        Ok(())
    }
}

/// Fields of a task that are read.
const FIELDS: [&[u8]; 10] = [
    b"task_id",
    b"task_type",
    b"_task_type",
    b"pool",
    b"pool_slots",
    b"queue",
    b"priority_weight",
    b"retries",
    b"trigger_rule",
    b"_is_mapped",
];

fn id(text: Text) -> Result<Text, Fault> {
    if (1..=MAX_ID_BYTES).contains(&text.len()) {
        return Ok(text);
    }
    Err(Fault::of(format!("data holds a task_id that is empty or longer than {MAX_ID_BYTES} bytes"), &text))
}

fn not_json(wrong: Wrong) -> Fault {
    Fault::of(format!("data is not JSON: {} is missing", wrong.wanted), &format!("near byte {}", wrong.at))
}

/// psql writes bytes as `\x0a1b..`.
fn unhex(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let Some(hex) = bytes.strip_prefix(b"\\x") else { return Ok(bytes.to_vec()) };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = hex.chunks(2).map(pair).collect();
    bytes.ok_or_else(|| Fault::new("data_compressed is not hexadecimal"))
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut json = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(bytes).take(MAX_BYTES);
    reader
        .read_to_end(&mut json)
        .map_err(|error| Fault::of("data_compressed cannot be inflated", &error.to_string()))?;
    if json.len() as u64 == MAX_BYTES {
        return Err(Fault::new(format!("data_compressed holds more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    /// As 2.0.2 writes it.
    const PLAIN: &str = r#"{"__version":1,"dag":{"tasks":[
        {"_downstream_task_ids":["c","b"],"pool":"shop_api","task_id":"a","retries":2,"_task_type":"PythonSensor"},
        {"task_id":"b","_task_type":"DummyOperator","trigger_rule":"all_done","pool_slots":2,"priority_weight":5}]}}"#;
    const WRAPPED: &str = r#"{"__version":3,"client_defaults":{"tasks":{"retries":1,"queue":"default"}},"dag":{"tasks":[
        {"__var":{"task_id":"a","task_type":"PythonOperator","downstream_task_ids":["b","c"],"retries":0},"__type":"operator"},
        {"__var":{"task_id":"b","task_type":"_PythonDecoratedOperator","_is_mapped":true,
            "partial_kwargs":{"pool":"wms_api","retries":{"__var":3,"__type":"int"}}},"__type":"operator"}]}}"#;

    fn parsed(data: Field<'_>, compressed: Field<'_>) -> Structure {
        read(&"d".into(), &"v".into(), data, compressed).expect("a structure")
    }

    fn pairs(structure: &Structure) -> Vec<(&str, &str)> {
        structure.edges.iter().map(|e| (&*e.upstream, &*e.downstream)).collect()
    }

    #[test]
    fn every_form_of_a_serialized_dag_gives_the_same_edges() {
        let plain = parsed(Field::Bytes(PLAIN.as_bytes()), Field::Null);
        assert_eq!(pairs(&plain), [("a", "b"), ("a", "c")]);
        let wrapped = parsed(Field::Bytes(WRAPPED.as_bytes()), Field::Null);
        assert_eq!(pairs(&wrapped), pairs(&plain));
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(PLAIN.as_bytes()).expect("write");
        let bytes = encoder.finish().expect("finish");
        assert_eq!(parsed(Field::Null, Field::Bytes(&bytes)), plain);
        let hex = format!("\\x{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>());
        assert_eq!(parsed(Field::Bytes(b"null"), Field::Bytes(hex.as_bytes())), plain);
    }

    #[test]
    fn tasks_tell_what_airflow_did_not_leave_out() {
        let plain = parsed(Field::Bytes(PLAIN.as_bytes()), Field::Null);
        let [a, b] = &plain.tasks[..] else { panic!("two tasks") };
        assert_eq!(
            (a.operator.as_deref(), a.pool.as_deref(), a.retries),
            (Some("PythonSensor"), Some("shop_api"), Some(2))
        );
        assert_eq!((a.pool_slots, a.trigger_rule.as_deref(), a.mapped), (None, None, false));
        assert_eq!((b.pool_slots, b.trigger_rule.as_deref(), b.priority_weight), (Some(2), Some("all_done"), Some(5)));
        let wrapped = parsed(Field::Bytes(WRAPPED.as_bytes()), Field::Null);
        let [a, b] = &wrapped.tasks[..] else { panic!("two tasks") };
        assert_eq!((a.retries, a.queue.as_deref(), a.mapped), (Some(0), Some("default"), false));
        assert_eq!((b.retries, b.pool.as_deref(), b.mapped), (Some(3), Some("wms_api"), true));
    }

    #[test]
    fn what_is_not_read_is_passed_over_however_long() {
        let zeros = "0,".repeat(1 << 20);
        let json = format!(
            r#"{{"x":[{zeros}0],"dag":{{"tasks":[{{"task_id":"a","y":[{zeros}0],"_downstream_task_ids":["b"]}}]}}}}"#
        );
        assert_eq!(pairs(&parsed(Field::Bytes(json.as_bytes()), Field::Null)), [("a", "b")]);
    }

    #[test]
    fn ids_that_no_database_takes_are_a_fault() {
        for id in [String::new(), "x".repeat(1_001)] {
            let json = format!(r#"{{"dag":{{"tasks":[{{"task_id":"a","downstream_task_ids":["{id}"]}}]}}}}"#);
            assert!(read(&"d".into(), &"v".into(), Field::Bytes(json.as_bytes()), Field::Null).is_err());
        }
    }

    #[test]
    fn nonsense_is_a_fault() {
        for data in [&b"{"[..], b"[]", b"{\"dag\":{}}", b"\xff\xfe", b"{\"dag\":{\"tasks\":[1]}}"] {
            assert!(read(&"d".into(), &"v".into(), Field::Bytes(data), Field::Null).is_err());
        }
        for bytes in [&b"\\x00"[..], b"\\xzz", b"\\x789", b""] {
            assert!(read(&"d".into(), &"v".into(), Field::Null, Field::Bytes(bytes)).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), compressed in any::<bool>()) {
            let (data, packed) = if compressed { (Field::Null, Field::Bytes(&bytes)) } else { (Field::Bytes(&bytes), Field::Null) };
            let _ = read(&"d".into(), &"v".into(), data, packed);
        }
    }
}
