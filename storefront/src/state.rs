//! The state of the shop: the API, its own origins, its sign-ins, and its messages.

use latchkey_relying_party::People;
use latchkey_web::{MessageError, Messages, Origins};

use crate::api::Api;
use crate::failure::Failure;

/// The shop. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Storefront {
    pub(crate) api: Api,
    /// `None` for a shop without an issuer, where nobody can sign in.
    pub(crate) people: Option<People>,
    pub(crate) origins: Origins,
    pub(crate) messages: Messages,
}

impl Storefront {
    /// `api` is the base URL of the catalog, such as `http://127.0.0.1:8080/api/catalog/v1`. `client` must not follow
    /// redirects or use a proxy. `origins` are those by which browsers reach the shop; the first is its own name for
    /// itself.
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

    /// The signed-in users; a shop without an issuer has no such pages.
    pub(crate) fn people(&self) -> Result<&People, Failure> {
        self.people.as_ref().ok_or(Failure::Missing)
    }

    /// The issuer at which users sign in, if they can.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.people.as_ref().map(|people| people.oidc.issuer())
    }

    /// An idempotency key for a form, in the format of the API.
    pub(crate) fn key(&self) -> String {
        let people = self.people.as_ref();
        people.map(|people| people.key()).unwrap_or_default()
    }
}

/// All messages of the shop, in English.
pub const EN: latchkey_web::MessageFile = ("storefront/messages/en.ftl", include_str!("../messages/en.ftl"));
