//! Events in the order in which they come.

use super::{Event, Fate, Kind, OptionError, OrderOptions, curve::Curve, event::Happened};
use crate::{
    model::Timestamp,
    stats::{Draw, Zipf},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// Monday 2026-03-02, in microseconds since 1970: the first day.
const START: i64 = 20_514 * 86_400_000_000;

/// All events of a platform.
pub struct Events {
    options: OrderOptions,
    curve: Curve,
    customers: Zipf,
    products: Zipf,
    arrivals: Draw,
    contents: Draw,
    fates: Draw,
    /// Seconds since the start, up to which orders have come.
    at: f64,
    orders: u64,
    users: usize,
    clicks: u64,
    /// What is on its way: when it comes, and which.
    coming: BinaryHeap<Reverse<(i64, u64)>>,
    under_way: BTreeMap<u64, (Happened, Fate, bool)>,
    next: u64,
}

impl Events {
    /// All events of that platform.
    ///
    /// # Errors
    /// Where there cannot be such a platform.
    pub fn new(options: &OrderOptions) -> Result<Self, OptionError> {
        options.check()?;
        Ok(Self {
            curve: Curve::new(options),
            customers: Zipf::new(options.customers, options.customer_skew),
            products: Zipf::new(options.products, options.product_skew),
            arrivals: Draw::keyed(options.seed, &[2]),
            contents: Draw::keyed(options.seed, &[3]),
            fates: Draw::keyed(options.seed, &[4]),
            at: 0.0,
            orders: 0,
            users: options.customers,
            clicks: 0,
            coming: BinaryHeap::new(),
            under_way: BTreeMap::new(),
            next: 0,
            options: options.clone(),
        })
    }

    /// The next order, with all that belongs to it; `false` once the days are over.
    fn order(&mut self) -> bool {
        let highest = self.curve.highest();
        loop {
            self.at += self.arrivals.exponential(1.0 / highest);
            if self.at >= self.options.days * 86_400.0 {
                return false;
            }
            if self.arrivals.chance(self.curve.rate(self.at) / highest) {
                break;
            }
        }
        self.orders += 1;
        let (at, order) = (self.at, self.orders);
        let customer = if self.contents.chance(self.options.new_customers) {
            self.users += 1;
            self.happens(Kind::User, self.users as u64, at - 60.0, self.users, 0, Vec::new());
            self.users
        } else {
            self.customers.draw(&mut self.contents)
        };
        let count = 1 + self.contents.poisson(self.options.lines - 1.0);
        let lines: Vec<(usize, u64, u64)> = (0..count)
            .map(|_| {
                let product = self.products.draw(&mut self.contents);
                // The price is the product's own: from its number, not from the stream.
                let cents =
                    Draw::keyed(self.options.seed, &[5, product as u64]).log_normal(2500.0, 0.9).clamp(99.0, 5e6);
                (product, 1 + self.contents.poisson(0.3), cents as u64)
            })
            .collect();
        for _ in 0..self.contents.poisson(self.options.clicks) {
            self.clicks += 1;
            let product = self.products.draw(&mut self.contents);
            let seconds = self.contents.log_normal(8.0, 1.0).clamp(1.0, 3600.0) as u64;
            let before = self.contents.exponential(300.0);
            self.happens(Kind::Click, self.clicks, at - before, customer, 0, vec![(product, seconds, 0)]);
        }
        self.happens(Kind::Order, order, at, customer, order, lines.clone());
        let paid = at + self.contents.log_normal(40.0, 1.0);
        self.happens(Kind::Payment, order, paid, customer, order, lines.clone());
        let sent = paid + self.contents.log_normal(1800.0, 0.8);
        self.happens(Kind::Stock, order, sent, customer, order, lines);
        true
    }

    fn happens(
        &mut self,
        kind: Kind,
        number: u64,
        at: f64,
        customer: usize,
        order: u64,
        lines: Vec<(usize, u64, u64)>,
    ) {
        let happened_at = START + (at * 1e6) as i64;
        let happened = Happened { kind, number, at: Timestamp::from_micros(happened_at), customer, order, lines };
        let options = &self.options;
        let fate = match self.fates.uniform() {
            share if share < options.poison => Fate::Poison,
            share if share < options.poison + options.malformed => Fate::Malformed,
            _ => Fate::Sound,
        };
        let mut delay = self.fates.exponential(0.5);
        let late = self.fates.chance(options.late);
        if late {
            delay += self.fates.log_normal(options.late_seconds, 1.0);
        }
        if fate == Fate::Sound && self.fates.chance(options.duplicates) {
            let again = delay + self.fates.exponential(30.0);
            self.comes(happened_at + (again * 1e6) as i64, happened.clone(), Fate::Duplicate, false);
        }
        self.comes(happened_at + (delay * 1e6) as i64, happened, fate, late);
    }

    fn comes(&mut self, at: i64, happened: Happened, fate: Fate, late: bool) {
        self.next += 1;
        self.coming.push(Reverse((at, self.next)));
        self.under_way.insert(self.next, (happened, fate, late));
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        /// Nothing that belongs to an order comes longer before it, but for clicks that were long before: those are late then.
        const BEFORE: f64 = 900.0;
        while self.coming.peek().is_none_or(|Reverse((at, _))| *at > START + ((self.at - BEFORE) * 1e6) as i64) {
            if !self.order() {
                break;
            }
        }
        let Reverse((_, key)) = self.coming.pop()?;
        let (happened, fate, late) = self.under_way.remove(&key)?;
        let mut text = happened.line(fate == Fate::Poison);
        if fate == Fate::Malformed {
            // Cut off somewhere: all of it is ASCII.
            text.truncate(1 + self.fates.below(text.len() as u64 - 1) as usize);
        }
        let cents = if happened.kind == Kind::Order { happened.cents() } else { 0 };
        Some(Event { text, kind: happened.kind, fate, late, cents })
    }
}
