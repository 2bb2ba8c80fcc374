//! Locks on ZooKeeper: a lock is an ephemeral node, which is gone when the session of its holder is. Its fence is the number of the
//! transaction that made it, which only ever grows. All locks of one backend belong to one session.
//!
//! A session's expiry is agreed on with the server, which by default allows 2 to 20 of its ticks of 2 s: it may be longer than what
//! was asked for. A lease that is longer than any session is refused. Where it is not known whether a node was made or deleted, the
//! session is ended, and all of its locks with it.

use super::{Attempt, Backend, BackendError, Fence, file::encoded};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};
use zookeeper_client::{Acls, Client, CreateMode, Error};

const BACKEND: &str = "ZooKeeper";
const ROOT: &str = "/windtunnel/locks";

/// Locks on a ZooKeeper ensemble.
pub struct ZooKeeper {
    servers: String,
    patience: Duration,
    runtime: Runtime,
    /// The session, as long as it lives.
    client: Mutex<Option<Client>>,
    /// Fences of locks that were handed out. One takes at a time.
    held: Mutex<BTreeSet<u64>>,
}

fn told(error: &Error) -> BackendError {
    match error {
        Error::NoHosts => BackendError::new(BACKEND, "no server of the address serves; is ZooKeeper running there?"),
        error => BackendError::new(BACKEND, error),
    }
}

impl ZooKeeper {
    /// Locks on the ensemble at `host:port[,host:port..][/chroot]`.
    ///
    /// # Errors
    /// Where its thread cannot be started.
    pub fn new(servers: &str, patience: Duration) -> Result<Self, BackendError> {
        // One thread keeps the session alive while no call is made.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| BackendError::new(BACKEND, error))?;
        Ok(Self {
            servers: servers.to_owned(),
            patience,
            runtime,
            client: Mutex::new(None),
            held: Mutex::new(BTreeSet::new()),
        })
    }

    /// The session, or a new one: one that expired took its locks with it.
    fn session(&self, expiry: Duration) -> Result<Client, BackendError> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.as_ref().filter(|client| !client.state().is_terminated()) {
            return Ok(client.clone());
        }
        let connect = async {
            let connector = Client::connector().with_session_timeout(expiry).with_connection_timeout(self.patience);
            let client = connector.with_fail_eagerly().connect(&self.servers).await?;
            client.mkdir(ROOT, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await?;
            Ok(client)
        };
        let client = self.wait(connect)?;
        let session = client.session_timeout();
        if session < expiry {
            let text = format!(
                "its sessions last {session:?} at most, less than the {expiry:?} of a lease; ask for shorter leases"
            );
            return Err(BackendError::new(BACKEND, text));
        }
        *kept = Some(client.clone());
        Ok(client)
    }

    fn wait<R>(&self, future: impl Future<Output = Result<R, Error>>) -> Result<R, BackendError> {
        // A server that does not answer counts as gone.
        let answer = self.runtime.block_on(async { tokio::time::timeout(self.patience, future).await });
        match answer {
            Ok(answer) => answer.map_err(|error| told(&error)),
            Err(_) => Err(BackendError::new(BACKEND, format!("no answer within {:?}", self.patience))),
        }
    }

    /// Whether the node is still the one with that fence.
    fn holds(&self, client: &Client, name: &str, fence: Fence) -> Result<bool, BackendError> {
        match self.wait(async { Ok(client.check_stat(&node(name)).await) })? {
            Ok(stat) => Ok(stat.is_some_and(|stat| stat.czxid as u64 == fence.0)),
            Err(Error::SessionExpired | Error::ClientClosed) => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }

    /// Ends the session, and with it all that it holds. Those who hold locks of it learn so when they are renewed.
    fn end(&self) {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The session that lives, if one does.
    fn living(&self) -> Option<Client> {
        let kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|client| !client.state().is_terminated())
    }
}

fn node(name: &str) -> String {
    format!("{ROOT}/{}", encoded(name))
}

impl Backend for ZooKeeper {
    fn take(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        let taken = self.take_now(name, owner, expiry);
        if taken.is_err() {
            self.end();
        }
        taken
    }

    fn renew(&self, name: &str, _owner: &str, fence: Fence, _expiry: Duration) -> Result<bool, BackendError> {
        // The session renews itself; what is asked is whether the lock is still there.
        self.living().map_or(Ok(false), |client| self.holds(&client, name, fence))
    }

    fn give_back(&self, name: &str, _owner: &str, fence: Fence) -> Result<bool, BackendError> {
        // Nobody takes meanwhile: a node that is about to be deleted must not be thought to be left over.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&fence.0);
        let given = self.delete(name, fence);
        if given.is_err() {
            // Whether it is there still, nobody knows: its session is ended, and the node with it.
            self.end();
        }
        given
    }
}

impl ZooKeeper {
    fn delete(&self, name: &str, fence: Fence) -> Result<bool, BackendError> {
        let Some(client) = self.living() else { return Ok(false) };
        // Between the look and the deletion the node cannot become another's: as long as the session lives it is ours.
        if !self.holds(&client, name, fence)? {
            return Ok(false);
        }
        match self.wait(async { Ok(client.delete(&node(name), None).await) })? {
            Ok(()) => Ok(true),
            Err(Error::NoNode | Error::SessionExpired | Error::ClientClosed) => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }
}

impl ZooKeeper {
    fn take_now(&self, name: &str, owner: &str, expiry: Duration) -> Result<Attempt, BackendError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let client = self.session(expiry)?;
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        let made = self.wait(async { Ok(client.create(&node(name), owner.as_bytes(), &options).await) })?;
        let fence = match made {
            Ok((stat, _)) => stat.czxid as u64,
            Err(Error::NodeExists) => {
                let holder = self.wait(async { Ok(client.get_data(&node(name)).await) })?;
                let Ok((data, stat)) = holder else { return Ok(Attempt::Held(None)) };
                // A node of this session that nobody was told of: the answer to an earlier attempt got lost.
                let ours = stat.ephemeral_owner == client.session_id().0 && !held.contains(&(stat.czxid as u64));
                if !ours {
                    return Ok(Attempt::Held(Some(String::from_utf8_lossy(&data).into_owned())));
                }
                // Made anew, for a fence of its own.
                self.wait(client.delete(&node(name), Some(stat.version)))?;
                self.wait(client.create(&node(name), owner.as_bytes(), &options))?.0.czxid as u64
            }
            Err(error) => return Err(told(&error)),
        };
        held.insert(fence);
        Ok(Attempt::Granted(Fence(fence)))
    }
}
