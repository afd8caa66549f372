//! Text whose numbers of documents are not broken at their hyphens.

use crate::Html;

/// The text with each number of a document, such as `INV-2026-000001`, in an element of the class `whole`, which the
/// style keeps on one line. Whoever copies it copies the number alone: no character is added.
pub fn whole(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 32);
    for piece in text.split_inclusive(char::is_whitespace) {
        let (word, space) = piece.split_at(piece.trim_end().len());
        if is_number(word) {
            out.push_str("<span class=\"whole\">");
            escape(word, &mut out);
            out.push_str("</span>");
        } else {
            escape(word, &mut out);
        }
        out.push_str(space);
    }
    Html(out)
}

/// Whether a word has hyphens between capital letters and digits. The marks of a direction may stand around it.
fn is_number(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    core.contains('-')
        && core.bytes().any(|byte| byte.is_ascii_digit())
        && core
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_document_stays_whole() {
        for (text, expected) in [
            (
                "Invoice INV-2026-000001",
                "Invoice <span class=\"whole\">INV-2026-000001</span>",
            ),
            (
                "\u{2068}LK-2026-000001\u{2069} and more",
                "<span class=\"whole\">\u{2068}LK-2026-000001\u{2069}</span> and more",
            ),
            ("Your invoice is on its way", "Your invoice is on its way"),
            ("A well-known course of 2026", "A well-known course of 2026"),
            ("", ""),
        ] {
            assert_eq!(whole(text).to_string(), expected);
        }
    }

    #[test]
    fn a_text_stays_text() {
        let shown = whole("<b>A-1</b> & \"B-2\" 'C'").to_string();
        let expected =
            "&lt;b&gt;A-1&lt;/b&gt; &amp; <span class=\"whole\">&quot;B-2&quot;</span> &#39;C&#39;";
        assert_eq!(shown, expected);
    }
}
