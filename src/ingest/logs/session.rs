//! One log, read line by line: lines to entries, entries to rows, and what they imply.

use super::{
    Format, Hints, Shared, console,
    entry::{self, Entry},
    exception::Traceback,
    json,
    lines::{self, Line},
    place::{self, Place, Who},
    scheduler, task, text,
    variables::ANY,
};
use crate::{
    ingest::{
        reading::Fault,
        secrets,
        sink::{Halt, Sink},
    },
    model::{LogEvent, Row, Text, Timestamp},
};
use std::{borrow::Cow, io::BufRead};

/// Characters of a message that are kept.
const MAX_MESSAGE: usize = 500;

/// One log being read.
pub(super) struct Session<'a> {
    format: Format,
    offset_s: i32,
    shared: &'a mut Shared,
    sink: &'a mut dyn Sink,
    source: Text,
    place: Option<Place>,
    task: Option<task::Follower>,
    scheduler: scheduler::Follower,
    pending: Option<Pending>,
    /// Rows implied by the entry at hand.
    implied: Vec<Row>,
}

/// An entry whose lines are still coming.
struct Pending {
    event: LogEvent,
    traceback: Traceback,
    is_loud: bool,
    /// Its first line says nothing: a later one speaks for it.
    is_mute: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        format: Format,
        path: &str,
        hints: &Hints,
        shared: &'a mut Shared,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let (source, place) = place::place(path);
        let follows = place.as_ref().map_or(format != Format::Console, |place| place.is_own);
        Self {
            format,
            offset_s: hints.utc_offset_s.unwrap_or(0),
            task: follows.then(|| task::Follower::new(place.as_ref())),
            source,
            place,
            shared,
            sink,
            scheduler: scheduler::Follower::default(),
            pending: None,
            implied: Vec::new(),
        }
    }

    pub(super) fn read(mut self, input: &mut dyn BufRead) -> Result<(), Halt> {
        let mut plain = Vec::new();
        lines::each(input, &mut |number, line| match line {
            Line::Text(line) if entry::without_colours(line, &mut plain) => self.line(number, &plain),
            Line::Text(line) => self.line(number, line),
            Line::TooLong => self.sink.rejected(u64::try_from(number).ok(), &Fault::new("line is longer than 1 MiB")),
            Line::Broken(reason) => {
                self.sink.rejected(u64::try_from(number).ok(), &Fault::of("cannot read on from here", &reason))
            }
        })?;
        self.flush(None)?;
        if let Some(told) = self.task.as_mut().and_then(task::Follower::finish) {
            self.told(told);
        }
        self.implied.extend(self.scheduler.finish());
        self.imply()
    }

    fn line(&mut self, number: i64, line: &[u8]) -> Result<(), Halt> {
        let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let first = match self.format {
            Format::Json if line.first() == Some(&b'{') => match json::entry(line) {
                None if json::begins(line) => {
                    return self.sink.rejected(u64::try_from(number).ok(), &Fault::new("not a whole JSON line"));
                }
                entry => entry,
            },
            Format::Json => None,
            Format::Text | Format::Console | Format::Fetched => match line.first() {
                Some(b'[') => text::entry(line),
                Some(b'0'..=b'9') => console::entry(line),
                _ => None,
            },
        };
        match first {
            Some(entry) => self.begin(number, &entry),
            None if self.pending.is_some() => {
                self.go_on(line);
                Ok(())
            }
            // What stands before the first entry is one of its own.
            None => self.begin(number, &Entry { message: Cow::Borrowed(line), ..Entry::default() }),
        }
    }

    fn begin(&mut self, number: i64, entry: &Entry<'_>) -> Result<(), Halt> {
        let time = entry.time.map(|stamp| {
            if !stamp.is_zoned() && !std::mem::replace(&mut self.shared.has_warned, true) {
                self.warn_of_time_zone();
            }
            stamp.instant(self.offset_s)
        });
        self.flush(time)?;
        if time.is_none() {
            self.find_place(&entry.message);
        }
        let names = &mut self.shared.names;
        if let Some(told) = self.task.as_mut().and_then(|task| task.see(entry, time, names)) {
            self.told(told);
        }
        let who = match &self.place {
            Some(place) => Who::from(place),
            None => {
                let seen = self.scheduler.see(&entry.message, time, &mut self.shared.names, &mut self.implied);
                seen.unwrap_or_else(|| who(entry, &mut self.shared.names))
            }
        };
        if !self.implied.is_empty() {
            self.imply()?;
        }
        let (level, is_loud) = level(entry.level, self.shared);
        let names = &mut self.shared.names;
        let message = first_line(&entry.message);
        let is_mute = !speaks(message);
        let mut traceback = Traceback::default();
        traceback.see(message);
        self.pending = Some(Pending {
            event: LogEvent {
                source: self.source.clone(),
                line: number,
                ts: time,
                gap_s: None,
                level,
                logger: names.some(&entry.logger),
                exception: names.some(first_line(&entry.exception)),
                template: self.shared.nothing.clone(),
                message: None,
                lines: 1,
                dag_id: who.dag_id,
                run_id: who.run_id,
                task_id: who.task_id,
                map_index: who.map_index,
                try_number: who.try_number,
            },
            traceback,
            is_loud,
            is_mute,
        });
        if let Some(pending) = self.pending.as_mut().filter(|_| !is_mute) {
            say(pending, message, self.shared);
        }
        Ok(())
    }

    /// A line that belongs to the entry before.
    fn go_on(&mut self, line: &[u8]) {
        let Some(pending) = &mut self.pending else { return };
        pending.event.lines = pending.event.lines.saturating_add(1);
        if let Some(name) = pending.traceback.see(line) {
            pending.event.exception = self.shared.names.some(name);
        }
        if pending.is_mute && speaks(line) {
            pending.is_mute = false;
            say(pending, line, self.shared);
        }
        if let Some(task) = &mut self.task
            && line.first() == Some(&b'A')
        {
            task.context(line, &mut self.shared.names);
        }
        if self.format == Format::Console
            && pending.event.logger.is_none()
            && let Some((_, logger, _)) = console::tail(line)
        {
            pending.event.logger = self.shared.names.some(logger);
        }
        if pending.event.ts.is_none() {
            self.find_place(line);
        }
    }

    /// A log that was fetched from Airflow names its file before its first time: `***   * /logs/dag_id=../attempt=1.log`, in
    /// 3.x without the stars.
    fn find_place(&mut self, line: &[u8]) {
        let may_name = line.starts_with(b"***") || line.ends_with(b".log");
        if self.place.is_some() || !may_name {
            return;
        }
        let line = String::from_utf8_lossy(line);
        if let Some(place) = line.split(' ').rev().find_map(|word| place::place(word.trim()).1) {
            self.task = place.is_own.then(|| task::Follower::new(Some(&place)));
            self.place = Some(place);
        }
    }

    /// The entry is whole: the time of the next one says how long it took.
    fn flush(&mut self, next: Option<Timestamp>) -> Result<(), Halt> {
        let Some(pending) = self.pending.as_mut() else { return Ok(()) };
        if let (Some(this), Some(next)) = (pending.event.ts, next) {
            pending.event.gap_s = Some(next.micros().saturating_sub(this.micros()) as f64 / 1e6);
        }
        match self.pending.take() {
            Some(pending) => self.sink.row(Row::Log(pending.event)),
            None => Ok(()),
        }
    }

    fn told(&mut self, (attempt, run): task::Told) {
        if let Some(run) = run
            && self.shared.is_new_run(&run)
        {
            self.implied.push(Row::Run(run));
        }
        self.implied.push(Row::Attempt(attempt));
    }

    fn imply(&mut self) -> Result<(), Halt> {
        self.implied.drain(..).filter(is_sound).try_for_each(|row| self.sink.implied(row))
    }

    fn warn_of_time_zone(&mut self) {
        let zone = match self.offset_s {
            0 => "UTC".to_owned(),
            seconds => format!("{:+.2} hours from UTC", f64::from(seconds) / 3_600.0),
        };
        let source = &self.source;
        self.sink.warn(format!(
            "times in {source} and logs like it state no time zone and are read as {zone}; Airflow 1.10 to 2.2 write the host's own"
        ));
    }
}

/// Has an attempt numbers that the database would take? A line that was broken or made up may state any.
fn is_sound(row: &Row) -> bool {
    match row {
        Row::Attempt(attempt) => attempt.map_index >= -1 && attempt.try_number.is_none_or(|number| number >= 0),
        _ => true,
    }
}

/// The template of a message, and of a warning or worse the message itself; so too where there is no room for its template.
fn say(pending: &mut Pending, message: &[u8], shared: &mut Shared) {
    let known = [&pending.event.dag_id, &pending.event.task_id].map(|id| id.as_deref().unwrap_or_default().as_bytes());
    pending.event.template = shared.miner.template(message, &known);
    if pending.is_loud || pending.event.template.as_bytes() == ANY {
        let text = String::from_utf8_lossy(message);
        let masked = secrets::mask(&text);
        let end = masked.char_indices().nth(MAX_MESSAGE).map_or(masked.len(), |(at, _)| at);
        pending.event.message = Some(masked[..end].into());
    }
}

fn who(entry: &Entry<'_>, names: &mut super::names::Names) -> Who {
    let ids = &entry.ids;
    if ids.is_empty() {
        return Who::default();
    }
    let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    Who {
        dag_id: names.some(&ids.dag_id),
        run_id: names.some(&ids.run_id),
        task_id: names.some(&ids.task_id),
        map_index: number(ids.map_index),
        try_number: number(ids.try_number),
    }
}

/// The level in capitals, and whether it is a warning or worse.
fn level(level: &[u8], shared: &mut Shared) -> (Option<Text>, bool) {
    if matches!(level, b"INFO" | b"info") {
        return (Some(shared.info.clone()), false);
    }
    let mut capitals = level.to_ascii_uppercase();
    if capitals == b"WARN" {
        capitals.extend_from_slice(b"ING");
    }
    let is_loud = matches!(&capitals[..], b"WARNING" | b"ERROR" | b"CRITICAL" | b"FATAL" | b"EXCEPTION");
    (shared.names.some(&capitals), is_loud)
}

/// Does a line hold a letter or a digit of any script, and not only the dashes of a box?
fn speaks(line: &[u8]) -> bool {
    line.iter().any(|b| b.is_ascii_alphanumeric() || !b.is_ascii())
}

fn first_line(message: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', message).map_or(message, |end| &message[..end])
}
