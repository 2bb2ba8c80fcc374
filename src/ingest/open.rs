//! Opens a file, whatever it is compressed with, and hashes it.

use super::Error;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

const BUFFER: usize = 1 << 18;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The decompressed content. Compression is recognised by content, not by name.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
    let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(Error::io(path))?);
    let head = io::BufRead::fill_buf(&mut file).map_err(Error::io(path))?;
    Ok(if head.starts_with(&GZIP) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if head.starts_with(&ZSTD) {
        Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(Error::io(path))?)
    } else {
        Box::new(file)
    })
}

/// SHA-256 of the file as it lies there, hexadecimal.
pub(super) fn hash(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(path)(error)),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
