//! Opens a file, whatever it is compressed with, reads ahead on a thread of its own, and hashes it on the way.

use super::Error;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

/// Bytes read at once.
const BLOCK: usize = 1 << 18;
/// Blocks read ahead. Enough to keep two threads busy, little enough to be no matter for memory.
const AHEAD: usize = 4;
/// Smaller files are read without a thread.
const SMALL: u64 = 1 << 20;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A file that grows by more than this when it is decompressed, and beyond [`BOMB_BYTES`], is no log and no export. Real
/// ones grow 3 to 60 times; gzip cannot grow more than 1,032 times.
const BOMB_RATIO: u64 = 500;
const BOMB_BYTES: u64 = 1 << 30;

/// The decompressed content of a file, as it is read.
pub(super) struct Input {
    reader: Box<dyn BufRead + Send>,
    progress: Arc<AtomicU64>,
    hasher: Arc<Mutex<Sha256>>,
    path: PathBuf,
}

impl Input {
    /// Bytes of the file read so far, as it lies there.
    pub(super) fn progress(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }

    /// SHA-256 of the file as it lies there, hexadecimal, after it was read to its end.
    pub(super) fn sha256(self) -> Result<String, Error> {
        let Self { reader, progress, hasher, path } = self;
        drop(reader);
        let length = std::fs::metadata(&path).map_err(Error::io(&path))?.len();
        if progress.load(Ordering::Relaxed) != length {
            // Something behind the compressed content, or a reader that stopped early.
            return hash(&path);
        }
        let hasher = hasher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(hex(hasher))
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

/// The decompressed content. Compression is recognised by content, not by name.
pub(super) fn open(path: &Path) -> Result<Input, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let (progress, hasher) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Sha256::new())));
    let raw = Raw { file, progress: progress.clone(), hasher: hasher.clone() };
    let mut file = BufReader::with_capacity(BLOCK, raw);
    let head = file.fill_buf().map_err(Error::io(path))?;
    let bomb = |inner| Bounded { inner, read: 0, progress: progress.clone() };
    let content: Box<dyn Read + Send> = if head.starts_with(&GZIP) {
        Box::new(bomb(Box::new(flate2::bufread::MultiGzDecoder::new(file)) as Box<dyn Read + Send>))
    } else if head.starts_with(&ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(Error::io(path))?;
        Box::new(bomb(Box::new(decoder) as Box<dyn Read + Send>))
    } else {
        Box::new(file)
    };
    let reader: Box<dyn BufRead + Send> = if length < SMALL {
        Box::new(BufReader::with_capacity(BLOCK, content))
    } else {
        Box::new(Ahead::start(content))
    };
    Ok(Input { reader, progress, hasher, path: path.into() })
}

/// What comes from stdin, whatever it is compressed with.
pub(super) fn stdin() -> io::Result<Box<dyn BufRead>> {
    let mut raw = BufReader::with_capacity(BLOCK, io::stdin());
    let head = raw.fill_buf()?;
    Ok(if head.starts_with(&GZIP) {
        Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(raw)))
    } else if head.starts_with(&ZSTD) {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(raw)?))
    } else {
        Box::new(raw)
    })
}

/// The first bytes of the decompressed content.
pub(super) fn head(path: &Path, bytes: usize) -> Result<Vec<u8>, Error> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let start = file.fill_buf().map_err(Error::io(path))?;
    let content: Box<dyn Read> = if start.starts_with(&GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if start.starts_with(&ZSTD) {
        Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(Error::io(path))?)
    } else {
        Box::new(file)
    };
    let mut head = Vec::new();
    match content.take(bytes as u64).read_to_end(&mut head) {
        // A damaged file may still be recognised by what can be read of it.
        Err(error) if head.is_empty() => Err(Error::io(path)(error)),
        _ => Ok(head),
    }
}

/// The file as it lies there.
struct Raw {
    file: File,
    progress: Arc<AtomicU64>,
    hasher: Arc<Mutex<Sha256>>,
}

impl Read for Raw {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner).update(&into[..read]);
        self.progress.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Refuses to decompress without end.
struct Bounded {
    inner: Box<dyn Read + Send>,
    read: u64,
    progress: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.read += read as u64;
        let raw = self.progress.load(Ordering::Relaxed).max(1);
        if self.read > BOMB_BYTES && self.read / raw > BOMB_RATIO {
            return Err(io::Error::other(format!("the content is more than {BOMB_RATIO} times the compressed file")));
        }
        Ok(read)
    }
}

/// Reads ahead on a thread.
struct Ahead {
    full: Option<Receiver<io::Result<Vec<u8>>>>,
    empty: SyncSender<Vec<u8>>,
    block: Vec<u8>,
    at: usize,
}

impl Ahead {
    fn start(mut content: Box<dyn Read + Send>) -> Self {
        let (full, receiver) = sync_channel::<io::Result<Vec<u8>>>(AHEAD);
        let (empty, spare) = sync_channel::<Vec<u8>>(AHEAD + 2);
        std::thread::spawn(move || {
            loop {
                let mut block = spare.try_recv().unwrap_or_default();
                block.resize(BLOCK, 0);
                let read = fill(&mut content, &mut block);
                let ends = !matches!(read, Ok(length) if length > 0);
                let sent = full.send(read.map(|length| {
                    block.truncate(length);
                    block
                }));
                // The other side has gone, or there is no more.
                if sent.is_err() || ends {
                    return;
                }
            }
        });
        Self { full: Some(receiver), empty, block: Vec::new(), at: 0 }
    }
}

/// Reads until the block is full, so that decoders that give little at a time make no small blocks.
fn fill(content: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < block.len() {
        match content.read(&mut block[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What came before the fault is given first; the fault comes again.
            Err(_) if length > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(into.len());
        into[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.block.len()
            && let Some(full) = &self.full
        {
            let used = std::mem::take(&mut self.block);
            if used.capacity() > 0 {
                // Full only if the other side has ended, and then it is of no more use.
                let _ = self.empty.try_send(used);
            }
            self.at = 0;
            match full.recv() {
                Ok(Ok(block)) if !block.is_empty() => self.block = block,
                Ok(Ok(_)) => self.full = None,
                Ok(Err(error)) => {
                    self.full = None;
                    return Err(error);
                }
                // The end is told by an empty block: without one the thread has failed.
                Err(_) => {
                    self.full = None;
                    return Err(io::Error::other("reading ahead failed"));
                }
            }
        }
        Ok(&self.block[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.block.len());
    }
}

/// SHA-256 of the file as it lies there, hexadecimal.
pub(super) fn hash(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BLOCK];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(path)(error)),
        }
    }
    Ok(hex(hasher))
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
