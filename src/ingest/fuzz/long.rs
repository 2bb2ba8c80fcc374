//! Inputs that are long where real ones are short: no reader needs time or memory out of proportion.

use super::{blocks::Blocks, json, logs, markers, metrics, tables, told::Told};
use crate::ingest::markers::Format;

/// Bytes of a stretched input: a reader whose time grows with the square of a line takes minutes over it.
const LONG: usize = 256 << 10;
/// Such an input comes in several blocks.
const BLOCK: usize = 16 << 10;

/// Repeats a piece of an input very often, and reads the result.
pub(super) fn long(bytes: &[u8]) {
    if bytes.len() < 4 {
        return;
    }
    // Which piece is told by the bytes themselves: it changes with each change of them.
    let hash = bytes.iter().fold(0_usize, |hash, byte| (hash ^ usize::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let start = hash % bytes.len();
    let width = [1, 1, 2, 3, 8, 40, 200][(hash >> 20) % 7].min(bytes.len() - start);
    let piece = &bytes[start..start + width];
    let stretched = [&bytes[..start], &piece.repeat(LONG / width), &bytes[start..]].concat();
    if let Some(told) = read(&stretched) {
        told.keeps_its_promises();
    }
}

/// Reads an input as what it is.
fn read(bytes: &[u8]) -> Option<Told> {
    let input = Blocks::of(bytes, BLOCK);
    if let Some(read) = json::recognised(bytes) {
        return Some(read(input));
    }
    if let Some(form) = tables::recognised(bytes) {
        return Some(tables::read(&form, input));
    }
    if let Some(format) = metrics::recognised(bytes) {
        return Some(metrics::read(format, input));
    }
    if let Some(format) = markers::recognised(bytes).filter(|format| !matches!(format, Format::Refused(_))) {
        return Some(markers::read(&format, input));
    }
    let (format, path) = logs::recognised(bytes)?;
    Some(logs::read(format, path, input))
}
