//! The Gantt chart of a typical run: what ran when, what waited, and what the run's length hangs on.

use super::{
    Chart,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Role},
    frame::{Frame, SMALL, Swatch, legend},
};
use crate::{
    analysis::{DagView, GanttBar},
    report::words,
};
use plotters::prelude::DrawingBackend;
use std::collections::BTreeMap;

const WIDTH: u32 = 760;
const ROW: f64 = 22.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 34.0;

/// Characters of a task's name that fit beside its bar.
const NAME_CHARS: usize = 34;

/// Rows of a chart: a reader does not compare more, and the table behind it holds more.
const MAX_ROWS: usize = 30;

/// The Gantt chart of a DAG's typical run.
pub(crate) struct GanttChart<'a> {
    rows: Vec<(String, Vec<&'a GanttBar>)>,
    length_s: f64,
    left_out: usize,
}

impl<'a> GanttChart<'a> {
    /// One row for each task instance, in the order of their starts; where they do not fit, those of the critical path
    /// and then the longest.
    pub(crate) fn new(dag: &'a DagView) -> Self {
        let mut order: BTreeMap<(&str, i32), usize> = BTreeMap::new();
        let mut rows: Vec<(String, Vec<&GanttBar>)> = Vec::new();
        for bar in dag.gantt.iter().filter(|b| b.started_s.is_finite() && b.ended_s.is_finite()) {
            let row = *order.entry((&*bar.task_id, bar.map_index)).or_insert_with(|| {
                rows.push((name(bar), Vec::new()));
                rows.len() - 1
            });
            rows[row].1.push(bar);
        }
        let ends = rows.iter().flat_map(|(_, bars)| bars.iter().map(|b| b.ended_s));
        let length_s = ends.chain([dag.duration_s]).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let all = rows.len();
        let rows = most_telling(rows);
        Self { left_out: all - rows.len(), rows, length_s }
    }

    /// Task instances for which there is no room.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// Rows drawn.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    fn bottom(&self) -> f64 {
        TOP + self.rows.len() as f64 * ROW + 4.0
    }
}

impl Chart for GanttChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (self.bottom() + 28.0) as u32)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        let (width, height) = self.size();
        canvas.fill((0.0, 0.0), (f64::from(width), f64::from(height)), Role::Paper, 1.0)?;
        let x = Scale::new(0.0, self.length_s, LEFT, RIGHT);
        let ticks = x.second_ticks(6.0);
        for (second, _) in &ticks {
            canvas.line(&[(x.at(*second), TOP), (x.at(*second), self.bottom())], Role::Grid, 1.0)?;
        }
        let plot = Frame { left: LEFT, right: RIGHT, top: TOP, bottom: self.bottom() };
        plot.axes(canvas, (&x, &ticks), (&x, &[]))?;
        for (i, (name, bars)) in self.rows.iter().enumerate() {
            let middle = TOP + (i as f64 + 0.5) * ROW + 2.0;
            let role = if bars.iter().any(|b| b.critical) { Role::Ink } else { Role::Muted };
            canvas.text((LEFT - 8.0, middle), name, SMALL, role, Align::Right)?;
            bars.iter().try_for_each(|bar| draw_bar(canvas, &x, middle, bar))?;
        }
        let entries = [
            (Swatch::Box(Role::Worse, 1.0, true), "critical path"),
            (Swatch::Box(Role::Accent, 0.45, false), "other tasks"),
            (Swatch::Hatch(Role::Faint), "in the queue"),
            (Swatch::Dotted(Role::Accent), "retry (dotted edge)"),
        ];
        legend(canvas, (LEFT, 14.0), &entries)
    }
}

fn draw_bar<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, x: &Scale, middle: f64, bar: &GanttBar) -> Drawn<DB> {
    let (upper, lower) = (middle - 6.5, middle + 6.5);
    let start = x.at(bar.started_s);
    let end = x.at(bar.ended_s).max(start + 2.0);
    if let Some(queued) = bar.queued_s.map(|q| x.at(q)).filter(|q| start - q > 1.0) {
        canvas.hatch((queued, upper + 2.0), (start, lower - 2.0), Role::Faint)?;
        canvas.frame((queued, upper + 2.0), (start, lower - 2.0), Role::Faint, 1.0, None)?;
    }
    let (fill, alpha) = if bar.critical { (Role::Worse, 1.0) } else { (Role::Accent, 0.45) };
    canvas.fill((start, upper), (end, lower), fill, alpha)?;
    let retry = bar.try_number.is_some_and(|n| n > 1);
    match (bar.critical, retry) {
        (critical, true) => canvas.frame((start, upper), (end, lower), Role::Ink, edge(critical), Some(2.0))?,
        (true, false) => canvas.frame((start, upper), (end, lower), Role::Ink, 2.0, None)?,
        (false, false) => canvas.frame((start, upper), (end, lower), Role::Accent, 1.0, None)?,
    }
    if bar.state == "failed" || bar.state == "up_for_retry" {
        let (place, align) = if end < RIGHT - 46.0 { (end + 5.0, Align::Left) } else { (start - 5.0, Align::Right) };
        canvas.text((place, middle), "× failed", SMALL, Role::Ink, align)?;
    }
    Ok(())
}

fn edge(critical: bool) -> f64 {
    if critical { 2.0 } else { 1.5 }
}

fn name(bar: &GanttBar) -> String {
    let index = if bar.map_index >= 0 { format!("[{}]", bar.map_index) } else { String::new() };
    words::shorten(&format!("{}{index}", words::visible(&bar.task_id)), NAME_CHARS)
}

/// The rows that are kept, in their old order.
fn most_telling(rows: Vec<(String, Vec<&GanttBar>)>) -> Vec<(String, Vec<&GanttBar>)> {
    let weight = |bars: &[&GanttBar]| {
        let length: f64 = bars.iter().map(|b| b.ended_s - b.started_s).sum();
        (bars.iter().any(|b| b.critical), length)
    };
    let mut ranked: Vec<usize> = (0..rows.len()).collect();
    ranked.sort_by(|a, b| {
        let (a, b) = (weight(&rows[*a].1), weight(&rows[*b].1));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    ranked.truncate(MAX_ROWS);
    rows.into_iter().enumerate().filter(|(i, _)| ranked.contains(i)).map(|(_, row)| row).collect()
}
