//! Locks on PostgreSQL: rows that one statement changes, or advisory locks of a session. Connections are not encrypted: for servers on
//! this machine, in a network that is trusted, or behind a tunnel.
//!
//! Each question blocks its thread until it is answered, or for as long as patience lasts. Inside a task of an asynchronous runtime,
//! where that must not be, it is refused.

use super::{Attempt, Backend, BackendError, Fence};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_postgres::{Client, Config, Error, NoTls};

const BACKEND: &str = "PostgreSQL";

fn told(error: Error) -> BackendError {
    // A server's own message is shown; else that of the library, and why: neither names an address.
    let why = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    let what = error.as_db_error().map_or_else(|| format!("{error}{why}"), |server| server.message().to_owned());
    BackendError::new(BACKEND, what)
}

/// Where the database is, and for how long an answer is waited for.
struct Server {
    config: Config,
    patience: Duration,
}

impl Server {
    fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        let mut config: Config = url.parse().map_err(|_| {
            BackendError::new(BACKEND, "the URL is none of `postgresql://[user[:password]@]host[:port]/database`")
        })?;
        config.connect_timeout(patience).tcp_user_timeout(patience).application_name("windtunnel");
        Ok(Self { config, patience })
    }

    /// A session in which the table is there.
    fn connect(&self) -> Result<Session, BackendError> {
        let runtime = Own::new()?;
        let connect = async { self.config.connect(NoTls).await };
        let (client, connection) = runtime.wait(self.patience, connect)?;
        // What ends it is told to whoever waits for an answer.
        runtime.spawn(connection);
        let mut session = Session { client, runtime, patience: self.patience };
        session.ask(async |client| client.batch_execute(TABLE).await)?;
        Ok(session)
    }
}

/// The runtime of one connection. It is not waited for when it goes: the search for a host's address may never end.
struct Own(Option<Runtime>);

impl Own {
    fn new() -> Result<Self, BackendError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self(Some(runtime.map_err(|error| BackendError::new(BACKEND, error))?)))
    }

    fn wait<R>(&self, patience: Duration, what: impl Future<Output = Result<R, Error>>) -> Result<R, BackendError> {
        if tokio::runtime::Handle::try_current().is_ok() {
            return Err(BackendError::new(BACKEND, "asked inside an asynchronous task, which must not block"));
        }
        let runtime = self.0.as_ref().ok_or_else(|| silent(patience))?;
        runtime.block_on(async { timeout(patience, what).await }).map_err(|_| silent(patience))?.map_err(told)
    }

    fn spawn(&self, what: impl Future<Output = Result<(), Error>> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(what);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A server that takes a connection and says nothing, or says no more.
fn silent(patience: Duration) -> BackendError {
    BackendError::new(BACKEND, format!("no answer within {} s", patience.as_secs_f64()))
}

/// A connection that is logged in. An answer that comes too late is thrown away by the client.
struct Session {
    client: Client,
    runtime: Own,
    patience: Duration,
}

impl Session {
    fn ask<R>(&mut self, act: impl AsyncFnOnce(&Client) -> Result<R, Error>) -> Result<R, BackendError> {
        self.runtime.wait(self.patience, act(&self.client))
    }
}

/// Makes the table; several may do so at a time.
const TABLE: &str = "
SELECT pg_advisory_xact_lock(8121402673017422931);
CREATE TABLE IF NOT EXISTS windtunnel_locks (
    name text PRIMARY KEY, owner text NOT NULL, fence bigint NOT NULL, expires timestamptz NOT NULL
);
CREATE SEQUENCE IF NOT EXISTS windtunnel_fences;";

/// The row stays when the lock is given back: fences go on from it.
const TAKE: &str = "
INSERT INTO windtunnel_locks AS held (name, owner, fence, expires)
VALUES ($1, $2, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, clock_timestamp() + $3 * interval '1 millisecond')
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner, fence = greatest(held.fence + 1, excluded.fence), expires = excluded.expires
WHERE held.expires <= clock_timestamp()
RETURNING fence";

const OWNER: &str = "SELECT owner FROM windtunnel_locks WHERE name = $1 AND expires > clock_timestamp()";

const RENEW: &str = "
UPDATE windtunnel_locks SET expires = clock_timestamp() + $4 * interval '1 millisecond'
WHERE name = $1 AND owner = $2 AND fence = $3 AND expires > clock_timestamp()";

const GIVE_BACK: &str = "
UPDATE windtunnel_locks SET expires = '-infinity'
WHERE name = $1 AND owner = $2 AND fence = $3 AND expires > clock_timestamp()";

/// Locks in a table of a PostgreSQL database, `windtunnel_locks`.
pub struct PostgresRows {
    server: Server,
    session: Mutex<Option<Session>>,
}

impl PostgresRows {
    /// Locks in the database at a URL. The table is made when a lock is first asked for.
    ///
    /// # Errors
    /// Where the URL is none.
    pub fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        Ok(Self { server: Server::new(url, patience)?, session: Mutex::new(None) })
    }

    /// Acts in a session; one in which something failed is not used again. One that was kept and has ended meanwhile, as the server
    /// was started again, is replaced: what is asked here may be asked twice.
    fn ask<R>(&self, act: impl AsyncFn(&Client) -> Result<R, Error>) -> Result<R, BackendError> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut session) = kept.take() {
            match session.ask(&act) {
                Ok(result) => {
                    *kept = Some(session);
                    return Ok(result);
                }
                Err(_) if session.client.is_closed() => {}
                Err(error) => return Err(error),
            }
        }
        let mut session = self.server.connect()?;
        let result = session.ask(&act)?;
        *kept = Some(session);
        Ok(result)
    }
}

impl Backend for PostgresRows {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        self.ask(async |client| {
            if let Some(row) = client.query_opt(TAKE, &[&name, &owner, &millis(expiry)]).await? {
                return Ok(Attempt::Granted(Fence(row.get::<_, i64>(0) as u64)));
            }
            Ok(Attempt::Held(client.query_opt(OWNER, &[&name]).await?.map(|row| row.get(0))))
        })
    }

    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
        let fence = fence.0 as i64;
        self.ask(async |client| Ok(client.execute(RENEW, &[&name, &owner, &fence, &millis(expiry)]).await? == 1))
    }

    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
        let fence = fence.0 as i64;
        self.ask(async |client| Ok(client.execute(GIVE_BACK, &[&name, &owner, &fence]).await? == 1))
    }
}

/// The session of a lock; it is asked by one at a time.
type Held = Arc<Mutex<Session>>;

/// Locks of sessions of a PostgreSQL database: each lock that is held has a connection of its own. Fences come from the sequence
/// `windtunnel_fences`.
pub struct PostgresAdvisory {
    server: Server,
    held: Mutex<BTreeMap<u64, Held>>,
    /// A session that holds nothing, for the next attempt.
    spare: Mutex<Option<Session>>,
}

impl PostgresAdvisory {
    /// Locks of the database at a URL.
    ///
    /// # Errors
    /// Where the URL is none.
    pub fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        Ok(Self { server: Server::new(url, patience)?, held: Mutex::default(), spare: Mutex::default() })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Option<Session>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self) -> Result<Session, BackendError> {
        let spare = self.spare().take();
        spare.map_or_else(|| self.server.connect(), Ok)
    }
}

/// A lock's number: the first half of a hash of its name and of what it is for.
const KEY: &str = "hashtextextended('windtunnel lock ' || $1, 0)";

impl Backend for PostgresAdvisory {
    fn take(&self, name: &str, _owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        // A session that kept quiet for longer than the expiry is ended by the server, and its lock with it.
        let quiet = format!("SET idle_session_timeout = {}", millis(expiry));
        let sql = format!("SELECT CASE WHEN pg_try_advisory_lock({KEY}) THEN nextval('windtunnel_fences') END");
        let attempt = |session: &mut Session| {
            session.ask(async |client| {
                client.batch_execute(&quiet).await?;
                client.query_one(&sql, &[&name]).await?.try_get::<_, Option<i64>>(0)
            })
        };
        let mut session = self.session()?;
        let granted = match attempt(&mut session) {
            Ok(granted) => granted,
            // A spare one may have been ended for keeping quiet.
            Err(_) if session.client.is_closed() => {
                session = self.server.connect()?;
                attempt(&mut session)?
            }
            Err(error) => return Err(error),
        };
        match granted {
            Some(fence) => {
                self.held().insert(fence as u64, Arc::new(Mutex::new(session)));
                Ok(Attempt::Granted(Fence(fence as u64)))
            }
            None => {
                *self.spare() = Some(session);
                Ok(Attempt::Held(None))
            }
        }
    }

    fn renew(&self, _name: &str, _owner: &str, fence: Fence, _expiry: Duration) -> Result<bool, BackendError> {
        // A session that answers was not ended, and has its lock.
        let Some(held) = self.held().get(&fence.0).cloned() else { return Ok(false) };
        let mut session = held.lock().unwrap_or_else(PoisonError::into_inner);
        match session.ask(async |client| client.batch_execute("").await) {
            Ok(()) => Ok(true),
            Err(_) if session.client.is_closed() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn give_back(&self, name: &str, _owner: &str, fence: Fence) -> Result<bool, BackendError> {
        let Some(held) = self.held().remove(&fence.0) else { return Ok(false) };
        let unlocked = {
            let mut session = held.lock().unwrap_or_else(PoisonError::into_inner);
            let sql = format!("SELECT pg_advisory_unlock({KEY})");
            let answer = session.ask(async |client| client.query_one(&sql, &[&name]).await);
            answer.is_ok_and(|row| row.get::<_, bool>(0))
        };
        // The session is of use again, unless somebody renews in it just now, or it failed.
        if let Some(session) = Arc::into_inner(held).filter(|_| unlocked) {
            *self.spare() = Some(session.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(unlocked)
    }
}

fn millis(length: Duration) -> f64 {
    (length.as_millis() as f64).max(1.0)
}
