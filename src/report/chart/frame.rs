//! What charts share: the plot's place, its axes and its legend.

use super::{
    axis::Scale,
    canvas::{Align, Canvas, Drawn, Place, Role},
};
use plotters::prelude::DrawingBackend;

/// Size of the text on axes and legends, in CSS pixels.
pub(crate) const SMALL: f64 = 11.5;

/// The plot's place in the chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Left edge.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Frame {
    /// Paper behind the whole chart, horizontal grid lines with their labels, the lower axis with its ticks.
    pub(crate) fn axes<DB: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, DB>,
        (x, x_ticks): (&Scale, &[(f64, String)]),
        (y, y_ticks): (&Scale, &[(f64, String)]),
    ) -> Drawn<DB> {
        for (value, label) in y_ticks {
            let at = y.at(*value);
            canvas.line(&[(self.left, at), (self.right, at)], Role::Grid, 1.0)?;
            canvas.text((self.left - 8.0, at), label, SMALL, Role::Muted, Align::Right)?;
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], Role::Muted, 1.0)?;
        for (instant, label) in x_ticks {
            let at = x.at(*instant);
            let half = Canvas::<DB>::width(label, SMALL) / 2.0;
            canvas.line(&[(at, self.bottom), (at, self.bottom + 4.0)], Role::Muted, 1.0)?;
            let place = (at.clamp(half, self.right + 12.0 - half), self.bottom + 15.0);
            canvas.text(place, label, SMALL, Role::Muted, Align::Middle)?;
        }
        Ok(())
    }
}

/// A reader's own font may be wider than the one that is measured.
const WIDER: f64 = 1.12;

/// How a legend's entry looks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Swatch {
    /// A dot.
    Dot(Role, f64),
    /// A line in a band.
    Band(Role),
    /// A tinted box with a dashed line.
    Change(Role),
    /// A box, with a thick frame or none.
    Box(Role, f64, bool),
    /// A hatched box.
    Hatch(Role),
    /// A dotted box.
    Dotted(Role),
}

/// Draws a legend from `at` to the right.
pub(crate) fn legend<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, at: Place, entries: &[(Swatch, &str)]) -> Drawn<DB> {
    let (mut x, y) = at;
    for (swatch, label) in entries {
        let (from, to) = ((x, y - 5.0), (x + 16.0, y + 5.0));
        match *swatch {
            Swatch::Dot(role, alpha) => canvas.dots(&[(x + 8.0, y)], 3.0, role, alpha)?,
            Swatch::Band(role) => {
                canvas.fill(from, to, role, 0.18)?;
                canvas.line(&[(x, y), (x + 16.0, y)], role, 2.0)?;
            }
            Swatch::Change(role) => {
                canvas.fill(from, to, role, 0.14)?;
                canvas.dashes((x + 8.0, y - 6.0), (x + 8.0, y + 6.0), 2.0, role, 1.5)?;
            }
            Swatch::Box(role, alpha, thick) => {
                canvas.fill(from, to, role, alpha)?;
                if thick {
                    canvas.frame(from, to, Role::Ink, 2.0, None)?;
                }
            }
            Swatch::Hatch(role) => {
                canvas.hatch(from, to, role)?;
                canvas.frame(from, to, role, 1.0, None)?;
            }
            Swatch::Dotted(role) => {
                canvas.fill(from, to, role, 0.35)?;
                canvas.frame(from, to, Role::Ink, 1.5, Some(2.0))?;
            }
        }
        canvas.text((x + 21.0, y), label, SMALL, Role::Muted, Align::Left)?;
        x += 21.0 + Canvas::<DB>::width(label, SMALL) * WIDER + 14.0;
    }
    Ok(())
}
