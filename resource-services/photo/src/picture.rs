//! Untrusted bytes to variants that contain pixels and nothing else.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

use crate::domain::{DomainError, SIDES};

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

/// Where pictures are drawn: as many at once as it has places. Others wait a moment, and are then refused.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Semaphore>);

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
        Self(Arc::new(Semaphore::new(places)))
    }

    /// Draws the variants outside of the threads that serve requests. A picture that takes too long keeps its place
    /// until it ends.
    pub async fn draw(&self, bytes: Bytes) -> Result<Drawn, DomainError> {
        let place = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(DomainError::Busy);
        };
        let drawing = tokio::task::spawn_blocking(move || {
            let _place = place;
            draw(&bytes)
        });
        match tokio::time::timeout(TIME_LIMIT, drawing).await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture broke its decoder");
                Err(DomainError::Damaged)
            }
            Err(_) => {
                tracing::warn!("a picture took too long to decode");
                Err(DomainError::Damaged)
            }
        }
    }
}

/// Decodes within the limits, turns upright, and encodes anew.
pub fn draw(bytes: &[u8]) -> Result<Drawn, DomainError> {
    let (format, mime) = sniff(bytes).ok_or(DomainError::NotAPicture)?;
    if format == ImageFormat::WebP && is_animated(bytes) {
        return Err(DomainError::Moving);
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
        return Err(DomainError::TooManyPixels);
    }
    if pixels == 0 {
        return Err(DomainError::Damaged);
    }
    // The decoder fills up what is missing with grey.
    if format == ImageFormat::Jpeg && !jpeg_has_an_end(bytes) {
        return Err(DomainError::Damaged);
    }
    // A picture whose metadata are broken is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(reason)?;
    let mut picture = shrink(picture);
    picture.apply_orientation(orientation);
    let (width, height) = match is_turned(orientation) {
        true => (height, width),
        false => (width, height),
    };
    let variants = SIDES.iter().map(|side| variant(&picture, *side));
    Ok(Drawn {
        mime,
        width,
        height,
        variants: variants.collect::<Result<_, _>>()?,
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

/// A variant fits into a square of this side and is never larger than the picture. Only one that can be seen through
/// needs more than a JPEG.
fn variant(picture: &DynamicImage, side: u32) -> Result<Variant, DomainError> {
    let small = match picture.width().max(picture.height()) > side {
        true => picture.resize(side, side, FilterType::CatmullRom),
        false => picture.clone(),
    };
    let mut content = Vec::new();
    let colours = small.to_rgba8();
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
        let colours = small.to_rgb8();
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
    Ok(Variant {
        mime,
        content: content.into(),
    })
}

fn reason(error: image::ImageError) -> DomainError {
    match error {
        image::ImageError::Limits(_) => DomainError::TooManyPixels,
        image::ImageError::Decoding(_)
        | image::ImageError::Encoding(_)
        | image::ImageError::Parameter(_)
        | image::ImageError::Unsupported(_)
        | image::ImageError::IoError(_) => DomainError::Damaged,
    }
}

const JPEG: &str = "image/jpeg";
const WEBP: &str = "image/webp";
