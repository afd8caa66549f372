//! The shop through its real router, over a catalog that a test makes up.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod away;
mod buying;
mod hostile;
mod issuer;
mod logout;
mod pages;
mod reading;
mod sign_in;
mod stub;
mod theme;
mod words;
