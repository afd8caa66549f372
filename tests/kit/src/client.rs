//! HTTP clients for tests, and waiting.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The HTTP client of every actor: no redirects, no proxy, a connection for each request.
pub fn http() -> &'static reqwest::Client {
    static HTTP: OnceLock<reqwest::Client> = OnceLock::new();
    HTTP.get_or_init(|| client(reqwest::Client::builder()))
}

/// The same, with what `builder` says, such as the authorities that it trusts.
pub fn client(builder: reqwest::ClientBuilder) -> reqwest::Client {
    build(builder.pool_max_idle_per_host(0))
}

/// A client that keeps its connections, for tests that ask a thousand times.
pub fn pooled() -> reqwest::Client {
    pooled_by(reqwest::Client::builder())
}

/// The same, with what `builder` says.
pub fn pooled_by(builder: reqwest::ClientBuilder) -> reqwest::Client {
    build(builder)
}

fn build(builder: reqwest::ClientBuilder) -> reqwest::Client {
    install_tls();
    builder
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .expect("an HTTP client")
}

/// Chooses the cryptography of TLS for this process.
pub fn install_tls() {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Waits until `condition` holds; the deadline is far beyond what it takes, and passing it is a failure.
///
/// # Panics
/// If it does not hold within twenty seconds.
pub async fn until<F, Fut>(what: &str, condition: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let begun = Instant::now();
    while !condition().await {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{what} did not come true"
        );
        tokio::task::yield_now().await;
    }
}

/// How often a race is repeated: as in every run, or thousands of times (`cargo xtask test --thorough`), which takes
/// hours.
pub fn times(usual: usize, thorough: usize) -> usize {
    match std::env::var_os("TEST_THOROUGH") {
        Some(_) => thorough,
        None => usual,
    }
}
