//! Sorted rows on disk for the time of one ingest: blocks of packed rows, each with its own dictionaries, so that a reader
//! holds one small block of each run whatever the length of the history.
//!
//! A block is `[rows, then for each text column: texts, bytes]`, the dictionaries, the rows; words as this machine has them: no run file outlives its ingest.

use super::{
    Error,
    batch::Batch,
    packed::{Layout, Packed, Texts},
};
use crate::model::Text;
use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, BufWriter, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Rows of a block. A hundred runs are merged at once, so a hundred such blocks (150 KB each) must fit in memory.
pub(super) const BLOCK_ROWS: usize = 1_024;
/// Bytes of text after which a block is cut short.
const BLOCK_TEXT: usize = 1 << 20;
const BUFFER: usize = 1 << 18;

/// Readable rows: of a run file, or of a batch in memory.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) words: Vec<u32>,
    pub(super) texts: Vec<Texts>,
}

impl Block {
    pub(super) fn row<'a>(&'a self, layout: &'a Layout, row: usize) -> Packed<'a> {
        let width = layout.width;
        Packed { layout, words: &self.words[row * width..(row + 1) * width], texts: &self.texts }
    }
}

/// Texts of one column that were found to be others when all rows were there.
#[derive(Debug)]
pub(super) struct Renames {
    place: usize,
    others: HashMap<Text, Text>,
}

impl Renames {
    pub(super) fn new(place: usize, others: HashMap<Text, Text>) -> Self {
        Self { place, others }
    }

    /// Codes stay, so that two of them may stand for one text until the rows are copied elsewhere.
    pub(super) fn apply(&self, block: &mut Block) {
        let Some(texts) = block.texts.get_mut(self.place) else { return };
        let codes = 0..texts.len() as u32;
        if codes.clone().any(|code| self.others.contains_key(texts.get(code))) {
            let mut renamed = Texts::default();
            for text in codes.map(|code| texts.get(code)) {
                renamed.push(self.others.get(text).map_or(text, |other| other));
            }
            *texts = renamed;
        }
    }
}

/// Writes the rows of `batch` in `order`.
pub(super) fn write(batch: &Batch, order: &[u32], path: &Path) -> Result<(), Error> {
    let file = File::create(path).map_err(Error::io("create", path))?;
    let mut writer = BlockWriter::new(batch, BufWriter::with_capacity(BUFFER, file));
    for rows in order.chunks(BLOCK_ROWS) {
        writer.push(rows).map_err(Error::io("write", path))?;
    }
    writer.out.flush().map_err(Error::io("write", path))
}

struct BlockWriter<'b> {
    batch: &'b Batch,
    out: BufWriter<File>,
    words: Vec<u32>,
    texts: Vec<Texts>,
    text_bytes: usize,
    /// By column and code in the batch: block in which the code was last given out, and its code there.
    codes: Vec<Vec<(u32, u32)>>,
    block: u32,
}

impl<'b> BlockWriter<'b> {
    fn new(batch: &'b Batch, out: BufWriter<File>) -> Self {
        let codes = batch.texts().iter().map(|texts| vec![(0, 0); texts.len()]).collect();
        let texts = vec![Texts::default(); batch.texts().len()];
        Self { batch, out, words: Vec::new(), texts, text_bytes: 0, codes, block: 1 }
    }

    /// Writes a block of these rows; several, if they hold much text.
    fn push(&mut self, rows: &[u32]) -> std::io::Result<()> {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        // The rows lie anywhere in memory. Fetched one right behind the other, the processor waits for several at a time.
        rows.iter().for_each(|&row| words.extend_from_slice(self.batch.row(row as usize).words));
        let width = self.batch.layout.width;
        let mut from = 0;
        for at in (0..words.len()).step_by(width) {
            self.give_codes(&mut words[at..at + width]);
            if self.text_bytes >= BLOCK_TEXT {
                self.write_block(&words[from..at + width])?;
                from = at + width;
            }
        }
        self.write_block(&words[from..])?;
        self.words = words;
        Ok(())
    }

    /// Puts the block's codes in the place of the batch's.
    fn give_codes(&mut self, row: &mut [u32]) {
        let batch = self.batch;
        let layout = &*batch.layout;
        for &place in &layout.texts {
            if layout.is_null(row, place) {
                continue;
            }
            let code = layout.word(row, place);
            let (block, known) = &mut self.codes[place][code as usize];
            if *block != self.block {
                let text = batch.texts()[place].get(code);
                self.text_bytes += text.len();
                (*block, *known) = (self.block, self.texts[place].push(text));
            }
            row[layout.slot(place)] = *known;
        }
    }

    fn write_block(&mut self, words: &[u32]) -> std::io::Result<()> {
        let layout = &self.batch.layout;
        if words.is_empty() {
            return Ok(());
        }
        let mut head = vec![(words.len() / layout.width) as u32];
        for &place in &layout.texts {
            head.extend([self.texts[place].ends.len() as u32, self.texts[place].arena.len() as u32]);
        }
        self.out.write_all(bytemuck::cast_slice(&head))?;
        for &place in &layout.texts {
            self.out.write_all(bytemuck::cast_slice(&self.texts[place].ends))?;
            self.out.write_all(self.texts[place].arena.as_bytes())?;
            self.texts[place].clear();
        }
        self.out.write_all(bytemuck::cast_slice(words))?;
        self.text_bytes = 0;
        self.block += 1;
        Ok(())
    }
}

/// Reads a run file block by block.
pub(super) struct BlockReader {
    layout: Arc<Layout>,
    file: BufReader<File>,
    path: PathBuf,
    sizes: Vec<u32>,
    bytes: Vec<u8>,
}

impl BlockReader {
    pub(super) fn open(layout: Arc<Layout>, path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        Ok(Self {
            layout,
            file: BufReader::with_capacity(1 << 16, file),
            path: path.into(),
            sizes: Vec::new(),
            bytes: Vec::new(),
        })
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Fills `block`; false at the end of the file.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, Error> {
        self.read(block).map_err(Error::io("read", &self.path))
    }

    fn read(&mut self, block: &mut Block) -> std::io::Result<bool> {
        let mut rows = [0_u32];
        if let Err(error) = self.file.read_exact(bytemuck::cast_slice_mut(&mut rows)) {
            return if error.kind() == ErrorKind::UnexpectedEof { Ok(false) } else { Err(error) };
        }
        self.sizes.resize(2 * self.layout.texts.len(), 0);
        self.file.read_exact(bytemuck::cast_slice_mut(&mut self.sizes))?;
        block.texts.resize_with(self.layout.table.columns.len(), Texts::default);
        for (&place, sizes) in self.layout.texts.iter().zip(self.sizes.chunks_exact(2)) {
            let into = &mut block.texts[place];
            into.ends.resize(sizes[0] as usize, 0);
            self.file.read_exact(bytemuck::cast_slice_mut(&mut into.ends))?;
            self.bytes.resize(sizes[1] as usize, 0);
            self.file.read_exact(&mut self.bytes)?;
            into.arena.clear();
            into.arena.push_str(std::str::from_utf8(&self.bytes).map_err(std::io::Error::other)?);
        }
        block.words.resize(rows[0] as usize * self.layout.width, 0);
        self.file.read_exact(bytemuck::cast_slice_mut(&mut block.words))?;
        Ok(true)
    }
}
