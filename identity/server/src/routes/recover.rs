//! `/recover`, and what its mails lead to. Opening a link changes nothing: mail is read by programs that open links.

use askama::Template;
use axum::extract::{FromRef, Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use latchkey_protocol::error::PageError;
use latchkey_protocol::user::is_too_long;
use latchkey_web::{Csp, Page, answer};

use crate::Identity;
use crate::browser::{Browser, cookie};
use crate::forms::{check_form, form_token};
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::passkeys::Passkeys;
use crate::recovery::{Recoveries, Refused};

#[derive(Template)]
#[template(path = "identity/recover.html")]
struct RecoverPage<'a> {
    page: Page,
    host: &'a str,
    request: &'a str,
    token: &'a str,
    identifier: &'a str,
    problem: Option<Problem>,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "identity/recover_notice.html")]
struct NoticePage<'a> {
    page: Page,
    host: &'a str,
    id: &'a str,
    code: Option<&'a str>,
    sentence: &'a str,
    /// Where its button leads, and what it says.
    next: (&'a str, &'a str),
}

/// A page with one button, which uses a mailed link.
#[derive(Template)]
#[template(path = "identity/recover_link.html")]
struct LinkPage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    link: &'a str,
    action: &'a str,
    lede: &'a str,
    /// The id of the button, and what it says.
    button: (&'a str, &'a str),
}

/// The dependencies of the pages of recoveries.
pub(crate) struct RecoverPages {
    pub(super) recoveries: Recoveries,
    pub(super) passkeys: Passkeys,
}

impl FromRef<Identity> for RecoverPages {
    fn from_ref(identity: &Identity) -> Self {
        Self {
            recoveries: identity.values.recoveries.clone(),
            passkeys: identity.values.passkeys.clone(),
        }
    }
}

/// The purpose of the form's token.
const FORM: &str = "recover";
/// The longest accepted name, in bytes.
const LONGEST: usize = 1_024;

pub(crate) async fn get(State(pages): State<RecoverPages>, browser: Browser) -> Response {
    let here = Here::of(&pages.recoveries, &browser);
    let request = browser.request.clone().unwrap_or_default();
    let shown = here.and_then(|here| {
        let page = pages.page(&here.browser, &request, "", None)?;
        Ok(here.finish(page))
    });
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<RecoverPages>, browser: Browser, request: Request) -> Response {
    let done = pages.begin(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn sent(browser: Browser) -> Response {
    let words = &browser.words();
    let next = ("/account", words.say("recover.to_sign_in"));
    notice(
        &browser,
        "recover.title",
        ("sent", None),
        words.say("recover.sent"),
        next,
    )
}

pub(crate) async fn link(State(pages): State<RecoverPages>, browser: Browser) -> Response {
    let shown = pages.show_link(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_link(
    State(pages): State<RecoverPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.open(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn stop(State(pages): State<RecoverPages>, browser: Browser) -> Response {
    let shown = pages.show_stop(&browser).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_stop(
    State(pages): State<RecoverPages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.stop(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

impl RecoverPages {
    fn page(
        &self,
        browser: &Browser,
        request: &str,
        identifier: &str,
        problem: Option<Problem>,
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&self.recoveries.proofs.signer, browser, FORM, &[request])?;
        let browser = &browser.clone().at("/recover", request);
        let view = RecoverPage {
            page: browser.page("recover.title"),
            host: browser.site.host(),
            request,
            token: &token,
            identifier,
            problem: problem.clone(),
        };
        Ok(shown(&view, problem.as_ref()))
    }

    async fn begin(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let id = form.take("request").unwrap_or_default();
        let token = form.take("token");
        check_form(
            &self.recoveries.proofs.signer,
            browser,
            FORM,
            &[&id],
            token.as_deref(),
        )?;
        let identifier = form.take("identifier").unwrap_or_default();
        let words = &browser.words();
        if identifier.trim().is_empty() {
            let problem = Problem::new(words, "identifier", StatusCode::UNPROCESSABLE_ENTITY);
            return self.page(browser, &id, "", Some(problem));
        }
        if identifier.len() > LONGEST || is_too_long(&identifier) || identifier.contains('\0') {
            return Ok(see_other("/recover/sent"));
        }
        match self.recoveries.begin(browser, &identifier).await? {
            Ok(()) => Ok(see_other("/recover/sent")),
            Err(refused) => {
                let problem = problem(browser, refused, self.recoveries.time.now().0);
                self.page(browser, &id, &identifier, Some(problem))
            }
        }
    }

    async fn show_link(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let link = browser.token.clone().unwrap_or_default();
        if !self.recoveries.look(&link).await? {
            return Ok(over(browser));
        }
        let words = &browser.words();
        let (lede, button) = (
            words.say("recover.link_lede"),
            ("go-on", words.say("recover.link_do")),
        );
        let here = Here::of(&self.recoveries, browser)?;
        here.link_page(
            &self.recoveries,
            ("/recover/link", "recover.title"),
            &link,
            lede,
            button,
        )
    }

    async fn open(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let link = posted_link(&self.recoveries, browser, request, "/recover/link").await?;
        match self.recoveries.open(browser, &link).await? {
            true => Ok(see_other("/recover/new")),
            false => Ok(over(browser)),
        }
    }

    async fn show_stop(&self, browser: &Browser) -> Result<Response, ErrorPage> {
        let link = browser.token.clone().unwrap_or_default();
        if !self.recoveries.look_stop(&link).await? {
            return Ok(over(browser));
        }
        let words = &browser.words();
        let (lede, button) = (
            words.say("recover.stop_lede"),
            ("stop", words.say("recover.stop_do")),
        );
        let here = Here::of(&self.recoveries, browser)?;
        let page = ("/recover/stop", "recover.stop_title");
        here.link_page(&self.recoveries, page, &link, lede, button)
    }

    async fn stop(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let link = posted_link(&self.recoveries, browser, request, "/recover/stop").await?;
        if !self.recoveries.stop(browser, &link).await? {
            return Ok(over(browser));
        }
        let words = &browser.words();
        let next = ("/account", words.say("recover.to_account"));
        let said = words.say("recover.stopped");
        Ok(notice(
            browser,
            "recover.stop_title",
            ("stopped", None),
            said,
            next,
        ))
    }
}

/// A browser with a secret of its own: forms are bound to it.
pub(super) struct Here {
    pub browser: Browser,
    /// The secret, if it was made just now.
    secret: Option<String>,
}

impl Here {
    pub fn of(recoveries: &Recoveries, browser: &Browser) -> Result<Self, ErrorPage> {
        let (secret, made) = browser.secret_or_new(&recoveries.random, false);
        let secret = secret.ok_or(PageError::Internal)?;
        Ok(match made {
            true => Self {
                browser: browser.with_secret(&secret),
                secret: Some(secret),
            },
            false => Self {
                browser: browser.clone(),
                secret: None,
            },
        })
    }

    /// The response, with the cookie that a new browser needs.
    pub fn finish(&self, mut response: Response) -> Response {
        if let Some(secret) = &self.secret {
            let cookie = self.browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// A page with one button, at this address and with this title.
    pub fn link_page(
        &self,
        recoveries: &Recoveries,
        (action, title): (&str, &str),
        link: &str,
        lede: &str,
        button: (&str, &str),
    ) -> Result<Response, ErrorPage> {
        let token = form_token(&recoveries.proofs.signer, &self.browser, action, &[link])?;
        let view = LinkPage {
            page: self.browser.page(title),
            host: self.browser.site.host(),
            token: &token,
            link,
            action,
            lede,
            button,
        };
        Ok(self.finish(shown(&view, None)))
    }
}

/// The token of the link whose button was pressed in this browser.
pub(super) async fn posted_link(
    recoveries: &Recoveries,
    browser: &Browser,
    request: Request,
    action: &str,
) -> Result<String, ErrorPage> {
    let mut form = browser.form(request).await?;
    let link = form.take("link").unwrap_or_default();
    let token = form.take("token");
    check_form(
        &recoveries.proofs.signer,
        browser,
        action,
        &[&link],
        token.as_deref(),
    )?;
    Ok(link)
}

/// A link that is not taken: it was used, or its time is over, or it never was one.
pub(super) fn over(browser: &Browser) -> Response {
    let words = &browser.words();
    let next = ("/recover", words.say("recover.again"));
    let said = words.say("error.link_used");
    notice(
        browser,
        "recover.over_title",
        ("error", Some("link_used")),
        said,
        next,
    )
}

/// A page that says one thing, in an element with this id and code.
pub(super) fn notice(
    browser: &Browser,
    title: &str,
    (id, code): (&str, Option<&str>),
    sentence: &str,
    next: (&str, &str),
) -> Response {
    let view = NoticePage {
        page: browser.page(title),
        host: browser.site.host(),
        id,
        code,
        sentence,
        next,
    };
    let status = match code {
        None => StatusCode::OK,
        Some("link_used") => StatusCode::GONE,
        Some(_) => StatusCode::FORBIDDEN,
    };
    let mut response = answer(status, &view);
    private(&mut response, Some(Csp::without_form_action()));
    response
}

/// A page, with the status of its problem.
pub(super) fn shown(view: &impl Template, problem: Option<&Problem>) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.status);
    let mut response = answer(status, view);
    private(&mut response, Some(Csp::without_form_action()));
    if let Some(seconds) = problem.and_then(|problem| problem.retry_after_s) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// What a page says of too many mails, until then.
pub(super) fn mail_limit(browser: &Browser, until: i64, now: i64) -> Problem {
    let words = &browser.words();
    let wait_s = (until - now).max(0) / 1_000 + 1;
    Problem {
        sentence: words.count("error.mail_limit", (wait_s + 59) / 60),
        retry_after_s: Some(wait_s),
        ..Problem::new(words, "mail_limit", StatusCode::TOO_MANY_REQUESTS)
    }
}

/// What a page says of a refusal.
pub(super) fn problem(browser: &Browser, refused: Refused, now: i64) -> Problem {
    let words = &browser.words();
    let plain = |code| Problem::new(words, code, StatusCode::UNPROCESSABLE_ENTITY);
    let wait_s = |until: i64| (until - now).max(0) / 1_000 + 1;
    match refused {
        Refused::MailLimit(until) => mail_limit(browser, until.0, now),
        Refused::TooMany(until) | Refused::Blocked(until) => Problem::too_many(words, wait_s(until.0)),
        Refused::Over => Problem::new(words, "link_used", StatusCode::GONE),
        Refused::Code => plain("code_wrong"),
        Refused::Closed => Problem::new(words, "second_closed", StatusCode::FORBIDDEN),
        Refused::Shown(problem) => problem,
        Refused::LastWay => Problem::new(words, "last_way", StatusCode::CONFLICT),
        Refused::Password(not_taken) => not_taken.problem(words),
        Refused::Review => plain("review"),
    }
}
