//! Sorted streams of packed rows, merged into one.

use super::{
    Error,
    batch::{Batch, CodeMaps},
    order::Order,
    packed::{Layout, Packed},
    part_reader::HeldRows,
    run_file::{Block, BlockReader, Renames},
};
use std::{cmp::Ordering, sync::Arc};

/// Rows sorted by month and identity.
pub(super) struct Stream {
    source: Source,
    block: Block,
    /// Order of the rows of `block`; `None` where they lie in order.
    order: Option<Vec<u32>>,
    next: usize,
    rows: usize,
    /// Codes of the block's texts in the batch that its rows are copied to.
    pub(super) maps: CodeMaps,
}

enum Source {
    /// All of it is in the block.
    Memory,
    Run(BlockReader, Option<Arc<Renames>>),
    Held(Box<HeldRows>),
}

impl Stream {
    pub(super) fn of_batch(batch: Batch, order: Vec<u32>, renames: Option<&Renames>) -> Self {
        let (rows, maps) = (batch.rows(), CodeMaps::new(&batch.layout));
        let (words, texts) = batch.into_parts();
        let mut block = Block { words, texts };
        if let Some(renames) = renames {
            renames.apply(&mut block);
        }
        Self { source: Source::Memory, block, order: Some(order), next: 0, rows, maps }
    }

    pub(super) fn of_run(reader: BlockReader, renames: Option<Arc<Renames>>) -> Self {
        let maps = CodeMaps::new(reader.layout());
        Self { source: Source::Run(reader, renames), block: Block::default(), order: None, next: 0, rows: 0, maps }
    }

    /// Rows of a part; sorted by identity within it.
    pub(super) fn of_part(rows: HeldRows) -> Self {
        let maps = CodeMaps::new(rows.layout());
        let source = Source::Held(Box::new(rows));
        Self { source, block: Block::default(), order: None, next: 0, rows: 0, maps }
    }

    /// Makes sure that there is a row to look at; false at the end.
    fn fill(&mut self, layout: &Layout) -> Result<bool, Error> {
        while self.next >= self.rows {
            let more = match &mut self.source {
                Source::Memory => false,
                Source::Run(reader, renames) => {
                    let more = reader.next(&mut self.block)?;
                    if let Some(renames) = renames {
                        renames.apply(&mut self.block);
                    }
                    more
                }
                Source::Held(rows) => rows.next(&mut self.block)?,
            };
            if !more {
                return Ok(false);
            }
            self.maps.clear();
            self.next = 0;
            self.rows = self.block.words.len() / layout.width;
        }
        Ok(true)
    }

    /// Goes on to the next row; `None` at the end. Says in how many first columns of the order it is like the row before.
    fn advance(&mut self, layout: &Layout, order: Order) -> Result<Option<usize>, Error> {
        let before = self.place();
        self.next += 1;
        if self.next < self.rows {
            let (before, now) = (self.block.row(layout, before), self.head(layout));
            return Ok(Some(order.shared(&before, &now)));
        }
        Ok(self.fill(layout)?.then_some(0))
    }

    /// Place of the row at hand in the block.
    fn place(&self) -> usize {
        self.order.as_ref().map_or(self.next, |order| order[self.next] as usize)
    }

    fn head<'a>(&'a self, layout: &'a Layout) -> Packed<'a> {
        self.block.row(layout, self.place())
    }
}

/// Several streams as one. Equal rows come in the order of the streams.
pub(super) struct Merger {
    layout: Arc<Layout>,
    order: Order,
    streams: Vec<Stream>,
    /// Streams that have a row, the one with the least row last.
    waiting: Vec<usize>,
    lead: Lead,
}

/// How the least row was found to come before the next stream's. Rows of one stream share their first columns with those
/// before them, and what is known of those need not be compared again.
#[derive(Clone, Copy, Debug, Default)]
struct Lead {
    /// The stream that waits behind the least one; `None` where nothing is known.
    behind: Option<usize>,
    /// First columns of the order in which the two rows are equal.
    equal: usize,
}

impl Merger {
    pub(super) fn new(layout: Arc<Layout>, order: Order, streams: Vec<Stream>) -> Result<Self, Error> {
        let (room, waiting, lead) = (Vec::with_capacity(streams.len()), Vec::new(), Lead::default());
        let mut merger = Self { layout, order, streams: room, waiting, lead };
        streams.into_iter().try_for_each(|stream| merger.add(stream))?;
        Ok(merger)
    }

    pub(super) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Adds a stream whose rows come no earlier than those taken already.
    pub(super) fn add(&mut self, mut stream: Stream) -> Result<(), Error> {
        if stream.fill(&self.layout)? {
            self.streams.push(stream);
            self.queue(self.streams.len() - 1, 0);
        }
        Ok(())
    }

    /// The least row.
    pub(super) fn peek(&self) -> Option<Packed<'_>> {
        self.waiting.last().map(|&stream| self.streams[stream].head(&self.layout))
    }

    /// The least row, with the memory of its codes elsewhere.
    pub(super) fn peek_with_maps(&mut self) -> Option<(Packed<'_>, &mut CodeMaps)> {
        let stream = &mut self.streams[*self.waiting.last()?];
        let row = stream.place();
        Some((stream.block.row(&self.layout, row), &mut stream.maps))
    }

    /// Takes the least row away.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        let Some(stream) = self.waiting.pop() else { return Ok(()) };
        let kept = self.streams[stream].advance(&self.layout, self.order)?;
        match kept {
            Some(kept) => self.queue(stream, kept),
            None => {
                self.lead = Lead::default();
                // Its memory and its file are of no more use.
                self.streams[stream].block = Block::default();
                self.streams[stream].order = None;
                self.streams[stream].source = Source::Memory;
            }
        }
        Ok(())
    }

    /// The batch that rows were copied to has forgotten its texts.
    pub(super) fn forget_codes(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.maps.clear());
    }

    /// Puts a stream where it belongs; its row has its first `kept` columns from the row before it, which was the least.
    fn queue(&mut self, stream: usize, kept: usize) {
        // Runs of a history that was exported in the order of time hardly overlap: the next row mostly comes from the
        // same stream.
        if let Some(&least) = self.waiting.last() {
            let known = if self.lead.behind == Some(least) { self.lead.equal } else { 0 };
            // The column that told the two apart before still does.
            if self.lead.behind == Some(least) && kept > known {
                return self.waiting.push(stream);
            }
            let (order, equal) = self.compare_from(stream, least, kept.min(known));
            if order == Ordering::Less {
                self.lead = Lead { behind: Some(least), equal };
                return self.waiting.push(stream);
            }
        }
        self.lead = Lead::default();
        let comes_first = |other: &usize| self.compare_from(stream, *other, 0).0 == Ordering::Less;
        let at = self.waiting.partition_point(comes_first);
        self.waiting.insert(at, stream);
    }

    /// Compares the rows of two streams from a column of the order on, and says in how many columns they are equal.
    fn compare_from(&self, a: usize, b: usize, from: usize) -> (Ordering, usize) {
        let (row, other) = (self.streams[a].head(&self.layout), self.streams[b].head(&self.layout));
        let (order, equal) = self.order.compare_from(&row, &other, from);
        (order.then(a.cmp(&b)), equal)
    }
}
