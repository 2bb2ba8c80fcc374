//! Log trees that were packed into one archive: `tar`, plain or compressed.

use super::{
    logs,
    reading::Fault,
    session::Tools,
    sink::{Halt, Sink},
};
use std::io::{BufRead, BufReader, Read};

/// Where the magic of a POSIX archive stands in its first header.
const MAGIC: std::ops::Range<usize> = 257..262;
/// Bytes of a member that are looked at before it is taken for a log.
const HEAD: usize = 8 << 10;
/// Longest record that names a member whose path its header has no room for. No file system has a longer path.
const MAX_RECORD: usize = 64 << 10;

pub(super) fn recognise(head: &[u8]) -> bool {
    head.get(MAGIC) == Some(b"ustar")
}

/// Reads the logs in an archive, each under its own path. Members that are no logs are told of and passed over.
pub(super) fn read(input: &mut dyn BufRead, tools: &mut Tools, sink: &mut dyn Sink) -> Result<(), Halt> {
    let hints = logs::Hints { utc_offset_s: tools.settings.utc_offset_s };
    let logs = &mut tools.logs;
    let (mut found, mut others) = (false, 0_u64);
    let broken = each(input, &mut |path, member| match log(path, member) {
        Some((format, mut content)) => {
            found = true;
            logs.read(format, path, &mut content, &hints, sink)
        }
        None => {
            others += 1;
            Ok(())
        }
    })?;
    for _ in 0..others {
        if found {
            sink.ignored("a member of an archive that is no log: unpack the archive to read it")?;
        } else {
            sink.rejected(None, &Fault::new("an archive without a log: only logs are read from one, so unpack it"))?;
        }
    }
    match broken {
        Some(error) => sink.rejected(None, &Fault::of("the archive cannot be read on from here", &error.to_string())),
        None => Ok(()),
    }
}

/// Visits the files in an archive. Returns what keeps it from being read to its end.
///
/// Records before a member are read here: the reader of archives would keep one of any length.
fn each(
    input: &mut dyn BufRead,
    visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), Halt>,
) -> Result<Option<std::io::Error>, Halt> {
    let mut archive = tar::Archive::new(input);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return Ok(Some(error)),
    };
    let mut path = None;
    for entry in entries.raw(true) {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Ok(Some(error)),
        };
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() {
            path = record(&mut entry);
        } else if kind.is_pax_local_extensions() {
            path = record(&mut entry).and_then(|record| path_of(&record));
        } else if !kind.is_gnu_longlink() {
            let path = path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            if kind.is_file() {
                visit(&String::from_utf8_lossy(&path), &mut entry)?;
            }
        }
    }
    // Behind the end of the archive the compressed file says whether it was whole.
    Ok(std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).err())
}

/// A record that speaks of the next member, without the zeros that end it; `None` where it is too long or cut off.
fn record(entry: &mut dyn Read) -> Option<Vec<u8>> {
    let mut record = Vec::new();
    entry.take(MAX_RECORD as u64 + 1).read_to_end(&mut record).ok().filter(|length| *length <= MAX_RECORD)?;
    record.truncate(record.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    Some(record)
}

/// The path that a record of POSIX extensions states.
fn path_of(record: &[u8]) -> Option<Vec<u8>> {
    let mut pairs = tar::PaxExtensions::new(record).filter_map(Result::ok);
    pairs.find(|pair| pair.key_bytes() == b"path").map(|pair| pair.value_bytes().to_vec())
}

/// The format of a member, and its content from the beginning; `None` where it is no log. An empty log is one.
fn log<'r>(path: &str, member: &'r mut dyn Read) -> Option<(logs::Format, impl BufRead + use<'r>)> {
    let mut head = Vec::new();
    // What cannot be read now cannot be read a moment later: the reader of the log tells of it.
    let _ = member.take(HEAD as u64).read_to_end(&mut head);
    let format = logs::Format::recognise(&head, path)?;
    Some((format, BufReader::new(std::io::Cursor::new(head).chain(member))))
}

#[cfg(test)]
mod tests {
    use super::super::{session::Settings, sink::Collected};
    use super::*;

    const LINE: &str = "[2026-11-24T11:26:22.394+0000] {taskinstance.py:2867} INFO - Starting attempt 1 of 3\n";

    fn archive(members: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, text) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, path, text.as_bytes()).expect("appended");
        }
        builder.into_inner().expect("an archive")
    }

    fn read_all(bytes: &[u8]) -> Collected {
        let (mut tools, mut sink) = (Tools::new(Settings::default()), Collected::default());
        assert_eq!(read(&mut &bytes[..], &mut tools, &mut sink), Ok(()));
        sink
    }

    #[test]
    fn logs_keep_their_paths_and_other_members_are_told_of() {
        let path = "logs/dag_id=d/run_id=scheduled__2026-11-24T00:00:00+00:00/task_id=t/attempt=1.log";
        let bytes = archive(&[(path, &LINE.repeat(3)), ("README", "nothing\n")]);
        assert!(recognise(&bytes));
        let sink = read_all(&bytes);
        assert_eq!((sink.rows.len(), sink.ignored.len(), sink.faults.len()), (3, 1, 0));
        let crate::model::Row::Log(event) = &sink.rows[0] else { panic!("{:?}", sink.rows) };
        assert_eq!(event.dag_id.as_deref(), Some("d"));
        assert_eq!(event.try_number, Some(1));
    }

    #[test]
    fn paths_that_a_header_has_no_room_for_are_read_and_endless_ones_are_not_kept() {
        let path = format!("{}dag_id=d/run_id=r/task_id=t/attempt=1.log", "folder/".repeat(40));
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(LINE.len() as u64);
        builder.append_data(&mut header, &path, LINE.as_bytes()).expect("appended");
        let value = format!("path={path}\n");
        let length = value.len() + 4;
        let record = format!("{length} {value}");
        let mut pax = tar::Header::new_ustar();
        pax.set_entry_type(tar::EntryType::XHeader);
        pax.set_size(record.len() as u64);
        pax.set_cksum();
        builder.append(&pax, record.as_bytes()).expect("appended");
        header.set_path("short.log").expect("short");
        header.set_cksum();
        builder.append(&header, LINE.as_bytes()).expect("appended");
        let mut endless = tar::Header::new_gnu();
        endless.set_entry_type(tar::EntryType::GNULongName);
        endless.set_size(1 << 20);
        endless.set_cksum();
        builder.append(&endless, std::io::repeat(b'a').take(1 << 20)).expect("appended");
        header.set_path("attempt=1.log").expect("short");
        header.set_cksum();
        builder.append(&header, LINE.as_bytes()).expect("appended");
        let sink = read_all(&builder.into_inner().expect("an archive"));
        let source = |row: &crate::model::Row| match row {
            crate::model::Row::Log(event) => event.source.to_string(),
            other => panic!("{other:?}"),
        };
        let named = "dag_id=d/run_id=r/task_id=t/attempt=1.log";
        assert_eq!(sink.rows.iter().map(source).collect::<Vec<_>>(), [named, named, "attempt=1.log"]);
        assert!(sink.faults.is_empty(), "{:?}", sink.faults);
    }

    #[test]
    fn a_cut_off_archive_keeps_what_was_read() {
        let whole = archive(&[("a/attempt=1.log", LINE), ("b/attempt=1.log", &LINE.repeat(40))]);
        for cut in (0..whole.len()).step_by(97) {
            let sink = read_all(&whole[..cut]);
            assert!(sink.rows.len() <= 41);
        }
        // Cut within the second header: the first log stands, and the fault is told.
        let sink = read_all(&whole[..1024 + 200]);
        assert_eq!((sink.rows.len(), sink.faults.len()), (1, 1));
    }
}
