//! What each page shows.

use serde_json::{Value, json};

use crate::stub::{Stub, course};

#[tokio::test]
async fn home_shows_the_newest_course_the_subjects_and_no_course_twice() {
    let shop = Stub::default().shop().await;
    let home = shop.get("/").await;
    assert_eq!(home.status, 200);
    assert_eq!(home.texts(".lead h2"), ["Rust from the Ground Up"]);
    assert_eq!(home.texts(".subjects a"), ["Programming", "Design"]);
    assert_eq!(
        home.attributes(".subjects a", "href"),
        ["/categories/programming", "/categories/design"]
    );
    let titles = home.texts(".card h3");
    assert_eq!(titles, ["Course 2", "Course 3", "Course 4", "Course 5"]);
}

#[tokio::test]
async fn a_list_shows_cards_with_price_and_facts() {
    let list = Stub::default().shop().await.get("/courses").await;
    assert_eq!(list.texts(".card h3").len(), 8);
    assert_eq!(
        list.texts(".card .facts span")[..3],
        ["Beginner", "2 lessons", "1 h 31 min"]
    );
    assert_eq!(list.texts(".card .price")[0], "€59.00 Regular price €79.00");
    assert_eq!(list.texts(".card .badge")[0], "Few places");
    assert_eq!(list.attributes(".card h3 a", "lang")[0], "tr");
}

#[tokio::test]
async fn a_search_is_asked_of_the_catalog_as_it_was_typed_and_shown_as_chips() {
    let shop = Stub::default().shop().await;
    let list = shop
        .get("/courses?q=c%2B%2B&category=design&level=beginner&language=de&price_max=2500&sort=price_asc&cursor=")
        .await;
    let asked = shop.asked();
    let courses = asked.iter().find(|target| target.contains("/courses?")).unwrap();
    assert_eq!(
        courses,
        "/catalog/v1/courses?q=c%2B%2B&category=design&level=beginner&language=de&price_max=2500&sort=price_asc&limit=12"
    );
    assert_eq!(
        list.texts(".chip"),
        [
            "Remove: “c++”",
            "Remove: Design",
            "Remove: Beginner",
            "Remove: Deutsch",
            "Remove: Up to €25.00"
        ]
    );
    assert_eq!(
        list.attributes(".chip", "href")[1],
        "/courses?q=c%2B%2B&level=beginner&language=de&price_max=2500&sort=price_asc"
    );
    assert_eq!(
        list.texts("option[selected]"),
        [
            "Design",
            "Beginner",
            "Deutsch",
            "Up to €25.00",
            "Any rating",
            "Lowest price first"
        ]
    );
    assert_eq!(list.attributes("#f-q", "value"), ["c++"]);
}

#[tokio::test]
async fn paging_keeps_the_search_and_leads_back_to_its_first_page() {
    let shop = Stub {
        next_cursor: Some("abc_-".into()),
        ..Stub::default()
    }
    .shop()
    .await;
    let page = shop.get("/courses?q=a&cursor=xyz").await;
    assert_eq!(
        page.attributes(".pages a", "href"),
        ["/courses?q=a", "/courses?q=a&cursor=abc_-"]
    );
    let last = Stub::default().shop().await.get("/courses").await;
    assert!(last.texts(".pages").is_empty());
}

#[tokio::test]
async fn nothing_found_is_said_with_one_thing_to_do() {
    let shop = Stub {
        courses: Vec::new(),
        ..Stub::default()
    }
    .shop()
    .await;
    let none = shop.get("/courses?q=zzz").await;
    assert_eq!(none.status, 200);
    assert_eq!(none.attributes(".empty a", "href"), ["/courses"]);
}

#[tokio::test]
async fn a_category_has_its_own_address_and_an_unknown_one_is_missing() {
    let shop = Stub::default().shop().await;
    let design = shop.get("/categories/design?level=all").await;
    assert_eq!(design.texts("h1"), ["Design"]);
    assert_eq!(design.texts(".below a"), ["Type"]);
    assert_eq!(
        design.attributes(".filters form", "action"),
        ["/categories/design"]
    );
    assert!(design.texts("#f-category").is_empty());
    assert!(
        shop.asked()
            .iter()
            .any(|target| target.contains("category=design&level=all"))
    );
    let below = shop.get("/categories/type").await;
    assert_eq!(below.texts(".crumbs li"), ["All courses", "Design", "Type"]);
    assert_eq!(shop.get("/categories/nothing").await.status, 404);
}

#[tokio::test]
async fn a_course_shows_what_it_promises_what_is_in_it_and_what_it_costs() {
    let page = Stub::default().shop().await.get("/courses/rust").await;
    assert_eq!(page.texts("h1"), ["Rust from the Ground Up"]);
    assert_eq!(page.texts(".crumbs a"), ["All courses", "Programming"]);
    assert_eq!(page.texts(".outcomes li"), ["Explain moves"]);
    assert_eq!(page.texts(".buy-card > .price"), ["€59.00 Regular price €79.00"]);
    assert_eq!(page.texts(".saved"), ["You save €20.00 (25%)"]);
    assert_eq!(page.texts("summary .section-title"), ["Three cups"]);
    assert_eq!(
        page.texts(".lessons li"),
        ["Who owns it?Preview11 min", "Lending it1 h 20 min"]
    );
    assert_eq!(page.texts("time"), ["17 November 2026"]);
    assert_eq!(page.texts(".prose em"), ["paragraph"]);
    assert_eq!(page.texts(".instructor-name"), ["Ada Byron"]);
    assert_eq!(
        page.attributes("link[rel=canonical]", "href"),
        ["http://localhost:8080/courses/rust"]
    );
}

#[tokio::test]
async fn a_course_that_cannot_be_bought_yet_says_so_and_has_no_button_for_it() {
    let page = Stub::default().shop().await.get("/courses/rust").await;
    assert_eq!(page.texts(".buy .notice-title"), ["Enrolment is not open yet"]);
    assert!(page.texts(".buy button, .buy form, .buybar form").is_empty());
}

#[tokio::test]
async fn a_free_course_is_called_free() {
    let mut free = course("rust", "Rust");
    free["price"]["amount"] = json!(0);
    free["list_price"] = Value::Null;
    let page = Stub {
        courses: vec![free],
        ..Stub::default()
    }
    .shop()
    .await
    .get("/courses/rust")
    .await;
    assert_eq!(page.texts(".buy-card > .price"), ["Free"]);
}

#[tokio::test]
async fn an_old_address_or_an_identifier_leads_to_the_present_one() {
    let shop = Stub::default().shop().await;
    for old in ["/courses/old-name", "/courses/id-of-rust"] {
        let moved = shop.get(old).await;
        assert_eq!(moved.status, 301, "{old}");
        assert_eq!(moved.header("location"), "/courses/rust");
        assert_eq!(moved.header("cache-control"), "private, no-cache");
    }
}

#[tokio::test]
async fn the_catalog_cannot_lead_anybody_off_the_site() {
    let led = Stub::default().shop().await.get("/courses/led-away").await;
    assert_eq!(led.status, 500);
    assert_eq!(led.header("location"), "");
}

#[tokio::test]
async fn what_is_not_there_is_404_on_a_page_of_ours() {
    let shop = Stub::default().shop().await;
    for path in [
        "/nowhere",
        "/courses/nothing",
        "/courses/%ff",
        "/categories/%ff",
        "/static/x.css",
        "/covers/1/400/a.svg",
        "/covers/0/10/a.svg",
        "/covers/1/x/a.svg",
        "/covers/1/10/a%22.svg",
        "/courses/rust/",
    ] {
        let missing = shop.get(path).await;
        assert_eq!(missing.status, 404, "{path}");
        assert_eq!(missing.texts("h1"), ["This page does not exist."], "{path}");
        assert_eq!(missing.texts("#trace")[0].len(), 32, "{path}");
        assert_eq!(missing.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_400_on_a_page_of_ours() {
    let shop = Stub::default().shop().await;
    for path in [
        "/courses?level=expert",
        "/courses?q=a&q=b",
        "/courses?price_max=1.5",
        "/courses?q=%00",
    ] {
        let bad = shop.get(path).await;
        assert_eq!(bad.status, 400, "{path}");
        assert_eq!(bad.attributes(".error-actions a", "href"), ["/courses"], "{path}");
    }
}

#[tokio::test]
async fn another_method_is_405_with_what_is_allowed() {
    let request = http::Request::delete("/courses")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = Stub::default().shop().await.send(request).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "GET,HEAD");
    assert_eq!(answer.texts("h1"), ["This page does not accept that request."]);
}

#[tokio::test]
async fn a_cover_is_a_picture_that_never_changes_and_may_load_nothing() {
    let shop = Stub::default().shop().await;
    let address = shop.get("/courses/rust").await.attributes("img.cover", "src")[0].clone();
    let cover = shop.get(&address).await;
    assert_eq!(cover.status, 200);
    assert_eq!(cover.header("content-type"), "image/svg+xml");
    assert!(cover.header("cache-control").contains("immutable"));
    assert!(
        cover
            .header("content-security-policy")
            .starts_with("default-src 'none'; frame-ancestors")
    );
}

#[tokio::test]
async fn health_is_answered_without_the_catalog() {
    let shop = crate::stub::Shop::without_catalog().await;
    assert_eq!(shop.get("/healthz").await.status, 200);
}
