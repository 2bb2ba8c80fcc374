//! Locks on Redis: `SET NX PX` together with a fence, in one script; renewal and release compare before they change.
//!
//! Redis may lose what it was told last when it fails over or restarts: two may hold a lock then. The fences of later holders are
//! higher all the same, for they are no less than the server's time.

use super::{Attempt, Backend, BackendError, Fence};
use redis::{Client, Connection, RedisError, Script};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

const BACKEND: &str = "Redis";

/// Takes the lock, and counts its fence: one more than the last, and no less than the time in microseconds, so that it grows even where
/// the counter was lost or set back by a restart or a failover. Numbers of this size are exact in Lua, whose numbers are those of IEEE
/// 754 (below 2^53 until the year 2255).
const TAKE: &str = r"
if not redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {0, redis.call('get', KEYS[1])} end
local time = redis.call('time')
local fence = math.max(tonumber(redis.call('get', KEYS[2]) or '0') + 1, time[1] * 1000000 + time[2])
redis.call('set', KEYS[2], string.format('%.0f', fence))
return {fence, ''}";

/// A lease is still its holder's if nobody had the lock after it: if the last fence is its own.
const RENEW: &str = r"
if redis.call('get', KEYS[1]) == ARGV[1] and redis.call('get', KEYS[2]) == ARGV[2] then
    return redis.call('pexpire', KEYS[1], ARGV[3])
end
return 0";

const GIVE_BACK: &str = r"
if redis.call('get', KEYS[1]) == ARGV[1] and redis.call('get', KEYS[2]) == ARGV[2] then
    return redis.call('del', KEYS[1])
end
return 0";

/// As most do it: set if there is none, with an expiry, and no fence.
const TAKE_BARE: &str = r"
if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {1, ''} end
return {0, redis.call('get', KEYS[1])}";

const RENEW_BARE: &str = r"
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[3]) end
return 0";

const GIVE_BACK_BARE: &str = r"
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0";

/// Locks on a Redis server.
pub struct Redis {
    client: Client,
    connection: Mutex<Option<Connection>>,
    patience: Duration,
    take: Script,
    renew: Script,
    give_back: Script,
}

impl Redis {
    /// Locks on the server at a URL: `redis://[user:password@]host[:port][/database]` or `redis+unix:///path`. A server that does not
    /// answer within `patience` counts as gone.
    ///
    /// # Errors
    /// Where the URL is none. The server is first asked when a lock is.
    pub fn new(url: &str, patience: Duration) -> Result<Self, BackendError> {
        // The library's own words could repeat the URL, and with it the password.
        let client = Client::open(url).map_err(|_| {
            BackendError::new(BACKEND, "the URL is none of `redis://[user:password@]host[:port][/database]`")
        })?;
        let script = Script::new;
        Ok(Self {
            client,
            connection: Mutex::new(None),
            patience,
            take: script(TAKE),
            renew: script(RENEW),
            give_back: script(GIVE_BACK),
        })
    }

    /// The same without fences, to measure what those cost: each is 1, and no resource can tell who came later.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn without_fences(url: &str, patience: Duration) -> Result<Self, BackendError> {
        let [take, renew, give_back] = [TAKE_BARE, RENEW_BARE, GIVE_BACK_BARE].map(Script::new);
        Ok(Self { take, renew, give_back, ..Self::new(url, patience)? })
    }

    /// Acts on a connection; one that failed is not used again.
    fn with<R>(&self, act: impl FnOnce(&mut Connection) -> Result<R, RedisError>) -> Result<R, BackendError> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.connect().map_err(|error| self.told(&error))?,
        };
        match act(&mut connection) {
            Ok(result) => {
                *kept = Some(connection);
                Ok(result)
            }
            Err(error) => Err(self.told(&error)),
        }
    }

    fn told(&self, error: &RedisError) -> BackendError {
        if error.is_timeout() {
            return BackendError::new(BACKEND, format!("no answer within {} s", self.patience.as_secs_f64()));
        }
        BackendError::new(BACKEND, error)
    }

    fn connect(&self) -> Result<Connection, RedisError> {
        let connection = self.client.get_connection_with_timeout(self.patience)?;
        connection.set_read_timeout(Some(self.patience))?;
        connection.set_write_timeout(Some(self.patience))?;
        Ok(connection)
    }
}

/// Keys of a lock and of its fences. The braces make one slot of both where Redis is a cluster.
fn keys(name: &str) -> (String, String) {
    (format!("windtunnel:lock:{{{name}}}"), format!("windtunnel:fence:{{{name}}}"))
}

impl Backend for Redis {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        let (lock, fence) = keys(name);
        let script = |connection: &mut Connection| {
            self.take.key(lock).key(fence).arg(owner).arg(millis(expiry)).invoke::<(u64, Option<String>)>(connection)
        };
        Ok(match self.with(script)? {
            // One that expires just now has no holder any more.
            (0, holder) => Attempt::Held(holder),
            (fence, _) => Attempt::Granted(Fence(fence)),
        })
    }

    fn renew(&self, name: &str, owner: &str, Fence(number): Fence, expiry: Duration) -> Result<bool, BackendError> {
        let (lock, fence) = keys(name);
        let script = |connection: &mut Connection| {
            self.renew.key(lock).key(fence).arg(owner).arg(number).arg(millis(expiry)).invoke::<u64>(connection)
        };
        Ok(self.with(script)? == 1)
    }

    fn give_back(&self, name: &str, owner: &str, Fence(number): Fence) -> Result<bool, BackendError> {
        let (lock, fence) = keys(name);
        let script = |connection: &mut Connection| {
            self.give_back.key(lock).key(fence).arg(owner).arg(number).invoke::<u64>(connection)
        };
        Ok(self.with(script)? == 1)
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1)
}
