//! The page that a browser gets where a program gets a problem document.
//!
//! The page depends on nothing else: it must work even if nothing behind the edge responds. It therefore has its style
//! in itself, and its policy lets nothing else be applied, loaded or run.

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, HeaderMap};
use http::{HeaderValue, StatusCode};

/// True if the client prefers a page. Below `/api` none does: its clients are programs.
pub(crate) fn is_wanted(path: &str, headers: &HeaderMap) -> bool {
    let api = path == "/api" || path.starts_with("/api/");
    !api && prefers_html(headers)
}

/// RFC 9110 §12.5.1. A program that accepts anything (`*/*`) has not asked for a page.
fn prefers_html(headers: &HeaderMap) -> bool {
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

/// The page of an error: what happened, what to do next, the way back, and the id of the request to quote.
pub(crate) fn page(status: StatusCode, sentence: &str, request_id: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let next = match next_step(status) {
        Some(next) => format!("<p class=\"lede\">{next}</p>\n"),
        None => String::new(),
    };
    let html = format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} · Latchkey</title>\n\
         <style>{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <header><p class=\"wrap mark\">{ICON}<span>Latchkey</span></p></header>\n\
         <main class=\"wrap\">\n\
         <p class=\"kicker\">Error {status}</p>\n\
         <h1>{sentence}</h1>\n\
         {next}\
         <p class=\"way\"><a href=\"/\">Go to the start page</a></p>\n\
         <p class=\"trace\">If you ask for help, quote <code id=\"trace\">{id}</code></p>\n\
         </main>\n\
         </body>\n\
         </html>\n",
        title = escaped(title),
        sentence = escaped(sentence),
        status = status.as_u16(),
        id = escaped(request_id),
    );
    let mut response = (status, html).into_response();
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a reader can do about it; nothing where the sentence of the error has said it.
fn next_step(status: StatusCode) -> Option<&'static str> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        None
    } else if status == StatusCode::NOT_FOUND {
        Some("Check the address for typing errors.")
    } else if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        Some("Wait a moment, then load the page again.")
    } else {
        Some("Go back and try again.")
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
        "sha256-dWE9pik2jENKOLepGPrX+n6z8diAS+0ehzm6s5aPyiQ="
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
            "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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

    #[tokio::test]
    async fn every_text_of_the_page_is_escaped() {
        let response = page(StatusCode::NOT_FOUND, "a <script> & \"b\"", "'><b>");
        let html = response.into_body().collect().await.unwrap().to_bytes();
        let html = std::str::from_utf8(&html).unwrap();
        assert!(
            html.contains("<h1>a &lt;script&gt; &amp; &quot;b&quot;</h1>"),
            "{html}"
        );
        assert!(html.contains(">&#39;&gt;&lt;b&gt;</code>"), "{html}");
        assert!(html.contains("<title>Not Found · Latchkey</title>"), "{html}");
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
