//! `/account/profile`: what users say of themselves, and `/pictures/…`, where their pictures are.
//!
//! A session is enough for it, without a fresh sign-in: nothing here opens a way in, is proved, or is trusted.

use std::sync::Arc;

use askama::Template;
use axum::extract::multipart::{Field as Part, Multipart, MultipartError, MultipartRejection};
use axum::extract::{FromRef, Path, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode, header};
use latchkey_http::Form;
use latchkey_identity_store::ProfileRow;
use latchkey_picture::PictureError;
use latchkey_protocol::error::PageError;
use latchkey_protocol::profile::{Draft, Field, zones};
use latchkey_web::{Page, Words, answer};
use tokio::sync::Semaphore;

use crate::Identity;
use crate::browser::Browser;
use crate::forms::{check_session_form, session_token};
use crate::interaction::Interactions;
use crate::pages::{ErrorPage, Problem, private, see_other};
use crate::pictures::LARGEST;
use crate::profiles::{Profiles, Unchanged};
use crate::signer::Signer;

#[derive(Template)]
#[template(path = "identity/profile.html")]
struct ProfilePage<'a> {
    page: Page,
    host: &'a str,
    token: &'a str,
    /// The version of the profile that the forms are made of.
    version: i64,
    done: Option<&'a str>,
    problem: Option<Problem>,
    inputs: Vec<Input<'a>>,
    locales: Vec<Choice>,
    locale_wrong: bool,
    zones: Vec<Choice>,
    zone_wrong: bool,
    /// The path of the picture, if it is one of ours: a page loads nothing from elsewhere.
    picture: Option<&'a str>,
    has_picture: bool,
    picture_wrong: bool,
}

/// A field of text.
struct Input<'a> {
    name: &'static str,
    label: String,
    help: Option<String>,
    value: &'a str,
    autocomplete: &'static str,
    inputmode: &'static str,
    longest: usize,
    /// Whether it has several lines.
    tall: bool,
    wrong: bool,
}

/// A line of a list to choose from.
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

/// What is wrong with a form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Field(Field),
    Stale,
    Picture(PictureError),
    PictureTooLarge,
    NoPicture,
}

/// The dependencies of the pages.
pub(crate) struct ProfilePages {
    profiles: Profiles,
    interactions: Arc<Interactions>,
    signer: Signer,
}

impl FromRef<Identity> for ProfilePages {
    fn from_ref(identity: &Identity) -> Self {
        let values = &identity.values;
        Self {
            profiles: values.profiles.clone(),
            interactions: values.interactions.clone(),
            signer: values.signer.clone(),
        }
    }
}

const HERE: &str = "/account/profile";
/// The purpose of the forms' tokens.
const FORM: &str = "profile";
/// How many uploads there are at once: each is in memory.
static PLACES: Semaphore = Semaphore::const_new(8);

pub(crate) async fn get(State(pages): State<ProfilePages>, browser: Browser, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let shown = pages.show(&browser, &query).await;
    shown.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post(State(pages): State<ProfilePages>, browser: Browser, request: Request) -> Response {
    let done = pages.save(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn post_picture(
    State(pages): State<ProfilePages>,
    browser: Browser,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let done = pages.upload(&browser, form).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

pub(crate) async fn remove_picture(
    State(pages): State<ProfilePages>,
    browser: Browser,
    request: Request,
) -> Response {
    let done = pages.remove(&browser, request).await;
    done.unwrap_or_else(|error| error.page(&browser))
}

/// The picture itself. Its address is known to those who have read the claim, and changes with it.
pub(crate) async fn picture(State(pages): State<ProfilePages>, Path(id): Path<String>) -> Response {
    let found = match pages.profiles.pictures.find(&id).await {
        Ok(found) => found,
        Err(error) => {
            let unavailable = ErrorPage::from(error).error.status();
            let status = StatusCode::from_u16(unavailable).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return without(status);
        }
    };
    let Some((mime, content)) = found else {
        return without(StatusCode::NOT_FOUND);
    };
    let Ok(mime) = HeaderValue::from_str(&mime) else {
        return without(StatusCode::NOT_FOUND);
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, mime);
    for (name, value) in OF_PICTURES {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn without(status: StatusCode) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

/// Any site may show it, and opened by itself it is a picture and nothing else. A day, because whoever removes theirs means
/// it.
const OF_PICTURES: [(&str, &str); 4] = [
    ("cache-control", "public, max-age=86400, immutable"),
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; sandbox"),
    ("cross-origin-resource-policy", "cross-origin"),
];

impl ProfilePages {
    async fn show(&self, browser: &Browser, query: &str) -> Result<Response, ErrorPage> {
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let mut form = Form::parse(query.as_bytes(), &[]).map_err(|_| PageError::Malformed)?;
        let done = [
            ("saved", "profile.done_saved"),
            ("picture", "profile.done_picture"),
            ("removed", "profile.done_removed"),
        ];
        let done = latchkey_web::flash(&mut form, &done);
        let row = self.profiles.of(&known.person.id).await?;
        self.page(browser, &row, &Draft::of(&row.claims), done, None)
    }

    async fn save(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let version = version(form.take("version"))?;
        let mut typed = Draft::default();
        // Other fields of the form are none of a profile's, and are not read.
        for field in Field::ALL {
            typed.set(field, &form.take(field.name()).unwrap_or_default());
        }
        let user = &known.person.id;
        match self.profiles.save(user, version, &typed).await? {
            Ok(()) => Ok(see_other("/account/profile?done=saved")),
            Err(unchanged) => self.refused(browser, user, Some(&typed), unchanged.into()).await,
        }
    }

    async fn upload(
        &self,
        browser: &Browser,
        form: Result<Multipart, MultipartRejection>,
    ) -> Result<Response, ErrorPage> {
        if browser.site.origins.denies(&browser.headers) {
            return Err(PageError::ForeignForm.into());
        }
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        let (user, form) = (&known.person.id, form.map_err(|_| PageError::Malformed)?);
        let Ok(_place) = PLACES.try_acquire() else {
            let busy = Wrong::Picture(PictureError::Busy);
            return self.refused(browser, user, None, busy).await;
        };
        let (version, file) = self.read(browser, form).await?;
        let file = match file {
            Ok(file) => file,
            Err(wrong) => return self.refused(browser, user, None, wrong).await,
        };
        match self.profiles.set_picture(user, version, file).await? {
            Ok(()) => Ok(see_other("/account/profile?done=picture")),
            Err(unchanged) => self.refused(browser, user, None, unchanged.into()).await,
        }
    }

    /// The version of the profile and the file. The token comes first, so that a stranger's file is not even read.
    async fn read(
        &self,
        browser: &Browser,
        mut form: Multipart,
    ) -> Result<(i64, Result<Bytes, Wrong>), ErrorPage> {
        let (mut token, mut found) = (None, None);
        while let Some(part) = form.next_field().await.map_err(cut_off)? {
            match part.name() {
                Some("token") => token = Some(text(part).await?),
                Some("version") => found = Some(text(part).await?),
                Some("picture") => {
                    check_session_form(&self.signer, browser, FORM, token.as_deref())?;
                    return Ok((version(found)?, file(part).await?));
                }
                Some(_) | None => return Err(PageError::Malformed.into()),
            }
        }
        Err(PageError::Malformed.into())
    }

    async fn remove(&self, browser: &Browser, request: Request) -> Result<Response, ErrorPage> {
        let mut form = browser.form(request).await?;
        let known = match self.interactions.signed_in(browser).await? {
            Ok(known) => known,
            Err(sign_in) => return Ok(sign_in),
        };
        check_session_form(&self.signer, browser, FORM, form.take("token").as_deref())?;
        let version = version(form.take("version"))?;
        let user = &known.person.id;
        match self.profiles.remove_picture(user, version).await? {
            Ok(()) => Ok(see_other("/account/profile?done=removed")),
            Err(unchanged) => self.refused(browser, user, None, unchanged.into()).await,
        }
    }

    /// The page as it was typed, with what is wrong; or as it is now, if it has changed in the meantime: what was typed over
    /// the old one would take the changes back.
    async fn refused(
        &self,
        browser: &Browser,
        user: &str,
        typed: Option<&Draft>,
        wrong: Wrong,
    ) -> Result<Response, ErrorPage> {
        let row = self.profiles.of(user).await?;
        let shown = match typed {
            Some(typed) if wrong != Wrong::Stale => typed.clone(),
            _ => Draft::of(&row.claims),
        };
        let browser = &browser.clone().at(HERE, "");
        self.page(browser, &row, &shown, None, Some(wrong))
    }

    fn page(
        &self,
        browser: &Browser,
        row: &ProfileRow,
        draft: &Draft,
        done: Option<&str>,
        wrong: Option<Wrong>,
    ) -> Result<Response, ErrorPage> {
        let words = &browser.words();
        let is_wrong = |field| wrong == Some(Wrong::Field(field));
        let input = |field: Field| Input::of(words, field, draft, is_wrong(field));
        let url = row.claims.get("picture").and_then(|url| url.as_str());
        let ours = url.and_then(|url| url.strip_prefix(browser.site.issuer()));
        let problem = wrong.map(|wrong| Problem::new(words, wrong.code(), wrong.status()));
        let view = ProfilePage {
            page: browser.page("profile.title"),
            host: browser.site.host(),
            token: &session_token(&self.signer, browser, FORM)?,
            version: row.version,
            done: done.map(|name| words.say(name)),
            problem: problem.clone(),
            inputs: INPUTS.into_iter().map(input).collect(),
            locales: locales(words, draft.get(Field::Locale)),
            locale_wrong: is_wrong(Field::Locale),
            zones: time_zones(words, draft.get(Field::Zoneinfo)),
            zone_wrong: is_wrong(Field::Zoneinfo),
            picture: ours.filter(|path| path.starts_with("/pictures/")),
            has_picture: url.is_some(),
            picture_wrong: wrong.is_some_and(Wrong::is_about_the_picture),
        };
        let mut response = answer(problem.map_or(StatusCode::OK, |problem| problem.status), &view);
        private(&mut response, None);
        Ok(response)
    }
}

impl From<Unchanged> for Wrong {
    fn from(unchanged: Unchanged) -> Self {
        match unchanged {
            Unchanged::Field(field) => Self::Field(field),
            Unchanged::Stale => Self::Stale,
            Unchanged::Picture(error) => Self::Picture(error),
        }
    }
}

impl Wrong {
    /// The `data-code` of the page.
    fn code(self) -> &'static str {
        match self {
            Self::Field(field) => match field {
                Field::Name
                | Field::GivenName
                | Field::MiddleName
                | Field::FamilyName
                | Field::Nickname
                | Field::Street
                | Field::PostalCode
                | Field::Locality
                | Field::Country => "profile_text",
                Field::Birthdate => "profile_birthdate",
                Field::Website => "profile_website",
                Field::Phone => "profile_phone",
                Field::Locale => "profile_locale",
                Field::Zoneinfo => "profile_zoneinfo",
            },
            Self::Stale => "profile_changed",
            Self::Picture(error) => match error {
                PictureError::NotAPicture => "picture_kind",
                PictureError::TooManyPixels => "picture_pixels",
                PictureError::Moving => "picture_moving",
                PictureError::Damaged => "picture_damaged",
                PictureError::Busy => "picture_busy",
            },
            Self::PictureTooLarge => "picture_large",
            Self::NoPicture => "picture_missing",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Stale => StatusCode::CONFLICT,
            Self::PictureTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Picture(PictureError::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Field(_) | Self::Picture(_) | Self::NoPicture => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn is_about_the_picture(self) -> bool {
        match self {
            Self::Picture(_) | Self::PictureTooLarge | Self::NoPicture => true,
            Self::Field(_) | Self::Stale => false,
        }
    }
}

impl<'a> Input<'a> {
    fn of(words: &Words, field: Field, draft: &'a Draft, wrong: bool) -> Self {
        // Lengths are in what browsers count: the pages check again, in characters.
        let (autocomplete, inputmode, longest) = match field {
            Field::Name => ("name", "text", 256),
            Field::GivenName => ("given-name", "text", 256),
            Field::MiddleName => ("additional-name", "text", 256),
            Field::FamilyName => ("family-name", "text", 256),
            Field::Nickname => ("nickname", "text", 256),
            Field::Birthdate => ("bday", "text", 10),
            Field::Website => ("url", "url", 512),
            Field::Phone => ("tel", "tel", 32),
            Field::Street => ("street-address", "text", 600),
            Field::PostalCode => ("postal-code", "text", 32),
            Field::Locality => ("address-level2", "text", 256),
            Field::Country => ("country-name", "text", 256),
            Field::Locale | Field::Zoneinfo => ("off", "text", 64),
        };
        let help = match field {
            Field::Birthdate => Some("profile.birthdate_help"),
            Field::Website => Some("profile.website_help"),
            Field::Phone => Some("profile.phone_help"),
            _ => None,
        };
        let name = field.name();
        let label = format!("profile.{}", name.replace('-', "_"));
        Self {
            name,
            label: words.say(&label).to_owned(),
            help: help.map(|help| words.say(help).to_owned()),
            value: draft.get(field),
            autocomplete,
            inputmode,
            longest,
            tall: field == Field::Street,
            wrong,
        }
    }
}

/// The languages of the pages, and the one of the profile if it is another.
fn locales(words: &Words, of: &str) -> Vec<Choice> {
    let mut choices = vec![Choice {
        value: String::new(),
        name: words.say("profile.locale_browser").to_owned(),
        chosen: of.is_empty(),
    }];
    choices.extend(words.languages().map(|(tag, name)| Choice {
        value: tag.to_owned(),
        name: name.to_owned(),
        chosen: tag == of,
    }));
    with_another(choices, of)
}

fn time_zones(words: &Words, of: &str) -> Vec<Choice> {
    let mut choices = vec![Choice {
        value: String::new(),
        name: words.say("profile.zoneinfo_none").to_owned(),
        chosen: of.is_empty(),
    }];
    choices.extend(zones().into_iter().map(|zone| Choice {
        value: zone.to_owned(),
        name: zone.replace('_', " "),
        chosen: zone == of,
    }));
    with_another(choices, of)
}

/// What a profile has from elsewhere is not lost by saving another field.
fn with_another(mut choices: Vec<Choice>, of: &str) -> Vec<Choice> {
    if !choices.iter().any(|choice| choice.chosen) {
        choices.push(Choice {
            value: of.to_owned(),
            name: of.to_owned(),
            chosen: true,
        });
    }
    choices
}

fn version(text: Option<String>) -> Result<i64, PageError> {
    let version = text.and_then(|text| text.parse().ok());
    version.ok_or(PageError::Malformed)
}

/// A small part of the form.
async fn text(mut part: Part<'_>) -> Result<String, PageError> {
    const LONGEST: usize = 1024;
    let mut all = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(cut_off)? {
        if all.len() + chunk.len() > LONGEST {
            return Err(PageError::Malformed);
        }
        all.extend_from_slice(&chunk);
    }
    String::from_utf8(all.to_vec()).map_err(|_| PageError::Malformed)
}

/// The file. What is too much of it is read and forgotten, so that the browser gets an answer.
async fn file(mut part: Part<'_>) -> Result<Result<Bytes, Wrong>, PageError> {
    let (mut all, mut length) = (BytesMut::new(), 0);
    loop {
        match part.chunk().await {
            Ok(Some(chunk)) => {
                length += chunk.len();
                if length > LARGEST {
                    all = BytesMut::new();
                } else {
                    all.extend_from_slice(&chunk);
                }
            }
            Ok(None) if length > LARGEST => return Ok(Err(Wrong::PictureTooLarge)),
            Ok(None) if length == 0 => return Ok(Err(Wrong::NoPicture)),
            Ok(None) => return Ok(Ok(all.freeze())),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Ok(Err(Wrong::PictureTooLarge));
            }
            Err(error) => return Err(cut_off(error)),
        }
    }
}

fn cut_off(_: MultipartError) -> PageError {
    PageError::Malformed
}

/// The fields of text, in the order of the page.
const INPUTS: [Field; 12] = [
    Field::Name,
    Field::GivenName,
    Field::MiddleName,
    Field::FamilyName,
    Field::Nickname,
    Field::Birthdate,
    Field::Website,
    Field::Phone,
    Field::Street,
    Field::PostalCode,
    Field::Locality,
    Field::Country,
];
