//! A column of texts as Parquet keeps it: each text once, and for each row the number of its text.

use crate::model::{Text, TextHash};
use arrow::{
    array::{Array, AsArray, DictionaryArray, Int32Array, StringArray},
    datatypes::{DataType, Field, Int32Type, Schema},
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};
use std::{cell::RefCell, collections::HashSet, fs::File, sync::Arc};

/// Some rows of a column of texts.
pub(super) struct Words {
    keys: Int32Array,
    texts: StringArray,
    /// Those that were asked for, by key, with the round in which that was.
    known: RefCell<Vec<Option<(u32, Text)>>>,
}

impl Words {
    /// `None` where it holds no texts.
    pub(super) fn new(column: &DictionaryArray<Int32Type>) -> Option<Self> {
        let texts = column.values().as_string_opt::<i32>()?.clone();
        Some(Self { keys: column.keys().clone(), texts, known: RefCell::default() })
    }

    /// Rows that follow some of the same file mostly share their texts: what was asked for there need not be asked for again.
    pub(super) fn follow(&mut self, before: Self) {
        let place = |words: &Self| (words.texts.values().as_ptr(), words.texts.offsets().as_ptr(), words.texts.len());
        // Both are alive, so that the same place means the same texts.
        if place(self) == place(&before) {
            self.known = before.known;
        }
    }

    /// Number of a row's text; the same number is the same text.
    fn key(&self, row: usize) -> Option<usize> {
        self.keys.is_valid(row).then(|| self.keys.value(row) as usize)
    }

    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        self.key(row).map(|key| self.texts.value(key))
    }

    /// The same as one that is shared by all that hold it.
    pub(super) fn shared(&self, row: usize, all: &RefCell<Texts>) -> Option<Text> {
        let key = self.key(row)?;
        let (mut known, mut all) = (self.known.borrow_mut(), all.borrow_mut());
        if known.is_empty() {
            known.resize(self.texts.len(), None);
        }
        match &known[key] {
            Some((round, text)) if *round == all.round => Some(text.clone()),
            _ => {
                let text = all.get(self.texts.value(key));
                known[key] = Some((all.round, text.clone()));
                Some(text)
            }
        }
    }

    /// Is the text of a row that of the row before it?
    pub(super) fn repeats(&self, row: usize) -> bool {
        self.key(row) == self.key(row - 1)
    }
}

/// A reader of a Parquet file that gives its texts so.
pub(super) fn texts_by_number(file: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ParquetError> {
    let plain = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let by_number = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => {
            let numbered = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(numbered))
        }
        _ => field.clone(),
    };
    let fields: Vec<_> = plain.schema().fields().iter().map(by_number).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let numbered = ArrowReaderMetadata::try_new(plain.metadata().clone(), options)?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, numbered))
}

/// Equal texts share one allocation within a round, the rows of a DAG: the threads that work on two DAGs count the users of none
/// in common, which would make each wait for the other.
#[derive(Default)]
pub(super) struct Texts {
    round: u32,
    known: HashSet<Text, TextHash>,
}

impl Texts {
    /// Begins another round.
    pub(super) fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
        self.known.clear();
    }

    fn get(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let text: Text = text.into();
        self.known.insert(text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::RecordBatch;
    use parquet::{
        arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
        file::properties::WriterProperties,
    };
    use std::path::Path;

    /// Some texts that come again and again, some that never do, some that are missing or empty.
    fn texts() -> Vec<Option<String>> {
        let text = |i: usize| match i % 7 {
            0 => None,
            1 => Some(String::new()),
            2 | 3 => Some(format!("pool {}", i / 500)),
            _ => Some(format!("scheduled__{i}")),
        };
        (0..20_000).map(text).collect()
    }

    /// Row groups that no batch ends with, and dictionaries that are given up in the middle of one.
    fn write(path: &Path, texts: &[Option<String>]) {
        let column: StringArray = texts.iter().map(Option::as_deref).collect();
        let batch = RecordBatch::try_from_iter([("text", Arc::new(column) as _)]).expect("a batch");
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(7_001))
            .set_dictionary_page_size_limit(20_000)
            .set_data_page_row_count_limit(500)
            .set_write_batch_size(100)
            .build();
        let file = File::create(path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
    }

    #[test]
    fn each_row_has_the_text_that_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("part.parquet");
        let texts = texts();
        write(&path, &texts);
        let plain = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("there")).expect("Parquet");
        assert!(plain.metadata().num_row_groups() > 2);
        let batches = texts_by_number(File::open(&path).expect("there")).expect("Parquet");
        let all = RefCell::new(Texts::default());
        let mut at = 0;
        let mut before: Option<Words> = None;
        for batch in batches.with_batch_size(1_000).build().expect("batches") {
            let batch = batch.expect("a batch");
            let mut words = Words::new(batch.column(0).as_dictionary()).expect("texts");
            if let Some(before) = before.take() {
                words.follow(before);
            }
            for row in 0..batch.num_rows() {
                if at % 3_000 == 0 {
                    all.borrow_mut().begin();
                }
                assert_eq!(words.get(row), texts[at].as_deref(), "row {at}");
                assert_eq!(words.shared(row, &all).as_deref(), texts[at].as_deref(), "row {at}");
                assert!(row == 0 || !words.repeats(row) || texts[at] == texts[at - 1], "row {at}");
                at += 1;
            }
            before = Some(words);
        }
        assert_eq!(at, texts.len());
    }

    #[test]
    fn equal_texts_of_a_round_share_one_allocation() {
        let mut texts = Texts::default();
        let (one, two) = (texts.get("a"), texts.get("a"));
        assert!(Arc::ptr_eq(&one, &two));
        texts.begin();
        assert!(!Arc::ptr_eq(&one, &texts.get("a")));
    }
}
