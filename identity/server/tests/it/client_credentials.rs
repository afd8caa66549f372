//! The client credentials grant: scopes, resources, and who gets nothing.

use latchkey_identity::Seed;
use latchkey_protocol::client::AuthMethod;
use serde_json::json;

use crate::harness::{
    Answer, CATALOG, IssuerServer, Machine, Matrix, ORDERS, ORDERS_ALIAS, claims, http, secret_of,
};

/// Every grant type that somebody may try.
const GRANTS: [&str; 17] = [
    "client_credentials",
    "password",
    "refresh_token",
    "authorization_code",
    "implicit",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer",
    "urn:openid:params:grant-type:ciba",
    "urn:ietf:params:oauth:grant-type:uma-ticket",
    "CLIENT_CREDENTIALS",
    "client_credentials ",
    " client_credentials",
    "client_credentials\0",
    "client_credentials,password",
    "",
];

/// A request with everything that any of these grants would need.
async fn ask(
    server: &IssuerServer,
    id: &str,
    secret: Option<&str>,
    method: AuthMethod,
    grant: Option<&str>,
) -> Answer {
    let mut form = vec![
        ("username", "alice"),
        ("password", "x"),
        ("code", "x"),
        ("refresh_token", "x"),
        ("device_code", "x"),
        ("assertion", "x"),
        ("subject_token", "x"),
        ("redirect_uri", "http://127.0.0.1/cb"),
    ];
    form.extend(grant.map(|grant| ("grant_type", grant)));
    let mut request = http().post(format!("{}/token", server.url()));
    match method {
        AuthMethod::ClientSecretBasic => request = request.basic_auth(id, secret),
        AuthMethod::ClientSecretPost => {
            form.push(("client_id", id));
            form.extend(secret.map(|secret| ("client_secret", secret)));
        }
        AuthMethod::None => form.push(("client_id", id)),
    }
    Answer::of(request.form(&form)).await
}

/// CVE-2026-9792, TK-07.
#[tokio::test]
async fn grants_are_listed_per_client_and_unsupported_ones_do_not_exist() {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None as Public};
    let server = IssuerServer::new().await;
    let disabled = latchkey_protocol::ClientId::parse("m-wide").unwrap();
    server
        .identity()
        .clients()
        .set_enabled(&disabled, false, "test")
        .await
        .unwrap();
    let wrong = "wrong".to_owned();
    // Who, how, with which secret → whether it is known, and whether client_credentials is its grant.
    type Caller<'a> = (&'a str, &'a str, AuthMethod, Option<String>, bool, bool);
    let callers: [Caller<'_>; 10] = [
        (
            "a machine",
            "m-basic",
            ClientSecretBasic,
            Some(secret_of("m-basic")),
            true,
            true,
        ),
        (
            "a machine by post",
            "m-post",
            ClientSecretPost,
            Some(secret_of("m-post")),
            true,
            true,
        ),
        (
            "no grant at all",
            "idle",
            ClientSecretBasic,
            Some(secret_of("idle")),
            true,
            false,
        ),
        (
            "grants to come",
            "later",
            ClientSecretBasic,
            Some(secret_of("later")),
            true,
            false,
        ),
        (
            "a resource server",
            "rs-all",
            ClientSecretBasic,
            Some(secret_of("rs-all")),
            true,
            false,
        ),
        ("a public client", "public", Public, None, true, false),
        (
            "a wrong secret",
            "m-basic",
            ClientSecretBasic,
            Some(wrong.clone()),
            false,
            false,
        ),
        ("no secret", "m-orders", Public, None, false, false),
        (
            "disabled",
            "m-wide",
            ClientSecretBasic,
            Some(secret_of("m-wide")),
            false,
            false,
        ),
        ("nobody", "nobody", ClientSecretBasic, Some(wrong), false, false),
    ];
    let mut matrix = Matrix::new("TK-07 client × grant");
    for (who, id, method, secret, known, may) in callers {
        let signs_in = ["later", "public"].contains(&id);
        for grant in GRANTS.map(Some).into_iter().chain([None]) {
            let answer = ask(&server, id, secret.as_deref(), method, grant).await;
            let expected = match (known, grant) {
                // A stranger learns nothing of grants.
                // Without the header it is not challenged either.
                (false, _) if method == Public => (400, "invalid_client"),
                (false, _) => (401, "invalid_client"),
                (true, Some("authorization_code")) if signs_in => (400, "invalid_grant"),
                (true, Some("authorization_code")) => (400, "unauthorized_client"),
                // What cannot be read is told to those who may use the grant (docs/tokens.md, Refresh tokens, rule 1).
                (true, Some("refresh_token")) if id == "later" => (400, "invalid_request"),
                (true, Some("refresh_token")) => (400, "unauthorized_client"),
                (true, None | Some("")) => (400, "invalid_request"),
                (true, Some("client_credentials")) if may => (200, ""),
                (true, Some("client_credentials")) => (400, "unauthorized_client"),
                (true, Some("urn:ietf:params:oauth:grant-type:token-exchange")) => {
                    (400, "unauthorized_client")
                }
                (true, Some(_)) => (400, "unsupported_grant_type"),
            };
            let got = (answer.status, answer.code());
            matrix.cell(
                format!("{who} × {grant:?}"),
                got,
                (expected.0, expected.1.to_owned()),
            );
            matrix.hold(
                format!("{who} × {grant:?}: a token comes with 200 alone"),
                (answer.status == 200) == answer.text.contains("access_token"),
                &answer,
            );
        }
    }
    matrix.end();
}

/// TK-08.
#[tokio::test]
async fn the_subjects_of_machines_and_people_never_meet() {
    let server = IssuerServer::new().await;
    let identity = server.identity();
    // A person with the name of a client: the `sub` is not the name.
    let seed = "[[users]]\nusername = \"m-basic\"\nemail = \"m@example.test\"\npassword = \"a password of no machine\"\n";
    identity.seed(Seed::parse(seed).unwrap(), "test").await.unwrap();
    let person = server.user_id("m-basic").await;
    let machine = claims(&server.machine("m-basic").token().await)["sub"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(machine, "m-basic");
    assert_ne!(person, machine);

    // A client with the id of a person, in every spelling that somebody could take for it.
    let mut matrix = Matrix::new("TK-08 client id × spelling of a person's id");
    let plain = person.replace('-', "");
    for id in [
        person.clone(),
        person.to_uppercase(),
        plain.clone(),
        plain.to_uppercase(),
        format!("{}-{}", &plain[..16], &plain[16..]),
    ] {
        let seed = format!("[[clients]]\nclient_id = \"{id}\"\ngrant_types = [\"client_credentials\"]\n");
        matrix.hold(&id, Seed::parse(&seed).is_err(), "it was accepted");
    }
    matrix.end();
    // Nor can a person's token be told for a machine's.
    let token = server.mint(json!({"sub": "m-basic", "client_id": "m-post"}));
    assert!(!server.is_active(&token).await, "there is no person of that name");
}

/// CVE-2024-52287, CVE-2026-33132, TK-09.
/// Every subset of every scope there is, at every client and resource: the answer is exactly what was asked, or nothing.
#[tokio::test]
async fn asking_for_more_never_gives_more() {
    const SCOPES: [&str; 7] = [
        "catalog.read",
        "catalog.write",
        "catalog.review",
        "catalog.admin",
        "order.read",
        "order.write",
        "openid",
    ];
    let server = IssuerServer::new().await;
    let clients: [(&str, &[&str], &[&str]); 3] = [
        ("m-basic", &["catalog.read", "order.read"], &[CATALOG, ORDERS]),
        ("m-wide", &SCOPES[..6], &[CATALOG, ORDERS]),
        ("m-orders", &["order.read"], &[ORDERS]),
    ];
    let at = |resource: &str| if resource == CATALOG { "catalog." } else { "order." };
    let mut matrix = Matrix::new("TK-09 client × resource × scopes");
    let mut granted_something = 0;
    for (id, own, resources) in clients {
        let machine = server.machine(id);
        for resource in [
            None,
            Some(CATALOG),
            Some(ORDERS),
            Some(ORDERS_ALIAS),
            Some("urn:nothing"),
        ] {
            let named = resource.map(|name| if name == ORDERS_ALIAS { ORDERS } else { name });
            for subset in 1_u32..1 << SCOPES.len() {
                let asked: Vec<&str> = (0..SCOPES.len())
                    .filter(|bit| subset >> bit & 1 == 1)
                    .map(|bit| SCOPES[bit])
                    .collect();
                if asked.len() > 3 && asked.len() < SCOPES.len() {
                    continue;
                }
                let text = asked.join(" ");
                let mut form = vec![("scope", text.as_str())];
                form.extend(resource.map(|name| ("resource", name)));
                let answer = machine.ask(&form).await;
                let fits = |target: &str| {
                    asked
                        .iter()
                        .all(|name| name.starts_with(at(target)) && own.contains(name))
                };
                let target = match named {
                    Some(name) => resources.iter().find(|known| **known == name),
                    None => resources.iter().find(|target| fits(target)),
                };
                let expected = match target.filter(|target| fits(target)) {
                    Some(target) => Ok((text.clone(), text.clone(), (*target).to_owned())),
                    None if named.is_some() && target.is_none() => Err("invalid_target".to_owned()),
                    None => Err("invalid_scope".to_owned()),
                };
                let got = match answer.status {
                    200 => {
                        granted_something += 1;
                        let claims = claims(answer.json()["access_token"].as_str().expect("a token"));
                        let said = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                        Ok((
                            said(&answer.json()["scope"]),
                            said(&claims["scope"]),
                            said(&claims["aud"]),
                        ))
                    }
                    _ => Err(answer.code()),
                };
                matrix.cell(format!("{id} × {resource:?} × {text}"), got, expected);
            }
        }
        for (text, why) in [
            ("CATALOG.READ ORDER.READ", "another letter case"),
            ("*", "a wildcard"),
            ("order.read,order.read", "a comma"),
            ("order.read\torder.write", "a tab"),
            ("order.read\u{a0}order.write", "another space"),
            ("order.read\\", "a backslash"),
            ("order", "a prefix"),
            ("order.readx", "an extension"),
        ] {
            let answer = machine.ask(&[("scope", text)]).await;
            matrix.cell(
                format!("{id} × {why}"),
                (answer.status, answer.code()),
                (400, "invalid_scope".to_owned()),
            );
        }
    }
    println!("{granted_something} of them were granted");
    assert!(granted_something > 20);
    matrix.end();
}

/// Without a scope a client gets its own at the one resource, never the union.
/// TK-09.
#[tokio::test]
async fn a_request_without_scope_stays_within_client_and_resource() {
    let server = IssuerServer::new().await;
    let mut matrix = Matrix::new("TK-09 client × resource, no scope");
    for (id, resource, expected) in [
        ("m-basic", None, "catalog.read"),
        ("m-basic", Some(ORDERS), "order.read"),
        ("m-basic", Some(ORDERS_ALIAS), "order.read"),
        ("m-orders", None, "order.read"),
        (
            "m-wide",
            None,
            "catalog.read catalog.write catalog.review catalog.admin",
        ),
        ("m-wide", Some(ORDERS), "order.read order.write"),
    ] {
        let machine: Machine = server.machine(id);
        let form: Vec<(&str, &str)> = resource.map(|name| ("resource", name)).into_iter().collect();
        let answer = machine.ask(&form).await;
        matrix.cell(
            format!("{id} × {resource:?}"),
            answer.json()["scope"].as_str().unwrap_or_default(),
            expected,
        );
    }
    matrix.end();
}

/// A URL library writes an origin with its slash, whether it was registered so or not.
#[tokio::test]
async fn an_origin_is_one_resource_with_and_without_its_slash() {
    let server = IssuerServer::new().await;
    let seed = format!(
        "[[resources]]\nidentifier = \"https://one.test\"\nscopes = [\"one.read\"]\n\
         [[resources]]\nidentifier = \"https://two.test/\"\nscopes = [\"two.read\"]\n\
         [[clients]]\nclient_id = \"m-origins\"\nclient_secret = \"{}\"\ngrant_types = [\"client_credentials\"]\n\
         scope = \"one.read two.read\"\nresources = [\"https://one.test/\", \"https://two.test\"]\n\
         default_resource = \"https://one.test\"\nmay_introspect = [\"https://one.test/\", \"https://two.test\"]\n",
        secret_of("m-origins")
    );
    let identity = server.identity();
    identity.seed(Seed::parse(&seed).unwrap(), "test").await.unwrap();
    let machine = server.machine("m-origins");
    let mut matrix = Matrix::new("resource × spelling");
    for (asked, audience) in [
        ("https://one.test", "https://one.test"),
        ("https://one.test/", "https://one.test"),
        ("https://two.test", "https://two.test/"),
        ("https://two.test/", "https://two.test/"),
    ] {
        let answer = machine.ask(&[("resource", asked)]).await;
        matrix.cell(format!("{asked} × token"), answer.status, 200);
        let Some(token) = answer.json()["access_token"].as_str().map(str::to_owned) else {
            continue;
        };
        // A guard compares the name as it was registered.
        matrix.cell(
            format!("{asked} × aud"),
            claims(&token)["aud"].as_str().map(str::to_owned),
            Some(audience.to_owned()),
        );
        let active = machine.introspect(&token).await.json()["active"] == true;
        matrix.cell(format!("{asked} × introspection"), active, true);
    }
    for asked in [
        "https://one.test//",
        "https://one.test/v1",
        "https://one.test?",
        "https://one.test/#",
        "http://one.test/",
        "https://one.test:443/",
        "https://three.test/",
    ] {
        let answer = machine.ask(&[("resource", asked)]).await;
        matrix.cell(
            format!("{asked} × token"),
            (answer.status, answer.code()),
            (400, "invalid_target".to_owned()),
        );
    }
    let issuer = server.issuer();
    for taken in ["https://one.test/", "https://two.test", &format!("{issuer}/")] {
        let seed = format!("[[resources]]\nidentifier = \"{taken}\"\nscopes = [\"x\"]\n");
        let seeded = identity.seed(Seed::parse(&seed).unwrap(), "test").await;
        matrix.hold(
            format!("{taken} × another resource"),
            seeded.is_err(),
            "it was taken",
        );
    }
    matrix.end();
}

/// Clients that join lists write more spaces than RFC 6749 §3.3 has.
#[tokio::test]
async fn spare_spaces_in_a_scope_say_nothing() {
    let server = IssuerServer::new().await;
    let machine = server.machine("m-basic");
    for scope in [
        "catalog.read",
        " catalog.read",
        "catalog.read  ",
        "  catalog.read   catalog.read",
    ] {
        let answer = machine.ask(&[("scope", scope)]).await;
        assert_eq!(answer.status, 200, "{scope:?}: {answer:?}");
        assert_eq!(answer.json()["scope"], "catalog.read", "{scope:?}");
    }
    for scope in [
        " ",
        "catalog.read\n",
        "catalog.read\u{a0}",
        "catalog.read\torder.read",
    ] {
        let answer = machine.ask(&[("scope", scope)]).await;
        assert_eq!(answer.code(), "invalid_scope", "{scope:?}: {answer:?}");
    }
}

/// The client that has proved itself is told what its registration lacks, and nobody else is.
#[tokio::test]
async fn a_proved_client_is_told_what_it_lacks() {
    let server = IssuerServer::new().await;
    let (idle, wrong) = (
        server.machine("idle"),
        Machine {
            secret: "wrong".into(),
            ..server.machine("idle")
        },
    );
    for (path, said) in [
        ("/token", "not registered for this grant"),
        ("/introspect", "may_introspect"),
    ] {
        let form = [("grant_type", "client_credentials"), ("token", "x")];
        let told = idle.post(path, &form).await.json()["error_description"].clone();
        assert!(
            told.as_str().is_some_and(|told| told.contains(said)),
            "{path}: {told}"
        );
        let told = wrong.post(path, &form).await.json();
        assert_eq!(
            told["error_description"], "Client authentication failed.",
            "{path}"
        );
    }
}
