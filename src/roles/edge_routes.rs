//! The routes of an operator's own services: from the configuration to the table of the edge, at the start and whenever
//! the file changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use latchkey_gateway::{Demand, Gateway, Kind, Policy, Required, Route, Routes};
use latchkey_guard::Guard;
use latchkey_protocol::metadata::path;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::guard::GuardSource;
use crate::config::Role;
use crate::config::edge::{AccessSettings, Demanded, EdgeSettings, RouteSettings, read_again};

/// One guard for each audience that a route demands, kept over reloads.
#[derive(Clone)]
pub(super) struct RouteGuards {
    source: GuardSource,
    made: Arc<Mutex<BTreeMap<String, Guard>>>,
}

/// Replaces the routes of a serving edge. Cloning is cheap.
#[derive(Clone)]
pub(super) struct EdgeRoutes {
    pub gateway: Arc<Gateway>,
    pub builtin: Arc<Vec<Route>>,
    pub guards: RouteGuards,
    /// The settings that the edge started with.
    pub started: EdgeSettings,
    /// The root of secrets, and the file.
    pub file: (PathBuf, PathBuf),
    /// Where the issuer describes itself.
    pub metadata: String,
    pub client: reqwest::Client,
    /// Told when an operator asks for what can change to be read again.
    pub asked: Arc<Notify>,
}

impl RouteGuards {
    pub(super) fn new(source: GuardSource) -> Self {
        Self {
            source,
            made: Arc::default(),
        }
    }

    /// The declared routes, and the marketplace's.
    pub(super) fn table(
        &self,
        builtin: &[Route],
        settings: &EdgeSettings,
    ) -> Result<Routes, latchkey_gateway::ConfigError> {
        let declared = settings.routes.iter().flat_map(|route| self.routes(route));
        Routes::with_declared(builtin.to_vec(), declared.collect())
    }

    /// All guards so far.
    pub(super) fn all(&self) -> Vec<Guard> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.values().cloned().collect()
    }

    /// `/notes/*` is everything below `/notes/`, and that path itself.
    fn routes(&self, settings: &RouteSettings) -> Vec<Route> {
        let route = self.route(settings);
        let itself = settings.path.strip_suffix('*').map(|path| Route {
            path: path.to_owned(),
            ..route.clone()
        });
        std::iter::once(route).chain(itself).collect()
    }

    fn route(&self, settings: &RouteSettings) -> Route {
        let (kind, demand) = match &settings.access {
            // On the edge's own host the cookies are the shop's, and pass to nobody else.
            AccessSettings::Public if settings.host.is_none() => (Kind::Api, Demand::Nothing),
            AccessSettings::Public => (Kind::Own, Demand::Nothing),
            AccessSettings::Token(demanded) => (Kind::Api, Demand::Token(self.required(demanded))),
            AccessSettings::SignIn(demanded) => (Kind::Pages, Demand::SignIn(self.required(demanded))),
        };
        Route {
            name: settings.name.clone(),
            host: settings.host.clone(),
            methods: settings.methods.clone(),
            path: settings.path.clone(),
            strip: settings.strip.clone(),
            rewrite: settings.rewrite.clone(),
            upstreams: settings.upstreams.clone(),
            body_cap: settings.body_limit,
            streaming: settings.streaming,
            secret: false,
            own: true,
            kind,
            policy: Policy {
                demand,
                timeout: settings.timeout,
                streaming: settings.streaming,
                websocket: settings.websocket,
                per_address: settings.per_address,
                per_caller: settings.per_caller,
                add: settings.add.clone(),
                remove: settings.remove.clone(),
            },
        }
    }

    fn required(&self, demanded: &Demanded) -> Required {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let guard = made
            .entry(demanded.audience.clone())
            .or_insert_with(|| self.source.guard(Role::Gateway, &demanded.audience));
        Required {
            guard: guard.clone(),
            audience: demanded.audience.clone(),
            scopes: demanded.scopes.clone(),
            roles: demanded.roles.clone(),
        }
    }
}

impl EdgeRoutes {
    /// Reads the file again and replaces all routes at once; if it is not valid, the edge keeps its routes.
    pub(super) fn reload(&self) -> Result<EdgeSettings, String> {
        let (root, file) = &self.file;
        let settings = read_again(root, file).map_err(|error| error.to_string())?;
        if settings.sign_in != self.started.sign_in {
            return Err("gateway.sign_in changed, which needs a restart".to_owned());
        }
        let routes = self.guards.table(&self.builtin, &settings);
        let routes = routes.map_err(|error| error.to_string())?;
        self.gateway.reload(routes).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    /// Reloads when it is asked to, and whenever the file changes.
    pub(super) async fn follow(self, stop: CancellationToken) {
        // What was read last, which is not known here: the file may have changed while the process started.
        let mut read = None;
        let mut before = None;
        let mut current = self.started.clone();
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.warn_of_unknown_scopes(&self.started).await;
        loop {
            let asked = tokio::select! {
                _ = second.tick() => false,
                () = self.asked.notified() => true,
                () = stop.cancelled() => return,
            };
            let now = self.state().await;
            // Half of a file is often valid, with half of its routes: one that is being written is left to its end.
            let is_still = std::mem::replace(&mut before, now) == now;
            if !asked && (now == read || !is_still) {
                continue;
            }
            read = now;
            match self.reload() {
                Ok(settings) if !asked && settings == current => {}
                Ok(settings) => {
                    current = settings.clone();
                    let routes = settings.routes.len();
                    tracing::info!(routes, "the routes of the edge were read again");
                    self.warn_of_unknown_scopes(&settings).await;
                }
                Err(reason) => tracing::error!(
                    reason,
                    "the routes of the edge were not replaced: the file is not valid"
                ),
            }
        }
    }

    /// What tells one content of the file from another. Editors replace files, and a container's mounts are links.
    async fn state(&self) -> Option<(SystemTime, u64)> {
        let metadata = tokio::fs::metadata(&self.file.1).await.ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    /// A scope that the issuer does not know is in no token: probably a typing error, or not registered yet.
    async fn warn_of_unknown_scopes(&self, settings: &EdgeSettings) {
        let demanded = settings.routes.iter().filter_map(|route| match &route.access {
            AccessSettings::Public => None,
            AccessSettings::Token(demanded) | AccessSettings::SignIn(demanded) => Some((route, demanded)),
        });
        let demanded: Vec<_> = demanded
            .flat_map(|(route, demanded)| demanded.scopes.iter().map(move |scope| (route, scope)))
            .collect();
        if demanded.is_empty() {
            return;
        }
        let Some(known) = self.known_scopes().await else {
            tracing::warn!("the issuer's scopes cannot be read: those of the edge's routes were not checked");
            return;
        };
        for (route, scope) in demanded {
            if !known.contains(scope) {
                tracing::warn!(
                    route = route.name,
                    scope,
                    "a route of the edge demands a scope that the issuer does not know"
                );
            }
        }
    }

    async fn known_scopes(&self) -> Option<BTreeSet<String>> {
        let asked = self
            .client
            .get(&self.metadata)
            .timeout(Duration::from_secs(5))
            .send();
        let text = asked.await.ok()?.text().await.ok()?;
        let metadata: serde_json::Value = serde_json::from_str(&text).ok()?;
        let scopes = metadata.get("scopes_supported")?.as_array()?;
        Some(
            scopes
                .iter()
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect(),
        )
    }
}

/// Where the issuer describes itself.
pub(super) fn metadata_at(internal: &str) -> String {
    format!("{internal}{}", path::OPENID_CONFIGURATION)
}
