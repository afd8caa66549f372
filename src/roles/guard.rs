//! The guards of services, and their client at the issuer.

use std::sync::Arc;

use latchkey_bus::RevocationLog;
use latchkey_clock::Clock;
use latchkey_guard::{Connection, Endpoints, Guard, Keys, Signals};
use latchkey_identity::{ClientSecret, Identity};
use latchkey_protocol::metadata::path;

use super::{Starting, task};
use crate::config::{GuardClient, Role, Signals as Source};
use crate::error::StartError;
use crate::supervise::Supervisor;
use crate::{demo, signals};

/// What every guard of this process is built from.
#[derive(Clone)]
pub(super) struct GuardSource {
    issuer: String,
    endpoints: Endpoints,
    client: reqwest::Client,
    source: Source,
    asking: Option<GuardClient>,
    background: Supervisor,
    revocation_log: RevocationLog,
    clock: Clock,
}

impl GuardSource {
    /// A guard that fetches its keys over HTTP and receives revocations like in a separate process.
    pub(super) fn guard(&self, role: Role, audience: &str) -> Guard {
        let now = self.clock.clone();
        let clock: latchkey_guard::Clock = Arc::new(move || now.now_ms());
        let (endpoints, client) = (self.endpoints.clone(), self.client.clone());
        match (self.source, &self.asking) {
            (Source::Feed, Some(asking)) => {
                let connection = Connection {
                    endpoints,
                    client_id: asking.id.clone(),
                    client_secret: asking.secret.clone(),
                    client,
                };
                let connecting = Guard::connect_at(&self.issuer, audience, connection).clock(clock);
                let (guard, listening) = connecting.build();
                self.background.keep(task(role, "guard"), move |stop| {
                    listening.clone().run(stop.cancelled_owned())
                });
                guard
            }
            (Source::Bus | Source::Feed, asking) => {
                let keys = Keys::http_by(endpoints.jwks, client.clone(), clock.clone());
                let signals = Signals::new(clock.clone());
                let mut guard =
                    Guard::builder(&self.issuer, audience, keys.clone(), signals.clone()).clock(clock);
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
                guard.build()
            }
        }
    }
}

impl Starting {
    pub(super) fn guard(&mut self, role: Role, audience: &str) -> Result<Guard, StartError> {
        Ok(self.guard_source()?.guard(role, audience))
    }

    pub(super) fn guard_source(&self) -> Result<GuardSource, StartError> {
        let internal = self.identity_url();
        Ok(GuardSource {
            issuer: self.urls.issuer.clone(),
            endpoints: Endpoints {
                jwks: format!("{internal}{}", path::JWKS),
                revocation_feed: format!("{internal}{}", path::REVOCATIONS),
                introspection: format!("{internal}{}", path::INTROSPECT),
            },
            client: self.tls.client()?,
            source: self.config.signals,
            asking: self.config.guard_client.clone(),
            background: self.background.clone(),
            revocation_log: self.revocation_log.clone(),
            clock: self.clock.clone(),
        })
    }

    /// The demo's guards have a client of their own, whose secret lives as long as the process.
    pub(super) async fn register_guard_client(&mut self, identity: &Identity) -> Result<(), StartError> {
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
}
