//! The grammar of StatsD lines: `name:value|type`, with what the dialects add.
//!
//! Plain (etsy/statsd, `docs/metric_types.md`): `name:1|c|@0.1`, several values as `name:1|c:2|c`. DogStatsD (its "Datagram
//! format"): `name:1:2|c|@0.1|#tag:v,tag2:v|c:container|T1656581400`. Influx: `name,tag=v,tag2=v:1|c`.

use super::number;
use crate::model::Timestamp;

/// The time in front of a captured line, and the rest.
pub(super) fn received(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    // A time begins with its first digit, and so does hardly a metric.
    let Some(at) = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).filter(|_| starts_with_digit(line)) else {
        return (None, line);
    };
    let (front, rest) = line.split_at(at);
    match number::any_time(front) {
        Some(time) => (Some(time), rest.trim_ascii_start()),
        None => (None, line),
    }
}

fn starts_with_digit(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_digit)
}

/// The metrics of one captured packet: nearly always one. Some captures write the line ends within a packet as spaces or as
/// the two characters `\n`. A tag's value may hold a space: a piece without a type belongs to the one before.
pub(super) fn each_metric<'a, E>(packet: &'a [u8], mut visit: impl FnMut(&'a [u8]) -> Result<(), E>) -> Result<(), E> {
    let packet = packet.trim_ascii();
    // Without an early end the compiler looks at many bytes at once.
    if !packet.iter().fold(false, |seen, byte| seen | matches!(byte, b' ' | b'\t' | b'\\')) {
        return visit(packet);
    }
    let (mut start, mut at) = (0, 0);
    while let Some(byte) = packet.get(at) {
        let width = match byte {
            b' ' | b'\t' => 1,
            b'\\' if packet.get(at + 1) == Some(&b'n') => 2,
            _ => 0,
        };
        // Only behind a space is the next word looked at, so that each word is looked at once.
        let next = || {
            let tail = packet.get(at + width..).unwrap_or_default();
            tail.split(|byte| matches!(byte, b' ' | b'\t' | b'\\')).next().unwrap_or_default()
        };
        if width == 2 || width == 1 && next().contains(&b'|') {
            let piece = packet.get(start..at).unwrap_or_default().trim_ascii();
            if !piece.is_empty() {
                visit(piece)?;
            }
            start = at + width;
        }
        at += width.max(1);
    }
    let piece = packet.get(start..).unwrap_or_default().trim_ascii();
    if piece.is_empty() { Ok(()) } else { visit(piece) }
}

/// One metric of a line, its parts still text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Metric<'a> {
    /// Name, Influx tags and all.
    pub(super) name: &'a [u8],
    /// One value, or several.
    pub(super) values: &'a [u8],
    /// `c`, `g`, `ms`, `h`, `d`, `s`
    pub(super) kind: &'a [u8],
    /// What stands behind `@`.
    pub(super) rate: Option<&'a [u8]>,
    /// What stands behind `#`.
    pub(super) tags: Option<&'a [u8]>,
    /// What stands behind `T`: DogStatsD lines may state their own time.
    pub(super) time: Option<&'a [u8]>,
    /// Further values of the same name with types of their own.
    pub(super) more: Option<&'a [u8]>,
}

/// Takes a metric apart; `None` where it is none.
pub(super) fn parse(text: &[u8]) -> Option<Metric<'_>> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let name = text.get(..colon)?;
    // Influx tags may hold colons: the value then stands behind the last one before the type.
    let colon = if name.contains(&b',') {
        let bar = text.iter().position(|byte| *byte == b'|')?;
        text.get(..bar)?.iter().rposition(|byte| *byte == b':')?
    } else {
        colon
    };
    values(text.get(..colon).filter(|name| !name.is_empty())?, text.get(colon + 1..)?)
}

/// Values and what follows them.
pub(super) fn values<'a>(name: &'a [u8], text: &'a [u8]) -> Option<Metric<'a>> {
    let (values, mut rest) = cut(text, b'|')?;
    let mut metric = Metric { name, values, kind: &[], rate: None, tags: None, time: None, more: None };
    let mut first = true;
    loop {
        let (part, after) = cut(rest, b'|').map_or((rest, None), |(part, after)| (part, Some(after)));
        match part.first() {
            Some(b'#') if !first => metric.tags = part.get(1..),
            Some(b'T') if !first => metric.time = part.get(1..),
            Some(b'c') if !first && part.starts_with(b"c:") => {} // the container's id
            _ => {
                // Behind a type or a rate a colon begins the next value of plain StatsD.
                let (own, more) = cut(part, b':').map_or((part, None), |(own, _)| (own, rest.get(own.len() + 1..)));
                if first {
                    metric.kind = own;
                } else {
                    metric.rate = Some(own.strip_prefix(b"@")?);
                }
                if more.is_some() {
                    metric.more = more;
                    return Some(metric);
                }
            }
        }
        first = false;
        match after {
            Some(after) => rest = after,
            None => return Some(metric),
        }
    }
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// Is it a line of StatsD, with or without a time in front?
pub(super) fn is_statsd(line: &[u8]) -> bool {
    let (_, rest) = received(line);
    if rest.starts_with(b"_e{") || rest.starts_with(b"_sc|") {
        return true;
    }
    let first = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let known = |kind: &[u8]| matches!(kind, b"c" | b"g" | b"ms" | b"h" | b"d" | b"s");
    parse(first).is_some_and(|metric| {
        let values = metric.values.iter().all(|byte| byte.is_ascii_digit() || b"+-.:eE".contains(byte));
        known(metric.kind) && (values || metric.kind == b"s") && !metric.name.contains(&b'"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(packet: &str) -> Vec<String> {
        let mut all = Vec::new();
        let visit = |piece: &[u8]| -> Result<(), ()> {
            all.push(String::from_utf8_lossy(piece).into_owned());
            Ok(())
        };
        each_metric(packet.as_bytes(), visit).expect("no error");
        all
    }

    #[test]
    fn a_packet_of_several_metrics() {
        assert_eq!(metrics("a:1|c"), ["a:1|c"]);
        assert_eq!(metrics("a:1|c b:2|g  "), ["a:1|c", "b:2|g"]);
        assert_eq!(metrics(r"a:1|c\nb:2|g\n"), ["a:1|c", "b:2|g"]);
        assert_eq!(metrics("a:1|c|#t:two words b:2|g"), ["a:1|c|#t:two words", "b:2|g"]);
        assert_eq!(metrics("just words"), ["just words"]);
    }

    #[test]
    fn parts_of_a_metric() {
        let plain = parse(b"airflow.scheduler.dag_bag.cache_size:7|g|@0.1").expect("a metric");
        assert_eq!(
            (plain.name, plain.values, plain.kind),
            (&b"airflow.scheduler.dag_bag.cache_size"[..], &b"7"[..], &b"g"[..])
        );
        assert_eq!(plain.rate, Some(&b"0.1"[..]));
        let dog = parse(b"a:1:2|d|@0.5|#k:v,x|c:abc|T1656581400").expect("a metric");
        assert_eq!((dog.values, dog.kind, dog.rate), (&b"1:2"[..], &b"d"[..], Some(&b"0.5"[..])));
        assert_eq!((dog.tags, dog.time), (Some(&b"k:v,x"[..]), Some(&b"1656581400"[..])));
        let influx = parse(b"a,uri=s3://b,k=v:6|c").expect("a metric");
        assert_eq!((influx.name, influx.values), (&b"a,uri=s3://b,k=v"[..], &b"6"[..]));
        let several = parse(b"a:1|c:2|g|@0.1").expect("a metric");
        assert_eq!((several.values, several.kind, several.more), (&b"1"[..], &b"c"[..], Some(&b"2|g|@0.1"[..])));
        for text in ["", "a", "a:1", ":1|c", "a:1|c|x", "|", ":"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_in_front() {
        let (time, rest) = received(b"1795520011.071192 a:1|c");
        assert_eq!(
            (time.map(|t| t.to_string()).as_deref(), rest),
            (Some("2026-11-24T11:33:31.071192Z"), &b"a:1|c"[..])
        );
        let (time, rest) = received(b"2026-11-24T11:33:31.071192+00:00 a:1|c");
        assert_eq!(
            (time.map(|t| t.to_string()).as_deref(), rest),
            (Some("2026-11-24T11:33:31.071192Z"), &b"a:1|c"[..])
        );
        assert_eq!(received(b"a:1|c"), (None, &b"a:1|c"[..]));
        assert_eq!(received(b"5xx x:1|c"), (None, &b"5xx x:1|c"[..]));
    }

    #[test]
    fn what_statsd_is() {
        for line in ["1795520011.07 a:1|c", "a:+3|g", "a,b=c:1.5|ms", "a:1|c|#x:y", "_sc|up|0"] {
            assert!(is_statsd(line.as_bytes()), "{line}");
        }
        for line in ["a 1", "12:30 | x", "{\"a\":1|c", "a:b|c", "[2026-11-24 11:00:00] INFO - x:1|y", ""] {
            assert!(!is_statsd(line.as_bytes()), "{line}");
        }
    }
}
