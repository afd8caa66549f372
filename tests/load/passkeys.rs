//! Signing in with a passkey, beside what the library that checks passkeys does at all.

use serde_json::{Value, json};
use url::Url;
use webauthn_authenticator_rs::WebauthnAuthenticator;
use webauthn_authenticator_rs::prelude::{CreationChallengeResponse, RequestChallengeResponse};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_rs::WebauthnBuilder;
use webauthn_rs::prelude::{PublicKeyCredential, Uuid};

use crate::limits;
use crate::line::{AUTHORIZE, Line, login_form};
use crate::people::{measure, sum};
use crate::server::{PASSWORD, Server};

const PEOPLE: usize = 8;

/// From the page with the challenge to the commit of the session, in browsers that nobody knows.
pub fn sign_ins(server: &Server) {
    let address = server.identity();
    let origin: Url = format!("http://localhost:{}", address.port())
        .parse()
        .expect("an origin");
    let beside = measure(server, limits::PASSKEY, PEOPLE, |until| {
        let origin = origin.clone();
        async move {
            let people = (0..PEOPLE).map(|at| {
                let origin = origin.clone();
                async move {
                    let mut owned = Line::open(address, None).await;
                    let mut passkey = Passkey::made(&mut owned, &origin, &format!("p{at}")).await;
                    let mut line = Line::open(address, None).await;
                    until.begin().await;
                    let mut done = 0;
                    while until.goes_on() {
                        line.forget();
                        passkey.signs_in(&mut line, &origin).await;
                        done += 1;
                    }
                    done
                }
            });
            sum(people).await
        }
    });
    println!(
        "sign-in with a passkey, from its page to the session's commit: {beside} verifications of the same library (goal 30 %)"
    );
}

/// One passkey in an authenticator of its own.
struct Passkey {
    soft: SoftPasskey,
    id: Value,
    handle: Value,
}

impl Passkey {
    /// Somebody signs in by password and makes it on the page of passkeys.
    async fn made(line: &mut Line, origin: &Url, who: &str) -> Self {
        let (form, _) = login_form(line, "/account", who, PASSWORD).await;
        let signed_in = line.post("/login", &form).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
        let page = line.get("/account/passkeys").await;
        let mut options = options(&page.between("data-passkey-create=\"", "\""));
        let mut soft = SoftPasskey::new(true);
        // It keeps everything, but says that it cannot.
        options["authenticatorSelection"]["requireResidentKey"] = json!(false);
        let handle = options["user"]["id"].clone();
        let options: CreationChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).expect("options");
        let made = soft.do_registration(origin.clone(), options).expect("a passkey");
        let made = serde_json::to_value(made).expect("JSON");
        let value = |name: &str| page.between(&format!("name=\"{name}\" value=\""), "\"");
        // The page has forms for the passkeys that are there: the last one adds.
        let adding = page
            .body
            .rsplit("name=\"issued\" value=\"")
            .next()
            .unwrap_or_default();
        let issued = adding.split('"').next().unwrap_or_default();
        let form = serde_urlencoded::to_string([
            ("token", value("token").as_str()),
            ("action", "add"),
            ("issued", issued),
            ("passkey", &made.to_string()),
        ]);
        let added = line.post("/account/passkeys", &form.expect("a form")).await;
        assert_eq!(added.status, 303, "{}", added.body);
        Self {
            soft,
            id: made["rawId"].clone(),
            handle,
        }
    }

    async fn signs_in(&mut self, line: &mut Line, origin: &Url) {
        let page = line.page(AUTHORIZE).await;
        let signed = self.signed(&page.between("data-passkey-request=\"", "\""), origin);
        let value = |name: &str| page.between(&format!("name=\"{name}\" value=\""), "\"");
        let form = serde_urlencoded::to_string([
            ("request", value("request").as_str()),
            ("token", value("token").as_str()),
            ("passkey", &signed.to_string()),
            ("action", "sign-in"),
        ]);
        let answer = line.post("/login", &form.expect("a form")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(!answer.location().contains("login"), "{}", answer.location());
    }

    fn signed(&mut self, text: &str, origin: &Url) -> Value {
        let mut options = options(text);
        options["allowCredentials"] = json!([{ "type": "public-key", "id": self.id }]);
        let options: RequestChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).expect("options");
        let signed = self
            .soft
            .do_authentication(origin.clone(), options)
            .expect("an assertion");
        let mut signed = serde_json::to_value(signed).expect("JSON");
        signed["response"]["userHandle"] = self.handle.clone();
        signed
    }
}

/// The options in an attribute.
fn options(text: &str) -> Value {
    let text = text
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Verifications a second by the library alone: one assertion, checked again and again.
pub fn verifications() -> f64 {
    let origin: Url = "http://localhost:8080".parse().expect("an origin");
    let webauthn = WebauthnBuilder::new("localhost", &origin)
        .and_then(WebauthnBuilder::build)
        .expect("a relying party");
    let user = Uuid::from_bytes([7; 16]);
    let (creation, state) = webauthn
        .start_passkey_registration(user, "somebody", "somebody", None)
        .expect("a registration");
    let mut soft = SoftPasskey::new(true);
    let made = soft
        .do_registration(origin.clone(), again(&creation))
        .expect("a passkey");
    let made = again(&made);
    let key = webauthn
        .finish_passkey_registration(&made, &state)
        .expect("a passkey");
    let (request, state) = webauthn
        .start_discoverable_authentication()
        .expect("an authentication");
    let mut request = serde_json::to_value(&request).expect("JSON");
    let id = serde_json::to_value(key.cred_id()).expect("JSON");
    request["publicKey"]["allowCredentials"] = json!([{ "type": "public-key", "id": id }]);
    let request: RequestChallengeResponse = serde_json::from_value(request).expect("a request");
    let signed: PublicKeyCredential = again(&soft.do_authentication(origin, request).expect("an assertion"));
    limits::rate(|| {
        webauthn
            .finish_discoverable_authentication_v2(&signed, state.clone(), &key)
            .expect("it verifies");
    })
}

/// The same in the types of another crate of the family.
fn again<T: serde::Serialize, U: serde::de::DeserializeOwned>(value: &T) -> U {
    let text = serde_json::to_value(value).expect("JSON");
    serde_json::from_value(text).expect("the same shape")
}
