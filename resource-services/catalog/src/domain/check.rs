//! The rules that turn a draft into content, or report all of its errors at once.

use std::collections::BTreeSet;

use latchkey_kit::{FieldError, FieldErrors, MoneyDraft, is_id};

use super::{Content, Draft, Lesson, Price, Section, SectionDraft};

impl Draft {
    /// Checks everything that needs no further facts. `known` are the existing lessons of the course; `new_id` creates
    /// ids for new ones.
    pub fn check(
        self,
        known: &BTreeSet<String>,
        currency: &str,
        new_id: &mut dyn FnMut() -> String,
    ) -> Result<Content, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let content = Content {
            title: errors.line("title", &self.title, 5, 120),
            subtitle: errors.line("subtitle", &self.subtitle.unwrap_or_default(), 0, 200),
            description_md: errors.prose("description_md", &self.description_md.unwrap_or_default(), 20_000),
            category_id: self.category_id,
            language: self.language.unwrap_or_else(|| "en".to_owned()),
            level: self.level.unwrap_or_default(),
            outcomes: lines(&mut errors, "outcomes", self.outcomes),
            requirements: lines(&mut errors, "requirements", self.requirements),
            sections: sections(&mut errors, self.sections.unwrap_or_default(), known, new_id),
            price: price(&mut errors, self.price, self.list_price, currency),
            limited: self.limited.unwrap_or(false),
            photo_id: self.photo_id,
        };
        if content.category_id.as_deref().is_some_and(|id| !is_id(id)) {
            errors.add("category_id", "does not name an existing category");
        }
        if content.photo_id.as_deref().is_some_and(|id| !is_id(id)) {
            errors.add("photo_id", "must be the id of a photo");
        }
        if !is_language(&content.language) {
            errors.add("language", "must be a language tag such as en or pt-BR");
        }
        errors.into_result(content)
    }
}

fn lines(errors: &mut FieldErrors, field: &str, lines: Option<Vec<String>>) -> Vec<String> {
    let lines = lines.unwrap_or_default();
    errors.count(field, lines.len(), 20);
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| errors.line(&format!("{field}[{at}]"), line, 1, 200))
        .collect()
}

fn sections(
    errors: &mut FieldErrors,
    drafts: Vec<SectionDraft>,
    known: &BTreeSet<String>,
    new_id: &mut dyn FnMut() -> String,
) -> Vec<Section> {
    errors.count("sections", drafts.len(), 40);
    errors.count(
        "lessons",
        drafts.iter().map(|section| section.lessons.len()).sum(),
        400,
    );
    let mut used = BTreeSet::new();
    let mut sections = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        let field = format!("sections[{at}]");
        let title = errors.line(&format!("{field}.title"), &draft.title, 1, 120);
        let lessons = draft.lessons.into_iter().enumerate().map(|(at, lesson)| {
            let field = format!("{field}.lessons[{at}]");
            if !(1..=600).contains(&lesson.minutes) {
                errors.add(format!("{field}.minutes"), "must be 1 to 600");
            }
            if let Some(id) = &lesson.id
                && !(known.contains(id) && used.insert(id.clone()))
            {
                errors.add(
                    format!("{field}.id"),
                    "must be the id of a lesson of this course, used only once",
                );
            }
            Lesson {
                title: errors.line(&format!("{field}.title"), &lesson.title, 1, 120),
                id: lesson.id.unwrap_or_else(&mut *new_id),
                minutes: lesson.minutes,
                preview: lesson.preview,
            }
        });
        sections.push(Section {
            lessons: lessons.collect(),
            title,
        });
    }
    sections
}

fn price(
    errors: &mut FieldErrors,
    price: Option<MoneyDraft>,
    list: Option<MoneyDraft>,
    currency: &str,
) -> Option<Price> {
    for (field, money) in [("price", &price), ("list_price", &list)] {
        if let Some(money) = money {
            money.check(errors, field, 0..=MoneyDraft::HIGHEST_PRICE, currency);
        }
    }
    match (price, list) {
        (Some(price), list) => {
            if list.as_ref().is_some_and(|list| list.amount < price.amount) {
                errors.add("list_price.amount", "must not be below the price");
            }
            Some(Price {
                amount: price.amount,
                list: list.map(|list| list.amount),
                currency: price.currency,
            })
        }
        (None, Some(_)) => {
            errors.add("list_price", "requires a price");
            None
        }
        (None, None) => None,
    }
}

/// `en`, `tr`, `pt-BR`: the part of BCP 47 that courses need.
pub fn is_language(tag: &str) -> bool {
    let (language, region) = tag.split_once('-').unwrap_or((tag, "XX"));
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && region.len() == 2
        && region.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::{LessonDraft, Level};
    use super::*;

    fn draft() -> Draft {
        Draft {
            title: "Rust from the ground up".into(),
            ..Draft::default()
        }
    }

    fn check(draft: Draft) -> Result<Content, Vec<String>> {
        let mut count = 0;
        let mut new_id = || {
            count += 1;
            format!("new-{count}")
        };
        let known = BTreeSet::from(["l1".to_owned(), "l2".to_owned()]);
        draft
            .check(&known, "EUR", &mut new_id)
            .map_err(|errors| errors.into_iter().map(|f| f.field).collect())
    }

    fn invalid_fields(draft: Draft) -> Vec<String> {
        check(draft).err().unwrap_or_default()
    }

    fn euros(amount: i64) -> Option<MoneyDraft> {
        Some(MoneyDraft {
            amount,
            currency: "EUR".into(),
        })
    }

    fn lesson(id: Option<&str>) -> LessonDraft {
        LessonDraft {
            id: id.map(str::to_owned),
            title: "Ownership".into(),
            minutes: 12,
            preview: false,
        }
    }

    fn with_lessons(lessons: Vec<LessonDraft>) -> Draft {
        Draft {
            sections: Some(vec![SectionDraft {
                title: "One".into(),
                lessons,
            }]),
            ..draft()
        }
    }

    #[test]
    fn a_title_alone_is_a_draft() {
        let content = check(draft()).unwrap();
        assert_eq!(
            (content.language.as_str(), content.level, content.price),
            ("en", Level::All, None)
        );
    }

    #[test]
    fn a_title_has_5_to_120_characters() {
        for (length, ok) in [(0, false), (4, false), (5, true), (120, true), (121, false)] {
            assert_eq!(
                invalid_fields(Draft {
                    title: "é".repeat(length),
                    ..draft()
                })
                .is_empty(),
                ok,
                "{length}"
            );
        }
    }

    /// RS-12.
    #[test]
    fn a_price_at_the_edges_of_its_type_is_refused_without_wrapping() {
        for amount in [
            i64::MIN,
            i64::MIN + 1,
            -1,
            MoneyDraft::HIGHEST_PRICE + 1,
            i64::MAX - 1,
            i64::MAX,
        ] {
            assert_eq!(
                invalid_fields(Draft {
                    price: euros(amount),
                    ..draft()
                }),
                ["price.amount"],
                "{amount}"
            );
        }
        for amount in [0, 1, MoneyDraft::HIGHEST_PRICE] {
            assert!(
                check(Draft {
                    price: euros(amount),
                    ..draft()
                })
                .is_ok(),
                "{amount}"
            );
        }
    }

    #[test]
    fn a_list_price_is_never_below_the_price_and_never_alone() {
        assert_eq!(
            invalid_fields(Draft {
                price: euros(100),
                list_price: euros(99),
                ..draft()
            }),
            ["list_price.amount"]
        );
        assert_eq!(
            invalid_fields(Draft {
                list_price: euros(99),
                ..draft()
            }),
            ["list_price"]
        );
        assert!(
            check(Draft {
                price: euros(100),
                list_price: euros(100),
                ..draft()
            })
            .is_ok()
        );
    }

    #[test]
    fn only_the_shops_currency_is_taken() {
        for currency in ["USD", "eur", "EUR ", ""] {
            let price = Some(MoneyDraft {
                amount: 5,
                currency: currency.into(),
            });
            assert_eq!(
                invalid_fields(Draft { price, ..draft() }),
                ["price.currency"],
                "{currency:?}"
            );
        }
    }

    #[test]
    fn lessons_keep_their_identifiers_and_new_ones_get_theirs() {
        let content = check(with_lessons(vec![
            lesson(Some("l2")),
            lesson(None),
            lesson(Some("l1")),
        ]))
        .unwrap();
        let ids: Vec<_> = content.lessons().map(|lesson| lesson.id.as_str()).collect();
        assert_eq!(ids, ["l2", "new-1", "l1"]);
    }

    #[test]
    fn an_identifier_of_another_courses_lesson_or_one_used_twice_is_refused() {
        assert_eq!(
            invalid_fields(with_lessons(vec![lesson(Some("theirs"))])),
            ["sections[0].lessons[0].id"]
        );
        let twice = with_lessons(vec![lesson(Some("l1")), lesson(Some("l1"))]);
        assert_eq!(invalid_fields(twice), ["sections[0].lessons[1].id"]);
    }

    /// RS-07.
    #[test]
    fn every_text_and_list_has_a_cap() {
        let long = |length: usize| Some("x".repeat(length));
        let many = |count: usize| Some(vec!["x".to_owned(); count]);
        let section = |lessons| SectionDraft {
            title: "One".into(),
            lessons,
        };
        for (field, draft) in [
            (
                "subtitle",
                Draft {
                    subtitle: long(201),
                    ..draft()
                },
            ),
            (
                "description_md",
                Draft {
                    description_md: long(20_001),
                    ..draft()
                },
            ),
            (
                "outcomes",
                Draft {
                    outcomes: many(21),
                    ..draft()
                },
            ),
            (
                "requirements",
                Draft {
                    requirements: many(21),
                    ..draft()
                },
            ),
            (
                "outcomes[0]",
                Draft {
                    outcomes: Some(vec!["x".repeat(201)]),
                    ..draft()
                },
            ),
            (
                "outcomes[0]",
                Draft {
                    outcomes: Some(vec![" ".into()]),
                    ..draft()
                },
            ),
            (
                "sections",
                Draft {
                    sections: Some(vec![section(Vec::new()); 41]),
                    ..draft()
                },
            ),
            (
                "lessons",
                Draft {
                    sections: Some(vec![section(vec![lesson(None); 401])]),
                    ..draft()
                },
            ),
            (
                "language",
                Draft {
                    language: Some("en-us".into()),
                    ..draft()
                },
            ),
            (
                "category_id",
                Draft {
                    category_id: Some("books'; --".into()),
                    ..draft()
                },
            ),
        ] {
            assert_eq!(invalid_fields(draft), [field]);
        }
    }

    #[test]
    fn minutes_are_between_one_and_ten_hours() {
        for minutes in [i64::MIN, -1, 0, 601, i64::MAX] {
            let lesson = LessonDraft {
                minutes,
                ..lesson(None)
            };
            assert_eq!(
                invalid_fields(with_lessons(vec![lesson])),
                ["sections[0].lessons[0].minutes"],
                "{minutes}"
            );
        }
    }

    #[test]
    fn a_body_of_rubbish_gets_a_short_answer() {
        let rubbish = with_lessons(vec![
            LessonDraft {
                minutes: 0,
                ..lesson(Some("x"))
            };
            300
        ]);
        assert_eq!(invalid_fields(rubbish).len(), 25);
    }
}
