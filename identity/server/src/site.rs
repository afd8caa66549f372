//! The site that browsers see: its origins, cookies and languages.

use http::HeaderValue;
use latchkey_web::{Messages, Origins};

use crate::brand::Brand;

/// The dependencies of every page of the issuer.
#[derive(Debug)]
pub(crate) struct Site {
    issuer: String,
    pub origins: Origins,
    pub messages: Messages,
    pub brand: Brand,
}

impl Site {
    pub fn new(issuer: String, origins: Origins, messages: Messages, brand: Brand) -> Self {
        Self {
            issuer,
            origins,
            messages,
            brand,
        }
    }

    /// The host of the address bar, for users to recognize.
    pub fn host(&self) -> &str {
        let origin = self.origins.first();
        origin.split_once("://").map_or(origin, |(_, host)| host)
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A cookie that lasts until the browser closes, or the removal of one.
    pub fn set_cookie(&self, name: &str, value: &str, max_age_s: Option<u32>) -> HeaderValue {
        self.origins.set_cookie(name, value, max_age_s)
    }
}
