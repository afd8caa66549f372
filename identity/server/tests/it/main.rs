//! The issuer alone, through its real router and listener, on SQLite and on PostgreSQL. A file is a feature.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod account;
mod authorize;
mod client_authentication;
mod client_credentials;
mod client_validity;
mod clients;
mod code;
mod concurrent_revocation;
mod consent;
mod discovery;
mod family_limits;
mod harness;
mod introspection;
mod keys;
mod lockout;
mod logout_tokens;
mod pages;
mod refresh;
mod requests;
mod retention;
mod revocation;
mod secrets;
mod sign_in;
mod sign_out;
mod storage_faults;
mod storage_faults_of_sign_ins;
mod throttling;
mod token_endpoint;
mod token_exchange;
mod unfinished_requests;
mod users;
