//! An issuer on loopback that a test drives, a shop that signs users in there, and browsers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Request, StatusCode};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, Options, testing};
use latchkey_relying_party::{Logins, Oidc, Registration, Seal, Store};
use latchkey_storefront::{CLIENT, RESOURCES};
use latchkey_testkit::Answer;
use latchkey_testkit::mint::{Signer, b64};
use latchkey_web::Origins;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::stub::{ORIGIN, Shop, Stub, client};

/// An issuer with one ES256 key.
#[derive(Clone)]
pub struct Issuer {
    pub url: String,
    pub clock: Clock,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    signer: Signer,
    /// Codes that were not redeemed yet.
    codes: BTreeMap<String, Grant>,
    /// Every code that came to the token endpoint, in order.
    redeemed: Vec<String>,
    /// Refresh tokens that were handed back.
    revoked: BTreeSet<String>,
    /// The token endpoint answers 503.
    away: bool,
    /// The resources that each code was asked for; of refresh tokens, only they are granted.
    asked: Option<BTreeMap<String, Vec<String>>>,
    /// Resources that it grants to nobody.
    unknown: BTreeSet<String>,
    next: usize,
}

struct Grant {
    sub: String,
    nonce: String,
    challenge: String,
}

/// A shop and its issuer.
pub struct Site {
    pub shop: Shop,
    pub issuer: Issuer,
    pub clock: Clock,
    /// The shop's database.
    pub db: Db,
}

/// A browser of a site. It follows nothing by itself.
pub struct Browser<'a> {
    site: &'a Site,
    jar: Mutex<BTreeMap<String, String>>,
}

impl Issuer {
    pub async fn start(clock: Clock) -> Self {
        let inner = Inner {
            signer: Signer::ec("k-1"),
            codes: BTreeMap::new(),
            redeemed: Vec::new(),
            revoked: BTreeSet::new(),
            away: false,
            asked: None,
            unknown: BTreeSet::new(),
            next: 0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            clock,
            inner: Arc::new(Mutex::new(inner)),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/revoke", post(revoke))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Somebody signs in by this request: the path at the shop that they are sent back to.
    pub fn authorize(&self, request: &str, sub: &str) -> String {
        let url = Url::parse(request).unwrap();
        assert_eq!(url.path(), "/authorize", "{request}");
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let mut inner = self.inner();
        inner.next += 1;
        let code = format!("code-{}", inner.next);
        let grant = Grant {
            sub: sub.to_owned(),
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
        };
        inner.codes.insert(code.clone(), grant);
        let resources = url.query_pairs().filter(|(name, _)| name == "resource");
        let resources = resources.map(|(_, resource)| resource.into_owned()).collect();
        if let Some(all) = &mut inner.asked {
            all.insert(code.clone(), resources);
        }
        callback(&[
            ("code", code.as_str()),
            ("state", asked["state"].as_str()),
            ("iss", self.url.as_str()),
        ])
    }

    /// Every code that came to the token endpoint, in order.
    pub fn redeemed(&self) -> Vec<String> {
        self.inner().redeemed.clone()
    }

    /// Whether the token endpoint answers 503.
    pub fn set_away(&self, away: bool) {
        self.inner().away = away;
    }

    /// From now on a sign-in is granted what it asks for, and nothing else.
    pub fn grant_what_is_asked(&self) {
        self.inner().asked = Some(BTreeMap::new());
    }

    /// From now on nobody is granted this resource.
    pub fn forget(&self, resource: &str) {
        self.inner().unknown.insert(resource.to_owned());
    }

    /// Whether a refresh token was handed back.
    pub fn has_back(&self, refresh: &str) -> bool {
        self.inner().revoked.contains(refresh)
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.inner().sign(header, claims)
    }

    /// The header that its tokens have.
    pub fn header(&self, typ: &str) -> Value {
        json!({"alg": "ES256", "kid": self.inner().signer.kid, "typ": typ})
    }

    fn now_s(&self) -> i64 {
        self.clock.now_ms() / 1_000
    }
}

impl Inner {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        self.signer.jws(&header.to_string(), &claims.to_string())
    }
}

/// A path of the shop's callback with these parameters.
pub fn callback(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("/callback?{}", query.finish())
}

async fn metadata(State(issuer): State<Issuer>) -> axum::Json<Value> {
    let url = &issuer.url;
    axum::Json(json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"), "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/jwks"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn jwks(State(issuer): State<Issuer>) -> axum::Json<Value> {
    axum::Json(json!({"keys": [issuer.inner().signer.jwk()]}))
}

async fn token(State(issuer): State<Issuer>, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let invalid = (
        StatusCode::BAD_REQUEST,
        axum::Json(json!({"error": "invalid_grant"})),
    );
    let now_s = issuer.now_s();
    let mut inner = issuer.inner();
    if form["grant_type"] == "refresh_token" {
        let refresh = &form["refresh_token"];
        if inner.revoked.contains(refresh) {
            return invalid.into_response();
        }
        let resource = &form["resource"];
        let asked = inner.asked.as_ref().is_none_or(|all| {
            let mut codes = all
                .iter()
                .filter(|(code, _)| refresh.ends_with(&format!("-{code}")));
            codes.any(|(_, resources)| resources.contains(resource))
        });
        if !asked || inner.unknown.contains(resource) {
            let invalid = axum::Json(json!({"error": "invalid_target"}));
            return (StatusCode::BAD_REQUEST, invalid).into_response();
        }
        let name = resource.rsplit(':').next().unwrap();
        let scope = match refresh.split('-').nth(1) {
            Some("ines") => "catalog.read catalog.write catalog.review",
            Some("root" | "rita") => "catalog.read catalog.write catalog.admin",
            Some(_) | None => "catalog.read",
        };
        return axum::Json(json!({
            "access_token": format!("{name}-{refresh}"), "token_type": "Bearer", "expires_in": 300, "scope": scope,
        }))
        .into_response();
    }
    if form["grant_type"] == "client_credentials" {
        let token = format!("{}-own-{}", form["resource"], form["scope"]);
        return axum::Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 300}))
            .into_response();
    }
    let code = form["code"].clone();
    inner.redeemed.push(code.clone());
    if inner.away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(grant) = inner.codes.remove(&code) else {
        return invalid.into_response();
    };
    if b64(digest(&SHA256, form["code_verifier"].as_bytes()).as_ref()) != grant.challenge {
        return invalid.into_response();
    }
    let access = format!("access.{}.{code}", grant.sub);
    let claims = json!({
        "iss": issuer.url, "sub": grant.sub, "aud": "shop", "iat": now_s, "exp": now_s + 300,
        "nonce": grant.nonce, "sid": format!("sid-{code}"),
        "at_hash": b64(&digest(&SHA256, access.as_bytes()).as_ref()[..16]),
    });
    let header = json!({"alg": "ES256", "kid": inner.signer.kid, "typ": "JWT"});
    let scope = match grant.sub.as_str() {
        "ines" => "openid profile catalog.write catalog.review",
        _ => "openid profile",
    };
    axum::Json(json!({
        "access_token": access, "token_type": "Bearer", "expires_in": 300, "scope": scope,
        "refresh_token": format!("refresh-{}-{code}", grant.sub), "id_token": inner.sign(&header, &claims),
    }))
    .into_response()
}

async fn userinfo(headers: HeaderMap) -> Response {
    let bearer = headers["authorization"].to_str().unwrap();
    let sub = bearer.split('.').nth(1).unwrap();
    axum::Json(json!({"sub": sub, "name": format!("Name of {sub}")})).into_response()
}

async fn revoke(State(issuer): State<Issuer>, body: Bytes) -> StatusCode {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    issuer.inner().revoked.insert(form["token"].clone());
    StatusCode::OK
}

impl Site {
    /// One on each engine.
    pub async fn all(name: &str) -> Vec<Self> {
        Self::all_at(name, None).await
    }

    /// One on each engine, whose services are those at this address.
    pub async fn all_at(name: &str, services: Option<&str>) -> Vec<Self> {
        let mut all = Vec::new();
        for (_, url) in testing::urls(name).await {
            // Sessions end by the clock of this machine: the one that the test moves begins there.
            let clock = Clock::manual(Clock::system().now_ms());
            let issuer = Issuer::start(clock.clone()).await;
            let db = Db::open(&url, Options::new(&CLIENT.migrations())).await.unwrap();
            let logins = logins(&issuer, &db, &[CLIENT.audience]);
            let shop = match services {
                Some(base) => Shop::at(base, Some(logins)),
                None => Stub::default().shop_of(Some(logins)).await,
            };
            all.push(Self {
                shop,
                issuer,
                clock,
                db,
            });
        }
        all
    }

    /// The next version of the shop, whose services are those at this address, and which calls all of them.
    pub fn upgraded(&self, services: &str) -> Self {
        let resources = RESOURCES.map(|resource| resource.audience);
        let logins = logins(&self.issuer, &self.db, &resources);
        Self {
            shop: Shop::at(services, Some(logins)),
            issuer: self.issuer.clone(),
            clock: self.clock.clone(),
            db: self.db.clone(),
        }
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            jar: Mutex::default(),
        }
    }

    /// The issuer's word that somebody has signed out.
    pub async fn log_out(&self, token: &str) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("logout_token", token)
            .finish();
        let request = Request::post("/backchannel-logout")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        self.shop.send(request).await
    }
}

/// The shop as a client of this issuer that calls these resources.
fn logins(issuer: &Issuer, db: &Db, resources: &[&str]) -> Logins {
    let seal = Seal::new(CLIENT.name, &[7; 32], Random::system());
    let registration = Registration {
        client: CLIENT,
        issuer: issuer.url.clone(),
        internal: issuer.url.clone(),
        client_id: "shop".to_owned(),
        client_secret: "a secret of the shop that is long enough".to_owned(),
        resources: resources.iter().map(|&resource| resource.to_owned()).collect(),
        origins: Origins::new([ORIGIN]),
    };
    let oidc = Oidc::new(registration, client(), issuer.clock.clone(), Random::system());
    Logins::new(oidc, Store::new(db.clone(), seal, issuer.clock.clone()))
}

impl Browser<'_> {
    /// The same browser, when another version of the shop answers it.
    pub fn at(self, site: &Site) -> Browser<'_> {
        Browser { site, jar: self.jar }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let answer = self.site.shop.send(self.request(path)).await;
        self.keep(&answer);
        answer
    }

    /// Sends exactly this form from a page of this origin.
    pub async fn send_form(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = self.request(path);
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let answer = self.site.shop.send(request.map(|_| Body::from(form))).await;
        self.keep(&answer);
        answer
    }

    /// Several pages at once: each is asked for before the answer to any is seen.
    pub async fn get_all(&self, paths: &[String]) -> Vec<Answer> {
        let requests: Vec<_> = paths.iter().map(|path| self.request(path)).collect();
        let answers = requests.into_iter().map(|request| self.site.shop.send(request));
        let answers = futures::future::join_all(answers).await;
        answers.iter().for_each(|answer| self.keep(answer));
        answers
    }

    fn request(&self, path: &str) -> Request<Body> {
        let jar = self.jar.lock().unwrap();
        let pairs: Vec<String> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Request::get(path)
            .header("cookie", pairs.join("; "))
            .body(Body::empty())
            .unwrap()
    }

    fn keep(&self, answer: &Answer) {
        let mut jar = self.jar.lock().unwrap();
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (pair, attributes) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Puts this into each of its cookies whose name begins so.
    pub fn plant(&self, prefix: &str, value: &str) {
        let mut jar = self.jar.lock().unwrap();
        let planted = jar.iter_mut().filter(|(name, _)| name.starts_with(prefix));
        planted.for_each(|(_, kept)| value.clone_into(kept));
    }

    /// A cookie whose name begins so.
    pub fn cookie(&self, prefix: &str) -> Option<String> {
        let jar = self.jar.lock().unwrap();
        let mut found = jar.iter().filter(|(name, _)| name.starts_with(prefix));
        found.next().map(|(_, value)| value.clone())
    }

    /// The names of all its cookies.
    pub fn cookies(&self) -> Vec<String> {
        self.jar.lock().unwrap().keys().cloned().collect()
    }

    /// A tab begins to sign in: where the issuer is asked.
    pub async fn begin(&self, back: &str) -> String {
        let answer = self.get(&begin_at(back)).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.header("location").to_owned()
    }

    /// Opens a path and goes wherever it leads; at the issuer this user signs in. The last path, and what is there.
    pub async fn follow(&self, path: &str, sub: &str) -> (String, Answer) {
        let mut path = path.to_owned();
        for _ in 0..10 {
            let answer = self.get(&path).await;
            if answer.status != 303 {
                return (path, answer);
            }
            let to = answer.header("location");
            path = if to.starts_with(&self.site.issuer.url) {
                self.site.issuer.authorize(to, sub)
            } else {
                to.to_owned()
            };
        }
        panic!("round in circles: {path}");
    }

    pub async fn sign_in(&self, sub: &str) {
        self.follow(&begin_at("/"), sub).await;
        assert_eq!(self.who().await, Some(format!("Name of {sub}")));
    }

    /// The same where the home page cannot say who it is.
    pub async fn sign_in_without_home(&self, sub: &str) {
        self.follow(&begin_at("/_design"), sub).await;
        assert!(self.token().await.is_some());
    }

    pub async fn sign_out(&self) {
        let page = self.get("/_design").await;
        let token = page.attributes("form[action='/signout'] input[name=token]", "value");
        let mut request = self.request("/signout");
        *request.method_mut() = http::Method::POST;
        request.headers_mut().insert("origin", ORIGIN.parse().unwrap());
        let form = format!("token={}", token[0]);
        let answer = self.site.shop.send(request.map(|_| Body::from(form))).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        self.keep(&answer);
    }

    /// Sends a form of a page of ours: with its token, if the user is signed in.
    pub async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let token = self.token().await.unwrap_or_default();
        let mut pairs = vec![("token", token.as_str())];
        pairs.extend_from_slice(form);
        self.submit_from(path, Some(ORIGIN), &pairs).await
    }

    /// Sends exactly this form, from this origin.
    pub async fn submit_from(&self, path: &str, origin: Option<&str>, form: &[(&str, &str)]) -> Answer {
        let mut request = self.request(path);
        *request.method_mut() = http::Method::POST;
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let answer = self.site.shop.send(request.map(|_| Body::from(form))).await;
        self.keep(&answer);
        answer
    }

    /// Sends a form with a file, whose other fields come before it.
    pub async fn upload(
        &self,
        path: &str,
        origin: Option<&str>,
        fields: &[(&str, &str)],
        file: Option<(&str, &[u8])>,
    ) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        if let Some((name, content)) = file {
            let head = format!(
                "--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../x.jpg\"\r\n\
                 Content-Type: image/jpeg\r\n\r\n"
            );
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--edge--\r\n");
        let mut request = self.request(path);
        *request.method_mut() = http::Method::POST;
        let headers = request.headers_mut();
        headers.insert(
            "content-type",
            "multipart/form-data; boundary=edge".parse().unwrap(),
        );
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        let answer = self.site.shop.send(request.map(|_| Body::from(body))).await;
        self.keep(&answer);
        answer
    }

    /// The token of this user's forms.
    pub async fn token(&self) -> Option<String> {
        let page = self.get("/_design").await;
        let tokens = page.attributes("form[action='/signout'] input[name=token]", "value");
        tokens.into_iter().next()
    }

    /// Opens a stream with these headers; its body goes on.
    pub async fn open(&self, path: &str, headers: &[(&'static str, &str)]) -> http::Response<Body> {
        let mut request = self.request(path);
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        self.site.shop.open(request).await
    }

    /// The name of who is signed in, as the home page has it.
    pub async fn who(&self) -> Option<String> {
        let page = self.get("/").await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.texts(".menu-name").into_iter().next()
    }
}

/// Where a sign-in begins that comes back to `back`.
pub fn begin_at(back: &str) -> String {
    let back: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
    format!("/signin?return={back}")
}
