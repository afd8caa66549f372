//! The refresh family as a state machine: histories of honest client, thief, duplicates, lost answers, clocks, revocations,
//! crashes and restores, and what each token must get in them. The protocol's tests run them in memory, the store's on
//! its rows; both run them on the defects that others have shipped, too.

pub mod deciders;
pub mod history;
pub mod model;
pub mod world;
