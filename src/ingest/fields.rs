//! One value of an exported row, as text or as a database gives it, to a typed value or a fault that names the column.

pub(super) use super::instants::parse_instant;
use super::{
    instants::{Day, parse_near},
    reading::Fault,
};
use crate::model::{Text, Timestamp};
use std::{borrow::Cow, collections::HashSet};

/// One value. Empty text is no value: CSV cannot tell the two apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Null,
    Bytes(&'a [u8]),
    Text(&'a str),
    Int(i64),
    Real(f64),
}

impl<'a> Field<'a> {
    pub(super) fn from_bytes(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() { Self::Null } else { Self::Bytes(bytes) }
    }

    /// Its bytes, where it is a text or may be one.
    #[inline]
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Text(text) => Some(text.as_bytes()),
            Self::Null | Self::Int(_) | Self::Real(_) => None,
        }
    }

    /// The text, if it is text at all.
    #[inline]
    pub(super) fn text(self, column: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(Cow::Borrowed(text))),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Some(Cow::Borrowed(text))),
                Err(_) => Err(Fault::of(format!("{column} is not UTF-8"), &String::from_utf8_lossy(bytes))),
            },
            Self::Int(value) => Ok(Some(Cow::Owned(value.to_string()))),
            Self::Real(value) => Ok(Some(Cow::Owned(value.to_string()))),
        }
    }

    pub(super) fn int(self, column: &str) -> Result<Option<i64>, Fault> {
        if let Some(value) = self.bytes().and_then(short_int) {
            return Ok(Some(value));
        }
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(value)),
            Self::Real(value) if value.fract() == 0.0 => Ok(Some(value as i64)),
            _ => self.parse(column, "a whole number", |text| text.parse().ok()),
        }
    }

    #[inline]
    pub(super) fn int32(self, column: &str) -> Result<Option<i32>, Fault> {
        match self {
            Self::Null => Ok(None),
            // Nine digits fit.
            Self::Text(text) => match short_int(text.as_bytes()) {
                Some(value) => Ok(Some(value as i32)),
                None => self.any_int32(column),
            },
            _ => self.any_int32(column),
        }
    }

    fn any_int32(self, column: &str) -> Result<Option<i32>, Fault> {
        let wide = self.int(column)?;
        wide.map(|v| i32::try_from(v).map_err(|_| Fault::of(format!("{column} is out of range"), &v.to_string())))
            .transpose()
    }

    pub(super) fn float(self, column: &str) -> Result<Option<f64>, Fault> {
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(value as f64)),
            Self::Real(value) => Ok(Some(value)),
            _ => self.parse(column, "a number", |text| text.parse().ok().filter(|v: &f64| v.is_finite())),
        }
    }

    /// `t`/`f` of psql, `True`/`False` of Python, `0`/`1` of SQLite and MySQL.
    pub(super) fn bool(self, column: &str) -> Result<Option<bool>, Fault> {
        match self {
            Self::Int(value) => Ok(Some(value != 0)),
            _ => self.parse(column, "true or false", |text| match text {
                "t" | "true" | "True" | "1" => Some(true),
                "f" | "false" | "False" | "0" => Some(false),
                _ => None,
            }),
        }
    }

    fn parse<T>(self, column: &str, wanted: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        // Blanks around a value are rare: it is tried as it is first.
        parse(&text)
            .or_else(|| parse(text.trim()))
            .map(Some)
            .ok_or_else(|| Fault::of(format!("{column} is not {wanted}"), &text))
    }
}

/// A plain number of up to nine digits: what stands in nearly every such field.
#[inline]
fn short_int(bytes: &[u8]) -> Option<i64> {
    let (sign, digits) = match bytes {
        [b'-', digits @ ..] => (-1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let add = |value: i64, byte: &u8| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'));
    digits.iter().try_fold(0, add).map(|value| sign * value)
}

/// Reads instants of one source, which must either all state an offset or all be UTC without one.
#[derive(Debug, Default)]
pub(super) struct Clock {
    with_offset: Option<bool>,
    day: Day,
}

impl Clock {
    #[inline]
    pub(super) fn read(&mut self, field: Field<'_>, column: &str) -> Result<Option<Timestamp>, Fault> {
        match field {
            Field::Null => Ok(None),
            Field::Text(text) => match parse_near(text.as_bytes(), &mut self.day) {
                Some((instant, with_offset)) if self.with_offset == Some(with_offset) => Ok(Some(instant)),
                _ => self.read_any(field, column),
            },
            _ => self.read_any(field, column),
        }
    }

    fn read_any(&mut self, field: Field<'_>, column: &str) -> Result<Option<Timestamp>, Fault> {
        let common = field.bytes().and_then(|bytes| parse_near(bytes, &mut self.day));
        let (instant, with_offset) = match (common, field) {
            (Some(parsed), _) => parsed,
            (None, Field::Null) => return Ok(None),
            (None, field) => {
                let Some(text) = field.text(column)? else { return Ok(None) };
                parse_instant(text.trim()).ok_or_else(|| Fault::of(format!("{column} is not a time"), &text))?
            }
        };
        if *self.with_offset.get_or_insert(with_offset) != with_offset {
            let what = if with_offset { "states a time zone" } else { "states no time zone" };
            let text = field.text(column)?.unwrap_or_default();
            return Err(Fault::of(format!("{column} {what}, unlike the rows before"), &text));
        }
        Ok(Some(instant))
    }
}

/// Equal texts share one allocation.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: HashSet<Text>,
    bytes: usize,
}

impl Texts {
    /// Beyond this many distinct texts nothing is gained by remembering more.
    const MAX: usize = 65_536;
    /// The same in bytes.
    const MAX_BYTES: usize = 16 << 20;

    pub(super) fn get(&mut self, text: &str) -> Text {
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        if self.known.len() >= Self::MAX || self.bytes >= Self::MAX_BYTES {
            self.known.clear();
            self.bytes = 0;
        }
        self.bytes += text.len();
        let text: Text = text.into();
        self.known.insert(text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_source_states_offsets_always_or_never() {
        let mut clock = Clock::default();
        assert!(clock.read(Field::Bytes(b"2026-11-24 11:53:46+00"), "start_date").is_ok());
        let fault = clock.read(Field::Bytes(b"2026-11-24 11:53:46"), "end_date").expect_err("mixed");
        assert_eq!(fault.text(), "end_date states no time zone, unlike the rows before: `2026-11-24 11:53:46`");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let field = Field::from_bytes(&bytes);
            let _ = (field.text("x"), field.int32("x"), field.float("x"), field.bool("x"));
            let _ = Clock::default().read(field, "x");
        }
    }
}
