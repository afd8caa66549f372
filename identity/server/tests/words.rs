//! Everything that the issuer's pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;

use latchkey_identity::MESSAGES;
use latchkey_protocol::error::PageError;
use latchkey_testkit::translations::every_language_says_the_same;
use latchkey_testkit::words::{self, what_is_in_the_files_is_said, what_is_said_is_in_the_files};
use latchkey_web::{COMMON, Messages, Words};

fn sources() -> String {
    let paths = ["src", "../../templates/identity", "../../templates/base.html"];
    words::sources(env!("CARGO_MANIFEST_DIR"), &paths)
}

fn words() -> Words {
    latchkey_identity::messages(None).expect("messages").words(None)
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
        "1,000 lost responses sent again"
    );
}

#[test]
fn every_language_says_everything_with_the_same_values() {
    every_language_says_the_same(&MESSAGES);
    every_language_says_the_same(&COMMON);
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
    let words = Messages::read(&MESSAGES).expect("messages").words(None);
    what_is_in_the_files_is_said(&words, &sources(), &[]);
}

/// What our own services declare is said in every language: by exactly these words, or it would stay English.
#[test]
fn every_declared_scope_and_resource_is_known_in_every_language() {
    use latchkey_contracts::resource as of;
    let messages = latchkey_identity::messages(None).expect("messages");
    let resources = [
        &of::catalog::RESOURCE,
        &of::basket::RESOURCE,
        &of::discount::RESOURCE,
        &of::order::RESOURCE,
        &of::payment::RESOURCE,
        &of::inventory::RESOURCE,
        &of::photo::RESOURCE,
        &of::billing::RESOURCE,
    ];
    let english = messages.words(None);
    let mut known = BTreeSet::new();
    for resource in resources {
        let title = format!("resource.{}", resource.name);
        assert_eq!(english.say(&title), resource.title);
        known.insert(title);
        for scope in resource.scopes {
            let name = format!("declared.{}", scope.name.replace(['.', '-'], "_"));
            assert_eq!(english.say(&name), scope.description);
            known.insert(name);
        }
    }
    let declared = |name: &&str| name.starts_with("resource.") || name.starts_with("declared.");
    let said: BTreeSet<String> = english.names().filter(declared).map(str::to_owned).collect();
    assert_eq!(said, known);
}
