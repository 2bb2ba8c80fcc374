//! `doctor`: is everything in place?

use super::Context;
use crate::{
    cli::{
        console::line,
        exit::{Error, Outcome},
        wire::{
            VERSION,
            small::{self, Check},
        },
    },
    lake::Error as LakeError,
};

pub(super) fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let checks = [settings(context), lake(context), folder(context), temporary_files(), threads()];
    let fine = checks.iter().all(|check| check.fine);
    if context.console.json {
        context.console.document(&small::Doctor {
            schema: "windtunnel.doctor.v1",
            windtunnel: VERSION,
            fine,
            checks: checks.into_iter().collect(),
            warnings: Vec::new(),
        })?;
    } else {
        let mut text = format!("windtunnel {VERSION}\n");
        for check in &checks {
            let mark = if check.fine {
                context.console.paint("ok  ", anstyle::AnsiColor::Green)
            } else {
                context.console.paint("FAIL", anstyle::AnsiColor::Red)
            };
            text.push_str(&format!("{mark} {:9} {}\n", check.check, line(&check.says)));
        }
        context.console.print(&text)?;
    }
    Ok(if fine { Outcome::Fine } else { Outcome::Failed })
}

/// A settings file that cannot be read ended the program before.
fn settings(context: &Context<'_>) -> Check {
    let says = match &context.config.path {
        Some(path) => format!("{} is read", path.display()),
        None => "no windtunnel.toml here or above: defaults".to_owned(),
    };
    Check { check: "settings", fine: true, says }
}

fn lake(context: &Context<'_>) -> Check {
    let lake = context.lake();
    let shown = lake.root().display();
    let (fine, says) = match lake.verify() {
        Ok(faults) => match faults.iter().find(|fault| !fault.harmless) {
            None => (true, format!("{shown} is whole")),
            Some(fault) => (false, format!("{shown}: {}: {}", fault.path.display(), fault.what)),
        },
        Err(LakeError::Missing { .. }) => (true, format!("none at {shown} yet: `windtunnel ingest PATH` makes it")),
        Err(error) => (false, error.to_string()),
    };
    Check { check: "lake", fine, says }
}

fn folder(context: &Context<'_>) -> Check {
    let lake = context.lake();
    let here = std::path::Path::new(".");
    let folder = lake.root().ancestors().find(|folder| folder.is_dir()).unwrap_or(here);
    let (fine, says) = match tempfile::tempfile_in(folder) {
        Ok(_) => (true, format!("{} can be written", folder.display())),
        Err(error) => {
            (false, format!("{} cannot be written: {error}; name another folder with --lake", folder.display()))
        }
    };
    Check { check: "folder", fine, says }
}

/// Room for temporary files: stdin is spooled there.
fn temporary_files() -> Check {
    let folder = std::env::temp_dir();
    let (fine, says) = match tempfile::tempfile() {
        Ok(_) => (true, format!("{} takes temporary files", folder.display())),
        Err(error) => (false, format!("{}: {error}; set TMPDIR", folder.display())),
    };
    Check { check: "temporary", fine, says }
}

fn threads() -> Check {
    let says = std::thread::available_parallelism().map_or_else(|error| error.to_string(), |n| format!("{n} at once"));
    Check { check: "threads", fine: true, says }
}
