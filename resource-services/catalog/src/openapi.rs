//! The API document: paths and bodies from the handlers, policies and refusals from the tables that enforce them.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use serde::Serialize;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};

use crate::policy::{Policy, RouteRow};
use crate::{CODES, routes};

/// The document of the routes as they stand in the table.
pub fn document() -> OpenApi {
    let mut document = Handlers::openapi();
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    if let Some(components) = &mut document.components {
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
    for row in crate::routes() {
        if let Some(operation) = document
            .paths
            .paths
            .get_mut(row.path)
            .and_then(|item| operation(item, &row.method))
        {
            name(operation);
            say_policy(operation, row);
            say_refusals(operation, row);
        }
    }
    document
}

/// Serves the document, built once.
#[utoipa::path(get, path = "/openapi.json", tag = "document", responses((status = 200, description = "This document")))]
pub async fn serve() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    let mut response = TEXT.as_str().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}

/// Handlers of different things share their names; client generators need each operation to have its own.
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

/// Who may call, in words and as the scheme that tools understand.
fn say_policy(operation: &mut Operation, row: &RouteRow) {
    let words = match row.policy {
        Policy::Public => return,
        Policy::Token => "Needs any valid token of this audience.".to_owned(),
        Policy::Person { scope, role, owner } => format!(
            "Needs a person's token with scope `{}` and role `{}`{}.",
            scope.name(),
            role.name(),
            if owner {
                "; only over what is theirs, unless they are an administrator"
            } else {
                ""
            },
        ),
    };
    operation.description = Some(match operation.description.take() {
        Some(said) => format!("{said}\n\n{words}"),
        None => words,
    });
    operation.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
}

/// Every status that a caller must expect, with the codes under it.
fn say_refusals(operation: &mut Operation, row: &RouteRow) {
    let writes = row.method != Method::GET;
    let has_body = operation.request_body.is_some();
    let expected = [
        (400, true),
        (401, true),
        (403, matches!(row.policy, Policy::Person { .. })),
        (404, row.has_id()),
        (409, writes),
        (412, writes && row.has_id()),
        (413, has_body),
        (415, has_body),
        (422, writes),
        (428, writes && row.has_id()),
        (500, true),
        (503, true),
    ];
    for (status, _) in expected.into_iter().filter(|(_, expected)| *expected) {
        let codes: Vec<String> = codes(status).map(|code| format!("`{code}`")).collect();
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

fn codes(status: u16) -> impl Iterator<Item = &'static str> {
    let own = CODES.iter().map(|(status, code, _)| (status.as_u16(), *code));
    own.chain(COMMON.iter().copied())
        .filter(move |(of, _)| *of == status)
        .map(|(_, code)| code)
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

/// Codes that the guard and the platform answer before or around a handler.
const COMMON: &[(u16, &str)] = &[
    (400, "invalid_request"),
    (400, "invalid_limit"),
    (400, "invalid_cursor"),
    (400, "idempotency_key_required"),
    (401, "unauthenticated"),
    (401, "invalid_token"),
    (403, "insufficient_scope"),
    (403, "person_required"),
    (403, "role_required"),
    (413, "body_too_large"),
    (415, "media_type"),
    (422, "invalid_body"),
    (428, "precondition_required"),
    (500, "internal"),
    (503, "unavailable"),
    (503, "temporarily_unavailable"),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Latchkey catalog",
        description = "Categories and courses of the marketplace.",
        version = "1"
    ),
    paths(
        serve,
        routes::categories::list,
        routes::categories::create,
        routes::categories::replace,
        routes::categories::delete,
        routes::courses::list,
        routes::courses::read,
        routes::courses::mine,
        routes::authoring::create,
        routes::authoring::replace,
        routes::authoring::patch,
        routes::authoring::publish,
        routes::authoring::unlist,
        routes::authoring::archive,
        routes::whoami::whoami,
    ),
    components(schemas(ProblemDocument))
)]
struct Handlers;

/// RFC 9457: what every refusal looks like, as latchkey-http and the guard write it.
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
    errors: Option<Vec<crate::domain::Fault>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_table_is_in_the_document_and_nothing_else() {
        let mut document = document();
        let mut rows = 0;
        for row in crate::routes() {
            let item = document.paths.paths.get_mut(row.path);
            let found = item.and_then(|item| operation(item, &row.method)).is_some();
            assert!(found, "{} {} is not documented", row.method, row.path);
            rows += 1;
        }
        let documented: usize = document
            .paths
            .paths
            .values_mut()
            .map(|item| {
                [
                    Method::GET,
                    Method::POST,
                    Method::PUT,
                    Method::PATCH,
                    Method::DELETE,
                ]
                .iter()
                .filter(|method| operation(item, method).is_some())
                .count()
            })
            .sum();
        assert_eq!(documented, rows);
    }

    #[test]
    fn every_operation_names_its_refusals_and_has_a_name_of_its_own() {
        let mut document = document();
        let mut names = std::collections::BTreeSet::new();
        for row in crate::routes() {
            let item = document.paths.paths.get_mut(row.path).unwrap();
            let operation = operation(item, &row.method).unwrap();
            assert!(
                names.insert(operation.operation_id.clone()),
                "{:?}",
                operation.operation_id
            );
            let responses = &operation.responses.responses;
            assert!(responses.contains_key("401"), "{}", row.path);
            assert_eq!(responses.contains_key("404"), row.has_id(), "{}", row.path);
            assert_eq!(
                responses.contains_key("403"),
                matches!(row.policy, Policy::Person { .. }),
                "{}",
                row.path
            );
        }
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
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
    }
}
