//! A table of cases for each rule of docs/tokens.md, Refresh tokens.

use super::*;
use crate::client::tests::machine;
use crate::client::{ApplicationType, AuthMethod, ClientId, LostAnswer};
use crate::consent::Consent;
use crate::refresh_token::{self, Handle, Macs, RefreshToken, Salt};
use crate::resource::{ResourceScope, fixture};
use crate::scope::Scope;
use crate::session::SignIn;
use crate::user::tests::carol;

const ISSUER: &str = "https://id.test";
const CATALOG: &str = "urn:latchkey:catalog";
const KEYS: [[u8; 32]; 3] = [[10; 32], [11; 32], [12; 32]];
/// The key that signs now.
const SIGNING: KeyId = KeyId([1; 9]);
/// The previous key, still held.
const BEFORE: KeyId = KeyId([0; 9]);
/// A key that is not held.
const GONE: KeyId = KeyId([9; 9]);
const T: i64 = 1_000_000_000;

type Spoil = (&'static str, fn(&mut Case));
/// A change of a case, its name, and its expected result.
type Row = (&'static str, fn(&mut Case), &'static str);

/// A world in which everything is valid; each test breaks one thing.
#[derive(Clone)]
struct Case {
    client: Client,
    family: Option<Family>,
    person: Option<User>,
    consent: Option<Consent>,
    session_ended: bool,
    generation: i64,
    key: KeyId,
    forged: bool,
    proof: Option<&'static str>,
    resource: Vec<String>,
    scope: Option<&'static str>,
    now: i64,
    latest: i64,
}

fn family() -> Family {
    Family {
        id: "family-1".into(),
        handle: Handle([3; 16]),
        fam: "fam-1".into(),
        salt: Salt([4; 32]),
        client: ClientId::parse("machine").unwrap(),
        user: carol().id,
        session: Some("session-1".into()),
        sid: Some("sid-1".into()),
        granted: at_catalog("openid catalog.read catalog.write"),
        sign_in: SignIn::password(Timestamp(T - 90_000)),
        confirmation: None,
        generation: 5,
        mac_key_id: Some(SIGNING),
        previous_mac_key_id: Some(SIGNING),
        rotated_at: Some(Timestamp(T)),
        last_used_at: Some(Timestamp(T)),
        overlap_hits: 0,
        overlap_streak: 0,
        hit_generation: None,
        late_answer_at: None,
        offline_at: None,
        idle_expires_at: Some(Timestamp(T + 3_600_000)),
        expires_at: Some(Timestamp(T + 7_200_000)),
        revoked_at: None,
    }
}

fn at_catalog(scope: &str) -> Granted {
    Granted::at_one(&Scope::parse(scope).unwrap(), Some(CATALOG))
}

/// A public client's family at generation 5, five seconds after the rotation to it, and the current token.
fn case() -> Case {
    let mut client = machine();
    client.metadata.token_endpoint_auth_method = AuthMethod::None;
    client.metadata.scope = Scope::parse("openid catalog.read catalog.write").unwrap();
    Case {
        client,
        family: Some(family()),
        person: Some(carol()),
        consent: Some(Consent {
            granted: at_catalog("openid catalog.read catalog.write"),
            withdrawn_at: None,
        }),
        session_ended: false,
        generation: 5,
        key: SIGNING,
        forged: false,
        proof: None,
        resource: Vec::new(),
        scope: None,
        now: T + 5_000,
        latest: T + 5_000,
    }
}

fn macs(key: KeyId) -> Option<Macs<'static>> {
    let key = KEYS.get(usize::from(key.0[0]))?;
    Some(Macs {
        key,
        issuer: ISSUER,
        epoch: "e1",
    })
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn family(&mut self) -> &mut Family {
        self.family.as_mut().unwrap()
    }

    fn decide(&self) -> Decision {
        let salt = if self.forged {
            Salt([99; 32])
        } else {
            Salt([4; 32])
        };
        let name = Name {
            mac_key_id: self.key,
            handle: Handle([3; 16]),
            generation: self.generation,
        };
        let text = refresh_token::make(macs(self.key).or(macs(SIGNING)).unwrap(), name, &salt);
        let stored = self.family.as_ref().map(|family| &family.salt);
        let token = refresh_token::check(&RefreshToken::parse(&text).unwrap(), macs(self.key), stored);
        let mut resources = fixture();
        resources.push(Resource {
            identifier: "urn:other".into(),
            title: None,
            aliases: Vec::new(),
            scopes: vec![ResourceScope {
                name: "other".into(),
                description: None,
                roles: Vec::new(),
            }],
            wants_roles: false,
            wants_groups: false,
        });
        decide(&Facts {
            token: &token,
            family: self.family.as_ref(),
            client: &self.client,
            proof: self.proof,
            validity: GrantValidity {
                person: self.person.as_ref(),
                consent: self.consent.as_ref(),
                session_ended: self.session_ended,
                ..GrantValidity::default()
            },
            issuer: ISSUER,
            resources: &resources,
            asked_resource: &self.resource,
            asked_scope: self.scope,
            limits: Limits {
                idle_ms: Some(3_600_000),
                absolute_ms: Some(7_200_000),
            },
            mac_key_id: SIGNING,
            jti: "jti-1",
            now: Timestamp(self.now),
            latest: Timestamp(self.latest),
        })
    }

    /// The name of the decision, for tables.
    fn kind(&self) -> String {
        match self.decide() {
            Decision::Rotate(rotate) => format!("rotate to {}", rotate.generation),
            Decision::Reissue(same) => format!("{} again", same.answer.refresh.generation),
            Decision::ReissueOnce(same) => format!("{} once", same.answer.refresh.generation),
            Decision::UsedWithoutRotation(used) => format!("{} used", used.answer.refresh.generation),
            Decision::Replay(end) | Decision::StoreRewound(end) | Decision::StreakEnded(end) => {
                format!("end: {}", end.cause)
            }
            Decision::Error(OAuthError::InvalidGrant(reason)) => format!("{reason:?}"),
            Decision::Error(error) => error.wire().code.to_owned(),
        }
    }
}

#[test]
fn rule_2_the_current_generation_rotates_by_one_compare_and_set() {
    let Decision::Rotate(rotate) = case().decide() else {
        panic!("{:?}", case().decide());
    };
    assert_eq!(
        (
            rotate.family.as_str(),
            rotate.expected_generation,
            rotate.generation
        ),
        ("family-1", 5, 6)
    );
    assert_eq!(
        (rotate.mac_key_id, rotate.previous_mac_key_id),
        (SIGNING, SIGNING)
    );
    assert_eq!(rotate.rotated_at, Timestamp(T + 5_000));
    assert_eq!(rotate.idle_expires_at, Some(Timestamp(T + 3_605_000)));
    let claims = &rotate.answer.access.claims;
    assert_eq!(
        (claims.fam.as_deref(), claims.sid.as_deref()),
        (Some("fam-1"), Some("sid-1"))
    );
    assert_eq!(claims.scope.to_string(), "catalog.read catalog.write");
    assert_eq!(
        (claims.roles.as_slice(), claims.auth_time),
        (&["instructor".to_owned()][..], Some((T - 90_000) / 1_000))
    );
    assert_eq!(rotate.answer.refresh.generation, 6);
    let id_token = rotate.answer.id_token.unwrap();
    assert_eq!((id_token.auth_time, id_token.nonce), ((T - 90_000) / 1_000, None));
}

/// CVE-2026-1035, RT-02.
#[test]
fn the_loser_of_a_race_decides_again_and_gets_the_winners_successor() {
    // Both read generation 5; the winner has committed 6. The loser's compare-and-set changes no row, and it reads
    // again.
    let winner = case().decide();
    let loser = case().with(|c| {
        c.family().generation = 6;
        c.family().rotated_at = Some(Timestamp(T + 5_000));
        c.family().last_used_at = Some(Timestamp(T + 5_000));
    });
    let (Decision::Rotate(won), Decision::Reissue(same)) = (winner, loser.decide()) else {
        panic!("{:?}", loser.decide());
    };
    assert_eq!(won.answer.refresh, same.answer.refresh);
    assert_eq!(same.expected_generation, 6);
}

/// RT-03.
#[test]
fn rule_3_the_table_of_the_overlap() {
    // (overlap, presented, ms since rotation) of a family at generation 5
    let table = [
        (None, 4, 0, "5 again"),
        (None, 4, 29_999, "5 again"),
        (None, 4, 30_000, "end: refresh_reuse"),
        (Some(60), 4, 59_999, "5 again"),
        (Some(60), 4, 60_000, "end: refresh_reuse"),
        (Some(0), 4, 0, "end: refresh_reuse"),
        (Some(0), 4, -5, "end: refresh_reuse"),
        (Some(0), 5, 0, "rotate to 6"),
        // A clock set back makes the overlap no shorter, and never negative.
        (None, 4, -86_400_000, "5 again"),
        (None, 3, 0, "end: refresh_reuse"),
        (None, 3, -86_400_000, "end: refresh_reuse"),
        (None, 1, 0, "end: refresh_reuse"),
        (None, 6, 0, "end: store_rewound"),
        (None, i64::MAX, 0, "end: store_rewound"),
        (None, 5, 3_000_000, "rotate to 6"),
    ];
    for (overlap, generation, elapsed, expected) in table {
        let case = case().with(|c| {
            c.client.metadata.refresh_overlap_seconds = overlap;
            c.generation = generation;
            c.now = T + elapsed;
            c.latest = c.now;
        });
        assert_eq!(case.kind(), expected, "{overlap:?} {generation} {elapsed}");
    }
}

/// RT-03.
#[test]
fn a_retry_changes_no_rotation_or_limit_and_serves_its_own_request() {
    let retry = |scope| {
        case().with(|c| {
            c.generation = 4;
            c.scope = scope;
        })
    };
    let Decision::Reissue(same) = retry(Some("catalog.read")).decide() else {
        panic!()
    };
    assert_eq!(same.answer.access.claims.scope.to_string(), "catalog.read");
    assert_eq!(
        (same.overlap_streak, same.late_answer_at, same.streak_event),
        (1, None, false)
    );
    assert_eq!(retry(Some("catalog.read catalog.admin")).kind(), "invalid_scope");
    assert_eq!(retry(None).kind(), "5 again");
}

/// RT-03.
#[test]
fn the_same_successor_is_made_with_its_own_key_after_the_key_has_changed() {
    // Generation 5 was made with the previous key, 4 with an even older one: the key changed between loss and retry.
    let case = case().with(|c| {
        c.generation = 4;
        c.key = BEFORE;
        c.family().mac_key_id = Some(BEFORE);
        c.family().previous_mac_key_id = Some(BEFORE);
    });
    let Decision::Reissue(same) = case.decide() else {
        panic!("{:?}", case.decide())
    };
    assert_eq!(same.answer.refresh.mac_key_id, BEFORE);
    let Decision::Rotate(rotate) = case.with(|c| c.generation = 5).decide() else {
        panic!()
    };
    assert_eq!((rotate.mac_key_id, rotate.previous_mac_key_id), (SIGNING, BEFORE));
}

/// RT-04.
#[test]
fn rule_3_once_the_successor_was_used_the_one_before_is_a_replay() {
    // Without rotation the current generation is used and stays current.
    let used = case().with(|c| {
        c.client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
        c.family().last_used_at = Some(Timestamp(T + 1));
    });
    assert_eq!(used.kind(), "5 used");
    assert_eq!(
        used.clone().with(|c| c.generation = 4).kind(),
        "end: refresh_reuse"
    );
    // Even when the clock stood still at that use.
    let Decision::UsedWithoutRotation(frozen) = used.with(|c| c.now = T - 99_000).decide() else {
        panic!()
    };
    assert_eq!(frozen.last_used_at, Timestamp(T + 1));
}

/// RT-03.
#[test]
fn rule_4_a_native_client_gets_a_lost_answer_once() {
    let native = case().with(|c| {
        c.client.metadata.application_type = ApplicationType::Native;
        c.client.metadata.lost_answer = Some(LostAnswer::Once);
        c.generation = 4;
        c.now = T + 600_000;
        c.latest = c.now;
    });
    let Decision::ReissueOnce(once) = native.decide() else {
        panic!("{:?}", native.decide())
    };
    assert_eq!(
        (once.late_answer_at, once.answer.refresh.generation),
        (Some(Timestamp(T + 600_000)), 5)
    );
    let table: [Row; 6] = [
        ("inside the overlap", |c| c.now = T, "5 again"),
        (
            "a second time",
            |c| c.family().late_answer_at = Some(Timestamp(T)),
            "end: refresh_reuse",
        ),
        ("older", |c| c.generation = 3, "end: refresh_reuse"),
        (
            "current was used",
            |c| c.family().last_used_at = Some(Timestamp(T + 1)),
            "end: refresh_reuse",
        ),
        (
            "not set",
            |c| c.client.metadata.lost_answer = None,
            "end: refresh_reuse",
        ),
        (
            "not native",
            |c| c.client.metadata.application_type = ApplicationType::Web,
            "end: refresh_reuse",
        ),
    ];
    for (what, change, expected) in table {
        assert_eq!(native.clone().with(change).kind(), expected, "{what}");
    }
}

/// RT-04.
#[test]
fn rule_5_each_older_generation_ends_that_family_and_no_other() {
    for k in 1..=3 {
        let Decision::Replay(end) = case().with(|c| c.generation = k).decide() else {
            panic!("{k}")
        };
        assert_eq!(
            (end.family.as_str(), end.fam.as_str(), end.cause),
            ("family-1", "fam-1", RevocationCause::RefreshReuse)
        );
        assert_eq!(end.error.wire().code, "invalid_grant");
    }
}

/// KC#50999, RT-06.
#[test]
fn ten_rotations_in_one_millisecond_leave_one_generation() {
    for k in 1..=9 {
        let case = case().with(|c| {
            c.family().generation = 11;
            c.generation = k;
            c.now = T;
            c.latest = T;
        });
        assert_eq!(case.kind(), "end: refresh_reuse", "{k}");
    }
}

/// CVE-2026-9802, RT-05.
#[test]
fn the_row_alone_decides_so_a_restart_forgets_nothing() {
    // The decision has no memory: it depends only on what a new process loads.
    let spent = case().with(|c| c.generation = 3);
    assert_eq!(spent.kind(), "end: refresh_reuse");
    assert_eq!(spent.decide(), spent.decide());
}

#[test]
fn rule_6_three_reissued_generations_in_a_row_notify_or_revoke() {
    // (streak, generation of the last hit) of a family at generation 5 → (streak, event)
    let table = [
        (0, None, 1, false),
        (1, Some(3), 1, false),
        (1, Some(4), 2, false),
        (2, Some(4), 3, true),
        (2, Some(3), 1, false),
        (3, Some(5), 3, false),
        (3, Some(4), 4, false),
        (5, Some(4), 6, true),
    ];
    for (streak, hit, expected, event) in table {
        let case = case().with(|c| {
            c.generation = 4;
            c.family().overlap_streak = streak;
            c.family().hit_generation = hit;
        });
        let Decision::Reissue(same) = case.decide() else {
            panic!("{:?}", case.decide())
        };
        assert_eq!(
            (same.overlap_streak, same.streak_event),
            (expected, event),
            "{streak} {hit:?}"
        );
        let strict = case.with(|c| c.client.metadata.overlap_streak = Some(OverlapStreak::End));
        assert_eq!(strict.kind() == "end: overlap_streak", event, "{streak} {hit:?}");
    }
}

/// RT-01.
#[test]
fn rule_7_who_does_not_rotate_gets_the_token_that_came_and_slides() {
    let confidential =
        case().with(|c| c.client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic);
    let Decision::UsedWithoutRotation(used) = confidential.decide() else {
        panic!()
    };
    assert_eq!((used.expected_generation, used.answer.refresh.generation), (5, 5));
    assert_eq!(used.last_used_at, Timestamp(T + 5_000));
    assert_eq!(used.idle_expires_at, Some(Timestamp(T + 3_605_000)));
    let table: [Row; 3] = [
        (
            "rotating by registration",
            |c| c.client.metadata.rotate_refresh_tokens = Some(true),
            "rotate to 6",
        ),
        (
            "bound to a key",
            |c| {
                c.client.metadata.token_endpoint_auth_method = AuthMethod::None;
                c.family().confirmation = Some("jkt".into());
                c.proof = Some("jkt");
            },
            "5 used",
        ),
        (
            "fapi2",
            |c| {
                c.client.metadata.rotate_refresh_tokens = Some(true);
                c.client.metadata.profile = Some("fapi2".into());
            },
            "5 used",
        ),
    ];
    for (what, change, expected) in table {
        assert_eq!(confidential.clone().with(change).kind(), expected, "{what}");
    }
}

/// Rule 1: the failures before the generation, in the order of the checks.
const BEFORE_GENERATION: [Spoil; 15] = [
    ("UnknownHandle", |c| c.family = None),
    ("UnknownHandle", |c| c.family().handle = Handle([5; 16])),
    ("UnknownMacKey", |c| c.key = GONE),
    ("FalseTag", |c| c.forged = true),
    ("OtherClient", |c| {
        c.client.metadata.client_id = ClientId::parse("other").unwrap()
    }),
    ("Binding", |c| c.family().confirmation = Some("jkt".into())),
    ("Revoked", |c| c.family().revoked_at = Some(Timestamp(1))),
    ("Expired", |c| c.family().expires_at = Some(Timestamp(T + 5_000))),
    ("Idle", |c| {
        c.family().idle_expires_at = Some(Timestamp(T + 5_000))
    }),
    ("UserGone", |c| c.person = None),
    ("UserDisabled", |c| {
        c.person.as_mut().unwrap().disabled_at = Some(Timestamp(1))
    }),
    ("UserLocked", |c| {
        c.person.as_mut().unwrap().locked_at = Some(Timestamp(1))
    }),
    ("ConsentWithdrawn", |c| c.consent = None),
    ("ConsentWithdrawn", |c| {
        c.consent.as_mut().unwrap().withdrawn_at = Some(Timestamp(1))
    }),
    ("SessionEnded", |c| c.session_ended = true),
];

/// TK-18.
#[test]
fn rule_1_failures_before_the_generation_share_one_answer_and_end_nothing() {
    let body = OAuthError::from(GrantError::UnknownHandle).wire();
    let mut cases = 0;
    for (reason, spoil) in BEFORE_GENERATION {
        // For a current, a retried, a replayed and a rewound token alike.
        for generation in [5, 4, 1, 9] {
            let case = case().with(|c| c.generation = generation).with(spoil);
            let Decision::Error(error) = case.decide() else {
                panic!("{reason} {generation}: {}", case.kind())
            };
            assert_eq!(case.kind(), reason, "{generation}");
            assert_eq!(error.wire(), body, "{reason} {generation}");
            cases += 1;
        }
    }
    assert_eq!(cases, 60);
}

#[test]
fn rule_1_the_earlier_fault_is_the_one_that_is_named() {
    for (at, (first, spoil)) in BEFORE_GENERATION.into_iter().enumerate() {
        for (_, later) in &BEFORE_GENERATION[at + 1..] {
            // A later failure that needs a row which the first one removed cannot be added.
            let case = case().with(|c| {
                let whole = c.clone();
                later(c);
                if c.family.is_none() || c.person.is_none() || c.consent.is_none() {
                    *c = whole;
                }
                spoil(c);
            });
            assert_eq!(case.kind(), first);
        }
    }
}

#[test]
fn rule_1_scope_and_resource_come_after_the_generation_and_move_nothing() {
    let other = || vec!["urn:other".to_owned()];
    let table: [(&str, Spoil); 5] = [
        (
            "invalid_scope",
            ("superset", |c| {
                c.scope = Some("openid catalog.read catalog.admin")
            }),
        ),
        ("invalid_scope", ("malformed", |c| c.scope = Some("a  b"))),
        (
            "invalid_target",
            ("foreign", |c| c.resource = vec!["urn:other".to_owned()]),
        ),
        (
            "invalid_target",
            ("two", |c| {
                c.resource = vec![CATALOG.to_owned(), CATALOG.to_owned()]
            }),
        ),
        (
            "NothingLeft",
            ("roles gone", |c| {
                c.scope = Some("catalog.write");
                c.person.as_mut().unwrap().roles.clear();
            }),
        ),
    ];
    for (expected, (what, spoil)) in table {
        for generation in [5, 4] {
            assert_eq!(
                case().with(|c| c.generation = generation).with(spoil).kind(),
                expected,
                "{what}"
            );
        }
        // Theft is detected first, whatever the request asks for.
        assert_eq!(
            case().with(|c| c.generation = 3).with(spoil).kind(),
            "end: refresh_reuse",
            "{what}"
        );
    }
    assert_eq!(case().with(|c| c.resource = other()).kind(), "invalid_target");
}

/// RT-11.
#[test]
fn a_narrower_request_does_not_narrow_the_next_one() {
    let Decision::Rotate(narrow) = case().with(|c| c.scope = Some("catalog.read")).decide() else {
        panic!()
    };
    assert_eq!(narrow.answer.access.claims.scope.to_string(), "catalog.read");
    assert!(narrow.answer.id_token.is_none());
    // Nothing written has a scope: the row keeps the whole grant.
    let full = case().with(|c| {
        c.family().generation = 6;
        c.generation = 6;
    });
    let Decision::Rotate(full) = full.decide() else {
        panic!()
    };
    assert_eq!(
        full.answer.access.claims.scope.to_string(),
        "catalog.read catalog.write"
    );
}

/// RT-08.
#[test]
fn roles_consent_and_registration_of_now_narrow_each_refresh() {
    let table: [Spoil; 3] = [
        ("role", |c| c.person.as_mut().unwrap().roles.clear()),
        ("consent", |c| {
            c.consent.as_mut().unwrap().granted = at_catalog("openid catalog.read")
        }),
        ("client", |c| {
            c.client.metadata.scope = Scope::parse("openid catalog.read").unwrap()
        }),
    ];
    for (what, spoil) in table {
        let Decision::Rotate(rotate) = case().with(spoil).decide() else {
            panic!("{what}")
        };
        assert_eq!(
            rotate.answer.access.claims.scope.to_string(),
            "catalog.read",
            "{what}"
        );
    }
}

/// RT-10.
#[test]
fn neither_limit_is_revived_by_a_clock_set_back() {
    for (limit, reason) in [(3_600_000, "Idle"), (7_200_000, "Expired")] {
        let case = case().with(|c| {
            c.latest = T + limit;
            c.now = T - 86_400_000;
        });
        assert_eq!(case.kind(), reason);
    }
    // A rotation after the jump slides from the latest instant; otherwise the family would be idle at once.
    let Decision::Rotate(rotate) = case().with(|c| c.now = T - 86_400_000).decide() else {
        panic!()
    };
    assert_eq!(rotate.idle_expires_at, Some(Timestamp(T + 3_605_000)));
}

#[test]
fn rule_7_an_access_token_never_outlives_its_family() {
    let short = case().with(|c| c.family().expires_at = Some(Timestamp(T + 65_000)));
    let Decision::Rotate(rotate) = short.decide() else {
        panic!()
    };
    assert_eq!(rotate.answer.access.claims.exp, (T + 65_000) / 1_000);
    assert_eq!(rotate.answer.access.expires_in, 60);
    assert_eq!(rotate.idle_expires_at, Some(Timestamp(T + 65_000)));
    assert_eq!(
        case()
            .with(|c| c.family().expires_at = Some(Timestamp(T + 5_500)))
            .kind(),
        "Expired"
    );
}

/// RT-09.
#[test]
fn an_offline_family_outlives_its_session_alone() {
    let offline = case().with(|c| {
        c.family().offline_at = Some(Timestamp(1));
        c.session_ended = true;
    });
    assert_eq!(offline.kind(), "rotate to 6");
    assert_eq!(offline.with(|c| c.consent = None).kind(), "ConsentWithdrawn");
}

#[test]
fn a_genuine_tag_by_the_wrong_generations_key_is_refused_and_ends_nothing() {
    for generation in [5, 4] {
        let leaked = case().with(|c| {
            c.generation = generation;
            c.key = BEFORE;
        });
        assert_eq!(leaked.kind(), "OtherMacKey", "{generation}");
    }
}

#[test]
fn a_family_without_a_refresh_token_has_none_that_could_be_used() {
    let none = case().with(|c| {
        c.family().generation = 1;
        c.generation = 1;
        c.family().mac_key_id = None;
    });
    assert_eq!(none.kind(), "OtherMacKey");
}
