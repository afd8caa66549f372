//! What stands on a page.

use scraper::{Html, Selector};

use crate::answer::Answer;

impl Answer {
    pub fn page(&self) -> Html {
        Html::parse_document(&self.text)
    }

    /// The texts of what a selector finds, with single spaces.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        let page = self.page();
        let found = page
            .select(&selector)
            .map(|element| element.text().collect::<String>());
        found
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The values of an attribute of what a selector finds.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        let page = self.page();
        page.select(&selector)
            .filter_map(|element| element.attr(name).map(str::to_owned))
            .collect()
    }
}
