//! `/account/applications`: what a user has allowed applications, and taking it back.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_db::Class;
use latchkey_identity_store::{Connected, Place, Store};
use latchkey_protocol::ClientId;
use latchkey_protocol::consent::Why;
use latchkey_protocol::error::PageError;
use latchkey_protocol::revocation::Subject;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_web::{Page, answer};

use super::account::list::{Listing, MOST, existing_client, name_of, parameters, place};
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Moment, groups, moment, private, see_other};
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::signer::Signer;
use crate::{Identity, IdentityError};

#[derive(askama::Template)]
#[template(path = "identity/account_applications.html")]
struct ApplicationsPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    done: Option<String>,
    applications: Listing<ApplicationLine>,
}

struct ApplicationLine {
    client_id: String,
    name: String,
    /// The home page of the client.
    home: Option<String>,
    since: Moment,
    used: Option<Moment>,
    /// Whether it keeps access while the user is away.
    offline: bool,
    /// What it may do, in words.
    scopes: Vec<String>,
    /// Where, by the names of the resources.
    resources: String,
}

/// The dependencies of the page.
pub(crate) struct ApplicationPages {
    store: Store,
    signer: Signer,
    registry: Arc<Registry>,
    interactions: Arc<Interactions>,
    revocations: Revocations,
}

impl FromRef<Identity> for ApplicationPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            store: values.store.clone(),
            signer: values.signer.clone(),
            registry: values.registry.clone(),
            interactions: values.interactions.clone(),
            revocations: values.revocations.clone(),
        }
    }
}

pub(crate) async fn get(
    State(pages): State<ApplicationPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(
    State(pages): State<ApplicationPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.change(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const HERE: &str = "/account/applications";
/// The purpose of the forms' tokens.
const FORM: &str = "account_applications";

impl ApplicationPages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let words = &browser.words();
        let mut form = parameters(query)?;
        let after = place(&mut form, "after", |(_, id): &Place| id.as_str())?;
        let done = latchkey_web::flash(&mut form, &[("application", "account.done_application")]);
        let store = self.store.reading(Class::Page);
        let rows = store
            .connected(&known.person.id, after.as_ref(), MOST + 1)
            .await?;
        let rows = Listing::of(rows, after.is_some(), Connected::place);
        let mut lines = Vec::new();
        for connected in rows.lines {
            lines.push(self.line(browser, connected).await?);
        }
        let view = ApplicationsPage {
            page: browser.page("account.applications"),
            host: browser.site.host(),
            token: &session_token(&self.signer, browser, FORM)?,
            done: done.map(|name| words.say(name).to_owned()),
            applications: Listing {
                lines,
                goes_on: rows.goes_on,
                older: rows.older,
            },
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn line(&self, browser: &Browser, connected: Connected) -> Result<ApplicationLine, IdentityError> {
        let words = &browser.words();
        let client = existing_client(&self.registry, &connected.client_id).await?;
        let home = client.as_ref().and_then(|client| client.home());
        let resources = &self.registry.snapshot().resources;
        let granted = &connected.granted;
        // The account here comes first, and is no resource.
        let here = usize::from(!granted.openid().is_empty());
        let shown = groups(&browser.site, words, resources, granted, None, Why::First);
        let titles = shown.iter().skip(here).map(|group| group.title.as_str());
        Ok(ApplicationLine {
            name: name_of(client.as_deref(), &connected.client_id),
            home: home.map(str::to_owned),
            since: moment(words, connected.since),
            used: connected.used_at.map(|at| moment(words, at)),
            offline: granted.has(None, "offline_access"),
            resources: titles.collect::<Vec<_>>().join(", "),
            scopes: shown
                .into_iter()
                .flat_map(|group| group.lines)
                .map(|line| line.text)
                .collect(),
            client_id: connected.client_id,
        })
    }

    async fn change(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in_at(browser, Some(HERE)).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let client = form.take("id").ok_or(PageError::Malformed)?;
        match form.take("action").as_deref() {
            Some("revoke") => {
                let client = ClientId::parse(&client).ok_or(PageError::Malformed)?;
                let user = known.person.id;
                let access = Subject::UserAtClient {
                    user: user.clone(),
                    client,
                };
                self.revocations
                    .revoke(RevocationCause::ConsentWithdrawn, access, &user)
                    .await?;
                Ok(see_other("/account/applications?done=application"))
            }
            Some(_) | None => Err(PageError::Malformed.into()),
        }
    }
}
