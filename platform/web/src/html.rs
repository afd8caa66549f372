//! Trusted markup: the only text that a template emits unescaped.

use std::fmt;

/// Created only by [`crate::markdown()`] and [`crate::whole()`]; a string cannot be converted into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(pub(crate) String);

impl askama::filters::HtmlSafe for Html {}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
