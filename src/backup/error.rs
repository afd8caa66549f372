//! Why a backup could not be made or restored.

use std::path::Path;

use latchkey_db::DbError;

use crate::embedded::FolderError;
use crate::error::StartError;

/// Why a backup could not be made or restored. Each is a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// What was asked for cannot be: another file, another folder, another installation.
    #[error("{0}")]
    Asked(String),
    /// The file is not what was written.
    #[error("{0}")]
    Damaged(String),
    #[error("{path}: {reason}")]
    Io { path: String, reason: String },
    #[error("the database {name}")]
    Db {
        name: String,
        #[source]
        source: DbError,
    },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Start(#[from] StartError),
    /// The databases are there, and what must end has not ended.
    #[error("what must end with a restore did not: {0}")]
    Ending(String),
}

impl BackupError {
    pub fn io(path: &Path, error: &std::io::Error) -> Self {
        // What the sealed file says about itself comes as an error of its reader.
        match error.kind() {
            std::io::ErrorKind::InvalidData => Self::Damaged(format!("{}: {error}", path.display())),
            _ => Self::Io {
                path: path.display().to_string(),
                reason: error.to_string(),
            },
        }
    }
}
