//! Whole files: opened, decompressed, recognised by their content, read.

use crate::{
    ingest::{CsvMapping, Receiver, Session, Settings, recognise},
    model::{AttemptRef, Row},
};
use std::{cell::RefCell, io::Write, path::Path};
use tempfile::NamedTempFile;

thread_local! {
    /// One file, written again and again: in memory, where the system has such a folder.
    static FILE: RefCell<NamedTempFile> = {
        let memory = Path::new("/dev/shm");
        let file = if memory.is_dir() { NamedTempFile::new_in(memory) } else { NamedTempFile::new() };
        RefCell::new(file.expect("a temporary file"))
    };
}

/// Rows that stand for one of the source.
struct Kept(u64);

impl Receiver for Kept {
    fn row(&mut self, _: Row, counted: bool) -> bool {
        self.0 += u64::from(counted);
        true
    }

    fn attempt(&mut self, _: &AttemptRef<'_>) -> bool {
        self.0 += 1;
        true
    }

    fn progress(&mut self, _: u64, _: u64) {}
}

/// Reads a file as an ingest does: rows read are rows kept, ignored and rejected; a second reading counts the same.
pub(super) fn files(bytes: &[u8]) {
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("empty");
        file.reopen().expect("the file").write_all(bytes).expect("written");
        read(file.path());
    });
}

fn read(path: &Path) {
    let csv = CsvMapping { time: "when".to_owned(), ..CsvMapping::default() };
    let settings = Settings { csv: Some(csv), dag_id: Some("d".to_owned()), ..Settings::default() };
    let Ok(mut sources) = recognise(path, "fuzz", &settings) else { return };
    sources.sort_by_key(|source| source.order());
    let mut session = Session::new(settings, true);
    let mut all = Vec::new();
    for source in sources.iter().chain(&sources) {
        if source.needs_ids() {
            session.use_what_was_learned();
        }
        let mut kept = Kept(0);
        let Ok(reading) = source.read(&mut session, &mut kept, false) else { continue };
        let counts = reading.counts;
        assert_eq!(counts.read, kept.0 + counts.ignored + counts.rejected, "{source:?}");
        let known = source.clone().hash().expect("a file that is there");
        assert!(reading.sha256.is_none_or(|hash| hash == known), "{source:?}");
        all.push((source.shown.clone(), counts));
    }
    let (first, second) = all.split_at(all.len() / 2);
    assert_eq!(first, second, "read twice");
    assert!(session.warnings().len() < 64);
}
