//! The logout tokens of providers.

use latchkey_protocol::upstream::Provider;
use latchkey_protocol::upstream::logout::{Logout, logout};

use super::Upstreams;
use super::error::{LogoutError, UpstreamError};
use super::signature::Jws;

impl Upstreams {
    /// What a logout token ends, once its signature was verified with a key of its provider. That it counts once is the
    /// caller's to see.
    pub async fn logout(&self, provider: &Provider, token: &str) -> Result<Logout, LogoutError> {
        let jws = Jws::parse(token, provider.kind.algorithms())?;
        let endpoints = self.providers.endpoints(provider).await?;
        let address = endpoints.jwks.as_deref();
        let address = address.ok_or(UpstreamError::Unreadable("metadata"))?;
        let keys = self.providers.keys(provider, address, jws.kid.as_deref()).await?;
        let verified = jws.verify(&keys)?;
        Ok(logout(&verified.claims, provider, self.time.now())?)
    }
}
