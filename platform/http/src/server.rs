//! Processing of every request before and after the router of a role: host names, size limits, request id.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use latchkey_clock::Random;
use tower::ServiceExt;

use crate::hosts::WrongHost;
use crate::request_id::{CURRENT, CurrentRequest};
use crate::{Hosts, Limits, Problem, RequestId, TrustedProxies, probes};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A role's listener, ready to serve.
#[derive(Clone)]
pub struct Server {
    /// The host names that it serves.
    pub hosts: Hosts,
    /// The limits of a request.
    pub limits: Limits,
    /// TLS, if configured.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The source of request ids.
    pub random: Random,
    /// The role's name in metrics.
    pub role: &'static str,
    /// The proxies in front of it: they report the client address, and their request ids are kept.
    pub proxies: TrustedProxies,
    /// True behind our own gateway, whose request ids are kept wherever it runs.
    pub keeps_request_id: bool,
    /// How the role formats an error for a path before its router has seen the request.
    pub error_response: fn(&str, Problem) -> Response,
}

impl Server {
    /// A plain listener with the default limits.
    pub fn new(role: &'static str, hosts: Hosts, random: Random) -> Self {
        Self {
            hosts,
            limits: Limits::default(),
            tls: None,
            random,
            role,
            proxies: TrustedProxies::none(),
            keeps_request_id: false,
            error_response: |_, problem| problem.into_response(),
        }
    }

    /// Processes a request before and after the router.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
    ) -> Response {
        let id = self.request_id(&request, peer);
        let client = self.proxies.client(peer.ip(), request.headers());
        let uri = request.uri().clone();
        let current = CurrentRequest {
            id,
            client: Some(client),
        };
        let answer = CURRENT.scope(current, async move {
            let refuse = |problem| (self.error_response)(uri.path(), problem);
            if let Err(problem) = self.check_target(&request) {
                return refuse(problem);
            }
            let Some(mut request) = bounded(request, self.limits.body) else {
                return closing(refuse(too_large()));
            };
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(id);
            let routed = AssertUnwindSafe(router.oneshot(request)).catch_unwind();
            match tokio::time::timeout(self.limits.answer, routed).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Err(_panic)) => {
                    tracing::error!(request.id = %id, role = self.role, "a handler panicked");
                    refuse(Problem::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "internal",
                        "An internal error occurred.",
                    ))
                }
                Err(_late) => {
                    tracing::warn!(request.id = %id, role = self.role, "a request took too long");
                    refuse(Problem::unavailable())
                }
            }
        });
        let mut response = answer.await;
        let headers = response.headers_mut();
        headers.entry(X_REQUEST_ID.clone()).or_insert_with(|| id.header());
        // Browsers must not guess the type of any response, whichever code produced it.
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        metrics::counter!("latchkey_http_requests_total", "role" => self.role,
            "status" => class(response.status()))
        .increment(1);
        response
    }

    /// Checks the host and the length of the target.
    fn check_target(&self, request: &Request<Incoming>) -> Result<(), Problem> {
        let target = request.uri().path_and_query();
        if target.is_some_and(|target| target.as_str().len() > self.limits.target) {
            return Err(Problem::new(
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                "The address is too long.",
            ));
        }
        let wrong = match self.hosts.admits(request) {
            Ok(()) => return Ok(()),
            Err(wrong) if probes::answer_to_any_name(request, wrong) => return Ok(()),
            Err(wrong) => wrong,
        };
        Err(match wrong {
            WrongHost::Unclear => Problem::new(
                StatusCode::BAD_REQUEST,
                "unclear_host",
                "The request must name exactly one host.",
            ),
            WrongHost::Foreign => Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "wrong_host",
                "This listener does not serve the requested host.",
            ),
        })
    }

    fn request_id(&self, request: &Request<Incoming>, peer: SocketAddr) -> RequestId {
        let given = || RequestId::parse(request.headers().get(&X_REQUEST_ID)?.to_str().ok()?);
        let kept = self.keeps_request_id || self.proxies.trusts(peer.ip());
        kept.then(given)
            .flatten()
            .unwrap_or_else(|| RequestId::from_bytes(self.random.bytes()))
    }
}

/// The request with a limited body, or `None` if its declared length exceeds the limit.
fn bounded(request: Request<Incoming>, limit: usize) -> Option<Request<Body>> {
    let (parts, body) = request.into_parts();
    let declared = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return None;
    }
    let body = if body.is_end_stream() {
        Body::empty()
    } else {
        Body::new(Limited::new(body, limit))
    };
    Some(Request::from_parts(parts, body))
}

fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body is too large.",
    )
}

/// The rest of the body is not read, so the connection cannot be reused.
fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
