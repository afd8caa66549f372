//! The gateway as a value.

use std::fmt;

use latchkey_clock::{Clock, Random};

use crate::address_limits::Meter;
use crate::forwarded_headers::ForwardedHeaders;
use crate::site::{self, Site};
use crate::upstream::{self, Client};
use crate::{ConfigError, Options, Routes, Timeouts};

/// Declared routes, their limits, and the pool of connections to upstreams.
pub struct Gateway {
    pub(crate) routes: Routes,
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
        if options.ca.is_none()
            && let Some(rule) = routes.rules().find(|rule| rule.upstream.is_https())
        {
            return Err(ConfigError::NoAuthority {
                route: rule.name.to_string(),
            });
        }
        let messages = site::messages().and_then(|messages| match &options.language {
            Some(language) => messages.by_default(language),
            None => Ok(messages),
        });
        let messages = messages.map_err(|error| ConfigError::Messages(error.to_string()))?;
        Ok(Self {
            site: Site {
                messages,
                origins: options.origins,
            },
            client: upstream::client(&options.timeouts, options.ca)?,
            forwarded_headers: ForwardedHeaders::new(&options.origin),
            routes,
            timeouts: options.timeouts,
            body_cap: options.body_cap,
            meter: Meter::new(options.address_limits),
            clock,
            random,
        })
    }

    /// The largest body that any route accepts: the listener must allow that much.
    pub fn largest_body(&self) -> u64 {
        self.routes
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
