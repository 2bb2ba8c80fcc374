//! A platform's day before and after, one above the other on one axis: what ran when, what came to nothing, and the memory in use.

use super::{
    Chart,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Role},
    frame::{Frame, SMALL, Swatch, legend},
};
use crate::{
    replay::platform::{Timeline, TimelineRow},
    report::words,
};
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const ROW: f64 = 13.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 34.0;
/// Height of the heading of a half, and of its memory.
const HEAD: f64 = 22.0;
const MEMORY: f64 = 58.0;
const GAP: f64 = 14.0;
const NAME_CHARS: usize = 28;
/// Share of the memory above which a task has little room.
const CROWDED: f64 = 0.9;
/// Seconds that are shown before the core begins, and, as a share of its length, after its end.
const BEFORE_S: f64 = 300.0;
const AFTER: f64 = 0.04;

/// The chart.
pub(crate) struct TimelineChart<'a> {
    /// A heading and a day, twice.
    pub halves: [(&'a str, &'a Timeline); 2],
}

impl TimelineChart<'_> {
    /// From before the core begins until after the later end of the two.
    fn span(&self) -> (f64, f64) {
        let from = self.halves.iter().map(|(_, day)| day.core.0).fold(f64::INFINITY, f64::min) - BEFORE_S;
        let last = |day: &Timeline| {
            let ends = day.rows.iter().flat_map(|row| &row.tries).map(|one| one.1);
            day.core.1.unwrap_or_else(|| ends.fold(0.0, f64::max))
        };
        let to = self.halves.iter().map(|(_, day)| last(day)).fold(0.0, f64::max);
        (from, to + (to - from) * AFTER)
    }

    fn half_height(day: &Timeline) -> f64 {
        HEAD + day.rows.len() as f64 * ROW + GAP + MEMORY
    }

    fn bottom(&self) -> f64 {
        TOP + self.halves.iter().map(|(_, day)| Self::half_height(day) + GAP).sum::<f64>()
    }
}

impl Chart for TimelineChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (self.bottom() + 28.0) as u32)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        let (width, height) = self.size();
        canvas.fill((0.0, 0.0), (f64::from(width), f64::from(height)), Role::Paper, 1.0)?;
        let (from, to) = self.span();
        // Counted from the core's start.
        let zero = from + BEFORE_S;
        let x = Scale::new(from - zero, to - zero, LEFT, RIGHT);
        let ticks: Vec<(f64, String)> = x.second_ticks(7.0).into_iter().filter(|(at, _)| *at >= 0.0).collect();
        let mut top = TOP;
        for (heading, day) in &self.halves {
            let bottom = top + Self::half_height(day);
            for (at, _) in &ticks {
                canvas.line(&[(x.at(*at), top + HEAD), (x.at(*at), bottom)], Role::Grid, 1.0)?;
            }
            canvas.text((LEFT, top + HEAD / 2.0), heading, SMALL, Role::Ink, Align::Left)?;
            for (place, row) in day.rows.iter().enumerate() {
                let middle = top + HEAD + (place as f64 + 0.5) * ROW;
                draw_row(canvas, &x, zero, middle, row)?;
            }
            draw_memory(canvas, &x, zero, (bottom - MEMORY, bottom), day)?;
            if let Some(end) = day.core.1 {
                let at = x.at(end - zero);
                canvas.dashes((at, top + HEAD), (at, bottom), 4.0, Role::Ink, 1.5)?;
            }
            top = bottom + GAP;
        }
        let plot = Frame { left: LEFT, right: RIGHT, top: TOP, bottom: self.bottom() };
        plot.axes(canvas, (&x, &ticks), (&x, &[]))?;
        let entries = [
            (Swatch::Box(Role::Accent, 0.6, false), "ended well"),
            (Swatch::Box(Role::Worse, 0.9, false), "killed or failed"),
            (Swatch::Box(Role::Worse, 0.35, false), "memory above 90 %"),
        ];
        legend(canvas, (LEFT, 14.0), &entries)
    }
}

fn draw_row<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    x: &Scale,
    zero: f64,
    middle: f64,
    row: &TimelineRow,
) -> Drawn<DB> {
    let name = words::shorten(&words::visible(&row.name), NAME_CHARS);
    canvas.text((LEFT - 8.0, middle), &name, SMALL - 1.5, Role::Muted, Align::Right)?;
    // Those that came to nothing lie above the others.
    for well in [true, false] {
        for (from, to, _) in row.tries.iter().filter(|one| one.2 == well) {
            // One before or after the span would be drawn at its edge.
            let inside = x.holds(from - zero) || x.holds(to - zero) || (*from < zero && zero < *to);
            if !inside {
                continue;
            }
            let (start, end) = (x.at(from - zero), x.at(to - zero));
            let end = end.max(start + 1.5);
            let (role, alpha) = if well { (Role::Accent, 0.3) } else { (Role::Worse, 0.9) };
            let half = if well { 4.5 } else { 2.0 };
            canvas.fill((start, middle - half), (end, middle + half), role, alpha)?;
        }
    }
    Ok(())
}

fn draw_memory<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    x: &Scale,
    zero: f64,
    (top, bottom): (f64, f64),
    day: &Timeline,
) -> Drawn<DB> {
    let y = Scale::new(0.0, 1.0, bottom, top);
    canvas.text((LEFT - 8.0, (top + bottom) / 2.0), "memory in use", SMALL - 1.5, Role::Muted, Align::Right)?;
    canvas.line(&[(LEFT, y.at(CROWDED)), (RIGHT, y.at(CROWDED))], Role::Grid, 1.0)?;
    canvas.text((RIGHT + 2.0, y.at(CROWDED)), "90", SMALL - 3.0, Role::Muted, Align::Left)?;
    let ends = day.memory.iter().skip(1).map(|(at, _)| *at).chain([f64::INFINITY]);
    for ((from, share), to) in day.memory.iter().zip(ends) {
        let (start, end) = (x.at(from - zero), x.at((to - zero).min(1e12)));
        if end - start < 0.05 {
            continue;
        }
        let (role, alpha) = if *share > CROWDED { (Role::Worse, 0.55) } else { (Role::Accent, 0.45) };
        canvas.fill((start, y.at(*share)), (end, bottom), role, alpha)?;
    }
    canvas.line(&[(LEFT, bottom), (RIGHT, bottom)], Role::Muted, 1.0)
}
