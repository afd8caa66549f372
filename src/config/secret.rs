//! Secrets of the configuration: named by a reference, and read here alone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{ConfigError, Key};

/// The settings that may refer to a file, without the role in their names.
const SECRETS: [&str; 13] = [
    "bus",
    "bus_password",
    "client_secret",
    "database",
    "database_password",
    "guard_client_secret",
    "key",
    "mail_url",
    "master_key",
    "revocation_log",
    "revocation_log_password",
    "store",
    "telemetry_otlp_headers",
];
/// No secret is longer than that, and a file that is was named by mistake.
const LONGEST: u64 = 16 * 1024;

/// Whether a setting may refer to a file.
pub(super) fn is_secret(setting: &str) -> bool {
    SECRETS.contains(&setting)
}

/// Where the files of secrets are.
pub(super) struct Secrets<'a> {
    /// The root of their paths; empty for that of this machine.
    pub root: &'a Path,
}

impl Secrets<'_> {
    /// A secret: the content of the file that `file:PATH` names, or else the text itself, because a URL may contain a
    /// password.
    pub fn value(&self, text: &str) -> Result<String, ConfigError> {
        match text.strip_prefix("file:") {
            None => Ok(text.to_owned()),
            Some(path) if self.root == Path::new("") => read(Path::new(path)),
            Some(path) => read(&self.root.join(path.trim_start_matches('/'))),
        }
    }

    /// The key of 32 bytes that a secret writes in hexadecimal.
    pub fn key(&self, name: &str, text: &str) -> Result<Key, ConfigError> {
        let mut key = [0; 32];
        hex::decode_to_slice(self.value(text)?, &mut key)
            .map_err(|_| ConfigError(format!("{name} is not a key of 64 hexadecimal digits")))?;
        Ok(Key(key))
    }

    /// A URL with the password that is configured beside it.
    pub fn with_password(
        &self,
        name: &str,
        url: String,
        password: Option<&str>,
    ) -> Result<String, ConfigError> {
        let Some(password) = password else {
            return Ok(url);
        };
        let password = self.value(password)?;
        // The URL may contain a secret and is not repeated.
        let refused = |reason: &str| ConfigError(format!("{name} {reason}, and {name}_password is set"));
        let mut parsed = url::Url::parse(&url).map_err(|_| refused("is not a URL"))?;
        if parsed.password().is_some() {
            return Err(refused("has a password already"));
        }
        parsed
            .set_password(Some(&password))
            .map_err(|()| refused("has no host"))?;
        Ok(parsed.into())
    }
}

/// The one line of a secret's file, without white space at its ends.
fn read(path: &Path) -> Result<String, ConfigError> {
    let refused = |reason: &str| ConfigError(format!("{}: {reason}", path.display()));
    let mut text = String::new();
    let file = open(path)?;
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|error| refused(&error.to_string()))?;
    if text.len() as u64 > LONGEST {
        return Err(refused("it is too long for a secret"));
    }
    let secret = text.trim();
    if secret.is_empty() {
        return Err(refused("it is empty"));
    }
    if secret.chars().any(char::is_control) {
        return Err(refused("it has more than one line"));
    }
    Ok(secret.to_owned())
}

/// Opens a file that only its owner and its group may read. A link is followed.
pub(crate) fn open(path: &Path) -> Result<File, ConfigError> {
    let refused = |reason: &str| ConfigError(format!("{}: {reason}", path.display()));
    let failed = |error: io::Error| refused(&error.to_string());
    // Before it is opened: opening a pipe waits for whoever writes into it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(refused("it is not a file"));
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(refused(
            "other users can read it: chmod o= it, and treat its content as compromised",
        ));
    }
    Ok(file)
}

/// Whose a file is, and who may do what with it.
#[derive(Clone, Copy)]
struct Kept {
    mode: u32,
    owner: u32,
    group: u32,
}

/// Whether the file of a key is kept from everybody else: its owner alone may do anything with it, or it is root's, and
/// root lets a group of ours read it and do no more, as Kubernetes gives a Secret to the `fsGroup` of a process.
pub(crate) fn is_kept(file: &fs::Metadata) -> bool {
    let file = Kept {
        mode: file.mode(),
        owner: file.uid(),
        group: file.gid(),
    };
    let mut groups = vec![rustix::process::getegid().as_raw()];
    let others = rustix::process::getgroups().unwrap_or_default();
    groups.extend(others.into_iter().map(|group| group.as_raw()));
    is_kept_from_others(file, rustix::process::geteuid().as_raw(), &groups)
}

fn is_kept_from_others(file: Kept, user: u32, groups: &[u32]) -> bool {
    const ROOT: u32 = 0;
    let own = file.mode & 0o077 == 0;
    // Who owns a file needs no group to read it.
    let lent = file.owner == ROOT && user != ROOT && file.mode & 0o037 == 0 && groups.contains(&file.group);
    own || lent
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::serve;
    use super::super::{Config, Role};
    use super::*;

    /// A file of a secret, with this content and mode.
    fn file(folder: &Path, content: &[u8], mode: u32) -> String {
        let path = folder.join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }

    /// The identity database with this file as its password.
    fn database(password: &str) -> Result<String, String> {
        let config = serve(&[
            (
                "LATCHKEY_IDENTITY_DATABASE",
                "postgres://identity@db.test/identity?sslmode=require",
            ),
            ("LATCHKEY_IDENTITY_DATABASE_PASSWORD_FILE", password),
        ]);
        let config = config.map_err(|error| error.0)?;
        Ok(config[Role::Identity].database.clone())
    }

    #[test]
    fn a_password_comes_from_its_own_file_and_is_encoded() {
        let folder = tempfile::tempdir().unwrap();
        for (content, url) in [
            (
                "hush",
                "postgres://identity:hush@db.test/identity?sslmode=require",
            ),
            (
                "hush\n",
                "postgres://identity:hush@db.test/identity?sslmode=require",
            ),
            (
                " hush \r\n\n",
                "postgres://identity:hush@db.test/identity?sslmode=require",
            ),
            (
                "h/u@s:h?#%",
                "postgres://identity:h%2Fu%40s%3Ah%3F%23%@db.test/identity?sslmode=require",
            ),
        ] {
            let path = file(folder.path(), content.as_bytes(), 0o600);
            let database = database(&path).unwrap();
            assert_eq!(url::Url::parse(&database).unwrap().host_str(), Some("db.test"));
            assert_eq!(database, url, "{content:?}");
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o604, 0o644, 0o602, 0o601] {
            let path = file(folder.path(), b"hush", mode);
            let refused = database(&path).unwrap_err();
            assert!(
                refused.contains(&path) && refused.contains("other users"),
                "{refused}"
            );
            assert!(!refused.contains("hush"), "{refused}");
        }
        for mode in [0o600, 0o400, 0o640, 0o440] {
            assert!(database(&file(folder.path(), b"hush", mode)).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn a_key_is_its_owners_or_lent_by_root_to_a_group_of_ours_to_read() {
        const US: u32 = 65_532;
        for (mode, owner, group, kept) in [
            (0o600, US, US, true),
            (0o400, US, US, true),
            (0o700, US, 0, true),
            (0o400, 0, 0, true),
            (0o440, 0, US, true),
            (0o640, 0, US, true),
            (0o440, 0, 7, true),
            (0o440, 0, 8, false),
            (0o460, 0, US, false),
            (0o420, 0, US, false),
            (0o450, 0, US, false),
            (0o444, 0, US, false),
            (0o441, 0, US, false),
            (0o440, US, US, false),
            (0o440, 1_000, US, false),
            (0o604, US, US, false),
        ] {
            // The kind of the file stands in the mode as well.
            let mode = 0o100_000 | mode;
            let file = Kept { mode, owner, group };
            assert_eq!(
                is_kept_from_others(file, US, &[US, 7]),
                kept,
                "{mode:o} {owner}:{group}"
            );
        }
        let of_root = |mode| Kept {
            mode,
            owner: 0,
            group: 0,
        };
        assert!(is_kept_from_others(of_root(0o600), 0, &[0]));
        assert!(
            !is_kept_from_others(of_root(0o640), 0, &[0]),
            "root needs no group"
        );
    }

    #[test]
    fn a_file_without_exactly_one_line_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        for (content, told) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            (b" \t\n", "it is empty"),
            (b"hush\nhush\n", "it has more than one line"),
            (b"hu\0sh", "it has more than one line"),
            (b"\xff\xfe", "valid UTF-8"),
            (&[b'x'; 16 * 1024 + 1], "it is too long"),
        ] {
            let refused = database(&file(folder.path(), content, 0o600)).unwrap_err();
            assert!(refused.contains(told), "{refused}");
            assert!(!refused.contains("hush"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_file_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink(at("loop"), at("loop")).unwrap();
        symlink(at("missing"), at("dangling")).unwrap();
        for path in [
            at("loop"),
            at("dangling"),
            at("missing"),
            folder.path().to_owned(),
        ] {
            let path = path.display().to_string();
            let refused = database(&path).unwrap_err();
            assert!(refused.starts_with(&path), "{refused}");
        }
        let kept = file(folder.path(), b"hush", 0o600);
        symlink(&kept, at("link")).unwrap();
        database(&at("link").display().to_string()).unwrap();
    }

    #[test]
    fn every_secret_may_be_in_a_file_and_is_shown_by_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let key = "5e".repeat(32);
        let path = file(folder.path(), key.as_bytes(), 0o600);
        let config = serve(&[
            ("LATCHKEY_BUS", "amqps://order@broker.test/shop"),
            ("LATCHKEY_BUS_PASSWORD_FILE", &path),
            ("LATCHKEY_REVOCATION_LOG", "postgres://log@db.test/log"),
            ("LATCHKEY_REVOCATION_LOG_PASSWORD_FILE", &path),
            ("LATCHKEY_MASTER_KEY_FILE", &path),
            ("LATCHKEY_GUARD_CLIENT_ID", "guard"),
            ("LATCHKEY_GUARD_CLIENT_SECRET_FILE", &path),
            ("LATCHKEY_STOREFRONT_CLIENT_ID", "shop"),
            ("LATCHKEY_STOREFRONT_CLIENT_SECRET_FILE", &path),
            ("LATCHKEY_STOREFRONT_KEY_FILE", &path),
            ("LATCHKEY_ORDER_DATABASE", "postgres://order@db.test/order"),
            ("LATCHKEY_ORDER_DATABASE_PASSWORD_FILE", &path),
        ])
        .unwrap();
        assert_eq!(config.bus, format!("amqps://order:{key}@broker.test/shop"));
        assert_eq!(
            config.revocation_log(),
            format!("postgres://log:{key}@db.test/log")
        );
        assert_eq!(config.master_key, Some(Key([0x5e; 32])));
        assert_eq!(config.storefront_key, Some(Key([0x5e; 32])));
        for client in [&config.guard_client, &config.storefront_client] {
            assert_eq!(client.as_ref().unwrap().secret, key);
        }
        let order = &config[Role::Service("order")];
        assert_eq!(order.database, format!("postgres://order:{key}@db.test/order"));
        let shown = format!("{config:?} {:?} {order:?}", config.guard_client);
        assert!(!shown.contains(&key) && !shown.contains("94"), "{shown}");
    }

    #[test]
    fn a_secret_is_said_once_and_only_a_secret_is_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), b"hush", 0o600);
        let refused = |environment: &[(&str, &str)]| serve(environment).unwrap_err().0;
        let twice = refused(&[
            ("LATCHKEY_GUARD_CLIENT_SECRET", "hush"),
            ("LATCHKEY_GUARD_CLIENT_SECRET_FILE", &path),
        ]);
        assert_eq!(
            twice,
            "LATCHKEY_GUARD_CLIENT_SECRET_FILE and LATCHKEY_GUARD_CLIENT_SECRET are one setting: set one of them"
        );
        let not_secret = refused(&[("LATCHKEY_ISSUER_FILE", &path)]);
        assert!(
            not_secret.starts_with("unknown variable LATCHKEY_ISSUER_FILE"),
            "{not_secret}"
        );
        for (url, told) in [
            (
                "postgres://identity:hush@db.test/x",
                "identity.database has a password already",
            ),
            ("sqlite:x.db", "identity.database has no host"),
            ("hush", "identity.database is not a URL"),
        ] {
            let refused = refused(&[
                ("LATCHKEY_IDENTITY_DATABASE", url),
                ("LATCHKEY_IDENTITY_DATABASE_PASSWORD_FILE", &path),
            ]);
            assert!(
                refused.starts_with(told) && !refused.contains("hush"),
                "{refused}"
            );
        }
        let short = refused(&[("LATCHKEY_MASTER_KEY_FILE", &path)]);
        assert_eq!(short, "master_key is not a key of 64 hexadecimal digits");
    }

    #[test]
    fn a_file_refers_to_secrets_as_the_environment_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), b"hush\n", 0o600);
        let toml = folder.path().join("serve.toml");
        let text = format!(
            "[identity]\ndatabase = \"postgres://identity@db.test/identity\"\ndatabase_password = \"file:{path}\"\n"
        );
        fs::write(&toml, text).unwrap();
        let config = Config::serve(Role::all(), Some(&toml), &[]).unwrap();
        assert_eq!(
            config[Role::Identity].database,
            "postgres://identity:hush@db.test/identity"
        );
    }
}
