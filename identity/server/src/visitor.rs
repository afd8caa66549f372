//! Who looks at a page: their language and theme, their cookies, and where the request says that it comes from.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use latchkey_identity_store::SessionRow;
use latchkey_protocol::ClientId;
use latchkey_protocol::consent::Consent;
use latchkey_protocol::error::PageError;
use latchkey_protocol::person::Person;
use latchkey_protocol::session::State;
use latchkey_web::{Page, Theme, Words};
use sha2::{Digest, Sha256};

use crate::pages::Fault;
use crate::{Identity, IdentityError};

/// The cookies of the issuer. Their names get a prefix or a port (`Origins::cookie`).
pub(crate) mod cookie {
    /// Binds requests to the browser that began them.
    pub const BROWSER: &str = "latchkey-browser";
    /// The sign-in session.
    pub const SESSION: &str = "latchkey-session";
    /// A browser in which a person has signed in before.
    pub const DEVICE: &str = "latchkey-device";
    /// Light or dark.
    pub const THEME: &str = "latchkey-theme";
}

/// A request for a page.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub words: Words,
    pub theme: Theme,
    pub here: String,
    pub headers: HeaderMap,
    pub address: IpAddr,
}

impl FromRequestParts<Identity> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, identity: &Identity) -> Result<Self, Infallible> {
        let accept = parts.headers.get(header::ACCEPT_LANGUAGE);
        Ok(Self {
            words: identity
                .inner
                .messages
                .words(accept.and_then(|value| value.to_str().ok())),
            theme: Theme::remembered(&parts.headers, &identity.inner.origins.cookie(cookie::THEME)),
            here: own_here(&parts.uri),
            headers: parts.headers.clone(),
            address: crate::admit::peer(&parts.extensions),
        })
    }
}

impl Visitor {
    /// The visitor in the language that their application asked for, where we have it: it knows them, a browser only its
    /// own settings (OpenID Connect Core §3.1.2.1, `ui_locales`).
    pub fn speaking(&self, identity: &Identity, ui_locales: &[String]) -> Self {
        let accept = self.headers.get(header::ACCEPT_LANGUAGE);
        let accept = accept.and_then(|value| value.to_str().ok());
        Self {
            words: identity
                .inner
                .messages
                .words(Some(&languages(ui_locales, accept))),
            ..self.clone()
        }
    }

    /// A page of this title, which is the name of a message.
    pub fn page(&self, title: &str) -> Page {
        Page {
            title: self.words.say(title).to_owned(),
            description: String::new(),
            canonical: None,
            // A page of ours to come back to; an address with parameters of a client is none.
            here: self.here.clone(),
            person: None,
            issuer: None,
            theme: self.theme,
            words: self.words.clone(),
        }
    }

    /// The browser, as it calls itself; shown to its person.
    pub fn agent(&self) -> Option<String> {
        const LONGEST: usize = 200;
        let agent = self.headers.get(header::USER_AGENT)?.to_str().ok()?;
        Some(agent.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value);
        // Two of one name: one was planted, and nothing tells which.
        match (found.next(), found.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// The browser's own secret.
    pub fn browser(&self, identity: &Identity) -> Option<&str> {
        self.cookie(&identity.inner.origins.cookie(cookie::BROWSER))
            .filter(|value| is_secret(value))
    }

    /// The id of the device cookie and the seal that makes it one of a person.
    pub fn device(&self, identity: &Identity) -> Option<(&str, &str)> {
        self.cookie(&identity.inner.origins.cookie(cookie::DEVICE))?
            .split_once('.')
            .filter(|(id, _)| is_secret(id))
    }

    /// The device, when this browser has signed this person in before, in this credential epoch of theirs.
    pub fn is_known_to(&self, identity: &Identity, user: &str, epoch: i64) -> Option<String> {
        let (id, seal) = self.device(identity)?;
        let epoch = epoch.to_string();
        let parts = [user, id, epoch.as_str()];
        let genuine = identity.inner.signer.is_sealed("device", &parts, seal);
        genuine.then(|| id.to_owned())
    }

    /// The secret of the session cookie.
    pub fn session_secret(&self, identity: &Identity) -> Option<&str> {
        self.cookie(&identity.inner.origins.cookie(cookie::SESSION))
            .filter(|value| is_secret(value))
    }

    /// Whether a browser asks for something inside of a page, and not for a page (Fetch Metadata). Whoever says nothing
    /// is no browser of today.
    pub fn is_embedded(&self) -> bool {
        let destination = self.headers.get("sec-fetch-dest");
        destination.is_some_and(|destination| destination != "document")
    }

    /// A form that changes something comes from a page of ours: a browser says so with the exact origin. Whoever says
    /// nothing is no browser; the form's own token decides then as always.
    pub fn is_at_home(&self, identity: &Identity) -> Result<(), Fault> {
        if self.headers.contains_key(header::ORIGIN) && !identity.inner.origins.admits(&self.headers) {
            return Err(PageError::ForeignForm.into());
        }
        Ok(())
    }
}

/// A session that this browser's cookie opens.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub row: SessionRow,
    pub person: Person,
    pub state: State,
    /// What they allow the client that was asked about.
    pub consent: Option<Consent>,
}

impl Identity {
    /// The session of this browser, in whatever state; ended ones are none.
    pub(crate) async fn session(&self, visitor: &Visitor) -> Result<Option<SignedIn>, IdentityError> {
        self.session_for(visitor, None).await
    }

    /// The same with what its person allows this client.
    pub(crate) async fn session_for(
        &self,
        visitor: &Visitor,
        client: Option<&ClientId>,
    ) -> Result<Option<SignedIn>, IdentityError> {
        let Some(secret) = visitor.session_secret(self) else {
            return Ok(None);
        };
        let found = self
            .inner
            .store
            .session_by_secret(&digest(secret), client)
            .await?;
        let latest = self.latest();
        Ok(found
            .map(|(row, person, consent)| SignedIn {
                state: row.session.state(latest),
                row,
                person,
                consent,
            })
            .filter(|known| known.state != State::Ended))
    }

    /// A cookie that ends with the browser, or one that is gone.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, max_age_s: Option<u32>) -> HeaderValue {
        let origins = &self.inner.origins;
        let age = max_age_s.map_or_else(String::new, |age| format!("Max-Age={age}; "));
        let text = format!(
            "{}={value}; {age}{}",
            origins.cookie(name),
            origins.cookie_attributes()
        );
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    /// 256 random bits as text.
    pub(crate) fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.inner.random.bytes::<32>())
    }
}

/// Where a visitor is, to come back to: a page of ours with its request, and nothing else that the address said, which
/// may be a client's.
fn own_here(uri: &http::Uri) -> String {
    const PAGES: [&str; 5] = ["/login", "/consent", "/account", "/logout", "/signed-out"];
    let path = uri.path();
    if !PAGES.contains(&path) {
        return "/account".to_owned();
    }
    let ours = |handle: &String| is_secret(handle) || crate::sealed_request::is_sealed(handle);
    match crate::routes::request_id(uri).filter(ours) {
        Some(handle) => format!("{path}?request={handle}"),
        None => path.to_owned(),
    }
}

/// What is stored of a secret that a browser or client keeps.
pub(crate) fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

/// The form of [`Identity::secret`]: nothing else is looked up as one.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// As `Accept-Language` says it: first what was asked for, then what the browser prefers.
fn languages(ui_locales: &[String], accept: Option<&str>) -> String {
    let asked = ui_locales.iter().map(String::as_str);
    asked.chain(accept).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_application_asks_for_comes_before_what_the_browser_prefers() {
        let asked = ["pt-BR".to_owned(), "en".to_owned()];
        assert_eq!(languages(&asked, Some("de;q=0.9, fr")), "pt-BR, en, de;q=0.9, fr");
        assert_eq!(languages(&[], Some("de")), "de");
        assert_eq!(languages(&asked, None), "pt-BR, en");
        assert_eq!(languages(&[], None), "");
    }
}
