//! A run: batches are filled, handled and counted.

use super::{
    Batch, BatchRecord, BatchReport, Checkpoint, DeadLetters, Handler, Observed, Settings, choice::Chooser,
    settle::Tally,
};
use crate::model::Clock;
use futures_util::{Stream, StreamExt};
use std::{io, pin::pin, sync::Arc};

/// Share of the memory that there is in use, where that can be told.
type Memory<'a> = Box<dyn FnMut() -> Option<f64> + 'a>;

/// Handles items in batches.
pub struct Processor<'a> {
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    memory: Memory<'a>,
    checkpoint: Option<&'a mut Checkpoint>,
    on_batch: Box<dyn FnMut(&BatchRecord) + 'a>,
    on_progress: Box<dyn FnMut(u64) + 'a>,
}

/// Why a run stopped before the end of its input.
#[derive(Debug, thiserror::Error)]
pub enum StopReason {
    /// The handler can do no more.
    #[error("the handler gave up: {0}")]
    Handler(String),
    /// A dead letter could not be kept.
    #[error("a dead letter could not be kept: {0}")]
    Letters(#[source] io::Error),
    /// The position could not be kept.
    #[error("the position could not be kept: {0}")]
    Checkpoint(#[source] io::Error),
    /// So many dead letters were too many.
    #[error("{0} items could not be handled, as many as are allowed; mend the cause and resume")]
    DeadLetters(u64),
    /// The input ends before the position from which to go on.
    #[error("the input has {items} items, fewer than the {position} that were handled before: it is another input")]
    ShortInput {
        /// Items there are.
        items: u64,
        /// Items that were handled.
        position: u64,
    },
}

/// A run that stopped early: what it did until then, and why it stopped. It can be resumed.
#[derive(Debug, thiserror::Error)]
#[error("stopped after {} items: {why}", report.position)]
pub struct Interrupted {
    /// What was done.
    pub report: Box<BatchReport>,
    /// Why it stopped.
    #[source]
    pub why: StopReason,
}

impl<'a> Processor<'a> {
    /// A processor that keeps no checkpoint, looks at no memory and tells nobody.
    #[must_use]
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            memory: Box::new(|| None),
            checkpoint: None,
            on_batch: Box::new(|_| {}),
            on_progress: Box::new(|_| {}),
        }
    }

    /// Looks at the memory in use, as a share of what there is, after each batch.
    #[must_use]
    pub fn memory(mut self, share: impl FnMut() -> Option<f64> + 'a) -> Self {
        self.memory = Box::new(share);
        self
    }

    /// Keeps the position, for a handler that does not.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: &'a mut Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Tells each batch.
    #[must_use]
    pub fn on_batch(mut self, tell: impl FnMut(&BatchRecord) + 'a) -> Self {
        self.on_batch = Box::new(tell);
        self
    }

    /// Tells how many items of the input are dealt with, every [`Settings::progress_every`].
    #[must_use]
    pub fn on_progress(mut self, tell: impl FnMut(u64) + 'a) -> Self {
        self.on_progress = Box::new(tell);
        self
    }

    /// Handles all items of an input, from where an earlier run of the same input stopped.
    ///
    /// # Errors
    /// Where it had to stop early.
    pub fn run<T>(
        self,
        items: impl IntoIterator<Item = T>,
        handler: &mut impl Handler<T>,
        letters: &mut impl DeadLetters<T>,
    ) -> Result<BatchReport, Interrupted> {
        let mut items = items.into_iter();
        let mut run = Run::begin(self, handler, letters)?;
        let from = run.report.from;
        let skipped = (0..from).take_while(|_| items.next().is_some()).count() as u64;
        run.check_length(skipped)?;
        for item in items {
            run.push(item)?;
        }
        run.end()
    }

    /// Handles all items of a stream. A batch is closed once it has its size, or once the next item is not there yet: no item waits
    /// for later ones.
    ///
    /// # Errors
    /// Where it had to stop early.
    pub async fn run_stream<T>(
        self,
        items: impl Stream<Item = T>,
        handler: &mut impl Handler<T>,
        letters: &mut impl DeadLetters<T>,
    ) -> Result<BatchReport, Interrupted> {
        let mut items = pin!(items);
        let mut run = Run::begin(self, handler, letters)?;
        for skipped in 0..run.report.from {
            if items.next().await.is_none() {
                run.check_length(skipped)?;
            }
        }
        loop {
            let ready = std::future::poll_fn(|context| {
                let poll = items.as_mut().poll_next(context);
                // Pending with a batch begun: that is handled first. The stream has the waker and is asked again after it.
                if poll.is_pending() && !run.buffer.is_empty() { std::task::Poll::Ready(None) } else { poll.map(Some) }
            });
            match ready.await {
                Some(Some(item)) => run.push(item)?,
                Some(None) => return run.end(),
                None => run.flush()?,
            }
        }
    }
}

pub(super) struct Run<'a, 'r, T, H, L> {
    pub(super) processor: Processor<'a>,
    pub(super) handler: &'r mut H,
    pub(super) letters: &'r mut L,
    chooser: Chooser,
    buffer: Vec<T>,
    bytes: u64,
    pub(super) report: BatchReport,
    began: u64,
    told: u64,
    /// Items of the largest batch that went well; to begin with, of the first one.
    pub(super) went_well: usize,
}

impl<'a, 'r, T, H: Handler<T>, L: DeadLetters<T>> Run<'a, 'r, T, H, L> {
    fn begin(processor: Processor<'a>, handler: &'r mut H, letters: &'r mut L) -> Result<Self, Interrupted> {
        let began = processor.clock.nanos();
        let chooser = Chooser::new(&processor.settings);
        let went_well = chooser.size();
        let kept = processor.checkpoint.as_ref().map_or(0, |kept| kept.position());
        let mut run = Self {
            processor,
            handler,
            letters,
            chooser,
            buffer: Vec::new(),
            bytes: 0,
            report: BatchReport::default(),
            began,
            told: 0,
            went_well,
        };
        let own = run.handler.position().map_err(|why| run.interrupted(StopReason::Handler(why)))?;
        // Dead letters behind the handler's own position are passed over one by one: they are among the letters.
        run.report.from = own.unwrap_or(kept);
        run.report.position = run.report.from;
        run.told = run.report.from;
        Ok(run)
    }

    fn check_length(&self, items: u64) -> Result<(), Interrupted> {
        let position = self.report.from;
        if items < position { Err(self.interrupted(StopReason::ShortInput { items, position })) } else { Ok(()) }
    }

    fn push(&mut self, item: T) -> Result<(), Interrupted> {
        if self.letters.holds(self.report.position + self.buffer.len() as u64) {
            self.flush()?;
            self.report.passed_over += 1;
            self.report.position += 1;
            return Ok(());
        }
        let bytes = self.handler.bytes(&item);
        let most = self.processor.settings.most_bytes.unwrap_or(u64::MAX);
        if !self.buffer.is_empty() && self.bytes.saturating_add(bytes) > most {
            self.flush()?;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.buffer.push(item);
        if self.buffer.len() >= self.chooser.size() { self.flush() } else { Ok(()) }
    }

    fn end(mut self) -> Result<BatchReport, Interrupted> {
        self.flush()?;
        if self.report.position > self.told {
            (self.processor.on_progress)(self.report.position);
        }
        self.report.seconds = self.seconds_since(self.began);
        Ok(self.report)
    }

    /// Handles what is in the buffer, whatever it takes.
    fn flush(&mut self) -> Result<(), Interrupted> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let items = std::mem::take(&mut self.buffer);
        let bytes = std::mem::take(&mut self.bytes);
        let (began, first) = (self.processor.clock.nanos(), self.report.position);
        let mut tally = Tally::default();
        let settled = self.settle(Batch { first, items: &items }, &mut tally);
        // Stopped in the midst of items that failed by themselves, the position stands before them.
        let done = ((self.report.position - first) as usize).saturating_sub(tally.dead);
        self.report.done += done as u64;
        self.report.dead += tally.dead as u64;
        settled.map_err(|why| self.interrupted(why))?;
        if let Some(checkpoint) = &mut self.processor.checkpoint
            && let Err(error) = checkpoint.keep(self.report.position)
        {
            return Err(self.interrupted(StopReason::Checkpoint(error)));
        }
        let seen = Observed {
            items: items.len(),
            done,
            tried: tally.tried,
            in_vain: tally.in_vain,
            seconds: self.seconds_since(began),
            bytes,
            memory: (self.processor.memory)(),
        };
        // A batch that ended early, by the end of the input or by its bytes, tells nothing of the size that was chosen.
        self.chooser.observe(&seen, items.len() == self.chooser.size());
        let record = BatchRecord { first, seen, next_size: self.chooser.size() };
        self.report.add(&record);
        (self.processor.on_batch)(&record);
        if self.report.position - self.told >= self.processor.settings.progress_every.max(1) {
            self.told = self.report.position;
            (self.processor.on_progress)(self.told);
        }
        // The memory of the buffer is kept for the next one.
        self.buffer = items;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn seconds_since(&self, nanos: u64) -> f64 {
        self.processor.clock.nanos().saturating_sub(nanos) as f64 * 1e-9
    }

    fn interrupted(&self, why: StopReason) -> Interrupted {
        let mut report = Box::new(self.report.clone());
        report.seconds = self.seconds_since(self.began);
        Interrupted { report, why }
    }
}
