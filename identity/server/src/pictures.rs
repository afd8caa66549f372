//! Pictures of people: whatever was uploaded, or found at a provider, as a square of pixels at an address of its own.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use latchkey_clock::Random;
use latchkey_identity_store::{PictureRow, Store};
use latchkey_picture::{FilterType, PictureError, Pool, decode, encode};

use crate::IdentityError;
use crate::secret::{is_secret, new_secret};

/// The most bytes that a file may have.
pub(crate) const LARGEST: usize = 2 * 1024 * 1024;
/// The side of the square, in pixels.
const SIDE: u32 = 256;
/// How many are drawn at once.
const PLACES: usize = 2;

/// Draws pictures. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Pictures {
    store: Store,
    issuer: Arc<str>,
    pool: Pool,
    random: Random,
}

/// A picture that is in no profile yet: its row is written beside the claim `picture`, in one transaction.
#[derive(Clone, Debug)]
pub(crate) struct Adopted {
    pub row: PictureRow,
    /// The claim `picture` (OpenID Connect Core §5.1).
    pub url: String,
}

impl Pictures {
    pub fn new(store: Store, issuer: Arc<str>, random: Random) -> Self {
        Self {
            store,
            issuer,
            pool: Pool::new(PLACES),
            random,
        }
    }

    /// The middle square of a file, drawn anew: nothing else of it is kept.
    pub async fn adopt(&self, file: Bytes) -> Result<Adopted, PictureError> {
        let drawing = self.pool.draw(move || {
            let pixels = decode(&file)?.pixels;
            // Cut before it grows: a picture of one line would become a wide one first.
            let side = pixels.width().min(pixels.height());
            let (left, top) = ((pixels.width() - side) / 2, (pixels.height() - side) / 2);
            let square = pixels.crop_imm(left, top, side, side);
            encode(&square.resize_exact(SIDE, SIDE, FilterType::CatmullRom))
        });
        let drawn = drawing.await?;
        let id = new_secret(&self.random);
        Ok(Adopted {
            url: format!("{}/pictures/{id}", self.issuer),
            row: PictureRow {
                id,
                mime: drawn.mime.to_owned(),
                content: STANDARD.encode(&drawn.content),
            },
        })
    }

    /// The type and the bytes of a picture.
    pub async fn find(&self, id: &str) -> Result<Option<(String, Vec<u8>)>, IdentityError> {
        if !is_secret(id) {
            return Ok(None);
        }
        let Some(row) = self.store.picture(id).await? else {
            return Ok(None);
        };
        let content = STANDARD.decode(&row.content);
        let content = content.map_err(|_| IdentityError::Unexpected("a picture"))?;
        Ok(Some((row.mime, content)))
    }
}
