//! How long a revoked token still opens a guard: the one in the same process, and one in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use latchkey::config::{Config, Listen, Role, Signals};
use latchkey::{Running, start};
use latchkey_clock::{Clock, Random};
use latchkey_db::sql;
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde_json::{Value, json};

use latchkey_testkit::free_port;

use crate::server::binary;

/// Revocations of each kind, and of keys.
const MANY: usize = 1_000;
const KEYS: usize = 20;

pub async fn run() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = |name: &str| format!("sqlite:{}", folder.path().join(format!("{name}.db")).display());
    measure(
        "SQLite",
        folder.path(),
        [
            sqlite("identity"),
            sqlite("bus"),
            sqlite("catalog"),
            sqlite("second"),
        ],
    )
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut databases = Vec::new();
    for name in ["bench_identity", "bench_bus", "bench_catalog", "bench_second"] {
        databases.push(latchkey_db::testing::postgres_url(name).await);
    }
    let databases: [String; 4] = databases.try_into().expect("four databases");
    measure("PostgreSQL", folder.path(), databases).await;
}

/// The two guards, and the issuer in this process.
struct World {
    running: Running,
    guards: [String; 2],
    http: reqwest::Client,
    clock: Clock,
    serial: usize,
}

async fn measure(engine: &str, folder: &Path, databases: [String; 4]) {
    let [identity, bus, catalog, second] = databases;
    let port = free_port();
    let mut config = Config::up(folder.join("data"), folder.join("keys"), [0, port, 0]);
    config.roles = vec![Role::Identity, Role::Service("catalog")];
    config.demo = false;
    config.issuer = Some(format!("http://localhost:{port}"));
    (
        config[Role::Identity].database,
        config.bus,
        config[Role::Service("catalog")].database,
    ) = (identity, bus.clone(), catalog);
    config[Role::Identity].listen = Listen::Loopback(port);
    config.signals = Signals::Bus;
    let clock = Clock::system();
    let running = start(config, clock.clone(), Random::system())
        .await
        .expect("the issuer starts");

    let (mut process, guard) = guard_process(folder, "second", port, &bus, &second).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let guards = [
        format!("{}/catalog/v1/whoami", running.urls.services["catalog"]),
        guard,
    ];
    let mut world = World {
        running,
        guards,
        http,
        clock,
        serial: 0,
    };

    println!(
        "revocation on {engine}, from the answer to the refusal at [same process, other process], milliseconds:"
    );
    let mut ended: Vec<String> = Vec::new();
    for kind in ["token", "family", "session", "subject", "client"] {
        let mut waits = [Vec::new(), Vec::new()];
        for _ in 0..MANY {
            let token = world.revoke_one(kind, &mut waits).await;
            ended.push(token);
        }
        report(kind, waits);
    }
    let mut waits = [Vec::new(), Vec::new()];
    let mut accepted = Vec::new();
    for _ in 0..KEYS {
        accepted.push(world.revoke_key(&mut waits).await);
    }
    report("key", waits);
    accepted.sort_by(f64::total_cmp);
    println!(
        "  key: the next key's tokens are accepted at both after at most {:.1} ms",
        accepted[KEYS - 1]
    );

    // A guard that starts now must refuse all of them at its first request.
    process.kill().expect("the second guard dies");
    process.wait().expect("the second guard ends");
    let (mut late, late_guard) = guard_process(folder, "late", port, &bus, &second).await;
    let living = world.mint(&json!({"sub": "m", "client_id": "m", "jti": "living"}));
    assert_eq!(
        world.status(&late_guard, &living).await,
        200,
        "the late guard serves"
    );
    let mut refused = 0;
    for token in &ended {
        let answer = world
            .http
            .get(&late_guard)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer");
        refused += usize::from(answer.status() == 401);
    }
    println!(
        "  a guard started later refused {refused} of {} at its first sight of them",
        ended.len()
    );
    assert_eq!(refused, ended.len(), "a late guard refuses everything");
    late.kill().expect("the late guard dies");
    late.wait().expect("the late guard ends");
    world.running.stop().await;
}

impl World {
    /// Ends one thing of this kind and waits at both guards; the token that ended.
    async fn revoke_one(&mut self, kind: &str, waits: &mut [Vec<f64>; 2]) -> String {
        self.serial += 1;
        let n = self.serial;
        let (fam, session) = (format!("fam-{n}"), format!("session-{n}"));
        let (sub, client_id) = (format!("01a1ebbc-0000-7000-8000-{n:012}"), format!("client-{n}"));
        if matches!(kind, "family" | "session") {
            self.family_row(&fam, &session, &client_id, &sub).await;
        }
        let claims = json!({"sub": sub, "client_id": client_id, "jti": format!("jti-{n}"), "fam": fam});
        let token = self.mint(&claims);
        self.must_be(&token, 200).await;
        let (cause, revocation) = match kind {
            "token" => {
                let token = Revocation::Token {
                    jti: format!("jti-{n}"),
                    client_id,
                    sub: None,
                    aud: "urn:latchkey:catalog".to_owned(),
                    exp: self.clock.now_ms() / 1_000 + 300,
                };
                (RevocationCause::RevokedByClient, token)
            }
            "family" => {
                let family = Revocation::Family {
                    fam,
                    sid: None,
                    client_id,
                };
                (RevocationCause::RevokedByClient, family)
            }
            "session" => (RevocationCause::EndedByAdmin, Revocation::Session { session }),
            "subject" => (RevocationCause::UserDisabled, Revocation::Subject { sub }),
            _ => (
                RevocationCause::ClientTokensRevoked,
                Revocation::Client { client_id },
            ),
        };
        let identity = self.running.identity.as_ref().expect("the issuer is here");
        assert!(
            identity
                .revoke(cause, revocation, "bench")
                .await
                .expect("it ends"),
            "{kind}"
        );
        self.wait_refused(&token, waits).await;
        token
    }

    /// Declares the signing key compromised; after how many milliseconds tokens of the next are accepted.
    async fn revoke_key(&mut self, waits: &mut [Vec<f64>; 2]) -> f64 {
        self.serial += 1;
        let claims = json!({"sub": "m", "client_id": "m", "jti": format!("jti-{}", self.serial)});
        let token = self.mint(&claims);
        self.must_be(&token, 200).await;
        let identity = self.running.identity.as_ref().expect("the issuer is here");
        let keys = identity.keys().list().await.expect("keys");
        let signing = keys
            .iter()
            .find(|key| key.state == "signing")
            .expect("a signing key");
        identity
            .keys()
            .revoke(&signing.kid, "bench")
            .await
            .expect("it is revoked");
        let revoked = Instant::now();
        self.wait_refused(&token, waits).await;
        let fresh =
            self.mint(&json!({"sub": "m", "client_id": "m", "jti": format!("fresh-{}", self.serial)}));
        for guard in &self.guards {
            while self.status(guard, &fresh).await != 200 {
                assert!(
                    revoked.elapsed() < Duration::from_secs(10),
                    "the next key is not accepted"
                );
            }
        }
        revoked.elapsed().as_secs_f64() * 1e3
    }

    async fn wait_refused(&self, token: &str, waits: &mut [Vec<f64>; 2]) {
        let answered = Instant::now();
        let wait = async |guard: &str| {
            while self.status(guard, token).await != 401 {
                assert!(
                    answered.elapsed() < Duration::from_secs(10),
                    "the revocation did not arrive"
                );
            }
            answered.elapsed().as_secs_f64() * 1e3
        };
        let (here, there) = tokio::join!(wait(&self.guards[0]), wait(&self.guards[1]));
        waits[0].push(here);
        waits[1].push(there);
    }

    async fn must_be(&self, token: &str, status: u16) {
        for guard in &self.guards {
            assert_eq!(self.status(guard, token).await, status, "{guard}");
        }
    }

    async fn status(&self, guard: &str, token: &str) -> u16 {
        self.http
            .get(guard)
            .bearer_auth(token)
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16()
    }

    /// A token as the issuer signs it.
    fn mint(&self, claims: &Value) -> String {
        let identity = self.running.identity.as_ref().expect("the issuer is here");
        let now = self.clock.now_ms();
        let mut all = json!({
            "iss": identity.issuer(), "aud": "urn:latchkey:catalog", "iat": now / 1_000, "exp": now / 1_000 + 300,
        });
        all.as_object_mut()
            .expect("claims")
            .extend(claims.as_object().expect("claims").clone());
        identity
            .signer()
            .sign(Alg::ES256, "at+jwt", &all, Timestamp(now))
            .expect("a token")
    }

    /// A family and its session, as sign-in will write them.
    async fn family_row(&self, fam: &str, session: &str, client_id: &str, user: &str) {
        let identity = self.running.identity.as_ref().expect("the issuer is here");
        let (fam, session) = (fam.to_owned(), session.to_owned());
        let (client_id, user) = (client_id.to_owned(), user.to_owned());
        let now = self.clock.now_ms();
        identity
            .store()
            .db()
            .write(move |tx| async move {
                sql("INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, \
                       idle_expires_at, expires_at) VALUES ($1, $1, $2, $3, $3, $3, $3, $3)")
                .bind(&session)
                .bind(&user)
                .bind(now)
                .execute(&tx)
                .await?;
                sql("INSERT INTO families (id, handle, fam, salt, client_id, user_id, session_id, scope, resources, \
                       generation, overlap_hits, overlap_streak, created_at) \
                     VALUES ($1, $1, $1, 'salt', $2, $3, $4, '', '[]', 0, 0, 0, $5)")
                .bind(fam)
                .bind(client_id)
                .bind(user)
                .bind(session)
                .bind(now)
                .execute(&tx)
                .await?;
                Ok::<_, latchkey_db::DbError>(())
            })
            .await
            .expect("the rows are written");
    }
}

/// A catalog in a process of its own, and the address of its guard.
async fn guard_process(folder: &Path, name: &str, issuer: u16, bus: &str, database: &str) -> (Child, String) {
    let port = free_port();
    let config = format!(
        "data = \"{0}/{name}\"\nkeys = \"{0}/{name}-keys\"\nissuer = \"http://localhost:{issuer}\"\n\
         identity_url = \"http://127.0.0.1:{issuer}\"\nbus = \"{bus}\"\ncatalog_database = \"{database}\"\n\
         catalog_listen = \"localhost:{port}\"\nlog = \"error\"\n",
        folder.display()
    );
    let file = folder.join(format!("{name}.toml"));
    std::fs::write(&file, config).expect("the configuration");
    let mut child = Command::new(binary())
        .args(["serve", "catalog", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the guard starts");
    let output = child.stdout.take().expect("its output");
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a line");
        line
    });
    assert_eq!(line.await.expect("a line").trim(), "ready");
    (child, format!("http://127.0.0.1:{port}/catalog/v1/whoami"))
}

fn report(kind: &str, waits: [Vec<f64>; 2]) {
    let line = |mut waits: Vec<f64>| {
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share).round() as usize];
        format!("p50 {:.1} p99 {:.1} max {:.1}", at(0.5), at(0.99), at(1.0))
    };
    let [here, there] = waits;
    println!(
        "  {kind} ({}): [{}], [{}]",
        here.len(),
        line(here.clone()),
        line(there)
    );
}
