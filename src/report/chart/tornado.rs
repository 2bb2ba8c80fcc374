//! What each input moves a result by, widest first: bars from its low to its high end, zero and the best guess marked.

use super::{
    Chart,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Role},
    frame::SMALL,
};
use crate::report::words;
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const ROW: f64 = 26.0;
const TOP: f64 = 12.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 735.0;
/// Height of a bar.
const BAR: f64 = 14.0;
/// Characters of a name that fit.
const NAME: usize = 36;
/// Marks of the axis, about.
const TICKS: f64 = 5.0;

/// The chart.
pub(crate) struct TornadoChart<'a> {
    /// Name of each input, and the result at its low and its high end.
    pub rows: &'a [(String, f64, f64)],
    /// The result where all inputs are at their centres.
    pub centre: f64,
}

impl Chart for TornadoChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (TOP + self.rows.len() as f64 * ROW + 34.0) as u32)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        let bottom = TOP + self.rows.len() as f64 * ROW;
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), bottom + 34.0), Role::Paper, 1.0)?;
        let ends =
            || self.rows.iter().flat_map(|row| [row.1, row.2]).chain([0.0, self.centre]).filter(|v| v.is_finite());
        let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
        let room = 0.03 * (high - low);
        let x = Scale::new(low - room, high + room, LEFT, RIGHT);
        for (value, label) in x.count_ticks(TICKS) {
            let at = x.at(value);
            let role = if value == 0.0 { Role::Muted } else { Role::Grid };
            canvas.line(&[(at, TOP - 4.0), (at, bottom + 4.0)], role, 1.0)?;
            let half = Canvas::<DB>::width(&label, SMALL) / 2.0;
            let middle = at.clamp(LEFT, f64::from(WIDTH) - half - 2.0);
            canvas.text((middle, bottom + 16.0), &label, SMALL, Role::Muted, Align::Middle)?;
        }
        let bars = self.rows.iter().enumerate().filter(|(_, row)| row.1.is_finite() && row.2.is_finite());
        for (place, (name, at_low, at_high)) in bars {
            let y = TOP + (place as f64 + 0.5) * ROW;
            canvas.text((LEFT - 14.0, y), &words::shorten(name, NAME), SMALL, Role::Ink, Align::Right)?;
            let (from, to) = (at_low.min(*at_high), at_low.max(*at_high));
            // What loses money and what earns it are apart, also within a bar.
            let zero = x.at(0.0_f64.clamp(from, to));
            canvas.fill((x.at(from), y - BAR / 2.0), (zero, y + BAR / 2.0), Role::Worse, 0.8)?;
            canvas.fill((zero, y - BAR / 2.0), (x.at(to), y + BAR / 2.0), Role::Better, 0.8)?;
        }
        let centre = x.at(self.centre);
        canvas.dashes((centre, TOP - 4.0), (centre, bottom + 4.0), 4.0, Role::Ink, 1.0)?;
        Ok(())
    }
}
