//! Consent as a set of pairs: in any history of requests, answers on pages, redemptions, refreshes, withdrawals and
//! changes of roles, whatever a token says stood on a page that this user allowed. The same property turns red when
//! what is allowed is kept as a list of scopes beside a list of resources.

use std::collections::BTreeSet;

use latchkey_protocol::audience::{Audience, GrantContext, Granted, UserTarget, for_person};
use latchkey_protocol::authentication::{Acr, RoleAcr};
use latchkey_protocol::authorize::{Facts, Issue, Outcome, Server, Step, decide, parse};
use latchkey_protocol::checks::Endpoint;
use latchkey_protocol::client::Client;
use latchkey_protocol::consent::Consent;
use latchkey_protocol::grant_validity::GrantValidity;
use latchkey_protocol::id_token::Hint;
use latchkey_protocol::resource::{Resource, ResourceScope};
use latchkey_protocol::scope::OPENID;
use latchkey_protocol::session::{Session, SignIn};
use latchkey_protocol::user::User;
use latchkey_protocol::{Scope, Timestamp};
use latchkey_testkit::protocol::{client, user};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

const ISSUER: &str = "https://id.test";
/// Each has a scope `write`; the last one wants a role for it.
const RESOURCES: [&str; 3] = ["urn:a", "urn:b", "urn:c"];
const SCOPES: [&str; 6] = ["openid", "profile", "offline_access", "read", "write", "only.b"];
const NOW: Timestamp = Timestamp(1_000_000_000);

/// Something that happens. Grants are picked among all that there were.
#[derive(Clone, Debug)]
enum Op {
    /// An authorization request, what the user says if they are asked, and a redemption.
    Ask {
        resources: Vec<&'static str>,
        scope: Vec<&'static str>,
        prompt: &'static str,
        allow: bool,
        redeem: Option<&'static str>,
    },
    /// A refresh of an earlier grant.
    Refresh {
        grant: usize,
        resource: Option<&'static str>,
        scope: Vec<&'static str>,
    },
    /// The user takes the consent back.
    Withdraw,
    /// The user gets the role, or loses it.
    Role,
    /// Everything is written down and read again.
    Restart,
}

/// One row is one user at one client.
struct World {
    client: Client,
    person: User,
    session: Session,
    resources: Vec<Resource>,
    consent: Option<Consent>,
    /// What codes and families carry.
    grants: Vec<Granted>,
    /// The (aud, scope) of every line of every page that was allowed since the last withdrawal.
    allowed: BTreeSet<(String, String)>,
    /// How a consent is kept.
    keep: fn(Consent) -> Consent,
}

fn histories() -> impl Strategy<Value = Vec<Op>> {
    let places = || prop::sample::subsequence([&RESOURCES[..], &[ISSUER]].concat(), 0..=3);
    let names = || prop::sample::subsequence(SCOPES.to_vec(), 0..=SCOPES.len());
    let place = || {
        prop_oneof![
            1 => Just(None::<&'static str>),
            1 => Just(Some(ISSUER)),
            4 => prop::sample::select(RESOURCES.to_vec()).prop_map(Some),
        ]
    };
    let prompt = prop_oneof![5 => Just(""), 1 => Just("consent"), 2 => Just("none")];
    let ask = (places(), names(), prompt, prop::bool::weighted(0.8), place());
    let refresh = (0..8_usize, place(), names());
    let op = prop_oneof![
        8 => ask.prop_map(|(resources, scope, prompt, allow, redeem)| Op::Ask {
            resources, scope, prompt, allow, redeem
        }),
        6 => refresh.prop_map(|(grant, resource, scope)| Op::Refresh { grant, resource, scope }),
        1 => Just(Op::Withdraw),
        1 => Just(Op::Role),
        1 => Just(Op::Restart),
    ];
    prop::collection::vec(op, 1..30)
}

/// What a page shows, by audience.
fn pairs(granted: &Granted) -> BTreeSet<(String, String)> {
    let aud = |place: Option<&str>| place.unwrap_or(ISSUER).to_owned();
    let pairs = granted.pairs();
    pairs.map(|(place, name)| (aud(place), name.to_owned())).collect()
}

impl World {
    fn new(keep: fn(Consent) -> Consent, userinfo_audience: bool) -> Self {
        let client = client(serde_json::json!({
            "client_id": "app",
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": ["https://app.test/cb"],
            "scope": SCOPES.join(" "),
            "resources": RESOURCES,
            "userinfo_audience": userinfo_audience,
        }));
        let person = user();
        let later = Timestamp(NOW.0 + 60_000);
        let session = Session {
            id: "session".into(),
            user: person.id.clone(),
            sign_in: SignIn::password(NOW),
            idle_expires_at: later,
            expires_at: later,
            ended_at: None,
            kept: false,
            later_until: None,
        };
        let resource = |identifier: &str, scopes: &[(&str, &str)]| Resource {
            identifier: identifier.to_owned(),
            title: None,
            aliases: Vec::new(),
            scopes: scopes
                .iter()
                .map(|(name, role)| ResourceScope {
                    name: (*name).to_owned(),
                    description: None,
                    roles: role.split_whitespace().map(str::to_owned).collect(),
                })
                .collect(),
            wants_roles: false,
            wants_groups: false,
        };
        Self {
            client,
            person,
            session,
            resources: vec![
                resource("urn:a", &[("read", ""), ("write", "")]),
                resource("urn:b", &[("write", ""), ("only.b", "")]),
                resource("urn:c", &[("read", ""), ("write", "writer")]),
            ],
            consent: None,
            grants: Vec::new(),
            allowed: BTreeSet::new(),
            keep,
        }
    }

    fn act(&mut self, op: &Op) -> Result<(), TestCaseError> {
        match op {
            Op::Ask {
                resources,
                scope,
                prompt,
                allow,
                redeem,
            } => {
                let Some(granted) = self.ask(resources, scope, prompt, *allow)? else {
                    return Ok(());
                };
                self.token(&granted, *redeem, None)?;
                self.grants.push(granted);
            }
            Op::Refresh {
                grant,
                resource,
                scope,
            } => {
                if let Some(granted) = self.grants.iter().rev().nth(*grant).cloned() {
                    let text = scope.join(" ");
                    self.token(
                        &granted,
                        *resource,
                        Some(text.as_str()).filter(|text| !text.is_empty()),
                    )?;
                }
            }
            Op::Withdraw => {
                if let Some(consent) = &mut self.consent {
                    consent.withdrawn_at = Some(NOW);
                }
                self.allowed.clear();
            }
            Op::Role => {
                if self.person.roles.pop().is_none() {
                    self.person.roles.push("writer".to_owned());
                }
            }
            Op::Restart => {
                let again = |granted: &Granted| -> Granted {
                    let text = serde_json::to_string(granted).expect("it can be written");
                    serde_json::from_str(&text).expect("it can be read")
                };
                for granted in self.consent.iter_mut().map(|consent| &mut consent.granted) {
                    *granted = again(granted);
                }
                for granted in &mut self.grants {
                    *granted = again(granted);
                }
            }
        }
        Ok(())
    }

    /// A request up to its code; what the code carries.
    fn ask(
        &mut self,
        resources: &[&str],
        scope: &[&str],
        prompt: &str,
        allow: bool,
    ) -> Result<Option<Granted>, TestCaseError> {
        let scope_text = scope.join(" ");
        let mut parameters = vec![
            ("client_id", "app"),
            ("redirect_uri", "https://app.test/cb"),
            ("response_type", "code"),
            ("scope", scope_text.as_str()),
            ("prompt", prompt),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        parameters.extend(resources.iter().map(|resource| ("resource", *resource)));
        let parameters: Vec<(String, String)> = parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let server = Server {
            issuer: ISSUER,
            resources: &self.resources,
        };
        let Ok(request) = parse(
            Endpoint::Authorize,
            server,
            &parameters,
            Some(&self.client),
            &Hint::Absent,
        ) else {
            return Ok(None);
        };
        let decided = |step: &Step| {
            let facts = Facts {
                client: &self.client,
                session: Some((&self.session, &self.person)),
                sid: None,
                signed_in_here: false,
                roles: &RoleAcr::new(),
                reach: Acr::Password,
                waived: false,
                consent: self.consent.as_ref(),
                step,
                now: NOW,
                latest: NOW,
            };
            decide(server, &request, facts)
        };
        let (issue, page) = match decided(&Step::Arrived) {
            Outcome::Issue(issue) => (issue, None),
            Outcome::NeedConsent { shown, .. } => {
                prop_assert_ne!(prompt, "none");
                let page = pairs(&shown);
                prop_assert!(
                    prompt == "consent" || !page.is_subset(&self.allowed),
                    "asked again: {page:?}"
                );
                if !allow {
                    return Ok(None);
                }
                let user = self.person.id.clone();
                match decided(&Step::Allowed { user, shown }) {
                    Outcome::Issue(issue) => (issue, Some(page)),
                    other => return Err(TestCaseError::fail(format!("allowed, and then {other:?}"))),
                }
            }
            Outcome::RedirectError(_) => return Ok(None),
            Outcome::NeedLogin(_) => return Err(TestCaseError::fail("nobody is signed in")),
        };
        let Issue { code, remember, .. } = *issue;
        self.allowed.extend(page.into_iter().flatten());
        if let Some(consent) = remember {
            self.consent = Some((self.keep)(consent));
        }
        for (aud, name) in pairs(&code.granted) {
            let named = resources.is_empty() || aud == ISSUER || resources.contains(&aud.as_str());
            let asked = scope.is_empty() || scope.contains(&name.as_str());
            prop_assert!(named && asked, "nobody asked for {name} at {aud}");
        }
        Ok(Some(code.granted))
    }

    /// A redemption or a refresh: a token whose every scope stood on a page, or none.
    fn token(
        &self,
        granted: &Granted,
        resource: Option<&str>,
        scope: Option<&str>,
    ) -> Result<(), TestCaseError> {
        let validity = GrantValidity {
            person: Some(&self.person),
            consent: self.consent.as_ref(),
            ..GrantValidity::default()
        };
        let Ok((person, allowed)) = validity.grant(false) else {
            return Ok(());
        };
        let context = GrantContext {
            issuer: ISSUER,
            resources: &self.resources,
            client: &self.client,
            person,
            allowed,
        };
        let resource: Vec<String> = resource.map(str::to_owned).into_iter().collect();
        match for_person(context, granted, &resource, scope) {
            Ok(target) => self.check(&target, &resource),
            Err(_) => Ok(()),
        }
    }

    fn check(&self, target: &UserTarget, resource: &[String]) -> Result<(), TestCaseError> {
        let audiences: Vec<&str> = match &target.audience {
            Audience::One(one) => vec![one.as_str()],
            Audience::Both(one, other) => vec![one.as_str(), other.as_str()],
        };
        for asked in resource {
            prop_assert!(
                audiences.contains(&asked.as_str()),
                "another audience: {target:?}"
            );
        }
        let at = |name: &str| {
            let openid = OPENID.contains(&name);
            audiences.iter().copied().find(|aud| (*aud == ISSUER) == openid)
        };
        let mut good = BTreeSet::new();
        for name in target.scope.names() {
            let Some(aud) = at(name) else {
                return Err(TestCaseError::fail(format!("{name} is for nobody: {target:?}")));
            };
            prop_assert!(
                self.allowed.contains(&(aud.to_owned(), name.to_owned())),
                "{name} at {aud} stood on no page that was allowed"
            );
            good.insert(aud);
        }
        for aud in audiences {
            prop_assert!(good.contains(aud), "nothing is granted at {aud}: {target:?}");
        }
        Ok(())
    }
}

/// Runs the property over the same histories each time.
fn run(keep: fn(Consent) -> Consent, cases: u32) -> Result<(), TestError<Vec<Op>>> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&histories(), |ops| {
        for userinfo_audience in [false, true] {
            let mut world = World::new(keep, userinfo_audience);
            for op in &ops {
                world.act(op)?;
            }
        }
        Ok(())
    })
}

/// The defect: two lists beside each other, so that every scope is good at every resource.
fn two_lists(consent: Consent) -> Consent {
    let scope: Scope = consent.granted.scope();
    let places = consent.granted.by_resource().filter_map(|(place, _)| place);
    let everywhere: Vec<(String, Scope)> = places.map(|place| (place.to_owned(), scope.clone())).collect();
    Consent {
        granted: Granted::new(&scope, everywhere),
        ..consent
    }
}

#[test]
fn whatever_a_token_says_stood_on_a_page_that_this_person_allowed() {
    run(|consent| consent, 2_000).unwrap();
}

#[test]
fn the_property_finds_a_consent_of_two_lists() {
    match run(two_lists, 20_000) {
        Err(TestError::Fail(why, history)) => println!("{why}\n{history:?}"),
        other => panic!("the property did not find the seeded defect: {other:?}"),
    }
}
