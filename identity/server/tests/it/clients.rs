//! The registration of clients: who can register, and what no registration gets.

use latchkey_identity::Seed;
use serde_json::json;

use crate::discovery::DOCUMENTS;
use crate::harness::{Answer, IssuerServer, Matrix, anonymous, http, secret_of};

/// CL-01.
#[tokio::test]
async fn nobody_can_register_a_client_over_the_wire() {
    let server = IssuerServer::new().await;
    let before = server.identity().clients().list().await.unwrap().len();
    let body = json!({
        "client_id": "mallory", "client_name": "Mallory", "redirect_uris": ["https://evil.test/cb"],
        "grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_basic",
        "skip_consent": true, "first_party": true, "may_introspect": ["*"], "require_pkce": false,
    });
    let mut matrix = Matrix::new("CL-01 address × method × caller");
    for path in [
        "/register",
        "/register/mallory",
        "/connect/register",
        "/clients",
        "/clients/mallory",
        "/client",
        "/admin/clients",
        "/api/clients",
        "/oauth/register",
        "/oidc/register",
        "/registration",
        "/.well-known/register",
    ] {
        for method in ["POST", "PUT", "PATCH", "GET", "DELETE"] {
            for (who, basic) in [("anonymous", None), ("a client", Some("rs-all"))] {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let mut request = http()
                    .request(method.clone(), format!("{}{path}", server.url()))
                    .json(&body);
                if let Some(id) = basic {
                    request = request.basic_auth(id, Some(secret_of(id)));
                }
                let (cell, status) = (
                    format!("{method} {path} × {who}"),
                    Answer::of(request).await.status,
                );
                match path {
                    // The page on which people register.
                    "/register" => matrix.hold(cell, (400..500).contains(&status), "it is taken"),
                    _ => matrix.cell(cell, status, 404),
                }
            }
        }
    }
    matrix.end();
    assert_eq!(server.identity().clients().list().await.unwrap().len(), before);
    let document = anonymous(&format!("{}{}", server.url(), DOCUMENTS[0]))
        .await
        .json();
    assert!(document.get("registration_endpoint").is_none());
}

/// CL-05.
/// A name means one resource: else a token for one would be a token for another.
#[tokio::test]
async fn no_resource_takes_the_name_of_another() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("CL-05 resource × name that is taken");
    let issuer = server.issuer().to_owned();
    for (what, name) in [
        ("an identifier of the installation", "urn:latchkey:catalog"),
        ("an identifier of its future", "urn:latchkey:order"),
        ("an identifier", "urn:test:orders"),
        ("an alias", "https://orders.test/api"),
        ("the issuer", issuer.as_str()),
    ] {
        for seed in [
            format!("[[resources]]\nidentifier = \"https://evil.test\"\naliases = [\"{name}\"]\n"),
            format!(
                "[[resources]]\nidentifier = \"https://evil.test\"\naliases = [\"urn:fine\", \"{name}\"]\n"
            ),
        ] {
            let seeded = server.identity().seed(Seed::parse(&seed).unwrap(), "test").await;
            matrix.hold(format!("alias × {what}"), seeded.is_err(), "it was accepted");
        }
    }
    for (what, name) in [
        ("an alias", "https://orders.test/api"),
        ("the issuer", &issuer),
        ("the installation", "urn:latchkey:x"),
    ] {
        let seed = format!("[[resources]]\nidentifier = \"{name}\"\nscopes = [\"x\"]\n");
        let seeded = server.identity().seed(Seed::parse(&seed).unwrap(), "test").await;
        matrix.hold(format!("identifier × {what}"), seeded.is_err(), "it was accepted");
    }
    let twice = "[[resources]]\nidentifier = \"urn:a\"\n[[resources]]\nidentifier = \"urn:b\"\naliases = [\"urn:a\"]\n";
    let seeded = server.identity().seed(Seed::parse(twice).unwrap(), "test").await;
    matrix.hold("within one seed", seeded.is_err(), "it was accepted");
    let again = "[[resources]]\nidentifier = \"urn:test:orders\"\naliases = [\"https://orders.test/api\"]\nscopes = [\"order.read\"]\n";
    let seeded = server.identity().seed(Seed::parse(again).unwrap(), "test").await;
    matrix.hold("its own names again", seeded.is_ok(), &seeded);
    matrix.end();
}

/// TK-07.
#[tokio::test]
async fn no_registration_can_hold_the_grants_that_do_not_exist() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-07 registration × grant");
    for (grant, method, accepted) in [
        ("password", "client_secret_basic", false),
        ("implicit", "client_secret_basic", false),
        ("client_credentials", "none", false),
        ("client_credentials", "client_secret_basic", true),
        ("client_credentials", "client_secret_post", true),
    ] {
        let seed = format!(
            "[[clients]]\nclient_id = \"new-{grant}\"\ngrant_types = [\"{grant}\"]\n\
             token_endpoint_auth_method = \"{method}\"\n"
        );
        let seeded = server
            .identity()
            .seed(Seed::parse(&seed).expect("TOML"), "test")
            .await;
        matrix.hold(format!("{grant} × {method}"), seeded.is_ok() == accepted, &seeded);
    }
    matrix.end();
}
