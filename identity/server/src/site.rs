//! The site that browsers see: its origins, its cookies, its languages.

use http::HeaderValue;
use latchkey_web::{Messages, Origins, Words};

/// What every page of the issuer needs.
#[derive(Debug)]
pub(crate) struct Site {
    issuer: String,
    pub origins: Origins,
    pub messages: Messages,
}

impl Site {
    pub fn new(issuer: String, origins: Origins, messages: Messages) -> Self {
        Self {
            issuer,
            origins,
            messages,
        }
    }

    /// The host of the address bar, for people to learn.
    pub fn host(&self) -> &str {
        let issuer = self.issuer();
        issuer.split_once("://").map_or(issuer, |(_, host)| host)
    }

    /// The configured issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The words of a language that is preferred, as `Accept-Language` says it.
    pub fn words(&self, accept: Option<&str>) -> Words {
        self.messages.words(accept)
    }

    /// A cookie that ends with the browser, or one that is gone.
    pub fn set_cookie(&self, name: &str, value: &str, max_age_s: Option<u32>) -> HeaderValue {
        self.origins.set_cookie(name, value, max_age_s)
    }
}
