//! Restores a backup into an empty installation: everything is opened and compared before the first write.

use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use latchkey_clock::{Clock, Random};
use latchkey_db::copies;

use super::archive;
use super::error::BackupError;
use super::make::engine_name;
use super::manifest::{Database, Manifest};
use super::places::{self, Named};
use super::seal::{Opened, Passphrase};
use crate::config::{Config, Role};
use crate::embedded;
use crate::offline_admin::open_restored;

/// Who ends what ends with a restore, in the audit trail.
const ACTOR: &str = "cli";

/// Restores a backup. Until it is complete nothing starts on what it wrote.
pub(crate) async fn restore(
    config: &Config,
    file: &Path,
    passphrase: &Passphrase,
    (clock, random): (Clock, Random),
    tell: impl Fn(&str),
) -> Result<Manifest, BackupError> {
    embedded::finished(config)?;
    // Before any folder is made: an installation that is in the way stays as it is.
    must_be_empty(config).await?;
    embedded::private_folder(&config.data)?;
    let _lock = embedded::lock(&config.data)?;
    let opened = Copies::new(&config.data)?;
    tell("opening and checking the backup");
    let manifest = open(file, passphrase, &opened.0)?;
    let databases = pair(config, &manifest)?;
    let key = format!("keys/{}", places::MASTER_KEY);
    if config.master_key.is_none() && manifest.entries.iter().all(|entry| entry.name != key) {
        return Err(BackupError::Asked(
            "the master key is not in the backup, because it was configured apart from the keys folder: set master_key, \
             or nothing that is restored opens"
                .to_owned(),
        ));
    }
    for (one, database) in &databases {
        let copy = opened.0.join("database").join(&one.name);
        let engine = copies::engine(&one.url).map_err(|source| db(&one.name, source))?;
        let content = copies::read(engine, &copy)
            .await
            .map_err(|source| db(&one.name, source))?;
        if content.rows != database.rows {
            return Err(BackupError::Damaged(format!(
                "the copy of {} has other rows than its manifest says",
                one.name
            )));
        }
    }
    let mut files = Vec::new();
    for entry in manifest
        .entries
        .iter()
        .filter(|entry| !entry.name.starts_with("database/"))
    {
        let place = places::place_of(config, &entry.name).ok_or_else(|| {
            BackupError::Asked(format!(
                "{} has no place here: that role keeps its files elsewhere in this configuration",
                entry.name
            ))
        })?;
        files.push((opened.0.join(&entry.name), place));
    }

    embedded::begin_restore(config)?;
    for (one, _) in &databases {
        tell(&format!("restoring {}", one.name));
        if let Some(path) = one.url.strip_prefix("sqlite:")
            && let Some(folder) = Path::new(path.trim_start_matches("//")).parent()
            && !folder.as_os_str().is_empty()
        {
            embedded::private_folder(folder)?;
        }
        let copy = opened.0.join("database").join(&one.name);
        copies::put(&one.url, &copy)
            .await
            .map_err(|source| db(&one.name, source))?;
    }
    tell(&format!("restoring {} files", files.len()));
    for (copy, place) in &files {
        if let Some(folder) = place.parent() {
            embedded::private_folder(folder)?;
        }
        put(copy, place)?;
    }
    tell("ending every token of before");
    end_tokens(config, (clock, random)).await?;
    embedded::end_restore(config)?;
    Ok(manifest)
}

/// Refresh tokens of before end by the epoch of the store, receivers of revocations begin again by that of the log, and
/// access tokens that were issued after the backup end with the keys that signed them: nothing here knows of them.
async fn end_tokens(config: &Config, (clock, random): (Clock, Random)) -> Result<(), BackupError> {
    let identity = open_restored(config, clock, random).await?;
    let ending = |error: latchkey_identity::AdminError| BackupError::Ending(error.to_string());
    identity.restored(ACTOR).await.map_err(ending)?;
    for key in identity.keys().list().await.map_err(ending)? {
        if !["revoked", "gone"].contains(&key.state) {
            identity.keys().revoke(&key.kid, ACTOR).await.map_err(ending)?;
        }
    }
    Ok(())
}

async fn must_be_empty(config: &Config) -> Result<(), BackupError> {
    let mut occupied = places::occupied(config)?;
    for one in places::databases(config) {
        let free = copies::is_free(&one.url).await;
        if !free.map_err(|source| db(&one.name, source))? {
            let name = crate::error::database_name(&one.url);
            occupied.push(format!("the database {name} is not empty"));
        }
    }
    if occupied.is_empty() {
        return Ok(());
    }
    Err(BackupError::Asked(format!(
        "a backup is restored into an empty installation, and nothing was changed: {}",
        occupied.join("; ")
    )))
}

/// Opens everything into a folder.
fn open(file: &Path, passphrase: &Passphrase, into: &Path) -> Result<Manifest, BackupError> {
    let failed = |error: std::io::Error| BackupError::io(file, &error);
    let sealed = BufReader::new(File::open(file).map_err(failed)?);
    let opened = Opened::new(sealed, passphrase).map_err(failed)?;
    let place = |name: &str| {
        let path = into.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut new = fs::OpenOptions::new();
        new.write(true).create_new(true).mode(0o600).open(path)
    };
    let (entries, text) = archive::read(opened, place).map_err(failed)?;
    Manifest::parse(&text, &entries, env!("CARGO_PKG_VERSION")).map_err(|error| match error {
        BackupError::Damaged(why) => BackupError::Damaged(format!("{}: {why}", file.display())),
        BackupError::Asked(why) => BackupError::Asked(format!("{}: {why}", file.display())),
        other => other,
    })
}

/// The databases of this configuration with those of the backup: the same ones, of the same engines.
fn pair(config: &Config, manifest: &Manifest) -> Result<Vec<(Named, Database)>, BackupError> {
    let here = places::databases(config);
    let mut pairs = Vec::with_capacity(here.len());
    for database in &manifest.databases {
        let one = here.iter().find(|one| one.name == database.name).ok_or_else(|| {
            BackupError::Asked(format!(
                "the backup has the database of {}, and this configuration has none",
                database.name
            ))
        })?;
        let engine = copies::engine(&one.url).map_err(|source| db(&one.name, source))?;
        if engine_name(engine) != database.engine {
            return Err(BackupError::Asked(format!(
                "{} was backed up from {}, and is configured on {}: the engine must be the same",
                one.name,
                database.engine,
                engine_name(engine)
            )));
        }
        pairs.push((one.clone(), database.clone()));
    }
    if !pairs.iter().any(|(one, _)| one.name == Role::Identity.name()) {
        return Err(BackupError::Damaged(
            "there is no identity provider in it".to_owned(),
        ));
    }
    Ok(pairs)
}

/// Copies a file to its place, where there is none, and waits until it is on the disk.
fn put(copy: &Path, place: &Path) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| BackupError::io(place, &error);
    let mut from = File::open(copy).map_err(failed)?;
    let mut to = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(place)
        .map_err(failed)?;
    std::io::copy(&mut from, &mut to).map_err(failed)?;
    to.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(failed)?;
    to.sync_all().map_err(failed)
}

fn db(name: &str, source: latchkey_db::DbError) -> BackupError {
    BackupError::Db {
        name: name.to_owned(),
        source,
    }
}

/// How the folder of what was opened begins.
const OPENED: &str = ".restore.";

/// What was opened, until it is in its place. It goes however the restore ends.
struct Copies(PathBuf);

impl Copies {
    fn new(data: &Path) -> Result<Self, BackupError> {
        let failed = |error: std::io::Error| BackupError::io(data, &error);
        // A restore that was killed has left every key and every row open. The lock says that none is under way.
        for entry in fs::read_dir(data).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(OPENED.as_bytes())
            {
                fs::remove_dir_all(entry.path()).map_err(failed)?;
            }
        }
        let folder = data.join(format!("{OPENED}{}", std::process::id()));
        embedded::private_folder(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}
