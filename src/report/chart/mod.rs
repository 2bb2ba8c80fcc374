//! Charts: each is drawn by one function, once as SVG for the page and once as PNG to send.

mod axis;
mod canvas;
mod change;
mod coverage;
mod curve;
mod frame;
mod gantt;
mod hours;
mod overhead;
mod png;
mod speedup;
mod svg;
mod sweep;
mod timeline;
mod tornado;

pub(crate) use change::{ChangeChart, Mark};
pub(crate) use coverage::CoverageChart;
pub(crate) use curve::CurveChart;
pub(crate) use gantt::GanttChart;
pub(crate) use hours::HoursChart;
pub(crate) use overhead::OverheadChart;
pub(crate) use speedup::{Speedup, SpeedupChart};
pub(crate) use sweep::SweepChart;
pub(crate) use timeline::TimelineChart;
pub(crate) use tornado::TornadoChart;

use super::{Error, words};
use canvas::{Align, Canvas, Drawn, Role};
use plotters::{
    prelude::{BitMapBackend, DrawingBackend, IntoDrawingArea, SVGBackend},
    style::{FontStyle, register_font},
};

/// Roboto, Apache License 2.0, unchanged; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");

/// Units of the SVG's coordinate system in one CSS pixel. plotters knows whole numbers only: two are half pixels.
const SVG_SCALE: u32 = 2;

/// Pixels of the PNG in one CSS pixel.
const PNG_SCALE: u32 = 2;

/// Share of its size by which a text of the PNG is moved down.
const PNG_TEXT_DROP: f64 = 0.1;

/// Pixels drawn for one pixel of the PNG in each direction: averaging them smooths what plotters draws with hard edges.
const OVERSAMPLING: u32 = 2;

/// Height of the title above a PNG, which stands alone where it is sent; on the page a heading stands above it.
const PNG_TITLE: u32 = 34;

/// Characters of a title that fit.
const PNG_TITLE_CHARS: usize = 92;

/// Whether a change is bad or good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Slower, more failures.
    Worse,
    /// Faster, fewer failures.
    Better,
    /// Neither.
    Neutral,
}

/// Something that can be drawn. Sizes and places are in CSS pixels.
pub(crate) trait Chart {
    /// Width and height.
    fn size(&self) -> (u32, u32);

    /// Draws it.
    fn paint<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Drawn<DB>;
}

/// What a chart is called, for those who cannot see it and in errors.
pub(crate) struct Label<'a> {
    /// Unique in the page; made of `[A-Za-z0-9._-]`.
    pub id: &'a str,
    /// Short name.
    pub title: &'a str,
    /// What the picture shows, in one or two sentences.
    pub desc: &'a str,
}

/// Makes the font known to plotters.
pub(crate) fn load_font() -> Result<(), Error> {
    register_font(canvas::FAMILY, FontStyle::Normal, FONT).map_err(|_| Error::Font)
}

/// Draws `chart` as SVG to be placed in HTML: colours are CSS variables, text is text.
pub(crate) fn to_svg(chart: &impl Chart, label: &Label<'_>) -> Result<String, Error> {
    let (width, height) = chart.size();
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (width * SVG_SCALE, height * SVG_SCALE)).into_drawing_area();
        chart.paint(&Canvas::new(&area, SVG_SCALE, 0.0)).map_err(|e| failed(label, &e))?;
        area.present().map_err(|e| failed(label, &e))?;
    }
    Ok(svg::compact(&drawn, (width, height), SVG_SCALE, label))
}

/// Draws `chart` as PNG in the colours of the light theme.
pub(crate) fn to_png(chart: &impl Chart, label: &Label<'_>) -> Result<Vec<u8>, Error> {
    let (width, height) = chart.size();
    let scale = PNG_SCALE * OVERSAMPLING;
    let (wide, high) = (width * scale, (height + PNG_TITLE) * scale);
    let mut pixels = vec![255_u8; wide as usize * high as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (wide, high)).into_drawing_area();
        let (title, plot) = area.split_vertically(PNG_TITLE * scale);
        let write = |canvas: &Canvas<'_, BitMapBackend<'_>>| {
            let text = words::shorten(label.title, PNG_TITLE_CHARS);
            canvas.text((16.0, f64::from(PNG_TITLE) / 2.0 + 2.0), &text, 15.0, Role::Ink, Align::Left)
        };
        write(&Canvas::new(&title, scale, PNG_TEXT_DROP)).map_err(|e| failed(label, &e))?;
        chart.paint(&Canvas::new(&plot, scale, PNG_TEXT_DROP)).map_err(|e| failed(label, &e))?;
        area.present().map_err(|e| failed(label, &e))?;
    }
    let small = png::shrink(&pixels, wide as usize, OVERSAMPLING as usize);
    png::encode(&small, width * PNG_SCALE, (height + PNG_TITLE) * PNG_SCALE).map_err(Error::Png)
}

/// An error that names the chart.
fn failed(label: &Label<'_>, reason: &impl std::fmt::Display) -> Error {
    Error::Draw { chart: words::shorten(label.title, 80), reason: reason.to_string() }
}
