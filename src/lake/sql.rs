//! `lake sql`: the tables as views, with `deployment` first, durations computed and `logical_date` joined in.

use super::{
    Error, Lake,
    read::{collect, dtype, query},
    sql_text,
    survey::Survey,
    table::{Kind, Table},
    tables::{DAG_RUNS, RESCHEDULES, TABLES, TASK_ATTEMPTS},
};
use polars::{prelude::*, sql::SQLContext};

/// Rows of a query.
#[derive(Debug)]
pub struct QueryResult {
    frame: DataFrame,
}

/// One value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text; instants are RFC 3339 in UTC.
    Text(String),
}

/// Runs a query. Where the optimiser makes a plan that the engine cannot run (polars 0.55 counts the rows of a union in a type
/// that it was not built with), it runs once more without that optimisation.
fn evaluate(frame: LazyFrame) -> Result<DataFrame, Error> {
    let plain = frame.clone().with_projection_pushdown(false);
    match quietly(|| collect(frame)) {
        Some(Err(Error::Query(said))) if said.contains("Int128") => {}
        Some(result) => return result,
        None => {}
    }
    quietly(|| collect(plain)).unwrap_or_else(|| {
        Err(Error::Query("the query engine has no plan for this query; write it another way".to_owned()))
    })
}

/// `None` if the engine panics, of which nothing is printed.
fn quietly(run: impl FnOnce() -> Result<DataFrame, Error>) -> Option<Result<DataFrame, Error>> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    result.ok()
}

impl Lake {
    /// Runs one SQL query over all deployments.
    pub fn sql(&self, text: &str) -> Result<QueryResult, Error> {
        let asked = sql_text::settle(text)?;
        let first = text.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
        if asked.relations.is_none() && !matches!(first.as_str(), "SELECT" | "WITH" | "SHOW" | "EXPLAIN") {
            let said = "a query begins with SELECT or WITH: the lake is only read (SHOW TABLES lists the tables, SELECT * FROM \
                        TABLE LIMIT 1 shows the columns of one)";
            return Err(Error::Query(said.to_owned()));
        }
        let _held = self.hold();
        let mut context = SQLContext::new();
        // Attempts are joined with their runs.
        let reads = |table: &str| asked.relations.as_ref().is_some_and(|names| names.contains(table));
        self.check(|table| reads(table) || table == DAG_RUNS.name && (reads("task_attempts") || reads("reschedules")))?;
        for table in TABLES {
            context.register(table.name, self.view(table)?);
        }
        let survey = self.survey()?;
        context.register("sources", sources(&survey).map_err(query)?);
        context.register("defects", defects(&survey).map_err(query)?);
        let frame = context.execute(&asked.text).map_err(|error| match error.to_string() {
            // The SQL engine says `relation 'x' was not found`.
            unknown if unknown.contains("was not found") && unknown.contains("relation") => {
                Error::Query(format!("{unknown}; the tables are {}", context.get_tables().join(", ")))
            }
            _ => query(error),
        })?;
        Ok(QueryResult { frame: evaluate(frame)? })
    }

    fn view(&self, table: &'static Table) -> Result<LazyFrame, Error> {
        let frame = self.all_deployments(table)?;
        let joined = table.name == TASK_ATTEMPTS.name || table.name == RESCHEDULES.name;
        let frame = if joined {
            let runs =
                self.all_deployments(&DAG_RUNS)?.select(["deployment", "dag_id", "run_id", "logical_date"].map(col));
            let on = ["deployment", "dag_id", "run_id"].map(col);
            frame.join(runs, on.clone(), on, JoinArgs::new(JoinType::Left))
        } else {
            frame
        };
        let seconds = |later: &str, earlier: &str| {
            (col(later).cast(DataType::Int64) - col(earlier).cast(DataType::Int64)).cast(DataType::Float64) / lit(1e6)
        };
        // Plain UTC: SQL literals carry no zone, and a comparison with one that does would fail.
        let times = table.columns.iter().filter(|column| column.kind == Kind::Time);
        let plain = DataType::Datetime(TimeUnit::Microseconds, None);
        let mut names: Vec<&str> = times.map(|column| column.name).collect();
        if joined {
            names.push("logical_date");
        }
        let frame = frame.with_columns(names.into_iter().map(|name| col(name).cast(plain.clone())).collect::<Vec<_>>());
        Ok(match table.name {
            "task_attempts" => frame
                .with_columns([
                    seconds("started_at", "queued_at").alias("queue_wait_s"),
                    seconds("queued_at", "scheduled_at").alias("scheduling_delay_s"),
                ])
                .select(ATTEMPT_VIEW.map(col)),
            "dag_runs" => {
                frame.with_columns([seconds("ended_at", "started_at").alias("duration_s")]).select(RUN_VIEW.map(col))
            }
            _ => frame,
        })
    }

    fn all_deployments(&self, table: &'static Table) -> Result<LazyFrame, Error> {
        let mut frames = Vec::new();
        for deployment in self.deployments()? {
            if let Some(frame) = self.scan(table, &deployment)? {
                let name = lit(deployment.as_str().to_owned()).alias("deployment");
                let columns = std::iter::once(name).chain(table.columns.iter().map(|c| col(c.name)));
                frames.push(frame.select(columns.collect::<Vec<_>>()));
            }
        }
        if frames.is_empty() { Ok(empty(table).lazy()) } else { concat(frames, UnionArgs::default()).map_err(query) }
    }
}

/// Columns of `task_attempts` as a contract, in their order.
const ATTEMPT_VIEW: [&str; 27] = [
    "deployment",
    "dag_id",
    "run_id",
    "task_id",
    "map_index",
    "try_number",
    "state",
    "operator",
    "pool",
    "pool_slots",
    "queue",
    "priority_weight",
    "hostname",
    "executor",
    "max_tries",
    "logical_date",
    "scheduled_at",
    "queued_at",
    "started_at",
    "ended_at",
    "duration_s",
    "queue_wait_s",
    "scheduling_delay_s",
    "updated_at",
    "ti_id",
    "source",
    "fills",
];

/// Columns of `dag_runs` as a contract, in their order.
const RUN_VIEW: [&str; 14] = [
    "deployment",
    "dag_id",
    "run_id",
    "run_type",
    "state",
    "logical_date",
    "run_after",
    "queued_at",
    "started_at",
    "ended_at",
    "duration_s",
    "updated_at",
    "source",
    "fills",
];

fn empty(table: &Table) -> DataFrame {
    let deployment = Field::new("deployment".into(), DataType::String);
    let fields = table.columns.iter().map(|c| Field::new(c.name.into(), dtype(c.kind)));
    DataFrame::empty_with_schema(&Schema::from_iter(std::iter::once(deployment).chain(fields)))
}

fn sources(survey: &Survey) -> PolarsResult<LazyFrame> {
    let of = |f: fn(&super::SourceInfo) -> &str| survey.sources.iter().map(f).collect::<Vec<_>>();
    let count = |f: fn(&super::SourceInfo) -> u64| survey.sources.iter().map(|s| f(s) as i64).collect::<Vec<_>>();
    let frame = df!(
        "deployment" => of(|s| &s.deployment),
        "name" => of(|s| &s.name),
        "kind" => of(|s| &s.kind),
        "table" => survey.sources.iter().map(|s| s.table.as_deref()).collect::<Vec<_>>(),
        "sha256" => of(|s| &s.sha256),
        "rows_read" => count(|s| s.counts.read),
        "rows_written" => count(|s| s.counts.written),
        "rows_duplicate" => count(|s| s.counts.duplicate),
        "rows_superseded" => count(|s| s.counts.superseded),
        "rows_ignored" => count(|s| s.counts.ignored),
        "rows_rejected" => count(|s| s.counts.rejected),
    )?;
    Ok(frame.lazy())
}

fn defects(survey: &Survey) -> PolarsResult<LazyFrame> {
    let all: Vec<_> = survey.sources.iter().flat_map(|s| s.defects.iter().map(move |d| (s, d))).collect();
    let frame = df!(
        "deployment" => all.iter().map(|(s, _)| s.deployment.as_str()).collect::<Vec<_>>(),
        "name" => all.iter().map(|(s, _)| s.name.as_str()).collect::<Vec<_>>(),
        "sha256" => all.iter().map(|(s, _)| s.sha256.as_str()).collect::<Vec<_>>(),
        "line" => all.iter().map(|(_, d)| d.0.map(|line| line as i64)).collect::<Vec<_>>(),
        "reason" => all.iter().map(|(_, d)| d.1.as_str()).collect::<Vec<_>>(),
        "count" => all.iter().map(|(_, d)| d.2 as i64).collect::<Vec<_>>(),
    )?;
    Ok(frame.lazy())
}

impl QueryResult {
    /// Names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.frame.get_column_names().into_iter().map(|name| name.to_string()).collect()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    pub fn row(&self, row: usize) -> Vec<Value> {
        self.frame.columns().iter().map(|column| column.get(row).map_or(Value::Null, |value| convert(&value))).collect()
    }
}

fn convert(value: &AnyValue<'_>) -> Value {
    let instant = |raw: i64, unit: &TimeUnit| {
        let micros = match unit {
            TimeUnit::Nanoseconds => raw.div_euclid(1_000),
            TimeUnit::Microseconds => raw,
            TimeUnit::Milliseconds => raw.saturating_mul(1_000),
        };
        Value::Text(crate::model::Timestamp::from_micros(micros).to_string())
    };
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => Value::Bool(*value),
        AnyValue::String(text) => Value::Text((*text).to_owned()),
        AnyValue::StringOwned(text) => Value::Text(text.to_string()),
        AnyValue::Float32(value) => Value::Float((*value).into()),
        AnyValue::Float64(value) => Value::Float(*value),
        AnyValue::Datetime(raw, unit, _) => instant(*raw, unit),
        AnyValue::DatetimeOwned(raw, unit, _) => instant(*raw, unit),
        other => match other.try_extract::<i64>() {
            Ok(value) if other.dtype().is_integer() => Value::Int(value),
            _ => Value::Text(other.to_string()),
        },
    }
}
