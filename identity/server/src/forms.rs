//! The tokens of our own forms: a MAC that binds a form to its browser and its purpose.

use latchkey_protocol::error::PageError;

use crate::signer::Signer;
use crate::visitor::Visitor;

/// The token of a form for this request in this browser.
pub(crate) fn form_token(
    signer: &Signer,
    visitor: &Visitor,
    purpose: &str,
    parts: &[&str],
) -> Result<String, PageError> {
    let browser = visitor.browser().unwrap_or_default();
    let mut all = vec![browser];
    all.extend(parts);
    signer.seal(purpose, &all).ok_or(PageError::Unavailable)
}

/// Whether a form's token matches [`form_token`].
pub(crate) fn check_form(
    signer: &Signer,
    visitor: &Visitor,
    purpose: &str,
    parts: &[&str],
    presented: Option<&str>,
) -> Result<(), PageError> {
    let Some(browser) = visitor.browser() else {
        return Err(PageError::ForeignForm);
    };
    let mut all = vec![browser];
    all.extend(parts);
    genuine(signer, purpose, &all, presented)
}

/// The token of a form of a signed-in user: bound to the session cookie.
pub(crate) fn session_token(signer: &Signer, visitor: &Visitor, purpose: &str) -> Result<String, PageError> {
    let secret = visitor.session_secret().ok_or(PageError::ForeignForm)?;
    signer.seal(purpose, &[secret]).ok_or(PageError::Unavailable)
}

/// Whether a form's token matches [`session_token`].
pub(crate) fn check_session_form(
    signer: &Signer,
    visitor: &Visitor,
    purpose: &str,
    presented: Option<&str>,
) -> Result<(), PageError> {
    let secret = visitor.session_secret().ok_or(PageError::ForeignForm)?;
    genuine(signer, purpose, &[secret], presented)
}

fn genuine(signer: &Signer, purpose: &str, parts: &[&str], presented: Option<&str>) -> Result<(), PageError> {
    if signer.is_sealed(purpose, parts, presented.unwrap_or_default()) {
        Ok(())
    } else {
        Err(PageError::ForeignForm)
    }
}
