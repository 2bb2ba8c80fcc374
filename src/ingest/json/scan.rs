//! JSON text from a stream, cut into its values in bounded memory.
//!
//! Only brackets, strings and line ends are looked at here: whether a value is good JSON is for its reader to say. So a
//! damaged value costs itself, and the values behind it are still found.

use std::io::{self, BufRead};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;

/// Brackets that are told apart when they close: more than any reader of values follows.
const DEPTH: usize = 512;

/// A place in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Position {
    /// Line, counted from 1.
    pub(in crate::ingest) line: u64,
    /// Byte, counted from 0.
    pub(in crate::ingest) byte: u64,
}

/// How a value ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At its last byte.
    Whole,
    /// At its last byte, and it was too long to be kept.
    TooLong,
    /// Before its last byte: a new document begins at the start of a line, as after a writer that was killed.
    Anew,
    /// Before its last byte: the input ends.
    Input,
}

/// Reads values one after the other.
pub(super) struct Scanner<'r> {
    input: &'r mut dyn BufRead,
    buffer: Box<[u8]>,
    from: usize,
    to: usize,
    ended: bool,
    at: Position,
    /// Is the next byte the first of its line?
    line_start: bool,
    /// Do keys stand at the start of lines (`indent=0`)? A bracket there then says nothing.
    pub(super) flat: bool,
    failure: Option<io::Error>,
    open: Vec<u8>,
}

impl<'r> Scanner<'r> {
    pub(super) fn new(input: &'r mut dyn BufRead) -> Self {
        let mut scanner = Self {
            input,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            from: 0,
            to: 0,
            ended: false,
            at: Position { line: 1, byte: 0 },
            line_start: true,
            flat: false,
            failure: None,
            open: Vec::new(),
        };
        if scanner.look(3) == b"\xef\xbb\xbf" {
            scanner.pass(3);
            scanner.line_start = true;
        }
        scanner
    }

    /// Where the next byte stands.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// Is the next byte the first of its line?
    pub(super) fn at_line_start(&self) -> bool {
        self.line_start
    }

    /// Why reading ended before the input did.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Up to `n` next bytes, without passing them; fewer at the end only.
    pub(super) fn look(&mut self, n: usize) -> &[u8] {
        while self.to - self.from < n && self.fill() {}
        self.buffered().get(..n).unwrap_or(self.buffered())
    }

    /// The next byte that is no white space, without passing it. Record separators (RFC 7464) are white space here.
    pub(super) fn next(&mut self) -> Option<u8> {
        loop {
            if self.from == self.to && !self.fill() {
                return None;
            }
            let blank = |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t' | 0x1e);
            let n = self.buffered().iter().take_while(|b| blank(b)).count();
            self.pass(n);
            if let Some(byte) = self.buffered().first() {
                return Some(*byte);
            }
        }
    }

    /// Passes one byte.
    pub(super) fn bump(&mut self) {
        if self.from < self.to || self.fill() {
            self.pass(1);
        }
    }

    /// Passes the rest of the line; its first bytes are put into `shown`, up to `limit`.
    pub(super) fn line(&mut self, shown: &mut Vec<u8>, limit: usize) {
        loop {
            if self.from == self.to && !self.fill() {
                return;
            }
            let rest = self.buffered();
            let end = memchr::memchr(b'\n', rest);
            let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            shown.extend(text.iter().take(limit.saturating_sub(shown.len())));
            self.pass(end.map_or(rest.len(), |end| end + 1));
            if end.is_some() {
                return;
            }
        }
    }

    /// Passes one value and puts it behind what `into` holds, which may grow to `limit` bytes: of a longer value its beginning.
    pub(super) fn value(&mut self, into: &mut Vec<u8>, limit: usize) -> End {
        let mut state = State { open: std::mem::take(&mut self.open), ..State::default() };
        state.open.clear();
        let mut fits = true;
        let end = loop {
            if self.from == self.to && !self.fill() {
                // A bare number ends with the input.
                break if state.bare { End::Whole } else { End::Input };
            }
            let mut flat = self.flat;
            let (taken, end) = state.scan(self.buffered(), self.line_start, &mut flat);
            self.flat = flat;
            let bytes = self.buffered().get(..taken).unwrap_or_default();
            let room = limit.saturating_sub(into.len());
            fits &= bytes.len() <= room;
            into.extend(bytes.iter().take(room));
            self.pass(taken);
            if let Some(end) = end {
                break end;
            }
        };
        self.open = state.open;
        if end == End::Whole && !fits { End::TooLong } else { end }
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    fn pass(&mut self, n: usize) {
        let passed = self.buffer.get(self.from..self.from + n).unwrap_or_default();
        self.at.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at.byte += n as u64;
        if let Some(last) = passed.last() {
            self.line_start = *last == b'\n';
        }
        self.from += n;
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> bool {
        if self.from > 0 {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        while !self.ended {
            let Some(room) = self.buffer.get_mut(self.to..).filter(|room| !room.is_empty()) else { return false };
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.to += n;
                    return true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.ended = true;
                }
            }
        }
        false
    }
}

/// Where in a value the scan stands.
#[derive(Default)]
struct State {
    /// Brackets that are open.
    open: Vec<u8>,
    /// Brackets that are open within those, below the depth that any reader takes.
    deeper: u64,
    in_string: bool,
    escaped: bool,
    /// A number or a word: it has no last byte of its own.
    bare: bool,
    begun: bool,
}

impl State {
    /// Bytes of `chunk` that belong to the value, and how it ended if it did.
    fn scan(&mut self, chunk: &[u8], mut line_start: bool, flat: &mut bool) -> (usize, Option<End>) {
        let mut i = 0;
        while let Some(&byte) = chunk.get(i) {
            if self.in_string {
                if self.escaped && byte != b'\n' {
                    self.escaped = false;
                    i += 1;
                    continue;
                }
                let Some(step) = memchr::memchr3(b'"', b'\\', b'\n', chunk.get(i..).unwrap_or_default()) else {
                    return (chunk.len(), None);
                };
                i += step;
                match chunk.get(i) {
                    Some(b'\\') => self.escaped = true,
                    // JSON writes a line end in a string as `\n`: here the closing quote is missing.
                    Some(b'\n') => (self.in_string, self.escaped, line_start) = (false, false, true),
                    _ => (self.in_string, line_start) = (false, false),
                }
                i += 1;
                if !self.in_string && self.open.is_empty() {
                    return (i, Some(End::Whole));
                }
                continue;
            }
            if self.bare {
                if matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
                    return (i, Some(End::Whole));
                }
                i += 1;
                continue;
            }
            if line_start && self.begun {
                match byte {
                    b'{' | b'[' if !*flat => return (i, Some(End::Anew)),
                    b'"' => *flat = true,
                    _ => {}
                }
            }
            line_start = byte == b'\n';
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' if self.open.len() == DEPTH => self.deeper += 1,
                b'{' | b'[' => self.open.push(byte),
                b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
                b'}' | b']' => {
                    let partner = if byte == b'}' { b'{' } else { b'[' };
                    let Some(depth) = self.open.iter().rposition(|open| *open == partner) else {
                        // The end of what is around: this value lacks its own.
                        return (if self.begun { i } else { i + 1 }, Some(End::Whole));
                    };
                    self.open.truncate(depth);
                    if self.open.is_empty() {
                        return (i + 1, Some(End::Whole));
                    }
                }
                _ if !self.begun => self.bare = true,
                // A letter that no word of JSON has: a quote is missing before it, or one too many. From here on the quotes
                // are paired again, so that the damage does not spread to the values behind.
                _ if is_stray(byte) => self.in_string = true,
                _ => {}
            }
            self.begun = true;
            i += 1;
        }
        (i, None)
    }
}

/// Can this byte not stand outside of a string? Numbers, `true`, `false`, `null`, `NaN` and `Infinity` can.
fn is_stray(byte: u8) -> bool {
    byte > b' ' && !byte.is_ascii_digit() && !b",:+-.aefilnrstuyENI\x1e".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `text`, read through a window of `step` bytes.
    fn values(text: &str, step: usize, limit: usize) -> Vec<(String, End)> {
        let mut input = io::BufReader::with_capacity(step, text.as_bytes());
        let mut scanner = Scanner::new(&mut input);
        let mut all = Vec::new();
        while let Some(byte) = scanner.next() {
            if byte == b',' {
                scanner.bump();
                continue;
            }
            let mut value = Vec::new();
            let end = scanner.value(&mut value, limit);
            all.push((String::from_utf8(value).expect("text"), end));
        }
        all
    }

    #[test]
    fn values_are_cut_where_they_end() {
        for step in [1, 2, 7, 100] {
            let got = values(r#" {"a":"}\"\\"} 12,[1,[2]] "x\"y" {"b":{"c":[]}}"#, step, 100);
            let texts: Vec<&str> = got.iter().map(|(text, _)| text.as_str()).collect();
            assert_eq!(texts, [r#"{"a":"}\"\\"}"#, "12", "[1,[2]]", r#""x\"y""#, r#"{"b":{"c":[]}}"#], "{step}");
            assert!(got.iter().all(|(_, end)| *end == End::Whole));
        }
    }

    #[test]
    fn a_damaged_value_costs_itself_only() {
        // A list that is not closed, a string that is not closed, and a writer that was killed.
        assert_eq!(values("{\"a\":[1,2} {\"b\":1}", 4, 100)[1].0, "{\"b\":1}");
        assert_eq!(values("{\"a\": \"x\n} {\"b\":1}", 4, 100)[1].0, "{\"b\":1}");
        let got = values("{\"a\": {\"x\": 1,\n{\"b\":1}\n", 4, 100);
        assert_eq!(got, [("{\"a\": {\"x\": 1,\n".to_owned(), End::Anew), ("{\"b\":1}".to_owned(), End::Whole)]);
        assert_eq!(values("{\"a\":", 4, 100), [("{\"a\":".to_owned(), End::Input)]);
        // A quote too few, and a quote too many.
        for text in [
            "{\"a\":\"x,\"bcd\":\"y\"},{\"a\":1}",
            "{\"a\":x\",\"bcd\":\"y\"},{\"a\":1}",
            "{\"a\"\":\"xyz\"},{\"a\":1}",
        ] {
            assert_eq!(values(text, 4, 100)[1].0, "{\"a\":1}", "{text}");
        }
        // Brackets at the start of lines belong to a value whose keys stand there too.
        assert_eq!(values("{\n\"a\": [\n{\n\"b\": 1\n}\n]\n}", 4, 100).len(), 1);
    }

    #[test]
    fn a_value_that_is_too_long_is_passed_and_not_kept() {
        let long = format!("[\"{}\"] 7", "x".repeat(1_000));
        assert_eq!(values(&long, 64, 200)[0].1, End::TooLong);
        assert!(values(&long, 64, 200)[0].0.len() <= 200);
        assert_eq!(values(&long, 64, 200)[1], ("7".to_owned(), End::Whole));
    }

    #[test]
    fn lines_are_counted_from_one() {
        let mut input = io::BufReader::new(&b"\xef\xbb\xbf\n\n{\"a\":\n1}\n2"[..]);
        let mut scanner = Scanner::new(&mut input);
        assert_eq!(scanner.next(), Some(b'{'));
        assert_eq!(scanner.at(), Position { line: 3, byte: 5 });
        scanner.value(&mut Vec::new(), 10);
        assert_eq!(scanner.next(), Some(b'2'));
        assert_eq!(scanner.at().line, 5);
    }
}
