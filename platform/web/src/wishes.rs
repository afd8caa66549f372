//! Which language a page speaks: what may decide, in order.

/// What is known about the visitor's language, the strongest wish first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes<'a> {
    /// The choice by the switch of a page of this very flow.
    pub switched: Option<&'a str>,
    /// What the application asks for (OpenID Connect Core §3.1.2.1, `ui_locales`): it knows its user.
    pub ui_locales: &'a [String],
    /// The choice that this browser remembers.
    pub remembered: Option<&'a str>,
    /// The language of the person's profile.
    pub profile: Option<&'a str>,
    /// The `Accept-Language` header.
    pub accept: Option<&'a str>,
}

impl<'a> Wishes<'a> {
    /// The language tags, the best first.
    pub(crate) fn tags(&self) -> Vec<&'a str> {
        let mut tags: Vec<&str> = self.switched.into_iter().collect();
        tags.extend(self.ui_locales.iter().map(String::as_str));
        tags.extend(self.remembered);
        tags.extend(self.profile);
        tags.extend(accepted(self.accept.unwrap_or_default()));
        tags
    }
}

/// The ranges of an `Accept-Language` header (RFC 9110 §12.5.4), the best first; what cannot be read is left out.
fn accepted(header: &str) -> impl Iterator<Item = &str> {
    let ranges = header.split(',').take(MOST_RANGES);
    let mut ranges: Vec<(u16, &str)> = ranges.filter_map(weighted).collect();
    ranges.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    ranges
        .into_iter()
        .filter(|(weight, _)| *weight > 0)
        .map(|(_, range)| range)
}

/// `de;q=0.8` as (800, "de").
fn weighted(part: &str) -> Option<(u16, &str)> {
    let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
    let weight = match parameters.trim() {
        "" => 1_000,
        parameters => quality(parameters)?,
    };
    let range = range.trim_matches([' ', '\t']);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let readable = (1..=LONGEST_RANGE).contains(&range.len()) && range.bytes().all(plain);
    readable.then_some((weight, range))
}

/// `q=0.8` in thousandths: at most three digits after the point (RFC 9110 §12.4.2).
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or(parameter.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

/// What a browser sends is shorter by far.
const MOST_RANGES: usize = 64;

/// RFC 5646 §4.4.1 asks for room for 35 characters.
const LONGEST_RANGE: usize = 35;

#[cfg(test)]
mod tests {
    use super::*;

    fn best(header: &str) -> Vec<&str> {
        accepted(header).collect()
    }

    #[test]
    fn ranges_are_ordered_by_their_weight() {
        assert_eq!(
            best("tr-TR,tr;q=0.9, en-US;q=0.8,en;q=0.7"),
            ["tr-TR", "tr", "en-US", "en"]
        );
        assert_eq!(best("en;q=0.2, fr;q=0.9,tr"), ["tr", "fr", "en"]);
        assert_eq!(best("en;q=0.123,fr;q=0.124"), ["fr", "en"]);
        assert_eq!(best("fr; q=1.000, en;Q=0.5, tr;q=0.000"), ["fr", "en"]);
    }

    #[test]
    fn an_order_of_wishes_is_kept() {
        let asked = ["pt-BR".to_owned(), "en".to_owned()];
        let wishes = Wishes {
            switched: Some("a"),
            ui_locales: &asked,
            remembered: Some("b"),
            profile: Some("c"),
            accept: Some("de;q=0.9, fr"),
        };
        assert_eq!(wishes.tags(), ["a", "pt-BR", "en", "b", "c", "fr", "de"]);
        assert!(Wishes::default().tags().is_empty());
    }

    #[test]
    fn rubbish_in_accept_language_is_left_out() {
        let long = "a".repeat(36);
        for rubbish in [
            "",
            ",,,",
            ";;,q=,;q=1",
            "*",
            "fr;q=nan",
            "fr;q=inf",
            "fr;q=1.001",
            "fr;q=2",
            "fr;q=-1",
            "fr;q=1e0",
            "fr;q=0.1234",
            "fr;q=+1",
            "fr;q=0.5;q=1",
            "fr;level=1",
            "../fr",
            "fr\u{202f}",
            "fr\0",
            "<b>",
            "d\u{e9}",
            long.as_str(),
        ] {
            assert_eq!(best(rubbish), Vec::<&str>::new(), "{rubbish:?}");
        }
        let many = "x,".repeat(100_000) + "fr";
        assert_eq!(best(&many).len(), MOST_RANGES);
        assert_eq!(best("<script>, fr;q=0.1, en;q=9"), ["fr"]);
    }
}
