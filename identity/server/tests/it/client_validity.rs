//! A client that is disabled, removed or changed: every endpoint checks it each time.

use latchkey_identity::Seed;
use latchkey_protocol::checks::{Check, Endpoint};
use latchkey_protocol::client::{AuthMethod, Grant};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::{ClientId, refresh_token, token_request};
use serde_json::json;

use crate::harness::{Answer, IssuerServer, Machine, Matrix, http, run_sql, secret_of};

/// Every grant.
const GRANTS: &str = "grant_types = [\"client_credentials\", \"authorization_code\", \"refresh_token\", \
                      \"urn:ietf:params:oauth:grant-type:token-exchange\"]";

/// What a client that may do everything at every endpoint is registered with.
fn able(id: &str, method: &str) -> String {
    format!(
        "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{}\"\ntoken_endpoint_auth_method = \"{method}\"\n\
         {GRANTS}\nredirect_uris = [\"https://able.test/cb\"]\nscope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
         may_introspect = [\"*\"]\n",
        secret_of(id)
    )
}

async fn seed(server: &IssuerServer, text: &str) {
    let seed = Seed::parse(text).expect("a seed");
    server
        .identity()
        .seed(seed, "test")
        .await
        .expect("the seed is taken");
}

/// A refresh token in its right form that nobody ever issued.
fn nobodys_refresh_token() -> String {
    let name = refresh_token::Name {
        mac_key_id: refresh_token::KeyId([1; 9]),
        handle: refresh_token::Handle([2; 16]),
        generation: 1,
    };
    let macs = refresh_token::Macs {
        key: &[3; 32],
        issuer: "",
        epoch: "",
    };
    refresh_token::make(macs, name, &refresh_token::Salt([4; 32]))
}

/// Asks for what the endpoint is for. A new endpoint does not compile until it is knocked at here. A grant whose code or
/// token is nobody's, or whose target nobody has, counts as 200 when the client itself was let in.
async fn knock(endpoint: Endpoint, client: &Machine, method: AuthMethod) -> u16 {
    let nobodys = nobodys_refresh_token();
    let (path, form) = match endpoint {
        Endpoint::Authorize => unreachable!("nobody proves themselves there"),
        Endpoint::Token(Grant::AuthorizationCode) => {
            let name = Grant::AuthorizationCode.name();
            ("/token", vec![("grant_type", name), ("code", "nobodys")])
        }
        Endpoint::Token(Grant::RefreshToken) => {
            let name = Grant::RefreshToken.name();
            (
                "/token",
                vec![("grant_type", name), ("refresh_token", nobodys.as_str())],
            )
        }
        Endpoint::Token(Grant::ClientCredentials) => {
            ("/token", vec![("grant_type", Grant::ClientCredentials.name())])
        }
        Endpoint::Token(Grant::TokenExchange) => (
            "/token",
            vec![
                ("grant_type", Grant::TokenExchange.name()),
                ("subject_token", "nobodys"),
                ("subject_token_type", token_request::ACCESS_TOKEN_TYPE),
                ("resource", "urn:nothing"),
            ],
        ),
        Endpoint::Introspect => ("/introspect", vec![("token", "x")]),
        Endpoint::Revoke => ("/revoke", vec![("token", "x")]),
        Endpoint::Feed => {
            // A GET has no form: the header is its only way.
            let mut request = http().get(format!("{}/revocations", client.issuer));
            if method != AuthMethod::None {
                request = request.basic_auth(&client.client_id, Some(&client.secret));
            }
            return request.send().await.expect("an answer").status().as_u16();
        }
    };
    let request = http().post(format!("{}{path}", client.issuer));
    let mut form = form;
    let request = match method {
        AuthMethod::ClientSecretBasic => request.basic_auth(&client.client_id, Some(&client.secret)),
        AuthMethod::ClientSecretPost => {
            form.extend([
                ("client_id", client.client_id.as_str()),
                ("client_secret", &client.secret),
            ]);
            request
        }
        AuthMethod::None => {
            form.push(("client_id", &client.client_id));
            request
        }
    };
    let answer = Answer::of(request.form(&form)).await;
    if ["invalid_grant", "invalid_target"].contains(&answer.code().as_str()) {
        200
    } else {
        answer.status
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    Disabled,
    Removed,
    SecretReplaced,
    MethodChanged,
    MadePublic,
    RightsWithdrawn,
}

const LOSSES: [Loss; 6] = [
    Loss::Disabled,
    Loss::Removed,
    Loss::SecretReplaced,
    Loss::MethodChanged,
    Loss::MadePublic,
    Loss::RightsWithdrawn,
];

async fn lose(server: &IssuerServer, loss: Loss, id: &str, method: AuthMethod) {
    let identity = server.identity();
    let client = ClientId::parse(id).expect("an id");
    match loss {
        Loss::Disabled => drop(
            identity
                .clients()
                .set_enabled(&client, false, "test")
                .await
                .expect("done"),
        ),
        Loss::Removed => identity.clients().remove(&client, "test").await.expect("done"),
        Loss::SecretReplaced => drop(
            identity
                .clients()
                .rotate_secret(&client, "test")
                .await
                .expect("done"),
        ),
        Loss::MethodChanged => {
            let other = match method {
                AuthMethod::ClientSecretBasic => "client_secret_post",
                AuthMethod::ClientSecretPost | AuthMethod::None => "client_secret_basic",
            };
            seed(server, &able(id, other)).await;
        }
        Loss::MadePublic => {
            seed(
                server,
                &format!("[[clients]]\nclient_id = \"{id}\"\ntoken_endpoint_auth_method = \"none\"\n"),
            )
            .await;
        }
        Loss::RightsWithdrawn => {
            let text = able(
                id,
                if method == AuthMethod::ClientSecretPost {
                    "client_secret_post"
                } else {
                    "client_secret_basic"
                },
            );
            let text = text.replace(GRANTS, "").replace("may_introspect = [\"*\"]", "");
            seed(server, &text).await;
        }
    }
}

/// CVE-2026-9798, CVE-2026-16103, CVE-2026-88770, TK-10.
#[tokio::test]
async fn a_client_that_lost_its_standing_gets_nothing_anywhere() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-10 loss × method × endpoint");
    for (method, name) in [
        (AuthMethod::ClientSecretBasic, "client_secret_basic"),
        (AuthMethod::ClientSecretPost, "client_secret_post"),
    ] {
        for loss in LOSSES {
            let id = format!("able-{name}-{loss:?}").to_lowercase();
            seed(&server, &able(&id, name)).await;
            let client = server.machine(&id);
            let knocks: Vec<Endpoint> = Endpoint::proving()
                .filter(|endpoint| *endpoint != Endpoint::Feed || method == AuthMethod::ClientSecretBasic)
                .collect();
            for endpoint in &knocks {
                let got = knock(*endpoint, &client, method).await;
                matrix.cell(format!("{name} × before {loss:?} × {endpoint:?}"), got, 200);
            }
            lose(&server, loss, &id, method).await;
            for endpoint in &knocks {
                let got = knock(*endpoint, &client, method).await;
                let expected = match (loss, endpoint) {
                    // Whoever proves itself may always end its own tokens.
                    (Loss::RightsWithdrawn, Endpoint::Revoke) => 200,
                    (Loss::RightsWithdrawn, Endpoint::Token(_)) => 400,
                    (Loss::RightsWithdrawn, Endpoint::Introspect | Endpoint::Feed) => 403,
                    // It still has its secret, and a secret is taken by either way.
                    (Loss::MethodChanged, _) => 200,
                    _ if method == AuthMethod::ClientSecretPost && !endpoint.always_challenges() => 400,
                    _ => 401,
                };
                matrix.cell(format!("{name} × {loss:?} × {endpoint:?}"), got, expected);
            }
        }
    }
    matrix.end();
    server.stop().await;
}

/// TK-10.
/// The table of checks, on the wire: each endpoint × each check of its column, one thing spoiled at a time.
#[tokio::test]
async fn every_check_of_every_endpoint_is_made_on_the_wire() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-10 endpoint × check");
    for endpoint in Endpoint::proving() {
        for check in endpoint.checks() {
            let id = format!("spoiled-{}", matrix.cells());
            let method = AuthMethod::ClientSecretBasic;
            seed(&server, &able(&id, "client_secret_basic")).await;
            let client = server.machine(&id);
            matrix.cell(
                format!("{endpoint:?} × before {check:?}"),
                knock(endpoint, &client, method).await,
                200,
            );
            let is_token = matches!(endpoint, Endpoint::Token(_));
            let (spoiled, method, expected) = match check {
                Check::NotThrottled => {
                    let wrong = Machine {
                        secret: "wrong".into(),
                        ..client.clone()
                    };
                    for _ in 0..30 {
                        knock(endpoint, &wrong, method).await;
                    }
                    (client, method, 429)
                }
                Check::Known => {
                    lose(&server, Loss::Removed, &id, method).await;
                    (client, method, 401)
                }
                Check::Method => {
                    lose(&server, Loss::MadePublic, &id, method).await;
                    (client, method, 401)
                }
                Check::Secret => (
                    Machine {
                        secret: "wrong".into(),
                        ..client
                    },
                    method,
                    401,
                ),
                Check::Enabled => {
                    lose(&server, Loss::Disabled, &id, method).await;
                    (client, method, 401)
                }
                Check::Confidential => {
                    lose(&server, Loss::MadePublic, &id, method).await;
                    (client, AuthMethod::None, if is_token { 400 } else { 401 })
                }
                Check::Grant => {
                    lose(&server, Loss::RightsWithdrawn, &id, method).await;
                    (client, method, 400)
                }
                Check::MayIntrospect => {
                    lose(&server, Loss::RightsWithdrawn, &id, method).await;
                    (client, method, 403)
                }
            };
            matrix.cell(
                format!("{endpoint:?} × {check:?}"),
                knock(endpoint, &spoiled, method).await,
                expected,
            );
        }
    }
    matrix.end();
    server.stop().await;
}

/// TK-10.
#[tokio::test]
async fn registering_again_does_not_enable_what_an_administrator_disabled() {
    let server = IssuerServer::new().await;
    seed(&server, &able("again", "client_secret_basic")).await;
    let (client, id) = (server.machine("again"), ClientId::parse("again").unwrap());
    server
        .identity()
        .clients()
        .set_enabled(&id, false, "test")
        .await
        .unwrap();
    seed(&server, &able("again", "client_secret_basic")).await;
    for endpoint in Endpoint::proving() {
        assert_eq!(
            knock(endpoint, &client, AuthMethod::ClientSecretBasic).await,
            401,
            "{endpoint:?}"
        );
    }
    let rotated = server
        .identity()
        .clients()
        .rotate_secret(&id, "test")
        .await
        .unwrap();
    assert!(
        rotated.disabled_at.is_some(),
        "whoever gives it a new secret is told that it is disabled"
    );
    let renewed = Machine {
        secret: rotated.client_secret.unwrap(),
        ..client
    };
    for endpoint in Endpoint::proving() {
        assert_eq!(
            knock(endpoint, &renewed, AuthMethod::ClientSecretBasic).await,
            401,
            "{endpoint:?}"
        );
    }
}

/// What a person's token says is looked up live.
/// CVE-2025-64521, CVE-2024-47000, TK-10.
#[tokio::test]
async fn introspection_looks_up_the_user_each_time() {
    let server = IssuerServer::new().await;
    let alice = server.user_id("alice").await;
    let token = server.mint(json!({"sub": alice, "jti": "t1", "fam": "f1"}));
    assert!(server.is_active(&token).await);
    let mut matrix = Matrix::new("TK-10 person × introspection");
    for column in ["disabled_at", "locked_at", "deleted_at"] {
        let set = |value: &str| format!("UPDATE users SET {column} = {value} WHERE id = '{alice}'");
        run_sql(server.db(), set("1")).await.unwrap();
        matrix.cell(column, server.is_active(&token).await, false);
        run_sql(server.db(), set("NULL")).await.unwrap();
        matrix.cell(format!("no {column}"), server.is_active(&token).await, true);
    }
    matrix.cell(
        "nobody",
        server
            .is_active(&server.mint(json!({"sub": "01a1ebbc-0000-7000-8000-0000000000ff"})))
            .await,
        false,
    );
    matrix.cell(
        "a client's name",
        server.is_active(&server.mint(json!({"sub": "m-basic"}))).await,
        false,
    );
    for (what, end) in [
        (
            "family",
            Revocation::Family {
                fam: "f1".into(),
                sid: None,
                client_id: "later".into(),
            },
        ),
        ("subject", Revocation::Subject { sub: alice.clone() }),
    ] {
        if what == "family" {
            run_sql(
                server.db(),
                latchkey_testkit::families::insert("f1", &alice, None),
            )
            .await
            .unwrap();
            assert!(server.is_active(&token).await, "a living family");
        }
        server.end(end).await.unwrap();
        matrix.cell(format!("{what} ended"), server.is_active(&token).await, false);
    }
    // Other tokens of that person end with the subject, and those issued after it live; for a moment another node may not
    // have heard of it.
    matrix.cell(
        "another token of then",
        server
            .is_active(&server.mint(json!({"sub": alice, "jti": "t2"})))
            .await,
        false,
    );
    server.clock.advance(10_000);
    matrix.cell(
        "a token of later",
        server
            .is_active(&server.mint(json!({"sub": alice, "jti": "t3"})))
            .await,
        true,
    );
    matrix.end();
}
