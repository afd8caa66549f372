//! What the facts of an installation mean, and nothing else: no file, no clock, no network.

use serde::Serialize;

use super::facts::{Certificate, Database, Facts, Issuer, Place, Schema};
use super::kind::{self, Kind, Level, SUBJECTS};

/// One sentence about an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub level: Level,
    /// Its name; of what is well, the subject alone.
    pub finding: &'static str,
    pub sentence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400 * SECOND_MS;
/// Clocks that differ by this much are told of; tokens of 300 s suffer from a minute.
const SKEW_MS: i64 = 5 * SECOND_MS;
const LARGE_SKEW_MS: i64 = 60 * SECOND_MS;
/// As the node believes a clock ahead of its own.
const BELIEVED_MS: i64 = 7 * DAY_MS;
const FULL_BYTES: u64 = 64 << 20;
const LOW_BYTES: u64 = 512 << 20;
const FULL_INODES: u64 = 100;
const LOW_INODES: u64 = 2_000;
const SLOW_MS: u64 = 2_000;
const RENEW_DAYS: i64 = 14;
/// An event leaves its outbox within a second; a broker may be away for a minute.
const STUCK_MS: i64 = 60 * SECOND_MS;

/// The subjects that only databases tell of.
const OF_DATABASES: [&str; 3] = ["feed", "keys", "clients"];

/// The findings, in the order of the subjects; a subject without any is well, unless it could not be looked at.
pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(reason) = &facts.refused {
        found.push(told(kind::CONFIGURATION, Level::Error, reason.clone()));
        return found;
    }
    clock(facts, &mut found);
    for place in &facts.places {
        disk(place, &mut found);
    }
    if let Some(reason) = &facts.key_refused {
        found.push(told(kind::KEY_UNUSABLE, Level::Error, reason.clone()));
    }
    if let Some(seen) = &facts.issuer {
        issuer(seen, facts.now_ms, &mut found);
    }
    front(facts, &mut found);
    if let Some(own) = &facts.certificate {
        certificate(own, facts.now_ms, &mut found);
    }
    for database in &facts.databases {
        schema(database, &mut found);
    }
    feed(facts, &mut found);
    keys(facts, &mut found);
    // Several roles may share a database, and what is wrong with it is wrong once.
    let mut once: Vec<Finding> = Vec::with_capacity(found.len());
    for finding in found {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    let mut found = once;
    let away = |database: &Database| matches!(database.state, Schema::Unreadable(_));
    let unread = facts.databases.iter().any(away);
    let subject = |finding: &Finding| finding.finding.split('.').next().unwrap_or_default();
    let mut ordered = Vec::new();
    for (name, well) in SUBJECTS {
        let mut of_it: Vec<Finding> = found.extract_if(.., |finding| subject(finding) == name).collect();
        if of_it.is_empty() && unread && OF_DATABASES.contains(&name) {
            // Nobody has looked, so nothing is said to be well.
            continue;
        }
        if of_it.is_empty() {
            of_it.push(Finding {
                level: Level::Ok,
                finding: name,
                sentence: well.to_owned(),
                remedy: None,
            });
        }
        ordered.append(&mut of_it);
    }
    ordered
}

fn told(kind: Kind, level: Level, sentence: String) -> Finding {
    Finding {
        level,
        finding: kind.name,
        sentence,
        remedy: Some(kind.remedy),
    }
}

fn clock(facts: &Facts, found: &mut Vec<Finding>) {
    let mut differs = |kind, whose: &str, by: i64| {
        let level = match by.abs() {
            by if by > LARGE_SKEW_MS => Level::Error,
            by if by > SKEW_MS => Level::Warning,
            _ => return,
        };
        let how = if by > 0 { "ahead of" } else { "behind" };
        let seconds = by.abs() / SECOND_MS;
        found.push(told(
            kind,
            level,
            format!("the clock of {whose} is {seconds} s {how} this machine's"),
        ));
    };
    if let Some(Issuer {
        reached: Ok(answer), ..
    }) = &facts.issuer
        && let Some(date) = answer.date_ms
    {
        differs(kind::CLOCK_SERVER, "the issuer", date - facts.now_ms);
    }
    for database in &facts.databases {
        if let Some(now) = database.now_ms {
            differs(
                kind::CLOCK_DATABASE,
                &format!("the database {}", database.name),
                now - facts.now_ms,
            );
        }
    }
    let Some(identity) = &facts.identity else { return };
    let ahead = identity.latest_ms - facts.now_ms;
    if ahead > SKEW_MS {
        let level = match ahead > BELIEVED_MS {
            true => Level::Error,
            false => Level::Warning,
        };
        let at = latchkey_clock::rfc3339(identity.latest_ms);
        found.push(told(
            kind::CLOCK_BEHIND,
            level,
            format!("this installation has seen {at} already, which is later than this machine's clock"),
        ));
    }
}

fn disk(place: &Place, found: &mut Vec<Finding>) {
    let path = &place.path;
    if let Some((bytes, inodes)) = place.free {
        let few = |limit: u64| inodes.is_some_and(|inodes| inodes < limit);
        let free = match inodes {
            Some(inodes) => format!("{} MiB and {inodes} inodes are free", bytes >> 20),
            None => format!("{} MiB are free", bytes >> 20),
        };
        if bytes < FULL_BYTES || few(FULL_INODES) {
            found.push(told(kind::DISK_FULL, Level::Error, format!("{path}: {free}")));
        } else if bytes < LOW_BYTES || few(LOW_INODES) {
            found.push(told(kind::DISK_LOW, Level::Warning, format!("{path}: {free}")));
        }
    }
    if !place.writable {
        found.push(told(
            kind::DISK_READ_ONLY,
            Level::Error,
            format!("{path} cannot be written"),
        ));
    }
    if place.exposed {
        found.push(told(
            kind::EXPOSED,
            Level::Warning,
            format!("other users of this machine can get into {path}"),
        ));
    }
    if place.foreign {
        found.push(told(
            kind::FOREIGN,
            Level::Warning,
            format!("{path} belongs to another user than the one who asks"),
        ));
    }
}

fn issuer(seen: &Issuer, now_ms: i64, found: &mut Vec<Finding>) {
    let url = &seen.url;
    let answer = match &seen.reached {
        Ok(answer) => answer,
        Err(reason) => {
            let sentence = format!("{url} cannot be reached: {reason}");
            return found.push(told(kind::ISSUER_UNREACHABLE, Level::Error, sentence));
        }
    };
    match answer.status {
        200 => {}
        status @ 300..=399 => found.push(told(
            kind::ISSUER_REDIRECT,
            Level::Error,
            format!("{url} answers {status}, a redirect"),
        )),
        status => found.push(told(
            kind::ISSUER_STATUS,
            Level::Error,
            format!("{url} answers {status}"),
        )),
    }
    if answer.status == 200 && answer.issuer.as_deref() != Some(&seen.expected) {
        let named = match &answer.issuer {
            Some(named) => format!("the issuer {named}"),
            None => "no issuer".to_owned(),
        };
        let sentence = format!("{url} names {named}, and the configuration {}", seen.expected);
        found.push(told(kind::ISSUER_MISMATCH, Level::Error, sentence));
    }
    if answer.took_ms > SLOW_MS {
        let sentence = format!("{url} answered after {} ms", answer.took_ms);
        found.push(told(kind::ISSUER_SLOW, Level::Warning, sentence));
    }
    if let Some(days) = answer.certificate_until_ms.map(|at| days(at, now_ms))
        && days < RENEW_DAYS
    {
        let sentence = format!("the certificate at {url} ends in {days} days");
        found.push(told(kind::ISSUER_CERTIFICATE, Level::Warning, sentence));
    }
}

/// What can be known of proxies without asking the running server whose address it saw.
fn front(facts: &Facts, found: &mut Vec<Finding>) {
    let other_certificate = facts.issuer.as_ref().is_some_and(|issuer| {
        let answer = issuer.reached.as_ref().ok();
        answer.and_then(|answer| answer.certificate_is_ours) == Some(false)
    });
    match (facts.front.declared, facts.front.ends_tls || other_certificate) {
        (false, true) => found.push(told(
            kind::PROXY_UNDECLARED,
            Level::Warning,
            "something in front of the issuer ends TLS, and `trusted_proxies` names nobody".to_owned(),
        )),
        (true, _) => found.push(told(
            kind::PROXY_UNSEEN,
            Level::Note,
            "whether the declared proxies report addresses cannot be seen from here".to_owned(),
        )),
        (false, false) => {}
    }
}

fn certificate(own: &Certificate, now_ms: i64, found: &mut Vec<Finding>) {
    let path = &own.path;
    if let Some(reason) = &own.refused {
        return found.push(told(kind::CERTIFICATE_UNUSABLE, Level::Error, reason.clone()));
    }
    match own.until_ms.map(|at| days(at, now_ms)) {
        Some(days) if days < 0 => {
            let sentence = format!("{path} ended {} days ago", -days);
            found.push(told(kind::CERTIFICATE_EXPIRED, Level::Error, sentence));
        }
        Some(days) if days < RENEW_DAYS => {
            let sentence = format!("{path} ends in {days} days");
            found.push(told(kind::CERTIFICATE_EXPIRING, Level::Warning, sentence));
        }
        _ => {}
    }
    if !own.in_order {
        let sentence = format!("the chain of {path} is not in order");
        found.push(told(kind::CERTIFICATE_ORDER, Level::Warning, sentence));
    }
    if !own.unnamed.is_empty() {
        let sentence = format!("{path} does not name {}", own.unnamed.join(", "));
        found.push(told(kind::CERTIFICATE_NAMES, Level::Warning, sentence));
    }
}

/// Whole days until an instant, rounded down: what ended an hour ago is −1.
fn days(at_ms: i64, now_ms: i64) -> i64 {
    (at_ms - now_ms).div_euclid(DAY_MS)
}

fn schema(database: &Database, found: &mut Vec<Finding>) {
    let name = &database.name;
    match &database.state {
        Schema::Unreadable(reason) => found.push(told(
            kind::DATABASE_UNREADABLE,
            Level::Error,
            format!("the database {name} cannot be read: {reason}"),
        )),
        Schema::Absent => found.push(told(
            kind::SCHEMA_ABSENT,
            Level::Warning,
            format!("the database {name} has no tables yet"),
        )),
        Schema::Present(steps) => {
            if let Some(newest) = steps.newer.last() {
                let sentence = format!("the database {name} is of a newer version (step {newest})");
                found.push(told(kind::SCHEMA_NEWER, Level::Error, sentence));
            } else if !steps.pending.is_empty() {
                let sentence = format!("the database {name} lacks {} steps", steps.pending.len());
                found.push(told(kind::SCHEMA_PENDING, Level::Warning, sentence));
            }
        }
    }
}

fn feed(facts: &Facts, found: &mut Vec<Finding>) {
    if facts.heartbeat_moved == Some(false) {
        found.push(told(
            kind::FEED_SILENT,
            Level::Error,
            "no heartbeat of the issuer came to the revocation log while it was watched".to_owned(),
        ));
    }
    for database in &facts.databases {
        let age = database.outbox_since_ms.map(|since| facts.now_ms - since);
        if let Some(age) = age.filter(|age| *age > STUCK_MS) {
            let sentence = format!(
                "an event has waited in the outbox of {} for {} s",
                database.name,
                age / SECOND_MS
            );
            found.push(told(kind::OUTBOX_STUCK, Level::Error, sentence));
        }
    }
    if let Some(parked @ 1..) = facts.parked {
        let sentence = format!("events that no consumer could handle: {parked}");
        found.push(told(kind::EVENTS_PARKED, Level::Warning, sentence));
    }
    if let Some(dead @ 1..) = facts.identity.as_ref().map(|identity| identity.dead_mails) {
        let sentence = format!("mails that were given up: {dead}");
        found.push(told(kind::MAIL_DEAD, Level::Warning, sentence));
    }
}

fn keys(facts: &Facts, found: &mut Vec<Finding>) {
    let Some(identity) = &facts.identity else { return };
    if identity.sealed > 0 && !facts.has_key && facts.key_refused.is_none() {
        let sentence = "there is no master key, and the identity database was sealed with one".to_owned();
        found.push(told(kind::KEY_MISSING, Level::Error, sentence));
    }
    if let Some(unopened @ 1..) = identity.unopened {
        let sentence = format!(
            "the master key does not open {unopened} of {} stored keys",
            identity.sealed
        );
        found.push(told(kind::KEY_WRONG, Level::Error, sentence));
    }
    let age = identity.signing_since_ms.map(|since| facts.now_ms - since);
    // A day of grace: the change is made by the running issuer, which looks now and then.
    if let Some(age) = age.filter(|age| *age > latchkey_protocol::keys::ROTATE_EVERY_MS + DAY_MS) {
        let sentence = format!("the signing key has signed for {} days", age / DAY_MS);
        found.push(told(kind::KEY_AGE, Level::Warning, sentence));
    }
    for (kind, clients, what) in [
        (
            kind::CLIENT_HTTP,
            &identity.plain_http_clients,
            "are sent back to over plain http",
        ),
        (
            kind::CLIENT_ROTATION,
            &identity.unrotated_clients,
            "keep the same refresh token",
        ),
    ] {
        if !clients.is_empty() {
            let sentence = format!("clients that {what}: {}", clients.join(", "));
            found.push(told(kind, Level::Warning, sentence));
        }
    }
}

#[cfg(test)]
mod tests;
