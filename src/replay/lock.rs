//! What a lease with a fence costs beside the plain lock of the same backend.

use super::{
    clock::Wall,
    contract,
    measure::{BenchError, Contender, EngineResult, Plan, Run, Subject, Timed, interleave},
};
use crate::engine::lock::{
    Attempt, Backend, BackendError, Files, InProcess, LockSettings, Locks, PostgresAdvisory, PostgresRows, Redis,
    ZooKeeper,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where locks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backends {
    /// In memory.
    InProcess,
    /// In a folder.
    Files(PathBuf),
    /// On Redis, by URL.
    Redis(String),
    /// In rows of PostgreSQL, by URL.
    PostgresRows(String),
    /// Advisory locks of PostgreSQL, by URL.
    PostgresAdvisory(String),
    /// On ZooKeeper, by its servers.
    ZooKeeper(String),
}

impl Backends {
    /// Reads `in-process`, a folder, `redis://..`, `postgresql://..`, `postgresql+advisory://..` or `zookeeper://..`.
    ///
    /// # Errors
    /// What else it is.
    pub fn parse(text: &str) -> Result<Self, String> {
        const SCHEMES: [&str; 6] =
            ["redis", "redis+unix", "postgresql", "postgres", "postgresql+advisory", "zookeeper"];
        let Some((scheme, rest)) = text.split_once("://") else {
            // The rest is not repeated: it may hold a password.
            return match text.split_once(':') {
                _ if text.is_empty() => Err("a backend is `in-process`, a folder or a URL, not nothing".to_owned()),
                Some((scheme, _)) if SCHEMES.contains(&scheme) => {
                    Err(format!("a URL begins with `{scheme}://`; a folder of that name is `./{scheme}:..`"))
                }
                _ if text == "in-process" => Ok(Self::InProcess),
                // A word that is no folder is most likely another one mistyped.
                _ if !text.contains(std::path::MAIN_SEPARATOR) && !Path::new(text).exists() => Err(format!(
                    "`{text}` is neither `in-process`, a URL, nor a folder that is there; of a new one write ./{text}"
                )),
                _ => Ok(Self::Files(PathBuf::from(text))),
            };
        };
        match scheme {
            "redis" | "redis+unix" => Ok(Self::Redis(text.to_owned())),
            "postgresql" | "postgres" => Ok(Self::PostgresRows(text.to_owned())),
            "postgresql+advisory" => Ok(Self::PostgresAdvisory(format!("postgresql://{rest}"))),
            "zookeeper" => Ok(Self::ZooKeeper(rest.to_owned())),
            other => {
                Err(format!("`{other}://` is none of redis, redis+unix, postgresql, postgresql+advisory, zookeeper"))
            }
        }
    }

    /// As it is told; an address is not, for it may hold a password.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::InProcess => "in process",
            Self::Files(_) => "files",
            Self::Redis(_) => "Redis",
            Self::PostgresRows(_) => "PostgreSQL rows",
            Self::PostgresAdvisory(_) => "PostgreSQL advisory",
            Self::ZooKeeper(_) => "ZooKeeper",
        }
    }

    /// The backend.
    ///
    /// # Errors
    /// Where its address is none, or its folder cannot be made.
    pub fn open(&self) -> Result<Arc<dyn Backend>, BackendError> {
        Ok(match self {
            Self::InProcess => Arc::new(InProcess::new(Wall::start())),
            Self::Files(folder) => Arc::new(Files::open(folder)?),
            Self::Redis(url) => Arc::new(Redis::new(url, PATIENCE)?),
            Self::PostgresRows(url) => Arc::new(PostgresRows::new(url, PATIENCE)?),
            Self::PostgresAdvisory(url) => Arc::new(PostgresAdvisory::new(url, PATIENCE)?),
            Self::ZooKeeper(servers) => Arc::new(ZooKeeper::new(servers, PATIENCE)?),
        })
    }

    /// What the comparison is of; `plain` is what it is compared with.
    fn note(&self, plain: &str) -> String {
        match self {
            Self::InProcess => {
                "a mutex has no owner's name, no expiry and no fence; this is what they cost, once for each piece of work".to_owned()
            }
            Self::Files(_) => "flock is two calls of the kernel and ends with its process; a lease is written to files, so that \
                               another process takes over once it is over, and the resource can refuse who comes back late"
                .to_owned(),
            _ => format!("this is what lease, fence and their checks cost beside {plain}"),
        }
    }

    /// Locks of a run, where no number is given: about half a second.
    fn locks(&self) -> usize {
        match self {
            Self::InProcess => 200_000,
            Self::Files(_) => 10_000,
            Self::Redis(_) => 4000,
            Self::PostgresRows(_) | Self::PostgresAdvisory(_) => 400,
            Self::ZooKeeper(_) => 200,
        }
    }
}

/// What is taken and given back.
type Pair<'a> = Box<dyn FnMut() -> Result<(), String> + 'a>;

/// Compares, one lock after the other, uncontended.
///
/// # Errors
/// Where a run is not right, or the backend does not answer.
pub fn bench_lock(backend: &Backends, plan: Plan, folder: &Path) -> Result<Vec<EngineResult>, BenchError> {
    let items = plan.items.unwrap_or_else(|| backend.locks());
    let machine = |error: BackendError| BenchError::Machine(error.to_string());
    check(backend)?;
    let locks = Locks::new(
        backend.open().map_err(machine)?,
        "bench",
        LockSettings { expiry: LEASE, ..LockSettings::default() },
        Wall::start(),
    );
    let (name, plain) = plain(backend, folder).map_err(BenchError::Machine)?;
    let plain = std::cell::RefCell::new(plain);
    let sides = [
        Contender {
            name: name.to_owned(),
            prepare: Box::new(|| {
                let timed: Timed<'_> = Box::new(|| run(items, &mut **plain.borrow_mut()));
                Ok(timed)
            }),
        },
        Contender {
            name: "lease with a fence".to_owned(),
            prepare: Box::new(|| {
                let timed: Timed<'_> = Box::new(|| {
                    let mut last = None;
                    run(items, &mut || {
                        let lock = locks.lock("bench").map_err(|error| error.to_string())?;
                        let fence = lock.fence();
                        // It is timed with its check: fences that do not grow are of no use.
                        if last.replace(fence).is_some_and(|last| fence <= last) {
                            return Err(format!("fence {fence} does not grow"));
                        }
                        lock.unlock().map_err(|error| error.to_string())
                    })
                });
                Ok(timed)
            }),
        },
    ];
    let subject = Subject {
        engine: "lock",
        workload: format!("{}, one after the other", backend.name()),
        latency_of: "a lock and its release",
        for_latency: false,
    };
    let mut result = interleave(subject, plan, sides)?;
    result.notes.push(backend.note(name));
    Ok(vec![result])
}

/// How long a lease lasts while locks are timed: no shorter than a run of one, and no longer than sessions of a fast ZooKeeper.
const LEASE: Duration = Duration::from_secs(2);
/// How long a lease lasts while the backend is checked.
const SHORT: Duration = Duration::from_millis(300);

/// A backend that does not do what it must gives no timing.
fn check(backend: &Backends) -> Result<(), BenchError> {
    let wrong = |what: String| BenchError::Wrong {
        engine: "lock",
        workload: backend.name().to_owned(),
        name: "what it must do".to_owned(),
        what,
    };
    let open = || backend.open().map_err(|error| BenchError::Machine(error.to_string()));
    // Whether it answers at all.
    let asked = open()?;
    let silent = |error: BackendError| BenchError::Machine(error.to_string());
    if let Attempt::Granted(fence) = asked.take("whether it answers", "windtunnel", SHORT).map_err(silent)? {
        asked.give_back("whether it answers", "windtunnel", fence).map_err(silent)?;
    }
    // Another session in this process: of locks in memory there is none.
    let other = if *backend == Backends::InProcess { None } else { Some(open()?) };
    contract::locks(&*open()?, other, SHORT).map_err(wrong)?;
    match backend {
        Backends::PostgresRows(url) | Backends::PostgresAdvisory(url) => contract::transactions(url).map_err(wrong),
        _ => Ok(()),
    }
}

fn run(items: usize, pair: &mut dyn FnMut() -> Result<(), String>) -> Result<Run, String> {
    let mut run = Run::new(items as u64);
    let began = Instant::now();
    let mut before = 0u64;
    for _ in 0..items {
        pair()?;
        let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        run.took(now - before);
        before = now;
        run.items_out += 1;
    }
    Ok(run)
}

/// The plain lock of a backend: without fence, and where there is one without lease.
fn plain<'a>(backend: &Backends, folder: &Path) -> Result<(&'static str, Pair<'a>), String> {
    let leased = |backend: Arc<dyn Backend>| -> Pair<'a> {
        let locks =
            Locks::new(backend, "bench", LockSettings { expiry: LEASE, ..LockSettings::default() }, Wall::start());
        Box::new(move || {
            let lock = locks.lock("bench without a fence").map_err(|error| error.to_string())?;
            lock.unlock().map_err(|error| error.to_string())
        })
    };
    let told = |error: BackendError| error.to_string();
    Ok(match backend {
        Backends::InProcess => {
            let mutex = Mutex::new(());
            (
                "a mutex",
                Box::new(move || {
                    drop(std::hint::black_box(mutex.lock().unwrap_or_else(PoisonError::into_inner)));
                    Ok(())
                }),
            )
        }
        Backends::Files(_) => {
            let file = File::create(folder.join("flock")).map_err(|error| error.to_string())?;
            ("flock", Box::new(move || file.lock().and_then(|()| file.unlock()).map_err(|error| error.to_string())))
        }
        Backends::Redis(url) => {
            ("lease without a fence", leased(Arc::new(Redis::without_fences(url, PATIENCE).map_err(told)?)))
        }
        Backends::PostgresRows(url) => {
            ("advisory lock", leased(Arc::new(PostgresAdvisory::new(url, PATIENCE).map_err(told)?)))
        }
        Backends::PostgresAdvisory(url) => {
            ("lease in a row", leased(Arc::new(PostgresRows::new(url, PATIENCE).map_err(told)?)))
        }
        Backends::ZooKeeper(_) => {
            ("lease in a file", leased(Arc::new(Files::open(&folder.join("files")).map_err(told)?)))
        }
    })
}
