//! Squared error of any stretch of a series around its mean, in constant time.

/// Prefix sums that give the squared error of any segment around its weighted mean in O(1).
pub(super) struct Cost {
    weight: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Cost {
    /// `None` if lengths differ, a value is not finite or a weight is not above 0.
    pub(super) fn new(values: &[f64], weights: Option<&[f64]>) -> Option<Self> {
        if weights.is_some_and(|w| w.len() != values.len() || w.iter().any(|w| !(*w > 0.0 && w.is_finite())))
            || values.iter().any(|v| !v.is_finite())
        {
            return None;
        }
        // Centred values keep the difference of squares from cancelling when the level is far from zero.
        let centre = values.iter().map(|v| v / values.len() as f64).sum::<f64>();
        let mut sums = Self { weight: vec![0.0], first: vec![0.0], second: vec![0.0] };
        let (mut w_sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for (i, v) in values.iter().enumerate() {
            let (w, x) = (weights.map_or(1.0, |w| w[i]), v - centre);
            w_sum += w;
            first += w * x;
            second += w * x * x;
            sums.weight.push(w_sum);
            sums.first.push(first);
            sums.second.push(second);
        }
        Some(sums)
    }

    /// Weight, sum and sum of squares of the points before `place`.
    pub(super) fn at(&self, place: usize) -> (f64, f64, f64) {
        (self.weight[place], self.first[place], self.second[place])
    }

    /// Squared error of the points from..to around their mean.
    #[cfg(test)]
    pub(super) fn of(&self, from: usize, to: usize) -> f64 {
        let weight = self.weight[to] - self.weight[from];
        if weight <= 0.0 {
            return 0.0;
        }
        let first = self.first[to] - self.first[from];
        (self.second[to] - self.second[from] - first * first / weight).max(0.0)
    }

    /// Squared error around the means between `changes`.
    #[cfg(test)]
    pub(super) fn of_segments(&self, changes: &[usize]) -> f64 {
        let mut from = 0;
        let ends = changes.iter().copied().chain([self.weight.len() - 1]);
        ends.map(|to| self.of(std::mem::replace(&mut from, to), to)).sum()
    }
}
