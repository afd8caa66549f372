//! A browser without script: cookies, forms with their buttons, redirects one at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;

use scraper::{Html, Selector};
use url::Url;

use crate::answer::Answer;
use crate::client::http;

/// A page or any other answer, and where it is.
#[derive(Clone, Debug)]
pub struct Seen {
    pub url: Url,
    pub answer: Answer,
}

/// A browser. Cookies are kept by host, as browsers do: ports do not matter to them.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: Mutex<BTreeMap<(String, String), String>>,
    /// Whom it trusts, where that is not everybody's affair.
    http: Option<reqwest::Client>,
}

/// How many redirects in a row are followed.
const MOST: usize = 20;

impl Browser {
    pub fn new() -> Self {
        Self::default()
    }

    /// A browser that trusts what this client trusts.
    pub fn trusting(http: reqwest::Client) -> Self {
        Self {
            http: Some(http),
            ..Self::default()
        }
    }

    fn http(&self) -> &reqwest::Client {
        self.http.as_ref().unwrap_or_else(|| http())
    }

    /// A GET, without following.
    pub async fn get(&self, url: &str) -> Seen {
        self.send(self.http().get(url), url).await
    }

    /// A form as a page of `origin` would send it, without following.
    pub async fn post(&self, url: &str, origin: &str, form: &[(&str, &str)]) -> Seen {
        let request = self.http().post(url).header("origin", origin).form(form);
        self.send(request, url).await
    }

    /// Any request, with this browser's cookies.
    pub async fn send(&self, request: reqwest::RequestBuilder, url: &str) -> Seen {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = match self.cookie_header(&host) {
            Some(cookies) => request.header("cookie", cookies),
            None => request,
        };
        let answer = Answer::of(request).await;
        self.keep(&host, &answer);
        Seen { url, answer }
    }

    /// The `Cookie` header that a host gets.
    pub fn cookie_header(&self, host: &str) -> Option<String> {
        let jar = self.cookies.lock().expect("a jar");
        let pairs: Vec<String> = jar
            .iter()
            .filter(|((of, _), _)| of == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&self, host: &str, answer: &Answer) {
        let mut jar = self.cookies.lock().expect("a jar");
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("text");
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            let key = (host.to_owned(), name.to_owned());
            if attributes.to_ascii_lowercase().contains("max-age=0;") {
                jar.remove(&key);
            } else {
                jar.insert(key, value.to_owned());
            }
        }
    }

    /// Follows redirects until an answer that is none, or one that leads to an address which begins with `stop`.
    pub async fn follow(&self, seen: Seen, stop: &str) -> Seen {
        let mut seen = seen;
        for _ in 0..MOST {
            let location = seen.answer.header("location").to_owned();
            if !(300..400).contains(&seen.answer.status) || location.is_empty() {
                return seen;
            }
            let to = seen.url.join(&location).expect("an address");
            if !stop.is_empty() && to.as_str().starts_with(stop) {
                return seen;
            }
            seen = self.get(to.as_str()).await;
        }
        panic!("more than {MOST} redirects: {seen:?}");
    }

    /// Opens an address and follows.
    pub async fn open(&self, url: &str, stop: &str) -> Seen {
        self.follow(self.get(url).await, stop).await
    }

    /// Presses a button of a page, with these fields filled in, without following.
    pub async fn press(&self, page: &Seen, button: &str, fields: &[(&str, &str)]) -> Seen {
        let form = page.form(button);
        let mut pairs = form.pairs;
        for (name, value) in fields {
            pairs.retain(|(known, _)| known != name);
            pairs.push(((*name).to_owned(), (*value).to_owned()));
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let to = page.url.join(&form.action).expect("an address");
        let origin = page.url.origin().ascii_serialization();
        self.post(to.as_str(), &origin, &pairs).await
    }

    /// Signs whoever is signed in here out at the issuer, by its own page.
    pub async fn sign_out(&self, issuer: &str) {
        let ask = self.open(&format!("{issuer}/logout"), "").await;
        let done = self.press(&ask, "#sign-out", &[]).await;
        assert!(self.follow(done, "").await.has("#signed-out"));
    }

    /// A cookie whose name begins so.
    pub fn cookie(&self, prefix: &str) -> Option<String> {
        let jar = self.cookies.lock().expect("a jar");
        jar.iter()
            .find(|((_, name), _)| name.starts_with(prefix))
            .map(|(_, value)| value.clone())
    }

    /// Plants or replaces a cookie.
    pub fn plant(&self, host: &str, name: &str, value: &str) {
        let mut jar = self.cookies.lock().expect("a jar");
        jar.insert((host.to_owned(), name.to_owned()), value.to_owned());
    }
}

/// A form as it would be sent.
#[derive(Debug)]
pub struct Filled {
    pub action: String,
    pub pairs: Vec<(String, String)>,
}

impl Seen {
    /// The form around the button of this id, with the button's own value.
    pub fn form(&self, button: &str) -> Filled {
        let document = Html::parse_document(&self.answer.text);
        let select = |text: &str| Selector::parse(text).expect("a selector");
        let pressed = document
            .select(&select(button))
            .next()
            .unwrap_or_else(|| panic!("no {button} on {}: {}", self.url, self.answer.text));
        let form = match pressed.value().attr("form") {
            Some(id) => document.select(&select(&format!("form#{id}"))).next(),
            None => pressed
                .ancestors()
                .filter_map(scraper::ElementRef::wrap)
                .find(|element| element.value().name() == "form"),
        };
        let form = form.expect("a form of the button");
        let mut pairs = Vec::new();
        for field in form.select(&select("input[name], select[name], textarea[name]")) {
            let value = field.value();
            let kind = value.attr("type").unwrap_or("text");
            let checked = !matches!(kind, "radio" | "checkbox") || value.attr("checked").is_some();
            if !checked {
                continue;
            }
            let text = match value.name() {
                "textarea" => field.text().collect(),
                "select" => field
                    .select(&select("option[selected]"))
                    .chain(field.select(&select("option")))
                    .next()
                    .and_then(|option| option.value().attr("value"))
                    .unwrap_or_default()
                    .to_owned(),
                _ => value.attr("value").unwrap_or_default().to_owned(),
            };
            pairs.push((value.attr("name").unwrap_or_default().to_owned(), text));
        }
        if let Some(name) = pressed.value().attr("name") {
            let value = pressed.value().attr("value").unwrap_or_default();
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Filled {
            action: pressed
                .value()
                .attr("formaction")
                .or(form.value().attr("action"))
                .unwrap_or_default()
                .to_owned(),
            pairs,
        }
    }

    /// True when something on the page matches.
    pub fn has(&self, selector: &str) -> bool {
        let document = Html::parse_document(&self.answer.text);
        let found = document
            .select(&Selector::parse(selector).expect("a selector"))
            .next();
        found.is_some()
    }

    /// The text of what matches first.
    pub fn text(&self, selector: &str) -> String {
        let document = Html::parse_document(&self.answer.text);
        let found = document
            .select(&Selector::parse(selector).expect("a selector"))
            .next();
        found.map(|element| element.text().collect()).unwrap_or_default()
    }

    /// `data-code` of the page's error.
    pub fn error(&self) -> String {
        let document = Html::parse_document(&self.answer.text);
        let found = document
            .select(&Selector::parse("#error").expect("a selector"))
            .next();
        found
            .and_then(|element| element.value().attr("data-code"))
            .unwrap_or_default()
            .to_owned()
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<Url> {
        let location = self.answer.headers.get("location")?.to_str().ok()?;
        self.url.join(location).ok()
    }
}
