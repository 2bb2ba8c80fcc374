//! What handles batches, and how it fails.

/// Items that stand next to each other in the input.
#[derive(Debug)]
pub struct Batch<'a, T> {
    /// Place of the first one in the input.
    pub first: u64,
    /// The items.
    pub items: &'a [T],
}

impl<T> Clone for Batch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Batch<'_, T> {}

impl<T> Batch<'_, T> {
    /// Place in the input behind the last one: where to go on after it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Its two halves, if it has two.
    pub(super) fn halves(self) -> Option<(Self, Self)> {
        let middle = self.items.len() / 2;
        let (left, right) = self.items.split_at(middle);
        (middle > 0).then(|| {
            (Batch { first: self.first, items: left }, Batch { first: self.first + middle as u64, items: right })
        })
    }
}

/// Handles batches.
pub trait Handler<T> {
    /// Handles all items, or none of them, but for [`Failure::Items`]. May be called with the same items again after a failure or a
    /// panic.
    ///
    /// # Errors
    /// Whatever kept it from doing so.
    fn apply(&mut self, batch: Batch<'_, T>) -> Result<(), Failure>;

    /// How many items of the input are handled for good, if the handler keeps that together with what it writes.
    ///
    /// # Errors
    /// Where it cannot be told.
    fn position(&mut self) -> Result<Option<u64>, String> {
        Ok(None)
    }

    /// Bytes of memory or of transfer that an item has; 0 where that does not matter.
    fn bytes(&self, _item: &T) -> u64 {
        0
    }
}

impl<T, F: FnMut(Batch<'_, T>) -> Result<(), Failure>> Handler<T> for F {
    fn apply(&mut self, batch: Batch<'_, T>) -> Result<(), Failure> {
        self(batch)
    }
}

/// Why a batch was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was done; it may go well later.
    Transient(String),
    /// Nothing was done; some item of it can never be.
    Rejected(String),
    /// All items were handled but these, by their places in the batch.
    Items(Vec<(usize, ItemFailure)>),
    /// Nothing was done, and nothing will be: the run stops where it is.
    Fatal(String),
}

/// Why an item was not handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemFailure {
    /// It may go well later.
    Transient(String),
    /// It never will.
    Rejected(String),
}
