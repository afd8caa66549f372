//! A request from its arrival to the last byte of its response: the shell around the decisions.

use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use latchkey_http::Streaming;
use tokio::time::{Instant, sleep, timeout_at};

use crate::access_log::AccessLog;
use crate::caller::Caller;
use crate::error::GatewayError;
use crate::forwarded_headers::REQUEST_ID;
use crate::gateway::Gateway;
use crate::page::Reader;
use crate::request_body::{self, Progress, RequestBody, UploadState};
use crate::response_body::ResponseBody;
use crate::route::Rule;
use crate::{authority, sanitize_headers, upstream};

/// The only handler: the edge serves nothing but declared routes.
pub(crate) async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let Some(caller) = Caller::of(&parts, &gateway.random) else {
        tracing::error!("the listener of the gateway does not provide the address of its peer");
        return GatewayError::NoAddress.answer(None);
    };
    let closes = parts.version <= Version::HTTP_11 && parts.headers.contains_key(UPGRADE);
    let reader = Reader::of(&parts, &gateway.site, &caller);
    let mut access_log = AccessLog::new(&parts, &caller, started);
    let mut response = match gateway
        .exchange(parts, body, &caller, started, &mut access_log)
        .await
    {
        Ok((response, rule)) => gateway.answer(response, &rule, started, access_log),
        Err(error) => refuse(error, reader.as_ref(), access_log),
    };
    response.headers_mut().insert(REQUEST_ID, caller.request_id);
    if closes {
        // No route allows an upgrade, so it is ignored (RFC 9110 §7.8). But a client that did not wait for a 101 may
        // already have sent bytes of the other protocol: they must not be parsed as a request.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Gateway {
    /// Decides, and sends the request to the upstream once.
    async fn exchange(
        &self,
        mut parts: Parts,
        body: Body,
        caller: &Caller,
        started: Instant,
        access_log: &mut AccessLog,
    ) -> Result<(Response<Incoming>, Arc<Rule>), GatewayError> {
        authority::agrees(&parts)?;
        let (rule, outward) = self.routes.decide(&parts.method, &parts.uri)?;
        let rule = rule.clone();
        access_log.route = Some(rule.name.clone());
        access_log.path.clone_from(&rule.logged);
        self.meter
            .count(&parts, rule.kind, caller.address, self.clock.now_ms())?;
        let cap = rule.body_cap.unwrap_or(self.body_cap);
        if request_body::exceeds(&body, cap) {
            return Err(GatewayError::BodyTooLarge);
        }
        parts.uri = outward;
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        sanitize_headers::request(&mut parts.headers, rule.kind);
        self.forwarded_headers
            .set(&mut parts.headers, caller, &rule.upstream, self.deadline_ms());
        let request_body = RequestBody::new(body, cap);
        access_log.request_body = request_body.progress();
        let response = self
            .ask(
                http::Request::from_parts(parts, request_body),
                access_log.request_body.clone(),
                started,
            )
            .await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(GatewayError::SwitchedProtocols);
        }
        Ok((response, rule))
    }

    /// Waits for the head of the response: `first_byte` from the end of the upload, `total` in any case.
    async fn ask(
        &self,
        request: http::Request<RequestBody>,
        request_body: Option<Arc<Progress>>,
        started: Instant,
    ) -> Result<Response<Incoming>, GatewayError> {
        let deadline = started + self.timeouts.total;
        let answer = self.client.request(request);
        let Some(request_body) = request_body else {
            let patience = deadline.min(Instant::now() + self.timeouts.first_byte);
            return match timeout_at(patience, answer).await {
                Ok(answer) => answer.map_err(|error| upstream::gateway_error(&error)),
                Err(_) => Err(GatewayError::TooSlow("to begin its response")),
            };
        };
        let impatience = async {
            request_body.ended().await;
            sleep(self.timeouts.first_byte).await;
        };
        let watched = async {
            tokio::select! {
                answer = answer => Some(answer),
                () = impatience => None,
            }
        };
        match timeout_at(deadline, pin!(watched)).await {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(Some(Err(error))) => Err(match request_body.sent() {
                UploadState::TooMuch => GatewayError::BodyTooLarge,
                UploadState::BrokenOff => GatewayError::ClientBrokeOff,
                UploadState::Partly | UploadState::Wholly => upstream::gateway_error(&error),
            }),
            Err(_) if request_body.sent() == UploadState::Partly => Err(GatewayError::ClientTooSlow),
            Ok(None) | Err(_) => Err(GatewayError::TooSlow("to begin its response")),
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        rule: &Rule,
        started: Instant,
        mut access_log: AccessLog,
    ) -> Response {
        let (mut parts, body) = response.into_parts();
        access_log.status = Some(parts.status);
        access_log.answered = Some(Instant::now());
        sanitize_headers::answer(&mut parts.headers, &rule.strip, rule.kind);
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        let streams = rule.streaming && is_event_stream(&parts.headers);
        let deadline = (!streams).then(|| started + self.timeouts.total);
        let body = ResponseBody::new(body, deadline, self.timeouts.idle, access_log);
        let mut response = Response::from_parts(parts, Body::new(body));
        if streams {
            response.extensions_mut().insert(Streaming);
        }
        response
    }

    /// When the gateway gives up, in the format of deadlines that services use.
    fn deadline_ms(&self) -> i64 {
        let total = i64::try_from(self.timeouts.total.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(total)
    }
}

/// Only what says that it is an event stream lasts: a page below the same prefix has the deadline of any other.
fn is_event_stream(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media.and_then(|media| media.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}

pub(crate) fn refuse(error: GatewayError, reader: Option<&Reader>, mut access_log: AccessLog) -> Response {
    access_log.refuse(&error);
    let response = error.answer(reader);
    access_log.sent = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
    response
}
