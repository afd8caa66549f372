//! What belongs to an installation, and where its configuration has it: databases, keys and files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::BackupError;
use crate::config::{Config, Role};

/// A database and its name in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub name: String,
    pub url: String,
}

/// Every database of an installation; what the others hear through is last. Roles that share one have one copy of it.
pub(super) fn databases(config: &Config) -> Vec<Named> {
    let roles = config.places.iter().filter(|(role, _)| role.has_database());
    let mut all: Vec<(String, String)> = roles
        .map(|(role, place)| (role.name().to_owned(), place.database.clone()))
        .collect();
    if let Some(sign_in) = &config.edge.sign_in {
        all.push(("edge".to_owned(), sign_in.database_in(&config.data)));
    }
    if !config.has_broker() {
        all.push(("bus".to_owned(), config.bus.clone()));
    }
    all.push(("revocations".to_owned(), config.revocation_log()));
    let mut seen = BTreeSet::new();
    all.into_iter()
        .filter(|(_, url)| !url.is_empty() && seen.insert(url.clone()))
        .map(|(name, url)| Named { name, url })
        .collect()
}

/// The folders of services that keep files on this host, by role.
pub(super) fn file_folders(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let places = config.places.iter();
    places
        .filter_map(|(role, place)| {
            let path = place.store.strip_prefix("file://")?;
            Some((role.name(), PathBuf::from(path)))
        })
        .collect()
}

/// Where a file of a backup belongs; `None` for a database, and for a role that keeps no files here.
pub(super) fn place_of(config: &Config, name: &str) -> Option<PathBuf> {
    let (kind, below) = name.split_once('/')?;
    match kind {
        "keys" => Some(config.keys.join(below)),
        "data" => DATA.contains(&below).then(|| config.data.join(below)),
        "files" => {
            let (role, below) = below.split_once('/')?;
            let folders = file_folders(config);
            let (_, folder) = folders.into_iter().find(|(name, _)| *name == role)?;
            Some(folder.join(below))
        }
        _ => None,
    }
}

/// The file of the master key in the keys folder.
pub(super) const MASTER_KEY: &str = "master.key";

/// Whether the master key is where this configuration looks for it.
pub(super) fn has_master_key(config: &Config) -> bool {
    config.master_key.is_some() || config.keys.join(MASTER_KEY).is_file()
}

/// Files of the data folder that a second start needs again.
pub(super) const DATA: [&str; 3] = ["demo-secrets.json", "tls/ca.pem", "tls/ca.key"];

/// What belongs to the installation and is not on this host, or not in its folders.
pub(super) fn left_out(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    let stores = config
        .places
        .iter()
        .filter(|(_, place)| place.store.starts_with("s3://"));
    all.extend(stores.map(|(role, _)| {
        format!(
            "the files of {} are in a bucket: keep its versions, or copy it after this backup",
            role.name()
        )
    }));
    if config.has_broker() {
        all.push(
            "the bus is a broker: messages that wait in its queues are not here, `latchkey events replay` brings them back"
                .to_owned(),
        );
    }
    let keys = [
        ("master_key", config.master_key.is_some()),
        ("storefront.key", config.storefront_key.is_some()),
    ];
    all.extend(keys.into_iter().filter(|(_, apart)| *apart).map(|(key, _)| {
        format!("{key} is configured apart from the keys folder: keep a copy of it, nothing opens without it")
    }));
    if !config.demo {
        all.push("the configuration file, and the files of secrets that it names".to_owned());
    }
    all
}

/// The plain files below a folder, with their paths below it; hidden ones are not of ours. A link to a file is that file
/// among keys, which are read through links as well, and nothing anywhere else.
pub(super) fn files_below(folder: &Path, deep: bool) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((below, folder)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BackupError::io(&folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| BackupError::io(&folder, &error))?;
            let kind = entry
                .file_type()
                .map_err(|error| BackupError::io(&entry.path(), &error))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{below}{name}");
            if kind.is_file() || (!deep && entry.path().is_file()) {
                found.push((name, entry.path()));
            } else if kind.is_dir() && deep {
                folders.push((format!("{name}/"), entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is already where a restore would write: a sentence for each.
pub(super) fn occupied(config: &Config) -> Result<Vec<String>, BackupError> {
    let mut all = Vec::new();
    let mut folders = vec![("the keys folder", config.keys.clone(), false)];
    folders.extend(
        file_folders(config)
            .into_iter()
            .map(|(_, folder)| ("the folder of files", folder, true)),
    );
    for (what, folder, deep) in folders {
        if let Some((first, _)) = files_below(&folder, deep)?.first() {
            all.push(format!("{what} {} has {first}", folder.display()));
        }
    }
    for name in DATA {
        let path = config.data.join(name);
        if path.exists() {
            all.push(format!("{} exists", path.display()));
        }
    }
    Ok(all)
}

/// Whether the installation has an identity provider, without which nothing else is one.
pub(super) fn identity_url(config: &Config) -> &str {
    &config[Role::Identity].database
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::edge::SignInSettings;

    #[test]
    fn every_database_is_named_once_and_what_others_hear_through_comes_last() {
        let mut config = Config::up("data".into(), "keys".into(), [0, 0, 0]);
        let names =
            |config: &Config| -> Vec<String> { databases(config).into_iter().map(|one| one.name).collect() };
        let all = names(&config);
        assert_eq!(all.first().map(String::as_str), Some("identity"));
        assert!(
            all.ends_with(&["bus".to_owned(), "revocations".to_owned()]),
            "{all:?}"
        );
        for name in ["catalog", "order", "storefront"] {
            assert!(all.iter().any(|one| one == name), "{name}");
        }
        config.edge.sign_in = Some(SignInSettings {
            client_id: "edge".to_owned(),
            client_secret: "a secret".to_owned(),
            address: "https://app.test".to_owned(),
            scopes: Vec::new(),
            audience: "https://app.test".to_owned(),
            database: None,
        });
        assert!(names(&config).contains(&"edge".to_owned()));
        config.bus = "postgres://db.test/bus".to_owned();
        assert_eq!(names(&config).last().map(String::as_str), Some("bus"));
        config.bus = "amqp://broker.test".to_owned();
        assert!(!names(&config).contains(&"bus".to_owned()));
        assert!(left_out(&config).iter().any(|what| what.contains("broker")));
    }

    #[test]
    fn a_key_behind_a_link_is_a_key_and_a_file_of_a_service_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("elsewhere"), "key").unwrap();
        for (name, deep, found) in [("keys", false, vec!["master.key"]), ("photo", true, vec![])] {
            let below = at.join(name);
            fs::create_dir(&below).unwrap();
            std::os::unix::fs::symlink(at.join("elsewhere"), below.join(MASTER_KEY)).unwrap();
            std::os::unix::fs::symlink(at, below.join("folder")).unwrap();
            std::os::unix::fs::symlink(at.join("nothing"), below.join("dangling")).unwrap();
            let files = files_below(&below, deep).unwrap();
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, found, "{name}");
        }
    }

    #[test]
    fn a_file_of_a_backup_belongs_into_the_folder_of_its_kind() {
        let config = Config::up("d".into(), "k".into(), [0, 0, 0]);
        let place = |name: &str| place_of(&config, name).map(|path| path.display().to_string());
        assert_eq!(place("keys/master.key").as_deref(), Some("k/master.key"));
        assert_eq!(place("data/tls/ca.pem").as_deref(), Some("d/tls/ca.pem"));
        assert_eq!(place("files/photo/00ff").as_deref(), Some("d/photo/00ff"));
        for nowhere in ["data/lock", "files/catalog/x", "database/identity", "x/y"] {
            assert_eq!(place(nowhere), None, "{nowhere}");
        }
    }
}
