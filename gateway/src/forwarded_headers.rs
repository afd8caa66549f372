//! The headers that the gateway sets, in place of the client's.

use std::fmt::Write;
use std::net::IpAddr;

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, VIA};

use crate::caller::Caller;
use crate::origin::Origin;

/// The values that are the same for every request.
#[derive(Debug)]
pub(crate) struct ForwardedHeaders {
    proto: HeaderValue,
    host: HeaderValue,
}

impl ForwardedHeaders {
    pub(crate) fn new(origin: &Origin) -> Self {
        let proto = if origin.is_https() { "https" } else { "http" };
        Self {
            proto: HeaderValue::from_static(proto),
            host: origin.host.clone(),
        }
    }

    /// Sets the gateway's own headers on a cleaned request.
    /// `host` is the declared host of the route, if it has one of its own.
    pub(crate) fn set(
        &self,
        headers: &mut HeaderMap,
        caller: &Caller,
        upstream: &Origin,
        host: Option<&HeaderValue>,
        deadline_ms: i64,
    ) {
        headers.insert(HOST, upstream.host.clone());
        headers.insert(FORWARDED_FOR, address(caller.address));
        headers.insert(FORWARDED_PROTO, self.proto.clone());
        headers.insert(FORWARDED_HOST, host.unwrap_or(&self.host).clone());
        headers.insert(REQUEST_ID, caller.request_id.clone());
        headers.insert(REQUEST_DEADLINE, HeaderValue::from(deadline_ms));
        // RFC 9110 §7.6.3: a gateway names itself on the request path, by a pseudonym.
        headers.insert(VIA, HeaderValue::from_static("1.1 latchkey"));
        caller.trace.write(headers);
    }
}

fn address(address: IpAddr) -> HeaderValue {
    let mut text = String::with_capacity(39);
    match write!(text, "{address}") {
        Ok(()) => HeaderValue::try_from(text).unwrap_or(UNKNOWN),
        Err(_) => UNKNOWN,
    }
}

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REQUEST_DEADLINE: HeaderName = HeaderName::from_static("x-request-deadline");
const UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");
