//! The first configuration of an installation: a commented file and the secrets beside it, from a few answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use latchkey_clock::Random;

use crate::config::{Config, ConfigError, Role};
use crate::installation::Files;

/// The text, with a place in braces for each answer.
const TEMPLATE: &str = include_str!("starter.toml");
/// The file of the configuration in its folder.
pub(crate) const FILE: &str = "latchkey.toml";
/// The folder of the secrets, and the file of the database's password in it.
const SECRETS: &str = "secrets";
const DATABASE_PASSWORD: &str = "database";

/// The roles that it configures.
pub(crate) const ROLES: [Role; 2] = [Role::Identity, Role::Admin];

/// What an operator says.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// The folder, from the root.
    pub folder: PathBuf,
    /// The public issuer.
    pub issuer: String,
    /// The URL of the database; a SQLite file in the folder without one.
    pub database: Option<String>,
    /// Where the issuer listens.
    pub listen: String,
    /// The networks of the proxies in front of it.
    pub behind_proxy: Vec<String>,
    /// The chain of the listener and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl Answers {
    /// Whether nobody but the proxies may connect: a proxy that is named ends TLS, unless the listener speaks it as well.
    fn is_for_proxies_alone(&self) -> bool {
        !self.behind_proxy.is_empty() && self.tls.is_none()
    }
}

/// The files of an installation that is configured so. The answers are held to what a start checks.
pub(crate) fn files(answers: &Answers, random: &Random) -> Result<Files, ConfigError> {
    let (database, password) = without_password(answers.database.as_deref())?;
    check(answers, database.as_deref())?;
    let at = |name: &str| quoted(&answers.folder.join(name).display().to_string());
    let sqlite = |name: &str| format!("sqlite:{}/{name}.db", answers.folder.join("data").display());
    let secret = answers.folder.join(SECRETS).join(DATABASE_PASSWORD);
    let reference = quoted(&format!("file:{}", secret.display()));
    let secret_line = |key: &str| match &password {
        Some(_) => format!("{key} = {reference}"),
        None => format!("# {key} = \"file:/run/secrets/{key}\""),
    };
    let tls = match &answers.tls {
        Some((certificate, key)) => format!(
            "tls_certificate = {}\ntls_key = {}",
            quoted(&certificate.display().to_string()),
            quoted(&key.display().to_string())
        ),
        None => {
            "# tls_certificate = \"/etc/latchkey/tls.pem\"\n# tls_key = \"/etc/latchkey/tls.key\"".to_owned()
        }
    };
    let proxies = match answers.behind_proxy.is_empty() {
        true => "# trusted_proxies = [\"10.0.0.0/8\"]\n# behind_proxy = false".to_owned(),
        false => {
            let all: Vec<String> = answers.behind_proxy.iter().map(|text| quoted(text)).collect();
            let alone = answers.is_for_proxies_alone();
            format!("trusted_proxies = [{}]\nbehind_proxy = {alone}", all.join(", "))
        }
    };
    let url = match &answers.tls {
        Some(_) => format!("url = {}", quoted(&answers.issuer)),
        None => "# url = \"https://id.internal\"".to_owned(),
    };
    let stored = quoted(&database.clone().unwrap_or_else(|| sqlite("identity")));
    // Two writers of one SQLite file would wait for each other, so the bus has its own.
    let shared = database.as_ref().filter(|url| !url.starts_with("sqlite:"));
    let bus = quoted(&shared.cloned().unwrap_or_else(|| sqlite("bus")));
    let mut text = TEMPLATE.to_owned();
    for (place, answer) in [
        ("{issuer}", quoted(&answers.issuer)),
        ("{data}", at("data")),
        ("{keys}", at("keys")),
        ("{tls}", tls),
        ("{proxies}", proxies),
        ("{bus}", bus),
        ("{bus_password}", secret_line("bus_password")),
        ("{listen}", quoted(&answers.listen)),
        ("{database}", stored),
        ("{database_password}", secret_line("database_password")),
        ("{url}", url),
    ] {
        text = text.replacen(place, &answer, 1);
    }
    let key = hex::encode(random.bytes::<32>());
    let mut files = Files::from([
        (String::new(), BTreeMap::from([(FILE.to_owned(), text)])),
        ("data".to_owned(), BTreeMap::new()),
        (
            "keys".to_owned(),
            BTreeMap::from([("master.key".to_owned(), key)]),
        ),
    ]);
    if let Some(password) = password {
        files.insert(
            SECRETS.to_owned(),
            BTreeMap::from([(DATABASE_PASSWORD.to_owned(), password)]),
        );
    }
    Ok(files)
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The URL of a database without its password, and the password.
fn without_password(url: Option<&str>) -> Result<(Option<String>, Option<String>), ConfigError> {
    let Some(text) = url else {
        return Ok((None, None));
    };
    if text.starts_with("sqlite:") {
        return Ok((Some(text.to_owned()), None));
    }
    // The URL may contain a password and is not repeated.
    let mut url = url::Url::parse(text)
        .map_err(|_| ConfigError("the database is no URL: sqlite:PATH or postgres://…".to_owned()))?;
    let Some(password) = url.password().map(decoded) else {
        return Ok((Some(text.to_owned()), None));
    };
    url.set_password(None)
        .map_err(|()| ConfigError("the database's URL has no host".to_owned()))?;
    Ok((Some(url.to_string()), Some(password?)))
}

/// What percent signs of a URL stand for.
fn decoded(text: &str) -> Result<String, ConfigError> {
    let broken = || ConfigError("the password in the database's URL is not valid".to_owned());
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().ok_or_else(broken)?, rest.next().ok_or_else(broken)?];
        let mut one = [0];
        hex::decode_to_slice(digits, &mut one).map_err(|_| broken())?;
        bytes.extend(one);
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

/// The answers as a start reads them, before anything is written.
fn check(answers: &Answers, database: Option<&str>) -> Result<(), ConfigError> {
    let path = |path: &Path| path.display().to_string();
    let mut said = vec![
        ("ISSUER", answers.issuer.clone()),
        ("IDENTITY_LISTEN", answers.listen.clone()),
    ];
    if let Some(database) = database {
        said.push(("IDENTITY_DATABASE", database.to_owned()));
    }
    if !answers.behind_proxy.is_empty() {
        said.push(("TRUSTED_PROXIES", answers.behind_proxy.join(",")));
        said.push(("BEHIND_PROXY", answers.is_for_proxies_alone().to_string()));
    }
    if let Some((certificate, key)) = &answers.tls {
        said.push(("TLS_CERTIFICATE", path(certificate)));
        said.push(("TLS_KEY", path(key)));
        said.push(("IDENTITY_URL", answers.issuer.clone()));
    }
    let said: Vec<(String, String)> = said
        .into_iter()
        .map(|(name, value)| (format!("LATCHKEY_{name}"), value))
        .collect();
    Config::serve(ROLES.to_vec(), None, &said)?.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(folder: &Path) -> Answers {
        Answers {
            folder: folder.to_owned(),
            issuer: "https://id.test".to_owned(),
            database: None,
            listen: "localhost:8081".to_owned(),
            behind_proxy: Vec::new(),
            tls: None,
        }
    }

    /// The configuration that a start reads of these answers.
    fn read(answers: &Answers) -> Config {
        let files = files(answers, &Random::system()).unwrap();
        crate::installation::write(&answers.folder, &files, &Random::system()).unwrap();
        let file = answers.folder.join(FILE);
        let config = Config::serve(ROLES.to_vec(), Some(&file), &[]).unwrap();
        config.check().unwrap();
        config
    }

    #[test]
    fn what_is_written_is_read_by_the_start_and_says_what_was_answered() {
        let home = tempfile::tempdir().unwrap();
        let plain = read(&answers(&home.path().join("plain \"folder\"")));
        assert_eq!(plain.issuer.as_deref(), Some("https://id.test"));
        assert!(plain[Role::Identity].database.ends_with("/data/identity.db"));
        assert!(plain.bus.ends_with("/data/bus.db"));
        assert_eq!(plain.trusted_proxies, latchkey_http::TrustedProxies::none());
        assert_eq!(plain.listening().len(), 2);

        let folder = home.path().join("server");
        let server = Answers {
            database: Some("postgres://id:h%2Fush%3A@db.test:6432/latchkey?sslmode=require".to_owned()),
            behind_proxy: vec!["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()],
            listen: "0.0.0.0:8081".to_owned(),
            ..answers(&folder)
        };
        let config = read(&server);
        let url = "postgres://id:h%2Fush%3A@db.test:6432/latchkey?sslmode=require";
        assert_eq!(config[Role::Identity].database, url);
        assert_eq!(config.bus, url);
        assert_eq!(config.revocation_log(), url);
        let proxies = latchkey_http::TrustedProxies::behind(&["10.0.0.0/8", "192.0.2.1"]).unwrap();
        assert_eq!(config.trusted_proxies, proxies);
        assert!(config.behind_proxy && !plain.behind_proxy);
        let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
        assert!(!text.contains("ush"), "a secret is in a file of its own");
    }

    #[test]
    fn what_a_start_would_refuse_is_not_written() {
        let base = answers(Path::new("/srv/latchkey"));
        for (refused, told) in [
            (
                Answers {
                    issuer: "http://id.test".to_owned(),
                    ..base.clone()
                },
                "https",
            ),
            (
                Answers {
                    listen: "0.0.0.0:443".to_owned(),
                    ..base.clone()
                },
                "TLS",
            ),
            (
                Answers {
                    listen: "nowhere".to_owned(),
                    ..base.clone()
                },
                "nowhere",
            ),
            (
                Answers {
                    behind_proxy: vec!["0.0.0.0/0".to_owned()],
                    ..base.clone()
                },
                "trusted_proxies",
            ),
            (
                Answers {
                    database: Some("mysql://id:hush@db.test/x".to_owned()),
                    ..base.clone()
                },
                "postgres:",
            ),
            (
                Answers {
                    database: Some("hush".to_owned()),
                    ..base.clone()
                },
                "no URL",
            ),
            (
                Answers {
                    database: Some("postgres://id:hu%sh@db.test/x".to_owned()),
                    ..base.clone()
                },
                "password",
            ),
        ] {
            let error = files(&refused, &Random::system()).unwrap_err().0;
            assert!(error.contains(told) && !error.contains("hush"), "{error}");
        }
    }

    /// Every key that an operator of the issuer meets stands in the file, said or commented out.
    #[test]
    fn the_file_has_every_key_of_the_document() {
        let document = include_str!("../docs/configuration.md");
        let keys = document.split("### Keys").nth(1).unwrap();
        let keys = keys.split("### Other providers").next().unwrap();
        let home = tempfile::tempdir().unwrap();
        let files = files(&answers(home.path()), &Random::system()).unwrap();
        let text = &files[""][FILE];
        let of_others = [
            "store",
            "refund_days",
            "refund_percent",
            "share_percent",
            "key",
            "client_id",
            "client_secret",
        ];
        let mut seen = 0;
        for line in keys.lines().filter(|line| line.starts_with("| `")) {
            let cell = line.split('|').nth(1).unwrap_or_default();
            for key in cell.split('`').skip(1).step_by(2) {
                let plain = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                if !plain || of_others.contains(&key) || key.starts_with("seller_") {
                    continue;
                }
                seen += 1;
                let stands = text
                    .lines()
                    .any(|line| line.trim_start_matches("# ").starts_with(&format!("{key} = ")));
                assert!(stands, "{key}");
            }
        }
        assert!(seen > 40, "{seen}");
    }
}
