//! A user's authenticator app, and the pages of the second step.

use latchkey_protocol::Timestamp;
use latchkey_protocol::totp::{self, SECRET_LEN};
use scraper::{Html, Selector};

use super::{App, Browser, Callback, IssuerServer, Seen, callback};

/// An authenticator app with its secret.
#[derive(Clone, Debug)]
pub struct Authenticator {
    secret: [u8; SECRET_LEN],
}

impl Authenticator {
    /// An app that has scanned the page.
    pub fn scan(page: &Seen) -> Self {
        let text: String = page.text("#secret").split_whitespace().collect();
        let secret = base32(&text).try_into().expect("160 bits");
        Self { secret }
    }

    /// The app and the recovery codes of somebody who is signed in with this browser and sets up their first app. The next
    /// code is another one.
    pub async fn set_up(server: &IssuerServer, browser: &Browser) -> (Self, Vec<String>) {
        let page = browser
            .open(&format!("{}/account/totp/new", server.issuer()), "")
            .await;
        let app = Self::scan(&page);
        let fields = [("code", app.code(server)), ("name", "Phone".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let shown = browser.press(&page, "#enable", &fields).await;
        assert_eq!(shown.answer.status, 200, "{shown:?}");
        let codes = recovery_codes(&shown);
        server.clock.advance(30_000);
        (app, codes)
    }

    /// What it shows now.
    pub fn code(&self, server: &IssuerServer) -> String {
        self.code_at(server.clock.now_ms())
    }

    /// What it shows then.
    pub fn code_at(&self, ms: i64) -> String {
        totp::code(&self.secret, Timestamp(ms))
    }

    /// What it never shows around now.
    pub fn wrong_code(&self, server: &IssuerServer) -> String {
        let near = [-60_000, -30_000, 0, 30_000, 60_000].map(|off| self.code_at(server.clock.now_ms() + off));
        let mut all = (0..).map(|number: u32| format!("{number:06}"));
        all.find(|code| !near.contains(code)).expect("a code")
    }
}

/// The recovery codes on a page.
pub fn recovery_codes(page: &Seen) -> Vec<String> {
    let document = Html::parse_document(&page.answer.text);
    let codes = Selector::parse("#codes code").expect("a selector");
    document
        .select(&codes)
        .map(|code| code.text().collect())
        .collect()
}

/// The right password of somebody; the page after it.
pub async fn after_password(app: &App, browser: &Browser, who: (&str, &str), more: &[(&str, &str)]) -> Seen {
    let page = app.begin(browser, more).await;
    let fields = [("username", who.0), ("password", who.1)];
    let pressed = browser.press(&page, "#sign-in", &fields).await;
    assert_eq!(pressed.answer.status, 303, "{pressed:?}");
    browser.follow(pressed, &app.redirect_uri).await
}

/// The page of the second step for somebody whose password was right.
pub async fn at_second(app: &App, browser: &Browser, who: (&str, &str)) -> Seen {
    let page = after_password(app, browser, who, &[]).await;
    assert!(page.has("#verify"), "{page:?}");
    page
}

/// Types a code.
pub async fn verify(browser: &Browser, page: &Seen, code: &str) -> Seen {
    browser.press(page, "#verify", &[("code", code)]).await
}

/// Goes on from a redirect and allows what is asked; the response to the application.
pub async fn finish(app: &App, browser: &Browser, seen: Seen) -> Callback {
    let mut seen = browser.follow(seen, &app.redirect_uri).await;
    if seen.has("#allow") {
        let pressed = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(pressed, &app.redirect_uri).await;
    }
    let to = seen.location();
    callback(&to.unwrap_or_else(|| panic!("no way back: {} {}", seen.url, seen.answer.text)))
}

fn base32(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.chars() {
        let value = ALPHABET.find(letter).expect("base32");
        bits = (bits << 5) | u32::try_from(value).expect("five bits");
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).expect("a byte"));
        }
    }
    out
}
