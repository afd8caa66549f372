//! A sign-in in progress: what its `state` carries, what is derived from it, and what a response of the issuer leads
//! to.
//!
//! Nothing is kept of it on our side until its code goes out. `state` travels to the issuer and back, sealed; nonce and PKCE verifier derive
//! from its id and from the secret of the browser that began it, so that as many tabs as a person opens need one cookie.

use serde::{Deserialize, Serialize};

use crate::seal::{Purpose, Seal};

/// The identity of a browser during sign-ins, sealed in one cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    /// 256 random bits.
    pub secret: String,
    /// The greatest [`Flow::number`] whose code was sent to the issuer: RFC 6749 §4.1.2 lets a client use a code once.
    pub spent: i64,
}

/// A sign-in in progress, as its `state` carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// 256 random bits.
    id: String,
    /// The path to return to.
    pub back: String,
    /// When it began, in Unix milliseconds.
    pub began_at: i64,
    /// Its number among the sign-ins of its browser: above every spent one when it began. Not just the time, which may
    /// stand still, go back, or differ between nodes.
    pub number: i64,
    /// Identifies the browser, but only to somebody who knows its secret.
    browser: String,
    /// True if the browser had no cookie yet. Of several tabs that begin like this at once, only one keeps its cookie.
    pub first: bool,
}

/// The values that bind a code and an ID token to the sign-in that requested them.
pub struct Proofs {
    pub nonce: String,
    /// The PKCE verifier (RFC 7636 §4.1).
    pub verifier: String,
}

/// A response of the issuer, and the browser that delivers it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The flow of its `state`, if that is one of ours.
    pub flow: Option<&'a Flow>,
    pub by: ResponseBrowser<'a>,
    pub signed_in: bool,
    /// RFC 9207: whether its `iss` is our issuer.
    pub is_our_issuers: bool,
    pub error: Option<&'a str>,
    pub code: Option<&'a str>,
}

/// The browser that delivers a response.
#[derive(Clone, Copy, Debug)]
pub enum ResponseBrowser<'a> {
    /// It has no cookie that can be opened.
    Unknown,
    /// It did not begin this sign-in.
    Another,
    Own(&'a Browser),
}

/// What a response leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Send the code to the issuer, now and never again.
    Redeem {
        flow: &'a Flow,
        browser: &'a Browser,
        code: &'a str,
    },
    /// Redirect to the page where the sign-in began; no code is used.
    LeadOn(&'a str),
    /// Start a new sign-in that returns there; no code is used.
    BeginAnew(&'a str),
    /// Show an error page that offers a new sign-in, which returns there.
    Refuse(FlowError, Option<&'a str>),
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    #[error("the state is unknown")]
    UnknownState,
    #[error("the response comes from another issuer")]
    ForeignIssuer,
    #[error("the sign-in took too long")]
    Expired,
    #[error("the browser has no cookie of ours")]
    UnknownBrowser,
    #[error("the sign-in began in another browser")]
    AnotherBrowser,
    #[error("the user denied the request")]
    Denied,
    #[error("the issuer is temporarily unavailable")]
    IssuerAway,
    #[error("the issuer answered with an error")]
    IssuerRefuses,
    #[error("the response has no code")]
    NoCode,
    #[error("this code or a later one of this browser was already used")]
    Spent,
}

/// How long a sign-in may take, in milliseconds.
pub const LIFE_MS: i64 = 15 * 60_000;

/// Decides about a response. A signed-in user is redirected in any case; a code is used only for the browser that
/// requested it, and only once.
pub fn decide<'a>(answer: &Answer<'a>, now_ms: i64) -> Outcome<'a> {
    let Some(flow) = answer.flow else {
        return if answer.signed_in {
            Outcome::LeadOn("/")
        } else {
            Outcome::Refuse(FlowError::UnknownState, None)
        };
    };
    let back = flow.back.as_str();
    match check(answer, flow, now_ms) {
        Ok((browser, code)) => Outcome::Redeem { flow, browser, code },
        Err(_) if answer.signed_in => Outcome::LeadOn(back),
        Err(FlowError::Denied) => Outcome::LeadOn(back),
        Err(FlowError::Spent) => Outcome::BeginAnew(back),
        // Most likely the cookie of another tab of this browser; if not, the user signs in as usual. The sign-in that
        // starts now is not a first one, so this happens only once.
        Err(FlowError::AnotherBrowser) if flow.first => Outcome::BeginAnew(back),
        Err(error) => Outcome::Refuse(error, Some(back)),
    }
}

/// The browser and the code, if the code may be used.
fn check<'a>(answer: &Answer<'a>, flow: &Flow, now_ms: i64) -> Result<(&'a Browser, &'a str), FlowError> {
    if !answer.is_our_issuers {
        return Err(FlowError::ForeignIssuer);
    }
    if now_ms.saturating_sub(flow.began_at) >= LIFE_MS {
        return Err(FlowError::Expired);
    }
    let browser = match answer.by {
        ResponseBrowser::Unknown => return Err(FlowError::UnknownBrowser),
        ResponseBrowser::Another => return Err(FlowError::AnotherBrowser),
        ResponseBrowser::Own(browser) => browser,
    };
    match answer.error {
        Some("access_denied") => return Err(FlowError::Denied),
        Some("temporarily_unavailable" | "server_error") => return Err(FlowError::IssuerAway),
        Some(_) => return Err(FlowError::IssuerRefuses),
        None => {}
    }
    let code = answer.code.ok_or(FlowError::NoCode)?;
    if flow.number <= browser.spent {
        return Err(FlowError::Spent);
    }
    Ok((browser, code))
}

impl Flow {
    /// A new sign-in of a browser. `id` is 256 random bits in base64url.
    pub fn begin(seal: &Seal, id: String, browser: &Browser, first: bool, back: &str, now_ms: i64) -> Self {
        Self {
            browser: seal.derive("flow/browser", &[&id, &browser.secret]),
            id,
            back: back.to_owned(),
            began_at: now_ms,
            number: now_ms.max(browser.spent.saturating_add(1)),
            first,
        }
    }

    /// The sealed `state`.
    pub fn state(&self, seal: &Seal) -> String {
        let text = serde_json::to_string(self).expect("strings and numbers always serialize to JSON");
        seal.close(Purpose::State, "", &text)
    }

    /// The flow of a `state`, if it is one of this client's.
    pub fn open(seal: &Seal, state: &str) -> Option<Self> {
        serde_json::from_str(&seal.open(Purpose::State, "", state).ok()?).ok()
    }

    /// True if this browser began it.
    pub fn is_of(&self, seal: &Seal, browser: &Browser) -> bool {
        self.browser == seal.derive("flow/browser", &[&self.id, &browser.secret])
    }

    /// What its use is written down under.
    pub fn hash(&self, seal: &Seal) -> String {
        seal.derive("flow/used", &[&self.id])
    }

    /// Until when its use must be remembered, Unix milliseconds: longer than any node's clock lets it be used.
    pub fn remembered_until(&self) -> i64 {
        self.began_at.saturating_add(2 * LIFE_MS)
    }

    pub fn proofs(&self, seal: &Seal, browser: &Browser) -> Proofs {
        Proofs {
            nonce: seal.derive("flow/nonce", &[&self.id, &browser.secret]),
            verifier: seal.derive("flow/verifier", &[&self.id, &browser.secret]),
        }
    }
}

impl Browser {
    /// A new browser. `secret` is 256 random bits in base64url.
    pub fn new(secret: String) -> Self {
        Self { secret, spent: 0 }
    }

    /// The browser after the code of this sign-in was sent, whatever the result.
    pub fn after(&self, flow: &Flow) -> Self {
        Self {
            secret: self.secret.clone(),
            spent: self.spent.max(flow.number),
        }
    }

    /// The value of its cookie.
    pub fn close(&self, seal: &Seal) -> String {
        let text = serde_json::to_string(self).expect("strings and numbers always serialize to JSON");
        seal.close(Purpose::Browser, "", &text)
    }

    /// The browser of a cookie, if this client sealed it.
    pub fn open(seal: &Seal, cookie: &str) -> Option<Self> {
        serde_json::from_str(&seal.open(Purpose::Browser, "", cookie).ok()?).ok()
    }
}

impl std::fmt::Debug for Browser {
    /// The secret is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Browser(spent {})", self.spent)
    }
}

#[cfg(test)]
mod tests {
    use latchkey_clock::Random;

    use super::*;

    const NOW: i64 = 1_000_000;

    fn seal() -> Seal {
        Seal::new("shop", &[7; 32], Random::system())
    }

    fn browser() -> Browser {
        Browser::new("secret".to_owned())
    }

    fn flow() -> Flow {
        Flow::begin(&seal(), "id".to_owned(), &browser(), false, "/teach", NOW)
    }

    /// A valid response for a visitor who is not signed in.
    fn answer<'a>(flow: &'a Flow, browser: &'a Browser) -> Answer<'a> {
        Answer {
            flow: Some(flow),
            by: ResponseBrowser::Own(browser),
            signed_in: false,
            is_our_issuers: true,
            error: None,
            code: Some("code"),
        }
    }

    #[test]
    fn an_answer_leads_to_what_the_table_says() {
        use Outcome::{BeginAnew, LeadOn, Refuse};
        let (own, mine) = (flow(), browser());
        let first = Flow {
            first: true,
            ..flow()
        };
        let spent = browser().after(&own);
        let good = answer(&own, &mine);
        let redeem = || Outcome::Redeem {
            flow: &own,
            browser: &mine,
            code: "code",
        };
        let refuse = |error| Refuse(error, Some("/teach"));
        let error = |error| Answer {
            error: Some(error),
            ..good
        };
        let another = ResponseBrowser::Another;
        let rows = [
            ("good", good, NOW, redeem(), redeem()),
            ("at the last moment", good, NOW + LIFE_MS - 1, redeem(), redeem()),
            (
                "by a clock that is behind",
                good,
                NOW - 60_000,
                redeem(),
                redeem(),
            ),
            (
                "no state of ours",
                Answer { flow: None, ..good },
                NOW,
                Refuse(FlowError::UnknownState, None),
                LeadOn("/"),
            ),
            (
                "another issuer's",
                Answer {
                    is_our_issuers: false,
                    ..good
                },
                NOW,
                refuse(FlowError::ForeignIssuer),
                LeadOn("/teach"),
            ),
            (
                "too late",
                good,
                NOW + LIFE_MS,
                refuse(FlowError::Expired),
                LeadOn("/teach"),
            ),
            (
                "a browser without a cookie",
                Answer {
                    by: ResponseBrowser::Unknown,
                    ..good
                },
                NOW,
                refuse(FlowError::UnknownBrowser),
                LeadOn("/teach"),
            ),
            (
                "another browser",
                Answer { by: another, ..good },
                NOW,
                refuse(FlowError::AnotherBrowser),
                LeadOn("/teach"),
            ),
            (
                "another tab's cookie",
                Answer {
                    by: another,
                    flow: Some(&first),
                    ..good
                },
                NOW,
                BeginAnew("/teach"),
                LeadOn("/teach"),
            ),
            (
                "they said no",
                error("access_denied"),
                NOW,
                LeadOn("/teach"),
                LeadOn("/teach"),
            ),
            (
                "the issuer is busy",
                error("temporarily_unavailable"),
                NOW,
                refuse(FlowError::IssuerAway),
                LeadOn("/teach"),
            ),
            (
                "an error beside a code",
                error("login_required"),
                NOW,
                refuse(FlowError::IssuerRefuses),
                LeadOn("/teach"),
            ),
            (
                "no code",
                Answer { code: None, ..good },
                NOW,
                refuse(FlowError::NoCode),
                LeadOn("/teach"),
            ),
            (
                "opened again",
                Answer {
                    by: ResponseBrowser::Own(&spent),
                    ..good
                },
                NOW,
                BeginAnew("/teach"),
                LeadOn("/teach"),
            ),
        ];
        for (what, answer, now, stranger, signed_in) in rows {
            assert_eq!(decide(&answer, now), stranger, "{what}");
            let answer = Answer {
                signed_in: true,
                ..answer
            };
            assert_eq!(decide(&answer, now), signed_in, "{what}, signed in");
        }
    }

    /// Otherwise a clock that stands still or differs between nodes would send a visitor round in circles.
    #[test]
    fn a_sign_in_that_begins_anew_is_never_spent_already() {
        let ahead = flow();
        let spent = browser().after(&Flow {
            number: NOW + 3_600_000,
            ..ahead
        });
        let anew = Flow::begin(&seal(), "id2".to_owned(), &spent, false, "/", NOW);
        assert!(matches!(
            decide(&answer(&anew, &spent), NOW),
            Outcome::Redeem { .. }
        ));
        assert_eq!(anew.began_at, NOW, "and its time is not stretched by it");
    }

    #[test]
    fn a_flow_is_of_the_browser_that_began_it_and_of_no_other() {
        let (seal, flow) = (seal(), flow());
        let other = Browser::new("another".to_owned());
        assert!(flow.is_of(&seal, &browser()) && !flow.is_of(&seal, &other));
        let (mine, theirs) = (flow.proofs(&seal, &browser()), flow.proofs(&seal, &other));
        assert!(mine.nonce != theirs.nonce && mine.verifier != theirs.verifier);
        assert_ne!(mine.nonce, mine.verifier);
        // RFC 7636 §4.1: 43 to 128 unreserved characters.
        assert_eq!(mine.verifier.len(), 43);
    }

    #[test]
    fn a_state_and_a_cookie_open_as_what_they_are_under_our_key_alone() {
        let (seal, flow, browser) = (seal(), flow(), browser());
        let (state, cookie) = (flow.state(&seal), browser.close(&seal));
        assert_eq!(Flow::open(&seal, &state), Some(flow));
        assert_eq!(Browser::open(&seal, &cookie), Some(browser));
        assert_eq!(Flow::open(&seal, &cookie), None);
        assert_eq!(Browser::open(&seal, &state), None);
        let other = Seal::new("shop", &[8; 32], Random::system());
        assert_eq!(Flow::open(&other, &state), None);
        for forged in ["", "AAAA", &state[1..]] {
            assert_eq!(Flow::open(&seal, forged), None, "{forged}");
        }
    }
}
