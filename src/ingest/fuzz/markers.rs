//! Deploys and incidents.

use super::{
    blocks::{Blocks, same_in_blocks, stands_before_a_break},
    head,
    told::Told,
};
use crate::ingest::{
    markers::{self, Format},
    secrets,
};

/// A file's name says what its rows are about.
const NAME: &str = "incidents.csv";

/// Reads markers: the same whatever the blocks they come in.
pub(super) fn markers(bytes: &[u8]) {
    let Some(format) = recognised(bytes) else { return };
    if let Format::Refused(reason) = &format {
        assert!(!reason.contains(char::is_control), "{reason:?}");
        return;
    }
    let told = same_in_blocks(bytes, |input| read(&format, input));
    if !bytes.contains(&b'"') {
        stands_before_a_break(bytes, &told, |input| read(&format, input));
    }
}

pub(super) fn recognised(bytes: &[u8]) -> Option<Format> {
    markers::recognise(head(bytes), NAME)
}

pub(super) fn read(format: &Format, mut input: Blocks) -> Told {
    let mut told = Told::default();
    markers::read(&mut input, format, NAME, secrets::mask, &mut told).expect("nothing halts");
    told
}
