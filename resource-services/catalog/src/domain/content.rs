//! The checked content of a course, as its instructor wrote it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DomainError, fold};
use latchkey_kit::FieldErrors;

/// Checked content; created only by [`super::Draft::check`] and the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub title: String,
    pub subtitle: String,
    pub description_md: String,
    pub category_id: Option<String>,
    pub language: String,
    pub level: Level,
    pub outcomes: Vec<String>,
    pub requirements: Vec<String>,
    pub sections: Vec<Section>,
    pub price: Option<Price>,
    pub limited: bool,
    /// Of the photo service, which also has the pictures.
    pub photo_id: Option<String>,
}

/// The price in minor units of one currency, and the regular price that is struck through beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub amount: i64,
    pub list: Option<i64>,
    pub currency: String,
}

/// The kind of product. It never changes after creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Course,
    Item,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
    #[default]
    All,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Section {
    pub title: String,
    pub lessons: Vec<Lesson>,
}

/// A lesson keeps its id through every edit, because learners' progress refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lesson {
    pub id: String,
    pub title: String,
    pub minutes: i64,
    /// Whether it can be watched before buying.
    pub preview: bool,
}

impl Content {
    pub fn lessons(&self) -> impl Iterator<Item = &Lesson> {
        self.sections.iter().flat_map(|section| &section.lessons)
    }

    pub fn lesson_count(&self) -> i64 {
        i64::try_from(self.lessons().count()).unwrap_or(i64::MAX)
    }

    /// The total duration. The limits of a draft keep the sum far below the range of its type.
    pub fn minutes(&self) -> i64 {
        self.lessons()
            .fold(0, |sum: i64, lesson| sum.saturating_add(lesson.minutes))
    }

    /// The requirements of a public course: without them it cannot be published, and cannot stay published.
    pub(super) fn must_be_ready(&self, kind: Kind) -> Result<(), DomainError> {
        self.missing(kind).into_result(()).map_err(DomainError::NotReady)
    }

    /// The text that versions before the index searched. It is written until none of them can be running.
    pub fn search(&self) -> String {
        fold(&format!(
            "{} {} {} {}",
            self.title,
            self.subtitle,
            self.outcomes.join(" "),
            self.description_md
        ))
    }

    /// What is missing of them.
    pub(super) fn missing(&self, kind: Kind) -> FieldErrors {
        let mut errors = FieldErrors::default();
        if self.category_id.is_none() {
            errors.add("category_id", "must be chosen");
        }
        if self.description_md.trim().chars().count() < SHORTEST_PUBLIC_DESCRIPTION {
            errors.add(
                "description_md",
                format!("must have at least {SHORTEST_PUBLIC_DESCRIPTION} characters"),
            );
        }
        if self.price.is_none() {
            errors.add("price", "must be set; 0 means free of charge");
        }
        if kind == Kind::Course && self.lesson_count() == 0 {
            errors.add("sections", "must have at least one lesson");
        }
        errors
    }

    /// The members in which two contents differ, by their names on the wire.
    pub(super) fn changed(&self, new: &Self) -> Vec<&'static str> {
        let list = |price: &Option<Price>| price.as_ref().and_then(|price| price.list);
        let amount =
            |price: &Option<Price>| price.as_ref().map(|price| (price.amount, price.currency.clone()));
        [
            ("title", self.title != new.title),
            ("subtitle", self.subtitle != new.subtitle),
            ("description_md", self.description_md != new.description_md),
            ("category_id", self.category_id != new.category_id),
            ("language", self.language != new.language),
            ("level", self.level != new.level),
            ("outcomes", self.outcomes != new.outcomes),
            ("requirements", self.requirements != new.requirements),
            ("sections", self.sections != new.sections),
            ("price", amount(&self.price) != amount(&new.price)),
            ("list_price", list(&self.price) != list(&new.price)),
            ("limited", self.limited != new.limited),
            ("photo_id", self.photo_id != new.photo_id),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::Item => "item",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Course, Self::Item]
            .into_iter()
            .find(|kind| kind.as_str() == text)
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

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// The field names in an error, for tests of several modules.
#[cfg(test)]
pub(super) fn fields(error: &DomainError) -> Vec<&str> {
    match error {
        DomainError::Invalid(errors) | DomainError::NotReady(errors) => {
            errors.iter().map(|error| error.field.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

const SHORTEST_PUBLIC_DESCRIPTION: usize = 100;

#[cfg(test)]
mod tests {
    use super::super::course::fixture::content;
    use super::*;

    #[test]
    fn whatever_is_missing_is_named_all_at_once() {
        let bare = Content {
            category_id: None,
            description_md: " ".repeat(200),
            price: None,
            sections: Vec::new(),
            ..content()
        };
        let error = bare.must_be_ready(Kind::Course).unwrap_err();
        assert_eq!(
            fields(&error),
            ["category_id", "description_md", "price", "sections"]
        );
    }

    #[test]
    fn an_item_needs_no_lesson() {
        let item = Content {
            sections: Vec::new(),
            ..content()
        };
        assert_eq!(item.must_be_ready(Kind::Item), Ok(()));
    }

    #[test]
    fn a_free_course_has_a_price_of_nothing() {
        let free = Content {
            price: Some(Price {
                amount: 0,
                list: None,
                currency: "EUR".into(),
            }),
            ..content()
        };
        assert_eq!(free.must_be_ready(Kind::Course), Ok(()));
    }

    #[test]
    fn a_new_list_price_alone_is_not_a_new_price() {
        let struck = Price {
            list: Some(9_900),
            ..content().price.unwrap()
        };
        let new = Content {
            price: Some(struck),
            ..content()
        };
        assert_eq!(content().changed(&new), ["list_price"]);
    }
}
