//! The mails that an issuer has kept, as its administrator's page shows them.

use scraper::{Html, Selector};

use super::{Browser, IssuerServer};

/// A mail as it would have been sent.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub purpose: String,
    pub subject: String,
    pub text: String,
    pub link: Option<String>,
}

impl Mail {
    /// Its code of six digits.
    pub fn code(&self) -> &str {
        let found = self
            .text
            .split_whitespace()
            .find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
        found.unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    pub fn link(&self) -> &str {
        self.link
            .as_deref()
            .unwrap_or_else(|| panic!("no link: {self:?}"))
    }
}

impl IssuerServer {
    /// The address of the page of kept mails.
    pub fn outbox(&self) -> &str {
        &self.running().outbox
    }

    /// The mails to an address, the newest first.
    pub async fn mails_to(&self, to: &str) -> Vec<Mail> {
        let page = Browser::new().get(self.outbox()).await;
        assert_eq!(page.answer.status, 200, "{page:?}");
        let document = Html::parse_document(&page.answer.text);
        let select = |text: &str| Selector::parse(text).expect("a selector");
        let lines = select("li[data-mail]");
        let mails = document.select(&lines).map(|line| {
            let text = |what: &str| {
                let found = line.select(&select(what)).next();
                found
                    .map(|element| element.text().collect::<String>())
                    .unwrap_or_default()
            };
            let link = line.select(&select("details a")).next();
            Mail {
                to: text("bdi"),
                purpose: line.attr("data-purpose").unwrap_or_default().to_owned(),
                subject: text("strong"),
                text: text("pre"),
                link: link.and_then(|link| link.attr("href")).map(str::to_owned),
            }
        });
        mails.filter(|mail| mail.to == to).collect()
    }

    /// The newest mail to an address.
    pub async fn mail_to(&self, to: &str) -> Mail {
        let mails = self.mails_to(to).await;
        mails
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no mail to {to}"))
    }
}
