//! Is it JSON of Airflow? Told by the keys that the first kilobytes show.

use super::{
    kind::Family,
    pull::{Pull, Value},
};

/// What an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum Format {
    /// Answers of the REST API; the rows that come first, `None` for answers that hold none.
    Rest(Option<Family>),
    /// What a command printed with `-o json`, likewise.
    Command(Family),
    /// Airflow's, and of no use as it is: what it is and what to do.
    Refused(String),
}

impl Format {
    /// In words, as `task instances (REST API, JSON)`.
    pub(in crate::ingest) fn words(&self) -> String {
        match self {
            Self::Rest(Some(family)) => format!("{} (REST API, JSON)", family.words()),
            Self::Rest(None) => "state of an Airflow (REST API, JSON)".to_owned(),
            Self::Command(family) => format!("{} (command line, JSON)", family.words()),
            Self::Refused(_) => "refused".to_owned(),
        }
    }
}

/// Lists whose key other programs use too: such a page is Airflow's where its rows or `total_entries` say so.
const COMMON: [&str; 9] =
    ["users", "roles", "actions", "dependencies", "plugins", "providers", "variables", "connections", "backfills"];

/// What an input is whose first bytes, decompressed and cut anywhere, are `head`; `None` where it is nothing of Airflow's.
pub(in crate::ingest) fn recognise(head: &[u8]) -> Option<Format> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut rest = head;
    let mut printed = false;
    while !opens(rest) {
        let end = memchr::memchr(b'\n', rest);
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        printed |= !line.trim_ascii().is_empty();
        let Some(end) = end else { return table(head) };
        rest = rest.get(end + 1..).unwrap_or_default();
        if rest.is_empty() {
            return table(head);
        }
    }
    let mut keys = Keys::default();
    let listed = keys.read(rest);
    let has = |name: &str| keys.outer.contains(&name.as_bytes());
    if let Some(list) = keys.list {
        let total = has("total_entries");
        let row = Family::of_object(|name| keys.inner.contains(&name.as_bytes()));
        let family = Family::of_list(list)?;
        let sure = match family {
            Family::Other(name) => total || !COMMON.contains(&name),
            // The rows of these say little of themselves: a key that others use, too.
            Family::Tasks => total || keys.inner.contains(&&b"task_id"[..]),
            Family::Dags => total || keys.inner.contains(&&b"dag_id"[..]),
            family => total || row == Some(family) || matches!(family, Family::TaskInstances | Family::DagRuns),
        };
        return sure.then_some(Format::Rest(Some(family)));
    }
    match Family::of_object(has) {
        Some(family) if (listed || printed) && !has("dag_run_id") && !has("event_log_id") => {
            Some(Format::Command(family))
        }
        Some(family) => Some(Format::Rest(Some(family))),
        None if printed => None,
        None if has("metadatabase") && has("scheduler") || has("git_version") && has("version") => {
            Some(Format::Rest(None))
        }
        None if has("detail") && (has("title") || has("type") || keys.outer.len() == 1) => {
            let detail = keys.detail.chars().take(120).collect::<String>();
            Some(Format::Refused(format!(
                "an error that the REST API answered, no page: `{}`; send the request again as it wants it",
                detail.escape_debug()
            )))
        }
        None => None,
    }
}

/// The keys of the first object, as far as `head` shows them, and those of the first object in a list that it holds.
pub(in crate::ingest) fn first_keys(head: &[u8]) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let mut keys = Keys { any_list: true, ..Keys::default() };
    keys.read(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    (keys.outer, keys.inner)
}

/// Does JSON begin here? Log lines of Airflow begin with a time in brackets.
fn opens(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let next = text.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
    match text.first() {
        Some(b'{') => matches!(next, Some(b'"' | b'}') | None),
        Some(b'[') => matches!(next, Some(b'{' | b'[' | b']') | None),
        Some(0x1e) => opens(text.get(1..).unwrap_or_default()),
        _ => false,
    }
}

/// Keys of the first object, and those of the first row where it is a page.
#[derive(Default)]
struct Keys<'a> {
    outer: Vec<&'a [u8]>,
    list: Option<&'a [u8]>,
    inner: Vec<&'a [u8]>,
    detail: String,
    /// Is any list looked into, or those of Airflow's pages only?
    any_list: bool,
}

impl<'a> Keys<'a> {
    /// Does the first object stand in a list? Reading ends where the text does.
    fn read(&mut self, text: &'a [u8]) -> bool {
        let text = text.trim_ascii_start();
        let mut pull = Pull::new(text.strip_prefix(b"\x1e").unwrap_or(text));
        let mut listed = false;
        loop {
            match pull.value() {
                Ok(Value::List) => listed = true,
                Ok(Value::Object) => break,
                _ => return listed,
            }
        }
        let mut first = true;
        while let Ok(Some(key)) = pull.key(&mut first) {
            self.outer.push(key);
            let Ok(value) = pull.value() else { break };
            if let (b"detail", Value::Text(raw)) = (key, value) {
                self.detail = raw.text().unwrap_or_default().into_owned();
            }
            // A run, too, holds a list that a page could: the versions of its DAG.
            let row = self.outer.iter().any(|key| matches!(*key, b"dag_id" | b"dag_run_id"));
            let page = Family::of_list(key).is_some() && (!row || key == b"tasks");
            if value == Value::List && self.list.is_none() && (page || self.any_list) {
                self.list = Some(key);
                let mut inside = pull;
                let mut any = true;
                if inside.element(&mut any) == Ok(true) && inside.value() == Ok(Value::Object) {
                    let mut first = true;
                    while let Ok(Some(key)) = inside.key(&mut first) {
                        self.inner.push(key);
                        if inside.skip().is_err() {
                            break;
                        }
                    }
                }
            }
            if pull.skip_rest(value).is_err() {
                break;
            }
        }
        listed
    }
}

/// The tables that Airflow's commands print by default. They cut long ids off, so they are not read.
fn table(head: &[u8]) -> Option<Format> {
    let text = String::from_utf8_lossy(head);
    let refused = |what: &str, next: &str| Some(Format::Refused(format!("{what}; {next}")));
    let json = "print it as JSON: add `-o json` to the command";
    let export = "Airflow 1.10's commands print no JSON: export the tables instead (`windtunnel export-sql`)";
    for line in text.lines().map(str::trim_end) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let plain = !line.contains([',', ';', '\t', '|']);
        let known = ["run_id", "owner", "owners", "fileloc", "filepath", "execution_date", "logical_date"];
        if plain
            && words.first() == Some(&"dag_id")
            && words.iter().any(|word| known.contains(word))
            && line.contains("  ")
        {
            return refused("a table that an `airflow` command printed", json);
        }
        if line.contains("=+=") && line.chars().all(|c| matches!(c, '=' | '+')) {
            return refused("a table that an `airflow` command printed", json);
        }
        if line == "DAG RUNS" || line.starts_with("<Task(") || line.starts_with("╒═") {
            return refused("a table that an `airflow` command of 1.10 printed", export);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RUN: &str = r#"{"dag_runs":[{"dag_run_id":"scheduled__2026-08-22T01:30:00+00:00","dag_id":"users_sync","#;

    #[test]
    fn airflow_is_told_by_its_keys() {
        for text in [
            RUN,
            r#"{"total_entries":9,"dags":[{"dag_id":"a","tags":[{"na"#,
            r#"[{"total_entries":2,"task_instances":[]},{"#,
            r#"{"pools":[{"deferred_slots":0,"description":"x","name":"default_pool","slots":16}"#,
            r#"{"dag_run_id":"r","dag_id":"d","state":"success","start_date":null,"dag_versions":[{"id":"x","dag_id":"d"}]}"#,
            r#"{"metadatabase":{"status":"healthy"},"scheduler":{}}"#,
            r#"{"dag_id":"d","tasks":[{"task_id":"a","downstream_task_ids":[]}]}"#,
            r#"{"import_errors":[],"total_entries":0}"#,
        ] {
            assert!(matches!(recognise(text.as_bytes()), Some(Format::Rest(_))), "{text}");
        }
        let line =
            "2026-11-24T12:27:08Z [warning  ] Could not import graphviz. \n[2026-11-24 12:35:14,112] {a.py:50} INFO\n";
        let rows = r#"[{"dag_id": "d", "run_id": "r", "state": "success", "logical_date": "", "start_date": "x""#;
        for text in [rows.to_owned(), format!("{line}{rows}"), r#"[{"pool": "a", "slots": "2"}]"#.to_owned()] {
            assert!(matches!(recognise(text.as_bytes()), Some(Format::Command(_))), "{text}");
        }
        let format = recognise(RUN.as_bytes()).expect("recognised");
        assert_eq!(format, Format::Rest(Some(Family::DagRuns)));
        assert_eq!(format.words(), "DAG runs (REST API, JSON)");
    }

    #[test]
    fn what_is_not_airflows_is_left_to_others() {
        for text in [
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}}"#,
            r#"{"MetricDataResults":[{"Id":"m1","Label":"x","Timestamps":[],"Values":[]}]}"#,
            r#"{"timeSeries":[{"metric":{"type":"x"},"points":[]}]}"#,
            r#"{"sysstat":{"hosts":[{"nodename":"vm","statistics":[]}]}}"#,
            r#"{"timestamp":"2026-11-24T12:20:06Z","level":"info","event":"x","dag_id":"d","task_id":"t","run_id":"r"}"#,
            r#"{"eventTime":"2026-11-24T12:20:06Z","eventType":"START","run":{},"job":{}}"#,
            r#"{"content":[{"event":"x"}],"continuation_token":null}"#,
            r#"{"users":[{"name":"x"}]}"#,
            r#"{"tasks":[{"name":"x"}]}"#,
            "id,dag_id,run_id\n1,a,b\n",
            "id|dag_id|run_id|state\n",
            "[2026-11-24 12:35:14,112] {a.py:50} INFO - x\n",
            "",
            "[",
        ] {
            assert_eq!(recognise(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_of_no_use_is_refused_with_the_next_step() {
        let error =
            r#"{"detail": "Extra query parameter(s) order_by not in spec","status": 400,"title": null,"type": "x"}"#;
        let Some(Format::Refused(reason)) = recognise(error.as_bytes()) else { panic!("not refused") };
        assert!(reason.contains("`Extra query parameter(s) order_by not in spec`"), "{reason}");
        for text in [
            "dag_id      run_id                   state    execution_date\nusers_sync  scheduled__2026  success  x\n",
            "dag_id | run_id\n=======+=======\nd | r\n",
        ] {
            let Some(Format::Refused(reason)) = recognise(text.as_bytes()) else { panic!("not refused: {text}") };
            assert!(reason.contains("-o json"), "{reason}");
        }
        let old = "[2026-11-24 12:35:20,000] {a.py:50} INFO - x\n<Task(PythonSensor): wait_for_orders_export>\n";
        let Some(Format::Refused(reason)) = recognise(old.as_bytes()) else { panic!("not refused") };
        assert!(reason.contains("export-sql"), "{reason}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic_wherever_they_are_cut(cut in 0..RUN.len(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut text = RUN.as_bytes()[..cut].to_vec();
            text.extend(bytes);
            let _ = recognise(&text);
        }
    }
}
