//! Columns of a row group, filled from packed rows.

use super::{batch::Batch, packed::Layout, table::Kind};
use arrow::{
    array::NullBufferBuilder,
    array::{
        ArrayRef, ArrowPrimitiveType, BooleanArray, DictionaryArray, PrimitiveArray, StringBuilder,
        TimestampMicrosecondArray,
    },
    buffer::BooleanBuffer,
    datatypes::{DataType, Float64Type, Int32Type, Int64Type},
    error::ArrowError,
};
use std::sync::Arc;

/// Values of one column, until they are made an array. Under a null lies a value that means nothing.
pub(super) struct ColumnBuilder {
    values: Values,
    nulls: NullBufferBuilder,
}

enum Values {
    Text(Texts),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
    Time(Vec<i64>),
}

impl ColumnBuilder {
    pub(super) fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Values::Text(Texts::default()),
            Kind::Int32 => Values::Int32(Vec::new()),
            Kind::Int64 => Values::Int64(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Time => Values::Time(Vec::new()),
        };
        Self { values, nulls: NullBufferBuilder::new(0) }
    }

    /// What [`finish`](Self::finish) gives: texts as a dictionary.
    pub(super) fn data_type(kind: Kind) -> DataType {
        match kind {
            Kind::Text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            kind => kind.data_type(),
        }
    }

    /// The values of column `place` of rows that lie one behind the other, and have their texts in `batch`.
    pub(super) fn append(&mut self, layout: &Layout, words: &[u32], place: usize, batch: &Batch) {
        let rows = || words.chunks_exact(layout.width);
        // Mostly all rows of a task have a value, or none.
        match (rows().filter(|row| layout.is_null(row, place)).count(), rows().len()) {
            (0, all) => self.nulls.append_n_non_nulls(all),
            (nulls, all) if nulls == all => self.nulls.append_n_nulls(all),
            _ => rows().for_each(|row| self.nulls.append(!layout.is_null(row, place))),
        }
        match &mut self.values {
            Values::Text(texts) => texts.append(layout, words, place, batch),
            Values::Int32(values) => values.extend(rows().map(|row| layout.word(row, place) as i32)),
            Values::Int64(values) | Values::Time(values) => {
                values.extend(rows().map(|row| layout.wide(row, place) as i64));
            }
            Values::Float(values) => values.extend(rows().map(|row| layout.float(row, place))),
            Values::Bool(values) => values.extend(rows().map(|row| layout.word(row, place) != 0)),
        }
    }

    /// The array of all values so far.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish();
        Ok(match &mut self.values {
            Values::Text(texts) => {
                let (keys, values) = texts.finish();
                Arc::new(DictionaryArray::<Int32Type>::try_new(array_of(keys, nulls)?, Arc::new(values))?)
            }
            Values::Int32(values) => Arc::new(array_of::<Int32Type>(std::mem::take(values), nulls)?),
            Values::Int64(values) => Arc::new(array_of::<Int64Type>(std::mem::take(values), nulls)?),
            Values::Float(values) => Arc::new(array_of::<Float64Type>(std::mem::take(values), nulls)?),
            Values::Bool(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(std::mem::take(values)), nulls)),
            Values::Time(values) => {
                let array = TimestampMicrosecondArray::try_new(std::mem::take(values).into(), nulls)?;
                Arc::new(array.with_timezone("UTC"))
            }
        })
    }
}

fn array_of<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    nulls: Option<arrow::buffer::NullBuffer>,
) -> Result<PrimitiveArray<T>, ArrowError> {
    PrimitiveArray::try_new(values.into(), nulls)
}

/// Texts as keys into a dictionary of the row group, so that a text that comes a thousand times is copied once.
#[derive(Default)]
struct Texts {
    keys: Vec<i32>,
    values: StringBuilder,
    /// Texts in `values`.
    distinct: i32,
    /// By code in the batch: the mark under which the code was last seen, and its key.
    known: Vec<(u32, i32)>,
    /// Changes whenever `known` means nothing any more.
    mark: u32,
    /// Texts of the batch that the codes are of.
    dictionary: u64,
}

impl Texts {
    fn append(&mut self, layout: &Layout, words: &[u32], place: usize, batch: &Batch) {
        let texts = &batch.texts()[place];
        if self.dictionary != batch.dictionary() {
            self.dictionary = batch.dictionary();
            self.forget();
        }
        if self.known.len() < texts.len() {
            self.known.resize(texts.len(), (0, 0));
        }
        for row in words.chunks_exact(layout.width) {
            if layout.is_null(row, place) {
                self.keys.push(0);
                continue;
            }
            let code = layout.word(row, place);
            let (mark, key) = &mut self.known[code as usize];
            if *mark != self.mark {
                (*mark, *key) = (self.mark, self.distinct);
                self.values.append_value(texts.get(code));
                self.distinct += 1;
            }
            self.keys.push(*key);
        }
    }

    fn finish(&mut self) -> (Vec<i32>, arrow::array::StringArray) {
        self.forget();
        self.distinct = 0;
        (std::mem::take(&mut self.keys), self.values.finish())
    }

    fn forget(&mut self) {
        self.mark = self.mark.wrapping_add(1);
        if self.mark == 0 {
            self.known.clear();
            self.mark = 1;
        }
    }
}
