//! `/recover/new`: what else a recovery asks for, and then the new password beside a review of all other ways in.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use latchkey_protocol::error::PageError;
use latchkey_protocol::recovery::{Decision, Instead, WayIn, WayKind};
use latchkey_web::{Page, Words};

use super::recover::{RecoverPages, notice, over, problem, shown};
use crate::browser::Browser;
use crate::forms::{check_form, form_token};
use crate::new_password::least;
use crate::pages::{ErrorPage, Problem, see_other};
use crate::passkeys::{Creation, NewPasskey};
use crate::recovery::{At, Refused};

#[derive(Template)]
#[template(path = "identity/recover_second.html")]
struct SecondPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    username: &'a str,
    /// By what a user can show who they are.
    lede: &'a str,
    /// Whether a code can be typed: there is an app.
    takes_code: bool,
    /// Whether there is a passkey, which signs in by itself.
    has_passkey: bool,
    /// Whether waiting may stand for what is lost.
    may_wait: bool,
    /// How long the wait is.
    wait_hours: i64,
    /// Whether that needs the password.
    needs_password: bool,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "identity/recover_new.html")]
struct NewPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    username: &'a str,
    /// How long the password has to be.
    help: String,
    ways: Vec<Way>,
    /// What a passkey is made from.
    passkey: Option<Creation>,
    script: &'a str,
    problem: Option<Problem>,
}

/// A way in, for its line.
struct Way {
    key: String,
    title: String,
    since: String,
    since_words: String,
}

/// The purpose of the forms' token.
const FORM: &str = "recover_new";
const HOUR_MS: i64 = 3_600_000;

pub(crate) async fn get(State(pages): State<RecoverPages>, browser: Browser) -> Response {
    let shown = pages.show(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<RecoverPages>, browser: Browser, request: Request) -> Response {
    let done = pages.post(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn done(browser: Browser) -> Response {
    let words = &browser.words();
    let next = ("/account", words.say("recover.to_sign_in"));
    let said = words.say("recover.done");
    notice(&browser, "recover.done_title", ("recovered", None), said, next)
}

impl RecoverPages {
    async fn show(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        match self.recoveries.at(browser).await? {
            Some(at) => self.step(browser, &at, None).await,
            None => Ok(over(browser)),
        }
    }

    /// The page of the one step that the state leads to, whatever was asked for.
    async fn step(
        &self,
        browser: &Browser,
        at: &At,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&self.recoveries.proofs.signer, browser, FORM, &[&at.row.id])?;
        let (words, username) = (&browser.words(), at.owner.username.as_str());
        let instead = match at.decision {
            Decision::Second(instead) => instead,
            Decision::Wait(until) => {
                let iso = latchkey_clock::rfc3339(until.0);
                let date = words.minute(&iso).unwrap_or(iso);
                let said = words.fill("error.recovery_wait", &[("date", &date)]);
                let next = ("/account", words.say("recover.to_sign_in"));
                let id = ("error", Some("recovery_wait"));
                return Ok(notice(browser, "recover.wait_title", id, &said, next));
            }
            Decision::Open => {
                let view = NewPage {
                    page: browser.page("recover.new_title"),
                    host: browser.site.host(),
                    token: &token,
                    username,
                    help: length_help(words, &at.ways),
                    ways: at.ways.iter().map(|way| line(words, way)).collect(),
                    passkey: self.creation(at).await?,
                    script: latchkey_web::PASSKEYS.path(),
                    problem: problem.clone(),
                };
                return Ok(shown(&view, problem.as_ref()));
            }
            Decision::Nothing | Decision::Delay => return Ok(over(browser)),
        };
        let has = |kind| at.ways.iter().any(|way| way.kind == kind);
        let (takes_code, has_passkey) = (has(WayKind::Totp), has(WayKind::Passkey));
        let view = SecondPage {
            page: browser.page("recover.second_title"),
            host: browser.site.host(),
            token: &token,
            username,
            lede: match (takes_code, has_passkey) {
                (true, true) => words.say("recover.second_lede"),
                (false, true) => words.say("recover.second_lede_passkey"),
                (_, false) => words.say("recover.second_lede_code"),
            },
            takes_code,
            has_passkey,
            wait_hours: (self.recoveries.settings.recovery.delay_ms + HOUR_MS - 1) / HOUR_MS,
            may_wait: instead != Instead::Nothing,
            needs_password: instead == Instead::Password,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn post(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let Some(at) = self.recoveries.at(browser).await? else {
            return Ok(over(browser));
        };
        let token = form.take("token");
        let signer = &self.recoveries.proofs.signer;
        check_form(signer, browser, FORM, &[&at.row.id], token.as_deref())?;
        let action = form.take("action").unwrap_or_default();
        let (code, password) = (form.take("code"), form.take("password"));
        let done = match action.as_str() {
            "verify" => {
                let code = code.unwrap_or_default();
                self.recoveries.show_second(browser, &at, &code).await?
            }
            "wait" => {
                let password = password.unwrap_or_default();
                self.recoveries.wait(browser, &at, password).await?
            }
            _ => {
                let choices: Vec<(String, Option<String>)> = at
                    .ways
                    .iter()
                    .map(|way| (way.key(), form.take(&way.key())))
                    .collect();
                let choice = |key: &str| {
                    let chosen = choices.iter().find(|(known, _)| known == key);
                    chosen.and_then(|(_, choice)| choice.as_deref())
                };
                let made = form.take("passkey").filter(|response| !response.is_empty());
                let issued = form.take("issued");
                let passkey = match made {
                    Some(response) => match self.made(browser, &at, issued, &response).await? {
                        Ok(passkey) => Some(passkey),
                        Err(problem) => return self.step(browser, &at, Some(problem)).await,
                    },
                    None => None,
                };
                // A password goes only where its owner says so.
                let goes = form.take("no-password").is_some();
                let password = (!goes).then(|| password.unwrap_or_default());
                let done = self
                    .recoveries
                    .finish(browser, &at, password, passkey, choice)
                    .await?;
                if done.is_ok() {
                    return Ok(see_other("/recover/done"));
                }
                done
            }
        };
        match done {
            Ok(()) => Ok(see_other("/recover/new")),
            Err(Refused::Over) => Ok(over(browser)),
            Err(refused) => {
                let problem = problem(browser, refused, self.recoveries.time.now().0);
                self.step(browser, &at, Some(problem)).await
            }
        }
    }

    /// What a passkey is made from in this recovery; `None` where there are none.
    async fn creation(&self, at: &At) -> Result<Option<Creation>, ErrorPage> {
        match self.passkeys.store.candidate_by_id(&at.owner.id).await? {
            Some(owner) => self.passkeys.creation(&owner.person, &at.row.id).await,
            None => Ok(None),
        }
    }

    /// The passkey that was made for this recovery.
    async fn made(
        &self,
        browser: &Browser,
        at: &At,
        issued: Option<String>,
        response: &str,
    ) -> Result<Result<NewPasskey, Problem>, ErrorPage> {
        let owner = self.passkeys.store.candidate_by_id(&at.owner.id).await?;
        let owner = owner.ok_or(PageError::Expired)?;
        let (person, bound) = (&owner.person, at.row.id.as_str());
        self.passkeys
            .made(browser, person, bound, issued.as_deref(), response)
            .await
    }
}

/// How long the new password has to be: shorter where a second step may stay beside it.
fn length_help(words: &Words, ways: &[WayIn]) -> String {
    let [alone, beside] = [false, true].map(|beside| i64::try_from(least(beside)).unwrap_or(i64::MAX));
    if ways.iter().any(|way| way.kind.follows_password()) {
        words.fill(
            "recover.password_help_beside",
            &[("n", &alone), ("beside", &beside)],
        )
    } else {
        words.fill("recover.password_help", &[("n", &alone)])
    }
}

fn line(words: &Words, way: &WayIn) -> Way {
    let title = match way.kind {
        WayKind::Passkey if ["", words.say("passkeys.unnamed")].contains(&way.name.as_str()) => {
            words.say("passkeys.unnamed").to_owned()
        }
        WayKind::Totp if way.name.is_empty() => words.say("account.app_name").to_owned(),
        WayKind::Passkey => words.fill("recover.way_passkey", &[("name", &way.name)]),
        WayKind::Totp => words.fill("recover.way_totp", &[("name", &way.name)]),
        WayKind::RecoveryCodes => words.say("recover.way_codes").to_owned(),
        WayKind::Provider => words.fill("recover.way_provider", &[("name", &way.name)]),
    };
    let iso = latchkey_clock::rfc3339(way.since.0);
    Way {
        key: way.key(),
        title,
        since_words: words.minute(&iso).unwrap_or_else(|| iso.clone()),
        since: iso,
    }
}
