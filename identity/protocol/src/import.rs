//! What becomes of the people in an export of another system. Exports are read as a whole before anything is written.
//!
//! Nobody who exists is ever changed, and no address counts as verified that the other system has not verified.

mod auth0;
mod authentik;
mod csv;
mod decision;
mod firebase;
mod format;
mod keycloak;
mod ldif;
mod person;
mod report;

pub use decision::{Decision, Facts, decide, usernames};
pub use firebase::HashConfig;
pub use format::Format;
pub use person::{Export, Imported};
pub use report::{Line, Outcome, Summary, csv_line, printable};
