//! Security tests of the guard. The item of docs/attacks.md and the CVE that a test is for stand in the comment above it:
//! `git grep -n CVE-2026-25537` finds them.

#[cfg(feature = "http")]
mod discovery;
#[cfg(feature = "http")]
mod feed;
mod keys;
mod mint;
mod requests;
mod revocation;
mod tokens;
#[cfg(feature = "http")]
mod vectors;
