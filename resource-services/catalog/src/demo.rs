//! The demo catalogue: read from `demo/courses.toml` and written by the same commands as any course.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_bus::Cause;
use latchkey_contracts::resource::INSTRUCTOR;
use latchkey_kit::{Caller, Context, DemoUser, MoneyDraft, Transaction, demo_course_id};
use serde::Deserialize;

use crate::commands::{self, Intent};
use crate::domain::{
    Category, CategoryDraft, Draft, LessonDraft, Level, ReviewDraft, Seats, SectionDraft, Status, slug_of,
};
use crate::{Error, store};

/// Publishes the demo courses in the name of the first instructor, if there is one.
pub fn fill(context: Context, users: Vec<DemoUser>) -> BoxFuture<'static, Result<(), String>> {
    async move {
        let teaches = |user: &&DemoUser| user.roles.iter().any(|role| role == INSTRUCTOR);
        let Some(instructor) = users.iter().find(teaches) else {
            return Ok(());
        };
        seed(&context, &instructor.id, &instructor.display_name)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }
    .boxed()
}

/// Publishes the demo courses and returns how many were new. Existing ones are recognized by their slug, stay as they
/// are, and are not counted.
pub async fn seed(context: &Context, instructor_id: &str, instructor_name: &str) -> Result<usize, Error> {
    let shelf = shelf();
    let (sub, name) = (instructor_id.to_owned(), instructor_name.to_owned());
    context
        .write(Cause::request("", instructor_id), async move |t| {
            if store::instructor_name(&t.tx, &sub).await?.is_empty() {
                store::remember_instructor(&t.tx, &sub, &name, 0).await?; // identity's own event has a higher version
            }
            publish(&t, &sub, shelf).await
        })
        .await
}

fn shelf() -> Shelf {
    toml::from_str(include_str!("../demo/courses.toml")).expect("a test reads the same text")
}

fn reviews() -> Reviews {
    toml::from_str(include_str!("../demo/reviews.toml")).expect("a test reads the same text")
}

fn seats_of(capacity: i64) -> Seats {
    Seats {
        capacity: Some(capacity),
        taken: 0,
        version: 0,
    }
}

/// All in one transaction: the demo catalogue is either complete or absent.
async fn publish(t: &Transaction, sub: &str, shelf: Shelf) -> Result<usize, Error> {
    let caller = Caller::Person {
        sub: sub.to_owned(),
        admin: false,
    };
    let mut reviews = reviews();
    let mut written = 0;
    for (age, course) in (1..).zip(shelf.courses) {
        let slug = slug_of(&course.title);
        if store::course_by_slug(&t.tx, &slug).await?.is_some() {
            continue;
        }
        let position = (0..)
            .zip(&shelf.categories)
            .find(|(_, name)| **name == course.category);
        let position = position.map_or(0, |(position, _)| position);
        let category = category(t, &course.category, position).await?;
        // Gives the order "newest" something to sort.
        let t = t.at(t.now - age * THREE_DAYS_MS);
        let id = demo_course_id(&slug);
        if let Some(seats) = course.seats {
            store::remember_seats(&t.tx, &id, seats_of(seats)).await?; // inventory's own event has a higher version
        }
        let draft = course.draft(category, &t.currency);
        let course = commands::create_as(&t, id, sub, draft).await?;
        let publish = Intent::Step(Status::Published);
        commands::change(&t, &caller, &course.id, course.version, publish).await?;
        for (at, (stars, name, text)) in (1..).zip(reviews.remove(&slug).unwrap_or_default()) {
            let draft = ReviewDraft {
                stars,
                text: Some(text),
                name: Some(name),
            };
            let reviewer = demo_course_id(&format!("reviewer {at} of {slug}")); // nobody who signs in
            let t = t.at(t.now + at * NINE_HOURS_MS);
            commands::signed_review(&t, &reviewer, &course.id, draft).await?;
        }
        written += 1;
    }
    Ok(written)
}

/// The category with this name, created if it does not exist.
async fn category(t: &Transaction, name: &str, position: i64) -> Result<String, Error> {
    let slug = slug_of(name);
    if let Some(there) = store::categories(&t.tx)
        .await?
        .into_iter()
        .find(|category| category.slug == slug)
    {
        return Ok(there.id);
    }
    store::lock_tree(&t.tx).await?;
    let draft = CategoryDraft {
        name: name.to_owned(),
        parent_id: None,
        position,
    };
    let id = t.new_id();
    let place = store::place(&t.tx, &id, Some(&draft)).await?;
    let category = Category::create(id, draft, &place)?;
    store::insert_category(&t.tx, &category).await?;
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
    /// In minor units of the shop's currency.
    price: i64,
    list_price: Option<i64>,
    /// How many places inventory's demo gives a limited course.
    seats: Option<i64>,
    description: String,
    outcomes: Vec<String>,
    requirements: Vec<String>,
    sections: Vec<DemoSection>,
}

/// Stars, signature and text of the reviews of a course, by its slug.
type Reviews = BTreeMap<String, Vec<(i64, String, String)>>;

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
            limited: Some(self.seats.is_some()),
            photo_id: None,
        }
    }
}

const THREE_DAYS_MS: i64 = 3 * 86_400_000;
const NINE_HOURS_MS: i64 = 9 * 3_600_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
    fn every_demo_review_is_of_a_demo_course() {
        let slugs: BTreeSet<_> = shelf()
            .courses
            .iter()
            .map(|course| slug_of(&course.title))
            .collect();
        let reviews = reviews();
        assert!(reviews.len() >= 8);
        for (slug, reviews) in reviews {
            assert!(slugs.contains(&slug), "{slug}");
            assert!(
                reviews.iter().all(|(stars, ..)| (1..=5).contains(stars)),
                "{slug}"
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
