//! Rows of JSON through the mapping of the database's tables, so that an attempt reads the same from either.

use super::{
    airflow::Reader,
    airflow_columns::Columns,
    json::{Kind, Mapped, Mapping},
    reading::Fault,
    sink::{Halt, Sink},
    table::RowView,
    table_kind::Table,
};
use crate::model::{Row, SourceKind};
use std::collections::BTreeMap;

/// One reader a kind of object.
#[derive(Default)]
pub(super) struct DatabaseRows(BTreeMap<Kind, Reader>);

impl Mapping for DatabaseRows {
    fn map(&mut self, kind: Kind, row: &dyn RowView) -> Result<Mapped, Fault> {
        let reader = self.0.entry(kind).or_insert_with(|| {
            let columns = Columns::new(kind.columns().iter().map(|name| (*name).to_owned()).collect());
            Reader::new(Table::named(kind.table()), SourceKind::Rest, columns)
        });
        let mut one = One::default();
        // `One` never halts.
        let _ = reader.read(0, row, &mut one);
        match (one.row, one.fault) {
            (_, Some(fault)) => Err(fault),
            (Some(row), None) => Ok(Mapped::Row(Box::new(row), one.implied)),
            (None, None) => Ok(Mapped::Ignored(one.ignored.unwrap_or_default())),
        }
    }
}

/// Keeps what becomes of one row.
#[derive(Default)]
struct One {
    row: Option<Row>,
    implied: Vec<Row>,
    ignored: Option<String>,
    fault: Option<Fault>,
}

impl Sink for One {
    fn row(&mut self, row: Row) -> Result<(), Halt> {
        self.row = Some(row);
        Ok(())
    }

    fn implied(&mut self, row: Row) -> Result<(), Halt> {
        self.implied.push(row);
        Ok(())
    }

    fn ignored(&mut self, reason: &str) -> Result<(), Halt> {
        self.ignored = Some(reason.to_owned());
        Ok(())
    }

    fn rejected(&mut self, _: Option<u64>, fault: &Fault) -> Result<(), Halt> {
        self.fault = Some(fault.clone());
        Ok(())
    }

    fn warn(&mut self, _: String) {}
}
