//! An issuer of its own for each test, without any other role: the real router behind the real listener, on a free
//! port, with its relay and its background loops, and with a clock that the test moves.

pub mod authenticator;
mod mailbox;
pub mod op;
mod running;
pub mod second;
pub mod smtp;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use latchkey_clock::Clock;
use latchkey_http::outgoing::Destination;
use latchkey_identity::{Mailing, Seed, Settings};
use latchkey_testkit::database::assert_nothing_left;
use latchkey_testkit::issuer::seed;
use tempfile::TempDir;

pub use latchkey_testkit::database::{lines, lines_of, run, run_sql};
pub use latchkey_testkit::issuer::{CATALOG, Issuer, ORDERS, ORDERS_ALIAS, secret_of};
pub use latchkey_testkit::jwt::{claims, header};
pub use latchkey_testkit::wire::{comparable, raw};
pub use latchkey_testkit::{
    Answer, App, Browser, Callback, Machine, Matrix, Seen, TestIssuer, Tokens, VERIFIER, anonymous, callback,
    challenge, client, digest, http, pooled, times, until,
};

use running::Running;

/// Makes a test on SQLite and one on PostgreSQL of each function that takes an [`IssuerServer`].
macro_rules! on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::harness::IssuerServer::new().await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::harness::IssuerServer::on_postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// Where the clocks of issuers begin: 2026-11-20.
pub const BEGINNING: i64 = 1_795_132_800_000;

/// What differs between two issuers.
pub struct Options {
    /// The folder of its databases, where they are files.
    pub data: PathBuf,
    /// The database of another engine.
    pub database: Option<String>,
    /// The bus of another engine; the revocation log is there, too.
    pub bus: Option<String>,
    pub master_key: [u8; 32],
    /// A public address other than that of its listener.
    pub issuer: Option<String>,
    /// The path of an issuer at the address of its listener.
    pub path: String,
    /// Resources, clients and users besides those of every issuer.
    pub seed: String,
    /// What the operator decides about people.
    pub settings: Settings,
    /// Addresses inside that it may call.
    pub allow_outgoing: Vec<Destination>,
    /// What becomes of mails.
    pub mailing: Mailing,
}

impl Options {
    fn file(&self, name: &str) -> String {
        format!("sqlite:{}", self.data.join(name).display())
    }

    fn database(&self) -> String {
        self.database.clone().unwrap_or_else(|| self.file("identity.db"))
    }

    fn bus(&self) -> String {
        self.bus.clone().unwrap_or_else(|| self.file("bus.db"))
    }

    fn revocation_log(&self) -> String {
        self.bus.clone().unwrap_or_else(|| self.file("revocations.db"))
    }

    fn seed(&self) -> Seed {
        let mut usual = Seed::parse(include_str!("seed.toml")).expect("a seed");
        let without: Vec<_> = usual.clients_without_secret().cloned().collect();
        for id in without {
            usual.set_secret(&id, &secret_of(id.as_str()));
        }
        let more = [seed(), self.seed.clone()];
        let more = more.iter().map(|text| Seed::parse(text).expect("a seed"));
        more.fold(usual, Seed::and)
    }
}

/// An issuer that is running. What it has in it is reached by [`Issuer`].
///
/// When it stops, no event is left behind and no task has ended before ([`IssuerServer::leaves`] says otherwise).
pub struct IssuerServer {
    pub clock: Clock,
    inside: Issuer,
    running: Option<Running>,
    options: Options,
    /// What its test leaves behind on purpose.
    leaves: OnceLock<&'static str>,
    _folder: TempDir,
}

impl IssuerServer {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn on_postgres() -> Self {
        Self::on_postgres_with(|_| {}).await
    }

    pub async fn on_postgres_with(change: impl FnOnce(&mut Options)) -> Self {
        let (identity, bus) = futures::join!(postgres("issuer"), postgres("issuer_bus"));
        Self::with(move |options| {
            options.database = Some(identity);
            options.bus = Some(bus);
            change(options);
        })
        .await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        latchkey_testkit::keep_log();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = Options {
            data: folder.path().to_owned(),
            database: None,
            bus: None,
            master_key: [7; 32],
            issuer: None,
            path: String::new(),
            seed: String::new(),
            settings: Settings::default(),
            allow_outgoing: Vec::new(),
            mailing: Mailing::Kept,
        };
        change(&mut options);
        let clock = Clock::manual(BEGINNING);
        let (running, inside) = Running::start(&options, &clock).await;
        Self {
            clock,
            inside,
            running: Some(running),
            options,
            leaves: OnceLock::new(),
            _folder: folder,
        }
    }

    /// An issuer whose files stay in `home` when it is stopped, so that another can begin where it ended.
    pub async fn at(home: &Path, issuer: &str) -> Self {
        Self::with(|options| {
            options.data = home.to_owned();
            options.issuer = Some(issuer.to_owned());
        })
        .await
    }

    /// Stops, and starts again on the same data at the same time. Its port is another.
    pub async fn restarted(mut self) -> Self {
        self.end().await;
        let (running, inside) = Running::start(&self.options, &self.clock).await;
        self.running = Some(running);
        self.inside = inside;
        self
    }

    /// Its public address.
    pub fn issuer(&self) -> &str {
        self.identity().issuer()
    }

    /// A client of the seed with this scope.
    pub fn app(&self, client_id: &str, scope: &str) -> App {
        let clients = &self.running().seeded.clients;
        let client = clients
            .iter()
            .find(|client| client.metadata.client_id.as_str() == client_id)
            .expect("a client");
        App {
            issuer: self.issuer().to_owned(),
            client_id: client_id.to_owned(),
            secret: client.secret.clone(),
            redirect_uri: client
                .metadata
                .redirect_uris
                .first()
                .expect("a redirect URI")
                .clone(),
            scope: scope.to_owned(),
        }
    }

    /// User name and password of a person.
    pub fn person(&self, username: &str) -> (&str, &str) {
        let passwords = &self.running().passwords;
        let (username, password) = passwords.get_key_value(username).expect("a person");
        (username, password)
    }

    /// Signs the person in this browser out, by the issuer's own page.
    pub async fn sign_out(&self, browser: &Browser) {
        browser.sign_out(self.issuer()).await;
    }

    /// Says that this test breaks the issuer, and what is left behind of it when it stops.
    pub fn leaves(&self, what: &'static str) {
        self.leaves.set(what).expect("it is said once");
    }

    /// Stops in good order.
    pub async fn stop(mut self) {
        self.end().await;
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the issuer is running")
    }

    async fn end(&mut self) {
        self.assert_every_task_is_kept();
        if let Some(running) = self.running.take() {
            running.stop().await;
            if self.leaves.get().is_none() {
                assert_nothing_left(&[&self.options.database()], &self.options.bus()).await;
            }
        }
    }

    fn assert_every_task_is_kept(&self) {
        if let (Some(running), None) = (&self.running, self.leaves.get()) {
            assert_eq!(running.lost(), None, "the process would have ended");
        }
    }
}

impl Deref for IssuerServer {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.inside
    }
}

/// A test that ends without [`IssuerServer::stop`] cannot wait for what is under way, but for a lost task nobody has to
/// wait.
impl Drop for IssuerServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_every_task_is_kept();
        }
    }
}

/// A fresh PostgreSQL database of this run's server.
pub async fn postgres(name: &str) -> String {
    latchkey_db::testing::postgres_url(name).await
}
