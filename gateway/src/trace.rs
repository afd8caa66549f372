//! W3C Trace Context: a valid `traceparent` is continued with a new span, anything else starts a new trace.

use http::HeaderValue;
use http::header::HeaderMap;
use latchkey_http::RequestId;

/// A `traceparent` of version 00, ready to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace([u8; LENGTH]);

impl Trace {
    /// The trace in `headers`, or a new one with the id of the request; with a new span in either case. Returns whether
    /// it continues the client's trace, because only then `tracestate` has a meaning (§4.3).
    pub(crate) fn next(headers: &HeaderMap, id: &RequestId, span: [u8; 8]) -> (Self, bool) {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        hex::encode_to_slice(span, &mut text[SPAN]).expect("8 bytes are 16 digits");
        match carried(headers) {
            Some(carried) => {
                text[TRACE].copy_from_slice(&carried[TRACE]);
                // §3.2.2.5: of the flags only "sampled" is known, and unknown ones are sent as zero.
                let flags = char::from(carried[FLAGS.end - 1]).to_digit(16).unwrap_or(0);
                text[FLAGS.end - 1] = if flags & 1 == 1 { b'1' } else { b'0' };
                (Self(text), true)
            }
            None => {
                text[TRACE].copy_from_slice(id.as_str().as_bytes());
                (Self(text), false)
            }
        }
    }

    /// The 32 digits by which logs are joined.
    pub(crate) fn id(&self) -> &str {
        std::str::from_utf8(&self.0[TRACE]).unwrap_or_default()
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

/// §3.2.2 and §4.3: exactly one header, lower-case digits, no part all zero, version ff is none; a later
/// version may only append after another dash.
fn carried(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all("traceparent").iter();
    let text = values.next()?.as_bytes();
    if values.next().is_some() || text.len() < LENGTH {
        return None;
    }
    let version = &text[..2];
    let shaped = [2, 35, 52].iter().all(|dash| text[*dash] == b'-')
        && [0..2, TRACE, SPAN, FLAGS]
            .into_iter()
            .all(|part| text[part].iter().all(is_digit));
    let ended = text.len() == LENGTH || (version != b"00" && text[LENGTH] == b'-');
    let named = [TRACE, SPAN]
        .into_iter()
        .all(|part| text[part].iter().any(|digit| *digit != b'0'));
    (shaped && ended && named && version != b"ff").then_some(text)
}

fn is_digit(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

const LENGTH: usize = 55;
const TRACE: std::ops::Range<usize> = 3..35;
const SPAN: std::ops::Range<usize> = 36..52;
const FLAGS: std::ops::Range<usize> = 53..55;

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn next(values: &[&str]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", HeaderValue::from_str(value).unwrap());
        }
        let (trace, continued) = Trace::next(&headers, &id(), [0xab; 8]);
        (trace.header().unwrap().to_str().unwrap().to_owned(), continued)
    }

    fn id() -> RequestId {
        RequestId::parse(&"cd".repeat(16)).unwrap()
    }

    fn fresh() -> (String, bool) {
        (format!("00-{}-{}-01", "cd".repeat(16), "ab".repeat(8)), false)
    }

    #[test]
    fn a_valid_traceparent_continues_with_a_new_span() {
        assert_eq!(
            next(&[SENT]),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01".into(),
                true
            )
        );
        let unsampled = SENT.replace("-01", "-fe");
        assert_eq!(
            next(&[&unsampled]).0,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-00"
        );
        let later = format!("{}-what-the-future-brings", SENT.replacen("00", "cc", 1));
        assert_eq!(
            next(&[&later]).0,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01"
        );
    }

    #[test]
    fn a_malformed_traceparent_begins_a_fresh_trace() {
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
        ];
        for value in malformed {
            assert_eq!(next(&[&value]), fresh(), "{value}");
        }
        assert_eq!(next(&[]), fresh());
        assert_eq!(next(&[SENT, SENT]), fresh());
    }

    #[test]
    fn the_id_is_the_trace_without_the_span() {
        assert_eq!(
            Trace::next(&HeaderMap::new(), &id(), [0xab; 8]).0.id(),
            "cd".repeat(16)
        );
    }
}
