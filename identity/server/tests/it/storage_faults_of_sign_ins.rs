//! The same of sign-ins: a statement that fails leaves the old state or the new one.

use latchkey_db::Db;

use crate::harness::{App, Browser, IssuerServer, Matrix, Seen, Tokens, callback, lines, on_both_engines};
use crate::storage_faults::{STATEMENTS, Saboteur, change};

/// Everything that a decision about a person may change, but for guesses, marks of when somebody was last seen, and the
/// request under way.
async fn state(db: &Db) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for statement in [
        "SELECT kind || '|' || subject AS line FROM revocations ORDER BY 1",
        "SELECT id AS line FROM outbox ORDER BY 1",
        "SELECT id || '|' || kind AS line FROM audit ORDER BY 1",
        "SELECT fam || '|' || CAST(generation AS TEXT) || '|' || CAST(overlap_hits AS TEXT) || '|' || \
           COALESCE(CAST(revoked_at AS TEXT), '') AS line FROM families ORDER BY 1",
        "SELECT id || '|' || secret_hash || '|' || COALESCE(CAST(ended_at AS TEXT), '') AS line FROM sessions ORDER BY 1",
        "SELECT code_hash || '|' || COALESCE(CAST(spent_at AS TEXT), '') AS line FROM codes ORDER BY 1",
        "SELECT user_id || client_id || '|' || scope || '|' || COALESCE(CAST(withdrawn_at AS TEXT), '') AS line FROM grants ORDER BY 1",
        "SELECT id || '|' || outcome AS line FROM sign_ins ORDER BY 1",
    ] {
        all.push(lines(db, statement).await);
    }
    all
}

/// What is decided and committed as one, ready to be asked for.
enum Ready {
    SignIn(Browser, Box<Seen>),
    Allow(Browser, Box<Seen>),
    Issue(Browser),
    Redeem(String),
    Rotate(String),
    Retry(String),
    ReplayOfCode(String),
    Revoke(String),
    Withdraw(Browser, Box<Seen>),
    SignOut(Browser, Box<Seen>),
}

const NAMES: [&str; 10] = [
    "sign in",
    "allow",
    "issue a code",
    "redeem",
    "rotate",
    "retry within the overlap",
    "replay of a code",
    "revoke",
    "withdraw",
    "sign out",
];

struct People<'a> {
    server: &'a IssuerServer,
    app: App,
    /// How many applications there have been.
    rounds: usize,
}

impl People<'_> {
    async fn signed_in(&self) -> (Browser, Tokens) {
        let browser = Browser::new();
        let alice = self.server.person("alice");
        let tokens = self.app.sign_in(&browser, alice, &[]).await;
        (browser, tokens)
    }

    async fn code(&self, browser: &Browser) -> String {
        let back = self.app.walk(browser, ("", ""), &[]).await;
        back.code.expect("a code")
    }

    /// Everything is done at an application of its own: at one, so many families may not be born within a minute.
    async fn prepare(&mut self) -> Vec<Ready> {
        self.rounds += 1;
        let name = format!("rotating-{}", self.rounds);
        self.app = self.server.plant_app(&name, None, "openid").await;
        let (browser, one) = self.signed_in().await;
        let more = async || {
            let code = self.code(&browser).await;
            Tokens::of(&self.app.redeem(&code).await)
        };
        let retried = more().await;
        self.app.refresh(retried.refresh()).await;
        let replayed = self.code(&browser).await;
        assert_eq!(self.app.redeem(&replayed).await.status, 200);
        let (revoked, redeemed) = (more().await, self.code(&browser).await);
        let stranger = Browser::new();
        let login = self.app.begin(&stranger, &[]).await;
        let consent = self.app.begin(&browser, &[("prompt", "consent")]).await;
        let (asking, _) = self.signed_in().await;
        let leaving = Browser::new();
        self.app.sign_in(&leaving, self.server.person("ines"), &[]).await;
        let account = format!("{}/account/applications", self.server.issuer());
        let withdraw = leaving.open(&account, "").await;
        let (outgoing, _) = self.signed_in().await;
        let out = outgoing
            .open(&format!("{}/logout", self.server.issuer()), "")
            .await;
        vec![
            Ready::SignIn(stranger, Box::new(login)),
            Ready::Allow(browser, Box::new(consent)),
            Ready::Issue(asking),
            Ready::Redeem(redeemed),
            Ready::Rotate(one.refresh().to_owned()),
            Ready::Retry(retried.refresh().to_owned()),
            Ready::ReplayOfCode(replayed),
            Ready::Revoke(revoked.refresh().to_owned()),
            Ready::Withdraw(leaving, Box::new(withdraw)),
            Ready::SignOut(outgoing, Box::new(out)),
        ]
    }

    /// Asks; whether the answer says that it was done.
    async fn perform(&self, ready: &Ready) -> Result<(), String> {
        let told = |done: bool, answer: &dyn std::fmt::Debug| done.then_some(()).ok_or(format!("{answer:?}"));
        match ready {
            Ready::SignIn(browser, page) => {
                let (name, password) = self.server.person("alice");
                let fields = [("username", name), ("password", password)];
                let seen = browser.press(page, "#sign-in", &fields).await;
                told(seen.answer.status == 303, &seen)
            }
            Ready::Allow(browser, page) => {
                let seen = browser.press(page, "#allow", &[]).await;
                let seen = browser.follow(seen, &self.app.redirect_uri).await;
                let code = seen.location().and_then(|to| callback(&to).code);
                told(code.is_some(), &seen)
            }
            Ready::Issue(browser) => {
                let seen = self.app.begin(browser, &[]).await;
                let code = seen.location().and_then(|to| callback(&to).code);
                told(code.is_some(), &seen)
            }
            Ready::Redeem(code) => {
                let answer = self.app.redeem(code).await;
                told(answer.status == 200, &answer)
            }
            Ready::Rotate(token) | Ready::Retry(token) => {
                let answer = self.app.refresh(token).await;
                told(answer.status == 200, &answer)
            }
            Ready::ReplayOfCode(code) => {
                let answer = self.app.redeem(code).await;
                told(answer.code() == "invalid_grant", &answer)
            }
            Ready::Revoke(token) => {
                let answer = self.app.revoke(token).await;
                told(answer.status == 200, &answer)
            }
            Ready::Withdraw(browser, page) => {
                let button = format!("[data-client='{}']", self.app.client_id);
                let seen = browser.press(page, &button, &[]).await;
                told(seen.answer.status == 303, &seen)
            }
            Ready::SignOut(browser, page) => {
                let seen = browser.press(page, "#sign-out", &[]).await;
                told(seen.answer.status == 303, &seen)
            }
        }
    }
}

/// CVE-2020-15223, TK-17.
async fn a_failed_statement_of_a_sign_in_leaves_the_old_or_the_new_state(server: IssuerServer) {
    let identity = server.identity().clone();
    let app = server.plant_app("rotating", None, "openid").await;
    let db = identity.store().db().clone();
    let mut people = People {
        server: &server,
        app,
        rounds: 0,
    };
    let saboteur = Saboteur::new(&db).await;
    let mut matrix = Matrix::new("TK-17 what a person does × failing statement");
    let mut whole = Vec::new();
    for (name, ready) in NAMES.iter().zip(people.prepare().await) {
        let before = state(&db).await;
        people
            .perform(&ready)
            .await
            .unwrap_or_else(|seen| panic!("{name}: {seen}"));
        whole.push(change(&before, &state(&db).await));
        assert!(
            whole.last().expect("one").iter().sum::<usize>() > 0,
            "{name} changes something"
        );
    }
    let mut failures = [0; NAMES.len()];
    for table in saboteur.tables().await {
        for statement in STATEMENTS {
            let all = people.prepare().await;
            saboteur.plant(&table, statement).await;
            let mut old = Vec::new();
            for (n, ready) in all.iter().enumerate() {
                let before = state(&db).await;
                let done = people.perform(ready).await;
                let changed = change(&before, &state(&db).await);
                let nothing = changed.iter().all(|count| *count == 0);
                let holds = changed == whole[n] || (done.is_err() && nothing);
                let seen = format!("{done:?} changed {changed:?} of {:?}", whole[n]);
                matrix.hold(format!("{} × {statement} {table}", NAMES[n]), holds, seen);
                if done.is_err() {
                    failures[n] += 1;
                    old.extend(nothing.then_some(n));
                }
            }
            saboteur.repair(&table).await;
            for n in old {
                // A request that was answered with an error page may have to begin anew; what was decided has not begun.
                let again = people.perform(&all[n]).await;
                matrix.hold(
                    format!("{} × {statement} {table}, again", NAMES[n]),
                    again.is_ok(),
                    &again,
                );
            }
        }
    }
    matrix.end();
    assert!(
        failures.iter().all(|count| *count >= 1),
        "{failures:?} of {NAMES:?}"
    );
    server.stop().await;
}

on_both_engines! {
    a_failed_statement_of_a_sign_in_leaves_the_old_or_the_new_state,
}
