//! Whole stories of the shop in a real browser: a buyer's, an instructor's and an administrator's.

use latchkey_db::{Db, Options};

use crate::harness::{Browser, Chromium, TestServer, run, until};
use crate::marketplace::{Bus, Shop};
use crate::shop::sign_in;

/// A running shop, wherever its roles are played.
pub struct Place {
    /// The origin of its pages.
    pub shop: String,
    /// Name and password.
    pub buyer: (String, String),
    pub administrator: (String, String),
    /// Whether its certificates are of an authority that no browser knows.
    pub private_authority: bool,
    /// Whether pictures are taken of its pages.
    pub pictured: bool,
}

impl Place {
    fn embedded(server: &TestServer) -> Self {
        let person = |who: &str| {
            let (name, password) = server.person(who);
            (name.to_owned(), password.to_owned())
        };
        Self {
            shop: server.running().urls.shop.clone().expect("the edge is up"),
            buyer: person("alice"),
            administrator: person("admin"),
            private_authority: false,
            pictured: true,
        }
    }

    async fn browser(&self) -> Chromium {
        match self.private_authority {
            true => Chromium::trusting().await,
            false => Chromium::start().await,
        }
    }

    /// The address of a page.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.shop)
    }

    async fn picture(&self, browser: &Chromium, name: &str) {
        if self.pictured {
            browser.pictures(name).await;
        }
    }
}

/// Signs in where the browser was led to do so.
async fn type_password(browser: &Chromium, (name, password): &(String, String)) {
    browser.write("#username", name).await;
    browser.write("#password", password).await;
    browser.click("button#sign-in").await;
}

/// The same, and allows what the shop asks for.
async fn allow(browser: &Chromium, who: &(String, String)) {
    type_password(browser, who).await;
    browser.see("#allow").await;
    browser.click("#allow").await;
}

/// From a basket without a name to a credit note. The coupon is for everything.
pub async fn a_course_is_bought_learned_reviewed_and_given_back(place: &Place, slug: &str, coupon: &str) {
    let browser = place.browser().await;
    browser
        .open_until(&place.at(&format!("/courses/{slug}")), "#add")
        .await;
    browser.click("#add").await;
    browser.arrive(&place.at("/basket?done=added")).await;
    browser.write("#code", coupon).await;
    browser.click("form.coupon button").await;
    browser.see("#coupon-remove").await;
    place.picture(&browser, "journey-basket").await;

    browser.click("#checkout").await;
    allow(&browser, &place.buyer).await;
    browser.arrive(&place.at("/checkout")).await;
    let sums = browser.text(".bill-sums").await;
    assert!(sums.contains(coupon), "the coupon came along: {sums}");
    browser.click("#card input[value='new']").await;
    for (field, text) in [
        ("#name", "Alice Example"),
        ("#street", "1 Road"),
        ("#postal_code", "1010"),
        ("#city", "Vienna"),
        ("#card_number", MUST_BE_CONFIRMED),
        ("#card_month", "4"),
        ("#card_year", "2029"),
        ("#card_cvc", "123"),
    ] {
        browser.write(field, text).await;
    }
    browser.click("#terms input").await;
    browser.click("#buy").await;

    // The page follows the order, without being loaded again, until the bank wants to know.
    browser.see("[data-live]").await;
    browser.run("window.followed = true").await;
    browser.see("#confirm").await;
    let status = browser.url().await;
    let order = status
        .strip_suffix("/status")
        .expect("the status of an order")
        .to_owned();
    place.picture(&browser, "journey-status").await;
    browser.click("#confirm").await;
    browser.click("#approve").await;
    browser.see("#library").await;
    browser.arrive(&place.at("/library?done=bought")).await;

    let learn = place.at(&format!("/learn/{slug}"));
    browser.open(&learn).await;
    for _ in 0..MOST_LESSONS {
        if browser.has("#congratulation").await {
            break;
        }
        browser.click("details[open] button[name=lesson]").await;
        browser.see("#progress").await;
    }
    browser.see("#congratulation").await;
    // The catalog hears of owners by events.
    browser
        .open_until(&place.at(&format!("/courses/{slug}/review")), "#send")
        .await;
    browser.click("[name=stars][value='4']").await;
    browser.write("#text", REVIEW).await;
    place.picture(&browser, "journey-review").await;
    browser.click("#send").await;
    browser.see(".reviews").await;
    assert!(browser.text(".reviews").await.contains(REVIEW));
    place.picture(&browser, "journey-reviews").await;

    let invoice = format!("{order}/invoice");
    browser.open_until(&order, "#invoice").await;
    let sums = browser.text(".sums").await;
    assert!(
        sums.contains("Paid from your wallet") && sums.contains("Paid by card"),
        "both have paid: {sums}"
    );
    browser.open_until(&invoice, "#pdf").await;
    place.picture(&browser, "journey-invoice").await;
    browser.click("#pdf").await;
    assert!(browser.downloaded().await.starts_with(b"%PDF-"));

    browser.open(&order).await;
    browser.click("details.ask summary").await;
    browser.write("#reason", "I know all of it now").await;
    place.picture(&browser, "journey-refund").await;
    browser.click("#ask-refund").await;
    browser.arrive(&format!("{order}?done=refund")).await;
    assert!(browser.text("main").await.contains("Being looked at"));

    let office = place.browser().await;
    office.open(&place.at("/admin/refunds")).await;
    // Who made the coupon has allowed the shop what it asks for.
    type_password(&office, &place.administrator).await;
    office.see("#refunds [name=note]").await;
    office.write("#refunds [name=note]", "Since you ask").await;
    place.picture(&office, "journey-admin-refunds").await;
    office.click("#refunds button[value=approve]").await;
    office.arrive(&place.at("/admin/refunds?done=approved")).await;
    office.stop().await;

    browser.open_until(&invoice, "#credit-notes a").await;
    place.picture(&browser, "journey-credit-note").await;
    browser.click("#credit-notes a").await;
    assert!(browser.downloaded().await.starts_with(b"%PDF-"));
    browser.open(&order).await;
    assert_eq!(browser.text("#state").await, "Refunded");
    browser.open(&place.at("/library")).await;
    assert!(!browser.has(&format!("a[href='/learn/{slug}']")).await);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
}

#[tokio::test]
async fn a_buyer_learns_a_course_and_gives_it_back() {
    let server = TestServer::new().await;
    let place = Place::embedded(&server);
    let office = Browser::new();
    let blank = sign_in(&server, &office, "admin", "/admin/coupons/new").await;
    let terms = [
        ("code", COUPON),
        ("kind", "percent"),
        ("worth", "10"),
        ("scope", "all"),
    ];
    let made = office.press(&blank, "#create-coupon", &terms).await;
    assert_eq!(made.answer.status, 303, "{}", made.answer.text);
    let courses = crate::harness::anonymous(&format!("{}/catalog/v1/courses?limit=50", server.api())).await;
    let courses = courses.json();
    // Short, and more than the demo's credits.
    let learned =
        |course: &&serde_json::Value| course["lesson_count"].as_i64().is_some_and(|count| count > 0);
    let sold = courses["items"]
        .as_array()
        .expect("courses")
        .iter()
        .filter(|course| {
            course["limited"] == false
                && !OWNED.iter().any(|owned| course["slug"] == *owned)
                && course["price"]["amount"]
                    .as_i64()
                    .is_some_and(|price| price > 3_000)
        });
    let course = sold
        .filter(learned)
        .min_by_key(|course| course["lesson_count"].as_i64());
    let slug = course.expect("a course")["slug"]
        .as_str()
        .expect("a slug")
        .to_owned();
    a_course_is_bought_learned_reviewed_and_given_back(&place, &slug, COUPON).await;
    server.stop().await;
}

/// A photo of nothing in particular, as large as one of a camera's smallest.
async fn photo(browser: &Chromium) -> Vec<u8> {
    let drawn = "data:text/html,<body style='margin:0;height:100vh;background:\
                 radial-gradient(circle at 30%25 40%25,%23e7b15a,transparent 40%25),\
                 linear-gradient(160deg,%230f6b5c,%231b1d22)'>";
    browser.open(drawn).await;
    browser.screenshot().await
}

#[tokio::test]
async fn an_instructor_publishes_a_course_with_a_photo_and_sells_it() {
    let server = TestServer::new().await;
    let place = Place::embedded(&server);
    let (name, password) = server.person("ines");
    let instructor = (name.to_owned(), password.to_owned());
    let browser = place.browser().await;
    let file = server.folder().join("photo.png");
    std::fs::write(&file, photo(&browser).await).expect("a file");

    browser.open(&place.at("/teach/new")).await;
    allow(&browser, &instructor).await;
    browser.see("#save").await;
    for (field, text) in [
        ("#title", "Lanterns of Paper"),
        ("#subtitle", "Light that folds"),
        (
            "#description",
            "How a sheet of paper and four thin sticks become a lantern that folds flat and stands up to the wind.",
        ),
        ("#price", "49.50"),
        ("#s0", "First folds"),
        ("#s0l0", "Paper and grain"),
        ("#s0l0m", "12"),
    ] {
        browser.write(field, text).await;
    }
    browser.click("#category option:nth-child(2)").await;
    browser.click("#save").await;
    browser.see("#photo").await;
    browser.attach("#photo", &file).await;
    browser.click("#upload").await;
    browser.see("#remove-photo").await;
    place.picture(&browser, "journey-photo").await;
    browser.click("#publish").await;
    browser.see("#public").await;
    browser.click("#public").await;
    browser.see("img.cover, .cover img").await;
    until("the photo is shown", async || {
        let script = "const photo = document.querySelector('img.cover, .cover img'); \
                      return photo.complete && photo.naturalWidth > 0";
        browser.run(script).await == true
    })
    .await;
    place.picture(&browser, "journey-course-photo").await;
    let course = browser.url().await;

    browser.open(&place.at("/teach/coupons/new")).await;
    browser.write("#code", COUPON).await;
    browser.write("#worth", "20").await;
    browser.click("#create-coupon").await;
    browser.see("#pause").await;

    sell(&server, &course).await;
    browser.open_until(&place.at("/teach/sales"), "#sales li").await;
    assert!(browser.text("#sales").await.contains("Lanterns of Paper"));
    assert_ne!(browser.text("#share").await, "€0.00");
    place.picture(&browser, "journey-sales").await;
    browser.open(&place.at("/courses?q=paper")).await;
    browser.see(".suggestions").await;
    place.picture(&browser, "journey-search").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    server.stop().await;
}

/// Alice buys a course with the coupon, in a browser without script.
async fn sell(server: &TestServer, course: &str) {
    let alice = Browser::new();
    let shop = server.running().urls.shop.clone().expect("the edge is up");
    until("the course is in the basket", async || {
        let page = alice.open(course, "").await;
        if !page.has("#add") {
            return false;
        }
        let added = alice.press(&page, "#add", &[]).await;
        alice.follow(added, "").await.has("#checkout")
    })
    .await;
    let checkout = sign_in(server, &alice, "alice", "/checkout").await;
    let basket = alice.open(&format!("{shop}/basket"), "").await;
    let coupon = alice
        .press(&basket, "form.coupon button", &[("code", COUPON)])
        .await;
    let basket = alice.follow(coupon, "").await;
    assert!(
        basket.text(".bill-sums").contains(COUPON),
        "{}",
        basket.answer.text
    );
    let checkout = alice.open(checkout.url.as_str(), "").await;
    let fields = [
        ("name", "Alice Example"),
        ("street", "1 Road"),
        ("postal_code", "1010"),
        ("city", "Vienna"),
        ("terms", "yes"),
    ];
    let bought = alice.press(&checkout, "#buy", &fields).await;
    assert_eq!(bought.answer.status, 303, "{}", bought.answer.text);
    until("the course is hers", async || {
        let library = alice.open(&format!("{shop}/library"), "").await;
        library.answer.text.contains("Lanterns of Paper")
    })
    .await;
}

/// Puts an event aside that billing has heard before, as if it had failed then.
async fn put_aside(server: &TestServer) {
    let bus = Db::open(server.bus(), Options::new(&[])).await.expect("the bus");
    let statement = "INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, \
                       last_error, parked_at) \
                     SELECT 'billing.orders', event_id || '#again', type, envelope, 24, appended_at, appended_at, \
                       'the books were locked', appended_at \
                     FROM bus_log WHERE type = 'order.order.paid.v1' ORDER BY position LIMIT 1";
    run(&bus, statement.to_owned()).await;
    bus.close().await;
}

#[tokio::test]
async fn an_administrator_mends_what_is_stuck_and_reads_the_books() {
    let shop = Shop::without(Bus::SqlLog, "inventory").await;
    let inventory = shop.start("inventory").await;
    let bo = shop.buyer("bo").await;
    let item = shop.item(2_500, Some(1)).await;
    let order = bo.order_that_waits(&[(&item, 1)], None).await;
    inventory.stop().await;
    bo.approve(&order).await;
    bo.until_state(&order, "paid").await;
    shop.advance(3 * 60_000).await;
    shop.until_alerted(&order).await;
    put_aside(&shop.server).await;

    let place = Place::embedded(&shop.server);
    let browser = place.browser().await;
    browser.open(&place.at("/admin")).await;
    allow(&browser, &place.administrator).await;
    browser.see(".figure-waits").await;
    place.picture(&browser, "journey-admin").await;
    browser.click("a[href='/admin/orders?show=alerted']").await;
    browser.click("#orders a").await;
    browser.see("#alert").await;
    place.picture(&browser, "journey-stuck").await;
    // An inventory that is back would answer what it was asked before.
    browser.click("#retry").await;
    let page = place.at(&format!("/admin/orders/{order}"));
    browser.arrive(&format!("{page}?done=retry")).await;
    let inventory = shop.start("inventory").await;
    until("the order is completed", async || {
        browser.open(&page).await;
        browser.text("#state").await == "Completed"
    })
    .await;

    browser.open(&place.at("/admin/dead-letters")).await;
    browser.see("#letters").await;
    place.picture(&browser, "journey-letters").await;
    browser.click("#letters a").await;
    browser.see("#envelope").await;
    place.picture(&browser, "journey-letter").await;
    browser.click("#redrive").await;
    browser
        .arrive(&place.at("/admin/dead-letters?done=redriven"))
        .await;
    browser.see(".empty").await;
    place.picture(&browser, "journey-letters-none").await;
    let handled = "SELECT message_id AS line FROM inbox WHERE message_id LIKE '%#again'";
    until("billing has handled it", async || {
        shop.lines("billing", handled.to_owned()).await.len() == 1
    })
    .await;
    browser.click("#record").await;
    browser.see("#interventions").await;
    place.picture(&browser, "journey-record").await;

    browser
        .open(&place.at(&format!("/admin/grants?user={}", bo.id().await)))
        .await;
    browser.write("#amount", "12.50").await;
    browser.write("#reason", "For the long wait").await;
    browser.click("#give-credits").await;
    browser.arrive(&place.at("/admin/grants?done=granted")).await;
    browser.see("#grants").await;
    browser.open_until(&place.at("/admin/ledger"), "#balanced").await;
    browser.see("#entries").await;
    place.picture(&browser, "journey-ledger").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.stop().await;
    inventory.stop().await;
    shop.stop().await;
}

const COUPON: &str = "JOURNEY";
/// What the demo has given to Alice.
const OWNED: [&str; 2] = ["git-beyond-commit-and-push", "statistics-without-tears"];
/// A test card whose bank asks its owner.
const MUST_BE_CONFIRMED: &str = "4000 0025 0000 3155";
const REVIEW: &str = "Clear from the first page to the last.";
/// More than a course of the demo has.
const MOST_LESSONS: usize = 60;
