//! Packed rows to a Parquet file. Row groups are encoded side by side and appended in their order, so that the bytes do not
//! depend on the number of threads.

use super::{
    Error,
    batch::Batch,
    column_builder::ColumnBuilder,
    packed::Layout,
    table::{Kind, Table},
    tables::TASK_ATTEMPTS,
};
use arrow::{
    array::ArrayRef,
    datatypes::{Field, Fields, Schema, SchemaRef},
    error::ArrowError,
};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::SortingColumn,
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::ColumnPath,
};
use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

/// Rows of a row group: what a reader must read at least when it looks for one DAG.
const ROW_GROUP_ROWS: usize = 65_536;
/// zstd level of parts: beyond 3, size hardly falls and time doubles.
const ZSTD_LEVEL: i32 = 3;

/// Writes one part.
pub(super) struct PartWriter {
    path: PathBuf,
    layout: Arc<Layout>,
    /// Types of what the builders give.
    fields: Fields,
    builders: Vec<ColumnBuilder>,
    rows: usize,
    file: SerializedFileWriter<File>,
    factory: Arc<ArrowRowGroupWriterFactory>,
    encoders: Option<Encoders>,
    threads: usize,
    /// Row groups handed out for encoding, and those appended to the file.
    begun: usize,
    appended: usize,
    encoded: BTreeMap<usize, Vec<ArrowColumnChunk>>,
}

type Columns = Vec<ArrayRef>;
type Encoded = Result<Vec<ArrowColumnChunk>, ParquetError>;

impl PartWriter {
    /// Compressed, with statistics, page index and the order it is sorted by.
    pub(super) fn create(path: &Path, layout: Arc<Layout>, threads: usize) -> Result<Self, Error> {
        let table = layout.table;
        let fields: Vec<_> =
            table.columns.iter().map(|c| Field::new(c.name, c.kind.data_type(), !c.required)).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let file = File::create(path).map_err(Error::io("create", path))?;
        let properties = properties(table).map_err(Error::parquet(path))?;
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(Error::parquet(path))?;
        let (file, factory) = writer.into_serialized_writer().map_err(Error::parquet(path))?;
        Ok(Self {
            path: path.into(),
            fields: table
                .columns
                .iter()
                .map(|c| Field::new(c.name, ColumnBuilder::data_type(c.kind), !c.required))
                .collect(),
            builders: table.columns.iter().map(|column| ColumnBuilder::new(column.kind)).collect(),
            rows: 0,
            layout,
            file,
            factory: Arc::new(factory),
            encoders: None,
            threads,
            begun: 0,
            appended: 0,
            encoded: BTreeMap::new(),
        })
    }

    /// Appends rows, one behind the other in `words`, that have their texts in `batch`.
    pub(super) fn append(&mut self, words: &[u32], batch: &Batch) -> Result<(), Error> {
        let width = self.layout.width;
        let mut rest = words;
        while !rest.is_empty() {
            let take = (rest.len() / width).min(ROW_GROUP_ROWS - self.rows);
            let (now, later) = rest.split_at(take * width);
            for (place, builder) in self.builders.iter_mut().enumerate() {
                builder.append(&self.layout, now, place, batch);
            }
            self.rows += take;
            rest = later;
            if self.rows == ROW_GROUP_ROWS {
                self.end_group(false)?;
            }
        }
        Ok(())
    }

    /// Writes the rest and the footer, and makes the file durable.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        if self.rows > 0 {
            self.end_group(true)?;
        }
        while self.appended < self.begun {
            self.take_encoded(true)?;
        }
        let path = self.path.clone();
        let file = self.file.into_inner().map_err(Error::parquet(&path))?;
        file.sync_all().map_err(Error::io("write", &path))
    }

    fn end_group(&mut self, last: bool) -> Result<(), Error> {
        let columns: Result<Columns, ArrowError> = self.builders.iter_mut().map(ColumnBuilder::finish).collect();
        let columns = columns.map_err(Error::arrow(&self.path))?;
        self.rows = 0;
        let group = self.begun;
        self.begun += 1;
        // A small part is not worth a thread.
        if group == 0 && last || self.threads < 2 {
            let chunks = encode(&self.factory, group, &self.fields, &columns).map_err(Error::parquet(&self.path))?;
            self.encoded.insert(group, chunks);
            return self.append_encoded();
        }
        let (factory, fields, threads) = (self.factory.clone(), self.fields.clone(), self.threads);
        self.encoders.get_or_insert_with(|| Encoders::start(threads, &factory, &fields)).hand_out(group, columns);
        // What is encoded waits in memory until its turn comes: no more groups are begun than there are threads.
        while self.begun - self.appended > self.threads + 1 {
            self.take_encoded(true)?;
        }
        self.take_encoded(false)
    }

    fn take_encoded(&mut self, wait: bool) -> Result<(), Error> {
        if let Some((group, chunks)) = self.encoders.as_ref().and_then(|encoders| encoders.take(wait)) {
            self.encoded.insert(group, chunks.map_err(Error::parquet(&self.path))?);
        }
        self.append_encoded()
    }

    fn append_encoded(&mut self) -> Result<(), Error> {
        while let Some(chunks) = self.encoded.remove(&self.appended) {
            let append = |file: &mut SerializedFileWriter<File>| {
                let mut group = file.next_row_group()?;
                for chunk in chunks {
                    chunk.append_to_row_group(&mut group)?;
                }
                group.close().map(drop)
            };
            append(&mut self.file).map_err(Error::parquet(&self.path))?;
            self.appended += 1;
        }
        Ok(())
    }
}

fn properties(table: &Table) -> Result<WriterProperties, ParquetError> {
    let sorting = table.order.iter().map(|&place| SortingColumn {
        column_idx: place as i32,
        descending: false,
        nulls_first: true,
    });
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        // Larger pages compress better, and a reader of one DAG reads whole row groups.
        .set_data_page_row_count_limit(ROW_GROUP_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_sorting_columns(Some(sorting.collect()))
        .set_created_by("windtunnel".to_owned());
    for (place, column) in table.columns.iter().enumerate() {
        let path = ColumnPath::from(column.name);
        // Texts that the rows are not sorted by lie everywhere in a part: their extremes tell a reader of no row group to pass over.
        if column.kind == Kind::Text && !table.order[..table.group].contains(&place) {
            properties = properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        }
        properties = match column.kind {
            // The last write follows no order that the rows have: differences would hide what compresses.
            Kind::Time if table.name == TASK_ATTEMPTS.name && Some(place) == table.version => {
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::PLAIN)
            }
            // Neighbours in time are close: their differences pack into few bits.
            Kind::Time => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            // Seconds are written with six decimals: few distinct patterns of bytes, which compress best where they stand together.
            Kind::Float => {
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, Encoding::PLAIN)
            }
            // Mostly the same number row after row, which packs into nothing.
            Kind::Int32 | Kind::Int64 => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Kind::Text | Kind::Bool => properties,
        };
    }
    Ok(properties.build())
}

fn encode(factory: &ArrowRowGroupWriterFactory, group: usize, fields: &Fields, columns: &Columns) -> Encoded {
    let writers = factory.create_column_writers(group)?;
    let mut chunks = Vec::with_capacity(writers.len());
    // Each column is flat: one leaf, one writer.
    for (mut writer, (field, array)) in writers.into_iter().zip(fields.iter().zip(columns)) {
        for leaf in compute_leaves(field, array)? {
            writer.write(&leaf)?;
        }
        chunks.push(writer.close()?);
    }
    Ok(chunks)
}

/// Threads that encode row groups.
struct Encoders {
    jobs: Option<SyncSender<(usize, Columns)>>,
    results: Receiver<(usize, Encoded)>,
    threads: Vec<JoinHandle<()>>,
}

impl Encoders {
    fn start(threads: usize, factory: &Arc<ArrowRowGroupWriterFactory>, fields: &Fields) -> Self {
        let (jobs, waiting) = sync_channel::<(usize, Columns)>(1);
        let waiting = Arc::new(Mutex::new(waiting));
        // The writer takes results before it begins more groups than this.
        let (done, results) = sync_channel(threads + 2);
        let start = |_| {
            let (waiting, done, factory, fields) = (waiting.clone(), done.clone(), factory.clone(), fields.clone());
            std::thread::spawn(move || {
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((group, columns)) = job else { return };
                    if done.send((group, encode(&factory, group, &fields, &columns))).is_err() {
                        return;
                    }
                }
            })
        };
        let threads = (0..threads).map(start).collect();
        Self { jobs: Some(jobs), results, threads }
    }

    fn hand_out(&self, group: usize, columns: Columns) {
        if let Some(jobs) = &self.jobs {
            // Fails only if every thread has panicked, which `take` finds out.
            let _ = jobs.send((group, columns));
        }
    }

    fn take(&self, wait: bool) -> Option<(usize, Encoded)> {
        if wait { self.results.recv().ok() } else { self.results.try_recv().ok() }
    }
}

impl Drop for Encoders {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join()
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}
