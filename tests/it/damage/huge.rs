//! Fields, lines and values of 64 MB, and small files that unpack to gigabytes: they end soon, in bounded memory, with a
//! clear result, and what is good beside them is read.

use crate::{
    ingest::adds_up,
    support::{Run, World, count},
};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

const MB: usize = 1 << 20;
/// Bytes of the field, line or value.
const HUGE: usize = 64 * MB;
/// Most memory that any of these may take: the rows that wait are given 144 MB, and what one row holds is bounded.
const MOST_MEMORY: usize = 256 * MB;
/// Most processor time for 64 MB: all of it is read in a second or two, and where the time grows with the square of a line's
/// length it takes minutes. A gigabyte that unpacks gets twice that.
const MOST_TIME: Duration = Duration::from_secs(10);
/// A program that has not ended by then is ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// A file with something huge in its midst.
struct Case {
    name: &'static str,
    before: String,
    /// Repeated until it is huge.
    filling: &'static str,
    after: String,
    /// Rows beside it that are good.
    good: u64,
}

fn case(
    name: &'static str,
    before: impl Into<String>,
    filling: &'static str,
    after: impl Into<String>,
    good: u64,
) -> Case {
    Case { name, before: before.into(), filling, after: after.into(), good }
}

const HEADER: &str = "task_id,dag_id,run_id,map_index,start_date,end_date,duration,state,try_number\n";
const ROW: &str = "load,shop,manual__1,-1,2026-11-22 00:00:05+00,2026-11-22 00:01:05+00,60,success,1\n";
const LAST: &str = "load,shop,manual__2,-1,2026-11-23 00:00:05+00,2026-11-23 00:01:05+00,60,success,1\n";
const REST: &str = ",shop,manual__3,-1,2026-11-24 00:00:05+00,2026-11-24 00:01:05+00,60,success,1\n";
const LINE: &str = "[2026-11-24T12:27:07.904+0000] {scheduler_job_runner.py:123} INFO - Starting the scheduler\n";
const INSTANCE: &str = r#"{"dag_id":"shop","dag_run_id":"manual__1","task_id":"load","map_index":-1,"try_number":1,"state":"success","start_date":"2026-11-22T00:00:05+00:00","end_date":"2026-11-22T00:01:05+00:00","duration":60.0,"operator":"x","pool":""#;
const SERIES: &str = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","a":"1"},"values":[[1795520026,"1"]]},"#;

fn cases() -> Vec<Case> {
    let tabs = |text: &str| text.replace(',', "\t");
    let instance = |n: u32, end: &str| format!("{}{end}", INSTANCE.replace("manual__1", &format!("manual__{n}")));
    let page = format!("{{\"task_instances\":[{},", instance(1, "a\"}"));
    let page_end = format!(",{}],\"total_entries\":3}}\n", instance(2, "a\"}"));
    vec![
        case("field.csv", format!("{HEADER}{ROW}"), "x", format!("{REST}{LAST}"), 2),
        case("quoted.csv", format!("{HEADER}{ROW}\""), "x,\n", format!("\"{REST}{LAST}"), 2),
        case("doubled_quotes.csv", format!("{HEADER}{ROW}\""), "\"\"", format!("\"{REST}{LAST}"), 2),
        case("commas.csv", format!("{HEADER}{ROW}"), ",", format!("{REST}{LAST}"), 2),
        case("quotes.csv", format!("{HEADER}{ROW}x"), "\",\"", format!("{REST}{LAST}"), 1),
        case("number.csv", format!("{HEADER}{ROW}load,shop,manual__3,-1,,,"), "9", format!(",success,1\n{LAST}"), 2),
        case("blank_lines.csv", format!("{HEADER}{ROW}"), "\r\n", LAST, 2),
        case("no_end.csv", format!("{HEADER}{LAST}{ROW}"), "x", "", 2),
        case(
            "name.csv",
            HEADER.replace("state", "state,"),
            "x",
            format!("\n{}{}", ROW.replace("success", "success,"), LAST),
            0,
        ),
        case("field.tsv", tabs(&format!("{HEADER}{ROW}")), "x\\t", tabs(&format!("{REST}{LAST}")), 2),
        case("tabs.tsv", tabs(&format!("{HEADER}{ROW}")), "\t", tabs(&format!("{REST}{LAST}")), 2),
        case("scheduler.log", format!("{LINE}{}", LINE.trim_end()), "x", format!("\n{LINE}"), 2),
        case("entry.log", format!("{LINE}{LINE}"), "  more of it\n", LINE, 3),
        case("words.log", format!("{LINE}{}", LINE.trim_end()), "x 1 ", format!("\n{LINE}"), 2),
        case("colours.log", format!("{LINE}{}", LINE.trim_end()), "\u{1b}[0m", format!("\n{LINE}"), 2),
        case(
            "lines.json.log",
            "{\"timestamp\":\"2026-11-24T12:03:07Z\",\"level\":\"info\",\"event\":\"a\"}\n{\"timestamp\":\"2026-11-24T12:03:07Z\",\"level\":\"info\",\"event\":\"",
            "x",
            "\"}\n{\"timestamp\":\"2026-11-24T12:03:08Z\",\"level\":\"info\",\"event\":\"b\"}\n",
            2,
        ),
        case("string.json", format!("{page}{}", instance(3, "")), "x", format!("\"}}{page_end}"), 2),
        case("escapes.json", format!("{page}{}", instance(3, "")), "\\u00e9", format!("\"}}{page_end}"), 2),
        case("key.json", format!("{page}{{\"dag_id\":\"a\",\""), "k", format!("\":1}}{page_end}"), 2),
        case("number.json", format!("{page}{{\"dag_id\":\"a\",\"duration\":"), "9", format!("}}{page_end}"), 2),
        case("deep.json", format!("{page}{{\"dag_id\":\"a\",\"conf\":"), "[", &page_end, 1),
        case("objects.json", format!("{page}{{\"dag_id\":\"a\",\"conf\":"), "{\"a\":", "", 1),
        case("blanks.json", page.clone(), " ", instance(2, "a\"}],\"total_entries\":2}"), 2),
        case("members.json", format!("{page}{{\"dag_id\":\"a\""), ",\"a\":1", format!("}}{page_end}"), 2),
        case("list.json", "{\"dag_runs\":[", "{\"conf\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"},", "{}]}", 0),
        case(
            "events.ndjson",
            "{\"eventTime\":\"2026-11-24T20:34:35Z\",\"eventType\":\"START\",\"run\":{\"runId\":\"a\"},\"job\":{\"name\":\"a\"}}\n{\"eventTime\":\"2026-11-24T20:34:35Z\",\"eventType\":\"START\",\"run\":{\"runId\":\"",
            "x",
            "\"},\"job\":{\"name\":\"a\"}}\n",
            1,
        ),
        case("statsd.txt", "1795520011 airflow.a:1|c\n1795520012 airflow.", "x", ":1|c\n1795520013 airflow.a:1|c\n", 2),
        case(
            "values.statsd.txt",
            "1795520011 airflow.a:1|ms\n1795520012 airflow.b:1",
            ":1",
            "|ms\n1795520013 airflow.a:1|ms\n",
            2,
        ),
        case(
            "tags.statsd.txt",
            "1795520011 airflow.a:1|c|#a:b\n1795520012 airflow.a:1|c|#",
            "a:b,",
            "a:b\n1795520013 airflow.a:1|c\n",
            2,
        ),
        case("a_1795520058.prom", "# TYPE up gauge\nup 1\nup{a=\"", "x", "\"} 1\nup{a=\"2\"} 1\n", 2),
        case("labels_1795520058.prom", "# TYPE up gauge\nup 1\nup{", "a=\"x\",", "} 1\nup{a=\"2\"} 1\n", 2),
        case("help_1795520058.prom", "# TYPE up gauge\nup 1\n# HELP up ", "x", "\nup{a=\"2\"} 1\n", 2),
        case(
            "dump.txt",
            "{__name__=\"up\",job=\"a\"} 1 1795519356742\n{__name__=\"up\",job=\"",
            "x",
            "\"} 1 1795519356742\n{__name__=\"up\",job=\"a\"} 1 1795519366742\n",
            2,
        ),
        case(
            "a.influx",
            "cpu,host=a n=2i 1795520026000000000\ncpu,host=",
            "x",
            " n=2i 1795520026000000000\ncpu,host=a n=2i 1795520036000000000\n",
            2,
        ),
        case(
            "query.json",
            format!("{SERIES}{{\"metric\":{{\"__name__\":\""),
            "x",
            "\"},\"values\":[[1795520026,\"1\"]]}]}}",
            1,
        ),
        case(
            "values.query.json",
            format!("{SERIES}{{\"metric\":{{\"__name__\":\"b\"}},\"values\":["),
            "[1795520026,\"x\"],",
            "[1795520026,\"1\"]]}]}}",
            1,
        ),
        case(
            "cloudwatch.json",
            "{\"MetricDataResults\":[{\"Id\":\"m1\",\"Label\":\"a\",\"Timestamps\":[\"2026-11-24T11:35:00Z\"],\"Values\":[1],\"StatusCode\":\"Complete\"},{\"Id\":\"m2\",\"Label\":\"",
            "x",
            "\",\"Timestamps\":[\"2026-11-24T11:35:00Z\"],\"Values\":[1]}]}",
            1,
        ),
        case(
            "sadf.csv",
            "# hostname;interval;timestamp;CPU;%user\nvm;5;2026-11-24 11:22:32 UTC;-1;1\nvm;5;",
            "x",
            ";-1;1\nvm;5;2026-11-24 11:22:42 UTC;-1;1\n",
            2,
        ),
        case("sadf.json", "{\"sysstat\": {\n\"hosts\": [{\"nodename\": \"", "x", "\"}]}}", 0),
        case(
            "activity.csv",
            "sampled_at,pid,wait_event,state,query\n2026-11-24 11:33:34+00,1,,active,a\n2026-11-24 11:33:35+00,1,,active,\"",
            "x\n",
            "\"\n2026-11-24 11:33:36+00,1,,active,b\n",
            1,
        ),
        case(
            "load.csv",
            "time,load\n2026-11-24T11:33:46Z,1\n2026-11-24T11:33:47Z,",
            "9",
            "\n2026-11-24T11:33:48Z,1\n",
            1,
        ),
        case(
            "deploys.csv",
            "deployed_at,version,message\n2026-11-24T08:00:00Z,v1,a\n2026-11-24T09:00:00Z,v2,",
            "x",
            "\n2026-11-24T10:00:00Z,v3,b\n",
            1,
        ),
        case(
            "git.txt",
            "8f3ac0f 2026-11-24T21:22:36+01:00 a\n8f3ac0e 2026-11-24T21:22:36+01:00 ",
            "x",
            "\n1a2b3c4 2026-11-20T08:00:00Z b\n",
            2,
        ),
        case(
            "deployments.json",
            "[{\"id\":41,\"sha\":\"a91\",\"ref\":\"main\",\"status\":\"success\",\"created_at\":\"2026-11-24T20:22:36Z\",\"environment\":{\"name\":\"p\"}},\n{\"id\":42,\"ref\":\"",
            "x",
            "\"}]",
            1,
        ),
        case(
            "dag_id=shop/run_id=r/task_id=load/attempt=1.log",
            "{\"content\":\"[('vm', '",
            "[2026-11-24T12:27:07.904+0000] {a.py:1} INFO - a\\\\n",
            "')]\",\"continuation_token\":null}",
            0,
        ),
    ]
}

/// Writes `before`, `filling` until it is `bytes` long, and `after`.
fn fill(path: &Path, case: &Case, bytes: usize) {
    let mut file = BufWriter::new(File::create(path).expect("create"));
    file.write_all(case.before.as_bytes()).expect("write");
    let block = case.filling.repeat(MB / case.filling.len());
    (0..bytes / block.len()).for_each(|_| file.write_all(block.as_bytes()).expect("write"));
    file.write_all(case.after.as_bytes()).expect("write");
    file.flush().expect("write");
}

/// What running the program took, as the system tells until shortly before the end; nothing where it does not tell.
struct Cost {
    run: Run,
    /// Processor time.
    time: Duration,
    /// Most memory at once, in bytes.
    memory: usize,
    ended: bool,
}

/// Runs the program and looks at it meanwhile.
fn measured(world: &World, args: &[&str]) -> Cost {
    let (out, err) = (world.path("stdout"), world.path("stderr"));
    let file = |path: &Path| Stdio::from(File::create(path).expect("create"));
    let clock = Instant::now();
    let mut child = world.command(args).stdout(file(&out)).stderr(file(&err)).spawn().expect("start");
    let (mut memory, mut time, mut ended) = (0, Duration::ZERO, true);
    let status = loop {
        if let Some(status) = child.try_wait().expect("wait") {
            break status;
        }
        if clock.elapsed() > PATIENCE {
            ended = false;
            child.kill().expect("kill");
        }
        let told = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
        let peak = told("status")
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        memory = memory.max(peak.unwrap_or(0_usize) << 10);
        // Behind the name, which stands in parentheses: hundredths of a second in user mode and in the kernel.
        let stat = told("stat");
        let fields = stat.rsplit(')').next().unwrap_or_default().split(' ').skip(12).take(2);
        let ticks = fields.map_while(|field| field.parse::<u64>().ok());
        time = time.max(Duration::from_millis(10 * ticks.sum::<u64>()));
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |path: &Path| fs::read_to_string(path).expect("UTF-8");
    Cost { run: Run { code: status.code(), stdout: text(&out), stderr: text(&err) }, time, memory, ended }
}

/// What is wrong with an ingest of one file of which `good` rows can be read.
fn objections(world: &World, name: &str, good: u64, most_time: Duration) -> Vec<String> {
    let Cost { run, time, memory, ended } = measured(world, &["ingest", "--json", name]);
    let mut wrong = Vec::new();
    match run.code {
        Some(0) => {
            let receipt = run.json();
            adds_up(&receipt);
            let read = count(&receipt["totals"]["rows_read"]) - count(&receipt["totals"]["rows_rejected"]);
            if read < good {
                wrong.push(format!("{read} good rows, not {good}: {run:?}"));
            }
            if world.run(&["lake", "verify"]).code != Some(0) {
                wrong.push("leaves a lake that is not whole".to_owned());
            }
        }
        Some(1) if good == 0 && run.stderr.contains(name) => {}
        _ if !ended => wrong.push(format!("has not ended after {PATIENCE:?}")),
        _ => wrong.push(format!("{run:?}")),
    }
    let said = run.says();
    if said.contains("panicked") || said.contains('\u{1b}') || said.len() > 100_000 {
        wrong.push(format!("panics, drives the terminal, or says {} bytes", said.len()));
    }
    if memory > MOST_MEMORY {
        wrong.push(format!("takes {} MB of memory", memory / MB));
    }
    if time > most_time {
        wrong.push(format!("takes {time:?} of processor time"));
    }
    wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
}

#[test]
fn huge_fields_lines_and_values() {
    let mut wrong = Vec::new();
    for case in cases() {
        let world = World::new();
        let path = world.write(case.name, "");
        fill(&path, &case, HUGE);
        wrong.extend(objections(&world, case.name, case.good, MOST_TIME));
    }
    crate::support::complain(&wrong);
}

#[test]
fn huge_columns_of_a_database() {
    let world = World::new();
    let path = world.write("a.db", "");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    let rows = "CREATE TABLE task_instance (task_id, dag_id, run_id, map_index, start_date, end_date, duration, state, try_number);
        INSERT INTO task_instance VALUES ('load', 'shop', 'manual__1', -1, '2026-11-22 00:00:05', '2026-11-22 00:01:05', 60, 'success', 1);
        INSERT INTO task_instance SELECT printf('%.*c', 64000000, 'x'), dag_id, run_id, -1, start_date, end_date, 60, 'success', 1 FROM task_instance;
        INSERT INTO task_instance SELECT 'save', dag_id, run_id, -1, start_date, end_date, printf('%.*c', 64000000, '9'), 'success', 1 FROM task_instance LIMIT 1;";
    connection.execute_batch(rows).expect("rows");
    drop(connection);
    crate::support::complain(&objections(&world, "a.db", 1, MOST_TIME));
}

type Pack = dyn Fn(&[u8]) -> Vec<u8>;

/// A head, and zeros that unpack to more than a gigabyte, packed piece by piece.
fn bomb(head: &str, pack: &Pack) -> Vec<u8> {
    let zeros = pack(&vec![b'0'; 64 * MB]);
    [vec![pack(head.as_bytes())], vec![zeros; 18]].concat().concat()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("pack");
    encoder.finish().expect("pack")
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("pack")
}

#[test]
fn small_files_that_unpack_to_gigabytes() {
    let heads = [
        ("zeros", ""),
        ("a.csv", &*format!("{HEADER}{ROW}")),
        ("a.json", &format!("{{\"task_instances\":[{INSTANCE}")),
        ("scheduler.log", LINE),
        ("statsd.txt", "1795520011 airflow.a:1|c\n1795520012 airflow.a:1"),
        ("a_1795520058.prom", "# TYPE up gauge\nup 1\nup "),
        ("dag_id=shop/run_id=r/task_id=load/attempt=1.log", "{\"content\":\"[('vm', '"),
        ("events.ndjson", "{\"eventTime\":\"2026-11-24T20:34:35Z\",\"eventType\":\"START\",\"run\":{\"runId\":\""),
    ];
    let packs: [(&str, &Pack); 2] = [("gz", &gz), ("zst", &zst)];
    let mut wrong = Vec::new();
    let mut unpack = |form: &str, name: &str, bytes: &[u8]| {
        assert!(bytes.len() < 2 * MB, "{form} of {name}: {}", bytes.len());
        let world = World::new();
        world.write(name, bytes);
        // Some rows before the zeros may be good.
        let found = objections(&world, name, 0, 2 * MOST_TIME);
        wrong.extend(found.into_iter().map(|what| format!("{form}: {what}")));
    };
    for (form, pack) in packs {
        for (name, head) in heads {
            unpack(form, name, &bomb(head, pack));
        }
        unpack(&format!("{form} in gz"), "twice.csv", &gz(&bomb(heads[1].1, pack)));
    }
    crate::support::complain(&wrong);
}
