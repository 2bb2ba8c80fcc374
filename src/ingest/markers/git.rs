//! `git log`: with a block of lines a commit (any `--pretty` that has a date, any `--date` that is absolute), or with a line a
//! commit (`--format='%H %cI %s'`).

use super::{
    super::{
        airflow_more::Tools,
        reading::Fault,
        sink::{Halt, Sink},
    },
    Format, commit, instant,
};
use crate::model::{Row, Timestamp};
use std::io::{self, BufRead};

/// Between the fields of a line.
const SEPARATORS: [char; 5] = [' ', '\t', '|', ',', ';'];

/// The instant that a line states, or its date where that states no time zone.
type Date<'l> = Result<Timestamp, &'l str>;

/// Is handed the number and the text of a line.
type Each<'e> = dyn FnMut(u64, &str, &mut dyn Sink) -> Result<(), Halt> + 'e;

/// Bytes of a line that are kept; the rest of a longer one is passed.
const MAX_LINE: usize = 64 << 10;

const NEXT: &str = "print them with `git log --date=iso-strict --format='%H %cd %s'`";

pub(super) fn recognise(head: &[u8]) -> Option<Format> {
    let text = String::from_utf8_lossy(head);
    let mut lines: Vec<&str> = text.lines().collect();
    if !text.ends_with('\n') && lines.len() > 1 {
        // Cut anywhere: the last line may lack its end.
        lines.pop();
    }
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).take(50).collect();
    let first = lines.first()?;
    if first
        .strip_prefix("* ")
        .is_some_and(|rest| block(rest).is_some() || cut(rest).is_some_and(|(hash, _)| is_hash(hash)))
    {
        return Some(Format::Refused(format!("a git log with a graph; {NEXT}")));
    }
    if block(first).is_some() {
        let dated = lines.iter().any(|line| date(line).is_some());
        return Some(if dated || lines.len() < 3 {
            Format::GitLog
        } else {
            Format::Refused(format!("a git log without dates; {NEXT}"))
        });
    }
    if lines.iter().all(|line| one(line).is_some()) {
        return Some(Format::GitLines);
    }
    // A hash that is one beyond doubt: letters and digits, or full length.
    let sure = |hash: &str| hash.len() >= 40 || hash.bytes().any(|byte| byte.is_ascii_digit());
    let bare =
        |line: &&str| line.split_once(' ').is_some_and(|(hash, rest)| is_hash(hash) && sure(hash) && !rest.is_empty());
    lines.iter().all(bare).then(|| Format::Refused(format!("a git log without dates; {NEXT}")))
}

/// The hash that begins a block: `commit 1a2b3c.. (tag: x)`.
fn block(line: &str) -> Option<&str> {
    let hash = line.strip_prefix("commit ")?.split_whitespace().next()?;
    is_hash(hash).then_some(hash)
}

fn is_hash(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The date of a header line, and whether it is the commit's: the author's may be much older.
fn date(line: &str) -> Option<(&str, bool)> {
    if let Some(raw) = line.strip_prefix("committer ") {
        // `--pretty=raw`: NAME <MAIL> SECONDS ZONE.
        return raw.rsplit_once("> ").map(|(_, date)| (date, true));
    }
    let author = ["Date:", "AuthorDate:"].iter().find_map(|name| line.strip_prefix(name));
    author.map(|text| (text.trim(), false)).or_else(|| line.strip_prefix("CommitDate:").map(|text| (text.trim(), true)))
}

/// Hash, date and subject of a line, in this order or with the date first.
fn one(line: &str) -> Option<(&str, Date<'_>, &str)> {
    let line = unquoted(line.trim());
    let (first, rest) = cut(line)?;
    if is_hash(first) {
        let (date, subject) = dated(rest)?;
        return Some((first, date, subject));
    }
    let (date, rest) = dated(line)?;
    let (hash, subject) = cut(rest).unwrap_or((rest, ""));
    is_hash(hash).then_some((hash, date, subject))
}

/// A format that a script quoted twice puts quotes around each line; one at an end alone is the subject's.
fn unquoted(line: &str) -> &str {
    let inner = |quote| line.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(line)
}

/// A word and what follows its separator.
fn cut(text: &str) -> Option<(&str, &str)> {
    let at = text.find(SEPARATORS)?;
    let (word, rest) = text.split_at(at);
    Some((word, rest.trim_start_matches(SEPARATORS)))
}

/// Words of the longest date of git: `Tue, 24 Nov 2026 20:22:36 +0000`, whose comma and blank both separate.
const DATE_WORDS: usize = 7;

/// A date at the front of a text, and what follows it.
fn dated(text: &str) -> Option<(Date<'_>, &str)> {
    let ends = text.match_indices(SEPARATORS).map(|(at, _)| at).chain([text.len()]).take(DATE_WORDS);
    let ends: Vec<usize> = ends.collect();
    ends.into_iter().rev().find_map(|end| {
        let (date, rest) = (text.get(..end)?, text.get(end..)?);
        let (time, offset) = instant::parse(date)?;
        let time = if offset { Ok(time) } else { Err(date) };
        Some((time, rest.trim_start_matches(SEPARATORS)))
    })
}

/// Reads a line a commit.
pub(super) fn read_lines(input: &mut dyn BufRead, tools: &Tools, sink: &mut dyn Sink) -> Result<(), Halt> {
    lines(input, sink, &mut |number, line, sink| {
        if line.trim().is_empty() {
            return Ok(());
        }
        match one(line) {
            Some((hash, Ok(time), subject)) => sink.row(Row::Marker(commit(time, hash, subject, tools))),
            Some((_, Err(date), _)) => sink.rejected(Some(number), &no_zone(date)),
            None => sink.rejected(Some(number), &Fault::of("no line with a hash, a date and a subject", line)),
        }
    })
}

fn no_zone(date: &str) -> Fault {
    Fault::of("a date of git without a time zone (`--date=iso-strict` has one)", date)
}

/// A commit whose block is being read.
#[derive(Default)]
struct Block {
    line: u64,
    hash: String,
    date: Option<String>,
    of_commit: bool,
    subject: String,
}

/// Reads a block of lines a commit.
pub(super) fn read_log(input: &mut dyn BufRead, tools: &Tools, sink: &mut dyn Sink) -> Result<(), Halt> {
    let mut open: Option<Block> = None;
    lines(input, sink, &mut |number, line, sink| {
        if let Some(hash) = block(line) {
            let next = Block { line: number, hash: hash.to_owned(), ..Block::default() };
            return open.replace(next).map_or(Ok(()), |block| close(&block, tools, sink));
        }
        match &mut open {
            // Before its message only: a message is indented, what follows it (`--stat`, `-p`) is the commit's as well.
            Some(block) if block.subject.is_empty() => {
                if let Some((date, of_commit)) = date(line) {
                    if of_commit || !block.of_commit {
                        block.date = Some(date.to_owned());
                        block.of_commit = of_commit;
                    }
                } else if let Some(subject) = line.strip_prefix("    ") {
                    block.subject = subject.trim().to_owned();
                }
                Ok(())
            }
            Some(_) => Ok(()),
            None if line.trim().is_empty() => Ok(()),
            None => sink.rejected(Some(number), &Fault::of("no commit of git", line)),
        }
    })?;
    open.map_or(Ok(()), |block| close(&block, tools, sink))
}

fn close(block: &Block, tools: &Tools, sink: &mut dyn Sink) -> Result<(), Halt> {
    let Some(date) = &block.date else {
        return sink.rejected(Some(block.line), &Fault::of("a commit of git without a date", &block.hash));
    };
    match instant::parse(date) {
        Some((time, true)) => sink.row(Row::Marker(commit(time, &block.hash, &block.subject, tools))),
        Some((_, false)) => sink.rejected(Some(block.line), &no_zone(date)),
        None => sink.rejected(Some(block.line), &Fault::of("not an absolute date of git (`--date=iso-strict`)", date)),
    }
}

/// Calls `each` with the number and the text of each line, of which the front is kept.
fn lines(input: &mut dyn BufRead, sink: &mut dyn Sink, each: &mut Each<'_>) -> Result<(), Halt> {
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        number += 1;
        line.clear();
        match next(input, &mut line) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                return sink.rejected(Some(number), &Fault::of("cannot read on from here", &error.to_string()));
            }
        }
        let text = String::from_utf8_lossy(&line);
        each(number, text.trim_end_matches(['\n', '\r']), sink)?;
    }
}

/// One line into `line`, up to [`MAX_LINE`] bytes of it; false at the end.
fn next(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let mut any = false;
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        line.extend(bytes.iter().take(taken.min(MAX_LINE.saturating_sub(line.len()))));
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}
