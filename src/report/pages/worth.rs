//! The section of what a change was worth: amounts with intervals, and what moves them.

use super::view::{Figure, Section, Table};
use crate::{
    analysis::{Roi, Swing, Worth},
    report::{
        Error, Image,
        chart::{self, Label, TornadoChart},
        words,
    },
    stats::Estimate,
};

/// Inputs of the tornado; the widest come first.
const MAX_SWINGS: usize = 12;

/// What the money of a [`Roi`] is.
#[derive(Clone, Debug, PartialEq)]
pub struct MoneyTerms {
    /// Such as EUR.
    pub currency: String,
    /// Years that are looked at.
    pub horizon_years: u32,
    /// A year, such as 0.08.
    pub discount_rate: f64,
}

/// The verdict as a sentence.
pub(super) fn verdict(roi: &Roi, terms: &MoneyTerms) -> String {
    let word = match roi.verdict {
        Worth::WorthIt => "Worth it",
        Worth::NotWorthIt => "Not worth it",
        Worth::Undecided => "Undecided",
    };
    format!(
        "{word}: it pays with a probability of {:.0} %, over {} at a discount rate of {} %.",
        100.0 * roi.p_positive,
        words::counted(terms.horizon_years as usize, "year", "years"),
        words::number(100.0 * terms.discount_rate)
    )
}

/// Amounts, and what moves the present value most.
pub(super) fn worth(roi: &Roi, terms: &MoneyTerms, images: &mut Vec<Image>) -> Result<Section, Error> {
    let currency = words::visible(&terms.currency);
    let money = |of: &Estimate| amount(of, &currency);
    let hours = |of: &Estimate| amount(of, "h");
    let row = |name: &str, told: String| vec![name.to_owned(), told];
    let mut rows = vec![row("slot-hours saved a year", hours(&roi.slot_hours_saved))];
    rows.extend(roi.hours_earlier.as_ref().map(|earlier| row("runs end earlier, a year in all", hours(earlier))));
    rows.extend([
        row("saving realised a year", money(&roi.realised)),
        row("capacity freed, not in the benefit", money(&roi.freed)),
        row("lateness saved a year", money(&roi.delay)),
        row("engineers' hours saved a year, as told", money(&roi.engineers)),
        row("benefit a year", money(&roi.benefit)),
        row("investment", money(&roi.investment)),
        row("pays back after", roi.payback_months.as_ref().map_or_else(|| "never".to_owned(), payback)),
        row("net present value", money(&roi.npv)),
    ]);
    let percent = |of: &Estimate| amount(&of.map(|share| 100.0 * share), "%");
    rows.extend(roi.roi.as_ref().map(|of| row("return on investment", percent(of))));
    rows.push(row("break-even benefit a year", format!("{} {currency}", words::number(roi.break_even))));
    Ok(Section {
        id: "worth",
        title: "What it was worth".to_owned(),
        sentence: verdict(roi, terms),
        figures: if roi.tornado.is_empty() { Vec::new() } else { vec![tornado(roi, &currency, images)?] },
        tables: vec![Table { title: "Amounts, with intervals of 90 %", head: vec!["what", "best guess"], rows }],
        notes: roi.notes.iter().map(|note| words::visible(note)).collect(),
    })
}

fn tornado(roi: &Roi, currency: &str, images: &mut Vec<Image>) -> Result<Figure, Error> {
    let rows: Vec<(String, f64, f64)> = roi
        .tornado
        .iter()
        .take(MAX_SWINGS)
        .map(|swing| (words::visible(&swing.input), swing.npv_low, swing.npv_high))
        .collect();
    let title = format!("What moves the net present value, {currency}");
    let desc = "Each input from its 5th to its 95th percentile, all others at their centres; dashed: the best guess.";
    let label = Label { id: "tornado", title: &title, desc };
    let chart = TornadoChart { rows: &rows, centre: roi.npv.point };
    images.push(Image { name: "compare-tornado.png".to_owned(), bytes: chart::to_png(&chart, &label)? });
    let row = |swing: &Swing| {
        let ends = [swing.low, swing.high, swing.npv_low, swing.npv_high];
        std::iter::once(words::visible(&swing.input)).chain(ends.map(words::number)).collect()
    };
    Ok(Figure {
        svg: chart::to_svg(&chart, &label)?,
        title,
        desc: desc.to_owned(),
        image: "compare-tornado.png".to_owned(),
        head: vec!["input", "its low end", "its high end", "value at the low end", "value at the high end"],
        rows: roi.tornado.iter().take(MAX_SWINGS).map(row).collect(),
    })
}

/// `12.3 EUR (10.1 to 14.2)`.
pub(super) fn amount(of: &Estimate, unit: &str) -> String {
    let point = format!("{} {unit}", words::number(of.point));
    match of.lower == of.upper {
        true => point.trim().to_owned(),
        false => format!("{} ({} to {})", point.trim(), words::number(of.lower), words::number(of.upper)),
    }
}

/// In some of the draws it may never pay back.
fn payback(months: &Estimate) -> String {
    let point = words::number(months.point);
    match months.upper.is_infinite() {
        true if months.point.is_infinite() => format!("never ({} months to never)", words::number(months.lower)),
        true => format!("{point} months ({} to never)", words::number(months.lower)),
        false => amount(months, "months"),
    }
}
