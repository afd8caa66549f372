//! A request from its arrival to the last byte of its response: the shell around the decisions.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_TYPE, COOKIE, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use latchkey_http::{Streaming, subscriber};
use latchkey_metrics::catalog::{EDGE_ATTEMPTS, HTTP_CLIENT_DURATION};
use latchkey_metrics::labels::{Attempt, Destination, Outcome, Role};
use tokio::time::{Instant, sleep, timeout_at};

use crate::access_log::AccessLog;
use crate::admission::{Asked, Proof};
use crate::caller::Caller;
use crate::error::GatewayError;
use crate::forwarded_headers::REQUEST_ID;
use crate::gateway::Gateway;
use crate::page::Reader;
use crate::request_body::{self, Progress, RequestBody, UploadState};
use crate::response_body::ResponseBody;
use crate::route_limits::Counted;
use crate::rule::Rule;
use crate::tunnel::{self, Opening};
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
        Ok(exchanged) => gateway.answer(exchanged, started, access_log),
        Err(error) => refuse(error, reader.as_ref(), access_log),
    };
    response.headers_mut().insert(REQUEST_ID, caller.request_id);
    if closes && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // No other route allows an upgrade, so it is ignored (RFC 9110 §7.8). But a client that did not wait for a 101 may
        // already have sent bytes of the other protocol: they must not be parsed as a request.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Gateway {
    /// Decides, and sends the request to an upstream once.
    async fn exchange(
        &self,
        mut parts: Parts,
        body: Body,
        caller: &Caller,
        started: Instant,
        access_log: &mut AccessLog,
    ) -> Result<Exchanged, GatewayError> {
        authority::agrees(&parts)?;
        let host = authority::of(&parts);
        let routes = self.routes.load_full();
        let (rule, outward) = routes.decide(host.as_deref(), &parts.method, &parts.uri)?;
        let rule = rule.clone();
        latchkey_trace::note("http.route", || rule.declared.to_string().into());
        access_log.route = Some(rule.name.clone());
        access_log.path.clone_from(&rule.logged);
        let now = self.clock.now_ms();
        match rule.policy.per_address {
            Some(rate) => {
                let address = Counted::Address(subscriber(caller.address));
                self.route_meter.count(&rule.name, address, rate, now)?;
            }
            None => self.meter.count(&parts, rule.kind, caller.address, now)?,
        }
        let cap = rule.body_cap.unwrap_or(self.body_cap);
        if request_body::exceeds(&body, cap) {
            return Err(GatewayError::BodyTooLarge);
        }
        let upgrades = rule.policy.websocket && parts.headers.contains_key(UPGRADE);
        if upgrades && !tunnel::is_handshake(&parts) {
            return Err(GatewayError::InvalidUpgrade);
        }
        let asked = Asked {
            method: &parts.method,
            here: parts.uri.path_and_query().map_or("/", |here| here.as_str()),
            headers: &parts.headers,
            extensions: &parts.extensions,
            websocket: upgrades,
        };
        let admitted = self.admit(&rule.policy.demand, &asked).await?;
        if let (Some(rate), Some(admitted)) = (rule.policy.per_caller, &admitted) {
            let sub = Counted::Caller(admitted.identity.access.sub().to_owned());
            self.route_meter.count(&rule.name, sub, rate, now)?;
        }
        let opening = match upgrades {
            true => Some(self.opening(&mut parts)?),
            false => None,
        };
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        sanitize_headers::request(&mut parts.headers, rule.kind);
        if let Some(sign_in) = self
            .sign_in
            .as_ref()
            .filter(|_| parts.headers.contains_key(COOKIE))
        {
            sign_in.hide(&mut parts.headers);
        }
        rule.policy.headers(&mut parts.headers);
        if let Some(admitted) = &admitted {
            admitted.identity.set(&mut parts.headers);
        }
        if opening.is_some() {
            tunnel::announce(&mut parts.headers);
        }
        let request_body = RequestBody::new(body, cap);
        access_log.request_body = request_body.progress();
        let response = self
            .send(parts, request_body, &rule, outward, caller, started)
            .await?;
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let opening = match (switches, opening) {
            (false, _) => None,
            (true, Some(opening)) if tunnel::agrees(response.headers()) => Some(opening),
            (true, _) => return Err(GatewayError::SwitchedProtocols),
        };
        Ok(Exchanged {
            response,
            rule,
            opening,
            proof: admitted.map(|admitted| admitted.proof),
        })
    }

    /// Sends the request to the upstream whose turn it is. If that accepts no connection, nobody has heard of the
    /// request, and the next one gets it; only a body that is on its way cannot go anywhere else.
    async fn send(
        &self,
        parts: Parts,
        request_body: RequestBody,
        rule: &Rule,
        outward: PathAndQuery,
        caller: &Caller,
        started: Instant,
    ) -> Result<Response<Incoming>, GatewayError> {
        let total = rule.policy.timeout.unwrap_or(self.timeouts.total);
        let first_byte = rule.policy.timeout.unwrap_or(self.timeouts.first_byte);
        let limits = Patience {
            deadline: started + total,
            first_byte,
        };
        let progress = request_body.progress();
        let (mut parts, mut request_body) = (Some(parts), Some(request_body));
        let mut upstreams = rule.upstreams.in_turn(self.clock.now_ms()).peekable();
        while let Some(upstream) = upstreams.next() {
            let is_last = progress.is_some() || upstreams.peek().is_none();
            let head = match is_last {
                true => parts.take(),
                false => parts.clone(),
            };
            let Some(mut head) = head else { break };
            head.uri = Rule::uri(&upstream.origin, outward.clone())?;
            let deadline_ms = self.deadline_ms(total);
            self.forwarded_headers.set(
                &mut head.headers,
                caller,
                &upstream.origin,
                rule.host.as_ref(),
                deadline_ms,
            );
            let body = request_body
                .take()
                .unwrap_or_else(|| RequestBody::new(Body::empty(), 0));
            let request = http::Request::from_parts(head, body);
            let asked = Instant::now();
            let answered = self.ask(request, progress.clone(), &limits).await;
            let status = answered.as_ref().ok().map(|response| response.status().as_u16());
            HTTP_CLIENT_DURATION.observe((Destination::Edge, Outcome::of_status(status)), asked.elapsed());
            EDGE_ATTEMPTS.inc((Role::of(&rule.name), attempt(answered.as_ref().err())));
            match answered {
                Ok(response) => {
                    upstream.answered();
                    return Ok(response);
                }
                Err(error) if error.never_arrived() => {
                    upstream.failed(self.clock.now_ms());
                    if is_last {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        // The route only answers the questions of other proxies.
        Err(GatewayError::UnknownRoute)
    }

    /// Waits for the head of the response: `first_byte` from the end of the upload, `total` in any case.
    async fn ask(
        &self,
        request: http::Request<RequestBody>,
        request_body: Option<Arc<Progress>>,
        limits: &Patience,
    ) -> Result<Response<Incoming>, GatewayError> {
        let Patience { deadline, first_byte } = *limits;
        let answer = self.client.request(request);
        let Some(request_body) = request_body else {
            let patience = deadline.min(Instant::now() + first_byte);
            return match timeout_at(patience, answer).await {
                Ok(answer) => answer.map_err(|error| upstream::gateway_error(&error)),
                Err(_) => Err(GatewayError::TooSlow("to begin its response")),
            };
        };
        let impatience = async {
            request_body.ended().await;
            sleep(first_byte).await;
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
        self: &Arc<Self>,
        exchanged: Exchanged,
        started: Instant,
        mut access_log: AccessLog,
    ) -> Response {
        let Exchanged {
            mut response,
            rule,
            opening,
            proof,
        } = exchanged;
        let upstream = opening.map(|opening| (opening, hyper::upgrade::on(&mut response)));
        let (mut parts, body) = response.into_parts();
        access_log.status = Some(parts.status);
        access_log.answered = Some(Instant::now());
        sanitize_headers::answer(&mut parts.headers, &rule.strip, &rule.rewrite, rule.kind);
        if let Some(sign_in) = &self.sign_in {
            sign_in.protect(&mut parts.headers);
        }
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        if let Some((opening, upstream)) = upstream {
            tunnel::announce(&mut parts.headers);
            latchkey_http::spawn(self.clone().tunnel(opening, upstream, rule, proof, access_log));
            return Response::from_parts(parts, Body::empty());
        }
        let streams = rule.policy.streaming || (rule.streaming && is_event_stream(&parts.headers));
        let total = rule.policy.timeout.unwrap_or(self.timeouts.total);
        let deadline = (!streams).then(|| started + total);
        let body = ResponseBody::new(body, deadline, self.timeouts.idle, access_log);
        let mut response = Response::from_parts(parts, Body::new(body));
        // The listener's own deadline is shorter than that of some routes, whose body has one of its own.
        if streams || rule.policy.timeout.is_some() {
            response.extensions_mut().insert(Streaming);
        }
        response
    }

    /// When the gateway gives up, in the format of deadlines that services use.
    fn deadline_ms(&self, total: Duration) -> i64 {
        let total = i64::try_from(total.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(total)
    }
}

/// How an attempt at an upstream ended. What the client did is not the upstream's failure.
fn attempt(error: Option<&GatewayError>) -> Attempt {
    match error {
        None => Attempt::Answered,
        Some(GatewayError::Unreachable(_)) => Attempt::Unreachable,
        Some(GatewayError::TooSlow(_)) => Attempt::TooSlow,
        Some(GatewayError::BrokeOff(_)) => Attempt::BrokeOff,
        Some(_) => Attempt::Other,
    }
}

/// The head of a response, and what is left to do with it.
struct Exchanged {
    response: Response<Incoming>,
    rule: Arc<Rule>,
    /// If the upstream has agreed to a WebSocket.
    opening: Option<Opening>,
    proof: Option<Proof>,
}

/// How long a response may take to begin.
struct Patience {
    deadline: Instant,
    first_byte: Duration,
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
