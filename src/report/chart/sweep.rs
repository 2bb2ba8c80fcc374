//! Throughput by batch size, on a logarithmic axis of sizes, and the search beside it.

use super::{
    Chart,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Role},
    frame::{Frame, SMALL},
};
use crate::report::words;
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 222;
const PLOT: Frame = Frame { left: 70.0, right: 640.0, top: 14.0, bottom: 176.0 };
/// Steps of the axis of throughput.
const STEPS: f64 = 4.0;

/// The chart.
pub(crate) struct SweepChart<'a> {
    /// Sizes and items a second, by size.
    pub points: &'a [(usize, f64)],
    /// Items a second of the search.
    pub search: Option<f64>,
}

impl Chart for SweepChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let logs: Vec<f64> = self.points.iter().map(|(size, _)| (*size as f64).max(1.0).ln()).collect();
        let most = self.points.iter().map(|(_, rate)| *rate).chain(self.search).fold(0.0, f64::max);
        let x = Scale::new(
            logs.first().copied().unwrap_or(0.0),
            logs.last().copied().unwrap_or(1.0),
            PLOT.left + 8.0,
            PLOT.right,
        );
        let y = Scale::new(0.0, most * 1.08, PLOT.bottom, PLOT.top);
        // Round sizes first: where there is no room for all, others go without.
        let mut ticks: Vec<(f64, String)> = Vec::new();
        let round = |size: usize| size.to_string().trim_end_matches('0').len() == 1;
        for round_ones in [true, false] {
            for ((size, _), log) in self.points.iter().zip(&logs).filter(|((size, _), _)| round(*size) == round_ones) {
                if ticks.iter().all(|(other, _)| (x.at(*other) - x.at(*log)).abs() > 36.0) {
                    ticks.push((*log, words::count(*size as u64)));
                }
            }
        }
        let step = round_step(most / STEPS);
        let rates: Vec<(f64, String)> = (0..=6)
            .map(|i| f64::from(i) * step)
            .take_while(|rate| *rate <= most * 1.08)
            .map(|rate| (rate, short(rate)))
            .collect();
        PLOT.axes(canvas, (&x, &ticks), (&y, &rates))?;
        canvas.text((PLOT.right, PLOT.bottom + 32.0), "records in a batch", SMALL, Role::Muted, Align::Right)?;
        let places: Vec<(f64, f64)> =
            self.points.iter().zip(&logs).map(|((_, rate), log)| (x.at(*log), y.at(*rate))).collect();
        if places.len() > 1 {
            canvas.line(&places, Role::Faint, 1.5)?;
        }
        canvas.dots(&places, 4.0, Role::Faint, 1.0)?;
        if let Some(rate) = self.search {
            let at = y.at(rate);
            canvas.dashes((PLOT.left, at), (PLOT.right, at), 4.0, Role::Accent, 2.0)?;
            canvas.text((PLOT.right + 8.0, at), "the search", SMALL, Role::Accent, Align::Left)?;
        }
        Ok(())
    }
}

/// One, two or five times a power of ten, no less than `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= least).unwrap_or(least)
}
fn short(rate: f64) -> String {
    match rate {
        rate if rate >= 1e6 => format!("{}M/s", words::number(rate / 1e6)),
        rate if rate >= 1e3 => format!("{}k/s", words::number(rate / 1e3)),
        rate => format!("{}/s", words::number(rate)),
    }
}
