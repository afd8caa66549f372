//! The errors of photo, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of photo.
pub type Error = latchkey_kit::Error<DomainError>;

const TOO_LONG: Code = Code::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "photo_too_long",
    "A photo has at most 8 MiB.",
);
const NOT_A_PICTURE: Code = Code::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "not_a_picture",
    "The file is not a JPEG, PNG or WebP, whatever its name says.",
);
const TOO_MANY_PIXELS: Code = Code::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "too_many_pixels",
    "A photo has at most 40 megapixels, and no side is longer than 8192 pixels.",
);
const MOVING: Code = Code::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "moving_picture",
    "A photo is a still picture.",
);
const DAMAGED: Code = Code::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "damaged_picture",
    "The picture cannot be read to its end.",
);
const BUSY: Code = Code::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "photos_busy",
    "Too many photos arrive at the moment. Try again soon.",
);
const QUOTA_REACHED: Code = Code::new(
    StatusCode::CONFLICT,
    "photo_quota_reached",
    "You have 500 photos. Delete one first.",
);
const IN_USE: Code = Code::new(StatusCode::CONFLICT, "photo_in_use", "A course shows this photo.");

impl Reason for DomainError {
    const CODES: &'static [Code] = &[
        TOO_LONG,
        NOT_A_PICTURE,
        TOO_MANY_PIXELS,
        MOVING,
        DAMAGED,
        BUSY,
        QUOTA_REACHED,
        IN_USE,
    ];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND,
            Self::Malformed(_) => codes::INVALID_CONTENT,
            Self::TooLong => TOO_LONG,
            Self::NotAPicture => NOT_A_PICTURE,
            Self::TooManyPixels => TOO_MANY_PIXELS,
            Self::Moving => MOVING,
            Self::Damaged => DAMAGED,
            Self::Busy => BUSY,
            Self::QuotaReached => QUOTA_REACHED,
            Self::InUse => IN_USE,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Malformed(errors) => errors,
            Self::Missing
            | Self::TooLong
            | Self::NotAPicture
            | Self::TooManyPixels
            | Self::Moving
            | Self::Damaged
            | Self::Busy
            | Self::QuotaReached
            | Self::InUse => Vec::new(),
        }
    }
}
