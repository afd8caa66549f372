//! What a sign-in asks for, which an upgrade may make more.

/// What a sign-in asks the issuer for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The resources, with spaces between them.
    pub resources: String,
    /// The scope.
    pub scope: String,
}

impl Asked {
    /// True if everything of the other was asked for here, too.
    pub fn covers(&self, other: &Self) -> bool {
        let all = |here: &str, there: &str| {
            let mut there = there.split_whitespace();
            there.all(|name| here.split_whitespace().any(|known| known == name))
        };
        all(&self.resources, &other.resources) && all(&self.scope, &other.scope)
    }
}
