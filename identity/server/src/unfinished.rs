//! The limit on requests without a sign-in from one address.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use latchkey_protocol::Timestamp;
use moka::sync::Cache;

use crate::throttle::prefix;

/// How long a user may take, in milliseconds.
pub(crate) const REQUEST_LIFE_MS: i64 = 10 * 60_000;
/// The number of rows that one address may create within [`REQUEST_LIFE_MS`] without a sign-in: it limits how much
/// strangers can make us write.
const MOST_UNFINISHED: u32 = 2_000;

/// Rows by address without a sign-in: requests that no browser carries, and denials. A denial still counts when the
/// request is over, because anybody can deny as often as they like.
pub(crate) struct Unfinished(Cache<String, Arc<Mutex<Begun>>>);

/// What an address has started since an instant, in milliseconds.
struct Begun {
    since: i64,
    count: u32,
}

impl Default for Unfinished {
    fn default() -> Self {
        let life = Duration::from_millis(REQUEST_LIFE_MS.unsigned_abs());
        Self(Cache::builder().max_capacity(100_000).time_to_live(life).build())
    }
}

impl Unfinished {
    /// Takes a slot of the address; if there is none, returns in how many seconds all of them are free again.
    pub fn begin(&self, address: IpAddr, latest: Timestamp) -> Result<(), i64> {
        let new = || {
            Arc::new(Mutex::new(Begun {
                since: latest.0,
                count: 0,
            }))
        };
        let begun = self.0.get_with(prefix(address), new);
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.0 - begun.since >= REQUEST_LIFE_MS {
            *begun = Begun {
                since: latest.0,
                count: 0,
            };
        }
        if begun.count < MOST_UNFINISHED {
            begun.count += 1;
            return Ok(());
        }
        Err((begun.since + REQUEST_LIFE_MS - latest.0) / 1_000 + 1)
    }

    /// Returns a slot.
    pub fn end(&self, address: IpAddr) {
        if let Some(begun) = self.0.get(&prefix(address)) {
            let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.count = begun.count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_place_is_told_when_it_has_them_all_again() {
        let unfinished = Unfinished::default();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let at = |ms: i64| Timestamp(1_000_000 + ms);
        for place in 0..MOST_UNFINISHED {
            assert_eq!(unfinished.begin(address, at(0)), Ok(()), "{place}");
        }
        assert_eq!(unfinished.begin(address, at(0)), Err(601));
        assert_eq!(unfinished.begin(address, at(599_000)), Err(2));
        assert_eq!(unfinished.begin(other, at(599_000)), Ok(()), "a neighbour");
        // A successful one returns its slot, and no more than that.
        unfinished.end(address);
        assert_eq!(unfinished.begin(address, at(599_001)), Ok(()));
        assert!(unfinished.begin(address, at(599_002)).is_err());
        // At the reported time there is room again, for as many as before.
        for place in 0..MOST_UNFINISHED {
            assert_eq!(unfinished.begin(address, at(600_000)), Ok(()), "{place}");
        }
        assert_eq!(unfinished.begin(address, at(600_000)), Err(601));
    }
}
