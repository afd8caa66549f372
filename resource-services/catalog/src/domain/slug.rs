//! The slug: the readable part of a course's address.

use latchkey_kit::is_id;

use super::fold;

/// The slug of a title: folded to ASCII, words joined by `-`. Never empty, and never an id or the name of another route,
/// because they are used in the same place of the path.
pub fn slug_of(title: &str) -> String {
    let mut slug = String::new();
    for c in fold(title).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') && !is_silent(c) {
            slug.push('-');
        }
        if slug.len() >= LONGEST {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() || is_id(slug) || slug == TAKEN {
        format!("course-{slug}").trim_end_matches('-').to_owned()
    } else {
        slug.to_owned()
    }
}

/// The slugs to try, in order: the plain one, a few numbered ones, and one that ends in `tail`, which is unique to the
/// course and therefore free.
pub fn slugs_for(title: &str, tail: &str) -> Vec<String> {
    let base = slug_of(title);
    let numbered = (2..=NUMBERED).map(|n| format!("{base}-{n}"));
    std::iter::once(base.clone())
        .chain(numbered)
        .chain([format!("{base}-{tail}")])
        .collect()
}

/// Whether a path segment can be a slug; anything else is answered without querying the database.
pub fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST + 40
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// An apostrophe is dropped: `don't` becomes `dont`.
fn is_silent(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

const LONGEST: usize = 80;
/// `/courses/suggestions` is no course.
const TAKEN: &str = "suggestions";
const NUMBERED: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_folded_to_ascii_words() {
        for (title, slug) in [
            ("Rust from the ground up", "rust-from-the-ground-up"),
            ("  C++ & Rust: don't panic!  ", "c-rust-dont-panic"),
            ("Çağdaş Türkçe Öykü Yazımı", "cagdas-turkce-oyku-yazimi"),
            ("Fußnoten für Größe", "fussnoten-fur-grosse"),
            ("L’œuvre française", "loeuvre-francaise"),
            ("日本語入門", "course"),
            ("---", "course"),
        ] {
            assert_eq!(slug_of(title), slug);
        }
    }

    #[test]
    fn a_title_that_looks_like_an_identifier_cannot_take_its_place() {
        let slug = slug_of("01234567-89ab-7cde-8f01-23456789abcd");
        assert_eq!(slug, "course-01234567-89ab-7cde-8f01-23456789abcd");
        assert_eq!(slug_of("Suggestions!"), "course-suggestions");
    }

    #[test]
    fn every_slug_that_is_made_is_one_that_is_accepted() {
        let tail = "23456789abcd";
        for title in ["x".repeat(120), "é ".repeat(60), "日本".into(), "Ⅷ ½ ﬁ".into()] {
            for slug in slugs_for(&title, tail) {
                assert!(is_slug(&slug), "{slug}");
            }
        }
    }

    #[test]
    fn the_last_resort_carries_the_courses_own_tail() {
        let slugs = slugs_for("Rust", "abc");
        assert_eq!((slugs[0].as_str(), slugs[1].as_str()), ("rust", "rust-2"));
        assert_eq!(slugs.last().map(String::as_str), Some("rust-abc"));
    }
}
