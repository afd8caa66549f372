//! The composition of each role.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use latchkey_bus::{EventBus, Relay, RevocationLog};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::events::revocation::Revocation;
use latchkey_db::{Db, Options};
use latchkey_gateway::{Gateway, Origin, Route, Routes};
use latchkey_guard::{Connection, Endpoints, Guard, GuardHealth, Keys, Signals};
use latchkey_http::outgoing::{Destination, Outgoing, Purpose};
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, Hosts, Limits, Problem, Server};
use latchkey_identity::{Chore, ClientSecret, Identity, IdentityError, KeyWrapper, Parts, Seed, Seeded};
use latchkey_kit::{Context, DemoUser, ServiceSpec};
use latchkey_protocol::metadata::path;
use latchkey_relying_party::{Logins, Oidc, Registration, Seal, SessionRef, Store, path as shop_path};
use latchkey_storefront::{CLIENT as SHOP, Storefront};
use latchkey_web::Origins;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, GuardClient, Role, Signals as Source};
use crate::error::{StartError, database_name};
use crate::running::{Running, Urls};
use crate::supervise::{Lost, Supervisor};
use crate::{demo, descriptors, embedded, services, signals, tls};

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
        let tls = tls::material(&config, clock.now_ms())?;
        let fatal = CancellationToken::new();
        let lost = Lost::default();
        let bus = EventBus::open(&config.bus, clock.clone(), random.clone(), fatal.clone())
            .await
            .map_err(|source| StartError::Bus {
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
            bus,
            revocation_log,
            urls,
            edge,
            identity: None,
            databases: Vec::new(),
            ready: Vec::new(),
            guards: Vec::new(),
            fatal,
            serving: Supervisor::new(lost.clone()),
            relays: background.beside(),
            background,
            lost,
        })
    }

    /// Starts identity first, then the roles that depend on it, then the edge; returns when every role is ready.
    pub async fn start(&mut self, seed: Seed) -> Result<Seeded, StartError> {
        let mut seeded = Seeded::default();
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
            self.gateway(bound)?;
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
            serving: self.serving,
            background: self.background,
            relays: self.relays,
            databases: self.databases,
        }
    }

    async fn identity(&mut self, bound: Bound, seed: Seed) -> Result<Seeded, StartError> {
        let tables = [latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS];
        let url = self.config[Role::Identity].database.clone();
        let db = self.open(&url, &tables).await?;
        let failed = |source: IdentityError| StartError::Identity {
            database: database_name(&url),
            source,
        };
        let sealed = latchkey_identity::is_sealed(&db).await.map_err(failed)?;
        let master_key = embedded::master_key(&self.config.keys, &self.random, sealed)?;
        let identity = Identity::open(Parts {
            issuer: self.urls.issuer.clone(),
            origins: self.origins(&self.urls.issuer, bound.port()),
            db: db.clone(),
            revocation_log: self.revocation_log.clone(),
            resources: services::resources(self.config.services),
            key_wrapper: KeyWrapper::new(&master_key, self.random.clone()),
            rsa: self.config.rsa,
            outgoing: self.outgoing(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            stop: self.serving.stopping(),
        })
        .await
        .map_err(failed)?;
        let seeded = identity.seed(seed, "seed").await?;
        self.register_guard_client(&identity).await?;
        let (bus, log, clock) = (self.bus.clone(), self.revocation_log.clone(), self.clock.clone());
        self.relays.keep(task(Role::Identity, "relay"), move |stop| {
            Relay::new(bus.clone(), db.clone(), clock.clone())
                .revocations(log.clone(), Revocation::TYPES, Revocation::SOURCE)
                .run(stop)
        });
        for chore in Chore::ALL {
            let identity = identity.clone();
            self.background.keep(chore.name(), move |stop| {
                let identity = identity.clone();
                async move { identity.run(chore, stop).await }
            });
        }

        let ready = self.background.watched(identity.ready());
        let hosts = self.hosts(&bound, Some(&self.urls.issuer));
        let router = identity.router().merge(probes::router(ready.clone()));
        self.serve(Role::Identity, bound, hosts, Limits::default(), router);
        self.ready.push((Role::Identity.name(), ready));
        self.identity = Some(identity);
        Ok(seeded)
    }

    /// For calls to addresses that clients have registered. The demo's shop is one of them, and on loopback.
    fn outgoing(&self) -> Outgoing {
        let mut allowed = self.config.allow_outgoing.clone();
        let shop = self.urls.shop.as_deref().filter(|_| self.config.demo);
        allowed.extend(shop.and_then(|shop| Destination::of(Purpose::BackChannelLogout, shop)));
        Outgoing::new(allowed, self.tls.authority.clone().unwrap_or_default())
    }

    async fn service(
        &mut self,
        spec: &'static ServiceSpec,
        bound: Bound,
        seeded: &Seeded,
    ) -> Result<(), StartError> {
        let role = Role::Service(spec.name());
        let db = self
            .open(&self.config[role].database.clone(), &spec.tables())
            .await?;
        let guard = self.guard(role, spec.resource.audience)?;
        let context = Context::new(
            spec.resource,
            db.clone(),
            self.clock.clone(),
            self.random.clone(),
            CURRENCY,
        );
        if let (true, Some(fill)) = (self.config.demo, spec.demo) {
            let users = seeded.users.iter().map(|user| DemoUser {
                id: user.id.clone(),
                display_name: user.display_name.clone(),
                roles: user.roles.clone(),
            });
            fill(context.clone(), users.collect())
                .await
                .map_err(|reason| StartError::Service {
                    service: spec.name(),
                    reason,
                })?;
        }
        let (bus, clock) = (self.bus.clone(), self.clock.clone());
        self.relays.keep(task(role, "relay"), move |stop| {
            Relay::new(bus.clone(), db.clone(), clock.clone()).run(stop)
        });
        for consumer in spec.consumers {
            let (bus, context) = (self.bus.clone(), context.clone());
            self.background.keep(task(role, "consumer"), move |stop| {
                consumer.run(bus.clone(), context.clone(), stop)
            });
        }
        self.guards.push((role.name(), guard.clone()));
        let ready = {
            let guard = guard.clone();
            Ready::new().when("guard", move || guard.ready())
        };
        let hosts = self.hosts(&bound, None);
        let router = (spec.router)(context, guard);
        self.serve(role, bound, hosts, Limits::default(), router);
        self.ready.push((role.name(), ready));
        Ok(())
    }

    async fn storefront(&mut self, bound: Bound) -> Result<(), StartError> {
        let shop = self
            .urls
            .shop
            .clone()
            .or_else(|| self.config.origin.clone())
            .unwrap_or_default();
        // The pages read the catalog like any client: through the edge.
        let edge = self
            .config
            .api_url
            .clone()
            .or_else(|| self.edge.clone())
            .unwrap_or_else(|| shop.clone());
        let origins = self.origins(&shop, bound.port());
        let client = self.tls.client()?;
        let logins = self.logins(&shop, origins.clone(), client.clone()).await?;
        let pages = Storefront::new(&format!("{edge}/api/catalog/v1"), client, origins, logins)
            .map_err(|error| StartError::Storefront(error.to_string()))?;
        let hosts = self.hosts(&bound, None);
        self.serve(
            Role::Storefront,
            bound,
            hosts,
            Limits::default(),
            latchkey_storefront::router(pages),
        );
        Ok(())
    }

    /// The sign-in of the shop, if it is registered at the issuer.
    async fn logins(
        &mut self,
        shop: &str,
        origins: Origins,
        client: reqwest::Client,
    ) -> Result<Option<Logins>, StartError> {
        let Some(registered) = self.storefront_client(shop).await? else {
            return Ok(None);
        };
        let url = self.config[Role::Storefront].database.clone();
        let tables = SHOP.migrations();
        let known = Db::exists(&url, &tables[0]).await;
        let db = self.open(&url, &tables).await?;
        if known.is_ok_and(|known| known) && !self.config.keys.join("storefront.key").exists() {
            tracing::warn!("storefront.key is missing; the new key ends every session of the shop");
        }
        let key = embedded::key(&self.config.keys, "storefront.key", &self.random)?;
        let seal = Seal::new(SHOP.name, &key, self.random.clone());
        let store = Store::new(db, seal, self.clock.clone());
        let registration = Registration {
            client: SHOP,
            issuer: self.urls.issuer.clone(),
            internal: self.identity_url(),
            client_id: registered.id,
            client_secret: registered.secret,
            origins,
        };
        let oidc = Oidc::new(registration, client, self.clock.clone(), self.random.clone());
        let logins = Logins::new(oidc, store.clone());
        self.background
            .keep("shop_expiry", move |stop| end_expired_logins(store.clone(), stop));
        Ok(Some(logins))
    }

    /// The shop's client at the issuer: as configured, or in the demo a client whose secret lives as long as the
    /// process.
    async fn storefront_client(&self, shop: &str) -> Result<Option<GuardClient>, StartError> {
        if let Some(client) = &self.config.storefront_client {
            return Ok(Some(client.clone()));
        }
        let Some(identity) = self.identity.as_ref().filter(|_| self.config.demo) else {
            return Ok(None);
        };
        let client = GuardClient {
            id: "storefront".to_owned(),
            secret: demo::text(&self.random.bytes::<52>()),
        };
        let metadata = serde_json::json!({
            "client_id": client.id,
            "client_name": "Latchkey Courses",
            "client_uri": format!("{shop}/"),
            "initiate_login_uri": format!("{shop}{}", shop_path::SIGN_IN),
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [format!("{shop}{}", shop_path::CALLBACK)],
            "post_logout_redirect_uris": [format!("{shop}/")],
            "backchannel_logout_uri": format!("{shop}{}", shop_path::BACKCHANNEL_LOGOUT),
            "backchannel_logout_session_required": true,
            "scope": SHOP.scope(),
            "resources": [SHOP.audience],
        });
        let failed = |error: String| StartError::Storefront(error);
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = latchkey_identity::NewClient {
            metadata,
            secret: Some(ClientSecret::Generated(client.secret.clone())),
        };
        let put = identity.clients().put(new, "up").await;
        put.map_err(|error| failed(error.to_string()))?;
        Ok(Some(client))
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

    fn gateway(&mut self, bound: Bound) -> Result<(), StartError> {
        let failed = |error: latchkey_gateway::ConfigError| StartError::Gateway(error.to_string());
        let shop = self.urls.shop.clone().unwrap_or_default();
        let mut upstreams = Vec::new();
        for spec in self.config.services {
            let url = self
                .reached(Role::Service(spec.name()))
                .ok_or_else(|| StartError::Gateway(format!("{}.url is not set", spec.name())))?;
            upstreams.push((*spec, Origin::parse(&url).map_err(failed)?));
        }
        let pages = self.reached(Role::Storefront);
        let pages = pages.map(|url| Origin::parse(&url)).transpose().map_err(failed)?;
        let routes = Routes::new(declared(&upstreams, pages.as_ref())).map_err(failed)?;
        let mut options = latchkey_gateway::Options::new(Origin::parse(&shop).map_err(failed)?);
        options.ca = self.tls.roots()?;
        options.address_limits.unlimited = self.config.unlimited_networks.clone();
        let gateway =
            Gateway::new(routes, options, self.clock.clone(), self.random.clone()).map_err(failed)?;
        let body = usize::try_from(gateway.largest_body()).unwrap_or(usize::MAX);
        let hosts = self.hosts(&bound, Some(&shop));
        // The gateway has its own limits for each route; those of the listener are the outer bound.
        let limits = Limits {
            body,
            answer: Duration::from_secs(35),
            ..Limits::default()
        };
        let router =
            latchkey_gateway::router(gateway).merge(probes::router(self.background.watched(Ready::new())));
        self.serve(Role::Gateway, bound, hosts, limits, router);
        Ok(())
    }

    fn admin(&mut self, bound: Bound) {
        let metrics = latchkey_telemetry::metrics();
        let (every, guards) = (self.ready.clone(), self.guards.clone());
        let ready = Ready::new().when("roles", move || every.iter().all(|(_, ready)| ready.is_ready()));
        let ready = self.background.watched(self.serving.watched(ready));
        let router = Router::new()
            .route("/metrics", get(async move || metrics.render()))
            .route("/health", get(async move || Json(health(&guards))))
            .merge(probes::router(ready))
            .fallback(async || Problem::not_found());
        let hosts = self.hosts(&bound, None);
        self.serve(Role::Admin, bound, hosts, Limits::default(), router);
    }

    /// A guard that fetches its keys over HTTP and receives revocations like in a separate process.
    fn guard(&mut self, role: Role, audience: &str) -> Result<Guard, StartError> {
        let now = self.clock.clone();
        let clock: latchkey_guard::Clock = Arc::new(move || now.now_ms());
        let internal = self.identity_url();
        let endpoints = Endpoints {
            jwks: format!("{internal}{}", path::JWKS),
            revocation_feed: format!("{internal}{}", path::REVOCATIONS),
            introspection: format!("{internal}{}", path::INTROSPECT),
        };
        let client = self.tls.client()?;
        match (self.config.signals, &self.config.guard_client) {
            (Source::Feed, Some(asking)) => {
                let connection = Connection {
                    endpoints,
                    client_id: asking.id.clone(),
                    client_secret: asking.secret.clone(),
                    client,
                };
                let connecting = Guard::connect(&self.urls.issuer, audience, connection).clock(clock);
                let (guard, listening) = connecting.build();
                self.background.keep(task(role, "guard"), move |stop| {
                    listening.clone().run(stop.cancelled_owned())
                });
                Ok(guard)
            }
            (Source::Bus | Source::Feed, asking) => {
                let keys = Keys::http_by(endpoints.jwks, client.clone(), clock.clone());
                let signals = Signals::new(clock.clone());
                let mut guard =
                    Guard::builder(&self.urls.issuer, audience, keys.clone(), signals.clone()).clock(clock);
                if let Some(asking) = asking {
                    let url = &endpoints.introspection;
                    let ask = latchkey_guard::http::introspector(url, &asking.id, &asking.secret, client);
                    guard = guard.introspect(ask);
                }
                self.background.keep(task(role, "guard_keys"), move |stop| {
                    keys.clone().run(stop.cancelled_owned())
                });
                let (log, clock) = (self.revocation_log.clone(), self.clock.clone());
                self.background.keep(task(role, "guard_signals"), move |stop| {
                    signals::listen(log.clone(), signals.clone(), clock.clone(), stop)
                });
                Ok(guard.build())
            }
        }
    }

    /// The demo's guards have a client of their own, whose secret lives as long as the process.
    async fn register_guard_client(&mut self, identity: &Identity) -> Result<(), StartError> {
        if !self.config.demo || self.config.guard_client.is_some() {
            return Ok(());
        }
        let asking = GuardClient {
            id: "latchkey-guards".to_owned(),
            secret: demo::text(&self.random.bytes::<52>()),
        };
        let metadata = serde_json::json!({
            "client_id": asking.id,
            "client_name": "The guards of this installation",
            "may_introspect": self.config.services.iter().map(|spec| spec.resource.audience).collect::<Vec<_>>(),
        });
        let failed = |error: String| StartError::Config(crate::config::ConfigError(error));
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = latchkey_identity::NewClient {
            metadata,
            secret: Some(ClientSecret::Generated(asking.secret.clone())),
        };
        identity
            .clients()
            .put(new, "up")
            .await
            .map_err(|error| failed(error.to_string()))?;
        self.config.guard_client = Some(asking);
        Ok(())
    }

    async fn open(&mut self, url: &str, tables: &[latchkey_db::Migrations]) -> Result<Db, StartError> {
        let db = Db::open(url, Options::new(tables).fatal(self.fatal.clone()))
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
            ..limits
        };
        server.tls = self.tls.server.clone();
        server.proxies = self.config.trusted_proxies.clone();
        // Services are behind our gateway: they keep its request id, and trust its client address. A gateway in another
        // process is a proxy like any other, and must be declared.
        server.keeps_request_id = role.is_service() || role == Role::Storefront;
        if server.keeps_request_id && self.config.roles.contains(&Role::Gateway) {
            server.proxies = server.proxies.and_loopback();
        }
        if role == Role::Identity {
            server.refusal = latchkey_identity::error_response_at;
        }
        let serving = server.serve(bound, router, self.serving.stopping());
        self.serving.once(role.name(), serving);
    }
}

/// Deletes expired sign-ins of the shop every hour.
async fn end_expired_logins(store: Store, stop: CancellationToken) {
    let mut hour = tokio::time::interval(Duration::from_secs(3_600));
    loop {
        tokio::select! {
            _ = hour.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = store.end_logins(SessionRef::Expired).await {
            tracing::warn!(
                reason = latchkey_http::reasons(&error),
                "purging expired sessions of the shop failed; it is tried again later"
            );
        }
    }
}

/// The name of a service's background task. There is one for each in the lifetime of a process, so it is never freed.
fn task(role: Role, what: &str) -> &'static str {
    format!("{}_{what}", role.name()).leak()
}

/// The only currency of the shop.
const CURRENCY: &str = "EUR";

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

/// The health of each guard: its keys, and the age of its feed. The details are for administrators.
fn health(guards: &[(&'static str, Guard)]) -> BTreeMap<&'static str, GuardHealth> {
    guards
        .iter()
        .map(|(role, guard)| (*role, guard.health()))
        .collect()
}

/// All routes of the edge. Anything else does not exist.
fn declared(services: &[(&'static ServiceSpec, Origin)], pages: Option<&Origin>) -> Vec<Route> {
    use http::Method;
    let get = [Method::GET];
    let mut routes = Vec::new();
    for (spec, upstream) in services {
        for (methods, path, strip) in spec.edge_routes() {
            routes.push(Route::new(spec.name(), &methods, &path, &strip, upstream.clone()));
        }
    }
    if let Some(pages) = pages {
        let page = |methods: &[Method], path: &str| {
            Route::new("storefront", methods, path, "", pages.clone()).pages()
        };
        let reading = [
            "/",
            "/courses",
            "/courses/*",
            "/categories/*",
            "/covers/*",
            "/static/*",
            "/_design",
            "/signin",
            "/callback",
            "/teach",
        ];
        routes.extend(reading.map(|path| page(&get, path)));
        let writing = ["/theme", "/signout", "/backchannel-logout", "/csp-report"];
        routes.extend(writing.map(|path| page(&[Method::POST], path)));
        routes.push(page(&[Method::GET, Method::POST], "/teach/*"));
    }
    routes
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
        if let Some(url) = local(role, "127.0.0.1") {
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
