//! The section of a platform before and after, in words, tables and a chart.

use super::view::{Figure, Section, Table};
use crate::{
    replay::{
        Side,
        platform::{Figures, PlatformTold},
    },
    report::{
        Error, Image,
        chart::{self, Label, TimelineChart},
        words,
    },
};
const IMAGE: &str = "bench-platform.png";

pub(super) fn section(told: &PlatformTold, images: &mut Vec<Image>) -> Result<Section, Error> {
    let (before, after) = (told.days_of(Side::Baseline), told.days_of(Side::Candidate));
    let core = |of: &[&Figures]| Figures::mean(of, Figures::core_or_a_day);
    let sentence = format!(
        "{} takes {} instead of {}, with {} of the memory in use at most instead of {}: means and maxima of {} that the search did not see.",
        told.core,
        words::seconds(core(&after)),
        words::seconds(core(&before)),
        percent(Figures::most(&after, |figures| figures.most_memory)),
        percent(Figures::most(&before, |figures| figures.most_memory)),
        words::counted(before.len(), "day", "days"),
    );
    Ok(Section {
        id: "platform",
        title: format!("{} of {}, before and after", told.core, told.name),
        sentence,
        tables: vec![figures(&before, &after), levers(told), settings(told)],
        figures: vec![timeline(told, images)?],
        notes: notes(told),
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn figures(before: &[&Figures], after: &[&Figures]) -> Table {
    let row = |name: &str, what: &dyn Fn(&[&Figures]) -> String| vec![name.to_owned(), what(before), what(after)];
    let longest = |of: &[&Figures]| Figures::most(of, |figures| figures.core_s);
    let never =
        |of: &[&Figures]| if longest(of).is_finite() { words::seconds(longest(of)) } else { "did not end".to_owned() };
    Table {
        title: "Figures of a day",
        head: vec!["figure", "before", "after"],
        rows: vec![
            row("core DAG, mean", &|of| words::seconds(Figures::mean(of, Figures::core_or_a_day))),
            row("core DAG, longest", &never),
            row("memory in use at most", &|of| percent(Figures::most(of, |f| f.most_memory))),
            row("time with more than 90 % in use", &|of| words::seconds(Figures::mean(of, |f| f.crowded_s))),
            row("tries that ended well", &|of| percent(Figures::mean(of, |f| f.tries_well))),
            row("task instances that ended well", &|of| percent(Figures::mean(of, |f| f.success))),
            row("tries killed for memory", &|of| format!("{:.1}", Figures::mean(of, |f| f.killed as f64))),
            row("late runs of other DAGs", &|of| format!("{:.2}", Figures::mean(of, |f| f.late.0 as f64))),
            row("the latest of them, past its deadline", &|of| words::seconds(Figures::most(of, |f| f.worst_late_s))),
        ],
    }
}

fn levers(told: &PlatformTold) -> Table {
    let seconds = |saved: f64| format!("{}{}", if saved < 0.0 { "+" } else { "−" }, words::seconds(saved.abs()));
    let points = |saved: f64| match (saved * 100.0).round() {
        0.0 => "0 points".to_owned(),
        points => format!("{}{:.0} points", if points < 0.0 { "+" } else { "−" }, points.abs()),
    };
    let row = |worth: &crate::replay::platform::LeverWorth| {
        vec![
            worth.lever.as_str().to_owned(),
            seconds(worth.alone_s),
            seconds(worth.share_s),
            points(worth.alone_memory),
            points(worth.share_memory),
        ]
    };
    Table {
        title: "What each lever is worth",
        head: vec!["lever", "core DAG, alone", "its share", "memory, alone", "its share"],
        rows: told.levers.iter().map(row).collect(),
    }
}

fn settings(told: &PlatformTold) -> Table {
    let row = |setting: &crate::replay::platform::Setting| {
        vec![setting.lever.clone(), setting.name.clone(), setting.before.clone(), setting.after.clone()]
    };
    Table {
        title: "What was changed",
        head: vec!["lever", "setting", "before", "after"],
        rows: told.settings.iter().map(row).collect(),
    }
}

fn timeline(told: &PlatformTold, images: &mut Vec<Image>) -> Result<Figure, Error> {
    let title = format!("A day of {}, before and after", told.name);
    let desc =
        "Tries of each task of the core DAG, then of the other DAGs, from the core's start on; dashed: the core's end.";
    let label = Label { id: "platform", title: &title, desc };
    let chart = TimelineChart { halves: [("as configured", &told.days.0), ("as found", &told.days.1)] };
    images.push(Image { name: IMAGE.to_owned(), bytes: chart::to_png(&chart, &label)? });
    let (before, after) = (&told.days.0, &told.days.1);
    let killed = |row: &crate::replay::platform::TimelineRow| row.tries.iter().filter(|one| !one.2).count().to_string();
    let rows = before.rows.iter().zip(&after.rows).map(|(before, after)| {
        let length = |row: &crate::replay::platform::TimelineRow| {
            let from = row.tries.iter().map(|one| one.0).fold(f64::INFINITY, f64::min);
            let to = row.tries.iter().map(|one| one.1).fold(0.0, f64::max);
            if from.is_finite() { words::seconds(to - from) } else { "did not run".to_owned() }
        };
        vec![before.name.clone(), length(before), killed(before), length(after), killed(after)]
    });
    Ok(Figure {
        svg: chart::to_svg(&chart, &label)?,
        image: IMAGE.to_owned(),
        head: vec!["task or DAG", "first to last, before", "failed tries, before", "after", "failed tries, after"],
        rows: rows.collect(),
        desc: desc.to_owned(),
        title,
    })
}

fn notes(told: &PlatformTold) -> Vec<String> {
    let mut notes = vec![
        format!("The search tried {} configurations on days of its own; no single change of a setting made the last one better.", told.tried),
        "Where the core DAG did not end, a day stands for it. Alone: only this lever moved. Its share: of what all levers save together (Shapley value), on the search's days; the shares sum to the whole.".to_owned(),
        "Left out: page cache and swap, several machines, and what a killed process takes along.".to_owned(),
    ];
    for night in &told.nights {
        notes.push(format!(
            "On threads of this machine, made small and fast, {}: {} where {} were simulated, {} of the memory ({}), {} killed ({}).",
            if night.side == Side::Baseline { "as configured" } else { "as found" },
            words::seconds(night.real_s),
            words::seconds(night.simulated_s),
            percent(night.real_memory),
            percent(night.simulated_memory),
            night.real_killed,
            night.simulated_killed,
        ));
    }
    notes
}
