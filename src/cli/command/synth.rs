//! `synth`: histories with known truth.

use super::Context;
use crate::{
    cli::{
        args::{Synth, SynthHistory, SynthOrders},
        exit::{Error, Outcome},
        workload,
    },
    synth::{
        Files, Options, history,
        orders::{WriteError, write_orders},
    },
};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

pub(super) fn run(context: &Context<'_>, args: &Synth) -> Result<Outcome, Error> {
    match args {
        Synth::History(args) => run_history(context, args),
        Synth::Orders(args) => run_orders(context, args),
    }
}

fn run_orders(context: &Context<'_>, args: &SynthOrders) -> Result<Outcome, Error> {
    let file = workload::File::load(args.workload.as_deref())?;
    let mut options = file.orders(context.seed());
    options.days = args.days.unwrap_or(options.days);
    options.orders_per_day *= args.scale;
    options.check().map_err(|error| Error::Usage(error.to_string()))?;
    refuse_full(&args.out)?;
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let written = write_orders(&options, args.most.unwrap_or(u64::MAX), &mut Folder(args.out.clone()));
    let truth = written.map_err(|error| match error {
        WriteError::Io(error) => Error::io("write to", &args.out)(error),
        WriteError::Option(error) => Error::Usage(error.to_string()),
    })?;
    context.console.say(&format!(
        "{} events in {}: {} to be handled, {} of them again; {} malformed, {} poison; truth in {}\n",
        truth.events,
        args.out.join("events.jsonl").display(),
        truth.to_be_handled(),
        truth.duplicates,
        truth.malformed,
        truth.poison,
        args.out.join("ground_truth.json").display()
    ))?;
    Ok(Outcome::Fine)
}

fn run_history(context: &Context<'_>, args: &SynthHistory) -> Result<Outcome, Error> {
    refuse_full(&args.out)?;
    fs::create_dir_all(&args.out).map_err(Error::io("create", &args.out))?;
    let summary = history(&options(context.seed(), args), &mut Folder(args.out.clone()))
        .map_err(Error::io("write to", &args.out))?;
    let mut text = format!(
        "{} DAGs over {} days with {} planted changes; truth in {}\n",
        summary.dags,
        summary.days,
        summary.planted,
        args.out.join("ground_truth.json").display()
    );
    for (name, rows, bytes) in &summary.files {
        text.push_str(&format!("{rows:>12} rows {bytes:>14} bytes  {name}\n"));
    }
    context.console.say(&text)?;
    Ok(Outcome::Fine)
}

fn options(seed: u64, args: &SynthHistory) -> Options {
    Options {
        seed,
        days: args.days,
        scale: args.scale,
        rows: args.rows,
        airflow: args.airflow,
        one_month: args.one_month,
        overlap: args.overlap,
        catch_up_days: args.catch_up_days,
        ar1: args.autocorrelation,
        changes: !args.no_changes,
        statsd_days: args.statsd_days,
    }
}

/// Files of an earlier history must not lie between those of this one.
fn refuse_full(folder: &Path) -> Result<(), Error> {
    let holds_something = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if holds_something {
        return Err(Error::Usage(format!("{} is not empty; name a new folder with --out", folder.display())));
    }
    Ok(())
}

struct Folder(PathBuf);

impl Files for Folder {
    fn create(&mut self, name: &str) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(File::create(self.0.join(name))?))
    }
}
