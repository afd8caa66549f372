//! What the guard saw: the first thing a new user of the API calls.

use axum::Json;
use latchkey_guard::Access;
use serde::Serialize;
use utoipa::ToSchema;

/// The claims of the token.
#[derive(Serialize, ToSchema)]
pub struct Whoami {
    pub sub: String,
    pub client_id: String,
    pub aud: Audience,
    pub scope: String,
    /// Unix seconds.
    pub exp: i64,
    /// The service that acts for the user, where one does (RFC 8693 §4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub act: Option<serde_json::Value>,
}

/// One audience as a string, several as an array (RFC 7519 §4.1.3).
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The path of this route at a service.
pub fn path(service: &str) -> String {
    format!("/{service}/v1/whoami")
}

/// Returns whom the token speaks for. Accepts any valid token of this audience.
#[utoipa::path(get, path = "/whoami", tag = "you", responses((status = 200, body = Whoami)))]
pub async fn whoami(access: Access) -> Json<Whoami> {
    let claims = access.claims();
    let aud = match claims.aud.as_slice() {
        [one] => Audience::One(one.clone()),
        several => Audience::Several(several.to_vec()),
    };
    Json(Whoami {
        sub: claims.sub.clone(),
        client_id: claims.client_id.clone(),
        aud,
        scope: claims.scope.to_string(),
        exp: claims.exp,
        act: claims.act.clone(),
    })
}
