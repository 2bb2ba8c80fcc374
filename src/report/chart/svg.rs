//! From plotters' SVG to SVG for the page: colours become CSS variables, runs of like shapes one path.
//!
//! plotters writes one element a line. Four hundred circles of 90 bytes become one path of 4 kB.

use super::{Label, canvas::Role};
use crate::report::words::escape;
use std::fmt::Write;

/// Fonts that a reader's system has.
const FONTS: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif";

/// Rewrites `drawn`, which was drawn at `scale` units a pixel, as an image with a name and a description.
pub(crate) fn compact(drawn: &str, (width, height): (u32, u32), scale: u32, label: &Label<'_>) -> String {
    let (id, title, desc) = (escape(label.id), escape(label.title), escape(label.desc));
    let mut svg = format!(
        "<svg class=\"chart\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" font-family=\"{FONTS}\"><title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{desc}\
         </desc>",
        width * scale,
        height * scale
    );
    let mut path = Path::default();
    let mut lines = drawn.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<text") {
            path.flush(&mut svg);
            text(&mut svg, line, lines.next().unwrap_or_default());
        } else if let Some((style, data)) = shape(line) {
            path.add(&mut svg, style, &data);
        }
    }
    path.flush(&mut svg);
    svg.push_str("</svg>");
    svg
}

/// Shapes of one style that follow each other.
#[derive(Default)]
struct Path {
    style: String,
    data: String,
}

impl Path {
    fn add(&mut self, svg: &mut String, style: String, data: &str) {
        if self.style != style {
            self.flush(svg);
            self.style = style;
        }
        self.data.push_str(data);
    }

    fn flush(&mut self, svg: &mut String) {
        if !self.data.is_empty() {
            let _ = write!(svg, "<path {} d=\"{}\"/>", self.style, self.data);
            self.data.clear();
        }
    }
}

/// Style and path data of one of plotters' shapes.
fn shape(line: &str) -> Option<(String, String)> {
    let get = |name: &str| attribute(line, name);
    let number = |name: &str| get(name).and_then(|v| v.parse::<i64>().ok());
    let fill = || format!("fill=\"{}\"{}", paint(get("fill").unwrap_or_default()), opacity(line));
    let stroke = |color: &str, width: i64| {
        format!("fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"{}", paint(color), opacity(line))
    };
    match line.split_whitespace().next()? {
        "<circle" => {
            let style = stroke(get("fill")?, number("r")? * 2) + " stroke-linecap=\"round\"";
            Some((style, format!("M{} {}h0", number("cx")?, number("cy")?)))
        }
        "<rect" => {
            let (wide, high) = (number("width")?, number("height")?);
            Some((fill(), format!("M{} {}h{wide}v{high}h-{wide}z", number("x")?, number("y")?)))
        }
        "<polyline" => Some((stroke(get("stroke")?, number("stroke-width")?), points(get("points")?)?)),
        "<polygon" => Some((fill(), points(get("points")?)? + "z")),
        _ => None,
    }
}

/// `1,2 3,4 ` as `M1 2L3 4`.
fn points(list: &str) -> Option<String> {
    let (first, rest) = list.trim_end().split_once(' ')?;
    let rest = rest.replace(',', " ");
    let pairs: Vec<&str> = rest.split(' ').collect();
    let corners: Vec<String> = pairs.chunks(2).map(|pair| pair.join(" ")).collect();
    Some(format!("M{}L{}", first.replace(',', " "), corners.join("L")))
}

/// A text, whose content plotters has escaped.
fn text(svg: &mut String, line: &str, content: &str) {
    let get = |name: &str| attribute(line, name).unwrap_or_default();
    let anchor = match get("text-anchor") {
        "start" => String::new(),
        other => format!(" text-anchor=\"{other}\""),
    };
    let size = get("font-size").parse::<f64>().unwrap_or(24.0).round();
    let (x, y, fill) = (get("x"), get("y"), paint(get("fill")));
    let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" dy=\".36em\" font-size=\"{size}\" fill=\"{fill}\"{anchor}>");
    let _ = write!(svg, "{content}</text>");
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

fn opacity(line: &str) -> String {
    match attribute(line, "opacity") {
        None | Some("1") => String::new(),
        Some(value) => format!(" opacity=\"{value}\""),
    }
}

/// The CSS variable of a colour.
fn paint(color: &str) -> String {
    let role = Role::ALL.into_iter().find(|role| {
        let (r, g, b) = role.rgb();
        color.eq_ignore_ascii_case(&format!("#{r:02x}{g:02x}{b:02x}"))
    });
    role.map_or_else(|| color.to_owned(), |role| format!("var({})", role.variable()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_shapes_become_one_path() {
        let dot =
            "<circle cx=\"4\" cy=\"6\" r=\"3\" opacity=\"0.5\" fill=\"#0072B2\" stroke=\"none\" stroke-width=\"1\"/>\n";
        let drawn = format!(
            "<svg>\n{dot}{dot}<text x=\"1\" y=\"2\" text-anchor=\"start\" font-size=\"24.1\" fill=\"#17222D\">\na &lt; b\n</text>\n"
        );
        let label = Label { id: "x", title: "<t>", desc: "d" };
        let svg = compact(&drawn, (10, 10), 2, &label);
        assert!(svg.contains("stroke=\"var(--accent)\" stroke-width=\"6\" opacity=\"0.5\""), "{svg}");
        assert!(svg.contains("d=\"M4 6h0M4 6h0\""), "{svg}");
        assert!(svg.contains("fill=\"var(--ink)\">a &lt; b</text>"), "{svg}");
        assert!(svg.contains("<title id=\"x-t\">&lt;t&gt;</title>"), "{svg}");
    }
}
