//! A text input line by line, in bounded memory.

use super::super::reading::Fault;
use std::io::{self, BufRead, Read};

/// Longest line that is read. The longest a metric needs is a few kilobytes; a file without line ends is not kept in memory.
pub(super) const MAX_LINE: usize = 1 << 20;

/// Reads lines, and counts them.
pub(super) struct Lines {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    ended: bool,
}

impl Lines {
    pub(super) fn new(input: Box<dyn BufRead>) -> Self {
        Self { input, line: Vec::with_capacity(512), number: 0, bytes: 0, ended: false }
    }

    /// Bytes read until now.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line with its number, from 1, without its line end. A line that is too long is a fault; where the input breaks
    /// off (a compressed file that was cut) what was read before stands, and the break is a fault.
    pub(super) fn next(&mut self) -> Option<(u64, Result<&[u8], Fault>)> {
        if self.ended {
            return None;
        }
        self.line.clear();
        self.number += 1;
        let read = self.input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.line);
        match read {
            Ok(0) => None,
            Ok(count) => {
                self.bytes += count as u64;
                if self.line.len() > MAX_LINE && self.line.last() != Some(&b'\n') {
                    let fault = Fault::new("the line is longer than 1 MiB");
                    self.ended = self.skip_line().is_err();
                    return Some((self.number, Err(fault)));
                }
                Some((self.number, Ok(trimmed(&self.line, self.number == 1))))
            }
            Err(error) => {
                self.ended = true;
                Some((self.number, Err(Fault::of("cannot read on from here", &error.to_string()))))
            }
        }
    }

    /// Passes over the rest of a line without keeping it.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.line.clear();
            let count = self.input.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut self.line)?;
            self.bytes += count as u64;
            if count == 0 || self.line.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }
}

fn trimmed(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: Vec<u8>) -> Vec<(u64, Result<Vec<u8>, String>)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(text)));
        let mut all = Vec::new();
        while let Some((number, line)) = lines.next() {
            all.push((number, line.map(<[u8]>::to_vec).map_err(|fault| fault.kind().to_owned())));
        }
        all
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_are_no_part_of_a_line() {
        let got = read(b"\xef\xbb\xbfa:1|c\r\n\nb".to_vec());
        assert_eq!(got, [(1, Ok(b"a:1|c".to_vec())), (2, Ok(Vec::new())), (3, Ok(b"b".to_vec()))]);
    }

    #[test]
    fn a_line_without_end_is_a_fault_and_the_next_line_is_read() {
        let text = [vec![b'x'; 3 * MAX_LINE], b"\nb\n".to_vec()].concat();
        let got = read(text);
        assert_eq!(got, [(1, Err("the line is longer than 1 MiB".to_owned())), (2, Ok(b"b".to_vec()))]);
    }

    #[test]
    fn an_input_that_breaks_off_keeps_what_came_before() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("cut"))
            }
        }
        let input = io::BufReader::new(Read::chain(&b"a\n"[..], Broken));
        let mut lines = Lines::new(Box::new(input));
        assert_eq!(lines.next().map(|(number, line)| (number, line.is_ok())), Some((1, true)));
        assert_eq!(
            lines.next().map(|(_, line)| line.expect_err("cut").kind().to_owned()),
            Some("cannot read on from here".to_owned())
        );
        assert!(lines.next().is_none());
    }
}
