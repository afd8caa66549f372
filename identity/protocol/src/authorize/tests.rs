//! The tables of the authorization endpoint.

use super::*;
use crate::Timestamp;
use crate::audience::Granted;
use crate::authentication::{Acr, AcrRequest, RoleAcr};
use crate::checks::Endpoint;
use crate::client::{Client, ClientId};
use crate::consent::{Consent, Why};
use crate::error::PageError;
use crate::id_token::Hint;
use crate::redirect_uri::{matching_client, matching_mutations};
use crate::resource::{Resource, fixture};
use crate::scope::Scope;
use crate::session::Session;
use crate::user::User;
use crate::user::tests::carol;

const URI: &str = "https://shop.example.test/oauth/cb?tenant=a";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const T: i64 = 1_000_000_000;

fn client(native: bool, uris: &[&str]) -> Client {
    let mut client = matching_client(native, uris);
    client.metadata.grant_types = vec!["authorization_code".into(), "refresh_token".into()];
    client.metadata.scope = Scope::parse("openid profile offline_access catalog.read catalog.write").unwrap();
    client
}

const GOOD: [(&str, &str); 8] = [
    ("client_id", "machine"),
    ("redirect_uri", URI),
    ("response_type", "code"),
    ("scope", "openid catalog.read"),
    ("state", "s&1"),
    ("nonce", "n-1"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The valid request with these parameters changed, or removed where the value is empty.
fn parameters(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let kept = GOOD
        .iter()
        .filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    kept.chain(changes)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn parse_with(
    client: Option<&Client>,
    parameters: &[(String, String)],
    hint: &Hint,
) -> Result<Request, RequestError> {
    let resources = fixture();
    let server = Server {
        issuer: "https://id.test",
        resources: &resources,
    };
    parse(Endpoint::Authorize, server, parameters, client, hint)
}

fn read(changes: &[(&str, &str)]) -> Result<Request, RequestError> {
    parse_with(Some(&client(false, &[URI])), &parameters(changes), &Hint::Absent)
}

fn code_of(error: RequestError) -> String {
    match error {
        RequestError::Page(page) => format!("page {}", page.code()),
        RequestError::Redirect(response) => response.fields[0].1.clone(),
    }
}

#[test]
fn a_good_request_is_read_whole() {
    let request = read(&[
        ("response_mode", "form_post"),
        ("max_age", "60"),
        ("prompt", "login consent"),
        ("login_hint", "carol"),
        ("ui_locales", "pt-BR x\u{e9} en"),
        ("claims_locales", "fr"),
        ("display", "popup"),
        ("acr_values", "a b"),
        ("something", "else"),
        ("resource", "urn:latchkey:catalog"),
    ])
    .unwrap();
    assert_eq!(request.redirect_uri.as_str(), URI);
    assert_eq!(
        (request.mode, request.state.as_deref(), request.max_age),
        (Mode::FormPost, Some("s&1"), Some(60))
    );
    assert!(request.prompt.login && request.prompt.consent && !request.prompt.none);
    assert_eq!(request.ui_locales, ["pt-BR", "en"]);
    assert_eq!(request.asked, all());
}

#[test]
fn spare_spaces_in_scope_and_prompt_say_nothing() {
    let plain = read(&[("prompt", "login consent"), ("scope", "openid catalog.read")]).unwrap();
    for (prompt, scope) in [
        ("login  consent", "openid  catalog.read"),
        (" login consent ", " openid catalog.read "),
        ("   login   consent", "openid    catalog.read  "),
    ] {
        let spaced = read(&[("prompt", prompt), ("scope", scope)]).unwrap();
        assert_eq!(spaced, plain, "{prompt:?} {scope:?}");
    }
    assert_eq!(read(&[("prompt", "  ")]).unwrap().prompt, Prompt::default());
    assert_eq!(code_of(read(&[("scope", "  ")]).unwrap_err()), "invalid_scope");
    let alone = read(&[("prompt", " none  login ")]).unwrap_err();
    assert_eq!(code_of(alone), "invalid_request");
}

/// CVE-2024-52289, CVE-2020-15234, AZ-01.
#[test]
fn no_mutation_of_the_redirect_uri_gets_anything_but_a_page() {
    let mut count = 0;
    for uri in matching_mutations().iter().filter(|uri| *uri != URI) {
        let got = read(&[("redirect_uri", uri)]).unwrap_err();
        assert_eq!(got, RequestError::Page(PageError::RedirectUri), "{uri:?}");
        count += 1;
    }
    println!("AZ-01: {count} mutations");
    assert!(count >= 200);
}

/// Every error of a request other than its redirect URI, and the code that it gets.
const FAULTS: [(&[(&str, &str)], &str); 31] = [
    (&[("response_type", "")], "invalid_request"),
    (&[("response_type", "token")], "unsupported_response_type"),
    (&[("response_type", "id_token")], "unsupported_response_type"),
    (&[("response_type", "code token")], "unsupported_response_type"),
    (&[("response_type", "code id_token")], "unsupported_response_type"),
    (&[("response_type", "none")], "unsupported_response_type"),
    (&[("response_mode", "fragment")], "invalid_request"),
    (&[("response_mode", "jwt")], "invalid_request"),
    (&[("response_mode", "form_post.jwt")], "invalid_request"),
    (&[("request", "eyJ")], "request_not_supported"),
    (
        &[("request_uri", "https://127.0.0.1/x")],
        "request_uri_not_supported",
    ),
    (
        &[("request", "eyJ"), ("response_type", "token")],
        "request_not_supported",
    ),
    (
        &[("code_challenge", ""), ("code_challenge_method", "")],
        "invalid_request",
    ),
    (&[("code_challenge_method", "plain")], "invalid_request"),
    (&[("code_challenge_method", "")], "invalid_request"),
    (&[("code_challenge", "short")], "invalid_request"),
    (&[("scope", "")], "invalid_scope"),
    (&[("scope", "openid\nprofile")], "invalid_scope"),
    (&[("scope", "nobody.knows")], "invalid_scope"),
    (&[("resource", "urn:nothing")], "invalid_target"),
    (&[("prompt", "none login")], "invalid_request"),
    (&[("prompt", "none create")], "invalid_request"),
    (&[("prompt", "Login")], "invalid_request"),
    (&[("prompt", "login\nconsent")], "invalid_request"),
    (&[("max_age", "-1")], "invalid_request"),
    (&[("max_age", "1.5")], "invalid_request"),
    (&[("max_age", "99999999999")], "invalid_request"),
    (&[("claims", "[]")], "invalid_request"),
    (&[("claims", "{")], "invalid_request"),
    (
        &[(
            "claims",
            r#"{"id_token":{"acr":{"essential":true,"values":["phrh"]}}}"#,
        )],
        "unmet_authentication_requirements",
    ),
    (
        &[(
            "claims",
            r#"{"id_token":{"acr":{"essential":true,"value":"gold"}}}"#,
        )],
        "unmet_authentication_requirements",
    ),
];

/// AZ-06, AZ-09, AZ-11, AZ-17.
#[test]
fn every_fault_goes_to_the_registered_uri_and_to_no_other() {
    for (changes, expected) in FAULTS {
        let Err(RequestError::Redirect(response)) = read(changes) else {
            panic!("{changes:?}")
        };
        assert_eq!(response.to.as_str(), URI, "{changes:?}");
        let field = |name| {
            response
                .fields
                .iter()
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(field("error"), Some(expected), "{changes:?}");
        assert_eq!(
            (field("state"), field("iss")),
            (Some("s&1"), Some("https://id.test")),
            "{changes:?}"
        );
        assert!(
            response
                .location()
                .starts_with(&format!("{URI}&error={expected}&")),
            "{}",
            response.location()
        );
        // The counterpart: the same error with a redirect URI that is not registered.
        let unregistered: Vec<_> = changes
            .iter()
            .copied()
            .chain([("redirect_uri", "https://evil.test/cb")])
            .collect();
        assert_eq!(
            code_of(read(&unregistered).unwrap_err()),
            "page redirect_uri",
            "{changes:?}"
        );
        let missing: Vec<_> = changes.iter().copied().chain([("redirect_uri", "")]).collect();
        assert_eq!(
            code_of(read(&missing).unwrap_err()),
            "page redirect_uri",
            "{changes:?}"
        );
    }
}

/// A request object with this payload, as unsigned ones are.
fn object(payload: &str) -> String {
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(payload))
}

#[test]
fn a_request_object_is_refused_by_the_mode_that_it_names() {
    let refused = |payload: &str, more: &[(&str, &str)]| {
        let object = object(payload);
        let mut changes = vec![("request", object.as_str())];
        changes.extend(more);
        let Err(RequestError::Redirect(response)) = read(&changes) else {
            panic!("{payload}")
        };
        assert_eq!(response.fields[0].1, "request_not_supported", "{payload}");
        assert_eq!(response.to.as_str(), URI, "{payload}");
        let state = response.fields.iter().find(|(name, _)| *name == "state");
        (response.mode, state.map(|(_, value)| value.clone()))
    };
    let (query, post) = (Mode::Query, Mode::FormPost);
    let named = r#"{"response_mode":"form_post","state":"inside","redirect_uri":"https://evil.test/"}"#;
    let inside = |state: &str| Some(state.to_owned());
    assert_eq!(refused(named, &[]), (post, inside("s&1")));
    assert_eq!(refused(named, &[("state", "")]), (post, inside("inside")));
    // The object takes precedence over the parameter if it names a known mode.
    let by_query = r#"{"response_mode":"query"}"#;
    assert_eq!(refused(by_query, &[("response_mode", "form_post")]).0, query);
    for nothing in [
        "{}",
        "[]",
        "nonsense",
        r#"{"response_mode":"fragment"}"#,
        r#"{"response_mode":1,"state":{}}"#,
    ] {
        assert_eq!(
            refused(nothing, &[("response_mode", "form_post"), ("state", "")]),
            (post, None),
            "{nothing}"
        );
        assert_eq!(refused(nothing, &[]), (query, inside("s&1")), "{nothing}");
    }
    let long = format!(r#"{{"state":"{}"}}"#, "s".repeat(4_097));
    assert_eq!(refused(&long, &[("state", "")]), (query, None));
}

#[test]
fn what_a_request_object_says_sends_nobody_anywhere_else() {
    let evil = object(r#"{"response_mode":"form_post","redirect_uri":"https://evil.test/"}"#);
    let unregistered = read(&[("request", &evil), ("redirect_uri", "https://evil.test/")]);
    assert_eq!(code_of(unregistered.unwrap_err()), "page redirect_uri");
    let missing = read(&[("request", &evil), ("redirect_uri", "")]);
    assert_eq!(code_of(missing.unwrap_err()), "page redirect_uri");
}

/// AZ-06.
#[test]
fn an_unknown_or_disabled_client_never_redirects() {
    let mut disabled = client(false, &[URI]);
    disabled.disabled_at = Some(Timestamp(1));
    let mut other = client(false, &[URI]);
    other.metadata.client_id = ClientId::parse("other").unwrap();
    for client in [None, Some(&disabled), Some(&other)] {
        let got = parse_with(client, &parameters(&[]), &Hint::Absent).unwrap_err();
        assert_eq!(got, RequestError::Page(PageError::UnknownClient));
    }
}

/// AZ-06.
#[test]
fn a_client_that_is_not_registered_for_the_code_is_told_so_at_its_uri() {
    let mut machine = client(false, &[URI]);
    machine.metadata.grant_types = vec!["client_credentials".into()];
    let mut implicit = client(false, &[URI]);
    implicit.metadata.response_types = vec!["id_token".into()];
    for client in [machine, implicit] {
        let got = parse_with(Some(&client), &parameters(&[]), &Hint::Absent).unwrap_err();
        assert_eq!(code_of(got), "unauthorized_client");
    }
}

/// AZ-12.
#[test]
fn a_repeated_parameter_is_a_page_and_resource_alone_may_repeat() {
    for (name, value) in GOOD {
        let mut twice = parameters(&[]);
        twice.push((name.to_owned(), value.to_owned()));
        let got = parse_with(Some(&client(false, &[URI])), &twice, &Hint::Absent).unwrap_err();
        assert_eq!(got, RequestError::Page(PageError::Malformed), "{name}");
    }
    let resource = ("resource", "urn:latchkey:catalog");
    assert!(read(&[resource, resource]).is_ok());
}

#[test]
fn a_hint_that_is_not_this_clients_is_refused() {
    let ours = |client: &str| Hint::Ours {
        sub: "u".into(),
        client: ClientId::parse(client).unwrap(),
        sid: None,
    };
    let got = |hint: &Hint| parse_with(Some(&client(false, &[URI])), &parameters(&[]), hint);
    assert_eq!(got(&ours("machine")).unwrap().hinted_sub.as_deref(), Some("u"));
    for hint in [ours("other"), Hint::Broken] {
        assert_eq!(code_of(got(&hint).unwrap_err()), "invalid_request");
    }
}

#[test]
fn a_stored_request_is_read_back_only_with_a_still_registered_address() {
    let whole = client(false, &[URI]);
    let plain = serde_json::to_string(&Stored::from(read(&[]).unwrap())).unwrap();
    assert!(!plain.contains("acr"), "a node of the release before reads it");
    let changes = [("prompt", "consent"), ("max_age", "5"), ("acr_values", "phr")];
    let request = read(&changes).unwrap();
    let text = serde_json::to_string(&Stored::from(request.clone())).unwrap();
    let revive = |text: &str, client: &Client| serde_json::from_str::<Stored>(text).unwrap().revive(client);
    assert_eq!(revive(&text, &whole), Some(request));
    assert_eq!(
        revive(&text.replace("shop.example", "evil.example"), &whole),
        None
    );
    assert_eq!(
        revive(&text, &client(false, &["https://shop.example.test/new"])),
        None
    );
    let mut other = whole.clone();
    other.metadata.client_id = ClientId::parse("other").unwrap();
    assert_eq!(revive(&text, &other), None);
    let mut disabled = whole;
    disabled.disabled_at = Some(Timestamp(1));
    assert_eq!(revive(&text, &disabled), None);
    // CVE-2026-7571: it has no response type that could be overwritten.
    assert!(!text.contains("response_type"));
}

/// A change of a case, and its name.
type Spoil = (&'static str, fn(&mut Case));

#[derive(Clone)]
struct Case {
    request: Vec<(&'static str, &'static str)>,
    client: Client,
    session: Option<Session>,
    person: User,
    hinted: Option<&'static str>,
    signed_in_here: bool,
    roles: RoleAcr,
    waived: bool,
    reach: Acr,
    consent: Option<Consent>,
    step: Step,
    now: i64,
    latest: i64,
}

fn all() -> Granted {
    at_catalog("openid catalog.read")
}

fn at_catalog(scope: &str) -> Granted {
    Granted::at_one(&Scope::parse(scope).unwrap(), Some("urn:latchkey:catalog"))
}

/// A valid request of a client that was allowed everything before, by a user who signed in ten seconds ago.
fn case() -> Case {
    let mut session = crate::session::tests::session();
    session.sign_in.auth_time = Timestamp(T - 10_000);
    session.idle_expires_at = Timestamp(T + 60_000);
    session.expires_at = Timestamp(T + 60_000);
    Case {
        request: Vec::new(),
        client: client(false, &[URI]),
        session: Some(session),
        person: carol(),
        hinted: None,
        signed_in_here: false,
        roles: RoleAcr::new(),
        waived: false,
        reach: Acr::Password,
        consent: Some(Consent {
            granted: all(),
            withdrawn_at: None,
        }),
        step: Step::Arrived,
        now: T,
        latest: T,
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn decide(&self) -> Outcome {
        let resources: Vec<Resource> = fixture();
        let server = Server {
            issuer: "https://id.test",
            resources: &resources,
        };
        let hint = match self.hinted {
            None => Hint::Absent,
            Some(sub) => Hint::Ours {
                sub: if sub == "carol" {
                    carol().id
                } else {
                    sub.to_owned()
                },
                client: self.client.id().clone(),
                sid: None,
            },
        };
        let read = parse(
            Endpoint::Authorize,
            server,
            &parameters(&self.request),
            Some(&self.client),
            &hint,
        );
        let request = read.unwrap();
        decide(
            server,
            &request,
            Facts {
                client: &self.client,
                session: self.session.as_ref().map(|session| (session, &self.person)),
                sid: Some("sid-1"),
                signed_in_here: self.signed_in_here,
                roles: &self.roles,
                waived: self.waived,
                reach: self.reach,
                consent: self.consent.as_ref(),
                step: &self.step,
                now: Timestamp(self.now),
                latest: Timestamp(self.latest),
            },
        )
    }

    fn kind(&self) -> String {
        match self.decide() {
            Outcome::NeedLogin(login) => if login.again { "login again" } else { "login" }.to_owned(),
            Outcome::NeedConsent { why, .. } => format!("consent {why:?}"),
            Outcome::Issue(issue) => format!("code {}", issue.code.granted.scope()),
            Outcome::RedirectError(response) => response.fields[0].1.clone(),
        }
    }
}

/// CVE-2023-6787, AZ-16.
#[test]
fn the_sixteen_combinations_of_session_prompt_max_age_and_hint() {
    const CODE: &str = "code openid catalog.read";
    // {session, none} × {plain, prompt=none, prompt=login, max_age=0} × {no hint, hint of another}
    let table = [
        (true, "", None, CODE),
        (true, "none", None, CODE),
        (true, "login", None, "login again"),
        (true, "max_age", None, "login again"),
        (true, "", Some("bob"), "login_required"),
        (true, "none", Some("bob"), "login_required"),
        (true, "login", Some("bob"), "login again"),
        (true, "max_age", Some("bob"), "login again"),
        (false, "", None, "login"),
        (false, "none", None, "login_required"),
        (false, "login", None, "login"),
        (false, "max_age", None, "login"),
        (false, "", Some("bob"), "login"),
        (false, "none", Some("bob"), "login_required"),
        (false, "login", Some("bob"), "login"),
        (false, "max_age", Some("bob"), "login"),
    ];
    assert_eq!(table.len(), 16);
    for (session, what, hinted, expected) in table {
        let case = case().with(|c| {
            if !session {
                c.session = None;
            }
            c.request = match what {
                "" => Vec::new(),
                "max_age" => vec![("max_age", "0")],
                prompt => vec![("prompt", prompt)],
            };
            c.hinted = hinted;
        });
        assert_eq!(case.kind(), expected, "{session} {what} {hinted:?}");
        // After carol signed in for this request: a code, or the error that bob was meant. prompt=none shows no page.
        if what != "none" {
            let after = case.clone().with(|c| {
                c.session = self::case().session;
                c.signed_in_here = true;
            });
            assert_eq!(
                after.kind(),
                if hinted.is_some() { "login_required" } else { CODE },
                "{what} {hinted:?}"
            );
            let cancelled = case.with(|c| c.step = Step::LoginCancelled);
            assert_eq!(cancelled.kind(), "access_denied");
        }
    }
    let own = |prompt| {
        case().with(|c| {
            c.hinted = Some("carol");
            c.request = vec![("prompt", prompt)];
        })
    };
    assert_eq!(own("none").kind(), CODE);
}

#[test]
fn acr_values_and_claims_are_read_as_wish_and_as_condition() {
    let asked = |wished: &[Acr], essential: &[Acr]| AcrRequest {
        wished: wished.to_vec(),
        essential: essential.to_vec(),
    };
    let (mfa, password) = ("urn:latchkey:acr:mfa", "urn:latchkey:acr:password");
    let essential = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["x","{mfa}","phr"]}}}}}}"#);
    let voluntary = format!(r#"{{"id_token":{{"acr":{{"values":["{mfa}"]}},"name":null}},"userinfo":{{}}}}"#);
    let table = [
        (vec![], asked(&[], &[])),
        (vec![("acr_values", "gold phr  silver")], asked(&[Acr::Phr], &[])),
        (vec![("acr_values", "phrh")], asked(&[], &[])),
        (vec![("claims", "{}")], asked(&[], &[])),
        (vec![("claims", r#"{"id_token":{"acr":null}}"#)], asked(&[], &[])),
        (
            vec![("claims", r#"{"id_token":{"acr":{"essential":true}}}"#)],
            asked(&[], &[]),
        ),
        (vec![("claims", r#"{"id_token":7}"#)], asked(&[], &[])),
        (
            vec![("acr_values", password), ("claims", voluntary.as_str())],
            asked(&[Acr::Password, Acr::Mfa], &[]),
        ),
        (
            vec![("claims", essential.as_str())],
            asked(&[], &[Acr::Mfa, Acr::Phr]),
        ),
    ];
    for (changes, expected) in table {
        assert_eq!(read(&changes).unwrap().acr, expected, "{changes:?}");
    }
    let long = format!("{{\"a\":\"{}\"}}", "a".repeat(9_000));
    assert_eq!(
        code_of(read(&[("claims", &long)]).unwrap_err()),
        "invalid_request"
    );
}

/// OpenID Connect Core §5.5.
#[test]
fn claims_of_the_user_are_read_for_the_id_token_and_sub_as_a_condition() {
    let asked = r#"{"id_token":{"name":null,"email":{"essential":true},"roles":null,"sub":{"value":"u1"}},
                    "userinfo":{"nickname":null}}"#;
    let request = read(&[("claims", asked)]).unwrap();
    assert_eq!(request.claims, ["name", "email"]);
    assert_eq!(request.hinted_sub.as_deref(), Some("u1"));
    let two = r#"{"id_token":{"sub":{"value":"u1"}},"userinfo":{"sub":{"value":"u2"}}}"#;
    assert_eq!(code_of(read(&[("claims", two)]).unwrap_err()), "invalid_request");
    for nothing in [
        r#"{"id_token":{"sub":null,"shoe_size":null}}"#,
        r#"{"id_token":{"sub":{"essential":true,"value":7}}}"#,
        r#"{"id_token":["name"]}"#,
    ] {
        let request = read(&[("claims", nothing)]).unwrap();
        assert_eq!(request.claims, Vec::<String>::new(), "{nothing}");
        assert_eq!(request.hinted_sub, None, "{nothing}");
    }
}

const WISH: (&str, &str) = ("acr_values", "urn:latchkey:acr:mfa");
const ESSENTIAL: (&str, &str) = (
    "claims",
    r#"{"id_token":{"acr":{"essential":true,"values":["urn:latchkey:acr:mfa"]}}}"#,
);

#[test]
fn a_session_below_what_is_needed_is_stepped_up_or_refused() {
    const CODE: &str = "code openid catalog.read";
    const UNMET: &str = "unmet_authentication_requirements";
    type Asked = &'static [(&'static str, &'static str)];
    // {request} × {policy} × {reached} × {reachable} × {signed in for this request}
    type Row = (Asked, Option<Acr>, Acr, Acr, bool, &'static str);
    let table: [Row; 17] = [
        (&[], None, Acr::Email, Acr::Password, false, CODE),
        (&[WISH], None, Acr::Password, Acr::Password, false, CODE),
        (&[WISH], None, Acr::Password, Acr::Mfa, false, "login again"),
        (&[WISH], None, Acr::Password, Acr::Mfa, true, CODE),
        (&[WISH], None, Acr::Mfa, Acr::Mfa, false, CODE),
        (
            &[WISH, ("prompt", "none")],
            None,
            Acr::Password,
            Acr::Mfa,
            false,
            CODE,
        ),
        // Nobody is asked for a password that cannot help.
        (&[ESSENTIAL], None, Acr::Password, Acr::Password, false, UNMET),
        (&[ESSENTIAL], None, Acr::Password, Acr::Mfa, false, "login again"),
        // A page of policy comes first: there a factor can be set up.
        (
            &[ESSENTIAL],
            Some(Acr::Mfa),
            Acr::Password,
            Acr::Password,
            false,
            "login again",
        ),
        (&[ESSENTIAL], None, Acr::Password, Acr::Mfa, true, UNMET),
        (&[ESSENTIAL], None, Acr::Phr, Acr::Phr, false, CODE),
        (
            &[ESSENTIAL, ("prompt", "none")],
            None,
            Acr::Password,
            Acr::Mfa,
            false,
            UNMET,
        ),
        (&[], Some(Acr::Mfa), Acr::Password, Acr::Mfa, false, "login again"),
        (
            &[],
            Some(Acr::Mfa),
            Acr::Password,
            Acr::Password,
            true,
            "login again",
        ),
        (
            &[("prompt", "none")],
            Some(Acr::Mfa),
            Acr::Password,
            Acr::Mfa,
            false,
            "login_required",
        ),
        (&[], Some(Acr::Mfa), Acr::Mfa, Acr::Mfa, false, CODE),
        (&[], Some(Acr::Phr), Acr::Mfa, Acr::Mfa, false, "login again"),
    ];
    for (asked, policy, reached, reach, here, expected) in table {
        for by_role in [false, true] {
            let case = case().with(|c| {
                c.request = asked.to_vec();
                match policy {
                    Some(acr) if by_role => {
                        c.roles.insert("instructor".to_owned(), acr);
                    }
                    _ => c.client.metadata.required_acr = policy,
                }
                let session = c.session.as_mut().unwrap();
                session.sign_in.acr = Some(reached.name().to_owned());
                (c.reach, c.signed_in_here) = (reach, here);
            });
            assert_eq!(
                case.kind(),
                expected,
                "{asked:?} {policy:?} {reached} {reach} {here}"
            );
        }
    }
}

/// OpenID Connect Core §5.5.1.1: the answer is one of the requested values.
#[test]
fn an_essential_claim_is_answered_by_a_value_that_it_named() {
    let case = case().with(|c| {
        c.request = vec![ESSENTIAL];
        c.session.as_mut().unwrap().sign_in.acr = Some("phr".to_owned());
    });
    let Outcome::Issue(issue) = case.decide() else {
        panic!("{}", case.kind())
    };
    assert_eq!(issue.code.sign_in.acr.as_deref(), Some("urn:latchkey:acr:mfa"));
}

#[test]
fn proofs_of_a_session_count_from_max_age_or_the_start_of_the_request() {
    let (started, now) = (Timestamp(1_000_000), Timestamp(1_060_000));
    type Row = (&'static [(&'static str, &'static str)], Option<i64>);
    let table: [Row; 6] = [
        (&[], None),
        (&[("prompt", "login")], Some(1_000_000)),
        (
            &[("prompt", "select_account"), ("max_age", "900")],
            Some(1_000_000),
        ),
        // A proof for this request counts, however long the next one takes.
        (&[("max_age", "0")], Some(1_000_000)),
        (&[("max_age", "900")], Some(160_000)),
        (&[("max_age", "9999999999")], Some(1_060_000 - 9_999_999_999_000)),
    ];
    for (changes, expected) in table {
        let since = read(changes).unwrap().since(started, now);
        assert_eq!(since, expected.map(Timestamp), "{changes:?}");
    }
}

/// AZ-16.
#[test]
fn what_signs_a_person_in_is_a_live_session_of_somebody_who_may_act() {
    let table: [Spoil; 8] = [
        ("idle", |c| {
            c.session.as_mut().unwrap().idle_expires_at = Timestamp(T)
        }),
        ("over", |c| c.session.as_mut().unwrap().expires_at = Timestamp(T)),
        ("ended", |c| {
            c.session.as_mut().unwrap().ended_at = Some(Timestamp(1))
        }),
        ("disabled", |c| c.person.disabled_at = Some(Timestamp(1))),
        ("locked", |c| c.person.locked_at = Some(Timestamp(1))),
        ("deleted", |c| c.person.deleted_at = Some(Timestamp(1))),
        ("another's", |c| c.person.id = "somebody".into()),
        ("none", |c| c.session = None),
    ];
    for (what, spoil) in table {
        assert_eq!(case().with(spoil).kind(), "login", "{what}");
        let silent = case().with(spoil).with(|c| c.request = vec![("prompt", "none")]);
        assert_eq!(silent.kind(), "login_required", "{what}");
    }
}

/// AZ-16.
#[test]
fn max_age_holds_to_the_millisecond_and_select_account_asks() {
    for (request, expected) in [
        (("max_age", "10"), "code openid catalog.read"),
        (("max_age", "9"), "login again"),
        (("max_age", "10000"), "code openid catalog.read"),
        (("prompt", "select_account"), "login again"),
    ] {
        assert_eq!(
            case().with(|c| c.request = vec![request]).kind(),
            expected,
            "{request:?}"
        );
    }
}

/// AZ-20.
#[test]
fn the_table_of_consent() {
    let shown = |user: &str, scope: &str| Step::Allowed {
        user: user.to_owned(),
        shown: at_catalog(scope),
    };
    let carol = carol().id;
    let never = case().with(|c| c.consent = None);
    assert_eq!(never.kind(), "consent First");
    assert_eq!(
        never
            .clone()
            .with(|c| c.request = vec![("prompt", "none")])
            .kind(),
        "consent_required"
    );
    assert_eq!(
        never.clone().with(|c| c.step = Step::Denied).kind(),
        "access_denied"
    );
    let allowed = never.with(|c| c.step = shown(&carol, "openid catalog.read"));
    assert_eq!(allowed.kind(), "code openid catalog.read");
    // What another user allowed on the same page does not count.
    assert_eq!(
        allowed
            .clone()
            .with(|c| c.step = shown("somebody", "openid"))
            .kind(),
        "consent First"
    );
    // Nothing beyond what was shown, even if the roles have grown in the meantime.
    assert_eq!(
        allowed.with(|c| c.step = shown(&carol, "openid")).kind(),
        "code openid"
    );
    let prompted = case().with(|c| c.request = vec![("prompt", "consent")]);
    assert_eq!(prompted.kind(), "consent Prompted");
    let grown = case().with(|c| c.request = vec![("scope", "openid profile catalog.read")]);
    assert_eq!(grown.kind(), "consent Grew");
}

#[test]
fn a_request_grants_what_it_asked_for_and_no_earlier_consent() {
    let case = case().with(|c| {
        c.request = vec![("scope", "openid profile")];
        c.step = Step::Allowed {
            user: carol().id,
            shown: at_catalog("openid profile"),
        };
    });
    let Outcome::Issue(issue) = case.decide() else {
        panic!("{}", case.kind())
    };
    assert_eq!(issue.code.granted, at_catalog("openid profile"));
    assert_eq!(
        issue.remember.unwrap().granted,
        at_catalog("openid profile catalog.read")
    );
    // Within the existing consent, nothing is written.
    let Outcome::Issue(silent) = self::case().decide() else {
        panic!()
    };
    assert_eq!(silent.remember, None);
}

#[test]
fn roles_narrow_before_the_person_is_asked() {
    let write = case().with(|c| {
        c.request = vec![("scope", "openid catalog.read catalog.write")];
        c.person.roles.clear();
    });
    assert_eq!(write.kind(), "code openid catalog.read");
    let only = write.with(|c| c.request = vec![("scope", "catalog.write")]);
    assert_eq!(only.kind(), "invalid_scope");
    assert_eq!(
        only.with(|c| {
            c.person.roles = vec!["instructor".into()];
            c.consent = None;
        })
        .kind(),
        "consent First"
    );
}

#[test]
fn offline_access_is_ignored_unless_it_is_prompted_or_was_allowed() {
    let scope = ("scope", "openid offline_access");
    assert_eq!(case().with(|c| c.request = vec![scope]).kind(), "code openid");
    let prompted = case().with(|c| c.request = vec![scope, ("prompt", "consent")]);
    assert!(
        matches!(prompted.decide(), Outcome::NeedConsent { shown, .. } if shown.has(None, "offline_access"))
    );
    let before = case().with(|c| {
        c.request = vec![scope];
        c.consent.as_mut().unwrap().granted = at_catalog("openid offline_access");
    });
    assert_eq!(before.kind(), "code openid offline_access");
}

#[test]
fn a_client_on_the_device_never_skips_consent() {
    let native = case().with(|c| {
        c.client = client(true, &["http://127.0.0.1/cb"]);
        c.client.metadata.token_endpoint_auth_method = crate::client::AuthMethod::None;
        c.request = vec![("redirect_uri", "http://127.0.0.1:5000/cb")];
    });
    let asked = |case: &Case| match case.decide() {
        Outcome::NeedConsent { why, unproven, .. } => (why, unproven),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&native), (Why::EachTime, true));
    let first = native.clone().with(|c| c.consent = None);
    assert_eq!(asked(&first), (Why::First, true), "the first time, too");
    let prompted = native.clone().with(|c| c.request.push(("prompt", "consent")));
    assert_eq!(asked(&prompted), (Why::Prompted, true));
    let grown = native
        .clone()
        .with(|c| c.request.push(("scope", "openid profile catalog.read")));
    let proven = case().with(|c| c.consent = None);
    assert_eq!(asked(&proven), (Why::First, false));
    assert!(matches!(
        grown.decide(),
        Outcome::NeedConsent { unproven: true, .. }
    ));
    let silent = native.with(|c| c.request.push(("prompt", "none")));
    assert_eq!(silent.kind(), "consent_required");
}

/// TK-04, TK-05.
#[test]
fn a_code_is_bound_to_everything_that_the_request_said() {
    let Outcome::Issue(issue) = case().decide() else {
        panic!()
    };
    let code = issue.code;
    assert_eq!(
        (
            code.client.as_str(),
            code.redirect_uri.as_str(),
            code.user.as_str()
        ),
        ("machine", URI, carol().id.as_str())
    );
    assert_eq!(
        (code.session.as_str(), code.sid.as_deref(), code.nonce.as_deref()),
        ("session-1", Some("sid-1"), Some("n-1"))
    );
    assert_eq!(code.challenge.unwrap().as_str(), CHALLENGE);
    assert_eq!(code.expires_at.0 - code.created_at.0, 60_000);
    assert_eq!(code.sign_in.auth_time, Timestamp(T - 10_000));
    assert!(!issue.without_pkce);
    let without = case().with(|c| {
        c.client.metadata.require_pkce = false;
        c.request = vec![("code_challenge", ""), ("code_challenge_method", "")];
    });
    assert!(matches!(without.decide(), Outcome::Issue(issue) if issue.without_pkce));
}

#[test]
fn a_clock_set_back_does_not_end_a_code_at_its_birth() {
    let Outcome::Issue(issue) = case().with(|c| c.now = T - 86_400_000).decide() else {
        panic!()
    };
    assert_eq!(issue.code.created_at, Timestamp(T - 86_400_000));
    assert_eq!(issue.code.expires_at, Timestamp(T + 60_000));
}

/// AZ-20.
#[test]
fn what_was_taken_back_is_not_shown_as_allowed_before() {
    let before = |withdrawn_at| {
        let case = case().with(|c| {
            c.request = vec![("scope", "openid profile")];
            c.consent.as_mut().unwrap().withdrawn_at = withdrawn_at;
        });
        match case.decide() {
            Outcome::NeedConsent { before, .. } => before,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(before(None), Some(all()));
    assert_eq!(before(Some(Timestamp(1))), None);
}

/// AZ-11.
#[test]
fn every_answer_names_the_issuer() {
    let request = read(&[]).unwrap();
    let code = Response::code(&request, "https://id.test", "c0de");
    assert_eq!(
        code.location(),
        format!("{URI}&code=c0de&state=s%261&iss=https%3A%2F%2Fid.test")
    );
    let stateless = Response::code(&read(&[("state", "")]).unwrap(), "https://id.test", "c0de");
    assert_eq!(
        stateless.location(),
        format!("{URI}&code=c0de&iss=https%3A%2F%2Fid.test")
    );
}
