//! The API document: paths and bodies come from the handlers, policies and errors from the tables that enforce them.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use serde::Serialize;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};

use crate::{Code, Policy, RouteFacts, ServiceSpec, codes, whoami};

impl ServiceSpec {
    /// The API document: the handlers' documentation, completed with what the table enforces, and the routes of every
    /// service.
    pub fn document(&self) -> OpenApi {
        let mut document = Shared::openapi();
        document.info.title = format!("Latchkey {}", self.name());
        document.info.description = Some(self.description.to_owned());
        document.info.version = VERSION.to_owned();
        if let Some(item) = document.paths.paths.remove("/whoami") {
            document.paths.paths.insert(whoami::path(self.name()), item);
        }
        for row in self.routes {
            document.merge((row.document)());
        }
        let bearer = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        if let Some(components) = &mut document.components {
            components.add_security_scheme("token", SecurityScheme::Http(bearer));
        }
        for route in self.facts() {
            if let Some(operation) = document
                .paths
                .paths
                .get_mut(&route.path)
                .and_then(|item| operation(item, &route.method))
            {
                name(operation);
                say_policy(operation, &route);
                say_refusals(operation, &route, self.codes);
            }
        }
        document
    }
}

/// The version of every service's API, which its paths name, too.
const VERSION: &str = "1";

/// The document as a response.
pub(crate) fn answer(text: Bytes) -> Response {
    let mut response = Body::from(text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}

/// This document.
#[expect(dead_code, reason = "its documentation is what is used")]
#[utoipa::path(get, path = "/openapi.json", tag = "document", responses((status = 200, description = "This document")))]
fn serve() {}

/// Handlers of different resources share their names; client generators need unique operation ids.
fn name(operation: &mut Operation) {
    let tag = operation
        .tags
        .iter()
        .flatten()
        .next()
        .cloned()
        .unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|id| format!("{tag}_{id}"));
}

/// Who may call, in words and as a security scheme.
fn say_policy(operation: &mut Operation, route: &RouteFacts) {
    let words = match route.policy {
        Policy::Public => return,
        Policy::Signed => {
            let words = "Requires a signature of the body by the system that it comes from.";
            describe(operation, words);
            return;
        }
        Policy::Token => "Requires any valid token of this audience.".to_owned(),
        Policy::Machine { scope } => format!(
            "Requires the token of a client that acts on its own behalf, with scope `{}`.",
            scope.name
        ),
        Policy::Person { scope, owner } => format!(
            "Requires a user's token with scope `{}`{}{}.",
            scope.name,
            match scope.roles {
                [] => String::new(),
                roles => format!(" and role `{}`", roles.join("` or `")),
            },
            match owner {
                true =>
                    "; limited to the user's own resources, unless an administrator's token has the administrative scope",
                false => "",
            },
        ),
    };
    describe(operation, &words);
    operation.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
}

fn describe(operation: &mut Operation, words: &str) {
    operation.description = Some(match operation.description.take() {
        Some(said) => format!("{said}\n\n{words}"),
        None => words.to_owned(),
    });
}

/// Every error status that a caller must expect, with its codes.
fn say_refusals(operation: &mut Operation, route: &RouteFacts, own: &[Code]) {
    let writes = route.method != Method::GET;
    let has_body = operation.request_body.is_some();
    let expected = [
        (400, true),
        (401, true),
        (
            403,
            matches!(route.policy, Policy::Person { .. } | Policy::Machine { .. }),
        ),
        (404, route.has_id()),
        (409, writes),
        (412, writes && route.has_id()),
        (413, has_body),
        (415, has_body),
        (422, writes),
        (428, writes && route.has_id()),
        (500, true),
        (503, true),
    ];
    for (status, _) in expected.into_iter().filter(|(_, expected)| *expected) {
        let codes: Vec<String> = names(status, own).map(|code| format!("`{code}`")).collect();
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("ProblemDocument")))
            .build();
        let response = ResponseBuilder::new()
            .description(format!("Codes: {}", codes.join(", ")))
            .content("application/problem+json", content)
            .build();
        operation
            .responses
            .responses
            .insert(status.to_string(), response.into());
    }
}

fn names(status: u16, own: &[Code]) -> impl Iterator<Item = &'static str> {
    let shared = codes::ALL
        .iter()
        .chain(own)
        .map(|code| (code.status.as_u16(), code.name));
    GUARD
        .iter()
        .copied()
        .chain(shared)
        .filter(move |(of, _)| *of == status)
        .map(|(_, name)| name)
}

fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match method.as_str() {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

/// The codes with which the guard responds before a handler; it depends on nothing of ours, so they are repeated here.
const GUARD: &[(u16, &str)] = &[
    (401, "unauthenticated"),
    (401, "invalid_token"),
    (403, "insufficient_scope"),
    (503, "temporarily_unavailable"),
];

#[derive(utoipa::OpenApi)]
#[openapi(paths(serve, whoami::whoami), components(schemas(ProblemDocument)))]
struct Shared;

/// RFC 9457: the format of every error, as latchkey-http and the guard write it.
#[derive(Serialize, ToSchema)]
struct ProblemDocument {
    r#type: String,
    title: String,
    status: u16,
    detail: Option<String>,
    /// Stable; programs act on it.
    code: String,
    /// To quote when asking for help.
    trace_id: Option<String>,
    errors: Option<Vec<FieldError>>,
}

/// An invalid field, and what is wrong with it. It never repeats input.
#[derive(Serialize, ToSchema)]
struct FieldError {
    /// The field's name, dotted for nested ones.
    field: String,
    /// What is wrong with it.
    message: String,
}
