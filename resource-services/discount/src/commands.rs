//! The writing steps: load the facts, let the domain decide, write the decision together with its event. Everything
//! here runs inside one transaction; routes, consumers and the demo use the same functions.

pub mod coupons;
pub mod quotes;
pub mod redemptions;
