//! What an instance asks of the machine in one try, and how fast several go on when they share it.

use super::configuration::Configuration;
use crate::model::{Drawn, Platform, PlatformInstance};

/// What a try takes if it has the machine for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Seconds of one processor.
    pub cpu_s: f64,
    /// Bytes of disk.
    pub io: f64,
    /// Bytes of network.
    pub network: f64,
    /// Seconds in which it starts.
    pub startup_s: f64,
    /// Seconds in which it waits for what is behind its pool.
    pub wait_s: f64,
    /// Its pool and slots.
    pub pool: (u32, u32),
    /// Bytes of memory while it runs.
    pub memory: f64,
}

/// Bytes a second that one task's disk and network traffic reaches at most: one stream does not fill a device.
const STREAM_SHARE: f64 = 0.25;
/// Rounds in which shares are settled, and how close is close enough.
const ROUNDS: usize = 60;
const CLOSE: f64 = 1e-6;

impl Load {
    /// Of an instance on a day.
    #[must_use]
    pub fn of(platform: &Platform, of: PlatformInstance, drawn: Drawn, configuration: &Configuration) -> Self {
        let task = platform.task(of);
        let items = task.items / f64::from(task.parts) * drawn.items;
        let at_once = configuration.batches[of.dag as usize][of.task as usize].unwrap_or(f64::INFINITY).min(items);
        let batches = if items > 0.0 { (items / at_once.max(1.0)).ceil() } else { 0.0 };
        Self {
            cpu_s: task.cpu_s * items * drawn.seconds,
            io: task.io * items,
            network: task.network * items,
            startup_s: platform.startup_s,
            wait_s: (task.wait_s + task.batch_s * batches) * drawn.seconds,
            pool: (task.pool, task.slots),
            memory: task.process + task.memory * at_once * drawn.memory,
        }
    }

    /// Seconds of traffic, were the devices its own as far as one stream can have them.
    fn traffic(&self, platform: &Platform) -> (f64, f64) {
        let machine = &platform.machine;
        (self.io / (machine.io * STREAM_SHARE), self.network / (machine.network * STREAM_SHARE))
    }

    /// Seconds that it takes alone.
    #[must_use]
    pub fn alone_s(&self, platform: &Platform) -> f64 {
        let (io, network) = self.traffic(platform);
        self.cpu_s + io + network + self.startup_s + self.wait_s
    }
}

/// By how many times processors, disks, network and what is behind pools are slower for each than they would be alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Slowness {
    /// Processors.
    pub cpu: f64,
    /// Disks.
    pub io: f64,
    /// Network.
    pub network: f64,
    /// What is behind each pool: slots taken over those that it serves at full speed.
    pub pools: Vec<f64>,
}

impl Slowness {
    /// Nothing is slower.
    #[must_use]
    pub fn none(platform: &Platform) -> Self {
        Self { cpu: 1.0, io: 1.0, network: 1.0, pools: vec![1.0; platform.pools.len()] }
    }

    /// What a device has too little of is shared evenly by time (processor sharing: Kleinrock 1967): the slowness of each is the
    /// least at which all that run together do not ask for more than there is. A try does its work in small pieces, one kind after
    /// the other, so that one that waits for a device asks for less of the others.
    #[must_use]
    pub fn of(platform: &Platform, running: &[Load]) -> Self {
        let mut slow = Self::none(platform);
        for (place, pool) in (0..).zip(&platform.pools) {
            let taken: u32 = running.iter().filter(|load| load.pool.0 == place).map(|load| load.pool.1).sum();
            slow.pools[place as usize] = (f64::from(taken) / pool.serves).max(1.0);
        }
        for _ in 0..ROUNDS {
            let (mut cpu, mut io, mut network) = (0.0, 0.0, 0.0);
            for load in running {
                let rate = slow.rate(load, platform);
                cpu += load.cpu_s * rate;
                io += load.io * rate;
                network += load.network * rate;
            }
            let machine = &platform.machine;
            let mut moved: f64 = 0.0;
            for (of, asked) in [
                (&mut slow.cpu, cpu / machine.cores),
                (&mut slow.io, io / machine.io),
                (&mut slow.network, network / machine.network),
            ] {
                let next = (*of * asked).max(1.0);
                moved = moved.max((next / *of - 1.0).abs());
                *of = next;
            }
            if moved < CLOSE {
                break;
            }
        }
        slow
    }

    /// Share of a try that is done in a second.
    #[must_use]
    pub fn rate(&self, load: &Load, platform: &Platform) -> f64 {
        let (io, network) = load.traffic(platform);
        let behind = load.wait_s * self.pools[load.pool.0 as usize];
        let seconds = load.cpu_s * self.cpu + io * self.io + network * self.network + load.startup_s + behind;
        1.0 / seconds.max(f64::MIN_POSITIVE)
    }
}
