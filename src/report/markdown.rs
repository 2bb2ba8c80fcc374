//! The Markdown summary: verdict, findings and costs, for a pull request, a step summary or a chat.
//!
//! Names stand in code spans, where nothing is a link, a mention or markup; other text has its punctuation escaped.

use super::view::{Article, RunChangeView, View};
use std::fmt::Write;

/// DAGs in the table of where the seconds went.
const MOST_RUN_CHANGES: usize = 10;

/// Lays out the summary; `images` is the folder of the pictures as seen from it.
pub(crate) fn page(view: &View, images: Option<&str>) -> String {
    let mut page = format!("# {}\n\n", text(&view.title));
    let badge = &view.verdict.badge;
    let _ = writeln!(page, "**{} {}.** {}\n", badge.icon, badge.word, text(&view.verdict.sentence));
    for fact in &view.verdict.facts {
        let _ = writeln!(page, "- {}: {}", fact.name, text(&fact.value));
    }
    if !view.warnings.is_empty() {
        page.push_str("\n**Before you believe this**\n\n");
        view.warnings.iter().for_each(|w| page.push_str(&format!("- {}\n", text(w))));
    }
    hosts(&mut page, view);
    together(&mut page, view);
    findings(&mut page, "Regressions", &view.regressions, view.regressions_more.as_deref(), images);
    findings(&mut page, "Acknowledged", &view.acknowledged, None, None);
    findings(&mut page, "Improvements", &view.improvements, view.improvements_more.as_deref(), images);
    findings(&mut page, "Slow creep", &view.trends, view.trends_more.as_deref(), None);
    findings(&mut page, "Came and went", &view.went_away, view.went_away_more.as_deref(), None);
    run_changes(&mut page, &view.run_changes);
    method(&mut page, view);
    page
}

fn hosts(page: &mut String, view: &View) {
    let changes = view.host.as_ref().map_or(&[][..], |host| &host.changes);
    if !changes.is_empty() {
        page.push_str("\n## All tasks at once\n\n");
    }
    for change in changes {
        let badge = format!("{} {}", change.badge.icon, change.badge.word);
        let (name, effect, cost) = (text(&change.name), text(&change.effect), text(&change.cost));
        let _ = writeln!(page, "- {badge}: {name} {effect} since {}; {cost} a week", change.since);
    }
}

fn together(page: &mut String, view: &View) {
    if !view.together.is_empty() {
        page.push_str("\n## Changed together\n\n");
    }
    for group in &view.together {
        let badge = format!("{} {}", group.badge.icon, group.badge.word);
        let (name, effect) = (span(&group.name), text(&group.effect));
        let mut members: Vec<String> = group.members.iter().map(|member| span(&member.label)).collect();
        members.extend(group.more.iter().map(|more| text(more)));
        let (tasks, members) = (&group.tasks, members.join(", "));
        let _ = writeln!(page, "- {badge}: {tasks} of {name} {effect} since {}: {members}", group.since);
    }
}

fn findings(page: &mut String, title: &str, articles: &[Article], more: Option<&str>, images: Option<&str>) {
    if articles.is_empty() {
        return;
    }
    let _ =
        write!(page, "\n## {title}\n\n| | what | quantity | effect | since | a week |\n|---|---|---|---|---|---|\n");
    for article in articles {
        let mut quantity = text(&article.quantity);
        article.qualifiers.iter().for_each(|q| quantity.push_str(&format!(", {}", text(q))));
        let badge = format!("{} {}", article.badge.icon, article.badge.word);
        let (name, effect, cost) = (code(&article.name), text(&article.effect), text(&article.cost));
        let _ = writeln!(page, "| {badge} | {name} | {quantity} | {effect} | {} | {cost} |", article.since);
    }
    for article in articles {
        details(page, article, images);
    }
    if let Some(more) = more {
        let _ = writeln!(page, "\n{}", text(more));
    }
}

fn details(page: &mut String, article: &Article, images: Option<&str>) {
    let _ = writeln!(page, "\n**{}** {}", span(&article.name), text(&article.quantity));
    page.push('\n');
    if let Some(reason) = &article.acknowledged {
        let _ = writeln!(page, "- Acknowledged: {}", text(reason));
    }
    for fact in &article.facts {
        let note = fact.note.as_ref().map(|note| format!("; {}", text(note))).unwrap_or_default();
        let _ = writeln!(page, "- {}: {}{note}", fact.name, text(&fact.value));
    }
    article.evidence.iter().for_each(|line| page.push_str(&format!("- {}\n", text(line))));
    if let (Some(folder), Some(chart)) = (images, &article.chart) {
        let _ = writeln!(page, "\n![{}]({})", text(&chart.title), target(folder, &chart.image));
    }
}

fn run_changes(page: &mut String, changes: &[RunChangeView]) {
    let changes: Vec<&RunChangeView> = changes.iter().filter(|change| change.clear).collect();
    if changes.is_empty() {
        return;
    }
    page.push_str("\n## Where the seconds of a run went\n\n| DAG | seconds a run | largest parts |\n|---|---|---|\n");
    for change in changes.iter().take(MOST_RUN_CHANGES) {
        let parts = change.parts.iter().take(3).map(|part| {
            let kind = if part.kind.is_empty() { String::new() } else { format!(" {}", part.kind) };
            format!("{}{kind} {}", code(&part.what), text(&part.seconds))
        });
        let parts: Vec<String> = parts.collect();
        let _ = writeln!(page, "| {} | {} | {} |", code(&change.dag), text(&change.total), parts.join(", "));
    }
}

fn method(page: &mut String, view: &View) {
    page.push_str("\n## What was read, and how it was judged\n\n");
    for fact in view.coverage.facts.iter().chain(&view.method) {
        let note = fact.note.as_ref().map(|note| format!("; {}", text(note))).unwrap_or_default();
        let _ = writeln!(page, "- {}: {}{note}", fact.name, text(&fact.value));
    }
    let undecided = |table: &Option<super::view::Table>| table.as_ref().map_or(0, |t| t.rows.len());
    if let n @ 1.. = undecided(&view.inconclusive) {
        let _ = writeln!(page, "- Inconclusive: {n} series");
    }
    if let n @ 1.. = undecided(&view.not_measurable) {
        let _ = writeln!(page, "- Not measurable, by reason: {n}");
    }
}

/// Text with all of its markup escaped, and with mentions broken.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '@' => safe.push_str("@\u{2060}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            ':' | '.' if is_autolink(&safe) => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Would `://` or `www.` begin a link behind `text`?
fn is_autolink(text: &str) -> bool {
    let tail: String = text.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    let tail = tail.to_ascii_lowercase();
    ["http", "https", "ftp", "www", "mailto", "xmpp"].iter().any(|word| tail.ends_with(word))
}

/// A code span that holds `name` whole, fit for a table's cell.
pub(super) fn code(name: &str) -> String {
    span(name).replace('|', "\\|")
}

/// The same outside of a table, where a bar is one.
fn span(name: &str) -> String {
    let longest = name.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if name.starts_with('`') || name.ends_with('`') || name.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// Where a picture lies: spaces and brackets of the folder in percent, the file name is plain.
fn target(folder: &str, file: &str) -> String {
    let mut path = String::new();
    for byte in folder.trim_end_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' | b':' => {
                path.push(char::from(byte))
            }
            other => path.push_str(&format!("%{other:02X}")),
        }
    }
    if path.is_empty() { file.to_owned() } else { format!("{path}/{file}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(text("a|b *c* <d> [e](f)"), "a\\|b \\*c\\* \\<d\\> \\[e\\](f)");
        assert_eq!(text("see https://x.example or www.x"), "see https\\://x.example or www\\.x");
        assert_eq!(text("@team"), "@\u{2060}team");
    }

    #[test]
    fn names_stay_in_their_span() {
        assert_eq!(code("a.b"), "`a.b`");
        assert_eq!(code("a`b|c"), "``a`b\\|c``");
        assert_eq!(code("`x"), "`` `x ``");
        assert_eq!(target("reports/my images/", "a.png"), "reports/my%20images/a.png");
    }
}
