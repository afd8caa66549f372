//! The state of the shop: the API, its own origins, its sign-ins, and its messages.

use latchkey_relying_party::Logins;
use latchkey_web::{COMMON, MessageError, MessageFile, Messages, Origins};

use crate::api::Api;
use crate::followers::Followers;
use crate::page_error::PageError;

/// The shop. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Storefront {
    pub(crate) api: Api,
    /// `None` for a shop without an issuer, where nobody can sign in.
    pub(crate) logins: Option<Logins>,
    pub(crate) origins: Origins,
    pub(crate) messages: Messages,
    /// The browsers that follow an order.
    pub(crate) followers: Followers,
}

impl Storefront {
    /// `api` is the base URL of the services, such as `http://127.0.0.1:8080/api`: the catalog is `/catalog/v1` below
    /// it. `client` must not follow redirects or use a proxy. `origins` are those by which browsers reach the shop; the first is its own name for
    /// itself.
    pub fn new(
        api: &str,
        client: reqwest::Client,
        origins: Origins,
        logins: Option<Logins>,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            api: Api::new(api, &client, logins.as_ref()),
            logins,
            origins,
            followers: Followers::default(),
            messages: messages()?,
        })
    }

    /// The same shop in this language for whoever asks for none of its languages.
    pub fn by_default(self, language: &str) -> Result<Self, MessageError> {
        let messages = self.messages.clone().by_default(language)?;
        Ok(self.with_messages(messages))
    }

    /// The same shop with these messages.
    pub fn with_messages(self, messages: Messages) -> Self {
        Self { messages, ..self }
    }

    /// The signed-in users; a shop without an issuer has no such pages.
    pub(crate) fn logins(&self) -> Result<&Logins, PageError> {
        self.logins.as_ref().ok_or(PageError::Missing)
    }

    /// The issuer at which users sign in, if they can.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.logins.as_ref().map(|logins| logins.oidc.issuer())
    }

    /// An idempotency key for a form, in the format of the API.
    pub(crate) fn key(&self) -> String {
        let logins = self.logins.as_ref();
        logins.map(|logins| logins.key()).unwrap_or_default()
    }
}

/// Everything that the shop says, in every language.
pub fn messages() -> Result<Messages, MessageError> {
    Messages::read(&[COMMON, MESSAGES].concat())
}

/// The messages of the shop's own, English first.
pub const MESSAGES: [MessageFile; 3] = [
    ("storefront/messages/en.ftl", include_str!("../messages/en.ftl")),
    ("storefront/messages/tr.ftl", include_str!("../messages/tr.ftl")),
    ("storefront/messages/fr.ftl", include_str!("../messages/fr.ftl")),
];
