//! Everything that pages say comes from the message file, and everything in the file is said.

use latchkey_storefront::MESSAGES;
use latchkey_testkit::translations::every_language_says_the_same;
use latchkey_testkit::words::{self, what_is_in_the_files_is_said, what_is_said_is_in_the_files};
use latchkey_web::Words;

fn sources() -> String {
    let paths = [
        "src",
        "../templates/storefront",
        "../templates/partials",
        "../templates/base.html",
    ];
    words::sources(env!("CARGO_MANIFEST_DIR"), &paths)
}

fn words() -> Words {
    latchkey_storefront::messages().unwrap().words(None)
}

#[test]
fn every_message_in_the_file_is_said_somewhere() {
    // Dates are put together in platform/web, and the names of languages there, too.
    let elsewhere = ["date.", "common.language_name"];
    what_is_in_the_files_is_said(&words(), &sources(), &elsewhere);
}

#[test]
fn every_message_that_is_said_is_in_the_file_and_gets_its_values() {
    what_is_said_is_in_the_files(&words(), &sources(), 80);
}

#[test]
fn every_language_says_everything_with_the_same_values() {
    every_language_says_the_same(&MESSAGES);
}

#[test]
fn numbers_are_said_in_each_of_their_forms() {
    let words = words();
    for (name, one, other) in [
        ("unit.lessons", "1\u{a0}lesson", "2\u{a0}lessons"),
        ("unit.sections", "1 section", "2 sections"),
        ("buy.previews", "1 lesson to preview", "2 lessons to preview"),
    ] {
        assert_eq!(words.count(name, 1), one);
        assert_eq!(words.count(name, 2), other);
    }
}

#[test]
fn no_template_lets_text_through_as_markup() {
    let sources = sources();
    for forbidden in ["|safe", "| safe", "escape = \"none\"", "{% filter", "HtmlSafe"] {
        assert!(!sources.contains(forbidden), "{forbidden}");
    }
}
