//! The pages of the shop, and its sign-in.

use std::time::Duration;

use latchkey_contracts::resource::ResourceContract;
use latchkey_db::Db;
use latchkey_http::{Bound, Limits};
use latchkey_identity::ClientSecret;
use latchkey_relying_party::{Logins, Oidc, Registration, Seal, SessionRef, Store, path as shop_path};
use latchkey_storefront::{CLIENT as SHOP, LONGEST_FORM, RESOURCES, Storefront};
use latchkey_web::Origins;
use tokio_util::sync::CancellationToken;

use super::Starting;
use crate::config::{GuardClient, Key, Role};
use crate::error::StartError;
use crate::services::Services;
use crate::{demo, embedded};

impl Starting {
    pub(super) async fn storefront(&mut self, bound: Bound) -> Result<(), StartError> {
        let shop = self.urls.shop.clone().unwrap_or_default();
        // The pages call the services like any client: through the edge.
        let edge = self.edge_url().unwrap_or_default();
        let origins = self.origins(&shop, bound.port());
        let client = self.tls.client()?;
        let logins = self.logins(&shop, origins.clone(), client.clone()).await?;
        let pages = Storefront::new(&format!("{edge}/api"), client, origins, logins)
            .map_err(|error| StartError::Storefront(error.to_string()))?;
        let pages = match &self.config.language {
            Some(language) => pages
                .by_default(language)
                .map_err(|error| StartError::Storefront(error.to_string()))?,
            None => pages,
        };
        let hosts = self.hosts(&bound, None);
        self.serve(
            Role::Storefront,
            bound,
            hosts,
            Limits {
                body: LONGEST_FORM,
                ..Limits::default()
            },
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
        let db = self.open(Role::Storefront, &url, &tables).await?;
        let key = match self.config.storefront_key {
            Some(Key(key)) => key,
            None => {
                if known.is_ok_and(|known| known) && !self.config.keys.join("storefront.key").exists() {
                    tracing::warn!("storefront.key is missing; the new key ends every session of the shop");
                }
                embedded::key(&self.config.keys, "storefront.key", &self.random)?
            }
        };
        let seal = Seal::new(SHOP.name, &key, self.random.clone());
        let store = Store::new(db, seal, self.clock.clone());
        let registration = Registration {
            client: SHOP,
            issuer: self.urls.issuer.clone(),
            internal: self.identity_url(),
            client_id: registered.id,
            client_secret: registered.secret,
            resources: audiences(self.config.services),
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
        let mut metadata = shop_metadata(self.config.services, shop);
        metadata["client_id"] = client.id.clone().into();
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
}

/// The resources that the shop calls, as far as there are such services.
fn resources(services: Services) -> impl Iterator<Item = &'static ResourceContract> {
    RESOURCES.into_iter().filter(move |resource| {
        let mut there = services.iter();
        there.any(|spec| spec.resource.audience == resource.audience)
    })
}

fn audiences(services: Services) -> Vec<String> {
    resources(services)
        .map(|resource| resource.audience.to_owned())
        .collect()
}

/// The scopes of the shop that these resources or OpenID Connect declare.
fn scope(services: Services) -> String {
    let scope = SHOP.scope();
    let declared = |name: &&str| {
        let mut there = resources(services).flat_map(|resource| resource.scopes);
        ["openid", "profile"].contains(name) || there.any(|scope| scope.name == *name)
    };
    let names: Vec<&str> = scope.split(' ').filter(declared).collect();
    names.join(" ")
}

/// The shop as a client of the issuer, where it is at this origin.
pub(crate) fn shop_metadata(services: Services, shop: &str) -> serde_json::Value {
    serde_json::json!({
        "client_name": "Latchkey Courses",
        "client_uri": format!("{shop}/"),
        "initiate_login_uri": format!("{shop}{}", shop_path::SIGN_IN),
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "redirect_uris": [format!("{shop}{}", shop_path::CALLBACK)],
        "post_logout_redirect_uris": [format!("{shop}/")],
        "backchannel_logout_uri": format!("{shop}{}", shop_path::BACKCHANNEL_LOGOUT),
        "backchannel_logout_session_required": true,
        "scope": scope(services),
        "resources": audiences(services),
    })
}

/// Deletes expired sign-ins of the shop every hour.
pub(super) async fn end_expired_logins(store: Store, stop: CancellationToken) {
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
