//! Who asks, and under which names logs join what the request causes.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::HeaderValue;
use http::header::HeaderMap;
use http::request::Parts;
use latchkey_clock::Random;
use latchkey_http::RequestId;

use crate::proxies::TrustedProxies;
use crate::trace::Trace;

/// What the gateway itself knows about a request, read before the client's claims are removed.
#[derive(Debug)]
pub(crate) struct Caller {
    pub address: IpAddr,
    pub request_id: HeaderValue,
    pub trace: Trace,
    /// Whether the client's trace goes on, and its `tracestate` with it.
    pub continues: bool,
}

impl Caller {
    /// A trusted proxy may name the request; else the listener has, or `random` does. None when the listener
    /// does not say who is connected.
    pub(crate) fn of(parts: &Parts, proxies: &TrustedProxies, random: &Random) -> Option<Self> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let peer = peer.ip().to_canonical();
        let headers = &parts.headers;
        let id = named(headers)
            .filter(|_| proxies.trusts(peer))
            .or_else(|| parts.extensions.get::<RequestId>().copied())
            .unwrap_or_else(|| RequestId::from_bytes(random.bytes()));
        let (trace, continues) = Trace::next(headers, &id, random.bytes());
        Some(Self {
            address: proxies.client(peer, hops(headers)),
            request_id: HeaderValue::from_str(id.as_str()).ok()?,
            trace,
            continues,
        })
    }
}

fn named(headers: &HeaderMap) -> Option<RequestId> {
    RequestId::parse(headers.get("x-request-id")?.to_str().ok()?)
}

/// The entries of `X-Forwarded-For`, the one written last first.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all("x-forwarded-for").into_iter().rev();
    lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "0123456789abcdef0123456789abcdef";
    const LISTENERS: &str = "fedcba9876543210fedcba9876543210";

    fn caller(peer: &str, proxies: &[&str], lines: &[(&'static str, &'static str)]) -> Caller {
        let proxies = if proxies.is_empty() {
            TrustedProxies::none()
        } else {
            TrustedProxies::behind(proxies).unwrap()
        };
        let mut request = http::Request::builder();
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts
            .extensions
            .insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        parts.extensions.insert(RequestId::parse(LISTENERS).unwrap());
        Caller::of(&parts, &proxies, &Random::seeded(1)).unwrap()
    }

    #[test]
    fn gw_02_a_spoofed_forwarding_header_changes_neither_address_nor_request_id() {
        let spoof = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-request-id", THEIRS),
            ("x-real-ip", "6.6.6.6"),
        ];
        for (peer, proxies, address, id) in [
            ("127.0.0.1", vec![], "127.0.0.1", LISTENERS),
            ("127.0.0.1", vec!["10.0.0.0/8"], "127.0.0.1", LISTENERS),
            ("10.0.0.1", vec!["10.0.0.0/8"], "6.6.6.6", THEIRS),
        ] {
            let caller = caller(peer, &proxies, &spoof);
            assert_eq!(
                (caller.address.to_string(), caller.request_id.to_str().unwrap()),
                (address.into(), id)
            );
        }
    }

    #[test]
    fn several_forwarding_lines_are_one_list() {
        let lines = [
            ("x-forwarded-for", "6.6.6.6, 198.51.100.7"),
            ("x-forwarded-for", "10.0.0.9"),
        ];
        assert_eq!(
            caller("10.0.0.1", &["10.0.0.0/8"], &lines).address.to_string(),
            "198.51.100.7"
        );
    }

    #[test]
    fn gw_16_a_request_id_of_a_trusted_proxy_is_believed_only_in_its_one_shape() {
        for id in [
            "",
            "a b",
            "018f3c1e-7c1a-7000-8000-0123456789ab",
            "0123456789ABCDEF0123456789ABCDEF",
        ] {
            assert_eq!(
                caller("10.0.0.1", &["10.0.0.0/8"], &[("x-request-id", id)]).request_id,
                LISTENERS
            );
        }
    }

    #[test]
    fn a_trace_that_begins_here_bears_the_requests_id() {
        assert_eq!(caller("10.0.0.1", &[], &[]).trace.id(), LISTENERS);
    }

    #[test]
    fn without_a_listener_that_says_who_is_connected_there_is_no_caller() {
        let (parts, ()) = http::Request::new(()).into_parts();
        assert!(Caller::of(&parts, &TrustedProxies::none(), &Random::seeded(1)).is_none());
    }
}
