//! The secrets of an installation whose roles run on hosts or in containers of their own: a folder for each of them,
//! with what that one may read, and nothing else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use latchkey_bus::{BusError, Permissions};
use latchkey_clock::Random;
use latchkey_kit::ServiceSpec;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::authority::Authority;
use crate::config::Role;
use crate::demo::text;
use crate::embedded::{FolderError, LOOPBACK, private_folder, write_synced};
use crate::roles::service::calling_metadata;
use crate::roles::storefront::shop_metadata;
use crate::services::Services;

/// What the secrets are made for.
pub(crate) struct Plan {
    /// The services.
    pub services: Services,
    /// The public issuer.
    pub issuer: String,
    /// The public origin of the edge.
    pub origin: String,
}

/// The files of an installation, by folder and name.
pub(crate) type Files = BTreeMap<String, BTreeMap<String, String>>;

/// Why no secrets could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The users of the broker could not be described.
    #[error(transparent)]
    Broker(#[from] BusError),
    /// The clients could not be written down.
    #[error("the clients could not be written down: {0}")]
    Clients(#[from] toml::ser::Error),
}

/// The virtual host of the broker.
const VHOST: &str = "latchkey";
/// How long a certificate of a role is valid, in days; Apple's limit for authorities that somebody has added.
const DAYS: u64 = 825;
/// The folders of PostgreSQL and of RabbitMQ.
const POSTGRES: &str = "postgres";
const RABBITMQ: &str = "rabbitmq";
/// Who declares exchanges and queues, and who works on dead letters.
const DECLARE: &str = "declare";
const OPERATOR: &str = "operator";

/// Makes every secret. Nothing is written.
pub(crate) fn secrets(plan: &Plan, random: &Random, now_ms: i64) -> Result<Files, SecretsError> {
    let mut files = Files::new();
    let mut put = |folder: &str, name: &str, content: String| {
        files
            .entry(folder.to_owned())
            .or_default()
            .insert(name.to_owned(), content);
    };
    let password = || text(&random.bytes::<40>());
    let key = || hex::encode(random.bytes::<32>());
    let authority = Authority::new()?;

    let roles: Vec<Role> = Role::all_of(plan.services);
    let listening = roles
        .iter()
        .map(|role| role.name())
        .filter(|name| *name != Role::Admin.name());
    for name in listening.chain([POSTGRES, RABBITMQ]) {
        let public = match name {
            "identity" => host(&plan.issuer),
            "gateway" => host(&plan.origin),
            _ => None,
        };
        let mut names: Vec<String> = vec![name.to_owned()];
        names.extend(public);
        names.extend(LOOPBACK.map(str::to_owned));
        names.dedup();
        let leaf = authority.leaf(&format!("Latchkey {name}"), names, now_ms, DAYS)?;
        put(name, "tls.pem", leaf.chain);
        put(name, "tls.key", leaf.key);
        put(name, "ca.pem", authority.certificate.clone());
    }
    put("", "ca.pem", authority.certificate.clone());
    put("", "ca.key", authority.key);

    // PostgreSQL makes a user and a database for each of its files.
    put(POSTGRES, "superuser", password());
    let storing = roles.iter().filter(|role| role.has_database());
    let storing = storing.map(|role| (role.name(), role.name(), "database"));
    for (database, folder, name) in storing.chain([("revocations", "identity", "revocation-log")]) {
        let secret = password();
        put(POSTGRES, &format!("database-{database}"), secret.clone());
        put(folder, name, secret);
    }

    let url = format!("amqps://{RABBITMQ}/{VHOST}?cacertfile=ca.pem");
    let mut users = Vec::new();
    users.push((
        Role::Identity.name(),
        Permissions::of_service(&url, Role::Identity.name())?,
    ));
    for spec in plan.services {
        users.push((spec.name(), broker_permissions(&url, spec)?));
    }
    users.push((DECLARE, Permissions::of_declarer(&url)?));
    users.push((OPERATOR, Permissions::of_operator(&url)?));
    let users: Vec<BrokerUser> = users
        .into_iter()
        .map(|(name, permissions)| BrokerUser {
            name,
            permissions,
            password: password(),
            salt: random.bytes(),
        })
        .collect();
    for user in &users {
        put(user.name, "bus", user.password.clone());
        put(user.name, "ca.pem", authority.certificate.clone());
    }
    put(RABBITMQ, "definitions.json", definitions(&users).to_string());

    let mut clients = Vec::new();
    for spec in plan.services {
        let secret = text(&random.bytes::<52>());
        clients.push(guard_client(spec, &secret));
        put(spec.name(), "client", secret);
    }
    let secret = text(&random.bytes::<52>());
    let mut shop = shop_metadata(plan.services, &plan.origin);
    shop["client_id"] = Role::Storefront.name().into();
    shop["client_secret"] = secret.clone().into();
    clients.push(shop);
    put("storefront", "client", secret);
    put("storefront", "key", key());
    put("identity", "master-key", key());
    put(
        "identity",
        "clients.toml",
        toml::to_string(&json!({ "clients": clients }))?,
    );
    Ok(files)
}

/// What the user of a service may do at the broker.
pub(crate) fn broker_permissions(url: &str, spec: &ServiceSpec) -> Result<Permissions, BusError> {
    match spec.operator {
        true => Permissions::of_dead_letters(url),
        false => Permissions::of_service(url, spec.name()),
    }
}

/// The client of a service: its guard introspects and hears the feed as this one, and it calls other services.
fn guard_client(spec: &ServiceSpec, secret: &str) -> Value {
    let mut client = match spec.calls.is_empty() {
        true => json!({ "client_name": spec.resource.title }),
        false => calling_metadata(spec),
    };
    client["client_id"] = spec.name().into();
    client["client_secret"] = secret.into();
    client["may_introspect"] = json!([spec.resource.audience]);
    client
}

/// A user of the broker.
struct BrokerUser {
    name: &'static str,
    password: String,
    salt: [u8; 4],
    permissions: Permissions,
}

/// The users with their rights, as the broker loads them at its start. Passwords are hashed
/// (rabbitmq.com/docs/passwords#computing-password-hash).
fn definitions(users: &[BrokerUser]) -> Value {
    let hash = |user: &BrokerUser| {
        let digest = Sha256::new()
            .chain_update(user.salt)
            .chain_update(&user.password)
            .finalize();
        STANDARD.encode([&user.salt[..], &digest[..]].concat())
    };
    let accounts: Vec<Value> = users
        .iter()
        .map(|user| {
            json!({
                "name": user.name,
                "password_hash": hash(user),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
            })
        })
        .collect();
    let permissions: Vec<Value> = users
        .iter()
        .map(|user| {
            let Permissions {
                vhost,
                configure,
                write,
                read,
                topics: _,
            } = &user.permissions;
            json!({ "user": user.name, "vhost": vhost, "configure": configure, "write": write, "read": read })
        })
        .collect();
    let topics = users.iter().flat_map(|user| {
        user.permissions.topics.iter().map(|topic| {
            json!({
                "user": user.name,
                "vhost": user.permissions.vhost,
                "exchange": topic.exchange,
                "write": topic.write,
                "read": topic.read,
            })
        })
    });
    json!({
        "vhosts": [{ "name": VHOST }],
        "users": accounts,
        "permissions": permissions,
        "topic_permissions": topics.collect::<Vec<_>>(),
    })
}

fn host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    Some(host.to_owned())
}

/// Writes the files into a folder that does not exist or is empty: all of them, or nothing.
pub(crate) fn write(folder: &Path, files: &Files, random: &Random) -> Result<(), FolderError> {
    let failed = |path: &Path, error: &io::Error| FolderError::Io {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", hex::encode(random.bytes::<8>())));
    let beside: PathBuf = folder.with_file_name(name);
    let done = write_all(&beside, files).and_then(|()| {
        // Replaces nothing but an empty folder (rename(2)).
        fs::rename(&beside, folder).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                FolderError::NotEmpty(folder.display().to_string())
            }
            _ => failed(folder, &error),
        })
    });
    if done.is_err() {
        let _nothing_else_to_do = fs::remove_dir_all(&beside);
        return done;
    }
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    synced(parent)
}

fn write_all(folder: &Path, files: &Files) -> Result<(), FolderError> {
    private_folder(folder)?;
    for (name, files) in files {
        let within = folder.join(name);
        private_folder(&within)?;
        for (name, content) in files {
            write_synced(&within.join(name), format!("{}\n", content.trim_end()))?;
        }
        synced(&within)?;
    }
    synced(folder)
}

/// Waits until the names in a folder are on the disk.
fn synced(folder: &Path) -> Result<(), FolderError> {
    let done = File::open(folder).and_then(|folder| folder.sync_all());
    done.map_err(|error| FolderError::Io {
        path: folder.display().to_string(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::services::SERVICES;

    fn plan() -> Plan {
        Plan {
            services: SERVICES,
            issuer: "https://id.test:8444".to_owned(),
            origin: "https://shop.test:8443".to_owned(),
        }
    }

    fn made() -> Files {
        secrets(&plan(), &Random::system(), 1_795_132_800_000).unwrap()
    }

    #[test]
    fn every_service_has_its_own_secrets_and_no_two_are_the_same() {
        let files = made();
        let mut seen = std::collections::BTreeSet::new();
        for spec in SERVICES {
            let own = &files[spec.name()];
            for name in ["ca.pem", "tls.pem", "tls.key", "database", "bus", "client"] {
                assert!(own.contains_key(name), "{}/{name}", spec.name());
            }
            for name in ["tls.key", "database", "bus", "client"] {
                assert!(seen.insert(&own[name]), "{}/{name}", spec.name());
            }
            let database = &files["postgres"][&format!("database-{}", spec.name())];
            assert_eq!(*database, own["database"]);
        }
        assert_eq!(
            files["postgres"]["database-revocations"],
            files["identity"]["revocation-log"]
        );
        let other = made();
        assert_ne!(files["identity"]["master-key"], other["identity"]["master-key"]);
        assert_ne!(files[""]["ca.key"], other[""]["ca.key"]);
    }

    /// Least privilege: what a container is given is its own.
    #[test]
    fn nobody_is_given_what_belongs_to_somebody_else() {
        let files = made();
        for (folder, own) in &files {
            let is_one_of = |names: &[&str]| names.contains(&folder.as_str());
            assert_eq!(own.contains_key("ca.key"), folder.is_empty(), "{folder}");
            assert_eq!(
                own.contains_key("master-key"),
                is_one_of(&["identity"]),
                "{folder}"
            );
            assert_eq!(
                own.contains_key("clients.toml"),
                is_one_of(&["identity"]),
                "{folder}"
            );
            assert_eq!(
                own.contains_key("superuser"),
                is_one_of(&["postgres"]),
                "{folder}"
            );
        }
        let definitions = &files["rabbitmq"]["definitions.json"];
        for name in ["identity", "order", "declare", "operator"] {
            assert!(!definitions.contains(&files[name]["bus"]), "hashes alone: {name}");
        }
    }

    /// The example of rabbitmq.com/docs/passwords#computing-password-hash.
    #[test]
    fn a_password_of_the_broker_is_hashed_as_the_broker_does() {
        let user = BrokerUser {
            name: "test12",
            password: "test12".to_owned(),
            salt: [0x90, 0x8d, 0xc6, 0x0a],
            permissions: Permissions::of_service("amqp://broker.test/latchkey", "test12").unwrap(),
        };
        let hash = &definitions(&[user])["users"][0]["password_hash"];
        assert_eq!(hash, "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }

    #[test]
    fn the_clients_are_a_valid_seed_of_the_shop_and_every_service() {
        let files = made();
        let seed = latchkey_identity::Seed::parse(&files["identity"]["clients.toml"]).unwrap();
        assert_eq!(seed.clients_without_secret().count(), 0);
        for spec in SERVICES {
            let id = format!("client_id = \"{}\"", spec.name());
            assert!(files["identity"]["clients.toml"].contains(&id), "{id}");
        }
    }

    #[test]
    fn a_folder_is_written_as_a_whole_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("secrets");
        let files = made();
        write(&folder, &files, &Random::system()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for (name, within) in &files {
            assert_eq!(mode(&folder.join(name)), 0o700, "{name}");
            for file in within.keys() {
                assert_eq!(mode(&folder.join(name).join(file)), 0o600, "{name}/{file}");
            }
        }
        let left: Vec<_> = fs::read_dir(home.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn an_existing_folder_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("secrets");
        let files = made();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "kept").unwrap();
        let refused = write(&folder, &files, &Random::system()).unwrap_err();
        assert!(matches!(refused, FolderError::NotEmpty(_)), "{refused}");
        let file = home.path().join("file");
        fs::write(&file, "kept").unwrap();
        write(&file, &files, &Random::system()).unwrap_err();
        write(&home.path().join("no/parent"), &files, &Random::system()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("mine")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        let left = fs::read_dir(home.path()).unwrap().count();
        assert_eq!(left, 3, "nothing half-done stays");
        fs::remove_file(folder.join("mine")).unwrap();
        write(&folder, &files, &Random::system()).unwrap();
    }
}
