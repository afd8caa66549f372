//! Who comes from outside: somebody with a browser and an authenticator app, and programs with tokens.

use std::time::Duration;

use latchkey_protocol::Timestamp;
use latchkey_protocol::sign_up::LEAST_MS;
use latchkey_protocol::totp::{self, SECRET_LEN};

use crate::harness::{Answer, App, Browser, Seen, Tokens, VERIFIER, callback, until};

const PASSWORD: &str = "blue ladders sing at noon";

/// People and programs, who find the site and trust its authority.
pub struct Outside {
    pub http: reqwest::Client,
    pub app: App,
    pub notes: String,
    pub tasks: String,
}

impl Outside {
    pub async fn token(&self, client: (&str, Option<&str>), form: &[(&str, &str)]) -> Answer {
        let request = self.http.post(format!("{}/token", self.app.issuer));
        let mut form = form.to_vec();
        let request = match client {
            (id, Some(secret)) => request.basic_auth(id, Some(secret)),
            (id, None) => {
                form.push(("client_id", id));
                request
            }
        };
        Answer::of(request.form(&form)).await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token((&self.app.client_id, None), &form).await
    }

    /// The program's token.
    pub async fn job(&self, secret: &str) -> String {
        let form = [("grant_type", "client_credentials")];
        let answer = self.token(("tasks-job", Some(secret)), &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens::of(&answer).access
    }

    pub async fn call(&self, url: &str, token: Option<&str>) -> u16 {
        let request = self.http.get(url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Answer::of(request).await.status
    }

    /// Signs Ada in at the application, with a code of her app wherever it is asked for.
    pub async fn sign_in(&self, browser: &Browser, phone: &Phone) -> Tokens {
        let mut seen = self.app.begin(browser, &[]).await;
        // A name and a password, a code, a consent.
        for _ in 0..3 {
            if seen.location().is_some() {
                break;
            }
            let pressed = if seen.has("#sign-in") {
                let fields = [("username", "ada"), ("password", PASSWORD)];
                browser.press(&seen, "#sign-in", &fields).await
            } else if seen.has("#verify") {
                browser
                    .press(&seen, "#verify", &[("code", &phone.next_code())])
                    .await
            } else {
                browser.press(&seen, "#allow", &[]).await
            };
            assert_eq!(pressed.answer.status, 303, "{pressed:?}");
            seen = browser.follow(pressed, &self.app.redirect_uri).await;
        }
        let back = callback(&seen.location().unwrap_or_else(|| panic!("no way back: {seen:?}")));
        let code = back.code.unwrap_or_else(|| panic!("no code: {:?}", back.error));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let answer = self.token((&self.app.client_id, None), &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens::of(&answer)
    }

    /// Both APIs take the token that is for them and no other, and nobody without one.
    pub async fn both_are_guarded(&self, person: &str, job: &str) {
        for (url, right, wrong) in [(&self.notes, person, job), (&self.tasks, job, person)] {
            until("the right token passes", async || {
                self.call(url, Some(right)).await == 200
            })
            .await;
            assert_eq!(self.call(url, Some(wrong)).await, 401, "{url}");
            assert_eq!(self.call(url, None).await, 401, "{url}");
        }
    }
}

/// An authenticator app.
pub struct Phone([u8; SECRET_LEN]);

impl Phone {
    fn scan(page: &Seen) -> Self {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let text = page.text("#secret");
        let letters = text.chars().filter(|letter| !letter.is_whitespace());
        let bits: Vec<usize> = letters
            .map(|letter| ALPHABET.find(letter).expect("base32"))
            .flat_map(|value| (0..5).rev().map(move |bit| (value >> bit) & 1))
            .collect();
        let bytes = bits.chunks_exact(8).map(|bits| {
            let byte = bits.iter().fold(0, |byte, bit| byte * 2 + bit);
            u8::try_from(byte).expect("eight bits")
        });
        let bytes: Vec<u8> = bytes.collect();
        Self(bytes.try_into().expect("160 bits"))
    }

    fn code_after(&self, ms: i64) -> String {
        let now = latchkey_clock::Clock::system().now_ms();
        totp::code(&self.0, Timestamp(now + ms))
    }

    /// One that was not shown before: a code counts once.
    fn next_code(&self) -> String {
        self.code_after(30_000)
    }
}

/// By the printed link: a name, a password, and the second step that administrators need.
pub async fn becomes_administrator(browser: &Browser, link: &str) -> Phone {
    let page = browser.open(link, "").await;
    // A form that comes back sooner is a program's.
    tokio::time::sleep(Duration::from_millis(LEAST_MS.unsigned_abs() + 200)).await;
    let email = [("email", "ada@example.test")];
    let begun = browser.press(&page, "#register", &email).await;
    assert_eq!(begun.answer.status, 303, "{begun:?}");
    let last = browser.follow(begun, "").await;
    let fields = [
        ("name", "Ada Lovelace"),
        ("username", "ada"),
        ("password", PASSWORD),
    ];
    let pressed = browser.press(&last, "#finish", &fields).await;
    assert_eq!(pressed.answer.status, 303, "{pressed:?}");
    let page = browser.follow(pressed, "").await;
    assert!(page.has("#enable") && !page.has("#later"), "{page:?}");
    let phone = Phone::scan(&page);
    let fields = [("code", phone.code_after(0)), ("name", "Phone".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let codes = browser.press(&page, "#enable", &fields).await;
    assert!(codes.has("#codes"), "{codes:?}");
    let to = codes.answer.attributes("#saved", "href").remove(0);
    let home = browser.open(codes.url.join(&to).unwrap().as_str(), "").await;
    assert_eq!(
        (home.answer.status, home.has("#sign-in")),
        (200, false),
        "{home:?}"
    );
    phone
}
