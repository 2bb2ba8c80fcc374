//! Hours of a week, each as dark as what was waited in it.

use super::{
    Chart,
    canvas::{Align, Canvas, Drawn, Role},
    frame::SMALL,
};
use crate::report::words;
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 222;
/// Of the first cell: left, top; and what a cell takes.
const ORIGIN: (f64, f64) = (52.0, 26.0);
const CELL: (f64, f64) = (28.5, 24.0);
const GAP: f64 = 1.5;
const HOURS: usize = 24;
/// Opacity of the hour with least above nothing.
const FAINTEST: f64 = 0.12;

/// The chart.
pub(crate) struct HoursChart<'a> {
    /// Seconds by hour of the week, from Monday 00:00.
    pub seconds: &'a [f64],
}

impl Chart for HoursChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let most = self.seconds.iter().copied().fold(0.0, f64::max);
        for hour in (0..HOURS).step_by(6) {
            let middle = ORIGIN.0 + (hour as f64 + 0.5) * CELL.0;
            canvas.text((middle, ORIGIN.1 - 12.0), &format!("{hour:02}:00"), SMALL, Role::Muted, Align::Middle)?;
        }
        for (day, (name, hours)) in words::DAYS.iter().zip(self.seconds.chunks(HOURS)).enumerate() {
            let top = ORIGIN.1 + day as f64 * CELL.1;
            canvas.text((ORIGIN.0 - 8.0, top + CELL.1 / 2.0), name, SMALL, Role::Muted, Align::Right)?;
            for (hour, seconds) in hours.iter().enumerate() {
                let left = ORIGIN.0 + hour as f64 * CELL.0;
                let cell = ((left + GAP, top + GAP), (left + CELL.0 - GAP, top + CELL.1 - GAP));
                canvas.fill(cell.0, cell.1, Role::Grid, 1.0)?;
                if *seconds > 0.0 && most > 0.0 {
                    let opacity = FAINTEST + (1.0 - FAINTEST) * (seconds / most).min(1.0);
                    canvas.fill(cell.0, cell.1, Role::Accent, opacity)?;
                }
            }
        }
        let strongest = format!("strongest: {}", words::seconds(most));
        let right = ORIGIN.0 + HOURS as f64 * CELL.0;
        canvas.text((right, ORIGIN.1 + 7.0 * CELL.1 + 14.0), &strongest, SMALL, Role::Muted, Align::Right)
    }
}
