//! Any sequence of requests, releases, cancels and new sizes does what a plain list would do.

use super::{tests::spec, *};
use crate::engine::held::Held;
use proptest::prelude::*;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

#[derive(Clone, Debug)]
enum Act {
    Ask { pool: usize, slots: u32, both: bool, priority: u8 },
    Try { pool: usize, slots: u32, priority: u8 },
    Release(usize),
    Cancel(usize),
    Resize { pool: usize, slots: u32 },
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let ask = (0..2_usize, 1..4_u32, any::<bool>(), 1..11_u8).prop_map(|(pool, slots, both, priority)| Act::Ask {
        pool,
        slots,
        both,
        priority,
    });
    let act = prop_oneof![
        4 => ask,
        1 => (0..2_usize, 1..4_u32, 1..11_u8).prop_map(|(pool, slots, priority)| Act::Try { pool, slots, priority }),
        4 => (0..9_usize).prop_map(Act::Release),
        2 => (0..9_usize).prop_map(Act::Cancel),
        1 => (0..2_usize, 0..5_u32).prop_map(|(pool, slots)| Act::Resize { pool, slots }),
        2 => (0..90_u64).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..80)
}

/// The same rules over a plain list: each time the whole of it is looked at.
#[derive(Default)]
struct Plain {
    now: u64,
    number: u64,
    capacity: [u32; 2],
    held: Vec<(usize, [u32; 2])>,
    /// Turn, whose, slots.
    waiting: Vec<((u64, u64), usize, [u32; 2])>,
    refused: Vec<usize>,
    rejected: [u64; 2],
    /// Slots that were held, and that there were, times seconds.
    busy: [u64; 2],
    there: [u64; 2],
}

impl Plain {
    fn free(&self, pool: usize) -> i64 {
        i64::from(self.capacity[pool]) - self.held.iter().map(|(_, slots)| i64::from(slots[pool])).sum::<i64>()
    }

    fn turn(&mut self, priority: u8) -> (u64, u64) {
        self.number += 1;
        (self.now + 30 * u64::from(10 - priority), self.number)
    }

    fn is_too_wide(&self, slots: [u32; 2]) -> bool {
        (0..2).any(|pool| slots[pool] > self.capacity[pool])
    }

    fn serve(&mut self) {
        self.waiting.sort_by_key(|(turn, ..)| *turn);
        let mut blocked = [false; 2];
        let mut at = 0;
        while at < self.waiting.len() {
            let (_, whose, slots) = self.waiting[at];
            let pools = || (0..2).filter(|pool| slots[*pool] > 0);
            if pools().all(|pool| !blocked[pool] && self.free(pool) >= i64::from(slots[pool])) {
                self.waiting.remove(at);
                self.held.push((whose, slots));
            } else {
                pools().for_each(|pool| blocked[pool] = true);
                at += 1;
            }
        }
    }
}

enum Real<'a> {
    Waits(Pin<Box<Acquire<'a>>>),
    Has(#[expect(dead_code, reason = "it is held by being there")] Lease<'a>),
    Gone,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn pools_do_what_a_plain_list_does(acts in acts()) {
        let clock = Arc::new(Held::default());
        let pools: Pools = Pools::new(vec![spec("a", 3), spec("b", 2)], Settings::default(), clock.clone()).expect("pools");
        let ids = [pools.id("a").expect("a"), pools.id("b").expect("b")];
        let mut plain = Plain { capacity: [3, 2], ..Plain::default() };
        let mut real: Vec<Real> = Vec::new();
        let mut asked = [0_u64; 2];
        for act in acts {
            match act {
                Act::Ask { pool, slots, both, priority } => {
                    let mut needs = [0, 0];
                    needs[pool] = slots;
                    let mut request = pools.request(ids[pool]).slots(slots).priority(priority);
                    if both {
                        needs[1 - pool] = 1;
                        request = request.and(ids[1 - pool], 1);
                    }
                    (0..2).for_each(|pool| asked[pool] += u64::from(needs[pool] > 0));
                    let turn = plain.turn(priority);
                    if plain.is_too_wide(needs) {
                        plain.refused.push(real.len());
                        (0..2).for_each(|pool| plain.rejected[pool] += u64::from(needs[pool] > 0));
                    } else {
                        plain.waiting.push((turn, real.len(), needs));
                        plain.serve();
                    }
                    real.push(Real::Waits(Box::pin(request.acquire())));
                }
                Act::Try { pool, slots, priority } => {
                    let mut needs = [0, 0];
                    needs[pool] = slots;
                    asked[pool] += 1;
                    let turn = plain.turn(priority);
                    plain.waiting.push((turn, real.len(), needs));
                    plain.serve();
                    let gets = plain.held.iter().any(|(whose, _)| *whose == real.len());
                    plain.waiting.retain(|(_, whose, _)| *whose != real.len());
                    plain.rejected[pool] += u64::from(!gets);
                    let lease = pools.request(ids[pool]).slots(slots).priority(priority).try_acquire();
                    prop_assert_eq!(gets, lease.is_ok());
                    real.push(lease.map_or(Real::Gone, Real::Has));
                }
                Act::Release(at) | Act::Cancel(at) if at < real.len() => {
                    let whose = at;
                    plain.held.retain(|(of, _)| *of != whose);
                    plain.waiting.retain(|(_, of, _)| *of != whose);
                    plain.refused.retain(|of| *of != whose);
                    plain.serve();
                    real[at] = Real::Gone;
                }
                Act::Resize { pool, slots } => {
                    plain.capacity[pool] = slots;
                    let (wide, rest): (Vec<_>, Vec<_>) = plain.waiting.iter().copied().partition(|w| w.2[pool] > slots);
                    for (_, whose, needs) in wide {
                        plain.refused.push(whose);
                        (0..2).for_each(|pool| plain.rejected[pool] += u64::from(needs[pool] > 0));
                    }
                    plain.waiting = rest;
                    plain.serve();
                    pools.resize(ids[pool], slots);
                }
                Act::Pass(seconds) => {
                    for pool in 0..2 {
                        let held: u32 = plain.held.iter().map(|(_, slots)| slots[pool]).sum();
                        plain.busy[pool] += seconds * u64::from(held);
                        plain.there[pool] += seconds * u64::from(plain.capacity[pool]);
                    }
                    plain.now += seconds;
                    clock.forward(Duration::from_secs(seconds));
                }
                Act::Release(_) | Act::Cancel(_) => {}
            }
            // Some are polled at once, which is when they ask.
            for (whose, request) in real.iter_mut().enumerate() {
                let Real::Waits(acquire) = request else { continue };
                let has = plain.held.iter().any(|(of, _)| *of == whose);
                match acquire.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Pending => prop_assert!(!has && !plain.refused.contains(&whose), "{} waits", whose),
                    Poll::Ready(Ok(lease)) => {
                        prop_assert!(has, "{} has a lease", whose);
                        *request = Real::Has(lease);
                    }
                    Poll::Ready(Err(why)) => {
                        prop_assert!(plain.refused.contains(&whose), "{} is refused: {}", whose, why);
                        *request = Real::Gone;
                    }
                }
            }
            for (pool, told) in pools.statistics().iter().enumerate() {
                let decided = told.grants + told.timeouts + told.cancels + told.rejected;
                prop_assert_eq!(told.requests, decided + told.waiting as u64);
                prop_assert_eq!(told.requests, asked[pool]);
                prop_assert_eq!(told.rejected, plain.rejected[pool]);
                prop_assert_eq!(i64::from(told.slots) - i64::from(told.held), plain.free(pool));
                prop_assert_eq!(told.wait.count, told.grants);
                prop_assert_eq!(told.efficiency.is_some(), plain.there[pool] > 0);
                if let Some(efficiency) = told.efficiency {
                    let busy = efficiency * plain.there[pool] as f64;
                    prop_assert!((busy - plain.busy[pool] as f64).abs() < 1e-6, "{} slot seconds", busy);
                }
            }
        }
        drop(real);
        prop_assert!(pools.statistics().iter().all(|told| told.held == 0 && told.waiting == 0));
    }
}
