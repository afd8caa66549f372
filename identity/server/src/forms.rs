//! The tokens of our own forms: a MAC that binds a form to its browser and its purpose.

use latchkey_protocol::error::PageError;

use crate::browser::Browser;
use crate::signer::Signer;

/// The token of a form for this request in this browser.
pub(crate) fn form_token(
    signer: &Signer,
    browser: &Browser,
    purpose: &str,
    parts: &[&str],
) -> Result<String, PageError> {
    let browser_secret = browser.secret().unwrap_or_default();
    let mut all = vec![browser_secret];
    all.extend(parts);
    signer.mac(purpose, &all).ok_or(PageError::Unavailable)
}

/// Whether a form's token matches [`form_token`].
pub(crate) fn check_form(
    signer: &Signer,
    browser: &Browser,
    purpose: &str,
    parts: &[&str],
    presented: Option<&str>,
) -> Result<(), PageError> {
    let Some(browser_secret) = browser.secret() else {
        return Err(PageError::ForeignForm);
    };
    let mut all = vec![browser_secret];
    all.extend(parts);
    genuine(signer, purpose, &all, presented)
}

/// The token of a form of a signed-in user: bound to the session cookie.
pub(crate) fn session_token(signer: &Signer, browser: &Browser, purpose: &str) -> Result<String, PageError> {
    let secret = browser.session_secret().ok_or(PageError::ForeignForm)?;
    signer.mac(purpose, &[secret]).ok_or(PageError::Unavailable)
}

/// Whether a form's token matches [`session_token`].
pub(crate) fn check_session_form(
    signer: &Signer,
    browser: &Browser,
    purpose: &str,
    presented: Option<&str>,
) -> Result<(), PageError> {
    let secret = browser.session_secret().ok_or(PageError::ForeignForm)?;
    genuine(signer, purpose, &[secret], presented)
}

fn genuine(signer: &Signer, purpose: &str, parts: &[&str], presented: Option<&str>) -> Result<(), PageError> {
    if signer.verify_mac(purpose, parts, presented.unwrap_or_default()) {
        Ok(())
    } else {
        Err(PageError::ForeignForm)
    }
}
