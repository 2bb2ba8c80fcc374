//! The overhead common to all tasks over wall-clock time.

use super::{
    Chart,
    axis::Scale,
    canvas::{Canvas, Drawn, Place, Role},
    frame::Frame,
};
use crate::model::Timestamp;
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 200;
const PLOT: Frame = Frame { left: 62.0, right: 744.0, top: 14.0, bottom: 170.0 };

/// A gap this many times as long as the usual one interrupts the line.
const GAP: f64 = 12.0;

/// The chart; points as in the coverage: time, seconds, tasks.
pub(crate) struct OverheadChart<'a> {
    /// Points, oldest first.
    pub points: &'a [(Timestamp, f64, u32)],
}

impl Chart for OverheadChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let points: Vec<(f64, f64)> =
            self.points.iter().filter(|p| p.1.is_finite()).map(|p| (p.0.seconds(), p.1)).collect();
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
        };
        let (from, to) = bounds(&mut points.iter().map(|p| p.0));
        let (low, high) = bounds(&mut points.iter().map(|p| p.1));
        let x = Scale::new(from, to, PLOT.left, PLOT.right);
        let y = Scale::new(low.min(0.0), high * 1.08, PLOT.bottom, PLOT.top);
        PLOT.axes(canvas, (&x, &x.time_ticks(7)), (&y, &y.second_ticks(4.0)))?;
        for piece in pieces(&points) {
            let places: Vec<Place> = piece.iter().map(|p| (x.at(p.0), y.at(p.1))).collect();
            if places.len() > 1 {
                canvas.line(&places, Role::Accent, 1.5)?;
            }
            canvas.dots(&places, 1.5, Role::Accent, 0.9)?;
        }
        Ok(())
    }
}

/// Stretches without a long gap.
fn pieces(points: &[(f64, f64)]) -> Vec<&[(f64, f64)]> {
    let mut gaps: Vec<f64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
    points.chunk_by(|a, b| b.0 - a.0 <= usual * GAP).collect()
}
