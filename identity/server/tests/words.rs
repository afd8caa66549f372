//! Everything that the issuer's pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;

use latchkey_identity::EN;
use latchkey_protocol::error::PageError;
use latchkey_testkit::words::{self, what_is_in_the_files_is_said, what_is_said_is_in_the_files};
use latchkey_web::{COMMON_EN, Messages, Words};

fn sources() -> String {
    let paths = ["src", "../../templates/identity", "../../templates/base.html"];
    words::sources(env!("CARGO_MANIFEST_DIR"), &paths)
}

fn words() -> Words {
    Messages::read(&[COMMON_EN, EN]).expect("messages").words(None)
}

#[test]
fn every_message_that_is_said_is_in_the_file_and_gets_its_values() {
    what_is_said_is_in_the_files(&words(), &sources(), 60);
}

#[test]
fn numbers_are_said_in_each_of_their_forms() {
    let words = words();
    assert_eq!(words.count("account.renewed", 1), "renewed once");
    assert_eq!(words.count("account.renewed", 0), "renewed 0 times");
    assert_eq!(words.count("account.retries", 1), "one lost response sent again");
    assert_eq!(
        words.count("account.retries", 1_000),
        "1000 lost responses sent again"
    );
}

#[test]
fn every_refusal_has_a_sentence_of_its_own() {
    let words = words();
    let all = PageError::ALL.map(|error| words.say(&format!("sorry.{}", error.code())).to_owned());
    for (error, sentence) in PageError::ALL.iter().zip(&all) {
        assert!(sentence.contains(' '), "{error:?}: {sentence}");
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn every_message_in_the_file_is_said_somewhere() {
    // The issuer's own: the common ones are said in platform/web.
    let words = Messages::read(&[EN]).expect("messages").words(None);
    what_is_in_the_files_is_said(&words, &sources(), &[]);
}
