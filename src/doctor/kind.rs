//! Every kind of finding, with its remedy. docs/doctor.md has the same table; a test compares them.

use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// All is well.
    Ok,
    /// Nothing to do, but something to know.
    Note,
    /// It works, and will not for ever or not safely.
    Warning,
    /// It does not work.
    Error,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The name of a finding, its subject before the dot, and what mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub name: &'static str,
    pub remedy: &'static str,
}

macro_rules! kinds {
    ($($constant:ident $name:literal $remedy:literal;)*) => {
        $(pub(crate) const $constant: Kind = Kind { name: $name, remedy: $remedy };)*
        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[Kind] = &[$($constant),*];
    };
}

kinds! {
    CONFIGURATION "configuration.refused" "Correct the named key; docs/configuration.md has all of them.";
    CLOCK_SERVER "clock.server" "Let both machines keep their clocks by NTP.";
    CLOCK_DATABASE "clock.database" "Let the database's machine and this one keep their clocks by NTP.";
    CLOCK_BEHIND "clock.behind" "Put the clock of this machine right before the next start.";
    DISK_FULL "disk.full" "Make room on that disk; writing goes on by itself.";
    DISK_LOW "disk.low" "Make room on that disk soon.";
    DISK_READ_ONLY "disk.read_only" "Mount the disk for writing, or give the folder to the user that Latchkey runs as.";
    EXPOSED "permissions.exposed" "Take it from others: chmod 700 a folder, chmod 600 a file.";
    FOREIGN "permissions.foreign" "Run doctor as the user that Latchkey runs as, or chown it to that user.";
    KEY_UNUSABLE "permissions.key" "Do what the sentence says; treat a key that others could read as compromised.";
    ISSUER_UNREACHABLE "issuer.unreachable" "Start `latchkey serve`; then look at the name in DNS, the proxy and the firewall.";
    ISSUER_REDIRECT "issuer.redirect" "Let the proxy serve the issuer's address itself: clients do not follow redirects there.";
    ISSUER_STATUS "issuer.status" "Let the proxy forward every path of the issuer, and keep the Host of the request.";
    ISSUER_MISMATCH "issuer.mismatch" "Set `issuer` to the address by which people come, and restart.";
    ISSUER_SLOW "issuer.slow" "Look at the load of the machine and at the way to it.";
    ISSUER_CERTIFICATE "issuer.certificate" "Renew the certificate that people see, and have it loaded.";
    PROXY_UNDECLARED "proxy.undeclared" "Name the proxy's address in `trusted_proxies`, or all who come through it share one limit.";
    PROXY_UNSEEN "proxy.unseen" "Sign in with a wrong password once: the audit trail and the log must name your own address.";
    CERTIFICATE_UNUSABLE "certificate.unusable" "Put a chain and the private key that belongs to it into `tls_certificate` and `tls_key`.";
    CERTIFICATE_EXPIRED "certificate.expired" "Renew the certificate, and have it loaded.";
    CERTIFICATE_EXPIRING "certificate.expiring" "Renew the certificate before that day, and have it loaded.";
    CERTIFICATE_ORDER "certificate.order" "Write the chain leaf first, each certificate before the one that signed it.";
    CERTIFICATE_NAMES "certificate.names" "Have a certificate made that names every host of these listeners.";
    DATABASE_UNREADABLE "schema.unreadable" "Start the database, and look at its URL, its user and its password.";
    SCHEMA_ABSENT "schema.absent" "Start `latchkey serve` once: it makes the tables.";
    SCHEMA_PENDING "schema.pending" "Restart with this version: a start migrates.";
    SCHEMA_NEWER "schema.newer" "Install the version that last ran here, or a newer one; an older one never starts.";
    FEED_SILENT "feed.silent" "Start or restart the process that plays `identity`, and read its log.";
    OUTBOX_STUCK "feed.outbox" "Look at the bus and the revocation log: events leave when these can be reached.";
    EVENTS_PARKED "feed.parked" "Read `latchkey events dead list`, then redrive or discard them.";
    MAIL_DEAD "feed.mail" "Read `latchkey mail list --state dead`, mend the relay, then `latchkey mail retry`.";
    KEY_MISSING "keys.missing" "Restore master.key from its backup: nothing else opens this database.";
    KEY_WRONG "keys.wrong" "Put back the master key that this database was sealed with.";
    KEY_AGE "keys.age" "Start the process that plays `identity`: it changes keys by itself; or `latchkey key rotate`.";
    CLIENT_HTTP "clients.http" "Give the client https addresses: `latchkey client set`.";
    CLIENT_ROTATION "clients.rotation" "Let its refresh tokens rotate: `latchkey client set`.";
}

/// What is looked at, in the order of the report.
pub(crate) const SUBJECTS: [(&str, &str); 11] = [
    ("configuration", "the configuration is valid"),
    ("clock", "the clocks agree"),
    ("disk", "there is room, and it can be written"),
    ("permissions", "keys and folders belong to their owner alone"),
    ("issuer", "the issuer answers at its own address"),
    ("proxy", "nothing undeclared stands in front of the issuer"),
    (
        "certificate",
        "the certificate of the listeners is good, or there is none to keep",
    ),
    ("schema", "every database has the tables of this version"),
    (
        "feed",
        "the issuer is alive in the revocation log, and nothing is stuck",
    ),
    ("keys", "the keys open and are young enough"),
    ("clients", "no client has weak settings"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_and_its_remedy_stand_in_the_document() {
        let document = include_str!("../../docs/doctor.md");
        for kind in ALL {
            let row = document
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", kind.name)))
                .unwrap_or_else(|| panic!("{}", kind.name));
            assert!(row.ends_with(&format!("| {} |", kind.remedy)), "{row}");
            assert!(
                SUBJECTS
                    .iter()
                    .any(|(subject, _)| kind.name.starts_with(&format!("{subject}."))),
                "{}",
                kind.name
            );
        }
        let rows = document.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), ALL.len(), "no row of a finding that does not exist");
    }
}
