//! The body of a WfFormat document: since 1.5 in two parts, what was specified and what was executed; before in one list.

use super::RawTask;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
pub(super) struct Body {
    specification: Option<Part<Specified>>,
    execution: Option<Part<Executed>>,
    #[serde(alias = "jobs")]
    tasks: Option<Vec<Whole>>,
}

#[derive(Deserialize)]
struct Part<T> {
    tasks: Vec<T>,
}

#[derive(Deserialize)]
struct Specified {
    id: String,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
}

#[derive(Deserialize)]
struct Executed {
    id: String,
    #[serde(rename = "runtimeInSeconds")]
    runtime: Option<f64>,
    #[serde(rename = "coreCount")]
    cores: Option<f64>,
    #[serde(rename = "memoryInBytes")]
    memory: Option<f64>,
}

#[derive(Deserialize)]
struct Whole {
    name: String,
    id: Option<String>,
    #[serde(alias = "runtimeInSeconds")]
    runtime: Option<f64>,
    #[serde(alias = "coreCount")]
    cores: Option<f64>,
    #[serde(alias = "memoryInBytes")]
    memory: Option<f64>,
    #[serde(default)]
    parents: Vec<String>,
    #[serde(default)]
    children: Vec<String>,
}

type Tasks = (Vec<RawTask>, Vec<(u32, u32)>);

impl Body {
    pub(super) fn tasks(self) -> Result<Tasks, String> {
        match (self.specification, self.tasks) {
            (Some(specified), _) => {
                in_two_parts(specified.tasks, self.execution.map_or_else(Vec::new, |part| part.tasks))
            }
            (None, Some(tasks)) => in_one_list(tasks),
            (None, None) => Err("WfFormat with no `tasks` and no `specification`".into()),
        }
    }
}

fn in_two_parts(specified: Vec<Specified>, executed: Vec<Executed>) -> Result<Tasks, String> {
    let measured: HashMap<&str, &Executed> = executed.iter().map(|task| (task.id.as_str(), task)).collect();
    let read = |task: &Specified| {
        let found = measured.get(task.id.as_str());
        RawTask {
            task_id: task.id.as_str().into(),
            runtime_s: found.and_then(|task| task.runtime),
            cores: found.and_then(|task| task.cores),
            memory_bytes: found.and_then(|task| task.memory),
        }
    };
    let tasks: Vec<RawTask> = specified.iter().map(read).collect();
    let places: HashMap<&str, u32> = specified.iter().zip(0..).map(|(task, at)| (task.id.as_str(), at)).collect();
    let links = specified.iter().map(|task| (task.id.as_str(), task.parents.as_slice(), task.children.as_slice()));
    let edges = edges(links, &places)?;
    Ok((tasks, edges))
}

fn in_one_list(whole: Vec<Whole>) -> Result<Tasks, String> {
    // Names say more than ids here; where they repeat, ids tell tasks apart.
    let names: std::collections::HashSet<&str> = whole.iter().map(|task| task.name.as_str()).collect();
    let by_name = names.len() == whole.len();
    let named = |task: &Whole| task.id.as_ref().filter(|_| !by_name).unwrap_or(&task.name).as_str().into();
    let read = |task: &Whole| RawTask {
        task_id: named(task),
        runtime_s: task.runtime,
        cores: task.cores,
        memory_bytes: task.memory,
    };
    let tasks = whole.iter().map(read).collect();
    let mut places: HashMap<&str, u32> = HashMap::new();
    for (task, at) in whole.iter().zip(0..) {
        places.entry(&task.name).or_insert(at);
        if let Some(id) = &task.id {
            places.insert(id, at);
        }
    }
    let links = whole.iter().map(|task| (task.name.as_str(), task.parents.as_slice(), task.children.as_slice()));
    let edges = edges(links, &places)?;
    Ok((tasks, edges))
}

/// Edges from both ends: some writers leave one of them out.
fn edges<'a>(
    links: impl Iterator<Item = (&'a str, &'a [String], &'a [String])>,
    places: &HashMap<&str, u32>,
) -> Result<Vec<(u32, u32)>, String> {
    let place = |task: &str, says: &str, other: &str| {
        places.get(other).copied().ok_or_else(|| format!("task `{task}` {says} `{other}`, and there is no such task"))
    };
    let mut edges = Vec::new();
    for ((task, parents, children), at) in links.zip(0..) {
        for parent in parents {
            edges.push((place(task, "waits for", parent)?, at));
        }
        for child in children {
            edges.push((at, place(task, "comes before", child)?));
        }
    }
    Ok(edges)
}
