//! An issuer that is only a key set: it signs tokens that ours would never issue, for a service that trusts it.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::mint::{Signer, jwks};

/// An issuer with one ES256 key and a JWKS endpoint.
pub struct TestIssuer {
    pub url: String,
    /// Its key set.
    pub jwks: String,
    signer: Signer,
    stop: CancellationToken,
}

impl TestIssuer {
    pub async fn start() -> Self {
        let signer = Signer::ec("test");
        let jwks = jwks(&[&signer]);
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
            signer,
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
        self.signer.token(&claims)
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.signer.jws(&header.to_string(), &claims.to_string())
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
