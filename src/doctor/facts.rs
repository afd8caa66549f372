//! What `latchkey doctor` knows of an installation, before anything is made of it.

use latchkey_db::Steps;
use latchkey_identity::Diagnosis;

/// Everything that was looked at. No secret is among it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The clock of this machine, in Unix milliseconds.
    pub now_ms: i64,
    /// Why the configuration is refused. Then nothing else was looked at.
    pub refused: Option<String>,
    /// The folders and files in which something is kept.
    pub places: Vec<Place>,
    /// Why the master key cannot be used.
    pub key_refused: Option<String>,
    /// Whether there is a master key.
    pub has_key: bool,
    /// The issuer, where its public URL is known.
    pub issuer: Option<Issuer>,
    /// What stands in front of the issuer, as far as the configuration says.
    pub front: Front,
    /// The certificate of the listeners, where they have one of files.
    pub certificate: Option<Certificate>,
    /// The databases.
    pub databases: Vec<Database>,
    /// What the identity database says.
    pub identity: Option<Diagnosis>,
    /// Whether the issuer's heartbeat moved in the revocation log; `None` if the log was not read or no issuer has written
    /// there yet.
    pub heartbeat_moved: Option<bool>,
    /// Events on the bus that nobody could handle; `None` if it was not read.
    pub parked: Option<i64>,
}

/// A folder or file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub path: String,
    /// Whether others than its owner may look into it.
    pub exposed: bool,
    /// Whether it belongs to another user than the one who asks.
    pub foreign: bool,
    /// Whether it may be written.
    pub writable: bool,
    /// Free bytes and free inodes of its disk; no inodes where the disk does not count them.
    pub free: Option<(u64, Option<u64>)>,
}

/// The issuer, seen from outside.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// Where its discovery document was asked for.
    pub url: String,
    /// Which issuer it must name.
    pub expected: String,
    /// What came back, or why nothing did.
    pub reached: Result<Answer, String>,
}

/// An answer to a request for the discovery document.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    /// The issuer that the document names.
    pub issuer: Option<String>,
    pub took_ms: u64,
    /// Its `Date`, in Unix milliseconds.
    pub date_ms: Option<i64>,
    /// When its certificate ends, in Unix milliseconds.
    pub certificate_until_ms: Option<i64>,
    /// Whether the certificate is that of our own listener; `None` if either has none.
    pub certificate_is_ours: Option<bool>,
}

/// What stands in front of the issuer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Front {
    /// People come by https, and our listener speaks http: somebody else ends TLS.
    pub ends_tls: bool,
    /// `trusted_proxies` names somebody.
    pub declared: bool,
}

/// The certificate of our listeners.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificate {
    pub path: String,
    /// Why a start would refuse it.
    pub refused: Option<String>,
    /// When the first of its chain to end does, in Unix milliseconds.
    pub until_ms: Option<i64>,
    /// Whether each certificate is signed in the name of the next.
    pub in_order: bool,
    /// The hosts of our listeners that it does not name.
    pub unnamed: Vec<String>,
}

/// A database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Database {
    /// Its file or address, without user and password.
    pub name: String,
    pub state: Schema,
    /// Its own clock, in Unix milliseconds.
    pub now_ms: Option<i64>,
    /// When the oldest event of its outbox that has not left was written, in Unix milliseconds.
    pub outbox_since_ms: Option<i64>,
}

/// The tables of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// It could not be read.
    Unreadable(String),
    /// There is none yet.
    Absent,
    /// There is one.
    Present(Steps),
}

impl Default for Schema {
    fn default() -> Self {
        Self::Present(Steps::default())
    }
}
