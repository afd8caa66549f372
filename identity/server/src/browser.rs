//! The visitor of a page: language and theme, cookies, the origin of the request, and the forms that it posts.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use latchkey_clock::Random;
use latchkey_http::{ClientAddress, Form, is_form};
use latchkey_protocol::error::PageError;
use latchkey_web::{Page, PageContext, accept_language};

use crate::sealed_request;
use crate::secret::{is_secret, new_secret};
use crate::signer::Signer;
use crate::site::Site;

/// The cookies of the issuer. Their names get a prefix or a port (`Origins::cookie`).
pub(crate) mod cookie {
    /// Binds requests to the browser that started them.
    pub const BROWSER: &str = "latchkey-browser";
    /// The sign-in session.
    pub const SESSION: &str = "latchkey-session";
    /// Identifies a browser in which a user has signed in before.
    pub const DEVICE: &str = "latchkey-device";
}

/// A request for a page.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub site: Arc<Site>,
    pub context: PageContext,
    pub headers: HeaderMap,
    pub address: IpAddr,
    /// The authorization request that the address names: a sealed one, or the id of its row.
    pub request: Option<String>,
}

impl<S> FromRequestParts<S> for Browser
where
    Arc<Site>: FromRef<S>,
    S: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let site = Arc::<Site>::from_ref(state);
        let request = request_handle(&parts.uri);
        Ok(Self {
            context: PageContext::of(
                &parts.headers,
                &site.messages,
                &site.origins,
                own_here(parts.uri.path(), request.as_deref()),
            ),
            headers: parts.headers.clone(),
            address: ClientAddress::or_unspecified(&parts.extensions),
            request,
            site,
        })
    }
}

impl Browser {
    /// The visitor in the language that the application asked for, if we have it: the application knows its user, a
    /// browser only its settings (OpenID Connect Core §3.1.2.1, `ui_locales`).
    pub fn speaking(&self, ui_locales: &[String]) -> Self {
        let mut speaking = self.clone();
        let asked = languages(ui_locales, accept_language(&self.headers));
        speaking.context.words = self.site.words(Some(&asked));
        speaking
    }

    /// The same on the page of a request that a form has named: its address has none, and a form of that page which
    /// leads back must.
    pub fn at(mut self, path: &str, handle: &str) -> Self {
        self.context.here = own_here(path, Some(handle));
        self
    }

    /// A page with this title, which is the name of a message.
    pub fn page(&self, title: &str) -> Page {
        self.context.page(self.context.words.say(title))
    }

    /// The user agent, as shown to the user.
    pub fn agent(&self) -> Option<String> {
        const LONGEST: usize = 200;
        let agent = self.headers.get(header::USER_AGENT)?.to_str().ok()?;
        Some(agent.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        latchkey_web::cookie(&self.headers, name)
    }

    /// The browser's own secret.
    pub fn secret(&self) -> Option<&str> {
        self.cookie(&self.site.origins.cookie(cookie::BROWSER))
            .filter(|value| is_secret(value))
    }

    /// The browser's own secret, and whether it was just generated. After a POST, cookies may have been withheld: then
    /// none is generated, which would replace the existing one.
    pub fn secret_or_new(&self, random: &Random, posted: bool) -> (Option<String>, bool) {
        match self.secret() {
            Some(secret) => (Some(secret.to_owned()), false),
            None if posted => (None, false),
            None => (Some(new_secret(random)), true),
        }
    }

    /// The id of the device cookie and the MAC that binds it to a user.
    pub fn device(&self) -> Option<(&str, &str)> {
        self.cookie(&self.site.origins.cookie(cookie::DEVICE))?
            .split_once('.')
            .filter(|(id, _)| is_secret(id))
    }

    /// The device, when this browser has signed this person in before, in this credential epoch of theirs.
    pub fn is_known_to(&self, signer: &Signer, user: &str, epoch: i64) -> Option<String> {
        let (id, mac) = self.device()?;
        let epoch = epoch.to_string();
        let parts = [user, id, epoch.as_str()];
        let genuine = signer.verify_mac("device", &parts, mac);
        genuine.then(|| id.to_owned())
    }

    /// The secret of the session cookie.
    pub fn session_secret(&self) -> Option<&str> {
        self.cookie(&self.site.origins.cookie(cookie::SESSION))
            .filter(|value| is_secret(value))
    }

    /// True if a browser requests a resource embedded in a page rather than a page (Fetch Metadata). Without these
    /// headers it is not a current browser.
    pub fn is_embedded(&self) -> bool {
        let destination = self.headers.get("sec-fetch-dest");
        destination.is_some_and(|destination| destination != "document")
    }

    /// The form of one of our own pages. What changes something is accepted only from there: browsers prove it with the
    /// exact origin. A request without `Origin` does not come from a browser; then the token of the form decides, as
    /// always.
    pub async fn form(&self, request: Request) -> Result<Form, PageError> {
        if self.site.origins.denies(&self.headers) {
            return Err(PageError::ForeignForm);
        }
        let body = form_bytes(request).await?;
        Form::parse(&body, &[]).map_err(|_| PageError::Malformed)
    }
}

/// The body of a form.
pub(crate) async fn form_bytes(request: Request) -> Result<Bytes, PageError> {
    if !is_form(request.headers()) {
        return Err(PageError::Malformed);
    }
    let body = request.into_body().collect().await;
    Ok(body.map_err(|_| PageError::Malformed)?.to_bytes())
}

/// The pages of ours that a browser can return to.
const PAGES: [&str; 5] = ["/login", "/consent", "/account", "/logout", "/signed-out"];

/// The `request` parameter of an address of ours. Elsewhere one of that name is a client's (RFC 9101 §5).
fn request_handle(uri: &http::Uri) -> Option<String> {
    let path = uri.path();
    if path != "/continue" && !PAGES.contains(&path) {
        return None;
    }
    let mut form = Form::parse(uri.query()?.as_bytes(), &[]).ok()?;
    form.take("request")
}

/// The address to return to: a page of ours with its request, and nothing else from the query, which may belong to a
/// client.
fn own_here(path: &str, request: Option<&str>) -> String {
    if !PAGES.contains(&path) {
        return "/account".to_owned();
    }
    match request.filter(|handle| is_secret(handle) || sealed_request::is_sealed(handle)) {
        Some(handle) => format!("{path}?request={handle}"),
        None => path.to_owned(),
    }
}

/// In the format of `Accept-Language`: first the requested languages, then those that the browser prefers.
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
