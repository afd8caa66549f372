//! The identity provider, and what it may call.

use latchkey_http::outgoing::{Destination, Outgoing, Purpose};
use latchkey_http::probes;
use latchkey_http::{Bound, Limits};
use latchkey_identity::{Chore, Identity, IdentityError, KeyWrapper, Parts, Seed, Seeded};

use super::{Starting, task};
use crate::config::Role;
use crate::error::{StartError, database_name};
use crate::{embedded, services};

impl Starting {
    pub(super) async fn identity(&mut self, bound: Bound, seed: Seed) -> Result<Seeded, StartError> {
        let tables = [latchkey_identity::MIGRATIONS, latchkey_bus::outbox::MIGRATIONS];
        let url = self.config[Role::Identity].database.clone();
        let db = self.open(Role::Identity, &url, &tables).await?;
        let failed = |source: IdentityError| StartError::Identity {
            database: database_name(&url),
            source,
        };
        let sealed = latchkey_identity::is_sealed(&db).await.map_err(failed)?;
        let master_key = embedded::configured_master_key(&self.config, &self.random, sealed)?;
        let identity = Identity::open(Parts {
            issuer: self.urls.issuer.clone(),
            origins: self.origins(&self.urls.issuer, bound.port()),
            messages: latchkey_identity::messages(self.config.language.as_deref()).map_err(failed)?,
            db,
            revocation_log: self.revocation_log.clone(),
            resources: services::resources(self.config.services),
            key_wrapper: KeyWrapper::new(&master_key, self.random.clone()),
            rsa: self.config.rsa,
            settings: self.config.people.clone(),
            outgoing: self.outgoing(),
            mailing: self.config.mail.mailing()?,
            clock: self.clock.clone(),
            random: self.random.clone(),
            stop: self.serving.stopping(),
        })
        .await
        .map_err(failed)?;
        let seeded = identity.seed(seed, "seed").await?;
        self.register_guard_client(&identity).await?;
        let (bus, relaying) = (self.bus.clone(), identity.clone());
        self.relays.keep(task(Role::Identity, "relay"), move |stop| {
            relaying.relay(bus.clone()).run(stop)
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
        let limits = Limits {
            body: latchkey_identity::LONGEST_BODY,
            ..Limits::default()
        };
        self.serve(Role::Identity, bound, hosts, limits, router);
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
}
