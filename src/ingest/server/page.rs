//! One table, page by page: each page is the query for the rows behind the last key of the page before.

use super::{
    Cells, Client, Each, Failure, PAGE_SECONDS, UNPAGED_SECONDS,
    catalog::{Column, Table},
    sql::{Dialect, Sql},
};
use sha2::{Digest, Sha256};

/// What was read of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Read {
    /// SHA-256 over the names of table and columns and all values, in the order of the primary key: equal where the rows
    /// read are equal.
    pub(in crate::ingest) sha256: String,
    /// Bytes of all values.
    pub(in crate::ingest) bytes: u64,
}

/// Reads `wanted` columns of a table; `page_rows` are the rows of a page, and of one with large values.
pub(super) fn read(
    client: &mut dyn Client,
    table: &Table,
    wanted: &[String],
    page_rows: [u64; 2],
    each: &mut Each<'_>,
) -> Result<Read, Failure> {
    let plan = Plan::new(client.dialect(), table, wanted, page_rows)?;
    let key_columns = plan.key.len();
    let (mut sum, mut behind) = (Sum::new(&table.name, wanted), Behind::default());
    loop {
        let (sql, mut rows) = (plan.sql(&behind), 0);
        client.query(&sql, plan.seconds(), &mut |row| {
            rows += 1;
            match row {
                Ok(row) => {
                    behind.pass(&row, key_columns);
                    let cells = Cells { values: row.values.get(key_columns..).unwrap_or_default() };
                    sum.row(&cells, wanted.len());
                    each(Ok(cells))
                }
                Err(fault) => {
                    behind.unread += 1;
                    sum.fault();
                    each(Err(fault))
                }
            }
        })?;
        if plan.limit.is_none_or(|limit| rows < limit) {
            return Ok(sum.finish());
        }
    }
}

/// How far the reading is.
#[derive(Debug, Default)]
struct Behind {
    /// The last key that was read.
    key: Option<Vec<Vec<u8>>>,
    /// Rows behind it that could not be read, so that their keys are not known.
    unread: u64,
}

impl Behind {
    fn pass(&mut self, row: &Cells<'_>, key_columns: usize) {
        self.unread = 0;
        let key = self.key.get_or_insert_with(|| vec![Vec::new(); key_columns]);
        for (place, value) in key.iter_mut().enumerate() {
            value.clear();
            value.extend_from_slice(row.get(place).unwrap_or_default());
        }
    }
}

/// The queries of one table. Its key comes first in each row, the wanted columns behind it.
struct Plan<'a> {
    dialect: Dialect,
    table: &'a str,
    key: Vec<&'a Column>,
    wanted: Vec<&'a Column>,
    /// Rows of a page; without a key all come at once.
    limit: Option<u64>,
}

impl<'a> Plan<'a> {
    fn new(dialect: Dialect, table: &'a Table, wanted: &[String], page_rows: [u64; 2]) -> Result<Self, Failure> {
        let column = |name: &String| {
            let place =
                table.place(name).ok_or_else(|| Failure::Setup(format!("{} has no column {name}", table.name)))?;
            Ok(&table.columns[place])
        };
        let wanted: Vec<&Column> = wanted.iter().map(column).collect::<Result<_, Failure>>()?;
        let key: Vec<&Column> = table.key.iter().map(|place| &table.columns[*place]).collect();
        let rows = page_rows[usize::from(wanted.iter().any(|column| column.is_large()))];
        let limit = (!key.is_empty()).then_some(rows);
        Ok(Self { dialect, table: &table.name, key, wanted, limit })
    }

    fn seconds(&self) -> u64 {
        if self.limit.is_some() { PAGE_SECONDS } else { UNPAGED_SECONDS }
    }

    /// The query for the next page.
    fn sql(&self, behind: &Behind) -> Vec<u8> {
        let mut sql = Sql::new(self.dialect, "SELECT ");
        sql.list(self.key.iter().chain(&self.wanted), |sql, column| sql.selected(column));
        sql.add(" FROM ");
        sql.name(self.table);
        if self.dialect == Dialect::Mysql && self.limit.is_some() {
            // Else a scan and a sort of the whole table may look cheaper for every page.
            sql.add(" FORCE INDEX (PRIMARY)");
        }
        let Some(limit) = self.limit else { return sql.text };
        if let Some(values) = &behind.key {
            sql.add(" WHERE ");
            sql.behind(&self.key, values);
        }
        sql.add(" ORDER BY ");
        sql.list(self.key.iter(), |sql, column| sql.name(&column.name));
        sql.add(&format!(" LIMIT {limit} OFFSET {}", behind.unread));
        sql.text
    }
}

/// The sum over what is read.
struct Sum {
    hasher: Sha256,
    bytes: u64,
}

impl Sum {
    fn new(table: &str, columns: &[String]) -> Self {
        let mut sum = Self { hasher: Sha256::new(), bytes: 0 };
        for text in std::iter::once(table).chain(columns.iter().map(String::as_str)) {
            sum.value(Some(text.as_bytes()));
        }
        sum.bytes = 0;
        sum
    }

    fn row(&mut self, cells: &Cells<'_>, columns: usize) {
        (0..columns).for_each(|column| self.value(cells.get(column)));
    }

    fn fault(&mut self) {
        self.hasher.update([0xff; 16]);
    }

    /// With its length, so that two values cannot be taken for one.
    fn value(&mut self, value: Option<&[u8]>) {
        let length = value.map_or(u64::MAX, |bytes| bytes.len() as u64);
        self.hasher.update(length.to_le_bytes());
        self.hasher.update(value.unwrap_or_default());
        self.bytes += value.map_or(0, |bytes| bytes.len() as u64);
    }

    fn finish(self) -> Read {
        let sha256 = self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Read { sha256, bytes: self.bytes }
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
