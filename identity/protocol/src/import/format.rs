//! The formats of exports, each with its reader.

use super::decision::refuse_twins;
use super::firebase::HashConfig;
use super::person::Export;
use super::{auth0, authentik, csv, firebase, keycloak, ldif};

/// The formats of exports.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// A realm of Keycloak, or its users alone.
    Keycloak,
    /// Users of Auth0: an array, or one object a line.
    Auth0,
    /// `ak dumpdata authentik_core.user` of authentik.
    Authentik,
    /// `firebase auth:export`, with the parameters of the project.
    Firebase(Option<HashConfig>),
    /// A table with a header.
    Csv,
    /// Entries of a directory (RFC 2849).
    Ldif,
}

impl Format {
    /// The name of the format, with which the ids of its exports begin.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Keycloak => "keycloak",
            Self::Auth0 => "auth0",
            Self::Authentik => "authentik",
            Self::Firebase(_) => "firebase",
            Self::Csv => "csv",
            Self::Ldif => "ldif",
        }
    }

    /// Reads an export; the error is a sentence for whoever imports it. `import` names this import.
    pub fn read(&self, text: &str, import: &str) -> Result<Export, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut export = match self {
            Self::Keycloak => keycloak::read(text),
            Self::Auth0 => auth0::read(text),
            Self::Authentik => authentik::read(text),
            Self::Firebase(config) => firebase::read(text, config.as_ref(), import),
            Self::Csv => csv::read(text),
            Self::Ldif => ldif::read(text),
        }?;
        for person in &mut export.people {
            person.check();
        }
        refuse_twins(&mut export.people);
        Ok(export)
    }
}
