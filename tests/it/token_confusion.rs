//! TK-06: nothing that the issuer gives out for one purpose is taken for another.

use serde_json::json;

use crate::feed::Stream;
use crate::harness::{Answer, CATALOG, Matrix, World, anonymous, call, header, http, lines, secret_of};

/// Where something can be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    SecretAtToken,
    SecretAtIntrospect,
    SecretAtRevoke,
    SecretAtFeed,
    TokenAtIntrospect,
    TokenAtRevoke,
    BearerAtGuard,
    BearerAtFeed,
    BearerAtToken,
    CodeAtToken,
    PositionAtFeed,
}

const SLOTS: [Slot; 11] = [
    Slot::SecretAtToken,
    Slot::SecretAtIntrospect,
    Slot::SecretAtRevoke,
    Slot::SecretAtFeed,
    Slot::TokenAtIntrospect,
    Slot::TokenAtRevoke,
    Slot::BearerAtGuard,
    Slot::BearerAtFeed,
    Slot::BearerAtToken,
    Slot::CodeAtToken,
    Slot::PositionAtFeed,
];

/// Whether the issuer takes `artefact` in this place. `live` is a token that must survive all of it but its own end.
async fn taken(world: &World, slot: Slot, artefact: &str, live: &str) -> bool {
    let url = |path: &str| format!("{}{path}", world.url());
    let with_secret = |path: &str, id: &str, form: &[(&str, &str)]| {
        let request = http().post(url(path)).basic_auth(id, Some(artefact));
        Answer::of(request.form(form))
    };
    match slot {
        Slot::SecretAtToken => {
            let form = [("grant_type", "client_credentials")];
            with_secret("/token", "m-basic", &form).await.status == 200
        }
        Slot::SecretAtIntrospect => {
            with_secret("/introspect", "m-basic", &[("token", live)])
                .await
                .status
                == 200
        }
        Slot::SecretAtRevoke => with_secret("/revoke", "m-basic", &[("token", "x")]).await.status == 200,
        Slot::SecretAtFeed => {
            let request = http()
                .get(url("/revocations"))
                .basic_auth("m-basic", Some(artefact));
            request.send().await.expect("an answer").status() == 200
        }
        Slot::TokenAtIntrospect => world.is_active(artefact).await,
        Slot::TokenAtRevoke => {
            let before = world.is_active(live).await;
            world.machine("m-basic").revoke(artefact).await;
            before && !world.is_active(live).await
        }
        Slot::BearerAtGuard => call(artefact, &world.whoami()).await.status == 200,
        Slot::BearerAtFeed => {
            let request = http().get(url("/revocations")).bearer_auth(artefact);
            request.send().await.expect("an answer").status() == 200
        }
        Slot::BearerAtToken => {
            let request = http().post(url("/token")).bearer_auth(artefact);
            Answer::of(request.form(&[("grant_type", "client_credentials")]))
                .await
                .status
                == 200
        }
        Slot::CodeAtToken => {
            let mut any = false;
            for (grant, name) in [
                ("authorization_code", "code"),
                ("refresh_token", "refresh_token"),
                ("urn:ietf:params:oauth:grant-type:device_code", "device_code"),
                ("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"),
                ("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
            ] {
                let form = [("grant_type", grant), (name, artefact)];
                any |= world.machine("m-basic").post("/token", &form).await.status == 200;
            }
            any
        }
        Slot::PositionAtFeed => {
            let machine = world.machine("rs-all");
            let mut stream = Stream::open(&machine, Some(artefact)).await;
            // A place that is not of this log is answered with everything.
            stream.next().await.event != "snapshot"
        }
    }
}

/// CVE-2026-4282, CVE-2026-4325, TK-06.
#[tokio::test]
async fn no_artefact_passes_for_another() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let live = machine.token().await;
    // Something must have ended for the feed to have a place to resume from.
    machine.revoke(&machine.token().await).await;
    let mut stream = Stream::open(&world.machine("rs-all"), None).await;
    let message = stream.next().await;
    let discovery = format!("{}/.well-known/openid-configuration", world.url());
    let jwks = anonymous(&format!("{}/jwks", world.url())).await;
    let stored = |statement: &'static str| lines(world.db(), statement);
    let hash = stored("SELECT secret_hash AS line FROM clients WHERE id = 'm-basic'")
        .await
        .remove(0);
    let wrapped_key = stored("SELECT wrapped_private AS line FROM signing_keys")
        .await
        .remove(0);
    let wrapped_secret = stored("SELECT wrapped AS line FROM secrets").await.remove(0);
    let password_hash = stored("SELECT password_hash AS line FROM users").await.remove(0);
    let password = world.server.demo().users[0].password.clone().expect("a password");
    let id_token = world.sign("JWT", json!({"aud": "m-basic", "client_id": "m-basic"}));
    let logout_token = world.sign(
        "logout+jwt",
        json!({"aud": CATALOG, "sub": "m-basic", "client_id": "m-basic"}),
    );
    let assertion = world.sign(
        "client-authentication+jwt",
        json!({"sub": "m-basic", "client_id": "m-basic"}),
    );

    let artefacts: Vec<(&str, String, &[Slot])> = vec![
        (
            "client secret",
            secret_of("m-basic"),
            &[Slot::SecretAtToken, Slot::SecretAtRevoke],
        ),
        ("another client's secret", secret_of("rs-all"), &[]),
        ("stored hash of the secret", hash, &[]),
        ("wrapped signing key", wrapped_key, &[]),
        ("wrapped secret", wrapped_secret, &[]),
        ("password of a person", password, &[]),
        ("stored hash of a password", password_hash, &[]),
        (
            "key id",
            header(&live)["kid"].as_str().expect("a kid").to_owned(),
            &[],
        ),
        (
            "jti",
            crate::harness::claims(&live)["jti"]
                .as_str()
                .expect("a jti")
                .to_owned(),
            &[],
        ),
        ("client id", "m-basic".to_owned(), &[]),
        ("feed message", message.data.clone(), &[]),
        ("feed position", message.id.clone(), &[Slot::PositionAtFeed]),
        ("request id", jwks.header("x-request-id").to_owned(), &[]),
        (
            "entity tag",
            anonymous(&discovery)
                .await
                .header("etag")
                .trim_matches('"')
                .to_owned(),
            &[],
        ),
        ("ID token by the same key", id_token, &[]),
        ("logout token by the same key", logout_token, &[]),
        ("client assertion by the same key", assertion, &[]),
        // Last: it ends itself.
        (
            "access token",
            live.clone(),
            &[Slot::TokenAtIntrospect, Slot::TokenAtRevoke, Slot::BearerAtGuard],
        ),
    ];
    let mut matrix = Matrix::new("TK-06 artefact × place");
    for (name, artefact, places) in &artefacts {
        // The one place that changes something comes last.
        let (ending, looking): (Vec<Slot>, Vec<Slot>) =
            SLOTS.iter().partition(|slot| **slot == Slot::TokenAtRevoke);
        for slot in looking.into_iter().chain(ending) {
            let got = taken(&world, slot, artefact, &live).await;
            matrix.cell(format!("{name} × {slot:?}"), got, places.contains(&slot));
        }
        // Guesses are throttled; tokens live for 300 s of this clock.
        world.server.clock.advance(10_000);
        world.settle().await;
    }
    matrix.end();
}
