//! Backlogs, through the binary: histories that are cut at an instant, and what came after.

use super::support::{World, arg, list, number, text};
use std::path::Path;

/// How often the history is cut, each time within a run, from so far on.
const CUTS: usize = 10;
const FROM: f64 = 0.5;

/// A table of a CSV file: head and rows.
struct Table {
    head: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).expect("a file");
        let head = reader.headers().expect("a head").clone();
        Self { head, rows: reader.records().map(|row| row.expect("a row")).collect() }
    }

    fn place(&self, column: &str) -> usize {
        self.head.iter().position(|name| name == column).expect("a column")
    }

    /// Keeps what `began` by the instant; of what had not `ended`, the end is not known and the state another.
    fn cut(&self, now: &str, began: &str, ended: &str, open: &str) -> Vec<Vec<String>> {
        let (began, ended) = (self.place(began), self.place(ended));
        let state = self.head.iter().position(|name| name == "state");
        let duration = self.head.iter().position(|name| name == "duration");
        let known = self.rows.iter().filter(|row| !row[began].is_empty() && row[began] <= *now);
        let cut = |row: &csv::StringRecord| {
            let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
            if row[ended] > *now {
                cells[ended].clear();
                duration.iter().for_each(|place| cells[*place].clear());
                state.iter().for_each(|place| cells[*place] = open.to_owned());
            }
            cells
        };
        known.map(cut).collect()
    }

    fn write(&self, path: &Path, rows: &[Vec<String>]) {
        let mut writer = csv::Writer::from_path(path).expect("a file");
        writer.write_record(&self.head).expect("a head");
        rows.iter().for_each(|row| writer.write_record(row).expect("a row"));
        writer.flush().expect("written");
    }
}

fn seconds(time: &str) -> f64 {
    let stamp = time.replace(' ', "T").replace("+00", "Z");
    stamp.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{time}: {error}")).as_microsecond() as f64 / 1e6
}

#[expect(clippy::print_stdout, reason = "the README has this figure")]
#[test]
fn nine_in_ten_backlogs_end_when_it_was_told() {
    let made = World::new();
    let out = made.path("export");
    made.run(&["synth", "history", "--days", "60", "--seed", "4", "--statsd-days", "0", "--out", arg(&out)]).exits(0);
    let read = |file: &str| Table::read(&out.join(file));
    let [runs, tasks, pokes] = ["dag_run.csv", "task_instance.csv", "task_reschedule.csv"].map(read);
    let column = |row: &csv::StringRecord, name: &str| row[runs.place(name)].to_owned();
    let mut order: Vec<&csv::StringRecord> =
        runs.rows.iter().filter(|row| !column(row, "end_date").is_empty()).collect();
    order.sort_by_key(|row| column(row, "start_date"));
    let (mut inside, mut of, mut told_logs) = (0, 0, Vec::new());
    for cut in 0..CUTS {
        // Some way into that run, and into whichever others are on their way as well.
        let place = FROM + (1.0 - FROM) * (cut as f64 + 0.5) / CUTS as f64;
        let run = order[(place * order.len() as f64) as usize];
        let [start, end] = ["start_date", "end_date"].map(|name| seconds(&column(run, name)));
        let within = start + (end - start) * (0.2 + 0.6 * cut as f64 / CUTS as f64);
        let now = jiff::Timestamp::from_microsecond((within * 1e6) as i64).expect("a time");
        let now = now.to_string().replace('T', " ").replace('Z', "+00");
        let world = World::new();
        let folder = world.path("cut");
        std::fs::create_dir(&folder).expect("a folder");
        runs.write(&folder.join("dag_run.csv"), &runs.cut(&now, "start_date", "end_date", "running"));
        tasks.write(&folder.join("task_instance.csv"), &tasks.cut(&now, "start_date", "end_date", "running"));
        pokes.write(&folder.join("task_reschedule.csv"), &pokes.cut(&now, "end_date", "end_date", ""));
        for table in ["serialized_dag.csv", "slot_pool.csv", "dag.csv"] {
            std::fs::copy(out.join(table), folder.join(table)).expect("a copy");
        }
        world.ingest("default", &[&folder]);
        let open = world.sql("SELECT dag_id, run_id FROM dag_runs WHERE state = 'running'");
        for run in &open {
            let (dag, id) = (text(run, "dag_id"), text(run, "run_id"));
            let told = world.json(&["simulate", "--dag", dag, "--backlog", "0"]);
            let backlog = &told["history"]["backlog"]["as_is"];
            assert!(number(&backlog["under_way"]) >= 1.0 && backlog["never"].is_null(), "{backlog}");
            let same = |row: &&csv::StringRecord| &row[runs.place("dag_id")] == dag && &row[runs.place("run_id")] == id;
            let ended = runs.rows.iter().find(same).map(|row| seconds(&row[runs.place("end_date")])).expect("the run");
            let truth = ended - seconds(text(backlog, "now"));
            let done = &backlog["done_s"];
            of += 1;
            inside += i32::from(number(&done["lower"]) <= truth && truth <= number(&done["upper"]));
            told_logs.push((truth / number(&done["point"])).ln());
        }
    }
    told_logs.sort_by(f64::total_cmp);
    let median = told_logs[told_logs.len() / 2];
    println!("{inside} of {of} backlogs ended inside 90 %; median of told over true {median:+.3}");
    assert!(of >= 10 && f64::from(inside) >= 0.75 * f64::from(of), "{inside} of {of}");
    assert!(median.abs() < 0.3, "{median}");
}

#[test]
fn a_backlog_grows_with_what_is_added_and_shrinks_with_slots() {
    let world = World::new();
    super::simulate::recorded(&world);
    let of = |args: &[&str]| {
        let told = super::simulate::of_history(&world, &[args, &["--json"]].concat()).exits(0).json();
        told["history"]["backlog"].clone()
    };
    let [few, many] = ["5", "40"].map(|added| of(&["--backlog", added]));
    let done = |backlog: &serde_json::Value| number(&backlog["done_s"]["point"]);
    assert!(done(&many["as_is"]) > done(&few["as_is"]), "{many} {few}");
    assert!(number(&many["as_is"]["tasks_to_go"]) > number(&few["as_is"]["tasks_to_go"]), "{many}");
    let progress: Vec<f64> = list(&many["as_is"]["progress"]).iter().map(|at| number(&at["seconds"])).collect();
    assert!(progress.windows(2).all(|pair| pair[0] <= pair[1]), "{progress:?}");
    // All its runs at once, and a warehouse that takes more of them: what-ifs stand beside the rest.
    let wide =
        ["--backlog", "40", "--set", "pool.warehouse=64", "--set", "max_active_runs=64", "--set", "parallelism=64"];
    let wide = of(&wide);
    assert!(done(&wide["after"]) < done(&wide["as_is"]), "{wide}");
    // Nothing under way and nothing added is a question without an answer; a pool without slots never gets there.
    let under_way = world.sql("SELECT DISTINCT dag_id FROM dag_runs WHERE state = 'running'");
    let all = world.sql("SELECT DISTINCT dag_id FROM dag_runs");
    let over = all.iter().find(|dag| !under_way.contains(dag)).expect("a DAG whose runs are all over");
    let none = world.run(&["simulate", "--dag", text(over, "dag_id"), "--backlog", "0"]).exits(1);
    assert!(none.stderr.contains("--backlog 10"), "{none:#?}");
    let closed = of(&["--backlog", "1", "--set", "pool.warehouse=0"]);
    assert!(closed["after"]["done_s"].is_null() && closed["after"]["never"] == "no_room", "{closed}");
}
