//! `bench ecommerce`: a platform as it is, as a search leaves it, and what each lever was worth.

use crate::{
    cli::{
        args::Bench as Args,
        command::{Context, lake::new_table, simulate::seconds_in_words as length},
        console::line,
        exit::Error,
        platform_file,
    },
    engine::workers::Machine,
    model::{Drawn, Platform, PlatformInstance},
    replay::{
        Side,
        platform::{Figures, Night, PlatformBench, PlatformTold, bench_platform},
    },
    synth::platform::{Chance, draw_day},
};
use comfy_table::CellAlignment;
use std::{fs, path::Path, sync::Arc};

/// The platform where none is named.
const BUNDLED: &str = include_str!("../../../../datasets/ecommerce.toml");
/// Seconds of the platform in one of this machine, on threads: a night in a quarter of a minute.
const FASTER: f64 = 1_200.0;
const NOT_QUIET: &str = "this machine is not quiet: a night on threads would tell of its other work, and is left out";
/// What is wanted of the platform: hours of the core DAG, memory, tries that end well.
const WANTED: (f64, f64, f64) = (3_600.0, 0.7, 0.995);

pub(super) fn run(
    context: &Context<'_>,
    args: &Args,
    machine: Arc<dyn Machine>,
    quiet: bool,
) -> Result<PlatformBench, Error> {
    let (platform, chance) = load(args.workload.as_deref())?;
    let draw = |platform: &Platform, instances: &[PlatformInstance], seed: u64, day: u64| -> Vec<Drawn> {
        draw_day(platform, instances, chance, (seed, day))
    };
    let bar = context.console.bar(0, "searching");
    let quiet = quiet || args.even_if_busy;
    if !args.virtual_only && !quiet {
        context.console.warn(NOT_QUIET);
    }
    let faster = (!args.virtual_only && quiet).then_some(FASTER);
    let bench = bench_platform(&platform, context.seed(), &draw, (faster, machine), |_| bar.tick());
    bar.finish_and_clear();
    bench.map_err(Error::Usage)
}

fn load(path: Option<&Path>) -> Result<(Platform, Chance), Error> {
    let (text, name) = match path {
        Some(path) => (fs::read_to_string(path).map_err(Error::io("read", path))?, path.display().to_string()),
        None => (BUNDLED.to_owned(), "the bundled platform".to_owned()),
    };
    let bad = |reason: String| Error::Usage(format!("{name}: {reason}"));
    let file = platform_file::File::parse(&text).map_err(bad)?;
    let of = file.chance();
    let chance = Chance { day: of.day, part: of.part, speed: of.speed, memory: of.memory };
    Ok((file.platform().map_err(bad)?, chance))
}

pub(super) fn text(context: &Context<'_>, told: &PlatformTold) -> String {
    let mut text = format!("\n{} of {}, before and after\n", line(&told.core), line(&told.name));
    text.push_str(&figures(context, told));
    text.push_str(&levers(context, told));
    text.push_str("\n  what was changed\n");
    for setting in &told.settings {
        let change = format!("{} -> {}", setting.before, setting.after);
        text.push_str(&format!("    {:<12} {:<32} {change}\n", setting.lever, line(&setting.name)));
    }
    text.push_str(&nights(&told.nights));
    text
}

fn figures(context: &Context<'_>, told: &PlatformTold) -> String {
    let (before, after) = (told.days_of(Side::Baseline), told.days_of(Side::Candidate));
    let mut table = new_table(context.console.width());
    table.set_header(["", "before", "after", "wanted"]);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut row = |name: &str, what: &dyn Fn(&[&Figures]) -> String, wanted: String| {
        table.add_row([name.to_owned(), what(&before), what(&after), wanted]);
    };
    row(
        "core DAG, mean",
        &|of| length(Figures::mean(of, Figures::core_or_a_day)),
        format!("below {}", length(WANTED.0)),
    );
    row("core DAG, longest", &|of| length(Figures::most(of, |f| f.core_s)), String::new());
    let never = |of: &[&Figures]| of.iter().filter(|figures| figures.core_s.is_infinite()).count();
    if never(&before) + never(&after) > 0 {
        row(
            "days on which it did not end",
            &|of| format!("{} of {}", never(of), of.len()),
            "a day stands for it".to_owned(),
        );
    }
    row(
        "memory in use at most",
        &|of| percent(Figures::most(of, |f| f.most_memory)),
        format!("below {}", percent(WANTED.1)),
    );
    row("over 90 % in use, a day", &|of| length(Figures::mean(of, |f| f.crowded_s)), String::new());
    row("tries that ended well", &|of| percent(Figures::mean(of, |f| f.tries_well)), percent(WANTED.2));
    row("task instances that did so", &|of| percent(Figures::mean(of, |f| f.success)), percent(WANTED.2));
    row("killed for memory, a day", &|of| format!("{:.1}", Figures::mean(of, |f| f.killed as f64)), String::new());
    row("late runs of others, a day", &|of| format!("{:.2}", Figures::mean(of, |f| f.late.0 as f64)), String::new());
    row("the latest of them", &|of| length(Figures::most(of, |f| f.worst_late_s)), String::new());
    right(&mut table, 1..4);
    let days = before.len();
    format!("{table}\n  {days} days of {} seeds that the search did not see\n", told.seeds.len())
}

fn levers(context: &Context<'_>, told: &PlatformTold) -> String {
    let mut table = new_table(context.console.width());
    table.set_header(["lever", "alone", "its share", "memory alone", "its share"]);
    let saved = |seconds: f64| format!("{}{}", if seconds < 0.0 { "+" } else { "-" }, length(seconds.abs()));
    // Without a sign where nothing is saved.
    let points = |share: f64| match (-share * 100.0).round() {
        0.0 => "0 points".to_owned(),
        points => format!("{points:+.0} points"),
    };
    for worth in &told.levers {
        table.add_row([
            worth.lever.as_str().to_owned(),
            saved(worth.alone_s),
            saved(worth.share_s),
            points(worth.alone_memory),
            points(worth.share_memory),
        ]);
    }
    right(&mut table, 1..5);
    format!(
        "\n{table}\n  alone: only this lever moved; its share: of what all save together (Shapley),\n  on the search's days; {} configurations tried\n",
        told.tried
    )
}

fn right(table: &mut comfy_table::Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn nights(nights: &[Night]) -> String {
    if nights.is_empty() {
        return String::new();
    }
    let mut text = "\n  one night of it on threads of this machine, made small (so that a task can take\n  more of the machine) and fast; in brackets the same night simulated\n".to_owned();
    for night in nights {
        let side = if night.side == Side::Baseline { "before" } else { "after" };
        text.push_str(&format!(
            "    {side:<7} {} ({}), {}; memory {:.0} % ({:.0}); {} killed ({})\n",
            length(night.real_s),
            length(night.simulated_s),
            apart(night),
            night.real_memory * 100.0,
            night.simulated_memory * 100.0,
            night.real_killed,
            night.simulated_killed
        ));
    }
    text
}

/// How far threads and simulation are apart.
fn apart(night: &Night) -> String {
    let ratio = night.real_s / night.simulated_s;
    if ratio.is_finite() { format!("{:+.0} %", (ratio - 1.0) * 100.0) } else { "they do not agree".to_owned() }
}
