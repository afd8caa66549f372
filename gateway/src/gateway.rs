//! The gateway as a value.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use latchkey_clock::{Clock, Random};
use latchkey_http::DeclaredHosts;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::address_limits::Meter;
use crate::forwarded_headers::ForwardedHeaders;
use crate::route_limits::RouteMeter;
use crate::site::{self, Site};
use crate::upstream::{self, Client};
use crate::{ConfigError, Options, Origin, Routes, SignIn, Timeouts};

/// Declared routes, their limits, and the pool of connections to upstreams.
pub struct Gateway {
    pub(crate) routes: ArcSwap<Routes>,
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) route_meter: RouteMeter,
    pub(crate) tunnels: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
    encrypts: bool,
    pub(crate) own_host: String,
    declared_hosts: DeclaredHosts,
    pub(crate) timeouts: Timeouts,
    pub(crate) body_cap: u64,
    pub(crate) meter: Meter,
    pub(crate) forwarded_headers: ForwardedHeaders,
    pub(crate) client: Client,
    pub(crate) site: Site,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
}

impl Gateway {
    /// Rejects an unusable configuration before anything is served.
    pub fn new(routes: Routes, options: Options, clock: Clock, random: Random) -> Result<Self, ConfigError> {
        let messages = site::messages().and_then(|messages| match &options.language {
            Some(language) => messages.by_default(language),
            None => Ok(messages),
        });
        let messages = messages.map_err(|error| ConfigError::Messages(error.to_string()))?;
        let gateway = Self {
            encrypts: options.ca.is_some(),
            own_host: options.origin.authority.as_str().to_ascii_lowercase(),
            declared_hosts: options.declared_hosts,
            sign_in: options.sign_in,
            route_meter: RouteMeter::default(),
            tunnels: Arc::new(Semaphore::new(options.tunnels.min(Semaphore::MAX_PERMITS))),
            stop: options.stop,
            site: Site {
                messages,
                origins: options.origins,
            },
            client: upstream::client(&options.timeouts, options.ca)?,
            forwarded_headers: ForwardedHeaders::new(&options.origin),
            routes: ArcSwap::from_pointee(Routes::default()),
            timeouts: options.timeouts,
            body_cap: options.body_cap,
            meter: Meter::new(options.address_limits),
            clock,
            random,
        };
        gateway.reload(routes)?;
        Ok(gateway)
    }

    /// Replaces all routes at once. Requests and WebSockets in progress keep theirs; if the new ones cannot be served,
    /// nothing changes.
    pub fn reload(&self, routes: Routes) -> Result<(), ConfigError> {
        let encrypted = routes
            .rules()
            .find(|rule| rule.upstreams.iter().any(Origin::is_https));
        if let Some(rule) = encrypted.filter(|_| !self.encrypts) {
            return Err(ConfigError::NoAuthority {
                route: rule.name.to_string(),
            });
        }
        routes.check(self.sign_in.as_ref(), &self.own_host)?;
        // A host is served only while it has routes: what goes is refused first, what comes is served last.
        let hosts: Vec<String> = routes.hosts().collect();
        let before = self.routes.load_full();
        let kept: Vec<String> = hosts
            .iter()
            .filter(|host| before.declares(host))
            .cloned()
            .collect();
        self.declared_hosts.set(kept);
        self.routes.store(Arc::new(routes));
        self.declared_hosts.set(hosts);
        Ok(())
    }

    /// The largest body that any route accepts: the listener must allow that much.
    pub fn largest_body(&self) -> u64 {
        self.routes
            .load()
            .rules()
            .filter_map(|rule| rule.body_cap)
            .fold(self.body_cap, u64::max)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("routes", &self.routes)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
