//! The visitor of a page: language and theme, cookies, the origin of the request, and the forms that it posts.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts, MatchedPath, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use latchkey_clock::Random;
use latchkey_http::{ClientAddress, Form, is_form};
use latchkey_protocol::authorize::locales;
use latchkey_protocol::error::PageError;
use latchkey_protocol::metadata::path;
use latchkey_protocol::user::User;
use latchkey_web::{
    Page, PageContext, Switched, Wishes, Words, accept_language, here as whole_address, safe_return,
};

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
    /// Stands for the second step of a user for a while.
    pub const REMEMBERED: &str = "latchkey-remembered";
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
    /// The token of the mailed link that was opened.
    pub token: Option<String>,
    /// The address of a request without a form, which may be made again.
    address_to_reload: Option<String>,
    heard: Arc<Heard>,
}

/// What decides on the language and is known only on the way. Every page from then on speaks it, error pages too.
#[derive(Debug, Default)]
struct Heard {
    /// The name of the authorization request.
    flow: OnceLock<String>,
    /// The languages that the application asks for.
    ui_locales: OnceLock<Vec<String>>,
    /// The language of the profile of whoever is signed in.
    profile: OnceLock<String>,
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
        let heard = Heard::default();
        if let Some(handle) = &request {
            let _first = heard.flow.set(handle.clone());
        }
        if let Some(asked) = asked_in_the_address(&parts.uri) {
            let _first = heard.ui_locales.set(asked);
        }
        // An address that is none of ours is not repeated: whatever was put into it would stand on the page.
        let reads = parts.method.is_safe() && parts.extensions.get::<MatchedPath>().is_some();
        let address = whole_address(&parts.uri);
        let mut browser = Self {
            context: PageContext::of(
                &parts.headers,
                &site.messages,
                &site.origins,
                match mailed_token(&parts.uri) {
                    Some(token) => format!("{}?token={token}", parts.uri.path()),
                    None => own_here(parts.uri.path(), request.as_deref()),
                },
            ),
            headers: parts.headers.clone(),
            address: ClientAddress::or_unspecified(&parts.extensions),
            request,
            token: mailed_token(&parts.uri),
            site,
            address_to_reload: safe_return(&address).filter(|_| reads).map(str::to_owned),
            heard: Arc::new(heard),
        };
        browser.context.words = browser.words();
        browser.context.brand = browser.site.brand.shown.clone();
        Ok(browser)
    }
}

impl Browser {
    /// This visit belongs to this authorization request.
    pub fn work_on(&self, handle: &str) {
        let _first = self.heard.flow.set(handle.to_owned());
    }

    /// The application asks for these languages: it knows its user, a browser only its settings (OpenID Connect Core
    /// §3.1.2.1, `ui_locales`).
    pub fn hear(&self, ui_locales: &[String]) {
        let _first = self.heard.ui_locales.set(ui_locales.to_owned());
    }

    /// This browser is signed in as this user.
    pub fn is_of(&self, person: &User) {
        if let Some(locale) = person.locale() {
            let _first = self.heard.profile.set(locale.to_owned());
        }
    }

    /// The visitor in the language that is known by now.
    pub fn speaking(&self, ui_locales: &[String]) -> Self {
        self.hear(ui_locales);
        let mut speaking = self.clone();
        speaking.context.words = self.words();
        speaking
    }

    /// The messages in the visitor's language, as far as it is known by now.
    pub fn words(&self) -> Words {
        let switched = Switched::remembered(&self.headers, &self.site.origins);
        let address = self.address_to_reload.as_deref().map(flow_of);
        let flow = self.heard.flow.get().map(String::as_str).or(address);
        let here = switched.filter(|switched| flow.is_some_and(|flow| switched.during(flow)));
        self.site.messages.choose(&Wishes {
            switched: here.map(|switched| switched.language),
            ui_locales: self.heard.ui_locales.get().map_or(&[], Vec::as_slice),
            remembered: switched.map(|switched| switched.language),
            profile: self.heard.profile.get().map(String::as_str),
            accept: accept_language(&self.headers),
        })
    }

    /// Where the forms of an error page lead back to: the same address again, or the step of the form that was posted.
    pub fn back_from_error(&self) -> String {
        match (&self.address_to_reload, self.heard.flow.get()) {
            (Some(address), _) => address.clone(),
            (None, Some(handle)) if !self.context.here.contains('?') => {
                own_here(&self.context.here, Some(handle))
            }
            (None, _) => self.context.here.clone(),
        }
    }

    /// The same on the page of a request that a form has named: its address has none, and a form of that page which
    /// leads back must.
    pub fn at(mut self, path: &str, handle: &str) -> Self {
        self.context.here = own_here(path, Some(handle));
        self
    }

    /// A page with this title, which is the name of a message.
    pub fn page(&self, title: &str) -> Page {
        let mut context = self.context.clone();
        context.words = self.words();
        context.page(context.words.say(title))
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

    /// The same browser with a secret that its response sets: what its page holds is bound to it already.
    pub fn with_secret(&self, secret: &str) -> Self {
        let mut browser = self.clone();
        let own = format!("{}={secret}", self.site.origins.cookie(cookie::BROWSER));
        let all = match self
            .headers
            .get(header::COOKIE)
            .and_then(|sent| sent.to_str().ok())
        {
            Some(sent) if !sent.is_empty() => format!("{own}; {sent}"),
            _ => own,
        };
        if let Ok(all) = HeaderValue::from_str(&all) {
            browser.headers.insert(header::COOKIE, all);
        }
        browser
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

    /// Whether this browser says that it is remembered for somebody.
    pub fn is_remembered(&self) -> bool {
        self.cookie(&self.site.origins.cookie(cookie::REMEMBERED))
            .is_some()
    }

    /// The secret by which this browser is remembered for this user, in this credential epoch of theirs.
    pub fn remembered_for(&self, signer: &Signer, user: &str, epoch: i64) -> Option<&str> {
        let (secret, mac) = self
            .cookie(&self.site.origins.cookie(cookie::REMEMBERED))?
            .split_once('.')
            .filter(|(secret, _)| is_secret(secret))?;
        let epoch = epoch.to_string();
        let genuine = signer.verify_mac("remembered", &[user, secret, &epoch], mac);
        genuine.then_some(secret)
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
const PAGES: &[&str] = &[
    "/login",
    "/login/code",
    "/confirm",
    "/second",
    "/required/terms",
    "/required/address",
    "/required/password",
    "/required/factor",
    "/required/deletion",
    "/passkey",
    "/consent",
    "/account",
    "/account/second",
    "/account/sessions",
    "/account/applications",
    "/account/history",
    "/account/why",
    "/account/passkeys",
    "/account/totp/new",
    "/account/recovery-codes",
    "/account/export",
    "/account/delete",
    "/account/deleted",
    "/logout",
    "/signed-out",
    "/register",
    "/recover",
    "/recover/sent",
    "/recover/new",
    "/recover/done",
    "/account/password",
    "/account/email",
    "/account/email/check",
    "/account/email/notices",
    "/account/profile",
    "/register/check",
    "/register/finish",
    "/account/providers",
    "/upstream/confirm",
    "/upstream/register",
];
/// The pages of ours that a mailed link opens.
const LINKS: &[&str] = &[
    "/register/link",
    "/register/invited",
    "/recover/link",
    "/recover/stop",
    "/account/email/undo",
];

/// The `request` parameter of an address of ours. Elsewhere one of that name is a client's (RFC 9101 §5).
fn request_handle(uri: &http::Uri) -> Option<String> {
    let path = uri.path();
    if path != "/continue" && !PAGES.contains(&path) {
        return None;
    }
    let mut form = Form::parse(uri.query()?.as_bytes(), &[]).ok()?;
    form.take("request")
}

/// The token of a mailed link.
fn mailed_token(uri: &http::Uri) -> Option<String> {
    if !LINKS.contains(&uri.path()) {
        return None;
    }
    let mut form = Form::parse(uri.query()?.as_bytes(), &[]).ok()?;
    form.take("token").filter(|token| is_secret(token))
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

/// The languages that a request for an endpoint with `ui_locales` names in its address. Only its form may name them
/// otherwise, and then they come with the stored request.
fn asked_in_the_address(uri: &http::Uri) -> Option<Vec<String>> {
    if ![path::AUTHORIZE, path::END_SESSION, OUTBOX].contains(&uri.path()) {
        return None;
    }
    let mut form = Form::parse(uri.query()?.as_bytes(), &[]).ok()?;
    form.take("ui_locales").map(|text| locales(&text))
}

/// The page of kept mails, on a listener that has no form for the language: its links say which.
const OUTBOX: &str = "/outbox";

/// The flow that an address of ours belongs to: its authorization request, or else the page itself.
pub(crate) fn flow_of(address: &str) -> &str {
    let handle = address
        .split_once('?')
        .filter(|(path, _)| *path == "/continue" || PAGES.contains(path))
        .and_then(|(_, query)| query.strip_prefix("request="));
    match handle {
        Some(handle) => handle.split('&').next().unwrap_or(handle),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_its_authorization_request_on_every_page_of_it() {
        for (address, flow) in [
            ("/login?request=abc", "abc"),
            ("/consent?request=abc", "abc"),
            ("/continue?request=abc&x=y", "abc"),
            ("/account", "/account"),
            ("/authorize?request=abc", "/authorize?request=abc"),
            ("/login?other=abc", "/login?other=abc"),
        ] {
            assert_eq!(flow_of(address), flow, "{address}");
        }
    }
}
