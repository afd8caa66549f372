//! The table of exchanges: one good one, and everything that spoils it.

use serde_json::{Value, json};

use super::*;
use crate::client::tests::machine;
use crate::resource::{ResourceScope, fixture};
use crate::user::User;
use crate::user::tests::carol;

const BASKET: &str = "urn:latchkey:basket";
const CATALOG: &str = "urn:latchkey:catalog";

/// The user's token at the basket, as the basket's own client exchanges it for one of the catalog.
struct World {
    client: Client,
    /// The client that the subject token was issued to.
    app: Client,
    person: Option<User>,
    resources: Vec<Resource>,
    target: &'static str,
    scope: Option<&'static str>,
    sub: String,
    client_id: &'static str,
    aud: Vec<String>,
    amr: Vec<String>,
    exp: i64,
    cnf: Option<Value>,
    act: Option<Value>,
    may_act: Option<Value>,
    known: bool,
    family_ended: bool,
    token_revoked: bool,
    now: Timestamp,
}

fn rule(subject_resource: &str, resource: &str, scope: &str) -> ExchangeRule {
    ExchangeRule {
        subject_resource: subject_resource.into(),
        resource: resource.into(),
        scope: Scope::parse(scope).unwrap(),
    }
}

fn world() -> World {
    let mut client = machine();
    client.metadata.client_id = crate::ClientId::parse("basket").unwrap();
    client.metadata.token_exchange = vec![rule(BASKET, CATALOG, "catalog.read catalog.write catalog.admin")];
    let mut resources = fixture();
    for (identifier, scope) in [(BASKET, "basket"), ("urn:latchkey:order", "order")] {
        resources.push(Resource {
            identifier: identifier.into(),
            title: None,
            aliases: vec![format!("https://{scope}.test/api")],
            scopes: vec![ResourceScope {
                name: scope.into(),
                description: None,
                roles: Vec::new(),
            }],
            wants_roles: false,
            wants_groups: false,
        });
    }
    World {
        client,
        app: machine(),
        person: Some(carol()),
        resources,
        target: CATALOG,
        scope: Some("catalog.read"),
        sub: carol().id,
        client_id: "machine",
        aud: vec![BASKET.into()],
        amr: vec!["pwd".into()],
        exp: 1_300,
        cnf: None,
        act: None,
        may_act: None,
        known: true,
        family_ended: false,
        token_revoked: false,
        now: Timestamp(1_000_999),
    }
}

impl World {
    fn decide(&self) -> Result<Issue, OAuthError> {
        decide(Facts {
            issuer: "https://id.test",
            client: &self.client,
            resources: &self.resources,
            target: self.target,
            scope: self.scope,
            subject: self.known.then_some(SubjectToken {
                sub: &self.sub,
                client_id: self.client_id,
                aud: &self.aud,
                iat: 1_000,
                exp: self.exp,
                fam: Some("f1"),
                auth_time: Some(900),
                acr: Some("urn:latchkey:acr:password"),
                amr: &self.amr,
                cnf: self.cnf.as_ref(),
                act: self.act.as_ref(),
                may_act: self.may_act.as_ref(),
            }),
            validity: GrantValidity {
                client: Some(&self.app),
                person: self.person.as_ref(),
                family_ended: self.family_ended,
                token_revoked: self.token_revoked,
                ..GrantValidity::default()
            },
            sid: Some("sid-of-basket"),
            jti: "j2",
            now: self.now,
        })
    }
}

/// What the decision is once this was changed.
fn changed(change: impl FnOnce(&mut World)) -> Result<Issue, OAuthError> {
    let mut world = world();
    change(&mut world);
    world.decide()
}

/// The granted scope once this was changed.
fn granted(change: impl FnOnce(&mut World)) -> Result<String, OAuthError> {
    changed(change).map(|issue| issue.claims.scope.to_string())
}

/// TX-05, TX-06, TX-08.
#[test]
fn an_exchanged_token_speaks_for_the_user_and_names_who_acts() {
    let issue = world().decide().unwrap();
    assert_eq!(issue.expires_in, LIFE_S);
    let sub = carol().id;
    assert_eq!(
        serde_json::to_string(&issue.claims).unwrap(),
        format!(
            r#"{{"iss":"https://id.test","sub":"{sub}","aud":"urn:latchkey:catalog","client_id":"basket","iat":1000,"exp":1060,"jti":"j2","scope":"catalog.read","fam":"f1","sid":"sid-of-basket","roles":["instructor"],"auth_time":900,"acr":"urn:latchkey:acr:password","amr":["pwd"],"act":{{"sub":"basket"}}}}"#
        )
    );
}

type Spoil = fn(&mut World);

/// TX-03, CVE-2026-9704.
#[test]
fn a_subject_token_that_is_not_for_this_client_or_has_ended_is_refused() {
    use SubjectTokenError::{Bound, Ended, Machine, MayNotAct, OtherAudience, TooDeep, Unknown};
    let table: [(&str, Spoil, SubjectTokenError); 19] = [
        ("no token of ours", |w| w.known = false, Unknown),
        ("for the target", |w| w.aud = vec![CATALOG.into()], OtherAudience),
        (
            "for a third service",
            |w| w.aud = vec!["urn:latchkey:order".into()],
            OtherAudience,
        ),
        (
            "for the issuer",
            |w| w.aud = vec!["https://id.test".into()],
            OtherAudience,
        ),
        (
            "for another spelling",
            |w| w.aud = vec!["https://basket.test/api".into()],
            OtherAudience,
        ),
        ("bound to a key", |w| w.cnf = Some(json!({"jkt": "x"})), Bound),
        ("bound to nothing", |w| w.cnf = Some(Value::Null), Bound),
        ("a machine's", |w| w.sub = "machine".into(), Machine),
        ("of nobody", |w| w.person = None, Ended),
        ("of a locked user", lock, Ended),
        (
            "of a disabled client",
            |w| w.app.disabled_at = Some(Timestamp(1)),
            Ended,
        ),
        (
            "before the time of its client",
            |w| w.app.tokens_before = Some(Timestamp(1_000_000)),
            Ended,
        ),
        ("of an ended family", |w| w.family_ended = true, Ended),
        ("revoked", |w| w.token_revoked = true, Ended),
        (
            "another may act",
            |w| w.may_act = Some(json!({"sub": "order"})),
            MayNotAct,
        ),
        (
            "another issuer's client",
            |w| w.may_act = Some(json!({"sub": "basket", "iss": "x"})),
            MayNotAct,
        ),
        ("nobody may act", |w| w.may_act = Some(json!({})), MayNotAct),
        ("four act already", |w| w.act = Some(actors(4)), TooDeep),
        ("something acts", |w| w.act = Some(json!("basket")), TooDeep),
    ];
    for (what, spoil, expected) in table {
        assert_eq!(changed(spoil), Err(OAuthError::from(expected)), "{what}");
    }
    let names_us = json!({"sub": "basket", "iss": "https://id.test"});
    assert!(changed(|w| w.may_act = Some(names_us)).is_ok());
    // Beside userinfo, too.
    assert!(changed(|w| w.aud.push("https://id.test".into())).is_ok());
}

fn lock(world: &mut World) {
    if let Some(person) = &mut world.person {
        person.locked_at = Some(Timestamp(1));
    }
}

/// As many clients that act one for another.
fn actors(count: usize) -> Value {
    (1..count).fold(
        json!({"sub": "s0"}),
        |act, n| json!({"sub": format!("s{n}"), "act": act}),
    )
}

/// TX-06.
#[test]
fn each_exchange_adds_an_actor_and_the_fifth_is_refused() {
    for before in 1..MOST_ACTORS {
        let issue = changed(|w| w.act = Some(actors(before))).unwrap();
        let act = issue.claims.act.unwrap();
        assert_eq!(act.depth(), before + 1);
        let expected = json!({"sub": "basket", "act": actors(before)});
        assert_eq!(serde_json::to_value(&act).unwrap(), expected);
    }
    let fifth = changed(|w| w.act = Some(actors(MOST_ACTORS)));
    assert_eq!(fifth, Err(OAuthError::from(SubjectTokenError::TooDeep)));
}

/// TX-02.
#[test]
fn a_target_without_a_rule_is_refused_before_the_token_is_looked_at() {
    let table: [(&str, Spoil); 6] = [
        ("no rules", |w| w.client.metadata.token_exchange.clear()),
        ("unknown", |w| w.target = "urn:nothing"),
        ("without a rule", |w| w.target = "urn:latchkey:order"),
        ("its own", |w| w.target = BASKET),
        ("the issuer", |w| w.target = "https://id.test"),
        ("not declared any more", |w| {
            w.resources.retain(|r| r.identifier != CATALOG)
        }),
    ];
    for (what, spoil) in table {
        assert_eq!(changed(spoil), Err(OAuthError::InvalidTarget), "{what}");
        let unknown = changed(|w| {
            spoil(w);
            w.known = false;
        });
        assert_eq!(unknown, Err(OAuthError::InvalidTarget), "{what}, no token");
    }
    // The rule for this target is about tokens of another of the client's resources.
    let crossed = changed(|w| {
        w.client.metadata.token_exchange = vec![
            rule("urn:latchkey:order", CATALOG, "catalog.read"),
            rule(BASKET, "urn:latchkey:order", "order"),
        ];
    });
    assert_eq!(crossed, Err(OAuthError::InvalidTarget));
    let by_alias = changed(|w| {
        w.client.metadata.token_exchange = vec![rule("https://basket.test/api", CATALOG, "catalog.read")];
    });
    assert!(by_alias.is_ok());
}

/// CVE-2026-56668, TX-04.
#[test]
fn the_scope_is_what_rule_request_and_roles_have_in_common() {
    let asked = |scope: Option<&'static str>| granted(|w| w.scope = scope);
    let ok = |scope: &str| Ok(scope.to_owned());
    assert_eq!(asked(Some("catalog.read")), ok("catalog.read"));
    assert_eq!(
        asked(Some("catalog.write")),
        ok("catalog.write"),
        "an instructor's"
    );
    // Carol is no administrator.
    assert_eq!(asked(None), ok("catalog.read catalog.write"));
    assert_eq!(asked(Some("catalog.read catalog.admin")), ok("catalog.read"));
    for refused in [
        "catalog.admin",
        "catalog.review",
        "basket",
        "order",
        "nobody.knows",
        "openid",
        "offline_access",
        "*",
        "\n",
    ] {
        let got = granted(|w| w.scope = Some(refused));
        assert_eq!(got, Err(OAuthError::InvalidScope), "{refused:?}");
    }
    let without_role = |scope| {
        granted(|w| {
            w.scope = Some(scope);
            w.person.as_mut().unwrap().roles.clear();
        })
    };
    assert_eq!(without_role("catalog.write"), Err(OAuthError::InvalidScope));
    assert_eq!(without_role("catalog.read"), ok("catalog.read"));
    // What the resource does not declare any more is nobody's, whatever the rule says.
    let gone = granted(|w| w.resources[0].scopes.clear());
    assert_eq!(gone, Err(OAuthError::InvalidScope));
    let of_two_rules = granted(|w| {
        w.client.metadata.token_exchange = vec![
            rule(BASKET, CATALOG, "catalog.read"),
            rule(BASKET, CATALOG, "catalog.write"),
        ];
        w.scope = None;
    });
    assert_eq!(of_two_rules, ok("catalog.read catalog.write"));
}

/// CVE-2026-93999, TX-05.
#[test]
fn an_exchanged_token_ends_before_the_one_it_was_exchanged_for() {
    let times = |change: &dyn Fn(&mut World)| {
        changed(change).map(|issue| (issue.claims.iat, issue.claims.exp, issue.expires_in))
    };
    assert_eq!(times(&|_| {}), Ok((1_000, 1_060, 60)));
    assert_eq!(times(&|w| w.exp = 1_010), Ok((1_000, 1_010, 10)));
    assert_eq!(times(&|w| w.exp = 1_001), Ok((1_000, 1_001, 1)));
    let over = Err(OAuthError::from(SubjectTokenError::Unknown));
    assert_eq!(times(&|w| w.exp = 1_000), over);
    // Stamped after the last revocation of the tokens of the client that asks, and no longer alive for it.
    let after = |w: &mut World| w.client.tokens_before = Some(Timestamp(1_002_500));
    assert_eq!(times(&after), Ok((1_003, 1_060, 60)));
    let ahead = |w: &mut World| w.client.tokens_before = Some(Timestamp(1_100_000));
    assert_eq!(times(&ahead), over);
}
