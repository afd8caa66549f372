//! The composition of an issuer alone, as the composition root does it for the role of identity.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use latchkey_bus::{EventBus, RevocationLog, outbox};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::resource::catalog;
use latchkey_db::Db;
use latchkey_http::outgoing::Outgoing;
use latchkey_http::{Bound, Hosts, Server, probes};
use latchkey_identity::{
    Chore, Identity, KeyWrapper, LONGEST_BODY, MESSAGES, MIGRATIONS, Parts, RsaBits, Seeded,
    error_response_at, resource_of,
};
use latchkey_protocol::metadata::issuer_path;
use latchkey_testkit::issuer::Issuer;
use latchkey_testkit::translations::mirrored;
use latchkey_testkit::{install_tls, until};
use latchkey_web::{COMMON, Messages, Origins};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Options;

/// What runs, in the order in which it is stopped: the relay last, so that what the last requests have written still
/// leaves.
pub struct Running {
    pub seeded: Seeded,
    /// The address of the page of kept mails.
    pub outbox: String,
    /// The passwords of its users, by name.
    pub passwords: BTreeMap<String, String>,
    revocation_log: RevocationLog,
    bus: EventBus,
    db: Db,
    fatal: CancellationToken,
    serving: Group,
    background: Group,
    relay: Group,
}

impl Running {
    pub async fn start(options: &Options, clock: &Clock) -> (Self, Issuer) {
        install_tls();
        let (random, fatal) = (Random::system(), CancellationToken::new());
        let bound = Bound::loopback(0).await.expect("a free port");
        let port = bound.port();
        let issuer = options.issuer.clone();
        let issuer = issuer.unwrap_or_else(|| format!("http://localhost:{port}{}", options.path));
        let bus = EventBus::open(&options.bus(), clock.clone(), random.clone(), fatal.clone())
            .await
            .expect("the bus");
        let revocation_log = RevocationLog::open(
            &options.revocation_log(),
            clock.clone(),
            random.clone(),
            fatal.clone(),
        )
        .await
        .expect("the revocation log");
        let tables = latchkey_db::Options::new(&[MIGRATIONS, outbox::MIGRATIONS]);
        let db = Db::open(&options.database(), tables.fatal(fatal.clone()))
            .await
            .expect("the database");
        let (mut serving, mut background, mut relay) = (Group::default(), Group::default(), Group::default());

        let loopback = ["127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
        let identity = Identity::open(Parts {
            issuer: issuer.clone(),
            origins: Origins::new(std::iter::once(issuer.clone()).chain(loopback)),
            messages: ALL_MESSAGES.clone(),
            db: db.clone(),
            revocation_log: revocation_log.clone(),
            resources: vec![resource_of(&catalog::RESOURCE)],
            key_wrapper: KeyWrapper::new(&options.master_key, random.clone()),
            rsa: RsaBits::default(),
            settings: options.settings.clone(),
            outgoing: Outgoing::new(options.allow_outgoing.clone(), Vec::new()),
            mailing: options.mailing.clone(),
            clock: clock.clone(),
            random: random.clone(),
            stop: serving.stop.clone(),
        })
        .await
        .expect("the issuer opens");
        let seed = options.seed();
        let passwords = seed.passwords();
        let passwords = passwords.map(|(name, password)| (name.to_owned(), password.to_owned()));
        let passwords = passwords.collect();
        let seeded = identity.seed(seed, "seed").await.expect("the seed is written");
        relay.keep("identity_relay", |stop| identity.relay(bus.clone()).run(stop));
        for chore in Chore::ALL {
            let identity = identity.clone();
            background.keep(
                chore.name(),
                |stop| async move { identity.run(chore, stop).await },
            );
        }

        let ready = identity.ready();
        let authority = issuer.split('/').nth(2).unwrap_or_default();
        let mut server = Server::new("identity", Hosts::loopback(port).with(authority), random);
        server.error_response = error_response_at;
        server.limits.body = LONGEST_BODY;
        let router = identity.router().merge(probes::router(ready.clone()));
        serving.keep("identity", |stop| server.serve(bound, router, stop));
        until("the issuer is ready", async || ready.is_ready()).await;

        let admin = Bound::loopback(0).await.expect("a free port");
        let outbox = format!("http://127.0.0.1:{}/outbox", admin.port());
        let server = Server::new("admin", Hosts::loopback(admin.port()), Random::system());
        let router = identity.outbox();
        serving.keep("admin", |stop| server.serve(admin, router, stop));

        let inside = Issuer::new(
            identity,
            clock.clone(),
            format!("http://127.0.0.1:{port}{}", issuer_path(&issuer)),
        );
        let running = Self {
            outbox,
            seeded,
            passwords,
            revocation_log,
            bus,
            db,
            fatal,
            serving,
            background,
            relay,
        };
        (running, inside)
    }

    /// What has ended though nobody has asked it to.
    pub fn lost(&self) -> Option<&'static str> {
        if self.fatal.is_cancelled() {
            return Some("the disk");
        }
        let groups = [&self.serving, &self.background, &self.relay];
        groups.into_iter().find_map(Group::lost)
    }

    pub async fn stop(self) {
        self.serving.stop().await;
        self.background.stop().await;
        self.relay.stop().await;
        self.db.close().await;
        self.bus.close().await;
        self.revocation_log.close().await;
    }
}

/// Tasks that are stopped together.
#[derive(Default)]
struct Group {
    stop: CancellationToken,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl Group {
    fn keep<F, Fut>(&mut self, name: &'static str, make: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push((name, tokio::spawn(make(self.stop.clone()))));
    }

    fn lost(&self) -> Option<&'static str> {
        let mut tasks = self.tasks.iter();
        tasks.find(|(_, task)| task.is_finished()).map(|(name, _)| *name)
    }

    async fn stop(self) {
        self.stop.cancel();
        for (name, task) in self.tasks {
            task.await.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// Those of the issuer, and a language from right to left that only tests speak.
static ALL_MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let english = [COMMON[0], MESSAGES[0]];
    let all = [COMMON.as_slice(), &MESSAGES, &mirrored(&english)].concat();
    Messages::read(&all).expect("messages")
});
