//! A service of the list behind its guard.

use latchkey_bus::Relay;
use latchkey_http::probes::Ready;
use latchkey_http::{Bound, Limits};
use latchkey_identity::Seeded;
use latchkey_kit::{Context, DemoUser, ServiceSpec};

use super::{Starting, task};
use crate::config::Role;
use crate::error::StartError;

impl Starting {
    pub(super) async fn service(
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
        for work in spec.tasks {
            let context = context.clone();
            self.background.keep(task(role, work.name), move |stop| {
                (work.run)(context.clone(), stop)
            });
        }
        self.guards.push((role.name(), guard.clone()));
        let ready = {
            let guard = guard.clone();
            Ready::new().when("guard", move || guard.ready())
        };
        let hosts = self.hosts(&bound, None);
        let router = spec.router(context, guard);
        self.serve(role, bound, hosts, Limits::default(), router);
        self.ready.push((role.name(), ready));
        Ok(())
    }
}

/// The only currency of the shop.
const CURRENCY: &str = "EUR";
