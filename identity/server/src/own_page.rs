//! What a request of one of our own pages is about: where it leads, and what it needs.

use latchkey_protocol::authentication::Acr;
use serde::{Deserialize, Serialize};

/// The content of a request whose origin is the account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnPage {
    /// The page to go on to; the account page where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The class that it needs, as far as the user can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// Whether something must have been shown a short while ago.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
}

/// The pages that a sign-in of ours may lead to.
const NEXT: [&str; 15] = [
    "/account",
    "/account/second",
    "/account/sessions",
    "/account/applications",
    "/account/history",
    "/account/why",
    "/account/passkeys",
    "/account/totp/new",
    "/account/recovery-codes",
    "/account/password",
    "/account/email",
    "/account/export",
    "/account/delete",
    "/account/providers",
    "/account/email/notices",
];

impl OwnPage {
    /// What a stored request says; one of an earlier release says nothing.
    pub fn read(parsed: &str) -> Self {
        serde_json::from_str(parsed).unwrap_or_default()
    }

    /// The address to go on to.
    pub fn address(&self) -> &'static str {
        let known = NEXT.into_iter().find(|known| self.next.as_deref() == Some(known));
        known.unwrap_or("/account")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_of_ours_leads_to_pages_of_ours_alone() {
        for (parsed, address) in [
            ("{}", "/account"),
            (
                r#"{"next":"/account/totp/new","acr":"urn:latchkey:acr:mfa"}"#,
                "/account/totp/new",
            ),
            (r#"{"next":"https://evil.test"}"#, "/account"),
            (r#"{"next":"//evil.test"}"#, "/account"),
            ("", "/account"),
        ] {
            assert_eq!(OwnPage::read(parsed).address(), address, "{parsed}");
        }
    }
}
