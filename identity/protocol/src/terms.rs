//! The terms of the operator: which version is asked for, from when on, and until when somebody may wait with it.

use std::collections::BTreeMap;

use crate::Timestamp;

/// The terms that everybody who has an account accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Their version, as it is recorded.
    pub version: String,
    /// Where they can be read.
    pub url: String,
    /// Where they can be read in other languages, by the tag of the language.
    pub urls: BTreeMap<String, String>,
    /// From when on whoever signs in is asked for them; absent, at once. New accounts accept them before that.
    pub effective_at: Option<Timestamp>,
    /// Until when whoever signs in may put them off; absent, nobody may.
    pub accept_by: Option<Timestamp>,
}

impl Terms {
    /// Where they can be read in a language.
    pub fn url_in(&self, language: &str) -> &str {
        self.urls.get(language).unwrap_or(&self.url)
    }
}

/// What is asked of somebody who signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// To accept them, now or at a later sign-in.
    MayWait,
    /// To accept them: without that there is no session.
    Needed,
}

/// What is asked of somebody who has accepted the current version, or has not.
pub fn asked(terms: Option<&Terms>, accepted: bool, latest: Timestamp) -> Asked {
    let Some(terms) = terms.filter(|_| !accepted) else {
        return Asked::Nothing;
    };
    if terms.effective_at.is_some_and(|from| latest < from) {
        return Asked::Nothing;
    }
    match terms.accept_by {
        Some(until) if latest < until => Asked::MayWait,
        Some(_) | None => Asked::Needed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_asked_for_from_one_day_on_and_can_wait_until_another() {
        let terms = Terms {
            version: "2".into(),
            effective_at: Some(Timestamp(10)),
            accept_by: Some(Timestamp(20)),
            ..Terms::default()
        };
        let at = |now| asked(Some(&terms), false, Timestamp(now));
        for (now, expected) in [
            (9, Asked::Nothing),
            (10, Asked::MayWait),
            (19, Asked::MayWait),
            (20, Asked::Needed),
        ] {
            assert_eq!(at(now), expected, "{now}");
            assert_eq!(asked(Some(&terms), true, Timestamp(now)), Asked::Nothing);
            assert_eq!(asked(None, false, Timestamp(now)), Asked::Nothing);
        }
        let plain = Terms::default();
        assert_eq!(asked(Some(&plain), false, Timestamp(0)), Asked::Needed);
    }

    #[test]
    fn terms_are_read_in_the_readers_language_where_there_is_one() {
        let terms = Terms {
            url: "https://shop.test/terms".into(),
            urls: BTreeMap::from([("tr".to_owned(), "https://shop.test/tr/terms".to_owned())]),
            ..Terms::default()
        };
        assert_eq!(terms.url_in("tr"), "https://shop.test/tr/terms");
        assert_eq!(terms.url_in("fr"), "https://shop.test/terms");
    }
}
