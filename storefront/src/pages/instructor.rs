//! `/teach`: an instructor's own courses, and the form that edits one.

mod capacity;
mod draft;
mod fault;
pub mod photo;

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_http::Form;
use latchkey_web::{FORM_TOKEN, Words, answer, is_form_token, see_other};

use super::{Categories, Notice, Said, cover_of};
use crate::Storefront;
use crate::api::catalog::MyCourse;
use crate::api::{ApiError, FieldError};
use crate::cover::Cover;
use crate::format::{self, Day, Price, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::search::Level;
use crate::visit::Visit;

use capacity::Unset;
use draft::Draft;
use fault::fault;

/// The maximum number of form fields: 400 lessons with four each, and the rest.
const MOST_FIELDS: usize = 4_096;

#[derive(Template)]
#[template(path = "storefront/instructor.html")]
struct TeachPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    rows: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    href: String,
    title: String,
    cover: Cover,
    status: &'a str,
    tone: &'static str,
    price: Option<Price>,
    updated: Option<Day>,
}

#[derive(Template)]
#[template(path = "storefront/course_form.html")]
struct FormPage<'a> {
    page: &'a ShopPage,
    heading: &'a str,
    action: String,
    notice: Option<Notice<'a>>,
    unwritten: Option<Unwritten>,
    draft: Draft,
    errors: Vec<ErrorLine>,
    categories: Vec<Choice>,
    levels: Vec<Choice>,
    languages: Vec<Choice>,
    /// The state of an existing course.
    state: Option<CourseState<'a>>,
    /// The photo of an existing course that can still be changed.
    photo: Option<PhotoForm>,
}

/// The form for a photo, beside that of the text.
struct PhotoForm {
    action: String,
    version: i64,
    cover: Cover,
    /// The address that removes the photo, if there is one.
    remove: Option<String>,
}

/// A form that was sent without a valid sign-in or form token: it is shown again, and nothing typed is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unwritten {
    SignedOut,
    Again,
    /// The user is no instructor any more.
    Forbidden,
}

impl Unwritten {
    fn is_signed_out(self) -> bool {
        self == Self::SignedOut
    }

    fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Again => "again",
            Self::Forbidden => "forbidden",
        }
    }

    /// The messages of the title and of the next step.
    fn messages(self) -> (&'static str, &'static str) {
        match self {
            Self::SignedOut => ("teach.signed_out", "teach.signed_out_next"),
            Self::Again => ("teach.again", "teach.again_next"),
            Self::Forbidden => ("teach.forbidden", "teach.forbidden_next"),
        }
    }
}

/// What is wrong, and in which field of the page.
struct ErrorLine {
    /// The id of the field; empty if it concerns none.
    at: &'static str,
    text: String,
}

impl FormPage<'_> {
    fn is_wrong(&self, id: &str) -> bool {
        self.errors.iter().any(|error| error.at == id)
    }

    /// The errors of a field.
    fn errors_at<'b>(&'b self, id: &str) -> impl Iterator<Item = &'b str> {
        let id = id.to_owned();
        let here = self.errors.iter().filter(move |error| error.at == id);
        here.map(|error| error.text.as_str())
    }

    /// One button of a page is the primary one: publishing, for a draft.
    fn is_draft(&self) -> bool {
        self.state
            .as_ref()
            .is_some_and(|state| state.steps.iter().any(|step| step.primary))
    }

    /// The texts that describe a field: its errors, then its help.
    fn described_by(&self, id: &str, help: &str) -> String {
        match self.is_wrong(id) {
            true => format!("fault-{id} {help}").trim_end().to_owned(),
            false => help.to_owned(),
        }
    }
}

/// An option of a select.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

struct CourseState<'a> {
    status: &'a str,
    tone: &'static str,
    steps: Vec<Step<'a>>,
    public: Option<String>,
    /// The address of the archiving question.
    archive: Option<String>,
}

#[derive(Template)]
#[template(path = "storefront/archive.html")]
struct ArchivePage<'a> {
    page: &'a ShopPage,
    course: String,
    title: &'a str,
    version: i64,
}

struct Step<'a> {
    action: String,
    name: &'static str,
    label: &'a str,
    primary: bool,
}

pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Some(login) = visit.login() else {
        return Ok(visit.to_sign_in());
    };
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let asked = storefront.api.catalog.mine(login, cursor.as_deref());
    let (mine, categories) = futures::future::join(asked, storefront.api.catalog.categories()).await;
    let mine = match mine {
        Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
        Err(ApiError::Forbidden) => return Err(PageError::NotInstructor),
        other => other?,
    };
    let categories = Categories(categories?);
    let words = &visit.context.words;
    let rows = mine.items.iter().map(|item| Row {
        href: format!("/teach/{}", segment(&item.summary.id)),
        title: item.summary.title.clone(),
        cover: cover_of(&categories, &item.summary),
        status: status_words(words, &item.status),
        tone: tone(&item.status),
        price: item
            .summary
            .price
            .as_ref()
            .map(|price| format::price(words, price, None)),
        updated: format::day(words, &item.updated_at),
    });
    let page = visit.page(words.say("teach.title"));
    let view = TeachPage {
        page: &page,
        notice: Notice::done(words, &mut form, &DONE),
        rows: rows.collect(),
        next: mine
            .next_cursor
            .map(|cursor| format!("/teach?cursor={}", segment(&cursor))),
    };
    Ok(answer(StatusCode::OK, &view))
}

pub async fn blank(State(storefront): State<Storefront>, visit: Visit) -> Result<Response, PageError> {
    if visit.login().is_none() {
        return Ok(visit.to_sign_in());
    }
    // Nobody fills in a form that would be refused.
    if !visit.teaches() {
        return Err(PageError::NotInstructor);
    }
    let draft = Draft::blank(&storefront.key());
    Sheet::of(draft).show(&storefront, &visit).await
}

pub async fn create(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (login, draft) = match posted(&storefront, &visit, &headers, body)? {
        Ok(posted) => posted,
        Err((why, draft)) => return Sheet::of(draft).unwritten(why).show(&storefront, &visit).await,
    };
    let written = match draft.to_json() {
        Ok(json) => storefront.api.catalog.create(login, &draft.key, &json).await,
        Err(errors) => Err(ApiError::Invalid(errors)),
    };
    match written {
        Ok(course) => {
            let id = course.course.summary.id;
            let set = capacity::set(&storefront, login, &id, &draft).await;
            let word = Unset::word(set);
            Ok(see_other(&format!("/teach/{}?done=created{word}", segment(&id))))
        }
        Err(ApiError::SignedOut) => {
            let sheet = Sheet::of(draft).unwritten(Unwritten::SignedOut);
            sheet.show(&storefront, &visit.signed_out()).await
        }
        Err(ApiError::Forbidden) => {
            let sheet = Sheet::of(draft).unwritten(Unwritten::Forbidden);
            sheet.show(&storefront, &visit).await
        }
        Err(ApiError::Invalid(errors)) => Sheet::of(draft).wrong(errors).show(&storefront, &visit).await,
        Err(error) => Err(error.into()),
    }
}

pub async fn edit(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let Some(login) = visit.login() else {
        return Ok(visit.to_sign_in());
    };
    let course = match storefront.api.catalog.my_course(login, &id).await {
        Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
        other => other?,
    };
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let draft = Draft {
        capacity: capacity::written(&storefront, login, &course).await,
        ..Draft::of(&course)
    };
    let sheet = Sheet {
        course: Some(&course),
        notice: Notice::done(&visit.context.words, &mut form, &DONE),
        ..Sheet::of(draft)
    };
    sheet.show(&storefront, &visit).await
}

pub async fn save(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let kept = |why, draft| Sheet {
        id: Some(&id),
        ..Sheet::of(draft).unwritten(why)
    };
    let (login, draft) = match posted(&storefront, &visit, &headers, body)? {
        Ok(posted) => posted,
        Err((why, draft)) => return kept(why, draft).show(&storefront, &visit).await,
    };
    let version = draft.version.parse().map_err(|_| PageError::Bad)?;
    let signed_out = async |draft| {
        let sheet = kept(Unwritten::SignedOut, draft);
        sheet.show(&storefront, &visit.signed_out()).await
    };
    let written = match draft.to_json() {
        Ok(json) => storefront.api.catalog.replace(login, &id, version, &json).await,
        Err(errors) => Err(ApiError::Invalid(errors)),
    };
    let errors = match written {
        Ok(_) => {
            let word = Unset::word(capacity::set(&storefront, login, &id, &draft).await);
            return Ok(see_other(&format!("/teach/{}?done=saved{word}", segment(&id))));
        }
        Err(ApiError::SignedOut) => return signed_out(draft).await,
        Err(ApiError::Forbidden) => return kept(Unwritten::Forbidden, draft).show(&storefront, &visit).await,
        Err(ApiError::Invalid(errors)) => errors,
        // Typed text is not discarded.
        Err(ApiError::Stale) => vec![FieldError {
            field: String::new(),
            message: visit.context.words.say("teach.stale").to_owned(),
        }],
        Err(error) => return Err(error.into()),
    };
    let course = match storefront.api.catalog.my_course(login, &id).await {
        Err(ApiError::SignedOut) => return signed_out(draft).await,
        other => other?,
    };
    let sheet = Sheet {
        course: Some(&course),
        ..Sheet::of(draft).wrong(errors)
    };
    sheet.show(&storefront, &visit).await
}

pub async fn step(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path((id, name)) = path.map_err(|_| PageError::Missing)?;
    if !["publish", "unlist", "archive"].contains(&name.as_str()) {
        return Err(PageError::Missing);
    }
    let kept = async |why, draft, visit: &Visit| match (name.as_str(), why) {
        // There is no form to keep: the question is asked again.
        ("archive", Unwritten::SignedOut) => Ok(visit.to_sign_in()),
        ("archive", Unwritten::Again) => Err(PageError::Foreign),
        ("archive", Unwritten::Forbidden) => Err(PageError::NotInstructor),
        _ => {
            let sheet = Sheet {
                id: Some(&id),
                ..Sheet::of(draft).unwritten(why)
            };
            sheet.show(&storefront, visit).await
        }
    };
    let (login, draft) = match posted(&storefront, &visit, &headers, body)? {
        Ok(posted) => posted,
        Err((why, draft)) => return kept(why, draft, &visit).await,
    };
    let version = draft.version.parse().map_err(|_| PageError::Bad)?;
    // The other buttons also submit the form, so its content is saved; archiving is confirmed on a separate page.
    let saved = match (name.as_str(), draft.to_json()) {
        ("archive", _) => Ok(version),
        (_, Ok(json)) => {
            let saved = storefront.api.catalog.replace(login, &id, version, &json).await;
            saved.map(|saved| saved.version)
        }
        (_, Err(errors)) => Err(ApiError::Invalid(errors)),
    };
    let stepped = match saved {
        Ok(version) if name == "publish" => {
            // Without its places a limited course is not published, and the catalog says so.
            let _unset = capacity::set(&storefront, login, &id, &draft).await;
            capacity::publish(&storefront, login, &id, version, &draft).await
        }
        Ok(version) => storefront.api.catalog.step(login, &id, version, &name).await,
        Err(error) => Err(error),
    };
    match stepped {
        Ok(_) => Ok(see_other(&format!("/teach/{}?done={name}", segment(&id)))),
        Err(ApiError::SignedOut) => kept(Unwritten::SignedOut, draft, &visit.signed_out()).await,
        Err(ApiError::Forbidden) => kept(Unwritten::Forbidden, draft, &visit).await,
        Err(error @ (ApiError::Invalid(_) | ApiError::Stale)) => {
            let course = match storefront.api.catalog.my_course(login, &id).await {
                Err(ApiError::SignedOut) => {
                    return kept(Unwritten::SignedOut, draft, &visit.signed_out()).await;
                }
                other => other?,
            };
            let errors = match error {
                ApiError::Invalid(errors) => errors,
                _ => vec![FieldError {
                    field: String::new(),
                    message: visit.context.words.say("teach.stale").to_owned(),
                }],
            };
            let draft = match name.as_str() {
                "archive" => Draft::of(&course),
                _ => Draft {
                    version: course.version.to_string(),
                    ..draft
                },
            };
            let sheet = Sheet {
                course: Some(&course),
                ..Sheet::of(draft).wrong(errors)
            };
            sheet.show(&storefront, &visit).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks for confirmation before a course is archived, which cannot be undone.
pub async fn ask(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, PageError> {
    let Path((id, name)) = path.map_err(|_| PageError::Missing)?;
    match name.as_str() {
        "archive" => {}
        // A user who had to sign in before pressing such a button returns here.
        "publish" | "unlist" => return Ok(see_other(&format!("/teach/{}", segment(&id)))),
        _ => return Err(PageError::Missing),
    }
    let Some(login) = visit.login() else {
        return Ok(visit.to_sign_in());
    };
    let course = match storefront.api.catalog.my_course(login, &id).await {
        Err(ApiError::SignedOut) => return Ok(visit.to_sign_in()),
        other => other?,
    };
    let address = format!("/teach/{}", segment(&course.course.summary.id));
    if state(&visit.context.words, &course).archive.is_none() {
        return Ok(see_other(&address));
    }
    let title = &course.course.summary.title;
    let page = visit.page(title);
    let view = ArchivePage {
        page: &page,
        course: address,
        title,
        version: course.version,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// The user's sign-in and the content of the form; or why it cannot be saved, and the content.
type Posted<'a> = Result<(&'a str, Draft), (Unwritten, Draft)>;

/// The form of a POST from a page of ours.
fn posted<'a>(
    storefront: &Storefront,
    visit: &'a Visit,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Posted<'a>, PageError> {
    let body = body.map_err(|_| PageError::Bad)?;
    let mut form = Form::parse_up_to(&body, &[], MOST_FIELDS).map_err(|_| PageError::Bad)?;
    // A form from another site is not even shown again.
    if !storefront.origins.admits(headers) {
        return Err(PageError::Foreign);
    }
    let token = form.take(FORM_TOKEN);
    let draft = Draft::read(form);
    Ok(match visit.user() {
        None => Err((Unwritten::SignedOut, draft)),
        Some(user) if !is_form_token(&user.form_token, token.as_deref()) => Err((Unwritten::Again, draft)),
        Some(user) => Ok((user.login.as_str(), draft)),
    })
}

/// The form with its surroundings.
struct Sheet<'a> {
    draft: Draft,
    /// The course that it edits, as the catalog has it.
    course: Option<&'a MyCourse>,
    /// Its id, if only that is known.
    id: Option<&'a str>,
    errors: Vec<FieldError>,
    unwritten: Option<Unwritten>,
    notice: Option<Notice<'a>>,
    status: StatusCode,
}

impl<'a> Sheet<'a> {
    fn of(draft: Draft) -> Self {
        Self {
            draft,
            course: None,
            id: None,
            errors: Vec::new(),
            unwritten: None,
            notice: None,
            status: StatusCode::OK,
        }
    }

    fn wrong(self, errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            status: StatusCode::UNPROCESSABLE_ENTITY,
            ..self
        }
    }

    fn unwritten(self, why: Unwritten) -> Self {
        Self {
            unwritten: Some(why),
            status: StatusCode::FORBIDDEN,
            ..self
        }
    }

    async fn show(mut self, storefront: &Storefront, visit: &'a Visit) -> Result<Response, PageError> {
        let draft = &mut self.draft;
        let words = &visit.context.words;
        let categories = Categories(storefront.api.catalog.categories().await?);
        let mut options = vec![Choice {
            value: String::new(),
            label: words.say("teach.no_category").to_owned(),
            chosen: draft.category_id.is_empty(),
        }];
        for top in categories.first_level() {
            for (one, prefix) in std::iter::once((top, String::new())).chain(
                categories
                    .below(top)
                    .map(|below| (below, format!("{} / ", top.name))),
            ) {
                options.push(Choice {
                    value: one.id.clone(),
                    label: format!("{prefix}{}", one.name),
                    chosen: draft.category_id == one.id,
                });
            }
        }
        let levels = Level::ALL.map(|level| Choice {
            value: level.as_str().to_owned(),
            label: words.say(level.message()).to_owned(),
            chosen: draft.level == level.as_str(),
        });
        let languages = format::languages().map(|tag| Choice {
            label: format::language(words, tag),
            chosen: draft.language == tag,
            value: tag.to_owned(),
        });
        let other = (!format::languages().any(|tag| tag == draft.language)).then(|| Choice {
            value: draft.language.clone(),
            label: draft.language.clone(),
            chosen: true,
        });
        let languages = languages.chain(other).collect();
        draft.add_blank_rows();
        let id = self
            .course
            .map(|course| course.course.summary.id.as_str())
            .or(self.id);
        let heading = match (self.course, id) {
            (Some(course), _) => course.course.summary.title.clone(),
            (None, Some(_)) => draft.title.clone(),
            (None, None) => words.say("teach.new").to_owned(),
        };
        let page = visit.page(heading.as_str());
        let view = FormPage {
            page: &page,
            heading: &heading,
            action: format!("/teach/{}", id.map_or("new".into(), segment)),
            notice: self.notice,
            unwritten: self.unwritten,
            errors: self.errors.iter().map(|error| error_line(words, error)).collect(),
            draft: self.draft,
            categories: options,
            levels: levels.into(),
            languages,
            state: self.course.map(|course| state(words, course)),
            photo: self.course.and_then(|course| photo_form(&categories, course)),
        };
        Ok(answer(self.status, &view))
    }
}

fn photo_form(categories: &Categories, course: &MyCourse) -> Option<PhotoForm> {
    let summary = &course.course.summary;
    let action = format!("/teach/photo/{}", segment(&summary.id));
    (course.status != "archived").then(|| PhotoForm {
        version: course.version,
        cover: cover_of(categories, summary),
        remove: summary.photo_id.is_some().then(|| format!("{action}/remove")),
        action,
    })
}

fn state<'a>(words: &'a Words, course: &MyCourse) -> CourseState<'a> {
    let id = segment(&course.course.summary.id);
    let step = |name: &'static str, label, primary| Step {
        action: format!("/teach/{id}/{name}"),
        name,
        label: words.say(label),
        primary,
    };
    let steps = match course.status.as_str() {
        "draft" => vec![step("publish", "teach.publish", true)],
        "published" => vec![step("unlist", "teach.unlist", false)],
        "unlisted" => vec![step("publish", "teach.publish", true)],
        _ => Vec::new(),
    };
    let seen = matches!(course.status.as_str(), "published" | "unlisted");
    CourseState {
        status: status_words(words, &course.status),
        tone: tone(&course.status),
        steps,
        public: seen.then(|| format!("/courses/{}", segment(&course.course.summary.slug))),
        archive: seen.then(|| format!("/teach/{id}/archive")),
    }
}

fn status_words<'a>(words: &'a Words, status: &str) -> &'a str {
    words.say(match status {
        "published" => "teach.published",
        "unlisted" => "teach.unlisted",
        "archived" => "teach.archived",
        _ => "teach.draft",
    })
}

fn tone(status: &str) -> &'static str {
    match status {
        "published" => "",
        _ => "badge-warning",
    }
}

const DONE: [(&str, Said); 11] = [
    (
        "created",
        ("success", "teach.done_created", "teach.done_created_next"),
    ),
    (
        "created_later",
        ("success", "teach.done_created", "teach.capacity_later"),
    ),
    (
        "created_taken",
        ("success", "teach.done_created", "teach.capacity_taken"),
    ),
    ("saved", ("success", "teach.done_saved", "teach.done_saved_next")),
    (
        "saved_later",
        ("success", "teach.done_saved", "teach.capacity_later"),
    ),
    (
        "saved_taken",
        ("success", "teach.done_saved", "teach.capacity_taken"),
    ),
    (
        "publish",
        ("success", "teach.done_publish", "teach.done_publish_next"),
    ),
    (
        "unlist",
        ("success", "teach.done_unlist", "teach.done_unlist_next"),
    ),
    (
        "archive",
        ("success", "teach.done_archive", "teach.done_archive_next"),
    ),
    ("photo", ("success", "teach.done_photo", "teach.done_photo_next")),
    (
        "no_photo",
        ("success", "teach.done_no_photo", "teach.done_no_photo_next"),
    ),
];

/// `Title: must have 5 to 120 characters`
fn error_line(words: &Words, error: &FieldError) -> ErrorLine {
    let field = error.field.split(['.', '[']).next().unwrap_or_default();
    let (name, at) = match field {
        "title" => ("teach.f_title", "title"),
        "subtitle" => ("teach.f_subtitle", "subtitle"),
        "description_md" | "description" => ("teach.f_description", "description"),
        "category_id" | "category" => ("teach.f_category", "category"),
        "language" => ("teach.f_language", "language"),
        "outcomes" => ("teach.f_outcomes", "outcomes"),
        "requirements" => ("teach.f_requirements", "requirements"),
        // Blank rows are not sent, so the row number has no meaning: refer to the start of the list.
        "sections" | "lessons" | "lesson" => ("teach.f_sections", "s0"),
        "price" => ("teach.f_price", "price"),
        "list_price" => ("teach.f_list_price", "list_price"),
        "photo" | "photo_id" => ("teach.f_photo", "photo"),
        "capacity" => ("teach.f_capacity", "capacity"),
        _ => {
            return ErrorLine {
                at: "",
                text: fault(words, &error.message),
            };
        }
    };
    ErrorLine {
        at,
        text: words.fill(
            "teach.fault",
            &[
                ("field", &words.say(name)),
                ("message", &fault(words, &error.message)),
            ],
        ),
    }
}
