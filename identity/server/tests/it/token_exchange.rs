//! Token exchange: a service gets a token for a service that it calls, for the user of its own caller.

use std::collections::BTreeSet;

use latchkey_db::testing::somebody_waits;
use latchkey_db::{Db, sql};
use latchkey_identity::{IdentityError, NewClient, Seed};
use latchkey_identity_store::Exchange;
use latchkey_protocol::ClientId;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::harness::{
    Answer, App, Browser, CATALOG, IssuerServer, Machine, Matrix, ORDERS, ORDERS_ALIAS, Tokens, claims,
    comparable, http, lines_of, on_both_engines, secret_of, until,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const INACTIVE: &str = r#"{"active":false}"#;

/// An application of the orders, the client of the orders' service, which calls the catalog, and that of the catalog's,
/// which calls the orders.
const CLIENTS: &str = r#"
[[clients]]
client_id = "app"
client_secret = "SECRET-OF-app"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["https://app.test/cb"]
scope = "openid offline_access order.read catalog.read"
resources = ["urn:test:orders", "urn:latchkey:catalog"]

[[clients]]
client_id = "orders"
client_secret = "SECRET-OF-orders"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
token_exchange = [
    { subject_resource = "urn:test:orders", resource = "urn:latchkey:catalog", scope = "catalog.read catalog.write" },
]

[[clients]]
client_id = "courses"
client_secret = "SECRET-OF-courses"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
token_exchange = [
    { subject_resource = "urn:latchkey:catalog", resource = "https://orders.test/api", scope = "order.read" },
]

[[clients]]
client_id = "ruleless"
client_secret = "SECRET-OF-ruleless"
grant_types = ["urn:ietf:params:oauth:grant-type:token-exchange"]
"#;

/// An issuer with these clients, and a user of the application.
struct World {
    server: IssuerServer,
    app: App,
    browser: Browser,
    tokens: Tokens,
}

impl World {
    async fn of(server: IssuerServer, who: &str) -> Self {
        let mut text = CLIENTS.to_owned();
        for id in ["app", "orders", "courses", "ruleless"] {
            text = text.replace(&format!("SECRET-OF-{id}"), &secret_of(id));
        }
        let seed = Seed::parse(&text).unwrap();
        server.identity().seed(seed, "test").await.unwrap();
        let app = App {
            issuer: server.issuer().to_owned(),
            client_id: "app".to_owned(),
            secret: Some(secret_of("app")),
            redirect_uri: "https://app.test/cb".to_owned(),
            scope: "openid order.read".to_owned(),
        };
        let browser = Browser::new();
        let tokens = app.sign_in(&browser, server.person(who), &[]).await;
        Self {
            server,
            app,
            browser,
            tokens,
        }
    }

    fn orders(&self) -> Machine {
        self.server.machine("orders")
    }

    fn courses(&self) -> Machine {
        self.server.machine("courses")
    }

    /// A token of the catalog for the user.
    async fn child(&self) -> String {
        issued(&exchange(&self.orders(), &self.tokens.access, &[]).await)
    }

    /// A token that this issuer signs, with these changes to the user's.
    fn minted(&self, changes: Value) -> String {
        let mut all = claims(&self.tokens.access);
        let changes = changes.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(changes);
        self.server.mint(all)
    }
}

/// An exchange for reading the catalog; `more` replaces, adds, and takes away what has no value.
async fn exchange(who: &Machine, token: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", GRANT),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", CATALOG),
        ("scope", "catalog.read"),
    ];
    for (name, value) in more {
        form.retain(|(known, _)| known != name);
        if !value.is_empty() {
            form.push((name, value));
        }
    }
    who.post("/token", &form).await
}

/// The same for reading the orders, by the catalog's service.
async fn back(who: &Machine, token: &str) -> Answer {
    exchange(who, token, &[("resource", ORDERS), ("scope", "order.read")]).await
}

fn issued(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// TX-05, TX-06, TX-08.
async fn a_service_gets_a_token_for_its_caller_at_another(server: IssuerServer) {
    let world = World::of(server, "ines").await;
    let server = &world.server;
    let answer = exchange(&world.orders(), &world.tokens.access, &[]).await;
    let child = issued(&answer);
    let json = answer.json();
    let members: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "access_token",
        "expires_in",
        "issued_token_type",
        "scope",
        "token_type",
    ];
    assert_eq!(
        members,
        BTreeSet::from(expected),
        "no refresh token and no ID token"
    );
    assert_eq!(json["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(
        (&json["token_type"], &json["expires_in"]),
        (&json!("Bearer"), &json!(60))
    );
    assert_eq!(json["scope"], "catalog.read");
    assert_eq!(answer.header("cache-control"), "no-store");

    let (parent, seen) = (claims(&world.tokens.access), claims(&child));
    for copied in ["iss", "sub", "fam", "auth_time", "acr", "amr"] {
        assert!(
            seen[copied] == parent[copied] && !seen[copied].is_null(),
            "{copied}"
        );
    }
    assert_eq!(
        (&seen["aud"], &seen["client_id"]),
        (&json!(CATALOG), &json!("orders"))
    );
    assert_eq!(
        (&seen["scope"], &seen["roles"]),
        (&json!("catalog.read"), &json!(["instructor"]))
    );
    assert_eq!(seen["act"], json!({"sub": "orders"}));
    assert_eq!(seen["exp"].as_i64().unwrap(), server.now().seconds() + 60);
    assert!(
        seen["sid"].is_string() && seen["sid"] != parent["sid"],
        "each client has its own"
    );
    assert_ne!(seen["jti"], parent["jti"]);

    // The guards of the catalog may ask about it, those of the orders may not.
    let told = server.machine("rs-catalog").introspect(&child).await.json();
    assert_eq!(
        (&told["active"], &told["act"]),
        (&json!(true), &json!({"sub": "orders"}))
    );
    assert_eq!(
        (&told["sub"], &told["client_id"]),
        (&seen["sub"], &json!("orders"))
    );
    assert_eq!(
        server.machine("rs-orders").introspect(&child).await.text,
        INACTIVE
    );
    let parent = server.machine("rs-orders").introspect(&world.tokens.access).await;
    assert_eq!(parent.json()["act"], Value::Null);

    // The same again is another token, also by the other name of the target.
    let audience = [
        ("resource", ""),
        ("audience", CATALOG),
        ("requested_token_type", ACCESS_TOKEN),
    ];
    let again = issued(&exchange(&world.orders(), &world.tokens.access, &audience).await);
    assert_ne!(claims(&again)["jti"], seen["jti"]);
    let to_alias = [("resource", ORDERS_ALIAS), ("scope", "")];
    let of_alias = issued(&exchange(&world.courses(), &child, &to_alias).await);
    assert_eq!(claims(&of_alias)["aud"], ORDERS);
    world.server.stop().await;
}

/// CVE-2026-9704, TX-01.
async fn an_exchange_without_a_parameter_is_refused_and_nothing_else(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let mut matrix = Matrix::new("TX-01 parameter × what is wrong");
    let orders = world.orders();
    for (name, code) in [
        ("subject_token", "invalid_request"),
        ("subject_token_type", "invalid_request"),
        ("grant_type", "invalid_request"),
        ("resource", "invalid_target"),
    ] {
        let answer = exchange(&orders, &world.tokens.access, &[(name, "")]).await;
        matrix.cell(
            format!("{name} missing"),
            (answer.status, answer.code()),
            (400, code.to_owned()),
        );
    }
    for (name, value) in [
        ("subject_token", world.tokens.access.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
        ("audience", CATALOG),
        ("scope", "catalog.read"),
    ] {
        let form = [
            ("grant_type", GRANT),
            ("subject_token", world.tokens.access.as_str()),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", CATALOG),
            (name, value),
            (name, value),
        ];
        let answer = orders.post("/token", &form).await;
        let seen = (answer.status, answer.code());
        matrix.cell(format!("{name} twice"), seen, (400, "invalid_request".to_owned()));
    }
    for (name, value, code) in [
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
            "invalid_request",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:jwt",
            "invalid_request",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:refresh_token",
            "invalid_request",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
            "invalid_request",
        ),
        ("audience", CATALOG, "invalid_target"),
    ] {
        let answer = exchange(&orders, &world.tokens.access, &[(name, value)]).await;
        let seen = (answer.status, answer.code());
        matrix.cell(format!("{name} {value}"), seen, (400, code.to_owned()));
    }
    matrix.end();
    world.server.stop().await;
}

/// TX-02.
async fn only_a_registered_exchange_is_made(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let token = &world.tokens.access;
    let code = async |id: &str, more: &[(&str, &str)]| {
        let answer = exchange(&world.server.machine(id), token, more).await;
        (answer.status, answer.code())
    };
    let refused = |code: &str| (400, code.to_owned());
    assert_eq!(code("ruleless", &[]).await, refused("invalid_target"));
    assert_eq!(code("m-basic", &[]).await, refused("unauthorized_client"));
    for target in [
        ORDERS,
        "https://notes.example.test",
        "urn:nothing",
        world.server.issuer(),
    ] {
        assert_eq!(
            code("orders", &[("resource", target)]).await,
            refused("invalid_target"),
            "{target}"
        );
    }
    let public = http().post(format!("{}/token", world.server.url())).form(&[
        ("grant_type", GRANT),
        ("client_id", "public"),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
        ("resource", CATALOG),
    ]);
    let public = Answer::of(public).await;
    assert_eq!((public.status, public.code()), refused("unauthorized_client"));
    world.server.stop().await;
}

/// CVE-2026-9704, TX-03.
async fn a_token_that_is_no_live_one_of_the_clients_own_is_not_exchanged(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let (server, orders) = (&world.server, world.orders());
    let unknown = exchange(&orders, "no token at all", &[]).await;
    assert_eq!(
        (unknown.status, unknown.code().as_str()),
        (400, "invalid_request")
    );
    let other = world.app.refresh_with(world.tokens.refresh(), &[]).await;
    let revoked = Tokens::of(&other).access;
    world.app.revoke(&revoked).await;
    let machine = server.machine("m-basic").ask(&[("resource", ORDERS)]).await;
    let catalog = App {
        scope: "catalog.read".to_owned(),
        ..world.app.clone()
    };
    let foreign = catalog
        .sign_in(&world.browser, server.person("alice"), &[])
        .await
        .access;
    let expired = world.tokens.access.clone();
    let seconds = server.now().seconds();
    let bound = world.minted(json!({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}));
    let not_bound = world.minted(json!({}));
    issued(&exchange(&orders, &not_bound, &[]).await);

    let mut matrix = Matrix::new("TX-03 subject token");
    for (what, token) in [
        ("an ID token", world.tokens.id.clone().unwrap()),
        ("a refresh token", world.tokens.refresh().to_owned()),
        ("a token of the target", foreign),
        (
            "a token of the issuer",
            world.minted(json!({"aud": server.issuer()})),
        ),
        ("a revoked token", revoked),
        ("a machine's token", issued(&machine)),
        ("a token that is bound to a key", bound),
        (
            "a token of a client that is not there",
            world.minted(json!({"client_id": "nobody"})),
        ),
        (
            "a token of a user that is not there",
            world.minted(json!({"sub": "nobody"})),
        ),
        (
            "another kind of token",
            server.sign("JWT", claims(&world.tokens.access)),
        ),
        (
            "a token of another issuer",
            world.minted(json!({"iss": "https://id.test"})),
        ),
        (
            "an expired token",
            world.minted(json!({"iat": seconds - 300, "exp": seconds})),
        ),
        ("the client's secret", orders.secret.clone()),
    ] {
        let answer = exchange(&orders, &token, &[]).await;
        matrix.cell(what, comparable(&answer), comparable(&unknown));
    }
    server.clock.advance(300_000);
    let late = exchange(&orders, &expired, &[]).await;
    matrix.cell(
        "a token that has expired",
        comparable(&late),
        comparable(&unknown),
    );
    matrix.end();
    world.server.stop().await;
}

/// CVE-2026-56668, TX-04.
async fn nobody_gets_more_scope_than_the_rule_and_their_roles_allow(server: IssuerServer) {
    let alice = World::of(server, "alice").await;
    let mut matrix = Matrix::new("TX-04 scope");
    let orders = alice.orders();
    let ask = async |token: &str, scope: &str| {
        let answer = exchange(&orders, token, &[("scope", scope)]).await;
        let scope = answer.json()["scope"].as_str().map(str::to_owned);
        scope.unwrap_or_else(|| answer.code())
    };
    let ines = alice
        .app
        .sign_in(&Browser::new(), alice.server.person("ines"), &[])
        .await;
    for (scope, to_alice, to_ines) in [
        ("catalog.read", "catalog.read", "catalog.read"),
        ("", "catalog.read", "catalog.read catalog.write"),
        ("catalog.write", "invalid_scope", "catalog.write"),
        (
            "catalog.read catalog.write",
            "catalog.read",
            "catalog.read catalog.write",
        ),
        ("catalog.review", "invalid_scope", "invalid_scope"),
        ("catalog.admin", "invalid_scope", "invalid_scope"),
        ("catalog.read catalog.admin", "catalog.read", "catalog.read"),
        ("order.read", "invalid_scope", "invalid_scope"),
        ("openid", "invalid_scope", "invalid_scope"),
        ("*", "invalid_scope", "invalid_scope"),
    ] {
        matrix.cell(
            format!("alice: {scope}"),
            ask(&alice.tokens.access, scope).await,
            to_alice.to_owned(),
        );
        matrix.cell(
            format!("ines: {scope}"),
            ask(&ines.access, scope).await,
            to_ines.to_owned(),
        );
    }
    matrix.end();
    // A role that was taken away counts at once, whatever the subject token was issued with.
    let users = alice.server.identity().users();
    users.set_roles("ines", Vec::new(), "test").await.unwrap();
    assert_eq!(ask(&ines.access, "catalog.write").await, "invalid_scope");
    alice.server.stop().await;
}

/// CVE-2026-93999, TX-05.
async fn an_exchanged_token_is_short_and_never_renewed(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let (server, orders) = (&world.server, world.orders());
    let offline = [("scope", "catalog.read offline_access openid")];
    let answer = exchange(&orders, &world.tokens.access, &offline).await;
    let child = issued(&answer);
    assert_eq!(answer.json()["scope"], "catalog.read");
    assert!(answer.json()["refresh_token"].is_null() && answer.json()["id_token"].is_null());
    assert_eq!(world.app.userinfo(&child).await.status, 401);
    assert_eq!(
        exchange(&orders, &child, &[]).await.code(),
        "invalid_request",
        "it is not for the orders"
    );
    server.clock.advance(59_000);
    assert!(server.is_active(&child).await);
    server.clock.advance(1_000);
    assert!(!server.is_active(&child).await);
    server.clock.advance(230_000);
    let last = exchange(&orders, &world.tokens.access, &[]).await;
    assert_eq!(last.json()["expires_in"], 10);
    assert_eq!(claims(&issued(&last))["exp"], claims(&world.tokens.access)["exp"]);
    world.server.stop().await;
}

/// TX-06.
async fn four_services_may_act_one_for_another_and_no_fifth(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let (orders, courses) = (world.orders(), world.courses());
    let first = world.child().await;
    let second = issued(&back(&courses, &first).await);
    let third = issued(&exchange(&orders, &second, &[]).await);
    let fourth = issued(&back(&courses, &third).await);
    let act = |n: i32| {
        (1..n).fold(
            json!({"sub": "orders"}),
            |before, n| json!({"sub": (if n % 2 == 1 { "courses" } else { "orders" }), "act": before}),
        )
    };
    for (n, token) in (1..).zip([&first, &second, &third, &fourth]) {
        assert_eq!(claims(token)["act"], act(n), "{n}");
        assert_eq!(claims(token)["sub"], claims(&world.tokens.access)["sub"]);
        assert_eq!(
            claims(token)["exp"],
            claims(&first)["exp"],
            "none lives longer than the first"
        );
    }
    let fifth = exchange(&orders, &fourth, &[]).await;
    assert_eq!((fifth.status, fifth.code().as_str()), (400, "invalid_request"));
    world.server.stop().await;
}

/// TX-07.
async fn the_actor_is_the_client_itself_and_whom_the_token_names(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let orders = world.orders();
    let of_other = world.server.machine("m-basic").token().await;
    for actor in [&of_other, &world.tokens.access] {
        let more = [
            ("actor_token", actor.as_str()),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        let answer = exchange(&orders, &world.tokens.access, &more).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_request"));
    }
    let of_orders = world.minted(json!({"may_act": {"sub": "orders"}}));
    let child = issued(&exchange(&orders, &of_orders, &[]).await);
    assert_eq!(claims(&child)["act"], json!({"sub": "orders"}));
    let of_courses = world.minted(json!({"may_act": {"sub": "courses"}}));
    let refused = exchange(&orders, &of_courses, &[]).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "invalid_request")
    );
    world.server.stop().await;
}

/// What guards are told, by the log.
async fn told(db: &Db) -> Vec<Value> {
    let text = "SELECT envelope AS line FROM outbox WHERE type LIKE 'identity.revocation.%'";
    let envelopes = lines_of(db, text.to_owned()).await;
    let data = |envelope: &String| serde_json::from_str::<Value>(envelope).unwrap()["data"].clone();
    envelopes.iter().map(data).collect()
}

/// Whether one of these makes a guard refuse the token.
fn reaches(told: &[Value], token: &str) -> bool {
    let of = claims(token);
    let older = |event: &Value| event["before"].as_i64() >= of["iat"].as_i64();
    told.iter().any(|event| {
        let families = event["families"].as_array().into_iter().flatten();
        event["jti"] == of["jti"] && event["aud"] == json!([of["aud"]])
            || event["fam"] == of["fam"]
            || families.into_iter().any(|family| family["fam"] == of["fam"])
            || event["before"].is_i64()
                && older(event)
                && (event["sub"] == of["sub"] || event["client_id"] == of["client_id"])
    })
}

/// TX-08.
/// Ends the subject token, or what it stands on, as whoever may.
async fn end(world: &World, what: &str) {
    let identity = world.server.identity();
    let (clients, users) = (identity.clients(), identity.users());
    let id = |id: &str| ClientId::parse(id).unwrap();
    match what {
        "the token" => drop(world.app.revoke(&world.tokens.access).await),
        "the family" => drop(world.app.revoke(world.tokens.refresh()).await),
        "the session" => world.server.sign_out(&world.browser).await,
        "the user" => drop(users.set_enabled("alice", false, "test").await.unwrap()),
        "the application" => drop(clients.set_enabled(&id("app"), false, "test").await.unwrap()),
        "the application's tokens" => clients.revoke_tokens(&id("app"), "test").await.unwrap(),
        "the first service" => drop(clients.set_enabled(&id("orders"), false, "test").await.unwrap()),
        "the first service's registration" => clients.remove(&id("orders"), "test").await.unwrap(),
        other => panic!("nothing ends by {other}"),
    }
}

const ENDS: [&str; 8] = [
    "the token",
    "the family",
    "the session",
    "the user",
    "the application",
    "the application's tokens",
    "the first service",
    "the first service's registration",
];

/// TX-08.
#[tokio::test]
async fn what_ends_a_token_ends_everything_exchanged_for_it() {
    let mut matrix = Matrix::new("TX-08 what ends × token");
    for what in ENDS {
        let world = World::of(IssuerServer::new().await, "alice").await;
        all_of_it_ends(&mut matrix, "sqlite", world, what).await;
    }
    let world = World::of(IssuerServer::on_postgres().await, "alice").await;
    all_of_it_ends(&mut matrix, "postgresql", world, "the token").await;
    matrix.end();
}

async fn all_of_it_ends(matrix: &mut Matrix, engine: &str, world: World, what: &str) {
    let server = &world.server;
    let db = server.db().clone();
    let first = world.child().await;
    let second = issued(&back(&world.courses(), &first).await);
    let third = issued(&exchange(&world.orders(), &second, &[]).await);
    // Another sign-in of the user at the application has its own tokens.
    let other = world
        .app
        .sign_in(&Browser::new(), server.person("alice"), &[])
        .await;
    let beside = issued(&exchange(&world.orders(), &other.access, &[]).await);
    end(&world, what).await;
    let told = told(&db).await;
    for (name, token) in [("first", &first), ("second", &second), ("third", &third)] {
        let label = format!("{engine}: {what} × {name}");
        matrix.cell(format!("{label} is active"), server.is_active(token).await, false);
        matrix.cell(format!("{label} is told"), reaches(&told, token), true);
    }
    let of_all = !["the token", "the family", "the session"].contains(&what);
    let label = format!("{engine}: {what} × another sign-in");
    matrix.cell(
        format!("{label} is active"),
        server.is_active(&beside).await,
        !of_all,
    );
    matrix.cell(format!("{label} is told"), reaches(&told, &beside), of_all);
    let again = exchange(
        &world.courses(),
        &first,
        &[("resource", ORDERS), ("scope", "order.read")],
    )
    .await;
    matrix.cell(
        format!("{engine}: {what} × once more"),
        again.code(),
        "invalid_request".to_owned(),
    );
    world.server.stop().await;
}

/// A service may end a token of its own, and nothing that stands above it.
async fn ending_an_exchanged_token_leaves_the_one_before_it(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let server = &world.server;
    let first = world.child().await;
    let second = issued(&back(&world.courses(), &first).await);
    world.app.revoke(&first).await;
    assert!(server.is_active(&first).await, "it is not the application's");
    world.orders().revoke(&first).await;
    assert!(!server.is_active(&first).await && !server.is_active(&second).await);
    assert!(server.is_active(&world.tokens.access).await);
    let told = told(server.db()).await;
    assert!(reaches(&told, &first) && reaches(&told, &second));
    assert!(!reaches(&told, &world.tokens.access));
    // They are not counted with what the user has at these clients, and so not forgotten with it either.
    let counted =
        "SELECT subject AS line FROM revocations WHERE client_id IS NOT NULL OR user_id IS NOT NULL";
    assert_eq!(
        lines_of(server.db(), counted.to_owned()).await,
        Vec::<String>::new()
    );
    world.server.stop().await;
}

/// Whoever ends the subject token waits for an exchange that is under way, and ends what it has issued, too.
async fn an_exchange_under_way_is_found_by_whoever_ends_its_token(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let store = world.server.identity().store().clone();
    let db = store.db().clone();
    let parent = claims(&world.tokens.access);
    let text = |name: &str| parent[name].as_str().unwrap().to_owned();
    let exchange = Exchange {
        parent_jti: text("jti"),
        parent_client_id: "app".to_owned(),
        child_jti: "under-way".to_owned(),
        client_id: "orders".to_owned(),
        user_id: text("sub"),
        audience: CATALOG.to_owned(),
        exp: parent["exp"].as_i64().unwrap(),
    };
    let (locked, arrived) = oneshot::channel();
    let (open, opened) = oneshot::channel::<()>();
    let fam = text("fam");
    let under_way = db.write(move |tx| async move {
        let app = ClientId::parse("app").expect("a client id");
        store
            .lock_exchange(&tx, &exchange.user_id, &app, Some(&fam))
            .await?;
        let _waited_for = locked.send(());
        let _opened = opened.await;
        store.add_exchange(&tx, &exchange).await?;
        Ok::<_, IdentityError>(())
    });
    let (done, ()) = tokio::join!(under_way, async {
        arrived.await.expect("the exchange holds what it stands on");
        tokio::join!(world.app.revoke(&world.tokens.access), async {
            somebody_waits(&db).await;
            let _goes_on = open.send(());
        });
    });
    done.unwrap();
    let row = sql("SELECT COUNT(*) AS n FROM revocations WHERE subject = 'under-way'");
    assert_eq!(row.fetch_one(&db).await.unwrap().int("n").unwrap(), 1);
    world.server.stop().await;
}

async fn an_exchange_is_forgotten_when_nobody_accepts_its_token(server: IssuerServer) {
    let world = World::of(server, "alice").await;
    let rows = async || {
        let text = "SELECT child_jti AS line FROM exchanges";
        lines_of(world.server.db(), text.to_owned()).await.len()
    };
    world.child().await;
    assert_eq!(rows().await, 1);
    world.server.clock.advance(61_000);
    issued(&exchange(&world.orders(), &world.tokens.access, &[]).await);
    // The first has been accepted by nobody for a second.
    world.server.clock.advance(120_000);
    until("the first is forgotten", async || rows().await == 1).await;
    world.server.clock.advance(61_000);
    until("the second is forgotten", async || rows().await == 0).await;
    world.server.stop().await;
}

/// TX-02.
#[tokio::test]
async fn a_rule_for_what_is_not_declared_is_not_registered() {
    let world = World::of(IssuerServer::new().await, "alice").await;
    let identity = world.server.identity();
    let metadata = |subject: &str, resource: &str, scope: &str| {
        let rule = json!({"subject_resource": subject, "resource": resource, "scope": scope});
        serde_json::from_value(json!({
            "client_id": "new", "grant_types": [GRANT], "token_exchange": [rule],
        }))
        .unwrap()
    };
    let new = |metadata| NewClient {
        metadata,
        secret: None,
    };
    for (subject, resource, scope) in [
        ("urn:nothing", CATALOG, "catalog.read"),
        (ORDERS, "urn:nothing", "catalog.read"),
        (ORDERS, CATALOG, "catalog.read order.read"),
        (ORDERS, CATALOG, ""),
    ] {
        let added = identity
            .clients()
            .add(new(metadata(subject, resource, scope)), "test")
            .await;
        assert!(added.is_err(), "{subject} {resource} {scope}");
        let put = identity
            .clients()
            .put(new(metadata(subject, resource, scope)), "test")
            .await;
        assert!(put.is_err(), "{subject} {resource} {scope}");
    }
    let fine = new(metadata(ORDERS, CATALOG, "catalog.read"));
    let shown = identity.clients().add(fine, "test").await.unwrap();
    let shown = serde_json::to_value(&shown).unwrap();
    assert_eq!(shown["token_exchange"][0]["resource"], CATALOG);
    let id = ClientId::parse("new").unwrap();
    let wrong = json!([{"subject_resource": ORDERS, "resource": CATALOG, "scope": "catalog.raed"}]);
    let changes = json!({"token_exchange": wrong}).as_object().unwrap().clone();
    assert!(identity.clients().set(&id, changes, "test").await.is_err());
    // Somebody else could declare another resource under the name of one that is removed.
    let own = "[[resources]]\nidentifier = \"https://own.test\"\nscopes = [\"own.read\"]";
    identity.seed(Seed::parse(own).unwrap(), "test").await.unwrap();
    let to_own = new(metadata(ORDERS, "https://own.test", "own.read"));
    identity.clients().put(to_own, "test").await.unwrap();
    let removed = identity.resources().remove("https://own.test", "test").await;
    assert!(removed.unwrap_err().to_string().contains("token_exchange"));
    world.server.stop().await;
}

on_both_engines! {
    a_service_gets_a_token_for_its_caller_at_another,
    an_exchange_without_a_parameter_is_refused_and_nothing_else,
    only_a_registered_exchange_is_made,
    a_token_that_is_no_live_one_of_the_clients_own_is_not_exchanged,
    nobody_gets_more_scope_than_the_rule_and_their_roles_allow,
    an_exchanged_token_is_short_and_never_renewed,
    four_services_may_act_one_for_another_and_no_fifth,
    the_actor_is_the_client_itself_and_whom_the_token_names,
    ending_an_exchanged_token_leaves_the_one_before_it,
    an_exchange_under_way_is_found_by_whoever_ends_its_token,
    an_exchange_is_forgotten_when_nobody_accepts_its_token,
}
