//! Backups of a whole installation: one file, sealed, and the way back. docs/backup.md describes the file.

mod archive;
mod error;
mod make;
mod manifest;
mod places;
mod restore;
mod seal;

pub(crate) use error::BackupError;
pub(crate) use make::make;
pub(crate) use manifest::Manifest;
pub(crate) use restore::restore;
pub(crate) use seal::Passphrase;
