//! The shop's state: where the API is, where the shop itself is, who signs in at it, and what it says.

use latchkey_relying_party::People;
use latchkey_web::{MessageError, Messages, Origins};

use crate::api::Api;
use crate::failure::Failure;

/// The shop. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Storefront {
    pub(crate) api: Api,
    /// Nobody signs in at a shop that knows no issuer.
    pub(crate) people: Option<People>,
    pub(crate) origins: Origins,
    pub(crate) messages: Messages,
}

impl Storefront {
    /// `api` is the catalog's base, such as `http://127.0.0.1:8080/api/catalog/v1`. `client` follows no redirects and
    /// uses no proxy. `origins` are those by which browsers reach the shop; the first is what it calls itself.
    pub fn new(
        api: &str,
        client: reqwest::Client,
        origins: Origins,
        people: Option<People>,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            api: Api::new(api, client, people.clone()),
            people,
            origins,
            messages: Messages::read(&[latchkey_web::COMMON_EN, EN])?,
        })
    }

    /// Who signs in here; a shop without an issuer has no such pages.
    pub(crate) fn people(&self) -> Result<&People, Failure> {
        self.people.as_ref().ok_or(Failure::Missing)
    }

    /// Where people sign in, if they can.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.people.as_ref().map(|people| people.oidc.issuer())
    }

    /// A key for a form that must act once, as the API takes it.
    pub(crate) fn key(&self) -> String {
        let people = self.people.as_ref();
        people.map(|people| people.key()).unwrap_or_default()
    }
}

/// All that the shop says, in English.
pub const EN: latchkey_web::MessageFile = ("storefront/messages/en.ftl", include_str!("../messages/en.ftl"));
