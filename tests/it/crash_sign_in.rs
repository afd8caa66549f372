//! Sign-ins, redemptions, rotations and revocations under kill -9: no code twice, no dead token alive, nobody signed
//! out for nothing, no revocation lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::harness::{
    Answer, App, Browser, Process, Tokens, VERIFIER, callback, client, free_port, postgres, times,
};

const KILLS: usize = 30;
const WORKERS: usize = 6;
/// A worker signs in as one person after another: none of them has more families within a minute than they may.
const PEOPLE: usize = WORKERS * 24;

struct Installation {
    folder: tempfile::TempDir,
    port: u16,
}

impl Installation {
    fn new(identity: &str, bus: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let config = format!(
            "data = \"{0}/data\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{port}\"\n\
             identity_database = \"{identity}\"\nbus = \"{bus}\"\nidentity_listen = \"localhost:{port}\"\nlog = \"warn\"\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("latchkey.toml"), config).expect("the configuration");
        let people: String = (0..PEOPLE)
            .map(|n| {
                format!("[[users]]\nusername = \"p{n}\"\nemail = \"p{n}@example.test\"\npassword = \"a password of a test {n}\"\n")
            })
            .collect();
        let seed = format!(
            "{people}[[clients]]\nclient_id = \"app\"\ntoken_endpoint_auth_method = \"none\"\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"https://app.test/cb\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n"
        );
        std::fs::write(folder.path().join("seed.toml"), seed).expect("the seed");
        Self { folder, port }
    }

    async fn start(&self) -> Process {
        let folder = self.folder.path();
        let arguments = [
            "serve",
            "identity",
            "--config",
            "latchkey.toml",
            "--seed",
            "seed.toml",
        ];
        Process::start(Process::command(folder, &arguments), folder.join("data")).await
    }

    fn app(&self) -> App {
        App {
            issuer: format!("http://localhost:{}", self.port),
            client_id: "app".into(),
            secret: None,
            redirect_uri: "https://app.test/cb".into(),
            scope: "catalog.read".into(),
        }
    }
}

/// What must hold at the end.
struct Ledger {
    /// The last refresh token of families that nobody ended.
    living: Mutex<Vec<String>>,
    /// Refresh tokens of families whose revocation was answered.
    ended: Mutex<Vec<String>>,
    /// Codes whose redemption was answered, with the refresh token of their family.
    spent: Mutex<Vec<(String, String)>>,
    sign_ins: watch::Sender<usize>,
    lost_answers: AtomicUsize,
}

/// A worker's own way to the server: whatever fails without an answer is told as `None`.
struct Line {
    http: reqwest::Client,
    app: App,
    /// How often the server was started.
    starts: watch::Receiver<usize>,
}

impl Line {
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Option<Answer> {
        let request = self
            .http
            .post(format!("{}{path}", self.app.issuer))
            .form(form)
            .build()
            .ok()?;
        let response = self.http.execute(request).await.ok()?;
        Answer::received(response).await.ok()
    }

    /// Waits for the start after `seen`, unless the server was only too busy to do what it was asked.
    async fn after(&self, seen: usize) {
        let alive = format!("{}/.well-known/openid-configuration", self.app.issuer);
        if self.http.get(alive).send().await.is_ok() {
            return;
        }
        let mut starts = self.starts.clone();
        starts
            .wait_for(|started| *started > seen)
            .await
            .expect("it is started again");
    }

    /// Posts until there is an answer; how often there was none.
    async fn insist(&self, path: &str, form: &[(&str, &str)], ledger: &Ledger) -> (Answer, usize) {
        let mut lost = 0;
        loop {
            let seen = *self.starts.borrow();
            if let Some(answer) = self.post(path, form).await {
                ledger.lost_answers.fetch_add(lost, Ordering::Relaxed);
                return (answer, lost);
            }
            lost += 1;
            self.after(seen).await;
        }
    }
}

/// One sign-in by password with a browser of its own, up to the code; `None` when the server died meanwhile.
async fn code(line: &Line, who: usize) -> Option<String> {
    let walked = tokio::spawn({
        let app = line.app.clone();
        async move {
            let (name, password) = (format!("p{who}"), format!("a password of a test {who}"));
            let browser = Browser::new();
            let mut seen = app.begin(&browser, &[]).await;
            for _ in 0..3 {
                if let Some(to) = seen.location() {
                    return callback(&to).code;
                }
                let pressed = if seen.has("#sign-in") {
                    browser
                        .press(&seen, "#sign-in", &[("username", &name), ("password", &password)])
                        .await
                } else if seen.has("#allow") {
                    browser.press(&seen, "#allow", &[]).await
                } else {
                    return None;
                };
                seen = browser.follow(pressed, &app.redirect_uri).await;
            }
            seen.location().and_then(|to| callback(&to).code)
        }
    });
    // A connection that dies under the browser ends the walk, and only the walk.
    walked.await.ok().flatten()
}

async fn work(line: Line, who: usize, ledger: &Ledger, stop: &AtomicBool) {
    let mut turn = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        let seen = *line.starts.borrow();
        let person = (who + WORKERS * turn) % PEOPLE;
        let Some(code) = code(&line, person).await else {
            line.after(seen).await;
            continue;
        };
        ledger.sign_ins.send_modify(|count| *count += 1);
        turn += 1;
        let redirect_uri = line.app.redirect_uri.as_str();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let (redeemed, lost) = line.insist("/token", &form, ledger).await;
        if redeemed.status != 200 {
            // Spent by a request whose answer was lost, and by nothing else.
            assert!(lost > 0 && redeemed.code() == "invalid_grant", "{redeemed:?}");
            continue;
        }
        let mut token = Tokens::of(&redeemed).refresh().to_owned();
        if turn.is_multiple_of(8) {
            ledger.spent.lock().expect("a ledger").push((code, token));
            continue;
        }
        for _ in 0..2 {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", "app"),
                ("refresh_token", token.as_str()),
            ];
            let (rotated, _) = line.insist("/token", &form, ledger).await;
            assert_eq!(
                rotated.status, 200,
                "somebody was signed out for nothing: {rotated:?}"
            );
            token = Tokens::of(&rotated).refresh().to_owned();
        }
        if turn.is_multiple_of(3) {
            let form = [("client_id", "app"), ("token", token.as_str())];
            let (revoked, _) = line.insist("/revoke", &form, ledger).await;
            assert_eq!(revoked.status, 200);
            ledger.ended.lock().expect("a ledger").push(token);
        } else {
            ledger.living.lock().expect("a ledger").push(token);
        }
    }
}

async fn nothing_is_lost(identity: &str, bus: &str) {
    let installation = Installation::new(identity, bus);
    // Between two kills there is always something of everything under way; more sign-ins repeat the same.
    let sign_ins = times(300, 1_000);
    let ledger = Ledger {
        living: Mutex::default(),
        ended: Mutex::default(),
        spent: Mutex::default(),
        sign_ins: watch::Sender::new(0),
        lost_answers: AtomicUsize::new(0),
    };
    let (stop, starts) = (AtomicBool::new(false), watch::Sender::new(1));
    let mut process = installation.start().await;
    let workers = futures::future::join_all((0..WORKERS).map(|who| {
        let line = Line {
            http: client(reqwest::Client::builder()),
            app: installation.app(),
            starts: starts.subscribe(),
        };
        work(line, who, &ledger, &stop)
    }));
    let killing = async {
        for kill in 0..KILLS {
            // Each after some more sign-ins, at a moment that moves through whatever is under way.
            let due = (kill + 1) * sign_ins / (KILLS + 1);
            let mut count = ledger.sign_ins.subscribe();
            count.wait_for(|count| *count >= due).await.expect("they go on");
            tokio::time::sleep(Duration::from_micros(1_700 * (kill as u64 % 19))).await;
            process.kill().await;
            process = installation.start().await;
            starts.send_modify(|count| *count += 1);
        }
        let mut count = ledger.sign_ins.subscribe();
        count
            .wait_for(|count| *count >= sign_ins)
            .await
            .expect("they go on");
        stop.store(true, Ordering::Relaxed);
        process
    };
    let (_, process) = futures::future::join(workers, killing).await;
    let app = installation.app();
    let (living, ended, spent) = (
        ledger.living.into_inner().expect("a ledger"),
        ledger.ended.into_inner().expect("a ledger"),
        ledger.spent.into_inner().expect("a ledger"),
    );
    for token in &ended {
        assert_eq!(
            app.refresh(token).await.code(),
            "invalid_grant",
            "a revocation was lost"
        );
    }
    for token in &living {
        assert_eq!(
            app.refresh(token).await.status,
            200,
            "somebody was signed out for nothing"
        );
    }
    for (code, token) in &spent {
        assert_eq!(
            app.redeem(code).await.code(),
            "invalid_grant",
            "a code was redeemed twice"
        );
        assert_eq!(
            app.refresh(token).await.code(),
            "invalid_grant",
            "a replayed code's family lives"
        );
    }
    println!(
        "{} sign-ins over {KILLS} kills: {} families live, {} ended, {} codes replayed, {} answers lost",
        *ledger.sign_ins.borrow(),
        living.len(),
        ended.len(),
        spent.len(),
        ledger.lost_answers.into_inner()
    );
    assert!(!living.is_empty() && !ended.is_empty() && !spent.is_empty());
    process.kill().await;
}

/// CVE-2026-9802, RT-05.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_over_30_kills_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
    nothing_is_lost(&url("identity"), &url("bus")).await;
}

/// CVE-2026-9802, RT-05.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_over_30_kills_on_postgresql() {
    let (identity, bus) = (postgres("people_identity").await, postgres("people_bus").await);
    nothing_is_lost(&identity, &bus).await;
}
