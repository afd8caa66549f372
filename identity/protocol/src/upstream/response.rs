//! What comes back from a provider through the browser.

/// The parameters of a response, whether in its address or posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The authorization code.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// What Apple says of its user, once and unsigned.
    pub user: Option<String>,
}

/// The longest parameter that is kept or sent on, in bytes.
pub const LONGEST: usize = 4 * 1_024;

impl Response {
    /// Whether every parameter is as short as an honest one.
    pub fn is_short(&self) -> bool {
        let all = [&self.code, &self.error, &self.iss, &self.user];
        all.into_iter().flatten().all(|text| text.len() <= LONGEST)
    }
}

/// An error of a provider, as far as it is one that exists (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6): a log never
/// repeats what came through a browser.
pub fn known_error(error: &str) -> &'static str {
    const KNOWN: [&str; 14] = [
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "unmet_authentication_requirements",
        "user_cancelled_authorize",
        "redirect_uri_mismatch",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == error)
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_a_known_word_or_unknown() {
        for (error, word) in [
            ("access_denied", "access_denied"),
            ("login_required", "login_required"),
            ("ACCESS_DENIED", "unknown"),
            ("a\nb", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(known_error(error), word, "{error:?}");
        }
    }

    #[test]
    fn a_response_with_an_overlong_parameter_is_recognised() {
        let response = |code: usize| Response {
            code: Some("x".repeat(code)),
            ..Response::default()
        };
        assert!(Response::default().is_short() && response(LONGEST).is_short());
        assert!(!response(LONGEST + 1).is_short());
    }
}
