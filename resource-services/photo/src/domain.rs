//! Photos, and their rules.

use latchkey_kit::FieldError;

/// The maximum size of an upload, in bytes.
pub const LARGEST: usize = 8 * 1024 * 1024;
/// The variants, by the longer side of the square that they fit into.
pub const SIDES: [u32; 3] = [240, 480, 960];
/// How long a photo may be without a course, in milliseconds.
pub const UNUSED_FOR: i64 = 24 * 60 * 60 * 1000;
/// How long a file may be without a photo, in milliseconds: far longer than an upload takes from its first transaction
/// to its second.
pub const FILE_UNUSED_FOR: i64 = 60 * 60 * 1000;

/// A photo of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    pub id: String,
    pub owner: String,
    /// Of what was uploaded.
    pub sha256: String,
    /// Of what was uploaded.
    pub mime: String,
    /// Upright.
    pub width: i64,
    pub height: i64,
    /// The size of what was uploaded.
    pub bytes: i64,
    /// How many courses show it.
    pub refs: i64,
}

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("no such photo for this caller")]
    Missing,
    #[error("the body is not a form with exactly one photo")]
    Malformed(Vec<FieldError>),
    #[error("the photo has too many bytes")]
    TooLong,
    #[error("the content is no JPEG, PNG or WebP")]
    NotAPicture,
    #[error("the picture has too many pixels")]
    TooManyPixels,
    #[error("the picture is animated")]
    Moving,
    #[error("the picture is damaged")]
    Damaged,
    #[error("too many pictures are being received or drawn")]
    Busy,
    #[error("the owner has as many photos as allowed")]
    QuotaReached,
    #[error("a course shows the photo")]
    InUse,
}

/// The names of the variants.
pub fn variants() -> Vec<String> {
    SIDES.iter().map(u32::to_string).collect()
}
