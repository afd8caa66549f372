//! The table of redemptions.

use super::*;
use crate::client::tests::machine;
use crate::consent::Consent;
use crate::consent::tests::consent;
use crate::resource::fixture;
use crate::scope::Scope;
use crate::user::User;
use crate::user::tests::carol;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const T: i64 = 1_000_000_000;

#[derive(Clone)]
struct Case {
    code: Option<Code>,
    client: Client,
    person: Option<User>,
    consent: Option<Consent>,
    session_ended: bool,
    redirect_uri: Option<&'static str>,
    verifier: Option<&'static str>,
    proof: Option<&'static str>,
    resource: Vec<String>,
    limiting_birth: Option<i64>,
    received: i64,
    now: i64,
    latest: i64,
}

fn at_catalog(scope: &str) -> Granted {
    Granted::at_one(&Scope::parse(scope).unwrap(), Some("urn:latchkey:catalog"))
}

fn case() -> Case {
    let mut client = machine();
    client.metadata.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
    client.metadata.scope = Scope::parse("openid offline_access catalog.read").unwrap();
    Case {
        code: Some(Code {
            client: client.id().clone(),
            client_profile: None,
            user: carol().id,
            session: "session-1".into(),
            sid: Some("sid-1".into()),
            redirect_uri: "https://a.test/cb".into(),
            granted: at_catalog("openid catalog.read"),
            challenge: Challenge::parse(CHALLENGE),
            nonce: Some("n-1".into()),
            claims: Vec::new(),
            confirmation: None,
            sign_in: SignIn::password(Timestamp(T - 5_000)),
            created_at: Timestamp(T),
            expires_at: Timestamp(T + LIFE_MS),
            spent: None,
            repeated_at: None,
        }),
        client,
        person: Some(carol()),
        consent: Some(consent("openid offline_access catalog.read")),
        session_ended: false,
        redirect_uri: Some("https://a.test/cb"),
        verifier: Some(VERIFIER),
        proof: None,
        resource: Vec::new(),
        limiting_birth: None,
        received: T + 1_000,
        now: T + 1_001,
        latest: T + 1_001,
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn code(&mut self) -> &mut Code {
        self.code.as_mut().unwrap()
    }

    fn decide(&self) -> Decision {
        decide(&Facts {
            code: self.code.as_ref(),
            client: &self.client,
            redirect_uri: self.redirect_uri,
            verifier: self.verifier,
            proof: self.proof,
            received_at: Timestamp(self.received),
            validity: GrantValidity {
                person: self.person.as_ref(),
                consent: self.consent.as_ref(),
                session_ended: self.session_ended,
                ..GrantValidity::default()
            },
            issuer: "https://id.test",
            resources: &fixture(),
            asked_resource: &self.resource,
            limits: Limits::default(),
            limiting_birth: self.limiting_birth.map(Timestamp),
            mac_key_id: KeyId([1; 9]),
            random: &Random {
                family: "family-1",
                handle: Handle([3; 16]),
                fam: "fam-1",
                salt: Salt([4; 32]),
                jti: "jti-1",
            },
            now: Timestamp(self.now),
            latest: Timestamp(self.latest),
        })
    }

    fn kind(&self) -> String {
        match self.decide() {
            Decision::Redeem(_) => "redeem".to_owned(),
            Decision::ReplayKills { family, .. } => format!("kills {family}"),
            Decision::Error(OAuthError::InvalidGrant(reason)) => format!("{reason:?}"),
            Decision::Error(error) => error.wire().code.to_owned(),
        }
    }

    fn redeem(&self) -> Redeem {
        match self.decide() {
            Decision::Redeem(redeem) => *redeem,
            other => panic!("{other:?}"),
        }
    }
}

fn spend(c: &mut Case) {
    c.code().spent = Some(Spent {
        committed_at: Timestamp(T + 500),
        family: "family-0".into(),
        fam: "fam-0".into(),
    });
}

#[test]
fn a_redemption_makes_a_family_and_its_tokens() {
    let redeem = case().redeem();
    assert_eq!(
        (redeem.family.generation, redeem.family.mac_key_id),
        (1, Some(KeyId([1; 9])))
    );
    assert_eq!(
        redeem.refresh.map(|name| (name.generation, name.handle)),
        Some((1, Handle([3; 16])))
    );
    let claims = &redeem.access.claims;
    assert_eq!(
        (claims.fam.as_deref(), claims.sid.as_deref()),
        (Some("fam-1"), Some("sid-1"))
    );
    assert_eq!(claims.scope.to_string(), "catalog.read");
    assert_eq!(redeem.id_token.unwrap().nonce.as_deref(), Some("n-1"));
    assert_eq!(redeem.family.offline_at, None);
    assert!(redeem.family.expires_at > redeem.family.idle_expires_at);
}

/// OpenID Connect Core §5.5: only the first ID token has them, and only those that the user allows.
#[test]
fn claims_that_a_request_names_are_said_if_scopes_open_them() {
    let named = case().with(|c| {
        c.client.metadata.scope = Scope::parse("openid profile catalog.read").unwrap();
        c.consent = Some(consent("openid profile catalog.read"));
        c.code().granted = at_catalog("openid profile catalog.read");
        c.code().claims = vec!["name".into(), "nickname".into(), "email".into(), "sub".into()];
    });
    let id_token = named.redeem().id_token.unwrap();
    assert_eq!(
        serde_json::Value::Object(id_token.user),
        serde_json::json!({ "name": "Carol" })
    );
    let withdrawn = named.with(|c| c.consent = Some(consent("openid catalog.read")));
    assert!(withdrawn.redeem().id_token.unwrap().user.is_empty());
}

#[test]
fn without_the_refresh_grant_a_family_is_one_access_token() {
    let redeem = case()
        .with(|c| c.client.metadata.grant_types = vec!["authorization_code".into()])
        .redeem();
    assert_eq!((redeem.refresh, redeem.family.mac_key_id), (None, None));
    assert_eq!(redeem.family.expires_at, Some(Timestamp(T + 1_001 + 300_000)));
    assert_eq!(redeem.access.expires_in, 300);
}

#[test]
fn offline_access_outlives_logout_only_with_a_refresh_token() {
    let offline = |grants: &[&str]| {
        let grants: Vec<String> = grants.iter().map(|grant| (*grant).to_owned()).collect();
        case()
            .with(|c| {
                c.code().granted = at_catalog("openid offline_access");
                c.client.metadata.grant_types = grants;
            })
            .redeem()
            .family
            .offline_at
    };
    assert_eq!(
        offline(&["authorization_code", "refresh_token"]),
        Some(Timestamp(T + 1_001))
    );
    assert_eq!(offline(&["authorization_code"]), None);
}

type Spoil = (&'static str, fn(&mut Case));

/// What the code is bound to: each mismatch is rejected, whether the code is spent or not.
const BINDING: [Spoil; 10] = [
    ("UnknownCode", |c| c.code = None),
    ("OtherClient", |c| {
        c.client.metadata.client_id = ClientId::parse("other").unwrap()
    }),
    ("RedirectUri", |c| c.redirect_uri = None),
    ("RedirectUri", |c| c.redirect_uri = Some("https://a.test/cb/")),
    ("RedirectUri", |c| c.redirect_uri = Some("https://A.test/cb")),
    ("VerifierMissing", |c| c.verifier = None),
    ("VerifierWrong", |c| c.verifier = Some(CHALLENGE)),
    ("ChallengeMissing", |c| c.code().challenge = None),
    ("Binding", |c| c.code().confirmation = Some("jkt".into())),
    ("Binding", |c| {
        c.code().confirmation = Some("jkt".into());
        c.proof = Some("other");
    }),
];

/// CVE-2026-16089, CVE-2026-55672, TK-05.
#[test]
fn a_code_is_bound_to_client_redirect_uri_verifier_and_key() {
    for (reason, spoil) in BINDING {
        assert_eq!(case().with(spoil).kind(), reason);
    }
}

/// TK-03.
#[test]
fn a_replay_that_is_not_otherwise_valid_ends_nothing() {
    for (reason, spoil) in BINDING {
        let case = case().with(spend).with(spoil);
        assert_eq!(case.kind(), reason);
    }
}

/// TK-02.
#[test]
fn a_valid_replay_ends_the_family_also_after_the_code_would_have_expired() {
    assert_eq!(case().with(spend).kind(), "kills family-0");
    let late = case().with(spend).with(|c| {
        c.received = T + 3_600_000;
        c.now = c.received;
        c.latest = c.received;
    });
    assert_eq!(late.kind(), "kills family-0");
}

/// CVE-2026-4282, TK-01.
#[test]
fn a_loser_of_a_concurrent_first_redemption_ends_nothing() {
    for (received, expected) in [(400, "CodeRaced"), (500, "CodeRaced"), (501, "kills family-0")] {
        let case = case().with(spend).with(|c| c.received = T + received);
        assert_eq!(case.kind(), expected, "{received}");
    }
}

#[test]
fn a_code_issued_twice_is_redeemed_once_and_its_replay_ends_nothing() {
    let given_twice = |c: &mut Case| c.code().repeated_at = Some(Timestamp(T + 100));
    assert_eq!(case().with(given_twice).kind(), "redeem");
    let again = case().with(given_twice).with(spend);
    assert_eq!(again.kind(), "CodeRepeated");
    assert_eq!(case().with(spend).kind(), "kills family-0", "given once");
    // What the code is bound to comes first, here as always.
    for (reason, spoil) in BINDING {
        assert_eq!(case().with(given_twice).with(spend).with(spoil).kind(), reason);
    }
}

#[test]
fn only_an_unspent_code_is_given_again_and_only_to_whose_it_is() {
    let carol = carol().id;
    let code = || case().code.unwrap();
    let (before, end) = (Timestamp(T + LIFE_MS - 1), Timestamp(T + LIFE_MS));
    assert!(may_repeat(&code(), Some(&carol), false, before));
    assert!(!may_repeat(&code(), Some(&carol), false, end), "over");
    assert!(!may_repeat(&code(), Some("somebody"), false, before), "another's");
    assert!(!may_repeat(&code(), None, false, before), "nobody's");
    assert!(!may_repeat(&code(), Some(&carol), true, before), "signed out");
    let spent = case().with(spend).code.unwrap();
    assert!(!may_repeat(&spent, Some(&carol), false, before), "spent");
    let twice = Code {
        repeated_at: Some(Timestamp(T)),
        ..code()
    };
    assert!(may_repeat(&twice, Some(&carol), false, before), "a third time");
}

/// TK-04.
#[test]
fn a_code_lives_for_sixty_seconds_by_the_latest_clock_that_we_saw() {
    for (now, latest, expected) in [
        (59_999, 59_999, "redeem"),
        (60_000, 60_000, "CodeExpired"),
        (61_000, 61_000, "CodeExpired"),
        (1_000, 61_000, "CodeExpired"),
        (61_000, 1_000, "CodeExpired"),
    ] {
        let case = case().with(|c| (c.now, c.latest) = (T + now, T + latest));
        assert_eq!(case.kind(), expected, "{now} {latest}");
    }
}

/// CVE-2025-64521, CVE-2024-47000, TK-10.
#[test]
fn an_ended_user_client_or_session_redeems_nothing() {
    let table: [Spoil; 7] = [
        ("UserGone", |c| c.person = None),
        ("UserGone", |c| {
            c.person.as_mut().unwrap().deleted_at = Some(Timestamp(1))
        }),
        ("UserDisabled", |c| {
            c.person.as_mut().unwrap().disabled_at = Some(Timestamp(1))
        }),
        ("UserLocked", |c| {
            c.person.as_mut().unwrap().locked_at = Some(Timestamp(1))
        }),
        ("ConsentWithdrawn", |c| c.consent = None),
        // A changed password and a logout both end the session.
        ("SessionEnded", |c| c.session_ended = true),
        ("UserGone", |c| c.person.as_mut().unwrap().id = "somebody".into()),
    ];
    for (reason, spoil) in table {
        assert_eq!(case().with(spoil).kind(), reason);
    }
    // An offline family that does not exist yet needs its session like any other.
    let offline = case().with(|c| {
        c.code().granted = at_catalog("openid offline_access");
        c.session_ended = true;
    });
    assert_eq!(offline.kind(), "SessionEnded");
}

#[test]
fn a_code_of_too_many_is_refused_for_now_and_only_when_it_is_good() {
    let many = || case().with(|c| c.limiting_birth = Some(T - 58_998));
    match many().decide() {
        Decision::Error(OAuthError::TooManyRedemptions(next)) => assert_eq!(next, Timestamp(T + 1_002)),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        many().with(|c| c.limiting_birth = Some(T - 58_999)).kind(),
        "redeem"
    );
    for (reason, spoil) in BINDING {
        assert_eq!(many().with(spoil).kind(), reason);
    }
    assert_eq!(many().with(|c| c.session_ended = true).kind(), "SessionEnded");
    // A replay ends its family, however many there are.
    assert_eq!(many().with(spend).kind(), "kills family-0");
}

/// RT-10.
#[test]
fn a_clock_set_back_does_not_end_a_family_at_its_birth() {
    let family = case().with(|c| c.now = T - 86_400_000).redeem().family;
    let (idle, absolute) = Limits::default().begin(Timestamp(T + 1_001));
    assert_eq!((family.idle_expires_at, family.expires_at), (idle, absolute));
}

#[test]
fn a_wrong_target_leaves_the_code_as_it_was() {
    for (resource, expected) in [
        (vec!["urn:latchkey:catalog"], "redeem"),
        (vec!["https://id.test"], "redeem"),
        (vec!["urn:other"], "invalid_target"),
        (vec!["urn:latchkey:catalog", "https://id.test"], "invalid_target"),
    ] {
        let case = case().with(|c| c.resource = resource.iter().map(|r| (*r).to_owned()).collect());
        assert_eq!(case.kind(), expected, "{resource:?}");
    }
}

#[test]
fn a_public_clients_family_is_bound_to_the_key_that_it_proved() {
    let public = case().with(|c| {
        c.client.metadata.token_endpoint_auth_method = crate::client::AuthMethod::None;
        c.proof = Some("jkt");
    });
    assert_eq!(public.redeem().family.confirmation.as_deref(), Some("jkt"));
    assert_eq!(
        case()
            .with(|c| c.proof = Some("jkt"))
            .redeem()
            .family
            .confirmation,
        None
    );
}
