//! Ratios with their intervals, one under the other, on a logarithmic axis: left of one is slower.

use super::{
    Chart, Tone,
    canvas::{Align, Canvas, Drawn, Role},
    frame::SMALL,
};
use crate::report::words;
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const ROW: f64 = 26.0;
const TOP: f64 = 12.0;
const LEFT: f64 = 330.0;
const RIGHT: f64 = 700.0;
/// Characters of a name that fit.
const NAME: usize = 52;
/// Least and most that the axis shows.
const ENDS: (f64, f64) = (1e-4, 1e4);
/// Marks of the axis, those first that matter most: one, powers of ten, then what lies between.
const TICKS: [f64; 27] = [
    1.0, 0.1, 10.0, 0.01, 100.0, 0.001, 1000.0, 0.0001, 10_000.0, 2.0, 0.5, 5.0, 0.2, 20.0, 0.05, 50.0, 0.02, 200.0,
    0.005, 500.0, 0.002, 2000.0, 0.0005, 5000.0, 0.0002, 1.25, 0.8,
];
/// Room below the rows.
const BELOW: f64 = 52.0;

/// One ratio.
pub(crate) struct Speedup {
    /// What it is of.
    pub name: String,
    /// Best guess and interval; all above 0.
    pub point: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// The best guess in words.
    pub told: String,
    /// Good news or bad.
    pub tone: Tone,
}

/// The chart.
pub(crate) struct SpeedupChart<'a> {
    /// Ratios, from above.
    pub rows: &'a [Speedup],
    /// What the axis is of.
    pub axis: &'a str,
}

impl Chart for SpeedupChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, (TOP + self.rows.len() as f64 * ROW + BELOW) as u32)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        let bottom = TOP + self.rows.len() as f64 * ROW;
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), bottom + BELOW), Role::Paper, 1.0)?;
        let usable = |value: &f64| value.is_finite() && *value > 0.0;
        let ends = || self.rows.iter().flat_map(|row| [row.lower, row.upper, row.point]).filter(usable);
        let (low, high) = (ends().fold(0.8, f64::min).max(ENDS.0), ends().fold(1.25, f64::max).min(ENDS.1));
        let (low, high) = (low.ln() - 0.05, high.ln() + 0.05);
        let at = |value: f64| LEFT + ((value.max(1e-9).ln() - low) / (high - low)).clamp(0.0, 1.0) * (RIGHT - LEFT);
        // Others where there is room.
        let mut taken: Vec<f64> = Vec::new();
        for tick in TICKS.into_iter().filter(|tick| (low..=high).contains(&tick.ln())) {
            let x = at(tick);
            if taken.iter().any(|other| (x - other).abs() < 38.0) {
                continue;
            }
            taken.push(x);
            let role = if tick == 1.0 { Role::Muted } else { Role::Grid };
            canvas.line(&[(x, TOP - 4.0), (x, bottom + 4.0)], role, 1.0)?;
            canvas.text((x, bottom + 16.0), &format!("×{tick}"), SMALL, Role::Muted, Align::Middle)?;
        }
        canvas.text((RIGHT, bottom + 36.0), self.axis, SMALL, Role::Muted, Align::Right)?;
        for (place, row) in self.rows.iter().enumerate() {
            let y = TOP + (place as f64 + 0.5) * ROW;
            let role = match row.tone {
                Tone::Better => Role::Better,
                Tone::Worse => Role::Worse,
                Tone::Neutral => Role::Faint,
            };
            canvas.text((LEFT - 14.0, y), &words::shorten(&row.name, NAME), SMALL, Role::Ink, Align::Right)?;
            canvas.line(&[(at(row.lower), y), (at(row.upper), y)], role, 3.0)?;
            canvas.dots(&[(at(row.point), y)], 4.5, role, 1.0)?;
            canvas.text((RIGHT + 8.0, y), &format!("×{}", row.told), SMALL, Role::Ink, Align::Left)?;
        }
        Ok(())
    }
}
