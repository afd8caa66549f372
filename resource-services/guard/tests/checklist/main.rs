//! The guard's items of the security checklist, each test named after its item. What has a CVE carries
//! its number: `cargo test cve_` lists them.

#[cfg(feature = "http")]
mod feed;
mod jw;
mod jw_keys;
mod mint;
mod revocation;
mod rs;
