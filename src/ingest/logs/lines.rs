//! A stream to lines, in bounded memory: a line that lies whole in the reader's buffer is not copied.

use crate::ingest::sink::Halt;
use std::io::{self, BufRead};

/// Longest line that is read. Airflow's own longest are a few kilobytes; a task may print anything.
pub(super) const MAX_LINE: usize = 1 << 20;

/// What a stream gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A line without its end.
    Text(&'a [u8]),
    /// A line of more than [`MAX_LINE`] bytes, passed over.
    TooLong,
    /// The stream broke (a compressed file that ends early): nothing follows.
    Broken(String),
}

/// Calls `visit` for each line with its number, counted from 1.
pub(super) fn each(
    input: &mut dyn BufRead,
    visit: &mut dyn FnMut(i64, Line<'_>) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut number = 0;
    // The beginning of a line that goes on in the next buffer, and whether it has grown too long to keep.
    let (mut held, mut too_long) = (Vec::new(), false);
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                if !held.is_empty() || too_long {
                    number += 1;
                    visit(number, if too_long { Line::TooLong } else { Line::Text(&held) })?;
                }
                return visit(number + 1, Line::Broken(error.to_string()));
            }
        };
        if buffer.is_empty() {
            break;
        }
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', buffer) {
            number += 1;
            let part = &buffer[start..end];
            start = end + 1;
            if held.is_empty() && !too_long {
                visit(number, text(part))?;
                continue;
            }
            held.extend_from_slice(&part[..part.len().min(MAX_LINE + 1 - held.len().min(MAX_LINE))]);
            visit(number, if too_long { Line::TooLong } else { text(&held) })?;
            held.clear();
            too_long = false;
        }
        let rest = &buffer[start..];
        if too_long || held.len() + rest.len() > MAX_LINE {
            (held, too_long) = (Vec::new(), true);
        } else {
            held.extend_from_slice(rest);
        }
        let length = buffer.len();
        input.consume(length);
    }
    match (too_long, held.is_empty()) {
        (true, _) => visit(number + 1, Line::TooLong),
        (false, true) => Ok(()),
        (false, false) => visit(number + 1, text(&held)),
    }
}

fn text(line: &[u8]) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE { Line::TooLong } else { Line::Text(line) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{BufReader, Read};

    fn lines(bytes: &[u8], buffer: usize) -> Vec<(i64, Option<Vec<u8>>)> {
        let mut found = Vec::new();
        let mut input = BufReader::with_capacity(buffer, bytes);
        let mut visit = |number, line: Line<'_>| {
            found.push((number, if let Line::Text(text) = line { Some(text.to_vec()) } else { None }));
            Ok(())
        };
        each(&mut input, &mut visit).expect("no halt");
        found
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_passed_over() {
        let long = vec![b'x'; MAX_LINE + 1];
        let bytes = [b"a\r\n".as_slice(), &long, b"\n\nb"].concat();
        let want = vec![(1, Some(b"a".to_vec())), (2, None), (3, Some(vec![])), (4, Some(b"b".to_vec()))];
        for buffer in [7, 65_536, MAX_LINE * 2] {
            assert_eq!(lines(&bytes, buffer), want, "{buffer}");
        }
        assert_eq!(lines(&long, 100), vec![(1, None)]);
        assert_eq!(lines(&vec![b'x'; MAX_LINE], 100), vec![(1, Some(vec![b'x'; MAX_LINE]))]);
    }

    struct Breaks(&'static [u8]);

    impl Read for Breaks {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("cut off")),
                n => Ok(n),
            }
        }
    }

    #[test]
    fn what_was_read_before_a_break_is_told() {
        let mut told = Vec::new();
        let mut input = BufReader::new(Breaks(b"one\ntw"));
        each(&mut input, &mut |number, line| {
            told.push(format!("{number} {line:?}"));
            Ok(())
        })
        .expect("no halt");
        assert_eq!(told, ["1 Text([111, 110, 101])", "2 Text([116, 119])", "3 Broken(\"cut off\")"]);
    }

    proptest! {
        #[test]
        fn the_buffer_does_not_matter(text in "[ab\n\r]{0,60}", buffer in 1_usize..20) {
            let want: Vec<_> = text.split_inclusive('\n').map(|line| {
                let line = line.strip_suffix('\n').unwrap_or(line);
                line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec()
            }).collect();
            let found: Vec<_> = lines(text.as_bytes(), buffer).into_iter().filter_map(|(_, line)| line).collect();
            prop_assert_eq!(found, want);
        }
    }
}
