//! The trace of a request as the upstream sees it: the span of the listener, or where none is recorded a new one.

use http::HeaderMap;
use latchkey_http::RequestId;
use latchkey_trace::Context;

/// The listener has removed the trace of a stranger. Where it records none, a trace that is continued gets a new span,
/// and one that begins here has the id of the request.
pub(crate) fn next(headers: &HeaderMap, id: &RequestId, span: impl FnOnce() -> [u8; 8]) -> Context {
    if let Some(recorded) = latchkey_trace::current() {
        return recorded;
    }
    match Context::of(headers) {
        Some(carried) => carried.with_span(span()),
        None => Context::new(id.bytes(), span(), true),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use latchkey_trace::TRACEPARENT;

    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn next_of(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        let id = RequestId::parse(&"cd".repeat(16)).unwrap();
        next(&headers, &id, || [0xab; 8]).traceparent()
    }

    #[test]
    fn a_valid_traceparent_continues_with_a_new_span() {
        assert_eq!(
            next_of(&[SENT]),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-00"
        );
    }

    #[test]
    fn a_trace_that_begins_here_has_the_id_of_the_request() {
        let fresh = format!("00-{}-{}-01", "cd".repeat(16), "ab".repeat(8));
        for values in [&[][..], &["junk"], &[SENT, SENT]] {
            assert_eq!(next_of(values), fresh, "{values:?}");
        }
    }
}
