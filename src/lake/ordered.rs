//! Rows of one table of a deployment in the order of the table, from all its parts: each part is read once, from its
//! beginning to its end, however many DAGs are asked for.

use super::{
    Error, Lake,
    cell::Cell,
    columns::Values,
    rows::Loaded,
    table::{Column, Kind, Table},
};
use crate::model::{Deployment, Text};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};
use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashSet},
    fs::File,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// Rows of a part that are decoded at once.
const BATCH_ROWS: usize = 4_096;

/// Rows of a table, merged from its parts.
pub(super) struct OrderedRows<T> {
    table: &'static Table,
    parts: Vec<Part>,
    texts: Texts,
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
        let parts = parts.into_iter().flatten().collect();
        Ok(Self { table, parts, texts: Texts::default(), expected: 0, of: PhantomData })
    }

    /// All rows.
    pub(super) fn all(mut self) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        while let Some(part) = self.first() {
            self.take_from(part, None, &mut rows)?;
        }
        Ok(rows)
    }

    /// Rows of a DAG, in a table that is ordered by DAG. DAGs before it are passed over: they cannot be asked for any more.
    pub(super) fn of_dag(&mut self, dag_id: &str) -> Result<Vec<T>, Error> {
        let mut rows = Vec::with_capacity(self.expected);
        for part in (0..self.parts.len()).rev() {
            if !self.parts[part].skip_to(dag_id)? {
                self.parts.swap_remove(part);
            }
        }
        while let Some(part) = self.first().filter(|&part| self.parts[part].dag_id() == Some(dag_id)) {
            self.take_from(part, Some(dag_id), &mut rows)?;
        }
        self.expected = rows.len();
        Ok(rows)
    }

    /// The part whose next row comes first.
    fn first(&self) -> Option<usize> {
        (0..self.parts.len()).min_by(|&a, &b| self.parts[a].compare(&self.parts[b], self.table))
    }

    /// Takes rows from a part as long as they come before those of all others.
    fn take_from(&mut self, part: usize, dag_id: Option<&str>, rows: &mut Vec<T>) -> Result<(), Error> {
        let others = (0..self.parts.len()).filter(|&other| other != part);
        let second = others.min_by(|&a, &b| self.parts[a].compare(&self.parts[b], self.table));
        loop {
            rows.extend(T::from_cells(self.parts[part].cells(&mut self.texts)));
            if !self.parts[part].advance()? {
                self.parts.swap_remove(part);
                return Ok(());
            }
            let next = &self.parts[part];
            let is_first = second.is_none_or(|second| next.compare(&self.parts[second], self.table).is_le());
            if !is_first || dag_id.is_some() && next.dag_id() != dag_id {
                return Ok(());
            }
        }
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
    /// Which columns hold more than one value in the rows that are decoded.
    varies: Vec<bool>,
    /// No row of them was built yet.
    fresh: bool,
    rows: usize,
    row: usize,
    /// The row that was built last: a text that comes again is not looked up again.
    cells: Vec<Cell>,
}

impl Part {
    /// `None` for a part without rows.
    fn open(path: &Path, table: &'static Table, wanted: &[bool]) -> Result<Option<Self>, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
        let names = table.columns.iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|(column, _)| column.name);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let batches =
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(Error::parquet(path))?;
        let mut part = Self {
            table,
            path: path.into(),
            batches,
            wanted: wanted.to_vec(),
            columns: Vec::new(),
            varies: Vec::new(),
            fresh: true,
            rows: 0,
            row: 0,
            cells: vec![Cell::Null; table.columns.len()],
        };
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
                self.columns = columns.collect::<Result<Vec<_>, _>>()?;
                self.varies = self.columns.iter().map(|values| values.as_ref().is_some_and(Values::varies)).collect();
                self.fresh = true;
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

    fn compare(&self, other: &Self, table: &Table) -> Ordering {
        let one = |&place: &usize| {
            let (one, two) = (self.columns[place].as_ref()?, other.columns[place].as_ref()?);
            Some(one.compare(self.row, two, other.row))
        };
        table.order.iter().filter_map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn cells(&mut self, texts: &mut Texts) -> &[Cell] {
        let fresh = std::mem::take(&mut self.fresh);
        for (place, cell) in self.cells.iter_mut().enumerate() {
            if !(fresh || self.varies[place]) {
                continue;
            }
            let Some(values) = &self.columns[place] else { continue };
            if self.table.columns[place].kind != Kind::Text {
                *cell = values.number(self.row);
                continue;
            }
            match values.text(self.row) {
                None => *cell = Cell::Null,
                Some(text) if cell.as_text().is_some_and(|known| **known == *text) => {}
                Some(text) => *cell = Cell::Text(texts.get(text)),
            }
        }
        &self.cells
    }
}

/// Equal texts share one allocation.
#[derive(Default)]
struct Texts(HashSet<Text, foldhash::fast::RandomState>);

impl Texts {
    /// Beyond this many distinct texts (run ids of a long history) nothing is gained by remembering more.
    const MOST: usize = 65_536;

    fn get(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        let text: Text = text.into();
        self.0.insert(text.clone());
        text
    }
}
