//! The serialized DAG: JSON, plain or compressed, to the dependencies between its tasks.

use super::{fields::Field, reading::Fault};
use crate::model::{EdgeSource, TaskEdge, Text};
use serde_json::Value;
use std::io::Read;

/// A serialized DAG larger than this is refused: a compressed column could otherwise fill the memory.
const MAX_BYTES: u64 = 64 << 20;

/// Dependencies between the tasks of one serialized DAG, sorted.
pub(super) fn edges(
    dag_id: &Text,
    version: &Text,
    data: Field<'_>,
    compressed: Field<'_>,
) -> Result<Vec<TaskEdge>, Fault> {
    let json: Value = match (data, compressed) {
        (Field::Bytes(text), _) if text != b"null" => parse(text)?,
        (_, Field::Bytes(bytes)) => parse(&inflate(&unhex(bytes))?)?,
        _ => return Err(Fault::new("data and data_compressed are both missing")),
    };
    let dag = json.get("dag").unwrap_or(&json);
    let tasks = dag.get("tasks").and_then(Value::as_array).ok_or_else(|| Fault::new("data holds no list of tasks"))?;
    let mut edges: Vec<TaskEdge> = tasks.iter().flat_map(|task| of_task(dag_id, version, task)).collect();
    edges.sort();
    edges.dedup();
    Ok(edges)
}

fn of_task(dag_id: &Text, version: &Text, task: &Value) -> Vec<TaskEdge> {
    // From 2.7 on a task is wrapped as {"__var": {..}, "__type": "operator"}.
    let task = task.get("__var").unwrap_or(task);
    let Some(upstream) = task.get("task_id").and_then(Value::as_str) else { return Vec::new() };
    let names = ["downstream_task_ids", "_downstream_task_ids"];
    let Some(downstream) = names.iter().find_map(|name| task.get(name)) else { return Vec::new() };
    // Sets are written as a list, or wrapped as {"__var": [..], "__type": "set"}.
    let downstream = downstream.get("__var").unwrap_or(downstream).as_array().map_or(&[][..], Vec::as_slice);
    let edge = |id: &str| TaskEdge {
        dag_id: dag_id.clone(),
        upstream: upstream.into(),
        downstream: id.into(),
        version: version.clone(),
        source: EdgeSource::Serialized,
    };
    downstream.iter().filter_map(Value::as_str).map(edge).collect()
}

fn parse(text: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(text).map_err(|error| Fault::of("data is not JSON", &error.to_string()))
}

/// psql writes bytes as `\x0a1b..`.
fn unhex(bytes: &[u8]) -> Vec<u8> {
    let Some(hex) = bytes.strip_prefix(b"\\x") else { return bytes.to_vec() };
    let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
    hex.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut json = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(bytes).take(MAX_BYTES);
    reader
        .read_to_end(&mut json)
        .map_err(|error| Fault::of("data_compressed cannot be inflated", &error.to_string()))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const PLAIN: &str =
        r#"{"__version":1,"dag":{"tasks":[{"task_id":"a","_downstream_task_ids":["c","b"]},{"task_id":"b"}]}}"#;
    const WRAPPED: &str =
        r#"{"dag":{"tasks":[{"__var":{"task_id":"a","downstream_task_ids":["b","c"]},"__type":"operator"}]}}"#;

    fn pairs(data: Field<'_>, compressed: Field<'_>) -> Vec<(String, String)> {
        let edges = edges(&"d".into(), &"v".into(), data, compressed).expect("edges");
        edges.iter().map(|e| (e.upstream.to_string(), e.downstream.to_string())).collect()
    }

    #[test]
    fn every_form_of_a_serialized_dag_gives_the_same_edges() {
        let want = vec![("a".to_owned(), "b".to_owned()), ("a".to_owned(), "c".to_owned())];
        assert_eq!(pairs(Field::Bytes(PLAIN.as_bytes()), Field::Null), want);
        assert_eq!(pairs(Field::Bytes(WRAPPED.as_bytes()), Field::Null), want);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(PLAIN.as_bytes()).expect("write");
        let bytes = encoder.finish().expect("finish");
        assert_eq!(pairs(Field::Null, Field::Bytes(&bytes)), want);
        let hex = format!("\\x{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>());
        assert_eq!(pairs(Field::Null, Field::Bytes(hex.as_bytes())), want);
    }

    #[test]
    fn nonsense_is_a_fault() {
        for data in [&b"{"[..], b"[]", b"{\"dag\":{}}", b"\xff\xfe"] {
            assert!(edges(&"d".into(), &"v".into(), Field::Bytes(data), Field::Null).is_err());
        }
        assert!(edges(&"d".into(), &"v".into(), Field::Null, Field::Bytes(b"\\x00")).is_err());
    }
}
