//! What the edge is to browsers: its messages, and the origins whose forms it accepts.

use http::HeaderMap;
use latchkey_web::{COMMON, MessageError, MessageFile, Messages, Origins, PageContext, Words};

/// The site that browsers see.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub messages: Messages,
    pub origins: Origins,
}

impl Site {
    /// The messages in the language of this browser.
    pub(crate) fn words(&self, headers: &HeaderMap) -> Words {
        PageContext::of(headers, &self.messages, &self.origins, String::new()).words
    }
}

/// Everything that the edge says, in every language.
pub(crate) fn messages() -> Result<Messages, MessageError> {
    Messages::read(&[COMMON, MESSAGES].concat())
}

/// The messages of the edge's own, English first.
pub const MESSAGES: [MessageFile; 3] = [
    ("gateway/messages/en.ftl", include_str!("../messages/en.ftl")),
    ("gateway/messages/tr.ftl", include_str!("../messages/tr.ftl")),
    ("gateway/messages/fr.ftl", include_str!("../messages/fr.ftl")),
];
