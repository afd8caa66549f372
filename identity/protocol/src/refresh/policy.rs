//! How the families of a client behave (docs/tokens.md, Refresh tokens, rules 3, 4, 6 and 7).

use crate::Timestamp;
use crate::client::{ApplicationType, Client, LostAnswer, OverlapStreak};
use crate::refresh::Family;

/// The default overlap of a client, in seconds.
pub const OVERLAP_S: u32 = 30;

/// The time limits of families, both settings of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The sliding limit without use, in milliseconds.
    pub idle_ms: Option<i64>,
    /// The absolute limit, in milliseconds.
    pub absolute_ms: Option<i64>,
}

impl Default for Limits {
    /// Thirty days without use, a hundred and eighty in total.
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 3_600_000;
        Self {
            idle_ms: Some(30 * DAY_MS),
            absolute_ms: Some(180 * DAY_MS),
        }
    }
}

impl Limits {
    /// The dates of a family that is created now: idle end and absolute end.
    pub fn begin(self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let after = |ms: i64| Timestamp(now.0.saturating_add(ms));
        let absolute = self.absolute_ms.map(after);
        (earlier(self.idle_ms.map(after), absolute), absolute)
    }
}

/// The family settings of a client's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether each use creates a new generation.
    pub rotates: bool,
    /// How long the previous generation is accepted, in milliseconds; 0 means never.
    pub overlap_ms: i64,
    /// Whether it is accepted once more after that.
    pub lost_answer_once: bool,
    /// The consequence of a streak.
    pub streak: OverlapStreak,
    /// The sliding limit, in milliseconds.
    pub idle_ms: Option<i64>,
}

impl Policy {
    /// The policy of this client for this family.
    pub fn of(client: &Client, family: &Family, limits: Limits) -> Self {
        let metadata = &client.metadata;
        let native = metadata.application_type == ApplicationType::Native;
        let seconds = metadata.refresh_overlap_seconds.unwrap_or(OVERLAP_S);
        Self {
            rotates: rotates(client, family.confirmation.is_some()),
            overlap_ms: i64::from(seconds) * 1_000,
            lost_answer_once: native && metadata.lost_answer == Some(LostAnswer::Once),
            streak: metadata.overlap_streak.unwrap_or_default(),
            idle_ms: limits.idle_ms,
        }
    }

    /// The sliding limit after a use; never beyond the absolute one.
    pub(super) fn idle_end(self, family: &Family, latest: Timestamp) -> Option<Timestamp> {
        let slid = self.idle_ms.map(|ms| Timestamp(latest.0.saturating_add(ms)));
        earlier(slid, family.expires_at)
    }
}

/// Rule 7. FAPI 2.0 never rotates; a public client whose tokens are not bound to a key always does (RFC 9700 §4.14.2);
/// any other only if registered so.
fn rotates(client: &Client, sender_constrained: bool) -> bool {
    if client.is_fapi2() {
        false
    } else if !client.is_confidential() && !sender_constrained {
        true
    } else {
        client.metadata.rotate_refresh_tokens.unwrap_or(false)
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::AuthMethod;
    use crate::client::tests::machine;

    /// RT-01.
    #[test]
    fn the_table_of_who_rotates() {
        // (public, bound, fapi2, rotate_refresh_tokens) → rotates
        let table = [
            (true, false, false, None, true),
            (true, false, false, Some(false), true),
            (true, true, false, None, false),
            (true, true, false, Some(true), true),
            (false, false, false, None, false),
            (false, false, false, Some(true), true),
            (false, true, false, None, false),
            (false, true, true, Some(true), false),
            (false, false, true, Some(true), false),
        ];
        for (public, bound, fapi2, setting, expected) in table {
            let mut client = machine();
            if public {
                client.metadata.token_endpoint_auth_method = AuthMethod::None;
            }
            client.metadata.profile = fapi2.then(|| "fapi2".to_owned());
            client.metadata.rotate_refresh_tokens = setting;
            assert_eq!(
                rotates(&client, bound),
                expected,
                "{public} {bound} {fapi2} {setting:?}"
            );
        }
    }

    /// RT-10.
    #[test]
    fn the_sliding_limit_never_passes_the_absolute_one() {
        let at = |ms| Some(Timestamp(ms));
        let limits = |idle_ms, absolute_ms| Limits { idle_ms, absolute_ms };
        let now = Timestamp(100);
        assert_eq!(limits(Some(10), Some(50)).begin(now), (at(110), at(150)));
        assert_eq!(limits(Some(90), Some(50)).begin(now), (at(150), at(150)));
        assert_eq!(limits(None, Some(50)).begin(now), (at(150), at(150)));
        assert_eq!(limits(Some(10), None).begin(now), (at(110), None));
        assert_eq!(limits(None, None).begin(now), (None, None));
    }
}
