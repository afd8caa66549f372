//! No revocation that was answered is ever lost, of whatever kind, whoever dies at whatever line.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{App, Browser, Machine, Process, Tokens, call, free_port, http, postgres, until};

/// How often each side is killed.
const KILLS: usize = 30;

/// Revoking the signing key ends every token, so it is done in some rounds only.
const KEY_EVERY: usize = 6;

/// An installation of two processes on one bus: identity with a guard beside it, and a guard of its own.
struct Split {
    folder: tempfile::TempDir,
    issuer: u16,
    /// The guard in the issuer's process.
    near: u16,
    far: u16,
}

const SECRET: &str = "a-secret-of-this-test";
const PASSWORD: &str = "a password of this test";

/// Who is there in a batch and stays: one person may not have so many families within a minute.
fn stays(batch: usize) -> String {
    format!("stays-{batch}")
}

impl Split {
    fn new(databases: [&str; 4]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let split = Self {
            folder,
            issuer: free_port(),
            near: free_port(),
            far: free_port(),
        };
        let [identity, bus, near, far] = databases;
        split.write(
            "near.toml",
            &format!(
                "{}identity_database = \"{identity}\"\nidentity_listen = \"localhost:{}\"\n\
                 catalog_database = \"{near}\"\ncatalog_listen = \"localhost:{}\"\n",
                split.common("near", bus),
                split.issuer,
                split.near,
            ),
        );
        split.write(
            "far.toml",
            &format!(
                "{}identity_url = \"http://127.0.0.1:{}\"\ncatalog_database = \"{far}\"\n\
                 catalog_listen = \"localhost:{}\"\n",
                split.common("far", bus),
                split.issuer,
                split.far,
            ),
        );
        let machine = |id: &str| {
            format!(
                "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{SECRET}\"\n\
                 grant_types = [\"client_credentials\"]\nscope = \"catalog.read\"\n\
                 resources = [\"urn:latchkey:catalog\"]\n"
            )
        };
        let person = |name: &str| {
            format!(
                "[[users]]\nusername = \"{name}\"\nemail = \"{name}@example.test\"\npassword = \"{PASSWORD}\"\n"
            )
        };
        let mut seed = machine("m");
        for batch in 0..KILLS * 2 {
            seed += &machine(&format!("c{batch}"));
            seed += &person(&format!("p{batch}"));
            seed += &person(&stays(batch));
        }
        seed += "[[clients]]\nclient_id = \"app\"\ntoken_endpoint_auth_method = \"none\"\n\
                 grant_types = [\"authorization_code\", \"refresh_token\"]\n\
                 redirect_uris = [\"https://app.test/cb\"]\nscope = \"openid catalog.read\"\n\
                 resources = [\"urn:latchkey:catalog\"]\n";
        split.write("seed.toml", &seed);
        split
    }

    fn common(&self, name: &str, bus: &str) -> String {
        format!(
            "data = \"{0}/{name}\"\nkeys = \"{0}/{name}-keys\"\nissuer = \"http://localhost:{1}\"\n\
             bus = \"{bus}\"\nlog = \"off\"\n",
            self.folder.path().display(),
            self.issuer,
        )
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("a file is written");
    }

    async fn start_issuer(&self) -> Process {
        let roles = ["serve", "identity", "catalog"];
        self.start(&[&roles[..], &["--config", "near.toml", "--seed", "seed.toml"]].concat())
            .await
    }

    async fn start_guard(&self) -> Process {
        self.start(&["serve", "catalog", "--config", "far.toml"]).await
    }

    async fn start(&self, arguments: &[&str]) -> Process {
        let folder: &Path = self.folder.path();
        Process::start(Process::command(folder, arguments), folder.join("near")).await
    }

    /// An operator's command beside the running server; what it printed.
    async fn operate(&self, what: &str, arguments: &[&str]) -> String {
        let all = [&[what, "--config", "near.toml", "--json"], arguments].concat();
        let (ended, printed) = Process::run(self.folder.path(), &all).await;
        assert_eq!(ended.code, Some(0), "{all:?}: {ended:?}");
        printed
    }

    fn machine(&self, client_id: &str) -> Machine {
        Machine {
            issuer: format!("http://localhost:{}", self.issuer),
            client_id: client_id.into(),
            secret: SECRET.into(),
        }
    }

    fn app(&self) -> App {
        App {
            issuer: format!("http://localhost:{}", self.issuer),
            client_id: "app".into(),
            secret: None,
            redirect_uri: "https://app.test/cb".into(),
            scope: "openid catalog.read".into(),
        }
    }

    async fn sign_in(&self, who: &str) -> (Browser, Tokens) {
        let browser = Browser::new();
        let tokens = self.app().sign_in(&browser, (who, PASSWORD), &[]).await;
        (browser, tokens)
    }

    /// What both guards answer; they must agree in the end.
    async fn guards_say(&self, token: &str) -> [u16; 2] {
        let ask = async |port| {
            let whoami = format!("http://127.0.0.1:{port}/catalog/v1/whoami");
            call(token, &whoami).await.status
        };
        [ask(self.near).await, ask(self.far).await]
    }
}

/// An access token that something ended, and what it was.
#[derive(Clone)]
struct Ended {
    kind: &'static str,
    token: String,
    issued: Instant,
}

/// Something of every kind that can be ended, with the access token that ends with it.
struct Batch {
    tokens: Vec<String>,
    family: Tokens,
    session: (Browser, Tokens),
    subject: (String, Tokens),
    client: (String, String),
    issued: Instant,
}

impl Batch {
    async fn new(split: &Split, n: usize) -> Self {
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(split.machine("m").token().await);
        }
        let (person, client) = (format!("p{n}"), format!("c{n}"));
        Self {
            tokens,
            family: split.sign_in(&stays(n)).await.1,
            session: split.sign_in(&stays(n)).await,
            subject: (person.clone(), split.sign_in(&person).await.1),
            client: (client.clone(), split.machine(&client).token().await),
            issued: Instant::now(),
        }
    }

    /// Ends everything at once; what was answered. The issuer may die meanwhile, the operator's commands do not need it.
    async fn end(&self, split: &Split) -> Vec<Ended> {
        let ended = |kind, token: &str| Ended {
            kind,
            token: token.to_owned(),
            issued: self.issued,
        };
        let app = split.app();
        let tokens = async {
            let mut done = Vec::new();
            for token in &self.tokens {
                let machine = split.machine("m");
                let request = http().post(format!("{}/revoke", machine.issuer));
                let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
                if !answered(200, request.form(&[("token", token)])).await {
                    break;
                }
                done.push(ended("token", token));
            }
            done
        };
        let family = async {
            let request = http().post(format!("{}/revoke", app.issuer));
            let form = [("token", self.family.refresh()), ("client_id", "app")];
            let well = answered(200, request.form(&form)).await;
            well.then(|| ended("family", &self.family.access))
        };
        let session = async {
            let (browser, tokens) = &self.session;
            let hint = tokens.id.as_deref().expect("an ID token");
            let url = format!("{}/logout?client_id=app&id_token_hint={hint}", app.issuer);
            let cookie = browser.cookie_header("localhost").expect("it is signed in");
            let well = answered(303, http().get(url).header("cookie", cookie)).await;
            well.then(|| ended("session", &tokens.access))
        };
        let subject = async {
            split.operate("user", &["lock", &self.subject.0]).await;
            ended("subject", &self.subject.1.access)
        };
        let client = async {
            split.operate("client", &["disable", &self.client.0]).await;
            ended("client", &self.client.1)
        };
        let (mut all, family, session, subject, client) =
            tokio::join!(tokens, family, session, subject, client);
        all.extend(family.into_iter().chain(session));
        all.extend([subject, client]);
        all
    }
}

/// Whether there was an answer; one that says anything else is a failure.
async fn answered(status: u16, request: reqwest::RequestBuilder) -> bool {
    match request.send().await {
        Ok(answer) => {
            assert_eq!(answer.status(), status, "{answer:?}");
            true
        }
        Err(_died) => false,
    }
}

/// Declares the key compromised that signs access tokens.
async fn end_key(split: &Split) {
    let keys: Value = serde_json::from_str(&split.operate("key", &["list"]).await).expect("JSON");
    let signs = |key: &&Value| key["state"] == "signing" && key["alg"] == "ES256";
    let signing = keys
        .as_array()
        .expect("keys")
        .iter()
        .find(signs)
        .expect("a key that signs");
    split
        .operate("key", &["revoke", signing["kid"].as_str().expect("a kid")])
        .await;
}

/// What was ended and what lives.
#[derive(Default)]
struct Ledger {
    ended: Vec<Ended>,
    living: Vec<(String, Instant)>,
}

impl Ledger {
    /// Every token of now ends with its key.
    fn end_all(&mut self) {
        for (token, issued) in std::mem::take(&mut self.living) {
            self.ended.push(Ended {
                kind: "key",
                token,
                issued,
            });
        }
    }

    /// Both guards refuse what was just ended, as soon as they have heard of it.
    async fn refused_from(&self, split: &Split, first: usize) {
        for ended in &self.ended[first..] {
            until(&format!("both guards refuse a {}", ended.kind), async || {
                split.guards_say(&ended.token).await == [401, 401]
            })
            .await;
        }
    }
}

async fn nothing_answered_is_lost(databases: [&str; 4]) {
    let split = Split::new(databases);
    let mut issuer = split.start_issuer().await;
    let mut guard = split.start_guard().await;
    let mut ledger = Ledger::default();
    for round in 0..KILLS {
        let batch = Batch::new(&split, round * 2).await;
        let machine = split.machine("m").token().await;
        let person = split.sign_in(&stays(round * 2)).await.1;
        let now = Instant::now();
        ledger.living.extend([(machine, now), (person.access, now)]);
        let with_key = round % KEY_EVERY == KEY_EVERY / 2;
        // The moment of death moves through the requests, the commits, the relay and the delivery.
        let moment = Duration::from_micros(4_300 * (round as u64 % 23));
        let (ended, (), ()) = tokio::join!(
            batch.end(&split),
            async {
                if with_key {
                    end_key(&split).await;
                }
            },
            async {
                tokio::time::sleep(moment).await;
                issuer.kill().await;
            }
        );
        let first = ledger.ended.len();
        ledger.ended.extend(ended);
        if with_key {
            ledger.end_all();
        }
        issuer = split.start_issuer().await;
        ledger.refused_from(&split, first).await;

        let batch = Batch::new(&split, round * 2 + 1).await;
        let (ended, ()) = tokio::join!(batch.end(&split), async {
            tokio::time::sleep(moment).await;
            guard.kill().await;
        });
        assert_eq!(ended.len(), 8, "the issuer answers everything");
        let first = ledger.ended.len();
        ledger.ended.extend(ended);
        guard = split.start_guard().await;
        ledger.refused_from(&split, first).await;
    }
    // A guard that starts now refuses all of them at its first sight.
    guard.kill().await;
    guard = split.start_guard().await;
    let unexpired = |issued: &Instant| issued.elapsed() < Duration::from_secs(280);
    let mut kinds = std::collections::BTreeMap::<&str, [usize; 2]>::new();
    for ended in &ledger.ended {
        let seen = kinds.entry(ended.kind).or_default();
        seen[0] += 1;
        // An expired token is refused by everybody and shows nothing.
        if unexpired(&ended.issued) {
            seen[1] += 1;
            let said = split.guards_say(&ended.token).await;
            assert_eq!(said, [401, 401], "a revocation of a {} was lost", ended.kind);
        }
    }
    let mut alive = 0;
    for (token, issued) in &ledger.living {
        if unexpired(issued) {
            alive += 1;
            let said = split.guards_say(token).await;
            assert_eq!(said, [200, 200], "a token died that nobody revoked");
        }
    }
    println!(
        "over {KILLS} kills of each side, none lost: ended and refused again at the end, by kind: {kinds:?}; \
         {alive} others live"
    );
    assert!(alive > 0, "some tokens live");
    for kind in ["token", "family", "session", "subject", "client", "key"] {
        let [ended, again] = kinds.get(kind).copied().unwrap_or_default();
        assert!(
            ended >= KILLS / KEY_EVERY && again > 0,
            "{kind}: {ended}, {again}"
        );
    }
    guard.kill().await;
    issuer.kill().await;
}

#[tokio::test]
async fn no_answered_revocation_is_lost_over_30_kills_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
    nothing_answered_is_lost([&url("identity"), &url("bus"), &url("near"), &url("far")]).await;
}

#[tokio::test]
async fn no_answered_revocation_is_lost_over_30_kills_on_postgresql() {
    let (identity, bus) = (postgres("killed_identity").await, postgres("killed_bus").await);
    let (near, far) = (postgres("killed_near").await, postgres("killed_far").await);
    nothing_answered_is_lost([&identity, &bus, &near, &far]).await;
}
