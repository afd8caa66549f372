//! QR codes as paths of an SVG picture: part of a page, so that no other address carries what they hold.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// A QR code with its quiet zone.
#[derive(Debug)]
pub(crate) struct Qr {
    /// The width and height in modules.
    pub size: i32,
    /// The dark modules, as the data of an SVG path.
    pub path: String,
}

/// ISO/IEC 18004 asks for four light modules around a code.
const QUIET: i32 = 4;

impl Qr {
    /// The code of a text; `None` if it is too long for one.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let dark = (x..code.size()).take_while(|&x| code.get_module(x, y)).count();
                let dark = i32::try_from(dark).ok()?;
                if dark > 0 {
                    // A run of dark modules is one rectangle.
                    let (left, top) = (x + QUIET, y + QUIET);
                    write!(path, "M{left} {top}h{dark}v1h-{dark}z").ok()?;
                }
                x += dark + 1;
            }
        }
        Some(Self {
            size: code.size() + 2 * QUIET,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_draws_exactly_the_dark_modules() {
        let text = "otpauth://totp/localhost:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=localhost";
        let (code, qr) = (
            QrCode::encode_text(text, QrCodeEcc::Medium).unwrap(),
            Qr::of(text).unwrap(),
        );
        let mut drawn = std::collections::BTreeSet::new();
        for run in qr.path.split('z').filter(|run| !run.is_empty()) {
            let (place, length) = run.trim_start_matches('M').split_once('h').unwrap();
            let (left, top) = place.split_once(' ').unwrap();
            let (length, _) = length.split_once('v').unwrap();
            let (left, top, length): (i32, i32, i32) = (
                left.parse().unwrap(),
                top.parse().unwrap(),
                length.parse().unwrap(),
            );
            for x in left..left + length {
                assert!(drawn.insert((x - QUIET, top - QUIET)), "{run}");
            }
        }
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(drawn.contains(&(x, y)), code.get_module(x, y), "{x} {y}");
            }
        }
        assert_eq!(qr.size, code.size() + 8);
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert!(Qr::of(&"x".repeat(3_000)).is_none());
    }
}
