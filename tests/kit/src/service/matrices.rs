//! Access matrices that are generated from a service's table of routes, so that a new route is included at once. `ask`
//! creates a valid request for a route that lacks nothing except, perhaps, permission.

use http::Method;
use latchkey_contracts::resource::ScopeContract;
use latchkey_kit::{Policy, RouteFacts, ServiceSpec, codes};
use serde_json::json;

use super::{Ask, NOW_MS, World, forged, machine, person, token};
use crate::Matrix;
use crate::mint::with;

/// Every route is in the table once, and nothing that writes is public or without a signature.
pub fn every_route_has_a_policy(spec: &ServiceSpec) {
    let mut seen = std::collections::BTreeSet::new();
    for route in spec.facts() {
        let what = format!("{} {}", route.method, route.path);
        assert!(seen.insert(what.clone()), "{what} is there twice");
        match route.policy {
            Policy::Public | Policy::Token => assert_eq!(route.method, Method::GET, "{what}"),
            Policy::Signed => assert_eq!(route.method, Method::POST, "{what}"),
            Policy::Person { scope, .. } | Policy::Machine { scope } => {
                let declared = spec.resource.scopes.contains(&scope);
                assert!(declared, "{what} asks for a scope of another service");
            }
        }
    }
    println!("{} routes", seen.len());
}

/// Every route × every caller who lacks the scope, its role, or a user behind the token. Nothing may change: the caller
/// of this function compares the rows before and after.
pub async fn refuses_whoever_is_not_meant(world: &World, ask: impl Fn(&RouteFacts) -> Ask) {
    let spec = world.spec;
    let mut matrix = Matrix::new("route × caller × role");
    let every_role: Vec<&str> = spec
        .resource
        .scopes
        .iter()
        .flat_map(|scope| scope.roles)
        .copied()
        .collect();
    let names = |keep: &dyn Fn(&ScopeContract) -> bool| {
        let kept = spec.resource.scopes.iter().filter(|scope| keep(scope));
        kept.map(|scope| scope.name).collect::<Vec<_>>().join(" ")
    };
    for route in spec.facts() {
        let (scope, for_machines) = match route.policy {
            Policy::Person { scope, .. } => (scope, false),
            Policy::Machine { scope } => (scope, true),
            Policy::Public | Policy::Token | Policy::Signed => continue,
        };
        let holder = |scope: &str, roles: &[&str]| token(&person(spec, "ada", scope, roles));
        let mut callers = vec![
            (String::new(), (401, "unauthenticated")),
            (holder("", &every_role), (403, "insufficient_scope")),
            (
                holder(&names(&|other| other.name != scope.name), &every_role),
                (403, "insufficient_scope"),
            ),
            (
                holder(&format!("{}s", scope.name), &every_role),
                (403, "insufficient_scope"),
            ),
        ];
        callers.push(match for_machines {
            true => (
                token(&person(spec, "ada", &names(&|_| true), &every_role)),
                (403, "machine_required"),
            ),
            false => (
                token(&machine(spec, &names(&|_| true), &every_role)),
                (403, "person_required"),
            ),
        });
        if !scope.roles.is_empty() {
            let others: Vec<&str> = every_role
                .iter()
                .copied()
                .filter(|role| !scope.roles.contains(role))
                .chain(["student", "Instructor", "ADMIN", "administrator"])
                .collect();
            callers.push((holder(scope.name, &[]), (403, "role_required")));
            callers.push((holder(scope.name, &others), (403, "role_required")));
        }
        for (caller, verdict) in callers {
            let answer = ask(&route).by(&caller).send().await;
            let label = format_args!("{} {}: {verdict:?}", route.method, route.path);
            matrix.cell(label, answer.verdict(), verdict);
        }
    }
    matrix.end();
}

/// Every route × every state of a token that makes it invalid.
pub async fn refuses_worthless_tokens(world: &World, ask: impl Fn(&RouteFacts) -> Ask) {
    let spec = world.spec;
    let scopes: Vec<&str> = spec.resource.scopes.iter().map(|scope| scope.name).collect();
    let roles: Vec<&str> = spec
        .resource
        .scopes
        .iter()
        .flat_map(|scope| scope.roles)
        .copied()
        .collect();
    let good = person(spec, "ada", &scopes.join(" "), &roles);
    let now = NOW_MS / 1000;
    let changed = |changes| token(&with(good.clone(), &changes));
    let states = [
        ("garbage".to_owned(), "garbage"),
        (forged(&good), "signature"),
        (changed(json!({"exp": now - 100, "iat": now - 400})), "expired"),
        (changed(json!({"aud": "urn:latchkey:elsewhere"})), "audience"),
        (changed(json!({"iss": "https://elsewhere.test"})), "issuer"),
        (changed(json!({"exp": now + 86_400})), "too long a life"),
    ];
    let mut matrix = Matrix::new("route × state of a token");
    let takes_tokens = |route: &RouteFacts| route.policy != Policy::Signed;
    for route in spec.facts().into_iter().filter(takes_tokens) {
        for (token, state) in &states {
            let answer = ask(&route).by(token).send().await;
            let challenge = answer.header("www-authenticate");
            matrix.cell(
                format_args!("{} {}: {state}", route.method, route.path),
                (answer.verdict(), challenge.contains("error=\"invalid_token\"")),
                ((401, "invalid_token"), true),
            );
        }
        if route.policy != Policy::Public {
            let answer = ask(&route).send().await;
            // RFC 6750 §3.1: a bare challenge.
            matrix.cell(
                format_args!("{} {}: no token", route.method, route.path),
                (
                    answer.verdict(),
                    answer.header("www-authenticate").contains("error"),
                ),
                ((401, "unauthenticated"), false),
            );
        }
        if let Policy::Person { scope, .. } | Policy::Machine { scope } = route.policy {
            let answer = ask(&route)
                .by(&token(&person(spec, "ada", "", &roles)))
                .send()
                .await;
            let named = format!("scope=\"{}\"", scope.name);
            let challenge = answer.header("www-authenticate");
            matrix.hold(
                format_args!("{} {}: the scope is named", route.method, route.path),
                challenge.contains(&named),
                challenge,
            );
        }
    }
    matrix.end();
}

/// Every path × every method that the table does not declare: 405 with the allowed ones, only HEAD is like GET.
pub async fn answers_declared_methods_alone(world: &World, token: &str) {
    let routes = world.spec.facts();
    let mut matrix = Matrix::new("path × method");
    let paths: std::collections::BTreeSet<&str> = routes.iter().map(|route| route.path.as_str()).collect();
    for path in paths {
        let declared: Vec<&Method> = routes
            .iter()
            .filter(|route| route.path == path)
            .map(|route| &route.method)
            .collect();
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "QUERY",
        ] {
            let method: Method = method.parse().unwrap();
            if declared.contains(&&method) {
                continue;
            }
            let ask = world.ask(method.clone(), path.replace("{id}", "some-id"));
            let answer = ask.by(token).send().await;
            let told = declared
                .iter()
                .all(|allowed| answer.header("allow").contains(allowed.as_str()));
            matrix.cell(
                format_args!("{method} {path}"),
                (answer.verdict(), told),
                ((405, "method_not_allowed"), true),
            );
        }
    }
    for path in ["/", "/nothing", &format!("/{}/v1/nothing", world.spec.name())] {
        let answer = world.get(path).by(token).send().await;
        matrix.cell(path, answer.verdict(), (404, "not_found"));
    }
    matrix.end();
}

/// The API document has every route of the table and nothing else, each with its errors and a unique operation id; its
/// references resolve, and no code has two descriptions.
pub fn the_document_is_whole(spec: &ServiceSpec) {
    let document = serde_json::to_value(spec.document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let routes = spec.facts();
    let mut names = std::collections::BTreeSet::new();
    for route in &routes {
        let operation = &paths[&route.path][route.method.as_str().to_ascii_lowercase()];
        let what = format!("{} {}", route.method, route.path);
        assert!(operation.is_object(), "{what} is not documented");
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("401"), "{what}");
        assert_eq!(responses.contains_key("404"), route.has_id(), "{what}");
        let guarded = matches!(route.policy, Policy::Person { .. } | Policy::Machine { .. });
        assert_eq!(responses.contains_key("403"), guarded, "{what}");
    }
    let documented: usize = paths
        .values()
        .map(|item| {
            let methods = ["get", "post", "put", "patch", "delete"];
            methods
                .iter()
                .filter(|method| item.get(*method).is_some())
                .count()
        })
        .sum();
    assert_eq!(documented, routes.len());

    let mut stack = vec![&document];
    let mut seen = 0;
    while let Some(value) = stack.pop() {
        if let Some(to) = value.get("$ref").and_then(|to| to.as_str()) {
            assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
            seen += 1;
        }
        match value {
            serde_json::Value::Object(members) => stack.extend(members.values()),
            serde_json::Value::Array(items) => stack.extend(items),
            _ => {}
        }
    }
    assert!(seen > 0);

    let mut codes: Vec<&str> = codes::ALL
        .iter()
        .chain(spec.codes)
        .map(|code| code.name)
        .collect();
    codes.sort_unstable();
    let all = codes.len();
    codes.dedup();
    assert_eq!(codes.len(), all, "a code is said in two ways");
}
