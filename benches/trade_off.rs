//! False alarms against power of the step detector, over its threshold: the curve of `reports/trade-off.png`.
//!
//! `cargo bench --profile dev --bench trade_off` prints it and writes it as SVG, of which a headless browser's screenshot
//! (1200 by 760) is the picture. Six kinds of a year of daily durations, looked at again every week
//! from day 56 on; an upward step more than 14 days from any told before is an alarm. A step of a tenth or a fifth on a day
//! from 120 to 289 counts as found if an alarm within 56 days lies within 14 days of it.

use plotters::prelude::*;
use rayon::prelude::*;
use windtunnel::stats::{Detector, Draw, calendar_pattern, detect_regimes};

const PICTURE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/trade-off.svg");
const DAYS: usize = 365;
const FIRST_LOOK: usize = 56;
const THRESHOLDS: [f64; 10] = [3.0, 3.25, 3.5, 3.75, 4.05, 4.25, 4.5, 5.0, 5.5, 6.0];
const SEEDS: u64 = 200;

/// Spread, degrees of freedom of the tails (0: normal), range of weekdays, memory, stragglers, creep a year.
const KINDS: [(f64, u32, f64, f64, f64, f64); 6] = [
    (0.10, 0, 0.0, 0.0, 0.0, 0.0),
    (0.08, 0, 0.25, 0.0, 0.0, 0.0),
    (0.10, 0, 0.0, 0.5, 0.0, 0.0),
    (0.10, 3, 0.0, 0.1, 0.03, 0.0),
    (0.08, 0, 0.05, 0.1, 0.0, 0.25),
    (0.10, 4, 0.15, 0.3, 0.02, 0.05),
];

/// Logarithms of a year of durations, a step of `size` (a share) from day `at` on.
fn series(kind: usize, seed: u64, size: f64, at: usize) -> Vec<f64> {
    let (spread, tails, week, memory, stragglers, creep) = KINDS[kind];
    let mut draw = Draw::keyed(31_415, &[kind as u64, seed, (size * 1e3) as u64]);
    let noise = |draw: &mut Draw| match tails {
        0 => draw.normal(),
        df => {
            let chi: f64 = (0..df).map(|_| draw.normal().powi(2)).sum();
            draw.normal() / (chi / f64::from(df)).sqrt() / (f64::from(df) / f64::from(df - 2)).sqrt()
        }
    };
    let weekdays: Vec<f64> = (0..7).map(|_| week * (draw.uniform() - 0.5)).collect();
    let mut state = noise(&mut draw);
    (0..DAYS)
        .map(|day| {
            let now = state;
            state = memory * state + (1.0 - memory * memory).sqrt() * noise(&mut draw);
            let slow = if draw.chance(stragglers) { (1.5 + 2.5 * draw.uniform()).ln() } else { 0.0 };
            let step = if day >= at { size.ln_1p() } else { 0.0 };
            spread * now + weekdays[day % 7] + creep * day as f64 / 365.0 + slow + step
        })
        .collect()
}

/// Alarms: (day of the look, first day of the step).
fn alarms(values: &[f64], detector: &Detector) -> Vec<(usize, usize)> {
    let mut told: Vec<(usize, usize)> = Vec::new();
    for look in (FIRST_LOOK..=DAYS).step_by(7) {
        let days: Vec<f64> = (0..look).map(|day| day as f64).collect();
        let mut seen = values[..look].to_vec();
        if let Some(pattern) = calendar_pattern(&days, &seen) {
            seen.iter_mut().zip(pattern).for_each(|(value, pattern)| *value -= pattern);
        }
        let Some(found) = detect_regimes(&days, &seen, detector) else { continue };
        for step in found.steps.iter().filter(|step| step.shift > 0.0) {
            if told.iter().all(|(_, known)| known.abs_diff(step.index) > 14) {
                told.push((look - 1, step.index));
            }
        }
    }
    told
}

/// Which share of a point is drawn.
type Share = fn(&Point) -> f64;

/// A point of the curve.
struct Point {
    threshold: f64,
    alarms: f64,
    tenth: f64,
    fifth: f64,
}

/// False alarms a series-year, and the share found of steps of a tenth and of a fifth.
fn measure(threshold: f64) -> Point {
    let detector = Detector { z_min: threshold, ..Detector::default() };
    let cases: Vec<(usize, u64)> = (0..KINDS.len()).flat_map(|kind| (0..SEEDS).map(move |seed| (kind, seed))).collect();
    let false_alarms: usize =
        cases.par_iter().map(|(kind, seed)| alarms(&series(*kind, *seed, 0.0, DAYS), &detector).len()).sum();
    let found = |size: f64| {
        let hits = cases.par_iter().filter(|(kind, seed)| {
            let at = 120 + (*seed as usize * 37) % 170;
            let all = alarms(&series(*kind, 1_000 + *seed, size, at), &detector);
            all.iter().any(|(look, step)| step.abs_diff(at) <= 14 && *look >= at && *look <= at + 56)
        });
        hits.count() as f64 / cases.len() as f64
    };
    let years = cases.len() as f64 * (DAYS - FIRST_LOOK) as f64 / 365.0;
    Point { threshold, alarms: false_alarms as f64 / years, tenth: found(0.10), fifth: found(0.20) }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|argument| argument == "--test") {
        // One point shows that it runs; all of them take minutes.
        let detector = Detector::default();
        assert!(alarms(&series(0, 1, 0.5, 200), &detector).iter().any(|(_, step)| step.abs_diff(200) <= 3));
        return Ok(());
    }
    let curve: Vec<Point> = THRESHOLDS.iter().map(|z| measure(*z)).collect();
    draw(&curve)?;
    print(&curve);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a bench tells what it measured")]
fn print(curve: &[Point]) {
    println!("threshold, false alarms a series-year, found of 10 %, found of 20 %");
    curve.iter().for_each(|p| println!("{}, {:.4}, {:.3}, {:.3}", p.threshold, p.alarms, p.tenth, p.fifth));
    println!("{PICTURE}");
}

fn draw(curve: &[Point]) -> Result<(), Box<dyn std::error::Error>> {
    plotters::style::register_font(
        "sans-serif",
        FontStyle::Normal,
        include_bytes!("../src/report/fonts/Roboto-Regular.ttf"),
    )
    .map_err(|_| "the font cannot be read")?;
    let root = SVGBackend::new(PICTURE, (1_200, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    let most = curve.iter().map(|p| p.alarms).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(&root)
        .caption("False alarms against power, over the detector's threshold z", ("sans-serif", 30))
        .margin(20)
        .x_label_area_size(60)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..most * 1.08, 0.0..1.05)?;
    chart
        .configure_mesh()
        .x_desc("false alarms a series-year")
        .y_desc("share of steps found")
        .label_style(("sans-serif", 20))
        .axis_desc_style(("sans-serif", 22))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let (blue, orange) = (RGBColor(31, 119, 180), RGBColor(200, 90, 20));
    let share: [(&str, RGBColor, Share); 2] =
        [("steps of 20 %", blue, |p| p.fifth), ("steps of 10 %", orange, |p| p.tenth)];
    for (name, color, of) in share {
        let line: Vec<(f64, f64)> = curve.iter().map(|p| (p.alarms, of(p))).collect();
        chart
            .draw_series([PathElement::new(line, color.stroke_width(3))])?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], color.stroke_width(3)));
        chart.draw_series(curve.iter().map(|p| {
            let size = if p.threshold == Detector::default().z_min { 9 } else { 4 };
            Circle::new((p.alarms, of(p)), size, color.filled())
        }))?;
        chart.draw_series(curve.iter().map(|p| {
            let style = ("sans-serif", 17).into_font().color(&BLACK.mix(0.6));
            Text::new(format!("{}", p.threshold), (p.alarms, of(p) - 0.03), style)
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font(("sans-serif", 22))
        .border_style(BLACK.mix(0.2))
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}
