//! The limit on anonymous requests from one address.
//!
//! It counts reads (GET or HEAD) of a page, or of the API without a token. A search counts as a read and also against a
//! limit of its own, because it costs more than any other read. Requests with a token are left to the guards, and
//! requests that change something are limited where they are decided.
//!
//! The decision is a pure function of what an address has used and the time. The usage consists of two instants: up to
//! when its requests are paid for (GCRA, the token bucket without a bucket). An address that is not ahead of the time
//! has its whole burst again and is forgotten, so memory grows with the rate of requests and not with the number of
//! addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use latchkey_http::{Networks, subscriber};
use latchkey_metrics::catalog::THROTTLED;
use latchkey_metrics::labels;

use crate::error::GatewayError;
use crate::kind::Kind;

/// A sustained rate, and the size of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The milliseconds that one request costs.
    pub interval_ms: u32,
    pub burst: u32,
}

/// The limits of an address (a /64 in IPv6).
#[derive(Clone, Debug)]
pub struct AddressLimits {
    pub reads: Rate,
    pub searches: Rate,
    /// The networks that are not counted: by default this host, from which the shop's own pages send requests. This
    /// host is counted all the same if it forwards requests of others; otherwise an undeclared proxy on it would lift
    /// the limit for everybody.
    pub unlimited: Networks,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            reads: Rate {
                interval_ms: 10,
                burst: 400,
            },
            searches: Rate {
                interval_ms: 100,
                burst: 40,
            },
            unlimited: Networks::loopback(),
        }
    }
}

/// How a request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    Read,
    Search,
}

/// Up to when an address has paid for its requests, in Unix milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Used {
    reads: i64,
    searches: i64,
}

impl Rate {
    /// How far ahead of the time an address may be.
    fn window_ms(self) -> i64 {
        i64::from(self.interval_ms) * i64::from(self.burst)
    }

    /// Up to when it has paid after one more request, or for how many milliseconds it must wait.
    pub(crate) fn admit(self, paid: i64, now: i64) -> Result<i64, i64> {
        let from = if self.is_ahead(paid, now) { paid } else { now };
        let next = from + i64::from(self.interval_ms);
        let too_far = next - (now + self.window_ms());
        if too_far <= 0 { Ok(next) } else { Err(too_far) }
    }

    /// An instant beyond the window is from before the clock was set back, and blocks nobody.
    pub(crate) fn is_ahead(self, paid: i64, now: i64) -> bool {
        (now + 1..=now + self.window_ms()).contains(&paid)
    }
}

impl AddressLimits {
    /// The decision: the usage including this request, or by how many milliseconds it is too early. A refused request
    /// uses nothing.
    fn decide(&self, used: Used, counted: Counted, now: i64) -> Result<Used, i64> {
        let reads = self.reads.admit(used.reads, now);
        match counted {
            Counted::Read => Ok(Used {
                reads: reads?,
                ..used
            }),
            Counted::Search => match (reads, self.searches.admit(used.searches, now)) {
                (Ok(reads), Ok(searches)) => Ok(Used { reads, searches }),
                (reads, searches) => Err(reads.err().max(searches.err()).unwrap_or_default()),
            },
        }
    }

    fn is_ahead(&self, used: Used, now: i64) -> bool {
        self.reads.is_ahead(used.reads, now) || self.searches.is_ahead(used.searches, now)
    }

    /// How a request counts, if at all.
    fn counted(&self, parts: &Parts, kind: Kind, address: IpAddr) -> Option<Counted> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let anonymous = kind == Kind::Pages || !parts.headers.contains_key(AUTHORIZATION);
        let reports = |name| parts.headers.contains_key(name);
        let for_others = address.is_loopback() && (reports("x-forwarded-for") || reports("forwarded"));
        if !reads || !anonymous || (self.unlimited.contain(address) && !for_others) {
            return None;
        }
        let query = parts.uri.query().unwrap_or_default();
        let searches =
            form_urlencoded::parse(query.as_bytes()).any(|(name, text)| name == "q" && !text.is_empty());
        Some(if searches { Counted::Search } else { Counted::Read })
    }
}

/// The limits, and what addresses have used of them.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: AddressLimits,
    used: Mutex<HashMap<IpAddr, Used>>,
}

impl Meter {
    pub(crate) fn new(limits: AddressLimits) -> Self {
        Self {
            limits,
            used: Mutex::default(),
        }
    }

    /// Counts a request for a declared route, or refuses it.
    pub(crate) fn count(
        &self,
        parts: &Parts,
        kind: Kind,
        address: IpAddr,
        now: i64,
    ) -> Result<(), GatewayError> {
        let Some(counted) = self.limits.counted(parts, kind, address) else {
            return Ok(());
        };
        self.admit(subscriber(address), counted, now).map_err(|wait_ms| {
            THROTTLED.inc(match counted {
                Counted::Read => labels::Limit::EdgeRead,
                Counted::Search => labels::Limit::EdgeSearch,
            });
            GatewayError::TooMany {
                // RFC 9110 §10.2.3: whole seconds, and never too early.
                wait_seconds: (wait_ms + 999) / 1_000,
            }
        })
    }

    fn admit(&self, address: IpAddr, counted: Counted, now: i64) -> Result<(), i64> {
        let mut all = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&address) {
            all.retain(|_, used| self.limits.is_ahead(*used, now));
        }
        let used = all.get(&address).copied().unwrap_or_default();
        let used = self.limits.decide(used, counted, now)?;
        // So many addresses that are all ahead of the time send more requests than this process can serve. Further
        // addresses are not counted: others must not be refused because of them.
        if all.len() < MOST || all.contains_key(&address) {
            all.insert(address, used);
        }
        Ok(())
    }
}

/// The maximum number of remembered addresses, in less than two megabytes.
const MOST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn meter() -> Meter {
        Meter::new(AddressLimits::default())
    }

    /// How many of these simultaneous requests are admitted, and how long the last one has to wait.
    fn at_once(meter: &Meter, address: &str, counted: Counted, requests: usize, now: i64) -> (usize, i64) {
        let answers: Vec<_> = (0..requests)
            .map(|_| meter.admit(ip(address), counted, now))
            .collect();
        let admitted = answers.iter().filter(|answer| answer.is_ok()).count();
        let wait = answers.last().and_then(|last| last.err());
        (admitted, wait.unwrap_or_default())
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate() {
        let meter = meter();
        assert_eq!(at_once(&meter, "192.0.2.1", Counted::Read, 500, NOW), (400, 10));
        assert_eq!(at_once(&meter, "192.0.2.1", Counted::Read, 500, NOW + 9), (0, 1));
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Read, 500, NOW + 1_000),
            (100, 10)
        );
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Read, 500, NOW + 60_000),
            (400, 10),
            "a burst is never larger"
        );
        assert_eq!(
            at_once(&meter, "192.0.2.2", Counted::Read, 1, NOW),
            (1, 0),
            "others are apart"
        );
    }

    #[test]
    fn searches_have_a_limit_of_their_own_and_count_as_reads() {
        let meter = meter();
        assert_eq!(at_once(&meter, "192.0.2.1", Counted::Search, 50, NOW), (40, 100));
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Read, 400, NOW),
            (360, 10),
            "what was refused costs nothing"
        );
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Search, 1, NOW),
            (0, 100),
            "whoever waits on two limits waits for the later one"
        );
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Search, 50, NOW + 1_000),
            (10, 100)
        );
    }

    #[test]
    fn after_the_wait_that_was_told_the_next_one_is_let_through() {
        let limits = AddressLimits::default();
        for counted in [Counted::Read, Counted::Search] {
            let (mut used, mut now) = (Used::default(), NOW);
            for _ in 0..2_000 {
                match limits.decide(used, counted, now) {
                    Ok(next) => used = next,
                    Err(wait) => {
                        now += wait;
                        used = limits.decide(used, counted, now).expect("the wait is true");
                    }
                }
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let meter = meter();
        assert_eq!(at_once(&meter, "192.0.2.1", Counted::Read, 400, NOW), (400, 0));
        let yesterday = NOW - 86_400_000;
        assert_eq!(
            at_once(&meter, "192.0.2.1", Counted::Read, 500, yesterday),
            (400, 10)
        );
    }

    #[test]
    fn a_network_of_ipv6_shares_one_limit() {
        let meter = meter();
        let ask = |address: &str| {
            let parts = request("/courses", NONE);
            meter.count(&parts, Kind::Pages, ip(address), NOW).is_ok()
        };
        assert!((0..400).all(|at| ask(&format!("2001:db8::{at:x}"))));
        assert!(!ask("2001:db8::ffff:1"));
        assert!(ask("2001:db8:0:1::1"));
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_ask() {
        let address = |at: usize| IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(at).unwrap()));
        let spread = meter();
        for at in 0..4 * MOST {
            let now = NOW + i64::try_from(at / 100).unwrap();
            spread.admit(address(at), Counted::Search, now).unwrap();
        }
        assert!(spread.used.lock().unwrap().len() <= MOST);
        // At one instant all of them are ahead of the time, and nobody can be forgotten.
        let crowded = meter();
        for at in 0..MOST + 100 {
            crowded.admit(address(at), Counted::Read, NOW).unwrap();
        }
        assert_eq!(crowded.used.lock().unwrap().len(), MOST);
        let remembered = crowded.admit(address(0), Counted::Search, NOW);
        assert_eq!((remembered, crowded.used.lock().unwrap().len()), (Ok(()), MOST));
    }

    type Lines = &'static [(&'static str, &'static str)];

    const NONE: Lines = &[];
    const TOKEN: Lines = &[("authorization", "Bearer x")];
    const FORWARDED: Lines = &[("x-forwarded-for", "6.6.6.6")];

    fn request(target: &str, lines: Lines) -> Parts {
        let mut request = http::Request::builder().uri(target);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_counts_is_an_anonymous_read_and_a_search_in_any_spelling() {
        let limits = AddressLimits::default();
        for (target, kind, lines, expected) in [
            ("/api/x", Kind::Api, NONE, Some(Counted::Read)),
            ("/api/x?q=a", Kind::Api, NONE, Some(Counted::Search)),
            ("/api/x?sort=title&%71=a", Kind::Api, NONE, Some(Counted::Search)),
            ("/api/x?q=a&q=", Kind::Api, NONE, Some(Counted::Search)),
            ("/api/x?q=", Kind::Api, NONE, Some(Counted::Read)),
            ("/api/x?Q=a&qq=a", Kind::Api, NONE, Some(Counted::Read)),
            ("/api/x?q=a", Kind::Api, TOKEN, None),
            // A token opens no page, so sending one does not bypass the limit.
            ("/courses?q=a", Kind::Pages, TOKEN, Some(Counted::Search)),
        ] {
            let counted = limits.counted(&request(target, lines), kind, ip("192.0.2.1"));
            assert_eq!(counted, expected, "{target} {kind:?} {lines:?}");
        }
        for (method, expected) in [
            (Method::HEAD, Some(Counted::Read)),
            (Method::POST, None),
            (Method::DELETE, None),
        ] {
            let mut parts = request("/api/x", NONE);
            parts.method = method;
            assert_eq!(limits.counted(&parts, Kind::Api, ip("192.0.2.1")), expected);
        }
    }

    #[test]
    fn this_host_is_not_counted_unless_it_asks_for_somebody() {
        let limits = AddressLimits::default();
        for (address, lines, counts) in [
            ("127.0.0.1", NONE, false),
            ("::1", NONE, false),
            ("127.0.0.1", FORWARDED, true),
            ("127.0.0.1", &[("forwarded", "for=6.6.6.6")], true),
            ("192.0.2.1", NONE, true),
        ] {
            let counted = limits.counted(&request("/", lines), Kind::Pages, ip(address));
            assert_eq!(counted.is_some(), counts, "{address} {lines:?}");
        }
        let unlimited = |networks: &[&str]| AddressLimits {
            unlimited: Networks::parse(networks).unwrap(),
            ..limits.clone()
        };
        let counted = unlimited(&[]).counted(&request("/", NONE), Kind::Pages, ip("127.0.0.1"));
        assert_eq!(counted, Some(Counted::Read));
        let office = unlimited(&["192.0.2.0/24"]);
        let counted = office.counted(&request("/", FORWARDED), Kind::Pages, ip("192.0.2.1"));
        assert_eq!(counted, None, "a declared proxy has said who it is");
    }
}
