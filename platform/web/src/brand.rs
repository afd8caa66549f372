//! How an operator shows themselves on pages: a name, a logo, a colour and where help is.

/// What a page shows of it; empty where nothing was configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brand {
    /// The name of the site.
    pub name: Option<String>,
    /// The address of the logo.
    pub logo: Option<String>,
    /// The address of the style sheet with its colour.
    pub style: Option<String>,
    /// Where help is.
    pub support: Option<String>,
}
