//! The security checklist, item by item, against the real house. The item and its CVE numbers
//! stand in the comment above the test.

mod attacks;
mod authentication;
mod authorization;
mod clients;
mod families;
mod fault_injection;
mod feed;
mod forms;
mod grants;
mod guesses;
mod introspection;
mod keys;
mod logs;
mod people;
mod relying_party;
mod secrets;
mod shop;
mod sign_out;
mod standing;
mod storage;
mod storage_people;
mod supply;
mod throttle;
mod token_confusion;
mod token_confusion_sign_in;
