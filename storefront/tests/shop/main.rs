//! The shop through its real router, over a catalog that a test makes up.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod admin;
mod away;
mod backends;
mod billing;
mod buying;
mod certificate;
mod coupons;
mod dead_letters;
mod hostile;
mod issuer;
mod languages;
mod learning;
mod logout;
mod order_status;
mod orders;
mod pages;
mod photos;
mod reading;
mod reviews;
mod searching;
mod sign_in;
mod stub;
mod teaching;
mod theme;
mod upgrade;
mod wallet;
mod wishlist;
mod words;
