//! The upstreams of a route, and which of them a request is sent to.
//!
//! They take turns. One that accepted no connection is passed over for a while, and is tried again after it, or at once
//! if no other is left. Weights, health checks and discovery can replace this choice without touching its callers.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::origin::Origin;

/// The upstreams of a route in their order of declaration.
#[derive(Debug)]
pub(crate) struct Upstreams {
    all: Vec<Upstream>,
    next: AtomicUsize,
}

/// One of them, and until when it is passed over, in Unix milliseconds.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub origin: Origin,
    out_until: AtomicI64,
}

impl Upstreams {
    pub(crate) fn new(origins: &[Origin]) -> Self {
        let all = origins.iter().map(|origin| Upstream {
            origin: origin.clone(),
            out_until: AtomicI64::new(i64::MIN),
        });
        Self {
            all: all.collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// All upstreams in the order in which a request should try them.
    pub(crate) fn in_turn(&self, now_ms: i64) -> impl Iterator<Item = &Upstream> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let out: Vec<bool> = self
            .all
            .iter()
            .map(|upstream| upstream.out_until.load(Ordering::Relaxed) > now_ms)
            .collect();
        order(turn, &out)
            .into_iter()
            .filter_map(|index| self.all.get(index))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.all.iter().map(|upstream| &upstream.origin)
    }
}

impl Upstream {
    /// It accepted no connection.
    pub(crate) fn failed(&self, now_ms: i64) {
        self.out_until
            .store(now_ms.saturating_add(PAUSE_MS), Ordering::Relaxed);
    }

    /// It accepted a connection.
    pub(crate) fn answered(&self) {
        self.out_until.store(i64::MIN, Ordering::Relaxed);
    }
}

/// The order of a turn: from the one whose turn it is, first those that answer and then those that do not.
fn order(turn: usize, out: &[bool]) -> Vec<usize> {
    let count = out.len();
    let round = || (0..count).map(move |step| (turn % count + step) % count);
    let answering = round().filter(|index| !out[*index]);
    answering.chain(round().filter(|index| out[*index])).collect()
}

/// For how long an upstream that accepted no connection is passed over.
const PAUSE_MS: i64 = 5_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_take_turns_and_those_that_fail_come_last() {
        for (turn, out, expected) in [
            (0, vec![], vec![]),
            (7, vec![false], vec![0]),
            (7, vec![true], vec![0]),
            (0, vec![false, false, false], vec![0, 1, 2]),
            (1, vec![false, false, false], vec![1, 2, 0]),
            (5, vec![false, false, false], vec![2, 0, 1]),
            (1, vec![false, true, false], vec![2, 0, 1]),
            (2, vec![true, true, true], vec![2, 0, 1]),
            (usize::MAX, vec![false, false], vec![1, 0]),
        ] {
            assert_eq!(order(turn, &out), expected, "{turn} {out:?}");
        }
    }

    #[test]
    fn a_failed_upstream_is_tried_again_after_a_pause() {
        let origins = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(|text| Origin::parse(text).unwrap());
        let upstreams = Upstreams::new(&origins);
        let first = |now| upstreams.in_turn(now).next().unwrap();
        first(0).failed(0);
        assert_eq!(first(1).origin, origins[1]);
        assert_eq!(first(PAUSE_MS - 1).origin, origins[1]);
        let again: Vec<_> = (0..2).map(|_| first(PAUSE_MS).origin.clone()).collect();
        assert!(again.contains(&origins[0]) && again.contains(&origins[1]));
    }
}
