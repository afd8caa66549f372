//! Whose trace a listener continues, and the span of each request.

use std::net::IpAddr;

use http::{Method, Request, StatusCode};
use latchkey_trace::{Context, Kind, Span, TRACEPARENT, TRACESTATE, Tracer};

use crate::{Networks, RequestId};

/// What a listener does with traces.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// Records the spans of requests; without it nothing is recorded.
    pub tracer: Option<Tracer>,
    /// The peers whose traces are continued besides those of trusted proxies and of our own gateway.
    pub continued: Networks,
}

impl Traces {
    /// The span of a request. The trace of a stranger is neither continued nor passed on: a new one begins, with a link
    /// to it. What a request carries afterwards is ours, or comes from somebody whose traces are continued.
    /// `trusted` are proxies and our own gateway; the id of a request is that of the trace which begins with it.
    pub(crate) fn begin<B>(
        &self,
        request: &mut Request<B>,
        peer: IpAddr,
        trusted: bool,
        id: &RequestId,
    ) -> Option<Span> {
        let tracer = self.tracer.as_ref();
        let headers = request.headers_mut();
        let carried = match headers.contains_key(TRACEPARENT) || headers.contains_key(TRACESTATE) {
            true => Context::of(headers),
            false => None,
        };
        let continued = carried.as_ref().is_some_and(|carried| {
            trusted || self.continued.contain(peer) || tracer.is_some_and(|tracer| tracer.vouches(carried))
        });
        if !continued {
            headers.remove(TRACEPARENT);
            headers.remove(TRACESTATE);
        }
        let parent = carried.as_ref().filter(|_| continued);
        let name = method(request.method());
        let mut span = match parent {
            Some(parent) => tracer?.begin(Kind::Server, name, Some(parent)),
            None => tracer?.begin_as(Kind::Server, name, id.bytes()),
        };
        span.context().write(request.headers_mut());
        if let Some(stranger) = carried.filter(|_| !continued) {
            span.link(stranger);
        }
        span.set("http.request.method", name);
        Some(span)
    }
}

/// Ends the span of a request.
pub(crate) fn end_span(span: Option<Span>, status: StatusCode) {
    let Some(mut span) = span else {
        return;
    };
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail("5xx");
    }
}

/// A method that is known, or `_OTHER`: whatever strangers send, there are few.
fn method(method: &Method) -> &'static str {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ]
    .iter()
    .zip([
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ])
    .find_map(|(known, name)| (known == method).then_some(name))
    .unwrap_or("_OTHER")
}
