//! The events of photo.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const STORED: &str = "photo.photo.stored.v1";
pub const DELETED: &str = "photo.photo.deleted.v1";

/// A photo can be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoStored {
    pub photo_id: String,
    pub owner: String,
    /// Of what was uploaded.
    pub sha256: String,
    /// The names of the variants.
    pub variants: Vec<String>,
}

/// A photo is gone, with its variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoDeleted {
    pub photo_id: String,
    pub owner: String,
    pub sha256: String,
    pub variants: Vec<String>,
}
