//! Parses, composes, prints, and turns outcomes into exit codes. The only floor that knows settings and environment.

mod airflow_table;
mod args;
#[cfg(test)]
mod bad_files;
mod command;
mod config;
mod console;
mod cost;
mod exit;
mod host;
mod platform_file;
mod wire;
mod workload;

use clap::Parser;
use std::process::ExitCode;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let parsed = match args::Cli::try_parse() {
        Ok(parsed) => parsed,
        Err(error) => return exit::usage(&error),
    };
    let console = console::Console::new(&parsed.common);
    match command::run(parsed, &console) {
        Ok(outcome) => outcome.code(),
        Err(error) => exit::report(&error, &console),
    }
}
