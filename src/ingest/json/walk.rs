//! The documents of a JSON input, whatever their layout: one page, a list of pages, pages or bare objects line by line or one
//! behind the other, pretty printed or not, with or without the lines that a command printed before.
//!
//! A page is an object that holds a list of rows, of any length: its rows are handed on one by one. Anything else is small, and
//! handed on whole.

use super::scan::{End, Position, Scanner};
use crate::ingest::{reading::Fault, sink::Halt};
use std::io::BufRead;

/// Longest object that is read, in bytes. A row of Airflow is a few kilobytes; rendered fields may be large.
pub(in crate::ingest) const MAX_OBJECT: usize = 8 << 20;

/// Bytes of a stray line that are looked at.
const SHOWN: usize = 80;

/// Receives what the documents hold.
pub(in crate::ingest) trait Visitor {
    /// What a list of rows is told apart by.
    type List: Copy;

    /// Is the value behind this key a page's list of rows? `before` is the object up to here: `{"a":1,"b":"c"`.
    fn list(&mut self, key: &[u8], before: &[u8]) -> Option<Self::List>;

    /// One object: a row of a page's list, or one that stands alone.
    fn object(&mut self, at: Position, list: Option<Self::List>, json: &[u8]) -> Result<(), Halt>;

    /// What a page holds beside its lists.
    fn page(&mut self, json: &[u8]);

    /// Something that cannot be read, where it begins.
    fn damaged(&mut self, at: Position, fault: &Fault) -> Result<(), Halt>;

    /// A line before all JSON, such as a warning that a command printed.
    fn before(&mut self, at: Position) -> Result<(), Halt>;
}

/// Hands the documents of `input` to `visitor`.
pub(in crate::ingest) fn walk<V: Visitor>(input: &mut dyn BufRead, visitor: &mut V) -> Result<(), Halt> {
    Walk { scanner: Scanner::new(input), visitor, object: Vec::new(), document: Vec::new(), key: Vec::new() }.run()
}

struct Walk<'r, 'v, V> {
    scanner: Scanner<'r>,
    visitor: &'v mut V,
    object: Vec<u8>,
    document: Vec<u8>,
    key: Vec<u8>,
}

impl<V: Visitor> Walk<'_, '_, V> {
    fn run(&mut self) -> Result<(), Halt> {
        let mut lists = 0_u64;
        let mut any = false;
        while let Some(byte) = self.scanner.next() {
            let at = self.scanner.at();
            match byte {
                b'{' => {
                    any = true;
                    self.document()?;
                }
                b'[' if any || self.opens_a_list() => {
                    any = true;
                    lists += 1;
                    self.scanner.bump();
                }
                b']' if lists > 0 => {
                    lists -= 1;
                    self.scanner.bump();
                }
                // Between documents as well: behind a page that a stray bracket ended, its rows go on.
                b',' if any => self.scanner.bump(),
                _ if any && lists > 0 => self.junk(at)?,
                _ => {
                    let mut text = Vec::new();
                    self.scanner.line(&mut text, SHOWN);
                    if any {
                        let fault = Fault::of("not JSON", &String::from_utf8_lossy(&text));
                        self.visitor.damaged(at, &fault)?;
                    } else {
                        self.visitor.before(at)?;
                    }
                }
            }
        }
        let at = self.scanner.at();
        if let Some(error) = self.scanner.failure() {
            // A compressed file that ends early: what was read stands, the rest is a defect.
            return self.visitor.damaged(at, &Fault::of("cannot read on from here", &error.to_string()));
        }
        if lists > 0 {
            return self.visitor.damaged(at, &Fault::new("the file ends inside a list: it was cut off"));
        }
        Ok(())
    }

    /// Does the bracket open JSON? Log lines of Airflow begin with a time in brackets.
    fn opens_a_list(&mut self) -> bool {
        let next = self.scanner.look(32).iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
        next.is_none_or(|byte| matches!(byte, b'{' | b'[' | b']'))
    }

    /// One object, whose first bracket is next.
    fn document(&mut self) -> Result<(), Halt> {
        let at = self.scanner.at();
        self.document.clear();
        self.document.push(b'{');
        self.scanner.bump();
        let mut page = false;
        let mut sound = true;
        let mut fits = true;
        loop {
            let Some(byte) = self.scanner.next() else { return self.ends_early(at) };
            match byte {
                b'}' => break self.scanner.bump(),
                b',' => self.scanner.bump(),
                b'{' if self.scanner.at_line_start() && !self.scanner.flat => return self.begins_anew(at),
                b'"' => {
                    self.scanner.flat |= self.scanner.at_line_start();
                    self.key.clear();
                    fits &= self.scanner.value(&mut self.key, MAX_OBJECT) != End::TooLong;
                    if self.scanner.next() != Some(b':') {
                        sound = false;
                        continue;
                    }
                    self.scanner.bump();
                    match self.scanner.next() {
                        Some(b'[') => {
                            let key = self.key.get(1..self.key.len().saturating_sub(1)).unwrap_or_default();
                            if let Some(list) = self.visitor.list(key, &self.document) {
                                page = true;
                                if !self.list(at, list)? {
                                    return Ok(());
                                }
                                continue;
                            }
                        }
                        Some(_) => {}
                        None => return self.ends_early(at),
                    }
                    if self.document.len() > 1 {
                        self.document.push(b',');
                    }
                    self.document.extend_from_slice(&self.key);
                    self.document.push(b':');
                    match self.scanner.value(&mut self.document, MAX_OBJECT) {
                        End::Whole => {}
                        End::TooLong => fits = false,
                        End::Anew => return self.begins_anew(at),
                        End::Input => return self.ends_early(at),
                    }
                }
                _ => {
                    // No key: passed, so that the end of the object is found.
                    sound = false;
                    self.object.clear();
                    self.scanner.value(&mut self.object, SHOWN);
                }
            }
            fits &= self.document.len() <= MAX_OBJECT;
            if !fits {
                self.document.truncate(1);
            }
        }
        self.document.push(b'}');
        if !fits {
            self.visitor.damaged(at, &too_long())
        } else if !sound {
            self.visitor.damaged(at, &Fault::of("not a JSON object", &String::from_utf8_lossy(&self.document)))
        } else if page {
            self.visitor.page(&self.document);
            Ok(())
        } else {
            self.visitor.object(at, None, &self.document)
        }
    }

    /// The rows of a page's list, whose first bracket is next; false where the document ends with it.
    fn list(&mut self, document: Position, list: V::List) -> Result<bool, Halt> {
        self.scanner.bump();
        loop {
            let Some(byte) = self.scanner.next() else {
                self.ends_early(document)?;
                return Ok(false);
            };
            let at = self.scanner.at();
            match byte {
                b']' => {
                    self.scanner.bump();
                    return Ok(true);
                }
                b',' => self.scanner.bump(),
                b'{' => {
                    self.object.clear();
                    match self.scanner.value(&mut self.object, MAX_OBJECT) {
                        End::Whole => self.visitor.object(at, Some(list), &self.object)?,
                        End::TooLong => self.visitor.damaged(at, &too_long())?,
                        End::Anew => {
                            self.begins_anew(at)?;
                            return Ok(false);
                        }
                        End::Input => {
                            self.ends_early(at)?;
                            return Ok(false);
                        }
                    }
                }
                // The list lacks its end.
                b'}' => {
                    self.visitor.damaged(at, &Fault::new("a list of rows that does not end"))?;
                    return Ok(true);
                }
                _ => self.junk(at)?,
            }
        }
    }

    /// Passes what is no object where an object should stand.
    fn junk(&mut self, at: Position) -> Result<(), Halt> {
        self.object.clear();
        self.scanner.value(&mut self.object, SHOWN);
        self.visitor.damaged(at, &Fault::of("not a JSON object", &String::from_utf8_lossy(&self.object)))
    }

    fn ends_early(&mut self, at: Position) -> Result<(), Halt> {
        if let Some(error) = self.scanner.failure() {
            return self.visitor.damaged(at, &Fault::of("cannot read on from here", &error.to_string()));
        }
        self.visitor.damaged(at, &Fault::new("the file ends inside this object: it was cut off"))
    }

    fn begins_anew(&mut self, at: Position) -> Result<(), Halt> {
        self.visitor.damaged(at, &Fault::new("a new line begins inside this object: it was cut off"))
    }
}

fn too_long() -> Fault {
    Fault::new(format!("an object of more than {} MiB", MAX_OBJECT >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Seen {
        objects: Vec<String>,
        pages: Vec<String>,
        damaged: Vec<String>,
        before: u64,
    }

    impl Visitor for Seen {
        type List = ();

        fn list(&mut self, key: &[u8], _: &[u8]) -> Option<()> {
            (key == b"rows").then_some(())
        }

        fn object(&mut self, at: Position, list: Option<()>, json: &[u8]) -> Result<(), Halt> {
            let row = if list.is_some() { "row " } else { "" };
            self.objects.push(format!("{}:{row}{}", at.line, String::from_utf8_lossy(json)));
            Ok(())
        }

        fn page(&mut self, json: &[u8]) {
            self.pages.push(String::from_utf8_lossy(json).into_owned());
        }

        fn damaged(&mut self, at: Position, fault: &Fault) -> Result<(), Halt> {
            self.damaged.push(format!("{}:{}", at.line, fault.text()));
            Ok(())
        }

        fn before(&mut self, _: Position) -> Result<(), Halt> {
            self.before += 1;
            Ok(())
        }
    }

    fn seen(text: &str) -> Seen {
        let mut seen = Seen::default();
        walk(&mut text.as_bytes(), &mut seen).expect("no halt");
        seen
    }

    #[test]
    fn every_layout_gives_the_same_rows() {
        for text in [
            r#"{"rows":[{"a":1},{"a":2}],"total":2}"#,
            r#"{"total":2,"rows":[{"a":1},{"a":2}]}"#,
            r#"[{"total":2,"rows":[{"a":1}]},{"rows":[{"a":2}],"total":2}]"#,
            "{\"total\":2,\"rows\":[{\"a\":1}]}\n{\"rows\":[{\"a\":2}]}\n",
            r#"{"rows":[{"a":1}]}{"rows":[{"a":2}]}"#,
            "[\n[{\"rows\": [\n\n{\"a\":1} , {\"a\":2}]}]]",
            "\x1e{\"rows\":[{\"a\":1}]}\n\x1e{\"rows\":[{\"a\":2}]}\n",
        ] {
            let seen = seen(text);
            let rows: Vec<&str> = seen.objects.iter().filter_map(|o| o.split_once(':')).map(|(_, o)| o).collect();
            assert_eq!(rows, [r#"row {"a":1}"#, r#"row {"a":2}"#], "{text}");
            assert!(seen.damaged.is_empty() && seen.before == 0, "{text}");
        }
        assert_eq!(seen(r#"{"rows":[{"a":1}],"total":2}"#).pages, [r#"{"total":2}"#]);
        let flat = "{\n\"rows\": [\n{\n\"a\": 1\n},\n{\n\"a\": 2\n}\n],\n\"total\": 2\n}";
        assert_eq!(seen(flat).objects.len(), 2);
        assert!(seen(flat).damaged.is_empty());
    }

    #[test]
    fn lines_before_the_json_are_told_apart_from_it() {
        let text = "2026-11-24 [warning] x\n[2026-11-24 12:35:14,112] {a.py:50} INFO - y\n\n[{\"a\": 1}, {\"a\": 2}]\n";
        let got = seen(text);
        assert_eq!((got.before, got.objects.len(), got.damaged.len()), (2, 2, 0));
        assert_eq!(got.objects[0], "4:{\"a\":1}");
    }

    #[test]
    fn damage_costs_one_row_and_is_told_with_its_line() {
        let got = seen("{\"rows\":[{\"a\":1},\n{\"a\":[2},\n7,{\"a\":3}]}");
        assert_eq!(got.objects, ["1:row {\"a\":1}", "2:row {\"a\":[2}", "3:row {\"a\":3}"]);
        assert_eq!(got.damaged, ["3:not a JSON object: `7`"]);
        let got = seen("{\"rows\":[{\"a\":1},{\"a\":2");
        assert_eq!(got.objects, ["1:row {\"a\":1}"]);
        assert_eq!(got.damaged, ["1:the file ends inside this object: it was cut off"]);
        let got = seen("{\"a\":1}\n{\"a\":{\"b\n{\"a\":3}\nxyz\n{\"a\":4}\n");
        assert_eq!(got.objects, ["1:{\"a\":1}", "3:{\"a\":3}", "5:{\"a\":4}"]);
        assert_eq!(got.damaged, ["2:a new line begins inside this object: it was cut off", "4:not JSON: `xyz`"]);
        let got = seen("{\"rows\":[{\"a\":1},{\"a\":2}},{\"a\":3},{\"a\":4}],\"total\":4}");
        assert_eq!(got.objects, ["1:row {\"a\":1}", "1:row {\"a\":2}", "1:{\"a\":3}", "1:{\"a\":4}"]);
        assert_eq!(
            got.damaged,
            ["1:a list of rows that does not end", "1:not JSON: `],\"total\":4}`"]
                .map(|text| text.replace('"', "\\\""))
        );
        let got = seen("[{\"a\":1},{\"a\" 2},{\"a\":3}");
        assert_eq!(got.objects, ["1:{\"a\":1}", "1:{\"a\":3}"]);
        assert_eq!(got.damaged, ["1:not a JSON object: `{}`", "1:the file ends inside a list: it was cut off"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\\n 1a\x1e"[..]), 0..200)) {
            walk(&mut &bytes[..], &mut Seen::default()).expect("no halt");
        }
    }
}
