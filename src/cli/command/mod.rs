//! The commands, a file each.

mod analyze;
mod bench;
mod compare;
mod demo;
mod detect;
mod doctor;
pub(super) mod explain;
mod export_sql;
mod gate;
mod ingest;
mod lake;
mod loaded;
mod quarantine;
mod receipt_text;
mod report;
mod settings;
pub(super) mod simulate;
mod summary;
mod synth;
mod texts;
mod weekly;

use super::{
    args::{Cli, Command, Common},
    config::Config,
    console::Console,
    exit::{Error, Outcome},
};
use crate::lake::Lake;
use std::path::PathBuf;

/// What every command is handed.
pub(super) struct Context<'a> {
    pub(super) common: Common,
    pub(super) config: Config,
    pub(super) console: &'a Console,
}

impl Context<'_> {
    /// Folder of the lake: option or environment, then the settings file, then `./lake`.
    fn lake_path(&self) -> PathBuf {
        self.common.lake.clone().or_else(|| self.config.lake()).unwrap_or_else(|| PathBuf::from(DEFAULT_LAKE))
    }

    fn lake(&self) -> Lake {
        Lake::at(self.lake_path())
    }

    fn seed(&self) -> u64 {
        self.common.seed.or(self.config.file.seed).unwrap_or(DEFAULT_SEED)
    }
}

/// Folder of the lake where nothing else is said.
const DEFAULT_LAKE: &str = "lake";
/// Seed where nothing else is said; any fixed number would do.
const DEFAULT_SEED: u64 = 1;

/// Runs one command.
pub(super) fn run(parsed: Cli, console: &Console) -> Result<Outcome, Error> {
    let config = Config::load(parsed.common.config.as_deref())?;
    if let Some(threads) = parsed.common.threads {
        // Fails only if the pool was built before, which nothing does.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    let context = Context { common: parsed.common, config, console };
    match parsed.command {
        Command::Weekly(args) => weekly::run(&context, &args),
        Command::Demo(args) => demo::run(&context, &args),
        Command::Ingest(args) => ingest::run(&context, &args),
        Command::Synth(args) => synth::run(&context, &args),
        Command::ExportSql(args) => export_sql::run(&context, &args),
        Command::Lake(args) => lake::run(&context, &args),
        Command::Analyze(args) => analyze::run(&context, &args),
        Command::Compare(args) => compare::run(&context, &args),
        Command::Detect(args) => detect::run(&context, &args),
        Command::Bench(args) => bench::run(&context, &args),
        Command::BenchChild(args) => bench::child(&context, &args),
        Command::Gate(args) => gate::run(&context, &args),
        Command::Simulate(args) => simulate::run(&context, &args),
        Command::Explain(args) => explain::run(&context, &args),
        Command::Report(args) => report::run(&context, &args),
        Command::Config(args) => settings::run(&context, &args),
        Command::Doctor => doctor::run(&context),
        Command::Schema(args) => texts::schema(&context, &args),
        Command::Completions { shell } => texts::completions(&context, shell),
        Command::Man => texts::man(&context),
    }
}
