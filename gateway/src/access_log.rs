//! One line of the access log per request, whatever happened.
//!
//! It contains no query, no header but the user agent, and no control character: text of the client is encoded, so that
//! it can neither start a line of its own nor control a terminal (OWASP ASVS 16.4.1).

use std::fmt::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::error::GatewayError;
use crate::request_body::Progress;

/// Collects what is known and writes it when dropped, even if the client disconnects.
pub(crate) struct AccessLog {
    pub route: Option<Arc<str>>,
    /// Instead of the request's own path, which has a secret in it.
    pub path: Option<Arc<str>>,
    pub status: Option<StatusCode>,
    /// When the head of the upstream's response arrived.
    pub answered: Option<Instant>,
    pub request_body: Option<Arc<Progress>>,
    /// The bytes of the response body.
    pub sent: u64,
    pub ended: Ended,
    method: Method,
    uri: Uri,
    client: IpAddr,
    agent: Option<HeaderValue>,
    request_id: HeaderValue,
    trace: [u8; 16],
    started: Instant,
    refused: Option<String>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Whole,
    Rejected,
    /// The default: nobody is left to report anything else.
    ClientGone,
    UpstreamBrokeOff,
    UpstreamTooSlow,
}

impl AccessLog {
    pub(crate) fn new(parts: &Parts, caller: &Caller, started: Instant) -> Self {
        Self {
            route: None,
            path: None,
            status: None,
            answered: None,
            request_body: None,
            sent: 0,
            ended: Ended::ClientGone,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            client: caller.address,
            agent: parts.headers.get(http::header::USER_AGENT).cloned(),
            request_id: caller.request_id.clone(),
            trace: caller.trace.trace_id,
            started,
            refused: None,
        }
    }

    pub(crate) fn refuse(&mut self, refused: &GatewayError) {
        self.status = Some(refused.status());
        self.ended = Ended::Rejected;
        self.refused = Some(refused.to_string());
    }

    fn write(&self) {
        let ms = |at: Instant| at.duration_since(self.started).as_secs_f64() * 1_000.0;
        tracing::info!(
            target: "latchkey::access",
            route = self.route.as_deref().unwrap_or("-"),
            method = self.method.as_str(),
            path = %Encoded(self.path.as_deref().unwrap_or(self.uri.path()).as_bytes()),
            status = self.status.map_or(0, |status| status.as_u16()),
            ended = self.ended.name(),
            refused = self.refused.as_deref().map(|reason| tracing::field::display(Encoded(reason.as_bytes()))),
            upstream_ms = self.answered.map(ms),
            total_ms = ms(Instant::now()),
            received = self.request_body.as_ref().map_or(0, |request_body| request_body.bytes()),
            sent = self.sent,
            client = %self.client,
            agent = self.agent.as_ref().map(|agent| tracing::field::display(Encoded(agent.as_bytes()))),
            request_id = self.request_id.to_str().unwrap_or("-"),
            trace_id = hex::encode(self.trace),
            "request"
        );
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        if tracing::enabled!(target: "latchkey::access", tracing::Level::INFO) {
            self.write();
        }
    }
}

impl Ended {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Rejected => "refused",
            Self::ClientGone => "client_gone",
            Self::UpstreamBrokeOff => "upstream_broke_off",
            Self::UpstreamTooSlow => "upstream_too_slow",
        }
    }
}

/// Printable ASCII as it is, every other byte as `\xNN`, truncated to a reasonable length.
struct Encoded<'a>(&'a [u8]);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take(LONGEST) {
            match byte {
                b' '..=b'~' if *byte != b'\\' => f.write_char(char::from(*byte))?,
                byte => write!(f, "\\x{byte:02x}")?,
            }
        }
        if self.0.len() > LONGEST {
            f.write_str("…")
        } else {
            Ok(())
        }
    }
}

const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// GW-16.
    #[test]
    fn control_characters_and_terminal_codes_are_encoded() {
        let text = "a\r\nb\x1b[31mc\0d\\x0a\u{202e}é";
        assert_eq!(
            Encoded(text.as_bytes()).to_string(),
            r"a\x0d\x0ab\x1b[31mc\x00d\x5cx0a\xe2\x80\xae\xc3\xa9"
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(Encoded(&[b'a'; 600]).to_string().chars().count(), LONGEST + 1);
    }
}
