//! What a change was worth, for a terminal.

use crate::{
    analysis::{CostModel, Roi, Swing, Worth},
    cli::{command::Context, console::line},
    report::number,
    stats::Estimate,
};

/// Inputs of the tornado that are shown.
const SWINGS: usize = 5;
/// Columns of its axis.
const AXIS: usize = 60;

pub(super) fn text(context: &Context<'_>, roi: &Roi, model: &CostModel) -> String {
    let (word, color) = match roi.verdict {
        Worth::WorthIt => ("Worth it", anstyle::AnsiColor::Green),
        Worth::NotWorthIt => ("Not worth it", anstyle::AnsiColor::Red),
        Worth::Undecided => ("Undecided", anstyle::AnsiColor::Yellow),
    };
    let asked = match roi.verdict {
        Worth::Undecided => "; 95 % would be worth it, 5 % not",
        _ => "",
    };
    let mut text = format!(
        "\n{}: it pays with a probability of {:.0} % ({} years at {} %{asked})\n\n",
        context.console.paint(word, color),
        100.0 * roi.p_positive,
        model.horizon_years,
        number(100.0 * model.discount_rate)
    );
    let currency = line(&model.currency);
    let mut row = |name: &str, estimate: &Estimate, unit: &str| text.push_str(&amount(name, estimate, unit));
    row("slot-hours saved a year", &roi.slot_hours_saved, "h");
    if let Some(earlier) = &roi.hours_earlier {
        row("runs end earlier, a year in all", earlier, "h");
    }
    row("saving realised a year", &roi.realised, &currency);
    row("capacity freed, not in the benefit", &roi.freed, &currency);
    if model.delay.is_some() {
        row("lateness saved a year", &roi.delay, &currency);
    }
    row("engineers' hours saved (as told)", &roi.engineers, &currency);
    row("benefit a year", &roi.benefit, &currency);
    row("investment", &roi.investment, &currency);
    match &roi.payback_months {
        Some(months) if months.upper.is_infinite() => {
            let soonest = format!("({} to never)", number(months.lower));
            let point = match months.point.is_infinite() {
                true => "never".to_owned(),
                false => format!("{} months", number(months.point)),
            };
            text.push_str(&format!("  {:<34} {point:>12}  {soonest}\n", "pays back after"));
        }
        Some(months) => row("pays back after", months, "months"),
        None => text.push_str(&format!("  {:<34} {:>12}\n", "pays back after", "never")),
    }
    let mut row = |name: &str, estimate: &Estimate, unit: &str| text.push_str(&amount(name, estimate, unit));
    row("net present value", &roi.npv, &currency);
    if let Some(share) = &roi.roi {
        let percent = share.map(|share| 100.0 * share);
        row("return on investment", &percent, "%");
    }
    text.push_str(&format!(
        "  {:<34} {:>12}\n",
        "break-even benefit a year",
        format!("{} {currency}", number(roi.break_even))
    ));
    text.push_str(&tornado(roi, &currency));
    text.push_str("\nIntervals hold 90 % of 4,000 draws of all inputs.\n");
    roi.notes.iter().for_each(|note| text.push_str(&format!("Note: {}.\n", line(note))));
    text
}

fn amount(name: &str, estimate: &Estimate, unit: &str) -> String {
    let point = format!("{} {unit}", number(estimate.point));
    format!("{}\n", format!("  {name:<34} {:>12}  {}", point.trim(), ends(estimate)).trim_end())
}

fn ends(estimate: &Estimate) -> String {
    if estimate.lower == estimate.upper {
        return String::new();
    }
    format!("({} to {})", number(estimate.lower), number(estimate.upper))
}

/// Which input moves the present value most: where it ends at the low and the high end of each, on one axis with 0 marked.
fn tornado(roi: &Roi, currency: &str) -> String {
    if roi.tornado.is_empty() {
        return String::new();
    }
    let ends = |swing: &Swing| (swing.npv_low.min(swing.npv_high), swing.npv_low.max(swing.npv_high));
    let shown: Vec<(&Swing, (f64, f64))> = roi.tornado.iter().take(SWINGS).map(|swing| (swing, ends(swing))).collect();
    let least = shown.iter().fold(0.0_f64, |least, (_, (low, _))| least.min(*low));
    let most = shown.iter().fold(0.0_f64, |most, (_, (_, high))| most.max(*high));
    let column = |value: f64| ((value - least) / (most - least) * AXIS as f64).round() as usize;
    let mut text = format!("\nWhat moves the present value ({currency}), │ is 0:\n");
    for (swing, (low, high)) in shown {
        let bar: String = (0..=AXIS)
            .map(|i| match i {
                _ if i == column(0.0) => '│',
                _ if (column(low)..=column(high)).contains(&i) => '▇',
                _ => ' ',
            })
            .collect();
        let range = format!("{} to {}", number(low), number(high));
        text.push_str(&format!("  {:<42} {range}\n  {}\n", swing.input, bar.trim_end()));
    }
    text
}
