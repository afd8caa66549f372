//! The demo catalogue: read from `demo/courses.toml`, written by the same hands as everybody's courses.

use latchkey_bus::Cause;
use latchkey_db::Tx;
use serde::Deserialize;

use crate::authoring::{Desk, Intent};
use crate::domain::{
    Caller, Category, CategoryDraft, Draft, LessonDraft, Level, MoneyDraft, SectionDraft, Status, slug_of,
};
use crate::{Catalog, CatalogError, store};

/// Publishes the demo courses in the name of an instructor and says how many were new. What is there already is
/// known by its address, stays as it is, and counts as nothing.
pub async fn seed(
    catalog: &Catalog,
    instructor_id: &str,
    instructor_name: &str,
    now_ms: i64,
) -> Result<usize, CatalogError> {
    let shelf: Shelf = toml::from_str(include_str!("../demo/courses.toml")).map_err(CatalogError::Demo)?;
    let desk = Desk {
        now: now_ms,
        ..catalog.desk(Cause::request("", instructor_id))
    };
    let (sub, name) = (instructor_id.to_owned(), instructor_name.to_owned());
    catalog
        .db
        .write(move |tx| async move {
            if store::instructor_name(&tx, &sub).await?.is_empty() {
                store::remember_instructor(&tx, &sub, &name, 0).await?; // identity's own word comes with a version above
            }
            fill(&desk, &tx, &sub, shelf).await
        })
        .await
}

/// All in one transaction: a demo catalogue is there, or it is not.
async fn fill(desk: &Desk, tx: &Tx, sub: &str, shelf: Shelf) -> Result<usize, CatalogError> {
    let caller = Caller::Person {
        sub: sub.to_owned(),
        admin: false,
    };
    let mut written = 0;
    for (age, course) in (1..).zip(shelf.courses) {
        if store::course_by_slug(tx, &slug_of(&course.title))
            .await?
            .is_some()
        {
            continue;
        }
        let position = (0..)
            .zip(&shelf.categories)
            .find(|(_, name)| **name == course.category);
        let category = shelved(
            desk,
            tx,
            &course.category,
            position.map_or(0, |(position, _)| position),
        )
        .await?;
        // "Newest" should have something to sort.
        let desk = Desk {
            now: desk.now - age * THREE_DAYS_MS,
            ..desk.clone()
        };
        let course = desk
            .create(tx, sub, course.draft(category, &desk.currency))
            .await?;
        desk.change(
            tx,
            &caller,
            &course.id,
            course.version,
            Intent::Step(Status::Published),
        )
        .await?;
        written += 1;
    }
    Ok(written)
}

/// The category of this name, put up if it is not there.
async fn shelved(desk: &Desk, tx: &Tx, name: &str, position: i64) -> Result<String, CatalogError> {
    let slug = slug_of(name);
    if let Some(there) = store::categories(tx)
        .await?
        .into_iter()
        .find(|category| category.slug == slug)
    {
        return Ok(there.id);
    }
    store::lock_tree(tx).await?;
    let draft = CategoryDraft {
        name: name.to_owned(),
        parent_id: None,
        position,
    };
    let id = desk.random.uuid_v7(desk.now);
    let place = store::place(tx, &id, Some(&draft)).await?;
    let category = Category::born(id, draft, &place)?;
    store::insert_category(tx, &category).await?;
    Ok(category.id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shelf {
    categories: Vec<String>,
    courses: Vec<DemoCourse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoCourse {
    category: String,
    title: String,
    subtitle: String,
    language: String,
    level: Level,
    /// Minor units of the shop's currency.
    price: i64,
    list_price: Option<i64>,
    #[serde(default)]
    limited: bool,
    description: String,
    outcomes: Vec<String>,
    requirements: Vec<String>,
    sections: Vec<DemoSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoSection {
    title: String,
    /// Title and minutes.
    lessons: Vec<(String, i64)>,
}

impl DemoCourse {
    fn draft(self, category_id: String, currency: &str) -> Draft {
        let money = |amount: i64| MoneyDraft {
            amount,
            currency: currency.to_owned(),
        };
        let mut first = true;
        let mut lesson = |(title, minutes)| LessonDraft {
            id: None,
            title,
            minutes,
            preview: std::mem::take(&mut first), // the first lesson of the first section
        };
        let sections = self.sections.into_iter().map(|section| SectionDraft {
            lessons: section.lessons.into_iter().map(&mut lesson).collect(),
            title: section.title,
        });
        Draft {
            title: self.title,
            kind: None,
            subtitle: Some(self.subtitle),
            description_md: Some(self.description),
            category_id: Some(category_id),
            language: Some(self.language),
            level: Some(self.level),
            outcomes: Some(self.outcomes),
            requirements: Some(self.requirements),
            sections: Some(sections.collect()),
            price: Some(money(self.price)),
            list_price: self.list_price.map(money),
            limited: Some(self.limited),
        }
    }
}

const THREE_DAYS_MS: i64 = 3 * 86_400_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shelf() -> Shelf {
        toml::from_str(include_str!("../demo/courses.toml")).unwrap()
    }

    #[test]
    fn the_shelf_holds_what_a_visitor_should_find() {
        let shelf = shelf();
        let languages: BTreeSet<_> = shelf
            .courses
            .iter()
            .map(|course| course.language.as_str())
            .collect();
        assert!(shelf.courses.len() >= 26 && shelf.categories.len() == 6);
        assert_eq!(languages, BTreeSet::from(["de", "en", "fr", "tr"]));
    }

    #[test]
    fn every_demo_course_is_worth_looking_at() {
        let shelf = shelf();
        for course in &shelf.courses {
            let title = &course.title;
            assert!(shelf.categories.contains(&course.category), "{title}");
            assert!(
                (150..=500).contains(&course.description.chars().count()),
                "{title}"
            );
            assert!((3..=5).contains(&course.outcomes.len()), "{title}");
            assert!((2..=4).contains(&course.sections.len()), "{title}");
            assert!(
                course
                    .sections
                    .iter()
                    .all(|section| (2..=5).contains(&section.lessons.len())),
                "{title}"
            );
        }
    }

    #[test]
    fn no_two_demo_courses_share_an_address() {
        let slugs: BTreeSet<_> = shelf()
            .courses
            .iter()
            .map(|course| slug_of(&course.title))
            .collect();
        assert_eq!(slugs.len(), shelf().courses.len());
    }
}
