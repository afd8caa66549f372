//! `/account/totp/new` and `/account/recovery-codes`: a signed-in user sets up a second step.

use std::sync::Arc;

use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_protocol::authentication::{Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_web::{Page, answer};

use super::second::append;
use crate::browser::Browser;
use crate::enrolment::{Enabled, Pending, app_name};
use crate::forms::{check_session_form, session_token};
use crate::other_sessions::Spared;
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::passkeys::Creation;
use crate::qr::Qr;
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::sessions::SignedIn;
use crate::sign_in::SignIns;
use crate::step_up::{Arrival, Shown, StepUp};
use crate::{Identity, IdentityError};

/// The page of a new authenticator app.
#[derive(askama::Template)]
#[template(path = "identity/totp_new.html")]
pub(crate) struct TotpPage<'a> {
    pub page: Page,
    pub host: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// The authorization request, where one waits for this.
    pub request: Option<&'a str>,
    pub token: &'a str,
    /// The app that waits for its first code, sealed.
    pub pending: &'a str,
    pub qr: Option<Qr>,
    pub secret: &'a str,
    pub uri: &'a str,
    /// Why the page is there, where the user has not asked for it.
    pub why: Option<String>,
    /// Whether it can be left for now.
    pub later: bool,
    /// What a passkey is made from instead, where one is as good.
    pub passkey: Option<Creation>,
    pub script: &'a str,
    pub problem: Option<Problem>,
}

/// The page that shows new recovery codes, once.
#[derive(askama::Template)]
#[template(path = "identity/recovery_codes.html")]
pub(crate) struct CodesPage<'a> {
    pub page: Page,
    pub host: &'a str,
    pub username: &'a str,
    /// Where `#saved` leads.
    pub next: &'a str,
    pub codes: &'a [String],
}

/// The page that asks before it makes new recovery codes.
#[derive(askama::Template)]
#[template(path = "identity/recovery_codes_renew.html")]
struct RenewPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    left: Option<i64>,
}

/// The dependencies of these pages.
pub(crate) struct FactorPages {
    second: SecondStep,
    step_up: Arc<StepUp>,
    sign_ins: SignIns,
    revocations: Revocations,
}

impl FromRef<Identity> for FactorPages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            second: values.second_step.clone(),
            step_up: values.step_up.clone(),
            sign_ins: values.sign_ins.clone(),
            revocations: values.revocations.clone(),
        }
    }
}

pub(crate) async fn new_app(State(pages): State<FactorPages>, browser: Browser) -> Response {
    let shown = pages.show_app(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn enable_app(
    State(pages): State<FactorPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.enable(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn codes(State(pages): State<FactorPages>, browser: Browser) -> Response {
    let shown = pages.show_codes(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn renew_codes(
    State(pages): State<FactorPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.renew(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

const NEW: &str = "/account/totp/new";
const CODES: &str = "/account/recovery-codes";
/// The purpose of the forms' tokens.
const FORM: &str = "factors";

impl FactorPages {
    async fn show_app(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, NEW, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let second = &self.second;
        let (now, latest) = (second.time.now(), second.time.latest());
        let pending = Pending::new(&known.person.id, &second.random, now, latest);
        self.app_page(browser, &known, &pending, None)
    }

    fn app_page(
        &self,
        browser: &Browser,
        known: &SignedIn,
        pending: &Pending,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let signer = &self.second.signer;
        let secret = browser.session_secret().ok_or(PageError::ForeignForm)?;
        let sealed = pending.seal(signer, secret).ok_or(PageError::Unavailable)?;
        let host = browser.site.host();
        let uri = pending.uri(host, &known.person.username).unwrap_or_default();
        let view = TotpPage {
            page: browser.page("totp.title"),
            host,
            action: NEW,
            request: None,
            token: &session_token(signer, browser, FORM)?,
            pending: &sealed,
            qr: Qr::of(&uri),
            secret: &pending.spelled(),
            uri: &uri,
            why: None,
            later: false,
            passkey: None,
            script: latchkey_web::PASSKEYS.path(),
            problem,
        };
        let status = view
            .problem
            .as_ref()
            .map_or(StatusCode::OK, |problem| problem.status);
        let mut response = answer(status, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn enable(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, NEW, Shown::BeforeForm).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let second = self.second.clone();
        check_session_form(&second.signer, browser, FORM, form.take("token").as_deref())?;
        let sealed = form.take("pending").ok_or(PageError::Malformed)?;
        let typed = form.take("code").unwrap_or_default();
        let name = app_name(&form.take("name").unwrap_or_default());
        let (now, latest, words) = (second.time.now(), second.time.latest(), &browser.words());
        let secret = browser.session_secret().ok_or(PageError::ForeignForm)?;
        let user = known.person.id.clone();
        let Some(pending) = Pending::open(&second.signer, secret, &sealed, &user, latest) else {
            // Too old: with another secret it starts again.
            let problem = Problem::new(words, "code_expired", StatusCode::UNPROCESSABLE_ENTITY);
            let pending = Pending::new(&user, &second.random, now, latest);
            return self.app_page(browser, &known, &pending, Some(problem));
        };
        let Some(confirmed) = pending.confirm(&second.signer, &typed, &name, now) else {
            let problem = Problem::new(words, "code_wrong", StatusCode::UNPROCESSABLE_ENTITY);
            return self.app_page(browser, &known, &pending, Some(problem));
        };
        let others = form.take("end-others").map(|_| spared(&known));
        let revocations = self.revocations.clone();
        let request_id = latchkey_http::current_request_id().to_string();
        // Its first code is a proof like any other.
        let proof = Proof {
            credential: Some(confirmed.id().to_owned()),
            ..Proof::new(Method::Totp, now)
        };
        let notice = second.notice(browser);
        let enabled = self
            .sign_ins
            .prove_more(browser, &known, proof, move |_, tx| async move {
                let enabled = confirmed.enable(&tx, &second, notice).await?;
                let enabled = enabled.ok_or(IdentityError::Conflict)?;
                if let Some(spared) = &others {
                    let cause = RevocationCause::SignedOutThere;
                    revocations
                        .end_others(&tx, cause, spared, &request_id, now)
                        .await?;
                }
                Ok(enabled)
            });
        // Without any it was pressed twice, or there are too many.
        let Some((Enabled { codes }, cookies)) = enabled.await? else {
            return Ok(see_other("/account"));
        };
        let mut response = match codes {
            Some(codes) => codes_page(browser, &known.person.username, &codes, "/account"),
            None => see_other("/account?done=app"),
        };
        append(&mut response, cookies);
        Ok(response)
    }

    async fn show_codes(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let known = match self.step_up.at(browser, CODES, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let steps = self.second.of(&known.person.id).await?;
        let Some(steps) = steps.filter(|steps| steps.apps > 0) else {
            // Codes are for the day when the second step is lost: there must be one.
            return Ok(see_other(NEW));
        };
        let view = RenewPage {
            page: browser.page("codes.title"),
            host: browser.site.host(),
            token: &session_token(&self.second.signer, browser, FORM)?,
            left: steps.codes_left,
        };
        let mut response = answer(StatusCode::OK, &view);
        private(&mut response, None);
        Ok(response)
    }

    async fn renew(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.step_up.at(browser, CODES, Shown::Lately).await? {
            Arrival::Here(known) => known,
            Arrival::Elsewhere(response) => return Ok(response),
        };
        let second = self.second.clone();
        check_session_form(&second.signer, browser, FORM, form.take("token").as_deref())?;
        let (in_tx, user, now) = (second.clone(), known.person.id.clone(), second.time.now());
        let told = Purpose::RecoveryCodesRenewed {
            notice: second.notice(browser),
        };
        let others = form.take("end-others").map(|_| spared(&known));
        let revocations = self.revocations.clone();
        let request_id = latchkey_http::current_request_id().to_string();
        let written = second.store.db().write(move |tx| async move {
            let locked = in_tx.store.lock_for_factors(&tx, &user).await?;
            let steps = in_tx.store.second_steps(&tx, &user).await?;
            if !locked || steps.is_none_or(|steps| steps.apps == 0) {
                return Err(IdentityError::Conflict);
            }
            let codes = in_tx.renew_codes(&tx, &user, now).await?;
            in_tx.tell(&tx, &user, &told, now).await?;
            if let Some(spared) = &others {
                let cause = RevocationCause::SignedOutThere;
                revocations
                    .end_others(&tx, cause, spared, &request_id, now)
                    .await?;
            }
            Ok(codes)
        });
        match written.await {
            Ok(codes) => Ok(codes_page(browser, &known.person.username, &codes, "/account")),
            Err(IdentityError::Conflict) => Ok(see_other("/account")),
            Err(error) => Err(error.into()),
        }
    }
}

/// The session that stays where its user ends all others.
fn spared(known: &SignedIn) -> Spared {
    Spared {
        user: known.person.id.clone(),
        session: known.row.session.id.clone(),
    }
}

/// New recovery codes: the only page that ever shows them.
pub(crate) fn codes_page(browser: &Browser, username: &str, codes: &[String], next: &str) -> Response {
    let view = CodesPage {
        page: browser.page("codes.title"),
        host: browser.site.host(),
        username,
        next,
        codes,
    };
    let mut response = answer(StatusCode::OK, &view);
    private(&mut response, None);
    response
}
