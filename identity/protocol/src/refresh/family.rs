//! The family's row.

use crate::Timestamp;
use crate::audience::Granted;
use crate::client::ClientId;
use crate::refresh_token::{Handle, KeyId, Salt};
use crate::session::SignIn;

/// Everything that came from one authorization code: one row, however often it is refreshed.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its id in the store.
    pub id: String,
    /// What refresh tokens find it by.
    pub handle: Handle,
    /// What access tokens name it by.
    pub fam: String,
    /// Its part of every tag.
    pub salt: Salt,
    /// The client.
    pub client: ClientId,
    /// The person.
    pub user: String,
    /// The session that it began in.
    pub session: Option<String>,
    /// How the client knows that session.
    pub sid: Option<String>,
    /// What was granted. It never grows, and a narrower request does not narrow it.
    pub granted: Granted,
    /// How the person signed in.
    pub sign_in: SignIn,
    /// The thumbprint of the key that it is bound to.
    pub confirmation: Option<String>,
    /// The generation of the one live refresh token, from 1.
    pub generation: i64,
    /// The key of its tag; none when the client may not refresh.
    pub mac_key_id: Option<KeyId>,
    /// The key of the generation before.
    pub previous_mac_key_id: Option<KeyId>,
    /// When the current generation came to be, for all but the first.
    pub rotated_at: Option<Timestamp>,
    /// When a refresh was last committed. After `rotated_at`: the current generation was used, without rotation.
    pub last_used_at: Option<Timestamp>,
    /// How often the previous token was answered again, ever.
    pub overlap_hits: i64,
    /// How many generations in a row had such a hit, up to `hit_generation`.
    pub overlap_streak: i64,
    /// The latest generation that was answered again.
    pub hit_generation: Option<i64>,
    /// When the current generation was answered again outside of the overlap.
    pub late_answer_at: Option<Timestamp>,
    /// When `offline_access` was granted: it outlives logout.
    pub offline_at: Option<Timestamp>,
    /// When it ends unless it is used.
    pub idle_expires_at: Option<Timestamp>,
    /// When it ends anyway.
    pub expires_at: Option<Timestamp>,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
}

impl Family {
    /// Whether it was not used for too long, or has reached its end.
    pub fn is_over(&self, latest: Timestamp) -> bool {
        [self.idle_expires_at, self.expires_at]
            .into_iter()
            .flatten()
            .any(|end| end <= latest)
    }

    /// True when a refresh presenting the current generation was committed. Only a client that does not rotate can have
    /// done that: with rotation the current generation is a new one then.
    pub fn current_is_used(&self) -> bool {
        match (self.last_used_at, self.rotated_at) {
            (Some(used), Some(rotated)) => used > rotated,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// What to note for a use of the current generation: never before its birth, whatever the clock says.
    pub(super) fn used_at(&self, now: Timestamp) -> Timestamp {
        let after_birth = self
            .rotated_at
            .map_or(now, |at| Timestamp(at.0.saturating_add(1)));
        now.max(after_birth)
    }

    /// Milliseconds since the last rotation, for the overlap alone. A clock set back makes it zero, not negative.
    pub(super) fn since_rotation_ms(&self, now: Timestamp) -> i64 {
        self.rotated_at
            .map_or(i64::MAX, |at| now.0.saturating_sub(at.0).max(0))
    }

    /// The streak after a hit on the current generation, and whether the hit is its first.
    pub(super) fn streak_after_hit(&self) -> (i64, bool) {
        match self.hit_generation {
            Some(hit) if hit == self.generation => (self.overlap_streak, false),
            Some(hit) if hit == self.generation - 1 => (self.overlap_streak + 1, true),
            _ => (1, true),
        }
    }
}
