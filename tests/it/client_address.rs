//! Whose address counts where roles stand behind a proxy that was declared.

use latchkey_http::TrustedProxies;

use crate::harness::{Answer, House, http};

/// A house whose proxy is on this host, so that a request is from wherever it says.
async fn behind_a_proxy() -> House {
    House::with(|config| {
        config.trusted_proxies = TrustedProxies::behind(&["127.0.0.0/8", "::1"]).expect("networks");
    })
    .await
}

#[tokio::test]
async fn behind_a_declared_proxy_guesses_are_counted_by_the_forwarded_address() {
    let house = behind_a_proxy().await;
    let guess = async |forwarded_for: &str| {
        let request = http()
            .post(format!("{}/token", house.issuer()))
            .basic_auth("demo-machine", Some("wrong"))
            .header("x-forwarded-for", forwarded_for)
            .form(&[("grant_type", "client_credentials")]);
        Answer::of(request).await.status
    };
    for _ in 0..30 {
        assert_eq!(guess("192.0.2.1").await, 401);
    }
    for (forwarded_for, status) in [
        ("192.0.2.1", 429),
        ("192.0.2.2", 401),
        ("6.6.6.6, 192.0.2.1", 429),
        ("6.6.6.6, 192.0.2.1:4711, 127.0.0.1", 429),
        ("192.0.2.1, garbage", 401),
    ] {
        assert_eq!(guess(forwarded_for).await, status, "{forwarded_for}");
    }
    house.stop().await;
}
