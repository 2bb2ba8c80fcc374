//! Locks on PostgreSQL: rows that one statement changes, or advisory locks of a session. Connections are not encrypted: for servers on
//! this machine, in a network that is trusted, or behind a tunnel. A server that takes a connection and never says a word is waited for:
//! the client knows a limit for connecting only; keep-alive finds one that is gone.

use super::{Attempt, Backend, BackendError, Fence};
use postgres::{Client, Config, Error, NoTls};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

const BACKEND: &str = "PostgreSQL";

fn told(error: Error) -> BackendError {
    // A server's own message is shown; else that of the library, and why: neither names an address.
    let why = std::error::Error::source(&error).map_or_else(String::new, |source| format!(": {source}"));
    let what = error.as_db_error().map_or_else(|| format!("{error}{why}"), |server| server.message().to_owned());
    BackendError::new(BACKEND, what)
}

fn config(url: &str, patience: Duration) -> Result<Config, BackendError> {
    let mut config: Config = url.parse().map_err(|_| {
        BackendError::new(BACKEND, "the URL is none of `postgresql://[user[:password]@]host[:port]/database`")
    })?;
    config.connect_timeout(patience).tcp_user_timeout(patience).application_name("windtunnel");
    Ok(config)
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
    config: Config,
    client: Mutex<Option<Client>>,
}

impl PostgresRows {
    /// Locks in the database at a URL. The table is made when a lock is first asked for.
    ///
    /// # Errors
    /// Where the URL is none.
    pub fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        Ok(Self { config: config(url, patience)?, client: Mutex::new(None) })
    }

    /// Acts on a connection; one that failed is not used again.
    fn with<R>(&self, act: impl FnOnce(&mut Client) -> Result<R, Error>) -> Result<R, BackendError> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut client = match kept.take() {
            Some(client) => client,
            None => {
                let mut client = self.config.connect(NoTls).map_err(told)?;
                client.batch_execute(TABLE).map_err(told)?;
                client
            }
        };
        let result = act(&mut client).map_err(told)?;
        *kept = Some(client);
        Ok(result)
    }
}

impl Backend for PostgresRows {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        self.with(|client| {
            if let Some(row) = client.query_opt(TAKE, &[&name, &owner, &millis(expiry)])? {
                return Ok(Attempt::Granted(Fence(row.get::<_, i64>(0) as u64)));
            }
            Ok(Attempt::Held(client.query_opt(OWNER, &[&name])?.map(|row| row.get(0))))
        })
    }

    fn renew(&self, name: &str, owner: &str, fence: Fence, expiry: Duration) -> Result<bool, BackendError> {
        self.with(|client| Ok(client.execute(RENEW, &[&name, &owner, &(fence.0 as i64), &millis(expiry)])? == 1))
    }

    fn give_back(&self, name: &str, owner: &str, fence: Fence) -> Result<bool, BackendError> {
        self.with(|client| Ok(client.execute(GIVE_BACK, &[&name, &owner, &(fence.0 as i64)])? == 1))
    }
}

/// The session of a lock; it is asked by one at a time.
type Held = Arc<Mutex<Client>>;

/// Locks of sessions of a PostgreSQL database: each lock that is held has a connection of its own. Fences come from the sequence
/// `windtunnel_fences`.
pub struct PostgresAdvisory {
    config: Config,
    held: Mutex<BTreeMap<u64, Held>>,
    /// A connection that holds nothing, for the next attempt.
    spare: Mutex<Option<Client>>,
}

impl PostgresAdvisory {
    /// Locks of the database at a URL.
    ///
    /// # Errors
    /// Where the URL is none.
    pub fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        Ok(Self { config: config(url, patience)?, held: Mutex::new(BTreeMap::new()), spare: Mutex::new(None) })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Option<Client>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self) -> Result<Client, BackendError> {
        if let Some(client) = self.spare().take() {
            return Ok(client);
        }
        let mut client = self.config.connect(NoTls).map_err(told)?;
        client.batch_execute(TABLE).map_err(told)?;
        Ok(client)
    }
}

/// A lock's number: the first half of a hash of its name and of what it is for.
const KEY: &str = "hashtextextended('windtunnel lock ' || $1, 0)";

impl Backend for PostgresAdvisory {
    fn take(&self, name: &str, _owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        // A session that kept quiet for longer than the expiry is ended by the server, and its lock with it.
        let quiet = format!("SET idle_session_timeout = {}", millis(expiry));
        let attempt = |client: &mut Client| {
            client.batch_execute(&quiet)?;
            let sql = format!("SELECT CASE WHEN pg_try_advisory_lock({KEY}) THEN nextval('windtunnel_fences') END");
            client.query_one(&sql, &[&name])?.try_get::<_, Option<i64>>(0)
        };
        let mut client = self.connection()?;
        let granted = match attempt(&mut client) {
            Ok(granted) => granted,
            // A spare one may have been ended for keeping quiet.
            Err(_) if client.is_closed() => {
                client = self.connection()?;
                attempt(&mut client).map_err(told)?
            }
            Err(error) => return Err(told(error)),
        };
        match granted {
            Some(fence) => {
                self.held().insert(fence as u64, Arc::new(Mutex::new(client)));
                Ok(Attempt::Granted(Fence(fence as u64)))
            }
            None => {
                *self.spare() = Some(client);
                Ok(Attempt::Held(None))
            }
        }
    }

    fn renew(&self, _name: &str, _owner: &str, fence: Fence, _expiry: Duration) -> Result<bool, BackendError> {
        // A session that answers was not ended, and has its lock.
        let Some(held) = self.held().get(&fence.0).cloned() else { return Ok(false) };
        let mut client = held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(client.batch_execute("").is_ok())
    }

    fn give_back(&self, name: &str, _owner: &str, fence: Fence) -> Result<bool, BackendError> {
        let Some(held) = self.held().remove(&fence.0) else { return Ok(false) };
        let unlocked = {
            let mut client = held.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = client.query_one(&format!("SELECT pg_advisory_unlock({KEY})"), &[&name]);
            answer.is_ok_and(|row| row.get::<_, bool>(0))
        };
        // The connection is of use again, unless somebody renews on it just now, or it failed.
        if let Some(client) = Arc::into_inner(held).filter(|_| unlocked) {
            *self.spare() = Some(client.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
        Ok(unlocked)
    }
}

fn millis(length: Duration) -> f64 {
    (length.as_millis() as f64).max(1.0)
}
