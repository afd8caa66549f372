//! The input of an instructor. The rules that turn it into content are in `check.rs`.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::{Course, Kind, Level, Price, Section};
use latchkey_kit::{MoneyDraft, objects};

/// The body of POST and PUT. It does not contain the owner, the slug and the status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Draft {
    /// 5 to 120 characters.
    pub title: String,
    /// `course` by default; it cannot be changed later.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// At most 200 characters.
    #[serde(default)]
    pub subtitle: Option<String>,
    /// Markdown, at most 20 000 characters.
    #[serde(default)]
    pub description_md: Option<String>,
    #[serde(default)]
    pub category_id: Option<String>,
    /// A BCP 47 language tag such as `en`, `fr` or `pt-BR`; `en` by default.
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub level: Option<Level>,
    /// At most 20, of at most 200 characters each.
    #[serde(default)]
    pub outcomes: Option<Vec<String>>,
    /// At most 20, of at most 200 characters each.
    #[serde(default)]
    pub requirements: Option<Vec<String>>,
    /// At most 40 sections and 400 lessons.
    #[serde(default)]
    pub sections: Option<Vec<SectionDraft>>,
    /// From 0 to 100 000 000 minor units.
    #[serde(default)]
    pub price: Option<MoneyDraft>,
    /// At least the price, and at most 100 000 000 minor units.
    #[serde(default)]
    pub list_price: Option<MoneyDraft>,
    /// Whether places are limited.
    #[serde(default)]
    pub limited: Option<bool>,
    /// The id of one of the instructor's photos.
    #[serde(default)]
    pub photo_id: Option<String>,
}

/// The body of PATCH (RFC 7396): an absent member stays as it is, a null one is reset to its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Patch {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub subtitle: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub description_md: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub category_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Level>)]
    pub level: Option<Option<Level>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    pub outcomes: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    pub requirements: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<SectionDraft>>)]
    pub sections: Option<Option<Vec<SectionDraft>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<MoneyDraft>)]
    pub price: Option<Option<MoneyDraft>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<MoneyDraft>)]
    pub list_price: Option<Option<MoneyDraft>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<bool>)]
    pub limited: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub photo_id: Option<Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct SectionDraft {
    /// 1 to 120 characters.
    pub title: String,
    #[serde(default)]
    pub lessons: Vec<LessonDraft>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct LessonDraft {
    /// The id of an existing lesson of this course; new lessons get one.
    #[serde(default)]
    pub id: Option<String>,
    /// 1 to 120 characters.
    pub title: String,
    /// 1 to 600.
    pub minutes: i64,
    #[serde(default)]
    pub preview: bool,
}

objects!(Draft, Patch, SectionDraft, LessonDraft);

impl Draft {
    /// The draft that would result in this course.
    fn of(course: &Course) -> Self {
        let content = &course.content;
        let money = |amount: i64, price: &Price| MoneyDraft {
            amount,
            currency: price.currency.clone(),
        };
        Self {
            title: content.title.clone(),
            kind: Some(course.kind),
            subtitle: Some(content.subtitle.clone()),
            description_md: Some(content.description_md.clone()),
            category_id: content.category_id.clone(),
            language: Some(content.language.clone()),
            level: Some(content.level),
            outcomes: Some(content.outcomes.clone()),
            requirements: Some(content.requirements.clone()),
            sections: Some(content.sections.iter().map(SectionDraft::of).collect()),
            price: content.price.as_ref().map(|price| money(price.amount, price)),
            list_price: content
                .price
                .as_ref()
                .and_then(|price| price.list.map(|list| money(list, price))),
            limited: Some(content.limited),
            photo_id: content.photo_id.clone(),
        }
    }
}

impl Patch {
    /// The complete draft that results from applying this patch to a course.
    pub fn onto(self, course: &Course) -> Draft {
        let mut draft = Draft::of(course);
        if let Some(title) = self.title {
            draft.title = title.unwrap_or_default(); // an empty title is rejected like any short one
        }
        put(&mut draft.subtitle, self.subtitle);
        put(&mut draft.description_md, self.description_md);
        put(&mut draft.category_id, self.category_id);
        put(&mut draft.language, self.language);
        put(&mut draft.level, self.level);
        put(&mut draft.outcomes, self.outcomes);
        put(&mut draft.requirements, self.requirements);
        put(&mut draft.sections, self.sections);
        put(&mut draft.price, self.price);
        put(&mut draft.list_price, self.list_price);
        put(&mut draft.limited, self.limited);
        put(&mut draft.photo_id, self.photo_id);
        draft
    }
}

impl SectionDraft {
    fn of(section: &Section) -> Self {
        let lessons = section.lessons.iter().map(|lesson| LessonDraft {
            id: Some(lesson.id.clone()),
            title: lesson.title.clone(),
            minutes: lesson.minutes,
            preview: lesson.preview,
        });
        Self {
            title: section.title.clone(),
            lessons: lessons.collect(),
        }
    }
}

fn put<T>(member: &mut Option<T>, patch: Option<Option<T>>) {
    if let Some(value) = patch {
        *member = value;
    }
}

/// Distinguishes a null member from an absent one.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::super::course::fixture::course;
    use super::*;

    #[test]
    fn an_empty_patch_changes_nothing() {
        let draft = Patch::default().onto(&course());
        let known = course().lesson_ids();
        assert_eq!(
            draft.check(&known, "EUR", &mut || unreachable!()),
            Ok(course().content)
        );
    }

    #[test]
    fn a_patch_tells_null_from_absent() {
        let patch: Patch = serde_json::from_str(r#"{"subtitle": null, "limited": true}"#).unwrap();
        let draft = patch.onto(&course());
        assert_eq!((draft.subtitle, draft.limited), (None, Some(true)));
        assert_eq!(draft.description_md, Some(course().content.description_md));
    }

    /// RS-06.
    #[test]
    fn a_list_is_not_taken_for_an_object() {
        for body in [
            "[]",
            r#"["A title by position"]"#,
            r#"{"price": [1, "EUR"]}"#,
            r#"{"sections": [["One", []]]}"#,
        ] {
            assert!(serde_json::from_str::<Patch>(body).is_err(), "{body}");
        }
        assert!(serde_json::from_str::<Draft>(r#"["A title by position", "course"]"#).is_err());
    }

    /// RS-06.
    #[test]
    fn a_patch_knows_no_read_only_member() {
        for member in [
            "status",
            "instructor_id",
            "slug",
            "version",
            "kind",
            "id",
            "rating_sum",
            "published_at",
        ] {
            let body = format!(r#"{{"{member}": "x"}}"#);
            assert!(serde_json::from_str::<Patch>(&body).is_err(), "{member}");
        }
    }
}
