//! `simulate` on a folder of DAGs that share slots.

use super::{SLOTS, seconds_in_words as length};
use crate::{
    cli::{
        args::{PolicyOption, Simulate},
        command::{Context, lake::new_table, summary::counted},
        exit::{Error, Outcome},
        wire::simulate::Sharing,
    },
    ingest::read_workflow,
    model::Workflow,
    replay::simulate::{Arrivals, Completions, together},
};
use comfy_table::CellAlignment;
use std::{fs, path::PathBuf};

pub(super) fn run(context: &Context<'_>, args: &Simulate) -> Result<Outcome, Error> {
    let changed =
        !(args.speedup.is_empty() && args.drop_edge.is_empty() && args.set.is_empty() && args.shift_cron.is_empty());
    if changed || args.sweep.is_some() || !matches!(args.policy, PolicyOption::Airflow | PolicyOption::Fair) {
        return Err(Error::Usage(
            "a folder of DAGs is simulated in all orders side by side; --slots, --load and --seed can be set".into(),
        ));
    }
    let workflows = read(&args.dag)?;
    let arrivals = Arrivals {
        slots: args.slots.unwrap_or(SLOTS),
        load: args.load,
        error: args.prediction_error,
        seed: context.seed(),
    };
    let told = together(&workflows, arrivals);
    if context.console.json {
        context.console.document(&Sharing::new(&workflows, arrivals, &told))?;
    } else {
        context.console.say(&text(context, &workflows, arrivals, &told))?;
    }
    Ok(Outcome::Fine)
}

fn read(folder: &str) -> Result<Vec<Workflow>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.is_file() && path.to_string_lossy().contains(".json"));
    paths.sort();
    let workflows = paths.iter().map(|path| Ok(read_workflow(path)?)).collect::<Result<Vec<Workflow>, Error>>()?;
    if workflows.iter().all(|workflow| workflow.tasks.is_empty()) {
        return Err(Error::Usage(format!("{folder}: no DAG in it; a DAG is a JSON file, compact or WfFormat")));
    }
    Ok(workflows)
}

fn text(context: &Context<'_>, workflows: &[Workflow], arrivals: Arrivals, told: &[Completions]) -> String {
    let mut table = new_table(context.console.width());
    table.set_header(["order", "mean completion", "against airflow", "slowdown", "worst"]);
    for of in told {
        let against = of.against_airflow.as_ref().map_or_else(String::new, |ratio| {
            format!("x{:.2} ({:.2} to {:.2})", ratio.point, ratio.lower, ratio.upper)
        });
        table.add_row([
            of.policy.to_owned(),
            length(of.mean_s),
            against,
            format!("x{:.1}", of.slowdown),
            format!("x{:.0}", of.worst_slowdown),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "{} on {} slots, arriving by chance at a load of {:.0} %\n\n{table}\n\n  completion: from arrival to end; slowdown: over what it would take with all slots\n  for itself; all orders but fair take the DAGs as one; predictions are off\n",
        counted(workflows.len(), "DAG"),
        arrivals.slots,
        arrivals.load * 100.0
    )
}
