//! The variable parts of a message: numbers, times, ids, paths, quoted texts, values, Python objects, each to `<*>`.
//!
//! What is left is nearly the text that a programmer wrote, so that the miner has little left to find out.

/// What stands for a variable part.
pub(super) const ANY: &[u8] = b"<*>";

/// Bytes of a message that are looked at; what follows says little of what kind of message it is.
const MAX_BYTES: usize = 1_024;

/// Words longer than this are data, not prose.
const MAX_WORD: usize = 32;

const SPACE: u8 = 1;
/// Ends a word, and is kept.
const BREAK: u8 = 2;
const DIGIT: u8 = 4;
const SLASH: u8 = 8;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut b = 0;
    while b < 256 {
        class[b] = match b as u8 {
            b' ' | b'\t' | b'\n' | b'\r' => SPACE,
            b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',' | b'=' | b';' | b'|' | b'`' => {
                BREAK
            }
            b'0'..=b'9' => DIGIT,
            b'/' => SLASH,
            _ => 0,
        };
        b += 1;
    }
    class
};

/// Writes `message` with its variable parts replaced into `out`, which is emptied first. `known` are words that vary from
/// log to log, such as the ids of the task that wrote it.
pub(super) fn replace(message: &[u8], known: &[&[u8]], out: &mut Vec<u8>) {
    out.clear();
    let text = message[..message.len().min(MAX_BYTES)].trim_ascii();
    let mut writer = Writer { text, out, from: 0, star_end: None };
    let mut at = 0;
    while let Some(b) = text.get(at) {
        let class = CLASS[usize::from(*b)];
        at = if class & SPACE != 0 {
            at + 1
        } else if class & BREAK != 0 {
            writer.mark(at)
        } else {
            writer.word(at, known)
        };
    }
    writer.out.extend_from_slice(&text[writer.from..]);
}

struct Writer<'a> {
    text: &'a [u8],
    out: &'a mut Vec<u8>,
    /// Where the text begins that is not written yet: what stays is copied in long pieces.
    from: usize,
    /// Where the last variable part ended, if only separators came since.
    star_end: Option<usize>,
}

impl Writer<'_> {
    /// A variable part. A list of them is one: `1, 2, 3` and `2026-09-25 02:00:00` are both `<*>`.
    fn star(&mut self, start: usize, end: usize) {
        if !self.star_end.is_some_and(|before| is_list(&self.text[before..start])) {
            self.out.extend_from_slice(&self.text[self.from..start]);
            self.out.extend_from_slice(ANY);
        }
        (self.from, self.star_end) = (end, Some(end));
    }

    /// A quote, a bracket, a comma or an equals sign; where reading goes on.
    fn mark(&mut self, at: usize) -> usize {
        let text = self.text;
        let after_word = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
        let end = match text[at] {
            b'"' | b'\'' if !after_word => quoted_end(text, at),
            // A Python object, `<TaskInstance: .. [queued]>`.
            b'<' if text.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'*') => {
                Some(balanced_end(text, at))
            }
            b'=' if after_word
                && text.get(at + 1).is_some_and(|b| CLASS[usize::from(*b)] & SPACE == 0 && *b != b'=') =>
            {
                let end = value_end(text, at + 1);
                if end > at + 1 {
                    self.star_end = None;
                    self.star(at + 1, end);
                    return end;
                }
                None
            }
            _ => None,
        };
        match end {
            Some(end) => {
                self.star(at, end);
                end
            }
            None => at + 1,
        }
    }

    /// A word; where reading goes on.
    fn word(&mut self, start: usize, known: &[&[u8]]) -> usize {
        let (mut length, mut digits, mut slashes) = (0, 0_u32, 0_u32);
        for b in &self.text[start..] {
            let class = CLASS[usize::from(*b)];
            if class & (SPACE | BREAK) != 0 {
                break;
            }
            digits += u32::from(class == DIGIT);
            slashes += u32::from(class == SLASH);
            length += 1;
        }
        let end = start + length;
        let whole = &self.text[start..end];
        // `file.py:12:` and `3.5s.`: what closes the sentence stays.
        let tail = whole.iter().rev().take_while(|b| matches!(b, b'.' | b':' | b'!' | b'?')).count();
        let word = &whole[..length - tail];
        let is_variable = digits > 0 && !is_name_with_digit(word, digits)
            || slashes > 1
            || word.len() > MAX_WORD
            || matches!(word, b"None" | b"True" | b"False" | b"***")
            || known.contains(&word);
        if is_variable && !word.is_empty() {
            self.star(start, end - tail);
        } else {
            self.star_end = None;
        }
        end
    }
}

/// `s3`, `k8s`, `md5`: a name, not a number.
fn is_name_with_digit(word: &[u8], digits: u32) -> bool {
    word.len() <= 3 && digits == 1 && word.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Do these bytes between two variable parts make a list of them?
fn is_list(between: &[u8]) -> bool {
    let mut has_comma = false;
    let mut has_bracket = false;
    for b in between {
        match b {
            b' ' | b'\t' | b':' => {}
            b',' | b';' => has_comma = true,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' => has_bracket = true,
            _ => return false,
        }
    }
    has_comma || !has_bracket && !between.is_empty()
}

/// The end of a quoted text; `None` where the quote is never closed.
fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(text[start], b'\\', text.get(at..)?)?;
        if text[at] != b'\\' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The end of what the bracket at `start` opens, or of the text.
fn balanced_end(text: &[u8], start: usize) -> usize {
    let (open, close) = match text[start] {
        b'<' => (b'<', b'>'),
        b'(' => (b'(', b')'),
        b'[' => (b'[', b']'),
        _ => (b'{', b'}'),
    };
    let (mut depth, mut at) = (0_usize, start);
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(open, close, rest)) {
        at += found + 1;
        depth = if text[at - 1] == open { depth + 1 } else { depth.saturating_sub(1) };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The end of the value after `key=`: quoted, in brackets, or a word with the brackets that follow it at once.
fn value_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(b) = text.get(at) {
        at = match b {
            b'"' | b'\'' if at == start => match quoted_end(text, at) {
                Some(end) => return end,
                None => at + 1,
            },
            b'(' | b'[' | b'{' | b'<' => balanced_end(text, at),
            b if CLASS[usize::from(*b)] & (SPACE | BREAK) != 0 => return at,
            _ => at + 1,
        };
    }
    // The full stop of a sentence is not part of it.
    if at > start + 1 && text[at - 1] == b'.' { at - 1 } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replaced(message: &str, known: &[&[u8]]) -> String {
        let mut out = Vec::new();
        replace(message.as_bytes(), known, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn real_messages() {
        for (message, want) in [
            ("Task exited with return code 0", "Task exited with return code <*>"),
            ("Processed 1118 rows in 0.403s (2774.4 rows/s)", "Processed <*> rows in <*> (<*> rows/s)"),
            (
                "Dependencies all met for dep_context=requeueable deps ti=<TaskInstance: a.b scheduled__2026-10-20T00:00:00+00:00 map_index=1 [queued]>",
                "Dependencies all met for dep_context=<*> deps ti=<*>",
            ),
            ("Executing <Task(PythonOperator): t> on 2026-09-18 01:30:00+00:00", "Executing <*> on <*>"),
            ("Running: ['airflow', 'tasks', 'run', '--job-id', '2585']", "Running: [<*>]"),
            ("Skipping tasks [('create_purchase_orders', -1), ('b', 2)]", "Skipping tasks [(<*>)]"),
            (
                "Sending ('a', 'b', datetime.datetime(2026, 9, 25, 3, 0, tzinfo=<TimezoneInfo [UTC]>), 1) to executor with priority 4 and queue default",
                "Sending (<*>, datetime.datetime(<*>, tzinfo=<*>) to executor with priority <*> and queue default",
            ),
            (
                "x: dag_id=a, executor=LocalExecutor(parallelism=8), start=2026-11-24 11:33:41.722019+00:00, none=None, empty=",
                "x: dag_id=<*>, executor=<*>, start=<*>, none=<*>, empty=",
            ),
            ("Filling up the DagBag from /opt/airflow/dags/orders_etl.py", "Filling up the DagBag from <*>"),
            ("Found logs in s3: * s3://bucket/x", "Found logs in s3: * <*>"),
            ("DAG orders_etl has 0/16 running and queued tasks", "DAG <*> has <*> running and queued tasks"),
            (
                "Triggerer's async thread was blocked for 0.21 seconds.",
                "Triggerer's async thread was blocked for <*> seconds.",
            ),
            ("Returned value was: [['AMS'], ['BER']]", "Returned value was: [[<*>]]"),
            ("Returned value was: None", "Returned value was: <*>"),
            ("it's 'unclosed", "it's 'unclosed"),
            ("  a   b  ", "a   b"),
            ("", ""),
        ] {
            assert_eq!(replaced(message, &[b"orders_etl"]), want, "{message}");
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        let list = format!("Trying to enqueue tasks: [{}]", "<TaskInstance: a.b r [scheduled]>, ".repeat(500));
        assert_eq!(replaced(&list, &[]), "Trying to enqueue tasks: [<*>");
        assert!(replaced(&"word ".repeat(5_000), &[]).len() <= MAX_BYTES);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_all_is_bounded(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            text in r#"[a1='"()<>\[\]{}, :.\\*é]{0,80}"#,
        ) {
            let mut out = Vec::new();
            for message in [bytes.as_slice(), text.as_bytes()] {
                replace(message, &[b"a"], &mut out);
                // At worst each byte is a variable part beside a separator.
                prop_assert!(out.len() <= message.len() * 3);
            }
        }

        #[test]
        fn numbers_never_tell_messages_apart(a in any::<u32>(), b in any::<u32>()) {
            prop_assert_eq!(replaced(&format!("Job {a}: done in {b}s"), &[]), "Job <*>: done in <*>");
        }
    }
}
