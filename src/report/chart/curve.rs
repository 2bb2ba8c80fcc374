//! A limit against the makespan that it gives, and the knee.

use super::{
    Chart,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Role},
    frame::{Frame, SMALL},
};
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 230;
const PLOT: Frame = Frame { left: 84.0, right: 736.0, top: 16.0, bottom: 196.0 };

/// The chart.
pub(crate) struct CurveChart<'a> {
    /// Values and seconds, by value.
    pub points: &'a [(f64, f64)],
    /// Place of the knee among them.
    pub knee: Option<usize>,
    /// Seconds as things are.
    pub now: Option<f64>,
}

impl Chart for CurveChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let most = self.points.iter().map(|(_, seconds)| *seconds).chain(self.now).fold(0.0, f64::max);
        let (first, last) = (self.points.first().map_or(0.0, |p| p.0), self.points.last().map_or(1.0, |p| p.0));
        let x = Scale::new(first, last, PLOT.left + 8.0, PLOT.right - 8.0);
        let y = Scale::new(0.0, most * 1.1, PLOT.bottom, PLOT.top);
        PLOT.axes(canvas, (&x, &x.count_ticks(8.0)), (&y, &y.second_ticks(4.0)))?;
        if let Some(now) = self.now {
            canvas.dashes((PLOT.left, y.at(now)), (PLOT.right, y.at(now)), 4.0, Role::Muted, 1.0)?;
            canvas.text((PLOT.right, y.at(now) - 9.0), "as it is", SMALL, Role::Muted, Align::Right)?;
        }
        let places: Vec<(f64, f64)> = self.points.iter().map(|(value, s)| (x.at(*value), y.at(*s))).collect();
        if places.len() > 1 {
            canvas.line(&places, Role::Accent, 1.5)?;
        }
        canvas.dots(&places, 3.5, Role::Accent, 1.0)?;
        if let Some(place) = self.knee.and_then(|knee| places.get(knee)) {
            canvas.dots(&[*place], 6.0, Role::Better, 1.0)?;
            canvas.text((place.0, place.1 + 16.0), "knee", SMALL, Role::Ink, Align::Middle)?;
        }
        Ok(())
    }
}
