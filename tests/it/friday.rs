//! The page "From nothing to production, and back from a lost disk", typed: the real binary on PostgreSQL, a start as
//! systemd does it, Caddy with TLS in front, an API behind the edge and one with the guard, a backup and its restore.
//!
//! Files and commands are those of `docs/friday.md` with other ports, folders and names. What a test cannot have (apt,
//! systemd, a prompt for a password) is played here, and counted as typed.

mod outside;
pub mod page;
mod systemd;

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use http::StatusCode;
use latchkey_guard::{Access, Guard};
use serde_json::Value;
use url::Url;

use self::outside::{Outside, becomes_administrator};
use self::page::{Operator, PAGE, Step, steps};
use self::systemd::Systemd;
use crate::harness::{App, Browser, EDGE_NAME, Program, Proxy, Site, free_port, postgres, until};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// So many commands, and no more, are between nothing and a restored installation.
const MOST_COMMANDS: usize = 27;
/// How long the doctor may find something after a start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The API of notes, which knows nothing of tokens and believes the edge.
async fn notes(port: u16) {
    let listener = tokio::net::TcpListener::bind((HERE, port)).await.unwrap();
    let answer = async |request: Request| match request.headers().get("x-auth-subject") {
        Some(subject) if !subject.is_empty() => StatusCode::OK,
        Some(_) | None => StatusCode::FORBIDDEN,
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
}

/// The API of tasks, behind the guard; its address.
async fn tasks(site: &Site, secret: &str) -> String {
    let guard = Guard::connect(site.url(), "urn:example:tasks")
        .client("tasks-api", secret)
        .http(site.client(HERE))
        .start()
        .await
        .unwrap();
    let app: Router = Router::new()
        .route("/me", get(async |access: Access| access.sub().to_owned()))
        .layer(guard.required());
    let listener = tokio::net::TcpListener::bind((HERE, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/me")
}

/// What is printed with `--json`, the secret of it.
fn secret(printed: &str) -> String {
    let value: Value = serde_json::from_str(printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    value["client_secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_in_production_and_back_from_a_lost_disk() {
    let begun = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // The issuer is asked by its name, which must lead here: the doctor and Caddy's readers have no resolver of ours.
    let site = Site::named(at, ["localhost", EDGE_NAME]);
    let database = Url::parse(&postgres("friday").await).unwrap();
    let name = format!("{}_made", database.path().trim_start_matches('/'));
    let (host, notes_port) = (database.host_str().unwrap().to_owned(), free_port());
    let below = |folder: &str| format!("{}{folder}", at.display());
    let mut operator = Operator {
        at: at.to_owned(),
        places: vec![
            ("sudo -u latchkey ", String::new()),
            ("sudo -u postgres ", String::new()),
            ("sudo ", String::new()),
            ("-o latchkey ", String::new()),
            (
                "localhost/latchkey_id",
                format!("{host}:{}/{name}", database.port().unwrap()),
            ),
            ("latchkey_id", name.clone()),
            ("https://id.example.com", site.url()),
            ("https://shop.example.com", site.edge_url()),
            ("/etc/", below("/etc/")),
            ("/var/lib/", below("/var/lib/")),
            ("/mnt/", below("/mnt/")),
            ("8080", site.edge.to_string()),
            ("8081", site.issuer.to_string()),
            ("9000", notes_port.to_string()),
        ],
        database,
        typed: 0,
        played: Vec::new(),
    };
    // What the package makes.
    for made in ["/etc/latchkey", "/var/lib", "/mnt"] {
        fs::create_dir_all(below(made)).unwrap();
    }
    let (home, data) = (
        operator.path("/var/lib/latchkey"),
        operator.path("/var/lib/latchkey/data"),
    );
    notes(notes_port).await;

    operator.follow("The programs").await;
    assert_eq!(operator.played().len(), 2, "apt, and the one that asks");
    operator.follow("The configuration").await;
    // The port of metrics is no answer of `init`, and tests share a machine.
    let file = home.join("latchkey.toml");
    let text = fs::read_to_string(&file).unwrap();
    let admin = format!("localhost:{}", free_port());
    assert!(text.contains("localhost:8082"), "{text}");
    fs::write(&file, text.replace("localhost:8082", &admin)).unwrap();
    operator.follow("The start").await;
    assert_eq!(
        operator.played(),
        [
            "sudo systemctl daemon-reload",
            "sudo systemctl enable --now latchkey.socket latchkey.service"
        ]
    );
    let systemd = Systemd::of(&operator);
    let process = systemd.start(data.clone()).await;
    operator.follow("The proxy").await;
    assert_eq!(operator.played(), ["sudo systemctl reload caddy"]);
    let proxy = Proxy::start(Program::Caddy, &site).await;

    the_proxy_reaches(&site.client(HERE), &site).await;
    the_doctor_finds(&operator, &["proxy.unseen"]).await;
    operator.follow("What is wrong").await;

    operator.follow("The first administrator").await;
    assert_eq!(operator.played().len(), 1);
    let link = || {
        let said = process.logged();
        let (_, rest) = said.split_once("This link makes one, and is shown once: ")?;
        Some(rest.split_whitespace().next()?.to_owned())
    };
    until("the link is in the journal", async || link().is_some()).await;
    let browser = Browser::trusting(site.client(HERE));
    let phone = becomes_administrator(&browser, &link().unwrap()).await;

    let printed = operator.follow("The clients").await;
    let [_, _, job_printed, api_printed, _] = printed.as_slice() else {
        panic!("{printed:?}");
    };
    let job_secret = secret(job_printed);
    let app = App {
        issuer: site.url(),
        client_id: "notes-app".to_owned(),
        secret: None,
        redirect_uri: "https://app.example.com/callback".to_owned(),
        scope: "openid notes.read".to_owned(),
    };
    // It came last: who knows it knows the others. A guard that nobody knows yet would give up at once.
    until("the server knows the application", async || {
        let somebody = Browser::trusting(site.client(HERE));
        app.begin(&somebody, &[]).await.has("#sign-in")
    })
    .await;
    let outside = Outside {
        http: site.client(HERE),
        app,
        notes: format!("{}/notes/list", site.edge_url()),
        tasks: tasks(&site, &secret(api_printed)).await,
    };
    let old = outside.sign_in(&browser, &phone).await;
    let old_job = outside.job(&job_secret).await;
    outside.both_are_guarded(&old.access, &old_job).await;

    operator.follow("The backup").await;
    // Everything is gone: the disk of the machine, and that of the database.
    process.kill().await;
    drop(systemd);
    fs::remove_dir_all(&home).unwrap();
    let dropped = operator.run("dropdb --force latchkey_id").await;
    assert!(dropped.status.success(), "{dropped:?}");

    operator.follow("The lost disk").await;
    assert_eq!(
        operator.played(),
        [
            "sudo systemctl stop latchkey.socket latchkey.service",
            "sudo systemctl start latchkey.socket latchkey.service"
        ]
    );
    let systemd = Systemd::of(&operator);
    let process = systemd.start(data).await;
    the_proxy_reaches(&outside.http, &site).await;
    let refused = outside.refresh(old.refresh()).await;
    assert_eq!(refused.code(), "invalid_grant", "{refused:?}");
    let new = outside
        .sign_in(&Browser::trusting(site.client(HERE)), &phone)
        .await;
    let new_job = outside.job(&job_secret).await;
    outside.both_are_guarded(&new.access, &new_job).await;
    for (url, token) in [(&outside.notes, &old.access), (&outside.tasks, &old_job)] {
        until("a token of before is refused", async || {
            outside.call(url, Some(token)).await == 401
        })
        .await;
    }
    let again = outside.refresh(new.refresh()).await;
    assert_eq!(again.status, 200, "{again:?}");
    // Nobody has set up a relay, so the mail about the second step was given up.
    the_doctor_finds(&operator, &["proxy.unseen", "feed.mail"]).await;
    assert!(!process.logged().contains("There is no administrator yet"));
    assert_eq!(process.interrupt().await.code, Some(0));
    proxy.kill().await;

    println!(
        "from nothing to production and back: {} commands, {:.1} s",
        operator.typed,
        begun.elapsed().as_secs_f64()
    );
    assert!(operator.typed <= MOST_COMMANDS, "{}", operator.typed);
}

async fn the_proxy_reaches(http: &reqwest::Client, site: &Site) {
    let url = format!("{}/.well-known/openid-configuration", site.url());
    until("the proxy reaches the issuer", async || {
        let answer = http.get(&url).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

/// Nothing but what the page says that stays.
async fn the_doctor_finds(operator: &Operator, expected: &[&str]) {
    let all = steps(PAGE, "What is wrong");
    let [Step::Type(line)] = all.as_slice() else {
        panic!("{all:?}");
    };
    let line = format!("{line} --json");
    let begun = Instant::now();
    loop {
        let output = operator.run(&line).await;
        let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let left = found.iter().filter(|finding| finding["level"] != "ok");
        let left: Vec<&Value> = left.map(|finding| &finding["finding"]).collect();
        if output.status.code() == Some(i32::from(expected.len() > 1)) && left == expected {
            return;
        }
        // The issuer's first word in the log comes a moment after the start.
        assert!(begun.elapsed() < PATIENCE, "{found:?} {output:?}");
    }
}
