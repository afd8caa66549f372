//! Guessing client secrets: what is counted, and whom a block does not hit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::harness::{
    Answer, App, Browser, IssuerServer, Machine, Matrix, client, http, lines, postgres, secret_of, until,
};

/// Asks for a token from an address of our choice.
async fn ask_from(server: &IssuerServer, address: IpAddr, id: &str, secret: &str) -> Answer {
    let host = if address.is_ipv6() { "[::1]" } else { "127.0.0.1" };
    let port = server.url().rsplit_once(':').expect("a port").1;
    let http = client(reqwest::Client::builder().local_address(address));
    let request = http
        .post(format!("http://{host}:{port}/token"))
        .basic_auth(id, Some(secret));
    Answer::of(request.form(&[("grant_type", "client_credentials")])).await
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn guess(server: &IssuerServer, times: usize) -> Vec<u16> {
    let wrong = Machine {
        secret: "wrong".into(),
        ..server.machine("m-basic")
    };
    let mut seen = Vec::new();
    for _ in 0..times {
        seen.push(wrong.ask(&[]).await.status);
    }
    seen
}

/// TK-13.
#[tokio::test]
async fn thirty_wrong_secrets_a_minute_block_one_client_from_one_address() {
    let server = IssuerServer::new().await;
    let right = secret_of("m-basic");
    assert_eq!(guess(&server, 30).await, [401; 30]);
    let blocked = server.machine("m-basic").ask(&[]).await;
    assert_eq!(
        (blocked.status, blocked.code().as_str()),
        (429, "invalid_client"),
        "the right secret, too"
    );
    let wait: i64 = blocked.header("retry-after").parse().expect("seconds");
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(blocked.header("cache-control"), "no-store");

    let mut matrix = Matrix::new("throttle × who asks");
    for path in ["/introspect", "/revoke"] {
        let status = server
            .machine("m-basic")
            .post(path, &[("token", "x")])
            .await
            .status;
        matrix.cell(format!("the same client at {path}"), status, 429);
    }
    for (who, address, id, secret, status) in [
        ("the same client and address", HERE, "m-basic", right.clone(), 429),
        ("another secret", HERE, "m-basic", "x".to_owned(), 429),
        ("another client", HERE, "m-wide", secret_of("m-wide"), 200),
        ("an unknown client", HERE, "nobody", "x".to_owned(), 401),
        (
            "another address",
            Ipv4Addr::new(127, 0, 0, 2).into(),
            "m-basic",
            right.clone(),
            200,
        ),
        (
            "an address far away",
            Ipv4Addr::new(127, 200, 0, 1).into(),
            "m-basic",
            right.clone(),
            200,
        ),
        (
            "an address of the other kind",
            Ipv6Addr::LOCALHOST.into(),
            "m-basic",
            right.clone(),
            200,
        ),
    ] {
        matrix.cell(who, ask_from(&server, address, id, &secret).await.status, status);
    }
    matrix.end();

    server.clock.advance(59_999);
    assert_eq!(
        server.machine("m-basic").ask(&[]).await.status,
        429,
        "to the end of the window"
    );
    server.clock.advance(1);
    assert_eq!(
        server.machine("m-basic").ask(&[]).await.status,
        200,
        "and no longer"
    );
    assert_eq!(
        guess(&server, 31).await[..30],
        [401; 30],
        "a new window counts anew"
    );
    assert_eq!(server.machine("m-basic").ask(&[]).await.status, 429);
}

/// Who cannot have guessed is not stopped by who does: a client without a secret, and one whose secret is random. The
/// secrets of the `demo-` clients count as made at random; [`secret_of`] is a seed's own.
#[tokio::test]
async fn guesses_stop_neither_a_client_without_a_secret_nor_a_generated_one() {
    let server = IssuerServer::new().await;
    let (app, browser) = (server.app("demo-browser", "openid catalog.read"), Browser::new());
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let code = app.walk(&browser, ("", ""), &[]).await.code.expect("a code");
    // From here on everybody comes from one address.
    let app = App {
        issuer: server.url().to_owned(),
        ..app
    };
    let of_demo = |id| Machine {
        issuer: server.url().to_owned(),
        ..server.machine(id)
    };
    let (machine, resource_server) = (of_demo("demo-machine"), of_demo("demo-resource-server"));
    for id in ["demo-browser", "demo-machine", "demo-resource-server", "m-basic"] {
        let wrong = Machine {
            issuer: server.url().to_owned(),
            client_id: id.to_owned(),
            secret: "made-up".to_owned(),
        };
        for _ in 0..31 {
            wrong.revoke("x").await;
        }
        assert_eq!(wrong.revoke("x").await.status, 429, "{id}: guesses are stopped");
    }
    let mut matrix = Matrix::new("who cannot have guessed × endpoint");
    matrix.cell("public: redemption", app.redeem(&code).await.status, 200);
    let refreshed = app.refresh(tokens.refresh()).await;
    matrix.cell("public: refresh", refreshed.status, 200);
    matrix.cell("public: revocation", app.revoke(&tokens.access).await.status, 200);
    let token = machine.ask(&[]).await;
    matrix.cell("generated: token", token.status, 200);
    let token = token.json()["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    matrix.cell(
        "generated: introspection",
        resource_server.introspect(&token).await.status,
        200,
    );
    let feed = http()
        .get(format!("{}/revocations", server.url()))
        .basic_auth(&resource_server.client_id, Some(&resource_server.secret));
    matrix.cell(
        "generated: feed",
        feed.send().await.expect("an answer").status().as_u16(),
        200,
    );
    matrix.cell("generated: revocation", machine.revoke(&token).await.status, 200);
    // In the form, too.
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", machine.client_id.as_str()),
        ("client_secret", machine.secret.as_str()),
    ];
    let request = http().post(format!("{}/token", server.url())).form(&form);
    matrix.cell("generated: in the form", Answer::of(request).await.status, 200);
    // What somebody chose may be what was guessed.
    let chosen = server.machine("m-basic");
    for path in ["/token", "/revoke", "/introspect"] {
        let form = [("grant_type", "client_credentials"), ("token", "x")];
        matrix.cell(
            format!("chosen: {path}"),
            chosen.post(path, &form).await.status,
            429,
        );
    }
    // Until it gets one of ours.
    let id = latchkey_protocol::ClientId::parse("m-basic").unwrap();
    let rotated = server
        .identity()
        .clients()
        .rotate_secret(&id, "test")
        .await
        .unwrap();
    let renewed = Machine {
        secret: rotated.client_secret.unwrap(),
        ..chosen
    };
    matrix.cell("rotated: token", renewed.ask(&[]).await.status, 200);
    matrix.end();
    server.stop().await;
}

/// TK-13. Naming clients that are not there costs rows; a blocked address writes none.
#[tokio::test]
async fn unknown_clients_without_a_secret_stop_at_the_limit_of_the_address() {
    let server = IssuerServer::new().await;
    let ask = async |id: &str| {
        let form = [("token", "x"), ("client_id", id)];
        let request = http().post(format!("{}/revoke", server.url()));
        Answer::of(request.form(&form)).await.status
    };
    let mut refused = Vec::new();
    for at in 0..320 {
        refused.push(ask(&format!("nobody-{at}")).await);
    }
    assert_eq!(refused[..300], [400; 300]);
    assert_eq!(refused[300..], [429; 20]);
    let counted = async || lines(server.db(), "SELECT id AS line FROM throttles").await.len();
    let rows = counted().await;
    for id in ["nobody", "m-basic", "demo-machine"] {
        assert_eq!(ask(id).await, 429, "{id}");
    }
    assert_eq!(counted().await, rows, "nothing was written");
    assert_eq!(
        ask("demo-browser").await,
        200,
        "a public client proves nothing anywhere"
    );
    server.clock.advance(60_000);
    assert_eq!(ask("nobody").await, 400);
    server.stop().await;
}

/// TK-13.
#[tokio::test]
async fn successes_never_count_and_wait_never_grows() {
    let server = IssuerServer::new().await;
    let right = server.machine("m-basic");
    for _ in 0..60 {
        assert_eq!(right.ask(&[]).await.status, 200);
    }
    assert_eq!(guess(&server, 29).await, [401; 29]);
    for _ in 0..60 {
        assert_eq!(right.ask(&[]).await.status, 200, "29 are permitted");
    }
    // Nor does a success in between wipe out what was counted.
    assert_eq!(guess(&server, 1).await, [401]);
    assert_eq!(right.ask(&[]).await.status, 429);
    server.clock.advance(30_000);
    assert_eq!(guess(&server, 5).await, [429; 5]);
    server.clock.advance(30_000);
    assert_eq!(
        right.ask(&[]).await.status,
        200,
        "knocking at a closed door does not keep it closed"
    );
}

/// TK-13.
/// Thirty at once are thirty: no guess slips past the count.
#[tokio::test]
async fn guesses_that_race_are_all_counted() {
    let server = IssuerServer::new().await;
    let wrong = Machine {
        secret: "wrong".into(),
        ..server.machine("m-basic")
    };
    let all = futures::future::join_all((0..30).map(|_| wrong.ask(&[]))).await;
    assert!(all.iter().all(|answer| answer.status == 401), "{all:?}");
    assert_eq!(server.machine("m-basic").ask(&[]).await.status, 429);
}

/// TK-13.
#[tokio::test]
async fn a_restart_does_not_open_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let server = IssuerServer::at(folder.path(), "http://localhost:1").await;
    assert_eq!(guess(&server, 30).await, [401; 30]);
    server.stop().await;
    let server = IssuerServer::at(folder.path(), "http://localhost:1").await;
    assert_eq!(
        server.machine("m-basic").ask(&[]).await.status,
        429,
        "its first request"
    );
    assert_eq!(server.machine("m-wide").ask(&[]).await.status, 200);
    server.clock.advance(60_000);
    assert_eq!(server.machine("m-basic").ask(&[]).await.status, 200);
}

/// TK-13.
#[tokio::test]
async fn a_second_node_counts_with_the_first() {
    let (identity, bus) = (
        postgres("throttle_identity").await,
        postgres("throttle_bus").await,
    );
    let node = async || {
        let (identity, bus) = (identity.clone(), bus.clone());
        IssuerServer::with(move |options| {
            options.database = Some(identity);
            options.bus = Some(bus);
        })
        .await
    };
    let (one, two) = (node().await, node().await);
    assert_eq!(guess(&one, 15).await, [401; 15]);
    assert_eq!(guess(&two, 15).await, [401; 15]);
    assert_eq!(
        two.machine("m-basic").ask(&[]).await.status,
        429,
        "the node that saw the last one"
    );
    until("the other node refuses, too", async || {
        one.machine("m-basic").ask(&[]).await.status == 429
    })
    .await;
    assert_eq!(one.machine("m-wide").ask(&[]).await.status, 200);
    one.stop().await;
    two.stop().await;
}
