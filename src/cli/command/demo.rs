//! `demo`: the main job on a real history that the program carries with it.

use super::{Context, weekly};
use crate::{
    cli::{
        args::{AnalysisOptions, AxisOption, Demo, InputOptions, TimerUnit},
        exit::{Error, Outcome},
    },
    lake::Lake,
};
use std::fs;

/// Exports of a real Airflow 2.10.5 (`datasets/airflow-2.10.5`), so that the demo needs nothing but the program.
const EXPORTS: [(&str, &[u8]); 7] = [
    ("dag.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/dag.csv.gz")),
    ("dag_run.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/dag_run.csv.gz")),
    ("slot_pool.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/slot_pool.csv.gz")),
    ("task_fail.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/task_fail.csv.gz")),
    ("task_instance.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/task_instance.csv.gz")),
    ("task_instance_history.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/task_instance_history.csv.gz")),
    ("task_reschedule.csv.gz", include_bytes!("../../../datasets/airflow-2.10.5/task_reschedule.csv.gz")),
];

pub(super) fn run(context: &Context<'_>, args: &Demo) -> Result<Outcome, Error> {
    let exports = args.out.join("exports");
    fs::create_dir_all(&exports).map_err(Error::io("create", &exports))?;
    for (name, bytes) in EXPORTS {
        let path = exports.join(name);
        fs::write(&path, bytes).map_err(Error::io("write", &path))?;
    }
    // Its own lake, so that the user's is not mixed with it.
    let lake = Lake::at(context.common.lake.clone().unwrap_or_else(|| args.out.join("lake")));
    let input = InputOptions {
        deployment: "demo".to_owned(),
        kind: None,
        quarantine: None,
        strict: false,
        timer_unit: TimerUnit::Auto,
        airflow_major: None,
        log_utc_offset: None,
        api_dag: None,
        password_file: None,
    };
    let analysis = AnalysisOptions {
        as_of: None,
        window: None,
        baseline: None,
        axis: AxisOption::Auto,
        dag: Vec::new(),
        owner: Vec::new(),
        tag: Vec::new(),
    };
    let paths = [exports.display().to_string()];
    weekly::weekly(context, &lake, &paths, &input, &analysis, &args.out).map(|_| Outcome::Fine)
}
