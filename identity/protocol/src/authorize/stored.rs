//! The stored form of a request, between the steps of the user.

use serde::{Deserialize, Serialize};

use crate::audience::Granted;
use crate::authentication::AcrRequest;
use crate::authorize::{Mode, Prompt, Request};
use crate::client::{Client, ClientId};
use crate::pkce::Challenge;
use crate::redirect_uri::RedirectUri;

/// The serialized form of a [`Request`]. It has no usable redirect URI: [`Stored::revive`] matches it again, so that
/// the browser is never redirected to an address from a modified row or one that was removed from the registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    client_id: ClientId,
    redirect_uri: String,
    response_mode: Mode,
    state: Option<String>,
    asked: Granted,
    code_challenge: Option<Challenge>,
    nonce: Option<String>,
    prompt: Prompt,
    max_age: Option<u64>,
    hinted_sub: Option<String>,
    login_hint: Option<String>,
    ui_locales: Vec<String>,
    /// Left out where nothing is asked: a node of an earlier release then reads the request.
    #[serde(default, skip_serializing_if = "AcrRequest::is_empty")]
    acr: AcrRequest,
    /// The same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<String>,
}

impl From<Request> for Stored {
    fn from(request: Request) -> Self {
        Self {
            client_id: request.client,
            redirect_uri: request.redirect_uri.as_str().to_owned(),
            response_mode: request.mode,
            state: request.state,
            asked: request.asked,
            code_challenge: request.challenge,
            nonce: request.nonce,
            prompt: request.prompt,
            max_age: request.max_age,
            hinted_sub: request.hinted_sub,
            login_hint: request.login_hint,
            ui_locales: request.ui_locales,
            acr: request.acr,
            claims: request.claims,
        }
    }
}

impl Stored {
    /// The client to load.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The languages that the application asks for.
    pub fn ui_locales(&self) -> &[String] {
        &self.ui_locales
    }

    /// The request, if the client still exists, is enabled and still has the address.
    pub fn revive(self, client: &Client) -> Option<Request> {
        if self.client_id != *client.id() || client.disabled_at.is_some() {
            return None;
        }
        Some(Request {
            redirect_uri: RedirectUri::of(client, &self.redirect_uri)?,
            client: self.client_id,
            mode: self.response_mode,
            state: self.state,
            asked: self.asked,
            challenge: self.code_challenge,
            nonce: self.nonce,
            prompt: self.prompt,
            max_age: self.max_age,
            hinted_sub: self.hinted_sub,
            login_hint: self.login_hint,
            ui_locales: self.ui_locales,
            acr: self.acr,
            claims: self.claims,
        })
    }
}
