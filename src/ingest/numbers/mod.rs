//! Files of plain numbers: a column `value`, and perhaps `time` and `series_id`; CSV, or JSON of the same names.

mod collect;
mod csv;
mod json;

use super::{Error, open};
use crate::model::Numbers;
use collect::Collector;
use std::{
    io::{self, BufRead},
    path::Path,
};

/// Reads a file of numbers (gz and zst too); `-` is stdin.
///
/// A row that cannot be read ends it with path, line and value: unlike an export of millions of rows, a series with a hole
/// in it is another series. Missing values (empty, `null`, `NaN`) are counted and left out.
pub fn read_numbers(path: &Path) -> Result<Numbers, Error> {
    if path == Path::new("-") {
        return read_from(path, open::stdin().map_err(Error::io(path))?);
    }
    read_from(path, open::open(path)?)
}

pub(super) fn read_from(path: &Path, mut input: impl BufRead) -> Result<Numbers, Error> {
    let mut collector = Collector::new(path);
    // A byte-order mark says nothing that matters here.
    let start = input.fill_buf().map_err(Error::io(path))?;
    let skip = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    input.consume(skip);
    match first_visible(&mut input).map_err(Error::io(path))? {
        None => return Err(collector.unrecognised("holds nothing; wanted a column `value`".into())),
        Some(b'[' | b'{') => {
            let mut text = String::new();
            input.read_to_string(&mut text).map_err(Error::io(path))?;
            json::read(&text, &mut collector)?;
        }
        Some(_) => csv::read(input, &mut collector)?,
    }
    collector.finish()
}

/// The first byte that is no white space, left where it is.
fn first_visible(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let blank = buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if blank < buffer.len() {
            let first = buffer[blank];
            // White space before a CSV header is none of its columns.
            input.consume(blank);
            return Ok(Some(first));
        }
        input.consume(blank);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Numbers, Error> {
        read_from(Path::new("x.csv"), text.as_bytes())
    }

    fn values(text: &str) -> Vec<(String, Vec<f64>)> {
        let numbers = read(text).expect("readable");
        numbers.series.into_iter().map(|s| (s.id.to_string(), s.values)).collect()
    }

    #[test]
    fn csv_by_name_in_any_order() {
        assert_eq!(values("value\n1\n2.5\n-3e2\n"), [(String::new(), vec![1.0, 2.5, -300.0])]);
        let text = "timestamp,Value,series_id\n2026-01-02,2,a\n2026-01-01T00:00:00Z,1,a\n2026-01-01,9,b\n";
        assert_eq!(values(text), [("a".to_owned(), vec![1.0, 2.0]), ("b".to_owned(), vec![9.0])]);
        assert_eq!(values("\u{feff}time;value\n1767225600;1\n1767312000;2\n"), [(String::new(), vec![1.0, 2.0])]);
        assert_eq!(read(text).expect("readable").unsorted, 1);
    }

    #[test]
    fn what_is_not_used_and_what_is_crowded_is_told() {
        let numbers =
            read("date,value,colour\n2026-01-01,1,red\n2026-01-01,2,blue\n2026-01-02,1,red\n2026-01-02,2,blue\n");
        let numbers = numbers.expect("readable");
        assert_eq!((numbers.crowded, &*numbers.unused), (1, &["colour".into()][..]));
        let numbers = read("time,value,task_id\n2026-01-01,1,a\n2026-01-01,2,b\n").expect("readable");
        assert!(numbers.series.len() == 2 && numbers.crowded == 0 && numbers.unused.is_empty(), "{numbers:?}");
    }

    #[test]
    fn json_in_four_forms() {
        let want = [(String::new(), vec![1.0, 2.0])];
        for text in [
            "[1, 2]",
            r#"[{"value": 1, "time": "2026-01-01T00:00:00Z"}, {"value": 2, "time": "2026-01-02T00:00:00Z"}]"#,
            r#"{"value": [1, 2], "time": [1767225600, 1767312000]}"#,
            "{\"value\": 1}\n{\"value\": 2}\n",
        ] {
            assert_eq!(values(text), want, "{text}");
        }
    }

    #[test]
    fn missing_is_counted_and_wrong_is_refused() {
        assert_eq!(read("value\n1\nNaN\n\n2\n").expect("readable").missing, 1);
        assert_eq!(read("time,value\n2026-01-01,\n2026-01-02,3\n").expect("readable").missing, 1);
        for (text, says) in [
            ("a,b\n1,2\n", "no column `value`, but `a`, `b`"),
            ("value\n1\nx\n", "line 3: `x` is no number"),
            ("value\ninf\n", "line 2: `inf` is no number"),
            ("time,value\nyesterday,1\n", "line 2: `yesterday` is no time"),
            ("time,value\n,1\n", "line 2: no time"),
            ("value\n1,5\n", "line 2: 2 fields, but the header names 1"),
            ("1\n2\n", "the first line holds numbers"),
            ("value\n", "no values"),
            ("", "holds nothing"),
            ("[1, \"x\"]", "entry 2: `x` is no number"),
            ("{\"value\": [1], \"time\": []}", "`time` has 0 entries, `value` 1"),
            ("[1, 2", "is no JSON"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
