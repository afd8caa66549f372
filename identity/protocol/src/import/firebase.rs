//! `firebase auth:export`, and the parameters of the project without which its hashes say nothing.

use serde_json::Value;

use super::person::{Export, Imported};
use crate::foreign_hash::{Algorithm, Notation, Work, decode, firebase};

/// The password hash parameters of a project, as its console shows them.
#[derive(Clone, PartialEq)]
pub struct HashConfig {
    /// The secret of the project, with which every hash of it is made.
    pub signer_key: Vec<u8>,
    separator: Vec<u8>,
    rounds: u32,
    mem_cost: u32,
}

impl HashConfig {
    /// Reads `hash_config { algorithm: SCRYPT, base64_signer_key: …, … }`, or the same names in JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        let apart = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | ',' | ':' | '"');
        let words: Vec<&str> = text.split(apart).filter(|word| !word.is_empty()).collect();
        let value = |name: &str| {
            let at = words.iter().position(|word| *word == name);
            let value = at
                .and_then(|at| words.get(at + 1))
                .filter(|word| !NAMES.contains(word));
            value
                .copied()
                .ok_or_else(|| format!("the parameter {name} is missing"))
        };
        if value("algorithm")? != "SCRYPT" {
            return Err("only the algorithm SCRYPT can be imported".to_owned());
        }
        let bytes = |name: &str| decode(value(name)?).ok_or_else(|| format!("{name} is not base64"));
        let number = |name: &str| {
            let value = value(name)?.parse::<u32>();
            value.map_err(|_| format!("{name} is not a number"))
        };
        let config = Self {
            signer_key: bytes("base64_signer_key")?,
            separator: bytes("base64_salt_separator")?,
            rounds: number("rounds")?,
            mem_cost: number("mem_cost")?,
        };
        let (length, algorithm) = (
            config.signer_key.len(),
            Algorithm::Firebase {
                log_n: config.mem_cost,
                r: config.rounds,
            },
        );
        match Work::checked(algorithm, length) {
            Some(_) => Ok(config),
            None => Err("the parameters of the project exceed what is computed here".to_owned()),
        }
    }
}

/// The names of the parameters.
const NAMES: [&str; 5] = [
    "algorithm",
    "base64_signer_key",
    "base64_salt_separator",
    "rounds",
    "mem_cost",
];

/// Without the key, which must not come into a log.
impl std::fmt::Debug for HashConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "HashConfig(rounds {}, mem_cost {})",
            self.rounds, self.mem_cost
        )
    }
}

pub(super) fn read(text: &str, config: Option<&HashConfig>, import: &str) -> Result<Export, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let users = whole["users"]
        .as_array()
        .ok_or("there are no users in this export")?;
    let hashed = |user: &Value| user["passwordHash"].as_str().is_some_and(|hash| !hash.is_empty());
    if config.is_none() && users.iter().any(hashed) {
        return Err(
            "the passwords of this export need the password hash parameters of the project: give them with --hash-config"
                .to_owned(),
        );
    }
    Ok(Export {
        source: "firebase:".to_owned(),
        people: users.iter().map(|user| person(user, config, import)).collect(),
    })
}

fn person(user: &Value, config: Option<&HashConfig>, import: &str) -> Imported {
    let text = |name: &str| user[name].as_str().filter(|text| !text.is_empty());
    let mut person = Imported::new(text("localId").unwrap_or_default());
    person.email = text("email").map(str::to_owned);
    person.email_verified = user["emailVerified"] == true;
    person.disabled = user["disabled"] == true;
    person.claim("name", text("displayName"));
    person.claim("picture", text("photoUrl"));
    person.drop_if(text("phoneNumber").is_some(), "phone number");
    person.drop_if(text("customAttributes").is_some(), "custom claims");
    let providers = user["providerUserInfo"].as_array().into_iter().flatten();
    for provider in providers.filter_map(|provider| provider["providerId"].as_str()) {
        person.drop_if(provider != "password", &format!("identity of {provider}"));
    }
    person.drop_if(
        user["mfaInfo"].as_array().is_some_and(|all| !all.is_empty()),
        "second factors",
    );
    person.password = match (text("passwordHash"), config) {
        (Some(hash), Some(config)) => {
            let (salt, separator) = (text("salt").unwrap_or_default(), &config.separator);
            match firebase(hash, salt, separator, config.mem_cost, config.rounds, import) {
                // The hash is the signer key, encrypted: another length is not made with this key.
                Notation::Kept(hash) if hash.work.length != config.signer_key.len() => {
                    Notation::Unknown("firebase scrypt of another project".to_owned())
                }
                read => read,
            }
        }
        _ => Notation::None,
    };
    person
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Format;

    const CONFIG: &str = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: \
        jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n  \
        base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n";

    #[test]
    fn the_parameters_of_a_project_are_read_as_its_console_shows_them() {
        let config = HashConfig::parse(CONFIG).unwrap();
        assert_eq!(
            (config.signer_key.len(), config.separator.as_slice()),
            (64, &[7][..])
        );
        assert_eq!((config.rounds, config.mem_cost), (8, 14));
        assert_eq!(format!("{config:?}"), "HashConfig(rounds 8, mem_cost 14)");
        for (from, to) in [
            ("SCRYPT", "BCRYPT"),
            ("mem_cost: 14", "mem_cost: 31"),
            ("rounds: 8", "rounds: 2147483648"),
            ("rounds: 8", ""),
            ("jxspr8", "j*spr8"),
            ("Bw==", ""),
        ] {
            assert!(
                HashConfig::parse(&CONFIG.replace(from, to)).is_err(),
                "{from} {to}"
            );
        }
    }

    #[test]
    fn a_user_is_read_in_either_alphabet_and_never_without_the_parameters() {
        let config = HashConfig::parse(CONFIG).unwrap();
        let hash = "lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==";
        let standard = hash.replace('_', "/").replace('-', "+");
        let export = |hash: &str| {
            format!(
                r#"{{"users":[{{"localId":"f1","email":"f@example.test","emailVerified":false,"passwordHash":"{hash}",
                 "salt":"42xEC-ixf3L2lw==","providerUserInfo":[{{"providerId":"google.com"}}]}}]}}"#
            )
        };
        let format = Format::Firebase(Some(config));
        let read = format.read(&export(hash), "i-1").unwrap();
        assert_eq!(read, format.read(&export(&standard), "i-1").unwrap());
        let Notation::Kept(kept) = &read.people[0].password else {
            panic!("{read:?}");
        };
        assert_eq!((kept.import(), kept.salt.last()), (Some("i-1"), Some(&7)));
        assert_eq!(read.people[0].dropped, ["identity of google.com"]);
        assert!(Format::Firebase(None).read(&export(hash), "i").is_err());
        let short = format.read(&export("AAAAAAAAAAAAAAAAAAAAAAAA"), "i").unwrap();
        assert!(matches!(short.people[0].password, Notation::Unknown(_)));
    }
}
