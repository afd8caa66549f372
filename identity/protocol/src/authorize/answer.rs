//! What goes back to the client: always to a matched address, always with `iss` (RFC 9207) and the request's `state`.

use serde::{Deserialize, Serialize};

use crate::error::OAuthError;
use crate::redirect_uri::RedirectUri;

/// How the answer travels (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the redirect's query.
    #[default]
    Query,
    /// By a form that posts itself.
    FormPost,
}

impl Mode {
    /// The mode of a `response_mode` parameter.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "query" => Some(Self::Query),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }
}

/// An authorization response, success or error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Where it goes.
    pub to: RedirectUri,
    /// How.
    pub mode: Mode,
    /// What it says, in order.
    pub fields: Vec<(&'static str, String)>,
}

impl Response {
    pub(super) fn refuse(
        to: RedirectUri,
        mode: Mode,
        state: Option<&str>,
        issuer: &str,
        error: &OAuthError,
    ) -> Self {
        let wire = error.wire();
        let first = vec![
            ("error", wire.code.to_owned()),
            ("error_description", wire.description.to_owned()),
        ];
        Self::new(to, mode, first, state, issuer)
    }

    pub(super) fn new(
        to: RedirectUri,
        mode: Mode,
        mut fields: Vec<(&'static str, String)>,
        state: Option<&str>,
        issuer: &str,
    ) -> Self {
        fields.extend(state.map(|state| ("state", state.to_owned())));
        fields.push(("iss", issuer.to_owned()));
        Self { to, mode, fields }
    }

    /// The `Location` of a query answer.
    pub fn location(&self) -> String {
        let fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.to.with(&fields)
    }
}
