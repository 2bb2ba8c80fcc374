//! Reads one JSON value (RFC 8259) from memory, member by member: what is not asked for is passed without being kept.
//!
//! The grammar is checked where it decides what a value is; a passed value is only checked for its brackets and strings.

use std::borrow::Cow;

/// Deepest nesting that is passed.
const MAX_DEPTH: u32 = 127;

/// Where and why a text is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Wrong {
    /// What was to stand there.
    pub(in crate::ingest) wanted: &'static str,
    /// Byte, counted from 0.
    pub(in crate::ingest) at: usize,
}

/// A string as it stands in the text, between its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Raw<'a> {
    pub(in crate::ingest) bytes: &'a [u8],
    escaped: bool,
}

/// A value; the members of an object and the elements of a list are still to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ingest) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(Raw<'a>),
    Object,
    List,
}

/// Reads a value from the front of a text on.
#[derive(Clone, Copy, Debug)]
pub(in crate::ingest) struct Pull<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Pull<'a> {
    pub(in crate::ingest) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn wrong<T>(&self, wanted: &'static str) -> Result<T, Wrong> {
        Err(Wrong { wanted, at: self.at })
    }

    fn expect(&mut self, byte: u8, wanted: &'static str) -> Result<(), Wrong> {
        if self.next() != Some(byte) {
            return self.wrong(wanted);
        }
        self.at += 1;
        Ok(())
    }

    /// The key of the next member of an object that [`Self::value`] opened; `None` at its end. The member's value must be
    /// read or passed before the next call; `first` is true at the first call only.
    pub(in crate::ingest) fn key(&mut self, first: &mut bool) -> Result<Option<&'a [u8]>, Wrong> {
        if !self.goes_on(first, b'}')? {
            return Ok(None);
        }
        let key = self.string()?;
        self.expect(b':', "a colon")?;
        Ok(Some(key.bytes))
    }

    /// Is there another element in a list that [`Self::value`] opened? As [`Self::key`].
    pub(in crate::ingest) fn element(&mut self, first: &mut bool) -> Result<bool, Wrong> {
        self.goes_on(first, b']')
    }

    fn goes_on(&mut self, first: &mut bool, end: u8) -> Result<bool, Wrong> {
        match self.next() {
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !*first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if *first => {
                *first = false;
                Ok(true)
            }
            _ => self.wrong("a comma or a closing bracket"),
        }
    }

    /// The next value.
    pub(in crate::ingest) fn value(&mut self) -> Result<Value<'a>, Wrong> {
        match self.next() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => {
                self.at += 1;
                Ok(Value::Object)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Value::List)
            }
            Some(_) => self.word(),
            None => self.wrong("a value"),
        }
    }

    /// Passes the next value, whatever it is.
    pub(in crate::ingest) fn skip(&mut self) -> Result<(), Wrong> {
        let value = self.value()?;
        self.skip_rest(value)
    }

    /// Passes what is left of `value`, none of whose members has been read.
    pub(in crate::ingest) fn skip_rest(&mut self, value: Value<'a>) -> Result<(), Wrong> {
        // One bit a bracket: 1 is a brace.
        let mut open: u128 = match value {
            Value::Object => 1,
            Value::List => 0,
            _ => return Ok(()),
        };
        let mut depth = 1_u32;
        while depth > 0 {
            let Some(byte) = self.next() else { return self.wrong("a closing bracket") };
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' if depth >= MAX_DEPTH => return self.wrong("less nesting"),
                b'{' | b'[' => {
                    open = open << 1 | u128::from(byte == b'{');
                    depth += 1;
                }
                b'}' | b']' => {
                    if (open & 1 == 1) != (byte == b'}') {
                        return self.wrong("the closing bracket that fits");
                    }
                    open >>= 1;
                    depth -= 1;
                }
                _ => {}
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Nothing but white space is left.
    pub(in crate::ingest) fn end(&mut self) -> Result<(), Wrong> {
        if self.next().is_some() { self.wrong("the end") } else { Ok(()) }
    }

    /// The text from byte `from` to here.
    pub(in crate::ingest) fn since(&self, from: usize) -> &'a [u8] {
        self.bytes.get(from..self.at).unwrap_or_default()
    }

    /// Where the next value begins.
    pub(in crate::ingest) fn at(&mut self) -> usize {
        self.next();
        self.at
    }

    fn string(&mut self) -> Result<Raw<'a>, Wrong> {
        self.expect(b'"', "a string")?;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(step) = memchr::memchr3(b'"', b'\\', b'\n', rest) else {
                return self.wrong("the end of a string");
            };
            let end = self.at + step;
            match self.bytes.get(end) {
                Some(b'"') => {
                    self.at = end + 1;
                    return Ok(Raw { bytes: self.bytes.get(start..end).unwrap_or_default(), escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at = end + 2;
                }
                _ => {
                    self.at = end;
                    return self.wrong("the end of a string");
                }
            }
        }
    }

    /// A number, `true`, `false`, `null`; Python's `NaN` and `Infinity` are text.
    fn word(&mut self) -> Result<Value<'a>, Wrong> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n');
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let value = match word {
            b"null" => Value::Null,
            b"true" => Value::Bool(true),
            b"false" => Value::Bool(false),
            b"NaN" | b"Infinity" | b"-Infinity" => Value::Text(Raw { bytes: word, escaped: false }),
            _ => match number(word) {
                Some(number) => number,
                None => return self.wrong("a value"),
            },
        };
        self.at += end;
        Ok(value)
    }
}

fn number<'a>(word: &[u8]) -> Option<Value<'a>> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    if !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    if digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit) {
        let number = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        return Some(Value::Int(if digits.len() < word.len() { -number } else { number }));
    }
    let text = std::str::from_utf8(word).ok()?;
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Real)
}

impl<'a> Raw<'a> {
    /// Puts the string behind `out`, without its escapes; half a surrogate pair becomes U+FFFD.
    pub(in crate::ingest) fn unescape(self, out: &mut Vec<u8>) -> Result<(), Wrong> {
        if !self.escaped {
            out.extend_from_slice(self.bytes);
            return Ok(());
        }
        let wrong = |rest: &[u8]| Wrong { wanted: "an escape of JSON", at: self.bytes.len() - rest.len() };
        let mut rest = self.bytes;
        while let Some(step) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(step);
            out.extend_from_slice(plain);
            let byte = match escape.get(1) {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
                Some(b'u') => {
                    let high = unit(escape).ok_or_else(|| wrong(escape))?;
                    rest = escape.get(6..).unwrap_or_default();
                    let low = if (0xd800..0xdc00).contains(&high) { unit(rest) } else { None };
                    let pair = low.filter(|low| (0xdc00..0xe000).contains(low));
                    let code = pair.map_or(high, |low| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
                    if pair.is_some() {
                        rest = rest.get(6..).unwrap_or_default();
                    }
                    let symbol = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
                _ => return Err(wrong(escape)),
            };
            out.push(byte);
            rest = escape.get(2..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        Ok(())
    }

    /// The string as text; bytes that are no UTF-8 become U+FFFD.
    pub(in crate::ingest) fn text(self) -> Result<Cow<'a, str>, Wrong> {
        if !self.escaped {
            return Ok(String::from_utf8_lossy(self.bytes));
        }
        let mut out = Vec::with_capacity(self.bytes.len());
        self.unescape(&mut out)?;
        Ok(Cow::Owned(String::from_utf8_lossy(&out).into_owned()))
    }
}

/// The four hexadecimal digits of `\uXXXX`.
fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: &str) -> Result<String, Wrong> {
        let mut pull = Pull::new(json.as_bytes());
        let Value::Text(raw) = pull.value()? else { return pull.wrong("text") };
        pull.end()?;
        raw.text().map(Cow::into_owned)
    }

    #[test]
    fn strings_lose_their_escapes() {
        assert_eq!(text(r#""a\"\\\/\n\u00e9\ud83d\ude00z""#).as_deref(), Ok("a\"\\/\né😀z"));
        assert_eq!(text(r#""\ud83dx\ude00""#).as_deref(), Ok("\u{fffd}x\u{fffd}"));
        for bad in [r#""\x""#, r#""\u12g4""#, r#""\u12"#, r#""a"#, "\"a\nb\"", r#""a" 1"#, r#""\"#] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_are_what_json_says() {
        let value = |json: &'static str| Pull::new(json.as_bytes()).value();
        assert_eq!(value(" -12 "), Ok(Value::Int(-12)));
        assert_eq!(value("9223372036854775807"), Ok(Value::Int(i64::MAX)));
        assert_eq!(value("9223372036854775808"), Ok(Value::Real(9_223_372_036_854_775_808.0)));
        assert_eq!(value("3.5e1,"), Ok(Value::Real(35.0)));
        assert_eq!(value("null]"), Ok(Value::Null));
        assert_eq!(value("true"), Ok(Value::Bool(true)));
        for bad in ["", "nul", "1e999", "+1", ".5", "1x", "-", "inf", "nan"] {
            assert!(value(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn members_are_read_one_by_one() {
        let mut pull = Pull::new(br#"{"a": [1, {"b":"]"}], "c": 2}"#);
        assert_eq!(pull.value(), Ok(Value::Object));
        let mut first = true;
        assert_eq!(pull.key(&mut first), Ok(Some(&b"a"[..])));
        pull.skip().expect("a list");
        assert_eq!(pull.key(&mut first), Ok(Some(&b"c"[..])));
        assert_eq!(pull.value(), Ok(Value::Int(2)));
        assert_eq!(pull.key(&mut first), Ok(None));
        assert_eq!(pull.end(), Ok(()));
        for bad in [&b"{\"a\":[1}"[..], b"{\"a\":[}]", b"{\"a\":{\"b\":1"] {
            let mut pull = Pull::new(bad);
            assert!(pull.skip().is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0dE- a\xff"[..]), 0..60)) {
            let mut pull = Pull::new(&bytes);
            while let Ok(value) = pull.value() {
                if let Value::Text(raw) = value {
                    let _ = raw.text();
                }
                let mut first = true;
                let _ = pull.key(&mut first);
            }
            let _ = Pull::new(&bytes).skip();
        }

        #[test]
        fn text_comes_back(text in ".*") {
            let escape = |symbol: char| match symbol {
                '"' | '\\' => format!("\\{symbol}"),
                symbol if u32::from(symbol) < 32 || symbol == 'é' => format!("\\u{:04x}", u32::from(symbol)),
                symbol => symbol.to_string(),
            };
            let json = format!("\"{}\"", text.chars().map(escape).collect::<String>());
            prop_assert_eq!(super::tests::text(&json), Ok(text));
        }
    }
}
