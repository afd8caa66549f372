//! The operator's brand: it is read at the start, checked there, and served at addresses that change with the content.

use std::sync::Arc;

use bytes::Bytes;
use latchkey_protocol::accent::{Accent, accent};
use latchkey_web::Brand as Shown;
use sha2::{Digest, Sha256};

/// The largest logo, in bytes.
const LARGEST: usize = 64 * 1_024;
/// The longest name, in characters.
const LONGEST: usize = 60;

/// What an operator configures of it.
#[derive(Clone, Debug, Default)]
pub struct BrandParts {
    /// The name of the site.
    pub name: Option<String>,
    /// The content of a PNG or WebP file.
    pub logo: Option<Vec<u8>>,
    /// A colour, such as `#0F6B5C`.
    pub accent: Option<String>,
    /// An `https:` or `mailto:` address where help is.
    pub support: Option<String>,
    /// The `https:` address of the privacy policy.
    pub policy: Option<String>,
}

/// A file of the brand.
#[derive(Clone, Debug)]
pub(crate) struct BrandFile {
    pub name: String,
    pub media: &'static str,
    pub bytes: Bytes,
}

/// The operator's brand. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Brand {
    pub(crate) shown: Arc<Shown>,
    pub(crate) files: Arc<[BrandFile]>,
    pub(crate) policy: Option<String>,
    /// The colour of buttons in mails.
    pub(crate) button: Option<String>,
}

impl Brand {
    /// A brand whose parts can be shown. The error is a sentence for their author.
    pub fn new(parts: BrandParts) -> Result<Self, String> {
        let mut files = Vec::new();
        let name = parts.name.map(|name| name.trim().to_owned());
        if let Some(name) = &name
            && (name.is_empty() || name.chars().count() > LONGEST || name.chars().any(is_hidden))
        {
            return Err(format!(
                "brand.name is a name of 1 to {LONGEST} visible characters"
            ));
        }
        if let Some(bytes) = parts.logo {
            let (extension, media) = image_type(&bytes)
                .ok_or("brand.logo is a PNG or WebP file: other formats can contain scripts")?;
            if bytes.len() > LARGEST {
                return Err(format!("brand.logo is larger than {} KiB", LARGEST / 1_024));
            }
            files.push(file("logo", extension, media, bytes));
        }
        let logo = files.first().map(address);
        let mut button = None;
        if let Some(text) = &parts.accent {
            let shades = accent(text).map_err(|error| format!("brand.accent: {error}"))?;
            button = Some(shades.light.accent.to_string());
            let css = style(&shades).into_bytes();
            files.push(file("accent", "css", "text/css; charset=utf-8", css));
        }
        let style = parts.accent.and(files.last()).map(address);
        for (key, value, schemes) in [
            ("brand.support", &parts.support, &["https://", "mailto:"][..]),
            ("brand.policy", &parts.policy, &["https://"][..]),
        ] {
            if let Some(value) = value
                && !is_address(value, schemes)
            {
                let schemes = schemes.join(" or ");
                return Err(format!("{key} is an address that begins with {schemes}"));
            }
        }
        Ok(Self {
            shown: Arc::new(Shown {
                name,
                logo,
                style,
                support: parts.support,
            }),
            files: files.into(),
            policy: parts.policy,
            button,
        })
    }
}

fn file(stem: &str, extension: &str, media: &'static str, bytes: Vec<u8>) -> BrandFile {
    let short = hex::encode(&Sha256::digest(&bytes)[..8]);
    BrandFile {
        name: format!("{stem}.{short}.{extension}"),
        media,
        bytes: bytes.into(),
    }
}

fn address(file: &BrandFile) -> String {
    format!("/brand/{}", file.name)
}

/// By its first bytes, whatever it is called.
fn image_type(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("png", "image/png"));
    }
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    is_webp.then_some(("webp", "image/webp"))
}

fn style(accent: &Accent) -> String {
    let Accent { light, dark } = accent;
    format!(
        ":root {{\n  --accent: light-dark({}, {});\n  --accent-strong: light-dark({}, {});\n  \
         --accent-wash: light-dark({}, {});\n}}\n",
        light.accent, dark.accent, light.strong, dark.strong, light.wash, dark.wash
    )
}

fn is_address(text: &str, schemes: &[&str]) -> bool {
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty())
        && !text
            .chars()
            .any(|c| c.is_whitespace() || is_hidden(c) || matches!(c, '"' | '<' | '>'))
}

/// What turns a line, or is not seen.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_safely_is_refused_in_a_sentence() {
        let none = BrandParts::default;
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>".to_vec();
        let large = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; LARGEST]].concat();
        let text = |text: &str| Some(text.to_owned());
        for (parts, key) in [
            (
                BrandParts {
                    logo: Some(svg),
                    ..none()
                },
                "brand.logo",
            ),
            (
                BrandParts {
                    logo: Some(Vec::new()),
                    ..none()
                },
                "brand.logo",
            ),
            (
                BrandParts {
                    logo: Some(large),
                    ..none()
                },
                "brand.logo",
            ),
            (
                BrandParts {
                    accent: text("#FFFF00"),
                    ..none()
                },
                "brand.accent",
            ),
            (
                BrandParts {
                    accent: text("red"),
                    ..none()
                },
                "brand.accent",
            ),
            (
                BrandParts {
                    name: text(" "),
                    ..none()
                },
                "brand.name",
            ),
            (
                BrandParts {
                    name: text("a\u{202E}b"),
                    ..none()
                },
                "brand.name",
            ),
            (
                BrandParts {
                    name: text(&"a".repeat(61)),
                    ..none()
                },
                "brand.name",
            ),
            (
                BrandParts {
                    support: text("javascript:alert(1)"),
                    ..none()
                },
                "brand.support",
            ),
            (
                BrandParts {
                    support: text("http://help.test"),
                    ..none()
                },
                "brand.support",
            ),
            (
                BrandParts {
                    support: text("mailto:"),
                    ..none()
                },
                "brand.support",
            ),
            (
                BrandParts {
                    policy: text("mailto:a@b.test"),
                    ..none()
                },
                "brand.policy",
            ),
            (
                BrandParts {
                    policy: text("https://a.test/\" onclick"),
                    ..none()
                },
                "brand.policy",
            ),
        ] {
            let told = Brand::new(parts.clone()).unwrap_err();
            assert!(told.starts_with(key), "{key}: {told}");
        }
    }

    #[test]
    fn a_brand_has_an_address_for_each_content() {
        let webp = [b"RIFF\0\0\0\0WEBP".to_vec(), vec![1; 20]].concat();
        let brand = Brand::new(BrandParts {
            name: Some("Harbour School".to_owned()),
            logo: Some(webp),
            accent: Some("#1A4FD0".to_owned()),
            ..BrandParts::default()
        })
        .unwrap();
        let logo = brand.shown.logo.as_deref().unwrap();
        assert!(
            logo.starts_with("/brand/logo.") && logo.ends_with(".webp"),
            "{logo}"
        );
        let style = brand.shown.style.as_deref().unwrap();
        assert!(
            style.starts_with("/brand/accent.") && style.ends_with(".css"),
            "{style}"
        );
        let css = String::from_utf8(brand.files[1].bytes.to_vec()).unwrap();
        assert!(css.contains("--accent: light-dark(#1A4FD0, #"), "{css}");
        assert_eq!(*Brand::default().shown, Shown::default());
    }

    /// The colours around the operator's are those of the style sheet.
    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        use latchkey_protocol::accent::{DARK, LIGHT};
        let css = std::str::from_utf8(latchkey_web::STYLE.bytes()).unwrap();
        let names = ["paper", "surface", "sunken", "on-accent", "ink", "muted"];
        let of = |ground: latchkey_protocol::accent::Ground| {
            let [paper, surface, sunken] = ground.grounds;
            [paper, surface, sunken, ground.on_accent, ground.ink, ground.muted]
        };
        for (name, (light, dark)) in names.into_iter().zip(of(LIGHT).into_iter().zip(of(DARK))) {
            let line = format!("--{name}: light-dark({light}, {dark});");
            assert!(css.contains(&line), "{line}");
        }
    }
}
