//! The tokens that requests present: whether they are ours, and what they stand on now.

use std::sync::Arc;

use latchkey_identity_store::{FamilyFacts, Store};
use latchkey_protocol::refresh::Family;
use latchkey_protocol::refresh_token::{Checked, RefreshToken};

use crate::IdentityError;
use crate::access_token_verifier::AccessTokenVerifier;
use crate::signer::Signer;

/// Proves presented tokens and loads the facts about them. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct PresentedTokens {
    pub issuer: Arc<str>,
    pub store: Store,
    pub signer: Signer,
    pub verifier: Arc<AccessTokenVerifier>,
}

/// A refresh token whose tag was checked.
pub(crate) struct PresentedRefreshToken {
    pub checked: Checked,
    /// The family that the token names, if there is one.
    pub facts: Option<FamilyFacts>,
}

impl PresentedRefreshToken {
    /// The family that the token names.
    pub fn family(&self) -> Option<&Family> {
        self.facts.as_ref().map(|facts| &facts.family)
    }
}

impl PresentedTokens {
    /// Checks a refresh token against its family; the same work whether there is a family or not.
    pub async fn refresh_token(&self, token: &RefreshToken) -> Result<PresentedRefreshToken, IdentityError> {
        let facts = self.store.family(&token.name().handle).await?;
        let salt = facts.as_ref().map(|facts| &facts.family.salt);
        let checked = self.signer.check_refresh_token(&self.issuer, token, salt);
        Ok(PresentedRefreshToken { checked, facts })
    }
}
