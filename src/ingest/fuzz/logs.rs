//! Logs, alone and in an archive.

use super::{
    blocks::{Blocks, same_in_blocks, stands_before_a_break},
    head,
    told::Told,
};
use crate::{
    ingest::{
        Settings, archive,
        logs::{Format, Hints, Reader},
        session::Tools,
    },
    model::Row,
};

/// Where a log may lie: an attempt's own, one on behalf of an attempt, one by its date, one of no attempt.
const PATHS: [&str; 4] = [
    "logs/dag_id=orders_etl/run_id=scheduled__2026-09-10T02:00:00+00:00/task_id=load.dim/map_index=3/attempt=2.log",
    "logs/dag_id=orders_etl/run_id=manual__x/task_id=load/attempt=1.log.trigger.7.log",
    "orders_etl/load/2026-09-10T02:00:00+00:00/1.log",
    "scheduler.log",
];

/// Reads a log: the same whatever the blocks it comes in, and each line once.
pub(super) fn logs(bytes: &[u8]) {
    let Some((format, path)) = recognised(bytes) else { return };
    let told = same_in_blocks(bytes, |input| read(format, path, input));
    let lines = |row: &Row| if let Row::Log(event) = row { i64::from(event.lines) } else { 0 };
    // A log that the API gave is one document, which is read whole or not at all.
    if format != Format::Fetched {
        stands_before_a_break(bytes, &told, |input| read(format, path, input));
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        let all = ends + usize::from(bytes.last().is_some_and(|byte| *byte != b'\n'));
        let told_of = told.rows.iter().map(lines).sum::<i64>() as usize + told.faults.len();
        assert_eq!(told_of, all, "each line is told once: {told:#?}");
    }
}

pub(super) fn recognised(bytes: &[u8]) -> Option<(Format, &'static str)> {
    let path = PATHS[bytes.len() % PATHS.len()];
    Format::recognise(head(bytes), path).map(|format| (format, path))
}

pub(super) fn read(format: Format, path: &str, mut input: Blocks) -> Told {
    let mut told = Told::default();
    let (mut reader, hints) = (Reader::new(), Hints { utc_offset_s: Some(3_600) });
    reader.read(format, path, &mut input, &hints, &mut told).expect("nothing halts");
    told
}

/// Reads an archive of logs. Checksums of its headers are put right before: no reader looks behind a wrong one.
pub(super) fn archive(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    bytes.truncate(bytes.len() / BLOCK * BLOCK + bytes.len() % 2);
    for header in bytes.chunks_exact_mut(BLOCK).filter(|block| archive::recognise(block)) {
        header[SUM].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    if archive::recognise(&bytes) {
        same_in_blocks(&bytes, unpacked);
    }
}

/// Bytes of a header.
const BLOCK: usize = 512;
/// Where its checksum stands.
const SUM: std::ops::Range<usize> = 148..156;

fn unpacked(mut input: Blocks) -> Told {
    let (mut tools, mut told) = (Tools::new(Settings::default()), Told::default());
    archive::read(&mut input, &mut tools, &mut told).expect("nothing halts");
    told
}
