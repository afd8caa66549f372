//! The limits of one route: on requests from one address, and on requests of one verified caller.
//!
//! What was used is kept by the name of the route, not with the table of routes, so that a reload refills nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use latchkey_metrics::catalog::THROTTLED;
use latchkey_metrics::labels;

use crate::Rate;
use crate::error::GatewayError;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    Address(std::net::IpAddr),
    /// The subject of a token.
    Caller(String),
}

/// Up to when who has paid on which route, and at which rate.
type Paid = HashMap<(Arc<str>, Counted), (i64, Rate)>;

/// Up to when each has paid for its requests, in Unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct RouteMeter {
    paid: Mutex<Paid>,
}

impl RouteMeter {
    /// Counts a request, or refuses it.
    pub(crate) fn count(
        &self,
        route: &Arc<str>,
        counted: Counted,
        rate: Rate,
        now: i64,
    ) -> Result<(), GatewayError> {
        let limit = match counted {
            Counted::Address(_) => labels::Limit::EdgeRouteAddress,
            Counted::Caller(_) => labels::Limit::EdgeRouteCaller,
        };
        let mut all = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (route.clone(), counted);
        if all.len() >= MOST && !all.contains_key(&key) {
            all.retain(|_, (paid, rate)| rate.is_ahead(*paid, now));
        }
        let paid = all.get(&key).map_or(i64::MIN, |(paid, _)| *paid);
        match rate.admit(paid, now) {
            Ok(paid) => {
                // As in `address_limits`: so many that are all ahead of the time are more than can be served.
                if all.len() < MOST || all.contains_key(&key) {
                    all.insert(key, (paid, rate));
                }
                Ok(())
            }
            Err(wait_ms) => {
                THROTTLED.inc(limit);
                Err(GatewayError::TooMany {
                    wait_seconds: (wait_ms + 999) / 1_000,
                })
            }
        }
    }
}

/// The maximum number of addresses and callers that are remembered.
const MOST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        interval_ms: 1_000,
        burst: 2,
    };

    fn caller(name: &str) -> Counted {
        Counted::Caller(name.to_owned())
    }

    #[test]
    fn each_caller_and_each_route_has_its_own_burst() {
        let meter = RouteMeter::default();
        let (notes, files): (Arc<str>, Arc<str>) = ("notes".into(), "files".into());
        let ask = |route: &Arc<str>, who: &str, now| meter.count(route, caller(who), RATE, now).is_ok();
        assert!(ask(&notes, "alice", 0) && ask(&notes, "alice", 0));
        assert!(!ask(&notes, "alice", 0));
        assert!(ask(&notes, "bob", 0));
        assert!(ask(&files, "alice", 0));
        assert!(!ask(&notes, "alice", 999));
        assert!(ask(&notes, "alice", 1_000));
        let address = Counted::Address(std::net::Ipv4Addr::LOCALHOST.into());
        assert!(meter.count(&notes, address, RATE, 0).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let meter = RouteMeter::default();
        let notes: Arc<str> = "notes".into();
        for who in 0..MOST + 10 {
            assert!(meter.count(&notes, caller(&who.to_string()), RATE, 0).is_ok());
        }
        assert!(meter.paid.lock().unwrap().len() <= MOST);
    }
}
