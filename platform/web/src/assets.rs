//! Static files, embedded in the binary and named by their content: the file behind a name never changes.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// A file whose address contains a digest of its bytes.
#[derive(Debug)]
pub struct Asset {
    name: String,
    path: String,
    media: &'static str,
    bytes: &'static [u8],
}

/// The style sheet of all pages.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/latchkey.css");
    Asset::new("latchkey", "css", "text/css; charset=utf-8", bytes)
});
/// What only the pages of the shop need besides.
pub static SHOP_STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/shop.css");
    Asset::new("shop", "css", "text/css; charset=utf-8", bytes)
});
/// The script of every page: it changes the theme without a page load.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/theme.js");
    Asset::new("theme", "js", "text/javascript; charset=utf-8", bytes)
});
/// Submits the form of a page that consists of nothing but a form.
pub static SUBMIT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/submit.js");
    Asset::new("submit", "js", "text/javascript; charset=utf-8", bytes)
});
/// Keeps the page of an order that goes on true while it does.
pub static FOLLOW: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/follow.js");
    Asset::new("follow", "js", "text/javascript; charset=utf-8", bytes)
});
/// Makes passkeys and signs in with them.
pub static PASSKEYS: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/passkeys.js");
    Asset::new("passkeys", "js", "text/javascript; charset=utf-8", bytes)
});
/// Shows the work that a page asks of its browser.
pub static WORK: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/work.js");
    Asset::new("work", "js", "text/javascript; charset=utf-8", bytes)
});
/// The icon of the browser tab.
pub static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../templates/static/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", bytes)
});

impl Asset {
    fn new(stem: &str, extension: &str, media: &'static str, bytes: &'static [u8]) -> Self {
        let short = hex::encode(&Sha256::digest(bytes)[..8]);
        let name = format!("{stem}.{short}.{extension}");
        Self {
            path: format!("/static/{name}"),
            name,
            media,
            bytes,
        }
    }

    /// Its address.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its content.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }
}

/// Every file.
static ALL: [&LazyLock<Asset>; 8] = [
    &STYLE,
    &SHOP_STYLE,
    &SCRIPT,
    &SUBMIT,
    &FOLLOW,
    &PASSKEYS,
    &WORK,
    &ICON,
];

/// The route that serves all of them.
pub fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/static/{file}", get(serve))
}

/// An address of an earlier build is 404: it must never be served with other bytes.
async fn serve(Path(file): Path<String>) -> Response {
    let Some(asset) = ALL
        .into_iter()
        .map(LazyLock::force)
        .find(|asset| asset.name == file)
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    response
}
