//! Airflow sends one measurement under two names; counted twice it would double. This finds the second of each pair.
//!
//! The two lines stand near each other, in either order, for other processes' lines come between and the two timers of one
//! measurement are nested: their values differ by what passed between them. Under plain StatsD the plain name has lost its
//! tags and is the one to leave out; where it has kept them it says more than the legacy name.

use super::{
    super::sink::{Halt, Sink},
    labels::Labels,
    names::{FAMILIES, Name},
};
use crate::model::{MetricKind, MetricSample, Row};
use std::{collections::VecDeque, sync::Arc};

/// Lines of one measurement come within this time; in the captures that were looked at nearly all came within 0.1 s.
const WINDOW_S: f64 = 5.0;
/// Lines of one metric that wait for their twin at most.
const MAX_WAITING: usize = 1_024;

/// Why a line is left out.
pub(super) const UNTAGGED: &str = "the same measurement without its tags, beside the name that holds the ids";
/// Why a line is left out.
pub(super) const LEGACY: &str = "the same measurement under its legacy name, beside the name with tags";
/// Why a line is left out.
pub(super) const COPY: &str = "a second copy of the same measurement (Airflow 3 sends the legacy name twice)";

/// One line of a pair.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: Name,
    /// Does the plain name have tags?
    pub(super) tagged: bool,
    /// Has it found its twin? It is then remembered only for the sake of its copy.
    pub(super) settled: bool,
    /// Ids and tags.
    pub(super) labels: Arc<Labels<'static>>,
    pub(super) sample: MetricSample,
}

/// Finds pairs.
#[derive(Debug)]
pub(super) struct Twins {
    families: Vec<Family>,
}

/// Lines of one metric, those of the plain name apart from those of the legacy name.
#[derive(Debug, Default)]
struct Family {
    /// Lines that are left out if their twin comes.
    waiting: [VecDeque<Line>; 2],
    /// Lines that were handed on and whose twin may come.
    gone: [VecDeque<Line>; 2],
    /// Has the plain name come without tags? Then legacy names need not wait.
    untagged: bool,
}

impl Default for Twins {
    fn default() -> Self {
        Self { families: (0..FAMILIES).map(|_| Family::default()).collect() }
    }
}

impl Twins {
    /// Takes a line; it, and lines that waited, go to `sink` once it is known what they are.
    pub(super) fn offer(&mut self, line: Line, sink: &mut dyn Sink) -> Result<(), Halt> {
        let Some(family) = self.families.get_mut(line.name.family) else { return hand_on(line, sink) };
        family.expire(&line, sink)?;
        family.untagged |= !line.name.legacy && !line.tagged;
        if line.name.doubled && line.name.legacy && family.is_copy(&line) {
            return sink.ignored(COPY);
        }
        let [waiting, gone] = family.others(line.name.legacy);
        if let Some(twin) = nearest(waiting, &line).and_then(|at| waiting.remove(at)) {
            let legacy = if line.name.legacy { &line } else { &twin };
            if legacy.name.doubled {
                family.remember(Line { settled: true, ..legacy.clone() });
            }
            let (keep, reason) = if loses(&line, &twin) { (twin, reason(&line)) } else { (line, reason(&twin)) };
            sink.ignored(reason)?;
            return hand_on(keep, sink);
        }
        if let Some(twin) = nearest(gone, &line).and_then(|at| gone.remove(at)) {
            if twin.name.doubled && twin.name.legacy {
                family.remember(Line { settled: true, ..twin });
            }
            return sink.ignored(reason(&line));
        }
        let may_lose = if line.name.legacy { !family.untagged } else { !line.tagged };
        if may_lose {
            let own = &mut family.waiting[usize::from(line.name.legacy)];
            own.push_back(line);
            return Ok(());
        }
        family.remember(line.clone());
        hand_on(line, sink)
    }

    /// What waits still has no twin.
    pub(super) fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Halt> {
        let waiting = self.families.iter_mut().flat_map(|family| &mut family.waiting).flat_map(|lines| lines.drain(..));
        waiting.into_iter().try_for_each(|line| hand_on(line, sink))
    }
}

impl Family {
    /// Lines of the other name than that of a line which is `legacy` or not: those that wait, those that are gone.
    fn others(&mut self, legacy: bool) -> [&mut VecDeque<Line>; 2] {
        [&mut self.waiting[usize::from(!legacy)], &mut self.gone[usize::from(!legacy)]]
    }

    fn remember(&mut self, line: Line) {
        let gone = &mut self.gone[usize::from(line.name.legacy)];
        if gone.len() >= MAX_WAITING {
            gone.pop_front();
        }
        gone.push_back(line);
    }

    /// Was this very legacy line here a moment ago?
    fn is_copy(&self, line: &Line) -> bool {
        let [[_, waiting], [_, gone]] = [&self.waiting, &self.gone];
        let same = |known: &Line| {
            let (a, b) = (&known.sample, &line.sample);
            a.value == b.value && a.labels == b.labels && a.metric == b.metric
        };
        waiting.iter().chain(gone).any(same)
    }

    /// Lines from too long ago, or from after the new one (a capture that begins anew), have no twin any more.
    fn expire(&mut self, now: &Line, sink: &mut dyn Sink) -> Result<(), Halt> {
        let over = |line: &Line| now.sample.ts.seconds_since(line.sample.ts).abs() > WINDOW_S;
        for gone in &mut self.gone {
            while gone.front().is_some_and(over) {
                gone.pop_front();
            }
        }
        for waiting in &mut self.waiting {
            while waiting.len() >= MAX_WAITING || waiting.front().is_some_and(over) {
                match waiting.pop_front() {
                    Some(line) => hand_on(line, sink)?,
                    None => break,
                }
            }
        }
        Ok(())
    }
}

/// Place of the line among `lines` that is the other name of `line`, the nearest in value.
fn nearest(lines: &VecDeque<Line>, line: &Line) -> Option<usize> {
    let distances = lines.iter().enumerate().filter(|(_, other)| is_twin(other, line));
    let distance = |other: &Line| (other.sample.value - line.sample.value).abs();
    distances.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1))).map(|(at, _)| at)
}

fn is_twin(a: &Line, b: &Line) -> bool {
    let (legacy, plain) = if a.name.legacy { (a, b) } else { (b, a) };
    if a.settled || a.sample.kind != b.sample.kind || (plain.tagged && !legacy.labels.within(&plain.labels)) {
        return false;
    }
    let apart = (a.sample.value - b.sample.value).abs();
    if a.sample.kind == MetricKind::Timer {
        let largest = a.sample.value.abs().max(b.sample.value.abs());
        apart <= 0.05 * largest + a.sample.ts.seconds_since(b.sample.ts).abs() + 0.05
    } else {
        apart == 0.0
    }
}

/// Of a pair, does `line` go?
fn loses(line: &Line, twin: &Line) -> bool {
    let plain = if line.name.legacy { twin } else { line };
    line.name.legacy == plain.tagged
}

fn reason(line: &Line) -> &'static str {
    if line.name.legacy { LEGACY } else { UNTAGGED }
}

fn hand_on(line: Line, sink: &mut dyn Sink) -> Result<(), Halt> {
    sink.row(Row::Metric(line.sample))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ingest::sink::Collected, model::Timestamp};

    const FAMILY: usize = 2;

    fn line(legacy: bool, task: &str, at_s: f64, value: f64) -> Line {
        let mut labels = Labels::default();
        labels.add("task_id", task.to_owned());
        let metric = if legacy { "dag.x" } else { "task.duration" };
        Line {
            name: Name { family: FAMILY, legacy, doubled: false },
            tagged: !legacy && !task.is_empty(),
            settled: false,
            labels: Arc::new(labels),
            sample: MetricSample {
                metric: metric.into(),
                labels: task.into(),
                ts: Timestamp::from_micros(0).plus_seconds(at_s),
                value,
                unit: None,
                kind: MetricKind::Timer,
                source: "statsd",
            },
        }
    }

    fn run(lines: Vec<Line>) -> Vec<String> {
        let (mut twins, mut sink) = (Twins::default(), Collected::default());
        for line in lines {
            twins.offer(line, &mut sink).expect("no halt");
        }
        twins.finish(&mut sink).expect("no halt");
        let rows = sink.rows.iter().map(|row| match row {
            Row::Metric(sample) => format!("{}:{}", sample.metric, sample.value),
            _ => "other".to_owned(),
        });
        rows.chain(sink.ignored.iter().map(|reason| (*reason).clone())).collect()
    }

    #[test]
    fn the_plain_name_goes_whichever_comes_first() {
        let nested = vec![line(false, "", 0.0, 18.74), line(true, "t", 0.08, 18.84)];
        assert_eq!(run(nested), ["dag.x:18.84", UNTAGGED]);
        let after = vec![line(true, "t", 0.0, 2.0), line(false, "", 0.1, 2.0)];
        assert_eq!(run(after).first().map(String::as_str), Some("dag.x:2"));
    }

    #[test]
    fn the_legacy_name_goes_where_the_plain_one_has_tags() {
        for lines in [
            vec![line(false, "t", 0.0, 1.230), line(true, "t", 0.1, 1.231)],
            vec![line(true, "t", 0.0, 1.231), line(false, "t", 0.1, 1.230)],
        ] {
            assert_eq!(run(lines).first().map(String::as_str), Some("task.duration:1.23"));
        }
        let other_task = vec![line(true, "a", 0.0, 1.0), line(false, "b", 0.0, 1.0)];
        assert_eq!(run(other_task).len(), 2, "two tasks are two measurements");
    }

    #[test]
    fn what_is_far_away_is_no_twin() {
        let late = vec![line(true, "t", 0.0, 2.0), line(false, "", 9.0, 2.0)];
        assert_eq!(run(late), ["dag.x:2", "task.duration:2"]);
        let other_value = vec![line(true, "t", 0.0, 2.0), line(false, "", 0.1, 3.0)];
        assert_eq!(run(other_value).len(), 2);
    }

    #[test]
    fn a_legacy_name_sent_twice_is_kept_once() {
        let doubled = |mut line: Line| {
            line.name.doubled = true;
            line
        };
        let old = || doubled(line(true, "d", 0.0, 7.0));
        let new = || doubled(line(false, "", 0.1, 7.0));
        for lines in [vec![old(), old(), new()], vec![old(), new(), old()], vec![new(), old(), old()]] {
            let got = run(lines);
            assert_eq!((got.len(), got.first().map(String::as_str)), (3, Some("dag.x:7")), "{got:?}");
        }
    }
}
