//! `/learn/{slug}`: the lessons of a course that the user owns, which of them are done, and the next one.

use std::collections::HashSet;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::events::course::CourseKind;
use latchkey_web::{Words, answer, see_other};

use super::other_language;
use crate::Storefront;
use crate::api::catalog::{Course, Found, Lesson, Section};
use crate::api::inventory::LibraryDetails;
use crate::format::{self, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/learn.html")]
struct LearnPage<'a> {
    page: &'a ShopPage,
    title: &'a str,
    lang: Option<String>,
    action: String,
    /// The address of the form of their review.
    review: String,
    done: i64,
    all: i64,
    label: String,
    facts: String,
    next: Option<Next<'a>>,
    sections: Vec<SectionView<'a>>,
}

struct Next<'a> {
    /// The name of the message above it.
    kicker: &'static str,
    n: usize,
    title: &'a str,
}

struct SectionView<'a> {
    title: &'a str,
    facts: String,
    /// The first section with something left to do.
    open: bool,
    lessons: Vec<LessonView<'a>>,
}

struct LessonView<'a> {
    /// Its place in the course, from 1.
    n: usize,
    id: &'a str,
    title: &'a str,
    time: String,
    done: bool,
    /// The name of the button that marks it.
    mark: String,
    next: bool,
}

/// How many lessons a course has, and how many of them are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lessons {
    pub done: i64,
    pub all: i64,
}

impl Lessons {
    pub fn are_all_done(self) -> bool {
        self.all > 0 && self.done == self.all
    }
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let (course, owned) = match owned(&storefront, login, &slug).await? {
        Ok(both) => both,
        Err(to) => return Ok(see_other(&format!("/learn/{}", segment(&to)))),
    };
    let done: HashSet<&str> = owned.lessons_done.iter().map(String::as_str).collect();
    let words = &visit.context.words;
    let page = visit.page(course.summary.title.as_str());
    Ok(answer(StatusCode::OK, &view(&page, words, &course, &done)))
}

/// Marks a lesson as done.
pub async fn mark(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let lesson = form.take("lesson").ok_or(PageError::Bad)?;
    let course = match storefront.api.catalog.course(&slug).await? {
        Found::Moved(to) => return Ok(see_other(&format!("/learn/{}", segment(&to)))),
        Found::Here(course) => course,
    };
    // Only what the course has can be done, or progress would count what nobody sees.
    if !lessons(&course).any(|(_, known)| known.id == lesson) {
        return Err(PageError::Bad);
    }
    let id = &course.summary.id;
    let owned = storefront.api.inventory.learn(login, id, &[&lesson]).await?;
    let done: HashSet<&str> = owned.lessons_done.iter().map(String::as_str).collect();
    let next = lessons(&course).find(|(_, lesson)| !done.contains(lesson.id.as_str()));
    let anchor = next.map(|(n, _)| format!("#l{n}")).unwrap_or_default();
    Ok(see_other(&format!("/learn/{}{anchor}", segment(&slug))))
}

/// A course of the user's with what is done of it, or the name that the course has now.
pub async fn owned(
    storefront: &Storefront,
    login: &str,
    slug: &str,
) -> Result<Result<(Box<Course>, LibraryDetails), String>, PageError> {
    let course = match storefront.api.catalog.course(slug).await? {
        Found::Moved(to) => return Ok(Err(to)),
        Found::Here(course) => course,
    };
    // A course that is not theirs is one that does not exist here.
    let owned = storefront.api.inventory.item(login, &course.summary.id).await?;
    match owned.item.kind {
        CourseKind::Course => Ok(Ok((course, owned))),
        CourseKind::Item => Err(PageError::Missing),
    }
}

/// How far the user is. Lessons that were taken out of the course since do not count.
pub fn count(course: &Course, done: &[String]) -> Lessons {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let finished = lessons(course).filter(|(_, lesson)| done.contains(&lesson.id));
    Lessons {
        done: number(finished.count()),
        all: number(lessons(course).count()),
    }
}

/// The lessons of a course with their places, from 1.
fn lessons(course: &Course) -> impl Iterator<Item = (usize, &Lesson)> {
    let all = course.sections.iter().flat_map(|section| &section.lessons);
    (1..).zip(all)
}

fn view<'a>(page: &'a ShopPage, words: &'a Words, course: &'a Course, done: &HashSet<&str>) -> LearnPage<'a> {
    let is_done = |lesson: &Lesson| done.contains(lesson.id.as_str());
    let count = |lessons: usize| i64::try_from(lessons).unwrap_or(i64::MAX);
    let all = count(lessons(course).count());
    let finished = count(lessons(course).filter(|(_, lesson)| is_done(lesson)).count());
    let next = lessons(course).find(|(_, lesson)| !is_done(lesson));
    let next_n = next.map(|(n, _)| n);
    let mut n = 0;
    let section = |section: &'a Section| {
        let lessons: Vec<LessonView<'a>> = section
            .lessons
            .iter()
            .map(|lesson| {
                n += 1;
                LessonView {
                    n,
                    id: &lesson.id,
                    title: &lesson.title,
                    time: format::duration(words, lesson.minutes),
                    done: is_done(lesson),
                    mark: words.fill("learn.mark_named", &[("title", &lesson.title)]),
                    next: Some(n) == next_n,
                }
            })
            .collect();
        let finished = count(lessons.iter().filter(|lesson| lesson.done).count());
        let all = count(lessons.len());
        SectionView {
            title: &section.title,
            facts: words.fill("library.done", &[("done", &finished), ("all", &all)]),
            open: lessons.iter().any(|lesson| lesson.next),
            lessons,
        }
    };
    LearnPage {
        page,
        title: &course.summary.title,
        lang: other_language(words, &course.summary.language),
        action: format!("/learn/{}", segment(&course.summary.slug)),
        review: format!("/courses/{}/review", segment(&course.summary.slug)),
        done: finished,
        all,
        label: words.fill("library.progress", &[("title", &course.summary.title)]),
        facts: words.fill("library.done", &[("done", &finished), ("all", &all)]),
        next: next.map(|(n, lesson)| Next {
            kicker: match finished {
                0 => "learn.begin",
                _ => "learn.resume",
            },
            n,
            title: &lesson.title,
        }),
        sections: course.sections.iter().map(section).collect(),
    }
}
