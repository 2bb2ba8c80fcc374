//! The connection: TCP, encrypted or not, or a Unix socket.

use super::{
    Failure,
    tls::{Encrypted, Tls},
    url::Place,
};
use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// How long to wait for a server to take a connection: an overloaded one is slow, a firewall that drops is silent for minutes.
const CONNECT: Duration = Duration::from_secs(15);
/// How long to wait for the next bytes. A statement is ended by the server before that, see [`super::PAGE_SECONDS`].
const SILENCE: Duration = Duration::from_secs(super::UNPAGED_SECONDS + 30);
/// How long logging in may keep silent.
const LOGIN: Duration = Duration::from_secs(30);

/// A byte stream to a server.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Encrypted(Box<Encrypted>),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    pub(super) fn connect(place: &Place) -> Result<Self, Failure> {
        match place {
            Place::Tcp { host, port } => {
                let stream = tcp(host, *port)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            Place::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path);
                let stream =
                    stream.map_err(|error| Failure::Setup(format!("cannot connect to {}: {error}", path.display())))?;
                Ok(Self::Unix(stream))
            }
            #[cfg(not(unix))]
            Place::Unix(_) => Err(Failure::Setup("this system has no Unix sockets: name a host".to_owned())),
        }
    }

    /// The same connection, encrypted from here on.
    pub(super) fn secure(self, place: &Place, tls: &Tls) -> Result<Self, Failure> {
        match (self, place) {
            (Self::Tcp(tcp), Place::Tcp { host, .. }) => {
                Ok(Self::Encrypted(Box::new(tls.secure(tcp, host).map_err(Failure::Setup)?)))
            }
            (other, _) => Ok(other),
        }
    }

    /// Can nobody on the way read along?
    pub(super) fn is_private(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }

    /// Before logging in, and after.
    pub(super) fn be_patient(&self, logged_in: bool) -> io::Result<()> {
        let limit = Some(if logged_in { SILENCE } else { LOGIN });
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(limit),
            Self::Encrypted(stream) => stream.sock.set_read_timeout(limit),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_read_timeout(limit),
        }
    }
}

/// The first address of the host that takes a connection.
fn tcp(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let failure =
        |error: &io::Error| Failure::Setup(format!("cannot connect to {host}, port {port}: {}", words(error)));
    let addresses = (host, port).to_socket_addrs();
    let addresses = addresses.map_err(|error| Failure::Setup(format!("cannot find host {host}: {error}")))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failure(&last))
}

/// What went wrong, in words that say what happened rather than what the system calls it.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server closed the connection".to_owned()
        }
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer within the time limit".to_owned(),
        io::ErrorKind::InvalidData if error.to_string().contains("certificate") => {
            format!("{error} (sslrootcert=FILE in the URL names a certificate to trust, sslmode says what to check)")
        }
        _ => error.to_string(),
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.flush(),
        }
    }
}
