//! The row of a family.

use crate::Timestamp;
use crate::audience::Granted;
use crate::client::ClientId;
use crate::refresh_token::{Handle, KeyId, Salt};
use crate::session::SignIn;

/// Everything that descends from one authorization code: one row, however often it is refreshed.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Its id in the store.
    pub id: String,
    /// The handle that refresh tokens carry.
    pub handle: Handle,
    /// The name that access tokens carry.
    pub fam: String,
    /// The salt of every tag.
    pub salt: Salt,
    /// The client.
    pub client: ClientId,
    /// The user.
    pub user: String,
    /// The session that it was created in.
    pub session: Option<String>,
    /// The `sid` of that session at the client.
    pub sid: Option<String>,
    /// What is granted. It never grows, and a narrower request does not narrow it.
    pub granted: Granted,
    /// How the user signed in.
    pub sign_in: SignIn,
    /// The thumbprint of the key that it is bound to.
    pub confirmation: Option<String>,
    /// The generation of the one live refresh token, from 1.
    pub generation: i64,
    /// The key of the current tag; `None` if the client may not refresh.
    pub mac_key_id: Option<KeyId>,
    /// The key of the previous generation's tag.
    pub previous_mac_key_id: Option<KeyId>,
    /// When the current generation was created; `None` for the first.
    pub rotated_at: Option<Timestamp>,
    /// When a refresh was last committed. If later than `rotated_at`, the current generation was used without rotation.
    pub last_used_at: Option<Timestamp>,
    /// How often the previous token was retried in total.
    pub overlap_hits: i64,
    /// How many generations in a row had a retry, up to `hit_generation`.
    pub overlap_streak: i64,
    /// The latest generation that was repeated.
    pub hit_generation: Option<i64>,
    /// When the current generation was repeated outside of the overlap.
    pub late_answer_at: Option<Timestamp>,
    /// When `offline_access` was granted: the family outlives logout.
    pub offline_at: Option<Timestamp>,
    /// When it expires if unused.
    pub idle_expires_at: Option<Timestamp>,
    /// When it expires in any case.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Family {
    /// Whether it was unused for too long, or has reached its absolute end.
    pub fn is_over(&self, latest: Timestamp) -> bool {
        [self.idle_expires_at, self.expires_at]
            .into_iter()
            .flatten()
            .any(|end| end <= latest)
    }

    /// True if a refresh that presented the current generation was committed. That is only possible for a client that
    /// does not rotate: with rotation, the current generation is then a new one.
    pub fn current_is_used(&self) -> bool {
        match (self.last_used_at, self.rotated_at) {
            (Some(used), Some(rotated)) => used > rotated,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The time to record for a use of the current generation: never before its creation, whatever the clock says.
    pub(super) fn used_at(&self, now: Timestamp) -> Timestamp {
        let after_birth = self
            .rotated_at
            .map_or(now, |at| Timestamp(at.0.saturating_add(1)));
        now.max(after_birth)
    }

    /// Milliseconds since the last rotation, only for the overlap. Zero, not negative, if a clock was set back.
    pub(super) fn since_rotation_ms(&self, now: Timestamp) -> i64 {
        self.rotated_at
            .map_or(i64::MAX, |at| now.0.saturating_sub(at.0).max(0))
    }

    /// The streak after a retry of the current generation, and whether it is the first retry of that generation.
    pub(super) fn streak_after_hit(&self) -> (i64, bool) {
        match self.hit_generation {
            Some(hit) if hit == self.generation => (self.overlap_streak, false),
            Some(hit) if hit == self.generation - 1 => (self.overlap_streak + 1, true),
            _ => (1, true),
        }
    }
}
