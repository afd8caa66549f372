//! The variants of a photo: pixels and nothing else.

use bytes::Bytes;
use latchkey_picture::{Decoded, DynamicImage, FilterType, PictureError, decode, encode};

use crate::domain::{DomainError, SIDES};

/// Where photos are drawn: as many at once as it has places. Others wait a moment, and are then refused.
#[derive(Clone, Debug)]
pub struct Pool(latchkey_picture::Pool);

/// What is kept of an upload.
#[derive(Debug)]
pub struct Drawn {
    /// Of the upload.
    pub mime: &'static str,
    /// Of the upload, upright.
    pub width: u32,
    pub height: u32,
    /// One for each of [`SIDES`].
    pub variants: Vec<Variant>,
}

/// A picture of one size.
#[derive(Debug)]
pub struct Variant {
    pub mime: &'static str,
    pub content: Bytes,
}

impl Pool {
    pub fn new(places: usize) -> Self {
        Self(latchkey_picture::Pool::new(places))
    }

    /// Draws the variants outside of the threads that serve requests.
    pub async fn draw(&self, bytes: Bytes) -> Result<Drawn, DomainError> {
        self.0.draw(move || draw(&bytes)).await
    }
}

/// Decodes within the limits, turns upright, and encodes anew.
pub fn draw(bytes: &[u8]) -> Result<Drawn, DomainError> {
    let Decoded {
        mime,
        width,
        height,
        pixels,
    } = decode(bytes)?;
    let variants = SIDES.iter().map(|side| variant(&pixels, *side));
    Ok(Drawn {
        mime,
        width,
        height,
        variants: variants.collect::<Result<_, _>>()?,
    })
}

/// A variant fits into a square of this side and is never larger than the picture.
fn variant(picture: &DynamicImage, side: u32) -> Result<Variant, DomainError> {
    let small = match picture.width().max(picture.height()) > side {
        true => picture.resize(side, side, FilterType::CatmullRom),
        false => picture.clone(),
    };
    let encoded = encode(&small)?;
    Ok(Variant {
        mime: encoded.mime,
        content: encoded.content,
    })
}

impl From<PictureError> for DomainError {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::NotAPicture => Self::NotAPicture,
            PictureError::TooManyPixels => Self::TooManyPixels,
            PictureError::Moving => Self::Moving,
            PictureError::Damaged => Self::Damaged,
            PictureError::Busy => Self::Busy,
        }
    }
}
