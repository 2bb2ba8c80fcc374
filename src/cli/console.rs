//! Everything that is printed goes through here: messages and progress to stderr, results to stdout.

use super::args::{Color, Common};
use super::exit::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};

/// Where and how to print.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) json: bool,
    quiet: bool,
    progress: bool,
    color: bool,
}

/// Width of tables where stdout is no terminal.
const PLAIN_WIDTH: u16 = 100;

impl Console {
    pub(super) fn new(common: &Common) -> Self {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        let progress = !common.no_progress && !common.quiet && std::io::stderr().is_terminal();
        Self { json: common.json, quiet: common.quiet, progress, color }
    }

    /// The result of a command, unless `--json` or `--quiet` asked for less.
    pub(super) fn say(&self, text: &str) -> Result<(), Error> {
        if self.json || self.quiet { Ok(()) } else { self.print(text) }
    }

    /// What a command is for: printed always.
    pub(super) fn print(&self, text: &str) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::io("write to", "stdout"))
    }

    /// One JSON document.
    pub(super) fn document(&self, document: &impl serde::Serialize) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(document)
            .map_err(|error| Error::Usage(format!("cannot write the result as JSON: {error}")))?;
        text.push('\n');
        self.print(&text)
    }

    /// Something the user should know.
    pub(super) fn warn(&self, text: &str) {
        if !self.quiet {
            message(&format!("{} {}", self.paint("warning:", anstyle::AnsiColor::Yellow), line(text)));
        }
    }

    /// What a result rests on.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            message(&format!("note: {}", line(text)));
        }
    }

    /// Why the command ends.
    pub(super) fn error(&self, text: &str) {
        message(&format!("{} {}", self.paint("error:", anstyle::AnsiColor::Red), plain(text)));
    }

    /// Colours `text` where colours are wanted.
    pub(super) fn paint(&self, text: &str, color: anstyle::AnsiColor) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = color.on_default().bold();
        format!("{style}{text}{style:#}")
    }

    /// A bar that counts to `total` on a terminal, and nothing elsewhere.
    pub(super) fn bar(&self, total: u64, what: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(
            Some(total),
            if self.progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{msg:24} {bar:30} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }

    /// A bar of bytes, with rows as its message and the rate, on a terminal, and nothing elsewhere.
    pub(super) fn bytes_bar(&self, total: u64) -> ProgressBar {
        let bar = self.bar(total, "reading");
        if let Ok(style) =
            ProgressStyle::with_template("{msg:20} {bar:24} {bytes:>10} of {total_bytes:10} {bytes_per_sec:12} {eta}")
        {
            bar.set_style(style);
        }
        bar
    }

    /// Columns that a table may take.
    pub(super) fn width(&self) -> u16 {
        std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|c| *c >= 40).unwrap_or(PLAIN_WIDTH)
    }
}

/// To stderr; where nobody can read it, it is lost, which is no reason to fail.
fn message(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Text from data without control characters, so that it cannot drive the terminal.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => '\n',
        c if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
        {
            '\u{fffd}'
        }
        c => c,
    };
    let shown: String = text.chars().map(shown).collect();
    harmless(shown)
}

/// GitHub's runner takes a line that begins with `::`, and `##[` anywhere, for a command; text from data gives none.
fn harmless(text: String) -> String {
    if !text.contains("::") && !text.contains("##[") {
        return text;
    }
    let one = |line: &str| {
        let start = line.len() - line.trim_start().len();
        let line = line.replace("##[", "# #[");
        match line[start..].strip_prefix("::") {
            Some(rest) => format!("{}: :{rest}", &line[..start]),
            None => line,
        }
    };
    text.split('\n').map(one).collect::<Vec<String>>().join("\n")
}

/// One line of it: line breaks are shown as well.
pub(super) fn line(text: &str) -> String {
    plain(text).replace('\n', "\u{fffd}")
}
