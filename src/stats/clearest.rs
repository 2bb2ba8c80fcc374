//! The clearest of many places for a step, looked at side by side in the widest registers that the processor has.

use pulp::{
    Simd, WithSimd,
    bytemuck::{cast, cast_slice, pod_read_unaligned},
};

/// Points before the place whose score is largest, the first of equals; the first place has `margin`. The same on each
/// processor, however wide its registers.
pub(super) fn clearest(sums: &[f64], time_sums: &[f64], margin: usize, score: &impl Score) -> Option<usize> {
    pulp::Arch::new().dispatch(Clearest { sums, time_sums, margin, score })
}

/// The square of how clear a step is, up to a factor: a fraction (over, under), so that nothing is divided. Of as many places
/// side by side as a register holds.
pub(super) trait Score {
    /// With `before` points before the place, whose values and times sum up to these.
    fn of<S: Simd>(&self, simd: S, sum: S::f64s, time_sum: S::f64s, before: S::f64s) -> (S::f64s, S::f64s);
}

/// [`StepScan::plain`](super::step_scan::StepScan::plain).
pub(super) struct Plain {
    pub(super) start: f64,
    pub(super) mean: f64,
    pub(super) n: f64,
}

impl Score for Plain {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, sum: S::f64s, _: S::f64s, before: S::f64s) -> (S::f64s, S::f64s) {
        let [start, mean, n] = [self.start, self.mean, self.n].map(|of| simd.splat_f64s(of));
        let gap = simd.sub_f64s(simd.sub_f64s(sum, start), simd.mul_f64s(mean, before));
        (simd.mul_f64s(gap, gap), simd.mul_f64s(before, simd.sub_f64s(n, before)))
    }
}

/// [`StepScan::beside_slope`](super::step_scan::StepScan::beside_slope), with what does not depend on the place taken out, and the signs of both gaps turned.
pub(super) struct BesideSlope {
    pub(super) value: f64,
    pub(super) time: f64,
    pub(super) mean: f64,
    pub(super) mean_time: f64,
    pub(super) slope: f64,
    pub(super) per_spread: f64,
    pub(super) per_n: f64,
    pub(super) n: f64,
}

impl Score for BesideSlope {
    #[inline(always)]
    fn of<S: Simd>(&self, simd: S, sum: S::f64s, time_sum: S::f64s, before: S::f64s) -> (S::f64s, S::f64s) {
        let (sub, mul) = (|a, b| simd.sub_f64s(a, b), |a, b| simd.mul_f64s(a, b));
        let [value, time, slope, n] = [self.value, self.time, self.slope, self.n].map(|of| simd.splat_f64s(of));
        let [mean, mean_time] = [self.mean, self.mean_time].map(|of| simd.splat_f64s(of));
        let [per_spread, per_n, little] = [self.per_spread, self.per_n, 1e-9].map(|of| simd.splat_f64s(of));
        let height = sub(sub(sum, value), mul(mean, before));
        let tilt = sub(sub(time_sum, time), mul(mean_time, before));
        let free = mul(mul(before, sub(n, before)), per_n);
        let left = sub(free, mul(mul(tilt, tilt), per_spread));
        let part = sub(height, mul(tilt, slope));
        // Where the slope explains everything there is nothing left to compare.
        let some = simd.greater_than_f64s(left, mul(free, little));
        let (none, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        (select(simd, some, mul(part, part), none), select(simd, some, left, one))
    }
}

/// `yes` where the mask is set, else `no`. (The library's own is not always part of its caller, which costs more than all else.)
#[inline(always)]
fn select<S: Simd>(simd: S, mask: S::m64s, yes: S::f64s, no: S::f64s) -> S::f64s {
    cast(simd.select_u64s(mask, cast(yes), cast(no)))
}

/// Best score of each lane of a register with the points before it.
#[derive(Clone, Copy)]
struct Best<F> {
    over: F,
    under: F,
    before: F,
}

impl<F: Copy> Best<F> {
    #[inline(always)]
    fn offer<S: Simd<f64s = F>>(&mut self, simd: S, before: F, (over, under): (F, F)) {
        let better = simd.greater_than_f64s(simd.mul_f64s(over, self.under), simd.mul_f64s(self.over, under));
        self.over = select(simd, better, over, self.over);
        self.under = select(simd, better, under, self.under);
        self.before = select(simd, better, before, self.before);
    }
}

/// Registers that are filled with places: each has a best of its own, so that none waits for another.
const SIDE_BY_SIDE: usize = 2;

/// Most lanes that a register has.
const LANES: usize = 8;

struct Clearest<'a, T> {
    sums: &'a [f64],
    time_sums: &'a [f64],
    margin: usize,
    score: &'a T,
}

impl<T: Score> WithSimd for Clearest<'_, T> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Option<usize> {
        let (sums, last_sums) = S::as_simd_f64s(self.sums);
        let (time_sums, last_time_sums) = S::as_simd_f64s(self.time_sums);
        let step = simd.splat_f64s(S::F64_LANES as f64);
        let lanes: [f64; LANES] = std::array::from_fn(|lane| (self.margin + lane) as f64);
        let mut before = pod_read_unaligned(cast_slice(&lanes[..S::F64_LANES]));
        let none = simd.splat_f64s(-1.0);
        let mut best = [Best { over: none, under: simd.splat_f64s(1.0), before: none }; SIDE_BY_SIDE];
        let (pairs, last) = sums.as_chunks::<SIDE_BY_SIDE>();
        let (time_pairs, last_time) = time_sums.as_chunks::<SIDE_BY_SIDE>();
        for (sums, time_sums) in pairs.iter().zip(time_pairs) {
            for (best, (sum, time_sum)) in best.iter_mut().zip(sums.iter().zip(time_sums)) {
                best.offer(simd, before, self.score.of(simd, *sum, *time_sum, before));
                before = simd.add_f64s(before, step);
            }
        }
        for (sum, time_sum) in last.iter().zip(last_time) {
            best[0].offer(simd, before, self.score.of(simd, *sum, *time_sum, before));
            before = simd.add_f64s(before, step);
        }
        let mut first = Best { over: -1.0, under: 1.0, before: -1.0 };
        let mut choose = |other: Best<f64>| {
            let (one, two) = (other.over * first.under, first.over * other.under);
            if one > two || (one == two && other.before < first.before) {
                first = other;
            }
        };
        for lanes in &best {
            let all = [lanes.over, lanes.under, lanes.before];
            let of = |i: usize| -> &[f64] { cast_slice(&all[i..=i]) };
            (0..S::F64_LANES).for_each(|l| choose(Best { over: of(0)[l], under: of(1)[l], before: of(2)[l] }));
        }
        let rest = self.margin + self.sums.len() - last_sums.len();
        for (i, (sum, time_sum)) in last_sums.iter().zip(last_time_sums).enumerate() {
            let before = (rest + i) as f64;
            let (over, under) = self.score.of(pulp::Scalar, *sum, *time_sum, before);
            choose(Best { over, under, before });
        }
        (first.before >= 0.0).then_some(first.before as usize)
    }
}
