//! The one colour that an operator chooses: the shades that pages of both themes need of it, and whether it can be read.

use std::fmt;

/// A colour of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// `#` and six hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// So many hundredths of this colour, and the rest of another.
    fn mixed(self, hundredths: u32, other: Self) -> Self {
        let mut parts = [0; 3];
        for (part, (one, two)) in parts.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let sum = u32::from(one) * hundredths + u32::from(two) * (100 - hundredths);
            *part = u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX);
        }
        Self(parts)
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let value = f64::from(part) / 255.0;
            if value <= 0.040_45 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// WCAG 2.2, contrast ratio.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02X}{green:02X}{blue:02X}")
    }
}

/// What one theme shows of the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shades {
    /// Links, buttons and icons.
    pub accent: Colour,
    /// The same under the pointer.
    pub strong: Colour,
    /// Behind text.
    pub wash: Colour,
}

/// The colour in both themes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    pub light: Shades,
    pub dark: Shades,
}

/// Why a colour is not taken; each is a sentence for its author.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AccentError {
    /// It is none.
    #[error("{0:?} is not a colour such as #0F6B5C")]
    NoColour(String),
    /// Text of it cannot be read on the light pages, or white text on it.
    #[error(
        "{colour} has a contrast of {contrast:.1} on light pages, and text needs 4.5: choose a darker colour"
    )]
    TooLight { colour: Colour, contrast: f64 },
}

/// What stands around the colour in one theme, as the style sheet has it.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    /// Backgrounds of pages and cards.
    pub grounds: [Colour; 3],
    /// Text on a button.
    pub on_accent: Colour,
    /// Text, and icons beside it.
    pub ink: Colour,
    pub muted: Colour,
}

/// The light theme: `paper`, `surface`, `sunken`, `on-accent`, `ink`, `muted`.
pub const LIGHT: Ground = Ground {
    grounds: [
        Colour([0xFA, 0xF8, 0xF4]),
        Colour([0xFF, 0xFF, 0xFF]),
        Colour([0xF3, 0xEF, 0xE7]),
    ],
    on_accent: Colour([0xFF, 0xFF, 0xFF]),
    ink: Colour([0x1B, 0x1D, 0x22]),
    muted: Colour([0x5E, 0x64, 0x70]),
};
/// The dark theme.
pub const DARK: Ground = Ground {
    grounds: [
        Colour([0x14, 0x16, 0x1A]),
        Colour([0x1C, 0x1F, 0x25]),
        Colour([0x0F, 0x11, 0x14]),
    ],
    on_accent: Colour([0x0C, 0x21, 0x1C]),
    ink: Colour([0xEC, 0xEA, 0xE4]),
    muted: Colour([0x9B, 0xA1, 0xAC]),
};

/// WCAG 2.2 §1.4.3, text; §1.4.11, icons.
const TEXT: f64 = 4.5;
const ICON: f64 = 3.0;
const BLACK: Colour = Colour([0; 3]);
const WHITE: Colour = Colour([0xFF; 3]);

/// The shades of a colour. In the light theme it is what the operator wrote; in the dark one it is as much lighter as text
/// needs.
pub fn accent(text: &str) -> Result<Accent, AccentError> {
    let colour = Colour::parse(text).ok_or_else(|| AccentError::NoColour(text.to_owned()))?;
    let contrast = least(colour, &LIGHT);
    if contrast < TEXT {
        return Err(AccentError::TooLight { colour, contrast });
    }
    let mut lighter = (0..=20).map(|step| colour.mixed(100 - step * 5, WHITE));
    let dark = lighter
        .find(|colour| least(*colour, &DARK) >= TEXT)
        .unwrap_or(WHITE);
    Ok(Accent {
        light: shades(colour, colour.mixed(75, BLACK), &LIGHT),
        dark: shades(dark, dark.mixed(70, WHITE), &DARK),
    })
}

/// The least contrast of a colour that carries text, and of text on it.
fn least(colour: Colour, ground: &Ground) -> f64 {
    let grounds = ground.grounds.iter().chain([&ground.on_accent]);
    grounds
        .map(|other| colour.contrast(*other))
        .fold(f64::MAX, f64::min)
}

fn shades(accent: Colour, strong: Colour, ground: &Ground) -> Shades {
    let surface = ground.grounds[1];
    let reads = |wash: &Colour| {
        let text = [accent, strong, ground.ink];
        text.iter().all(|text| text.contrast(*wash) >= TEXT) && ground.muted.contrast(*wash) >= ICON
    };
    let mut washes = [15, 12, 10, 8, 6, 4, 2]
        .map(|much| accent.mixed(much, surface))
        .into_iter();
    Shades {
        accent,
        strong,
        wash: washes.find(reads).unwrap_or(surface),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_colour_is_taken_can_be_read_in_both_themes() {
        for text in ["#0F6B5C", "#1A4FD0", "#8A1C1C", "#000000", "#5B2A86", "#0b3d91"] {
            let Accent { light, dark } = accent(text).unwrap();
            for (shades, ground) in [(light, LIGHT), (dark, DARK)] {
                for colour in [shades.accent, shades.strong] {
                    assert!(least(colour, &ground) >= TEXT, "{text} {colour}");
                    assert!(
                        colour.contrast(shades.wash) >= TEXT,
                        "{text} {colour} on {}",
                        shades.wash
                    );
                }
                assert!(ground.ink.contrast(shades.wash) >= TEXT, "{text}");
            }
            assert_eq!(light.accent, Colour::parse(text).unwrap(), "as it was written");
        }
    }

    #[test]
    fn a_colour_that_cannot_be_read_is_refused_in_a_sentence() {
        let told = |text: &str| accent(text).unwrap_err().to_string();
        assert_eq!(
            told("#FFCC00"),
            "#FFCC00 has a contrast of 1.3 on light pages, and text needs 4.5: choose a darker colour"
        );
        for bad in [
            "",
            "teal",
            "#0F6B5",
            "#0F6B5CC",
            "#0F6B5G",
            "#é1234",
            "url(x)",
            "#0F6B5C;}",
        ] {
            assert_eq!(told(bad), format!("{bad:?} is not a colour such as #0F6B5C"));
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        assert!((WHITE.contrast(WHITE) - 1.0).abs() < 1e-9);
        let (grey, white) = (Colour::parse("#767676").unwrap(), WHITE);
        assert!(grey.contrast(white) >= 4.5);
    }
}
