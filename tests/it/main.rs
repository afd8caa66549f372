//! Behaviour seen from outside: the real binary and the real routers, real databases, real sockets.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod absences;
mod arrows;
mod checklist;
mod chromium;
mod circles;
mod commands;
mod commands_about_clients;
mod client_address;
mod concurrent_revocation;
mod consent;
mod contract;
mod crash_sign_in;
mod documents;
mod ends;
mod family_limits;
mod foreign;
mod full_disk;
mod harness;
mod journey;
mod killed;
mod logout_tokens;
mod separate_processes;
mod startup;
mod unread_output;
mod races;
mod requests;
mod retention;
mod shop;
mod sign_in;
mod toy;
mod two_nodes;
