//! `GET /brand/{file}`: the operator's logo and colour, by the digest of their content.

use axum::extract::{FromRef, Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::Identity;
use crate::brand::Brand;

/// The dependencies of the files.
#[derive(Clone)]
pub(crate) struct BrandFiles(Brand);

impl FromRef<Identity> for BrandFiles {
    fn from_ref(identity: &Identity) -> Self {
        Self(identity.values.site.brand.clone())
    }
}

/// An address of an earlier content is 404: it must never be served with other bytes.
pub(crate) async fn get(State(BrandFiles(brand)): State<BrandFiles>, Path(name): Path<String>) -> Response {
    let Some(file) = brand.files.iter().find(|file| file.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = file.bytes.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, kept);
    response
}
