//! Texts of claims, within the limits of what is ever kept.

use serde_json::Value;

/// The longest value of a claim, in bytes (OpenID Connect Core §2 for `sub`).
const LONGEST: usize = 255;

/// A text of a claim: neither empty nor long, and without control characters.
pub fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    let fine = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    fine.then(|| text.to_owned())
}

/// [`text`] where every byte counts, because it is compared.
pub fn exact(value: Option<&Value>) -> Option<String> {
    let read = text(value)?;
    (value?.as_str() == Some(read.as_str())).then_some(read)
}
