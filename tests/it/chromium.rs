//! The whole walk in a real browser, with its cookies, its redirects and its content security policy.

use crate::harness::{Browser, Chromium, ENTER, TAB, TestServer, claims, until};

/// How every JWT begins.
const JWT: &str = "eyJ";

/// How every refresh token of a server begins: with its version and the id of the key of its tag, ten bytes.
async fn refresh_tokens_of(server: &TestServer) -> String {
    let app = server.app("demo-web", "openid profile");
    let tokens = app.sign_in(&Browser::new(), server.person("ines"), &[]).await;
    tokens.refresh()[..13].to_owned()
}

/// Every token in what went over the browser's connections, and the line that it stands in.
fn tokens_in<'a>(bytes: &'a [u8], refresh: &str) -> Vec<(&'a [u8], &'a [u8])> {
    let mut found = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let words = line.split(|byte| !(byte.is_ascii_alphanumeric() || b"-_.".contains(byte)));
        for word in words {
            let holds = |mark: &str| word.windows(mark.len()).any(|part| part == mark.as_bytes());
            // A sealed request is random text without a dot, and may begin like anything.
            let jwt = holds(JWT) && word.contains(&b'.');
            if jwt || holds(refresh) {
                found.push((word, line));
            }
        }
    }
    found
}

/// Nothing that a script can reach may be a token.
async fn holds_no_token(browser: &Chromium) {
    let source = browser.source().await;
    let tokens = tokens_in(source.as_bytes(), "no refresh token to look for");
    assert!(tokens.is_empty(), "{source}");
    let stored = browser
        .run("return JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])")
        .await;
    assert_eq!(stored.as_str(), Some(r#"["",{},{}]"#), "script sees nothing");
}

async fn sign_in(browser: &Chromium, server: &TestServer, who: &str) {
    let (name, password) = server.person(who);
    browser.write("#username", name).await;
    browser.write("#password", password).await;
    browser.click("button#sign-in").await;
}

/// BF-01.
#[tokio::test]
async fn a_user_signs_in_consents_publishes_a_course_and_signs_out() {
    let server = TestServer::new().await;
    let shop = server.running().urls.shop.clone().unwrap();
    let browser = Chromium::start().await;

    browser.open(&format!("{shop}/courses?q=rust")).await;
    browser.pictures("listing").await;
    browser.click("a#sign-in").await;
    browser.see("#password").await;
    holds_no_token(&browser).await;
    browser.pictures("sign-in").await;
    browser.write("#username", "ines").await;
    browser.write("#password", "not the right one").await;
    browser.click("button#sign-in").await;
    browser.see("#error[data-code='wrong_credentials']").await;
    browser.pictures("sign-in-wrong").await;
    sign_in(&browser, &server, "ines").await;
    browser.see("#allow").await;
    holds_no_token(&browser).await;
    browser.pictures("consent").await;
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/courses?q=rust")).await;
    browser.click(".menu summary").await;
    browser.pictures("menu").await;

    browser.click("a[href='/teach']").await;
    browser.see("#new-course").await;
    browser.pictures("teach").await;
    browser.click("#new-course").await;
    browser.see("#save").await;
    browser.pictures("new-course").await;
    let description = "How sheets of paper become sections, sections become a block, and a block a book that opens flat on a table.";
    for (field, text) in [
        ("#title", "Bookbinding by Hand"),
        ("#subtitle", "From folded sheets to a book"),
        ("#description", description),
        ("#price", "49.50"),
        ("#s0", "First folds"),
        ("#s0l0", "Paper and grain"),
        ("#s0l0m", "12"),
    ] {
        browser.write(field, text).await;
    }
    browser.click("#category option:nth-child(2)").await;
    browser.click("#save").await;
    browser.see("#publish").await;
    browser.pictures("draft").await;
    browser.click("#publish").await;
    browser.see("#public").await;
    holds_no_token(&browser).await;
    assert_eq!(browser.text("#status").await, "Published");
    browser.pictures("published").await;
    browser.click("#public").await;
    browser.see("h1").await;
    assert_eq!(browser.text("h1").await, "Bookbinding by Hand");
    browser.pictures("course").await;

    browser.open(&format!("{}/account", server.issuer())).await;
    browser.see("#checkup").await;
    browser.pictures("account-checkup").await;
    for page in ["sessions", "history", "why"] {
        browser.open(&format!("{}/account/{page}", server.issuer())).await;
        browser.see("#to-account").await;
        browser.pictures(&format!("account-{page}")).await;
    }
    browser
        .open(&format!("{}/account/applications", server.issuer()))
        .await;
    browser.see("#applications").await;
    holds_no_token(&browser).await;
    browser.pictures("account").await;
    browser.click("[data-client='storefront']").await;
    browser.see("[role='status']").await;
    browser.pictures("account-revoked").await;
    // The next call is refused: the shop has nobody, and leads to the sign-in, where consent is asked anew.
    until("the shop has signed them out", async || {
        browser.open(&shop).await;
        !browser.has(".menu").await
    })
    .await;
    browser.open(&format!("{shop}/teach")).await;
    browser.see("#allow").await;
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/teach")).await;
    browser.click(".menu summary").await;
    browser.click("#sign-out").await;
    browser.arrive(&format!("{shop}/")).await;
    browser.see("a#sign-in").await;
    browser.pictures("home").await;
    browser.open(&format!("{}/logout", server.issuer())).await;
    browser.see("#signed-out").await;
    browser.pictures("signed-out").await;
    browser
        .open(&format!("{}/authorize?client_id=nobody", server.issuer()))
        .await;
    browser.see("#error[data-code='unknown_client']").await;
    browser.pictures("error").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // BF-09: what somebody smuggles into a page does not run.
    let smuggled = r#"
        const markup = "<img src=x onerror='window.pwned = 1'>";
        const script = () => Object.assign(document.createElement("script"), {text: "window.pwned = 1"});
        const tries = [
            () => document.body.insertAdjacentHTML("beforeend", markup),
            () => { document.body.innerHTML = markup; },
            () => document.body.append(script()),
            () => document.body.setAttribute("onclick", "window.pwned = 1"),
            () => { location.href = "javascript:window.pwned = 1"; },
        ];
        return tries.map((one) => {
            window.pwned = 0;
            try { one(); } catch { return window.pwned; }
            document.body.click();
            return window.pwned;
        });"#;
    assert_eq!(browser.run(smuggled).await, serde_json::json!([0, 0, 0, 0, 0]));

    // BF-12: whoever sits down afterwards and presses back sees nobody's pages.
    browser.open(&format!("{shop}/teach")).await;
    sign_in(&browser, &server, "ines").await;
    browser.arrive(&format!("{shop}/teach")).await;
    browser.open(&format!("{}/account/why", server.issuer())).await;
    browser.see("#families").await;
    browser.open(&format!("{shop}/teach")).await;
    browser.click(".menu summary").await;
    browser.click("#sign-out").await;
    browser.arrive(&format!("{shop}/")).await;
    for _ in 0..3 {
        browser.back().await;
        browser.see("main").await;
        let shown = browser.has(".menu").await || browser.has("#families").await;
        assert!(!shown, "{}", browser.url().await);
    }

    // BF-01: of all tokens that the shop holds, the browser carried one, and where OpenID Connect RP-Initiated Logout
    // §2 has it carried: the ID token on the way to the issuer's logout.
    let all = browser.stop_and_tell_all().await;
    let refresh = refresh_tokens_of(&server).await;
    let hints = [
        "GET /logout?id_token_hint=".to_owned(),
        format!("location: {}/logout?id_token_hint=", server.issuer()),
    ];
    let found = all.iter().flat_map(|bytes| tokens_in(bytes, &refresh));
    let (carried, others): (Vec<_>, Vec<_>) =
        found.partition(|(_, line)| hints.iter().any(|hint| line.starts_with(hint.as_bytes())));
    let others: Vec<_> = others
        .iter()
        .map(|(_, line)| String::from_utf8_lossy(line))
        .collect();
    assert_eq!(others, Vec::<String>::new());
    assert!(!carried.is_empty(), "nothing was written down");
    for (token, _) in carried {
        let claims = claims(std::str::from_utf8(token).expect("a JWT"));
        assert!(claims["nonce"].is_string(), "an ID token: {claims}");
    }
    server.stop().await;
}

/// Nothing but keys: from the shop to a draft of one's own, and out.
#[tokio::test]
async fn a_person_signs_in_writes_a_course_and_signs_out_by_keyboard_alone() {
    let server = TestServer::new().await;
    let shop = server.running().urls.shop.clone().unwrap();
    let (_, password) = server.person("ines");
    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/")).await;
    browser.keys(TAB).await;
    browser.tab_to(".skip").await;
    browser.tab_to("a#sign-in").await;
    browser.keys(ENTER).await;
    // The field that is needed next has the focus already.
    browser.see("#username").await;
    browser.tab_to("#username").await;
    browser.keys("ines").await;
    browser.keys(TAB).await;
    browser.keys(password).await;
    browser.keys(ENTER).await;
    browser.see("#allow").await;
    browser.tab_to("#allow").await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{shop}/")).await;
    browser.tab_to(".menu summary").await;
    browser.keys(ENTER).await;
    browser.tab_to("a[href='/teach']").await;
    browser.keys(ENTER).await;
    browser.see("#new-course").await;
    browser.tab_to("#new-course").await;
    browser.keys(ENTER).await;
    browser.see("#title").await;
    browser.tab_to("#title").await;
    browser.keys("A course without a mouse").await;
    // Enter in a field saves, and nothing else.
    browser.keys(ENTER).await;
    browser.see("#publish").await;
    assert_eq!(browser.text("#status").await, "Draft");
    browser.tab_to(".menu summary").await;
    browser.keys(ENTER).await;
    browser.tab_to("#sign-out").await;
    browser.keys(ENTER).await;
    browser.arrive(&format!("{shop}/")).await;
    browser.see("a#sign-in").await;
    browser.stop().await;
    server.stop().await;
}

/// Every other page that people may come to: each fits, and has no fault that a program can tell.
#[tokio::test]
async fn every_page_fits_and_can_be_used_by_everybody() {
    let server = TestServer::new().await;
    let (shop, issuer) = (
        server.running().urls.shop.clone().unwrap(),
        server.issuer().to_owned(),
    );
    let browser = Chromium::start().await;
    let shelf = crate::harness::anonymous(&format!("{}/catalog/v1/categories", server.api()))
        .await
        .json();
    let category = shelf["items"][0]["slug"].as_str().expect("a category").to_owned();
    let app = server.app("demo-web", "openid profile");
    for (name, url) in [
        ("home", format!("{shop}/")),
        ("category", format!("{shop}/categories/{category}")),
        ("nothing-found", format!("{shop}/courses?q=zzzzzz")),
        (
            "filtered",
            format!("{shop}/courses?level=beginner&language=en&sort=price"),
        ),
        ("missing", format!("{shop}/courses/there-is-none")),
        ("design", format!("{shop}/_design")),
        ("callback-refused", format!("{shop}/callback?error=access_denied")),
        ("issuer-missing", format!("{issuer}/there-is-none")),
        ("no-request", format!("{issuer}/login?request=none")),
        (
            "foreign-address",
            app.request(&[("redirect_uri", "https://evil.test/")]),
        ),
    ] {
        browser.open(&url).await;
        browser.see("main").await;
        browser.pictures(name).await;
    }
    // The form by which an answer goes back as a POST, as it stands without script.
    browser.open(&format!("{shop}/teach")).await;
    sign_in(&browser, &server, "ines").await;
    browser.see("#allow").await;
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/teach")).await;
    browser.pictures("teach-courses").await;
    browser.open(&app.request(&[("prompt", "login")])).await;
    browser.see("#password").await;
    browser.pictures("sign-in-again").await;

    browser.open(&format!("{shop}/teach/new")).await;
    browser.see("#save").await;
    browser.write("#title", "A title that is long enough").await;
    browser.write("#price", "not a price").await;
    browser.click("#save").await;
    browser.see("#price[aria-invalid='true']").await;
    browser.click(".fault-list a[href='#price']").await;
    let at = browser
        .run("return document.querySelector(':target')?.id ?? ''")
        .await;
    assert_eq!(at, "price", "a fault leads to its field");
    browser.pictures("course-faults").await;

    browser.open(&format!("{shop}/teach")).await;
    browser.click("main a[href^='/teach/0']").await;
    browser.see("#archive").await;
    browser.click("#archive").await;
    browser.see("#archive-now").await;
    browser.pictures("archive").await;

    browser.open(&format!("{issuer}/logout")).await;
    browser.see("#sign-out").await;
    browser.pictures("logout").await;
    browser.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_visitor_of_the_shop_fills_a_basket_signs_in_and_orders() {
    let server = TestServer::new().await;
    let shop = server.running().urls.shop.clone().unwrap();
    let courses = crate::harness::anonymous(&format!("{}/catalog/v1/courses?limit=50", server.api()))
        .await
        .json();
    let sold = |course: &&serde_json::Value| {
        let price = course["price"]["amount"].as_i64();
        course["limited"] == false && price.is_some_and(|price| price > 0)
    };
    let course = courses["items"].as_array().expect("courses").iter().find(sold);
    let slug = course.expect("a course for sale")["slug"]
        .as_str()
        .expect("a slug");

    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/basket")).await;
    browser.see(".empty").await;
    browser.pictures("basket-empty").await;
    browser.open(&format!("{shop}/courses/{slug}")).await;
    browser.click("#add").await;
    browser.arrive(&format!("{shop}/basket?done=added")).await;
    browser.see("#checkout").await;
    holds_no_token(&browser).await;
    browser.write("#code", "NO-SUCH-COUPON").await;
    browser.pictures("basket-visitor").await;

    browser.click("#checkout").await;
    sign_in(&browser, &server, "alice").await;
    browser.see("#allow").await;
    browser.pictures("consent-buyer").await;
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/checkout")).await;
    holds_no_token(&browser).await;
    let fields = [
        ("#name", "Alice Example"),
        ("#street", "1 Road"),
        ("#postal_code", "1010"),
        ("#city", "Vienna"),
        ("#card_number", "4242 4242 4242 4242"),
        ("#card_month", "4"),
        ("#card_year", "2029"),
        ("#card_cvc", "12"),
    ];
    // Alice has a saved card, and takes another one.
    browser.click("#card input[value='new']").await;
    for (field, text) in fields {
        browser.write(field, text).await;
    }
    browser.click("#terms input").await;
    browser.pictures("checkout").await;
    browser.click("#buy").await;
    browser.see("#card_cvc[aria-invalid='true']").await;
    let kept = browser
        .run("return document.querySelector('#card_number').value")
        .await;
    assert_eq!(kept, "", "no card number is shown again");
    browser.pictures("checkout-faults").await;
    browser.write("#card_number", "4242 4242 4242 4242").await;
    browser.write("#card_month", "4").await;
    browser.write("#card_year", "2029").await;
    browser.write("#card_cvc", "123").await;
    browser.click("#buy").await;
    // The status follows the order by itself, and leads to what was bought.
    browser.see("#library").await;
    browser.arrive(&format!("{shop}/library?done=bought")).await;
    holds_no_token(&browser).await;
    browser.pictures("library").await;
    for (path, sight, picture) in [
        (format!("/learn/{slug}"), "#resume", "learn"),
        ("/orders".to_owned(), "#orders", "orders"),
        ("/wallet".to_owned(), "#available", "wallet"),
    ] {
        browser.open(&format!("{shop}{path}")).await;
        browser.see(sight).await;
        browser.pictures(picture).await;
    }
    // Lesson after lesson, each by its button, until there is a certificate.
    browser.open(&format!("{shop}/learn/{slug}")).await;
    for _ in 0..MOST_LESSONS {
        if browser.has("#congratulation").await {
            break;
        }
        browser.click("details[open] button[name=lesson]").await;
        browser.see("#progress").await;
    }
    browser.click("#certificate").await;
    browser.see("#number").await;
    browser.pictures("certificate").await;
    browser.open(&format!("{shop}/library")).await;
    browser.see(".own-more a").await;
    browser.pictures("library-done").await;
    // Another course is for later.
    browser.open(&format!("{shop}/wishlist")).await;
    browser.see(".empty").await;
    browser.pictures("wishlist-empty").await;
    let other = courses["items"]
        .as_array()
        .expect("courses")
        .iter()
        .filter(sold)
        .nth(1);
    let other = other.expect("another course")["slug"].as_str().expect("a slug");
    browser.open(&format!("{shop}/courses/{other}")).await;
    browser.click("#wish").await;
    browser.arrive(&format!("{shop}/wishlist?done=kept")).await;
    browser.pictures("wishlist").await;
    browser.open(&format!("{shop}/courses/{other}")).await;
    browser.see("#wished").await;
    browser.pictures("course-wished").await;
    browser.stop().await;

    // The same order as an administrator sees it, and all else that only administrators see.
    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/admin")).await;
    sign_in(&browser, &server, "admin").await;
    browser.see("#allow").await;
    browser.pictures("consent-admin").await;
    browser.click("#allow").await;
    browser.arrive(&format!("{shop}/admin")).await;
    holds_no_token(&browser).await;
    for (path, sight, picture) in [
        ("/admin", "#figures", "admin"),
        ("/admin/orders?show=failed", ".empty", "admin-orders-none"),
        ("/admin/refunds", ".empty", "admin-refunds"),
        ("/admin/coupons", "#new-coupon", "admin-coupons"),
        ("/admin/orders", "#orders", "admin-orders"),
    ] {
        browser.open(&format!("{shop}{path}")).await;
        browser.see(sight).await;
        browser.pictures(picture).await;
    }
    browser.click("#orders a").await;
    browser.see("#timeline").await;
    browser.pictures("admin-order").await;
    browser.click("a[href^='/admin/grants?user=']").await;
    browser.write("#amount", "much").await;
    browser.write("#reason", "For the long wait").await;
    browser.click("#give-credits").await;
    browser.see("#amount[aria-invalid='true']").await;
    browser.pictures("admin-grants-faults").await;
    browser.write("#amount", "12.50").await;
    browser.click("#give-credits").await;
    browser.arrive(&format!("{shop}/admin/grants?done=granted")).await;
    browser.see("#grants").await;
    browser.pictures("admin-grants").await;

    browser.open(&format!("{shop}/admin/coupons/new")).await;
    browser.see("#create-coupon").await;
    browser.pictures("admin-coupon-new").await;
    browser.write("#code", "AUTUMN-TERM").await;
    browser.write("#worth", "12.5").await;
    browser.click("[name=scope][value=courses]").await;
    browser.click("#create-coupon").await;
    browser.see("#courses[aria-invalid='true']").await;
    browser.pictures("admin-coupon-faults").await;
    browser.click("[name=scope][value=all]").await;
    browser.click("#create-coupon").await;
    browser.see("#pause").await;
    browser.pictures("admin-coupon").await;
    browser.click("#pause").await;
    browser.see("#resume").await;
    browser.stop().await;

    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/teach/coupons")).await;
    sign_in(&browser, &server, "ines").await;
    browser.see("#allow").await;
    browser.click("#allow").await;
    browser.see("#new-coupon").await;
    browser.pictures("teach-coupons").await;
    browser.click("#new-coupon").await;
    browser.see("#create-coupon").await;
    browser.pictures("teach-coupon-new").await;
    browser.stop().await;
    server.stop().await;
}

/// More than a course of the demo has.
const MOST_LESSONS: usize = 60;

/// A site of somebody else's, on an origin of its own.
async fn site(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// Browsers apply a page's `form-action` to every redirect that follows its form, also those of others.
#[tokio::test]
async fn a_browser_arrives_where_the_callback_of_a_client_leads_on_to() {
    use axum::response::Redirect;
    use axum::routing::get;
    let server = TestServer::new().await;
    let end = site(axum::Router::new().route("/end", get(async || "arrived"))).await;
    let to = format!("{end}/end");
    let on = to.clone();
    let callback = get(move || {
        let on = on.clone();
        async move { Redirect::to(&on) }
    });
    let client = site(axum::Router::new().route("/cb", callback)).await;
    let seed = format!(
        "[[clients]]\nclient_id = \"leads-on\"\nclient_secret = \"a-secret-of-this-test\"\n\
         grant_types = [\"authorization_code\"]\nredirect_uris = [\"{client}/cb\"]\n\
         post_logout_redirect_uris = [\"{client}/cb\"]\nscope = \"openid\"\n"
    );
    let identity = server.running().identity.clone().unwrap();
    let seed = latchkey_identity::Seed::parse(&seed).unwrap();
    identity.seed(seed, "test").await.unwrap();
    let app = crate::harness::App {
        issuer: server.issuer().to_owned(),
        client_id: "leads-on".to_owned(),
        secret: None,
        redirect_uri: format!("{client}/cb"),
        scope: "openid".to_owned(),
    };
    let browser = Chromium::start().await;
    browser.open(&app.request(&[])).await;
    browser.see("#password").await;
    sign_in(&browser, &server, "ines").await;
    browser.see("#allow").await;
    browser.click("#allow").await;
    browser.arrive(&to).await;
    // Consent is remembered: from the sign-in page straight there.
    browser.open(&app.request(&[("prompt", "login")])).await;
    browser.see("#password").await;
    browser.write("#password", server.person("ines").1).await;
    browser.click("button#sign-in").await;
    browser.arrive(&to).await;
    let logout = format!(
        "{}/logout?client_id=leads-on&post_logout_redirect_uri={client}/cb",
        server.issuer()
    );
    browser.open(&logout).await;
    browser.see("#sign-out").await;
    browser.click("#sign-out").await;
    browser.arrive(&to).await;
    browser.stop().await;
    server.stop().await;
}
