//! The golden numbers, and what chance makes of them.

use super::*;
use crate::analysis::fixtures::noise;
use crate::model::NumberSeries;

fn series(values: Vec<f64>) -> NumberSeries {
    NumberSeries { id: "".into(), times: None, values }
}

/// 20 runs a day, 6 minutes less on 8 slots; Fargate with 1 vCPU and 2 GiB; 40 hours of an engineer.
fn golden() -> (Vec<Work>, CostModel) {
    let work = Work {
        id: "orders".to_owned(),
        before: series(vec![8.0 * 1_800.0; 30]),
        after: series(vec![8.0 * 1_440.0; 30]),
        durations: Some((series(vec![1_800.0; 30]), series(vec![1_440.0; 30]))),
        runs_per_year: 7_300.0,
    };
    let model = CostModel {
        slot_hour: Uncertain::known(0.04048 + 2.0 * 0.004445),
        engineer_hour: Uncertain::known(154_076.0 * 1.43 / 2_080.0),
        invested_hours: Uncertain::known(40.0),
        ..CostModel::default()
    };
    (vec![work], model)
}

fn near(got: f64, want: f64) {
    assert!((got / want - 1.0).abs() < 1e-6, "{got} instead of {want}");
}

#[test]
fn golden_numbers() {
    let (work, model) = golden();
    let roi = return_on_investment(&work, &model, 1).expect("work");
    near(roi.slot_hours_saved.point, 5_840.0);
    near(roi.realised.point, 288.3208);
    near(roi.investment.point, 4_237.09);
    near(roi.payback_months.as_ref().expect("it pays back").point, 176.348_983_493_386_53);
    near(roi.npv.point, -3_520.078_844_477_836_4);
    near(roi.roi.as_ref().expect("something was paid").point, -0.830_777_454_450_539_4);
    near(roi.break_even, 1_703.796_613_293_051_5);
    near(roi.hours_earlier.as_ref().expect("durations").point, 730.0);
    assert_eq!((roi.p_positive, roi.verdict), (0.0, Worth::NotWorthIt));
    // Nothing is uncertain here but how far money lies in the future.
    assert!((roi.npv.lower - roi.npv.upper).abs() < 1e-9 && roi.tornado.is_empty());
    let risky = CostModel { risk_adjustment: 0.2, ..model };
    near(return_on_investment(&work, &risky, 1).expect("work").npv.point, -3_663.481_075_582_269);
}

#[test]
fn a_fixed_fleet_frees_and_realises_apart() {
    let (work, model) = golden();
    let fixed = |workers_removed| {
        let fleet = Fleet::Fixed { workers_removed, worker_hour: Uncertain::known(0.11) };
        return_on_investment(&work, &CostModel { fleet, ..model.clone() }, 1).expect("work")
    };
    let none = fixed(0.0);
    near(none.freed.point, 288.3208);
    assert_eq!((none.realised.point, none.benefit.point, none.payback_months.as_ref()), (0.0, 0.0, None));
    assert!(none.notes.iter().any(|note| note.contains("until a worker is removed")));
    near(fixed(2.0).benefit.point, 2.0 * 0.11 * 8_766.0);
}

#[test]
fn lateness_costs_up_to_its_cap() {
    let (work, model) = golden();
    let with = |cap| {
        let delay = Some(Delay { allowed_s: 1_500.0, per_hour: Uncertain::known(60.0), cap });
        return_on_investment(&work, &CostModel { delay, ..model.clone() }, 1).expect("work").delay.point
    };
    // Five minutes late at first, none afterwards.
    near(with(None), 7_300.0 * 5.0);
    near(with(Some(2.0)), 7_300.0 * 2.0);
    // However dear an hour may be, no run costs more than the cap.
    let per_hour = Uncertain { low: 0.0, likely: 50.0, high: 1_000.0 };
    let delay = Some(Delay { allowed_s: 1_500.0, per_hour, cap: Some(2.0) });
    let dear = return_on_investment(&work, &CostModel { delay, ..model.clone() }, 1).expect("work").delay;
    assert!(dear.upper <= 7_300.0 * 2.0 + 1e-6 && dear.lower < dear.upper, "{dear:?}");
}

#[test]
fn intervals_hold_the_truth_and_narrow_with_runs() {
    let of = |n: usize, seed: u64| {
        let side = |mean: f64, seed| series(noise(n, seed).iter().map(|e| mean * (0.2 * e).exp()).collect());
        let work = Work {
            id: "x".to_owned(),
            before: side(3_600.0, seed),
            after: side(2_700.0, seed + 500),
            durations: None,
            runs_per_year: 365.0,
        };
        let model = CostModel { slot_hour: Uncertain { low: 0.5, likely: 1.0, high: 1.5 }, ..CostModel::default() };
        return_on_investment(&[work], &model, seed).expect("work")
    };
    // The mean of exp(0.2 e) is exp(0.02).
    let truth = 365.0 * 0.25 * 0.02_f64.exp();
    let held = (0..200).filter(|&seed| of(40, seed).slot_hours_saved.contains(truth)).count();
    assert!((170..=195).contains(&held), "{held} of 200 intervals of 90 % hold the truth");
    let width = |roi: &Roi| roi.slot_hours_saved.upper - roi.slot_hours_saved.lower;
    assert!(width(&of(400, 1)) < 0.5 * width(&of(40, 1)));
    let roi = of(40, 3);
    assert_eq!((roi.verdict, roi.tornado.len()), (Worth::WorthIt, 2), "nothing was paid: {:?}", roi.tornado);
    assert_eq!(roi, of(40, 3));
}

#[test]
fn triangles() {
    let price = Uncertain { low: 1.0, likely: 2.0, high: 4.0 };
    near(price.mean(), 7.0 / 3.0);
    for (p, want) in [(0.0, 1.0), (1.0 / 3.0, 2.0), (1.0, 4.0)] {
        near(price.quantile(p), want);
    }
    assert!((price.quantile(0.9) - (4.0 - (0.1 * 3.0 * 2.0_f64).sqrt())).abs() < 1e-12);
}

#[test]
fn slower_is_a_loss() {
    let (mut work, model) = golden();
    let first = &mut work[0];
    std::mem::swap(&mut first.before, &mut first.after);
    let roi = return_on_investment(&work, &model, 1).expect("work");
    assert!(roi.benefit.point < 0.0 && roi.payback_months.is_none() && roi.verdict == Worth::NotWorthIt);
    // A risk takes nothing off a loss, and a worker that went is no saving of a change that needs more.
    let risky = return_on_investment(&work, &CostModel { risk_adjustment: 0.9, ..model.clone() }, 1).expect("work");
    assert_eq!(risky.benefit.point, roi.benefit.point);
    let fleet = Fleet::Fixed { workers_removed: 1.0, worker_hour: Uncertain::known(0.11) };
    let fixed = return_on_investment(&work, &CostModel { fleet, ..model }, 1).expect("work");
    assert_eq!((fixed.realised.point, fixed.verdict), (0.0, Worth::NotWorthIt));
    assert!(fixed.notes.iter().any(|note| note.contains("more slot-time")), "{:?}", fixed.notes);
}

#[test]
fn what_may_never_pay_back_has_an_open_end() {
    let (mut work, model) = golden();
    // A saving of three per cent under noise of a fifth: some draws save nothing.
    let side = |mean: f64, seed| series(noise(40, seed).iter().map(|e| mean * (1.0 + 0.2 * e)).collect());
    (work[0].before, work[0].after) = (side(14_400.0, 5), side(14_000.0, 6));
    let roi = return_on_investment(&work, &model, 1).expect("work");
    let months = roi.payback_months.as_ref().expect("the best guess saves");
    assert!(roi.benefit.lower < 0.0 && roi.benefit.point > 0.0, "{:?}", roi.benefit);
    assert!(months.upper == f64::INFINITY && months.lower < months.point, "{months:?}");
    // The other way round the best guess never pays back, and some draws do.
    let first = &mut work[0];
    std::mem::swap(&mut first.before, &mut first.after);
    let months = return_on_investment(&work, &model, 1).expect("work").payback_months.expect("it may");
    assert!(months.point == f64::INFINITY && months.lower.is_finite(), "{months:?}");
}
