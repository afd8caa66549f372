//! Values in messages: text, which keeps its own direction, and numbers, which select plural forms.

use std::borrow::Cow;

use fluent_bundle::FluentValue;
use unicode_bidi::{BidiClass, bidi_class};

/// A value that replaces `{ $name }` in a message.
pub trait Argument {
    fn argument(&self) -> FluentValue<'_>;
}

impl Argument for str {
    fn argument(&self) -> FluentValue<'_> {
        isolated(self).into()
    }
}

impl Argument for String {
    fn argument(&self) -> FluentValue<'_> {
        isolated(self).into()
    }
}

impl Argument for i64 {
    fn argument(&self) -> FluentValue<'_> {
        (*self).into()
    }
}

impl Argument for usize {
    fn argument(&self) -> FluentValue<'_> {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }
}

impl<T: Argument + ?Sized> Argument for &T {
    fn argument(&self) -> FluentValue<'_> {
        (**self).argument()
    }
}

/// A text that contains right-to-left characters or changes the direction is enclosed in FSI and PDI (UAX #9), so that
/// it cannot reorder the sentence around it. Any other text stays as it is. Fluent itself would isolate every value,
/// but in a left-to-right sentence those marks have no visible effect, and they would get into titles and attributes,
/// and into the text that a search or a test of the page looks for.
fn isolated(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || !text.chars().any(turns) {
        return Cow::Borrowed(text);
    }
    let mut marked = String::with_capacity(text.len() + 6);
    marked.push('\u{2068}');
    // Isolation marks in the text could end ours too early.
    marked.extend(text.chars().filter(|c| !matches!(c, '\u{2066}'..='\u{2069}')));
    marked.push('\u{2069}');
    Cow::Owned(marked)
}

fn turns(c: char) -> bool {
    use BidiClass::{AL, AN, FSI, LRE, LRI, LRO, PDF, PDI, R, RLE, RLI, RLO};
    let class = bidi_class(c);
    matches!(class, R | AL | AN) || matches!(class, LRE | LRO | RLE | RLO | PDF | LRI | RLI | FSI | PDI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_left_to_right_is_put_in_as_it_is() {
        for text in ["", "Ada", "Inês Šimková", "東京", "€1,299.00", "a\u{a0}b – “c”"] {
            assert!(
                matches!(isolated(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    #[test]
    fn text_from_right_to_left_is_isolated() {
        for text in ["דנה", "سارة", "Ada (دبي)", "٣"] {
            assert_eq!(isolated(text), format!("\u{2068}{text}\u{2069}"));
        }
    }

    #[test]
    fn an_override_ends_with_its_text() {
        assert_eq!(isolated("\u{202e}evil"), "\u{2068}\u{202e}evil\u{2069}");
        assert_eq!(
            isolated("a\u{2069}\u{202e}b\u{2067}"),
            "\u{2068}a\u{202e}b\u{2069}"
        );
    }

    #[test]
    fn numbers_stay_numbers() {
        assert_eq!((-3_i64).argument(), FluentValue::from(-3_i64));
        assert_eq!(usize::MAX.argument(), FluentValue::from(i64::MAX));
    }
}
