//! Client authentication of the OAuth endpoints: parse the form once, authenticate the client, run the endpoint's
//! checks.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use http::header;
use http_body_util::BodyExt;
use latchkey_http::{ClientAddress, Form, current_request_id, is_form};
use latchkey_identity_store::Store;
use latchkey_metrics::catalog::CLIENTS_REFUSED;
use latchkey_metrics::labels;
use latchkey_protocol::OAuthError;
use latchkey_protocol::checks::{Endpoint, Facts, check_client, counts_as_a_guess};
use latchkey_protocol::client::{AuthMethod, Client};
use latchkey_protocol::client_auth::{Presented, present};
use latchkey_protocol::token_request::{self, Read, TokenRequest};

use crate::oauth_error::ErrorResponse;
use crate::registry::Registry;
use crate::signer::Signer;
use crate::throttle::Throttle;
use crate::time::Time;

/// An authenticated client and its parsed request.
pub(crate) struct AuthenticatedRequest<T = ()> {
    pub client: Arc<Client>,
    pub form: Form,
    /// What was parsed from the form before the client was authenticated.
    pub read: T,
}

/// The facts about the caller.
struct Proved {
    client: Option<Arc<Client>>,
    presented: Presented,
    secret_matches: bool,
}

impl Proved {
    fn facts(&self, throttled: bool) -> Facts<'_> {
        let Self {
            client,
            presented,
            secret_matches,
        } = self;
        Facts {
            client: client.as_deref(),
            presented,
            secret_matches: *secret_matches,
            throttled,
        }
    }
}

/// The parameters that RFC 8707 §2 lets a client repeat.
const REPEATABLE: [&str; 1] = ["resource"];

/// Authenticates the clients of the OAuth endpoints.
pub(crate) struct ClientAuthentication {
    pub store: Store,
    pub signer: Signer,
    pub registry: Arc<Registry>,
    pub throttle: Arc<Throttle>,
    pub time: Time,
}

impl ClientAuthentication {
    /// Authenticates the client of a POST to this endpoint.
    pub async fn authenticate_form(
        &self,
        request: Request,
        endpoint: Endpoint,
    ) -> Result<AuthenticatedRequest, ErrorResponse> {
        let (parts, form) = form_of(request).await?;
        self.authenticate_read(&parts, form, (), Ok(endpoint)).await
    }

    /// Authenticates the client of a token request, whose grant selects the column of checks.
    pub async fn authenticate_token_request(
        &self,
        request: Request,
    ) -> Result<AuthenticatedRequest<Result<TokenRequest, OAuthError>>, ErrorResponse> {
        let (parts, form) = form_of(request).await?;
        let Read { request, endpoint } = token_request::read(form.pairs())?;
        self.authenticate_read(&parts, form, request, endpoint).await
    }

    async fn authenticate_read<T>(
        &self,
        parts: &http::request::Parts,
        mut form: Form,
        read: T,
        endpoint: Result<Endpoint, OAuthError>,
    ) -> Result<AuthenticatedRequest<T>, ErrorResponse> {
        match self.authenticate(parts, &mut form, endpoint.clone()).await {
            Ok(client) => Ok(AuthenticatedRequest { client, form, read }),
            Err(error) => Err(ErrorResponse {
                // RFC 6749 §5.2: a client that used the header is challenged with its scheme.
                challenges: parts.headers.contains_key(header::AUTHORIZATION)
                    || endpoint.is_ok_and(Endpoint::always_challenges),
                ..error
            }),
        }
    }

    async fn authenticate(
        &self,
        parts: &http::request::Parts,
        form: &mut Form,
        endpoint: Result<Endpoint, OAuthError>,
    ) -> Result<Arc<Client>, ErrorResponse> {
        let presented = presented(parts, form.take("client_id"), form.take("client_secret"))?;
        let address = ClientAddress::or_unspecified(&parts.extensions);
        let proved = self.prove(presented, address).await?;
        // The client is checked before the grant: a stranger learns nothing about grants (RFC 6749 §5.2).
        self.allow(endpoint?, proved)
    }

    /// Authenticates the client of a GET, which has only headers.
    pub async fn authenticate_headers(
        &self,
        parts: &http::request::Parts,
        endpoint: Endpoint,
    ) -> Result<Arc<Client>, ErrorResponse> {
        let presented = presented(parts, None, None)?;
        let address = ClientAddress::or_unspecified(&parts.extensions);
        let proved = self.prove(presented, address).await?;
        self.allow(endpoint, proved)
    }

    /// Authenticates the client: the column of the revocation endpoint is authentication alone, and every other
    /// contains it.
    async fn prove(&self, presented: Presented, address: IpAddr) -> Result<Proved, ErrorResponse> {
        self.registry.current()?;
        let client = match &presented.client_id {
            Some(id) => self.registry.client(id).await?,
            None => None,
        };
        let now = self.time.now();
        let stored = client.as_ref().map_or([None; 2], |client| client.secrets(now));
        let secret_matches = self
            .signer
            .client_secret_matches(stored, presented.secret.as_deref());
        let throttle = &self.throttle;
        // Whoever names a client and proves nothing guesses, with a secret or without: only a public client has none.
        let is_public = client.as_ref().is_some_and(|client| !client.is_confidential());
        let has_none = is_public && presented.method == AuthMethod::None;
        let guesses = !(secret_matches || has_none);
        let throttled = throttle
            .blocked(presented.client_id.as_ref(), address, now)
            .or_else(|| {
                let blocked = || throttle.address_blocked_for_clients(address, now);
                guesses.then(blocked).flatten()
            });
        let proved = Proved {
            client,
            presented,
            secret_matches,
        };
        let facts = proved.facts(throttled.is_some());
        match check_client(Endpoint::Revoke, facts) {
            Ok(_) => Ok(proved),
            Err(error) => Err(self.refuse(error, &proved.presented, address, throttled).await),
        }
    }

    /// Runs the whole column of the endpoint.
    fn allow(&self, endpoint: Endpoint, proved: Proved) -> Result<Arc<Client>, ErrorResponse> {
        if let Err(error) = check_client(endpoint, proved.facts(false)) {
            tracing::info!(reason = %error, client.id = proved.presented.client_id.as_ref().map(|id| id.as_str()),
                request.id = %current_request_id(), "client refused");
            return Err(error.into());
        }
        proved.client.ok_or_else(|| OAuthError::UnknownClient.into())
    }

    async fn refuse(
        &self,
        error: OAuthError,
        presented: &Presented,
        address: IpAddr,
        throttled: Option<latchkey_protocol::Timestamp>,
    ) -> ErrorResponse {
        tracing::info!(reason = %error, client.id = presented.client_id.as_ref().map(|id| id.as_str()),
            method = presented.method.name(), peer = %address, request.id = %current_request_id(), "client refused");
        CLIENTS_REFUSED.inc(labels::ErrorCode::of(error.wire().code));
        if let (OAuthError::Throttled, Some(until)) = (&error, throttled) {
            return ErrorResponse::throttled(until, self.time.now());
        }
        if counts_as_a_guess(&error) {
            let (client, now) = (presented.client_id.as_ref(), self.time.now());
            let counted = self
                .throttle
                .count_wrong_secret(&self.store, client, address, now);
            if let Err(failed) = counted.await {
                // If a failed guess cannot be counted, the request fails: otherwise a broken store would disable the
                // throttle.
                return failed.into();
            }
        }
        error.into()
    }
}

/// The form of a POST.
async fn form_of(request: Request) -> Result<(http::request::Parts, Form), OAuthError> {
    let (parts, body) = request.into_parts();
    // RFC 6749 §3.2: parameters are only in the body, where no log and no referrer can see them.
    if parts.uri.query().is_some() {
        return Err(OAuthError::Malformed("Send the parameters in the request body."));
    }
    if !is_form(&parts.headers) {
        return Err(OAuthError::Malformed(
            "The body must be application/x-www-form-urlencoded.",
        ));
    }
    let body = body
        .collect()
        .await
        .map_err(|_| OAuthError::Malformed("The body is too large or incomplete."))?
        .to_bytes();
    let form = Form::parse(&body, &REPEATABLE)
        .map_err(|_| OAuthError::Malformed("The form is malformed or repeats a parameter."))?;
    Ok((parts, form))
}

/// The credentials of a request. Invalid ones are logged like any other error.
fn presented(
    parts: &http::request::Parts,
    form_id: Option<String>,
    form_secret: Option<String>,
) -> Result<Presented, OAuthError> {
    let headers = parts.headers.get_all(header::AUTHORIZATION);
    let headers: Vec<&[u8]> = headers.iter().map(http::HeaderValue::as_bytes).collect();
    present(&headers, form_id, form_secret).inspect_err(|error| {
        let peer = ClientAddress::or_unspecified(&parts.extensions);
        tracing::info!(reason = %error, %peer, request.id = %current_request_id(), "client refused");
    })
}
