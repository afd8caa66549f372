//! A client of one service.

use std::time::Duration;

use axum::body::Bytes;
use http::{Method, StatusCode, header};
use latchkey_contracts::resource::{ResourceContract, ScopeContract};
use latchkey_http::current_request_id;
use latchkey_relying_party::{Logins, NoToken};
use latchkey_trace::{Kind, Span};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ApiError, Problem};

/// A client of one service. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Service {
    resource: &'static ResourceContract,
    base: String,
    client: reqwest::Client,
    logins: Option<Logins>,
}

/// Who a call is made for.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// Nobody in particular: what is public.
    Anyone,
    /// The user of this sign-in.
    User(&'a str),
    /// The shop itself, with this scope.
    Shop(&'static ScopeContract),
}

/// A call. It has no `Debug`, because a body may hold the number of a card.
pub struct Call<'a> {
    caller: Caller<'a>,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    /// With its media type.
    body: Option<(String, Bytes)>,
    deadline: Duration,
}

/// A response that says yes.
pub struct Reply {
    pub status: StatusCode,
    /// As it was sent, usually relative.
    pub location: Option<String>,
    body: Vec<u8>,
}

impl<'a> Call<'a> {
    /// `path` begins with `/`, below the version of the service.
    pub fn new(caller: Caller<'a>, method: Method, path: impl Into<String>) -> Self {
        Self {
            caller,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
            deadline: DEADLINE,
        }
    }

    pub fn get(caller: Caller<'a>, path: impl Into<String>) -> Self {
        Self::new(caller, Method::GET, path)
    }

    pub fn post(caller: Caller<'a>, path: impl Into<String>) -> Self {
        Self::new(caller, Method::POST, path)
    }

    pub fn put(caller: Caller<'a>, path: impl Into<String>) -> Self {
        Self::new(caller, Method::PUT, path)
    }

    pub fn delete(caller: Caller<'a>, path: impl Into<String>) -> Self {
        Self::new(caller, Method::DELETE, path)
    }

    /// Adds a query.
    pub fn query(mut self, pairs: &[(&str, String)]) -> Self {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        if !query.is_empty() {
            self.path = format!("{}?{query}", self.path);
        }
        self
    }

    /// For what a page can do without: it waits no longer than people notice.
    pub fn at_a_glance(mut self) -> Self {
        self.deadline = GLANCE;
        self
    }

    /// Repeating the key repeats the response.
    pub fn key(mut self, key: &str) -> Self {
        self.headers.push(("idempotency-key", key.to_owned()));
        self
    }

    /// Only if it still has this version.
    pub fn if_match(mut self, version: i64) -> Self {
        self.headers.push(("if-match", format!("\"{version}\"")));
        self
    }

    /// What the reader of a stream has seen already.
    pub fn last_event_id(mut self, seen: u32) -> Self {
        self.headers.push(("last-event-id", seen.to_string()));
        self
    }

    pub fn json(mut self, body: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body)?;
        self.body = Some(("application/json".to_owned(), body.into()));
        Ok(self)
    }

    /// A body of another type, which may take a while to send.
    pub fn upload(mut self, media: String, body: Bytes) -> Self {
        self.body = Some((media, body));
        self.deadline = UPLOAD;
        self
    }
}

impl Reply {
    /// The body as text, with what is no text left out.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What is no text, such as a document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if !self.status.is_success() {
            return Err(ApiError::Unexpected(self.status));
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Service {
    pub fn new(
        base: &str,
        resource: &'static ResourceContract,
        client: reqwest::Client,
        logins: Option<Logins>,
    ) -> Self {
        Self {
            base: format!("{}/{}/v1", base.trim_end_matches('/'), resource.name),
            resource,
            client,
            logins,
        }
    }

    /// Calls, and reads the response.
    pub async fn ask<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, ApiError> {
        self.call(call).await?.json()
    }

    /// Calls. A rejected token is replaced once: it may have been revoked individually.
    pub async fn call(&self, call: Call<'_>) -> Result<Reply, ApiError> {
        let address = address(&self.base, &call.path)?;
        for last in [false, true] {
            let mut request = self
                .client
                .request(call.method.clone(), address.clone())
                .header(header::ACCEPT, "application/json")
                .header("x-request-id", current_request_id().as_str())
                .timeout(call.deadline);
            // The deadline counts for the token, too: an issuer that hangs must not hold every page up.
            let token = tokio::time::timeout(call.deadline, self.token(call.caller)).await;
            let token = token.map_err(|_late| self.busy(StatusCode::GATEWAY_TIMEOUT))??;
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            for (name, value) in &call.headers {
                request = request.header(*name, value);
            }
            if let Some((media, body)) = &call.body {
                request = request.header(header::CONTENT_TYPE, media).body(body.clone());
            }
            let mut span = self.span(&call.method);
            let sent = request.headers(Span::headers_to_ours(span.as_ref())).send().await;
            end(&mut span, &sent);
            let mut answer = sent.map_err(|error| self.away(error))?;
            let status = answer.status();
            if status == StatusCode::UNAUTHORIZED && !last && self.drop_token(call.caller).await? {
                continue;
            }
            if !status.is_success() && status != StatusCode::MOVED_PERMANENTLY {
                return Err(self.failed(call.caller, answer).await);
            }
            let location = answer.headers().get(header::LOCATION);
            let location = location.and_then(|to| to.to_str().ok()).map(str::to_owned);
            let body = self.bytes(&mut answer).await?;
            return Ok(Reply {
                status,
                location,
                body,
            });
        }
        Err(ApiError::SignedOut)
    }

    /// Opens a stream. Only its head has a deadline: whoever reads on decides for how long.
    pub async fn open(&self, call: Call<'_>) -> Result<reqwest::Response, ApiError> {
        let address = address(&self.base, &call.path)?;
        for last in [false, true] {
            let mut request = self
                .client
                .request(call.method.clone(), address.clone())
                .header(header::ACCEPT, "text/event-stream")
                .header("x-request-id", current_request_id().as_str());
            if let Some(token) = self.token(call.caller).await? {
                request = request.bearer_auth(token);
            }
            for (name, value) in &call.headers {
                request = request.header(*name, value);
            }
            let mut span = self.span(&call.method);
            let request = request.headers(Span::headers_to_ours(span.as_ref()));
            let Ok(answer) = tokio::time::timeout(DEADLINE, request.send()).await else {
                return Err(self.busy(StatusCode::GATEWAY_TIMEOUT));
            };
            end(&mut span, &answer);
            let answer = answer.map_err(|error| self.away(error))?;
            match answer.status() {
                StatusCode::UNAUTHORIZED if !last && self.drop_token(call.caller).await? => {}
                status if status.is_success() => return Ok(answer),
                _ => return Err(self.failed(call.caller, answer).await),
            }
        }
        Err(ApiError::SignedOut)
    }

    /// The span of a call; the answer's head ends it.
    fn span(&self, method: &Method) -> Option<Span> {
        let peer = self.resource.name;
        let mut span = Span::child(Kind::Client, || format!("call {peer}").into())?;
        span.set("http.request.method", method.as_str().to_owned());
        span.set("peer.service", peer);
        Some(span)
    }

    async fn token(&self, caller: Caller<'_>) -> Result<Option<String>, ApiError> {
        let logins = || self.logins.as_ref().ok_or(ApiError::SignedOut);
        let audience = self.resource.audience;
        let token = match caller {
            Caller::Anyone => return Ok(None),
            Caller::User(login) => logins()?.token(login, audience).await,
            Caller::Shop(scope) => logins()?.machine_token(audience, scope.name).await,
        };
        match token {
            Ok(token) => Ok(Some(token)),
            // A sign-in that did not ask for this is replaced in the same way as one that has ended.
            Err(NoToken::SignedOut | NoToken::NotAsked) => Err(ApiError::SignedOut),
            Err(error @ (NoToken::Oidc(_) | NoToken::Store(_))) => Err(ApiError::NoToken(error)),
        }
    }

    /// Whether another token may help.
    async fn drop_token(&self, caller: Caller<'_>) -> Result<bool, ApiError> {
        let audience = self.resource.audience;
        match (caller, &self.logins) {
            (Caller::User(login), Some(logins)) => {
                let dropped = logins.refused(login, audience).await;
                dropped.map_err(|error| ApiError::NoToken(error.into()))?;
                Ok(true)
            }
            (Caller::Shop(scope), Some(logins)) => {
                logins.machine_refused(audience, scope.name).await;
                Ok(true)
            }
            (Caller::Anyone | Caller::User(_) | Caller::Shop(_), _) => Ok(false),
        }
    }

    /// Whether the user's sign-in is from before the shop asked for as much as it does today.
    async fn is_outdated(&self, caller: Caller<'_>) -> bool {
        let (Caller::User(login), Some(logins)) = (caller, &self.logins) else {
            return false;
        };
        let login = logins.login(login).await;
        login.is_ok_and(|login| login.is_some_and(|login| logins.asks_for_more(&login)))
    }

    /// What a response that is no success means.
    async fn failed(&self, caller: Caller<'_>, mut answer: reqwest::Response) -> ApiError {
        let status = answer.status();
        let known = !matches!(caller, Caller::Anyone);
        match status {
            // Even a newly issued token is rejected: signing in again would not help.
            StatusCode::UNAUTHORIZED if known => self.busy(status),
            // Its tokens lack a scope that was not asked for then.
            StatusCode::FORBIDDEN if self.is_outdated(caller).await => ApiError::SignedOut,
            StatusCode::FORBIDDEN if known => ApiError::Forbidden,
            StatusCode::NOT_FOUND => ApiError::Missing,
            StatusCode::PRECONDITION_FAILED => ApiError::Stale,
            StatusCode::BAD_REQUEST | StatusCode::URI_TOO_LONG | StatusCode::UNPROCESSABLE_ENTITY
                if !known =>
            {
                ApiError::Rejected
            }
            StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => match self.bytes(&mut answer).await {
                Ok(body) => match serde_json::from_slice::<Problem>(&body) {
                    Ok(problem) => ApiError::Refused(Box::new(problem)),
                    Err(error) => error.into(),
                },
                Err(error) => error,
            },
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => self.busy(status),
            status => ApiError::Unexpected(status),
        }
    }

    /// The deadline of the request includes the body.
    async fn bytes(&self, answer: &mut reqwest::Response) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.away(error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err(ApiError::TooLarge);
            }
        }
        Ok(body)
    }

    /// Without the address: it may have the number of a visitor.
    fn away(&self, source: reqwest::Error) -> ApiError {
        ApiError::Away {
            service: self.resource.name,
            source: source.without_url(),
        }
    }

    fn busy(&self, status: StatusCode) -> ApiError {
        ApiError::Busy {
            service: self.resource.name,
            status,
        }
    }
}

const DEADLINE: Duration = Duration::from_secs(3);
/// A photo on its way through the edge, and its drawing.
const UPLOAD: Duration = Duration::from_secs(25);
const GLANCE: Duration = Duration::from_millis(800);
const LARGEST: usize = 2 * 1024 * 1024;

/// The head of the answer ends the span of a call.
fn end(span: &mut Option<Span>, sent: &Result<reqwest::Response, reqwest::Error>) {
    let Some(mut span) = span.take() else {
        return;
    };
    match sent {
        Ok(answer) => span.set("http.response.status_code", i64::from(answer.status().as_u16())),
        Err(_) => span.fail("no_response"),
    }
}

/// Where a call goes. A parser of URLs reads `..` in any spelling (`%2e%2E`) as the segment above, so an identifier of
/// that name would lead to another resource: nothing has such a name.
fn address(base: &str, path: &str) -> Result<Url, ApiError> {
    let written = format!("{base}{path}");
    let address = Url::parse(&written).map_err(|_| ApiError::Missing)?;
    let path = written.split(['?', '#']).next().unwrap_or_default();
    match path.ends_with(address.path()) {
        true => Ok(address),
        false => Err(ApiError::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_identifier_leads_to_another_resource() {
        let base = "http://edge.test/api/order/v1";
        let orders = address(base, "/orders/o-1?of=..%2F..").unwrap();
        assert_eq!(
            orders.as_str(),
            "http://edge.test/api/order/v1/orders/o-1?of=..%2F.."
        );
        for path in [
            "/orders/..",
            "/orders/../x",
            "/orders/%2e%2E/x",
            "/orders/.%2e/x",
            "/orders/%2e/x",
            "/orders/./x",
        ] {
            let refused = address(base, path);
            assert!(matches!(refused, Err(ApiError::Missing)), "{path}: {refused:?}");
        }
    }
}
