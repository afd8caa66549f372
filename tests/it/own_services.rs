//! Somebody's own services behind the edge: routes of the configuration, a reload under load, and a sign-in in front of
//! an application that knows no OpenID Connect.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use http::HeaderMap;
use latchkey::config::edge::{AccessSettings, Demanded, SignInSettings};
use latchkey::config::{Config, Listen, Role};
use latchkey_http::TrustedProxies;
use latchkey_http::outgoing::Destination;

use crate::harness::{
    Answer, Browser, Machine, Seen, TestServer, anonymous, call, free_port, http, pooled, times, until,
};

const SECRET: &str = "a secret that is long enough to be one, made for a test";
const SEED: &str = r#"
[[resources]]
identifier = "urn:example:notes"
scopes = ["notes.read"]

[[clients]]
client_id = "notes-job"
client_secret = "SECRET"
grant_types = ["client_credentials"]
scope = "notes.read"
resources = ["urn:example:notes"]
default_resource = "urn:example:notes"

[[clients]]
client_id = "notes-edge"
client_name = "Notes"
client_secret = "SECRET"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["APP/.latchkey/callback"]
post_logout_redirect_uris = ["APP/"]
backchannel_logout_uri = "APP/.latchkey/backchannel-logout"
scope = "openid profile notes.read"
resources = ["urn:example:notes"]
"#;

/// An application that says who it takes the caller for.
async fn application() -> String {
    async fn answer(request: Request) -> String {
        let of = |headers: &HeaderMap, name: &str| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<_> = lines
                .map(|line| String::from_utf8_lossy(line.as_bytes()))
                .collect();
            lines.join("|")
        };
        let headers = request.headers();
        format!(
            "{} {} sub={} scopes={} cookie={} authorization={}",
            request.method(),
            request.uri(),
            of(headers, "x-auth-subject"),
            of(headers, "x-auth-scopes"),
            of(headers, "cookie"),
            of(headers, "authorization").len(),
        )
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

/// A marketplace with this file beside it.
async fn server(file: &str, more: impl FnOnce(&mut Config, u16)) -> (TestServer, PathBuf, String) {
    let port = free_port();
    let origin = format!("http://localhost:{port}");
    let mut path = PathBuf::new();
    let server = TestServer::with(|config| {
        let folder = config.data.parent().expect("a folder").to_owned();
        let seed = folder.join("notes.toml");
        std::fs::write(
            &seed,
            SEED.replace("SECRET", SECRET)
                .replace("APP", &origin.replace("localhost", "127.0.0.1")),
        )
        .expect("a seed");
        config.seeds.push(seed);
        path = folder.join("latchkey.toml");
        std::fs::write(&path, file).expect("a file");
        let read = Config::serve(vec![Role::Gateway], Some(&path), &[]).expect("a valid file");
        config.edge = read.edge;
        config.edge_file = read.edge_file;
        config[Role::Gateway].listen = Listen::Loopback(port);
        more(config, port);
    })
    .await;
    (server, path, origin)
}

fn routes(upstream: &str) -> String {
    format!(
        r#"
[[gateway.route]]
name = "notes"
path = "/notes/*"
strip = "/notes"
methods = ["GET", "POST"]
upstreams = ["{upstream}"]
audience = "urn:example:notes"
scopes = ["notes.read"]
"#
    )
}

fn job(server: &TestServer) -> Machine {
    Machine {
        issuer: server.issuer().to_owned(),
        client_id: "notes-job".to_owned(),
        secret: SECRET.to_owned(),
    }
}

#[tokio::test]
async fn an_api_of_ones_own_stands_behind_the_edge() {
    let application = application().await;
    let (server, _, origin) = server(&routes(&application), |_, _| {}).await;
    let job = job(&server);
    let token = job.token().await;
    let answer = call(&token, &format!("{origin}/notes/a?b=c")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer
            .text
            .starts_with("GET /a?b=c sub=notes-job scopes=notes.read cookie= "),
        "{answer:?}"
    );
    assert_eq!(anonymous(&format!("{origin}/notes/a")).await.status, 401);
    // A token for the marketplace is none for the notes.
    let foreign = server.machine("demo-machine").token().await;
    assert_eq!(call(&foreign, &format!("{origin}/notes/a")).await.status, 401);
    let revoked = job.revoke(&token).await;
    assert_eq!(revoked.status, 200);
    until("the revocation is known at the edge", async || {
        call(&token, &format!("{origin}/notes/a")).await.status == 401
    })
    .await;
    server.stop().await;
}

/// A route is added while requests are under way, and none fails.
#[tokio::test]
async fn a_route_is_added_under_load_without_a_failed_request() {
    let application = application().await;
    let (server, path, origin) = server(&routes(&application), |_, _| {}).await;
    let token = job(&server).token().await;
    let (client, stop) = (pooled(), Arc::new(AtomicBool::new(false)));
    let (done, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let per_second = times(200, 2_000);
    let pace = Duration::from_secs_f64(20.0 / f64::from(u32::try_from(per_second).expect("a rate")));
    let senders: Vec<_> = (0..20)
        .map(|sender| {
            let (client, stop, done, failed) = (client.clone(), stop.clone(), done.clone(), failed.clone());
            let (url, token) = (format!("{origin}/notes/{sender}"), token.clone());
            tokio::spawn(async move {
                let mut tick = tokio::time::interval(pace);
                while !stop.load(Ordering::Relaxed) {
                    tick.tick().await;
                    let answer = client.get(&url).bearer_auth(&token).send().await;
                    let whole = match answer {
                        Ok(answer) => answer.status() == 200 && answer.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    done.fetch_add(1, Ordering::Relaxed);
                    failed.fetch_add(usize::from(!whole), Ordering::Relaxed);
                }
            })
        })
        .collect();
    let added = format!(
        "{}\n[[gateway.route]]\nname = \"more\"\npath = \"/more/*\"\nupstreams = [\"{application}\"]\npublic = true\n",
        routes(&application)
    );
    let began = tokio::time::Instant::now();
    for _ in 0..times(2, 5) {
        replace(&path, &added);
        until("the route is there", async || {
            anonymous(&format!("{origin}/more/x")).await.status == 200
        })
        .await;
        replace(&path, &routes(&application));
        until("the route is gone", async || {
            anonymous(&format!("{origin}/more/x")).await.status == 404
        })
        .await;
    }
    let seconds = began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.expect("a sender");
    }
    let (done, failed) = (done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    println!(
        "reloads under load: {done} requests in {seconds:.1} s ({per_second}/s offered), {failed} failed"
    );
    assert!(done > 0);
    assert_eq!(failed, 0);
    server.stop().await;
}

/// In this time the edge, which looks at its file every second, has read one that stands still.
const LOOKED: Duration = Duration::from_secs(4);
const PACE: Duration = Duration::from_millis(20);

/// As an editor and a deployment do it: a new file in the place of the old.
fn replace(path: &std::path::Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).expect("a file");
    std::fs::rename(next, path).expect("it is replaced");
}

#[tokio::test]
async fn a_file_that_is_not_valid_changes_nothing() {
    let application = application().await;
    let (server, path, origin) = server(&routes(&application), |_, _| {}).await;
    let token = job(&server).token().await;
    let notes = format!("{origin}/notes/a");
    let builtin = routes(&application)
        .replace("/notes/*", "/api/catalog/*")
        .replace("strip = \"/notes\"\n", "");
    for wrong in ["this is no file", "[[gateway.route]]\nname = \"x\"\n", &builtin] {
        replace(&path, wrong);
        let (began, mut tick) = (tokio::time::Instant::now(), tokio::time::interval(PACE));
        while began.elapsed() < LOOKED {
            tick.tick().await;
            assert_eq!(call(&token, &notes).await.status, 200, "{wrong}");
        }
        // A valid file after it shows that the edge still looks.
        let marker = format!(
            "{}\n[[gateway.route]]\nname = \"more\"\npath = \"/more/*\"\nupstreams = [\"{application}\"]\npublic = true\n",
            routes(&application)
        );
        replace(&path, &marker);
        until("the route is there", async || {
            anonymous(&format!("{origin}/more/x")).await.status == 200
        })
        .await;
        assert_eq!(call(&token, &notes).await.status, 200, "{wrong}");
        replace(&path, &routes(&application));
        until("the route is gone", async || {
            anonymous(&format!("{origin}/more/x")).await.status == 404
        })
        .await;
    }
    server.stop().await;
}

/// A file that is written in place is empty for a moment, which is a valid file without routes.
#[tokio::test]
async fn a_file_that_is_being_written_takes_no_route_away() {
    let application = application().await;
    let (server, path, origin) = server(&routes(&application), |_, _| {}).await;
    let (token, notes) = (job(&server).token().await, format!("{origin}/notes/a"));
    let writing = path.clone();
    let writer = tokio::spawn(async move {
        let mut tick = tokio::time::interval(PACE);
        for length in 1.. {
            tick.tick().await;
            std::fs::write(&writing, "#".repeat(length)).expect("a file");
        }
    });
    let (began, mut tick) = (tokio::time::Instant::now(), tokio::time::interval(PACE));
    while began.elapsed() < LOOKED {
        tick.tick().await;
        assert_eq!(call(&token, &notes).await.status, 200);
    }
    writer.abort();
    assert!(writer.await.is_err_and(|ended| ended.is_cancelled()));
    // Where it does stand still, it counts.
    std::fs::write(&path, "# nothing\n").expect("a file");
    until("the route is gone", async || {
        call(&token, &notes).await.status == 404
    })
    .await;
    server.stop().await;
}

/// A marketplace with a sign-in before an application at `/app/`.
async fn signing_in() -> (TestServer, String) {
    let application = application().await;
    let (server, _, origin) = server("", |config, port| {
        let base = format!(
            "[gateway.sign_in]\nclient_id = \"notes-edge\"\nclient_secret = \"{SECRET}\"\n\
             address = \"http://127.0.0.1:{port}\"\naudience = \"urn:example:notes\"\n\
             scopes = [\"openid\", \"profile\", \"notes.read\"]\n\
             [[gateway.route]]\nname = \"app\"\nhost = \"127.0.0.1:{port}\"\npath = \"/app/*\"\nmethods = [\"GET\", \"POST\"]\n\
             upstreams = [\"{application}\"]\nsign_in = true\nscopes = [\"notes.read\"]\n"
        );
        let path = config.data.parent().expect("a folder").join("latchkey.toml");
        std::fs::write(&path, base).expect("a file");
        let read = Config::serve(vec![Role::Gateway], Some(&path), &[]).expect("a valid file");
        config.edge = read.edge;
        config.trusted_proxies = TrustedProxies::behind(&["127.0.0.1"]).expect("a proxy");
        let logout = format!("back-channel-logout 127.0.0.1:{port}");
        config
            .allow_outgoing
            .push(Destination::parse(&logout).expect("a destination"));
        assert!(matches!(
            &config.edge.routes[0].access,
            AccessSettings::SignIn(Demanded { .. })
        ));
        assert!(matches!(&config.edge.sign_in, Some(SignInSettings { .. })));
    })
    .await;
    (server, origin.replace("localhost", "127.0.0.1"))
}

/// What a browser sends when somebody opens an address.
async fn load(browser: &Browser, url: &str) -> Seen {
    browser
        .send(http().get(url).header("accept", "text/html"), url)
        .await
}

async fn sign_in(server: &TestServer, browser: &Browser, from: &str) -> Seen {
    let page = load(browser, from).await;
    assert_eq!(page.answer.status, 303, "{page:?}");
    let page = browser.follow(page, "").await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    let mut seen = browser.follow(next, "").await;
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, "").await;
    }
    seen
}

#[tokio::test]
async fn a_browser_signs_in_before_an_application_that_knows_nothing_of_it() {
    let (server, origin) = signing_in().await;
    let browser = Browser::new();
    let seen = sign_in(&server, &browser, &format!("{origin}/app/page?x=1")).await;
    assert_eq!(seen.answer.status, 200, "{seen:?}");
    assert_eq!(seen.url.as_str(), format!("{origin}/app/page?x=1"));
    let text = &seen.answer.text;
    assert!(
        text.starts_with("GET /app/page?x=1 sub=")
            && text.contains(" scopes=")
            && text.contains("notes.read"),
        "{text}"
    );
    assert!(
        !text.contains("sub= ") && text.contains("authorization=0"),
        "{text}"
    );
    assert!(
        !text.contains("latchkey-edge"),
        "the cookies of the sign-in stay at the edge: {text}"
    );
    // Its own cookies it gets as they were sent, whatever the edge thinks of such names.
    let session = browser.cookie_header(seen.url.host_str().expect("a host"));
    let all = format!("own=1; own=2; a%5Bb=3; {}", session.expect("a session"));
    let answer = Answer::of(http().get(format!("{origin}/app/page")).header("cookie", all)).await;
    assert!(
        answer.text.contains(" cookie=own=1; own=2; a%5Bb=3"),
        "{answer:?}"
    );
    // A change must come from the application itself.
    let own = browser.post(&format!("{origin}/app/save"), &origin, &[]).await;
    assert_eq!(own.answer.status, 200);
    let foreign = browser
        .post(&format!("{origin}/app/save"), "https://evil.test", &[])
        .await;
    assert_eq!(foreign.answer.status, 403);
    // Who signs out at the issuer is signed out here: by a logout token, and at the latest with the next access token.
    browser.sign_out(server.issuer()).await;
    until("the session at the edge has ended", async || {
        load(&browser, &format!("{origin}/app/page")).await.answer.status == 303
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn a_script_gets_401_where_a_page_is_led_to_the_sign_in() {
    let (server, origin) = signing_in().await;
    let url = format!("{origin}/app/data");
    for (name, value, status) in [
        ("accept", "text/html", 303),
        ("accept", "application/json", 401),
        ("sec-fetch-mode", "cors", 401),
    ] {
        let answer = Answer::of(http().get(&url).header(name, value)).await;
        assert_eq!(answer.status, status, "{name}: {value}");
    }
    // A token is no session, and a forged session is none.
    let token = job(&server).token().await;
    assert_eq!(call(&token, &url).await.status, 401);
    let forged = http()
        .get(&url)
        .header("cookie", "latchkey-edge=AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(Answer::of(forged).await.status, 401);
    for evil in ["//evil.test", "https://evil.test/", "/\\evil.test"] {
        let begin = format!("{origin}/.latchkey/signin?return={evil}");
        let answer = anonymous(&begin).await;
        let to = answer.header("location");
        assert!(
            to.starts_with(server.issuer()) && !to.contains("evil.test"),
            "{evil}: {to}"
        );
    }
    assert_eq!(
        anonymous(&format!("{origin}/.latchkey/callback?code=x&state=y"))
            .await
            .status
            / 100,
        4
    );
    server.stop().await;
}

#[tokio::test]
async fn another_proxy_asks_about_the_session_of_a_browser() {
    let (server, origin) = signing_in().await;
    let host = origin.trim_start_matches("http://").to_owned();
    let question = |query: &str, path: &str| {
        http()
            .get(format!("{origin}/verify{query}"))
            .header("accept", "text/html")
            .header("x-forwarded-method", "GET")
            .header("x-forwarded-host", &host)
            .header("x-forwarded-uri", path)
    };
    let plain = Answer::of(question("", "/app/page")).await;
    assert_eq!((plain.status, plain.header("location")), (401, ""));
    assert!(!plain.header("www-authenticate").is_empty());
    let led = Answer::of(question("?sign_in=redirect", "/app/page?x=1")).await;
    let to = format!("{origin}/.latchkey/signin?return=%2Fapp%2Fpage%3Fx%3D1");
    assert_eq!((led.status, led.header("location")), (302, to.as_str()));
    let browser = Browser::new();
    sign_in(&server, &browser, &format!("{origin}/app/page")).await;
    let seen = browser.send(question("", "/app/page"), &origin).await;
    assert_eq!(seen.answer.status, 200, "{seen:?}");
    assert!(!seen.answer.header("x-auth-subject").is_empty());
    assert!(seen.answer.header("x-auth-scopes").contains("notes.read"));
    // The proxy would open a WebSocket, with the cookies of whoever visits another site, although the route has none.
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (from, status) in [
        (Some(origin.as_str()), 200),
        (Some("https://evil.test"), 403),
        (None, 403),
    ] {
        let opens = question("", "/app/page").header("sec-websocket-key", key);
        let opens = match from {
            Some(from) => opens.header("origin", from),
            None => opens,
        };
        let seen = browser.send(opens, &origin).await;
        assert_eq!(seen.answer.status, status, "{from:?} {seen:?}");
    }
    let elsewhere = browser.send(question("", "/other"), &origin).await;
    assert_eq!(elsewhere.answer.status, 403);
    server.stop().await;
}
