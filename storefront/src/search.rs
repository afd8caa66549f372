//! The search of a list, parsed from an address and written back into one.

use form_urlencoded::Serializer;
use serde::Deserialize;

/// The query of a list. Empty counts as absent, because a plain form sends all of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    pub q: String,
    pub category: String,
    pub level: Option<Level>,
    pub language: String,
    /// In minor units.
    pub price_max: Option<i64>,
    /// Stars on average.
    pub rating_min: Option<i64>,
    pub sort: Sort,
    pub cursor: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Only for words, and then the default.
    Relevance,
    #[default]
    Newest,
    TopRated,
    PriceAsc,
    PriceDesc,
    Title,
}

/// The level of a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
    All,
}

/// An address that is not valid for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query of the address is not valid for a list")]
pub struct BadSearch;

impl Search {
    /// Parses the query of an address. Unknown parameters such as `utm_source` are ignored; a repeated parameter is an
    /// error.
    pub fn parse(query: Option<&str>) -> Result<Self, BadSearch> {
        let mut search = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let mut sort = None;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !NAMES.contains(&&*name) {
                continue;
            }
            if seen.iter().any(|other| *other == name) || value.chars().any(char::is_control) {
                return Err(BadSearch);
            }
            let value = value.trim();
            match &*name {
                "q" => value.clone_into(&mut search.q),
                "category" => value.clone_into(&mut search.category),
                "language" => value.clone_into(&mut search.language),
                "cursor" => value.clone_into(&mut search.cursor),
                _ if value.is_empty() => {}
                "level" => search.level = Some(Level::parse(value).ok_or(BadSearch)?),
                "sort" => sort = Some(Sort::parse(value).ok_or(BadSearch)?),
                "rating_min" => search.rating_min = Some(stars(value).ok_or(BadSearch)?),
                _ => search.price_max = Some(price(value).ok_or(BadSearch)?),
            }
            seen.push(name.into_owned());
        }
        if search.q.chars().count() > LONGEST_QUERY {
            return Err(BadSearch);
        }
        search.sort = match sort {
            Some(Sort::Relevance) | None => search.implied_sort(),
            Some(sort) => sort,
        };
        Ok(search)
    }

    /// The order of a list that names none.
    pub fn implied_sort(&self) -> Sort {
        match self.q.is_empty() {
            true => Sort::Newest,
            false => Sort::Relevance,
        }
    }

    /// The query for the API, in a fixed order, without defaults.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut put = |name, value: &str| {
            if !value.is_empty() {
                pairs.push((name, value.to_owned()));
            }
        };
        put("q", &self.q);
        put("category", &self.category);
        put("level", self.level.map_or("", Level::as_str));
        put("language", &self.language);
        put(
            "price_max",
            &self.price_max.map_or_else(String::new, |price| price.to_string()),
        );
        put(
            "rating_min",
            &self
                .rating_min
                .map_or_else(String::new, |stars| stars.to_string()),
        );
        // Taking the words away leaves a list that cannot be sorted by them.
        let implied = self.sort == self.implied_sort() || self.sort == Sort::Relevance;
        put("sort", if implied { "" } else { self.sort.as_str() });
        put("cursor", &self.cursor);
        pairs
    }

    /// This search as an address under `base`. A list of one category has it in its path.
    pub fn address(&self, base: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.pairs() {
            if name != "category" || base == "/courses" {
                query.append_pair(name, &value);
            }
        }
        match query.finish().as_str() {
            "" => base.to_owned(),
            query => format!("{base}?{query}"),
        }
    }
}

impl Sort {
    pub const ALL: [Self; 6] = [
        Self::Relevance,
        Self::Newest,
        Self::TopRated,
        Self::PriceAsc,
        Self::PriceDesc,
        Self::Title,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::TopRated => "top_rated",
            Self::Newest => "newest",
            Self::PriceAsc => "price_asc",
            Self::PriceDesc => "price_desc",
            Self::Title => "title",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Relevance => "sort.relevance",
            Self::TopRated => "sort.top_rated",
            Self::Newest => "sort.newest",
            Self::PriceAsc => "sort.price_asc",
            Self::PriceDesc => "sort.price_desc",
            Self::Title => "sort.title",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == text)
    }
}

impl Level {
    pub const ALL: [Self; 4] = [Self::Beginner, Self::Intermediate, Self::Advanced, Self::All];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
            Self::All => "all",
        }
    }

    pub fn message(self) -> &'static str {
        match self {
            Self::Beginner => "level.beginner",
            Self::Intermediate => "level.intermediate",
            Self::Advanced => "level.advanced",
            Self::All => "level.all",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// Digits only: `+5` and ` 5` are not valid prices.
fn price(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// One digit from 1 to 5.
fn stars(text: &str) -> Option<i64> {
    text.parse()
        .ok()
        .filter(|stars| (1..=5).contains(stars) && text.len() == 1)
}

const NAMES: [&str; 8] = [
    "q",
    "category",
    "level",
    "language",
    "price_max",
    "rating_min",
    "sort",
    "cursor",
];
const LONGEST_QUERY: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_empty_fields_asks_for_everything() {
        let form = "q=&category=&level=&language=&price_max=&sort=newest";
        assert_eq!(Search::parse(Some(form)), Ok(Search::default()));
        assert_eq!(Search::default().address("/courses"), "/courses");
    }

    #[test]
    fn words_are_sorted_by_relevance_unless_somebody_says_how() {
        let sort = |query| Search::parse(Some(query)).map(|search| search.sort);
        assert_eq!(sort("q=rust"), Ok(Sort::Relevance));
        assert_eq!(sort("q=rust&sort="), Ok(Sort::Relevance));
        assert_eq!(sort("q=rust&sort=newest"), Ok(Sort::Newest));
        assert_eq!(sort("sort=relevance"), Ok(Sort::Newest));
        let newest = Search::parse(Some("q=rust&sort=newest")).unwrap();
        assert_eq!(newest.address("/courses"), "/courses?q=rust&sort=newest");
        let wordless = Search {
            q: String::new(),
            ..Search::parse(Some("q=rust")).unwrap()
        };
        assert_eq!(wordless.address("/courses"), "/courses");
    }

    #[test]
    fn an_address_survives_the_round_trip() {
        let address = "/courses?q=c%2B%2B+%26+rust&category=design&level=all&language=de&price_max=5000&rating_min=4&sort=title&cursor=x_-";
        let search = Search::parse(address.split_once('?').map(|(_, query)| query)).unwrap();
        assert_eq!(search.q, "c++ & rust");
        assert_eq!(search.address("/courses"), address);
        assert!(!search.address("/categories/design").contains("category="));
    }

    #[test]
    fn what_is_not_ours_is_ignored_and_what_is_wrong_is_refused() {
        assert!(Search::parse(Some("utm_source=a&utm_source=b&fbclid=%00")).is_ok());
        for bad in [
            "level=expert",
            "sort=cheap",
            "price_max=-1",
            "price_max=1e9",
            "rating_min=0",
            "rating_min=6",
            "rating_min=%2B4",
            "q=a&q=b",
            "q=a%00b",
        ] {
            assert_eq!(Search::parse(Some(bad)), Err(BadSearch), "{bad}");
        }
        let long = format!("q={}", "x".repeat(201));
        assert_eq!(Search::parse(Some(&long)), Err(BadSearch));
    }
}
