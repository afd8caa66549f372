//! The profile: what users say of themselves, which claims it becomes, their pictures, and the language that they choose.

use latchkey_picture::{DynamicImage, decode, encode};
use serde_json::{Value, json};

use crate::harness::{Browser, IssuerServer, Matrix, Seen, claims, http, lines, on_both_engines};
use crate::recovery::{ALICE, ask, is};

/// Everything that an application may be told.
const ALL: &str = "openid profile email address phone";

async fn signed_in(server: &IssuerServer, name: &str) -> Browser {
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person(name), &[]).await;
    browser
}

async fn profile(server: &IssuerServer, browser: &Browser) -> Seen {
    let page = browser
        .open(&format!("{}/account/profile", server.issuer()), "")
        .await;
    assert!(page.has("#save"), "{page:?}");
    page
}

async fn save(server: &IssuerServer, browser: &Browser, fields: &[(&str, &str)]) -> Seen {
    let page = profile(server, browser).await;
    browser.press(&page, "#save", fields).await
}

/// What userinfo tells an application that may know everything.
async fn told(server: &IssuerServer, browser: &Browser, name: &str) -> Value {
    let app = server.plant_app("knows-all", None, ALL).await;
    let tokens = app.sign_in(browser, server.person(name), &[]).await;
    app.userinfo(&tokens.access).await.json()
}

/// The stored claims of a user, and the version.
async fn stored(server: &IssuerServer, name: &str) -> String {
    let text = format!("SELECT claims || version AS line FROM users WHERE username = '{name}'");
    crate::harness::lines_of(server.db(), text).await.swap_remove(0)
}

fn form(pairs: &[(String, String)], file: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in pairs {
        let part = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if let Some(file) = file {
        let head = "--edge\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"me.svg\"\r\n\
                    Content-Type: image/svg+xml\r\n\r\n";
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

async fn send(server: &IssuerServer, browser: &Browser, origin: &str, body: Vec<u8>) -> Seen {
    let url = format!("{}/account/profile/picture", server.issuer());
    let request = http()
        .post(&url)
        .header("origin", origin)
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body);
    browser.send(request, &url).await
}

/// The hidden fields of the form for a picture.
async fn hidden(server: &IssuerServer, browser: &Browser) -> Vec<(String, String)> {
    let form = profile(server, browser).await.form("#upload");
    let pairs = form.pairs.into_iter();
    pairs.filter(|(name, _)| name != "picture").collect()
}

async fn upload(server: &IssuerServer, browser: &Browser, file: &[u8]) -> Seen {
    let hidden = hidden(server, browser).await;
    send(server, browser, server.issuer(), form(&hidden, Some(file))).await
}

/// The address of the picture that the page shows.
async fn shown(server: &IssuerServer, browser: &Browser) -> String {
    let page = profile(server, browser).await;
    let text = &page.answer.text;
    let (_, rest) = text.split_once("id=\"picture-shown\" src=\"").expect("a picture");
    let path = rest.split('"').next().expect("a path");
    format!("{}{path}", server.issuer())
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = DynamicImage::new_rgb8(width, height);
    encode(&picture).expect("a picture").content.to_vec()
}

/// A JPEG whose header says another size.
fn jpeg_that_says(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = jpeg(16, 16);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]);
    let frame = frame.expect("a frame");
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

async fn a_profile_is_told_by_scope_and_never_in_an_id_token(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let before = told(&server, &browser, "alice").await;
    server.clock.advance(5_000);
    let fields = [
        ("name", "Alice  Beatriz Martin"),
        ("nickname", "Bea"),
        ("birthdate", "0000-05-17"),
        ("website", "https://alice.test"),
        ("phone", "+351 21 000 0000"),
        ("street-address", "Rua X 1\r\n2.º Esq."),
        ("postal-code", "1100-148"),
        ("address-level2", "Lisboa"),
        ("country-name", "Portugal"),
        ("zoneinfo", "Europe/Lisbon"),
        ("locale", "fr"),
    ];
    let saved = save(&server, &browser, &fields).await;
    assert_eq!(
        saved.answer.header("location"),
        "/account/profile?done=saved",
        "{saved:?}"
    );
    let after = told(&server, &browser, "alice").await;
    assert_eq!(after["sub"], before["sub"]);
    assert_eq!(
        after["updated_at"].as_i64(),
        before["updated_at"].as_i64().map(|at| at + 5)
    );
    for (claim, value) in [
        ("name", json!("Alice Beatriz Martin")),
        ("given_name", json!("Alice")),
        ("nickname", json!("Bea")),
        ("birthdate", json!("0000-05-17")),
        ("website", json!("https://alice.test/")),
        ("phone_number", json!("+351210000000")),
        ("zoneinfo", json!("Europe/Lisbon")),
        ("locale", json!("fr")),
        ("email", json!("alice@example.test")),
        (
            "address",
            json!({
                "street_address": "Rua X 1\n2.º Esq.", "postal_code": "1100-148", "locality": "Lisboa",
                "country": "Portugal", "formatted": "Rua X 1\n2.º Esq.\n1100-148 Lisboa\nPortugal"
            }),
        ),
    ] {
        assert_eq!(after[claim], value, "{claim}");
    }
    // OpenID Connect Core §5.4: where there is an access token, the claims of the scopes are at userinfo.
    let app = server.plant_app("knows-all", None, ALL).await;
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let id = claims(tokens.id.as_deref().expect("an ID token"));
    for claim in ["name", "email", "phone_number", "address", "locale", "updated_at"] {
        assert!(id.get(claim).is_none(), "{claim}: {id}");
    }
    let app = server.app("demo-web", "openid");
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let bare = app.userinfo(&tokens.access).await.json();
    assert_eq!(bare, json!({ "sub": after["sub"] }));
    // The trail names what changed; it is sealed, and read back by its owner's key.
    let alice = server.user_id("alice").await;
    let trail = server.identity().store().audit_about(&alice, "", 1_000).await;
    let records: Vec<String> = trail
        .expect("the trail")
        .into_iter()
        .filter(|entry| entry.row.kind == "profile.changed")
        .map(|entry| entry.row.detail.to_string())
        .collect();
    assert_eq!(records.len(), 1);
    assert!(
        records[0].contains("\"phone_number\"") && !records[0].contains("351"),
        "{records:?}"
    );
    server.stop().await;
}

/// The form of a profile that has changed since does not take the change back.
async fn the_older_of_two_tabs_changes_nothing(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let (one, other) = (profile(&server, &browser).await, profile(&server, &browser).await);
    let saved = browser.press(&one, "#save", &[("nickname", "Bea")]).await;
    assert_eq!(saved.answer.status, 303, "{saved:?}");
    let stale = browser.press(&other, "#save", &[("name", "Somebody")]).await;
    assert!(is(&stale, 409, "profile_changed"), "{stale:?}");
    assert!(stale.has("#nickname[value='Bea']") && stale.has("#name[value='Alice Martin']"));
    let pictured = upload(&server, &browser, &jpeg(40, 40)).await;
    assert_eq!(pictured.answer.status, 303, "{pictured:?}");
    let old = browser.press(&stale, "#save", &[("name", "Somebody")]).await;
    assert!(is(&old, 409, "profile_changed"), "a picture counts, too: {old:?}");
    let again = browser.press(&old, "#save", &[("name", "Alice B.")]).await;
    assert_eq!(again.answer.status, 303, "{again:?}");
    let told = told(&server, &browser, "alice").await;
    assert_eq!(
        (&told["name"], &told["nickname"]),
        (&json!("Alice B."), &json!("Bea"))
    );
    server.stop().await;
}

/// ID-03, CVE-2026-27946: what the issuer knows by itself is no field.
async fn a_form_sets_nothing_that_only_the_issuer_knows(server: IssuerServer) {
    let (alice, ines) = (
        signed_in(&server, "alice").await,
        signed_in(&server, "ines").await,
    );
    upload(&server, &alice, &jpeg(40, 40)).await;
    let of_alice = shown(&server, &alice).await;
    let before = told(&server, &ines, "ines").await;
    let fields = [
        ("sub", "somebody"),
        ("email", "admin@example.test"),
        ("email_verified", "true"),
        ("phone_number_verified", "true"),
        ("phone_number", "1"),
        ("preferred_username", "admin"),
        ("roles", "admin"),
        ("username", "admin"),
        ("updated_at", "1"),
        ("address", "x"),
        ("profile", "https://evil.test/"),
        ("picture", of_alice.as_str()),
    ];
    let saved = save(&server, &ines, &fields).await;
    assert_eq!(saved.answer.status, 303, "{saved:?}");
    assert_eq!(told(&server, &ines, "ines").await, before);
    let roles = lines(
        server.db(),
        "SELECT roles AS line FROM users WHERE username = 'ines'",
    )
    .await;
    assert_eq!(roles, ["[\"instructor\"]"]);
    // Nor does anybody reach the picture of somebody else.
    upload(&server, &ines, &jpeg(40, 40)).await;
    let page = profile(&server, &ines).await;
    let fields = [("id", of_alice.as_str()), ("picture", of_alice.as_str())];
    let removed = ines.press(&page, "#remove-picture", &fields).await;
    assert_eq!(
        removed.answer.header("location"),
        "/account/profile?done=removed",
        "{removed:?}"
    );
    assert_eq!(
        http().get(&of_alice).send().await.expect("an answer").status(),
        200
    );
    assert_eq!(shown(&server, &alice).await, of_alice);
    server.stop().await;
}

async fn a_wrong_field_is_named_and_nothing_is_saved(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let before = stored(&server, "alice").await;
    let long = "x".repeat(129);
    let mut matrix = Matrix::new("profile: field × value");
    for (field, value, code) in [
        ("name", "Pia \u{202e}moc.live", "profile_text"),
        ("given_name", "\u{2067}Pia", "profile_text"),
        ("family_name", "Pia\r\nBcc: x", "profile_text"),
        ("nickname", long.as_str(), "profile_text"),
        ("street-address", "a\u{200f}b", "profile_text"),
        ("country-name", "\u{feff}x", "profile_text"),
        ("birthdate", "2030-01-01", "profile_birthdate"),
        ("birthdate", "17.5.1990", "profile_birthdate"),
        ("website", "javascript:alert(1)", "profile_website"),
        ("website", " java\tscript:alert(1)", "profile_website"),
        ("website", "data:text/html,<script>", "profile_website"),
        ("website", "https://user:secret@evil.test/", "profile_website"),
        ("phone", "0800", "profile_phone"),
        ("locale", "<b>", "profile_locale"),
        ("zoneinfo", "Europe/Atlantis", "profile_zoneinfo"),
        ("zoneinfo", "../../etc/passwd", "profile_zoneinfo"),
    ] {
        let refused = save(&server, &browser, &[(field, value), ("middle_name", "Typed")]).await;
        let label = format!("{field} {value:?}");
        matrix.cell(
            label.clone(),
            (refused.answer.status, refused.error().as_str()),
            (422, code),
        );
        matrix.hold(
            format!("{label}: marked, and the rest is there"),
            refused.has(&format!("#{field}[aria-invalid]")) && refused.has("#middle_name[value='Typed']"),
            &refused,
        );
    }
    matrix.end();
    assert_eq!(stored(&server, "alice").await, before);
    let same = save(&server, &browser, &[]).await;
    assert_eq!(same.answer.status, 303, "{same:?}");
    assert_eq!(stored(&server, "alice").await, before, "nothing was changed");
    server.stop().await;
}

/// UP-05: pixels, a type and nothing else, for as long as the profile has it.
async fn a_picture_is_drawn_anew_at_an_address_of_its_own(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let polyglot = [&jpeg(300, 200)[..], b"<script>alert('CANARY')</script>"].concat();
    let stored = upload(&server, &browser, &polyglot).await;
    assert_eq!(
        stored.answer.header("location"),
        "/account/profile?done=picture",
        "{stored:?}"
    );
    let url = shown(&server, &browser).await;
    assert_eq!(told(&server, &browser, "alice").await["picture"], url.as_str());
    assert!(
        url.starts_with(&format!("{}/pictures/", server.issuer())),
        "{url}"
    );
    let answer = http().get(&url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("content-type", "image/jpeg"),
        ("cache-control", "public, max-age=86400, immutable"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        assert_eq!(answer.headers()[name], value, "{name}");
    }
    assert!(answer.headers().get("set-cookie").is_none());
    let bytes = answer.bytes().await.expect("a picture");
    assert!(!bytes.windows(6).any(|part| part == b"CANARY"));
    let square = decode(&bytes).expect("a picture");
    assert_eq!((square.width, square.height), (256, 256));

    let status = async |url: &str| http().get(url).send().await.expect("an answer").status().as_u16();
    upload(&server, &browser, &jpeg(1, 900)).await;
    let next = shown(&server, &browser).await;
    assert_eq!((status(&url).await, status(&next).await), (404, 200));
    let page = profile(&server, &browser).await;
    browser.press(&page, "#remove-picture", &[]).await;
    assert_eq!(status(&next).await, 404);
    assert!(told(&server, &browser, "alice").await.get("picture").is_none());
    upload(&server, &browser, &jpeg(40, 40)).await;
    let last = shown(&server, &browser).await;
    assert_eq!(status(&last).await, 200);
    server
        .identity()
        .users()
        .delete("alice", "test")
        .await
        .expect("she is deleted");
    assert_eq!(status(&last).await, 404);
    let unknown = "A".repeat(43);
    for id in ["", "x", "..%2f", unknown.as_str()] {
        let url = format!("{}/pictures/{id}", server.issuer());
        assert_eq!(status(&url).await, 404, "{id:?}");
    }
    server.stop().await;
}

/// UP-01, UP-02, UP-03: told by content, limited in bytes and in pixels, and answered by a page.
async fn what_is_no_picture_is_refused_by_a_page(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let before = stored(&server, "alice").await;
    let large = [jpeg(40, 40), vec![0; 2 * 1024 * 1024]].concat();
    let huge = vec![0xff; 10 * 1024 * 1024];
    let bomb = jpeg_that_says(65_000, 65_000);
    let cut = {
        let whole = jpeg(300, 200);
        whole[..whole.len() / 2].to_vec()
    };
    let mut matrix = Matrix::new("profile: pictures");
    let late = [&b" "[..], &jpeg(20, 20)[..]].concat();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let rows: [(&str, &[u8], u16, &str); 9] = [
        ("svg", svg, 422, "picture_kind"),
        (
            "html",
            b"<!doctype html><script>alert(1)</script>",
            422,
            "picture_kind",
        ),
        ("gif", b"GIF89a\x01\0\x01\0\x80\0\0", 422, "picture_kind"),
        ("a picture after a space", &late, 422, "picture_kind"),
        ("bomb", &bomb, 422, "picture_pixels"),
        ("cut off", &cut, 422, "picture_damaged"),
        ("nothing", b"", 422, "picture_missing"),
        ("2 MiB and more", &large, 413, "picture_large"),
        ("10 MiB", &huge, 413, "picture_large"),
    ];
    for (label, file, status, code) in rows {
        let refused = upload(&server, &browser, file).await;
        matrix.cell(
            label,
            (refused.answer.status, refused.error().as_str()),
            (status, code),
        );
        matrix.hold(
            format!("{label}: marked"),
            refused.has("#picture[aria-invalid]"),
            &refused,
        );
    }
    matrix.end();
    // Every other form is small.
    let long = "x".repeat(70_000);
    let refused = save(&server, &browser, &[("name", &long)]).await;
    assert_eq!(refused.answer.status, 413);
    assert_eq!(stored(&server, "alice").await, before);
    server.stop().await;
}

async fn nobody_else_sends_the_forms_of_a_profile(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let before = stored(&server, "alice").await;
    let file = jpeg(40, 40);
    let good = hidden(&server, &browser).await;
    let with_token = |token: &str| {
        let pairs = good.iter().cloned();
        let pairs = pairs.map(|(name, value)| match name.as_str() {
            "token" => (name, token.to_owned()),
            _ => (name, value),
        });
        pairs.collect::<Vec<_>>()
    };
    let foreign = send(&server, &browser, "https://evil.test", form(&good, Some(&file))).await;
    assert!(is(&foreign, 403, "foreign_form"), "{foreign:?}");
    let forged = form(&with_token("x"), Some(&file));
    let forged = send(&server, &browser, server.issuer(), forged).await;
    assert!(is(&forged, 403, "foreign_form"), "{forged:?}");
    let tokenless = send(&server, &browser, server.issuer(), form(&[], Some(&file))).await;
    assert!(is(&tokenless, 403, "foreign_form"), "{tokenless:?}");
    let of_ines = signed_in(&server, "ines").await;
    let crossed = send(&server, &of_ines, server.issuer(), form(&good, Some(&file))).await;
    assert!(is(&crossed, 403, "foreign_form"), "{crossed:?}");
    let nobody = send(
        &server,
        &Browser::new(),
        server.issuer(),
        form(&good, Some(&file)),
    )
    .await;
    assert_eq!(nobody.answer.status, 303, "{nobody:?}");
    let nothing = send(&server, &browser, server.issuer(), b"no form at all".to_vec()).await;
    assert!(is(&nothing, 400, "malformed"), "{nothing:?}");
    let typed = save(&server, &browser, &[("token", "x"), ("name", "Eve")]).await;
    assert!(is(&typed, 403, "foreign_form"), "{typed:?}");
    let other = save(&server, &browser, &[("version", "x"), ("name", "Eve")]).await;
    assert!(is(&other, 400, "malformed"), "{other:?}");
    assert_eq!(stored(&server, "alice").await, before);
    server.stop().await;
}

/// The switch of the browser comes first, then the profile, then what the browser asks for.
async fn a_profile_decides_the_language_of_pages_and_mails(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let account = format!("{}/account", server.issuer());
    let lang = async |browser: &Browser| {
        let request = http().get(&account).header("accept-language", "tr");
        let seen = browser.send(request, &account).await;
        let (_, rest) = seen.answer.text.split_once("<html lang=\"").expect("a page");
        rest[..2].to_owned()
    };
    assert_eq!(lang(&browser).await, "en", "as her profile says");
    save(&server, &browser, &[("locale", "fr-CA")]).await;
    assert_eq!(lang(&browser).await, "fr");
    assert!(
        profile(&server, &browser)
            .await
            .has("#locale option[value='fr-CA'][selected]")
    );
    ask(&server, &Browser::new(), "alice").await;
    let mails = server.mails_to(ALICE).await;
    assert!(!mails.is_empty());
    let locales = lines(
        server.db(),
        "SELECT locale AS line FROM mail WHERE purpose = 'password_reset'",
    )
    .await;
    assert_eq!(locales, ["fr-CA"]);
    assert!(
        mails[0].text.contains("Bonjour") || mails[0].text.contains("vous"),
        "{mails:?}"
    );
    save(&server, &browser, &[("locale", "")]).await;
    assert_eq!(lang(&browser).await, "tr", "as the browser asks");
    save(&server, &browser, &[("locale", "fr")]).await;
    let page = profile(&server, &browser).await;
    let switched = browser
        .press(&page, "button[name='language'][value='en']", &[])
        .await;
    assert_eq!(
        switched.answer.header("location"),
        "/account/profile",
        "{switched:?}"
    );
    assert_eq!(lang(&browser).await, "en", "as the switch says");
    server.stop().await;
}

/// OpenID Connect Core §5.5: what scopes open, where the request wants it.
async fn claims_that_a_request_names_are_in_its_first_id_token(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let app = server.app("demo-web", "openid profile offline_access");
    let asked = r#"{"id_token":{"name":{"value":"Somebody"},"given_name":{"essential":true},"email":null}}"#;
    let more = [("claims", asked), ("prompt", "consent")];
    let tokens = app.sign_in(&browser, server.person("alice"), &more).await;
    let id = claims(tokens.id.as_deref().expect("an ID token"));
    assert_eq!(
        (&id["name"], &id["given_name"]),
        (&json!("Alice Martin"), &json!("Alice"))
    );
    assert!(
        id.get("email").is_none() && id.get("family_name").is_none(),
        "{id}"
    );
    let renewed = app.refresh(tokens.refresh()).await.json();
    let renewed = claims(renewed["id_token"].as_str().expect("an ID token"));
    assert!(renewed.get("name").is_none(), "{renewed}");
    let other = r#"{"userinfo":{"sub":{"value":"somebody"}}}"#;
    let more = [("claims", other), ("prompt", "none")];
    let back = app.walk(&browser, server.person("alice"), &more).await;
    assert_eq!(back.error.as_deref(), Some("login_required"), "{back:?}");
    server.stop().await;
}

/// What is asked by the parameter opens nothing that the scopes do not.
async fn the_claims_parameter_opens_no_claim(server: IssuerServer) {
    let browser = signed_in(&server, "alice").await;
    let asked = json!({
        "userinfo": {
            "roles": { "essential": true }, "password_hash": null, "name": { "essential": true },
            "address": null, "email_verified": { "value": true }
        },
        "id_token": { "name": { "essential": true }, "shoe_size": null, "email": null }
    });
    let app = server.app("demo-web", "openid");
    let asked = asked.to_string();
    let more = [("claims", asked.as_str())];
    let tokens = app.sign_in(&browser, server.person("alice"), &more).await;
    let told = app.userinfo(&tokens.access).await.json();
    assert_eq!(told.as_object().expect("claims").len(), 1, "{told}");
    let id = claims(tokens.id.as_deref().expect("an ID token"));
    for claim in ["name", "email", "shoe_size", "roles", "password_hash"] {
        assert!(id.get(claim).is_none(), "{claim}: {id}");
    }
    server.stop().await;
}

on_both_engines! {
    a_profile_is_told_by_scope_and_never_in_an_id_token,
    the_older_of_two_tabs_changes_nothing,
    a_form_sets_nothing_that_only_the_issuer_knows,
    a_wrong_field_is_named_and_nothing_is_saved,
    a_picture_is_drawn_anew_at_an_address_of_its_own,
    what_is_no_picture_is_refused_by_a_page,
    nobody_else_sends_the_forms_of_a_profile,
    a_profile_decides_the_language_of_pages_and_mails,
    claims_that_a_request_names_are_in_its_first_id_token,
    the_claims_parameter_opens_no_claim,
}
