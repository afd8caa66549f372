//! Logout tokens, issued anew for each attempt, because a waiting one would expire.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use latchkey_identity_store::Logout;
use latchkey_protocol::client::Client;
use latchkey_protocol::{Timestamp, logout_token};

use crate::signer::{Signer, SignerError};

/// Issues logout tokens.
pub(crate) struct LogoutTokens {
    issuer: String,
    signer: Signer,
    random: Random,
}

impl LogoutTokens {
    pub fn new(issuer: &str, signer: Signer, random: Random) -> Self {
        Self {
            issuer: issuer.to_owned(),
            signer,
            random,
        }
    }

    /// Signed with the algorithm of the client's ID tokens (OpenID Connect Back-Channel Logout §2.6).
    pub fn mint(&self, client: &Client, logout: &Logout, now: Timestamp) -> Result<String, SignerError> {
        let jti = URL_SAFE_NO_PAD.encode(self.random.bytes::<16>());
        let claims = logout_token::claims(&self.issuer, client.id(), &logout.user, &logout.sid, jti, now);
        self.signer
            .sign(client.id_token_alg(), logout_token::TYP, &claims, now)
    }
}
