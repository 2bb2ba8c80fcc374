//! One event, as a line of JSON.

use crate::model::Timestamp;
use serde_json::{Value, json};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A customer ordered.
    Order,
    /// A customer paid.
    Payment,
    /// Stock went out.
    Stock,
    /// A customer looked at a product.
    Click,
    /// A customer came for the first time.
    User,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Order, Self::Payment, Self::Stock, Self::Click, Self::User];

    /// As it stands in the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Stock => "stock",
            Self::Click => "click",
            Self::User => "user",
        }
    }
}

/// What is to become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is to be handled.
    Sound,
    /// It came before: handling it must change nothing.
    Duplicate,
    /// It is no whole JSON.
    Malformed,
    /// It can never be handled: its amounts are below zero.
    Poison,
}

/// An event as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The line.
    pub text: String,
    /// What happened.
    pub kind: Kind,
    /// What is to become of it.
    pub fate: Fate,
    /// Was it held up on its way?
    pub late: bool,
    /// Amount of an order, in cents; 0 of anything else.
    pub cents: u64,
}

/// An event that happened, before it comes.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) kind: Kind,
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) customer: usize,
    /// Of a payment or of stock: the order.
    pub(super) order: u64,
    /// Product, how many, and cents apiece.
    pub(super) lines: Vec<(usize, u64, u64)>,
}

impl Happened {
    pub(super) fn cents(&self) -> u64 {
        self.lines.iter().map(|(_, quantity, cents)| quantity * cents).sum()
    }

    /// The line of JSON; `poison` has its amounts below zero.
    pub(super) fn line(&self, poison: bool) -> String {
        let (kind, number) = (self.kind.as_str(), self.number);
        let sign: i64 = if poison { -1 } else { 1 };
        let signed = |amount: u64| Value::from(sign * i64::try_from(amount).unwrap_or(i64::MAX));
        let line = |(product, quantity, cents): &(usize, u64, u64)| json!({"product": product, "quantity": signed(*quantity), "cents": cents});
        let lines: Vec<Value> = self.lines.iter().map(line).collect();
        let mut event = json!({"kind": kind, "id": format!("{kind}-{number}"), "at": self.at.to_string(), "customer": self.customer});
        let more = match self.kind {
            Kind::Order => json!({"lines": lines, "total_cents": signed(self.cents())}),
            Kind::Payment => json!({"order": format!("order-{}", self.order), "cents": signed(self.cents())}),
            Kind::Stock => json!({"order": format!("order-{}", self.order), "lines": lines}),
            Kind::Click => {
                json!({"product": self.lines.first().map_or(0, |line| line.0), "seconds": signed(self.lines.first().map_or(1, |line| line.1))})
            }
            Kind::User => json!({"visits": signed(1)}),
        };
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        event.to_string()
    }
}
