//! compose.yaml, as far as plain processes can follow it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The file.
#[derive(Deserialize)]
pub struct Compose {
    pub services: BTreeMap<String, Service>,
    #[serde(default)]
    pub configs: BTreeMap<String, Config>,
}

/// A service. What concerns containers alone is named, so that a key which is new is not passed over in silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    pub image: String,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub depends_on: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub healthcheck: HealthCheck,
    /// `SOURCE:TARGET` or `SOURCE:TARGET:ro`.
    #[serde(default)]
    pub volumes: Vec<String>,
    #[serde(default)]
    pub configs: Vec<Mounted>,
    #[serde(default)]
    pub networks: BTreeMap<String, Network>,
    /// A process with a policy is started again when it fails.
    pub restart: Option<String>,
    #[serde(rename = "build")]
    _build: Option<IgnoredAny>,
    #[serde(rename = "cap_drop")]
    _cap_drop: Option<IgnoredAny>,
    #[serde(rename = "hostname")]
    _hostname: Option<IgnoredAny>,
    #[serde(rename = "ports")]
    _ports: Option<IgnoredAny>,
    #[serde(rename = "read_only")]
    _read_only: Option<IgnoredAny>,
    #[serde(rename = "security_opt")]
    _security_opt: Option<IgnoredAny>,
    #[serde(rename = "stop_grace_period")]
    _stop_grace_period: Option<IgnoredAny>,
    #[serde(rename = "tmpfs")]
    _tmpfs: Option<IgnoredAny>,
    #[serde(rename = "user")]
    _user: Option<IgnoredAny>,
}

/// What a service waits for before it starts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub condition: Condition,
}

/// When it goes on.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
pub enum Condition {
    #[serde(rename = "service_started")]
    Started,
    #[serde(rename = "service_healthy")]
    Healthy,
    #[serde(rename = "service_completed_successfully")]
    Completed,
}

/// How a service is asked for its health.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// `CMD` and a command.
    #[serde(default)]
    pub test: Vec<String>,
    #[serde(default)]
    pub disable: bool,
    #[serde(rename = "interval")]
    _interval: Option<IgnoredAny>,
    #[serde(rename = "timeout")]
    _timeout: Option<IgnoredAny>,
    #[serde(rename = "start_period")]
    _start_period: Option<IgnoredAny>,
    #[serde(rename = "retries")]
    _retries: Option<IgnoredAny>,
}

/// A file inside of a container.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mounted {
    pub source: String,
    pub target: String,
}

/// A place in a network.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    #[serde(default)]
    pub aliases: Vec<String>,
    pub ipv4_address: Option<String>,
}

/// The text of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub content: String,
}

/// Reads a file, and resolves its only escape, `$$`.
pub fn read(path: &Path) -> Result<Compose, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text).map_err(|reason| format!("{}: {reason}", path.display()))
}

fn parse(text: &str) -> Result<Compose, String> {
    let mut compose: Compose = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    for (name, service) in &mut compose.services {
        let values = service.environment.values_mut().chain(&mut service.command);
        for value in values.chain(&mut service.healthcheck.test) {
            *value =
                unescaped(value).ok_or_else(|| format!("{name}: variables are not supported: {value}"))?;
        }
        for dependency in service.depends_on.keys() {
            if dependency == name {
                return Err(format!("{name} depends on itself"));
            }
        }
    }
    for (name, config) in &mut compose.configs {
        config.content =
            unescaped(&config.content).ok_or_else(|| format!("{name}: variables are not supported"))?;
    }
    for (name, service) in &compose.services {
        let unknown = service
            .depends_on
            .keys()
            .find(|other| !compose.services.contains_key(*other));
        if let Some(unknown) = unknown {
            return Err(format!("{name} depends on {unknown}, which does not exist"));
        }
    }
    Ok(compose)
}

/// A text without its escapes. `None` if it has a variable.
fn unescaped(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split("$$").collect();
    let plain = parts.iter().all(|part| !part.contains('$'));
    plain.then(|| parts.join("$"))
}

impl Service {
    /// Its names in the network.
    pub fn names<'a>(&'a self, own: &'a str) -> impl Iterator<Item = &'a str> {
        let aliases = self.networks.values().flat_map(|network| &network.aliases);
        std::iter::once(own).chain(aliases.map(String::as_str))
    }

    /// Its fixed addresses in the network.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.networks
            .values()
            .filter_map(|network| network.ipv4_address.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_and_merged_keys_are_followed() {
        let compose = parse(
            "x-common: &common\n  image: latchkey\n  environment: &env { A: a, B: \"$$b\" }\n\
             services:\n  one:\n    <<: *common\n    command: [serve, one]\n    environment:\n      <<: *env\n      A: c\n",
        )
        .unwrap();
        let one = &compose.services["one"];
        assert_eq!(one.image, "latchkey");
        assert_eq!(one.command, ["serve", "one"]);
        assert_eq!(one.environment["A"], "c");
        assert_eq!(one.environment["B"], "$b");
    }

    #[test]
    fn the_compose_file_of_the_issuer_alone_is_read_whole() {
        let compose = read(&crate::run::workspace().join("compose.identity.yaml")).unwrap();
        let names: Vec<&str> = compose.services.keys().map(String::as_str).collect();
        assert_eq!(names, ["latchkey", "postgres"]);
        let latchkey = &compose.services["latchkey"];
        assert_eq!(latchkey.command, ["serve", "identity"]);
        assert_eq!(latchkey.healthcheck.test, ["CMD", "latchkey", "health"]);
        assert!(latchkey.depends_on["postgres"].condition == Condition::Healthy);
        assert!(latchkey.names("latchkey").any(|name| name == "id.localhost"));
        for mounted in &compose.services["postgres"].configs {
            assert!(
                compose.configs.contains_key(&mounted.source),
                "{}",
                mounted.source
            );
        }
        let script = &compose.configs["databases"].content;
        assert!(script.contains("/run/secrets/database-$name"), "{script}");
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        for (text, told) in [
            ("services: {one: {image: x, scale: 2}}", "scale"),
            (
                "services: {one: {image: x, environment: {A: \"${HOME}\"}}}",
                "variables",
            ),
            (
                "services: {one: {image: x, depends_on: {two: {condition: service_healthy}}}}",
                "does not exist",
            ),
            (
                "services: {one: {image: x, depends_on: {one: {condition: service_healthy}}}}",
                "itself",
            ),
        ] {
            let refused = parse(text).err().unwrap();
            assert!(refused.contains(told), "{refused}");
        }
    }
}
