//! Workload files: what the platform is like, and how the engines are set.

use crate::{
    cli::{exit::Error, platform_file},
    engine::{
        batch::Settings as BatchSettings,
        pool::{self, PRIORITIES, PoolSpec, Pools, default_pools},
        workers::{ScaleSettings, Settings as WorkerSettings},
    },
    model::{Expected, Workload},
    replay::Wall,
    synth::orders::{Event, Events, Fate, OrderOptions, OrderTruth},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashSet, hash_map::RandomState},
    fs,
    hash::BuildHasher,
    path::Path,
    time::Duration,
};

/// The file as written. Unknown keys are refused; toml then lists the known ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    /// First digits of the file's hash; none where there is no file.
    #[serde(skip)]
    digest: Option<String>,
    name: Option<String>,
    seed: Option<u64>,
    /// Share of calls that fail for a while.
    transient: Option<f64>,
    orders: Orders,
    batch: Batch,
    workers: WorkersTable,
    pools: Vec<PoolTable>,
}

/// `[orders]`; what is not said is as in `synth orders`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Orders {
    orders_per_day: Option<f64>,
    days: Option<f64>,
    customers: Option<usize>,
    products: Option<usize>,
    customer_skew: Option<f64>,
    product_skew: Option<f64>,
    lines: Option<f64>,
    clicks: Option<f64>,
    new_customers: Option<f64>,
    flash_sales: Option<f64>,
    flash_factor: Option<f64>,
    flash_hours: Option<f64>,
    late: Option<f64>,
    late_seconds: Option<f64>,
    duplicates: Option<f64>,
    malformed: Option<f64>,
    poison: Option<f64>,
}

/// `[batch]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Batch {
    initial: Option<usize>,
    least: Option<usize>,
    most: Option<usize>,
    memory_line: Option<f64>,
    retries: Option<u32>,
    first_pause_s: Option<f64>,
}

/// `[workers]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WorkersTable {
    least: Option<usize>,
    most: Option<usize>,
    busy: Option<f64>,
    queue: Option<usize>,
    timeout_s: Option<f64>,
    bytes_a_task: Option<u64>,
}

/// `[[pools]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolTable {
    name: String,
    slots: u32,
    #[serde(default = "usual")]
    priority: u8,
    longest_hold_s: Option<f64>,
    within: Option<String>,
}

fn usual() -> u8 {
    crate::engine::pool::DEFAULT_PRIORITY
}

/// Share of calls that fail for a while, where none is said.
const TRANSIENT: f64 = 0.01;

impl File {
    /// Reads one, or takes what is usual.
    pub(super) fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        let file = Self::parse(&text).map_err(|error| {
            let kind = match platform_file::File::parse(&text) {
                Ok(_) => ": it describes a platform, which only `bench ecommerce` reads".to_owned(),
                Err(_) => format!(": {error}"),
            };
            Error::Usage(format!("{}{kind}", path.display()))
        })?;
        file.check()?;
        let digest = Sha256::digest(text.as_bytes());
        Ok(Self { digest: Some(digest.iter().take(3).map(|byte| format!("{byte:02x}")).collect()), ..file })
    }

    /// Reads a file's text.
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Refuses what some command could not use, whichever reads it first.
    fn check(&self) -> Result<(), Error> {
        self.transient()?;
        self.batch()?;
        self.workers()?;
        let known: Result<Pools, _> = Pools::new(self.pools()?, pool::Settings::default(), Wall::start());
        known.map(drop).map_err(|error| Error::Usage(error.to_string()))
    }

    fn transient(&self) -> Result<f64, Error> {
        let transient = self.transient.unwrap_or(TRANSIENT);
        if (0.0..1.0).contains(&transient) {
            return Ok(transient);
        }
        Err(Error::Usage(format!("`transient` is {transient}; it must be a share, 0 or more and less than 1")))
    }

    /// The platform.
    pub(super) fn orders(&self, seed: u64) -> OrderOptions {
        let (usual, said) = (OrderOptions::default(), &self.orders);
        OrderOptions {
            seed: self.seed.unwrap_or(seed),
            orders_per_day: said.orders_per_day.unwrap_or(usual.orders_per_day),
            days: said.days.unwrap_or(usual.days),
            customers: said.customers.unwrap_or(usual.customers),
            products: said.products.unwrap_or(usual.products),
            customer_skew: said.customer_skew.unwrap_or(usual.customer_skew),
            product_skew: said.product_skew.unwrap_or(usual.product_skew),
            lines: said.lines.unwrap_or(usual.lines),
            clicks: said.clicks.unwrap_or(usual.clicks),
            new_customers: said.new_customers.unwrap_or(usual.new_customers),
            flash_sales: said.flash_sales.unwrap_or(usual.flash_sales),
            flash_factor: said.flash_factor.unwrap_or(usual.flash_factor),
            flash_hours: said.flash_hours.unwrap_or(usual.flash_hours),
            late: said.late.unwrap_or(usual.late),
            late_seconds: said.late_seconds.unwrap_or(usual.late_seconds),
            duplicates: said.duplicates.unwrap_or(usual.duplicates),
            malformed: said.malformed.unwrap_or(usual.malformed),
            poison: said.poison.unwrap_or(usual.poison),
        }
    }

    /// Records of the platform as it is after its beginning, with what must come of them.
    pub(super) fn workload(&self, seed: u64, records: usize) -> Result<Workload, Error> {
        self.workload_after(BEGINNING, seed, records)
    }

    /// Records after so many, or the first ones where there are too few.
    pub(super) fn workload_after(&self, beginning: usize, seed: u64, records: usize) -> Result<Workload, Error> {
        let options = self.orders(seed);
        let transient = self.transient()?;
        let from = |skipped: usize| {
            Events::new(&options)
                .map(|events| stretch(events.skip(skipped), records))
                .map_err(|error| Error::Usage(error.to_string()))
        };
        let mut stretch = from(beginning)?;
        if stretch.len() < records {
            stretch = from(0)?;
        }
        let mut truth = OrderTruth::default();
        stretch.iter().for_each(|event| truth.count(event));
        let texts: Vec<String> = stretch.into_iter().map(|event| event.text).collect();
        let distinct = truth.sound.values().sum();
        let expected = Expected {
            handled: truth.to_be_handled(),
            dead: truth.malformed + truth.poison,
            distinct,
            revenue_cents: truth.revenue_cents,
        };
        // What differs in any word is another workload: records of the two are not compared with each other.
        let name = self.name.as_deref().unwrap_or("orders");
        let name = self.digest.as_ref().map_or_else(|| name.to_owned(), |digest| format!("{name} {digest}")).into();
        Ok(Workload { name, seed: options.seed, records: texts.into(), expected, transient })
    }

    pub(super) fn batch(&self) -> Result<BatchSettings, Error> {
        let (usual, said) = (BatchSettings::default(), &self.batch);
        let sizes = said.least.unwrap_or(*usual.sizes.start())..=said.most.unwrap_or(*usual.sizes.end());
        if *sizes.start() == 0 || sizes.is_empty() {
            return Err(Error::Usage(format!("[batch]: sizes from {} to {} are none", sizes.start(), sizes.end())));
        }
        let initial = said.initial.unwrap_or(usual.initial);
        if initial == 0 || initial > MOST_ITEMS || *sizes.end() > MOST_ITEMS {
            return Err(Error::Usage(format!("[batch]: a batch has 1 to {MOST_ITEMS} items")));
        }
        if !sizes.contains(&initial) {
            return Err(Error::Usage(format!(
                "[batch]: `initial` is {initial}, which is not within {} and {}, `least` and `most`",
                sizes.start(),
                sizes.end()
            )));
        }
        let memory_line = said.memory_line.unwrap_or(usual.memory_line);
        share("batch.memory_line", memory_line)?;
        Ok(BatchSettings {
            initial,
            sizes,
            memory_line,
            retries: said.retries.unwrap_or(usual.retries),
            first_pause: said
                .first_pause_s
                .map_or(Ok(usual.first_pause), |seconds| length("batch.first_pause_s", seconds))?,
            ..usual
        })
    }

    pub(super) fn workers(&self) -> Result<WorkerSettings, Error> {
        let (usual, said) = (WorkerSettings::default(), &self.workers);
        let scale = ScaleSettings {
            least: said.least.unwrap_or(usual.scale.least),
            most: said.most.unwrap_or(usual.scale.most),
            busy: said.busy.unwrap_or(usual.scale.busy),
            bytes_a_task: said.bytes_a_task.unwrap_or(usual.scale.bytes_a_task),
            ..usual.scale
        };
        if scale.least == 0 || scale.least > scale.most || scale.most > 1024 {
            return Err(Error::Usage(format!(
                "[workers]: {} to {} threads are none; 1 to 1,024",
                scale.least, scale.most
            )));
        }
        share("workers.busy", scale.busy)?;
        let queue = said.queue.unwrap_or(usual.queue);
        if queue == 0 || queue > MOST_ITEMS {
            return Err(Error::Usage(format!("[workers]: a queue has room for 1 to {MOST_ITEMS} tasks, not {queue}")));
        }
        if said.timeout_s.is_some_and(|seconds| seconds < LEAST_TIMEOUT_S) {
            return Err(Error::Usage(format!("`workers.timeout_s` must be {LEAST_TIMEOUT_S} or more")));
        }
        Ok(WorkerSettings {
            scale,
            queue,
            timeout: said.timeout_s.map_or(Ok(usual.timeout), |seconds| length("workers.timeout_s", seconds))?,
            ..usual
        })
    }

    pub(super) fn pools(&self) -> Result<Vec<PoolSpec>, Error> {
        if self.pools.is_empty() {
            return Ok(default_pools());
        }
        let spec = |said: &PoolTable| {
            if said.slots > MOST_SLOTS {
                return Err(Error::Usage(format!("pool `{}`: {} slots; {MOST_SLOTS} at most", said.name, said.slots)));
            }
            if said.slots == 0 {
                return Err(Error::Usage(format!(
                    "pool `{}` has no slots: whoever asks for one waits for ever",
                    said.name
                )));
            }
            if !PRIORITIES.contains(&said.priority) {
                return Err(Error::Usage(format!("pool `{}`: priority {} is none; 1 to 10", said.name, said.priority)));
            }
            Ok(PoolSpec {
                name: said.name.as_str().into(),
                slots: said.slots,
                priority: said.priority,
                longest_hold: said
                    .longest_hold_s
                    .map_or(Ok(Duration::MAX), |seconds| length("longest_hold_s", seconds))?,
                within: said.within.as_deref().map(Into::into),
            })
        };
        self.pools.iter().map(spec).collect()
    }
}

/// Events of the first minutes, in which people look and have hardly bought yet: a bench begins after them, where there are enough
/// others.
const BEGINNING: usize = 100_000;

/// So many events, without duplicates of what came before them: these would be the first.
fn stretch(events: impl Iterator<Item = Event>, count: usize) -> Vec<Event> {
    let hasher = RandomState::new();
    let mut sound = HashSet::new();
    let known = |event: &Event| {
        let text = hasher.hash_one(&event.text);
        match event.fate {
            Fate::Sound => sound.insert(text),
            Fate::Duplicate => sound.contains(&text),
            Fate::Malformed | Fate::Poison => true,
        }
    };
    events.filter(known).take(count).collect()
}

/// Items of a batch, or tasks that wait: more than any machine holds.
const MOST_ITEMS: usize = 1_000_000_000;
/// Slots of a pool.
const MOST_SLOTS: u32 = 1_000_000;
/// Seconds below which a task has hardly begun.
const LEAST_TIMEOUT_S: f64 = 0.001;

fn share(name: &str, value: f64) -> Result<(), Error> {
    if value > 0.0 && value <= 1.0 {
        return Ok(());
    }
    Err(Error::Usage(format!("`{name}` is {value}; it must be a share, above 0 and no more than 1")))
}

fn length(name: &str, seconds: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Error::Usage(format!("`{name}` is {seconds}; it must be seconds, 0 or more")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_all_kinds_of_events_and_no_duplicate_of_what_came_before_it() {
        let options = OrderOptions { duplicates: 0.3, ..File::default().orders(7) };
        let events = || Events::new(&options).expect("a platform").skip(BEGINNING);
        let stretch = stretch(events(), 4000);
        assert_eq!(stretch.len(), 4000);
        let mut truth = OrderTruth::default();
        stretch.iter().for_each(|event| truth.count(event));
        assert!(truth.sound.values().filter(|count| **count > 100).count() >= 4, "{truth:?}");
        assert!(truth.revenue_cents > 0 && truth.duplicates > 100, "{truth:?}");
        let mut before = HashSet::new();
        for event in &stretch {
            let known = before.contains(&event.text);
            assert_eq!(event.fate == Fate::Duplicate, known, "{}", event.text);
            before.insert(event.text.clone());
        }
        // There are such duplicates.
        let first = events().take(4000).filter(|event| event.fate == Fate::Duplicate);
        assert!(first.filter(|event| !before.contains(&event.text)).count() > 0);
    }

    #[test]
    fn a_small_platform_is_taken_from_its_first_event() {
        let file = File::parse("[orders]\norders_per_day = 500\n").expect("a workload");
        let work = file.workload(1, 3000).expect("a workload");
        assert!(work.records.len() > 1000, "{}", work.records.len());
    }
}
