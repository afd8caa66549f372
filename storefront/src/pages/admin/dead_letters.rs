//! `/admin/dead-letters`: events that a consumer could not handle, what can be done about them, and what was done.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use form_urlencoded::Serializer;
use http::{HeaderMap, StatusCode};
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use crate::Storefront;
use crate::api::ApiError;
use crate::api::events::{Action, Intervention, Letter, LetterDetail, Outcome};
use crate::format::segment;
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::pages::{Notice, Said, next_page};
use crate::posted::posted;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/admin_letters.html")]
struct LettersPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    consumers: Vec<Choice>,
    /// How many letters the button delivers again.
    all: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// A consumer that can be chosen.
struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

struct Row {
    href: String,
    event: String,
    consumer: String,
    reason: String,
    attempts: String,
    at: String,
    minute: Option<String>,
}

#[derive(Template)]
#[template(path = "storefront/admin_letter.html")]
struct LetterPage<'a> {
    page: &'a ShopPage,
    row: Row,
    event_id: String,
    first_at: String,
    first_minute: Option<String>,
    /// The event as it came.
    text: String,
    here: String,
    /// What was typed, and why it was refused.
    typed: String,
    wrong: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "storefront/admin_interventions.html")]
struct RecordPage<'a> {
    page: &'a ShopPage,
    rows: Vec<Done>,
    first: Option<&'a str>,
    next: Option<String>,
}

/// Something that was done.
struct Done {
    action: &'static str,
    what: Option<String>,
    consumer: Option<String>,
    outcome: (&'static str, &'static str),
    letters: String,
    reason: Option<String>,
    by: String,
    at: String,
    minute: Option<String>,
}

pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let consumer = form.take("consumer").filter(|name| !name.is_empty());
    let cursor = form.take("cursor");
    let letters = &storefront.api.events;
    let found = letters
        .list(login, consumer.as_deref(), cursor.as_deref())
        .await?;
    let words = &visit.context.words;
    let chosen = consumer.as_deref().unwrap_or_default();
    let mut consumers = vec![Choice {
        value: String::new(),
        label: words.fill("letters.of_all", &[("n", &found.total)]),
        chosen: chosen.is_empty(),
    }];
    consumers.extend(found.consumers.iter().map(|one| Choice {
        label: format!("{} ({})", one.name, one.letters),
        chosen: one.name == chosen,
        value: one.name.clone(),
    }));
    let count = match consumer {
        None => found.total,
        Some(_) => {
            let mut of = found.consumers.iter().filter(|one| one.name == chosen);
            of.next().map_or(0, |one| one.letters)
        }
    };
    let here = match &consumer {
        Some(consumer) => {
            let mut query = Serializer::new(String::new());
            format!("{LIST}?{}", query.append_pair("consumer", consumer).finish())
        }
        None => LIST.to_owned(),
    };
    let join = if consumer.is_some() { '&' } else { '?' };
    let page = visit.page(words.say("letters.title"));
    let view = LettersPage {
        page: &page,
        notice: Notice::done(words, &mut form, &DONE),
        consumers,
        all: words.count("letters.redrive_all", count),
        rows: found.items.into_iter().map(|letter| row(words, letter)).collect(),
        next: found
            .next_cursor
            .map(|cursor| format!("{here}{join}cursor={}", segment(&cursor))),
        first: cursor.map(|_| here),
    };
    Ok(answer(StatusCode::OK, &view))
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let id = letter_id(path)?;
    page_of(&storefront, &visit, login, &id, None).await
}

/// What administrators have done about dead letters.
pub async fn record(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let letters = &storefront.api.events;
    let found = letters.interventions(login, cursor.as_deref()).await?;
    let words = &visit.context.words;
    let page = visit.page(words.say("letters.record"));
    let view = RecordPage {
        page: &page,
        rows: found
            .items
            .into_iter()
            .map(|one| what_was_done(words, one))
            .collect(),
        first: cursor.map(|_| RECORD),
        next: next_page(RECORD, found.next_cursor),
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Delivers all letters again, or those of one consumer.
pub async fn redrive_all(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let consumer = form.take("consumer").filter(|name| !name.is_empty());
    let asked = storefront
        .api
        .events
        .redrive_all(login, consumer.as_deref())
        .await;
    told("all", asked)
}

/// Delivers a letter again.
pub async fn redrive(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let id = letter_id(path)?;
    posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    told("redriven", storefront.api.events.redrive(login, &id).await)
}

/// Deletes a letter for good. The reason stays on record.
pub async fn discard(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let id = letter_id(path)?;
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let typed = form.take("reason").unwrap_or_default();
    let asked = match typed.trim() {
        "" => None,
        reason => match storefront.api.events.discard(login, &id, reason).await {
            Err(ApiError::Refused(problem)) if problem.code == "invalid_content" => None,
            asked => Some(asked),
        },
    };
    match asked {
        Some(asked) => told("discarded", asked),
        None => {
            page_of(
                &storefront,
                &visit,
                login,
                &id,
                Some((typed, "letters.no_reason")),
            )
            .await
        }
    }
}

/// An id that a letter may have. Any other is a wrong address, and no letter that is gone.
fn letter_id(path: Result<Path<String>, PathRejection>) -> Result<String, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let may_be = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    may_be.then_some(id).ok_or(PageError::Missing)
}

/// Back to the list, which says what became of it.
fn told(done: &str, asked: Result<Intervention, ApiError>) -> Result<Response, PageError> {
    let word = match asked {
        Ok(asked) => match asked.outcome {
            Some(Outcome::Done) => done,
            Some(Outcome::Absent) => "absent",
            Some(Outcome::Failed) => "failed",
            None => "under_way",
        },
        // A second press, or another administrator.
        Err(ApiError::Missing) => "absent",
        Err(error) => return Err(error.into()),
    };
    Ok(see_other(&format!("{LIST}?done={word}")))
}

async fn page_of(
    storefront: &Storefront,
    visit: &Visit,
    login: &str,
    id: &str,
    wrong: Option<(String, &'static str)>,
) -> Result<Response, PageError> {
    let LetterDetail { letter, event, text } = storefront.api.events.letter(login, id).await?;
    let words = &visit.context.words;
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let (typed, wrong) = wrong.map_or((String::new(), None), |(typed, wrong)| (typed, Some(wrong)));
    let text = match (event, text) {
        (Some(event), _) => serde_json::to_string_pretty(&event).unwrap_or_default(),
        (None, text) => text.unwrap_or_default(),
    };
    let page = visit.page(letter.r#type.as_str());
    let view = LetterPage {
        page: &page,
        event_id: letter.event_id.clone(),
        first_minute: words.minute(&letter.first_failed_at),
        first_at: letter.first_failed_at.clone(),
        here: format!("{LIST}/{}", segment(&letter.id)),
        row: row(words, letter),
        text,
        typed,
        wrong,
    };
    Ok(answer(status, &view))
}

fn row(words: &Words, letter: Letter) -> Row {
    Row {
        href: format!("{LIST}/{}", segment(&letter.id)),
        attempts: words.count("letters.attempts", letter.attempts),
        minute: words.minute(&letter.parked_at),
        at: letter.parked_at,
        event: letter.r#type,
        consumer: letter.consumer,
        reason: letter.reason,
    }
}

fn what_was_done(words: &Words, one: Intervention) -> Done {
    Done {
        action: match one.action {
            Action::Redrive => "letters.did_redrive",
            Action::RedriveAll => "letters.did_redrive_all",
            Action::Discard => "letters.did_discard",
        },
        what: one.r#type.or(one.event_id),
        consumer: one.consumer,
        outcome: match one.outcome {
            Some(Outcome::Done) => ("letters.was_done", ""),
            Some(Outcome::Absent) => ("letters.was_absent", "badge-quiet"),
            Some(Outcome::Failed) => ("letters.was_failed", "badge-danger"),
            None => ("letters.is_under_way", "badge-warning"),
        },
        letters: words.count("letters.letters", one.letters),
        reason: one.reason,
        by: one.by,
        minute: words.minute(&one.at),
        at: one.at,
    }
}

const LIST: &str = "/admin/dead-letters";
const RECORD: &str = "/admin/dead-letters/record";

const DONE: [(&str, Said); 6] = [
    (
        "redriven",
        ("success", "letters.done_redriven", "letters.done_redriven_next"),
    ),
    (
        "all",
        ("success", "letters.done_all", "letters.done_redriven_next"),
    ),
    (
        "discarded",
        ("success", "letters.done_discarded", "letters.done_discarded_next"),
    ),
    (
        "absent",
        ("info", "letters.done_absent", "letters.done_absent_next"),
    ),
    (
        "failed",
        ("danger", "letters.done_failed", "letters.done_failed_next"),
    ),
    (
        "under_way",
        ("info", "letters.done_under_way", "letters.done_under_way_next"),
    ),
];
