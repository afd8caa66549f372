//! Texts of a document: amounts, days, and how wide words are.

use std::sync::LazyLock;

use krilla::text::Font;
use latchkey_clock::rfc3339;
use ttf_parser::Face;

/// A weight of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

impl Weight {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../../fonts/DejaVuSans.ttf"),
            Self::Bold => include_bytes!("../../fonts/DejaVuSans-Bold.ttf"),
        }
    }

    fn face(self) -> Option<&'static Face<'static>> {
        static REGULAR: LazyLock<Option<Face<'static>>> =
            LazyLock::new(|| Face::parse(Weight::Regular.bytes(), 0).ok());
        static BOLD: LazyLock<Option<Face<'static>>> =
            LazyLock::new(|| Face::parse(Weight::Bold.bytes(), 0).ok());
        match self {
            Self::Regular => REGULAR.as_ref(),
            Self::Bold => BOLD.as_ref(),
        }
    }

    /// The font for a document; none if the file in the binary is not one.
    pub fn font(self) -> Option<Font> {
        Font::new(self.bytes().into(), 0)
    }

    /// How wide a text is, in points.
    pub fn width(self, text: &str, size: f32) -> f32 {
        let Some(face) = self.face() else { return 0.0 };
        let advance = |c: char| {
            let glyph = face.glyph_index(c).unwrap_or_default();
            f32::from(face.glyph_hor_advance(glyph).unwrap_or_default())
        };
        text.chars().map(advance).sum::<f32>() * size / f32::from(face.units_per_em())
    }

    /// The lines of a text that is at most so wide. A word that is wider by itself is cut; what does not fit into the
    /// last line ends in an ellipsis.
    pub fn wrap(self, text: &str, size: f32, width: f32, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        let pieces = text
            .split_whitespace()
            .flat_map(|word| self.pieces(word, size, width));
        for piece in pieces {
            let joined = match line.is_empty() {
                true => piece.clone(),
                false => format!("{line} {piece}"),
            };
            if self.width(&joined, size) <= width {
                line = joined;
                continue;
            }
            if lines.len() + 1 >= most {
                line.push('…');
                break;
            }
            lines.push(std::mem::replace(&mut line, piece));
        }
        lines.push(line);
        lines
    }

    fn pieces(self, word: &str, size: f32, width: f32) -> Vec<String> {
        let mut pieces = vec![String::new()];
        let mut used = 0.0;
        for c in word.chars() {
            let wide = self.width(c.encode_utf8(&mut [0; 4]), size);
            if used + wide > width {
                pieces.push(String::new());
                used = 0.0;
            }
            if let Some(last) = pieces.last_mut() {
                last.push(c);
            }
            used += wide;
        }
        pieces
    }
}

/// The letters of a text that the font lacks.
#[cfg(test)]
pub fn missing(text: &str) -> String {
    let has = |c: &char| {
        Weight::Regular
            .face()
            .is_some_and(|face| face.glyph_index(*c).is_some())
    };
    text.chars().filter(|c| !has(c)).collect()
}

/// `1,234.50 EUR`
pub fn money(minor: i64, currency: &str) -> String {
    let digits = (minor.unsigned_abs() / 100).to_string();
    let mut whole = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            whole.push(',');
        }
        whole.push(digit);
    }
    let sign = if minor < 0 { "\u{2212}" } else { "" };
    format!("{sign}{whole}.{:02} {currency}", minor.unsigned_abs() % 100)
}

/// `2026-11-20`
pub fn day(ms: i64) -> String {
    rfc3339(ms).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_digits_and_groups_of_three() {
        for (minor, text) in [
            (0, "0.00 EUR"),
            (5, "0.05 EUR"),
            (99_999, "999.99 EUR"),
            (123_456_789, "1,234,567.89 EUR"),
            (-1_050, "\u{2212}10.50 EUR"),
        ] {
            assert_eq!(money(minor, "EUR"), text);
        }
        assert!(money(i64::MIN, "EUR").starts_with('\u{2212}'));
    }

    #[test]
    fn a_text_is_wrapped_between_words_and_a_long_word_is_cut() {
        let lines = Weight::Regular.wrap("one two three four", 10.0, 50.0, 9);
        assert!(lines.len() > 1);
        assert_eq!(lines.join(" "), "one two three four");
        let cut = Weight::Regular.wrap(&"W".repeat(100), 10.0, 50.0, 3);
        assert_eq!(cut.len(), 3);
        assert!(cut[2].ends_with('…'));
        assert_eq!(Weight::Bold.wrap("", 10.0, 50.0, 3), [""]);
    }
}
