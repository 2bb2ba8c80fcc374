//! `schema`, `completions`, `man`: texts about the program.

use super::Context;
use crate::cli::{
    args::{Cli, Schema},
    exit::{Error, Outcome},
    wire::{schemas, small::Schemas},
};
use clap::CommandFactory;

pub(super) fn schema(context: &Context<'_>, args: &Schema) -> Result<Outcome, Error> {
    let all = schemas();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let Some(wanted) = &args.name else {
        if context.console.json {
            context.console.document(&Schemas::new(names))?;
        } else {
            context.console.print(&format!("{}\n", names.join("\n")))?;
        }
        return Ok(Outcome::Fine);
    };
    match all.iter().find(|(name, _)| name == wanted) {
        Some((_, schema)) => context.console.document(schema).map(|()| Outcome::Fine),
        None => Err(Error::Usage(format!("no document `{wanted}`: there are {}", names.join(", ")))),
    }
}

pub(super) fn completions(context: &Context<'_>, shell: clap_complete::Shell) -> Result<Outcome, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "windtunnel", &mut script);
    context.console.print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}

pub(super) fn man(context: &Context<'_>) -> Result<Outcome, Error> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Error::io("write", "the manual page"))?;
    context.console.print(&String::from_utf8_lossy(&page))?;
    Ok(Outcome::Fine)
}
