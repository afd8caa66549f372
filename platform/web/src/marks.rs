//! The marks that keep the direction of a value apart (UAX #9 §2.4): for text on a page, and for nothing else.

use std::borrow::Cow;

/// The text without the marks: for a text mail, a header or a title, which show them as boxes or not at all.
pub fn without_marks(text: &str) -> Cow<'_, str> {
    if text.contains(is_mark) {
        Cow::Owned(text.chars().filter(|c| !is_mark(*c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// A page without the marks where nobody sees a direction: in its title, and in attributes that are read out. What
/// somebody wrote into a field stays as it is.
pub(crate) fn only_in_text(page: String) -> String {
    if !page.contains(is_mark) {
        return page;
    }
    let mut out = String::with_capacity(page.len());
    for (at, c) in page.char_indices() {
        if !is_mark(c) || shows_direction(&page[..at]) {
            out.push(c);
        }
    }
    out
}

/// Whether what comes after this beginning of a page is text, or the value of a field. Askama has escaped every `<`,
/// `>` and `"` that is not markup.
fn shows_direction(before: &str) -> bool {
    let Some(at) = before.rfind(['<', '>']) else {
        return true;
    };
    if before.as_bytes()[at] == b'>' {
        return !before[..at].ends_with("<title");
    }
    let attribute = before[at..].rsplit_once("=\"").map(|(tag, _)| tag);
    let name = attribute.and_then(|tag| tag.rsplit([' ', '\n']).next());
    !name.is_some_and(|name| READ_OUT.contains(&name))
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{2066}'..='\u{2069}')
}

/// Attributes that hold a sentence.
const READ_OUT: [&str; 6] = ["aria-label", "alt", "title", "content", "placeholder", "label"];

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "\u{2068}דנה\u{2069}";

    #[test]
    fn marks_stay_in_text_and_fields_and_leave_titles_and_attributes() {
        for (page, kept) in [
            (format!("<p>{NAME} asks</p>"), true),
            (NAME.to_owned(), true),
            (format!("<input value=\"{NAME}\">"), true),
            (format!("<title>{NAME} · Shop</title>"), false),
            (format!("<p id=\"a\" aria-label=\"Of {NAME}\">"), false),
            (format!("<img alt=\"{NAME}\" width=\"1\">"), false),
            (format!("<meta name=\"description\" content=\"{NAME}\">"), false),
        ] {
            let expected = if kept {
                page.clone()
            } else {
                page.replace(NAME, "דנה")
            };
            assert_eq!(only_in_text(page), expected);
        }
    }

    #[test]
    fn a_text_mail_has_none() {
        assert_eq!(without_marks(&format!("For {NAME}")), "For דנה");
        assert!(matches!(without_marks("For Dana"), Cow::Borrowed("For Dana")));
    }
}
