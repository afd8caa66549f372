//! Where each container is when all of them are processes on loopback. Nothing else about a service is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::compose::{Compose, Service};
use crate::postgres::free_port;

/// The ports and folders of all services.
pub struct Places {
    folder: PathBuf,
    /// By service: the port of its container, and that of its process.
    ports: BTreeMap<String, (u16, u16)>,
    /// By name: the services that have it, and how often one was asked for.
    names: BTreeMap<String, (Vec<String>, AtomicUsize)>,
    /// The fixed addresses of containers.
    addresses: Vec<String>,
    /// The name of the issuer, which must not be on the host of the shop.
    issuer: Option<String>,
}

/// A value of a service, and its replacement.
pub type Replaced = BTreeMap<String, String>;

impl Places {
    /// Finds a free port for each service that listens.
    pub fn new(compose: &Compose, folder: &Path) -> Result<Self, String> {
        let mut places = Self {
            folder: folder.to_owned(),
            ports: BTreeMap::new(),
            names: BTreeMap::new(),
            addresses: Vec::new(),
            issuer: None,
        };
        for (name, service) in &compose.services {
            if let Some(port) = port(service) {
                places.ports.insert(name.clone(), (port, free_port()?));
            }
            for alias in service.names(name) {
                let (services, _) = places.names.entry(alias.to_owned()).or_default();
                services.push(name.clone());
            }
            places.addresses.extend(service.addresses().map(str::to_owned));
            let issuer = service.environment.get("LATCHKEY_ISSUER");
            if let Some(host) = issuer.and_then(|url| url.split("//").nth(1)?.split(':').next()) {
                places.issuer = Some(host.to_owned());
            }
        }
        Ok(places)
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port of a service's process.
    pub fn port(&self, service: &str) -> u16 {
        self.ports.get(service).map_or(0, |(_, here)| *here)
    }

    /// The folder of a service for whatever is not in the repository.
    pub fn home(&self, service: &str) -> PathBuf {
        self.folder.join(service)
    }

    /// A text of a service with the addresses and paths of processes; each that was replaced is noted.
    pub fn here(&self, name: &str, service: &Service, text: &str, replaced: &mut Replaced) -> String {
        let mut text = text.to_owned();
        let mut put = |text: &mut String, from: String, to: String| {
            if let Some(changed) = with_word_replaced(text, &from, &to) {
                *text = changed;
                replaced.insert(from, to);
            }
        };
        if let Some((port, here)) = self.ports.get(name) {
            put(&mut text, format!("0.0.0.0:{port}"), format!("127.0.0.1:{here}"));
        }
        for (host, (services, asked)) in &self.names {
            let known = services.first().and_then(|first| self.ports.get(first));
            let Some((port, _)) = known else { continue };
            let from = format!("{host}:{port}");
            if with_word_replaced(&text, &from, "").is_none() {
                continue;
            }
            let own = services.iter().find(|service| *service == name);
            let chosen = match (own, host.contains('.')) {
                (Some(own), false) => own,
                // A public name stands in documents of all: it is one place.
                (_, true) => &services[0],
                // A name of several is each of them in turn.
                (None, false) => {
                    let turn = asked.fetch_add(1, Ordering::Relaxed);
                    &services[turn % services.len()]
                }
            };
            let loopback = match self.issuer.as_ref() == Some(host) {
                true => "localhost",
                false => "127.0.0.1",
            };
            put(&mut text, from, format!("{loopback}:{}", self.port(chosen)));
        }
        for address in &self.addresses {
            put(&mut text, address.clone(), "127.0.0.1".to_owned());
        }
        for (target, source) in self.mounts(name, service) {
            if text.contains(&target) {
                text = text.replace(&target, &source.display().to_string());
                replaced.insert(target, source.display().to_string());
            }
        }
        text
    }

    /// The folders and files that a service sees: where, and what is there.
    fn mounts(&self, name: &str, service: &Service) -> Vec<(String, PathBuf)> {
        let home = self.home(name);
        // First: the others may be below it on this machine.
        let mut mounts = vec![("/tmp/".to_owned(), home.join("tmp/"))];
        for volume in &service.volumes {
            let mut parts = volume.split(':');
            let (source, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let here = match source.strip_prefix("./") {
                // PostgreSQL may run as another user than we do.
                Some(_) if is_postgres(service) => home.join("secrets"),
                Some(path) => self.folder.join(path),
                None => home.join("data"),
            };
            mounts.push((target.to_owned(), here));
        }
        for config in &service.configs {
            mounts.push((config.target.clone(), home.join(&config.source)));
        }
        mounts
    }
}

/// Whether a service is PostgreSQL.
fn is_postgres(service: &Service) -> bool {
    service.image.split(':').next() == Some("postgres")
}

/// The port on which a container listens: as its configuration says, or that of its image.
fn port(service: &Service) -> Option<u16> {
    let listens = service
        .environment
        .values()
        .find_map(|value| value.strip_prefix("0.0.0.0:")?.parse().ok());
    let of_image = match service.image.split(':').next() {
        Some("postgres") => Some(5432),
        Some("rabbitmq") => Some(5671),
        _ => None,
    };
    listens.or(of_image)
}

/// The text with another word, where it stands alone. `None` if it does not stand there.
fn with_word_replaced(text: &str, word: &str, by: &str) -> Option<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
    let (mut rest, mut before, mut out, mut found) = (text, None::<char>, String::new(), false);
    while let Some(at) = rest.find(word) {
        let (head, tail) = rest.split_at(at);
        let after = &tail[word.len()..];
        let previous = head.chars().next_back().or(before);
        let alone = !previous.is_some_and(part) && !after.chars().next().is_some_and(part);
        out.push_str(head);
        out.push_str(if alone { by } else { word });
        found |= alone;
        before = word.chars().next_back();
        rest = after;
    }
    out.push_str(rest);
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_where_it_stands_alone() {
        for (text, replaced) in [
            ("https://order:8443", Some("https://X")),
            (
                "postgres://order@order:8443/order",
                Some("postgres://order@X/order"),
            ),
            ("order:8443", Some("X")),
            ("logout order:8443, order:8443", Some("logout X, X")),
            ("https://reorder:8443", None),
            ("https://order:84430", None),
            ("https://order.test:8443", None),
            ("", None),
        ] {
            assert_eq!(
                with_word_replaced(text, "order:8443", "X").as_deref(),
                replaced,
                "{text}"
            );
        }
    }
}
