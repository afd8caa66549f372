//! A server of its own for each test: every role in this process. What does not need one is in `latchkey-testkit`.

mod app;
mod certificates;
mod leftovers;
mod process;
mod proxy;
mod webdriver;
mod world;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use latchkey::config::{Config, Role};
use latchkey::{DemoFile, Running, start};
use latchkey_clock::{Clock, Random};
use tempfile::TempDir;

pub use certificates::{Authority, Served, put, read, said, served};
pub use latchkey_testkit::database::{lines, lines_of, run, run_sql};
pub use latchkey_testkit::issuer::{CATALOG, Issuer, ORDERS, secret_of};
pub use latchkey_testkit::jwt::{claims, header, signature};
pub use latchkey_testkit::wire::raw;
pub use latchkey_testkit::{
    Answer, App, Browser, Machine, Matrix, Seen, TestIssuer, Tokens, VERIFIER, anonymous, call, callback,
    client, free_port, http, logged, pooled, times, until,
};
pub use process::{Ended, Process};
pub use proxy::{AUTHORITY, EDGE as EDGE_NAME, ISSUER as ISSUER_NAME, Program, Proxy, Site};
pub use webdriver::{Chromium, ENTER, TAB};
pub use world::World;

/// Makes a test on SQLite and one on PostgreSQL of each function that takes a [`TestServer`].
macro_rules! on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::harness::TestServer::new().await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::harness::TestServer::on_postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// Every role in this process, on free ports and a data folder of its own, with a clock that the test moves.
///
/// When it stops, no event is left behind and no task was given up ([`TestServer::leaves`] says otherwise).
pub struct TestServer {
    pub running: Option<Running>,
    pub clock: Clock,
    config: Config,
    /// What its test leaves behind on purpose.
    leaves: OnceLock<&'static str>,
    _folder: TempDir,
}

/// Where the clocks of servers begin: 2026-11-20.
pub const BEGINNING: i64 = 1_795_132_800_000;

impl TestServer {
    /// A server as `latchkey up` builds it.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same on PostgreSQL, each role in a database of its own.
    pub async fn on_postgres() -> Self {
        Self::on_postgres_with(|_| {}).await
    }

    /// A server on PostgreSQL with a changed configuration.
    pub async fn on_postgres_with(change: impl FnOnce(&mut Config)) -> Self {
        let roles = Role::all().into_iter().map(async |role| {
            let name = format!("server_{}", role.name());
            (role, postgres(&name).await)
        });
        let (bus, databases) =
            futures::future::join(postgres("server_bus"), futures::future::join_all(roles)).await;
        Self::with(move |config| {
            config.bus = bus;
            for (role, url) in databases {
                if !config[role].database.is_empty() {
                    config[role].database = url;
                }
            }
            change(config);
        })
        .await
    }

    /// A server with a changed configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_clock(Clock::manual(BEGINNING), change).await
    }

    /// A server that plays this one role, which `self` does without: it has its databases, its bus and its configuration,
    /// but for what `change` says.
    pub async fn apart(&self, clock: Clock, role: Role, change: impl FnOnce(&mut Config)) -> Self {
        let (whole, urls) = (self.config.clone(), self.running().urls.clone());
        Self::with_clock(clock, |config| {
            // The folder is locked by the server that it belongs to.
            let data = std::mem::replace(config, whole).data;
            config.data = data.with_file_name("apart");
            config.demo = false;
            config.roles = vec![role];
            config.seeds.clear();
            config.api_url = urls.shop;
            config[Role::Identity].url = urls.services.get("identity").cloned();
            config.issuer = Some(urls.issuer);
            change(config);
        })
        .await
    }

    async fn with_clock(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        latchkey_testkit::keep_log();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::up(folder.path().join("data"), folder.path().join("keys"), [0, 0, 0]);
        change(&mut config);
        let running = start(config.clone(), clock.clone(), Random::system())
            .await
            .expect("the server starts");
        Self {
            running: Some(running),
            clock,
            config,
            leaves: OnceLock::new(),
            _folder: folder,
        }
    }

    /// The folder of its data and keys.
    pub fn folder(&self) -> &std::path::Path {
        self._folder.path()
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("the server is running")
    }

    /// The URL of a role's database.
    pub fn database(&self, role: Role) -> &str {
        &self.config[role].database
    }

    /// The URL of the event bus.
    pub fn bus(&self) -> &str {
        &self.config.bus
    }

    pub fn demo(&self) -> &DemoFile {
        self.running().demo.as_ref().expect("this server is a demo")
    }

    pub fn issuer(&self) -> &str {
        &self.running().urls.issuer
    }

    pub fn api(&self) -> String {
        format!(
            "{}/api",
            self.running().urls.shop.as_deref().expect("the edge is up")
        )
    }

    /// A client of the demo.
    pub fn machine(&self, client_id: &str) -> Machine {
        let client = self
            .demo()
            .clients
            .iter()
            .find(|client| client.client_id == client_id);
        let client = client.expect("a demo client");
        Machine {
            issuer: self.issuer().to_owned(),
            client_id: client.client_id.clone(),
            secret: client.client_secret.clone().unwrap_or_default(),
        }
    }

    /// The issuer, which is played here.
    pub fn inside(&self) -> Issuer {
        let running = self.running();
        let identity = running.identity.clone().expect("identity is played here");
        Issuer::new(
            identity,
            self.clock.clone(),
            running.urls.services["identity"].clone(),
        )
    }

    /// Says that this test breaks the server, and what is left behind of it when it stops.
    pub fn leaves(&self, what: &'static str) {
        self.leaves.set(what).expect("it is said once");
    }

    /// Stops in good order.
    pub async fn stop(mut self) {
        self.end().await;
    }

    async fn end(&mut self) {
        self.assert_every_task_is_kept();
        if let Some(running) = self.running.take() {
            running.stop().await;
            if self.leaves.get().is_none() {
                leftovers::assert_none(&self.config).await;
            }
        }
    }

    fn assert_every_task_is_kept(&self) {
        if let (Some(running), None) = (&self.running, self.leaves.get()) {
            let broken = running.broken().now_or_never();
            assert_eq!(broken, None, "the process would have ended");
        }
    }
}

/// A test that ends without [`TestServer::stop`] cannot wait for what is under way, but for a lost task nobody has to
/// wait.
impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_every_task_is_kept();
        }
    }
}

/// The broker of this run, with names that nobody else has there.
pub fn broker(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    #[expect(
        clippy::disallowed_methods,
        reason = "the one thing that a test run tells its tests"
    )]
    let broker = std::env::var("TEST_RABBITMQ_URL");
    let broker = broker.expect("TEST_RABBITMQ_URL names no broker: run the tests with `cargo xtask test`");
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{broker}?prefix={name}-{}-{number}", std::process::id())
}

/// A fresh PostgreSQL database of this run's server.
pub async fn postgres(name: &str) -> String {
    latchkey_db::testing::postgres_url(name).await
}
