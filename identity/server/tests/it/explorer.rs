//! Sign-in, registration, recovery, factors and sign-out as one machine: three browsers press any button of any page they
//! or another have ever seen, with right, wrong, stale and foreign artefacts, one after another and at once.
//!
//! What is asked of every step: whoever is signed in at a class has proved it in that browser for that person and at that
//! time, nothing is accepted twice, nothing that is wrong is accepted, and no answer is a fault of ours.

mod artefacts;
mod trace;

use std::collections::BTreeSet;
use std::sync::Mutex;

use latchkey_protocol::sign_up::Mode;

use crate::harness::{App, Browser, IssuerServer, Options, Seen, callback, claims, times};
use artefacts::{Artefacts, Filled};
use trace::{Proved, Trace};

/// How many rounds a run has; each is up to three steps at once.
const ROUNDS: usize = 200;
/// Pages that are kept: enough for stale ones, few enough that they meet again.
const PAGES: usize = 24;

/// A generator of numbers whose sequence is known, so that a failure comes again.
struct Dice(u64);

impl Dice {
    /// Xorshift: Marsaglia, Xorshift RNGs, 2003.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % sides.max(1)
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

/// What a browser has seen, and which one it was.
#[derive(Clone)]
struct Kept {
    by: usize,
    page: Seen,
}

/// One thing that a browser does.
enum Step {
    /// Opens an address.
    Open(String),
    /// Presses a button of a page.
    Press(Box<Seen>, String, Filled),
    /// Sends the form of a page with nothing in it.
    Empty(Box<Seen>, String),
}

struct Explorer<'a> {
    server: &'a IssuerServer,
    app: App,
    browsers: [Browser; 3],
    pages: Vec<Kept>,
    /// The codes that clients were given, each with whether it was redeemed.
    codes: Vec<(String, bool)>,
    artefacts: Artefacts,
    trace: Mutex<Trace>,
    dice: Dice,
    /// How often somebody was signed in and known, and how often it could not be asked.
    asked: usize,
    unasked: usize,
}

/// The addresses that anybody can open by hand; `{}` is the name of a request that some browser has seen.
const ADDRESSES: &[&str] = &[
    "/account",
    "/account/email",
    "/account/email/check",
    "/account/passkeys",
    "/account/password",
    "/account/recovery-codes",
    "/account/totp/new",
    "/consent?request={}",
    "/continue?request={}",
    "/login?request={}",
    "/logout",
    "/passkey?request={}",
    "/recover",
    "/recover/done",
    "/recover/new",
    "/recover/sent",
    "/register?request={}",
    "/register/check",
    "/register/finish",
    "/required/factor?request={}",
    "/second?request={}",
    "/second?request={}&way=recovery",
];

/// What a request may ask for besides.
const ASKS: &[&[(&str, &str)]] = &[
    &[],
    &[],
    &[("prompt", "login")],
    &[("prompt", "create")],
    &[("prompt", "consent")],
    &[("prompt", "none")],
    &[("max_age", "60")],
    &[("acr_values", "urn:latchkey:acr:mfa")],
    &[("acr_values", "phr")],
    &[(
        "claims",
        r#"{"id_token":{"acr":{"essential":true,"value":"urn:latchkey:acr:mfa"}}}"#,
    )],
];

impl<'a> Explorer<'a> {
    async fn new(server: &'a IssuerServer, seed: u64) -> Self {
        let app = server.app("demo-web", "openid");
        let artefacts = Artefacts::prepare(server, &app).await;
        Self {
            server,
            app,
            browsers: [Browser::new(), Browser::new(), Browser::new()],
            pages: Vec::new(),
            codes: Vec::new(),
            artefacts,
            trace: Mutex::default(),
            dice: Dice(seed),
            asked: 0,
            unasked: 0,
        }
    }

    async fn run(&mut self, rounds: usize) {
        for round in 0..rounds {
            let at_once = 1 + self.dice.roll(3);
            let mut steps = Vec::new();
            for _ in 0..at_once {
                let by = self.dice.roll(self.browsers.len());
                let step = self.choose(by).await;
                steps.push((by, step));
            }
            let answers = {
                let all = steps.iter().map(|(by, step)| self.take(*by, step));
                futures::future::join_all(all).await
            };
            for ((by, step), seen) in steps.iter().zip(answers) {
                self.judge(round, *by, step, &seen);
                self.keep(*by, seen);
            }
            let changed = self.artefacts.settle(self.server, &self.trace).await;
            let acted: BTreeSet<usize> = steps.iter().map(|(by, _)| *by).collect();
            if self.dice.one_in(6) {
                self.artefacts.read_mails(self.server).await;
            }
            for by in 0..self.browsers.len() {
                let idle = if acted.contains(&by) { &[][..] } else { &changed };
                self.probe(round, by, idle).await;
            }
            self.redeem(round).await;
            self.pass_time();
        }
    }

    /// What comes next in this browser: most often something that leads on.
    async fn choose(&mut self, by: usize) -> Step {
        let own: Vec<&Kept> = self.pages.iter().filter(|kept| kept.by == by).collect();
        let chosen = match self.dice.roll(20) {
            0 | 1 => None,
            2..=4 if !self.pages.is_empty() => Some(self.dice.of(&self.pages).clone()),
            5..=7 if !own.is_empty() => Some((*self.dice.of(&own)).clone()),
            _ => own.last().map(|kept| (*kept).clone()),
        };
        let Some(kept) = chosen else { return self.open() };
        let buttons = artefacts::buttons(&kept.page);
        if buttons.is_empty() || self.dice.one_in(12) {
            return self.open();
        }
        let button = self.dice.of(&buttons).clone();
        if self.dice.one_in(25) {
            return Step::Empty(Box::new(kept.page), button);
        }
        let known = self.trace.lock().expect("a trace").known_to(by);
        let filled = self
            .artefacts
            .fill(&mut self.dice, self.server, by, &kept, (&button, &known))
            .await;
        Step::Press(Box::new(kept.page), button, filled)
    }

    fn open(&mut self) -> Step {
        match self.dice.roll(3) {
            0 => {
                let asks = *self.dice.of::<&[(&str, &str)]>(ASKS);
                Step::Open(self.app.request(asks))
            }
            1 if self.artefacts.has_links() => Step::Open(self.artefacts.link(&mut self.dice)),
            _ => {
                let handles: Vec<String> = self.pages.iter().filter_map(|kept| handle(&kept.page)).collect();
                let handle = match handles.is_empty() {
                    true => String::new(),
                    false => self.dice.of(&handles).clone(),
                };
                let address = *self.dice.of::<&str>(ADDRESSES);
                Step::Open(format!(
                    "{}{}",
                    self.server.issuer(),
                    address.replace("{}", &handle)
                ))
            }
        }
    }

    /// Does it, and follows to the page that it leads to; the answer itself, and that page.
    async fn take(&self, by: usize, step: &Step) -> (Seen, Seen) {
        let browser = &self.browsers[by];
        let first = match step {
            Step::Open(address) => browser.get(address).await,
            Step::Press(page, button, filled) => {
                // Before it is sent: what others do meanwhile may rest on it.
                self.trace.lock().expect("a trace").add(by, &filled.proves);
                let fields: Vec<(&str, &str)> = filled
                    .fields
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                browser.press(page, button, &fields).await
            }
            Step::Empty(page, button) => {
                let to = page.url.join(&page.form(button).action).expect("an address");
                browser.post(to.as_str(), self.server.issuer(), &[]).await
            }
        };
        let last = browser.follow(first.clone(), &self.app.redirect_uri).await;
        (first, last)
    }

    /// Whether the answer is one that this step may have.
    fn judge(&mut self, round: usize, by: usize, step: &Step, (first, last): &(Seen, Seen)) {
        for seen in [first, last] {
            let status = seen.answer.status;
            assert!(status < 500 || status == 503, "{round}: {by} {seen:?}");
        }
        let accepted = first.answer.status == 303 && first.error().is_empty();
        match step {
            Step::Empty(page, button) => {
                let nothing = !accepted || !proves(page, button) || leads_back(first, page);
                assert!(nothing, "{round}: an empty form of {button} led on: {first:?}");
            }
            Step::Press(page, button, filled) => {
                let led_on = accepted && proves(page, button) && !leads_back(first, page);
                if filled.wrong && led_on {
                    panic!("{round}: {by} got on by {button} with {filled:?}: {first:?}");
                }
                if let (true, Some(once)) = (led_on, &filled.once) {
                    let fresh = self.trace.lock().expect("a trace").spend(once);
                    assert!(fresh, "{round}: {once} was accepted twice");
                }
            }
            Step::Open(_) => {}
        }
        let back = [first, last].into_iter().filter_map(Seen::location);
        for to in back.filter(|to| to.as_str().starts_with(&self.app.redirect_uri)) {
            if let Some(code) = callback(&to).code
                && !self.codes.iter().any(|(known, _)| *known == code)
            {
                self.codes.push((code, false));
            }
        }
    }

    fn keep(&mut self, by: usize, (first, last): (Seen, Seen)) {
        for page in [first, last] {
            self.artefacts.look(by, &page);
            if page.answer.status != 303 && !artefacts::buttons(&page).is_empty() {
                self.pages.push(Kept { by, page });
            }
        }
        let extra = self.pages.len().saturating_sub(PAGES);
        self.pages.drain(..extra);
    }

    /// Asks in silence who is signed in here, and compares with what this browser has proved.
    /// Whoever has got another password meanwhile is signed out wherever nobody has done anything.
    async fn probe(&mut self, round: usize, by: usize, signed_out: &[String]) {
        let asked = self.app.begin(&self.browsers[by], &[("prompt", "none")]).await;
        let Some(to) = asked.location() else {
            panic!("{round}: a silent request was answered by a page: {asked:?}")
        };
        let back = callback(&to);
        let Some(code) = back.code else {
            let error = back.error.unwrap_or_default();
            let known = ["login_required", "interaction_required", "consent_required"];
            assert!(known.contains(&error.as_str()), "{round}: {error}");
            let account = self.browsers[by]
                .get(&format!("{}/account", self.server.issuer()))
                .await;
            if error == "login_required" {
                assert_ne!(account.answer.status, 200, "{round}: {account:?}");
            }
            return;
        };
        let answer = self.app.redeem(&code).await;
        if answer.code() == "temporarily_unavailable" {
            // Nobody signs in to an application as often as a test that asks who is there.
            self.unasked += 1;
            return;
        }
        self.asked += 1;
        assert_eq!(answer.status, 200, "{round}: {answer:?}");
        let token = claims(answer.json()["id_token"].as_str().expect("an ID token"));
        let who = token["sub"].as_str().expect("a user");
        let proofs = self.trace.lock().expect("a trace").of(by, who);
        assert!(
            !signed_out.iter().any(|other| other == who),
            "{round}: {who} has another password, and browser {by} is signed in still"
        );
        let methods: BTreeSet<Proved> = proofs.iter().map(|(method, _)| *method).collect();
        let acr = token["acr"].as_str().unwrap_or_default();
        assert!(
            trace::reaches(&methods, acr),
            "{round}: browser {by} is signed in as {who} at {acr}, and has proved {proofs:?}"
        );
        let seconds: BTreeSet<i64> = proofs.iter().map(|(_, second)| *second).collect();
        let auth_time = token["auth_time"].as_i64().expect("a time");
        assert!(
            seconds.contains(&auth_time),
            "{round}: {who} proved nothing at {auth_time}, but {proofs:?}"
        );
        self.artefacts.signed_in(by, who);
    }

    /// Redeems a code of some time before: once it is good, if it is young enough, and never again.
    async fn redeem(&mut self, round: usize) {
        if self.codes.is_empty() || !self.dice.one_in(3) {
            return;
        }
        let at = self.dice.roll(self.codes.len());
        let (code, redeemed) = self.codes[at].clone();
        let answer = self.app.redeem(&code).await;
        if answer.status == 200 {
            assert!(!redeemed, "{round}: a code was redeemed twice");
            self.codes[at].1 = true;
        } else if answer.code() != "temporarily_unavailable" {
            assert_eq!(answer.code(), "invalid_grant", "{round}: {answer:?}");
        }
    }

    fn pass_time(&mut self) {
        let seconds = match self.dice.roll(60) {
            0 => 24 * 3_600,
            1 => 1_860,
            2..=6 => 61,
            _ => i64::try_from(self.dice.roll(20)).unwrap_or_default(),
        };
        self.server.clock.advance(seconds * 1_000);
    }

    /// A day later everybody gets in again: whatever strangers did has locked nobody out for good.
    async fn owners_get_in(&self) {
        let with_password: Vec<_> = self
            .artefacts
            .people()
            .filter(|person| person.has_password())
            .collect();
        assert!(
            with_password.len() > 1,
            "nearly everybody has given their password up"
        );
        for person in with_password {
            self.server.clock.advance(2 * 24 * 3_600_000);
            let phones = self.artefacts.factor_of(person);
            person.signs_in(self.server, &self.app, &phones).await;
        }
    }
}

/// Whether a form is one by which somebody shows who they are or gets back in. Those of an account lead whoever is not signed
/// in to a sign-in, whatever is in them.
fn proves(page: &Seen, button: &str) -> bool {
    let action = page.form(button).action;
    !action.starts_with("/account") && !action.starts_with("/logout")
}

/// Whether a redirect goes back to the page that the form was on, to a sign-in that has yet to begin, or to wherever its
/// request stands by now, which the next question tells.
fn leads_back(answer: &Seen, page: &Seen) -> bool {
    let Some(to) = answer.location() else { return false };
    to.path() == page.url.path() || matches!(to.path(), "/login" | "/account" | "/continue")
}

/// The name of the request that a page is about.
fn handle(page: &Seen) -> Option<String> {
    let values = page.answer.attributes("input[name=request]", "value");
    values.into_iter().find(|value| !value.is_empty())
}

async fn explore(server: IssuerServer, seed: u64) {
    let mut explorer = Explorer::new(&server, seed).await;
    explorer.run(times(ROUNDS, ROUNDS * 40)).await;
    let (asked, unasked) = (explorer.asked, explorer.unasked);
    assert!(asked > ROUNDS / 2 && asked > unasked, "{asked} {unasked}");
    explorer.owners_get_in().await;
    drop(explorer);
    server.stop().await;
}

const PIA: &str = r#"
[[users]]
username = "pia"
email = "pia@example.test"
email_verified = true
password = "a-heron-on-the-frozen-weir"
"#;

/// Anybody may register, and Pia is there.
fn change(options: &mut Options) {
    options.settings.sign_up.mode = Mode::Open;
    PIA.clone_into(&mut options.seed);
}

mod sqlite {
    use super::{IssuerServer, change, explore};

    #[tokio::test]
    async fn nobody_is_signed_in_who_has_not_proved_it() {
        explore(IssuerServer::with(change).await, 20_261_129).await;
    }
}

mod postgresql {
    use super::{IssuerServer, change, explore};

    #[tokio::test]
    async fn nobody_is_signed_in_who_has_not_proved_it() {
        explore(IssuerServer::on_postgres_with(change).await, 92_116_202).await;
    }
}
