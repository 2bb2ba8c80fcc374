//! Each benchmark's verdict, and the gate's.

use super::{
    Basis, Decision, Gate, GateSettings, Judged, Limit, PLANNED_EFFECT, PLANNED_POWER, Verdict,
    calibrate::calibrate,
    evidence::{Evidence, level_of},
    means,
};
use crate::{
    model::{BenchResult, BenchRun, Host, Text},
    stats::{Estimate, Gap, benjamini_hochberg, parallel_map},
};
use std::collections::{HashMap, HashSet};

/// Judges the runs of now against those of a baseline, each in order of time.
///
/// Of several runs of now a benchmark must regress in all of them together and in each alone to fail: the first run picked
/// it out, so the others are what confirms it.
#[must_use]
pub fn judge(baseline: &[BenchRun], current: &[BenchRun], settings: &GateSettings) -> Gate {
    let trials = trials(baseline, current, settings);
    let false_alarms = calibrate(&trials, current.len(), settings);
    let mut benchmarks: Vec<Judged> = trials.into_iter().map(|trial| trial.judged).collect();
    benchmarks.extend(broken(current));
    benchmarks.sort_by(|a, b| a.verdict.cmp(&b.verdict).then(b.severity().total_cmp(&a.severity())));
    Gate {
        decision: decision(&benchmarks, settings),
        as_asked: false,
        benchmarks,
        false_alarms,
        host: host(baseline, current),
        samples_are_runs: settings.samples_are_runs,
        baseline_runs: baseline.len(),
        current_runs: current.len(),
    }
}

/// Each benchmark that ran to its end, judged.
pub(super) fn trials(baseline: &[BenchRun], current: &[BenchRun], settings: &GateSettings) -> Vec<Trial> {
    let (before, after) = (by_name(baseline), by_name(current));
    let crashed: HashSet<&Text> = baseline.iter().flat_map(|run| run.broken.iter().map(|(name, _)| name)).collect();
    let pairs: Vec<Pair<'_>> = names(baseline, current)
        .iter()
        .map(|name| Pair {
            before: before.get(name).map_or(&[][..], Vec::as_slice),
            after: after.get(name).map_or(&[][..], Vec::as_slice),
            crashed_before: crashed.contains(name),
        })
        .collect();
    let mut trials: Vec<Trial> = parallel_map(&pairs, |pair| pair.trial(settings));
    let tested = correct(&mut trials);
    for (trial, pair) in trials.iter_mut().zip(&pairs) {
        trial.decide(tested, settings);
        pair.confirm(trial, (tested, current.len()), settings);
    }
    trials
}

/// Results of each benchmark, a run each, in order of time.
fn by_name(runs: &[BenchRun]) -> HashMap<Text, Vec<&BenchResult>> {
    let mut all: HashMap<Text, Vec<&BenchResult>> = HashMap::new();
    for result in runs.iter().flat_map(|run| &run.results) {
        all.entry(result.full_name().into()).or_default().push(result);
    }
    all
}

/// Names in the order of their first appearance, those of now first; without those that did not run to their end.
fn names(baseline: &[BenchRun], current: &[BenchRun]) -> Vec<Text> {
    let broken: HashSet<&Text> = current.iter().flat_map(|run| run.broken.iter().map(|(name, _)| name)).collect();
    let mut seen = HashSet::new();
    current
        .iter()
        .chain(baseline)
        .flat_map(|run| &run.results)
        .filter(|result| !broken.contains(&result.name))
        .map(|result| Text::from(result.full_name()))
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// One benchmark on both sides.
struct Pair<'a> {
    before: &'a [&'a BenchResult],
    after: &'a [&'a BenchResult],
    /// Did it not run to its end in the baseline?
    crashed_before: bool,
}

/// A benchmark with what speaks for and against it.
pub(super) struct Trial {
    pub(super) judged: Judged,
    pub(super) evidence: Option<Evidence>,
}

impl Pair<'_> {
    fn trial(&self, settings: &GateSettings) -> Trial {
        let mut judged = self.described(settings);
        let undecided = |judged| Trial {
            judged: Judged {
                baseline: level_of(self.before, settings.level),
                current: level_of(self.after, settings.level),
                ..judged
            },
            evidence: None,
        };
        if self.after.is_empty() {
            judged.verdict = Verdict::Gone;
            judged.reason = Some("the current run lacks it".to_owned());
            return undecided(judged);
        }
        if self.before.is_empty() && self.crashed_before {
            judged.reason = Some("it did not run to its end in the baseline".to_owned());
            return undecided(judged);
        }
        if self.before.is_empty() {
            judged.verdict = Verdict::NoBaseline;
            judged.reason = Some("the baseline lacks it".to_owned());
            return undecided(judged);
        }
        let mut all = self.before.iter().chain(self.after);
        if let Some(other) = all.clone().find(|b| b.unit != judged.unit) {
            judged.reason = Some(format!("measured in `{}` and in `{}`", other.unit, judged.unit));
            return undecided(judged);
        }
        let stated = settings.higher_is_better.iter().any(|pattern| means(pattern, &judged.name));
        if !stated && all.any(|b| b.higher_is_better != judged.higher_is_better) {
            judged.reason = Some("one run says that more is better, another that less is".to_owned());
            return undecided(judged);
        }
        match Evidence::of(self.before, self.after) {
            Ok(evidence) => Trial::of(judged, evidence, settings),
            Err(little) => {
                judged.needed_n = Some(little.needed_n);
                judged.reason = Some(little.reason);
                undecided(judged)
            }
        }
    }

    /// What is known of it without a comparison.
    fn described(&self, settings: &GateSettings) -> Judged {
        let any = self.after.first().or(self.before.first());
        let name: Text = any.map_or_else(String::new, |any| any.full_name()).into();
        Judged {
            unit: any.map_or_else(|| "".into(), |any| any.unit.clone()),
            higher_is_better: any.is_some_and(|any| any.higher_is_better)
                || settings.higher_is_better.iter().any(|pattern| means(pattern, &name)),
            limit: settings.limit_of(&name),
            ..Judged::undecided(name)
        }
    }

    /// Every run alone must fail too. Where the last one does not, what it says alone is what counts: it was made because the
    /// first was picked out, and is not picked out itself.
    fn confirm(&self, trial: &mut Trial, (tested, runs): (usize, usize), settings: &GateSettings) {
        if trial.evidence.is_none() || runs < 2 {
            return;
        }
        let alone = |after: &&BenchResult| {
            let evidence = Evidence::of(self.before, &[*after]).ok()?;
            Some(Trial::of(trial.judged.clone(), evidence, settings))
        };
        let mut each: Vec<Option<Trial>> = self.after.iter().map(alone).collect();
        let fails = |trial: &Option<Trial>| trial.as_ref().is_some_and(|trial| trial.is_worse(settings));
        let agree = each.iter().filter(|trial| fails(trial)).count();
        if agree == 0 && trial.judged.verdict != Verdict::Regressed {
            return;
        }
        trial.judged.confirmed = Some((agree, runs));
        if agree == runs {
            return;
        }
        let reason = Some(match runs - self.after.len() {
            0 => format!("{agree} of {runs} runs say that it regressed: not confirmed"),
            lacking => format!("{agree} of {runs} runs say that it regressed, {lacking} lack it: not confirmed"),
        });
        if self.after.len() < runs {
            // What crashed the second time has taken nothing back.
            trial.judged.verdict = Verdict::Inconclusive;
        } else if let Some(mut last) = each.pop().flatten().filter(|last| !last.is_worse(settings)) {
            last.decide(tested, settings);
            last.judged.confirmed = trial.judged.confirmed;
            *trial = last;
        } else if trial.judged.verdict == Verdict::Regressed {
            trial.judged.verdict = Verdict::Inconclusive;
        }
        trial.judged.reason = reason;
    }
}

impl Trial {
    fn of(judged: Judged, evidence: Evidence, settings: &GateSettings) -> Self {
        let mut trial = Self { judged, evidence: Some(evidence) };
        let Some(evidence) = &trial.evidence else { return trial };
        trial.judged.basis = Some(evidence.basis);
        let told = change(evidence, settings.level);
        (trial.judged.change, trial.judged.difference) = if evidence.log { (told, None) } else { (None, told) };
        trial.judged.current_error = Some(evidence.after.variance.sqrt());
        trial.judged.baseline = evidence.side(&evidence.before, settings.level);
        trial.judged.current = evidence.side(&evidence.after, settings.level);
        trial.judged.p_value = trial.worse_by().map(|(gap, edge)| gap.p_at_most(edge));
        trial
    }

    /// Gap of the levels with more being worse, and the gap that is tolerated.
    pub(super) fn worse_by(&self) -> Option<(Gap, f64)> {
        let evidence = self.evidence.as_ref()?;
        let gap = evidence.gap();
        let point = if self.judged.higher_is_better { -gap.point } else { gap.point };
        Some((Gap { point, ..gap }, evidence.edge(self.judged.limit.tolerance)))
    }

    /// Is all but the correction for other benchmarks there for a failure?
    pub(super) fn is_worse(&self, settings: &GateSettings) -> bool {
        let alone = self.judged.p_value.is_some_and(|p| p <= 0.5 * (1.0 - settings.level));
        alone && self.exceeds_floor()
    }

    fn exceeds_floor(&self) -> bool {
        let floor = self.judged.limit.floor.and_then(|floor| floor.in_unit(&self.judged.unit));
        match (floor, &self.judged.baseline, &self.judged.current) {
            (Some(floor), Some(before), Some(after)) => (after.point - before.point).abs() > floor,
            _ => true,
        }
    }

    /// `tested` benchmarks share the false discovery rate.
    fn decide(&mut self, tested: usize, settings: &GateSettings) {
        let (Some((gap, edge)), Some(evidence)) = (self.worse_by(), &self.evidence) else { return };
        let planned = evidence.edge(PLANNED_EFFECT * self.judged.limit.tolerance) - edge;
        let Some((lower, upper)) = gap.interval(settings.level) else { return };
        // What one benchmark must show if it is the only one of all that changed.
        let alpha = 0.5 * (1.0 - settings.level) / tested.max(1) as f64;
        let significant = self.judged.q_value.is_some_and(|q| q <= settings.false_discovery_rate);
        let would_see = gap.sees(planned, alpha, PLANNED_POWER);
        self.judged.verdict = if self.is_worse(settings) && significant {
            Verdict::Regressed
        } else if upper < -edge && self.exceeds_floor() {
            Verdict::Improved
        } else if upper <= edge || would_see || !self.could_exceed_floor(lower, upper) {
            Verdict::Unchanged
        } else {
            Verdict::Inconclusive
        };
        self.judged.near_limit = self.judged.verdict == Verdict::Unchanged && upper > edge;
        if self.judged.verdict == Verdict::Inconclusive && self.is_worse(settings) {
            let q = self.judged.q_value.map_or_else(String::new, |q| format!(", q = {q:.2}"));
            self.judged.reason = Some(format!("beyond its limit, which {tested} benchmarks make likely by chance{q}"));
        } else if self.judged.verdict == Verdict::Inconclusive {
            self.judged.needed_n = gap.needed(planned, alpha, PLANNED_POWER);
            self.judged.reason = Some("too noisy for the number of measurements".to_owned());
        }
    }

    /// Does the interval hold changes beyond the floor?
    fn could_exceed_floor(&self, lower: f64, upper: f64) -> bool {
        let floor = self.judged.limit.floor.and_then(|floor| floor.in_unit(&self.judged.unit));
        match (floor, &self.judged.baseline, &self.evidence) {
            (Some(floor), Some(before), Some(evidence)) => {
                let delta = |gap: f64| if evidence.log { before.point * gap.exp_m1() } else { gap };
                delta(lower).abs().max(delta(upper).abs()) > floor
            }
            _ => true,
        }
    }
}

impl Judged {
    fn undecided(name: Text) -> Self {
        Self {
            name,
            unit: "".into(),
            higher_is_better: false,
            baseline: None,
            current: None,
            current_error: None,
            change: None,
            difference: None,
            limit: Limit::default(),
            p_value: None,
            q_value: None,
            verdict: Verdict::Inconclusive,
            near_limit: false,
            confirmed: None,
            basis: None,
            needed_n: None,
            reason: None,
        }
    }

    /// By how much it became worse, for the order in which benchmarks are told.
    fn severity(&self) -> f64 {
        let change = self.change.as_ref().map_or(0.0, |change| change.point);
        if self.higher_is_better { -change } else { change }
    }
}

/// Share by which it changed; by how many units, where levels are not above 0.
fn change(evidence: &Evidence, level: f64) -> Option<Estimate> {
    let gap = evidence.gap();
    let (lower, upper) = gap.interval(level)?;
    let method = match (evidence.basis, evidence.log) {
        (Basis::Samples, true) => "Welch t on winsorised logs, AR(1) effective n",
        (Basis::Samples, false) => "Welch t on winsorised values, AR(1) effective n",
        (Basis::Runs, true) => "Welch t on the log locations of runs",
        (Basis::Runs, false) => "Welch t on the locations of runs",
        (Basis::Summaries, true) => "Welch t on summaries, delta method",
        (Basis::Summaries, false) => "Welch t on summaries",
    };
    let n = evidence.before.n.saturating_add(evidence.after.n);
    let change = Estimate { point: gap.point, lower, upper, level, n, method: method.into() };
    Some(if evidence.log { change.map(f64::exp_m1) } else { change })
}

/// Puts the corrected p-values in; how many there are.
fn correct(trials: &mut [Trial]) -> usize {
    let places: Vec<usize> = (0..trials.len()).filter(|i| trials[*i].judged.p_value.is_some()).collect();
    let p_values: Vec<f64> = places.iter().filter_map(|i| trials[*i].judged.p_value).collect();
    for (place, q) in places.iter().zip(benjamini_hochberg(&p_values)) {
        trials[*place].judged.q_value = Some(q);
    }
    places.len()
}

fn broken(current: &[BenchRun]) -> Vec<Judged> {
    let mut seen = HashSet::new();
    let all = current.iter().flat_map(|run| &run.broken).filter(|(name, _)| seen.insert(name.clone()));
    all.map(|(name, reason)| Judged {
        verdict: Verdict::Broken,
        reason: Some(reason.to_string()),
        ..Judged::undecided(name.clone())
    })
    .collect()
}

fn decision(benchmarks: &[Judged], settings: &GateSettings) -> Decision {
    let any = |wanted: &[Verdict]| benchmarks.iter().any(|b| wanted.contains(&b.verdict));
    let decided = any(&[Verdict::Improved, Verdict::Unchanged]);
    let undecided = any(&[Verdict::Broken])
        || any(&[Verdict::Inconclusive]) && !settings.some_undecided
        || any(&[Verdict::NoBaseline]) && !settings.some_new
        || any(&[Verdict::Gone]) && !settings.some_gone;
    match (any(&[Verdict::Regressed]), decided && !undecided) {
        (true, _) => Decision::Fail,
        (false, true) => Decision::Pass,
        (false, false) => Decision::NoDecision,
    }
}

/// The newest run of each side that says something of its machine.
fn host(baseline: &[BenchRun], current: &[BenchRun]) -> Option<Vec<(&'static str, Text, Text)>> {
    let known = |runs: &[BenchRun]| runs.iter().rev().map(|run| run.host.clone()).find(Host::is_known);
    Some(known(baseline)?.differences(&known(current)?))
}
