//! The pages, and the views that several of them share.

pub mod action;
pub mod admin;
pub mod basket;
pub mod certificate;
pub mod checkout;
pub mod coupons;
pub mod course;
pub mod covers;
pub mod design;
pub mod home;
pub mod instructor;
pub mod invoice;
pub mod language;
pub mod learn;
pub mod ledger;
pub mod library;
pub mod listing;
pub mod order_status;
pub mod orders;
pub mod rating;
pub mod reviews;
pub mod sales;
pub mod sign_in;
pub mod theme;
pub mod wallet;
pub mod wishlist;

use latchkey_http::Form;
use latchkey_web::{Words, flash};

use rating::RatingView;

use crate::api::catalog::{Category, Summary};
use crate::cover::{self, Cover};
use crate::format::{self, Price, segment};

/// A course in a row or a list.
#[derive(Clone, Debug)]
pub struct Card {
    pub href: String,
    pub cover: Cover,
    pub title: String,
    /// If the title is not in the language of the page.
    pub lang: Option<String>,
    pub instructor: String,
    /// Level, extent, duration.
    pub facts: Vec<String>,
    pub price: Option<Price>,
    pub rating: Option<RatingView>,
    pub limited: bool,
}

#[derive(Clone, Debug)]
pub struct Crumb {
    /// `None` for the current page.
    pub href: Option<String>,
    pub label: String,
}

/// What happened, and what to do next.
pub struct Notice<'a> {
    /// `info`, `success`, `warning` or `danger`.
    pub tone: &'static str,
    pub title: &'a str,
    pub next: &'a str,
}

/// What a page says after a form has led to it: the tone, and the names of what happened and of what to do next.
pub type Said = (&'static str, &'static str, &'static str);

impl<'a> Notice<'a> {
    /// What the address says was done, if it is one of these words.
    pub fn done(words: &'a Words, query: &mut Form, known: &[(&str, Said)]) -> Option<Self> {
        let (tone, title, next) = flash(query, known)?;
        Some(Self {
            tone,
            title: words.say(title),
            next: words.say(next),
        })
    }
}

/// Why something did not come about, and what to do.
pub struct Failure {
    pub title: String,
    pub next: String,
}

/// All categories, with their colours.
#[derive(Clone, Debug, Default)]
pub struct Categories(pub Vec<Category>);

impl Categories {
    /// The top-level categories, in order.
    pub fn first_level(&self) -> impl Iterator<Item = &Category> {
        self.0.iter().filter(|category| category.parent_id.is_none())
    }

    pub fn below<'a>(&'a self, parent: &'a Category) -> impl Iterator<Item = &'a Category> {
        self.0
            .iter()
            .filter(|category| category.parent_id.as_deref() == Some(&parent.id))
    }

    pub fn by_id(&self, id: &str) -> Option<&Category> {
        self.0.iter().find(|category| category.id == id)
    }

    pub fn by_slug(&self, slug: &str) -> Option<&Category> {
        self.0.iter().find(|category| category.slug == slug)
    }

    /// The parent category, if there is one.
    pub fn above(&self, category: &Category) -> Option<&Category> {
        self.by_id(category.parent_id.as_deref()?)
    }

    /// A subcategory has the colour of its parent.
    pub fn hue(&self, category_id: Option<&str>) -> u16 {
        let place = category_id.and_then(|id| self.by_id(id)).and_then(|category| {
            let top = self.above(category).unwrap_or(category);
            self.first_level().position(|one| one.id == top.id)
        });
        cover::hue(place)
    }
}

impl Card {
    pub fn of(words: &Words, categories: &Categories, course: &Summary) -> Self {
        let mut facts = vec![words.say(course.level.message()).to_owned()];
        if course.lesson_count > 0 {
            facts.push(words.count("unit.lessons", course.lesson_count));
            facts.push(format::duration(words, course.minutes));
        }
        Self {
            href: format!("/courses/{}", segment(&course.slug)),
            cover: cover_of(categories, course),
            title: course.title.clone(),
            lang: other_language(words, &course.language),
            instructor: course.instructor_name.clone(),
            facts,
            price: course
                .price
                .as_ref()
                .map(|price| format::price(words, price, course.list_price.as_ref())),
            rating: course.rating.map(|rating| RatingView::of(words, rating)),
            limited: course.limited,
        }
    }
}

/// The photo of a course, or the picture that is drawn for it.
fn cover_of(categories: &Categories, course: &Summary) -> Cover {
    let hue = categories.hue(course.category_id.as_deref());
    Cover::of(hue, &course.id, course.photo_id.as_deref())
}

/// So that screen readers pronounce it correctly.
fn other_language(words: &Words, tag: &str) -> Option<String> {
    (tag != words.tag()).then(|| tag.to_owned())
}

/// The address of the next page of a list, if there is one.
fn next_page(path: &str, cursor: Option<String>) -> Option<String> {
    cursor.map(|cursor| format!("{path}?cursor={}", segment(&cursor)))
}

fn category_path(category: &Category) -> String {
    format!("/categories/{}", segment(&category.slug))
}
