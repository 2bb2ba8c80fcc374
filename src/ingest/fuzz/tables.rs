//! Tables of the metadata database as delimited texts.

use super::{
    blocks::{Blocks, same_in_blocks, stands_before_a_break},
    told::Told,
};
use crate::{
    ingest::{
        airflow::Reader,
        airflow_columns::Columns,
        table::{self, DELIMITERS},
        table_kind::{Table, table_of},
    },
    model::SourceKind,
};

/// Reads a delimited text: its rows are the same wherever it is cut into blocks, and each is counted once.
pub(super) fn tables(bytes: &[u8]) {
    let Some(form) = recognised(bytes) else { return };
    let told = same_in_blocks(bytes, |input| read(&form, input));
    let plain = !bytes.iter().any(|byte| matches!(byte, b'"' | b'\r'));
    if plain {
        stands_before_a_break(bytes, &told, |input| read(&form, input));
        // Without quotes every line that is not empty is a row, but for the header.
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        assert_eq!(told.counted(), lines.saturating_sub(1), "{told:#?}");
    }
}

/// What a table is.
pub(super) struct Form {
    delimiter: u8,
    table: Table,
    columns: Columns,
}

pub(super) fn recognised(bytes: &[u8]) -> Option<Form> {
    DELIMITERS.into_iter().find_map(|delimiter| {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
        let name = |field: &[u8]| String::from_utf8_lossy(field).trim().trim_matches('"').to_ascii_lowercase();
        let header: Vec<String> = reader.byte_headers().ok()?.iter().map(name).collect();
        Some(Form { delimiter, table: table_of(&header)?, columns: Columns::new(header) })
    })
}

pub(super) fn read(form: &Form, mut input: Blocks) -> Told {
    let mut told = Told::default();
    let mut reader = Reader::new(form.table, SourceKind::Database, form.columns.clone());
    let sink: &mut dyn crate::ingest::sink::Sink = &mut told;
    table::rows(&mut input, form.delimiter, |line, row| match row {
        Ok(row) => reader.read(line, row, sink),
        Err(fault) => sink.rejected(Some(line), &fault),
    })
    .expect("nothing halts");
    told
}
