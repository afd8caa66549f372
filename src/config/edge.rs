//! The routes and the sign-in of the edge for services of the operator's own: `[[gateway.route]]` and
//! `[gateway.sign_in]`. They are read again while the edge serves, so reading them needs nothing but the file.

use std::path::Path;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use latchkey_gateway::{Origin, Rate};
use serde::Deserialize;

use super::ConfigError;
use super::secret::Secrets;

/// What the file says about the operator's own services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeSettings {
    /// In the order of the file.
    pub routes: Vec<RouteSettings>,
    pub sign_in: Option<SignInSettings>,
}

/// One `[[gateway.route]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSettings {
    pub name: String,
    pub host: Option<String>,
    pub path: String,
    pub strip: String,
    pub rewrite: String,
    pub methods: Vec<Method>,
    /// Without any, the route only answers the questions of other proxies.
    pub upstreams: Vec<Origin>,
    pub access: AccessSettings,
    pub streaming: bool,
    pub websocket: bool,
    pub body_limit: Option<u64>,
    pub timeout: Option<Duration>,
    pub per_address: Option<Rate>,
    pub per_caller: Option<Rate>,
    pub add: Vec<(HeaderName, HeaderValue)>,
    pub remove: Vec<HeaderName>,
}

/// Who may use a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSettings {
    Public,
    Token(Demanded),
    SignIn(Demanded),
}

/// What a token must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demanded {
    pub audience: String,
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
}

/// `[gateway.sign_in]`: the edge as a client of the issuer.
#[derive(Clone, PartialEq, Eq)]
pub struct SignInSettings {
    pub client_id: String,
    pub client_secret: String,
    /// The origin of the application.
    pub address: String,
    pub scopes: Vec<String>,
    /// The resource of the application at the issuer.
    pub audience: String,
    /// The URL of the database of its sessions; a file in the data folder if absent.
    pub database: Option<String>,
}

impl SignInSettings {
    /// The URL of the database of its sessions, with this data folder.
    pub fn database_in(&self, data: &Path) -> String {
        let own = || format!("sqlite:{}", data.join("edge.db").display());
        self.database.clone().unwrap_or_else(own)
    }
}

/// Without its secrets.
impl std::fmt::Debug for SignInSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInSettings")
            .field("client_id", &self.client_id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    name: String,
    host: Option<String>,
    path: String,
    #[serde(default)]
    strip: String,
    #[serde(default)]
    rewrite: String,
    methods: Option<Vec<String>>,
    #[serde(default)]
    upstreams: Vec<String>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    sign_in: bool,
    audience: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    streaming: bool,
    #[serde(default)]
    websocket: bool,
    body_limit: Option<u64>,
    timeout_seconds: Option<u64>,
    per_address: Option<WrittenRate>,
    per_caller: Option<WrittenRate>,
    #[serde(default)]
    add_headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    remove_headers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRate {
    per_second: u32,
    burst: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSignIn {
    client_id: String,
    client_secret: String,
    address: String,
    audience: String,
    scopes: Option<Vec<String>>,
    database: Option<String>,
}

/// Takes the settings out of the file's tables.
pub(super) fn take(table: &mut toml::Table, secrets: &Secrets<'_>) -> Result<EdgeSettings, ConfigError> {
    let Some(gateway) = table.get_mut("gateway").and_then(toml::Value::as_table_mut) else {
        return Ok(EdgeSettings::default());
    };
    let routes = match gateway.remove("route") {
        None => Vec::new(),
        Some(toml::Value::Array(routes)) => routes,
        Some(_) => {
            return Err(ConfigError(
                "gateway.route is a list: [[gateway.route]]".to_owned(),
            ));
        }
    };
    let sign_in = gateway.remove("sign_in").map(|written| sign_in(written, secrets));
    let sign_in = sign_in.transpose()?;
    let mut settings = EdgeSettings {
        routes: Vec::new(),
        sign_in,
    };
    for (index, written) in routes.into_iter().enumerate() {
        let named = written
            .get("name")
            .and_then(toml::Value::as_str)
            .map(str::to_owned);
        let at = named.map_or(format!("gateway.route {}", index + 1), |name| {
            format!("gateway.route {name}")
        });
        let written: WrittenRoute = written
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError(format!("{at}: {}", error.message())))?;
        let read = written.read(settings.sign_in.as_ref());
        let route = read.map_err(|reason| ConfigError(format!("{at}: {reason}")))?;
        if settings.routes.iter().any(|other| other.name == route.name) {
            return Err(ConfigError(format!("{at}: there are two routes of this name")));
        }
        settings.routes.push(route);
    }
    Ok(settings)
}

/// Reads the settings of the edge again.
pub(crate) fn read_again(root: &Path, file: &Path) -> Result<EdgeSettings, ConfigError> {
    let (mut table, _) = read_file(file)?;
    take(&mut table, &Secrets { root })
}

/// The tables of a file, and its text. An error names the line and does not show it: the line may be a secret's, and what
/// is said here goes to the log.
pub(super) fn read_file(file: &Path) -> Result<(toml::Table, String), ConfigError> {
    let unreadable = |error: String| ConfigError(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        unreadable(format!("line {line}: {}", error.message()))
    })?;
    Ok((table, text))
}

fn sign_in(written: toml::Value, secrets: &Secrets<'_>) -> Result<SignInSettings, ConfigError> {
    let refused = |reason: &str| ConfigError(format!("gateway.sign_in: {reason}"));
    let written: WrittenSignIn = written
        .try_into()
        .map_err(|error: toml::de::Error| refused(error.message()))?;
    let origin = Origin::parse(&written.address).map_err(|error| refused(&error.to_string()))?;
    let address = written.address.trim_end_matches('/').to_ascii_lowercase();
    if !origin.is_https() && !is_loopback(&address) {
        return Err(refused(
            "address must be https: cookies of a sign-in do not go over http",
        ));
    }
    let scopes = written
        .scopes
        .unwrap_or_else(|| vec!["openid".to_owned(), "profile".to_owned()]);
    if let Some(scope) = scopes.iter().find(|scope| !latchkey_guard::is_scope_name(scope)) {
        return Err(refused(&format!("`{scope}` is not a scope")));
    }
    Ok(SignInSettings {
        client_id: written.client_id,
        client_secret: secrets.value(&written.client_secret)?,
        address,
        scopes,
        audience: audience(&written.audience).map_err(|reason| refused(&reason))?,
        database: written.database.map(|url| secrets.value(&url)).transpose()?,
    })
}

fn is_loopback(address: &str) -> bool {
    url::Url::parse(address)
        .is_ok_and(|url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")))
}

/// A resource is a URI (RFC 8707 §2), and goes into a header.
fn audience(text: &str) -> Result<String, String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#'));
    match plain && url::Url::parse(text).is_ok() {
        true => Ok(text.to_owned()),
        false => Err(format!("audience: `{text}` is not the URI of a resource")),
    }
}

impl WrittenRoute {
    fn read(self, sign_in: Option<&SignInSettings>) -> Result<RouteSettings, String> {
        let access = self.access(sign_in)?;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(is_name) {
            return Err("a name consists of lower-case letters, digits and `-`".to_owned());
        }
        let methods = self.methods.unwrap_or_else(|| vec!["GET".to_owned()]);
        let methods = methods.iter().map(|text| {
            let method = Method::from_bytes(text.as_bytes()).ok();
            let upper = method.filter(|_| text.bytes().all(|byte| byte.is_ascii_uppercase()));
            upper.ok_or_else(|| format!("`{text}` is not a method"))
        });
        let methods: Vec<Method> = methods.collect::<Result<_, _>>()?;
        if self.websocket && !methods.contains(&Method::GET) {
            return Err("a WebSocket begins with GET, which the route does not declare".to_owned());
        }
        let upstreams = self.upstreams.iter().map(|text| Origin::parse(text));
        let upstreams = upstreams
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let timeout = match self.timeout_seconds {
            Some(seconds) if (1..=LONGEST_S).contains(&seconds) => Some(Duration::from_secs(seconds)),
            Some(_) => return Err(format!("timeout_seconds is from 1 to {LONGEST_S}")),
            None => None,
        };
        if self.body_limit.is_some_and(|limit| limit > LARGEST) {
            return Err(format!("body_limit is at most {LARGEST}"));
        }
        let header = |name: &str| {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("`{name}` is not the name of a header"))
        };
        let add = self.add_headers.iter().map(|(name, value)| -> Result<_, String> {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("the value of `{name}` is not text"))?;
            Ok((header(name)?, value))
        });
        let (add, remove) = (
            add.collect::<Result<_, String>>()?,
            self.remove_headers
                .iter()
                .map(|name| header(name))
                .collect::<Result<_, String>>()?,
        );
        Ok(RouteSettings {
            host: self.host,
            path: self.path,
            strip: self.strip,
            rewrite: self.rewrite,
            methods,
            upstreams,
            access,
            streaming: self.streaming,
            websocket: self.websocket,
            body_limit: self.body_limit,
            timeout,
            per_address: self.per_address.map(WrittenRate::read).transpose()?,
            per_caller: self.per_caller.map(WrittenRate::read).transpose()?,
            add,
            remove,
            name: self.name,
        })
    }

    /// Nothing is open because a line was forgotten: a route says who may use it.
    fn access(&self, sign_in: Option<&SignInSettings>) -> Result<AccessSettings, String> {
        if let Some(scope) = self
            .scopes
            .iter()
            .find(|scope| !latchkey_guard::is_scope_name(scope))
        {
            return Err(format!("`{scope}` is not a scope"));
        }
        let demanded = |audience: &str| Demanded {
            audience: audience.to_owned(),
            scopes: self.scopes.clone(),
            roles: self.roles.clone(),
        };
        match (self.public, self.sign_in, &self.audience) {
            (true, false, None) if self.scopes.is_empty() && self.roles.is_empty() => match self.per_caller {
                None => Ok(AccessSettings::Public),
                Some(_) => Err("a public route has no callers that per_caller could count".to_owned()),
            },
            (false, false, Some(text)) => Ok(AccessSettings::Token(demanded(&audience(text)?))),
            (false, true, None) => match sign_in {
                Some(_) if self.host.is_none() => {
                    Err("sign_in needs the host of [gateway.sign_in], which is not the edge's own".to_owned())
                }
                Some(sign_in) => Ok(AccessSettings::SignIn(demanded(&sign_in.audience))),
                None => Err("sign_in needs [gateway.sign_in]".to_owned()),
            },
            _ => Err(
                "it says who may use it by exactly one of `audience` (with scopes and roles), `sign_in = true` (with scopes and roles; the audience is that of [gateway.sign_in]) and `public = true`"
                    .to_owned(),
            ),
        }
    }
}

impl WrittenRate {
    fn read(self) -> Result<Rate, String> {
        if !(1..=1_000).contains(&self.per_second) || !(1..=100_000).contains(&self.burst) {
            return Err("a rate is 1 to 1000 per_second, with a burst of 1 to 100000".to_owned());
        }
        Ok(Rate {
            interval_ms: 1_000 / self.per_second,
            burst: self.burst,
        })
    }
}

/// The longest timeout of a route in seconds. The listener waits a little longer.
pub(crate) const LONGEST_S: u64 = 300;
/// The largest body of a route in bytes: bodies are passed on as they arrive.
pub(crate) const LARGEST: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<EdgeSettings, String> {
        let mut table: toml::Table = text.parse().unwrap();
        take(&mut table, &Secrets { root: Path::new("") }).map_err(|error| error.0)
    }

    const ROUTE: &str =
        "[[gateway.route]]\nname = \"notes\"\npath = \"/notes/*\"\nupstreams = [\"http://127.0.0.1:9\"]\n";

    #[test]
    fn a_route_demands_a_token_unless_it_says_otherwise() {
        let settings = read(&format!(
            "{ROUTE}audience = \"urn:example:notes\"\nscopes = [\"notes.read\"]"
        ))
        .unwrap();
        let demanded = Demanded {
            audience: "urn:example:notes".to_owned(),
            scopes: vec!["notes.read".to_owned()],
            roles: Vec::new(),
        };
        assert_eq!(settings.routes[0].access, AccessSettings::Token(demanded));
        assert_eq!(settings.routes[0].methods, [Method::GET]);
        let public = read(&format!("{ROUTE}public = true")).unwrap();
        assert_eq!(public.routes[0].access, AccessSettings::Public);
    }

    #[test]
    fn a_route_that_is_not_clear_is_refused_with_its_name() {
        for (lines, reason) in [
            ("", "exactly one of"),
            ("public = true\naudience = \"urn:a:b\"", "exactly one of"),
            ("public = true\nscopes = [\"a\"]", "exactly one of"),
            ("public = false", "exactly one of"),
            ("scopes = [\"a\"]", "exactly one of"),
            ("sign_in = true", "needs [gateway.sign_in]"),
            ("public = true\nsteaming = true", "unknown field `steaming`"),
            ("audience = \"notes\"", "not the URI of a resource"),
            ("audience = \"urn:a:b\\\"\"", "not the URI of a resource"),
            ("audience = \"urn:a:b\"\nscopes = [\"a b\"]", "not a scope"),
            ("public = true\nmethods = [\"get\"]", "not a method"),
            (
                "public = true\nmethods = [\"POST\"]\nwebsocket = true",
                "begins with GET",
            ),
            ("public = true\ntimeout_seconds = 0", "from 1 to 300"),
            ("public = true\ntimeout_seconds = 301", "from 1 to 300"),
            ("public = true\nbody_limit = 1073741825", "at most"),
            ("public = true\nbody_limit = -1", "-1"),
            (
                "public = true\nper_address = { per_second = 0, burst = 1 }",
                "a rate is",
            ),
            (
                "public = true\nper_caller = { per_second = 1, burst = 1 }",
                "no callers",
            ),
            (
                "public = true\nadd_headers = { \"a b\" = \"c\" }",
                "name of a header",
            ),
            (
                "public = true\nadd_headers = { a = \"b\\r\\nc: d\" }",
                "is not text",
            ),
        ] {
            let refused = read(&format!("{ROUTE}{lines}")).unwrap_err();
            assert!(
                refused.starts_with("gateway.route notes: ") && refused.contains(reason),
                "{lines}: {refused}"
            );
        }
        let twice = format!("{ROUTE}public = true\n{ROUTE}public = true");
        assert!(read(&twice).unwrap_err().contains("two routes of this name"));
        assert!(read("[gateway]\nroute = 1").unwrap_err().contains("is a list"));
    }

    #[test]
    fn a_sign_in_needs_https_beyond_this_machine() {
        let sign_in = |address: &str| {
            read(&format!(
                "[gateway.sign_in]\nclient_id = \"app\"\nclient_secret = \"s\"\naudience = \"urn:a:b\"\naddress = \"{address}\""
            ))
        };
        for (address, good) in [
            ("https://notes.test", true),
            ("https://notes.test:8443", true),
            ("http://localhost:8080", true),
            ("http://notes.test", false),
            ("http://localhost.evil.test", false),
            ("https://notes.test/app", false),
        ] {
            assert_eq!(sign_in(address).is_ok(), good, "{address}");
        }
        let settings = sign_in("https://Notes.test").unwrap().sign_in.unwrap();
        assert_eq!(settings.address, "https://notes.test");
        assert!(!format!("{settings:?}").contains("client_secret"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, line) in [
            ("[gateway.sign_in]\nclient_secret = \"hunter2\n", 2),
            ("a = 1\n\nclient_secret = hunter2\n", 3),
            ("client_secret = \"hunter2\" \"\n", 1),
        ] {
            std::fs::write(file.path(), text).unwrap();
            let refused = read_again(Path::new(""), file.path()).unwrap_err().0;
            assert!(refused.contains(&format!(": line {line}: ")), "{text}: {refused}");
            assert!(!refused.contains("hunter2"), "{text}: {refused}");
        }
    }
}
