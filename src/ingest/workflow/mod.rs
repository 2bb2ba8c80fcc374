//! DAGs with runtimes from files: the compact form, and WfFormat JSON (wfcommons.org/format, versions 1.0 to 1.5).
//!
//! The compact form is `{"name": .., "tasks": [[task_id, runtime_s, cores, memory_bytes, [parents by place]], ..]}`.

mod wf_format;

use super::{Error, open};
use crate::model::{Graph, GraphError, Text, Workflow, WorkflowTask};
use serde::Deserialize;
use std::{collections::HashMap, io::Read, path::Path};

/// Longest runtime that is read: thirty years. Sums of some thousands of millions of them fit their type.
const LONGEST_S: f64 = 1e9;
/// Names of a circle that a message shows.
const SHOWN: usize = 6;

#[derive(Deserialize)]
struct Document {
    name: Option<String>,
    tasks: Option<Vec<Compact>>,
    workflow: Option<wf_format::Body>,
}

#[derive(Deserialize)]
struct Compact(String, Option<f64>, Option<f64>, Option<f64>, Vec<u32>);

/// A task as it stands in a file, with the edges (first, then) still in one list beside it.
struct RawTask {
    task_id: Text,
    runtime_s: Option<f64>,
    cores: Option<f64>,
    memory_bytes: Option<f64>,
}

/// Reads a DAG; `-` is stdin, gz and zst are read too.
///
/// # Errors
/// Where the file cannot be read, is of neither form, or is no DAG: the message names the task.
pub fn read_workflow(path: &Path) -> Result<Workflow, Error> {
    let mut text = String::new();
    if path == Path::new("-") {
        open::stdin().and_then(|mut input| input.read_to_string(&mut text)).map_err(Error::io(path))?;
    } else if !path.exists() {
        return Err(Error::NotFound { pattern: path.display().to_string() });
    } else {
        open::open(path)?.read_to_string(&mut text).map_err(Error::io(path))?;
    }
    let fallback = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    parse(text.trim_start_matches('\u{feff}'), &fallback)
        .map_err(|reason| Error::Unrecognised { path: path.into(), reason })
}

fn parse(text: &str, fallback: &str) -> Result<Workflow, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| {
        format!("no DAG in JSON: {error}; wanted {{\"tasks\": [[task_id, runtime_s, cores, memory_bytes, [parents]], ..]}} or WfFormat")
    })?;
    let name = document.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(fallback).into();
    match (document.tasks, document.workflow) {
        (Some(tasks), _) => compact(name, tasks),
        (None, Some(body)) => {
            let (tasks, edges) = body.tasks()?;
            assemble(name, tasks, edges)
        }
        (None, None) => {
            Err("JSON without `tasks` and without `workflow`: neither the compact form nor WfFormat".into())
        }
    }
}

fn compact(name: Text, read: Vec<Compact>) -> Result<Workflow, String> {
    let mut edges = Vec::new();
    let mut tasks = Vec::with_capacity(read.len());
    let count = read.len();
    for (at, Compact(task_id, runtime_s, cores, memory_bytes, parents)) in read.into_iter().enumerate() {
        for parent in parents {
            if parent as usize >= count {
                return Err(format!("task `{task_id}` waits for task number {parent}, and there are {count}, from 0"));
            }
            edges.push((parent, at as u32));
        }
        tasks.push(RawTask { task_id: task_id.into(), runtime_s, cores, memory_bytes });
    }
    assemble(name, tasks, edges)
}

fn assemble(name: Text, read: Vec<RawTask>, edges: Vec<(u32, u32)>) -> Result<Workflow, String> {
    if read.is_empty() {
        return Err("a DAG without tasks".into());
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (at, task) in read.iter().enumerate() {
        if let Some(first) = seen.insert(&task.task_id, at) {
            return Err(format!("tasks number {first} and {at} are both named `{}`", task.task_id));
        }
    }
    let graph = Graph::new(read.len(), edges).map_err(|error| match error {
        GraphError::NoSuchNode(node) => format!("an edge leads to task number {node}, and there are {}", read.len()),
        GraphError::Circle(nodes) => {
            let names: Vec<&str> = nodes.iter().take(SHOWN).map(|node| &*read[*node as usize].task_id).collect();
            let more = if nodes.len() > SHOWN { format!(" and {} more", nodes.len() - SHOWN) } else { String::new() };
            format!("tasks wait for each other in a circle: {}{more}", names.join(" -> "))
        }
    })?;
    let mut without_length = 0;
    let mut tasks = Vec::with_capacity(read.len());
    for RawTask { task_id, runtime_s, cores, memory_bytes } in read {
        if runtime_s.is_some_and(|seconds| seconds > LONGEST_S) {
            return Err(format!(
                "task `{task_id}`: a runtime of {} s; {LONGEST_S} is the most",
                runtime_s.unwrap_or(0.0)
            ));
        }
        let told = runtime_s.filter(|seconds| *seconds >= 0.0);
        without_length += usize::from(told.is_none());
        let length = (told.unwrap_or(0.0) * 1e6).round() as u64;
        tasks.push(WorkflowTask { task_id, length, cores, memory_bytes });
    }
    Ok(Workflow { name, tasks, graph, without_length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let workflow = parse(text, "file").expect(text);
        let graph = &workflow.graph;
        let parents = |at: usize| {
            let names: Vec<&str> =
                graph.parents(at as u32).iter().map(|parent| &*workflow.tasks[*parent as usize].task_id).collect();
            names.join("+")
        };
        let tasks = workflow.tasks.iter().enumerate();
        tasks.map(|(at, task)| format!("{} {} after {}", task.task_id, task.length, parents(at))).collect()
    }

    const ALIKE: [&str; 3] = ["load 1500000 after ", "clean 2000000 after load", "report 0 after load+clean"];

    #[test]
    fn the_compact_form() {
        let text = r#"{"name": "n", "tasks": [["load", 1.5, 2, null, []], ["clean", 2, null, 1e6, [0]], ["report", null, null, null, [0, 1]]]}"#;
        assert_eq!(told(text), ALIKE);
        let workflow = parse(text, "file").expect("readable");
        assert_eq!((&*workflow.name, workflow.without_length), ("n", 1));
        assert_eq!((workflow.tasks[0].cores, workflow.tasks[1].memory_bytes), (Some(2.0), Some(1e6)));
    }

    #[test]
    fn wf_format_old_and_new() {
        let old = r#"{"name": "n", "schemaVersion": "1.3", "workflow": {"makespan": 9, "tasks": [
            {"name": "load", "id": "1", "runtime": 1.5, "parents": [], "children": ["clean", "report"]},
            {"name": "clean", "id": "2", "runtime": 2.0, "parents": ["load"]},
            {"name": "report", "id": "3", "runtime": -1, "parents": ["load", "clean"], "files": []}]}}"#;
        assert_eq!(told(old), ALIKE);
        let jobs = old.replace("\"tasks\"", "\"jobs\"").replace("\"runtime\"", "\"runtimeInSeconds\"");
        assert_eq!(told(&jobs), ALIKE);
        let new = r#"{"name": "n", "schemaVersion": "1.5", "workflow": {
            "specification": {"tasks": [
                {"name": "l", "id": "load", "parents": [], "children": ["clean"]},
                {"name": "c", "id": "clean", "parents": ["load"], "children": ["report"]},
                {"name": "r", "id": "report", "parents": ["load"], "children": []}]},
            "execution": {"makespanInSeconds": 9, "tasks": [
                {"id": "clean", "runtimeInSeconds": 2, "coreCount": 1.0, "memoryInBytes": 5},
                {"id": "load", "runtimeInSeconds": 1.5}]}}}"#;
        assert_eq!(told(new), ALIKE);
    }

    #[test]
    fn what_is_no_dag_is_told_by_name() {
        for (text, says) in [
            ("{}", "neither the compact form nor WfFormat"),
            ("[1]", "no DAG in JSON"),
            (r#"{"tasks": []}"#, "without tasks"),
            (r#"{"tasks": [["a", 1, null, null, [3]]]}"#, "`a` waits for task number 3, and there are 1"),
            (r#"{"tasks": [["a", 1, null, null, [1]], ["b", 1, null, null, [0]]]}"#, "a circle: "),
            (r#"{"tasks": [["a", 1, null, null, []], ["a", 1, null, null, []]]}"#, "0 and 1 are both named `a`"),
            (r#"{"tasks": [["a", 1e300, null, null, []]]}"#, "`a`: a runtime of"),
            (r#"{"workflow": {"tasks": [{"name": "a", "runtime": 1, "parents": ["x"]}]}}"#, "`a` waits for `x`"),
            (r#"{"workflow": {}}"#, "no `tasks`"),
        ] {
            let error = parse(text, "f").expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&text, "f");
            let _ = parse(&format!("{{\"tasks\": [[{text}]]}}"), "f");
        }
    }
}
