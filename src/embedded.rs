//! The files in the data and keys folders of an embedded installation: the master key, the local authority, `demo.json`
//! and its secrets.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use latchkey_clock::Random;
use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::config::{Config, Key};

/// Why a folder or file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// An error of the operating system.
    #[error("{path}: {reason}")]
    Io {
        /// The file or folder.
        path: String,
        /// The error.
        reason: String,
    },
    /// Other users can read a secret file.
    #[error("{0} can be read by other users: chmod 600 it, and treat its content as compromised")]
    Exposed(String),
    /// Another process uses it.
    #[error("{0} is in use by another latchkey process")]
    InUse(String),
    /// The master key is missing, but something was sealed with it.
    #[error(
        "{0} is missing, and the identity database was sealed with it. Restore it from the backup of the keys folder, \
         or name that folder (--keys, or keys in the configuration). Nothing else opens that database; to start afresh, \
         move it away"
    )]
    NoMasterKey(String),
    /// A restore began here and did not end.
    #[error(
        "a restore was broken off here ({0}): nothing starts on what it left. Empty the databases and the folders of this \
         installation, and restore again"
    )]
    Unfinished(String),
    /// Something is there that must not be replaced.
    #[error("{0} is not empty: nothing in it was changed; name a new folder")]
    NotEmpty(String),
    /// Its content is not valid.
    #[error("{0} does not have the expected content")]
    Content(String),
}

fn io(path: &Path, error: &io::Error) -> FolderError {
    FolderError::Io {
        path: path.display().to_string(),
        reason: error.to_string(),
    }
}

/// Creates a folder that only its owner can access.
pub fn private_folder(path: &Path) -> Result<(), FolderError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| io(path, &error))
}

/// The master key in the keys folder; created at the first start, 0600. It is never created if a database is already
/// `sealed`: another key would not open it.
pub fn master_key(folder: &Path, random: &Random, sealed: bool) -> Result<[u8; 32], FolderError> {
    const NAME: &str = "master.key";
    let path = folder.join(NAME);
    if sealed && !path.exists() {
        return Err(FolderError::NoMasterKey(path.display().to_string()));
    }
    key(folder, NAME, random)
}

/// The master key of an installation: as configured, or in its keys folder.
pub(crate) fn configured_master_key(
    config: &Config,
    random: &Random,
    sealed: bool,
) -> Result<[u8; 32], FolderError> {
    match config.master_key {
        Some(Key(key)) => Ok(key),
        None => master_key(&config.keys, random, sealed),
    }
}

/// The key with this name in the keys folder; created if it does not exist.
pub fn key(folder: &Path, name: &str, random: &Random) -> Result<[u8; 32], FolderError> {
    private_folder(folder)?;
    let path = folder.join(name);
    if !path.exists() {
        let key: [u8; 32] = random.bytes();
        write_new_secret(&path, &hex::encode(key))?;
    }
    read_key(&path)
}

/// The master key of an installation, if there is one already: none is made.
pub(crate) fn existing_master_key(config: &Config) -> Result<Option<[u8; 32]>, FolderError> {
    let path = config.keys.join("master.key");
    match config.master_key {
        Some(Key(key)) => Ok(Some(key)),
        None if !path.exists() => Ok(None),
        None => read_key(&path).map(Some),
    }
}

fn read_key(path: &Path) -> Result<[u8; 32], FolderError> {
    let text = read_secret(path)?;
    let mut key = [0_u8; 32];
    hex::decode_to_slice(text.trim(), &mut key)
        .map_err(|_| FolderError::Content(path.display().to_string()))?;
    Ok(key)
}

/// Reads a file that no other user may read.
pub(crate) fn read_secret(path: &Path) -> Result<String, FolderError> {
    let file = fs::metadata(path).map_err(|error| io(path, &error))?;
    if !crate::config::secret::is_kept(&file) {
        return Err(FolderError::Exposed(path.display().to_string()));
    }
    fs::read_to_string(path).map_err(|error| io(path, &error))
}

/// Creates a new file; if two processes start at once, both use the file of the first one.
fn write_new_secret(path: &Path, text: &str) -> Result<(), FolderError> {
    let beside = beside(path);
    write_synced(&beside, text)?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside).map_err(|error| io(&beside, &error))?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io(path, &error)),
        _ => Ok(()),
    }
}

/// Replaces a file atomically: readers see the old one or the new one.
pub fn replace_secret(path: &Path, text: impl AsRef<[u8]>) -> Result<(), FolderError> {
    let beside = beside(path);
    write_synced(&beside, text)?;
    fs::rename(&beside, path).map_err(|error| io(path, &error))
}

/// Writes a new file, 0600, and waits until it is on the disk.
pub(crate) fn write_synced(path: &Path, text: impl AsRef<[u8]>) -> Result<(), FolderError> {
    let _left_over = fs::remove_file(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| io(path, &error))?;
    file.write_all(text.as_ref()).map_err(|error| io(path, &error))?;
    file.sync_all().map_err(|error| io(path, &error))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

/// The file that says that a restore has begun and not ended.
fn unfinished(config: &Config) -> PathBuf {
    config.data.join("restore-unfinished")
}

/// Fails if a restore was broken off here.
pub(crate) fn finished(config: &Config) -> Result<(), FolderError> {
    let path = unfinished(config);
    match path.exists() {
        true => Err(FolderError::Unfinished(path.display().to_string())),
        false => Ok(()),
    }
}

/// From here on nothing starts, until [`end_restore`].
pub(crate) fn begin_restore(config: &Config) -> Result<(), FolderError> {
    finished(config)?;
    write_synced(&unfinished(config), "a restore has begun here\n")?;
    sync_folder(&config.data)
}

/// Everything was restored.
pub(crate) fn end_restore(config: &Config) -> Result<(), FolderError> {
    remove(&unfinished(config))?;
    sync_folder(&config.data)
}

fn sync_folder(folder: &Path) -> Result<(), FolderError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io(folder, &error))
}

/// Locks the data folder for this process; the system releases the lock when the process ends, however it ends.
pub fn lock(data: &Path) -> Result<fs::File, FolderError> {
    let path = data.join("lock");
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path);
    let file = file.map_err(|error| io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(FolderError::InUse(data.display().to_string())),
        Err(fs::TryLockError::Error(error)) => Err(io(&path, &error)),
    }
}

/// Removes a file, if it exists.
pub fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(path, &error)),
        _ => Ok(()),
    }
}

/// True if other users of this machine can read the file.
pub fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| !crate::config::secret::is_kept(&file))
}

/// A local authority and a certificate of it for loopback, in PEM.
pub struct LocalTls {
    /// The path of the authority's certificate.
    pub ca_file: PathBuf,
    /// The certificate chain.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// The local authority of the data folder, with a certificate for localhost, 127.0.0.1 and ::1 that is created at each
/// start. Browsers reject certificates that are valid for longer than 398 days.
pub fn local_tls(data: &Path, now_ms: i64) -> Result<LocalTls, FolderError> {
    let folder = data.join("tls");
    private_folder(&folder)?;
    let (ca_file, ca_key) = (folder.join("ca.pem"), folder.join("ca.key"));
    let failed = |error: rcgen::Error| FolderError::Io {
        path: folder.display().to_string(),
        reason: error.to_string(),
    };
    if !ca_file.exists() {
        let new = Authority::new().map_err(failed)?;
        replace_secret(&ca_key, &new.key)?;
        replace_secret(&ca_file, &new.certificate)?;
    }
    let certificate = fs::read_to_string(&ca_file).map_err(|error| io(&ca_file, &error))?;
    let authority = Authority::load(certificate, read_secret(&ca_key)?).map_err(failed)?;
    let names = LOOPBACK.map(str::to_owned).to_vec();
    let leaf = authority.leaf("Latchkey on this machine", names, now_ms, 397);
    let leaf = leaf.map_err(failed)?;
    Ok(LocalTls {
        ca_file,
        certificate: leaf.chain,
        key: leaf.key,
    })
}

/// The names of this machine for itself.
pub(crate) const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What outside tools read of a running demo: its addresses, users and clients.
#[derive(Debug, Clone, Serialize)]
pub struct DemoFile {
    /// The issuer.
    pub issuer: String,
    /// The address of the edge.
    pub shop: String,
    /// The address of the API.
    pub api: String,
    /// Console, mail outbox and metrics.
    pub admin: String,
    /// The address of each service.
    pub services: BTreeMap<String, String>,
    /// The local authority, under `--tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The users.
    pub users: Vec<DemoUser>,
    /// The clients.
    pub clients: Vec<DemoClient>,
}

/// A user in `demo.json`.
#[derive(Debug, Clone, Serialize)]
pub struct DemoUser {
    /// The e-mail address.
    pub email: String,
    /// The user name.
    pub username: String,
    /// The password, generated for this data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The roles.
    pub roles: Vec<String>,
}

/// A client in `demo.json`.
#[derive(Debug, Clone, Serialize)]
pub struct DemoClient {
    /// The client id.
    pub client_id: String,
    /// The secret, generated for this data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// The authentication method.
    pub token_endpoint_auth_method: latchkey_protocol::client::AuthMethod,
    /// The grant types.
    pub grant_types: Vec<String>,
    /// The redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The registered scopes.
    pub scopes: Vec<String>,
    /// The registered resources.
    pub resources: Vec<String>,
}

/// Secrets that a second start must write again, because the database contains only their hashes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct DemoSecrets {
    /// By client id.
    pub clients: BTreeMap<String, String>,
    /// By user name.
    pub passwords: BTreeMap<String, String>,
}

impl DemoSecrets {
    /// Loads the secrets of an earlier start.
    pub fn load(data: &Path) -> Result<Self, FolderError> {
        let path = data.join("demo-secrets.json");
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_str(&read_secret(&path)?)
            .map_err(|_| FolderError::Content(path.display().to_string()))
    }

    /// Saves them for the next start.
    pub fn save(&self, data: &Path) -> Result<(), FolderError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        replace_secret(&data.join("demo-secrets.json"), &text)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    /// JW-18.
    #[test]
    fn a_master_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let random = Random::system();
        let key = master_key(folder.path(), &random, false).unwrap();
        assert_eq!(master_key(folder.path(), &random, true).unwrap(), key);
        let path = folder.path().join("master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            master_key(folder.path(), &random, true),
            Err(FolderError::Exposed(_))
        ));
    }

    #[test]
    fn a_missing_master_key_is_never_replaced_where_a_database_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let refused = master_key(&keys, &Random::system(), true);
        assert!(matches!(refused, Err(FolderError::NoMasterKey(_))));
        assert!(!keys.exists(), "nothing is made");
    }

    #[test]
    fn a_leaf_certificate_lives_for_397_days_and_each_start_has_a_new_one() {
        use rustls::client::danger::ServerCertVerifier;
        use rustls_pki_types::pem::PemObject;
        use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

        crate::tls::install_provider();
        const DAY: u64 = 24 * 3_600;
        let now = 1_795_132_800;
        let folder = tempfile::tempdir().unwrap();
        let first = local_tls(folder.path(), 1_795_132_800_000).unwrap();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(first.certificate.as_bytes())
            .collect::<Result<_, _>>()
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(chain[1].clone()).unwrap();
        let verifier = rustls::client::WebPkiServerVerifier::builder(roots.into())
            .build()
            .unwrap();
        let holds = |certificate: &CertificateDer<'_>, seconds: u64| {
            let name = ServerName::try_from("localhost").unwrap();
            let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            verifier
                .verify_server_cert(certificate, &chain[1..], &name, &[], at)
                .is_ok()
        };
        assert!(holds(&chain[0], now) && holds(&chain[0], now + 395 * DAY));
        assert!(!holds(&chain[0], now + 397 * DAY) && !holds(&chain[0], now - 2 * DAY));
        let year = 365 * DAY;
        let again = local_tls(folder.path(), (now + year) as i64 * 1_000).unwrap();
        let leaf = CertificateDer::pem_slice_iter(again.certificate.as_bytes());
        let leaf = leaf.collect::<Result<Vec<_>, _>>().unwrap().swap_remove(0);
        assert!(
            holds(&leaf, now + year + 395 * DAY),
            "the same authority, a new year"
        );
    }

    /// AD-01.
    #[test]
    fn two_installations_share_no_key() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let random = Random::system();
        assert_ne!(
            master_key(one.path(), &random, false).unwrap(),
            master_key(two.path(), &random, false).unwrap()
        );
    }
}
