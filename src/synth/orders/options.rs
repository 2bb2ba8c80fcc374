//! What the platform is like.

/// A platform.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderOptions {
    /// Seed.
    pub seed: u64,
    /// Orders a day, in the mean. Default 2,000,000.
    pub orders_per_day: f64,
    /// Days of events. Default 1.
    pub days: f64,
    /// Customers. Default 500,000.
    pub customers: usize,
    /// Products. Default 50,000.
    pub products: usize,
    /// Exponent of the skew of customers. Default 0.6.
    pub customer_skew: f64,
    /// Exponent of the skew of products. Default 1.05: a fifth of the sales are of the first few dozen.
    pub product_skew: f64,
    /// Lines of an order, in the mean. Default 2.3.
    pub lines: f64,
    /// Clicks an order, in the mean. Default 4.
    pub clicks: f64,
    /// Share of orders of new customers. Default 0.02.
    pub new_customers: f64,
    /// Flash sales a week. Default 2.
    pub flash_sales: f64,
    /// By how much they raise the rate while they last. Default 6.
    pub flash_factor: f64,
    /// How long they last, in hours. Default 1.
    pub flash_hours: f64,
    /// Share of events that come late. Default 0.02.
    pub late: f64,
    /// How late they come in the median, in seconds, log-normal with a sigma of 1. Default 600.
    pub late_seconds: f64,
    /// Share of events that come twice. Default 0.005.
    pub duplicates: f64,
    /// Share of events that are no whole JSON. Default 0.0005.
    pub malformed: f64,
    /// Share of events that can never be handled. Default 0.0001.
    pub poison: f64,
}

impl Default for OrderOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            orders_per_day: 2_000_000.0,
            days: 1.0,
            customers: 500_000,
            products: 50_000,
            customer_skew: 0.6,
            product_skew: 1.05,
            lines: 2.3,
            clicks: 4.0,
            new_customers: 0.02,
            flash_sales: 2.0,
            flash_factor: 6.0,
            flash_hours: 1.0,
            late: 0.02,
            late_seconds: 600.0,
            duplicates: 0.005,
            malformed: 0.0005,
            poison: 0.0001,
        }
    }
}

/// A platform that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{name}` is {value}; it must be {must}")]
pub struct OptionError {
    /// Which option.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What it must be.
    pub must: &'static str,
}

/// Most customers and products: their tables are held in memory.
const MOST: usize = 50_000_000;

impl OrderOptions {
    /// Whether such a platform can be.
    ///
    /// # Errors
    /// The first option that is out of its bounds.
    pub fn check(&self) -> Result<(), OptionError> {
        let shares = [
            ("new_customers", self.new_customers),
            ("late", self.late),
            ("duplicates", self.duplicates),
            ("malformed", self.malformed),
            ("poison", self.poison),
        ];
        let amounts = [
            ("customer_skew", self.customer_skew, 10.0),
            ("product_skew", self.product_skew, 10.0),
            ("clicks", self.clicks, 1e3),
            ("flash_sales", self.flash_sales, 1e3),
            ("late_seconds", self.late_seconds, 1e7),
        ];
        let positive = [
            ("orders_per_day", self.orders_per_day, 1e10),
            ("days", self.days, 3660.0),
            ("flash_hours", self.flash_hours, 168.0),
        ];
        let counts = [("customers", self.customers), ("products", self.products)];
        let error = |name, value, must| Err(OptionError { name, value, must });
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return error(name, value, "a share, 0 to 1");
            }
        }
        for (name, value, most) in amounts {
            if !(0.0..=most).contains(&value) {
                return error(name, value, "0 or more, and no more than anybody has");
            }
        }
        for (name, value, most) in positive {
            if !(value > 0.0 && value <= most) {
                return error(name, value, "more than 0, and no more than anybody has");
            }
        }
        for (name, value) in counts {
            if !(1..=MOST).contains(&value) {
                return error(name, value as f64, "1 to 50,000,000");
            }
        }
        if !(1.0..=100.0).contains(&self.lines) {
            return error("lines", self.lines, "1 to 100");
        }
        if !(1.0..=1e3).contains(&self.flash_factor) {
            return error("flash_factor", self.flash_factor, "1 to 1,000");
        }
        Ok(())
    }
}
