//! The type of exception that a Python traceback ends with.

/// Follows the lines of one entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traceback {
    is_open: bool,
}

const HEAD: &[u8] = b"Traceback (most recent call last):";

impl Traceback {
    /// The type of exception that this line names: the first line of a traceback that is not indented. Of a chain of
    /// exceptions the last is the one that was raised, so that a later answer replaces an earlier one.
    pub(super) fn see<'a>(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        if line.starts_with(HEAD) {
            self.is_open = true;
            return None;
        }
        if !self.is_open || line.first().is_none_or(u8::is_ascii_whitespace) {
            return None;
        }
        self.is_open = false;
        let length = line.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let (name, rest) = line.split_at(length);
        let begins_well = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        (begins_well && matches!(rest.first(), None | Some(b':')) && name.len() <= MAX_NAME).then_some(name)
    }
}

/// Longest name of a type.
const MAX_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> Option<String> {
        let mut traceback = Traceback::default();
        let found = text.lines().filter_map(|line| traceback.see(line.as_bytes())).last();
        found.map(|name| String::from_utf8_lossy(name).into_owned())
    }

    #[test]
    fn the_exception_that_was_raised() {
        let chained = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x()\nKeyError: 'a'\n\n\
                       During handling of the above exception, another exception occurred:\n\n\
                       Traceback (most recent call last):\n  File \"a.py\", line 2, in g\n    y()\n\
                       psycopg2.errors.QueryCanceled: canceling statement\n[SQL: SELECT 1]\n(Background: x)";
        assert_eq!(last(chained).as_deref(), Some("psycopg2.errors.QueryCanceled"));
        assert_eq!(
            last("Traceback (most recent call last):\n  File \"a\"\nKeyboardInterrupt").as_deref(),
            Some("KeyboardInterrupt")
        );
        assert_eq!(last("ValueError: no traceback"), None);
        assert_eq!(last("Traceback (most recent call last):\n  cut off"), None);
        assert_eq!(last("Traceback (most recent call last):\nsome words: x"), None);
    }
}
