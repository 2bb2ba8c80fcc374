//! What the path of a log says: which attempt wrote it.
//!
//! Airflow's default templates: `dag_id=D/run_id=R/task_id=T/[map_index=N/]attempt=N.log` (2.3 and later) and
//! `D/T/EXECUTION_DATE/N.log` (before). Copies in object stores have folders in front, percent-encoded names, or `_` for `:`.

use super::clock;
use crate::model::{Attempt, DagRun, Text, Timestamp, stand_in_run_id};

/// Folders and name that a path without an attempt is told by.
const KEPT_COMPONENTS: usize = 4;

/// The attempt that a log belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) dag_id: Text,
    /// The run's id, or a stand-in where the path names the run by its date.
    pub(super) run_id: Text,
    pub(super) task_id: Text,
    pub(super) map_index: i32,
    pub(super) try_number: i32,
    /// The run's date, where the path states it.
    pub(super) logical_date: Option<Timestamp>,
    /// Written by the attempt's own process, not by the triggerer or the scheduler on its behalf.
    pub(super) is_own: bool,
}

/// Longest id, as elsewhere: four times what Airflow's database takes.
const MAX_ID_BYTES: usize = 1_000;

impl Place {
    fn is_named(&self) -> bool {
        let ids = [&self.dag_id, &self.run_id, &self.task_id];
        ids.into_iter().all(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES)
    }
}

/// Whom an entry is about, as far as it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Who {
    pub(super) dag_id: Option<Text>,
    pub(super) run_id: Option<Text>,
    pub(super) task_id: Option<Text>,
    pub(super) map_index: Option<i32>,
    pub(super) try_number: Option<i32>,
}

impl Who {
    pub(super) fn run(run: &DagRun) -> Self {
        Self { dag_id: Some(run.dag_id.clone()), run_id: Some(run.run_id.clone()), ..Self::default() }
    }
}

impl From<&Place> for Who {
    fn from(place: &Place) -> Self {
        Self {
            dag_id: Some(place.dag_id.clone()),
            run_id: Some(place.run_id.clone()),
            task_id: Some(place.task_id.clone()),
            map_index: Some(place.map_index),
            try_number: Some(place.try_number),
        }
    }
}

impl From<&Attempt> for Who {
    fn from(attempt: &Attempt) -> Self {
        Self {
            dag_id: Some(attempt.dag_id.clone()),
            run_id: Some(attempt.run_id.clone()),
            task_id: Some(attempt.task_id.clone()),
            map_index: Some(attempt.map_index),
            try_number: attempt.try_number,
        }
    }
}

/// The path's end that does not depend on where the tree lies, and the attempt it names.
pub(super) fn place(path: &str) -> (Text, Option<Place>) {
    let path = plain(path);
    let path = [".gz", ".zst"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
    if let Some((source, place)) = by_names(path).or_else(|| by_order(path)).filter(|(_, place)| place.is_named()) {
        return (source, Some(place));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (parts[parts.len().saturating_sub(KEPT_COMPONENTS)..].join("/").into(), None)
}

fn by_names(path: &str) -> Option<(Text, Place)> {
    let start = path.rfind("dag_id=").filter(|at| *at == 0 || path.as_bytes()[at - 1] == b'/')?;
    // An id may hold a slash of its own: each ends where the next name begins.
    let (dag_id, rest) = path[start + 7..].split_once("/run_id=")?;
    let (run_id, rest) = rest.split_once("/task_id=")?;
    let (rest, file) = rest.split_once("/attempt=")?;
    let (task_id, map_index) = match rest.split_once("/map_index=") {
        Some((task_id, index)) => (task_id, index.parse().ok()?),
        None => (rest, -1),
    };
    let (number, suffix) = file.split_once(".log")?;
    let run_id = with_colons(run_id);
    let mapped = if map_index < 0 { String::new() } else { format!("/map_index={map_index}") };
    let source = format!("dag_id={dag_id}/run_id={run_id}/task_id={task_id}{mapped}/attempt={file}");
    let place = Place {
        dag_id: dag_id.into(),
        run_id: run_id.into(),
        task_id: task_id.into(),
        map_index,
        try_number: number.parse().ok()?,
        logical_date: None,
        is_own: suffix.is_empty(),
    };
    Some((source.into(), place))
}

fn by_order(path: &str) -> Option<(Text, Place)> {
    let mut parts = path.rsplit('/');
    let (file, date, task_id, dag_id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let date = with_colons(date);
    let logical_date = clock::exactly(date.as_bytes()).filter(|stamp| stamp.is_zoned())?.instant(0);
    let place = Place {
        dag_id: dag_id.into(),
        run_id: stand_in_run_id(logical_date),
        task_id: task_id.into(),
        map_index: -1,
        try_number: file.strip_suffix(".log")?.parse().ok()?,
        logical_date: Some(logical_date),
        is_own: true,
    };
    Some((format!("{dag_id}/{task_id}/{date}/{file}").into(), place))
}

/// Puts back the colons of a time that a file system or tool wrote as `_` or `-`: `T02_00_00+00_00`.
fn with_colons(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for at in 0..bytes.len() {
        let Some(window) = bytes.get(at..at + 9) else { break };
        let two = |from: usize| window[from..from + 2].iter().all(u8::is_ascii_digit);
        if window[0] == b'T' && two(1) && window[3] == b'_' && two(4) && window[6] == b'_' && two(7) {
            (bytes[at + 3], bytes[at + 6]) = (b':', b':');
            let fraction = bytes[at + 9..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            if let Some([b'+' | b'-', _, _, colon @ b'_', _, _, ..]) = bytes.get_mut(at + 9 + fraction..) {
                *colon = b':';
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Percent-encoding resolved, backslashes as slashes.
fn plain(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|two| Some(digit(two[0])? * 16 + digit(two[1])?));
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
                continue;
            }
            (b'\\', _) => bytes.push(b'/'),
            (other, _) => bytes.push(*other),
        }
        rest = tail;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

fn digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_attempt_by_every_path_that_leads_to_it() {
        let want =
            "dag_id=orders_etl/run_id=scheduled__2026-09-10T02:00:00+00:00/task_id=load.dim/map_index=3/attempt=2.log";
        for path in [
            "/opt/airflow/logs/dag_id=orders_etl/run_id=scheduled__2026-09-10T02:00:00+00:00/task_id=load.dim/map_index=3/attempt=2.log",
            "bucket/a/dag_id=orders_etl/run_id=scheduled__2026-09-10T02%3A00%3A00%2B00%3A00/task_id=load.dim/map_index=3/attempt=2.log.gz",
            r"C:\logs\dag_id=orders_etl\run_id=scheduled__2026-09-10T02_00_00+00_00\task_id=load.dim\map_index=3\attempt=2.log",
            "dag_id=orders_etl/run_id=scheduled__2026-09-10T02:00:00+00:00/task_id=load.dim/map_index=3/attempt=2.log",
        ] {
            let (source, found) = place(path);
            assert_eq!(&*source, want, "{path}");
            let found = found.expect("a place");
            assert_eq!((&*found.dag_id, &*found.run_id), ("orders_etl", "scheduled__2026-09-10T02:00:00+00:00"));
            assert_eq!((&*found.task_id, found.map_index, found.try_number, found.is_own), ("load.dim", 3, 2, true));
        }
    }

    #[test]
    fn logs_on_behalf_of_an_attempt_and_dates_for_runs() {
        let (source, found) = place("x/dag_id=d/run_id=r_1/task_id=t/attempt=1.log.trigger.7.log");
        assert_eq!(&*source, "dag_id=d/run_id=r_1/task_id=t/attempt=1.log.trigger.7.log");
        assert!(found.is_some_and(|found| !found.is_own && found.map_index == -1));
        for date in ["2026-09-25T02:00:00+00:00", "2026-09-25T02%3A00%3A00%2B00%3A00", "2026-09-25T02_00_00+00_00"] {
            let (source, found) = place(&format!("s3/users_sync/extract_users/{date}/2.log"));
            assert_eq!(&*source, "users_sync/extract_users/2026-09-25T02:00:00+00:00/2.log");
            let found = found.expect("a place");
            assert_eq!((&*found.run_id, found.try_number), ("execution_date__2026-09-25T02:00:00Z", 2));
        }
        for path in ["/a/b/c/d/scheduler.log.gz", "b/c/d/scheduler.log"] {
            assert_eq!(place(path), ("b/c/d/scheduler.log".into(), None));
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in any::<String>(), near in "(dag_id=|run_id=|task_id=|attempt=|/|%3|T02_00_00|.log|1){0,12}") {
            let _ = (place(&path), place(&near));
        }
    }
}
