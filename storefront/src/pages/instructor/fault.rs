//! What is wrong with a course, as the catalog or this shop found it, in the language of the page.

use latchkey_web::Words;

/// The sentence in the language of the page, as far as it is known there.
pub fn fault(words: &Words, message: &str) -> String {
    let found = KNOWN.iter().find_map(|name| words.translated(name, message));
    found.unwrap_or_else(|| message.to_owned())
}

/// The messages that say what the catalog says, in the order in which they are tried.
const KNOWN: [&str; 18] = [
    "fault.control",
    "fault.at_least",
    "fault.at_most",
    "fault.between",
    "fault.entries",
    "fault.money",
    "fault.range",
    "fault.category",
    "fault.category_unset",
    "fault.language",
    "fault.list_below",
    "fault.list_alone",
    "fault.price_unset",
    "fault.no_lesson",
    "fault.places_unset",
    "fault.price_form",
    "fault.places_form",
    "fault.minutes",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_said_in_the_language_of_the_page_with_their_values() {
        let messages = crate::state::messages().unwrap();
        for (message, tr, fr) in [
            (
                "must have 5 to 120 characters",
                "5–120 karakter olmalı",
                "doit compter de 5 à 120 caractères",
            ),
            (
                "“Who owns it?” needs a length in minutes",
                "“Who owns it?” için dakika olarak bir süre gerekir",
                "«\u{a0}Who owns it?\u{a0}» a besoin d’une durée en minutes",
            ),
            ("requires a price", "bir fiyat gerektirir", "exige un prix"),
            ("something new", "something new", "something new"),
        ] {
            assert_eq!(fault(&messages.words(None), message), message);
            assert_eq!(fault(&messages.words(Some("tr")), message), tr);
            assert_eq!(fault(&messages.words(Some("fr")), message), fr);
        }
    }
}
