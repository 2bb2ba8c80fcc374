//! An additive effect that all observations share which are close in time: a slow host makes every task slower by about
//! the same number of seconds.
//!
//! Model: value = level of the observation's regime + effect at its time + noise. Levels and effect are fitted in turn
//! (backfitting: Friedman & Stuetzle, JASA 76, 1981), the effect robustly: a slow part, the weighted median of the
//! residuals within half a minute, and a quick part, an exponential kernel over what the slow part leaves. The constant
//! between the two is not identified by the fit; [`SharedEffect::anchor`] fixes it.

use super::location::{median_in_place, weighted_median_in_place};
use super::{MAD_TO_SD, mad, median, quantile};
use rayon::prelude::*;

/// How often a window may be doubled where neighbours are few: from half a minute to a day and a half.
const MAX_DOUBLINGS: u32 = 12;
/// Most neighbours that are looked at on each side.
const MAX_NEIGHBOURS: usize = 64;
/// Time constant of the quick part in seconds, and where its kernel is cut off, in time constants.
const QUICK_S: f64 = 1.0;
const REACH: f64 = 6.0;
/// The quick part shrinks to nothing where the kernel's mass falls below this.
const SHRINK: f64 = 0.5;
/// Residuals are pulled in to this many local scales, first and in the two rounds after.
const CLIPS: [f64; 3] = [2.5, 0.9, 0.9];
/// Rounds at most, and the mean move of the effect, in local scales, at which it has settled: a tenth of the error of a median
/// of a hundred.
const ROUNDS: usize = 10;
const SETTLED: f64 = 0.0125;
/// Smallest local scale, in the unit of the values: below it, differences are rounding.
const MIN_SCALE: f64 = 0.02;
/// Kernel mass at which the uncertainty changes class.
const MASS_CLASSES: [f64; 5] = [0.3, 1.0, 2.0, 4.0, 8.0];
/// Observations of a stretch whose median is taken, and stretches at most.
const MIN_STRETCH: usize = 50;
const MAX_STRETCHES: usize = 40;
/// Observations of a regime that may fix the constant.
const ANCHOR_MIN_N: usize = 20;
/// Observations of a group, the standard error of its slope, and groups that can tell, for a word on their agreement.
const MIN_MEMBERS: usize = 10;
const MAX_SLOPE_SE: f64 = 0.2;
/// A slope may be so far from 1 beside two standard errors.
const SLOPE_SLACK: f64 = 0.2;
const MIN_TELLING: usize = 3;
/// Standard error of a median over that of a mean, normal values: sqrt(pi / 2).
const MEDIAN_SE: f64 = 1.2533;

/// Observations in the order of their times.
#[derive(Clone, Copy, Debug)]
pub struct Observations<'a> {
    /// Seconds, ascending.
    pub time_s: &'a [f64],
    /// Values.
    pub value: &'a [f64],
    /// What is observed: observations of one group share a level but for changes.
    pub group: &'a [usize],
    /// Stretch of the group without a change; numbered over all groups from 0.
    pub regime: &'a [usize],
}

/// The effect at each observation, up to a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedEffect {
    /// Effect, in the unit of the values.
    pub effect: Vec<f64>,
    /// Standard deviation of the error of `effect` at that observation.
    pub uncertainty: Vec<f64>,
    /// Neighbours it rests on.
    pub support: Vec<u32>,
}

/// Who counts as a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// Only observations of other groups, so that a group's own change is not taken for a shared effect.
    OtherGroups,
    /// All others: once changes have regimes of their own, siblings in a burst tell of it best.
    AllOthers,
}

/// How fast the effect may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Half width of the slow part's window, in seconds.
    pub slow_s: f64,
    /// Neighbours that the window should hold: it is doubled until it does.
    pub min_neighbours: usize,
    /// Is there a quick part, over seconds?
    pub quick: bool,
}

impl Pace {
    /// Weeks of runs within an hour: the load changes from second to second.
    pub const BURST: Self = Self { slow_s: 30.0, min_neighbours: 8, quick: true };
    /// Runs on schedule: the same tasks at the same hour, so what is shared is told by the day.
    pub const DAILY: Self = Self { slow_s: 43_200.0, min_neighbours: 24, quick: false };
}

struct Near {
    /// Window of the slow part.
    slow: Vec<u32>,
    /// Within reach of the kernel, with its weight.
    quick: Vec<(u32, f64)>,
}

/// Fits the effect. Cost: rounds x observations x neighbours (at most 128); runs on all threads, with the same result on any
/// number of them.
///
/// Slices of different lengths give an empty result.
#[must_use]
pub fn fit_shared_effect(observations: Observations<'_>, neighbours: Neighbours, pace: Pace) -> SharedEffect {
    let Observations { value, group, regime, .. } = observations;
    let n = value.len();
    if n == 0 || [observations.time_s.len(), group.len(), regime.len()].iter().any(|len| *len != n) {
        return SharedEffect { effect: Vec::new(), uncertainty: Vec::new(), support: Vec::new() };
    }
    let near: Vec<Near> = (0..n).into_par_iter().map(|i| Near::of(i, &observations, neighbours, pace)).collect();
    let regimes = members(regime);
    let groups = members(group);
    let mut level = spread(&regimes, &medians(value, &regimes), n);
    let mut weight = vec![1.0; n];
    let (mut effect, mut scale, mut mass) = (vec![0.0; n], vec![MIN_SCALE; n], vec![0.0; n]);
    for _ in 0..ROUNDS {
        let rest: Vec<f64> = value.iter().zip(&level).map(|(v, l)| v - l).collect();
        let slow: Vec<f64> =
            near.par_iter().map_init(Vec::new, |scratch, near| near.slow_part(&rest, &weight, scratch)).collect();
        let rough: Vec<f64> = rest.iter().zip(&slow).map(|(r, s)| r - s).collect();
        scale = near.par_iter().map_init(Vec::new, |scratch, near| near.scale(&rough, scratch)).collect();
        let quick: Vec<(f64, f64)> =
            near.par_iter().zip(&scale).map(|(near, scale)| near.quick_part(&rough, &weight, *scale)).collect();
        let before = std::mem::replace(&mut effect, slow.iter().zip(&quick).map(|(s, (q, _))| s + q).collect());
        let moves = effect.iter().zip(&before).zip(&scale).map(|((now, before), scale)| (now - before).abs() / scale);
        let settled = moves.sum::<f64>() <= SETTLED * n as f64;
        mass = quick.iter().map(|(_, mass)| *mass).collect();
        let clean: Vec<f64> = value.iter().zip(&effect).map(|(v, e)| v - e).collect();
        level = spread(&regimes, &medians(&clean, &regimes), n);
        weight = precision(&clean, &level, &scale, &groups);
        if settled {
            break;
        }
    }
    let miss: Vec<f64> = (0..n).map(|i| value[i] - effect[i] - level[i]).collect();
    let uncertainty = match pace.quick {
        true => uncertainty(&near, &miss, &scale, &mass),
        false => {
            near.par_iter().map_init(Vec::new, |scratch, near| near.error_of_median(&miss, &weight, scratch)).collect()
        }
    };
    let support = near.iter().map(|near| near.slow.len() as u32).collect();
    SharedEffect { effect, uncertainty, support }
}

impl SharedEffect {
    /// How far the effect swings over time: the 5 % and 95 % quantiles of its medians over stretches of equal numbers of
    /// observations, and the noise of a single observation, all in the unit of the values.
    #[must_use]
    pub fn swing(&self) -> Option<(f64, f64, f64)> {
        let n = self.effect.len();
        let size = n.div_ceil((n / MIN_STRETCH).clamp(1, MAX_STRETCHES)).max(1);
        let mut medians: Vec<f64> = self.effect.chunks(size).filter_map(median).collect();
        medians.sort_by(f64::total_cmp);
        Some((quantile(&medians, 0.05)?, quantile(&medians, 0.95)?, median(&self.uncertainty)?))
    }

    /// Do the groups agree that it is the same number of units for each? The share, among the groups that can tell (standard
    /// error of the slope at most 0.2), whose values follow the effect one for one: slope of value on effect within two
    /// standard errors, and 0.2, of 1. Clipped least squares about the group's median. `None` where fewer than
    /// three groups can tell.
    #[must_use]
    pub fn agreement(&self, observations: Observations<'_>) -> Option<f64> {
        let slopes = members(observations.group).into_iter().filter_map(|members| {
            let centred = |of: &[f64]| {
                let own: Vec<f64> = members.iter().map(|&i| of[i]).collect();
                median(&own).map(|middle| own.into_iter().map(|v| v - middle).collect::<Vec<f64>>())
            };
            let (effect, value) = (centred(&self.effect)?, centred(observations.value)?);
            let squares: f64 = effect.iter().map(|e| e * e).sum();
            // A group that always ran under the same effect tells nothing.
            if squares <= 0.0 || !squares.is_finite() {
                return None;
            }
            let slope_of = |value: &[f64]| value.iter().zip(&effect).map(|(v, e)| v * e).sum::<f64>() / squares;
            // Noise about the group's own slope: one that does not follow must not pass for a noisy one.
            let rough = slope_of(&value);
            let noise = MAD_TO_SD * mad(&value.iter().zip(&effect).map(|(v, e)| v - rough * e).collect::<Vec<_>>())?;
            let near = |(v, e): (&f64, &f64)| v.clamp(rough * e - 3.0 * noise, rough * e + 3.0 * noise);
            let slope = slope_of(&value.iter().zip(&effect).map(near).collect::<Vec<_>>());
            let se = noise / squares.sqrt();
            (members.len() >= MIN_MEMBERS && slope.is_finite() && se <= MAX_SLOPE_SE).then_some((slope, se))
        });
        let slopes: Vec<(f64, f64)> = slopes.collect();
        let agree = slopes.iter().filter(|(slope, se)| (slope - 1.0).abs() <= SLOPE_SLACK + 2.0 * se).count();
        (slopes.len() >= MIN_TELLING).then(|| agree as f64 / slopes.len() as f64)
    }

    /// The constant to add to `effect`: the largest for which no regime's level is clearly below zero, that is, the smallest
    /// upper limit (median + 2 standard errors) of value - effect over regimes of at least 20 observations. It takes the
    /// quickest group to do nothing of its own, so levels are too low by what that group does do.
    #[must_use]
    pub fn anchor(&self, observations: Observations<'_>) -> f64 {
        let clean: Vec<f64> = observations.value.iter().zip(&self.effect).map(|(v, e)| v - e).collect();
        let upper = |members: &Vec<usize>| {
            let values: Vec<f64> = members.iter().map(|&i| clean[i]).collect();
            Some(median(&values)? + 2.0 * MEDIAN_SE * mad(&values)? / (values.len() as f64).sqrt())
        };
        let regimes = members(observations.regime);
        let uppers = regimes.iter().filter(|members| members.len() >= ANCHOR_MIN_N).filter_map(upper);
        let lowest = uppers.fold(f64::INFINITY, f64::min);
        if lowest.is_finite() {
            return lowest;
        }
        clean.into_iter().reduce(f64::min).unwrap_or(0.0)
    }
}

impl Near {
    fn of(i: usize, all: &Observations<'_>, who: Neighbours, pace: Pace) -> Self {
        let time = all.time_s;
        let counts = |j: usize| match who {
            Neighbours::OtherGroups => all.group[j] != all.group[i],
            Neighbours::AllOthers => j != i,
        };
        let within = |seconds: f64| -> Vec<u32> {
            let before = (0..i).rev().take_while(|&j| time[i] - time[j] <= seconds).filter(|&j| counts(j));
            let after = (i + 1..time.len()).take_while(|&j| time[j] - time[i] <= seconds).filter(|&j| counts(j));
            let mut near: Vec<u32> = before.take(MAX_NEIGHBOURS).map(|j| j as u32).collect();
            near.reverse();
            near.extend(after.take(MAX_NEIGHBOURS).map(|j| j as u32));
            near
        };
        let mut slow = within(pace.slow_s);
        for doubling in 1..=MAX_DOUBLINGS {
            if slow.len() >= pace.min_neighbours {
                break;
            }
            slow = within(pace.slow_s * f64::from(2_u32.pow(doubling)));
        }
        let quick = slow.iter().filter(|_| pace.quick).map(|&j| (j, (time[j as usize] - time[i]).abs() / QUICK_S));
        let quick = quick.filter(|(_, far)| *far <= REACH);
        let quick = quick.map(|(j, far)| (j, (-far).exp())).collect();
        Self { slow, quick }
    }

    fn slow_part(&self, rest: &[f64], weight: &[f64], scratch: &mut Vec<(f64, f64)>) -> f64 {
        scratch.clear();
        scratch.extend(self.slow.iter().map(|&j| (rest[j as usize], weight[j as usize])));
        weighted_median_in_place(scratch).unwrap_or(0.0)
    }

    /// Standard error of the weighted median, from how far its values lie from it.
    fn error_of_median(&self, miss: &[f64], weight: &[f64], scratch: &mut Vec<(f64, f64)>) -> f64 {
        scratch.clear();
        scratch.extend(self.slow.iter().map(|&j| (miss[j as usize].abs(), weight[j as usize])));
        let spread = MAD_TO_SD * weighted_median_in_place(scratch).unwrap_or(0.0);
        MEDIAN_SE * spread / (self.slow.len().max(1) as f64).sqrt()
    }

    fn scale(&self, rough: &[f64], scratch: &mut Vec<f64>) -> f64 {
        scratch.clear();
        scratch.extend(self.slow.iter().map(|&j| rough[j as usize].abs()));
        median_in_place(scratch).map_or(MIN_SCALE, |m| (MAD_TO_SD * m).max(MIN_SCALE))
    }

    /// The kernel's mean with residuals pulled in around it, and the kernel's mass.
    fn quick_part(&self, rough: &[f64], weight: &[f64], scale: f64) -> (f64, f64) {
        let mass: f64 = self.quick.iter().map(|&(j, kernel)| kernel * weight[j as usize]).sum();
        let centre = CLIPS.iter().fold(0.0, |centre, clip| {
            let limit = clip * scale;
            let pulled = |j: usize| centre + (rough[j] - centre).clamp(-limit, limit);
            let sum: f64 = self.quick.iter().map(|&(j, kernel)| kernel * weight[j as usize] * pulled(j as usize)).sum();
            sum / (mass + SHRINK)
        });
        (centre, mass)
    }
}

/// Places of the observations of each class.
fn members(class: &[usize]) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); class.iter().max().map_or(0, |max| max + 1)];
    for (i, &class) in class.iter().enumerate() {
        members[class].push(i);
    }
    members
}

fn medians(values: &[f64], classes: &[Vec<usize>]) -> Vec<f64> {
    let of = |members: &Vec<usize>| median(&members.iter().map(|&i| values[i]).collect::<Vec<_>>());
    classes.par_iter().map(|members| of(members).unwrap_or(0.0)).collect()
}

fn spread(classes: &[Vec<usize>], by_class: &[f64], n: usize) -> Vec<f64> {
    let mut values = vec![0.0; n];
    for (members, value) in classes.iter().zip(by_class) {
        members.iter().for_each(|&i| values[i] = *value);
    }
    values
}

/// Quiet groups say more about the shared effect than noisy ones.
fn precision(clean: &[f64], level: &[f64], scale: &[f64], groups: &[Vec<usize>]) -> Vec<f64> {
    let relative: Vec<f64> = (0..clean.len()).map(|i| (clean[i] - level[i]).abs() / scale[i]).collect();
    let noise = medians(&relative, groups);
    let weights: Vec<f64> = noise.iter().map(|noise| (MAD_TO_SD * noise).max(0.5).powi(-2)).collect();
    let weight = spread(groups, &weights, clean.len());
    let typical = median(&weight).unwrap_or(1.0);
    weight.iter().map(|w| w / typical).collect()
}

/// What few near neighbours cost, times how rough the minute is.
fn uncertainty(near: &[Near], miss: &[f64], scale: &[f64], mass: &[f64]) -> Vec<f64> {
    let class = |mass: f64| MASS_CLASSES.iter().filter(|edge| mass >= **edge).count();
    let mut by_class = vec![Vec::new(); MASS_CLASSES.len() + 1];
    for i in 0..miss.len() {
        by_class[class(mass[i])].push(miss[i].abs() / scale[i]);
    }
    let factor = |sizes: &Vec<f64>| match median(sizes) {
        Some(middle) if sizes.len() >= 10 => (MAD_TO_SD * middle).max(0.2),
        _ => 1.0,
    };
    let factors: Vec<f64> = by_class.iter().map(factor).collect();
    let unit: Vec<f64> = (0..miss.len()).map(|i| miss[i].abs() / factors[class(mass[i])]).collect();
    let local = |near: &Near| median(&near.slow.iter().map(|&j| unit[j as usize]).collect::<Vec<_>>());
    let size = |i: usize| factors[class(mass[i])] * MAD_TO_SD * local(&near[i]).unwrap_or(0.0);
    (0..miss.len()).into_par_iter().map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Eight groups that start every seven seconds in turn, under a host that becomes 3 s slower halfway.
    fn fleet() -> (Vec<f64>, Vec<f64>, Vec<usize>) {
        let time: Vec<f64> = (0..400).map(|i| f64::from(i) * 7.0).collect();
        let group: Vec<usize> = (0..400).map(|i| i % 8).collect();
        let jitter = |i: usize| ((i * 37 % 11) as f64 - 5.0) * 0.01;
        let value = (0..400).map(|i| group[i] as f64 + if i < 200 { 1.0 } else { 4.0 } + jitter(i)).collect();
        (time, value, group)
    }

    #[test]
    fn a_step_of_the_host_is_found_and_the_groups_keep_their_levels() {
        let (time, value, group) = fleet();
        let observations = Observations { time_s: &time, value: &value, group: &group, regime: &group };
        let fit = fit_shared_effect(observations, Neighbours::OtherGroups, Pace::BURST);
        let constant = fit.anchor(observations);
        for i in (20..180).chain(220..380) {
            let clean = value[i] - fit.effect[i] - constant;
            assert!((clean - group[i] as f64).abs() < 0.2, "{i}: {clean} for group {}", group[i]);
        }
    }

    #[test]
    fn a_change_of_one_group_is_not_taken_for_the_hosts() {
        let (time, mut value, group) = fleet();
        for i in (0..400).filter(|&i| i >= 200 && group[i] == 3) {
            value[i] += 2.0;
        }
        let observations = Observations { time_s: &time, value: &value, group: &group, regime: &group };
        let fit = fit_shared_effect(observations, Neighbours::OtherGroups, Pace::BURST);
        let side = |from: usize| {
            let places = (from + 20..from + 180).filter(|&i| group[i] == 3);
            median(&places.map(|i| value[i] - fit.effect[i]).collect::<Vec<_>>()).expect("values")
        };
        assert!((side(200) - side(0) - 2.0).abs() < 0.2, "{}", side(200) - side(0));
    }

    #[test]
    fn groups_agree_on_a_shift_of_all_and_not_on_one_of_half_or_by_a_factor() {
        let (time, _, group) = fleet();
        let effect: Vec<f64> = (0..400).map(|i| if i < 200 { 0.0 } else { 3.0 }).collect();
        let shared = SharedEffect { effect: effect.clone(), uncertainty: vec![0.1; 400], support: vec![8; 400] };
        let jitter = |i: usize| ((i * 37 % 11) as f64 - 5.0) * 0.01;
        let agreement = |shift: &dyn Fn(usize) -> f64| {
            let value: Vec<f64> = (0..400).map(|i| 5.0 + jitter(i) + effect[i] * shift(group[i])).collect();
            shared.agreement(Observations { time_s: &time, value: &value, group: &group, regime: &group })
        };
        assert_eq!(agreement(&|_| 1.0), Some(1.0));
        assert_eq!(agreement(&|group| if group < 4 { 1.0 } else { 0.0 }), Some(0.5));
        assert!(agreement(&|group| 0.3 * (group as f64 + 1.0)).is_some_and(|share| share < 0.5));
    }

    #[test]
    fn empty_and_lopsided_input_gives_nothing() {
        let empty = Observations { time_s: &[], value: &[], group: &[], regime: &[] };
        assert!(fit_shared_effect(empty, Neighbours::AllOthers, Pace::BURST).effect.is_empty());
        let lopsided = Observations { time_s: &[1.0], value: &[], group: &[], regime: &[] };
        assert!(fit_shared_effect(lopsided, Neighbours::AllOthers, Pace::DAILY).effect.is_empty());
        let one = Observations { time_s: &[1.0], value: &[5.0], group: &[0], regime: &[0] };
        assert_eq!(fit_shared_effect(one, Neighbours::AllOthers, Pace::DAILY).effect.len(), 1);
    }
}
