//! The client, request id and trace of a request, by which logs can be joined.

use std::net::IpAddr;

use http::HeaderValue;
use http::request::Parts;
use latchkey_clock::Random;
use latchkey_http::{ClientAddress, RequestId};
use latchkey_trace::Context;

use crate::trace;

/// What the gateway itself knows about a request, read before the client's claims are removed.
#[derive(Debug)]
pub(crate) struct Caller {
    pub address: IpAddr,
    pub request_id: HeaderValue,
    pub trace: Context,
}

impl Caller {
    /// The request id comes from the listener, or else from `random`. `None` if the listener does not provide the
    /// peer's address.
    pub(crate) fn of(parts: &Parts, random: &Random) -> Option<Self> {
        let ClientAddress(address) = *parts.extensions.get::<ClientAddress>()?;
        let named = parts.extensions.get::<RequestId>().copied();
        let id = named.unwrap_or_else(|| RequestId::from_bytes(random.bytes()));
        let trace = trace::next(&parts.headers, &id, || random.bytes());
        Some(Self {
            address,
            request_id: HeaderValue::from_str(id.as_str()).ok()?,
            trace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENERS: &str = "fedcba9876543210fedcba9876543210";

    fn parts(lines: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder();
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    /// GW-02.
    #[test]
    fn caller_address_and_request_id_come_from_the_listener_not_a_header() {
        let mut parts = parts(&[
            ("x-forwarded-for", "6.6.6.6"),
            ("x-request-id", "0123456789abcdef0123456789abcdef"),
            ("x-real-ip", "6.6.6.6"),
        ]);
        parts.extensions.insert(ClientAddress([192, 0, 2, 1].into()));
        parts.extensions.insert(RequestId::parse(LISTENERS).unwrap());
        let caller = Caller::of(&parts, &Random::seeded(1)).unwrap();
        assert_eq!(caller.address.to_string(), "192.0.2.1");
        assert_eq!(caller.request_id, LISTENERS);
        // A trace that starts here gets the id of the request.
        assert_eq!(caller.trace.trace(), LISTENERS);
    }

    #[test]
    fn without_a_listener_that_says_who_asks_there_is_no_caller() {
        assert!(Caller::of(&parts(&[]), &Random::seeded(1)).is_none());
    }
}
