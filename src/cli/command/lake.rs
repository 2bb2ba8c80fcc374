//! `lake ls`, `lake verify`, `lake compact`, `lake sql`.

use super::Context;
use crate::{
    cli::{
        args::LakeCommand,
        console::line,
        exit::{Error, Outcome},
        wire::lake::{Document, rows},
    },
    lake::{Fault, QueryResult, Survey, Value},
};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

pub(super) fn run(context: &Context<'_>, command: &LakeCommand) -> Result<Outcome, Error> {
    let lake = context.lake();
    match command {
        LakeCommand::Ls => {
            let survey = lake.survey()?;
            if context.console.json {
                context.console.document(&Document::new(lake.root(), &survey, None))?;
            } else {
                context.console.say(&listing(&survey, context.console.width()))?;
            }
            Ok(Outcome::Fine)
        }
        LakeCommand::Verify => {
            let (survey, faults) = (lake.survey()?, lake.verify()?);
            let whole = faults.iter().all(|fault| fault.harmless);
            if context.console.json {
                context.console.document(&Document::new(lake.root(), &survey, Some(&faults)))?;
            } else {
                context.console.say(&verdict(&survey, &faults))?;
            }
            Ok(if whole { Outcome::Fine } else { Outcome::Failed })
        }
        LakeCommand::Compact => {
            let done = lake.compact()?;
            if context.console.json {
                context.console.document(&Document::new(lake.root(), &lake.survey()?, None).compacted(&done))?;
            } else {
                context.console.say(&format!(
                    "{} of {} parts written anew, {} bytes before, {} after\n",
                    done.rewritten, done.parts, done.bytes_before, done.bytes_after
                ))?;
            }
            Ok(Outcome::Fine)
        }
        LakeCommand::Sql { query } => {
            let result = lake.sql(query)?;
            if context.console.json {
                context.console.document(&rows(&result))?;
            } else {
                context.console.print(&query_text(&result, context.console.width()))?;
            }
            Ok(Outcome::Fine)
        }
    }
}

/// Month of what states no time.
const UNDATED: &str = "1970-01";

fn listing(survey: &Survey, width: u16) -> String {
    let mut table = new_table(width);
    table.set_header(["deployment", "table", "months", "rows", "bytes"]);
    let mut groups: Vec<(&str, &str, Vec<&str>, u64, u64)> = Vec::new();
    for part in &survey.parts {
        let fits = |g: &(&str, &str, Vec<&str>, u64, u64)| g.0 == part.deployment && g.1 == part.table;
        if !groups.last().is_some_and(fits) {
            groups.push((&part.deployment, &part.table, Vec::new(), 0, 0));
        }
        if let Some(group) = groups.last_mut() {
            group.2.extend(part.month.as_deref());
            group.3 += part.rows;
            group.4 += part.bytes;
        }
    }
    groups.sort();
    for (deployment, name, months, rows, bytes) in groups {
        let (undated, months): (Vec<&str>, Vec<&str>) = months.into_iter().partition(|month| *month == UNDATED);
        let mut span = match (months.first(), months.last()) {
            (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
            (Some(only), _) => (*only).to_owned(),
            _ => String::new(),
        };
        if !undated.is_empty() {
            span.push_str(if span.is_empty() { "undated" } else { ", undated" });
        }
        table.add_row([deployment.to_owned(), name.to_owned(), span, rows.to_string(), bytes.to_string()]);
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n{} source(s), revision {}\n", survey.sources.len(), survey.revision)
}

fn verdict(survey: &Survey, faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let word = if fault.harmless { "left over" } else { "damaged" };
        text.push_str(&format!("{word} {}: {}\n", line(&fault.path.display().to_string()), line(&fault.what)));
    }
    let rows: u64 = survey.parts.iter().map(|part| part.rows).sum();
    if faults.iter().all(|fault| fault.harmless) {
        text.push_str(&format!(
            "whole: {} parts, {rows} rows, every hash, order and count as it should be\n",
            survey.parts.len()
        ));
    }
    text
}

/// A table where it fits the width, else one record after another, as psql does it with `\x auto`.
fn query_text(result: &QueryResult, width: u16) -> String {
    let names: Vec<String> = result.columns().iter().map(|name| line(name)).collect();
    let rows: Vec<Vec<String>> = (0..result.len()).map(|row| result.row(row).into_iter().map(cell).collect()).collect();
    let longest = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([names[column].chars().count()]).max().unwrap_or(0)
    };
    let needed: usize = (0..names.len()).map(|column| longest(column) + GAP).sum();
    let rows_word = if rows.len() == 1 { "row" } else { "rows" };
    if needed <= usize::from(width) || rows.is_empty() {
        let mut table = new_table(width);
        table.set_header(&names);
        let count = rows.len();
        rows.into_iter().for_each(|row| {
            table.add_row(row);
        });
        return format!("{table}\n{count} {rows_word}\n");
    }
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(&format!("-[ record {} ]\n", number + 1));
        for (name, cell) in names.iter().zip(row) {
            let line = format!("{name:widest$}  {cell}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    format!("{text}\n{} {rows_word}\n", rows.len())
}

/// Characters between two columns of a table.
const GAP: usize = 2;

fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        // Six decimals hold a microsecond.
        Value::Float(value) => ((value * 1e6).round() / 1e6).to_string(),
        Value::Text(text) => line(&text),
    }
}

/// A sober table that keeps to the width.
pub(super) fn new_table(width: u16) -> Table {
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    table
}
