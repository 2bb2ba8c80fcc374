//! Rows of one table of a deployment in the order of the table, from all its parts: each part is read once, from its
//! beginning to its end, however many DAGs are asked for.

use super::{
    Error, Lake,
    columns::Values,
    rows::{Loaded, Row},
    table::{Column, Table},
    words::{Texts, texts_by_number},
};
use crate::model::{Deployment, Text};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReader};
use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::BTreeSet,
    fs::File,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// Rows of a part that are decoded at once.
const BATCH_ROWS: usize = 4_096;

/// Rows of a table, merged from its parts.
pub(super) struct OrderedRows<T> {
    table: &'static Table,
    /// In the order of the rows at which they are, the one whose row comes first last.
    parts: Vec<Part>,
    texts: RefCell<Texts>,
    /// Rows of the DAG before: the next one may have as many.
    expected: usize,
    of: PhantomData<T>,
}

impl<T: Loaded> OrderedRows<T> {
    /// Opens all parts of the table.
    pub(super) fn open(lake: &Lake, deployment: &Deployment) -> Result<Self, Error> {
        Self::open_columns(lake, deployment, |_| true)
    }

    /// Opens all parts of the table, to read some columns of it; the others have no values. Those that the rows are ordered by
    /// must be among them.
    pub(super) fn open_columns(
        lake: &Lake,
        deployment: &Deployment,
        wanted: impl Fn(&Column) -> bool,
    ) -> Result<Self, Error> {
        let table = T::TABLE;
        let wanted: Vec<bool> = table.columns.iter().map(wanted).collect();
        let manifest = lake.manifest()?;
        let live = manifest.parts.iter().filter(|p| p.table == table.name && p.deployment == deployment.as_str());
        let parts = live
            .map(|part| Part::open(&lake.root().join(part.path()), table, &wanted))
            .collect::<Result<Vec<_>, _>>()?;
        let mut parts: Vec<Part> = parts.into_iter().flatten().collect();
        parts.sort_by(|a, b| b.compare(a, table));
        Ok(Self { table, parts, texts: RefCell::default(), expected: 0, of: PhantomData })
    }

    /// All rows.
    pub(super) fn all(mut self) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        while !self.parts.is_empty() {
            self.take_run(None, &mut rows)?;
        }
        Ok(rows)
    }

    /// Rows of a DAG, in a table that is ordered by DAG. DAGs before it are passed over: they cannot be asked for any more.
    pub(super) fn of_dag(&mut self, dag_id: &str) -> Result<Vec<T>, Error> {
        self.texts.borrow_mut().begin();
        self.pass_over(dag_id)?;
        let mut rows = Vec::with_capacity(self.expected);
        while self.parts.last().is_some_and(|part| part.dag_id() == Some(dag_id)) {
            self.take_run(Some(dag_id), &mut rows)?;
        }
        self.expected = rows.len();
        Ok(rows)
    }

    fn pass_over(&mut self, dag_id: &str) -> Result<(), Error> {
        let behind = self.parts.iter().rposition(|part| part.dag_id() >= Some(dag_id)).map_or(0, |last| last + 1);
        if behind == self.parts.len() {
            return Ok(());
        }
        for at in (behind..self.parts.len()).rev() {
            if !self.parts[at].skip_to(dag_id)? {
                self.parts.remove(at);
            }
        }
        let table = self.table;
        self.parts.sort_by(|a, b| b.compare(a, table));
        Ok(())
    }

    /// Takes rows from the part whose row comes first as long as they come before those of all others.
    fn take_run(&mut self, dag_id: Option<&str>, rows: &mut Vec<T>) -> Result<(), Error> {
        let Some(mut part) = self.parts.pop() else { return Ok(()) };
        let second = self.parts.last();
        // Columns of the order, from the first one on, in which the row is equal to the second part's.
        let mut equal = second.map_or(0, |second| part.compare_from(0, second, self.table).1);
        loop {
            rows.extend(T::from_row(&PartRow { part: &part, texts: &self.texts }));
            if !part.advance()? {
                return Ok(());
            }
            let repeated = part.repeated(self.table);
            // What decided about the row before decides about this one where it came again.
            if let Some(second) = second.filter(|_| repeated <= equal) {
                let order;
                (order, equal) = part.compare_from(repeated, second, self.table);
                if order.is_gt() {
                    break;
                }
            }
            if repeated == 0 && dag_id.is_some() && part.dag_id() != dag_id {
                break;
            }
        }
        let at = self.parts.partition_point(|other| other.compare(&part, self.table).is_gt());
        self.parts.insert(at, part);
        Ok(())
    }
}

/// Distinct values of the first column of a table, by which its rows are ordered.
pub(super) fn first_column(
    lake: &Lake,
    deployment: &Deployment,
    table: &'static Table,
) -> Result<BTreeSet<Text>, Error> {
    let manifest = lake.manifest()?;
    let mut all = BTreeSet::new();
    let wanted: Vec<bool> = (0..table.columns.len()).map(|place| place == 0).collect();
    for part in manifest.parts.iter().filter(|p| p.table == table.name && p.deployment == deployment.as_str()) {
        let Some(mut part) = Part::open(&lake.root().join(part.path()), table, &wanted)? else { continue };
        let mut last: Option<Text> = None;
        loop {
            if part.dag_id() != last.as_deref() {
                last = part.dag_id().map(Text::from);
                all.extend(last.clone());
            }
            if !part.advance()? {
                break;
            }
        }
    }
    Ok(all)
}

/// A part at one of its rows.
struct Part {
    table: &'static Table,
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    /// Which columns are read, by place.
    wanted: Vec<bool>,
    /// `None` where it is not read.
    columns: Vec<Option<Values>>,
    rows: usize,
    row: usize,
}

impl Part {
    /// `None` for a part without rows.
    fn open(path: &Path, table: &'static Table, wanted: &[bool]) -> Result<Option<Self>, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let builder = texts_by_number(file).map_err(Error::parquet(path))?;
        let names = table.columns.iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|(column, _)| column.name);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let batches =
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(Error::parquet(path))?;
        let mut part =
            Self { table, path: path.into(), batches, wanted: wanted.to_vec(), columns: Vec::new(), rows: 0, row: 0 };
        Ok(part.refill()?.then_some(part))
    }

    /// Decodes the next rows; false at the end.
    fn refill(&mut self) -> Result<bool, Error> {
        for batch in self.batches.by_ref() {
            let batch = batch.map_err(Error::arrow(&self.path))?;
            if batch.num_rows() > 0 {
                let take = |(column, wanted): (&Column, &bool)| {
                    wanted.then(|| Values::take(&batch, column, &self.path)).transpose()
                };
                let columns = self.table.columns.iter().zip(&self.wanted).map(take);
                let before = std::mem::replace(&mut self.columns, columns.collect::<Result<Vec<_>, _>>()?);
                for pair in self.columns.iter_mut().zip(before) {
                    if let (Some(Values::Text(words)), Some(Values::Text(before))) = pair {
                        words.follow(before);
                    }
                }
                (self.rows, self.row) = (batch.num_rows(), 0);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes on to the next row; false at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        self.row += 1;
        if self.row < self.rows { Ok(true) } else { self.refill() }
    }

    /// Goes on to the first row of that DAG or one after it; false at the end.
    fn skip_to(&mut self, dag_id: &str) -> Result<bool, Error> {
        while self.dag_id() < Some(dag_id) {
            if !self.advance()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Column 0 of every table that is ordered by DAG.
    fn dag_id(&self) -> Option<&str> {
        self.columns[0].as_ref()?.text(self.row)
    }

    /// Columns of the order, from the first one on, whose values are those of the row before; 0 where that is gone.
    fn repeated(&self, table: &Table) -> usize {
        let repeats = |&&place: &&usize| self.columns[place].as_ref().is_none_or(|values| values.repeats(self.row));
        if self.row == 0 { 0 } else { table.order.iter().take_while(repeats).count() }
    }

    fn compare(&self, other: &Self, table: &Table) -> Ordering {
        self.compare_from(0, other, table).0
    }

    /// Order of the two rows, and in how many columns of the order they are equal, of which `known` are known to be.
    fn compare_from(&self, known: usize, other: &Self, table: &Table) -> (Ordering, usize) {
        for (equal, &place) in table.order.iter().enumerate().skip(known) {
            if let (Some(one), Some(two)) = (&self.columns[place], &other.columns[place]) {
                let order = one.compare(self.row, two, other.row);
                if order.is_ne() {
                    return (order, equal);
                }
            }
        }
        (Ordering::Equal, table.order.len())
    }
}

/// The row at which a part is.
struct PartRow<'a> {
    part: &'a Part,
    texts: &'a RefCell<Texts>,
}

impl PartRow<'_> {
    fn values(&self, place: usize) -> Option<&Values> {
        self.part.columns[place].as_ref()
    }
}

impl Row for PartRow<'_> {
    fn str(&self, place: usize) -> Option<&str> {
        self.values(place)?.text(self.part.row)
    }

    fn text(&self, place: usize) -> Option<Text> {
        match self.values(place)? {
            Values::Text(words) => words.shared(self.part.row, self.texts),
            _ => None,
        }
    }

    fn int(&self, place: usize) -> Option<i64> {
        self.values(place)?.int(self.part.row)
    }

    fn float(&self, place: usize) -> Option<f64> {
        self.values(place)?.float(self.part.row)
    }

    fn bool(&self, place: usize) -> Option<bool> {
        self.values(place)?.bool(self.part.row)
    }
}
