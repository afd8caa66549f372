//! What each role is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use latchkey_bus::Bus;
use latchkey_catalog::Catalog;
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options};
use latchkey_gateway::{Gateway, Origin, Route, Routes};
use latchkey_guard::{Guard, GuardHealth, Keys, Signals};
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, Hosts, Limits, Problem, Server};
use latchkey_identity::{Identity, Parts, Seed, Seeded, Vault};
use latchkey_protocol::metadata::path;
use latchkey_storefront::Storefront;
use latchkey_storefront::oidc::{Oidc, Registration};
use latchkey_storefront::people::People;
use latchkey_storefront::seal::Seal;
use latchkey_storefront::store::{Store, Whom};
use latchkey_web::Origins;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, GuardClient, Role, Signals as Source};
use crate::{Listeners, Running, StartError, Urls, demo, embedded, signals, tls, wait_ready};

/// A process on its way up.
pub(crate) struct Starting {
    config: Config,
    listeners: Listeners,
    clock: Clock,
    random: Random,
    tls: tls::Material,
    bus: Bus,
    urls: Urls,
    /// The edge's listener in this process, as other roles reach it.
    edge: Option<String>,
    identity: Option<Identity>,
    databases: Vec<Db>,
    ready: Vec<(&'static str, Ready)>,
    guards: Vec<(&'static str, Guard)>,
    stop: CancellationToken,
    fatal: CancellationToken,
    serving: TaskTracker,
    background: TaskTracker,
    background_stop: CancellationToken,
}

impl Starting {
    /// Opens what every role shares.
    pub async fn new(
        config: Config,
        listeners: Listeners,
        clock: Clock,
        random: Random,
    ) -> Result<Self, StartError> {
        let tls = tls::material(&config)?;
        let fatal = CancellationToken::new();
        let bus = Bus::open(&config.bus, clock.clone(), random.clone(), fatal.clone()).await?;
        let urls = urls(&config, &listeners, &tls);
        let edge = listeners
            .get(&Role::Gateway)
            .map(|bound| format!("{}://127.0.0.1:{}", tls.scheme(), bound.port()));
        Ok(Self {
            config,
            listeners,
            clock,
            random,
            tls,
            bus,
            urls,
            edge,
            identity: None,
            databases: Vec::new(),
            ready: Vec::new(),
            guards: Vec::new(),
            stop: CancellationToken::new(),
            fatal,
            serving: TaskTracker::new(),
            background: TaskTracker::new(),
            background_stop: CancellationToken::new(),
        })
    }

    /// Identity first, then what trusts it, then the edge; returns when every role is ready.
    pub async fn start(&mut self, seed: Seed) -> Result<Seeded, StartError> {
        let mut seeded = Seeded::default();
        if let Some(bound) = self.listeners.remove(&Role::Identity) {
            seeded = self.identity(bound, seed).await?;
        }
        if let Some(bound) = self.listeners.remove(&Role::Catalog) {
            self.catalog(bound, &seeded).await?;
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
            wait_ready(role, ready).await?;
        }
        Ok(seeded)
    }

    pub fn into_running(self) -> Running {
        Running {
            urls: self.urls,
            identity: self.identity,
            bus: self.bus,
            demo: None,
            demo_path: None,
            lock: None,
            stop: self.stop,
            fatal: self.fatal,
            serving: self.serving,
            background: self.background,
            background_stop: self.background_stop,
            databases: self.databases,
        }
    }

    async fn identity(&mut self, bound: Bound, seed: Seed) -> Result<Seeded, StartError> {
        let tables = [latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS];
        let db = self.open(&self.config.identity_database.clone(), &tables).await?;
        let master_key = embedded::master_key(&self.config.keys, &self.random)?;
        let identity = Identity::open(Parts {
            issuer: self.urls.issuer.clone(),
            origins: self.origins(&self.urls.issuer, bound.port()),
            db,
            bus: self.bus.clone(),
            vault: Vault::new(&master_key, self.random.clone()),
            rsa: self.config.rsa,
            clock: self.clock.clone(),
            random: self.random.clone(),
            stop: self.stop.clone(),
        })
        .await?;
        let seeded = identity.seed(seed, "seed").await?;
        self.register_guard_client(&identity).await?;
        let (running, stop) = (identity.clone(), self.background_stop.clone());
        self.background.spawn(async move { running.run(stop).await });

        let ready = identity.ready();
        let hosts = self.hosts(&bound, Some(&self.urls.issuer));
        let router = identity.router().merge(probes::router(ready.clone()));
        self.serve(Role::Identity, bound, hosts, Limits::default(), router);
        self.ready.push((Role::Identity.name(), ready));
        self.identity = Some(identity);
        Ok(seeded)
    }

    async fn catalog(&mut self, bound: Bound, seeded: &Seeded) -> Result<(), StartError> {
        let db = self
            .open(
                &self.config.catalog_database.clone(),
                latchkey_catalog::MIGRATIONS,
            )
            .await?;
        let guard = self.guard(latchkey_catalog::AUDIENCE)?;
        let catalog = Catalog::new(db.clone(), self.clock.clone(), self.random.clone(), "EUR");
        let instructor = seeded
            .users
            .iter()
            .find(|user| user.roles.iter().any(|role| role == "instructor"));
        if let (true, Some(instructor)) = (self.config.demo, instructor) {
            latchkey_catalog::demo::seed(
                &catalog,
                &instructor.id,
                &instructor.display_name,
                self.clock.now_ms(),
            )
            .await
            .map_err(|error| StartError::Catalog(error.to_string()))?;
        }
        let relay = self.bus.relay(db.clone(), self.clock.clone());
        self.background.spawn(relay.run(self.background_stop.clone()));
        let (bus, hearing, stop) = (self.bus.clone(), catalog.clone(), self.background_stop.clone());
        self.background.spawn(async move {
            let handle = move |tx, event| {
                let catalog = hearing.clone();
                async move { latchkey_catalog::consumers::hear(&catalog, &tx, &event).await }
            };
            bus.consume(latchkey_catalog::consumers::group(), db, handle, stop)
                .await;
        });

        self.guards.push((Role::Catalog.name(), guard.clone()));
        let ready = {
            let guard = guard.clone();
            Ready::new().when("guard", move || guard.ready())
        };
        let hosts = self.hosts(&bound, None);
        let router = latchkey_catalog::router(catalog, guard);
        self.serve(Role::Catalog, bound, hosts, Limits::default(), router);
        self.ready.push((Role::Catalog.name(), ready));
        Ok(())
    }

    async fn storefront(&mut self, bound: Bound) -> Result<(), StartError> {
        let shop = self
            .urls
            .shop
            .clone()
            .or_else(|| self.config.origin.clone())
            .unwrap_or_default();
        // The pages read the catalog as anybody does: through the edge.
        let edge = self
            .config
            .api_url
            .clone()
            .or_else(|| self.edge.clone())
            .unwrap_or_else(|| shop.clone());
        let origins = self.origins(&shop, bound.port());
        let client = self.tls.client()?;
        let people = self.people(&shop, client.clone()).await?;
        let pages = Storefront::new(&format!("{edge}/api/catalog/v1"), client, origins, people)
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

    /// Who signs in at the shop, if it is registered at the issuer.
    async fn people(&mut self, shop: &str, client: reqwest::Client) -> Result<Option<People>, StartError> {
        let Some(registered) = self.storefront_client(shop).await? else {
            return Ok(None);
        };
        let url = self.config.storefront_database.clone();
        let db = self.open(&url, latchkey_storefront::store::MIGRATIONS).await?;
        let key = embedded::key(&self.config.keys, "storefront.key", &self.random)?;
        let store = Store::new(db, Seal::new(&key, self.random.clone()), self.clock.clone());
        let registration = Registration {
            issuer: self.urls.issuer.clone(),
            internal: self.identity_url(),
            client_id: registered.id,
            client_secret: registered.secret,
            shop: shop.to_owned(),
        };
        let oidc = Oidc::new(registration, client, self.clock.clone(), self.random.clone());
        let people = People::new(oidc, store.clone());
        let (bus, clock, stop) = (self.bus.clone(), self.clock.clone(), self.background_stop.clone());
        let listening = signals::sign_out(bus, people.clone(), clock, stop.clone());
        self.background.spawn(listening);
        self.background.spawn(async move {
            let mut hour = tokio::time::interval(Duration::from_secs(3_600));
            loop {
                tokio::select! {
                    _ = hour.tick() => {}
                    () = stop.cancelled() => return,
                }
                if let Err(error) = store.end_logins(Whom::Expired).await {
                    tracing::warn!(error = %error, "expired sessions of the shop stay for now");
                }
            }
        });
        Ok(Some(people))
    }

    /// The shop as a client of the issuer: as configured, or in the demo one of its own whose secret lives as long as
    /// the process.
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
            "initiate_login_uri": format!("{shop}/signin"),
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [format!("{shop}/callback")],
            "post_logout_redirect_uris": [format!("{shop}/")],
            "scope": "openid profile catalog.read catalog.write",
            "resources": [latchkey_catalog::AUDIENCE],
        });
        let failed = |error: String| StartError::Storefront(error);
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = latchkey_identity::NewClient {
            metadata,
            secret: Some(client.secret.clone()),
        };
        let put = identity.put_client(new, "up").await;
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
        let catalog = self
            .config
            .catalog_url
            .clone()
            .or_else(|| self.urls.services.get("catalog").cloned())
            .ok_or_else(|| StartError::Gateway("catalog_url is not set".to_owned()))?;
        let upstream = Origin::parse(&catalog).map_err(failed)?;
        let pages = self
            .config
            .storefront_url
            .clone()
            .or_else(|| self.urls.services.get("storefront").cloned());
        let pages = pages.map(|url| Origin::parse(&url)).transpose().map_err(failed)?;
        let routes = Routes::new(declared(&upstream, pages.as_ref())).map_err(failed)?;
        let mut options = latchkey_gateway::Options::new(Origin::parse(&shop).map_err(failed)?);
        options.ca = self.tls.roots()?;
        let gateway =
            Gateway::new(routes, options, self.clock.clone(), self.random.clone()).map_err(failed)?;
        let body = usize::try_from(gateway.largest_body()).unwrap_or(usize::MAX);
        let hosts = self.hosts(&bound, Some(&shop));
        // The gateway has limits of its own for each route; the listener's are the outer bound of all of them.
        let limits = Limits {
            body,
            answer: Duration::from_secs(35),
            ..Limits::default()
        };
        let router = latchkey_gateway::router(gateway).merge(probes::router(Ready::new()));
        self.serve(Role::Gateway, bound, hosts, limits, router);
        Ok(())
    }

    fn admin(&mut self, bound: Bound) {
        let metrics = latchkey_telemetry::metrics();
        let (every, guards) = (self.ready.clone(), self.guards.clone());
        let ready = Ready::new().when("roles", move || every.iter().all(|(_, ready)| ready.is_ready()));
        let router = Router::new()
            .route("/metrics", get(async move || metrics.render()))
            .route("/health", get(async move || Json(health(&guards))))
            .merge(probes::router(ready))
            .fallback(async || Problem::not_found());
        let hosts = self.hosts(&bound, None);
        self.serve(Role::Admin, bound, hosts, Limits::default(), router);
    }

    /// A guard that fetches its keys over HTTP and hears of revocations as any other process would.
    fn guard(&mut self, audience: &str) -> Result<Guard, StartError> {
        let now = self.clock.clone();
        let clock: latchkey_guard::Clock = Arc::new(move || now.now_ms());
        let internal = self.identity_url();
        let client = self.tls.client()?;
        let keys = Keys::http_by(format!("{internal}{}", path::JWKS), client.clone(), clock.clone());
        let signals = Signals::new(clock.clone());
        let stop = self.background_stop.clone();
        self.background
            .spawn(keys.clone().run(stop.clone().cancelled_owned()));
        match (self.config.signals, &self.config.guard_client) {
            (Source::Feed, Some(asking)) => {
                let feed = latchkey_guard::Feed {
                    url: format!("{internal}{}", path::REVOCATIONS),
                    client_id: asking.id.clone(),
                    client_secret: asking.secret.clone(),
                    issuer: self.urls.issuer.clone(),
                    client: client.clone(),
                };
                let listening = feed.run(
                    signals.clone(),
                    keys.clone(),
                    clock.clone(),
                    stop.cancelled_owned(),
                );
                self.background.spawn(listening);
            }
            (Source::Bus | Source::Feed, _) => {
                let listening = signals::listen(self.bus.clone(), signals.clone(), self.clock.clone(), stop);
                self.background.spawn(listening);
            }
        }
        let mut guard = Guard::builder(&self.urls.issuer, audience)
            .keys(keys)
            .signals(signals)
            .clock(clock);
        if let Some(asking) = &self.config.guard_client {
            let endpoint = format!("{internal}{}", path::INTROSPECT);
            let ask = latchkey_guard::http::introspector(&endpoint, &asking.id, &asking.secret, client);
            guard = guard.introspect(ask);
        }
        Ok(guard.build())
    }

    /// The demo's guards ask as a client of their own, whose secret lives as long as the process.
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
            "may_introspect": [latchkey_catalog::AUDIENCE],
        });
        let failed = |error: String| StartError::Config(crate::config::ConfigError(error));
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = latchkey_identity::NewClient {
            metadata,
            secret: Some(asking.secret.clone()),
        };
        identity
            .put_client(new, "up")
            .await
            .map_err(|error| failed(error.to_string()))?;
        self.config.guard_client = Some(asking);
        Ok(())
    }

    async fn open(&mut self, url: &str, tables: &[latchkey_db::Migrations]) -> Result<Db, StartError> {
        let db = Db::open(url, Options::new(tables).fatal(self.fatal.clone())).await?;
        self.databases.push(db.clone());
        Ok(db)
    }

    /// Where the other roles reach identity.
    fn identity_url(&self) -> String {
        let here = self.urls.services.get("identity").cloned();
        self.config
            .identity_url
            .clone()
            .or(here)
            .unwrap_or_else(|| self.urls.issuer.clone())
    }

    /// Loopback names, the public name of the role, and what the operator adds.
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
        server.limits = limits;
        server.tls = self.tls.server.clone();
        // Services stand behind our gateway and keep the id that it gave.
        server.keeps_request_id = matches!(role, Role::Catalog | Role::Storefront);
        if role == Role::Identity {
            server.refusal = latchkey_identity::refusal_at;
        }
        self.serving.spawn(server.serve(bound, router, self.stop.clone()));
    }
}

/// How each guard is doing: its keys, and the age of its feed of revocations. Detail is for administrators.
fn health(guards: &[(&'static str, Guard)]) -> BTreeMap<&'static str, GuardHealth> {
    guards
        .iter()
        .map(|(role, guard)| (*role, guard.health()))
        .collect()
}

/// Every route of the edge. What is not here does not exist.
fn declared(catalog: &Origin, pages: Option<&Origin>) -> Vec<Route> {
    use http::Method;
    let all = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let get = [Method::GET];
    let mut routes = vec![
        Route::new("catalog", &all, "/api/catalog/v1/*", "/api", catalog.clone()),
        Route::new(
            "catalog",
            &get,
            "/api/catalog/openapi.json",
            "/api/catalog",
            catalog.clone(),
        ),
    ];
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
        routes.extend(["/theme", "/signout", "/csp-report"].map(|path| page(&[Method::POST], path)));
        routes.push(page(&[Method::GET, Method::POST], "/teach/*"));
    }
    routes
}

/// The port of a URL, where it says one.
fn port_of(url: &str) -> Option<u16> {
    url::Url::parse(url).ok()?.port_or_known_default()
}

/// The public and internal addresses of what is bound here.
fn urls(config: &Config, listeners: &Listeners, tls: &tls::Material) -> Urls {
    let scheme = tls.scheme();
    let local = |role: Role, host: &str| {
        listeners
            .get(&role)
            .map(|bound| format!("{scheme}://{host}:{}", bound.port()))
    };
    let mut services = BTreeMap::new();
    for role in [Role::Identity, Role::Catalog, Role::Storefront] {
        if let Some(url) = local(role, "127.0.0.1") {
            services.insert(role.name().to_owned(), url);
        }
    }
    let issuer = config
        .issuer
        .clone()
        .or_else(|| local(Role::Identity, "localhost"));
    Urls {
        issuer: issuer.or_else(|| config.identity_url.clone()).unwrap_or_default(),
        shop: config
            .origin
            .clone()
            .or_else(|| local(Role::Gateway, "localhost")),
        admin: local(Role::Admin, "localhost"),
        services,
        ca_file: tls.ca_file.clone(),
    }
}
