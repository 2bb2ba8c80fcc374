//! A thin layer over plotters: places in CSS pixels, colours by the part they play.

use plotters::{
    coord::Shift,
    drawing::DrawingAreaErrorKind,
    element::{Circle, PathElement, Rectangle, Text},
    prelude::{DrawingArea, DrawingBackend},
    style::{
        Color, IntoFont, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

/// Name under which the font is registered.
pub(crate) const FAMILY: &str = "windtunnel";

/// plotters divides a font size by this to get CSS pixels.
const FONT_FACTOR: f64 = 1.24;

/// Places beyond this many pixels are drawn at it: far outside of every chart, and no overflow.
const FAR: f64 = 5000.0;

/// What a drawing step returns.
pub(crate) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A place: x to the right, y down.
pub(crate) type Place = (f64, f64);

/// The part that a colour plays. Each has a colour of its own, by which the SVG's colours become CSS variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Behind everything.
    Paper,
    /// Text and axes.
    Ink,
    /// Text of less weight.
    Muted,
    /// Grid lines.
    Grid,
    /// Measured points.
    Accent,
    /// Measured points as recorded, and bars that do not matter.
    Faint,
    /// Bad news.
    Worse,
    /// Good news.
    Better,
    /// The window that is judged.
    Window,
}

impl Role {
    /// Every part.
    pub(crate) const ALL: [Self; 9] = [
        Self::Paper,
        Self::Ink,
        Self::Muted,
        Self::Grid,
        Self::Accent,
        Self::Faint,
        Self::Worse,
        Self::Better,
        Self::Window,
    ];

    /// Its colour in the light theme: Okabe and Ito's palette, with greys between.
    pub(crate) fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Paper => (0xff, 0xff, 0xff),
            Self::Ink => (0x17, 0x22, 0x2d),
            Self::Muted => (0x52, 0x60, 0x6d),
            Self::Grid => (0xe1, 0xe6, 0xea),
            Self::Accent => (0x00, 0x72, 0xb2),
            Self::Faint => (0x9a, 0xa6, 0xb1),
            Self::Worse => (0xd5, 0x5e, 0x00),
            Self::Better => (0x00, 0x9e, 0x73),
            Self::Window => (0x56, 0xb4, 0xe9),
        }
    }

    /// Name of its CSS variable.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Paper => "--paper",
            Self::Ink => "--ink",
            Self::Muted => "--muted",
            Self::Grid => "--grid",
            Self::Accent => "--accent",
            Self::Faint => "--faint",
            Self::Worse => "--worse",
            Self::Better => "--better",
            Self::Window => "--window",
        }
    }
}

/// Where a text stands relative to its place; it is centred vertically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// It begins there.
    Left,
    /// It is centred there.
    Middle,
    /// It ends there.
    Right,
}

/// Where a chart is drawn.
pub(crate) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    drop: f64,
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    /// A canvas on `area` with `scale` of its units in a CSS pixel. Text is moved down by `drop` of its size: plotters
    /// centres the box of a bitmap's letters, with room for accents, and the eye centres the letters.
    pub(crate) fn new(area: &'a DrawingArea<DB, Shift>, scale: u32, drop: f64) -> Self {
        Self { area, scale: f64::from(scale), drop }
    }

    /// Width of a text of `size` CSS pixels, the same on every backend.
    pub(crate) fn width(text: &str, size: f64) -> f64 {
        let font = (FAMILY, size * FONT_FACTOR * 10.0).into_font();
        let tenths =
            font.box_size(text).map_or(text.chars().count() as f64 * size * 5.3, |(width, _)| f64::from(width));
        tenths / 10.0
    }

    /// A line through `places`.
    pub(crate) fn line(&self, places: &[Place], role: Role, width: f64) -> Drawn<DB> {
        let path: Vec<_> = places.iter().map(|p| self.at(*p)).collect();
        self.area.draw(&PathElement::new(path, self.stroke(role, 1.0, width)))
    }

    /// A straight line of dashes and gaps of equal length.
    pub(crate) fn dashes(&self, from: Place, to: Place, dash: f64, role: Role, width: f64) -> Drawn<DB> {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = ((dx.hypot(dy) / dash / 2.0).clamp(1.0, 400.0)).round();
        for step in 0..steps as u32 {
            let (a, b) = (f64::from(step) / steps, (f64::from(step) + 0.5) / steps);
            self.line(&[(from.0 + a * dx, from.1 + a * dy), (from.0 + b * dx, from.1 + b * dy)], role, width)?;
        }
        Ok(())
    }

    /// A filled rectangle between two corners.
    pub(crate) fn fill(&self, from: Place, to: Place, role: Role, alpha: f64) -> Drawn<DB> {
        self.area.draw(&Rectangle::new([self.at(from), self.at(to)], color(role).mix(alpha).filled()))
    }

    /// The edges of a rectangle; dotted where `dash` says so.
    pub(crate) fn frame(&self, from: Place, to: Place, role: Role, width: f64, dash: Option<f64>) -> Drawn<DB> {
        let corners = [from, (to.0, from.1), to, (from.0, to.1), from];
        match dash {
            None => self.line(&corners, role, width),
            Some(dash) => corners.windows(2).try_for_each(|edge| self.dashes(edge[0], edge[1], dash, role, width)),
        }
    }

    /// Slanted lines that fill a rectangle.
    pub(crate) fn hatch(&self, from: Place, to: Place, role: Role) -> Drawn<DB> {
        let (step, height) = (4.0, to.1 - from.1);
        let lines = ((to.0 - from.0 + height) / step).clamp(0.0, 400.0) as u32;
        for i in 1..=lines {
            let x = from.0 + f64::from(i) * step;
            let upper = (x.min(to.0), from.1 + (x - to.0).max(0.0));
            let lower = ((x - height).max(from.0), to.1 - (from.0 - (x - height)).max(0.0));
            if upper.1 < to.1 && lower.0 < upper.0 {
                self.line(&[upper, lower], role, 1.0)?;
            }
        }
        Ok(())
    }

    /// Filled dots.
    pub(crate) fn dots(&self, places: &[Place], radius: f64, role: Role, alpha: f64) -> Drawn<DB> {
        let style = color(role).mix(alpha).filled();
        let radius = (radius * self.scale).round() as i32;
        places.iter().try_for_each(|place| self.area.draw(&Circle::new(self.at(*place), radius, style)))
    }

    /// A text of `size` CSS pixels.
    pub(crate) fn text(&self, place: Place, text: &str, size: f64, role: Role, align: Align) -> Drawn<DB> {
        let side = match align {
            Align::Left => HPos::Left,
            Align::Middle => HPos::Center,
            Align::Right => HPos::Right,
        };
        let font = (FAMILY, size * FONT_FACTOR * self.scale).into_font();
        let color = color(role);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(side, VPos::Center));
        let place = (place.0, place.1 + self.drop * size);
        self.area.draw(&Text::new(text.to_owned(), self.at(place), style))
    }

    /// Nearest whole unit of the backend.
    fn at(&self, (x, y): Place) -> (i32, i32) {
        let whole = |v: f64| (v.clamp(-FAR, FAR) * self.scale).round() as i32;
        (whole(x), whole(y))
    }

    fn stroke(&self, role: Role, alpha: f64, width: f64) -> ShapeStyle {
        color(role).mix(alpha).stroke_width((width * self.scale).round().max(1.0) as u32)
    }
}

fn color(role: Role) -> RGBColor {
    let (r, g, b) = role.rgb();
    RGBColor(r, g, b)
}
