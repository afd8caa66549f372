//! A course as form fields, and as the JSON of the catalog.

use std::collections::BTreeMap;

use latchkey_contracts::Money;
use latchkey_http::Form;
use serde_json::{Value, json};

use crate::api::FieldError;
use crate::api::catalog::MyCourse;
use crate::format::amount;

/// The form as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The idempotency key of a new course: sent twice, it is created once.
    pub key: String,
    /// The version of an existing course that was read.
    pub version: String,
    pub title: String,
    pub subtitle: String,
    pub description: String,
    pub category_id: String,
    pub level: String,
    pub language: String,
    pub price: String,
    pub list_price: String,
    pub limited: bool,
    /// The photo of the course, which has a form of its own; empty without one.
    pub photo_id: String,
    /// How many places there are, if they are limited. Inventory keeps it, not the catalog.
    pub capacity: String,
    /// One per line.
    pub outcomes: String,
    /// One per line.
    pub requirements: String,
    pub sections: Vec<SectionDraft>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionDraft {
    pub title: String,
    pub lessons: Vec<LessonDraft>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonDraft {
    pub id: String,
    pub title: String,
    pub minutes: String,
    pub preview: bool,
}

/// The only currency of the shop.
const CURRENCY: &str = "EUR";
/// Empty rows at the end of a section, to add more lessons without script.
const BLANK_LESSONS: usize = 2;

impl Draft {
    pub fn blank(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            level: "all".to_owned(),
            language: "en".to_owned(),
            ..Self::default()
        }
    }

    pub fn of(mine: &MyCourse) -> Self {
        let (course, summary) = (&mine.course, &mine.course.summary);
        let sections = course.sections.iter().map(|section| SectionDraft {
            title: section.title.clone(),
            lessons: section
                .lessons
                .iter()
                .map(|lesson| LessonDraft {
                    id: lesson.id.clone(),
                    title: lesson.title.clone(),
                    minutes: lesson.minutes.to_string(),
                    preview: lesson.preview,
                })
                .collect(),
        });
        Self {
            key: String::new(),
            version: mine.version.to_string(),
            title: summary.title.clone(),
            subtitle: course.subtitle.clone(),
            description: course.description_md.clone(),
            category_id: summary.category_id.clone().unwrap_or_default(),
            level: summary.level.as_str().to_owned(),
            language: summary.language.clone(),
            price: summary.price.as_ref().map(written).unwrap_or_default(),
            list_price: summary.list_price.as_ref().map(written).unwrap_or_default(),
            limited: summary.limited,
            photo_id: summary.photo_id.clone().unwrap_or_default(),
            capacity: String::new(),
            outcomes: course.outcomes.join("\n"),
            requirements: course.requirements.join("\n"),
            sections: sections.collect(),
        }
    }

    /// Parses the form. Sections and lessons are identified by the numbers in their names: `s1`, `s1l2-minutes`.
    pub fn read(mut form: Form) -> Self {
        let mut take = |name: &str| form.take(name).unwrap_or_default().replace("\r\n", "\n");
        let mut draft = Self {
            key: take("key"),
            version: take("version"),
            title: take("title"),
            subtitle: take("subtitle"),
            description: take("description"),
            category_id: take("category"),
            level: take("level"),
            language: take("language"),
            price: take("price"),
            list_price: take("list_price"),
            limited: take("limited") == "yes",
            photo_id: take("photo_id"),
            capacity: take("capacity"),
            outcomes: take("outcomes"),
            requirements: take("requirements"),
            sections: Vec::new(),
        };
        let mut sections: BTreeMap<u16, (String, BTreeMap<u16, LessonDraft>)> = BTreeMap::new();
        for (name, value) in form.into_pairs() {
            let Some((section, lesson)) = place(&name) else {
                continue;
            };
            let section = sections.entry(section).or_default();
            match lesson {
                None => section.0 = value,
                Some((at, field)) => {
                    let lesson = section.1.entry(at).or_default();
                    match field {
                        "id" => lesson.id = value,
                        "title" => lesson.title = value,
                        "minutes" => lesson.minutes = value,
                        "preview" => lesson.preview = value == "yes",
                        _ => {}
                    }
                }
            }
        }
        for (_, (title, lessons)) in sections {
            let written =
                |lesson: &LessonDraft| !lesson.title.trim().is_empty() || !lesson.minutes.trim().is_empty();
            let lessons: Vec<LessonDraft> = lessons.into_values().filter(written).collect();
            if !title.trim().is_empty() || !lessons.is_empty() {
                draft.sections.push(SectionDraft { title, lessons });
            }
        }
        draft
    }

    /// Adds one more section, and a few more lessons in each.
    pub fn add_blank_rows(&mut self) {
        self.sections.push(SectionDraft::default());
        for section in &mut self.sections {
            let more = section.lessons.len() + BLANK_LESSONS;
            section.lessons.resize_with(more, LessonDraft::default);
        }
    }

    /// The JSON for the catalog; values that cannot be expressed in it are errors reported here.
    pub fn to_json(&self) -> Result<Value, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut money = |field: &str, text: &str| match amount(text) {
            Ok(amount) => amount.map(|amount| json!({"amount": amount, "currency": CURRENCY})),
            Err(()) => {
                errors.push(field_error(field, "must be a price such as 59 or 59.00"));
                None
            }
        };
        let price = money("price", &self.price);
        let list_price = money("list_price", &self.list_price);
        if self.limited && !self.capacity.trim().is_empty() && self.places().is_none() {
            errors.push(field_error("capacity", "must be a whole number such as 12"));
        }
        let mut sections = Vec::new();
        for section in &self.sections {
            let mut lessons = Vec::new();
            for lesson in &section.lessons {
                let Ok(minutes) = lesson.minutes.trim().parse::<i64>() else {
                    let name = lesson.title.trim();
                    errors.push(field_error(
                        "sections",
                        &format!("“{name}” needs a length in minutes"),
                    ));
                    continue;
                };
                let mut json = json!({
                    "title": lesson.title, "minutes": minutes, "preview": lesson.preview,
                });
                if !lesson.id.is_empty() {
                    json["id"] = json!(lesson.id);
                }
                lessons.push(json);
            }
            sections.push(json!({"title": section.title, "lessons": lessons}));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let lines = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(json!({
            "title": self.title, "subtitle": self.subtitle, "description_md": self.description,
            "category_id": optional(&self.category_id), "language": optional(&self.language),
            "level": optional(&self.level), "outcomes": lines(&self.outcomes),
            "requirements": lines(&self.requirements), "sections": sections,
            "price": price, "list_price": list_price, "limited": self.limited,
            "photo_id": optional(&self.photo_id),
        }))
    }
}

impl Draft {
    /// The number of places, if they are limited and there is one.
    pub fn places(&self) -> Option<i64> {
        let digits = Some(self.capacity.trim()).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .filter(|_| self.limited)
            .and_then(|digits| digits.parse().ok())
            .filter(|places| *places <= MOST_PLACES)
    }
}

/// What inventory takes.
const MOST_PLACES: i64 = 1_000_000;

/// `s3` is the title of a section, `s3l1-minutes` a field of a lesson in it.
fn place(name: &str) -> Option<(u16, Option<(u16, &str)>)> {
    let rest = name.strip_prefix('s')?;
    match rest.split_once('l') {
        None => Some((rest.parse().ok()?, None)),
        Some((section, lesson)) => {
            let (lesson, field) = lesson.split_once('-')?;
            Some((section.parse().ok()?, Some((lesson.parse().ok()?, field))))
        }
    }
}

/// `59.00`
fn written(money: &Money) -> String {
    format!("{}.{:02}", money.amount / 100, money.amount % 100)
}

fn field_error(field: &str, message: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_people_write_them() {
        let table = [
            ("", Ok(None)),
            (" 59 ", Ok(Some(5900))),
            ("59.5", Ok(Some(5950))),
            ("59,05", Ok(Some(5905))),
            ("0", Ok(Some(0))),
            ("-1", Err(())),
            ("1.234", Err(())),
            ("1e9", Err(())),
            ("1.", Err(())),
            (".5", Err(())),
            ("9999999999", Err(())),
        ];
        for (text, expected) in table {
            assert_eq!(amount(text), expected, "{text:?}");
        }
    }

    #[test]
    fn places_are_digits_and_count_only_if_limited() {
        for (limited, typed, places) in [
            (true, " 12 ", Some(12)),
            (true, "0", Some(0)),
            (true, "1000000", Some(1_000_000)),
            (true, "1000001", None),
            (true, "+5", None),
            (true, "-5", None),
            (true, "", None),
            (true, "many", None),
            (false, "12", None),
        ] {
            let draft = Draft {
                limited,
                capacity: typed.to_owned(),
                ..Draft::default()
            };
            assert_eq!(draft.places(), places, "{typed:?}");
            let refused = limited && !typed.is_empty() && places.is_none();
            assert_eq!(draft.to_json().is_err(), refused, "{typed:?}");
        }
    }

    #[test]
    fn a_form_keeps_the_order_of_its_rows_and_leaves_blank_ones_out() {
        let form = "title=T&s10=Later&s10l1-title=B&s10l1-minutes=5&s2=First&s2l10-title=Z&s2l10-minutes=1\
                    &s2l9-title=A&s2l9-minutes=2&s2l9-preview=yes&s2l9-id=x&s3=&s3l0-title=&s3l0-minutes=&sx=1&s1l=2&s70000=q";
        let draft = Draft::read(Form::parse_up_to(form.as_bytes(), &[], 100).unwrap());
        let titles: Vec<_> = draft
            .sections
            .iter()
            .map(|section| section.title.as_str())
            .collect();
        assert_eq!(titles, ["First", "Later"]);
        let lessons = &draft.sections[0].lessons;
        assert_eq!((lessons[0].title.as_str(), lessons[1].title.as_str()), ("A", "Z"));
        assert!(lessons[0].preview && lessons[0].id == "x" && !lessons[1].preview);
    }
}
