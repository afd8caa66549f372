//! Authorization responses: always sent to a matched address, always with `iss` (RFC 9207) and the request's `state`.

use serde::{Deserialize, Serialize};

use crate::error::OAuthError;
use crate::redirect_uri::RedirectUri;

/// How the response is delivered (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the query of the redirect.
    #[default]
    Query,
    /// In a form that submits itself.
    FormPost,
}

impl Mode {
    /// The mode that a `response_mode` parameter names.
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
    /// The redirect URI that it goes to.
    pub to: RedirectUri,
    /// How it is delivered.
    pub mode: Mode,
    /// Its parameters, in order.
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

    /// The `Location` of a response in the query.
    pub fn location(&self) -> String {
        let fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.to.with(&fields)
    }
}
