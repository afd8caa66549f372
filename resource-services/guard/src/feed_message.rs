//! The messages of the revocation feed, and whether any is missing between two of them. Pure.

use std::fmt;

use serde_json::Value;

use crate::json::{MemberError, Members};
use crate::keyset::{Algorithm, KeySet};
use crate::signals::Signal;
use crate::verify::{Expected, Jws, TokenError};

/// A position in the issuer's log. Another epoch is another log, whatever the numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub epoch: String,
    pub position: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.position)
    }
}

/// The kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything that is currently revoked, in one or more parts.
    Snapshot,
    /// What was revoked since the previous message.
    Entries,
    /// Nothing was revoked since the previous message.
    Heartbeat,
}

impl Kind {
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "snapshot" => Some(Self::Snapshot),
            "entries" => Some(Self::Entries),
            "heartbeat" => Some(Self::Heartbeat),
            _ => None,
        }
    }
}

/// A message with a valid signature of the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedMessage {
    pub at: Cursor,
    pub prev: Option<u64>,
    pub more: bool,
    pub signals: Vec<Signal>,
    /// The number of entries of an unknown kind.
    pub unknown: usize,
}

/// Why a connection to the feed can no longer be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
    #[error("an event has an unknown name")]
    UnknownEvent,
    #[error("the signature of a message does not verify: {0}")]
    NotProven(TokenError),
    #[error("a message is malformed: {0}")]
    Malformed(TokenError),
    #[error("a message comes from the issuer {found:?}, not from {expected:?}")]
    WrongIssuer { expected: String, found: String },
    #[error("a message is addressed to another client")]
    WrongAudience,
    #[error("the timestamp of a message is too old or in the future")]
    Stale,
    #[error("the signed event name of a message differs from the one it was sent with")]
    Relabelled,
    #[error("the first message is not a snapshot")]
    NoSnapshot,
    #[error("the revocation log was reset")]
    OtherEpoch,
    #[error("messages are missing")]
    Gap,
}

/// The issuer that messages must come from, and the client that they must be addressed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
}

impl FeedMessage {
    /// Verifies and parses one message.
    pub fn parse(
        data: &str,
        kind: Kind,
        keys: &KeySet,
        to: Subscription<'_>,
        now_s: i64,
    ) -> Result<Self, Broken> {
        let jws = Jws::parse(data, &REVOCATIONS, &Algorithm::ALL).map_err(Broken::NotProven)?;
        let key = keys.find(&jws.kid);
        let proved = key.ok_or(TokenError::UnknownKey).and_then(|key| jws.prove(key));
        let payload = proved.map_err(Broken::NotProven)?;
        let malformed = |error: MemberError| Broken::Malformed(error.into());
        let mut members = Members::parse(&payload).map_err(malformed)?;
        let found = members.text("iss").map_err(malformed)?;
        if found != to.issuer {
            let expected = to.issuer.to_owned();
            return Err(Broken::WrongIssuer { expected, found });
        }
        if !members
            .audience()
            .map_err(malformed)?
            .iter()
            .any(|name| name == to.client_id)
        {
            return Err(Broken::WrongAudience);
        }
        // A recorded stream, replayed, must not keep a guard believing that nothing was revoked.
        if members.instant("iat").map_err(malformed)?.abs_diff(now_s) > FRESH_FOR_S {
            return Err(Broken::Stale);
        }
        // The name of an event is outside of the signature; if the issuer signs it too, both must agree.
        if let Some(signed) = members.optional_text("event").map_err(malformed)?
            && Kind::named(&signed) != Some(kind)
        {
            return Err(Broken::Relabelled);
        }
        read(members).map_err(malformed)
    }

    /// The id of the key that a message names, to fetch it if it is new.
    pub fn kid(data: &str) -> Option<String> {
        Jws::parse(data, &REVOCATIONS, &Algorithm::ALL)
            .ok()
            .map(|jws| jws.kid)
    }
}

fn read(mut members: Members) -> Result<FeedMessage, MemberError> {
    let epoch = match members.value("epoch") {
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            text
        }
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        Some(_) => return Err(MemberError::Mistyped("epoch")),
        None => return Err(MemberError::Missing("epoch")),
    };
    let position = members
        .optional_position("position")?
        .ok_or(MemberError::Missing("position"))?;
    let prev = members.optional_position("prev")?;
    let more = match members.value("more") {
        None => false,
        Some(Value::Bool(more)) => more,
        Some(_) => return Err(MemberError::Mistyped("more")),
    };
    let entries = match members.value("entries") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(MemberError::Mistyped("entries")),
    };
    let count = entries.len();
    let mut signals = Vec::with_capacity(count);
    for entry in entries {
        signals.extend(signal(
            Members::of(entry).ok_or(MemberError::Mistyped("entries"))?,
        )?);
    }
    Ok(FeedMessage {
        at: Cursor { epoch, position },
        prev,
        more,
        unknown: count - signals.len(),
        signals,
    })
}

/// `None` for a kind that only a newer issuer knows. Rejecting it would mean rejecting everything beside it.
fn signal(mut entry: Members) -> Result<Option<Signal>, MemberError> {
    Ok(Some(match entry.text("kind")?.as_str() {
        "token" => Signal::Token {
            jti: entry.text("jti")?,
            until: entry.instant("until")?,
        },
        "family" => Signal::Family {
            fam: entry.text("fam")?,
            sid: entry.optional_text("sid")?,
            until: entry.instant("until")?,
        },
        "subject" => Signal::Subject {
            sub: entry.text("sub")?,
            before: entry.instant("before")?,
            until: entry.instant("until")?,
        },
        "client" => Signal::Client {
            client_id: entry.text("client_id")?,
            before: entry.instant("before")?,
            until: entry.instant("until")?,
        },
        "key" => Signal::Key {
            kid: entry.text("kid")?,
        },
        _ => return Ok(None),
    }))
}

/// The messages of one connection, each compared with the one before.
#[derive(Debug)]
pub(crate) struct Chain {
    last: Option<Cursor>,
    /// True until the first message of this connection.
    fresh: bool,
    /// True once the snapshot is complete, or if none is needed.
    synced: bool,
}

impl Chain {
    /// A connection that resumes after `from`, or starts with a snapshot.
    pub fn new(from: Option<Cursor>) -> Self {
        Self {
            synced: from.is_some(),
            last: from,
            fresh: true,
        }
    }

    /// Where a later connection may resume: nowhere while a snapshot is incomplete.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.last.as_ref().filter(|_| self.synced)
    }

    /// The signals to apply, in this order; [`Signal::Live`] comes last, and only if nothing is missing.
    pub fn accept(&mut self, kind: Kind, message: FeedMessage) -> Result<Vec<Signal>, Broken> {
        let mut signals = self.follow(kind, &message)?;
        self.fresh = false;
        if kind == Kind::Snapshot {
            self.synced = !message.more;
        }
        signals.extend(message.signals);
        if self.synced {
            signals.push(Signal::Live {
                position: message.at.position,
            });
        }
        self.last = Some(message.at);
        Ok(signals)
    }

    fn follow(&self, kind: Kind, message: &FeedMessage) -> Result<Vec<Signal>, Broken> {
        match (&self.last, kind) {
            (None, Kind::Snapshot) => Ok(Vec::new()),
            (None, Kind::Entries | Kind::Heartbeat) => Err(Broken::NoSnapshot),
            // The server could not resume and starts with a snapshot.
            (Some(_), Kind::Snapshot) if self.fresh => Ok(vec![Signal::Reset]),
            (Some(last), _) if last.epoch != message.at.epoch => Err(Broken::OtherEpoch),
            (Some(last), _) if message.prev != Some(last.position) => Err(Broken::Gap),
            (Some(last), _) if message.at.position < last.position => Err(Broken::Gap),
            (Some(_), _) => Ok(Vec::new()),
        }
    }
}

const REVOCATIONS: Expected = Expected {
    typ: "revocations+jwt",
    longest: 1 << 20,
};
const FRESH_FOR_S: u64 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(position: u64, prev: impl Into<Option<u64>>, more: bool) -> FeedMessage {
        let at = Cursor {
            epoch: "e1".into(),
            position,
        };
        FeedMessage {
            at,
            prev: prev.into(),
            more,
            signals: vec![Signal::Key { kid: "k".into() }],
            unknown: 0,
        }
    }

    fn is_live(signals: &[Signal]) -> bool {
        matches!(signals.last(), Some(Signal::Live { .. }))
    }

    #[test]
    fn a_connection_is_live_only_after_the_last_part_of_the_snapshot() {
        let mut chain = Chain::new(None);
        assert!(!is_live(
            &chain
                .accept(Kind::Snapshot, message(5, None, true))
                .expect("first part")
        ));
        assert_eq!(chain.cursor(), None);
        assert!(!is_live(
            &chain
                .accept(Kind::Snapshot, message(5, 5, true))
                .expect("second part")
        ));
        assert!(is_live(
            &chain
                .accept(Kind::Snapshot, message(5, 5, false))
                .expect("last part")
        ));
        assert!(is_live(
            &chain
                .accept(Kind::Heartbeat, message(9, 5, false))
                .expect("heartbeat")
        ));
        assert_eq!(chain.cursor().map(ToString::to_string).as_deref(), Some("e1.9"));
    }

    #[test]
    fn a_message_that_does_not_follow_the_one_before_breaks_the_connection() {
        for (next, why) in [
            (message(7, 6, false), Broken::Gap),
            (message(7, None, false), Broken::Gap),
            (message(4, 5, false), Broken::Gap),
            (message(7, 4, false), Broken::Gap),
        ] {
            let mut chain = Chain::new(Some(Cursor {
                epoch: "e1".into(),
                position: 5,
            }));
            assert_eq!(chain.accept(Kind::Entries, next), Err(why));
        }
        let mut chain = Chain::new(Some(Cursor {
            epoch: "e0".into(),
            position: 5,
        }));
        assert_eq!(
            chain.accept(Kind::Heartbeat, message(5, 5, false)),
            Err(Broken::OtherEpoch)
        );
    }

    #[test]
    fn a_first_connection_must_begin_with_a_snapshot() {
        assert_eq!(
            Chain::new(None).accept(Kind::Entries, message(7, 6, false)),
            Err(Broken::NoSnapshot)
        );
        assert_eq!(
            Chain::new(None).accept(Kind::Heartbeat, message(7, 7, false)),
            Err(Broken::NoSnapshot)
        );
    }

    #[test]
    fn a_resumed_connection_is_live_at_once_or_gets_a_snapshot() {
        let from = || {
            Some(Cursor {
                epoch: "e1".into(),
                position: 5,
            })
        };
        assert!(is_live(
            &Chain::new(from())
                .accept(Kind::Entries, message(6, 5, false))
                .expect("resumed")
        ));
        let mut chain = Chain::new(from());
        let signals = chain
            .accept(Kind::Snapshot, message(2, None, true))
            .expect("begun anew");
        assert_eq!((signals.first(), chain.cursor()), (Some(&Signal::Reset), None));
    }

    #[test]
    fn entries_of_a_kind_not_known_yet_are_counted_and_passed_over() {
        let text = br#"{"epoch":3,"position":1,"entries":[{"kind":"new","x":1},{"kind":"token","jti":"j","until":9}]}"#;
        let read = read(Members::parse(text).expect("json")).expect("read");
        assert_eq!(
            (read.unknown, read.signals.len(), read.at.epoch.as_str()),
            (1, 1, "3")
        );
    }

    #[test]
    fn an_entry_that_lacks_what_its_kind_needs_is_refused() {
        for entry in [
            r#"{"kind":"token","until":9}"#,
            r#"{"kind":"token","jti":"j"}"#,
            r#"{"kind":"token","jti":"j","until":"9"}"#,
            r#"{"kind":"subject","sub":"s","until":9}"#,
            r#"{"kind":"client","client_id":"","before":1,"until":9}"#,
            r#"{"kind":"family","fam":"f","sid":7,"until":9}"#,
            r#"{"jti":"j","until":9}"#,
            "7",
        ] {
            let text = format!(r#"{{"epoch":"e","position":1,"entries":[{entry}]}}"#);
            assert!(
                read(Members::parse(text.as_bytes()).expect("json")).is_err(),
                "{entry}"
            );
        }
    }
}
