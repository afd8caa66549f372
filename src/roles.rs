//! The composition of each role. [`Starting`] has what they share; each role has a file.

mod admin;
mod edge_routes;
mod edge_sign_in;
mod gateway;
mod guard;
mod identity;
mod readings;
pub(crate) mod service;
pub(crate) mod storefront;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use latchkey_bus::{EventBus, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options};
use latchkey_guard::Guard;
use latchkey_http::probes::Ready;
use latchkey_http::{Bound, Hosts, Limits, ProxyHeader, Server};
use latchkey_identity::{Identity, Seed, Seeded};
use latchkey_kit::ServiceSpec;
use latchkey_metrics::labels;
use latchkey_web::Origins;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Role};
use crate::error::{StartError, database_name};
use crate::running::{Running, Urls};
use crate::supervise::{Lost, Supervisor};
use crate::{descriptors, telemetry, tls};

/// The listeners of all roles, bound before anything else.
pub(crate) type Listeners = BTreeMap<Role, Bound>;

/// A process that is starting.
pub(crate) struct Starting {
    config: Config,
    listeners: Listeners,
    /// The maximum number of connections per listener, from the descriptors of this process.
    connections: usize,
    clock: Clock,
    random: Random,
    tls: tls::Material,
    export: Option<latchkey_telemetry::Export>,
    bus: EventBus,
    revocation_log: RevocationLog,
    urls: Urls,
    /// The edge's listener in this process, as other roles reach it.
    edge: Option<String>,
    identity: Option<Identity>,
    databases: Vec<Db>,
    ready: Vec<(&'static str, Ready)>,
    guards: Vec<(&'static str, Guard)>,
    fatal: CancellationToken,
    lost: Lost,
    /// What others are reached through stops first: its requests in progress need those behind it.
    edge_serving: Supervisor,
    /// Tells the edge to read its routes again.
    reload_routes: Arc<Notify>,
    serving: Supervisor,
    background: Supervisor,
    relays: Supervisor,
}

impl Starting {
    /// Opens what all roles share.
    pub async fn new(
        config: Config,
        listeners: Listeners,
        clock: Clock,
        random: Random,
    ) -> Result<Self, StartError> {
        let connections = descriptors::per_listener(descriptors::raise(), listeners.len());
        let names = listeners.keys().map(|role| role.name()).collect();
        let tls = tls::material(&config, names, &clock)?;
        let export = telemetry::export(&config, &tls, &random)?;
        let fatal = CancellationToken::new();
        let lost = Lost::default();
        let bus = EventBus::open(&config.bus, clock.clone(), random.clone(), fatal.clone())
            .await
            .map_err(|source| StartError::Bus {
                database: database_name(&config.bus),
                source,
            })?;
        // Before anything is published that they are to handle.
        let consumers = config.played().flat_map(|spec| spec.consumers);
        let groups: Vec<_> = consumers.map(|consumer| (consumer.group)()).collect();
        bus.enroll(&groups).await.map_err(|source| StartError::Bus {
            database: database_name(&config.bus),
            source,
        })?;
        let log = config.revocation_log();
        let revocation_log = RevocationLog::open(&log, clock.clone(), random.clone(), fatal.clone())
            .await
            .map_err(|source| StartError::RevocationLog {
                database: database_name(&log),
                source,
            })?;
        let urls = urls(&config, &listeners, &tls);
        let background = Supervisor::new(lost.clone());
        let serving = Supervisor::new(lost.clone());
        let edge = listeners
            .get(&Role::Gateway)
            .map(|bound| format!("{}://127.0.0.1:{}", tls.scheme(), bound.port()));
        Ok(Self {
            config,
            listeners,
            connections,
            clock,
            random,
            tls,
            export,
            bus,
            revocation_log,
            urls,
            edge,
            identity: None,
            databases: Vec::new(),
            ready: Vec::new(),
            guards: Vec::new(),
            fatal,
            edge_serving: serving.beside(),
            reload_routes: Arc::default(),
            serving,
            relays: background.beside(),
            background,
            lost,
        })
    }

    /// Starts identity first, then the roles that depend on it, then the edge; returns when every role is ready.
    pub async fn start(&mut self, seed: Seed) -> Result<Seeded, StartError> {
        let mut seeded = Seeded::default();
        self.certificates();
        if let Some(bound) = self.listeners.remove(&Role::Identity) {
            seeded = self.identity(bound, seed).await?;
        }
        let services: Vec<&'static ServiceSpec> = self.config.played().collect();
        for spec in services {
            if let Some(bound) = self.listeners.remove(&Role::Service(spec.name())) {
                self.service(spec, bound, &seeded).await?;
            }
        }
        if let Some(bound) = self.listeners.remove(&Role::Storefront) {
            self.storefront(bound).await?;
        }
        if let Some(bound) = self.listeners.remove(&Role::Gateway) {
            self.gateway(bound).await?;
        }
        if let Some(bound) = self.listeners.remove(&Role::Admin) {
            self.admin(bound);
        }
        for (role, ready) in &self.ready {
            wait_ready(role, ready)
                .await
                .map_err(|error| self.with_reason(error))?;
        }
        Ok(seeded)
    }

    /// Keeps the certificate of the listeners up.
    fn certificates(&self) {
        if let Some(watch) = self.tls.watch.clone() {
            self.background
                .keep("tls_certificate", move |stop| watch.clone().run(stop));
        }
        if let Some(directory) = self.tls.directory.clone() {
            self.background
                .keep("tls_acme", move |stop| directory.clone().run(stop));
        }
    }

    /// Adds the reason why a role did not become ready, if it is known.
    fn with_reason(&self, error: StartError) -> StartError {
        let StartError::NotReady(role, _) = error else {
            return error;
        };
        let identity = self.identity.as_ref().filter(|_| role == Role::Identity.name());
        let guard = self.guards.iter().find(|(of, _)| *of == role);
        let reason = match (identity, guard) {
            (Some(identity), _) => identity.why_not_ready(),
            (None, Some((_, guard))) => guard.readiness().err().map(|reason| reason.to_string()),
            (None, None) => None,
        };
        StartError::NotReady(
            role,
            reason.map(|reason| format!(": {reason}")).unwrap_or_default(),
        )
    }

    pub fn into_running(self) -> Running {
        Running {
            urls: self.urls,
            identity: self.identity,
            bus: self.bus,
            revocation_log: self.revocation_log,
            demo: None,
            demo_path: None,
            lock: None,
            fatal: self.fatal,
            lost: self.lost,
            edge_serving: self.edge_serving,
            reload_routes: self.reload_routes,
            certificate: self.tls.watch,
            serving: self.serving,
            background: self.background,
            relays: self.relays,
            databases: self.databases,
            export: self.export,
        }
    }

    /// The origins by which browsers reach a site: its public one, and on loopback the other names of this machine.
    fn origins(&self, public: &str, port: u16) -> Origins {
        let port = port_of(public).unwrap_or(port);
        let loopback = ["127.0.0.1", "[::1]"].map(|host| format!("{}://{host}:{port}", self.tls.scheme()));
        let is_loopback = url::Url::parse(public)
            .is_ok_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")));
        let own = std::iter::once(public.to_owned());
        Origins::new(own.chain(loopback.into_iter().filter(|_| is_loopback)))
    }

    async fn open(
        &mut self,
        role: Role,
        url: &str,
        tables: &[latchkey_db::Migrations],
    ) -> Result<Db, StartError> {
        let options = Options::new(tables).role(labels::Role::of(role.name()));
        let db = Db::open(url, options.fatal(self.fatal.clone()))
            .await
            .map_err(|source| StartError::Db {
                database: database_name(url),
                source,
            })?;
        self.databases.push(db.clone());
        Ok(db)
    }

    /// The address at which other roles reach this one: as configured, or its listener in this process.
    fn reached(&self, role: Role) -> Option<String> {
        let configured = self.config[role].url.clone();
        configured.or_else(|| self.urls.services.get(role.name()).cloned())
    }

    /// The origin at which roles reach the edge: as configured, its listener in this process, or its public one.
    fn edge_url(&self) -> Option<String> {
        let configured = self.config.api_url.clone().or_else(|| self.edge.clone());
        configured.or_else(|| self.urls.shop.clone())
    }

    /// The address at which other roles reach identity.
    fn identity_url(&self) -> String {
        self.reached(Role::Identity)
            .unwrap_or_else(|| self.urls.issuer.clone())
    }

    /// Loopback names, the public name of the role, and the operator's additions.
    fn hosts(&self, bound: &Bound, public: Option<&str>) -> Hosts {
        let mut hosts = Hosts::loopback(bound.port());
        let public = public.and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        if let Some(authority) = public.and_then(|rest| rest.split('/').next()) {
            hosts = hosts.with(authority);
        }
        self.config
            .hosts
            .iter()
            .fold(hosts, |hosts, name| hosts.with(name))
    }

    fn serve(&self, role: Role, bound: Bound, hosts: Hosts, limits: Limits, router: Router) {
        let mut server = Server::new(role.name(), hosts, self.random.clone());
        server.limits = Limits {
            connections: limits.connections.min(self.connections),
            linger: self.config.linger,
            ..limits
        };
        server.tls = self.tls.server.clone();
        server.proxies = self.config.trusted_proxies.clone();
        if role != Role::Admin {
            // What the administrator's listener answers is asked every few seconds, and is no part of anything.
            server.traces = telemetry::traces(&self.config, self.export.as_ref());
        }

        server.proxies_only = self.config.behind_proxy;
        server.proxy_protocol = self.config[role].proxy_protocol;
        // Services are behind our gateway: they keep its request id, and trust its client address. A gateway in another
        // process is a proxy like any other, and must be declared.
        server.keeps_request_id = role.is_service() || role == Role::Storefront;
        if server.keeps_request_id {
            // Whatever is in front of the gateway: it speaks one header itself.
            server.proxies = server.proxies.speaking(ProxyHeader::XForwarded);
            if self.config.roles.contains(&Role::Gateway) {
                server.proxies = server.proxies.and_loopback();
            }
        }
        if role == Role::Identity {
            server.path = latchkey_protocol::metadata::issuer_path(&self.urls.issuer).to_owned();
            server.error_response = latchkey_identity::error_response_at;
        }
        let supervisor = match role {
            Role::Gateway => &self.edge_serving,
            Role::Identity | Role::Service(_) | Role::Storefront | Role::Admin => &self.serving,
        };
        let serving = server.serve(bound, router, supervisor.stopping());
        supervisor.once(role.name(), serving);
    }
}

/// The name of a service's background task. There is one for each in the lifetime of a process, so it is never freed.
fn task(role: Role, what: &str) -> &'static str {
    format!("{}_{what}", role.name()).leak()
}

/// Waits until a role is ready.
async fn wait_ready(role: &'static str, ready: &Ready) -> Result<(), StartError> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let waiting = async {
        while !ready.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .map_err(|_| StartError::NotReady(role, String::new()))
}

/// The port of a URL, if it has one.
fn port_of(url: &str) -> Option<u16> {
    url::Url::parse(url).ok()?.port_or_known_default()
}

/// The public and internal addresses of the bound listeners.
fn urls(config: &Config, listeners: &Listeners, tls: &tls::Material) -> Urls {
    let scheme = tls.scheme();
    let local = |role: Role, host: &str| {
        listeners
            .get(&role)
            .map(|bound| format!("{scheme}://{host}:{}", bound.port()))
    };
    let mut services = BTreeMap::new();
    let reachable = |role: &Role| role.is_service() || matches!(role, Role::Identity | Role::Storefront);
    for role in Role::all_of(config.services).into_iter().filter(reachable) {
        if let Some(mut url) = local(role, "127.0.0.1") {
            if let (Role::Identity, Some(issuer)) = (role, &config.issuer) {
                url.push_str(latchkey_protocol::metadata::issuer_path(issuer));
            }
            services.insert(role.name().to_owned(), url);
        }
    }
    let issuer = config
        .issuer
        .clone()
        .or_else(|| local(Role::Identity, "localhost"));
    Urls {
        issuer: issuer
            .or_else(|| config[Role::Identity].url.clone())
            .unwrap_or_default(),
        shop: config
            .origin
            .clone()
            .or_else(|| local(Role::Gateway, "localhost")),
        admin: local(Role::Admin, "localhost"),
        services,
        ca_file: tls.ca_file.clone(),
    }
}
