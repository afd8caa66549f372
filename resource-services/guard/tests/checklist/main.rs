//! Security tests of the guard, each named after its item in docs/attacks.md. Those for a CVE carry its number: `cargo
//! test cve_` lists them.

#[cfg(feature = "http")]
mod feed;
mod jw;
mod jw_keys;
mod mint;
mod revocation;
mod rs;
