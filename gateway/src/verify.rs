//! `/verify`: answers other proxies that ask whether a request may pass (Traefik's `forwardAuth`, nginx's
//! `auth_request`, Caddy's `forward_auth`).
//!
//! The question names the request in `X-Forwarded-Method`, `-Host` and `-Uri`, which are read from a trusted proxy
//! alone, and the answer is that of the declared route. nginx knows no other answers than 2xx, 401 and 403, so whatever
//! else would be said is a 403; only what cannot be decided right now is a 503, which nginx takes for an error.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION, UPGRADE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use latchkey_http::{FromProxy, subscriber};
use tokio::time::Instant;

use crate::access_log::{AccessLog, Ended};
use crate::admission::Asked;
use crate::authority;
use crate::caller::Caller;
use crate::error::GatewayError;
use crate::forward::{forward, refuse};
use crate::forwarded_headers::REQUEST_ID;
use crate::gateway::Gateway;
use crate::route_limits::Counted;
use crate::sign_in::{SIGN_IN_CHALLENGE, is_page_load};

/// The request that a proxy asks about.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    method: Method,
    host: String,
    uri: Uri,
}

/// Anything but a question of a trusted proxy is an ordinary request for this path.
pub(crate) async fn verify(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let trusted = request.extensions().get::<FromProxy>().is_some();
    if !trusted || !request.headers().contains_key(FORWARDED_URI) {
        return forward(State(gateway), request).await;
    }
    let started = Instant::now();
    let (parts, _) = request.into_parts();
    let Some(caller) = Caller::of(&parts, &gateway.random) else {
        return GatewayError::NoAddress.answer(None);
    };
    let mut access_log = AccessLog::new(&parts, &caller, started);
    let mut response = match gateway.verified(&parts, &caller, &mut access_log).await {
        Ok(response) => {
            access_log.status = Some(response.status());
            access_log.ended = Ended::Whole;
            response
        }
        Err(error) => {
            let question = Question::of(&parts.headers).ok();
            let to = sign_in_of(&error, question.as_ref(), &parts, &gateway);
            understood(refuse(error, None, access_log), to)
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, caller.request_id);
    response
}

impl Gateway {
    async fn verified(
        &self,
        parts: &Parts,
        caller: &Caller,
        access_log: &mut AccessLog,
    ) -> Result<Response, GatewayError> {
        let question = Question::of(&parts.headers)?;
        let routes = self.routes.load_full();
        let (rule, _) = routes.decide(Some(&question.host), &question.method, &question.uri)?;
        // The marketplace's routes let everybody through to services that ask for themselves: no answer for a proxy.
        let is_known = routes.declares(&question.host) || question.host == self.own_host;
        if !is_known || !rule.own {
            return Err(GatewayError::UnknownRoute);
        }
        access_log.route = Some(rule.name.clone());
        let now = self.clock.now_ms();
        if let Some(rate) = rule.policy.per_address {
            let address = Counted::Address(subscriber(caller.address));
            self.route_meter.count(&rule.name, address, rate, now)?;
        }
        let asked = Asked {
            method: &question.method,
            here: question.here(),
            headers: &parts.headers,
            extensions: &parts.extensions,
            // Whatever the route says of WebSockets at this edge: the other proxy opens them, and cookies came with it.
            websocket: is_handshake(&parts.headers),
        };
        let admitted = self.admit(&rule.policy.demand, &asked).await?;
        let mut response = Response::new(Body::empty());
        if let Some(admitted) = admitted {
            if let Some(rate) = rule.policy.per_caller {
                let sub = Counted::Caller(admitted.identity.access.sub().to_owned());
                self.route_meter.count(&rule.name, sub, rate, now)?;
            }
            admitted.identity.set(response.headers_mut());
        }
        Ok(response)
    }
}

impl Question {
    fn of(headers: &HeaderMap) -> Result<Self, GatewayError> {
        let one = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().and_then(|value| value.to_str().ok());
            value
                .filter(|_| values.next().is_none())
                .ok_or(GatewayError::UnclearQuestion)
        };
        let (method, host, target) = (one(FORWARDED_METHOD)?, one(FORWARDED_HOST)?, one(FORWARDED_URI)?);
        // A target with an authority would name a second host, and `http::Uri` drops a fragment silently.
        if !target.starts_with('/') || target.contains('#') {
            return Err(GatewayError::UnclearQuestion);
        }
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| GatewayError::UnclearQuestion)?;
        let uri = Uri::try_from(target).map_err(|_| GatewayError::UnclearQuestion)?;
        Ok(Self {
            method,
            host: authority::named(host).ok_or(GatewayError::UnclearQuestion)?,
            uri,
        })
    }

    fn here(&self) -> &str {
        self.uri.path_and_query().map_or("/", |here| here.as_str())
    }
}

/// Whether the request that is asked about opens a WebSocket. A proxy asks without `Upgrade`, which is for one
/// connection; the key tells, too.
fn is_handshake(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-websocket-key") || headers.contains_key(UPGRADE)
}

/// Where a browser signs in, if the proxy passes redirects on: it says so in the query of its question.
fn sign_in_of(
    error: &GatewayError,
    question: Option<&Question>,
    parts: &Parts,
    gateway: &Gateway,
) -> Option<HeaderValue> {
    let GatewayError::SignedOut { to: Some(to) } = error else {
        return None;
    };
    let redirects = parts.uri.query() == Some("sign_in=redirect");
    let loads = question.is_some_and(|question| is_page_load(&question.method, &parts.headers));
    let origin = gateway.sign_in.as_ref()?.origins.first();
    (redirects && loads).then(|| HeaderValue::try_from(format!("{origin}{to}")).ok())?
}

/// The answer in the few words that every proxy knows.
fn understood(mut response: Response, to: Option<HeaderValue>) -> Response {
    let said = response.status();
    response.headers_mut().remove(LOCATION);
    *response.status_mut() = match to {
        Some(_) => StatusCode::FOUND,
        None => status(said),
    };
    if let Some(to) = to {
        response.headers_mut().insert(LOCATION, to);
    } else if response.status() == StatusCode::UNAUTHORIZED {
        // RFC 9110 §15.5.2: every 401 has a challenge.
        let challenge = HeaderValue::from_static(SIGN_IN_CHALLENGE);
        response
            .headers_mut()
            .entry(WWW_AUTHENTICATE)
            .or_insert(challenge);
    }
    response
}

fn status(said: StatusCode) -> StatusCode {
    match said {
        StatusCode::UNAUTHORIZED | StatusCode::SEE_OTHER => StatusCode::UNAUTHORIZED,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::FORBIDDEN,
    }
}

const FORWARDED_METHOD: &str = "x-forwarded-method";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_URI: &str = "x-forwarded-uri";

#[cfg(test)]
mod tests {
    use super::*;

    fn question(lines: &[(&'static str, &'static str)]) -> Option<(String, String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let question = Question::of(&headers).ok()?;
        Some((
            question.method.to_string(),
            question.host.clone(),
            question.here().to_owned(),
        ))
    }

    const METHOD: (&str, &str) = (FORWARDED_METHOD, "GET");
    const HOST: (&str, &str) = (FORWARDED_HOST, "Notes.test");
    const URI: (&str, &str) = (FORWARDED_URI, "/a/b?c=d");

    #[test]
    fn a_question_names_one_request() {
        let asked = question(&[METHOD, HOST, URI]);
        assert_eq!(
            asked,
            Some(("GET".into(), "notes.test".into(), "/a/b?c=d".into()))
        );
        for lines in [
            vec![HOST, URI],
            vec![METHOD, URI],
            vec![METHOD, HOST],
            vec![METHOD, HOST, URI, URI],
            vec![METHOD, HOST, HOST, URI],
            vec![METHOD, METHOD, HOST, URI],
            vec![METHOD, HOST, (FORWARDED_URI, "http://evil.test/a")],
            vec![METHOD, HOST, (FORWARDED_URI, "//evil.test/#a")],
            vec![METHOD, HOST, (FORWARDED_URI, "a")],
            vec![METHOD, HOST, (FORWARDED_URI, "")],
            vec![METHOD, (FORWARDED_HOST, "root@notes.test"), URI],
            vec![METHOD, (FORWARDED_HOST, "notes.test, evil.test"), URI],
            vec![(FORWARDED_METHOD, "G T"), HOST, URI],
        ] {
            assert_eq!(question(&lines), None, "{lines:?}");
        }
    }

    #[test]
    fn nginx_hears_401_and_403_alone_unless_nothing_can_be_said() {
        for (said, heard) in [
            (401, 401),
            (303, 401),
            (403, 403),
            (400, 403),
            (404, 403),
            (405, 403),
            (429, 403),
            (503, 503),
            (500, 503),
        ] {
            let said = StatusCode::from_u16(said).unwrap();
            assert_eq!(status(said).as_u16(), heard, "{said}");
        }
    }
}
