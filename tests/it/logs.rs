//! Nothing that is secret is ever written to a log or repeated in an answer.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::harness::{
    Answer, App, Browser, Machine, Matrix, Process, Tokens, World, anonymous, call, client, http, raw,
    secret_of, signature, until,
};
use crate::secrets_at_rest::found;

/// The binary with everything logged, its output in two files.
pub struct Loud {
    child: Child,
    pub folder: tempfile::TempDir,
    pub demo: Value,
}

impl Loud {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| Stdio::from(File::create(folder.path().join(name)).expect("a file"));
        std::fs::write(folder.path().join("world.toml"), latchkey_testkit::issuer::seed()).expect("the seed");
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args([
            "--data",
            "data",
            "--port",
            "0",
            "--identity-port",
            "0",
            "--admin-port",
            "0",
        ]);
        command
            .args(["--seed", "world.toml", "--log", "trace"])
            .args(more)
            .current_dir(folder.path())
            .kill_on_drop(true);
        command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        let child = command.spawn().expect("the binary starts");
        let demo = folder.path().join("data/demo.json");
        until("the server is ready", async || demo.exists()).await;
        let demo = serde_json::from_str(&std::fs::read_to_string(demo).expect("demo.json")).expect("JSON");
        Self { child, folder, demo }
    }

    pub fn text(&self, name: &str) -> String {
        self.demo[name].as_str().expect(name).to_owned()
    }

    /// Ends it as an operator does.
    pub async fn interrupt(&mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().await;
        assert!(sent.expect("kill runs").success());
        assert_eq!(self.child.wait().await.expect("it ends").code(), Some(0));
    }

    pub fn written(folder: &Path) -> Vec<u8> {
        let mut all = std::fs::read(folder.join("stdout")).expect("its output");
        all.extend(std::fs::read(folder.join("stderr")).expect("its errors"));
        all
    }
}

/// Everything that a person, their browser and their client hold and nobody else may, of a life that ends.
async fn a_person(loud: &Loud) -> Vec<(String, String)> {
    const WRONG: &str = "a wrong password that is a secret as well";
    let users = loud.demo["users"].as_array().expect("users");
    let alice = users
        .iter()
        .find(|user| user["username"] == "alice")
        .expect("alice");
    let password = alice["password"].as_str().expect("a password").to_owned();
    let app = App::of_demo(&loud.demo, "demo-web", "openid profile email");
    let mut held: Vec<(String, String)> = vec![("a wrong password".into(), WRONG.into())];
    let mut hold = |name: &str, text: String| held.push((name.to_owned(), text));

    let browser = Browser::new();
    let page = app.begin(&browser, &[]).await;
    let form = page.form("#sign-in");
    let token = form.pairs.into_iter().find(|(name, _)| name == "token");
    hold("a form's token", token.expect("a token").1);
    let refused = browser
        .press(&page, "#sign-in", &[("username", "alice"), ("password", WRONG)])
        .await;
    assert_eq!(refused.answer.status, 422);
    let back = app.walk(&browser, ("alice", &password), &[]).await;
    let code = back.code.expect("a code");
    let answer = app.redeem(&code).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
    let refreshed = Tokens::of(&app.refresh(tokens.refresh()).await);
    app.redeem(&code).await;
    app.refresh("wrong-refresh-token-of-nobody").await;
    hold("a wrong refresh token", "wrong-refresh-token-of-nobody".into());
    hold("a code", code);
    for (what, tokens) in [("first", &tokens), ("next", &refreshed)] {
        hold(
            &format!("the {what} access token"),
            signature(&tokens.access).into(),
        );
        if let Some(refresh) = &tokens.refresh {
            hold(&format!("the {what} refresh token"), refresh.clone());
        }
        if let Some(id) = &tokens.id {
            hold(&format!("the {what} ID token"), signature(id).into());
        }
    }
    // The shop signs the same person in, and out everywhere.
    let shop = loud.text("shop");
    let seen = browser.open(&format!("{shop}/signin?return=/"), "").await;
    let home = if seen.has("#allow") {
        let allowed = browser.press(&seen, "#allow", &[]).await;
        browser.follow(allowed, "").await
    } else {
        seen
    };
    assert!(home.has(".menu"), "{}", home.answer.text);
    for cookie in [
        "latchkey-session",
        "latchkey-browser",
        "latchkey-device",
        "latchkey-shop",
    ] {
        hold(
            cookie,
            browser.cookie(cookie).unwrap_or_else(|| panic!("no {cookie}")),
        );
    }
    let out = browser.press(&home, "#sign-out", &[]).await;
    browser.follow(out, "").await;
    held
}

/// OP-03.
#[tokio::test]
async fn no_secret_and_no_token_is_logged_even_at_trace_level() {
    const CANARY: &str = "cAnArY-0b5ff8b9-2f1c-dead-beef";
    let mut loud = Loud::start().await;
    let (issuer, api) = (loud.text("issuer"), loud.text("api"));
    let machine = |id: &str| Machine {
        issuer: issuer.clone(),
        client_id: id.to_owned(),
        secret: secret_of(id),
    };
    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    let mut keep = |name: &str, text: &str| needles.push((name.to_owned(), text.as_bytes().to_vec()));

    // What goes well.
    let token = machine("m-basic").token().await;
    let revoked = machine("m-basic").token().await;
    let whoami = format!("{api}/catalog/v1/whoami");
    assert_eq!(call(&token, &whoami).await.status, 200);
    assert_eq!(machine("rs-all").introspect(&token).await.status, 200);
    assert_eq!(machine("m-basic").revoke(&revoked).await.status, 200);
    until("the guard refuses", async || {
        call(&revoked, &whoami).await.status == 401
    })
    .await;
    let mut feed = crate::feed::Stream::open(&machine("rs-all"), None).await;
    let message = feed.next().await.data;
    keep("a token", signature(&token));
    keep("a revoked token", signature(&revoked));
    keep("a feed message", signature(&message));
    // HTTP/2 writes other lines.
    let h2 = client(reqwest::Client::builder().http2_prior_knowledge());
    let request = h2
        .post(format!("{issuer}/token"))
        .basic_auth("m-basic", Some(secret_of("m-basic")));
    let answer = Answer::of(request.form(&[("grant_type", "client_credentials")])).await;
    let by_h2 = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(Answer::of(h2.get(&whoami).bearer_auth(&by_h2)).await.status, 200);
    keep("a token over HTTP/2", signature(&by_h2));

    // A person, from the sign-in to the sign-out, and a shop between.
    for (name, text) in a_person(&loud).await {
        keep(&name, &text);
    }

    // What goes wrong, with a canary in every field that may hold a secret; a canary as client id is no secret.
    let answers = bad_requests(&issuer, &api, ("rs-all", &secret_of("rs-all")), CANARY).await;
    assert!(answers.len() >= 90, "{}", answers.len());
    let wrong = Machine {
        secret: format!("{CANARY}-wrong"),
        ..machine("m-wide")
    };
    for path in ["/token", "/introspect", "/revoke"] {
        for _ in 0..11 {
            wrong.post(path, &[("token", "x")]).await;
        }
        let form = [
            ("client_id", "m-post"),
            ("client_secret", "wrong-secret-of-a-form"),
            ("token", "wrong-token-of-a-form"),
        ];
        Answer::of(h2.post(format!("{issuer}{path}")).form(&form)).await;
        // Without a secret where one is registered.
        let form = [("client_id", "rs-catalog"), ("token", "x")];
        Answer::of(h2.post(format!("{issuer}{path}")).form(&form)).await;
    }
    assert_eq!(wrong.ask(&[]).await.status, 429, "the throttle speaks, too");
    call("wrong-token-at-the-guard.a.b", &whoami).await;
    Answer::of(
        h2.get(&whoami)
            .bearer_auth("wrong-token-over-h2.a.b")
            .header("cookie", "s=wrong-cookie-over-h2"),
    )
    .await;
    anonymous(&format!("{whoami}?access_token=wrong-token-in-a-query")).await;
    anonymous(&format!("{issuer}/token?client_secret=wrong-secret-in-a-query")).await;
    let elsewhere = "https%3A%2F%2Fevil.test%2Fnot-registered%3Fcode%3Dwrong-code-in-an-address";
    anonymous(&format!(
        "{issuer}/authorize?client_id=demo-web&redirect_uri={elsewhere}"
    ))
    .await;
    let authority = format!("127.0.0.1:{}", issuer.rsplit_once(':').expect("a port").1);
    let broken =
        "POST /token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic wrong-header-cut-off";
    raw(
        &format!("http://{authority}"),
        format!("{broken}\r\n\r\n").as_bytes(),
    )
    .await;
    for (name, text) in [
        ("secret of a wrong Basic", "cAnArY-0b5ff8b9-2f1c-dead-beef-wrong"),
        ("secret of a form", "wrong-secret-of-a-form"),
        ("token of a form", "wrong-token-of-a-form"),
        ("bearer at the guard", "wrong-token-at-the-guard"),
        ("bearer over HTTP/2", "wrong-token-over-h2"),
        ("cookie over HTTP/2", "wrong-cookie-over-h2"),
        ("token in a query", "wrong-token-in-a-query"),
        ("secret in a query", "wrong-secret-in-a-query"),
        ("header cut off", "wrong-header-cut-off"),
        ("code in an address", "wrong-code-in-an-address"),
    ] {
        keep(name, text);
    }
    // Credentials as they stand in headers, encoded.
    use base64::Engine;
    let encoded = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    for id in ["m-basic", "rs-all"] {
        keep(
            &format!("Basic of {id}"),
            &encoded(format!("{id}:{}", secret_of(id)))[8..],
        );
    }
    keep(
        "Basic of a wrong secret",
        &encoded(format!("m-wide:{CANARY}-wrong"))[12..],
    );
    for id in ["m-basic", "m-post", "rs-all", "rs-catalog", "idle"] {
        keep(&format!("secret of {id}"), &secret_of(id));
    }
    for member in ["clients", "users"] {
        for entry in loud.demo[member].as_array().expect("entries") {
            let secret = entry["client_secret"].as_str().or(entry["password"].as_str());
            secret
                .into_iter()
                .for_each(|secret| keep("a secret of the demo", secret));
        }
    }
    let master =
        std::fs::read_to_string(loud.folder.path().join("data/keys/master.key")).expect("the master key");
    keep("the master key", master.trim());

    loud.interrupt().await;
    let written = Loud::written(loud.folder.path());
    let lines = written.split(|byte| *byte == b'\n').count();
    println!("{} bytes in {lines} lines", written.len());
    assert!(
        written.windows(7).any(|w| w == b"\"TRACE\""),
        "everything is logged"
    );
    assert!(lines > 1_000, "{lines}");
    assert!(
        found(&written, &[("a refusal".into(), b"client refused".to_vec())]).len() == 1,
        "refusals are logged"
    );
    for reason in [
        "unknown client",
        "secret is wrong",
        "registered method is client_secret_basic",
    ] {
        assert!(
            found(&written, &[(reason.into(), reason.as_bytes().to_vec())]).len() == 1,
            "the log says which check failed: {reason}"
        );
    }
    let text = String::from_utf8_lossy(&written);
    let page = text
        .lines()
        .find(|line| line.contains("https://evil.test/not-registered"));
    assert!(
        page.is_some_and(|line| line.contains("demo-web") && line.contains("peer")),
        "a refused page names client and address: {page:?}"
    );
    let hits = found(&written, &needles);
    let mut matrix = Matrix::new("OP-03 secret × log");
    for (name, needle) in &needles {
        let line = || {
            let at = written
                .windows(needle.len())
                .position(|w| w == needle.as_slice())
                .unwrap_or_default();
            let from = written[..at]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .unwrap_or_default();
            String::from_utf8_lossy(&written[from..(at + 200).min(written.len())]).into_owned()
        };
        matrix.hold(
            name,
            !hits.contains(name),
            if hits.contains(name) {
                line()
            } else {
                String::new()
            },
        );
    }
    matrix.end();
}

/// OP-03.
/// Metrics count; they do not tell.
#[tokio::test]
async fn metrics_hold_no_secret_and_no_name() {
    let loud = Loud::start().await;
    let issuer = loud.text("issuer");
    let machine = Machine {
        issuer: issuer.clone(),
        client_id: "m-basic".into(),
        secret: secret_of("m-basic"),
    };
    let token = machine.token().await;
    machine.revoke(&token).await;
    Machine {
        secret: "wrong-secret-that-is-counted".into(),
        ..machine.clone()
    }
    .ask(&[])
    .await;
    anonymous(&format!("{issuer}/wrong-path-that-is-counted")).await;
    let metrics = anonymous(&format!("{}/metrics", loud.text("admin"))).await;
    assert!(
        metrics.text.contains("latchkey_client_refused_total"),
        "{metrics:?}"
    );
    for secret in [
        "wrong-secret-that-is-counted",
        "wrong-path-that-is-counted",
        "m-basic",
        &secret_of("m-basic"),
        signature(&token),
    ] {
        assert!(!metrics.text.contains(secret), "{secret}");
    }
    for listener in [issuer, loud.text("shop")] {
        assert_eq!(
            anonymous(&format!("{listener}/metrics")).await.status,
            404,
            "{listener}"
        );
    }
}

/// OpenID Connect Core §11. Whoever wonders where the scope went finds it.
#[tokio::test]
async fn offline_access_that_is_not_granted_is_logged_at_debug() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::up(folder.path(), &["--log", "latchkey_identity=debug"]).await;
    let demo = process.demo();
    let users = demo["users"].as_array().expect("users");
    let alice = users.iter().find(|user| user["username"] == "alice");
    let password = alice.expect("alice")["password"].as_str().expect("a password");
    let app = App::of_demo(&demo, "demo-web", "openid offline_access");
    let plain = app.sign_in(&Browser::new(), ("alice", password), &[]).await;
    let prompt = [("prompt", "consent")];
    let prompted = app.sign_in(&Browser::new(), ("alice", password), &prompt).await;
    let has = |tokens: &Tokens| tokens.scope.split(' ').any(|name| name == "offline_access");
    assert_eq!((has(&plain), has(&prompted)), (false, true));
    let log = process.interrupt().await.stderr;
    assert_eq!(log.matches("offline_access was ignored").count(), 1, "{log}");
}

/// What comes back from forty and more bad requests, each with `canary` in another place.
pub async fn bad_requests(url: &str, api: &str, client: (&str, &str), canary: &str) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    let (id, secret) = client;
    for path in ["/token", "/introspect", "/revoke"] {
        for field in [
            "grant_type",
            "scope",
            "resource",
            "token",
            "token_type_hint",
            "client_assertion",
            "code",
            "refresh_token",
            "username",
            "password",
            "redirect_uri",
            "code_verifier",
            "assertion",
            "device_code",
            "request_uri",
        ] {
            let mut form = vec![(field, canary)];
            if field != "grant_type" {
                form.push((
                    "grant_type",
                    if field == "scope" || field == "resource" {
                        "client_credentials"
                    } else {
                        "x"
                    },
                ));
            }
            let request = http().post(format!("{url}{path}")).basic_auth(id, Some(secret));
            answers.push((format!("{path} {field}"), Answer::of(request.form(&form)).await));
        }
        for (what, form) in [
            ("client_id", vec![("client_id", canary)]),
            (
                "client_secret",
                vec![("client_id", id), ("client_secret", canary)],
            ),
            ("an unknown name", vec![(canary, "x"), (canary, "y")]),
        ] {
            answers.push((
                format!("{path} {what}"),
                Answer::of(http().post(format!("{url}{path}")).form(&form)).await,
            ));
        }
        for (what, name, value) in [
            (
                "a Basic id",
                "authorization",
                format!("Basic {}", basic(canary, "x")),
            ),
            (
                "a Basic secret",
                "authorization",
                format!("Basic {}", basic(id, canary)),
            ),
            ("a bearer", "authorization", format!("Bearer {canary}")),
            ("no scheme", "authorization", canary.to_owned()),
            ("a media type", "content-type", format!("application/{canary}")),
            ("a cookie", "cookie", format!("session={canary}")),
            ("an agent", "user-agent", canary.to_owned()),
            ("a request id", "x-request-id", canary.to_owned()),
            ("an origin", "origin", format!("https://{canary}")),
            ("a referrer", "referer", format!("https://x/{canary}")),
        ] {
            let request = http()
                .post(format!("{url}{path}"))
                .header(name, value)
                .body(format!("x={canary}"));
            answers.push((format!("{path} {what}"), Answer::of(request).await));
        }
        let query = http().post(format!("{url}{path}?client_secret={canary}&token={canary}"));
        answers.push((
            format!("{path} the query"),
            Answer::of(query.form(&[("x", "y")])).await,
        ));
        let method = Method::from_bytes(canary.as_bytes()).expect("a method");
        answers.push((
            format!("{path} the method"),
            Answer::of(http().request(method, format!("{url}{path}"))).await,
        ));
    }
    for (what, request) in [
        ("a path", http().get(format!("{url}/{canary}"))),
        ("a path below", http().get(format!("{url}/token/{canary}"))),
        (
            "a host",
            http()
                .get(format!("{url}/jwks"))
                .header("host", format!("{canary}.test")),
        ),
        (
            "a feed secret",
            http()
                .get(format!("{url}/revocations"))
                .basic_auth(id, Some(canary)),
        ),
        (
            "a feed position",
            http()
                .get(format!("{url}/revocations"))
                .header("last-event-id", canary),
        ),
        (
            "a header's name",
            http().get(format!("{url}/nothing")).header(
                HeaderName::from_bytes(canary.to_lowercase().as_bytes()).expect("a name"),
                HeaderValue::from_static("x"),
            ),
        ),
        (
            "a bearer of the API",
            http().get(format!("{api}/catalog/v1/whoami")).bearer_auth(canary),
        ),
        (
            "a token in the query of the API",
            http().get(format!("{api}/catalog/v1/whoami?access_token={canary}")),
        ),
        (
            "a path of the API",
            http().get(format!("{api}/catalog/v1/{canary}")),
        ),
    ] {
        answers.push((what.to_owned(), Answer::of(request).await));
    }
    answers
}

fn basic(id: &str, secret: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"))
}

/// TK-18.
#[tokio::test]
async fn nothing_that_was_presented_comes_back_in_an_answer() {
    let world = World::new().await;
    const CANARY: &str = "cAnArY-7c9e6679";
    let secret = secret_of("rs-all");
    let api = world.server.running().urls.services["catalog"].clone();
    let answers = bad_requests(world.url(), &api, ("rs-all", &secret), CANARY).await;
    let mut matrix = Matrix::new("TK-18 field × answer");
    for (what, answer) in &answers {
        let headers = format!("{:?}", answer.headers).to_lowercase();
        let canary = CANARY.to_lowercase();
        let silent = !answer.text.to_lowercase().contains(&canary) && !headers.contains(&canary);
        matrix.hold(what, silent, answer);
        matrix.hold(format!("{what}: no 5xx"), answer.status < 500, answer);
    }
    assert!(answers.len() >= 40, "{}", answers.len());
    matrix.end();
    // A request line that is no HTTP at all.
    let answer = raw(world.url(), format!("{CANARY}\r\n\r\n").as_bytes()).await;
    assert!(!answer.text.contains(CANARY), "{answer:?}");
}
