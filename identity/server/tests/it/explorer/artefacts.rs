//! What browsers fill into forms: things that are right, and things that are wrong, stale or somebody else's.

use std::collections::BTreeMap;
use std::sync::Mutex;

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use scraper::{Html, Selector};

use super::trace::{Proof, Proved, Trace};
use super::{Dice, Kept};
use crate::harness::authenticator::Authenticator as Passkeys;
use crate::harness::second::{self, Authenticator as Phone};
use crate::harness::{App, Browser, IssuerServer, Seen, lines};

/// What is typed into a form.
#[derive(Debug, Default)]
pub struct Filled {
    pub fields: Vec<(&'static str, String)>,
    /// What it proves, if it is taken.
    pub proves: Vec<Proof>,
    /// What may be taken once.
    pub once: Option<String>,
    /// Whether it must not lead on.
    pub wrong: bool,
}

/// Somebody with everything that they sign in with.
pub struct Person {
    id: String,
    username: String,
    password: String,
    before: Option<String>,
    hash: String,
    passkeys: Option<Mutex<Passkeys>>,
}

/// An app with its recovery codes, and whose it may be.
struct Factor {
    owners: Vec<String>,
    phone: Phone,
    codes: Vec<String>,
}

pub struct Artefacts {
    people: Vec<Person>,
    factors: Vec<Factor>,
    /// The passwords that were typed for a user name that is new or changes.
    typed: Vec<String>,
    /// The secrets that pages have shown, by browser.
    scanned: Vec<(usize, Phone)>,
    /// Who was signed in when it was asked last.
    here: BTreeMap<usize, String>,
    /// Codes and responses of before.
    stale: Vec<String>,
    responses: Vec<String>,
    links: Vec<String>,
    addresses: Vec<String>,
    made: usize,
}

/// The buttons of a page that send something.
pub fn buttons(page: &Seen) -> Vec<String> {
    let document = Html::parse_document(&page.answer.text);
    let all = Selector::parse("form[method=post] button[id]").expect("a selector");
    let ids = document.select(&all).filter_map(|button| button.attr("id"));
    // Language and theme are everywhere, and lead nowhere.
    let ids = ids.filter(|id| !id.starts_with("language") && !id.starts_with("theme"));
    ids.map(|id| format!("#{id}")).collect()
}

impl Artefacts {
    /// Alice has a password alone, Ines an app and recovery codes as well, Pia a passkey.
    pub async fn prepare(server: &IssuerServer, app: &App) -> Self {
        let mut prepared = Self {
            people: Vec::new(),
            factors: Vec::new(),
            typed: Vec::new(),
            scanned: Vec::new(),
            here: BTreeMap::new(),
            stale: Vec::new(),
            responses: Vec::new(),
            links: Vec::new(),
            addresses: Vec::new(),
            made: 0,
        };
        for name in ["alice", "ines", "pia"] {
            let (username, password) = server.person(name);
            // Everybody has allowed the client what it asks for, so that it can ask in silence.
            let browser = Browser::new();
            app.sign_in(&browser, (username, password), &[]).await;
            let mut person = Person {
                id: server.user_id(name).await,
                username: username.to_owned(),
                password: password.to_owned(),
                before: None,
                hash: String::new(),
                passkeys: None,
            };
            if name == "ines" {
                let (phone, codes) = Phone::set_up(server, &browser).await;
                prepared.factors.push(Factor {
                    owners: vec![person.id.clone()],
                    phone,
                    codes,
                });
            }
            if name == "pia" {
                let address = format!("{}/account/passkeys", server.issuer());
                let page = browser.open(&address, "").await;
                let mut passkeys = Passkeys::new();
                let made = passkeys.create(&page).to_string();
                let added = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
                assert_eq!(added.answer.status, 303, "{added:?}");
                person.passkeys = Some(Mutex::new(passkeys));
            }
            prepared.people.push(person);
            server.sign_out(&browser).await;
        }
        prepared.settle(server, &Mutex::default()).await;
        prepared
    }

    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter()
    }

    pub fn factor_of(&self, person: &Person) -> Vec<&Phone> {
        let owned = self
            .factors
            .iter()
            .filter(|factor| factor.owners.contains(&person.id));
        owned.map(|factor| &factor.phone).collect()
    }

    pub fn has_links(&self) -> bool {
        !self.links.is_empty()
    }

    /// A link of some mail.
    pub fn link(&self, dice: &mut Dice) -> String {
        dice.of(&self.links).clone()
    }

    pub fn signed_in(&mut self, by: usize, who: &str) {
        self.here.insert(by, who.to_owned());
    }

    /// Takes from a page what it shows.
    pub fn look(&mut self, by: usize, page: &Seen) {
        if page.answer.status != 200 {
            return;
        }
        if page.has("#secret") && page.has("#enable") {
            self.scanned.push((by, Phone::scan(page)));
        }
        let codes = second::recovery_codes(page);
        let Some(owner) = self.here.get(&by).cloned() else {
            return;
        };
        if codes.is_empty() {
            return;
        }
        if let Some(at) = self.scanned.iter().rposition(|(of, _)| *of == by) {
            let (_, phone) = self.scanned.swap_remove(at);
            self.factors.push(Factor {
                owners: vec![owner],
                phone,
                codes,
            });
        }
    }

    /// Learns from the store what the last round has changed about people; those who have another password now.
    pub async fn settle(&mut self, server: &IssuerServer, trace: &Mutex<Trace>) -> Vec<String> {
        let mut changed = Vec::new();
        let rows = lines(
            server.db(),
            "SELECT id || ' ' || username || ' ' || COALESCE(email_canonical, '-') || ' ' || \
             COALESCE(password_hash, '-') AS line FROM users WHERE username NOT IN ('admin')",
        )
        .await;
        let mut trace = trace.lock().expect("a trace");
        for row in rows {
            let parts: Vec<&str> = row.split(' ').collect();
            let [id, username, email, hash] = parts[..] else {
                panic!("{row}")
            };
            let known = self.people.iter().position(|person| person.id == id);
            let Some(at) = known else {
                let password = self.typed.iter().rev().find(|typed| opens(hash, typed)).cloned();
                let Some(password) = password else { continue };
                // What was proved for the address counts for whoever it belongs to now, who has chosen this password.
                trace.rename(email, id);
                self.people.push(Person {
                    id: id.to_owned(),
                    username: username.to_owned(),
                    password,
                    before: None,
                    hash: hash.to_owned(),
                    passkeys: None,
                });
                continue;
            };
            let person = &mut self.people[at];
            if person.hash != hash && !opens(hash, &person.password) {
                let new = self.typed.iter().rev().find(|typed| opens(hash, typed));
                let new = new.cloned().unwrap_or_default();
                person.before = Some(std::mem::replace(&mut person.password, new));
            }
            if !person.hash.is_empty() && person.hash != hash {
                changed.push(id.to_owned());
            }
            hash.clone_into(&mut person.hash);
        }
        drop(trace);
        self.typed.drain(..self.typed.len().saturating_sub(12));
        changed
    }

    /// Fills in the form around a button.
    pub async fn fill(
        &mut self,
        dice: &mut Dice,
        server: &IssuerServer,
        by: usize,
        kept: &Kept,
        (button, known): (&str, &[String]),
    ) -> Filled {
        let page = &kept.page;
        let form = page.form(button);
        let action = form.action.split('?').next().unwrap_or_default().to_owned();
        let now = server.clock.now_ms();
        let mut filled = match (action.as_str(), button) {
            ("/login", "#sign-in") => self.password(dice, now),
            ("/login", "#passkey-sign-in") => self.passkey(dice, page, now),
            ("/second" | "/recover/new", "#verify") => self.second_code(dice, server, now),
            ("/register", "#register") => self.address(dice),
            ("/register/check" | "/account/email/check", "#verify") => {
                self.mailed_code(dice, server, now).await
            }
            ("/register/finish", "#finish") => {
                let username = match dice.roll(4) {
                    0 => dice.of(&self.people).username.clone(),
                    _ => format!("guest{}", self.next()),
                };
                let password = self.new_password(dice);
                Filled {
                    fields: vec![
                        ("name", "A Guest".to_owned()),
                        ("username", username),
                        ("password", password),
                    ],
                    // Whoever chooses a password has shown it.
                    proves: known
                        .iter()
                        .map(|who| proof(Proved::Password, who, now))
                        .collect(),
                    ..Filled::default()
                }
            }
            ("/recover/new" | "/account/password", "#save") => Filled {
                fields: vec![("password", self.new_password(dice))],
                ..Filled::default()
            },
            ("/recover/new", "#wait") => Filled {
                fields: vec![("password", dice.of(&self.people).password.clone())],
                ..Filled::default()
            },
            ("/recover", "#recover") => Filled {
                fields: vec![("identifier", self.name(dice))],
                ..Filled::default()
            },
            ("/account/email", "#change") => self.address(dice),
            ("/account/totp/new" | "/required/factor", "#enable") => {
                let phone = page.has("#secret").then(|| Phone::scan(page));
                let code = phone.map_or_else(String::new, |phone| phone.code(server));
                Filled {
                    fields: vec![("code", code), ("name", "A phone".to_owned())],
                    // The first code of a new app is a proof of whoever it is made for.
                    proves: known.iter().map(|who| proof(Proved::Totp, who, now)).collect(),
                    ..Filled::default()
                }
            }
            _ => Filled::default(),
        };
        if let Some((_, link)) = form.pairs.iter().find(|(name, _)| name == "link")
            && action == "/register/link"
        {
            filled.proves.extend(self.mailed_to(server, link, now).await);
        }
        // Another browser's form is nobody else's.
        if kept.by != by {
            filled.wrong = true;
        }
        filled
    }

    fn next(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn new_password(&mut self, dice: &mut Dice) -> String {
        if dice.one_in(6) {
            return ["", "short", "password"][dice.roll(3)].to_owned();
        }
        let new = format!("seven kites above quarry {}", self.next());
        self.typed.push(new.clone());
        new
    }

    /// A name that somebody may sign in with, or nobody.
    fn name(&self, dice: &mut Dice) -> String {
        match dice.roll(6) {
            0 => "nobody".to_owned(),
            1 => dice.of(&self.people).username.to_uppercase(),
            _ => dice.of(&self.people).username.clone(),
        }
    }

    fn password(&self, dice: &mut Dice, now: i64) -> Filled {
        let username = self.name(dice);
        let person = self
            .people
            .iter()
            .find(|person| person.username == username.to_lowercase());
        let typed = match (dice.roll(8), person) {
            (0, _) => String::new(),
            (1, _) => dice.of(&self.people).password.clone(),
            (2, Some(person)) => person.before.clone().unwrap_or_default(),
            (3, _) => "not the right one at all".to_owned(),
            (_, Some(person)) => person.password.clone(),
            (_, None) => "anything".to_owned(),
        };
        let right = person.filter(|person| !typed.is_empty() && person.password == typed);
        Filled {
            proves: right
                .map(|person| proof(Proved::Password, &person.id, now))
                .into_iter()
                .collect(),
            wrong: right.is_none(),
            fields: vec![("username", username), ("password", typed)],
            once: None,
        }
    }

    fn passkey(&mut self, dice: &mut Dice, page: &Seen, now: i64) -> Filled {
        let owner = self
            .people
            .iter()
            .find(|person| person.passkeys.is_some())
            .expect("Pia");
        if dice.one_in(4) && !self.responses.is_empty() {
            return Filled {
                fields: vec![("passkey", dice.of(&self.responses).clone())],
                wrong: true,
                ..Filled::default()
            };
        }
        let passkeys = owner.passkeys.as_ref().expect("a passkey");
        let response = passkeys.lock().expect("a passkey").get(page);
        let once = response["response"]["clientDataJSON"]
            .as_str()
            .expect("a challenge")
            .to_owned();
        let text = response.to_string();
        let filled = Filled {
            fields: vec![("passkey", text.clone())],
            proves: vec![proof(Proved::Passkey, &owner.id, now)],
            // A page has one challenge, which is answered once whatever the counter says.
            once: Some(once),
            wrong: false,
        };
        self.responses.push(text);
        filled
    }

    fn second_code(&mut self, dice: &mut Dice, server: &IssuerServer, now: i64) -> Filled {
        let factor = dice.of(&self.factors);
        let (code, method, wrong) = match dice.roll(6) {
            0 => (factor.phone.wrong_code(server), Proved::Totp, true),
            1 => (factor.phone.code_at(now - 180_000), Proved::Totp, true),
            2 if !self.stale.is_empty() => (dice.of(&self.stale).clone(), Proved::Totp, false),
            3 => (dice.of(&factor.codes).clone(), Proved::RecoveryCode, false),
            _ => (factor.phone.code(server), Proved::Totp, false),
        };
        let again = self.stale.contains(&code);
        // A code that was typed before may be anybody's, and may not have been taken then.
        let owners: Vec<String> = match again {
            true => self
                .factors
                .iter()
                .flat_map(|factor| factor.owners.clone())
                .collect(),
            false => factor.owners.clone(),
        };
        let methods = match again {
            true => vec![Proved::Totp, Proved::RecoveryCode],
            false => vec![method],
        };
        let proves = owners
            .iter()
            .flat_map(|owner| methods.iter().map(|method| proof(*method, owner, now)))
            .filter(|_| !wrong)
            .collect();
        // Six digits come again after a while by chance: with the half minute they do not.
        let once = match method {
            Proved::RecoveryCode => code.clone(),
            _ => format!("{code} {}", now.div_euclid(30_000)),
        };
        self.stale.push(code.clone());
        Filled {
            fields: vec![("code", code)],
            proves,
            once: Some(format!("{} {once}", factor.owners[0])),
            wrong: wrong && !again,
        }
    }

    fn address(&mut self, dice: &mut Dice) -> Filled {
        let email = match dice.roll(5) {
            0 => "alice@example.test".to_owned(),
            1 => "no address".to_owned(),
            2 if !self.addresses.is_empty() => dice.of(&self.addresses).clone(),
            _ => {
                let new = format!("guest{}@example.test", self.next());
                self.addresses.push(new.clone());
                new
            }
        };
        Filled {
            fields: vec![("email", email)],
            ..Filled::default()
        }
    }

    /// The code of the newest mail to some address, which may be another's; with what it proves if it is taken.
    async fn mailed_code(&mut self, dice: &mut Dice, server: &IssuerServer, now: i64) -> Filled {
        let wrong = |wrong| Filled {
            fields: vec![("code", "000000".to_owned())],
            wrong,
            ..Filled::default()
        };
        if self.addresses.is_empty() || dice.one_in(5) {
            // By chance it may be the right one.
            return wrong(false);
        }
        let newest = self.addresses.len().saturating_sub(2);
        let address = match dice.one_in(3) {
            true => dice.of(&self.addresses).clone(),
            false => dice.of(&self.addresses[newest..]).clone(),
        };
        let mails = server.mails_to(&address).await;
        self.links
            .extend(mails.iter().filter_map(|mail| mail.link.clone()));
        self.forget_links();
        let with_code = mails
            .iter()
            .find(|mail| mail.purpose.contains("code") || mail.purpose.contains("email"));
        let Some(mail) = with_code.filter(|mail| mail.text.split_whitespace().any(is_code)) else {
            return wrong(false);
        };
        Filled {
            fields: vec![("code", mail.code().to_owned())],
            proves: vec![proof(Proved::Mail, &address, now)],
            ..Filled::default()
        }
    }

    /// What the link of a registration proves.
    async fn mailed_to(&self, server: &IssuerServer, link: &str, now: i64) -> Vec<Proof> {
        let mut proves = Vec::new();
        for address in &self.addresses {
            let mails = server.mails_to(address).await;
            if mails
                .iter()
                .filter_map(|mail| mail.link.as_deref())
                .any(|known| known.contains(link))
            {
                proves.push(proof(Proved::Mail, address, now));
            }
        }
        proves
    }

    /// The links of mails to people.
    pub async fn read_mails(&mut self, server: &IssuerServer) {
        for address in ["alice@example.test", "ines@example.test", "pia@example.test"] {
            let mails = server.mails_to(address).await;
            self.links.extend(mails.into_iter().filter_map(|mail| mail.link));
        }
        self.forget_links();
    }

    fn forget_links(&mut self) {
        self.links.sort();
        self.links.dedup();
    }
}

impl Person {
    /// Whether there is a password: a recovery may have left a passkey alone.
    pub fn has_password(&self) -> bool {
        self.hash != "-" && !self.password.is_empty()
    }

    /// Signs in with all that is asked, in a new browser.
    pub async fn signs_in(&self, server: &IssuerServer, app: &App, phones: &[&Phone]) {
        let browser = Browser::new();
        let mut seen = app.begin(&browser, &[]).await;
        for _ in 0..8 {
            if seen
                .location()
                .is_some_and(|to| to.as_str().starts_with(&app.redirect_uri))
            {
                return;
            }
            let pressed = if seen.has("#sign-in") {
                let fields = [("username", self.username.as_str()), ("password", &self.password)];
                browser.press(&seen, "#sign-in", &fields).await
            } else if seen.has("#verify") {
                let codes = phones.iter().map(|phone| phone.code(server));
                let mut pressed = None;
                for code in codes {
                    let tried = browser.press(&seen, "#verify", &[("code", &code)]).await;
                    if tried.answer.status == 303 {
                        pressed = Some(tried);
                        break;
                    }
                }
                pressed.unwrap_or_else(|| panic!("no app of {} is right", self.username))
            } else {
                let ways = ["#allow", "#not-now", "#later"];
                let way = ways.into_iter().find(|button| seen.has(button));
                let way = way.unwrap_or_else(|| panic!("{} is held up: {seen:?}", self.username));
                browser.press(&seen, way, &[]).await
            };
            assert_eq!(pressed.answer.status, 303, "{}: {pressed:?}", self.username);
            seen = browser.follow(pressed, &app.redirect_uri).await;
        }
        panic!("no end for {}: {seen:?}", self.username);
    }
}

fn proof(method: Proved, who: &str, at_ms: i64) -> Proof {
    Proof {
        method,
        who: who.to_owned(),
        at_ms,
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the password is that of the hash.
fn opens(hash: &str, password: &str) -> bool {
    let read = PasswordHash::new(hash);
    read.is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}
