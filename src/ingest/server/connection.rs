//! What both clients share: the thread they run on, how long they wait, and what to call what went wrong.

use super::{Failure, url::Place};
use std::{error::Error, future::Future, io, net::ToSocketAddrs, time::Duration};
use tokio::{runtime, time};

/// How long connecting and logging in may take: an overloaded server is slow, a firewall that drops is silent for minutes.
const LOGIN: Duration = Duration::from_secs(30);
/// How long to wait for the next row. A statement is ended by the server before that, see [`super::PAGE_SECONDS`].
const SILENCE: Duration = Duration::from_secs(super::UNPAGED_SECONDS + 30);
/// How long saying good-bye may take.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Runs a client on the calling thread: while that takes rows, nothing is read from the server.
pub(super) struct Runtime(runtime::Runtime);

impl Runtime {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self(runtime::Builder::new_current_thread().enable_io().enable_time().build()?))
    }

    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }

    /// Runs beside what is waited for, whenever something is.
    pub(super) fn spawn(&self, future: impl Future + Send + 'static) {
        self.0.spawn(async { drop(future.await) });
    }
}

/// Is there such a host? Asked beforehand, as the libraries' errors do not tell it from a host that does not answer.
pub(super) fn look_up(place: &Place) -> Result<(), Failure> {
    let Place::Tcp { host, port } = place else { return Ok(()) };
    let found = (host.as_str(), *port).to_socket_addrs();
    found.map(drop).map_err(|error| Failure::Setup(format!("cannot find host {host}: {error}")))
}

/// Waits for a log-in.
pub(super) async fn log_in<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    within(LOGIN, future).await
}

/// Waits for the next row, or for the end of a statement.
pub(super) async fn next<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    within(SILENCE, future).await
}

/// Waits a moment for the end of a connection.
pub(super) async fn good_bye(future: impl Future) {
    let _ = time::timeout(GOOD_BYE, future).await;
}

async fn within<T>(limit: Duration, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    time::timeout(limit, future).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

/// The error of the system behind an error of a library, where there is one.
pub(super) fn io_behind<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error with all that it came from, without control characters, and not at any length.
pub(super) fn whole(error: &(dyn Error + 'static)) -> String {
    chain(error).map(|error| plain(&error.to_string())).collect::<Vec<_>>().join(": ")
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |last| {
        let last: &'e (dyn Error + 'static) = *last;
        last.source()
    })
}

pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

/// What went wrong, in words that say what happened rather than what the system calls it.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server closed the connection".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer within the time limit".to_owned(),
        _ => with_advice(plain(&error.to_string())),
    }
}

/// What to do about a certificate that is not trusted.
pub(super) fn with_advice(reason: String) -> String {
    match reason.contains("certificate") {
        true => {
            format!("{reason} (sslrootcert=FILE in the URL names a certificate to trust, sslmode says what to check)")
        }
        false => reason,
    }
}
