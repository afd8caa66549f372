//! An issuer that the harness runs: tokens that ours would never issue, at a catalog that trusts it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// An issuer with one ES256 key and a JWKS endpoint.
pub struct TestIssuer {
    pub url: String,
    /// Its key set.
    pub jwks: String,
    pair: EcdsaKeyPair,
    stop: CancellationToken,
}

impl TestIssuer {
    pub async fn start() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("a key");
        let point = pair.public_key().as_ref();
        let jwks = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test",
            "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]),
        }]})
        .to_string();
        let served = jwks.clone();
        let router = axum::Router::new().route("/jwks", axum::routing::get(async move || served));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            serving.await.expect("the test issuer serves");
        });
        Self {
            url,
            jwks,
            pair,
            stop,
        }
    }

    /// A person's token for the catalog, with these changes to its claims.
    pub fn token(&self, now_s: i64, changes: Value) -> String {
        let mut claims = json!({
            "iss": self.url, "sub": "01a1ebbc-0000-7000-8000-000000000001", "aud": "urn:latchkey:catalog",
            "client_id": "storefront", "iat": now_s, "exp": now_s + 300, "jti": format!("j{now_s}"),
        });
        let changes = changes.as_object().expect("claims").clone();
        claims.as_object_mut().expect("claims").extend(changes);
        self.sign(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "test"}), &claims)
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            B64.encode(header.to_string()),
            B64.encode(claims.to_string())
        );
        let signature = self
            .pair
            .sign(&SystemRandom::new(), text.as_bytes())
            .expect("a signature");
        format!("{text}.{}", B64.encode(signature.as_ref()))
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
