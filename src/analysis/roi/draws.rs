//! The whole calculation, at the centre of all inputs and in many draws of them.

use super::{
    CashFlow, CostModel, Fleet, Roi, Swing, Uncertain, Work, Worth, formulas::annuity, lateness::Lateness, npv,
    work::Saving,
};
use crate::{
    model::NumberSeries,
    stats::{Draw, Estimate, quantile},
};

/// Draws of all inputs: the 5th percentile of 4,000 is known to about 0.7 percentage points.
const DRAWS: usize = 4_000;
/// Level of the intervals: 5th to 95th percentile.
const LEVEL: f64 = 0.90;
/// Hours of a year, 365.25 days.
const HOURS_PER_YEAR: f64 = 8_766.0;
/// Share of the draws from which on it is called worth it, or not.
const SURE: f64 = 0.95;
/// Key of the stream of random numbers.
const STREAM: u64 = 0x0072_6f69;

/// Return on investment of a change. `None` where no work has two runs a side.
#[must_use]
pub fn return_on_investment(work: &[Work], model: &CostModel, seed: u64) -> Option<Roi> {
    let measured = Measured::of(work, model)?;
    let centre = Inputs::at_centre(&measured, model);
    let mut draw = Draw::keyed(seed, &[STREAM]);
    let drawn: Vec<Money> =
        (0..DRAWS).map(|_| Inputs::drawn(&measured, model, &mut draw).money(&measured, model)).collect();
    let at = centre.money(&measured, model);
    let (rate, years) = (model.discount_rate, model.horizon_years);
    let estimate = |of: &dyn Fn(&Money) -> f64| interval(of(&at), drawn.iter().map(of).collect());
    let optional = |of: &dyn Fn(&CashFlow) -> Option<f64>| {
        // Where it never pays back, or nothing is paid, the end of the interval is open.
        let told = |flow: &CashFlow| of(flow).unwrap_or(f64::INFINITY);
        let all = interval(told(&at.flow), drawn.iter().map(|money| told(&money.flow)).collect());
        all.lower.is_finite().then_some(all)
    };
    let p_positive = drawn.iter().filter(|money| money.npv > 0.0).count() as f64 / DRAWS as f64;
    Some(Roi {
        slot_hours_saved: estimate(&|m| m.slot_hours),
        hours_earlier: measured.earlier.is_some().then(|| estimate(&|m| m.hours_earlier)),
        runs_per_year: work.iter().map(|w| w.runs_per_year).sum(),
        freed: estimate(&|m| m.freed),
        realised: estimate(&|m| m.realised),
        delay: estimate(&|m| m.delay),
        engineers: estimate(&|m| m.engineers),
        benefit: estimate(&|m| m.flow.benefit),
        investment: estimate(&|m| m.flow.investment),
        payback_months: optional(&CashFlow::payback_months),
        npv: estimate(&|m| m.npv),
        roi: optional(&|flow| flow.roi(rate, years)),
        break_even: at.flow.break_even(rate, years),
        p_positive,
        tornado: tornado(&measured, &centre, model),
        verdict: match p_positive {
            _ if !at.npv.is_finite() || model.is_unpriced() => Worth::Undecided,
            p if p >= SURE => Worth::WorthIt,
            p if p <= 1.0 - SURE => Worth::NotWorthIt,
            _ => Worth::Undecided,
        },
        notes: notes(&measured, model),
    })
}

/// What was measured, a year.
struct Measured {
    /// Slot-hours saved.
    slot_hours: Vec<(Saving, f64)>,
    /// Hours that runs end earlier.
    earlier: Option<Vec<(Saving, f64)>>,
    /// What lateness cost.
    late: Option<Lateness>,
    skipped: usize,
}

impl Measured {
    fn of(work: &[Work], model: &CostModel) -> Option<Self> {
        let saving =
            |(before, after): (&NumberSeries, &NumberSeries), factor: f64| Some((Saving::of(before, after)?, factor));
        let slot_hours: Vec<_> =
            work.iter().filter_map(|w| saving((&w.before, &w.after), w.runs_per_year / 3_600.0)).collect();
        if slot_hours.is_empty() {
            return None;
        }
        let timed: Vec<_> = work.iter().filter_map(|w| Some((w.durations.as_ref()?, w.runs_per_year))).collect();
        let earlier: Vec<_> = timed.iter().filter_map(|((b, a), runs)| saving((b, a), runs / 3_600.0)).collect();
        let skipped = work.len() - slot_hours.len();
        Some(Self {
            slot_hours,
            earlier: (!earlier.is_empty()).then_some(earlier),
            late: Lateness::of(work, model),
            skipped,
        })
    }
}

/// One value of each input.
#[derive(Clone)]
struct Inputs {
    slot_hours: f64,
    hours_earlier: f64,
    /// Standard errors by which the saving on lateness is away from what was measured.
    late: f64,
    slot_hour: f64,
    worker_hour: f64,
    per_late_hour: f64,
    engineer_hour: f64,
    invested_hours: f64,
    saved_hours: f64,
    other_investment: f64,
    running: f64,
}

/// What the inputs come to, a year; `npv` over the horizon.
struct Money {
    slot_hours: f64,
    hours_earlier: f64,
    freed: f64,
    realised: f64,
    delay: f64,
    engineers: f64,
    flow: CashFlow,
    npv: f64,
}

impl Inputs {
    fn at_centre(measured: &Measured, model: &CostModel) -> Self {
        Self::with(measured, model, |saving| saving.point, |price| price.mean(), |_| 0.0)
    }

    fn drawn(measured: &Measured, model: &CostModel, draw: &mut Draw) -> Self {
        let draw = std::cell::RefCell::new(draw);
        Self::with(
            measured,
            model,
            |saving| saving.draw(&mut draw.borrow_mut()),
            |price| price.draw(&mut draw.borrow_mut()),
            |late| late.map_or(0.0, |late| late.deviation(&mut draw.borrow_mut())),
        )
    }

    fn with(
        measured: &Measured,
        model: &CostModel,
        saving: impl Fn(&Saving) -> f64,
        price: impl Fn(&Uncertain) -> f64,
        deviation: impl Fn(Option<&Lateness>) -> f64,
    ) -> Self {
        let sum = |all: &[(Saving, f64)]| all.iter().map(|(one, factor)| saving(one) * factor).sum::<f64>();
        Self {
            slot_hours: sum(&measured.slot_hours),
            hours_earlier: sum(measured.earlier.as_deref().unwrap_or_default()),
            late: deviation(measured.late.as_ref()),
            slot_hour: price(&model.slot_hour),
            worker_hour: match &model.fleet {
                Fleet::Elastic => 0.0,
                Fleet::Fixed { worker_hour, .. } => price(worker_hour),
            },
            per_late_hour: model.delay.map_or(0.0, |delay| price(&delay.per_hour)),
            engineer_hour: price(&model.engineer_hour),
            invested_hours: price(&model.invested_hours),
            saved_hours: price(&model.saved_hours_per_year),
            other_investment: price(&model.other_investment),
            running: price(&model.running_per_year),
        }
    }

    fn money(&self, measured: &Measured, model: &CostModel) -> Money {
        let worth = self.slot_hours * self.slot_hour;
        let (freed, realised) = match model.fleet {
            Fleet::Elastic => (0.0, worth),
            // A change that needs more slots is not why a worker could go.
            Fleet::Fixed { .. } if self.slot_hours < 0.0 => (worth, 0.0),
            Fleet::Fixed { workers_removed, .. } => (worth, workers_removed * self.worker_hour * HOURS_PER_YEAR),
        };
        let delay = measured.late.as_ref().map_or(0.0, |late| late.at(self.per_late_hour, self.late));
        let engineers = self.saved_hours * self.engineer_hour;
        let flow = CashFlow {
            benefit: adjusted(realised + delay + engineers, model.risk_adjustment),
            running: self.running,
            investment: self.invested_hours * self.engineer_hour + self.other_investment,
        };
        let npv = npv(&flow, model.discount_rate, model.horizon_years);
        let (slot_hours, hours_earlier) = (self.slot_hours, self.hours_earlier);
        Money { slot_hours, hours_earlier, freed, realised, delay, engineers, flow, npv }
    }
}

/// A benefit that may not come is worth less; a loss is not.
fn adjusted(benefit: f64, risk: f64) -> f64 {
    if benefit > 0.0 { benefit * (1.0 - risk) } else { benefit }
}

fn interval(point: f64, mut drawn: Vec<f64>) -> Estimate {
    drawn.sort_by(f64::total_cmp);
    let end = |p: f64| quantile(&drawn, p).unwrap_or(point);
    Estimate {
        point,
        lower: end(0.5 - 0.5 * LEVEL).min(point),
        upper: end(0.5 + 0.5 * LEVEL).max(point),
        level: LEVEL,
        n: drawn.len(),
        method: "draws of all inputs".into(),
    }
}

/// Swings below this share of the widest say nothing.
const LEAST_SWING: f64 = 0.01;

type Set = fn(&mut Inputs, f64);

fn tornado(measured: &Measured, centre: &Inputs, model: &CostModel) -> Vec<Swing> {
    let sum = |all: &[(Saving, f64)]| {
        // Independent errors: the swings of the parts add up in quadrature.
        let point: f64 = all.iter().map(|(s, f)| s.point * f).sum();
        let reach = all.iter().map(|(s, f)| ((s.ends().1 - s.point) * f).powi(2)).sum::<f64>().sqrt();
        (point - reach, point + reach)
    };
    let price = |u: &Uncertain| (u.quantile(0.05), u.quantile(0.95));
    let mut inputs: Vec<(&'static str, (f64, f64), Set)> = vec![
        ("slot-hours saved", sum(&measured.slot_hours), |i, v| i.slot_hours = v),
        ("lateness saved, in standard errors", measured.late.map_or((0.0, 0.0), |l| (-l.far(), l.far())), |i, v| {
            i.late = v
        }),
        ("price of a slot-hour", price(&model.slot_hour), |i, v| i.slot_hour = v),
        ("price of an engineer's hour", price(&model.engineer_hour), |i, v| i.engineer_hour = v),
        ("hours invested", price(&model.invested_hours), |i, v| i.invested_hours = v),
        ("engineers' hours saved a year", price(&model.saved_hours_per_year), |i, v| i.saved_hours = v),
        ("other investment", price(&model.other_investment), |i, v| i.other_investment = v),
        ("running cost a year", price(&model.running_per_year), |i, v| i.running = v),
    ];
    if let Some(delay) = &model.delay {
        inputs.push(("price of an hour of lateness", price(&delay.per_hour), |i, v| i.per_late_hour = v));
    }
    if let Fleet::Fixed { worker_hour, .. } = &model.fleet {
        inputs.push(("price of a worker's hour", price(worker_hour), |i, v| i.worker_hour = v));
    }
    let npv_with = |set: Set, value: f64| {
        let mut inputs = centre.clone();
        set(&mut inputs, value);
        inputs.money(measured, model).npv
    };
    let mut swings: Vec<Swing> = inputs
        .into_iter()
        .map(|(input, (low, high), set)| Swing {
            input: input.into(),
            low,
            high,
            npv_low: npv_with(set, low),
            npv_high: npv_with(set, high),
        })
        .filter(|swing| swing.npv_low != swing.npv_high)
        .collect();
    let widest = swings.iter().map(|s| (s.npv_high - s.npv_low).abs()).fold(0.0, f64::max);
    swings.retain(|s| (s.npv_high - s.npv_low).abs() >= LEAST_SWING * widest);
    swings.sort_by(|a, b| (b.npv_high - b.npv_low).abs().total_cmp(&(a.npv_high - a.npv_low).abs()));
    swings
}

fn notes(measured: &Measured, model: &CostModel) -> Vec<String> {
    let mut notes =
        vec!["not adjusted for volume: if runs handle more or fewer rows than before, that is in it".to_owned()];
    if measured.skipped > 0 {
        notes.push(format!("{} left out: under two runs on a side", measured.skipped));
    }
    let slot_hours: f64 = measured.slot_hours.iter().map(|(saving, factor)| saving.point * factor).sum();
    match model.fleet {
        Fleet::Fixed { workers_removed: 0.0, .. } => {
            notes.push(
                "a fixed fleet saves nothing until a worker is removed: what is freed is not in the benefit".to_owned(),
            );
        }
        Fleet::Fixed { .. } if slot_hours <= 0.0 => {
            notes.push("it needs more slot-time than before: the workers removed are not its saving".to_owned());
        }
        Fleet::Fixed { workers_removed, .. } => notes.push(format!(
            "that {workers_removed} of the workers could go is as told, not measured; {slot_hours:.0} slot-hours a year were freed"
        )),
        Fleet::Elastic => {}
    }
    if model.is_unpriced() {
        notes.push("nothing was priced: the cost file has neither prices nor hours".to_owned());
    }
    if model.delay.is_some() && measured.earlier.is_none() {
        notes.push("lateness costs nothing here: no run durations are known".to_owned());
    }
    if annuity(model.discount_rate, model.horizon_years) <= 0.0 {
        notes.push("the horizon is 0 years: nothing can pay".to_owned());
    }
    notes
}
