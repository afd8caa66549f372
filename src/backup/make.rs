//! Makes a backup, beside whatever runs.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Engine, copies};

use super::archive::Writer;
use super::error::BackupError;
use super::manifest::{Database, FORMAT, Manifest};
use super::places;
use super::seal::{Passphrase, Sealed};
use crate::config::Config;
use crate::embedded;
use crate::error::{StartError, database_name};

/// Writes a backup of the installation to a new file, and returns what is in it.
///
/// The file has another name until it is complete and on the disk. Copies of databases lie beside it in a folder that only
/// its owner can read, until they are in it.
pub(crate) async fn make(
    config: &Config,
    target: &Path,
    passphrase: &Passphrase,
    (clock, random): (&Clock, &Random),
    tell: impl Fn(&str),
) -> Result<(PathBuf, Manifest), BackupError> {
    let made_at = latchkey_clock::rfc3339(clock.now_ms());
    let target = match target.is_dir() {
        true => target.join(format!("latchkey-{}.backup", made_at.replace(':', "-"))),
        false => target.to_owned(),
    };
    if target.symlink_metadata().is_ok() {
        return Err(BackupError::Asked(format!(
            "{} exists already, and no backup is replaced by another",
            target.display()
        )));
    }
    // First: what a broken-off restore has left may look like no installation.
    embedded::finished(config)?;
    let identity = places::identity_url(config);
    let exists = Db::exists(identity, &latchkey_identity::MIGRATIONS).await;
    match exists.map_err(|source| db("identity", source))? {
        true => {}
        false => return Err(StartError::NoInstallation(database_name(identity)).into()),
    }
    if !places::has_master_key(config) {
        return Err(BackupError::Asked(format!(
            "{} is missing, and nothing that is restored opens without it: name its folder (--keys, or keys in the \
             configuration), or set master_key as the running processes have it",
            config.keys.join(places::MASTER_KEY).display()
        )));
    }
    let work = Work::new(&target)?;

    let mut left_out = places::left_out(config);
    let mut databases = Vec::new();
    for one in places::databases(config) {
        let engine = copies::engine(&one.url).map_err(|source| db(&one.name, source))?;
        let free = engine == Engine::Sqlite
            && copies::is_free(&one.url)
                .await
                .map_err(|source| db(&one.name, source))?;
        // A role that was never played here has made no file.
        match free {
            true => left_out.push(format!(
                "there is no database of {} ({})",
                one.name,
                database_name(&one.url)
            )),
            false => databases.push(one),
        }
    }
    tell(&format!("copying {} databases", databases.len()));
    let pairs: Vec<(String, PathBuf)> = databases
        .iter()
        .map(|one| (one.url.clone(), work.folder.join(&one.name)))
        .collect();
    let contents = copies::take(&pairs)
        .await
        .map_err(|source| db("cannot be copied", source))?;

    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&work.file)
        .map_err(|error| BackupError::io(&work.file, &error))?;
    let failed = |error: std::io::Error| BackupError::io(&work.file, &error);
    let sealed = Sealed::new(BufWriter::new(file), passphrase, random).map_err(failed)?;
    let mut archive = Writer::new(sealed);
    let mut manifest = Manifest {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        databases: Vec::new(),
        entries: Vec::new(),
        left_out,
    };
    for ((one, (url, copy)), content) in databases.iter().zip(&pairs).zip(contents) {
        // Whoever wants it to end is heard between two files.
        tokio::task::yield_now().await;
        add(&mut archive, &format!("database/{}", one.name), copy)?;
        let _sealed_now = fs::remove_file(copy);
        tell(&format!(
            "{}: {} rows",
            one.name,
            content.rows.values().sum::<i64>()
        ));
        let engine = copies::engine(url).map_err(|source| db(&one.name, source))?;
        manifest.databases.push(Database {
            name: one.name.clone(),
            engine: engine_name(engine).to_owned(),
            migrations: content.migrations,
            rows: content.rows,
        });
    }
    for (name, path) in places::files_below(&config.keys, false)? {
        add(&mut archive, &format!("keys/{name}"), &path)?;
    }
    for name in places::DATA {
        add(&mut archive, &format!("data/{name}"), &config.data.join(name))?;
    }
    // After the databases: a file is there before the row that names it.
    for (role, folder) in places::file_folders(config) {
        let files = places::files_below(&folder, true)?;
        tell(&format!("{role}: {} files", files.len()));
        for (name, path) in files {
            tokio::task::yield_now().await;
            add(&mut archive, &format!("files/{role}/{name}"), &path)?;
        }
    }
    let (sealed, manifest) = archive.finish(manifest).map_err(failed)?;
    let written = sealed.finish().map_err(failed)?;
    let file = written.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    drop(file);
    // Unlike a rename, a link does not replace what came in the meantime.
    fs::hard_link(&work.file, &target).map_err(|error| BackupError::io(&target, &error))?;
    sync_folder(&target)?;
    Ok((target, manifest))
}

/// The name of an engine in a manifest.
pub(super) fn engine_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

/// Adds a file, unless it is gone: what is deleted meanwhile belongs to no row of the copies, or to none for long.
fn add(archive: &mut Writer<Sealed<BufWriter<File>>>, name: &str, path: &Path) -> Result<(), BackupError> {
    let failed = |error: std::io::Error| BackupError::io(path, &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let bytes = file.metadata().map_err(failed)?.len();
    archive.file(name, bytes, BufReader::new(file)).map_err(failed)
}

fn sync_folder(target: &Path) -> Result<(), BackupError> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| BackupError::io(folder, &error))
}

fn db(name: &str, source: latchkey_db::DbError) -> BackupError {
    BackupError::Db {
        name: name.to_owned(),
        source,
    }
}

/// What is beside the target while it is made, and goes however that ends.
struct Work {
    folder: PathBuf,
    file: PathBuf,
}

impl Work {
    fn new(target: &Path) -> Result<Self, BackupError> {
        let name = target.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| BackupError::Asked("name a file for the backup".to_owned()))?;
        let beside = |end: &str| target.with_file_name(format!(".{name}.{}.{end}", std::process::id()));
        let folder = beside("copies");
        // One that is there may be somebody else's, who waits for what is written into it.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| BackupError::io(&folder, &error))?;
        Ok(Self {
            folder,
            file: beside("part"),
        })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.folder);
        let _gone = fs::remove_file(&self.file);
    }
}
