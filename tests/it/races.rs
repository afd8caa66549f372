//! Refresh races, as the rules of docs/tokens.md settle them: one step per round, one successor for everybody, and no
//! family ended without a replay.

use std::collections::BTreeSet;

use latchkey::config::Role;
use latchkey_protocol::refresh_token::RefreshToken;

use crate::harness::{
    Answer, App, Browser, Process, TestServer, Tokens, call, client, free_port, postgres, times, until,
};

/// Parallel posts of one token, and how often.
const CALLERS: usize = 50;
const ROUNDS: usize = 200;

/// A public client that rotates, and one without any overlap.
const CLIENTS: &str = r#"
[[clients]]
client_id = "racer"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["https://racer.test/cb"]
scope = "catalog.read"
resources = ["urn:latchkey:catalog"]

[[clients]]
client_id = "strict"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["https://strict.test/cb"]
scope = "catalog.read"
resources = ["urn:latchkey:catalog"]
refresh_overlap_seconds = 0
"#;

/// A server with these clients, on SQLite or on databases of these names.
async fn server(databases: Option<[&str; 3]>, roles: Vec<Role>, of: Option<&TestServer>) -> TestServer {
    let keys = of.map(|server| server.folder().join("keys"));
    let issuer = of.map(|server| server.issuer().to_owned());
    let databases = databases.map(|all| all.map(str::to_owned));
    TestServer::with(move |config| {
        let path = config.data.with_file_name("races.toml");
        std::fs::write(&path, CLIENTS).expect("the seed is written");
        config.seeds.push(path);
        config.roles = roles;
        if let Some([identity, bus, catalog]) = databases {
            (
                config[Role::Identity].database,
                config.bus,
                config[Role::Service("catalog")].database,
            ) = (identity, bus, catalog);
        }
        if let Some(keys) = keys {
            config.keys = keys;
        }
        config.issuer = issuer;
    })
    .await
}

fn generation(token: &str) -> i64 {
    RefreshToken::parse(token)
        .expect("a refresh token")
        .name()
        .generation
}

/// Everybody posts the same token at once, spread over the nodes.
async fn all_at_once(http: &reqwest::Client, nodes: &[String], client_id: &str, token: &str) -> Vec<Answer> {
    let posts = (0..CALLERS).map(|at| {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client_id),
            ("refresh_token", token),
        ];
        Answer::of(
            http.post(format!("{}/token", nodes[at % nodes.len()]))
                .form(&form),
        )
    });
    futures::future::join_all(posts).await
}

/// Keeps connections: ten thousand posts should not be ten thousand handshakes.
fn pooled() -> reqwest::Client {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    client(reqwest::Client::builder().pool_max_idle_per_host(CALLERS))
}

async fn one_step_per_round(app: &App, who: (&str, &str), nodes: &[String]) {
    let browser = Browser::new();
    let mut token = app.sign_in(&browser, who, &[]).await.refresh().to_owned();
    let (http, first) = (pooled(), generation(&token));
    for round in 0..ROUNDS {
        let answers = all_at_once(&http, nodes, "racer", &token).await;
        let successors: BTreeSet<String> = answers
            .iter()
            .map(|answer| {
                assert_eq!(answer.status, 200, "round {round}: {answer:?}");
                Tokens::of(answer).refresh().to_owned()
            })
            .collect();
        assert_eq!(successors.len(), 1, "round {round}: more than one successor");
        token = successors.into_iter().next().expect("one");
        let expected = first + 1 + i64::try_from(round).expect("few rounds");
        assert_eq!(generation(&token), expected, "round {round}");
    }
    assert_eq!(app.refresh(&token).await.status, 200, "the family lives");
    println!(
        "{ROUNDS} rounds of {CALLERS} callers over {} nodes: one step each",
        nodes.len()
    );
}

async fn without_overlap_one_wins_and_the_family_ends(app: &App, who: (&str, &str), nodes: &[String]) {
    let http = pooled();
    for _ in 0..5 {
        let browser = Browser::new();
        let tokens = app.sign_in(&browser, who, &[]).await;
        let answers = all_at_once(&http, nodes, "strict", tokens.refresh()).await;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{answers:?}");
        assert!(
            answers
                .iter()
                .all(|answer| answer.status == 200 || answer.code() == "invalid_grant")
        );
        let successor = Tokens::of(won[0]);
        assert_eq!(
            app.refresh(successor.refresh()).await.code(),
            "invalid_grant",
            "the family has ended"
        );
    }
}

/// Both races of everybody against everybody, in servers of this process.
async fn race(server: &TestServer, nodes: &[String]) {
    let alice = server.person("alice");
    one_step_per_round(&server.app("racer", "catalog.read"), alice, nodes).await;
    without_overlap_one_wins_and_the_family_ends(&server.app("strict", "catalog.read"), alice, nodes).await;
}

/// CVE-2026-1035, RT-02, RT-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_share_one_successor_on_sqlite() {
    let server = server(None, Role::all(), None).await;
    let nodes = [server.issuer().to_owned()];
    race(&server, &nodes).await;
    server.stop().await;
}

/// CVE-2026-1035, RT-02, RT-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_share_one_successor_on_postgresql() {
    let databases = [
        &*postgres("races_identity").await,
        &*postgres("races_bus").await,
        &*postgres("races_catalog").await,
    ];
    let server = server(Some(databases), Role::all(), None).await;
    let nodes = [server.issuer().to_owned()];
    race(&server, &nodes).await;
    server.stop().await;
}

/// Nothing is shared but the database and the master key.
/// CVE-2026-1035, RT-02, RT-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_share_one_successor_over_two_processes() {
    let (identity, bus) = (postgres("races3_identity").await, postgres("races3_bus").await);
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let who = ("pat", "a password of this race");
    let person = format!(
        "[[users]]\nusername = \"{}\"\nemail = \"pat@example.test\"\npassword = \"{}\"\n",
        who.0, who.1
    );
    std::fs::write(folder.path().join("seed.toml"), format!("{CLIENTS}{person}")).unwrap();
    let mut processes = Vec::new();
    for port in ports {
        let config = format!(
            "data = \"{0}/data-{port}\"\nkeys = \"{0}/keys\"\nissuer = \"http://localhost:{1}\"\n\
             identity_database = \"{identity}\"\nbus = \"{bus}\"\nidentity_listen = \"localhost:{port}\"\n\
             log = \"warn\"\n",
            folder.path().display(),
            ports[0],
        );
        let name = format!("{port}.toml");
        std::fs::write(folder.path().join(&name), config).unwrap();
        let arguments = ["serve", "identity", "--config", &name, "--seed", "seed.toml"];
        let command = Process::command(folder.path(), &arguments);
        processes.push(Process::start(command, folder.path().join("data")).await);
    }
    let nodes = ports.map(|port| format!("http://localhost:{port}"));
    let app = |client_id: &str, redirect_uri: &str| App {
        issuer: nodes[0].clone(),
        client_id: client_id.into(),
        secret: None,
        redirect_uri: redirect_uri.into(),
        scope: "catalog.read".into(),
    };
    one_step_per_round(&app("racer", "https://racer.test/cb"), who, &nodes).await;
    let strict = app("strict", "https://strict.test/cb");
    without_overlap_one_wins_and_the_family_ends(&strict, who, &nodes).await;
    for process in processes {
        process.kill().await;
    }
}

/// RT-02, RT-03, RT-04.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_one_successor_and_both_guards_refuse_a_replayed_family() {
    let databases = [
        &*postgres("races2_identity").await,
        &*postgres("races2_bus").await,
        &*postgres("races2_catalog").await,
    ];
    let one = server(Some(databases), Role::all(), None).await;
    let roles = vec![Role::Identity, Role::Gateway, Role::Service("catalog")];
    let two = server(Some(databases), roles, Some(&one)).await;
    let nodes = [
        one.issuer().to_owned(),
        two.running().urls.services["identity"].clone(),
    ];
    race(&one, &nodes).await;

    // A replay outside of the overlap ends that family alone, at both guards, before its token has expired.
    let app = one.app("racer", "catalog.read");
    let (mine, theirs) = (Browser::new(), Browser::new());
    let victim = app.sign_in(&mine, one.person("alice"), &[]).await;
    let bystander = app.sign_in(&theirs, one.person("alice"), &[]).await;
    let next = Tokens::of(&app.refresh(victim.refresh()).await);
    for server in [&one, &two] {
        server.clock.advance(31_000);
    }
    let guards = [
        format!("{}/catalog/v1/whoami", one.api()),
        format!("{}/catalog/v1/whoami", two.api()),
    ];
    for guard in &guards {
        assert_eq!(call(&next.access, guard).await.status, 200, "{guard}");
    }
    let at_two = App {
        issuer: nodes[1].clone(),
        ..app.clone()
    };
    assert_eq!(at_two.refresh(victim.refresh()).await.code(), "invalid_grant");
    for guard in &guards {
        until("the guard refuses", async || {
            call(&next.access, guard).await.status == 401
        })
        .await;
        assert_eq!(call(&bystander.access, guard).await.status, 200, "{guard}");
    }
    assert_eq!(app.refresh(next.refresh()).await.code(), "invalid_grant");
    assert_eq!(app.refresh(bystander.refresh()).await.status, 200);
    one.stop().await;
    two.stop().await;
}

/// CVE-2026-4282, TK-01.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_whoever_races() {
    let server = server(None, Role::all(), None).await;
    redeemed_once(&[&server], &[server.issuer().to_owned()]).await;
    server.stop().await;
}

/// CVE-2026-4282, TK-01.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_over_two_nodes() {
    let databases = [
        &*postgres("codes_identity").await,
        &*postgres("codes_bus").await,
        &*postgres("codes_catalog").await,
    ];
    let one = server(Some(databases), Role::all(), None).await;
    let two = server(Some(databases), vec![Role::Identity], Some(&one)).await;
    let second = two.running().urls.services["identity"].clone();
    redeemed_once(&[&one, &two], &[one.issuer().to_owned(), second]).await;
    one.stop().await;
    two.stop().await;
}

async fn redeemed_once(servers: &[&TestServer], nodes: &[String]) {
    let server = servers[0];
    let (app, browser) = (server.app("racer", "catalog.read"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let apps: Vec<App> = nodes
        .iter()
        .map(|issuer| App {
            issuer: issuer.clone(),
            ..app.clone()
        })
        .collect();
    let (rounds, callers) = (times(40, 1_000), times(16, 64));
    for round in 0..rounds {
        let back = app.walk(&browser, ("", ""), &[]).await;
        let code = back.code.expect("a code");
        let answers =
            futures::future::join_all((0..callers).map(|at| apps[at % apps.len()].redeem(&code))).await;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}: {answers:?}");
        let tokens = Tokens::of(won[0]);
        // Now it is a replay, and everything that came of the code ends. Another node knows by the clock alone that the
        // race is over.
        for server in servers {
            server.clock.advance(10_000);
        }
        assert_eq!(app.redeem(&code).await.code(), "invalid_grant");
        let refreshed = app.refresh(tokens.refresh()).await;
        assert_eq!(refreshed.code(), "invalid_grant", "round {round}");
    }
    println!(
        "{rounds} codes, {callers} callers each over {} nodes: one success each",
        nodes.len()
    );
}

/// KC#51312, RT-07.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_and_a_refresh_at_once_leave_nothing_alive() {
    let server = server(None, Role::all(), None).await;
    let (app, browser) = (server.app("racer", "catalog.read"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let rounds = times(100, 10_000);
    for round in 0..rounds {
        // No faster than families may be born.
        server.clock.advance(3_500);
        let code = app.walk(&browser, ("", ""), &[]).await.code.expect("a code");
        let tokens = Tokens::of(&app.redeem(&code).await);
        let (refreshed, revoked) =
            futures::future::join(app.refresh(tokens.refresh()), app.revoke(tokens.refresh())).await;
        assert_eq!(revoked.status, 200);
        let last = match refreshed.status {
            200 => Tokens::of(&refreshed),
            _ => tokens,
        };
        assert_eq!(
            app.refresh(last.refresh()).await.code(),
            "invalid_grant",
            "round {round}"
        );
        let resource_server = server.machine("demo-resource-server");
        assert_eq!(
            resource_server.introspect(&last.access).await.text,
            r#"{"active":false}"#,
            "round {round}"
        );
    }
    println!("{rounds} refreshes beside a revocation: nothing alive");
    server.stop().await;
}
