//! Addresses that registrations and requests name are not called.

use std::net::TcpListener;

use latchkey_identity::Seed;
use serde_json::json;

use crate::harness::{Matrix, World};

/// CVE-2026-1180, CVE-2026-4366, CVE-2025-67494, CVE-2026-55671, CVE-2024-49753, CL-02.
/// No address is called because a registration or a request names it. Where a client hears of sign-outs is called when one
/// of its sessions has ended (`logout_tokens.rs`).
#[tokio::test]
async fn no_request_and_no_registration_makes_the_issuer_fetch_anything() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let canary = format!("http://{}/canary", listener.local_addr().unwrap());
    let mut matrix = Matrix::new("CL-02 parameter × place");
    for parameter in [
        "jwks_uri",
        "request_uri",
        "request_uris",
        "sector_identifier_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
        "initiate_login_uri",
        "software_statement",
        "jwks",
    ] {
        for value in [format!("\"{canary}\""), format!("[\"{canary}\"]")] {
            let seed = format!("[[clients]]\nclient_id = \"fetch\"\n{parameter} = {value}\n");
            // A standard name is kept until it is built, any other is refused; neither is ever followed.
            let registered = match Seed::parse(&seed) {
                Ok(seed) => world.identity().seed(seed, "test").await.is_ok(),
                Err(_) => false,
            };
            let checked = ["initiate_login_uri", "backchannel_logout_uri"].contains(&parameter);
            let one_address = !checked || !value.starts_with('[');
            let standard = parameter != "request_uri" && one_address;
            matrix.cell(
                format!("{parameter} = {value} × registration"),
                registered,
                standard,
            );
        }
    }
    for parameter in [
        "request_uri",
        "jwks_uri",
        "resource",
        "client_id",
        "redirect_uri",
        "token",
        "client_assertion",
        "scope",
    ] {
        for path in ["/token", "/introspect", "/revoke"] {
            let form = [(parameter, canary.as_str()), ("grant_type", "client_credentials")];
            let status = world.machine("m-basic").post(path, &form).await.status;
            matrix.hold(format!("{parameter} × {path}"), status < 500, status);
        }
    }
    for header in ["jku", "x5u"] {
        let token = world.mint(json!({}));
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        use base64::Engine;
        let head = json!({"alg": "ES256", "typ": "at+jwt", "kid": "canary", header: canary}).to_string();
        parts[0] = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(head);
        matrix.cell(
            format!("{header} × token"),
            world.is_active(&parts.join(".")).await,
            false,
        );
        let seen = crate::harness::call(&parts.join("."), &world.whoami())
            .await
            .status;
        matrix.cell(format!("{header} × guard"), seen, 401);
    }
    // Everything was answered; whatever would have connected has had its turn.
    let knocked = listener.accept();
    matrix.hold("the canary", knocked.is_err(), &knocked);
    matrix.end();
}
