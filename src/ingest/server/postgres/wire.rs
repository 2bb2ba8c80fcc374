//! Messages of PostgreSQL's protocol, version 3: a letter, a length, a body.

use super::super::{Cells, Failure, MAX_ROW_BYTES, net::Stream};
use crate::ingest::reading::Fault;
use std::io::{self, BufRead, BufReader, Read, Write};

/// Bytes read at once.
const BLOCK: usize = 64 << 10;
/// A message other than a row is never longer; a longer one comes from something that is no PostgreSQL.
const MAX_OTHER_BYTES: usize = 1 << 20;

/// What a server says, as far as it matters here.
pub(super) enum Message<'a> {
    Row(Result<Cells<'a>, Fault>),
    Authentication(&'a [u8]),
    /// It awaits the next query.
    Ready,
    /// Notices, settings, the names of columns.
    Other,
}

/// A connection, with the message that was read last.
pub(super) struct Wire {
    input: BufReader<Stream>,
    body: Vec<u8>,
    places: Vec<Option<(usize, usize)>>,
}

/// Sends the request for encryption; the answer is one byte.
pub(super) fn ask_for_encryption(stream: &mut Stream, code: i32) -> io::Result<u8> {
    let mut request = 8_i32.to_be_bytes().to_vec();
    request.extend(code.to_be_bytes());
    stream.write_all(&request)?;
    stream.flush()?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self { input: BufReader::with_capacity(BLOCK, stream), body: Vec::new(), places: Vec::new() }
    }

    pub(super) fn stream(&self) -> &Stream {
        self.input.get_ref()
    }

    /// The first message, the only one without a letter.
    pub(super) fn start(&mut self, version: i32, settings: &[(&str, &str)]) -> Result<(), Failure> {
        let mut body = version.to_be_bytes().to_vec();
        for (name, value) in settings {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        self.write(&[], &[&body])
    }

    pub(super) fn send(&mut self, letter: u8, parts: &[&[u8]]) -> Result<(), Failure> {
        self.write(&[letter], parts)
    }

    fn write(&mut self, letter: &[u8], parts: &[&[u8]]) -> Result<(), Failure> {
        let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
        let length = i32::try_from(length).map_err(|_| Failure::Protocol("a message of any length"))?;
        let message = [letter, &length.to_be_bytes(), &parts.concat()].concat();
        let stream = self.input.get_mut();
        stream.write_all(&message)?;
        Ok(stream.flush()?)
    }

    /// The next message. What the server refuses is a failure.
    pub(super) fn read(&mut self) -> Result<Message<'_>, Failure> {
        let mut head = [0; 5];
        self.input.read_exact(&mut head)?;
        let [letter, length @ ..] = head;
        let length = usize::try_from(i32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
        let length = length.ok_or(Failure::Protocol("a message of negative length; is this PostgreSQL?"))?;
        if letter == b'D' && length > MAX_ROW_BYTES {
            self.skip(length)?;
            let fault = Fault::of(format!("a row of more than {} MiB", MAX_ROW_BYTES >> 20), &length.to_string());
            return Ok(Message::Row(Err(fault)));
        }
        if letter != b'D' && length > MAX_OTHER_BYTES {
            return Err(Failure::Protocol("a message of any length; is this PostgreSQL?"));
        }
        self.body.resize(length, 0);
        self.input.read_exact(&mut self.body)?;
        match letter {
            b'D' => self.row().map(|cells| Message::Row(Ok(cells))),
            b'R' => Ok(Message::Authentication(&self.body)),
            b'Z' => Ok(Message::Ready),
            b'E' => Err(refusal(&self.body)),
            b'T' | b'C' | b'N' | b'S' | b'K' | b'A' | b'I' => Ok(Message::Other),
            _ => Err(Failure::Protocol("a message of a kind that was not asked for")),
        }
    }

    fn skip(&mut self, mut bytes: usize) -> Result<(), Failure> {
        while bytes > 0 {
            let held = self.input.fill_buf()?.len().min(bytes);
            if held == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.input.consume(held);
            bytes -= held;
        }
        Ok(())
    }

    fn row(&mut self) -> Result<Cells<'_>, Failure> {
        places(&self.body, &mut self.places).ok_or(Failure::Protocol("a row that does not hold what it says"))?;
        Ok(Cells { bytes: &self.body, places: &self.places })
    }
}

/// Where the values of a row lie: a count, then each with its length, -1 for NULL.
fn places(body: &[u8], places: &mut Vec<Option<(usize, usize)>>) -> Option<()> {
    places.clear();
    let count = i16::from_be_bytes(*body.first_chunk()?);
    let mut at = 2;
    for _ in 0..count {
        let length = i32::from_be_bytes(*body.get(at..)?.first_chunk()?);
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            places.push(None);
            continue;
        };
        let end = at.checked_add(length).filter(|end| *end <= body.len())?;
        places.push(Some((at, end)));
        at = end;
    }
    (at == body.len()).then_some(())
}

/// Fields of an error, each a letter and a text: its code and its message are shown.
fn refusal(body: &[u8]) -> Failure {
    let field = |letter: u8| body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[letter]));
    let code = String::from_utf8_lossy(field(b'C').unwrap_or_default());
    Failure::refused(&code, field(b'M').unwrap_or(b"an error without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_row_is_taken_apart() {
        let mut found = Vec::new();
        let body = [0, 3, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255, 0, 0, 0, 0];
        assert_eq!(places(&body, &mut found), Some(()));
        assert_eq!(found, [Some((6, 8)), None, Some((16, 16))]);
        assert_eq!(places(&body[..body.len() - 1], &mut found), None);
        assert_eq!(places(&[&body[..], &[0]].concat(), &mut found), None);
    }

    #[test]
    fn an_error_is_shown_without_control_characters() {
        let text = refusal(b"SFATAL\0VFATAL\0C28P01\0Mno\x1b[2Jway\nout\0\0").to_string();
        assert_eq!(text, "the server says: no [2Jway out (28P01)");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut found = Vec::new();
            if places(&body, &mut found).is_some() {
                prop_assert!(found.iter().flatten().all(|(start, end)| start <= end && *end <= body.len()));
            }
            let _ = refusal(&body);
        }
    }
}
