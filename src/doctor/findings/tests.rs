//! The table of what facts mean.

use latchkey_db::Steps;
use latchkey_identity::Diagnosis;

use super::super::facts::{Answer, Front};
use super::*;

const NOW: i64 = 1_795_132_800_000;
const HOUR_MS: i64 = 3_600_000;

fn answer() -> Answer {
    Answer {
        status: 200,
        issuer: Some("https://id.test".to_owned()),
        took_ms: 20,
        date_ms: Some(NOW),
        certificate_until_ms: Some(NOW + 60 * DAY_MS),
        certificate_is_ours: Some(true),
    }
}

fn place() -> Place {
    Place {
        path: "/srv/data".to_owned(),
        exposed: false,
        foreign: false,
        writable: true,
        free: Some((8 << 30, Some(1_000_000))),
    }
}

/// An installation in good health.
fn healthy() -> Facts {
    Facts {
        now_ms: NOW,
        places: vec![place()],
        has_key: true,
        issuer: Some(Issuer {
            url: "https://id.test/.well-known/openid-configuration".to_owned(),
            expected: "https://id.test".to_owned(),
            reached: Ok(answer()),
        }),
        certificate: Some(Certificate {
            path: "tls.pem".to_owned(),
            refused: None,
            until_ms: Some(NOW + 60 * DAY_MS),
            in_order: true,
            unnamed: Vec::new(),
        }),
        databases: vec![Database {
            name: "data/identity.db".to_owned(),
            ..Database::default()
        }],
        identity: Some(Diagnosis {
            latest_ms: NOW,
            signing_since_ms: Some(NOW - 3 * DAY_MS),
            unopened: Some(0),
            sealed: 6,
            ..Diagnosis::default()
        }),
        heartbeat_moved: Some(true),
        parked: Some(0),
        ..Facts::default()
    }
}

/// What is not well, as `level name`.
fn ill(facts: &Facts) -> Vec<String> {
    findings(facts)
        .into_iter()
        .filter(|finding| finding.level != Level::Ok)
        .map(|finding| format!("{} {}", finding.level.name(), finding.finding))
        .collect()
}

#[test]
fn of_what_is_well_each_subject_is_told_once() {
    let all = findings(&healthy());
    let names: Vec<&str> = all.iter().map(|finding| finding.finding).collect();
    assert_eq!(names, SUBJECTS.map(|(name, _)| name));
    assert!(
        all.iter()
            .all(|finding| finding.level == Level::Ok && finding.remedy.is_none())
    );
}

#[test]
fn a_refused_configuration_is_all_that_is_told() {
    let facts = Facts {
        refused: Some("issuer must be set".to_owned()),
        ..Facts::default()
    };
    assert_eq!(ill(&facts), ["error configuration.refused"]);
    assert_eq!(findings(&facts).len(), 1);
}

type Sickness = fn(&mut Facts);

fn reached(facts: &mut Facts, change: impl Fn(&mut Answer)) {
    if let Some(Issuer {
        reached: Ok(answer), ..
    }) = &mut facts.issuer
    {
        change(answer);
    }
}

fn identity(facts: &mut Facts, change: impl Fn(&mut Diagnosis)) {
    change(facts.identity.as_mut().unwrap());
}

fn certificate_of(facts: &mut Facts) -> &mut Certificate {
    facts.certificate.as_mut().unwrap()
}

#[test]
fn each_sickness_has_its_finding_and_its_level() {
    let cases: &[(Sickness, &str)] = &[
        (|f| reached(f, |a| a.date_ms = Some(NOW + 5_000)), ""),
        (
            |f| reached(f, |a| a.date_ms = Some(NOW + 6_000)),
            "warning clock.server",
        ),
        (
            |f| reached(f, |a| a.date_ms = Some(NOW - 61_000)),
            "error clock.server",
        ),
        (
            |f| f.databases[0].now_ms = Some(NOW - 10_000),
            "warning clock.database",
        ),
        (|f| identity(f, |i| i.latest_ms = NOW - 90 * DAY_MS), ""),
        (
            |f| identity(f, |i| i.latest_ms = NOW + DAY_MS),
            "warning clock.behind",
        ),
        (
            |f| identity(f, |i| i.latest_ms = NOW + 8 * DAY_MS),
            "error clock.behind",
        ),
        (
            |f| f.places[0].free = Some((FULL_BYTES - 1, None)),
            "error disk.full",
        ),
        (
            |f| f.places[0].free = Some((LOW_BYTES - 1, None)),
            "warning disk.low",
        ),
        (|f| f.places[0].free = Some((LOW_BYTES, None)), ""),
        (
            |f| f.places[0].free = Some((8 << 30, Some(99))),
            "error disk.full",
        ),
        (
            |f| f.places[0].free = Some((8 << 30, Some(1_999))),
            "warning disk.low",
        ),
        (|f| f.places[0].writable = false, "error disk.read_only"),
        (|f| f.places[0].exposed = true, "warning permissions.exposed"),
        (|f| f.places[0].foreign = true, "warning permissions.foreign"),
        (
            |f| f.key_refused = Some("master.key can be read".to_owned()),
            "error permissions.key",
        ),
        (
            |f| f.issuer.as_mut().unwrap().reached = Err("refused".to_owned()),
            "error issuer.unreachable",
        ),
        (|f| reached(f, |a| a.status = 308), "error issuer.redirect"),
        (|f| reached(f, |a| a.status = 502), "error issuer.status"),
        (
            |f| reached(f, |a| a.issuer = Some("https://id.test/".to_owned())),
            "error issuer.mismatch",
        ),
        (|f| reached(f, |a| a.issuer = None), "error issuer.mismatch"),
        (|f| reached(f, |a| a.took_ms = 2_001), "warning issuer.slow"),
        (
            |f| reached(f, |a| a.certificate_until_ms = Some(NOW + 13 * DAY_MS)),
            "warning issuer.certificate",
        ),
        (
            |f| reached(f, |a| a.certificate_is_ours = Some(false)),
            "warning proxy.undeclared",
        ),
        (
            |f| {
                f.front = Front {
                    ends_tls: true,
                    declared: false,
                }
            },
            "warning proxy.undeclared",
        ),
        (
            |f| {
                f.front = Front {
                    ends_tls: true,
                    declared: true,
                }
            },
            "note proxy.unseen",
        ),
        (
            |f| certificate_of(f).refused = Some("TLS cannot be set up".to_owned()),
            "error certificate.unusable",
        ),
        (
            |f| certificate_of(f).until_ms = Some(NOW - HOUR_MS),
            "error certificate.expired",
        ),
        (
            |f| certificate_of(f).until_ms = Some(NOW + 5 * DAY_MS),
            "warning certificate.expiring",
        ),
        (|f| certificate_of(f).until_ms = Some(NOW + 14 * DAY_MS), ""),
        (
            |f| certificate_of(f).in_order = false,
            "warning certificate.order",
        ),
        (
            |f| certificate_of(f).unnamed = vec!["id.test".to_owned()],
            "warning certificate.names",
        ),
        (
            |f| f.databases[0].state = Schema::Unreadable("away".to_owned()),
            "error schema.unreadable",
        ),
        (|f| f.databases[0].state = Schema::Absent, "warning schema.absent"),
        (
            |f| {
                f.databases[0].state = Schema::Present(Steps {
                    pending: vec![2],
                    newer: vec![],
                })
            },
            "warning schema.pending",
        ),
        (
            |f| {
                f.databases[0].state = Schema::Present(Steps {
                    pending: vec![],
                    newer: vec![99],
                })
            },
            "error schema.newer",
        ),
        (|f| f.heartbeat_moved = Some(false), "error feed.silent"),
        (|f| f.heartbeat_moved = None, ""),
        (|f| f.databases[0].outbox_since_ms = Some(NOW - 60_000), ""),
        (
            |f| f.databases[0].outbox_since_ms = Some(NOW - 60_001),
            "error feed.outbox",
        ),
        (|f| f.parked = Some(1), "warning feed.parked"),
        (|f| identity(f, |i| i.dead_mails = 2), "warning feed.mail"),
        (|f| f.has_key = false, "error keys.missing"),
        (
            |f| {
                f.has_key = false;
                identity(f, |i| i.sealed = 0);
            },
            "",
        ),
        (|f| identity(f, |i| i.unopened = Some(6)), "error keys.wrong"),
        (
            |f| identity(f, |i| i.signing_since_ms = Some(NOW - 31 * DAY_MS)),
            "",
        ),
        (
            |f| identity(f, |i| i.signing_since_ms = Some(NOW - 32 * DAY_MS)),
            "warning keys.age",
        ),
        (
            |f| identity(f, |i| i.plain_http_clients = vec!["app".to_owned()]),
            "warning clients.http",
        ),
        (
            |f| identity(f, |i| i.unrotated_clients = vec!["app".to_owned()]),
            "warning clients.rotation",
        ),
    ];
    for (sickness, expected) in cases {
        let mut facts = healthy();
        sickness(&mut facts);
        let found = ill(&facts);
        let one = found.first().map(String::as_str).unwrap_or_default();
        assert_eq!((one, found.len()), (*expected, usize::from(!expected.is_empty())));
    }
}

#[test]
fn of_a_database_that_is_away_nothing_is_called_well() {
    let mut facts = healthy();
    facts.databases[0].state = Schema::Unreadable("away".to_owned());
    facts.databases.push(facts.databases[0].clone());
    facts.identity = None;
    let found = findings(&facts);
    let names: Vec<&str> = found.iter().map(|finding| finding.finding).collect();
    let away = names.iter().filter(|name| **name == "schema.unreadable");
    assert_eq!(away.count(), 1, "{names:?}");
    for subject in OF_DATABASES {
        assert!(!names.contains(&subject), "{subject}: {names:?}");
    }
    assert!(names.contains(&"certificate"), "{names:?}");
}
