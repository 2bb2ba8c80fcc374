//! The command line as clap sees it. These types stop here.

mod bench;
mod explain;
mod gate;
mod simulate;
mod synth;
mod values;

pub(super) use bench::{Bench, BenchChild, Child, Engine};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(super) use explain::Explain;
pub(super) use gate::{Annotations, Gate, OnOtherHost, OnUndecided};
pub(super) use simulate::{PolicyOption, Simulate};
use std::path::PathBuf;
pub(super) use synth::{Synth, SynthHistory, SynthOrders};
use values::{parse_date, parse_major, parse_offset, parse_share, parse_size, parse_threads};
pub(super) use values::{parse_days, parse_start, parse_time};

/// Says what got slower in Airflow, since when, by how much, and how sure that is: from what Airflow already wrote down.
#[derive(Debug, Parser)]
#[command(
    name = "windtunnel",
    version,
    propagate_version = true,
    after_help = "Examples:\n  windtunnel demo                       the main job on a bundled real history\n  \
                  windtunnel weekly exports/            ingest, analyse, report\n  \
                  windtunnel export-sql --airflow 2 --dialect postgres > export.sql && psql -f export.sql\n\n\
                  Exit codes: 0 fine, 1 usage error or failure, 2 `--fail-on` and it did, 3 nothing could be tested."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Common {
    /// Folder of the lake [default: ./lake, or `lake` in windtunnel.toml]
    #[arg(long, global = true, value_name = "DIR", env = "WINDTUNNEL_LAKE")]
    pub(super) lake: Option<PathBuf>,
    /// Print one JSON document to stdout, and nothing else there
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print errors only
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// No progress bars
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    /// Settings file [default: windtunnel.toml here or in a folder above]
    #[arg(long, global = true, value_name = "FILE", env = "WINDTUNNEL_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Seed of everything that draws random numbers
    #[arg(long, global = true, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Worker threads [default: one a core]
    #[arg(long, global = true, value_name = "N", value_parser = parse_threads)]
    pub(super) threads: Option<usize>,
    /// Memory that an ingest may fill with rows before it writes them out, such as 256MB
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_size)]
    pub(super) memory_limit: Option<u64>,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ingest, analyse and report in one: the main job
    #[command(after_help = "Example: windtunnel weekly exports/ --out reports/")]
    Weekly(Weekly),
    /// The main job on a bundled real Airflow 2.10 history
    #[command(after_help = "Example: windtunnel demo --out /tmp/demo")]
    Demo(Demo),
    /// Read exports into the lake
    #[command(after_help = "Examples:\n  windtunnel ingest exports/ --deployment prod-eu\n  \
                            windtunnel ingest airflow.db\n  zcat task_instance.csv.gz | windtunnel ingest -")]
    Ingest(Ingest),
    /// Generate data with known truth
    #[command(subcommand)]
    Synth(Synth),
    /// Print the script that exports what `ingest` wants from a metadata database
    #[command(
        after_help = "Examples:\n  windtunnel export-sql --dialect postgres --airflow 2 --since 2026-08-01 > export.sql && psql -f export.sql\n  windtunnel export-sql --dialect sqlite --airflow 3 | sqlite3 airflow.db"
    )]
    ExportSql(ExportSql),
    /// Look into the lake
    #[command(subcommand)]
    Lake(LakeCommand),
    /// The weekly regression analysis
    #[command(
        after_help = "Examples:\n  windtunnel analyze --dag orders_etl\n  windtunnel analyze --as-of 2026-10-31 --baseline 8w\n  windtunnel analyze --fail-on regressed   a gate: exits with 2 when something regressed this week\n  windtunnel analyze --json | jq '.regressions[] | {dag_id, task_id, effect: .effect.point}'"
    )]
    Analyze(Analyze),
    /// Find steps and creep in any series of numbers
    #[command(
        after_help = "A file has a column `value`, and perhaps `time` (or `timestamp`) and `series_id`; JSON likewise.\n\n\
                      Examples:\n  windtunnel detect nightly.csv\n  \
                      psql --csv -c \"...\" | windtunnel detect - --min-effect 5%\n  \
                      windtunnel detect nightly.csv --json | jq '.series[].change_points[] | {time, effect: .effect.point}'"
    )]
    Detect(Detect),
    /// How much did it change? Before against after, with intervals and a verdict
    #[command(after_help = "Files as for `detect`; series of one `series_id` are compared with each other.\n\n\
                      Examples:\n  windtunnel compare --at 2026-06-01 --dag orders_etl --cost prices.toml   did it pay?\n  \
                      windtunnel compare --before 2026-05-01..2026-05-31 --after 2026-06-01..2026-06-30\n  \
                      windtunnel compare --before may.csv --after june.csv\n  \
                      windtunnel compare --before main.csv --after branch.csv --tolerance 3% --gate   exits with 2 or 3")]
    Compare(Compare),
    /// Pass or fail: benchmarks of now against a baseline
    #[command(
        after_help = "Reads a criterion folder, and files of hyperfine, pytest-benchmark, google-benchmark, JMH, Go, BMF and \
                      github-action-benchmark, CSV with a column `value`, and what --save wrote.\n\n\
                      Exit codes: 0 pass, 2 something regressed, 3 no decision (no baseline, too few or too noisy \
                      measurements), 1 usage error or failure.\n\n\
                      Examples:\n  windtunnel gate --current target/criterion --baseline main.json --junit gate.xml\n  \
                      windtunnel gate --current target/criterion --baseline target/criterion --rerun 'cargo bench'\n  \
                      windtunnel gate --current now.json --baseline main.json --save main.json   a history of runs"
    )]
    Gate(Gate),
    /// Run workloads through the engines: baseline and candidate in turns
    #[command(
        after_help = "Runs A B B A; a run whose counts are not right gives no timing. Intervals are of 95 %.\n\n\
                      Examples:\n  windtunnel bench\n  windtunnel bench batch --sweep --workload datasets/orders.toml\n  \
                      windtunnel bench lock --backend redis://127.0.0.1\n  \
                      windtunnel bench lock --storm 100000   writes under locks while processes are stopped and killed"
    )]
    Bench(Bench),
    /// What `bench` starts in processes of their own
    #[command(hide = true)]
    BenchChild(BenchChild),
    /// What if? A DAG from a file, or the lake's whole history, in virtual time: other limits, another order, faster tasks
    #[command(
        after_help = "Of a DAG in the lake: the whole history is replayed by Airflow's rules and the recorded limits ([airflow] in \
                      windtunnel.toml), first as it was, with the error of that, then with the what-ifs.\n\
                      Of a DAG from a file: one slot a task, no other limit, ties by the task's place in the file.\n\n\
                      Examples:\n  windtunnel simulate --dag orders_etl --set pool.warehouse=5\n  \
                      windtunnel simulate --dag orders_etl --sweep parallelism=8..32\n  \
                      windtunnel simulate --dag orders_etl --speedup transform.enrich_orders=2\n  windtunnel simulate --dag montage.json --slots 16\n  \
                      windtunnel simulate --dag montage.json --slots 16 --policy best --speedup mAdd=2\n  \
                      windtunnel simulate --dag - --json < wfformat.json | jq .makespan_s"
    )]
    Simulate(Simulate),
    /// Why did that run take so long? And without a run: which tasks and limits decide how long a DAG takes
    #[command(after_help = "RUN is a run id or a part of one, `latest` or `slowest`.\n\n\
                      Examples:\n  windtunnel explain orders_etl slowest\n  \
                      windtunnel explain orders_etl 2026-08-22 --deadline 2h\n  \
                      windtunnel explain orders_etl            critical tasks, their slack and worth, crowded hours")]
    Explain(Explain),
    /// Write the report: one HTML file, PNG twins of its charts, Markdown
    #[command(
        after_help = "Examples:\n  windtunnel report --out reports/\n  windtunnel analyze --json > week.json && windtunnel report --from week.json\n  windtunnel explain orders_etl slowest --json | windtunnel report --from -\n  windtunnel compare --at 2026-06-01 --cost prices.toml --json | windtunnel report --from -"
    )]
    Report(Report),
    /// Where the settings come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check that everything is in place
    #[command(after_help = "Example: windtunnel doctor --lake prod/")]
    Doctor,
    /// Print the JSON Schema of a JSON document
    #[command(after_help = "Examples:\n  windtunnel schema\n  windtunnel schema analysis > analysis.schema.json")]
    Schema(Schema),
    /// Print a shell's completion script
    #[command(after_help = "Example: windtunnel completions bash > /etc/bash_completion.d/windtunnel")]
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example: windtunnel man > windtunnel.1 && man ./windtunnel.1")]
    Man,
}

/// `weekly`
#[derive(Debug, Args)]
pub(super) struct Weekly {
    /// Files, folders or patterns
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<String>,
    #[command(flatten)]
    pub(super) input: InputOptions,
    #[command(flatten)]
    pub(super) analysis: AnalysisOptions,
    /// Exit with 2 when something is new and worse, with 3 when nothing could be tested
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) fail_on: Option<FailOn>,
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) out: PathBuf,
}

/// `demo`
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "reports/demo")]
    pub(super) out: PathBuf,
}

/// `ingest`
#[derive(Debug, Args)]
pub(super) struct Ingest {
    /// Files, folders or patterns; `-` is stdin
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<String>,
    #[command(flatten)]
    pub(super) input: InputOptions,
}

/// How to read inputs.
#[derive(Clone, Debug, Args)]
pub(super) struct InputOptions {
    /// Name of the Airflow that the exports come from; two Airflows need two names
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(super) deployment: String,
    /// What the inputs must be; anything else is an error (`log` is the audit table and log files)
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(crate::ingest::kinds()))]
    pub(super) kind: Option<String>,
    /// Stop at the first defect, and write nothing
    #[arg(long)]
    pub(super) strict: bool,
    /// Also list every row that could not be read in this file: path, line, reason and value, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(super) quarantine: Option<PathBuf>,
    /// What timers in metrics count; by default it is found out, and checked against known durations
    #[arg(long, value_enum, default_value_t = TimerUnit::Auto)]
    pub(super) timer_unit: TimerUnit,
    /// Version of the Airflow that sent the metrics; some timers changed their unit with 3
    #[arg(long, value_name = "VERSION", value_parser = parse_major)]
    pub(super) airflow_major: Option<u8>,
    /// Clock of logs that state no offset (Airflow before 2.3), such as +02:00 [default: UTC]
    #[arg(long, value_name = "OFFSET", value_parser = parse_offset, allow_hyphen_values = true)]
    pub(super) log_utc_offset: Option<i32>,
    /// DAG of API pages that do not name it (`/dags/DAG/tasks`)
    #[arg(long, value_name = "DAG")]
    pub(super) api_dag: Option<String>,
    /// File whose first line is the password of a database URL [default: WINDTUNNEL_DB_PASSWORD, PGPASSWORD or MYSQL_PWD,
    /// then ~/.pgpass]
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

impl InputOptions {
    /// Do they say of inputs what those do not say themselves?
    pub(super) fn say_how_to_read(&self) -> bool {
        self.timer_unit != TimerUnit::Auto
            || self.airflow_major.is_some()
            || self.log_utc_offset.is_some()
            || self.api_dag.is_some()
    }
}

/// What timers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TimerUnit {
    /// Found out, and checked against known durations
    Auto,
    /// Milliseconds
    Ms,
    /// Seconds
    S,
}

impl From<TimerUnit> for crate::ingest::TimerUnit {
    fn from(unit: TimerUnit) -> Self {
        match unit {
            TimerUnit::Auto => Self::Auto,
            TimerUnit::Ms => Self::Milliseconds,
            TimerUnit::S => Self::Seconds,
        }
    }
}

/// `export-sql`
#[derive(Debug, Args)]
pub(super) struct ExportSql {
    /// Database that Airflow runs on
    #[arg(long, value_enum)]
    pub(super) dialect: Dialect,
    /// Version of Airflow, such as 2 or 2.10
    #[arg(long, value_name = "VERSION", value_parser = parse_major)]
    pub(super) airflow: u8,
    /// Only runs that were active on or after this date, whole
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(super) since: Option<jiff::civil::Date>,
    /// Folder that the script exports to
    #[arg(long, value_name = "DIR", default_value = "exports")]
    pub(super) dir: String,
}

/// Databases that Airflow runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    Postgres,
    Mysql,
    Sqlite,
}

/// `lake`
#[derive(Debug, Subcommand)]
pub(super) enum LakeCommand {
    /// What is in it
    #[command(after_help = "Example: windtunnel lake ls --lake prod/")]
    Ls,
    /// Is it whole? Reads every part to its end
    #[command(after_help = "Example: windtunnel lake verify && echo whole")]
    Verify,
    /// Write every part again as this version does, and clear away what an interrupted ingest left
    #[command(after_help = "Example: windtunnel lake compact --lake prod/")]
    Compact,
    /// Run a SQL query over it
    #[command(
        after_help = "Examples:\n  windtunnel lake sql 'SELECT dag_id, count(*) AS n FROM dag_runs GROUP BY dag_id ORDER BY n DESC'\n  \
                      windtunnel lake sql \"SELECT * FROM task_attempts WHERE started_at > TIMESTAMP '2026-11-17 00:00:00' AND state = 'failed'\"\n  \
                      windtunnel lake sql \"SELECT strftime(started_at, '%Y-%m-%d') AS day, avg(queue_wait_s) AS wait_s FROM task_attempts GROUP BY day ORDER BY day\"\n\n\
                      Instants are UTC. Tables: `SHOW TABLES`."
    )]
    Sql {
        /// SELECT statement
        query: String,
    },
}

/// `analyze`
#[derive(Debug, Args)]
pub(super) struct Analyze {
    #[command(flatten)]
    pub(super) options: AnalysisOptions,
    /// Exit with 2 when something is new and worse, with 3 when nothing could be tested
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) fail_on: Option<FailOn>,
}

/// What makes a command exit with 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Regressed,
}

/// How to analyse.
#[derive(Clone, Debug, Args)]
pub(super) struct AnalysisOptions {
    /// Last instant to look at [default: the last in the lake on each DAG's axis]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) as_of: Option<crate::model::Timestamp>,
    /// Length of the week that is judged, such as 7d
    #[arg(long, value_name = "DAYS", value_parser = parse_days)]
    pub(super) window: Option<f64>,
    /// Length of the baseline before it, such as 28d
    #[arg(long, value_name = "DAYS", value_parser = parse_days)]
    pub(super) baseline: Option<f64>,
    /// Time axis: the logical date, the wall clock, or whichever fits each DAG
    #[arg(long, value_enum, default_value_t = AxisOption::Auto)]
    pub(super) axis: AxisOption,
    /// Only this DAG (repeatable)
    #[arg(long, value_name = "DAG")]
    pub(super) dag: Vec<String>,
    /// Only DAGs of this owner (repeatable)
    #[arg(long, value_name = "OWNER")]
    pub(super) owner: Vec<String>,
    /// Only DAGs with this tag (repeatable)
    #[arg(long, value_name = "TAG")]
    pub(super) tag: Vec<String>,
}

/// Time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AxisOption {
    Auto,
    Logical,
    Wall,
}

/// `detect`
#[derive(Debug, Args)]
pub(super) struct Detect {
    /// CSV or JSON; `-` is stdin
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Leave out steps that are certainly smaller, such as 5%
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value = "0%")]
    pub(super) min_effect: f64,
}

/// `compare`
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Before the change: CSV or JSON (`-` is stdin), or a range of the lake such as 2026-05-01..2026-05-31
    #[arg(long, value_name = "FILE|A..B", requires = "after")]
    pub(super) before: Option<String>,
    /// After it, likewise
    #[arg(long, value_name = "FILE|C..D", requires = "before")]
    pub(super) after: Option<String>,
    /// When the change came: the weeks before it in the lake against the weeks after
    #[arg(long, value_name = "TIME", conflicts_with_all = ["before", "after"], value_parser = parse_start)]
    pub(super) at: Option<crate::model::Timestamp>,
    /// How much on each side of --at [default: 8w]
    #[arg(long, value_name = "LENGTH", value_parser = parse_days, requires = "at")]
    pub(super) window: Option<f64>,
    /// DAG that changed (repeatable); the others say what happened to all [default: every DAG]
    #[arg(long, value_name = "DAG")]
    pub(super) dag: Vec<String>,
    /// Time axis of the lake's DAGs
    #[arg(long, value_enum, default_value_t = AxisOption::Auto)]
    pub(super) axis: AxisOption,
    /// TOML of prices and hours: adds savings, payback, present value and the chance that it pays
    #[arg(long, value_name = "FILE")]
    pub(super) cost: Option<PathBuf>,
    /// Changes up to this do not matter
    #[arg(long, value_name = "SHARE", value_parser = parse_share, default_value = "5%")]
    pub(super) tolerance: f64,
    /// More is better, as for throughput
    #[arg(long)]
    pub(super) higher_is_better: bool,
    /// Exit with 2 when something regressed, with 3 when something could not be decided
    #[arg(long)]
    pub(super) gate: bool,
}

/// `report`
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Folder of the report
    #[arg(long, value_name = "DIR", default_value = "reports")]
    pub(super) out: PathBuf,
    /// Build it from what analyze, bench, simulate or explain said with --json (- is stdin), instead of the lake
    #[arg(long, value_name = "JSON")]
    pub(super) from: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) options: AnalysisOptions,
}

/// `config`
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting
    #[command(after_help = "Example: windtunnel config show --origin")]
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
}

/// `schema`
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Document [default: list them]
    pub(super) name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
