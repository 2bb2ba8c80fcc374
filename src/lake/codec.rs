//! Rows of cells to Parquet and back, a batch at a time.

use super::{
    Error,
    cell::Cell,
    table::{Column, Kind, Table},
};
use crate::model::Text;
use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int32Array, Int32Builder,
        Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
        TimestampMicrosecondBuilder,
    },
    datatypes::{Schema, SchemaRef},
};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use std::{collections::HashSet, fs::File, path::Path, sync::Arc};

/// Rows encoded at once. Large enough for vectorised encoders, small enough to hold many such batches.
const BATCH_ROWS: usize = 8_192;
/// Rows of a row group: what a reader must read at least when it looks for one DAG.
const ROW_GROUP_ROWS: usize = 32_768;
/// zstd level of parts: beyond 3, size hardly falls and time doubles.
const ZSTD_LEVEL: i32 = 3;

/// Writes one Parquet file, row by row.
pub(super) struct PartWriter {
    columns: Vec<Column>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    buffered: usize,
    writer: ArrowWriter<File>,
}

impl PartWriter {
    /// A part of the lake: compressed, with statistics, page index and the order it is sorted by.
    pub(super) fn part(path: &Path, table: &'static Table) -> Result<Self, Error> {
        let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(Error::parquet(path))?;
        let sorting = table.order.iter().map(|&place| SortingColumn {
            column_idx: place as i32,
            descending: false,
            nulls_first: true,
        });
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_sorting_columns(Some(sorting.collect()))
            .set_created_by("windtunnel".to_owned());
        for column in table.columns {
            let path = ColumnPath::from(column.name);
            properties = match column.kind {
                // Neighbours in time are close: their differences pack into few bits.
                Kind::Time => properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
                // Bytes of equal weight lie together and compress.
                Kind::Float => properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
                _ => properties,
            };
        }
        Self::open(path, table.columns.to_vec(), properties.build())
    }

    /// A file that lives for one ingest.
    pub(super) fn scratch(path: &Path, columns: Vec<Column>) -> Result<Self, Error> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        Self::open(path, columns, properties)
    }

    fn open(path: &Path, columns: Vec<Column>, properties: WriterProperties) -> Result<Self, Error> {
        let fields: Vec<_> =
            columns.iter().map(|c| arrow::datatypes::Field::new(c.name, c.kind.data_type(), !c.required)).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(Error::io("create", path))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(Error::parquet(path))?;
        let builders = columns.iter().map(|c| Builder::new(c.kind)).collect();
        Ok(Self { columns, schema, builders, buffered: 0, writer })
    }

    pub(super) fn push<'a>(&mut self, cells: impl Iterator<Item = &'a Cell>, path: &Path) -> Result<(), Error> {
        for (builder, cell) in self.builders.iter_mut().zip(cells) {
            builder.append(cell);
        }
        self.buffered += 1;
        if self.buffered == BATCH_ROWS { self.flush(path) } else { Ok(()) }
    }

    fn flush(&mut self, path: &Path) -> Result<(), Error> {
        let arrays: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        self.buffered = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(Error::arrow(path))?;
        self.writer.write(&batch).map_err(Error::parquet(path))
    }

    /// Writes the rest and the footer, and makes the file durable.
    pub(super) fn finish(mut self, path: &Path) -> Result<(), Error> {
        debug_assert_eq!(self.columns.len(), self.builders.len());
        if self.buffered > 0 {
            self.flush(path)?;
        }
        let file = self.writer.into_inner().map_err(Error::parquet(path))?;
        file.sync_all().map_err(Error::io("write", path))
    }
}

/// Rows of a Parquet file in their order.
pub(super) struct PartReader {
    columns: Vec<Column>,
    batches: ParquetRecordBatchReader,
    batch: Option<(Vec<Values>, usize)>,
    next: usize,
    interner: Interner,
    path: std::path::PathBuf,
}

impl PartReader {
    /// `columns` are read by name; the file may hold others.
    pub(super) fn open(path: &Path, columns: Vec<Column>) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
        let batches = builder.with_batch_size(BATCH_ROWS).build().map_err(Error::parquet(path))?;
        Ok(Self { columns, batches, batch: None, next: 0, interner: Interner::default(), path: path.into() })
    }

    fn next_batch(&mut self) -> Result<bool, Error> {
        let Some(batch) = self.batches.next() else { return Ok(false) };
        let batch = batch.map_err(Error::arrow(&self.path))?;
        let values = self.columns.iter().map(|column| Values::take(&batch, column, &self.path));
        self.batch = Some((values.collect::<Result<_, _>>()?, batch.num_rows()));
        self.next = 0;
        Ok(true)
    }
}

impl Iterator for PartReader {
    type Item = Result<Box<[Cell]>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((values, rows)) = &self.batch
                && self.next < *rows
            {
                let cells = values.iter().map(|v| v.cell(self.next, &mut self.interner)).collect();
                self.next += 1;
                return Some(Ok(cells));
            }
            match self.next_batch() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Equal texts share one allocation.
#[derive(Default)]
pub(super) struct Interner(HashSet<Text>);

impl Interner {
    /// Beyond this many distinct texts (run ids of a long history) nothing is gained by remembering more.
    const MAX_TEXTS: usize = 65_536;

    pub(super) fn get(&mut self, text: &str) -> Text {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        if self.0.len() >= Self::MAX_TEXTS {
            self.0.clear();
        }
        let text: Text = text.into();
        self.0.insert(text.clone());
        text
    }
}

enum Builder {
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        }
    }

    fn append(&mut self, cell: &Cell) {
        match self {
            Self::Text(builder) => builder.append_option(cell.as_text()),
            Self::Int32(builder) => builder.append_option(cell.as_i32()),
            Self::Int64(builder) => builder.append_option(cell.as_int()),
            Self::Float(builder) => builder.append_option(cell.as_float()),
            Self::Bool(builder) => builder.append_option(cell.as_bool()),
            Self::Time(builder) => builder.append_option(cell.as_int()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }
}

enum Values {
    Text(StringArray),
    Int32(Int32Array),
    Int64(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Time(TimestampMicrosecondArray),
}

impl Values {
    fn take(batch: &RecordBatch, column: &Column, path: &Path) -> Result<Self, Error> {
        let wrong = || Error::WrongSchema { path: path.into(), column: column.name };
        let array = batch.column_by_name(column.name).ok_or_else(wrong)?.as_any();
        let values = match column.kind {
            Kind::Text => array.downcast_ref().cloned().map(Self::Text),
            Kind::Int32 => array.downcast_ref().cloned().map(Self::Int32),
            Kind::Int64 => array.downcast_ref().cloned().map(Self::Int64),
            Kind::Float => array.downcast_ref().cloned().map(Self::Float),
            Kind::Bool => array.downcast_ref().cloned().map(Self::Bool),
            Kind::Time => array.downcast_ref().cloned().map(Self::Time),
        };
        values.ok_or_else(wrong)
    }

    fn cell(&self, row: usize, interner: &mut Interner) -> Cell {
        match self {
            Self::Text(a) if a.is_valid(row) => Cell::Text(interner.get(a.value(row))),
            Self::Int32(a) if a.is_valid(row) => Cell::Int(a.value(row).into()),
            Self::Int64(a) if a.is_valid(row) => Cell::Int(a.value(row)),
            Self::Float(a) if a.is_valid(row) => Cell::Float(a.value(row)),
            Self::Bool(a) if a.is_valid(row) => Cell::Bool(a.value(row)),
            Self::Time(a) if a.is_valid(row) => Cell::Int(a.value(row)),
            _ => Cell::Null,
        }
    }
}
