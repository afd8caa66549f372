//! The manifest: what is in a backup, and who made it when. It is the last thing in the file, and sealed like the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::error::BackupError;

/// The format that this version writes.
pub(super) const FORMAT: &str = "latchkey-backup/1";

/// What is in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`FORMAT`]
    pub format: String,
    /// The version of Latchkey that made it.
    pub version: String,
    /// RFC 3339
    pub made_at: String,
    /// The databases, as they were at one instant.
    pub databases: Vec<Database>,
    /// Everything in the file, in its order.
    pub entries: Vec<Entry>,
    /// What belongs to the installation and is not in the file: sentences for whoever restores it.
    pub left_out: Vec<String>,
}

/// A database in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Database {
    /// Whose it is: a role, `bus` or `revocations`.
    pub name: String,
    /// `sqlite` or `postgres`
    pub engine: String,
    /// The last migration of each owner of tables.
    pub migrations: BTreeMap<String, i64>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, i64>,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// `database/NAME`, `keys/NAME`, `data/NAME` or `files/ROLE/NAME`
    pub name: String,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest and compares it with what was found before it. `ours` is the version that reads.
    pub fn parse(text: &[u8], found: &[Entry], ours: &str) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Any {
            format: String,
        }
        let unreadable = |_| BackupError::Damaged("its manifest cannot be read".to_owned());
        let any: Any = serde_json::from_slice(text).map_err(unreadable)?;
        if any.format != FORMAT {
            return Err(BackupError::Asked(format!(
                "its format is {}, and this Latchkey reads {FORMAT}: restore it with the one that made it",
                any.format
            )));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(unreadable)?;
        if number(&manifest.version) > number(ours) {
            return Err(BackupError::Asked(format!(
                "it was made by Latchkey {}, and this is {ours}: restore it with that one or a newer one",
                manifest.version
            )));
        }
        if manifest.entries != found {
            return Err(BackupError::Damaged(
                "what is in it is not what its manifest says".to_owned(),
            ));
        }
        let copies = found
            .iter()
            .filter_map(|entry| entry.name.strip_prefix("database/"));
        let copies: BTreeSet<&str> = copies.collect();
        let named: BTreeSet<&str> = manifest.databases.iter().map(|one| one.name.as_str()).collect();
        if copies != named || named.len() != manifest.databases.len() {
            return Err(BackupError::Damaged(
                "its databases are not those of its manifest".to_owned(),
            ));
        }
        Ok(manifest)
    }
}

/// A version as what can be compared.
fn number(version: &str) -> Vec<u64> {
    let parts = version.split(['.', '-', '+']).take(3);
    parts.map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_of_this_version_or_older_and_lists_what_was_found() {
        let entry = Entry {
            name: "database/identity".to_owned(),
            bytes: 3,
            sha256: "00".to_owned(),
        };
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: "1.2.3".to_owned(),
            made_at: "2026-11-20T00:00:00Z".to_owned(),
            databases: vec![Database {
                name: "identity".to_owned(),
                engine: "sqlite".to_owned(),
                migrations: BTreeMap::new(),
                rows: BTreeMap::new(),
            }],
            entries: vec![entry.clone()],
            left_out: Vec::new(),
        };
        let read = |manifest: &Manifest, found: &[Entry], ours| {
            Manifest::parse(&serde_json::to_vec(manifest).unwrap(), found, ours)
        };
        let found = [entry];
        for ours in ["1.2.3", "1.10.0", "2.0.0"] {
            assert!(read(&manifest, &found, ours).is_ok(), "{ours}");
        }
        for older in ["1.2.2", "1.1.9", "0.9.0"] {
            assert!(read(&manifest, &found, older).is_err(), "{older}");
        }
        assert!(read(&manifest, &[], "1.2.3").is_err());
        let mut other = manifest.clone();
        other.databases.clear();
        assert!(read(&other, &found, "1.2.3").is_err());
        let mut next = manifest;
        next.format = "latchkey-backup/2".to_owned();
        let refused = read(&next, &found, "9.0.0").unwrap_err().to_string();
        assert!(refused.contains("latchkey-backup/2"), "{refused}");
        assert!(Manifest::parse(b"{}", &[], "1.0.0").is_err());
    }
}
