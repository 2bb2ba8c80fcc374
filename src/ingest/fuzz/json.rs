//! Answers of the REST API, JSON of commands, OpenLineage events.

use super::{
    blocks::{Blocks, same_in_blocks, stands_before_a_break},
    head,
    told::Told,
};
use crate::ingest::{json, lineage, rest::DatabaseRows, secrets};

/// Reads JSON of Airflow: the same whatever the blocks it comes in.
pub(super) fn json(bytes: &[u8]) {
    let Some(read) = recognised(bytes) else { return };
    let told = same_in_blocks(bytes, read);
    stands_before_a_break(bytes, &told, read);
}

/// How an input is read; `None` where it is no such JSON.
pub(super) fn recognised(bytes: &[u8]) -> Option<fn(Blocks) -> Told> {
    if lineage::recognise(head(bytes)) {
        return Some(events);
    }
    match json::recognise(head(bytes))? {
        json::Format::Refused(reason) => {
            assert!(!reason.contains(char::is_control), "{reason:?}");
            None
        }
        _ => Some(pages),
    }
}

fn events(mut input: Blocks) -> Told {
    let mut told = Told::default();
    lineage::read(&mut input, secrets::mask, &mut told).expect("nothing halts");
    told
}

fn pages(mut input: Blocks) -> Told {
    let mut told = Told::default();
    let settings = json::Settings { dag_id: Some("d"), mask: secrets::mask };
    let pages = json::read(&mut input, settings, &mut DatabaseRows::default(), &mut told).expect("nothing halts");
    told.warnings.extend(json::missing(&pages));
    told
}
