//! Other providers that people can sign in with: one table `[upstream.ID]` for each.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use latchkey_identity::ProviderSecret;
use latchkey_protocol::authentication::Acr;
use latchkey_protocol::upstream::preset::TENANT;
use latchkey_protocol::upstream::{Claim, ClaimMap, Kind, Mode, Provider};

use super::ConfigError;
use super::secret::{self, Secrets};

/// The beginning of the flattened names of all of these settings: `upstream_ID_SETTING`.
pub(super) const TABLE: &str = "upstream";
/// The settings of a provider.
pub(super) const SETTINGS: [&str; 19] = [
    "kind",
    "name",
    "issuer",
    "client_id",
    "client_secret",
    "team_id",
    "key_id",
    "signing_key",
    "tenants",
    "scopes",
    "mode",
    "registers",
    "authoritative_for",
    "forced_domains",
    "stores_tokens",
    "claims",
    "roles",
    "acr",
    "acr_values",
];
/// Those that are lists.
const LISTS: [&str; 7] = [
    "tenants",
    "scopes",
    "authoritative_for",
    "forced_domains",
    "claims",
    "roles",
    "acr_values",
];

/// The provider and the setting that a flattened name stands for.
pub(super) fn setting_of(key: &str) -> Option<(&str, &str)> {
    let rest = key.strip_prefix(TABLE)?.strip_prefix('_')?;
    rest.split_once('_')
}

/// Whether a flattened name is that of a list.
pub(super) fn is_list(key: &str) -> bool {
    setting_of(key).is_some_and(|(_, setting)| LISTS.contains(&setting))
}

/// Whether a flattened name is that of a secret, which may be in a file.
pub(super) fn is_secret(key: &str) -> bool {
    setting_of(key).is_some_and(|(_, setting)| setting == "client_secret")
}

/// The providers and, by their names, what this issuer authenticates by there.
pub(super) type Providers = (Vec<Provider>, BTreeMap<String, ProviderSecret>);

/// Takes the providers out of the settings.
pub(super) fn read(table: &mut toml::Table, secrets: &Secrets<'_>) -> Result<Providers, ConfigError> {
    let mut written: BTreeMap<String, BTreeMap<String, toml::Value>> = BTreeMap::new();
    let keys: Vec<String> = table
        .keys()
        .filter(|key| setting_of(key).is_some())
        .cloned()
        .collect();
    for key in keys {
        if let (Some((id, setting)), Some(value)) = (setting_of(&key), table.remove(&key)) {
            let settings = written.entry(id.to_owned()).or_default();
            settings.insert(setting.to_owned(), value);
        }
    }
    let (mut providers, mut keys) = (Vec::new(), BTreeMap::new());
    for (id, settings) in written {
        let read = One { id: &id, settings }.read(secrets);
        let (provider, secret) = read.map_err(|reason| ConfigError(format!("{TABLE}.{id}.{reason}")))?;
        if let Some(secret) = secret {
            keys.insert(id, secret);
        }
        providers.push(provider);
    }
    check_domains(&providers)?;
    Ok((providers, keys))
}

/// A domain leads to one provider.
fn check_domains(providers: &[Provider]) -> Result<(), ConfigError> {
    let mut seen = BTreeMap::new();
    for provider in providers {
        for domain in &provider.forced_domains {
            if let Some(other) = seen.insert(domain, &provider.id) {
                return Err(ConfigError(format!(
                    "{TABLE}.{}.forced_domains: {domain} leads to {other} already",
                    provider.id
                )));
            }
        }
    }
    Ok(())
}

/// The settings of one provider, as they were written. Each error begins with the name of a setting.
struct One<'a> {
    id: &'a str,
    settings: BTreeMap<String, toml::Value>,
}

impl One<'_> {
    fn read(mut self, secrets: &Secrets<'_>) -> Result<(Provider, Option<ProviderSecret>), String> {
        let kind = self.name("kind", &Kind::ALL.map(Kind::name), Kind::parse)?;
        let kind = kind.ok_or("kind must be set")?;
        if self.id.is_empty() || self.id.len() > 32 || !self.id.bytes().all(is_plain) {
            return Err(
                "kind: a provider's name consists of up to 32 lower-case letters and digits".to_owned(),
            );
        }
        let tenants = self.list("tenants")?;
        let issuer = self.issuer(kind, &tenants)?;
        let client_id = self.text("client_id")?.filter(|id| !id.is_empty());
        let secret = self.secret(kind, secrets)?;
        let mode = self.name("mode", &Mode::ALL.map(Mode::name), Mode::parse)?;
        let acr_names = Acr::ALL.map(Acr::name);
        let acr = self.name("acr", &acr_names, Acr::parse)?;
        let acr_values = self.list("acr_values")?;
        if acr.is_some() == acr_values.is_empty() {
            return Err("acr and acr_values must be set together".to_owned());
        }
        let provider = Provider {
            id: self.id.to_owned(),
            name: self.text("name")?.unwrap_or_else(|| usual_name(kind, self.id)),
            kind,
            issuer,
            client_id: client_id.ok_or("client_id must be set")?,
            scopes: self.scopes(kind)?,
            claim_map: ClaimMap(self.claims()?),
            mode: mode.unwrap_or(Mode::SignIn),
            registers: self.yes("registers")?.unwrap_or(false),
            authoritative_for: self.domains("authoritative_for")?,
            forced_domains: self.domains("forced_domains")?,
            stores_tokens: self.yes("stores_tokens")?.unwrap_or(false),
            tenants,
            roles: self.roles()?,
            acr,
            acr_values,
        };
        let fine = !provider.name.trim().is_empty()
            && provider.name.len() <= 64
            && !provider.name.chars().any(char::is_control);
        if !fine {
            return Err("name has 1 to 64 characters".to_owned());
        }
        if provider.stores_tokens {
            return Err("stores_tokens: tokens of providers are not kept yet; leave it out".to_owned());
        }
        Ok((provider, secret))
    }

    fn issuer(&mut self, kind: Kind, tenants: &[String]) -> Result<String, String> {
        let given = self.text("issuer")?;
        match kind {
            Kind::Google | Kind::Apple if given.is_some() => {
                return Err(format!(
                    "issuer is known for kind \"{}\": leave it out",
                    kind.name()
                ));
            }
            Kind::Microsoft => {
                if given.is_some() {
                    return Err("issuer follows from tenants: leave it out".to_owned());
                }
                let odd = |tenant: &String| !is_tenant(tenant);
                return match tenants {
                    [] => Err("tenants must be set: the ids of the tenants whose people may come".to_owned()),
                    all if all.iter().any(odd) => {
                        Err("tenants are ids such as \"72f988bf-86f1-41af-91ab-2d7cd011db47\"".to_owned())
                    }
                    [one] => Ok(format!("https://login.microsoftonline.com/{one}/v2.0")),
                    _ => Ok(format!("https://login.microsoftonline.com/{TENANT}/v2.0")),
                };
            }
            Kind::Oidc | Kind::GitHub | Kind::GitLab if !tenants.is_empty() => {
                return Err(format!("tenants do not exist for kind \"{}\"", kind.name()));
            }
            Kind::Apple if !tenants.is_empty() => {
                return Err("tenants do not exist for kind \"apple\"".to_owned());
            }
            Kind::Google | Kind::Apple | Kind::Oidc | Kind::GitHub | Kind::GitLab => {}
        }
        let issuer = given.or_else(|| kind.issuer().map(str::to_owned));
        let issuer = issuer.ok_or("issuer must be set")?;
        if is_issuer(&issuer) {
            Ok(issuer)
        } else {
            Err(format!(
                "issuer: {issuer:?} is no https address without a query; http is allowed for loopback only"
            ))
        }
    }

    fn secret(&mut self, kind: Kind, secrets: &Secrets<'_>) -> Result<Option<ProviderSecret>, String> {
        let shared = self.text("client_secret")?;
        let key = (
            self.text("team_id")?,
            self.text("key_id")?,
            self.text("signing_key")?,
        );
        match (kind, shared, key) {
            (Kind::Apple, None, (Some(team), Some(id), Some(path))) => {
                let pem = pem(secrets, &path).map_err(|reason| format!("signing_key: {path}: {reason}"))?;
                let secret = ProviderSecret::key(team, id, &pem);
                secret
                    .map(Some)
                    .map_err(|reason| format!("signing_key: {path}: {reason}"))
            }
            (Kind::Apple, _, _) => {
                Err("signing_key, team_id and key_id must be set, and client_secret not".to_owned())
            }
            (_, shared, (None, None, None)) => {
                let secret = shared.map(|text| secrets.value(&text)).transpose();
                let secret = secret.map_err(|error| format!("client_secret: {error}"))?;
                match secret {
                    // GitHub and the like have no clients without one.
                    None if kind != Kind::Oidc && kind != Kind::GitLab => {
                        Err("client_secret must be set".to_owned())
                    }
                    Some(secret) if secret.is_empty() => Err("client_secret is empty".to_owned()),
                    secret => Ok(secret.map(ProviderSecret::shared)),
                }
            }
            (_, _, _) => Err("signing_key, team_id and key_id are for kind \"apple\" alone".to_owned()),
        }
    }

    fn scopes(&mut self, kind: Kind) -> Result<Vec<String>, String> {
        let scopes = self.list("scopes")?;
        if scopes.is_empty() {
            return Ok(kind.scopes().iter().map(|scope| (*scope).to_owned()).collect());
        }
        let odd = |scope: &String| scope.is_empty() || !scope.bytes().all(|byte| byte.is_ascii_graphic());
        if scopes.iter().any(odd) {
            return Err("scopes are single words".to_owned());
        }
        if kind.has_id_tokens() && !scopes.iter().any(|scope| scope == "openid") {
            return Err("scopes must contain \"openid\"".to_owned());
        }
        Ok(scopes)
    }

    /// Entries such as `username nickname`.
    fn claims(&mut self) -> Result<BTreeMap<Claim, String>, String> {
        let mut claims = BTreeMap::new();
        for entry in self.list("claims")? {
            let mut words = entry.split_whitespace();
            let (Some(ours), Some(theirs), None) = (words.next(), words.next(), words.next()) else {
                return Err(format!(
                    "claims: {entry:?} is not a claim here and its name there"
                ));
            };
            let claim = Claim::parse(ours).ok_or_else(|| {
                let all = Claim::ALL.map(Claim::name).join(", ");
                format!("claims: {ours:?} is not one of {all}")
            })?;
            if claims.insert(claim, theirs.to_owned()).is_some() {
                return Err(format!("claims: {ours} is named twice"));
            }
        }
        Ok(claims)
    }

    /// Entries such as `teachers instructor`.
    fn roles(&mut self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut roles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self.list("roles")? {
            let mut words = entry.split_whitespace();
            let (Some(theirs), Some(ours), None) = (words.next(), words.next(), words.next()) else {
                return Err(format!("roles: {entry:?} is not a value there and a role here"));
            };
            roles.entry(theirs.to_owned()).or_default().push(ours.to_owned());
        }
        Ok(roles)
    }

    fn domains(&mut self, setting: &str) -> Result<Vec<String>, String> {
        let domains = self.list(setting)?;
        let fine = |domain: &String| {
            let plain = |byte: u8| is_plain(byte) || byte == b'-' || byte == b'.';
            domain.bytes().all(plain) && domain.contains('.') && !domain.starts_with('.')
        };
        match domains.iter().find(|domain| !fine(domain)) {
            Some(odd) => Err(format!(
                "{setting}: {odd:?} is no domain in lower case, such as \"example.com\""
            )),
            None => Ok(domains),
        }
    }

    fn text(&mut self, setting: &str) -> Result<Option<String>, String> {
        match self.settings.remove(setting) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{setting} is a text")),
        }
    }

    fn list(&mut self, setting: &str) -> Result<Vec<String>, String> {
        let wrong = || format!("{setting} is a list of texts");
        let Some(value) = self.settings.remove(setting) else {
            return Ok(Vec::new());
        };
        let toml::Value::Array(all) = value else {
            return Err(wrong());
        };
        let texts = all.into_iter().map(|one| match one {
            toml::Value::String(text) => Ok(text),
            _ => Err(wrong()),
        });
        texts.collect()
    }

    /// True or false in the file, the word in the environment.
    fn yes(&mut self, setting: &str) -> Result<Option<bool>, String> {
        let value = self.settings.remove(setting);
        let text = value.map(|value| value.to_string().trim_matches('"').to_owned());
        match text.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(format!("{setting} is true or false")),
        }
    }

    /// One of some names.
    fn name<T>(
        &mut self,
        setting: &str,
        names: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(setting)? else {
            return Ok(None);
        };
        let all: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let found = parse(&text).ok_or_else(|| format!("{setting} is one of {}", all.join(", ")));
        found.map(Some)
    }
}

/// A key, which has several lines.
fn pem(secrets: &Secrets<'_>, path: &str) -> Result<Vec<u8>, String> {
    const LONGEST: u64 = 16 * 1024;
    let path = match secrets.root == Path::new("") {
        true => Path::new(path).to_owned(),
        false => secrets.root.join(path.trim_start_matches('/')),
    };
    let file = secret::open(&path).map_err(|error| error.0)?;
    let mut pem = Vec::new();
    let read = file.take(LONGEST).read_to_end(&mut pem);
    read.map_err(|error| error.to_string())?;
    Ok(pem)
}

/// It is compared byte by byte; others have paths, or a slash at the end.
fn is_issuer(issuer: &str) -> bool {
    let Ok(url) = url::Url::parse(issuer) else {
        return false;
    };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    bare && scheme && url.password().is_none()
}

fn usual_name(kind: Kind, id: &str) -> String {
    match kind {
        Kind::Oidc => id,
        Kind::Google => "Google",
        Kind::Microsoft => "Microsoft",
        Kind::Apple => "Apple",
        Kind::GitHub => "GitHub",
        Kind::GitLab => "GitLab",
    }
    .to_owned()
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_tenant(text: &str) -> bool {
    text.len() == 36
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'-'))
}

#[cfg(test)]
mod tests {
    use latchkey_identity::Settings;

    use super::super::tests::serve;
    use super::*;

    const TENANT_ID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    /// The settings of the provider `op`, given by variables.
    fn people(settings: &[(&str, &str)]) -> Result<Settings, String> {
        let named: Vec<(String, &str)> = settings
            .iter()
            .map(|(name, value)| {
                (
                    format!("LATCHKEY_UPSTREAM_OP_{}", name.to_ascii_uppercase()),
                    *value,
                )
            })
            .collect();
        let named: Vec<(&str, &str)> = named
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        serve(&named).map(|config| config.people).map_err(|error| error.0)
    }

    const OIDC: [(&str, &str); 3] = [
        ("kind", "oidc"),
        ("issuer", "https://op.test"),
        ("client_id", "latchkey"),
    ];

    fn with<'a>(more: &[(&'a str, &'a str)]) -> Result<Settings, String> {
        people(&[&OIDC[..], more].concat())
    }

    #[test]
    fn without_settings_there_is_no_provider() {
        assert!(serve(&[]).unwrap().people.providers.is_empty());
    }

    #[test]
    fn a_provider_has_the_usual_settings_of_its_kind() {
        let secret = ("client_secret", "hush");
        let github = people(&[("kind", "github"), ("client_id", "x"), secret]).unwrap();
        let [github] = github.providers.as_slice() else {
            panic!("one provider")
        };
        assert_eq!(
            (github.id.as_str(), github.name.as_str(), github.issuer.as_str()),
            ("op", "GitHub", "https://github.com")
        );
        assert_eq!(github.scopes, ["read:user", "user:email"]);
        assert_eq!((github.mode, github.registers), (Mode::SignIn, false));
        let one = people(&[
            ("kind", "microsoft"),
            ("client_id", "x"),
            secret,
            ("tenants", TENANT_ID),
        ])
        .unwrap();
        assert_eq!(
            one.providers[0].issuer,
            format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0")
        );
        let two = format!("{TENANT_ID},00000000-0000-0000-0000-000000000001");
        let two = people(&[
            ("kind", "microsoft"),
            ("client_id", "x"),
            secret,
            ("tenants", &two),
        ])
        .unwrap();
        assert_eq!(
            two.providers[0].issuer,
            "https://login.microsoftonline.com/{tenantid}/v2.0"
        );
    }

    #[test]
    fn what_is_set_is_read() {
        let all = with(&[
            ("name", "Our school"),
            ("mode", "link-only"),
            ("registers", "true"),
            ("authoritative_for", "school.test"),
            ("forced_domains", "school.test,staff.school.test"),
            ("claims", "username nickname,roles groups"),
            ("roles", "teachers instructor, teachers author"),
            ("acr", "urn:latchkey:acr:mfa"),
            ("acr_values", "phr,phrh"),
            ("scopes", "openid,groups"),
        ])
        .unwrap();
        let op = &all.providers[0];
        assert_eq!(
            (op.name.as_str(), op.mode, op.registers),
            ("Our school", Mode::LinkOnly, true)
        );
        assert_eq!(op.forced_domains, ["school.test", "staff.school.test"]);
        assert_eq!(
            op.claim_map.0.get(&Claim::Roles).map(String::as_str),
            Some("groups")
        );
        assert_eq!(op.roles["teachers"], ["instructor", "author"]);
        assert_eq!((op.acr, op.acr_values.len()), (Some(Acr::Mfa), 2));
        assert!(all.provider_secrets.is_empty());
        let shown = format!("{:?}", with(&[("client_secret", "hush")]).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn a_setting_that_is_missing_or_odd_is_told_by_its_name() {
        for (settings, told) in [
            (vec![("name", "x")], "kind must be set"),
            (vec![("kind", "saml")], "kind is one of \"oidc\", \"google\""),
            (vec![("kind", "oidc"), ("client_id", "x")], "issuer must be set"),
            (
                vec![("kind", "google"), ("issuer", "https://op.test")],
                "issuer is known",
            ),
            (
                vec![("kind", "google"), ("client_id", "x")],
                "client_secret must be set",
            ),
            (
                vec![("kind", "microsoft"), ("client_id", "x")],
                "tenants must be set",
            ),
            (
                vec![("kind", "microsoft"), ("tenants", "common")],
                "tenants are ids",
            ),
            (
                vec![("kind", "apple"), ("client_id", "x"), ("client_secret", "hush")],
                "signing_key, team_id",
            ),
            (
                vec![("kind", "oidc"), ("issuer", "http://op.test"), ("client_id", "x")],
                "issuer",
            ),
        ] {
            let refused = people(&settings).unwrap_err();
            assert!(refused.starts_with(&format!("upstream.op.{told}")), "{refused}");
        }
        for (setting, value, told) in [
            ("mode", "on", "mode is one of \"sign-in\", \"link-only\", \"off\""),
            ("registers", "yes", "registers is true or false"),
            ("scopes", "email", "scopes must contain \"openid\""),
            ("claims", "sub id", "claims: \"sub\" is not one of email,"),
            ("claims", "email", "claims: \"email\" is not a claim here"),
            ("roles", "staff", "roles: \"staff\" is not a value there"),
            ("acr", "phr", "acr and acr_values must be set together"),
            ("acr_values", "phr", "acr and acr_values must be set together"),
            (
                "forced_domains",
                "Example.com",
                "forced_domains: \"Example.com\" is no domain",
            ),
            (
                "team_id",
                "x",
                "signing_key, team_id and key_id are for kind \"apple\"",
            ),
            ("tenants", TENANT_ID, "tenants do not exist"),
            (
                "stores_tokens",
                "true",
                "stores_tokens: tokens of providers are not kept yet",
            ),
        ] {
            let refused = with(&[(setting, value)]).unwrap_err();
            assert!(refused.starts_with(&format!("upstream.op.{told}")), "{refused}");
        }
    }

    #[test]
    fn an_issuer_may_have_a_path_and_is_kept_as_it_is_written() {
        for issuer in [
            "https://op.test/realms/school",
            "https://op.test/",
            "http://localhost:8081",
        ] {
            let set = people(&[("kind", "oidc"), ("client_id", "x"), ("issuer", issuer)]).unwrap();
            assert_eq!(set.providers[0].issuer, issuer);
        }
        for bad in [
            "op.test",
            "https://op.test?x=y",
            "https://op.test#x",
            "https://u:p@op.test",
            "http://op.test",
        ] {
            let refused = people(&[("kind", "oidc"), ("client_id", "x"), ("issuer", bad)]).unwrap_err();
            assert!(refused.starts_with("upstream.op.issuer: "), "{refused}");
        }
    }

    #[test]
    fn a_provider_is_a_table_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            super::super::Config::serve(super::super::Role::all(), Some(&path), &[])
        };
        let school = "[upstream.school]\nkind = \"oidc\"\nissuer = \"https://op.test\"\nclient_id = \"x\"\n\
                      registers = true\nforced_domains = [\"school.test\"]\n";
        let config = read(school).unwrap();
        assert!(config.people.providers[0].registers);
        let told = read("[upstream.school]\nknd = \"oidc\"\n").unwrap_err().0;
        assert!(
            told.contains("unknown key upstream.school.knd; did you mean upstream.school.kind?"),
            "{told}"
        );
        let told = read("[upstream]\nkind = \"oidc\"\n").unwrap_err().0;
        assert!(
            told.contains("upstream.kind is a table: [upstream.kind]"),
            "{told}"
        );
        let other = school.replace("school]", "other]");
        let told = read(&format!("{school}{other}")).unwrap_err().0;
        assert!(told.contains("school.test leads to other already"), "{told}");
    }
}
