//! The security checklist, item by item, against the real house. A test is named after its item; where the item has
//! CVE numbers they come first, so that `cargo test cve_` lists what happened to others.

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
mod world;
