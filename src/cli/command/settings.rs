//! `config show`: every setting, and where its value comes from.

use super::{Context, DEFAULT_LAKE, DEFAULT_SEED};
use crate::{
    analysis::Settings,
    cli::{
        args::ConfigCommand,
        command::lake::new_table,
        console::line,
        exit::{Error, Outcome},
        wire::{
            VERSION,
            small::{self, Setting},
        },
    },
};

pub(super) fn run(context: &Context<'_>, command: &ConfigCommand) -> Result<Outcome, Error> {
    let ConfigCommand::Show { origin } = command;
    let rows = rows(context);
    if context.console.json {
        context.console.document(&small::Config {
            schema: "windtunnel.config.v1",
            windtunnel: VERSION,
            settings: rows,
            warnings: Vec::new(),
        })?;
        return Ok(Outcome::Fine);
    }
    let mut table = new_table(context.console.width());
    let width = if *origin { 3 } else { 2 };
    table.set_header(["setting", "value", "from"].into_iter().take(width));
    for row in &rows {
        table.add_row([row.name.clone(), line(&row.value), line(&row.origin)].into_iter().take(width));
    }
    context.console.print(&format!("{table}\n"))?;
    Ok(Outcome::Fine)
}

fn rows(context: &Context<'_>) -> Vec<Setting> {
    let defaults = Settings::default();
    let config = &context.config;
    let file = config.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let row = |name: &str, in_file: Option<String>, default: String| Setting {
        name: name.to_owned(),
        origin: if in_file.is_some() { file.clone() } else { "default".to_owned() },
        value: in_file.unwrap_or(default),
    };
    let given = |row: Setting, option: Option<String>| match option {
        Some(value) => Setting { value, origin: "command line or environment".to_owned(), ..row },
        None => row,
    };
    let analyze = &config.file.analyze;
    let lake = row("lake", config.lake().map(|path| path.display().to_string()), DEFAULT_LAKE.to_owned());
    let seed = row("seed", config.file.seed.map(|seed| seed.to_string()), DEFAULT_SEED.to_string());
    let mut rows = vec![
        given(lake, context.common.lake.as_ref().map(|path| path.display().to_string())),
        given(seed, context.common.seed.map(|seed| seed.to_string())),
        row("analyze.window", analyze.window.clone(), format!("{}d", defaults.window_days)),
        row("analyze.baseline", analyze.baseline.clone(), format!("{}d", defaults.baseline_days)),
        row(
            "analyze.false_discovery_rate",
            analyze.false_discovery_rate.map(|rate| rate.to_string()),
            defaults.false_discovery_rate.to_string(),
        ),
        row("analyze.min_effect", analyze.min_effect.map(|effect| effect.to_string()), defaults.min_effect.to_string()),
    ];
    for known in &config.file.acknowledge {
        let task = known.task.as_deref().map(|task| format!(".{task}")).unwrap_or_default();
        let value = format!("{}{task} until {}: {}", known.dag, known.until, known.reason);
        rows.push(row("acknowledge", Some(value), String::new()));
    }
    rows
}
