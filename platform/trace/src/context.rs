//! The context of a trace as it travels: `traceparent` and `tracestate` (W3C Trace Context, level 1).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::state;

/// The header of the trace and of the span that is the parent.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The header of what others keep beside it.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const LENGTH: usize = 55;

/// A span of a trace. No part of it is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// Whether the spans of this trace are recorded.
    pub sampled: bool,
    /// What others keep beside it.
    pub state: Option<Arc<str>>,
    /// What the sender says of itself in our own member of `tracestate`.
    pub(crate) word: Option<u64>,
}

impl Context {
    /// A span without anything beside it.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) -> Self {
        Self {
            trace_id,
            span_id,
            sampled,
            state: None,
            word: None,
        }
    }

    /// Another span of the same trace.
    pub fn with_span(&self, span_id: [u8; 8]) -> Self {
        Self {
            span_id,
            word: None,
            ..self.clone()
        }
    }

    /// What a request carries: exactly one valid `traceparent`, or nothing.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let parent = values.next()?;
        if values.next().is_some() {
            return None;
        }
        let mut context = Self::parse(parent.as_bytes())?;
        let (rest, word) = state::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes));
        context.state = rest.map(Arc::from);
        context.word = word;
        Some(context)
    }

    /// What an event carries.
    pub fn of_event(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut context = Self::parse(traceparent.as_bytes())?;
        context.state = state::parse(tracestate.map(str::as_bytes).into_iter())
            .0
            .map(Arc::from);
        Some(context)
    }

    /// §3.2.2 and §4.3: lower-case digits, no part all zero, version ff is none; a later version may only append after
    /// another dash.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (fixed, rest) = text.split_at_checked(LENGTH)?;
        let version: [u8; 1] = digits(&fixed[..2])?;
        let dashed = [2, 35, 52].iter().all(|dash| fixed[*dash] == b'-');
        let ended = rest.is_empty() || (version != [0] && rest[0] == b'-');
        let trace_id: [u8; 16] = digits(&fixed[3..35])?;
        let span_id: [u8; 8] = digits(&fixed[36..52])?;
        let [flags] = digits(&fixed[53..])?;
        let named = trace_id != [0; 16] && span_id != [0; 8];
        // §3.2.2.5: of the flags only "sampled" is known, and unknown ones are sent as zero.
        (dashed && ended && named && version != [0xff]).then(|| Self::new(trace_id, span_id, flags & 1 == 1))
    }

    /// As it is sent.
    pub fn traceparent(&self) -> String {
        let flags = u8::from(self.sampled);
        format!("00-{}-{}-0{flags}", self.trace(), self.span())
    }

    /// The 32 digits of the trace.
    pub fn trace(&self) -> String {
        hex::encode(self.trace_id)
    }

    /// The 16 digits of the span.
    pub fn span(&self) -> String {
        hex::encode(self.span_id)
    }

    /// Puts it into the headers of a request, in place of what is there.
    pub fn write(&self, headers: &mut HeaderMap) {
        self.write_with(headers, self.state.as_deref());
    }

    pub(crate) fn write_with(&self, headers: &mut HeaderMap, state: Option<&str>) {
        if let Ok(value) = HeaderValue::try_from(self.traceparent()) {
            headers.insert(TRACEPARENT, value);
        }
        match state.and_then(|state| HeaderValue::from_str(state).ok()) {
            Some(state) => headers.insert(TRACESTATE, state),
            None => headers.remove(TRACESTATE),
        };
    }
}

fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let plain = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (plain && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_traceparent_is_read_and_written_again() {
        let later = format!("{}-what-the-future-brings", SENT.replacen("00", "cc", 1));
        for (text, sent) in [
            (SENT.to_owned(), SENT.to_owned()),
            (SENT.replace("-01", "-fe"), SENT.replace("-01", "-00")),
            (later, SENT.to_owned()),
        ] {
            assert_eq!(
                Context::parse(text.as_bytes()).unwrap().traceparent(),
                sent,
                "{text}"
            );
        }
    }

    #[test]
    fn a_malformed_traceparent_is_none() {
        let malformed = [
            String::new(),
            "00".into(),
            SENT[..54].into(),
            format!("{SENT}-"),
            format!("{SENT}x"),
            SENT.to_uppercase(),
            SENT.replacen("00", "ff", 1),
            format!("{}x", SENT.replacen("00", "01", 1)),
            SENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            SENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            SENT.replace('-', "_"),
            SENT.replace('4', "g"),
            format!("{SENT}, {SENT}"),
            "0".repeat(10_000),
            "-".repeat(10_000),
        ];
        for text in malformed {
            assert_eq!(Context::parse(text.as_bytes()), None, "{text:.80}");
        }
    }

    #[test]
    fn a_header_that_is_sent_twice_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(Context::of(&headers), None);
        headers.append(TRACEPARENT, HeaderValue::from_static(SENT));
        headers.append(
            TRACESTATE,
            HeaderValue::from_static("latchkey=0000000000000007,a=1"),
        );
        let context = Context::of(&headers).unwrap();
        assert_eq!((context.state.as_deref(), context.word), (Some("a=1"), Some(7)));
        let mut sent = headers.clone();
        context.write(&mut sent);
        assert_eq!(sent[TRACESTATE], "a=1");
        headers.append(TRACEPARENT, HeaderValue::from_static(SENT));
        assert_eq!(Context::of(&headers), None);
    }
}
