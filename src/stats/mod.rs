//! Numbers to estimates. No IO, no clock, no serde; every function names its source and its units.

mod estimate;

mod autocorrelation;
mod bend;
mod knee;
mod location;

mod compare;
mod sample;

mod clean;
mod clearest;
mod cost;
mod daily;
mod detect;
mod detector;
mod levels;
mod locate;
mod noise;
mod saddle;
mod seeded;
mod segment;
mod smallest_step;
mod step_scan;
mod validate;

mod ed_pelt;
mod elasticity;
mod energy;
mod online;
mod places;
mod power;
mod proportion;
mod rank_test;
mod rate_change;
mod ratios;
mod resample;
mod sieve;
mod spread;
mod trend;

mod draw;
mod excursion;
mod forecast;
mod forecast_at_volume;
mod gap;
mod geometric;
mod line;
mod means;
mod multiplicity;

mod parallel;
mod shared;
mod split;
mod weekday;
mod window;

#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod detect_tests;
mod distributions;
#[cfg(test)]
mod simulation;

pub use autocorrelation::{
    MAX_PHI, ar1_residual, ar1_robust, effective_sample_size, long_run_sd, noise_sd, noise_sd_given,
};
pub use clean::difference_sd;
pub use compare::{
    location, mean_difference, p_value_of_difference, ratio, ratio_of_locations, weighted_difference,
    weighted_location, weighted_ratio_of_locations,
};
pub use daily::calendar_pattern;
pub use detect::{Regimes, Step, Stretch, detect_regimes, detect_steps};
pub use detector::Detector;
pub use distributions::{deviate, expected_excess, normal_two_sided, student_quantile};
pub use draw::{Draw, Zipf, exp, ln};
pub use ed_pelt::ed_pelt;
pub use elasticity::elasticity;
pub use energy::e_divisive;
pub use estimate::Estimate;
pub use excursion::{Excursion, excursion};
pub use forecast::Forecaster;
pub use forecast_at_volume::VolumeForecaster;
pub use gap::{Gap, Level, levels};
pub use geometric::geometric_mean;
pub use knee::{as_good, knee};
pub use line::{line_beats_steps, uneven_slope, uneven_slope_p_value};
pub use location::{MAD_TO_SD, hodges_lehmann, mad, median, quantile, weighted_median, winsorise};
pub use means::{mean, plain_gap, plain_mean_difference};
pub use multiplicity::{benjamini_hochberg, benjamini_yekutieli};
pub use online::OnlineFdr;
pub use parallel::{both, parallel_map};
pub use power::{minimum_detectable_ratio, runs_needed};
pub use proportion::{fisher_exact_p, rate, risk_ratio};
pub use rank_test::{mann_whitney_p, permutation_p};
pub use rate_change::{RateChange, detect_rate_change};
pub use ratios::{Ratio, ratio_of_means, ratio_of_medians};
pub use resample::{bca, moving_block_bootstrap};
pub use segment::pelt;
pub use shared::{Neighbours, Observations, Pace, SharedEffect, fit_shared_effect};
pub use sieve::Sieve;
pub use split::{Scale, Split, Uneven, best_split, own_spread, splits, uneven_difference, uneven_level, uneven_ratio};
pub use spread::{SPREAD_ALPHA, brown_forsythe_p, detect_spread_change, detect_spread_change_of, spread_ratio};
pub use trend::{MAX_TREND_POINTS, theil_sen, trend_p_value};
pub use weekday::weekday_pattern;
