//! The page that a browser gets where a program gets a problem document.
//!
//! The page depends on nothing else: it must work even if nothing behind the edge responds. It therefore has its style
//! in itself, and its policy lets nothing else be applied, loaded or run.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, HeaderMap};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use latchkey_web::{Words, here, safe_return};

use crate::caller::Caller;
use crate::site::Site;

/// True if the client prefers a page. Below `/api` none does: its clients are programs.
pub(crate) fn is_wanted(path: &str, headers: &HeaderMap) -> bool {
    let api = path == "/api" || path.starts_with("/api/");
    !api && prefers_html(headers)
}

/// RFC 9110 §12.5.1. A program that accepts anything (`*/*`) has not asked for a page.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    let (mut html, mut json) = (0.0, 0.0);
    let lines = headers.get_all(ACCEPT).iter();
    let ranges = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
        let quality = quality.map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0));
        let is = |name: &str| media.eq_ignore_ascii_case(name);
        if is("text/html") || is("application/xhtml+xml") {
            html = f32::max(html, quality);
        } else if is("application/problem+json") || is("application/json") {
            json = f32::max(json, quality);
        }
    }
    html > 0.0 && html >= json
}

/// Who gets a page: in which language, and for which request.
pub(crate) struct Reader {
    words: Words,
    /// Where the switch of the language leads back to.
    here: String,
    request_id: String,
}

impl Reader {
    /// The browser that sent this request, if it wants a page.
    pub(crate) fn of(parts: &Parts, site: &Site, caller: &Caller) -> Option<Self> {
        if !is_wanted(parts.uri.path(), &parts.headers) {
            return None;
        }
        let here = here(&parts.uri);
        let reads = parts.method.is_safe();
        Some(Self {
            words: site.words(&parts.headers),
            here: safe_return(&here).filter(|_| reads).unwrap_or("/").to_owned(),
            request_id: caller.request_id.to_str().ok()?.to_owned(),
        })
    }
}

/// The page of an error: what happened, what to do next, the way back, and the id of the request to quote. `code` is
/// that of the problem document, which names the sentence.
pub(crate) fn page(status: StatusCode, code: &str, reader: &Reader) -> Response {
    let words = &reader.words;
    let next = match next_step(status) {
        Some(next) => format!("<p class=\"lede\">{}</p>\n", escaped(words.say(next))),
        None => String::new(),
    };
    let mut languages = String::new();
    for (tag, name) in words.languages() {
        let _infallible = writeln!(
            languages,
            "<button name=\"language\" value=\"{tag}\" lang=\"{tag}\" aria-pressed=\"{chosen}\">{name}</button>",
            chosen = tag == words.tag(),
            name = escaped(name),
        );
    }
    let html = format!(
        "<!doctype html>\n\
         <html lang=\"{lang}\" dir=\"{dir}\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{kicker} · Latchkey</title>\n\
         <style>{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <header><p class=\"wrap mark\">{ICON}<span>Latchkey</span></p></header>\n\
         <main class=\"wrap\">\n\
         <p class=\"kicker\">{kicker}</p>\n\
         <h1>{sentence}</h1>\n\
         {next}\
         <p class=\"way\"><a href=\"/\">{home}</a></p>\n\
         <p class=\"trace\">{trace} <code id=\"trace\">{id}</code></p>\n\
         <form class=\"languages\" method=\"post\" action=\"/language\">\n\
         <input type=\"hidden\" name=\"back\" value=\"{here}\">\n\
         {languages}\
         </form>\n\
         </main>\n\
         </body>\n\
         </html>\n",
        lang = words.tag(),
        dir = words.direction(),
        kicker = escaped(&words.fill("edge.kicker", &[("status", &status.as_str())])),
        sentence = escaped(words.say(&format!("edge.{code}"))),
        home = escaped(words.say("edge.home")),
        trace = escaped(words.say("edge.trace")),
        id = escaped(&reader.request_id),
        here = escaped(&reader.here),
    );
    let mut response = (status, html).into_response();
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The message that says what a reader can do about it; none where the sentence of the error has said it.
fn next_step(status: StatusCode) -> Option<&'static str> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        None
    } else if status == StatusCode::NOT_FOUND {
        Some("edge.next_check")
    } else if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        Some("edge.next_wait")
    } else {
        Some("edge.next_back")
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The only style that the page's policy lets a browser apply.
const STYLE: &str = include_str!("page.css");

/// The digest of [`STYLE`], as a policy names it (CSP Level 3 §2.3.1). A test computes it.
macro_rules! style_digest {
    () => {
        "sha256-UF1Jhm06FPDCJsaT3liRZKpbmKnm/i+nl4sR090U3hU="
    };
}

const ICON: &str = include_str!("../../templates/icons/key.svg");

const HEADERS: [(&str, &str); 6] = [
    ("content-type", "text/html; charset=utf-8"),
    (
        "content-security-policy",
        concat!(
            "default-src 'none'; style-src '",
            style_digest!(),
            "'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
];

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn accepting(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn a_page_is_for_whoever_asks_for_one() {
        let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, wanted) in [
            (&[firefox][..], true),
            (&["text/html"][..], true),
            (&["TEXT/HTML; charset=utf-8"][..], true),
            (&["application/json;q=0.5", "text/html;q=0.9"][..], true),
            (&["text/html;q=0.5, application/json"][..], false),
            (&["text/html; q=0"][..], false),
            (&["text/html;q=x"][..], false),
            (&["*/*"][..], false),
            (&["text/*"][..], false),
            (&["application/problem+json"][..], false),
            (&[""][..], false),
            (&[][..], false),
        ] {
            assert_eq!(is_wanted("/outbox", &accepting(accept)), wanted, "{accept:?}");
        }
    }

    #[test]
    fn below_api_everybody_gets_a_problem_document() {
        let browser = accepting(&["text/html"]);
        for (path, wanted) in [
            ("/api", false),
            ("/api/", false),
            ("/api/catalog/v1/nothing", false),
            ("/apis", true),
            ("/", true),
        ] {
            assert_eq!(is_wanted(path, &browser), wanted, "{path}");
        }
    }

    fn reader(language: &str, here: &str) -> Reader {
        Reader {
            words: crate::site::messages().unwrap().words(Some(language)),
            here: here.to_owned(),
            request_id: "'><b>".to_owned(),
        }
    }

    async fn html(status: StatusCode, code: &str, reader: &Reader) -> String {
        let body = page(status, code, reader).into_body();
        let bytes = body.collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn every_text_of_the_page_is_escaped() {
        let reader = reader("en", "/a?b=\"><script>&c");
        let html = html(StatusCode::NOT_FOUND, "<script>", &reader).await;
        assert!(html.contains("<h1>edge.&lt;script&gt;</h1>"), "{html}");
        assert!(html.contains(">&#39;&gt;&lt;b&gt;</code>"), "{html}");
        assert!(
            html.contains("value=\"/a?b=&quot;&gt;&lt;script&gt;&amp;c\""),
            "{html}"
        );
        assert!(html.contains("<title>Error 404 · Latchkey</title>"), "{html}");
    }

    #[tokio::test]
    async fn the_page_speaks_the_readers_language() {
        for (language, title, sentence) in [
            ("tr", "Hata 404 · Latchkey", "Bu adreste bir şey bulunamadı."),
            ("fr", "Erreur 404 · Latchkey", "Il n’y a rien à cette adresse."),
        ] {
            let html = html(StatusCode::NOT_FOUND, "not_found", &reader(language, "/")).await;
            assert!(
                html.contains(&format!("<html lang=\"{language}\" dir=\"ltr\">")),
                "{html}"
            );
            assert!(html.contains(&format!("<title>{title}</title>")), "{html}");
            assert!(html.contains(&format!("<h1>{sentence}</h1>")), "{html}");
        }
    }

    #[test]
    fn the_colours_are_tokens_of_the_one_style_sheet() {
        let all = include_str!("../../templates/static/latchkey.css");
        let tokens = STYLE.lines().filter(|line| line.starts_with("  --"));
        let foreign: Vec<&str> = tokens.clone().filter(|line| !all.contains(line)).collect();
        assert_eq!((foreign, tokens.count()), (Vec::new(), 11));
        let rules = STYLE.lines().filter(|line| !line.starts_with("  --"));
        let coloured: Vec<&str> = rules.filter(|line| line.contains('#')).collect();
        assert_eq!(coloured, Vec::<&str>::new(), "a colour that is no token");
    }

    /// A wait has a sentence of its own with the refusal.
    #[test]
    fn every_page_says_what_to_do_next_unless_its_sentence_does() {
        for status in [400, 404, 405, 408, 413, 500, 502, 504] {
            assert!(
                next_step(StatusCode::from_u16(status).unwrap()).is_some(),
                "{status}"
            );
        }
        assert_eq!(next_step(StatusCode::TOO_MANY_REQUESTS), None);
    }
}
