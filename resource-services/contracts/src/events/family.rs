//! The events of identity about refresh families with suspicious behaviour.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const ALERTED: &str = "identity.family.alerted.v1";

/// Something happened to a refresh family that its person should see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FamilyAlerted {
    /// The family as its access tokens name it.
    pub fam: String,
    pub user_id: String,
    pub client_id: String,
    /// `refresh_reuse`, `store_rewound`, `overlap_streak`, `lost_answer`, …: open, so that a new one breaks no consumer.
    pub reason: String,
    /// True when the family has ended by it.
    pub ended: bool,
    /// The generation of its refresh token then.
    pub generation: i64,
}
