//! How the size of the next batch is chosen from how the last ones went.

use super::{Settings, search::Search};

/// A way to choose sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Always [`Settings::initial`].
    Fixed,
    /// Halve when memory or errors are high, double when fast and free of errors.
    Rules,
    /// Search for the size of most items a second, and go on looking whether it is still the best.
    Search,
}

/// How a batch went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// Items.
    pub items: usize,
    /// Those of them that were handled; the others are dead letters.
    pub done: usize,
    /// Items handed to the handler, in all tries.
    pub tried: u64,
    /// Items of tries that failed.
    pub in_vain: u64,
    /// Time it took, pauses included.
    pub seconds: f64,
    /// Bytes of its items.
    pub bytes: u64,
    /// Share of the memory that there is in use, where that is known.
    pub memory: Option<f64>,
}

impl Observed {
    /// Share of work that was in vain.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        self.in_vain as f64 / self.tried.max(1) as f64
    }

    /// Items handled a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        // A clock that did not move tells no rate; a nanosecond is the least that it can tell.
        self.done as f64 / self.seconds.max(1e-9)
    }
}

/// A policy at work.
pub(super) struct Chooser {
    settings: Settings,
    size: usize,
    search: Option<Search>,
}

impl Chooser {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut settings = settings.clone();
        // A batch has an item at least, and a range that is empty is its lower end.
        let least = (*settings.sizes.start()).max(1);
        settings.sizes = least..=(*settings.sizes.end()).max(least);
        let size = settings.initial.clamp(least, *settings.sizes.end());
        let search = (settings.policy == Policy::Search).then(|| Search::new(settings.sizes.clone(), size));
        Self { settings, size, search }
    }

    /// Items of the next batch.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Learns from a batch; `whole` where it had the size that was chosen for it.
    pub(super) fn observe(&mut self, seen: &Observed, whole: bool) {
        let (least, most) = (*self.settings.sizes.start(), *self.settings.sizes.end());
        let ceiling = self.ceiling(seen);
        self.size = match (self.settings.policy, &mut self.search) {
            (Policy::Search, Some(search)) => search.next(seen, whole, ceiling).min(ceiling.unwrap_or(usize::MAX)),
            (Policy::Rules, _) => self.by_rules(seen),
            _ => self.size,
        }
        .clamp(least, most);
    }

    fn by_rules(&self, seen: &Observed) -> usize {
        let full = seen.memory.is_some_and(|share| share >= self.settings.memory_line);
        if full || seen.error_rate() > self.settings.high_error_rate {
            return self.size / 2;
        }
        let fast = seen.rate() > self.settings.fast && seen.error_rate() < self.settings.low_error_rate;
        if fast { self.size.saturating_mul(2) } else { self.size }
    }

    /// Items beyond which a batch would have too many bytes, take too long, or use too much memory.
    fn ceiling(&self, seen: &Observed) -> Option<usize> {
        let items = seen.items.max(1) as f64;
        let by_bytes =
            self.settings.most_bytes.filter(|_| seen.bytes > 0).map(|most| most as f64 / (seen.bytes as f64 / items));
        let longest = self.settings.longest_batch.as_secs_f64();
        let by_time = (seen.seconds > longest).then(|| items * longest / seen.seconds);
        let by_memory = seen.memory.filter(|share| *share >= self.settings.memory_line).map(|_| items / 2.0);
        [by_bytes, by_time, by_memory].into_iter().flatten().map(|most| most as usize).min()
    }
}
