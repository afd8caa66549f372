//! Pictures, honest and hostile, made on the spot.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// A gradient that no two seeds share.
pub fn drawing(width: u32, height: u32, seed: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let mix = x.wrapping_mul(7) ^ y.wrapping_mul(13) ^ (x.wrapping_mul(y) >> 3);
        Rgb([(mix % 251) as u8, ((mix >> 4) % 241) as u8, seed])
    })
}

pub fn jpeg(width: u32, height: u32, seed: u8) -> Vec<u8> {
    encode(
        &DynamicImage::ImageRgb8(drawing(width, height, seed)),
        ImageFormat::Jpeg,
    )
}

pub fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    encode(
        &DynamicImage::ImageRgb8(drawing(width, height, seed)),
        ImageFormat::Png,
    )
}

pub fn webp(width: u32, height: u32, seed: u8) -> Vec<u8> {
    encode(
        &DynamicImage::ImageRgb8(drawing(width, height, seed)),
        ImageFormat::WebP,
    )
}

/// A PNG of which the left half cannot be seen.
pub fn glass(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, _| {
        Rgba([200, 20, 20, if x < width / 2 { 0 } else { 255 }])
    });
    encode(&DynamicImage::ImageRgba8(picture), ImageFormat::Png)
}

/// A JPEG, red on the left and blue on the right.
pub fn flag(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, _| match x < width / 2 {
        true => Rgb([230, 10, 10]),
        false => Rgb([10, 10, 230]),
    });
    encode(&DynamicImage::ImageRgb8(picture), ImageFormat::Jpeg)
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// The picture in a file.
pub fn decode(content: &[u8]) -> DynamicImage {
    image::load_from_memory(content).unwrap()
}

/// A JPEG with metadata: an orientation, and text that must not survive.
pub fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"GPS-CANARY 52.5200 13.4050");
    let mut comment = segment(0xe1, &exif);
    comment.extend(segment(0xfe, b"COMMENT-CANARY"));
    [&jpeg[..2], &comment, &jpeg[2..]].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker][..], &length, content].concat()
}

/// A JPEG whose header says another size.
pub fn jpeg_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = jpeg(16, 16, 0);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// A PNG whose header says another size, with a valid checksum.
pub fn png_that_says(width: u32, height: u32) -> Vec<u8> {
    let mut png = png(16, 16, 0);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&png[12..29]).to_be_bytes();
    png[29..33].copy_from_slice(&sum);
    png
}

/// A lossless WebP whose header says another size.
pub fn webp_that_says(width: u32, height: u32) -> Vec<u8> {
    let mut webp = webp(16, 16, 0);
    let start = webp.windows(4).position(|word| word == b"VP8L").unwrap() + 9;
    let bits = u32::from_le_bytes(webp[start..start + 4].try_into().unwrap());
    let size = (width - 1) | ((height - 1) << 14);
    let bits = (bits & 0xf000_0000) | size;
    webp[start..start + 4].copy_from_slice(&bits.to_le_bytes());
    webp
}

/// A WebP that says that it moves.
pub fn moving_webp() -> Vec<u8> {
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x0f\0\0".to_vec();
    for _ in 0..10_000 {
        webp.extend(b"ANMF\x10\0\0\0\0\0\0\0\0\0\x0f\0\0\x0f\0\0\x01\0\0\0");
    }
    let length = u32::try_from(webp.len() - 8).unwrap().to_le_bytes();
    webp[4..8].copy_from_slice(&length);
    webp
}

/// PNG specification, annex D.
fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}
