//! The views of the issuer's pages, and their errors.

use std::borrow::Cow;

use askama::Template;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use latchkey_protocol::Timestamp;
use latchkey_protocol::audience::Granted;
use latchkey_protocol::authorize::{Mode, Response as Authorization};
use latchkey_protocol::client::Client;
use latchkey_protocol::consent::Why;
use latchkey_protocol::error::PageError;
use latchkey_protocol::resource::Resource;
use latchkey_protocol::upstream::{Mode as ProviderMode, Provider};
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::User;
pub(crate) use latchkey_web::see_other;
use latchkey_web::{Csp, Page, Words, answer};
use serde_json::Value;

use crate::IdentityError;
use crate::browser::Browser;
use crate::site::Site;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct ErrorPage {
    pub error: PageError,
    pub retry_after_s: Option<i64>,
    /// The page to try again on; a browser with `Retry-After` goes there automatically.
    pub back: Option<String>,
    /// The application that this browser verifiably came from.
    pub application: Option<Box<Application>>,
    /// The client that asked, for the log; unverified if nothing proves it.
    pub client: Option<String>,
    /// The requested and rejected address, for the log.
    pub address: Option<String>,
    /// What people call the provider that it is about.
    pub provider: Option<Box<str>>,
}

/// An application that the user can return to.
#[derive(Debug)]
pub(crate) struct Application {
    pub name: String,
    /// Its address, if it has registered one.
    pub address: Option<String>,
}

impl From<PageError> for ErrorPage {
    fn from(error: PageError) -> Self {
        Self {
            error,
            retry_after_s: None,
            back: None,
            application: None,
            client: None,
            address: None,
            provider: None,
        }
    }
}

impl From<IdentityError> for ErrorPage {
    fn from(error: IdentityError) -> Self {
        match latchkey_protocol::OAuthError::from(error) {
            latchkey_protocol::OAuthError::Unavailable => PageError::Unavailable.into(),
            _ => PageError::Internal.into(),
        }
    }
}

impl From<latchkey_db::DbError> for ErrorPage {
    fn from(error: latchkey_db::DbError) -> Self {
        IdentityError::from(error).into()
    }
}

impl From<latchkey_identity_store::StoreError> for ErrorPage {
    fn from(error: latchkey_identity_store::StoreError) -> Self {
        IdentityError::from(error).into()
    }
}

#[derive(Template)]
#[template(path = "identity/error.html")]
struct ErrorView<'a> {
    page: Page,
    host: &'a str,
    code: &'a str,
    sentence: &'a str,
    trace: String,
    back: Option<&'a str>,
    application: Option<&'a Application>,
}

impl ErrorPage {
    /// The error page, in the visitor's language.
    pub fn page(self, browser: &Browser) -> Response {
        let code = self.error.code();
        let trace = latchkey_http::current_request_id().to_string();
        let status = StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let words = browser.words();
        let provider = self.provider.as_deref().unwrap_or_default();
        let sentence = match self.error {
            PageError::ProviderFailed => words.fill("sorry.provider_failed", &[("provider", &provider)]),
            PageError::ProviderOff => words.fill("sorry.provider_off", &[("provider", &provider)]),
            PageError::Malformed
            | PageError::UnknownClient
            | PageError::RedirectUri
            | PageError::LogoutUri
            | PageError::IdTokenHint
            | PageError::Expired
            | PageError::OtherBrowser
            | PageError::ForeignForm
            | PageError::TooMany
            | PageError::Busy
            | PageError::NotFound
            | PageError::Unavailable
            | PageError::Internal => words.say(&format!("sorry.{code}")).to_owned(),
        };
        let mut page = browser.page("error.title");
        page.here = browser.back_from_error();
        let address = self.address.as_deref().map(without_query);
        tracing::info!(
            code,
            client.id = self.client,
            address,
            peer = %browser.address,
            request.id = %trace,
            "the issuer answered with an error page"
        );
        let view = ErrorView {
            page,
            host: browser.site.host(),
            code,
            sentence: &sentence,
            trace,
            back: self.back.as_deref(),
            application: self.application.as_deref(),
        };
        let mut response = answer(status, &view);
        let retry = self
            .retry_after_s
            .or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            let again = self.back.map(|back| format!("{seconds}; url={back}"));
            if let Some(Ok(again)) = again.map(|again| HeaderValue::from_str(&again)) {
                response.headers_mut().insert(header::REFRESH, again);
            }
        }
        response
    }
}

/// An address in a form suitable for logs: what follows the path may be a secret.
fn without_query(address: &str) -> String {
    const LONGEST: usize = 200;
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

/// The sign-in page.
#[derive(Template)]
#[template(path = "identity/login.html")]
pub(crate) struct LoginPage<'a> {
    pub page: Page,
    pub host: &'a str,
    pub request: &'a str,
    pub token: &'a str,
    pub client: Option<&'a str>,
    pub again: bool,
    pub username: &'a str,
    /// Whether anybody may create an account.
    pub registers: bool,
    /// Whether to say that nobody may, since the application asked for it.
    pub closed: bool,
    /// Whether a mailed code is a way in.
    pub mail_code: bool,
    pub problem: Option<Problem>,
    /// The options of a sign-in by passkey, as JSON; absent where there are none.
    pub passkey: Option<String>,
    /// A passkey that exists nowhere, for the script to tell its authenticator, as JSON.
    pub unknown_passkey: Option<String>,
    pub script: &'a str,
    /// The token of the forms that lead to a provider.
    pub start: &'a str,
    pub providers: Vec<ProviderButton>,
}

/// A button that leads to another provider.
pub(crate) struct ProviderButton {
    pub id: String,
    pub name: String,
    /// Who somebody is there, if they have typed an address of its people.
    pub hint: String,
}

/// The buttons of the providers that somebody can sign in with, who has typed this name or address.
pub(crate) fn provider_buttons(providers: &[Provider], typed: &str) -> Vec<ProviderButton> {
    let forced = forced(providers, typed).map(|provider| provider.id.as_str());
    providers
        .iter()
        .filter(|provider| provider.mode == ProviderMode::SignIn)
        .map(|provider| ProviderButton {
            id: provider.id.clone(),
            name: provider.name.clone(),
            hint: match forced == Some(provider.id.as_str()) {
                true => typed.trim().to_owned(),
                false => String::new(),
            },
        })
        .collect()
}

/// The page again, for people who sign in with another provider and in no other way.
pub(crate) fn with_provider(words: &Words, provider: &Provider) -> Problem {
    Problem {
        sentence: words.fill("error.provider_domain", &[("provider", &provider.name)]),
        ..Problem::new(words, "provider_domain", StatusCode::UNPROCESSABLE_ENTITY)
    }
}

/// A problem of a sign-in.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub code: &'static str,
    pub sentence: String,
    pub next: Option<String>,
    pub status: StatusCode,
    pub retry_after_s: Option<i64>,
}

impl Problem {
    /// A problem with the sentence of a message.
    pub fn new(words: &Words, code: &'static str, status: StatusCode) -> Self {
        Self {
            code,
            sentence: words.say(&format!("error.{code}")).to_owned(),
            next: None,
            status,
            retry_after_s: None,
        }
    }

    /// Too many failures: try again later.
    pub fn too_many(words: &Words, wait_s: i64) -> Self {
        Self {
            sentence: words.say("sorry.too_many").to_owned(),
            next: Some(words.fill("error.too_many_next", &[("seconds", &wait_s)])),
            retry_after_s: Some(wait_s),
            ..Self::new(words, "too_many", StatusCode::TOO_MANY_REQUESTS)
        }
    }

    /// Too many concurrent sign-ins.
    pub fn busy(words: &Words, wait_s: i64) -> Self {
        Self {
            sentence: words.fill("error.busy", &[("seconds", &wait_s)]),
            retry_after_s: Some(wait_s),
            ..Self::new(words, "busy", StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// The consent page.
#[derive(Template)]
#[template(path = "identity/consent.html")]
pub(crate) struct ConsentPage<'a> {
    pub page: Page,
    pub host: &'a str,
    pub request: &'a str,
    pub token: &'a str,
    /// A digest of what the page shows: the answer applies to exactly this.
    pub shown: &'a str,
    pub client: &'a str,
    pub name: &'a str,
    pub place: &'a str,
    pub groups: Vec<Group>,
    pub grew: bool,
    pub unproven: bool,
}

/// The requested scopes at one resource, in words.
pub(crate) struct Group {
    pub title: String,
    pub lines: Vec<Line>,
}

/// One scope at one resource, in words.
pub(crate) struct Line {
    pub resource: String,
    pub scope: String,
    pub text: String,
    pub new: bool,
}

/// What is asked, by the resource that it is for: the account here first.
pub(crate) fn groups(
    site: &Site,
    words: &Words,
    resources: &[Resource],
    shown: &Granted,
    before: Option<&Granted>,
    why: Why,
) -> Vec<Group> {
    let line = |resource: Option<&str>, name: &str| Line {
        resource: resource.unwrap_or(site.issuer()).to_owned(),
        text: scope_words(words, resources, resource, name),
        new: why == Why::Grew && before.is_some_and(|before| !before.has(resource, name)),
        scope: name.to_owned(),
    };
    shown
        .by_resource()
        .map(|(resource, scope)| Group {
            title: match resource {
                None => words.fill("consent.account", &[("host", &site.host())]),
                Some(name) => title(words, resources, name).unwrap_or_else(|| name.to_owned()),
            },
            lines: scope.names().map(|name| line(resource, name)).collect(),
        })
        .collect()
}

/// What a resource declares that people call it.
fn title(words: &Words, resources: &[Resource], identifier: &str) -> Option<String> {
    let declared = resources
        .iter()
        .find(|resource| resource.identifier == identifier);
    let title = declared?.title.as_deref()?;
    let name = identifier.rsplit(':').next().unwrap_or(identifier);
    let translated = words.translated(&format!("resource.{name}"), title);
    Some(translated.unwrap_or_else(|| title.to_owned()))
}

/// A scope at a resource (`None` is the issuer) in words: the issuer's own in the person's language, another one as its
/// resource describes it (what our own services say is known here in every language), and without a description by its
/// name and where it is for. Words belong to the pair: another
/// resource may mean something else by the same name.
pub(crate) fn scope_words(
    words: &Words,
    resources: &[Resource],
    resource: Option<&str>,
    name: &str,
) -> String {
    let Some(identifier) = resource else {
        let known = match name {
            "openid" => "scope.openid",
            "profile" => "scope.profile",
            "email" => "scope.email",
            "address" => "scope.address",
            "phone" => "scope.phone",
            "groups" => "scope.groups",
            "offline_access" => "scope.offline_access",
            _ => return words.fill("scope.other_one", &[("scope", &name)]),
        };
        return words.say(known).to_owned();
    };
    let declared = resources.iter().find(|known| known.identifier == identifier);
    let scope = declared.and_then(|known| known.scopes.iter().find(|scope| scope.name == name));
    match scope.and_then(|scope| scope.description.as_deref()) {
        Some(description) => {
            let name = format!("declared.{}", name.replace(['.', '-'], "_"));
            let translated = words.translated(&name, description);
            translated.unwrap_or_else(|| description.to_owned())
        }
        None => words.fill("scope.other", &[("scope", &name), ("resource", &identifier)]),
    }
}

/// The question before a sign-out.
#[derive(Template)]
#[template(path = "identity/logout.html")]
pub(crate) struct LogoutPage<'a> {
    pub page: Page,
    pub host: &'a str,
    pub token: &'a str,
    /// The parameters of the request, needed after the confirmation.
    pub asked: &'a [(&'static str, String)],
    pub name: &'a str,
}

/// The page after a sign-out.
#[derive(Template)]
#[template(path = "identity/signed_out.html")]
pub(crate) struct SignedOutPage<'a> {
    pub page: Page,
    pub host: &'a str,
    /// Whether the application requested an unregistered address.
    pub unregistered: bool,
}

/// The form that returns an authorization response by POST (OAuth 2.0 Form Post Response Mode §2).
#[derive(Template)]
#[template(path = "identity/form_post.html")]
struct FormPostPage<'a> {
    page: Page,
    host: &'a str,
    to: &'a str,
    fields: &'a [(&'static str, String)],
    submit: &'a str,
}

/// An authorization response as an HTTP response.
pub(crate) fn back(browser: &Browser, response: &Authorization) -> Response {
    match response.mode {
        Mode::Query => see_other(&response.location()),
        Mode::FormPost => {
            let view = FormPostPage {
                page: browser.page("post.title"),
                host: browser.site.host(),
                to: response.to.as_str(),
                fields: &response.fields,
                submit: latchkey_web::SUBMIT.path(),
            };
            let mut page = answer(StatusCode::OK, &view);
            let csp = Csp::new().with_form_target(&response.to.csp_source());
            private(&mut page, Some(csp));
            page
        }
    }
}

/// Pages of one user or one request must not be cached.
pub(crate) fn private(response: &mut Response, csp: Option<Csp>) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(csp) = csp {
        headers.insert(header::CONTENT_SECURITY_POLICY, csp.value());
    }
}

/// The name of a client, as users see it.
pub(crate) fn client_name(client: &Client) -> &str {
    client
        .metadata
        .client_name
        .as_deref()
        .unwrap_or(client.id().as_str())
}

/// The name of a user, as the user sees it.
pub(crate) fn person_name(person: &User) -> Cow<'_, str> {
    let name = person.claims.get("name").and_then(Value::as_str);
    undirected(name.unwrap_or(&person.username))
}

/// A name without what turns the direction of the text around it (UAX #9 §2): the name could end the marks that a page
/// keeps it apart with.
fn undirected(name: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.contains(turns) {
        Cow::Owned(name.chars().filter(|c| !turns(*c)).collect())
    } else {
        Cow::Borrowed(name)
    }
}

/// A timestamp for machines and for readers.
pub(crate) struct Moment {
    pub iso: String,
    pub words: String,
}

pub(crate) fn moment(words: &Words, at: Timestamp) -> Moment {
    let iso = latchkey_clock::rfc3339(at.0);
    let words = words.minute(&iso).unwrap_or_else(|| iso.clone());
    Moment { iso, words }
}

/// A short name of a browser; its user agent if it is not recognized.
pub(crate) fn device_words(words: &Words, agent: Option<&str>) -> String {
    let Some(agent) = agent else {
        return words.say("account.device_unknown").to_owned();
    };
    device_name(agent).unwrap_or_else(|| agent.chars().take(60).collect())
}

/// The name of a browser that is recognized by its user agent, such as `Firefox · Linux`.
pub(crate) fn device_name(agent: &str) -> Option<String> {
    let known = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(part, _)| agent.contains(part))
            .map(|(_, name)| *name)
    };
    let browser = known(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = known(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => Some(format!("{browser} · {system}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refused_address_the_log_has_nothing_that_may_be_secret() {
        for (address, kept) in [
            ("https://a.test/cb?code=secret", "https://a.test/cb"),
            ("https://a.test/cb#token=secret", "https://a.test/cb"),
            ("https://a.test/\n\u{1b}[2J", "https://a.test/[2J"),
            ("", ""),
        ] {
            assert_eq!(without_query(address), kept, "{address:?}");
        }
        assert_eq!(without_query(&"a".repeat(9_000)).len(), 200);
    }

    #[test]
    fn a_name_turns_nothing_that_stands_beside_it() {
        for (name, shown) in [
            ("Pia Pfeil", "Pia Pfeil"),
            ("Pia \u{202e}moc.live", "Pia moc.live"),
            ("\u{2069}\u{202d}Pia\u{202c}", "Pia"),
            ("\u{6cc}\u{200c}\u{6cc}", "\u{6cc}\u{200c}\u{6cc}"),
        ] {
            assert_eq!(undirected(name), shown, "{name:?}");
        }
    }
}
