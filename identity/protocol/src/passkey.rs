//! Passkeys: the rules around the ceremonies, which themselves are the library's.

use core::net::IpAddr;

use crate::Timestamp;

/// How many passkeys a user may have.
pub const MOST: i64 = 20;
/// How long after a failed attempt's challenge a ceremony may take, in milliseconds: as long as an interaction.
pub const LIFE_MS: i64 = 10 * 60_000;
/// For how long nobody is asked again to make a passkey, in milliseconds: thirty days.
pub const ASK_AGAIN_MS: i64 = 30 * 24 * 3_600_000;
/// The longest name, in characters.
const LONGEST_NAME: usize = 60;

/// What the signature counter of a use says (WebAuthn Level 3 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// It has risen, or the authenticator has none.
    Fine,
    /// It is behind, but the challenge is older than the use that it is behind: two tabs may have overtaken each other.
    Behind,
    /// It is behind although the challenge is younger: a copy of the key may exist.
    Copied,
}

/// Judges a counter. `stored_at` is when the stored one last rose, `issued_at` the earliest time at which the challenge
/// can have been issued.
pub fn counter(stored: i64, stored_at: Option<Timestamp>, shown: i64, issued_at: Timestamp) -> Counter {
    if (stored, shown) == (0, 0) || shown > stored {
        return Counter::Fine;
    }
    match stored_at {
        Some(stored_at) if stored_at >= issued_at => Counter::Behind,
        Some(_) | None => Counter::Copied,
    }
}

/// The relying party of passkeys: the issuer's host, or the parent of it that the operator names. `None` when the issuer
/// has no domain, as on an IP address: browsers make no passkeys there. The error is a sentence for the operator.
pub fn rp_id(issuer: &str, named: Option<&str>) -> Result<Option<String>, String> {
    let url = url::Url::parse(issuer).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let Some(named) = named else {
        return Ok((!host.is_empty() && !is_address).then(|| host.to_owned()));
    };
    let parent = host
        .strip_suffix(named)
        .is_some_and(|rest| rest.ends_with('.') && named.contains('.'));
    if is_address || (host != named && !parent) {
        return Err(format!(
            "rp_id {named:?} is neither the host of the issuer, {host}, nor a parent domain of it"
        ));
    }
    Ok(Some(named.to_owned()))
}

/// How many other origins browsers look at (WebAuthn Level 3 §5.11.1).
const MOST_ORIGINS: usize = 5;

/// The other origins that may ask for passkeys of this domain: each `https`, a host and perhaps a port, and nothing else.
/// The error is a sentence for the operator.
pub fn related_origins(listed: Vec<String>) -> Result<Vec<String>, String> {
    if listed.len() > MOST_ORIGINS {
        return Err(format!(
            "at most {MOST_ORIGINS} origins: browsers look at no more"
        ));
    }
    for origin in &listed {
        let url = url::Url::parse(origin).ok().filter(|url| url.scheme() == "https");
        let whole = url.filter(|url| url.origin().ascii_serialization() == *origin);
        if whole.is_none() {
            return Err(format!("{origin:?} is no origin such as https://id.example.com"));
        }
    }
    Ok(listed)
}

/// A name for a passkey as its user wrote it; `None` if nothing of it can be shown.
pub fn name(text: &str) -> Option<String> {
    let shown = |c: &char| !c.is_control() && !is_invisible(*c);
    let name: String = text.trim().chars().filter(shown).take(LONGEST_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Marks that change how the text around them is shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// What an authenticator of this model is called, where it is well known. Nothing proves it: it is only a name.
pub fn model(aaguid: &str) -> Option<&'static str> {
    let known = MODELS.iter().find(|(id, _)| *id == aaguid);
    known.map(|(_, name)| *name)
}

const MODELS: [(&str, &str); 13] = [
    ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
    ("50726f74-6f6e-5061-7373-50726f746f6e", "Proton Pass"),
    ("531126d6-e717-415c-9320-3d9aa6981239", "Dashlane"),
    ("53414d53-554e-4700-0000-000000000000", "Samsung Pass"),
    ("6028b017-b1d4-4c02-b4b3-afcdafc96bb2", "Windows Hello"),
    ("9ddd1817-af5a-4672-a2b9-3e3dd95000a9", "Windows Hello"),
    ("adce0002-35bc-c60a-648b-0b25f1f05503", "Chrome"),
    ("bada5566-a7aa-401f-bd96-45619a55120d", "1Password"),
    ("d548826e-79b4-db40-a3d8-11116f7e8349", "Bitwarden"),
    ("dd4ec289-e01d-41c9-bb89-70fa845d4bf2", "iCloud Keychain"),
    ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
    ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "iCloud Keychain"),
    ("fdb141b2-5d84-443e-8a35-4698c205a502", "KeePassXC"),
];

/// The model of the authenticator in an attestation object: the 16 bytes after the counter in its authenticator data
/// (WebAuthn Level 3 §6.5.1). `None` when there is none, or when it is all zeros.
pub fn aaguid(attestation_object: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"hauthData";
    let at = attestation_object
        .windows(KEY.len())
        .position(|part| part == KEY)?
        + KEY.len();
    // A CBOR byte string with a length of one or two bytes.
    let header = match attestation_object.get(at)? {
        0x58 => 2,
        0x59 => 3,
        _ => return None,
    };
    let from = at + header + 37;
    let bytes = attestation_object.get(from..from + 16)?;
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn related_origins_are_five_whole_origins_at_most() {
        let read = |origins: &[&str]| related_origins(origins.iter().map(|one| (*one).to_owned()).collect());
        for good in [
            &[][..],
            &["https://id.example.com"],
            &[
                "https://id.example.com:8443",
                "https://b.test",
                "https://c.test",
                "https://d.test",
                "https://e.test",
            ],
        ] {
            assert_eq!(read(good).map(|origins| origins.len()), Ok(good.len()));
        }
        for bad in [
            &["http://id.example.com"][..],
            &["https://id.example.com/"],
            &["https://id.example.com/path"],
            &["https://a@id.example.com"],
            &["id.example.com"],
            &["*"],
            &[""],
            &[
                "https://a.test",
                "https://b.test",
                "https://c.test",
                "https://d.test",
                "https://e.test",
                "https://f.test",
            ],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_counter_that_does_not_rise_is_refused_and_suspends_but_for_races() {
        let table = [
            // stored, when, shown, challenge
            (0, None, 0, 50, Counter::Fine),
            (0, None, 1, 50, Counter::Fine),
            (7, Some(10), 8, 50, Counter::Fine),
            (7, Some(10), 7, 50, Counter::Copied),
            (7, Some(10), 6, 50, Counter::Copied),
            (7, Some(10), 0, 50, Counter::Copied),
            (7, Some(50), 6, 50, Counter::Behind),
            (7, Some(60), 7, 50, Counter::Behind),
            (7, Some(60), 0, 50, Counter::Behind),
            (7, None, 0, 50, Counter::Copied),
        ];
        for (stored, at, shown, issued, expected) in table {
            let got = counter(stored, at.map(Timestamp), shown, Timestamp(issued));
            assert_eq!(got, expected, "{stored} {at:?} {shown} {issued}");
        }
    }

    #[test]
    fn the_relying_party_is_the_issuers_host_or_a_parent_of_it() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(rp_id("https://id.example.test", None), some("id.example.test"));
        assert_eq!(rp_id("http://localhost:8081", None), some("localhost"));
        for address in ["http://127.0.0.1:8081", "http://[::1]:8081"] {
            assert_eq!(rp_id(address, None), Ok(None), "{address}");
            assert!(rp_id(address, Some("127.0.0.1")).is_err(), "{address}");
        }
        let issuer = "https://id.example.test";
        for fine in ["id.example.test", "example.test"] {
            assert_eq!(rp_id(issuer, Some(fine)), some(fine));
        }
        // Matching without the dot accepted evil-example.com elsewhere.
        for bad in [
            "test",
            "xample.test",
            "evil.test",
            "d.example.test",
            "",
            ".example.test",
            "a.id.example.test",
        ] {
            assert!(rp_id(issuer, Some(bad)).is_err(), "{bad}");
        }
        assert!(rp_id("https://evil-example.test", Some("example.test")).is_err());
    }

    #[test]
    fn a_name_has_nothing_that_changes_the_text_around_it() {
        assert_eq!(name(" My phone\n").as_deref(), Some("My phone"));
        assert_eq!(name("a\u{202e}b\u{200b}c\0").as_deref(), Some("abc"));
        assert_eq!(name(&"x".repeat(90)).map(|name| name.len()), Some(60));
        for nothing in ["", "  ", "\u{202e}", "\n\n"] {
            assert_eq!(name(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_model_is_read_from_where_it_stands() {
        let object = |header: &[u8], model: [u8; 16]| {
            let mut bytes = b"\xa3cfmtdnonegattStmt\xa0hauthData".to_vec();
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(&[9; 37]);
            bytes.extend_from_slice(&model);
            bytes
        };
        let apple = [
            0xfb, 0xfc, 0x30, 0x07, 0x15, 0x4e, 0x4e, 0xcc, 0x8c, 0x0b, 0x6e, 0x02, 0x05, 0x57, 0xd7, 0xbd,
        ];
        for header in [&[0x58, 0xa4][..], &[0x59, 0x01, 0x00]] {
            let read = aaguid(&object(header, apple)).unwrap();
            assert_eq!(model(&read), Some("iCloud Keychain"), "{read}");
        }
        assert_eq!(aaguid(&object(&[0x58, 0xa4], [0; 16])), None);
        assert_eq!(aaguid(&object(&[0x58, 0xa4], apple)[..60]), None);
        for odd in [&b""[..], b"hauthData", b"hauthData\x58"] {
            assert_eq!(aaguid(odd), None);
        }
        assert!(MODELS.is_sorted());
    }
}
