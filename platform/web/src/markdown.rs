//! Untrusted Markdown as harmless HTML: a short list of elements, and no raw markup.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use crate::Html;

/// Paragraphs, emphasis, lists, quotations, code, links to the web and headings from the third level on. Markup in the
/// text is shown as text, images are replaced by their description, and any other link by its text.
pub fn markdown(text: &str) -> Html {
    let mut links = Vec::new();
    let mut level = None;
    let events = Parser::new_ext(text, Options::empty()).filter_map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { dest_url, .. }) => {
            let kept = leads_to_the_web(&dest_url);
            links.push(kept);
            kept.then(|| open_link(&dest_url))
        }
        Event::End(TagEnd::Link) => links
            .pop()
            .unwrap_or(false)
            .then_some(Event::InlineHtml(CowStr::Borrowed("</a>"))),
        // The page has its own first and second level; the id of a heading could replace one of ours.
        Event::Start(Tag::Heading { level: given, .. }) => {
            level = Some(lowered(given));
            Some(Event::Start(Tag::Heading {
                level: lowered(given),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }))
        }
        Event::End(TagEnd::Heading(given)) => Some(Event::End(TagEnd::Heading(
            level.take().unwrap_or(lowered(given)),
        ))),
        Event::Start(Tag::CodeBlock(_)) => Some(Event::Start(Tag::CodeBlock(
            pulldown_cmark::CodeBlockKind::Indented, // no class from the fence's words
        ))),
        other => Some(other),
    });
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    html::push_html(&mut out, events);
    Html(out)
}

fn open_link(url: &str) -> Event<'static> {
    let mut escaped = String::new();
    for c in url.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    let tag = format!("<a href=\"{escaped}\" rel=\"nofollow ugc noopener\">");
    Event::InlineHtml(CowStr::from(tag))
}

/// Parsed like a browser does: what looks like a scheme to us must be one to it.
fn leads_to_the_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

fn lowered(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3 => HeadingLevel::H3,
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        markdown(text).to_string()
    }

    #[test]
    fn prose_becomes_paragraphs_lists_and_emphasis() {
        assert_eq!(
            of("One *two*\n\nthree"),
            "<p>One <em>two</em></p>\n<p>three</p>\n"
        );
        assert_eq!(of("- a\n- b"), "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n");
    }

    #[test]
    fn markup_in_the_text_stays_text() {
        let made = of("<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b\n\n<div\nonclick=x>");
        let page = scraper::Html::parse_fragment(&made);
        let hostile = scraper::Selector::parse("script, img, div, [onclick], [onerror]").unwrap();
        assert_eq!(page.select(&hostile).count(), 0, "{made}");
        assert!(made.contains("&lt;script&gt;"), "{made}");
    }

    #[test]
    fn only_links_to_the_web_are_links() {
        assert!(
            of("[a](https://example.test/?a=1&b=2)").contains("href=\"https://example.test/?a=1&amp;b=2\"")
        );
        for bad in [
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html,x)",
            "[a](//example.test)",
            "[a](/basket)",
            "[a](&#106;avascript:alert(1))",
            "[a](vbscript:x)",
            "<javascript:alert(1)>",
            "[a](<https://e.test/\"onmouseover=alert(1)>)",
        ] {
            let made = of(bad);
            let page = scraper::Html::parse_fragment(&made);
            let any = scraper::Selector::parse("a:not([href^='https://e.test/']), [onmouseover]").unwrap();
            assert_eq!(page.select(&any).count(), 0, "{made}");
        }
    }

    #[test]
    fn a_heading_never_stands_above_the_pages_own() {
        let made = of("# One\n\n#### Four {#main}\n\nTwo\n---");
        assert_eq!(made.matches("<h3>").count(), 2, "{made}");
        assert_eq!(made.matches("<h4>").count(), 1, "{made}");
        assert!(!made.contains("id="), "{made}");
    }

    #[test]
    fn a_picture_is_its_description_and_a_fence_has_no_class() {
        assert_eq!(of("![a cat](https://e.test/cat.png)"), "<p>a cat</p>\n");
        assert!(!of("```rust\" onclick=x\nlet a;\n```").contains("class"));
    }
}
