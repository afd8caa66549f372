//! Untrusted bytes to pixels, and pixels to bytes that contain nothing else.
//!
//! A picture is told by its content, decoded within limits of pixels, memory and time, turned upright, and encoded anew:
//! metadata, other frames and whatever else a file carried are gone.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

pub use image::DynamicImage;
pub use image::imageops::FilterType;

const LONGEST_SIDE: u32 = 8_192;
const MOST_PIXELS: u64 = 40_000_000;
/// The decoded picture; a decoder of progressive JPEG needs about twice as much besides.
const MOST_MEMORY: u64 = 192 * 1024 * 1024;
/// How long a picture waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take to draw.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// The side to which a large picture is shrunk first, by a fast filter that needs no memory.
const FIRST_STEP: u32 = 1_920;
const QUALITY: u8 = 84;

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The content is none of the formats that are known here.
    #[error("the content is no JPEG, PNG or WebP")]
    NotAPicture,
    /// It would take too much memory.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// It has more than one frame.
    #[error("the picture is animated")]
    Moving,
    /// It cannot be decoded.
    #[error("the picture is damaged")]
    Damaged,
    /// Every place is taken.
    #[error("too many pictures are being drawn")]
    Busy,
}

/// Where pictures are drawn: as many at once as it has places. Others wait a moment, and are then refused.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Semaphore>);

/// A picture, upright.
#[derive(Debug)]
pub struct Decoded {
    /// The type of the file.
    pub mime: &'static str,
    /// The width of the file's picture, upright.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// The pixels; of a large picture fewer than the file has.
    pub pixels: DynamicImage,
}

/// A picture as bytes that contain nothing else.
#[derive(Debug)]
pub struct Encoded {
    /// The type.
    pub mime: &'static str,
    /// The bytes.
    pub content: Bytes,
}

impl Pool {
    /// A pool with this many places.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }

    /// Draws outside of the threads that serve requests. A picture that takes too long keeps its place until it ends.
    pub async fn draw<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<PictureError> + Send + 'static,
    {
        let place = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(PictureError::Busy.into());
        };
        let drawing = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        match tokio::time::timeout(TIME_LIMIT, drawing).await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture broke its decoder");
                Err(PictureError::Damaged.into())
            }
            Err(_) => {
                tracing::warn!("a picture took too long to decode");
                Err(PictureError::Damaged.into())
            }
        }
    }
}

/// Decodes within the limits and turns upright.
pub fn decode(bytes: &[u8]) -> Result<Decoded, PictureError> {
    let (format, mime) = sniff(bytes).ok_or(PictureError::NotAPicture)?;
    if format == ImageFormat::WebP && is_animated(bytes) {
        return Err(PictureError::Moving);
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > LONGEST_SIDE || pixels > MOST_PIXELS || decoder.total_bytes() > MOST_MEMORY {
        return Err(PictureError::TooManyPixels);
    }
    if pixels == 0 {
        return Err(PictureError::Damaged);
    }
    // The decoder fills up what is missing with grey.
    if format == ImageFormat::Jpeg && !jpeg_has_an_end(bytes) {
        return Err(PictureError::Damaged);
    }
    // A picture whose metadata are broken is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(reason)?;
    let mut pixels = shrink(picture);
    pixels.apply_orientation(orientation);
    let (width, height) = match is_turned(orientation) {
        true => (height, width),
        false => (width, height),
    };
    Ok(Decoded {
        mime,
        width,
        height,
        pixels,
    })
}

/// The bytes of a picture. Only one that can be seen through needs more than a JPEG.
pub fn encode(picture: &DynamicImage) -> Result<Encoded, PictureError> {
    let mut content = Vec::new();
    let colours = picture.to_rgba8();
    let mime = if colours.pixels().any(|pixel| pixel.0[3] != u8::MAX) {
        let encoder = WebPEncoder::new_lossless(&mut content);
        encoder
            .encode(
                &colours,
                colours.width(),
                colours.height(),
                ExtendedColorType::Rgba8,
            )
            .map_err(reason)?;
        WEBP
    } else {
        let colours = picture.to_rgb8();
        let mut encoder = JpegEncoder::new_with_quality(&mut content, QUALITY);
        encoder
            .encode(
                &colours,
                colours.width(),
                colours.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(reason)?;
        JPEG
    };
    Ok(Encoded {
        mime,
        content: content.into(),
    })
}

/// The format by the first bytes, whatever the name and the declared type say.
fn sniff(bytes: &[u8]) -> Option<(ImageFormat, &'static str)> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some((ImageFormat::Jpeg, JPEG))
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some((ImageFormat::Png, "image/png"))
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some((ImageFormat::WebP, WEBP))
    } else {
        None
    }
}

/// WebP container specification, "Extended File Format": the flag A of the chunk `VP8X`.
fn is_animated(webp: &[u8]) -> bool {
    webp.get(12..16) == Some(b"VP8X") && webp.get(20).is_some_and(|flags| flags & 0b10 != 0)
}

/// ITU-T T.81 §B.1.1.2: whether an EOI marker follows the first scan. Thumbnails in the segments before it have their
/// own.
fn jpeg_has_an_end(jpeg: &[u8]) -> bool {
    let mut at = 2;
    loop {
        let (Some(0xff), Some(&marker)) = (jpeg.get(at), jpeg.get(at + 1)) else {
            return false;
        };
        match marker {
            // Fill bytes, and markers without a segment.
            0xff => at += 1,
            0x01 | 0xd0..=0xd7 => at += 2,
            // Start of a scan. In its data 0xff is followed by 0x00 or by a restart marker.
            0xda => break,
            0xd9 => return false,
            _ => {
                let Some(&[high, low]) = jpeg.get(at + 2..at + 4) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
    jpeg[at..].windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// What a large picture is drawn from.
fn shrink(picture: DynamicImage) -> DynamicImage {
    match picture.width().max(picture.height()) > FIRST_STEP {
        true => picture.thumbnail(FIRST_STEP, FIRST_STEP),
        false => picture,
    }
}

fn is_turned(orientation: Orientation) -> bool {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
    }
}

fn reason(error: image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::TooManyPixels,
        image::ImageError::Decoding(_)
        | image::ImageError::Encoding(_)
        | image::ImageError::Parameter(_)
        | image::ImageError::Unsupported(_)
        | image::ImageError::IoError(_) => PictureError::Damaged,
    }
}

const JPEG: &str = "image/jpeg";
const WEBP: &str = "image/webp";
