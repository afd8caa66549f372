//! How an operator shows themselves on the issuer's pages and in its mails.

use std::path::Path;

use latchkey_identity::{Brand, BrandParts};

use super::ConfigError;

/// The brand of these settings, with the logo in this file.
pub(super) fn read(parts: BrandParts, logo: Option<&Path>) -> Result<Brand, ConfigError> {
    let logo = logo.map(|path| {
        std::fs::read(path).map_err(|error| ConfigError(format!("brand.logo: {}: {error}", path.display())))
    });
    let logo = logo.transpose()?;
    Brand::new(BrandParts { logo, ..parts }).map_err(ConfigError)
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;

    #[test]
    fn a_brand_that_cannot_be_shown_stops_the_start_and_says_why() {
        assert!(serve(&[]).is_ok());
        let accent = ("LATCHKEY_BRAND_ACCENT", "#1A4FD0");
        assert!(serve(&[accent, ("LATCHKEY_BRAND_NAME", "Harbour School")]).is_ok());
        for (key, bad, told) in [
            (
                "LATCHKEY_BRAND_ACCENT",
                "#FFEE00",
                "brand.accent: #FFEE00 has a contrast of",
            ),
            (
                "LATCHKEY_BRAND_LOGO",
                "/no/such/logo.png",
                "brand.logo: /no/such/logo.png",
            ),
            ("LATCHKEY_BRAND_SUPPORT", "help", "brand.support is an address"),
        ] {
            let error = serve(&[(key, bad)])
                .err()
                .map(|error| error.0)
                .unwrap_or_default();
            assert!(error.starts_with(told), "{key}: {error}");
        }
    }
}
