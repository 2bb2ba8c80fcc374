//! The page of a bench as HTML and as Markdown.

use super::view::View;
use crate::report::{Error, markdown, words::visible};
use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};

const TEMPLATE: (&str, &str) = ("page.html", include_str!("../templates/page.html"));
/// That of the other reports.
const STYLE: &str = include_str!("../templates/report.css");

pub(super) fn html(view: &View) -> Result<String, Error> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.add_template(TEMPLATE.0, TEMPLATE.1)?;
    engine.add_filter("visible", |text: &str| visible(text));
    Ok(harmless(&engine.get_template(TEMPLATE.0)?.render(context! { view => Serde(view), style => STYLE })?))
}

/// Without control characters, which a terminal that shows the file would obey; lines stay.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

/// Text of a line: neither markup nor a break of its own.
fn escaped(text: &str) -> String {
    markdown::text(&visible(text))
}

pub(super) fn markdown(view: &View, images: Option<&str>) -> String {
    let mut text = format!("# {}\n\n**{}**\n", escaped(&view.title), escaped(&view.sentence));
    for warning in &view.warnings {
        text.push_str(&format!("\n> {}\n", escaped(warning)));
    }
    if !view.results.is_empty() {
        text.push_str(
            "\n| engine | workload | candidate | baseline | throughput | shorter waits, p99 | CPU time an item | |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
    }
    for card in &view.results {
        let names = [&card.engine, &card.workload, &card.candidate, &card.baseline];
        let cells: Vec<String> = names.into_iter().chain(&card.ratios).map(|cell| escaped(cell)).collect();
        text.push_str(&format!("| {} | {} |\n", cells.join(" | "), card.word));
    }
    if let Some(base) = images {
        let of_sections = view.sections.iter().flat_map(|section| &section.figures);
        for figure in view.chart.iter().chain(of_sections).chain(&view.sweeps) {
            text.push_str(&format!("\n![{}]({base}/{})\n", escaped(&figure.title), figure.image));
        }
    }
    for sweep in &view.sweeps {
        text.push_str(&format!("\n**{}** {}\n\n", escaped(&sweep.title), escaped(&sweep.desc)));
        text.push_str(&format!("| {} |\n|{}\n", sweep.head.join(" | "), "---|".repeat(sweep.head.len())));
        for row in &sweep.rows {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    for (of, note) in &view.notes {
        text.push_str(&format!("\n- {}: {}", escaped(of), escaped(note)));
    }
    text.push_str(if view.notes.is_empty() { "" } else { "\n" });
    for section in &view.sections {
        text.push_str(&format!("\n## {}\n\n{}\n", escaped(&section.title), escaped(&section.sentence)));
        for table in &section.tables {
            text.push_str(&format!(
                "\n**{}**\n\n| {} |\n|{}\n",
                table.title,
                table.head.join(" | "),
                "---|".repeat(table.head.len())
            ));
            for row in &table.rows {
                let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        section.notes.iter().for_each(|note| text.push_str(&format!("\n- {}", escaped(note))));
        text.push('\n');
    }
    if let Some(storm) = &view.storm {
        text.push_str(&format!("\n**{}** {}\n", escaped(&storm.sentence), escaped(&storm.more)));
    }
    text.push('\n');
    for line in &view.method {
        text.push_str(&format!("- {}\n", escaped(line)));
    }
    harmless(&text)
}
