//! A request from its arrival to the last byte of its response: the shell around the decisions.

use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use http::{Extensions, HeaderValue, StatusCode, Version};
use hyper::body::Incoming;
use tokio::time::{Instant, sleep, timeout_at};

use crate::caller::Caller;
use crate::download::Download;
use crate::gateway::Gateway;
use crate::line::Line;
use crate::refused::Refused;
use crate::route::Rule;
use crate::stamp::REQUEST_ID;
use crate::upload::{self, Progress, Sent, Upload};
use crate::{clean, page, target, upstream};

/// The only handler: the edge serves nothing but declared routes.
pub(crate) async fn forward(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let Some(caller) = Caller::of(&parts, &gateway.random) else {
        tracing::error!("the listener of the gateway does not provide the address of its peer");
        return Refused::NoAddress.answer(None);
    };
    let closes = parts.version <= Version::HTTP_11 && parts.headers.contains_key(UPGRADE);
    let page = page::is_wanted(parts.uri.path(), &parts.headers);
    let mut line = Line::new(&parts, &caller, started);
    let mut response = match gateway.exchange(parts, body, &caller, started, &mut line).await {
        Ok((response, rule)) => gateway.answer(response, &rule, started, line),
        Err(refused) => refuse(refused, page.then_some(&caller), line),
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
        line: &mut Line,
    ) -> Result<(Response<Incoming>, Arc<Rule>), Refused> {
        target::agrees(&parts)?;
        let rule = self.routes.decide(&parts.method, parts.uri.path())?.clone();
        line.route = Some(rule.name.clone());
        self.meter
            .count(&parts, rule.kind, caller.address, self.clock.now_ms())?;
        let cap = rule.body_cap.unwrap_or(self.body_cap);
        if upload::exceeds(&body, cap) {
            return Err(Refused::BodyTooLarge);
        }
        parts.uri = rule.outward(&parts.uri)?;
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        clean::request(&mut parts.headers, rule.kind);
        self.stamp
            .set(&mut parts.headers, caller, &rule.upstream, self.deadline_ms());
        let upload = Upload::new(body, cap);
        line.upload = upload.progress();
        let response = self
            .ask(
                http::Request::from_parts(parts, upload),
                line.upload.clone(),
                started,
            )
            .await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Refused::SwitchedProtocols);
        }
        Ok((response, rule))
    }

    /// Waits for the head of the response: `first_byte` from the end of the upload, `total` in any case.
    async fn ask(
        &self,
        request: http::Request<Upload>,
        upload: Option<Arc<Progress>>,
        started: Instant,
    ) -> Result<Response<Incoming>, Refused> {
        let deadline = started + self.timeouts.total;
        let answer = self.client.request(request);
        let Some(upload) = upload else {
            let patience = deadline.min(Instant::now() + self.timeouts.first_byte);
            return match timeout_at(patience, answer).await {
                Ok(answer) => answer.map_err(|error| upstream::refusal(&error)),
                Err(_) => Err(Refused::TooSlow("to begin its response")),
            };
        };
        let impatience = async {
            upload.ended().await;
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
            Ok(Some(Err(error))) => Err(match upload.sent() {
                Sent::TooMuch => Refused::BodyTooLarge,
                Sent::BrokenOff => Refused::ClientBrokeOff,
                Sent::Partly | Sent::Wholly => upstream::refusal(&error),
            }),
            Err(_) if upload.sent() == Sent::Partly => Err(Refused::ClientTooSlow),
            Ok(None) | Err(_) => Err(Refused::TooSlow("to begin its response")),
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        rule: &Rule,
        started: Instant,
        mut line: Line,
    ) -> Response {
        let (mut parts, body) = response.into_parts();
        line.status = Some(parts.status);
        line.answered = Some(Instant::now());
        clean::answer(&mut parts.headers, &rule.strip, rule.kind);
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        let deadline = started + self.timeouts.total;
        Response::from_parts(
            parts,
            Body::new(Download::new(body, deadline, self.timeouts.idle, line)),
        )
    }

    /// When the gateway gives up, in the format of deadlines that services use.
    fn deadline_ms(&self) -> i64 {
        let total = i64::try_from(self.timeouts.total.as_millis()).unwrap_or(i64::MAX);
        self.clock.now_ms().saturating_add(total)
    }
}

fn refuse(refused: Refused, page_for: Option<&Caller>, mut line: Line) -> Response {
    line.refuse(&refused);
    let response = refused.answer(page_for.and_then(|caller| caller.request_id.to_str().ok()));
    line.sent = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
    response
}
