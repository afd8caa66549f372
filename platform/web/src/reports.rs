//! Reports of browsers about Content Security Policy violations (CSP3 §5.2): all are counted, one per second is logged.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::routing::post;
use http::StatusCode;
use latchkey_metrics::catalog::CSP_VIOLATIONS;
use latchkey_metrics::labels;
use serde::Deserialize;

/// The address that [`Csp`](crate::Csp) names for reports.
pub(crate) const PATH: &str = "/csp-report";

/// A report is a few hundred bytes; larger ones are not read.
const LONGEST: usize = 8 * 1024;
const BETWEEN_LINES: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Reports {
    site: &'static str,
    said_at: Arc<Mutex<Option<Instant>>>,
}

/// The endpoint for reports of a site. Anybody may send them, so nothing is trusted, and only names are kept.
pub fn reports<S: Clone + Send + Sync + 'static>(site: &'static str) -> Router<S> {
    let state = Reports {
        site,
        said_at: Arc::default(),
    };
    Router::new().route(PATH, post(take)).with_state(state)
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "csp-report")]
    report: Report,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    #[serde(default)]
    effective_directive: String,
    #[serde(default)]
    violated_directive: String,
    #[serde(default)]
    blocked_uri: String,
    #[serde(default)]
    document_uri: String,
}

async fn take(State(reports): State<Reports>, body: Result<Bytes, BytesRejection>) -> StatusCode {
    let read = body.ok().filter(|body| body.len() <= LONGEST);
    let Some(told) = read.as_deref().and_then(tell) else {
        return StatusCode::BAD_REQUEST;
    };
    CSP_VIOLATIONS.inc(labels::Site::of(reports.site));
    let mut said_at = reports.said_at.lock().unwrap_or_else(PoisonError::into_inner);
    if said_at.is_none_or(|at| at.elapsed() >= BETWEEN_LINES) {
        *said_at = Some(Instant::now());
        let (directive, blocked, page) = told;
        tracing::warn!(
            site = reports.site,
            directive,
            blocked,
            page,
            peer = latchkey_http::current_client_address().map(tracing::field::display),
            "a page violated its Content Security Policy"
        );
    }
    StatusCode::NO_CONTENT
}

/// The directive, the blocked origin, and the path of the page: full addresses may contain codes.
fn tell(body: &[u8]) -> Option<(String, String, String)> {
    let Envelope { report } = serde_json::from_slice(body).ok()?;
    let directive = match report.effective_directive.is_empty() {
        true => report.violated_directive,
        false => report.effective_directive,
    };
    let word = |text: &str| -> String {
        let plain = text.chars().filter(|c| c.is_ascii_graphic());
        plain.take(100).collect()
    };
    let origin = |text: &str| match url::Url::parse(text) {
        Ok(url) => url.origin().ascii_serialization(),
        // `inline` and `eval` are not addresses.
        Err(_) => text.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    let page = url::Url::parse(&report.document_uri).ok()?;
    let directive = directive.split(' ').next().unwrap_or_default();
    Some((
        word(directive),
        word(&origin(&report.blocked_uri)),
        word(page.path()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_without_what_an_address_may_hold() {
        let told = |blocked: &str| {
            let body = format!(
                r#"{{"csp-report":{{"document-uri":"https://id.test/consent?code=secret#x","violated-directive":
                "script-src-elem 'self'","blocked-uri":"{blocked}","script-sample":"steal()"}}}}"#
            );
            tell(body.as_bytes()).unwrap()
        };
        let expected = |blocked: &str| ("script-src-elem".into(), blocked.into(), "/consent".into());
        assert_eq!(
            told("https://evil.test/x?token=secret"),
            expected("https://evil.test")
        );
        assert_eq!(told("inline"), expected("inline"));
        // A stranger cannot write lines into our log, or long ones.
        assert_eq!(told(r"in\nli ne\u001b[31m"), expected("inline[31m"));
        assert_eq!(told(&"x".repeat(5_000)).1.len(), 100);
        for bad in ["", "{}", "[]", r#"{"csp-report":{}}"#, "nonsense"] {
            assert_eq!(tell(bad.as_bytes()), None, "{bad}");
        }
    }
}
