//! Packets of MySQL's protocol: a length of three bytes, a number, a body.

use super::super::{Cells, Each, Failure, MAX_ROW_BYTES, net::Stream};
use crate::ingest::{reading::Fault, sink::Halt};
use std::io::{self, BufReader, Read, Write};

/// Bytes read at once.
const BLOCK: usize = 64 << 10;
/// A body of this size goes on in the next packet.
const FULL: usize = 0xff_ffff;
/// The command that runs a query.
const QUERY: u8 = 3;

/// What a packet says, as far as it matters here.
pub(super) enum Packet<'a> {
    Ok,
    /// The end of columns or rows; during the log-in, a change of method.
    End(&'a [u8]),
    Refused(Failure),
    Other(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// The body of one that carries something.
    pub(super) fn body(self) -> Result<&'a [u8], Failure> {
        match self {
            Self::Other(body) => Ok(body),
            Self::Refused(failure) => Err(failure),
            Self::Ok | Self::End(_) => Err(Failure::Protocol("an empty answer; is this MySQL?")),
        }
    }
}

/// A connection, with the packet that was read last.
pub(super) struct Wire {
    input: BufReader<Stream>,
    body: Vec<u8>,
    places: Vec<Option<(usize, usize)>>,
    /// Number of the next packet.
    sequence: u8,
}

/// Writes a text with its length before it.
pub(super) fn put_text(packet: &mut Vec<u8>, text: &[u8]) {
    match u8::try_from(text.len()) {
        Ok(short @ 0..=250) => packet.push(short),
        _ => {
            packet.push(0xfe);
            packet.extend((text.len() as u64).to_le_bytes());
        }
    }
    packet.extend_from_slice(text);
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { input: BufReader::with_capacity(BLOCK, stream), body: Vec::new(), places: Vec::new(), sequence: 0 }
    }

    pub(super) fn stream(&self) -> &Stream {
        self.input.get_ref()
    }

    /// The same conversation on another stream. What was read ahead on this one must be nothing.
    pub(super) fn map(self, change: impl FnOnce(Stream) -> Result<Stream, Failure>) -> Result<Self, Failure> {
        if !self.input.buffer().is_empty() {
            return Err(Failure::Protocol("bytes in the clear where encryption begins"));
        }
        Ok(Self { sequence: self.sequence, ..Self::new(change(self.input.into_inner())?) })
    }

    pub(super) fn write(&mut self, mut body: &[u8]) -> Result<(), Failure> {
        loop {
            let (now, rest) = body.split_at(body.len().min(FULL));
            let [a, b, c, _] = (now.len() as u32).to_le_bytes();
            let stream = self.input.get_mut();
            stream.write_all(&[&[a, b, c, self.sequence], now].concat())?;
            stream.flush()?;
            self.sequence = self.sequence.wrapping_add(1);
            body = rest;
            if now.len() < FULL {
                return Ok(());
            }
        }
    }

    /// The next packet as an answer to a command or to a log-in.
    pub(super) fn read(&mut self) -> Result<Packet<'_>, Failure> {
        if self.read_body()?.is_some() {
            return Err(Failure::Protocol("an answer of any length; is this MySQL?"));
        }
        Ok(match self.body.as_slice() {
            [] => return Err(Failure::Protocol("an empty packet")),
            [0, ..] => Packet::Ok,
            [0xff, rest @ ..] => Packet::Refused(refusal(rest)),
            body @ [0xfe, ..] => Packet::End(body),
            body => Packet::Other(body),
        })
    }

    /// Runs a query and hands its rows on, one by one.
    pub(super) fn query(&mut self, sql: &[u8], each: &mut Each<'_>) -> Result<(), Failure> {
        self.sequence = 0;
        self.write(&[&[QUERY], sql].concat())?;
        let columns = match self.read()? {
            Packet::Ok => return Ok(()),
            packet => lenenc(packet.body()?, 0).and_then(|(count, _)| usize::try_from(count?).ok()),
        };
        let columns = columns.ok_or(Failure::Protocol("a number of columns that is none"))?;
        for _ in 0..columns {
            self.read()?.body()?;
        }
        if !matches!(self.read()?, Packet::End(_)) {
            return Err(Failure::Protocol("columns without an end"));
        }
        loop {
            if let Some(length) = self.read_body()? {
                let fault = Fault::of(format!("a row of more than {} MiB", MAX_ROW_BYTES >> 20), &length.to_string());
                each(Err(fault))?;
                continue;
            }
            match self.body.as_slice() {
                [0xff, rest @ ..] => return Err(refusal(rest)),
                // A row may begin with that byte as well, and is longer then.
                [0xfe, ..] if self.body.len() < 9 => return Ok(()),
                _ => self.row(columns, each)?,
            }
        }
    }

    fn row(&mut self, columns: usize, each: &mut Each<'_>) -> Result<(), Failure> {
        places(&self.body, columns, &mut self.places)
            .ok_or(Failure::Protocol("a row that does not hold what it says"))?;
        let result: Result<(), Halt> = each(Ok(Cells { bytes: &self.body, places: &self.places }));
        Ok(result?)
    }

    /// Reads one body, which may come in several packets. One that is too long is read over, and its length returned.
    fn read_body(&mut self) -> Result<Option<usize>, Failure> {
        self.body.clear();
        let mut length = 0;
        loop {
            let mut head = [0; 4];
            self.input.read_exact(&mut head)?;
            let [a, b, c, sequence] = head;
            if sequence != self.sequence {
                return Err(Failure::Protocol("packets out of order; is this MySQL?"));
            }
            self.sequence = self.sequence.wrapping_add(1);
            let here = u32::from_le_bytes([a, b, c, 0]) as usize;
            length += here;
            let mut part = (&mut self.input).take(here as u64);
            let copied = match length <= MAX_ROW_BYTES {
                true => part.read_to_end(&mut self.body)? as u64,
                false => io::copy(&mut part, &mut io::sink())?,
            };
            if copied != here as u64 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if here < FULL {
                return Ok((length > MAX_ROW_BYTES).then_some(length));
            }
        }
    }
}

/// A number of one to nine bytes and the place behind it; the number is `None` for what stands for NULL.
fn lenenc(body: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let wide = |bytes: usize| {
        let mut value = [0; 8];
        value.get_mut(..bytes)?.copy_from_slice(body.get(at + 1..at + 1 + bytes)?);
        Some((Some(u64::from_le_bytes(value)), at + 1 + bytes))
    };
    match *body.get(at)? {
        0xfb => Some((None, at + 1)),
        0xfc => wide(2),
        0xfd => wide(3),
        0xfe => wide(8),
        0xff => None,
        short => Some((Some(u64::from(short)), at + 1)),
    }
}

fn places(body: &[u8], columns: usize, places: &mut Vec<Option<(usize, usize)>>) -> Option<()> {
    places.clear();
    let mut at = 0;
    for _ in 0..columns {
        let (length, start) = lenenc(body, at)?;
        let Some(length) = length else {
            places.push(None);
            at = start;
            continue;
        };
        at = start.checked_add(usize::try_from(length).ok()?).filter(|end| *end <= body.len())?;
        places.push(Some((start, at)));
    }
    (at == body.len()).then_some(())
}

/// A number, perhaps a mark and five characters of a state, and a message.
fn refusal(body: &[u8]) -> Failure {
    let (code, message) = body.split_first_chunk().map_or((0, body), |(code, rest)| (u16::from_le_bytes(*code), rest));
    let message = if message.first() == Some(&b'#') { message.get(6..).unwrap_or_default() } else { message };
    Failure::refused(&code.to_string(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_is_taken_apart() {
        let mut found = Vec::new();
        let mut body = vec![2, b'a', b'b', 0xfb, 0, 0xfc, 0x2c, 1];
        body.extend([b'x'; 300]);
        assert_eq!(places(&body, 4, &mut found), Some(()));
        assert_eq!(found, [Some((1, 3)), None, Some((5, 5)), Some((8, 308))]);
        assert_eq!(places(&body, 3, &mut found), None);
        assert_eq!(places(&body, 5, &mut found), None);
    }

    #[test]
    fn an_error_is_shown_without_control_characters() {
        assert_eq!(refusal(b"\x15\x04#28000Access\x1b denied").to_string(), "the server says: Access  denied (1045)");
        assert_eq!(refusal(b"\x10\x04Too many").to_string(), "the server says: Too many (1040)");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..60), columns in 0..8_usize) {
            let mut found = Vec::new();
            if places(&body, columns, &mut found).is_some() {
                prop_assert!(found.iter().flatten().all(|(start, end)| start <= end && *end <= body.len()));
            }
            let _ = refusal(&body);
        }

        #[test]
        fn a_text_is_read_as_it_was_put(text in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut packet = Vec::new();
            put_text(&mut packet, &text);
            let mut found = Vec::new();
            prop_assert_eq!(places(&packet, 1, &mut found), Some(()));
            let (start, end) = found[0].expect("a text");
            prop_assert_eq!(&packet[start..end], &text[..]);
        }
    }
}
