//! What a backend must do before its time counts: locks take turns, fences grow, changes do not overwrite each other.

use super::clock::Wall;
use crate::engine::{
    lock::{Attempt, Backend, Fence},
    saga::{Ending, Once, SagaSettings, Sagas, Step, StepError, VecLog},
    transaction::{Again, Conflict, Inside, PostgresStore, Store, transact_on_postgres, update},
};
use postgres::{Client, NoTls};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

fn must(is: bool, what: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(format!("{what}: it does not hold here")) }
}

/// How long it is waited at most for a lease that nobody renews to expire: sessions may last longer than was asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Locks of a backend: one holder at a time, told to others, given back by nobody else, fences that grow. `abandon` is a backend of
/// another session: what that one leaves behind expires.
pub(super) fn locks(backend: &dyn Backend, abandon: Option<Arc<dyn Backend>>, expiry: Duration) -> Result<(), String> {
    let clock = Wall::start();
    let name = "contract/ä 1";
    let told = |error: crate::engine::lock::BackendError| error.to_string();
    let granted = |owner: &str| match backend.take(name, owner, expiry).map_err(told)? {
        Attempt::Granted(fence) => Ok(fence),
        Attempt::Held(by) => Err(format!("a free lock was held by {by:?}")),
    };
    let first = granted("a")?;
    must(matches!(backend.take(name, "b", expiry).map_err(told)?, Attempt::Held(_)), "a lock has one holder")?;
    must(
        !backend.give_back(name, "a", Fence(first.0 + 1)).map_err(told)?,
        "a lock is given back under its own fence only",
    )?;
    must(backend.renew(name, "a", first, expiry).map_err(told)?, "a holder may renew")?;
    must(backend.give_back(name, "a", first).map_err(told)?, "a holder may give back")?;
    must(!backend.give_back(name, "a", first).map_err(told)?, "a lock is given back once")?;
    must(!backend.renew(name, "a", first, expiry).map_err(told)?, "what was given back is not renewed")?;
    let mut last = granted("b")?;
    must(last > first, "fences grow")?;
    must(backend.give_back(name, "b", last).map_err(told)?, "a holder may give back")?;
    if let Some(other) = abandon {
        let Attempt::Granted(left) = other.take(name, "gone", expiry).map_err(told)? else {
            return Err("a free lock was held".to_owned());
        };
        must(left > last, "fences grow from session to session")?;
        must(
            matches!(backend.take(name, "c", expiry).map_err(told)?, Attempt::Held(_)),
            "a lock of another session is held",
        )?;
        drop(other);
        let until = clock.nanos() + PATIENCE.as_nanos() as u64;
        last = loop {
            match backend.take(name, "c", expiry).map_err(told)? {
                Attempt::Granted(fence) => break fence,
                Attempt::Held(_) if clock.nanos() > until => {
                    return Err(format!("a lease that nobody renews lasts longer than {PATIENCE:?}"));
                }
                Attempt::Held(_) => thread::sleep(expiry / 10),
            }
        };
        must(last > left, "fences grow after a lease that expired")?;
        must(backend.give_back(name, "c", last).map_err(told)?, "a holder may give back")?;
    }
    Ok(())
}

/// Threads and changes of each in [`transactions`].
const THREADS: u64 = 4;
const CHANGES: u64 = 15;

/// Changes on a PostgreSQL server: none is lost, a key takes effect once, a saga is undone once.
pub(super) fn transactions(url: &str) -> Result<(), String> {
    let told = |error: postgres::Error| error.to_string();
    let connect = || Client::connect(url, NoTls).map_err(|error| error.to_string());
    let mut client = connect()?;
    let key = format!("contract {}", std::process::id());
    PostgresStore::new(connect()?).map_err(|error| error.to_string())?;
    Once.make_on_postgres(&mut client).map_err(told)?;
    client.execute("DELETE FROM windtunnel_values WHERE key = $1", &[&key]).map_err(told)?;
    client.execute("DELETE FROM windtunnel_once WHERE key LIKE $1", &[&format!("{key}%")]).map_err(told)?;
    let again = Again { retries: 1000, ..Again::default() };
    let add = |value: Option<&String>| (value.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) + 1).to_string();
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let key = &key;
                scope.spawn(move || -> Result<(), String> {
                    let (store, clock) =
                        (PostgresStore::new(connect()?).map_err(|error| error.to_string())?, Wall::start());
                    let mut client = connect()?;
                    for _ in 0..CHANGES {
                        update(&store, key, &Conflict::Retry, again, &*clock, add)
                            .map_err(|error| error.to_string())?;
                    }
                    for number in 0..CHANGES {
                        // The same keys in each thread: of those with one key one takes effect.
                        let once = format!("{key}/{number}");
                        transact_on_postgres(&mut client, again, &*clock, |transaction| {
                            if !Once.is_new_on_postgres(transaction, &once)? {
                                return Ok(());
                            }
                            let value: String = transaction
                                .query_one("SELECT value FROM windtunnel_values WHERE key = $1", &[key])?
                                .get(0);
                            let sql = "UPDATE windtunnel_values SET value = $2, version = version + 1 WHERE key = $1";
                            transaction.execute(sql, &[key, &add(Some(&value))])?;
                            Ok::<(), Inside<String, _>>(())
                        })
                        .map_err(|error| error.to_string())?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned())?)
            .collect::<Result<Vec<()>, String>>()
    });
    all?;
    let store = PostgresStore::new(connect()?).map_err(|error| error.to_string())?;
    let value = store.get(&key).map_err(|error| error.to_string())?.0;
    let right = (THREADS * CHANGES + CHANGES).to_string();
    if value.as_deref() != Some(right.as_str()) {
        return Err(format!("of {right} changes {value:?} are there"));
    }
    saga(&key, connect()?)
}

/// A step that writes to the server under its key.
struct Write {
    name: &'static str,
    client: Arc<Mutex<Client>>,
    fails: bool,
}

impl Write {
    /// Adds under a key, once; what is undone (`act_key`) only if that was done.
    fn add(&self, about: &str, key: &str, act_key: Option<&str>, by: i64) -> Result<(), StepError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, row) = (format!("{about}/{key}"), format!("{about}/{}", self.name));
        let act_key = act_key.map(|key| format!("{about}/{key}"));
        let result = transact_on_postgres(&mut client, Again::default(), &*Wall::start(), |transaction| {
            let was_done = match &act_key {
                Some(key) => !Once.is_new_on_postgres(transaction, key)?,
                None => true,
            };
            if was_done && Once.is_new_on_postgres(transaction, &key)? {
                let sql = "INSERT INTO windtunnel_values AS kept VALUES ($1, $2, 1)
                           ON CONFLICT (key) DO UPDATE SET value = (kept.value::bigint + $3)::text, version = kept.version + 1";
                transaction.execute(sql, &[&row, &by.to_string(), &by])?;
            }
            Ok::<(), Inside<String, _>>(())
        });
        result.map_err(|error| StepError::Transient(error.to_string()))
    }
}

impl Step<str> for Write {
    fn name(&self) -> &str {
        self.name
    }

    fn act(&self, about: &str, key: &str) -> Result<(), StepError> {
        if self.fails {
            return Err(StepError::Final("it is refused".to_owned()));
        }
        // Twice, as after a crash: the second time nothing may happen.
        self.add(about, key, None, 1)?;
        self.add(about, key, None, 1)
    }

    fn undo(&self, about: &str, key: &str, act_key: &str) -> Result<(), StepError> {
        self.add(about, key, Some(act_key), -1)?;
        self.add(about, key, Some(act_key), -1)
    }
}

/// A saga whose last step is refused leaves nothing.
fn saga(key: &str, client: Client) -> Result<(), String> {
    let client = Arc::new(Mutex::new(client));
    let step =
        |name: &'static str, fails: bool| Box::new(Write { name, client: client.clone(), fails }) as Box<dyn Step<str>>;
    let steps = vec![step("reserve", false), step("charge", false), step("ship", true)];
    let sagas = Sagas::new("contract", steps, Arc::new(VecLog::default()), Wall::start(), SagaSettings::default());
    let ending = sagas.run(key, key, key).map_err(|error| error.to_string())?;
    must(matches!(ending, Ending::Undone { .. }), "a saga whose step is refused is undone")?;
    let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = client
        .query("DELETE FROM windtunnel_values WHERE key LIKE $1 RETURNING key, value", &[&format!("{key}/%")])
        .map_err(|error| error.to_string())?;
    let left: Vec<String> = rows.iter().filter(|row| row.get::<_, String>(1) != "0").map(|row| row.get(0)).collect();
    must(rows.len() == 2 && left.is_empty(), "each step of a saga is done once and undone once")
}
