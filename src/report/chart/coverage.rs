//! The coverage strip: runs a week, so that a hole in the history can be seen.

use super::{
    Chart,
    axis::Scale,
    canvas::{Canvas, Drawn, Role},
    frame::{Frame, Swatch, legend},
};
use crate::model::{TimeRange, Timestamp};
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 150;
const PLOT: Frame = Frame { left: 62.0, right: 744.0, top: 28.0, bottom: 122.0 };

/// Seconds in a week.
const WEEK: f64 = 7.0 * 86_400.0;

/// The chart.
pub(crate) struct CoverageChart<'a> {
    /// Monday and runs of the week that begins there.
    pub weeks: &'a [(Timestamp, u64)],
    /// The window that is judged.
    pub window: TimeRange,
}

impl Chart for CoverageChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let starts = self.weeks.iter().map(|week| week.0.seconds());
        let (from, to) = starts.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), s| (lo.min(s), hi.max(s)));
        let most = self.weeks.iter().map(|week| week.1).max().unwrap_or(0);
        let x = Scale::new(from, to + WEEK, PLOT.left, PLOT.right);
        let y = Scale::new(0.0, most.max(1) as f64 * 1.05, PLOT.bottom, PLOT.top);
        PLOT.axes(canvas, (&x, &x.time_ticks(7)), (&y, &y.count_ticks(3.0)))?;
        for (monday, runs) in self.weeks {
            let (left, right) = (x.at(monday.seconds()), x.at(monday.seconds() + WEEK));
            let gap = ((right - left) * 0.1).min(2.0);
            let judged = self.window.from < monday.plus_seconds(WEEK) && *monday < self.window.to;
            let role = if judged { Role::Accent } else { Role::Faint };
            let top = if *runs > 0 { y.at(*runs as f64).min(PLOT.bottom - 1.0) } else { PLOT.bottom };
            canvas.fill((left + gap, top), (right - gap, PLOT.bottom), role, 1.0)?;
        }
        let entries = [
            (Swatch::Box(Role::Accent, 1.0, false), "weeks of the window"),
            (Swatch::Box(Role::Faint, 1.0, false), "other weeks"),
        ];
        legend(canvas, (PLOT.left, 12.0), &entries)
    }
}
