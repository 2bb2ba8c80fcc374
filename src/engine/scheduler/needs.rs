//! What a task takes of the machine while it runs.

/// Shares of the machine, of which 1 is all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Needs {
    /// Of its processors.
    pub cpu: f64,
    /// Of its memory.
    pub memory: f64,
    /// Of the throughput of its disks.
    pub io: f64,
    /// Of the throughput of its network.
    pub network: f64,
}

/// Sums of shares are not exact.
const ROUNDING: f64 = 1e-9;

impl Needs {
    /// No limit.
    pub const UNLIMITED: Self =
        Self { cpu: f64::INFINITY, memory: f64::INFINITY, io: f64::INFINITY, network: f64::INFINITY };

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    /// Without the other, not below none.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with(other, |a, b| (a - b).max(0.0))
    }

    /// Is each no more than the limit's?
    #[must_use]
    pub fn is_within(self, limit: Self) -> bool {
        let within = |share: f64, limit: f64| share <= limit + ROUNDING;
        within(self.cpu, limit.cpu)
            && within(self.memory, limit.memory)
            && within(self.io, limit.io)
            && within(self.network, limit.network)
    }

    fn with(self, other: Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            cpu: join(self.cpu, other.cpu),
            memory: join(self.memory, other.memory),
            io: join(self.io, other.io),
            network: join(self.network, other.network),
        }
    }
}
