//! The revocation feed for guards that do not reach the log (docs/feed.md): who may listen, what each client receives,
//! and that nothing is missed or made up.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use latchkey_db::{Db, Options};
use latchkey_guard::{Claims, Connection, Endpoints, FeedState, Guard, NotLive, NotReady, Scopes};
use latchkey_identity::Seed;
use latchkey_protocol::ClientId;
use latchkey_protocol::revocation::Revocation;
use serde_json::Value;

use crate::harness::{
    Answer, CATALOG, Machine, Matrix, ORDERS, TestIssuer, World, anonymous, call, header, http, lines,
    run_sql, until,
};

/// One event of the stream.
#[derive(Clone, Debug)]
pub struct Frame {
    pub id: String,
    pub event: String,
    pub data: String,
}

impl Frame {
    fn says(&self) -> Value {
        latchkey_testkit::jwt::claims(&self.data)
    }

    /// Its entries as `kind name`.
    fn entries(&self) -> Vec<String> {
        let says = self.says();
        let name = |entry: &Value| {
            let kind = entry["kind"].as_str().expect("a kind");
            let key = match kind {
                "token" => "jti",
                "family" => "fam",
                "subject" => "sub",
                "client" => "client_id",
                _ => "kid",
            };
            format!("{kind} {}", entry[key].as_str().expect("a name"))
        };
        says["entries"]
            .as_array()
            .expect("entries")
            .iter()
            .map(name)
            .collect()
    }
}

/// An open connection to the feed.
pub struct Stream {
    answer: reqwest::Response,
    buffer: String,
}

impl Stream {
    pub async fn open(machine: &Machine, resume: Option<&str>) -> Self {
        let mut request = http().get(format!("{}/revocations", machine.issuer));
        request = request.basic_auth(&machine.client_id, Some(&machine.secret));
        if let Some(id) = resume {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        Self {
            answer,
            buffer: String::new(),
        }
    }

    /// The next event, or `None` when the server has ended the stream.
    pub async fn try_next(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let mut lines = frame.lines().map(|line| line.split_once(": ").expect("a field"));
                let mut field = |name: &str| {
                    let (found, value) = lines.next().expect("three fields");
                    assert_eq!(found, name);
                    value.to_owned()
                };
                let frame = Frame {
                    id: field("id"),
                    event: field("event"),
                    data: field("data"),
                };
                self.buffer = rest.to_owned();
                return Some(frame);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.answer.chunk());
            let bytes = chunk.await.expect("it comes in time").ok()??;
            self.buffer.push_str(std::str::from_utf8(&bytes).expect("text"));
        }
    }

    pub async fn next(&mut self) -> Frame {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event that is no heartbeat.
    async fn next_entries(&mut self) -> Frame {
        loop {
            let frame = self.next().await;
            if frame.event != "heartbeat" {
                return frame;
            }
        }
    }
}

/// Whether a compact JWS is signed by the key of this JWKS that it names.
fn proven(token: &str, jwks: &Value) -> bool {
    let head = header(token);
    let Some(jwk) = jwks["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|jwk| jwk["kid"] == head["kid"])
    else {
        return false;
    };
    let octets = |name: &str| {
        B64.decode(jwk[name].as_str().expect("a coordinate"))
            .expect("base64url")
    };
    let point = [&[4][..], &octets("x"), &octets("y")].concat();
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let signature = B64.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message.as_bytes(), &signature)
        .is_ok()
}

async fn end(world: &World, revocation: Revocation) {
    world.end(revocation).await.expect("it ends");
}

fn token(world: &World, jti: &str, aud: &str) -> Revocation {
    let exp = world.now().seconds() + 300;
    Revocation::Token {
        jti: jti.into(),
        client_id: "m-basic".into(),
        sub: None,
        aud: aud.into(),
        exp,
    }
}

/// IN-01.
#[tokio::test]
async fn the_feed_is_for_clients_that_may_introspect() {
    let world = World::new().await;
    let mut matrix = Matrix::new("feed × caller");
    let url = format!("{}/revocations", world.url());
    matrix.cell("anonymous", anonymous(&url).await.status, 401);
    matrix.cell(
        "anonymous is challenged",
        anonymous(&url).await.header("www-authenticate").to_owned(),
        "Basic realm=\"latchkey\"".to_owned(),
    );
    let access_token = world.machine("m-basic").token().await;
    matrix.cell(
        "a bearer",
        Answer::of(http().get(&url).bearer_auth(&access_token))
            .await
            .status,
        401,
    );
    for (id, status) in [
        ("m-basic", 403),
        ("idle", 403),
        ("later", 403),
        ("rs-catalog", 200),
        ("rs-orders", 200),
        ("rs-all", 200),
        ("rs-nothing", 200),
        ("public", 401),
        ("nobody", 401),
        ("m-post", 403),
    ] {
        let machine = world.machine(id);
        let request = http().get(&url).basic_auth(id, Some(&machine.secret));
        let answer = request.send().await.unwrap();
        matrix.cell(id, answer.status().as_u16(), status);
        if status == 200 {
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            matrix.cell(
                format!("{id} is streamed to"),
                kind,
                "text/event-stream".to_owned(),
            );
        }
    }
    matrix.end();
    world.server.stop().await;
}

/// CVE-2026-37979, IN-02.
#[tokio::test]
async fn a_feed_client_sees_single_tokens_of_its_audience_only() {
    let world = World::new().await;
    let mut streams = Vec::new();
    for id in ["rs-catalog", "rs-orders", "rs-all", "rs-nothing"] {
        let mut stream = Stream::open(&world.machine(id), None).await;
        let first = stream.next().await;
        assert_eq!(
            (first.event.as_str(), first.entries()),
            ("snapshot", Vec::new()),
            "{id}"
        );
        streams.push((id, stream));
    }
    end(&world, token(&world, "j-catalog", CATALOG)).await;
    end(&world, token(&world, "j-orders", ORDERS)).await;
    end(&world, token(&world, "j-other", "urn:other")).await;
    end(
        &world,
        Revocation::Client {
            client_id: "idle".into(),
        },
    )
    .await;
    let mut matrix = Matrix::new("IN-02 listener × entry");
    for (id, mut stream) in streams {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last| last != "client idle") {
            heard.extend(stream.next_entries().await.entries());
        }
        let expected: &[&str] = match id {
            "rs-catalog" => &["token j-catalog", "client idle"],
            "rs-orders" => &["token j-orders", "client idle"],
            "rs-all" => &[
                "token j-catalog",
                "token j-orders",
                "token j-other",
                "client idle",
            ],
            _ => &["client idle"],
        };
        matrix.cell(
            format!("{id}, live"),
            heard,
            expected.iter().map(|e| (*e).to_owned()).collect(),
        );
        // Who comes later is told the same.
        let snapshot = Stream::open(&world.machine(id), None).await.next().await;
        matrix.cell(
            format!("{id}, snapshot"),
            snapshot.entries(),
            expected.iter().map(|e| (*e).to_owned()).collect(),
        );
    }
    matrix.end();
}

/// JW-04.
#[tokio::test]
async fn messages_are_signed_by_the_published_key_for_this_listener_alone() {
    let world = World::new().await;
    end(&world, token(&world, "j1", CATALOG)).await;
    let mut stream = Stream::open(&world.machine("rs-catalog"), None).await;
    let mut frames = vec![stream.next().await];
    end(&world, token(&world, "j2", CATALOG)).await;
    frames.push(stream.next_entries().await);
    let jwks = anonymous(&format!("{}/jwks", world.url())).await.json();
    let other = TestIssuer::start().await;
    let foreign = anonymous(&format!("{}/jwks", other.url)).await.json();
    let mut relabelled = foreign.clone();
    let mut matrix = Matrix::new("feed × signature");
    for (n, frame) in frames.iter().enumerate() {
        let (head, says) = (header(&frame.data), frame.says());
        relabelled["keys"][0]["kid"] = head["kid"].clone();
        matrix.cell(
            format!("{n} by the published key"),
            proven(&frame.data, &jwks),
            true,
        );
        matrix.cell(
            format!("{n} by another key"),
            proven(&frame.data, &foreign),
            false,
        );
        matrix.cell(
            format!("{n} by another key of that name"),
            proven(&frame.data, &relabelled),
            false,
        );
        let mut flipped = frame.data.clone().into_bytes();
        let middle = frame.data.find('.').unwrap() + 20;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        matrix.cell(
            format!("{n} changed"),
            proven(&String::from_utf8(flipped).unwrap(), &jwks),
            false,
        );
        matrix.cell(format!("{n} typ"), head["typ"].as_str(), Some("revocations+jwt"));
        matrix.cell(format!("{n} aud"), says["aud"].as_str(), Some("rs-catalog"));
        matrix.cell(
            format!("{n} iss"),
            says["iss"].as_str(),
            Some(world.server.issuer()),
        );
        matrix.cell(
            format!("{n} event"),
            says["event"].as_str(),
            Some(frame.event.as_str()),
        );
        let id = format!("{}.{}", says["epoch"].as_str().unwrap(), says["position"]);
        matrix.cell(format!("{n} id"), frame.id.clone(), id);
        matrix.cell(
            format!("{n} is no access token"),
            world.is_active(&frame.data).await,
            false,
        );
    }
    matrix.cell(
        "the second follows the first",
        frames[1].says()["prev"].clone(),
        frames[0].says()["position"].clone(),
    );
    matrix.end();
}

/// IN-07.
#[tokio::test]
async fn a_listener_goes_on_where_it_was_and_elsewhere_begins_anew() {
    let world = World::new().await;
    let machine = world.machine("rs-all");
    end(&world, token(&world, "j1", CATALOG)).await;
    let mut stream = Stream::open(&machine, None).await;
    let mut entries = Vec::new();
    while entries != ["token j1"] {
        entries.extend(stream.next().await.entries());
    }
    end(&world, token(&world, "j2", CATALOG)).await;
    let seen = stream.next_entries().await;
    assert_eq!(seen.entries(), ["token j2"]);
    drop(stream);
    // While nobody listens.
    end(&world, token(&world, "j3", CATALOG)).await;
    end(&world, Revocation::Subject { sub: "u1".into() }).await;
    let mut watching = Stream::open(&machine, Some(&seen.id)).await;
    let mut missed = Vec::new();
    let mut prev = seen.says()["position"].clone();
    while missed.len() < 2 {
        let frame = watching.next().await;
        assert_ne!(frame.event, "snapshot", "it goes on");
        assert_eq!(frame.says()["prev"], prev, "without a gap");
        prev = frame.says()["position"].clone();
        missed.extend(frame.entries());
    }
    assert_eq!(missed, ["token j3", "subject u1"]);

    let (epoch, position) = seen.id.rsplit_once('.').unwrap();
    let highest = prev.as_i64().unwrap();
    let mut matrix = Matrix::new("feed × place to resume from");
    for (what, id, resumes) in [
        ("the same", seen.id.clone(), true),
        ("the beginning", format!("{epoch}.0"), true),
        ("the end", format!("{epoch}.{highest}"), true),
        ("beyond the end", format!("{epoch}.{}", highest + 1), false),
        ("far beyond", format!("{epoch}.{}", i64::MAX), false),
        ("before the beginning", format!("{epoch}.-1"), false),
        (
            "more than a number holds",
            format!("{epoch}.99999999999999999999"),
            false,
        ),
        (
            "another epoch",
            format!("01a1ebbc-0000-7000-8000-00000000000e.{position}"),
            false,
        ),
        ("a longer epoch", format!("{epoch}0.{position}"), false),
        ("no epoch", position.to_owned(), false),
        ("an empty epoch", format!(".{position}"), false),
        ("no number", format!("{epoch}.x"), false),
        ("nothing", String::new(), false),
        ("a path", "../../etc/passwd".to_owned(), false),
    ] {
        let first = Stream::open(&machine, Some(&id)).await.next().await;
        matrix.cell(what, first.event != "snapshot", resumes);
        if !resumes {
            matrix.cell(format!("{what}: everything"), first.entries().len(), 4);
        }
    }
    matrix.end();
}

/// TK-10.
/// The stream outlives many requests; the right to it does not outlive the client's standing.
#[tokio::test]
async fn the_feed_of_a_client_that_is_no_longer_valid_ends() {
    let world = World::new().await;
    let mut matrix = Matrix::new("TK-10 loss × open feed");
    for (what, loss) in [
        ("disabled", 0),
        ("removed", 1),
        ("no right to introspect any more", 2),
    ] {
        let id = format!("rs-{loss}");
        let seed = format!("[[clients]]\nclient_id = \"{id}\"\nmay_introspect = [\"*\"]\n");
        let seeded = world
            .identity()
            .seed(Seed::parse(&seed).unwrap(), "test")
            .await
            .unwrap();
        let machine = Machine {
            secret: seeded.clients[0].secret.clone().unwrap(),
            ..world.machine(&id)
        };
        let mut stream = Stream::open(&machine, None).await;
        stream.next().await;
        let client = ClientId::parse(&id).unwrap();
        match loss {
            0 => drop(
                world
                    .identity()
                    .clients()
                    .set_enabled(&client, false, "test")
                    .await
                    .unwrap(),
            ),
            1 => world.identity().clients().remove(&client, "test").await.unwrap(),
            _ => {
                let seed = format!("[[clients]]\nclient_id = \"{id}\"\n");
                world
                    .identity()
                    .seed(Seed::parse(&seed).unwrap(), "test")
                    .await
                    .unwrap();
            }
        }
        end(&world, token(&world, &format!("after-{loss}"), CATALOG)).await;
        let mut heard = Vec::new();
        while let Some(frame) = stream.try_next().await {
            heard.extend(frame.entries());
            if heard.iter().any(|entry| entry.starts_with("token after-")) {
                break;
            }
        }
        matrix.hold(what, !heard.contains(&format!("token after-{loss}")), &heard);
    }
    matrix.end();
}

/// What a token would say that each kind ends.
fn claims(fam: &str, sub: &str, client_id: &str, jti: &str, iat: i64) -> Claims {
    Claims {
        iss: String::new(),
        sub: sub.into(),
        aud: Vec::new(),
        client_id: client_id.into(),
        iat,
        exp: iat + 300,
        nbf: None,
        jti: jti.into(),
        scope: Scopes::default(),
        roles: Vec::new(),
        fam: (!fam.is_empty()).then(|| fam.into()),
        sid: None,
        auth_time: None,
        acr: None,
        amr: Vec::new(),
        cnf: None,
        act: None,
        may_act: None,
        authorization_details: None,
    }
}

/// IN-06.
#[tokio::test]
async fn the_receiver_of_the_guard_hears_a_revocation_of_every_kind_by_the_feed() {
    let world = World::new().await;
    let now_s = world.now().seconds();
    let clock = world.server.clock.clone();
    let connecting = Guard::connect_at(world.server.issuer(), CATALOG, connection(&world, "rs-catalog"));
    let (guard, listening) = connecting.clock(Arc::new(move || clock.now_ms())).build();
    let signals = guard.signals().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        let _stopped = stopped.await;
    };
    let session = "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, \
                   idle_expires_at, expires_at) VALUES ('s1', 's1', 'u3', 0, 0, 0, 0, 0)";
    run_sql(world.db(), session.to_owned()).await.unwrap();
    for fam in ["f3", "f4"] {
        run_sql(
            world.db(),
            latchkey_testkit::families::insert(fam, "u3", Some("s1")),
        )
        .await
        .unwrap();
    }
    // Half of it before the receiver comes, half of it after.
    end(&world, token(&world, "j0", CATALOG)).await;
    let running = tokio::spawn(listening.run(shutdown));
    guard.live().await.expect("the receiver is live");
    let is_revoked = |claims: Claims| signals.is_revoked(&claims, now_s).is_some();
    let mut matrix = Matrix::new("IN-06 kind × receiver");
    until("what ended before it came", async || {
        is_revoked(claims("", "m", "m", "j0", now_s))
    })
    .await;
    let kid = header(&world.machine("m-basic").token().await)["kid"]
        .as_str()
        .unwrap()
        .to_owned();
    for (kind, revocation, meant, spared) in [
        (
            "token",
            token(&world, "j1", CATALOG),
            vec![claims("", "m", "m", "j1", now_s)],
            claims("", "m", "m", "j2", now_s),
        ),
        (
            "a foreign token",
            token(&world, "j3", ORDERS),
            vec![],
            claims("", "m", "m", "j3", now_s),
        ),
        (
            "family",
            Revocation::Family {
                fam: "f1".into(),
                sid: None,
                client_id: "later".into(),
            },
            vec![claims("f1", "u", "later", "a", now_s)],
            claims("f2", "u", "later", "b", now_s),
        ),
        (
            "session",
            Revocation::Session { session: "s1".into() },
            vec![
                claims("f3", "u3", "later", "c", now_s),
                claims("f4", "u3", "later", "d", now_s),
            ],
            claims("f5", "u3", "later", "e", now_s),
        ),
        (
            "subject",
            Revocation::Subject { sub: "u6".into() },
            vec![
                claims("", "u6", "later", "f", now_s),
                claims("f6", "u6", "x", "g", now_s - 100),
            ],
            // What another node issues that has not heard of it yet has ended, too.
            claims("", "u6", "later", "h", now_s + 9),
        ),
        (
            "client",
            Revocation::Client {
                client_id: "c7".into(),
            },
            vec![claims("", "u7", "c7", "i", now_s)],
            claims("", "u7", "c7", "j", now_s + 1),
        ),
    ] {
        matrix.cell(
            format!("{kind} × before"),
            meant.iter().any(|c| is_revoked(c.clone())),
            false,
        );
        end(&world, revocation).await;
        until(kind, async || meant.iter().all(|c| is_revoked(c.clone()))).await;
        matrix.cell(format!("{kind} × spared"), is_revoked(spared), false);
    }
    assert!(!signals.is_key_revoked(&kid));
    world.identity().keys().revoke(&kid, "test").await.unwrap();
    // The word of it is signed by the next key, and the keys have been fetched at this very instant of its clock.
    until("key", async || signals.is_key_revoked(&kid)).await;
    // The next messages are signed by the next key, which the receiver fetches.
    end(&world, token(&world, "j9", CATALOG)).await;
    until("the receiver goes on with the next key", async || {
        is_revoked(claims("", "m", "m", "j9", now_s)) && signals.health().state == FeedState::Live
    })
    .await;
    matrix.cell(
        "a foreign token × to the end",
        is_revoked(claims("", "m", "m", "j3", now_s)),
        false,
    );
    let token = world.machine("m-basic").token().await;
    matrix.hold(
        "a token by the next key × guard",
        guard.verify_token(&token).await.is_ok(),
        guard.health(),
    );
    matrix.end();
    drop(stop);
    running.await.unwrap();
    world.server.stop().await;
}

/// How a guard off the bus is connected as this client.
fn connection(world: &World, client_id: &str) -> Connection {
    let machine = world.machine(client_id);
    Connection {
        endpoints: Endpoints::of(world.url()),
        client_id: machine.client_id,
        client_secret: machine.secret,
        client: http().clone(),
    }
}

/// Proxies keep answers back until there is more of them, or change them, unless they are told not to.
#[tokio::test]
async fn the_feed_tells_proxies_to_hand_on_each_message_as_it_comes() {
    let world = World::new().await;
    let machine = world.machine("rs-catalog");
    let request = http().get(format!("{}/revocations", world.url()));
    let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
    let answer = request.send().await.expect("an answer");
    let said = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(said("x-accel-buffering"), "no");
    assert_eq!(said("cache-control"), "no-store, no-transform");
    drop(answer);
    world.server.stop().await;
}

/// What the issuer says to each client that must not listen reaches whoever waits for the guard.
#[tokio::test]
async fn a_guard_that_may_not_hear_the_feed_says_why() {
    let world = World::new().await;
    let mut matrix = Matrix::new("feed × guard that waits");
    for (id, said) in [
        ("rs-catalog", None),
        ("m-basic", Some(403)),
        ("public", Some(401)),
        ("nobody", Some(401)),
    ] {
        let clock = world.server.clock.clone();
        let guard = Guard::connect_at(world.server.issuer(), CATALOG, connection(&world, id))
            .clock(Arc::new(move || clock.now_ms()))
            .start(std::future::pending());
        let refused = said.map(|status| {
            let url = format!("{}/revocations", world.url());
            NotReady::Feed(NotLive::Rejected { url, status })
        });
        matrix.cell(id, guard.live().await.err(), refused);
    }
    matrix.end();
}

/// A token is accepted for a little longer than it says. As long as it is, it can be ended.
#[tokio::test]
async fn a_token_that_guards_still_accept_after_its_time_can_be_revoked() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let [mine, others, late] = [
        machine.token().await,
        machine.token().await,
        machine.token().await,
    ];
    world.server.clock.advance(301_000);
    world.settle().await;
    for token in [&mine, &others] {
        until("the guard accepts it within its leeway", async || {
            call(token, &world.whoami()).await.status == 200
        })
        .await;
        assert!(!world.is_active(token).await, "the issuer itself is strict");
    }
    // Nobody else's business, as before.
    assert_eq!(world.machine("m-wide").revoke(&others).await.status, 200);
    assert_eq!(machine.revoke(&mine).await.status, 200);
    until("the guard refuses it", async || {
        call(&mine, &world.whoami()).await.status == 401
    })
    .await;
    assert_eq!(
        call(&others, &world.whoami()).await.status,
        200,
        "it is not theirs"
    );
    // When no guard can accept it any more there is nothing to remember.
    let entries = async || {
        lines(world.db(), "SELECT subject AS line FROM revocations")
            .await
            .len()
    };
    world.server.clock.advance(119_000);
    let before = entries().await;
    assert_eq!(machine.revoke(&late).await.status, 200);
    assert_eq!(entries().await, before);
    world.server.stop().await;
}

/// A receiver that was further than the restored log must not take what comes next for what it knows.
#[tokio::test]
async fn after_a_restore_a_receiver_begins_anew_wherever_it_was() {
    let mut log = String::new();
    let world = World::with(|config| log = config.revocation_log()).await;
    let machine = world.machine("rs-all");
    let mut stream = Stream::open(&machine, None).await;
    for round in 0..5 {
        end(&world, token(&world, &format!("before-{round}"), CATALOG)).await;
    }
    let mut seen = stream.next().await;
    while seen.entries() != ["token before-4"] {
        seen = stream.next().await;
    }
    let (epoch, position) = seen.id.rsplit_once('.').expect("an epoch and a position");
    let position: i64 = position.parse().expect("a position");

    // As yesterday's copy has it, with three of them missing; the operator says so.
    let log = Db::open(&log, Options::new(&[])).await.expect("the log");
    let rewind = format!("DELETE FROM bus_log WHERE position > {}", position - 3);
    run_sql(&log, rewind).await.expect("rewound");
    let rewind = format!("UPDATE bus_state SET position = {}", position - 3);
    run_sql(&log, rewind).await.expect("rewound");
    world.identity().restored("test").await.expect("said");
    while stream.try_next().await.is_some() {}

    // More than were lost: the old position is one of the new log.
    for round in 0..5 {
        end(&world, token(&world, &format!("after-{round}"), CATALOG)).await;
    }
    let last = "token after-4".to_owned();
    until("the feed has heard all of it", async || {
        let request = http().get(format!("{}/revocations", machine.issuer));
        let request = request.basic_auth(&machine.client_id, Some(&machine.secret));
        let answer = request.send().await.expect("an answer");
        if answer.status() != 200 {
            return false;
        }
        let buffer = String::new();
        let first = Stream { answer, buffer }.next().await;
        first.entries().contains(&last)
    })
    .await;
    let mut again = Stream::open(&machine, Some(&seen.id)).await;
    let first = again.next().await;
    assert_eq!(first.event, "snapshot");
    assert_ne!(first.id.rsplit_once('.').expect("an epoch").0, epoch);
    let heard = first.entries();
    for round in 0..5 {
        let entry = format!("token after-{round}");
        assert!(heard.contains(&entry), "{entry} was missed: {heard:?}");
    }
    // A guard on the bus has not missed anything, either.
    let revoked = world.machine("m-basic").token().await;
    world.machine("m-basic").revoke(&revoked).await;
    until("the guard on the bus", async || {
        call(&revoked, &world.whoami()).await.status == 401
    })
    .await;
    world.server.stop().await;
}

/// One key comes for one that goes, whoever makes it, and however often.
#[tokio::test]
async fn each_revoked_key_is_replaced_by_exactly_one() {
    let world = World::new().await;
    let published = async || {
        let jwks = anonymous(&format!("{}/jwks", world.url())).await.json();
        let keys = jwks["keys"].as_array().expect("keys").clone();
        let es256 = keys.into_iter().filter(|key| key["alg"] == "ES256");
        es256.map(|key| key["kid"].clone()).collect::<Vec<Value>>()
    };
    let mut matrix = Matrix::new("revoked key × what is published");
    for round in 0..10 {
        let kid = header(&world.machine("m-basic").token().await)["kid"].clone();
        let kid = kid.as_str().expect("a kid");
        world
            .identity()
            .keys()
            .revoke(kid, "test")
            .await
            .expect("revoked");
        // As the next look of any node does, whenever it comes.
        world.identity().refresh().await.expect("looked");
        matrix.cell(format!("{round} × published"), published().await.len(), 1);
        let keys = world.identity().keys().list().await.expect("keys");
        let count = |state: &str| {
            let of = |key: &&latchkey_identity::KeyView| key.alg == "ES256" && key.state == state;
            keys.iter().filter(of).count()
        };
        matrix.cell(
            format!("{round} × states"),
            (
                count("signing"),
                count("revoked"),
                count("coming"),
                count("retired"),
            ),
            (1, round + 1, 0, 0),
        );
    }
    matrix.end();
    world.server.stop().await;
}

/// IN-07.
/// A place on a connection never goes back: a receiver that sees it go back must think that something is missing.
#[tokio::test]
async fn places_on_a_connection_never_go_back() {
    let world = World::new().await;
    let machine = world.machine("rs-all");
    let mut last = Stream::open(&machine, None).await.next().await.id;
    let mut matrix = Matrix::new("feed × connection made during a revocation");
    for round in 0..60 {
        let revoking = end(&world, token(&world, &format!("r{round}"), CATALOG));
        let listening = async {
            let mut stream = Stream::open(&machine, Some(&last)).await;
            let mut places = Vec::new();
            let mut heard = Vec::new();
            while !heard.contains(&format!("token r{round}")) || places.len() < 2 {
                let frame = stream.next().await;
                places.push(frame.says()["position"].as_i64().expect("a position"));
                heard.extend(frame.entries());
                last = frame.id;
            }
            places
        };
        let ((), places) = tokio::join!(revoking, listening);
        matrix.hold(format!("round {round}"), places.is_sorted(), &places);
    }
    matrix.end();
}
