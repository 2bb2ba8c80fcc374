//! JSON of any size, node by node: what a format asks for is handed over, nothing else is kept.
//!
//! A node's path is written as `/data/result/*/values/*`, where `*` stands for any place in an array.

use super::super::{reading::Fault, sink::Halt};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, Read},
    rc::Rc,
};

/// Most bytes of a node that is taken whole, or of a key. A point, a set of labels or a data point needs a few hundred.
const MAX_NODE: u64 = 1 << 20;

/// What is to be done with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Its children are nodes.
    Enter,
    /// Hand it over whole.
    Take,
    /// Pass over it.
    Skip,
}

/// What a format makes of the nodes.
pub(super) trait Handler {
    /// What is to be done with the node at `path`.
    fn node(&self, path: &str) -> Node;

    /// A node that was taken, or a plain value where an array or object was entered.
    fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt>;

    /// An array or object that was entered has ended.
    fn end(&mut self, path: &str, line: u64) -> Result<(), Halt>;
}

/// Walks through the input, which may hold several documents behind each other. Returns where and why it cannot be read on.
pub(super) fn walk(input: Box<dyn BufRead>, handler: &mut dyn Handler) -> Result<Option<(u64, Fault)>, Halt> {
    let place = Rc::new(Place { line: Cell::new(1), left: Cell::new(MAX_NODE), cut: Cell::new(false) });
    let input = Guard { input, place: place.clone(), chunk: Vec::new(), at: 0, broken: None };
    let mut json = serde_json::Deserializer::from_reader(input);
    let mut walk = Walk { handler, path: String::new(), place, halted: false };
    loop {
        walk.path.clear();
        if let Err(error) = (Seed { walk: &mut walk }).deserialize(&mut json) {
            if walk.halted {
                return Err(Halt);
            }
            let kind =
                if walk.place.cut.get() { "a text or a node is longer than 1 MiB" } else { "not JSON from here on" };
            return Ok(Some((walk.place.line.get(), Fault::of(kind, &error.to_string()))));
        }
        walk.place.left.set(MAX_NODE);
        if json.end().is_ok() {
            return Ok(None);
        }
    }
}

/// Where reading is, and how much more may be read before the next node.
struct Place {
    line: Cell<u64>,
    left: Cell<u64>,
    cut: Cell<bool>,
}

/// Hands out bytes one by one, counts lines, and refuses to go on where a node has no end.
struct Guard {
    input: Box<dyn BufRead>,
    place: Rc<Place>,
    chunk: Vec<u8>,
    at: usize,
    /// Why there is no more, once all before it was handed out.
    broken: Option<io::Error>,
}

/// Bytes that are taken from the input at once.
const CHUNK: u64 = 16_384;

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.len() {
            self.chunk.clear();
            self.at = 0;
            if let Some(error) = self.broken.take() {
                return Err(error);
            }
            self.broken = self.input.by_ref().take(CHUNK).read_to_end(&mut self.chunk).err();
        }
        let (Some(slot), Some(byte)) = (buffer.first_mut(), self.chunk.get(self.at)) else { return Ok(0) };
        self.at += 1;
        let left = self.place.left.get();
        if left == 0 {
            self.place.cut.set(true);
            return Err(io::Error::other("too long"));
        }
        self.place.left.set(left - 1);
        if *byte == b'\n' {
            self.place.line.set(self.place.line.get() + 1);
        }
        *slot = *byte;
        Ok(1)
    }
}

struct Walk<'h> {
    handler: &'h mut dyn Handler,
    path: String,
    place: Rc<Place>,
    halted: bool,
}

impl Walk<'_> {
    fn value<E: serde::de::Error>(&mut self, value: Value) -> Result<(), E> {
        let told = self.handler.value(&self.path, self.place.line.get(), value);
        self.told(told)
    }

    fn end<E: serde::de::Error>(&mut self) -> Result<(), E> {
        let told = self.handler.end(&self.path, self.place.line.get());
        self.told(told)
    }

    fn told<E: serde::de::Error>(&mut self, told: Result<(), Halt>) -> Result<(), E> {
        told.map_err(|Halt| {
            self.halted = true;
            E::custom("halted")
        })
    }
}

/// One node.
struct Seed<'w, 'h> {
    walk: &'w mut Walk<'h>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let node = self.walk.handler.node(&self.walk.path);
        self.walk.place.left.set(if node == Node::Skip { u64::MAX } else { MAX_NODE });
        match node {
            Node::Enter => json.deserialize_any(self),
            Node::Take => {
                let value = serde::Deserialize::deserialize(json)?;
                self.walk.value(value)
            }
            Node::Skip => serde::Deserialize::deserialize(json).map(|_: IgnoredAny| ()),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let length = self.walk.path.len();
        loop {
            self.walk.place.left.set(MAX_NODE);
            let Some(key) = map.next_key::<String>()? else { break };
            self.walk.path.push('/');
            self.walk.path.push_str(&key);
            map.next_value_seed(Seed { walk: &mut *self.walk })?;
            self.walk.path.truncate(length);
        }
        self.walk.end()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let length = self.walk.path.len();
        self.walk.path.push_str("/*");
        while array.next_element_seed(Seed { walk: &mut *self.walk })?.is_some() {
            self.walk.place.left.set(MAX_NODE);
        }
        self.walk.path.truncate(length);
        self.walk.end()
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.walk.value(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.walk.value(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.walk.value(Value::from(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.walk.value(Value::from(value))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.walk.value(Value::from(value))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.walk.value(Value::Null)
    }
}

/// A number, also where it is written as a text: several APIs do so to keep all digits.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => super::number::float(text.trim().as_bytes()),
        _ => None,
    }
}

/// An instant: RFC 3339, or unix seconds as a number.
pub(super) fn time(value: &Value) -> Option<crate::model::Timestamp> {
    match value {
        Value::String(text) => super::number::any_time(text.as_bytes()),
        Value::Number(seconds) => super::number::unix_seconds(seconds.as_f64()?),
        _ => None,
    }
}

/// A value in the words of its source, for a fault.
pub(super) fn fault(kind: &str, value: &Value) -> Fault {
    match value {
        Value::String(text) => Fault::of(kind, text),
        other => Fault::of(kind, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Noted(Vec<String>);

    impl Handler for Noted {
        fn node(&self, path: &str) -> Node {
            match path {
                "" | "/a" | "/a/*" => Node::Enter,
                "/skip" => Node::Skip,
                _ => Node::Take,
            }
        }

        fn value(&mut self, path: &str, line: u64, value: Value) -> Result<(), Halt> {
            self.0.push(format!("{line} {path} {value}"));
            if value == "stop" { Err(Halt) } else { Ok(()) }
        }

        fn end(&mut self, path: &str, line: u64) -> Result<(), Halt> {
            self.0.push(format!("{line} {path} end"));
            Ok(())
        }
    }

    type Walked = Result<Option<(u64, String)>, Halt>;

    fn walked(text: String) -> (Walked, Vec<String>) {
        let mut noted = Noted::default();
        let result = walk(Box::new(io::Cursor::new(text)), &mut noted);
        (result.map(|fault| fault.map(|(line, fault)| (line, fault.kind().to_owned()))), noted.0)
    }

    #[test]
    fn nodes_come_with_path_and_line() {
        let (result, nodes) = walked("{\"a\":[1,\n{\"b\":[2]},\"x\"],\n\"skip\":{\"c\":[3]},\"d\":null}\n".to_owned());
        assert_eq!(result, Ok(None));
        let want = ["1 /a/* 1", "2 /a/*/b [2]", "2 /a/* end", "2 /a/* \"x\"", "2 /a end", "3 /d null", "3  end"];
        assert_eq!(nodes, want);
    }

    #[test]
    fn documents_may_follow_each_other_and_rubbish_may_not() {
        let (result, nodes) = walked("{\"d\":1}\n{\"d\":2}".to_owned());
        assert_eq!((result, nodes.len()), (Ok(None), 4));
        let (result, _) = walked("{\"d\":1}\nrubbish".to_owned());
        assert_eq!(result, Ok(Some((2, "not JSON from here on".to_owned()))));
        let (result, nodes) = walked("{\"d\":1,\n\"e\":".to_owned());
        assert_eq!((result, nodes.len()), (Ok(Some((2, "not JSON from here on".to_owned()))), 1));
    }

    #[test]
    fn a_node_without_end_is_refused_and_one_passed_over_is_not() {
        let long = "x".repeat(3 << 20);
        let (result, _) = walked(format!("{{\"d\":\"{long}\"}}"));
        assert_eq!(result, Ok(Some((1, "a text or a node is longer than 1 MiB".to_owned()))));
        let (result, _) = walked(format!("{{\"skip\":\"{long}\",\"d\":1}}"));
        assert_eq!(result, Ok(None));
    }

    #[test]
    fn a_halt_gets_through() {
        let (result, _) = walked("{\"d\":\"stop\",\"e\":1}".to_owned());
        assert_eq!(result, Err(Halt));
    }
}
