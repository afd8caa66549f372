//! `/learn/{slug}/certificate`: what says that its owner has done every lesson of a course. It is a page to be printed.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use latchkey_web::{answer, see_other};

use super::learn::{self, Lessons};
use super::other_language;
use crate::Storefront;
use crate::format::{self, Day, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/certificate.html")]
struct CertificatePage<'a> {
    page: &'a ShopPage,
    course: &'a str,
    lang: Option<String>,
    back: String,
    learner: &'a str,
    instructor: &'a str,
    lessons: Lessons,
    /// Absent as long as something is left to do.
    issued: Option<Issued>,
    not_yet: String,
}

struct Issued {
    number: String,
    day: Option<Day>,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(slug) = path.map_err(|_| PageError::Missing)?;
    let (Some(login), Some(sub), Some(user)) = (visit.login(), visit.sub(), visit.user()) else {
        return Err(PageError::SignedOut);
    };
    let (course, owned) = match learn::owned(&storefront, login, &slug).await? {
        Ok(both) => both,
        Err(to) => return Ok(see_other(&format!("/learn/{}/certificate", segment(&to)))),
    };
    let lessons = learn::count(&course, &owned.lessons_done);
    let words = &visit.context.words;
    let key = storefront
        .logins()?
        .store
        .seal()
        .derive("certificate", &[sub, &course.summary.id]);
    let issued = lessons.are_all_done().then(|| Issued {
        number: number(&key),
        day: owned.learned_at.as_deref().and_then(|at| format::day(words, at)),
    });
    let page = visit.page(words.say("certificate.title"));
    let view = CertificatePage {
        page: &page,
        course: &course.summary.title,
        lang: other_language(words, &course.summary.language),
        back: format!("/learn/{}", segment(&slug)),
        learner: &user.name,
        instructor: &course.summary.instructor_name,
        not_yet: words.fill(
            "certificate.not_yet_next",
            &[("done", &lessons.done), ("all", &lessons.all)],
        ),
        lessons,
        issued,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// A number for people, always the same for the same learner and course, which says nothing about either.
fn number(key: &str) -> String {
    let signs: Vec<char> = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|sign| sign.to_ascii_uppercase())
        .take(12)
        .collect();
    let groups: Vec<String> = signs.chunks(4).map(|group| group.iter().collect()).collect();
    format!("LK-{}", groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_can_be_read_out() {
        assert_eq!(
            number("ab_c-d0123456789xyz9876543210abcdefghijklmnop"),
            "LK-ABCD-0123-4567"
        );
    }
}
