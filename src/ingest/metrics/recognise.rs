//! Which format a source has, by its first bytes.

use super::{
    Format, exposition, influx,
    records::{delimiter, names},
    sadf, statsd_line,
    table_columns::Columns,
};

/// Lines that are looked at.
const LINES: usize = 20;
/// Bytes that a caller hands over; a last line that may be cut off is not looked at.
const HEAD: usize = 8_192;

/// The format of a source that begins with `head`; the name decides only between formats that both fit.
pub(super) fn recognise(head: &[u8], name: &str) -> Option<Format> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.contains(&0) {
        return None;
    }
    let text = head.trim_ascii_start();
    if matches!(text.first(), Some(b'{' | b'[')) && !text.starts_with(b"{__name__=") && json_begins(text) {
        return json(text);
    }
    let lines = lines(head);
    let first = lines.first()?;
    if first.starts_with(sadf::HEADER) {
        return Some(Format::Sadf);
    }
    if [&b"# HELP "[..], b"# TYPE ", b"# UNIT "].iter().any(|comment| first.starts_with(comment)) {
        return Some(Format::Exposition);
    }
    let all = |is: fn(&[u8]) -> bool| lines.iter().all(|line| is(line));
    // A capture may hold a broken line; its first one is none.
    let fits = lines.iter().filter(|line| statsd_line::is_statsd(line)).count();
    if statsd_line::is_statsd(first) && fits * 5 >= lines.len() * 4 {
        return Some(Format::StatsD);
    }
    let sample = |line: &[u8]| line.starts_with(b"#") || exposition::is_sample(line);
    if first.starts_with(b"{") {
        return all(sample).then_some(Format::TsdbDump);
    }
    let line = |line: &[u8]| line.starts_with(b"#") || influx::is_line(line);
    match (all(sample), all(line)) {
        (true, true) if name.contains("influx") => Some(Format::Influx),
        (true, _) => Some(Format::Exposition),
        (_, true) => Some(Format::Influx),
        _ => table(head),
    }
}

/// The whole lines of the head that are not empty.
fn lines(head: &[u8]) -> Vec<&[u8]> {
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if head.len() >= HEAD - 3 => head.get(..end).unwrap_or(head),
        _ => head,
    };
    let lines = whole.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take(LINES).collect()
}

/// `{"` or `[{` or the like, and not the labels of a dump.
fn json_begins(text: &[u8]) -> bool {
    let next = text.get(1..).unwrap_or_default().trim_ascii_start();
    matches!(next.first(), Some(b'"' | b'{' | b'}' | b']')) && !exposition::is_sample(first_line(text))
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

fn json(text: &[u8]) -> Option<Format> {
    let has = |key: &str| find(text, key.as_bytes());
    let key = first_key(text)?;
    match key {
        b"MetricDataResults" => Some(Format::CloudWatchData),
        b"Messages" | b"ResponseMetadata" if has("\"MetricDataResults\"") => Some(Format::CloudWatchData),
        b"Datapoints" | b"Label" if has("\"Datapoints\"") => Some(Format::CloudWatchStatistics),
        b"timeSeries" => Some(Format::CloudMonitoring),
        b"metric" | b"metricKind" | b"points" | b"resource" if text.starts_with(b"[") => {
            (has("\"type\"") && (has("\"points\"") || has("\"resource\""))).then_some(Format::CloudMonitoring)
        }
        b"sysstat" => has("\"hosts\"").then_some(Format::SadfJson),
        b"status" | b"data" => {
            let failed = has("\"errorType\"") && has("\"error\"");
            (has("\"resultType\"") || failed).then_some(Format::PrometheusQuery)
        }
        _ => None,
    }
}

/// The first key of the object, or of the first object in the array.
fn first_key(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|byte| *byte == b'"')?;
    let opening = text.get(..start)?;
    if opening.iter().any(|byte| !matches!(byte, b'{' | b'[') && !byte.is_ascii_whitespace()) {
        return None;
    }
    let rest = text.get(start + 1..)?;
    rest.get(..rest.iter().position(|byte| *byte == b'"')?)
}

fn find(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// A table of PostgreSQL's views or one that is obviously of metrics; never one of Airflow's.
fn table(head: &[u8]) -> Option<Format> {
    let whole = lines(head).join(&b'\n');
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(delimiter(&whole)).flexible(true).has_headers(false).from_reader(&*whole);
    let mut rows: Vec<csv::ByteRecord> = reader.byte_records().map_while(Result::ok).take(LINES).collect();
    if rows.is_empty() {
        return None;
    }
    let header = names(&rows.remove(0));
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|column| column == name));
    let one_of = |names: &[&str]| names.iter().any(|name| has(&[name]));
    if has(&["pid", "mode", "granted"]) {
        return Some(Format::PgLocks);
    }
    if has(&["pid", "state"]) && one_of(&["wait_event", "backend_type", "query_start"]) {
        return Some(Format::PgActivity);
    }
    if has(&["calls", "rows"])
        && one_of(&["total_exec_time", "total_time"])
        && one_of(&["query", "queryid", "query_id"])
    {
        return Some(Format::PgStatements);
    }
    let airflow =
        has(&["dag_id"]) && (one_of(&["run_id", "execution_date", "task_id"]) && !one_of(&["value", "val", "_value"]));
    (!airflow).then(|| Columns::obvious(&header, &rows)).flatten().map(|_| Format::Table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_by_its_first_lines() {
        for (text, format) in [
            ("1795520011.071192 airflow.serde.load_serializers:11.574651|ms\n", Format::StatsD),
            ("airflow.ti_successes:1|c|#dag_id:d\n", Format::StatsD),
            ("# HELP x y\n# TYPE x counter\nx 1\n", Format::Exposition),
            ("node_load1 1.5\nnode_load5{a=\"b\"} 2 1795520011000\n", Format::Exposition),
            ("{__name__=\"node_load1\", job=\"node\"} 5.55 1795519356742\n", Format::TsdbDump),
            ("{Zone=\"a\", __name__=\"node_load1\"} 5.55 1795519356742\n", Format::TsdbDump),
            (r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, Format::PrometheusQuery),
            (r#"{"status":"error","errorType":"bad_data","error":"x"}"#, Format::PrometheusQuery),
            ("cpu,host=a usage_idle=1.5,n=2i 1795520026000000000\n", Format::Influx),
            ("{\n \"MetricDataResults\": []", Format::CloudWatchData),
            (r#"{"Label":"x","Datapoints":[]}"#, Format::CloudWatchStatistics),
            (r#"{"Datapoints":[]}"#, Format::CloudWatchStatistics),
            (r#"{"timeSeries":[{"metric":{"type":"x"}}]}"#, Format::CloudMonitoring),
            (r#"[{"metric":{"type":"x"},"points":[]}]"#, Format::CloudMonitoring),
            ("# hostname;interval;timestamp;CPU;%user\nvm;5;x;-1;1\n", Format::Sadf),
            ("{\"sysstat\": {\n\t\"hosts\": [", Format::SadfJson),
            ("sampled_at,datname,pid,wait_event,state\n", Format::PgActivity),
            ("sampled_at,locktype,pid,mode,granted\n", Format::PgLocks),
            ("datname,calls,total_exec_time,rows,query\n", Format::PgStatements),
            ("time,load\n1795520026,1\n", Format::Table),
        ] {
            assert_eq!(recognise(text.as_bytes(), "x"), Some(format), "{text}");
        }
    }

    #[test]
    fn other_sources_are_left_to_others() {
        for text in [
            "",
            "\n\n",
            "{}",
            "[]",
            r#"{"dag_runs":[{"dag_id":"d"}],"total_entries":1}"#,
            r#"{"status":"success","data":["airflow_dag_x"]}"#,
            r#"{"status":"success","data":{"x":[{"type":"summary","help":"","unit":""}]}}"#,
            r#"{"metadatabase":{"status":"healthy"}}"#,
            r#"{"timestamp":"2026-11-24T11:33:31Z","level":"info","event":"x"}"#,
            "[2026-11-24T11:33:31.071+0000] {taskinstance.py:1} INFO - x:1|c\n",
            "task_id,dag_id,run_id,start_date\nt,d,r,2026-11-24\n",
            "dag_id,task_id,run_id_or_execution_date,map_index,attempt,work_seconds\nd,t,x,-1,1,0.3\n",
            "id,dttm,dag_id,task_id,event,owner\n1,2026-11-24,d,t,x,o\n",
            "2026-11-24 11:21:59.918 UTC [3658] postgres@shop LOG:  duration: 419.564 ms\n",
            "Linux 6.18 (vm) \t11/24/26 \t_x86_64_\t(2 CPU)\n\n11:22:27        CPU     %user\n",
            "CREATE TABLE x (a int);\n",
            "import os\n",
        ] {
            assert_eq!(recognise(text.as_bytes(), "x"), None, "{text}");
        }
        assert_eq!(recognise(b"SQLite format 3\0", "x"), None);
    }
}
