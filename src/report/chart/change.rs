//! The chart of a change: points, the level of each regime with its interval, and where the change is.

use super::{
    Chart, Tone,
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Place, Role},
    frame::{Frame, SMALL, Swatch, legend},
};
use crate::{
    analysis::{Point, Regime, SeriesView},
    model::{TimeRange, Timestamp},
};
use plotters::prelude::DrawingBackend;

const WIDTH: u32 = 760;
const HEIGHT: u32 = 280;
const PLOT: Frame = Frame { left: 62.0, right: 744.0, top: 52.0, bottom: 250.0 };

/// Shares of the adjusted and of the recorded values that the vertical axis covers at least; what lies above is drawn
/// at the upper edge, and counted.
const COVER: (f64, f64) = (0.98, 0.9);

/// A change to be marked.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    /// First run of the new regime.
    pub at: Timestamp,
    /// Interval of the change.
    pub low: Timestamp,
    /// Its end.
    pub high: Timestamp,
    /// Words beside it.
    pub label: String,
    /// Is it bad or good?
    pub tone: Tone,
}

/// The chart of a series with its changes.
#[derive(Clone, Debug)]
pub(crate) struct ChangeChart<'a> {
    /// The series.
    pub series: &'a SeriesView,
    /// The change, where there is one.
    pub mark: Option<Mark>,
    /// The window that is judged.
    pub window: TimeRange,
}

impl Chart for ChangeChart<'_> {
    fn size(&self) -> (u32, u32) {
        (WIDTH, HEIGHT)
    }

    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB> {
        canvas.fill((0.0, 0.0), (f64::from(WIDTH), f64::from(HEIGHT)), Role::Paper, 1.0)?;
        let (x, y) = self.scales();
        self.window_tint(canvas, &x)?;
        let y_ticks = if self.is_rate() { y.percent_ticks(4.0) } else { y.second_ticks(5.0) };
        PLOT.axes(canvas, (&x, &x.time_ticks(7)), (&y, &y_ticks))?;
        self.mark_band(canvas, &x)?;
        self.points(canvas, &x, &y)?;
        self.regimes(canvas, &x, &y)?;
        self.mark_line(canvas, &x)?;
        self.legend(canvas, &x, &y)
    }
}

impl ChangeChart<'_> {
    fn is_rate(&self) -> bool {
        self.series.key.quantity.is_rate()
    }

    /// Are there recorded values that differ from the adjusted ones?
    fn has_raw(&self) -> bool {
        self.series.points.iter().any(|p| p.raw.is_finite() && p.raw != p.adjusted)
    }

    fn scales(&self) -> (Scale, Scale) {
        let times = self.series.points.iter().map(|p| p.at.seconds());
        let (from, to) = times.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), t| (lo.min(t), hi.max(t)));
        let pad = (to - from) * 0.015;
        let x = Scale::new(from - pad, to + pad, PLOT.left, PLOT.right);
        let (low, high) = if self.is_rate() { (-0.06, 1.06) } else { self.value_range() };
        (x, Scale::new(low, high, PLOT.bottom, PLOT.top))
    }

    fn value_range(&self) -> (f64, f64) {
        let adjusted = sorted(self.series.points.iter().map(|p| p.adjusted));
        let raw = sorted(self.series.points.iter().map(|p| p.raw));
        let levels = self.series.regimes.iter().flat_map(|r| [r.level.lower, r.level.point, r.level.upper]);
        let wanted = sorted(levels.chain([share(&adjusted, COVER.0), share(&raw, COVER.1)]));
        let lowest = adjusted.first().into_iter().chain(raw.first()).chain(wanted.first()).copied();
        let low = lowest.fold(f64::INFINITY, f64::min);
        let high = wanted.last().copied().unwrap_or(1.0);
        let low = if low >= 0.0 && low <= 0.6 * high { 0.0 } else { low - 0.05 * (high - low) };
        (low, high + 0.08 * (high - low))
    }

    fn window_tint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale) -> Drawn<DB> {
        let (from, to) = (x.at(self.window.from.seconds()), x.at(self.window.to.seconds()));
        if to - from < 1.0 {
            return Ok(());
        }
        canvas.fill((from, PLOT.top), (to, PLOT.bottom), Role::Window, 0.12)
    }

    fn mark_band<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale) -> Drawn<DB> {
        let Some(mark) = &self.mark else { return Ok(()) };
        let (from, to) = (x.at(mark.low.seconds()), x.at(mark.high.seconds()));
        canvas.fill((from.min(to - 2.0), PLOT.top), (to, PLOT.bottom), role(mark.tone), 0.14)
    }

    fn mark_line<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale) -> Drawn<DB> {
        let Some(mark) = &self.mark else { return Ok(()) };
        let at = x.at(mark.at.seconds());
        canvas.dashes((at, PLOT.top - 6.0), (at, PLOT.bottom), 3.0, role(mark.tone), 1.5)?;
        let half = Canvas::<DB>::width(&mark.label, 13.0) / 2.0;
        let centre = at.clamp(PLOT.left + half, PLOT.right - half);
        canvas.text((centre, PLOT.top - 14.0), &mark.label, 13.0, Role::Ink, Align::Middle)
    }

    fn points<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale, y: &Scale) -> Drawn<DB> {
        let places = |value: fn(&Point) -> f64| -> Vec<Place> {
            let finite = self.series.points.iter().filter(|p| value(p).is_finite());
            finite.map(|p| (x.at(p.at.seconds()), y.at(value(p)))).collect()
        };
        if self.has_raw() {
            canvas.dots(&places(|p| p.raw), 2.0, Role::Faint, 0.6)?;
        }
        let alpha = if self.is_rate() { 0.45 } else { 0.75 };
        canvas.dots(&places(|p| p.adjusted), 2.5, Role::Accent, alpha)
    }

    fn regimes<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale, y: &Scale) -> Drawn<DB> {
        let mut before: Option<Place> = None;
        for regime in self.series.regimes.iter().filter(|r| r.level.point.is_finite()) {
            let (from, to) = (x.at(regime.range.from.seconds()), x.at(regime.range.to.seconds()));
            let (level, role) = (y.at(regime.level.point), self.regime_role(regime));
            if regime.level.lower.is_finite() && regime.level.upper.is_finite() {
                canvas.fill((from, y.at(regime.level.upper)), (to, y.at(regime.level.lower)), role, 0.18)?;
            }
            if let Some(end) = before {
                canvas.line(&[end, (from, end.1), (from, level)], Role::Muted, 1.0)?;
            }
            canvas.line(&[(from, level), (to, level)], role, 2.5)?;
            before = Some((to, level));
        }
        Ok(())
    }

    fn regime_role(&self, regime: &Regime) -> Role {
        match &self.mark {
            Some(mark) if regime.range.from >= mark.at => role(mark.tone),
            _ => Role::Ink,
        }
    }

    fn legend<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, x: &Scale, y: &Scale) -> Drawn<DB> {
        let mut entries = vec![(Swatch::Dot(Role::Accent, 0.9), if self.is_rate() { "runs" } else { "adjusted" })];
        if self.has_raw() {
            entries.push((Swatch::Dot(Role::Faint, 0.9), "as recorded"));
        }
        entries.push((Swatch::Band(Role::Ink), "level, 95 % interval"));
        if let Some(mark) = &self.mark {
            entries.push((Swatch::Change(role(mark.tone)), "interval of the change"));
        }
        if x.holds(self.window.from.seconds()) || x.holds(self.window.to.seconds()) {
            entries.push((Swatch::Box(Role::Window, 0.25, false), "window"));
        }
        legend(canvas, (PLOT.left, 14.0), &entries)?;
        let above = self.series.points.iter().flat_map(|p| [p.raw, p.adjusted]);
        let above = above.filter(|v| v.is_finite() && !y.holds(*v)).count();
        match above {
            0 => Ok(()),
            n => canvas.text((PLOT.right, 14.0), &format!("{n} above the edge"), SMALL, Role::Muted, Align::Right),
        }
    }
}

fn role(tone: Tone) -> Role {
    match tone {
        Tone::Worse => Role::Worse,
        Tone::Better => Role::Better,
        Tone::Neutral => Role::Accent,
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value that the given share of `sorted` values does not exceed; NaN where there is none.
fn share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).ceil() as usize).copied().unwrap_or(f64::NAN)
}
