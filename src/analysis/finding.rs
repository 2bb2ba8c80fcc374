//! Changes that survived the comparison with all other series, in words and numbers.

use super::{
    axis::DagAxis,
    change::{Change, Judged, What, residuals},
    minutes::{Cadence, minutes},
    result::{Episode, Finding, Trend},
    series::Series,
    settings::Settings,
};
use crate::{
    model::{Quantity, RunType, SeriesKey, TimeRange, Timestamp},
    stats::{
        Estimate, Scale, Uneven, rate, ratio, risk_ratio, spread_ratio, uneven_difference, uneven_level, uneven_ratio,
        uneven_slope,
    },
};

/// A judged series with its change and the change's q-value.
pub(super) struct Case<'a> {
    pub(super) series: &'a Series,
    pub(super) judged: &'a Judged,
    pub(super) change: &'a Change,
    pub(super) q_value: f64,
    /// The key of the finding: that of the series, or of its spread.
    pub(super) key: SeriesKey,
    pub(super) window: TimeRange,
    pub(super) settings: &'a Settings,
    pub(super) axis: &'a DagAxis,
}

impl Case<'_> {
    /// The finding of a step, unless its effect cannot be told or is too small to care.
    pub(super) fn step(&self) -> Option<Finding> {
        let What::Step { from, at, low, high, to } = self.change.what else { return None };
        let points = &self.series.points;
        if self.series.is_beyond_volume(from..at, at..to) {
            return None;
        }
        let effect = self.effect(from, at, to)?;
        let small = effect.point.ln().abs() < self.settings.min_effect.ln_1p();
        let raw = self.effect_raw(from, at, to);
        if small || effect.contains(1.0) || self.was_only_taken_off(&effect, raw.as_ref()) {
            return None;
        }
        let (before, after) = (self.level(from, at)?, self.level(at, to)?);
        let runs_still = points.last().is_some_and(|last| last.at >= self.window.from);
        let cadence = if !runs_still {
            Cadence::Stopped
        } else if self.axis.has_pace() {
            Cadence::of(&points[at..to])
        } else {
            Cadence::Unknown
        };
        let changed_at = points[at].at;
        Some(Finding {
            id: id(&self.key, changed_at),
            key: self.key.clone(),
            changed_at,
            // The change lies between the last run that is surely old and the first that is surely new.
            changed_low: points[low].at,
            changed_high: points[high.min(points.len() - 1)].at,
            in_window: self.window.contains(changed_at),
            is_new: points[(at + TELLS - 1).min(points.len() - 1)].at >= self.window.from,
            effect_raw: raw.unwrap_or_else(|| effect.clone()),
            at_volume: (!self.is_spread()).then(|| self.series.equal_volume(from, at, to)).flatten(),
            minutes_lost_per_week: self.minutes(from, at, to, cadence),
            evidence: self.evidence(from, at, to, &effect),
            last_run: points.last().map_or(changed_at, |last| last.at),
            effect,
            q_value: self.q_value,
            before,
            after,
            n_before: at - from,
            n_after: to - at,
            also: Vec::new(),
            acknowledged: self.acknowledged(),
        })
    }

    /// The episode that an excursion is.
    pub(super) fn episode(&self) -> Option<Episode> {
        let What::Excursion { from, to } = self.change.what else { return None };
        let points = &self.series.points;
        let around: Vec<usize> = (0..points.len()).filter(|i| !(from..to).contains(i)).collect();
        let value: Vec<f64> = around.iter().map(|&i| self.judged.value[i]).collect();
        let sd: Vec<f64> = around.iter().map(|&i| self.judged.sd[i]).collect();
        let outside = Uneven { value: &value, sd: &sd, scale: self.judged.uneven().scale };
        let effect = self.ratio(outside, self.judged.uneven().slice(from, to))?;
        let raw = |places: &[usize]| places.iter().map(|&i| points[i].raw).collect::<Vec<f64>>();
        let inside: Vec<usize> = (from..to).collect();
        let recorded = ratio(&raw(&around), &raw(&inside), self.settings.level);
        let recorded = recorded.map(|ratio| ratio.widened(self.judged.inflation, true));
        if self.was_only_taken_off(&effect, recorded.as_ref()) {
            return None;
        }
        Some(self.episode_of(from, to, effect))
    }

    /// Did what was recorded surely not change, but only what was taken off it for the overhead that all tasks share? Where runs
    /// come as fast as they can, that swings by more than tasks take, and hides changes as often as it makes them.
    fn was_only_taken_off(&self, effect: &Estimate, recorded: Option<&Estimate>) -> bool {
        let comparable = !self.axis.caught_up && self.series.at_volume.is_none();
        comparable && recorded.is_some_and(|recorded| recorded.contains(1.0) && !recorded.contains(effect.point))
    }

    /// An episode between two points.
    pub(super) fn episode_of(&self, from: usize, to: usize, effect: Estimate) -> Episode {
        let points = &self.series.points;
        let range = TimeRange { from: points[from].at, to: points[to.min(points.len() - 1)].at };
        let evidence = vec![format!("{} runs stand out; the level before and after is the same", to - from)];
        Episode {
            id: id(&self.key, range.from),
            key: self.key.clone(),
            range,
            effect,
            q_value: self.q_value,
            n: to - from,
            evidence,
        }
    }

    /// The trend.
    pub(super) fn trend(&self) -> Option<Trend> {
        if self.change.what != What::Trend {
            return None;
        }
        let points = &self.series.points;
        let range = TimeRange { from: points.first()?.at, to: points.last()?.at };
        let weeks: Vec<f64> = points.iter().map(|p| p.at.seconds_since(range.from) / WEEK_S).collect();
        let slope = uneven_slope(&weeks, self.judged.uneven(), self.settings.level)?;
        let middle = if self.judged.logs { 1.0 } else { crate::stats::median(&self.judged.value)? };
        if middle <= 0.0 {
            return None;
        }
        let per_week = if self.judged.logs { slope.map(f64::exp_m1) } else { slope.map(|s| s / middle) };
        let total = per_week.point * range.days() / 7.0;
        let evidence = vec![format!(
            "a straight line describes the {} runs better than a step; {:+.0} % over {:.0} days",
            points.len(),
            total * 100.0,
            range.days()
        )];
        let clear = total.abs() >= MIN_CREEP && !per_week.contains(0.0);
        clear.then(|| Trend {
            id: id(&self.key, range.from),
            key: self.key.clone(),
            range,
            per_week,
            q_value: self.q_value,
            evidence,
        })
    }

    fn is_spread(&self) -> bool {
        self.key.quantity == Quantity::Spread
    }

    fn effect(&self, from: usize, at: usize, to: usize) -> Option<Estimate> {
        if self.is_spread() {
            let residuals = residuals(self.judged);
            return spread_ratio(&residuals[from..at], &residuals[at..to], self.settings.level);
        }
        if self.key.quantity.is_rate() {
            let (a, b) = (self.failures(from, at), self.failures(at, to));
            return risk_ratio(a, at - from, b, to - at, self.settings.level);
        }
        let all = self.judged.uneven();
        self.ratio(all.slice(from, at), all.slice(at, to))
    }

    fn ratio(&self, before: Uneven<'_>, after: Uneven<'_>) -> Option<Estimate> {
        let ratio = if self.judged.logs {
            uneven_difference(before, after, self.settings.level).map(|difference| difference.map(f64::exp))
        } else {
            uneven_ratio(before, after, self.settings.level)
        };
        ratio.map(|ratio| ratio.widened(self.judged.inflation, true))
    }

    fn effect_raw(&self, from: usize, at: usize, to: usize) -> Option<Estimate> {
        if self.is_spread() || self.key.quantity.is_rate() {
            return self.effect(from, at, to);
        }
        let raw: Vec<f64> = self.series.points.iter().map(|point| point.raw).collect();
        ratio(&raw[from..at], &raw[at..to], self.settings.level).map(|ratio| ratio.widened(self.judged.inflation, true))
    }

    /// Level of a stretch in the quantity's unit.
    fn level(&self, from: usize, to: usize) -> Option<Estimate> {
        level_of(self.series, self.judged, from, to, self.settings.level)
    }

    fn minutes(&self, from: usize, at: usize, to: usize, cadence: Cadence) -> Estimate {
        let all = self.judged.uneven();
        let seconds = if self.is_spread() || self.key.quantity.is_rate() {
            None
        } else if self.judged.logs {
            let plain = |a: usize, b: usize| self.series.points[a..b].iter().map(|p| p.adjusted).collect::<Vec<_>>();
            let (before, after) = (plain(from, at), plain(at, to));
            let (zeros, more) = (vec![0.0; before.len()], vec![0.0; after.len()]);
            uneven_difference(
                Uneven { value: &before, sd: &zeros, scale: Scale::Plain },
                Uneven { value: &after, sd: &more, scale: Scale::Plain },
                self.settings.level,
            )
        } else {
            uneven_difference(all.slice(from, at), all.slice(at, to), self.settings.level)
        };
        let seconds = seconds.map(|seconds| seconds.widened(self.judged.inflation, false));
        minutes(seconds, cadence, self.settings.level)
    }

    fn failures(&self, from: usize, to: usize) -> usize {
        self.series.points[from..to].iter().filter(|point| point.raw > 0.5).count()
    }

    fn evidence(&self, from: usize, at: usize, to: usize, effect: &Estimate) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.key.quantity.is_rate() {
            sentences.push(format!(
                "{} of {} runs before, {} of {} since",
                self.failures(from, at),
                at - from,
                self.failures(at, to),
                to - at
            ));
        }
        if !self.key.quantity.is_rate() && !self.is_spread() {
            let value = &self.judged.value;
            let before = crate::stats::median(&value[from..at]).unwrap_or(f64::NAN);
            let rose = effect.point > 1.0;
            let beyond = value[at..to].iter().filter(|v| if rose { **v > before } else { **v < before }).count();
            let side = if rose { "above" } else { "below" };
            sentences.push(format!("{beyond} of {} runs since lie {side} the median before", to - at));
            sentences.extend(self.series.equal_volume(from, at, to).map(|volume| {
                format!(
                    "judged at equal {}: it handles {:+.0} % since, and takes {:.2} % longer for each per cent more",
                    volume.unit,
                    (volume.ratio - 1.0) * 100.0,
                    volume.elasticity.point
                )
            }));
        }
        sentences
    }

    fn acknowledged(&self) -> Option<String> {
        let mut known = self.settings.acknowledged.iter().filter(|known| known.is_about(&self.key));
        let known = known.find(|known| self.window.to <= known.until)?;
        Some(format!("{} (until {})", known.reason, known.until.date_string()))
    }
}

/// Level of a stretch of a series in the unit of its quantity.
pub(super) fn level_of(series: &Series, judged: &Judged, from: usize, to: usize, level: f64) -> Option<Estimate> {
    if series.key.quantity.is_rate() {
        let hits = series.points[from..to].iter().filter(|point| point.raw > 0.5).count();
        return rate(hits, to - from, level);
    }
    let at = uneven_level(judged.uneven().slice(from, to), level)?;
    Some(if judged.logs { at.map(f64::exp) } else { at })
}

/// Runs of a new level from which on it can be told from chance.
pub(super) const TELLS: usize = 5;
const WEEK_S: f64 = 7.0 * 86_400.0;
/// Smallest change over the whole history that is called creep.
const MIN_CREEP: f64 = 0.2;

/// The same change of the same series has the same id next week: it is made of the series and the day of the change.
fn id(key: &SeriesKey, at: Timestamp) -> String {
    let parts = [
        key.deployment.as_str(),
        &key.dag_id,
        key.task_id.as_deref().unwrap_or(""),
        match &key.run_type {
            RunType::Scheduled => "",
            other => other.as_str(),
        },
        &key.index.to_string(),
        key.quantity.as_str(),
    ];
    // FNV-1a, 64 bit: short, stable, and no secret depends on it.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}-{}-{:08x}", key.quantity.as_str().replace('_', "-"), at.date_string(), hash >> 32)
}
