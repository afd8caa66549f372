//! Processing of every request before and after the router of a role: host names, size limits, request id.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body::Body as _;
use http_body_util::Limited;
use hyper::body::Incoming;
use latchkey_clock::Random;
use latchkey_metrics::catalog::HTTP_SERVER_DURATION;
use latchkey_metrics::labels::{MethodClass, Role, RouteClass, StatusClass};
use latchkey_trace::{Span, scoped};
use tower::ServiceExt;

use crate::forwarded::Scheme;
use crate::hosts::WrongHost;
use crate::request_id::{CURRENT, CurrentRequest};
use crate::traces::end_span;
use crate::{FromProxy, Hosts, Limits, Problem, RequestId, Traces, TrustedProxies, probes};

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
    /// The path of its host below which it lies, as an issuer may; usually empty.
    pub path: String,
    /// The proxies in front of it: they report the client address, and their request ids are kept.
    pub proxies: TrustedProxies,
    /// Whose traces are continued, and where spans go.
    pub traces: Traces,
    /// True if nobody else may connect, but for this host: then plain http is allowed beyond loopback.
    pub proxies_only: bool,
    /// True if trusted proxies begin each connection with a header of the PROXY protocol. Nobody else but this host,
    /// which sends none, may connect.
    pub proxy_protocol: bool,
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
            path: String::new(),
            proxies: TrustedProxies::none(),
            traces: Traces::default(),
            proxies_only: false,
            proxy_protocol: false,
            keeps_request_id: false,
            error_response: |_, problem| problem.into_response(),
        }
    }

    /// Processes a request before and after the router.
    pub(crate) async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        router: Router,
    ) -> Response {
        let since = Instant::now();
        let id = self.request_id(&request, peer);
        let span = self.begin_span(&mut request, peer, &id);
        let report = self.proxies.report(peer.ip(), request.headers());
        let client = report.client;
        let uri = request.uri().clone();
        let counted_as = Role::of(self.role);
        let route = RouteClass::below(&self.path, counted_as, uri.path());
        let method = MethodClass::of_method(request.method().as_str());
        let current = CurrentRequest {
            id,
            client: Some(client),
            role: self.role,
        };
        let answer = CURRENT.scope(current, async move {
            let refuse = |problem| (self.error_response)(uri.path(), problem);
            if let Err(problem) = self.check_target(&request) {
                return refuse(problem);
            }
            if self.proxies_only && report.scheme == Some(Scheme::Http) {
                return closing(refuse(insecure()));
            }
            let Some(mut request) = bounded(request, self.limits.body) else {
                return closing(refuse(too_large()));
            };
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(id);
            if self.proxies.trusts(peer.ip()) {
                request.extensions_mut().insert(FromProxy);
            }
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
        let mut response = scoped(span.as_ref().map(Span::scope), answer).await;
        end_span(span, response.status());
        let headers = response.headers_mut();
        headers.entry(X_REQUEST_ID.clone()).or_insert_with(|| id.header());
        // Browsers must not guess the type of any response, whichever code produced it.
        headers
            .entry(header::X_CONTENT_TYPE_OPTIONS)
            .or_insert(HeaderValue::from_static("nosniff"));
        let status = StatusClass::of_status(response.status().as_u16());
        HTTP_SERVER_DURATION.observe((counted_as, route, method, status), since.elapsed());
        response
    }

    fn begin_span(&self, request: &mut Request<Incoming>, peer: SocketAddr, id: &RequestId) -> Option<Span> {
        let trusted = self.keeps_request_id || self.proxies.trusts(peer.ip());
        let probed = matches!(request.uri().path(), "/healthz" | "/readyz");
        let mut span = self.traces.begin(request, peer.ip(), trusted, id)?;
        if probed {
            // Asked every few seconds, and no part of anything.
            span.discard();
        }
        span.set("url.scheme", if self.tls.is_some() { "https" } else { "http" });
        span.set("latchkey.role", self.role);
        span.set("latchkey.request_id", id.to_string());
        Some(span)
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

/// Passwords and tokens are not for plain http; the proxy should not have passed it on.
fn insecure() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "insecure",
        "The proxy reports that this request came over plain http. This address is served over https alone.",
    )
}

/// The rest of the body is not read, so the connection cannot be reused.
pub(crate) fn closing(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
