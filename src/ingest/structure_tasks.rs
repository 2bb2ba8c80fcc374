//! The serialized DAG: JSON, plain or compressed, to its tasks and the dependencies between them.
//!
//! Airflow leaves out what has its default value: such a field stays empty here. Forms: a plain object a task (1.10.7 to 2.6
//! and later), wrapped as `{"__var": {..}, "__type": "operator"}` (2.7 and later); what a mapped task passes on lies in
//! `partial_kwargs`; from 3.1 on defaults of all tasks lie in `client_defaults`.

use super::{fields::Field, reading::Fault};
use crate::model::{EdgeSource, TaskEdge, TaskSpec, Text};
use serde_json::Value;
use std::io::Read;

/// A serialized DAG larger than this is refused: a compressed column could otherwise fill the memory.
const MAX_BYTES: u64 = 64 << 20;

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
    let json: Value = match (data, compressed) {
        (Field::Bytes(text), _) if text != b"null" => parse(text)?,
        (_, Field::Bytes(bytes)) => parse(&inflate(&unhex(bytes)?)?)?,
        _ => return Err(Fault::new("data and data_compressed are both missing")),
    };
    let dag = unwrap(json.get("dag").unwrap_or(&json));
    let tasks = dag.get("tasks").and_then(Value::as_array).ok_or_else(|| Fault::new("data holds no list of tasks"))?;
    let defaults = json.pointer("/client_defaults/tasks").map(unwrap);
    let mut structure = Structure::default();
    for task in tasks.iter().map(unwrap) {
        let Some(task_id) = task.get("task_id").and_then(Value::as_str) else {
            return Err(Fault::new("data holds a task without task_id"));
        };
        let downstream = ["downstream_task_ids", "_downstream_task_ids"].iter().find_map(|name| task.get(name));
        let downstream = downstream.map(unwrap).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        structure.edges.extend(downstream.iter().filter_map(Value::as_str).map(|id| TaskEdge {
            dag_id: dag_id.clone(),
            upstream: task_id.into(),
            downstream: id.into(),
            version: version.clone(),
            source: EdgeSource::Serialized,
        }));
        structure.tasks.push(spec(dag_id, version, task_id, task, defaults));
    }
    structure.edges.sort();
    structure.edges.dedup();
    structure.tasks.sort_by(|a, b| a.task_id.cmp(&b.task_id));
    structure.tasks.dedup_by(|a, b| a.task_id == b.task_id);
    Ok(structure)
}

fn spec(dag_id: &Text, version: &Text, task_id: &str, task: &Value, defaults: Option<&Value>) -> TaskSpec {
    let partial = task.get("partial_kwargs").map(unwrap);
    let field = |name: &str| {
        let places = [Some(task), partial, defaults];
        places.into_iter().flatten().find_map(|place| place.get(name)).map(unwrap)
    };
    let text = |name: &str| field(name).and_then(Value::as_str).map(Text::from);
    let int = |name: &str| {
        let value = field(name)?;
        let whole = value.as_f64().filter(|v| v.fract() == 0.0).map(|v| v as i64);
        value.as_i64().or(whole).and_then(|value| i32::try_from(value).ok())
    };
    TaskSpec {
        dag_id: dag_id.clone(),
        task_id: task_id.into(),
        version: version.clone(),
        operator: text("task_type").or_else(|| text("_task_type")),
        pool: text("pool"),
        pool_slots: int("pool_slots"),
        queue: text("queue"),
        priority_weight: int("priority_weight"),
        retries: int("retries"),
        trigger_rule: text("trigger_rule"),
        mapped: field("_is_mapped").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// The value inside `{"__var": .., "__type": ..}`, which Airflow puts around whatever JSON has no type for.
fn unwrap(value: &Value) -> &Value {
    value.get("__var").unwrap_or(value)
}

fn parse(text: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(text).map_err(|error| Fault::of("data is not JSON", &error.to_string()))
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
