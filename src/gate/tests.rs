//! What the gate promises, on simulated benchmarks with known truth.

use super::*;
use crate::model::{BenchResult, BenchRun, Host, Measured};
use crate::stats::Draw;

/// Log-normal AR(1) samples about `level`.
fn samples(n: usize, level: f64, sd: f64, phi: f64, draw: &mut Draw) -> Vec<f64> {
    let mut state = draw.normal();
    (0..n)
        .map(|_| {
            let now = state;
            state = phi * state + (1.0 - phi * phi).sqrt() * draw.normal();
            level * (sd * now).exp()
        })
        .collect()
}

fn result(name: &str, measured: Measured) -> BenchResult {
    BenchResult { name: name.into(), measure: "time".into(), unit: "ns".into(), higher_is_better: false, measured }
}

fn run(values: Vec<f64>) -> BenchRun {
    BenchRun { results: vec![result("a", Measured::Samples(values))], ..BenchRun::default() }
}

fn points(values: &[f64]) -> Vec<BenchRun> {
    let one = |v: &f64| BenchRun { results: vec![result("a", Measured::Point(*v))], ..BenchRun::default() };
    values.iter().map(one).collect()
}

fn gate(baseline: &[BenchRun], current: &[BenchRun]) -> Gate {
    judge(baseline, current, &GateSettings::default())
}

/// The one benchmark, without the calibration that takes nearly all of the time.
fn judged(before: BenchRun, after: BenchRun) -> Judged {
    judge::trials(&[before], &[after], &GateSettings::default()).remove(0).judged
}

#[test]
fn false_failures_are_no_more_than_it_prints() {
    // 2,000 comparisons without a change, over sizes, noises and memories that benchmarks have.
    let (mut failed, mut printed, mut total) = (0, 0.0, 0);
    for seed in 0..2000u64 {
        let mut draw = Draw::keyed(7, &[seed]);
        let n = [3, 5, 10, 20, 40, 100][(seed % 6) as usize];
        let sd = [0.02, 0.1, 0.3][(seed / 6 % 3) as usize];
        let phi = [0.0, 0.3, 0.6][(seed / 18 % 3) as usize];
        let (a, b) = (samples(n, 100.0, sd, phi, &mut draw), samples(n, 100.0, sd, phi, &mut draw));
        let found = gate(&[run(a)], &[run(b)]);
        failed += usize::from(found.decision == Decision::Fail);
        printed += found.false_alarms.expect("judged").at_most;
        total += 1;
    }
    let (share, printed) = (failed as f64 / total as f64, printed / total as f64);
    assert!(share <= printed && printed < 0.03, "{share} failed, {printed} printed");
}

#[test]
fn with_as_many_as_it_asks_for_it_sees_twice_the_tolerance() {
    let (mut seen, mut total) = (0, 0);
    for seed in 0..400u64 {
        let mut draw = Draw::keyed(11, &[seed]);
        let sd = [0.1, 0.2, 0.3][(seed % 3) as usize];
        let phi = [0.0, 0.3, 0.6][(seed / 3 % 3) as usize];
        let pilot = |draw: &mut Draw| run(samples(15, 100.0, sd, phi, draw));
        let first = judged(pilot(&mut draw), pilot(&mut draw));
        let Some(n) = first.needed_n else { continue };
        assert_eq!(first.verdict, Verdict::Inconclusive);
        let before = run(samples(n, 100.0, sd, phi, &mut draw));
        let after = run(samples(n, 110.0, sd, phi, &mut draw));
        seen += usize::from(judged(before, after).verdict == Verdict::Regressed);
        total += 1;
    }
    assert!(total > 300 && seen as f64 >= 0.9 * total as f64, "{seen} of {total}");
}

#[test]
fn what_passes_undecided_would_have_been_seen() {
    // Of what passes though its interval holds changes that are not tolerated, twice the tolerance in other measurements
    // of the same kind must fail nine times in ten; a little less, for a spread that was small by chance lets more pass.
    let (mut seen, mut passed) = (0, 0);
    for seed in 0..3000u64 {
        let mut draw = Draw::keyed(13, &[seed]);
        let mut side = |level| run(samples(60, level, 0.055, 0.2, &mut draw));
        let (a, b) = (side(100.0), side(102.0));
        if !judged(a, b).near_limit {
            continue;
        }
        passed += 1;
        seen += usize::from(judged(side(100.0), side(110.0)).verdict == Verdict::Regressed);
    }
    assert!(passed > 100 && seen as f64 >= 0.85 * passed as f64, "{seen} of {passed}");
}

#[test]
fn verdicts() {
    let mut draw = Draw::new(5);
    let mut side = |level: f64| run(samples(60, level, 0.03, 0.0, &mut draw));
    let base = side(100.0);
    for (level, want) in [(115.0, Verdict::Regressed), (85.0, Verdict::Improved), (100.0, Verdict::Unchanged)] {
        let found = gate(std::slice::from_ref(&base), &[side(level)]);
        assert_eq!(found.benchmarks[0].verdict, want, "{level}");
    }
    assert_eq!(gate(&[], &[side(1.0)]).decision, Decision::NoDecision);
    assert_eq!(gate(&[], &[side(1.0)]).benchmarks[0].verdict, Verdict::NoBaseline);
}

#[test]
fn more_is_better_of_rates() {
    let mut draw = Draw::new(6);
    let mut side = |level: f64| {
        let mut run = run(samples(60, level, 0.03, 0.0, &mut draw));
        run.results[0].higher_is_better = true;
        run
    };
    let base = side(100.0);
    let found = gate(std::slice::from_ref(&base), &[side(85.0)]);
    assert_eq!(found.benchmarks[0].verdict, Verdict::Regressed);
    assert!(found.benchmarks[0].change.as_ref().is_some_and(|c| c.upper < -0.1));
    assert_eq!(gate(&[base], &[side(115.0)]).benchmarks[0].verdict, Verdict::Improved);
}

#[test]
fn single_figures_need_runs() {
    let found = gate(&points(&[100.0]), &points(&[150.0]));
    assert_eq!((found.decision, found.benchmarks[0].needed_n), (Decision::NoDecision, Some(MIN_RUNS)));
    let history = points(&[100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1]);
    assert_eq!(gate(&history, &points(&[150.0])).decision, Decision::Fail);
    assert_eq!(gate(&history, &points(&[100.4])).decision, Decision::Pass);
}

#[test]
fn runs_that_scatter_are_no_regression() {
    // Measurements within a run agree to 1 %, runs to 10 %: an eleventh run at +15 % is one of them.
    let mut draw = Draw::new(8);
    let mut side = |level: f64| run(samples(50, level, 0.01, 0.0, &mut draw));
    let history: Vec<BenchRun> = [100.0, 112.0, 95.0, 104.0, 88.0, 109.0, 97.0].map(&mut side).to_vec();
    let found = gate(&history, &[side(115.0)]);
    assert_eq!((found.benchmarks[0].basis, found.benchmarks[0].verdict), (Some(Basis::Runs), Verdict::Inconclusive));
    assert!(found.benchmarks[0].needed_n.is_some_and(|n| n > 7));
    // With the last of these runs alone it would have been one.
    assert_eq!(gate(&history[6..], &[side(115.0)]).decision, Decision::Fail);
}

#[test]
fn a_second_run_that_disagrees_takes_it_back() {
    let mut draw = Draw::new(9);
    let mut side = |level: f64| run(samples(60, level, 0.03, 0.0, &mut draw));
    let base = side(100.0);
    let both = gate(std::slice::from_ref(&base), &[side(118.0), side(117.0)]);
    assert_eq!((both.decision, both.benchmarks[0].confirmed), (Decision::Fail, Some((2, 2))));
    let one = gate(&[base], &[side(140.0), side(100.0)]);
    assert_eq!((one.decision, one.benchmarks[0].confirmed), (Decision::Pass, Some((1, 2))));
    assert!(one.benchmarks[0].reason.as_ref().is_some_and(|reason| reason.contains("not confirmed")));
}

#[test]
fn a_floor_excuses_small_changes() {
    let mut draw = Draw::new(10);
    let mut side = |level: f64| run(samples(60, level, 0.01, 0.0, &mut draw));
    let (base, slower) = (side(100.0), side(120.0));
    let with = |floor| {
        let limit = Limit { floor: Some(floor), ..Limit::default() };
        let settings = GateSettings { limit, ..GateSettings::default() };
        judge(std::slice::from_ref(&base), std::slice::from_ref(&slower), &settings).decision
    };
    assert_eq!(with(Floor::Units(50.0)), Decision::Pass);
    assert_eq!(with(Floor::Units(5.0)), Decision::Fail);
    assert_eq!((with(Floor::Seconds(50e-9)), with(Floor::Seconds(5e-9))), (Decision::Pass, Decision::Fail));
}

#[test]
fn zeros_and_constants() {
    let constant = |v: f64| run(vec![v; 8]);
    assert_eq!(gate(&[constant(0.0)], &[constant(0.0)]).decision, Decision::Pass);
    let found = gate(&[constant(0.0)], &[constant(3.0)]);
    assert_eq!((found.decision, found.benchmarks[0].change.as_ref()), (Decision::Fail, None));
    assert_eq!(gate(&[constant(16.0)], &[constant(16.0)]).decision, Decision::Pass);
}

#[test]
fn summaries_without_raw_data() {
    let side = |mean| BenchRun {
        results: vec![result("a", Measured::Summary { mean, sd: 5.0, n: 200 })],
        ..BenchRun::default()
    };
    let found = gate(&[side(100.0)], &[side(112.0)]);
    assert_eq!((found.decision, found.benchmarks[0].basis), (Decision::Fail, Some(Basis::Summaries)));
    assert_eq!(gate(&[side(100.0)], &[side(100.5)]).decision, Decision::Pass);
}

#[test]
fn what_is_gone_broken_or_of_another_unit_is_told() {
    let mut draw = Draw::new(12);
    let mut base = run(samples(30, 1.0, 0.02, 0.0, &mut draw));
    base.results.push(result("b", Measured::Point(1.0)));
    let mut now = run(samples(30, 1.0, 0.02, 0.0, &mut draw));
    let found = gate(std::slice::from_ref(&base), std::slice::from_ref(&now));
    assert_eq!((found.decision, found.of(Verdict::Gone).count()), (Decision::NoDecision, 1));
    let settings = GateSettings { some_gone: true, ..GateSettings::default() };
    let found = judge(std::slice::from_ref(&base), std::slice::from_ref(&now), &settings);
    assert_eq!(found.decision, Decision::Pass);
    now.broken.push(("c".into(), "exit code 1".into()));
    assert_eq!(gate(std::slice::from_ref(&base), std::slice::from_ref(&now)).decision, Decision::NoDecision);
    now.broken.clear();
    now.results[0].unit = "ms".into();
    let found = gate(&[base], &[now]);
    assert!(found.benchmarks[0].reason.as_ref().is_some_and(|r| r.contains("`ns`")), "{found:?}");
}

#[test]
fn hosts_are_compared() {
    let on = |cpu: &str| BenchRun {
        host: Host { cpu: Some(cpu.into()), ..Host::default() },
        ..run(vec![1.0, 1.1, 1.0, 0.9, 1.0])
    };
    assert_eq!(gate(&[on("A")], &[on("B")]).host, Some(vec![("cpu", "A".into(), "B".into())]));
    assert_eq!(gate(&[on("A")], &[on("A")]).host, Some(Vec::new()));
    assert_eq!(gate(&[on("A")], &[run(vec![1.0; 5])]).host, None);
}

#[test]
fn the_same_seed_gives_the_same_gate() {
    let mut draw = Draw::new(14);
    let (a, b) = (run(samples(20, 1.0, 0.1, 0.2, &mut draw)), run(samples(20, 1.0, 0.1, 0.2, &mut draw)));
    assert_eq!(gate(std::slice::from_ref(&a), std::slice::from_ref(&b)), gate(&[a], &[b]));
}

#[test]
fn only_the_level_in_force_counts() {
    let mut draw = Draw::new(21);
    let mut side = |level: f64| run(samples(20, level, 0.02, 0.0, &mut draw));
    let mut history = |first: f64, second: f64, n: usize| -> Vec<BenchRun> {
        (0..20)
            .map(|_| side(first))
            .collect::<Vec<_>>()
            .into_iter()
            .chain((0..n).map(|_| side(second)).collect::<Vec<_>>())
            .collect()
    };
    // It became twice as fast; 20 % slower than that is still faster than it ever was before.
    let faster = history(100.0, 50.0, 12);
    let slower = history(50.0, 100.0, 12);
    let mut draw = Draw::new(22);
    let mut now = |level: f64| [run(samples(20, level, 0.02, 0.0, &mut draw))];
    let found = gate(&faster, &now(60.0));
    assert_eq!((found.decision, found.benchmarks[0].basis), (Decision::Fail, Some(Basis::Runs)));
    assert!(found.benchmarks[0].baseline.as_ref().is_some_and(|b| (b.point - 50.0).abs() < 2.0), "{found:?}");
    assert_eq!(gate(&slower, &now(100.0)).decision, Decision::Pass);
    // The floor is about the level in force too.
    let limit = Limit { floor: Some(Floor::Units(8.0)), ..Limit::default() };
    let settings = GateSettings { limit, ..GateSettings::default() };
    assert_eq!(judge(&faster, &now(62.0), &settings).decision, Decision::Fail);
}

#[test]
fn equal_figures_of_few_runs_are_rounded_not_certain() {
    assert_eq!(gate(&points(&[10.0; 3]), &points(&[11.0])).decision, Decision::NoDecision);
    assert_eq!(gate(&points(&[10.0; 3]), &points(&[10.0])).decision, Decision::Pass);
    assert_eq!(gate(&points(&[10.0; 3]), &points(&[40.0])).decision, Decision::Fail);
}

#[test]
fn false_failures_of_runs_that_scatter_are_no_more_than_it_prints() {
    // Histories of 3 to 20 runs whose levels differ by more than their samples tell, without a change.
    let (mut failed, mut printed, total) = (0, 0.0, 300);
    for seed in 0..total {
        let mut draw = Draw::keyed(17, &[seed]);
        let n = [3, 5, 8, 20][(seed % 4) as usize];
        let mut side = || {
            let level = 100.0 * (0.04 * draw.normal()).exp();
            run(samples(15, level, 0.01, 0.0, &mut draw))
        };
        let (history, now): (Vec<BenchRun>, BenchRun) = ((0..n).map(|_| side()).collect(), side());
        let found = gate(&history, &[now]);
        failed += usize::from(found.decision == Decision::Fail);
        printed += found.false_alarms.expect("judged").at_most;
    }
    let (share, printed) = (failed as f64 / total as f64, printed / total as f64);
    assert!(share <= printed && printed < 0.03, "{share} failed, {printed} printed");
}

#[test]
fn a_run_of_few_or_noisy_measurements_is_not_held_to_the_scatter_of_careful_ones() {
    // Measurements of a baseline's runs, their noise, runs; measurements of now, their noise.
    for (n, sd, runs, now, noise) in
        [(1000, 0.3, 3, 5, 0.3), (200, 0.2, 5, 5, 0.2), (30, 0.03, 8, 5, 0.3), (30, 0.03, 3, 30, 0.3)]
    {
        let failed = (0..400u64).filter(|seed| {
            let mut draw = Draw::keyed(11, &[*seed, n as u64, runs]);
            let before: Vec<BenchRun> = (0..runs).map(|_| run(samples(n, 100.0, sd, 0.0, &mut draw))).collect();
            let after = run(samples(now, 100.0, noise, 0.0, &mut draw));
            let found = judge::trials(&before, &[after], &GateSettings::default()).remove(0).judged;
            found.verdict == Verdict::Regressed
        });
        let failed = failed.count();
        assert!(failed <= 10, "{failed} of 400 for {runs} runs of {n} at {sd}, then {now} at {noise}");
    }
}

#[test]
fn sides_must_mean_the_same() {
    let mut draw = Draw::new(23);
    let mut side = |level| run(samples(30, level, 0.02, 0.0, &mut draw));
    let (base, mut now) = (side(1.0), side(0.5));
    now.results[0].higher_is_better = true;
    let found = gate(std::slice::from_ref(&base), std::slice::from_ref(&now));
    assert_eq!((found.decision, found.of(Verdict::Inconclusive).count()), (Decision::NoDecision, 1));
    let mut crashed = base.clone();
    crashed.results.clear();
    crashed.broken.push(("a".into(), "exit code 1".into()));
    let settings = GateSettings { some_new: true, ..GateSettings::default() };
    assert_eq!(judge(&[crashed], &[side(9.0)], &settings).decision, Decision::NoDecision, "no new benchmark");
}
