//! Behaviour seen from outside: the real binary and the real routers, real databases, real sockets.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod absences;
mod arrows;
mod asyncapi;
mod browser_security;
mod bulk_revocation;
mod calls;
mod chaos;
mod chromium;
mod circles;
mod client_address;
mod commands;
mod commands_about_clients;
mod consumer_groups;
mod contract;
mod crash_sign_in;
mod documents;
mod fault_injection;
mod feed;
mod foreign;
mod full_disk;
mod harness;
mod journey;
mod keys;
mod killed;
mod logs;
mod machine_tokens;
mod marketplace;
mod outgoing_calls;
mod photos;
mod races;
mod relying_party;
mod revocation_at_services;
mod secrets_at_rest;
mod separate_processes;
mod shop;
mod shop_sessions;
mod sign_in;
mod startup;
mod supply_chain;
mod token_confusion;
mod token_confusion_sign_in;
mod toy;
mod two_nodes;
mod unread_output;
