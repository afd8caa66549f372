//! Client authentication: one method, decoded strictly, and one answer to whoever fails.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use latchkey_identity::Seed;

use crate::harness::{Answer, IssuerServer, Matrix, comparable, http, raw, secret_of};

/// The POST endpoints and a form that each would answer with 200.
const ENDPOINTS: [(&str, &str); 3] = [
    ("/token", "grant_type=client_credentials"),
    ("/introspect", "token=x"),
    ("/revoke", "token=x"),
];

fn basic(text: impl AsRef<[u8]>) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(text)).into_bytes()
}

/// A POST with these `Authorization` headers, byte by byte, and this form.
async fn post(server: &IssuerServer, path: &str, authorization: &[Vec<u8>], form: &str) -> Answer {
    let authority = server.url().strip_prefix("http://").expect("an address");
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
        form.len()
    )
    .into_bytes();
    for header in authorization {
        request.extend_from_slice(b"authorization: ");
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(form.as_bytes());
    raw(server.url(), &request).await
}

/// One client that may do everything, with a secret that needs the form encoding of RFC 6749 §2.3.1.
const HARD: &str = "p%4a+q:r s/\u{fc}";

const HARD_ENCODED: &str = "p%254a%2Bq%3Ar+s%2F%C3%BC";

async fn server() -> IssuerServer {
    let server = IssuerServer::new().await;
    let seed = format!(
        "[[clients]]\nclient_id = \"able\"\nclient_secret = \"{0}\"\ngrant_types = [\"client_credentials\"]\n\
         scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\nmay_introspect = [\"*\"]\n\
         [[clients]]\nclient_id = \"hard\"\nclient_secret = \"{HARD}\"\ngrant_types = [\"client_credentials\"]\n\
         scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\nmay_introspect = [\"*\"]\n\
         [[clients]]\nclient_id = \"able-post\"\nclient_secret = \"{1}\"\ngrant_types = [\"client_credentials\"]\n\
         token_endpoint_auth_method = \"client_secret_post\"\n\
         scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\nmay_introspect = [\"*\"]\n",
        secret_of("able"),
        secret_of("able-post")
    );
    let seed = Seed::parse(&seed).expect("a seed");
    server
        .identity()
        .seed(seed, "test")
        .await
        .expect("the seed is taken");
    server
}

/// TK-12.
#[tokio::test]
async fn exactly_one_client_authentication_and_basic_is_decoded_strictly() {
    let server = server().await;
    let secret = secret_of("able");
    let credentials = format!("able:{secret}");
    let padded = STANDARD.encode(&credentials);
    let unpadded = STANDARD_NO_PAD.encode(&credentials);
    assert_ne!(padded, unpadded, "the padding is what is tested");
    let mut trailing_bits = unpadded.clone().into_bytes();
    // The last symbol of an unpadded rest carries bits that belong to nothing.
    let last = trailing_bits.last_mut().expect("a symbol");
    *last += 1;
    let trailing_bits = String::from_utf8(trailing_bits).expect("text") + &padded[unpadded.len()..];
    let urlsafe = URL_SAFE.encode(b"able:\xff\xfe\xfd~~~");

    let malformed: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("an empty header", vec![b"".to_vec()]),
        ("the scheme alone", vec![b"Basic".to_vec()]),
        ("no base64", vec![b"Basic %%%%".to_vec()]),
        ("no padding", vec![format!("Basic {unpadded}").into_bytes()]),
        ("too much padding", vec![format!("Basic {padded}=").into_bytes()]),
        (
            "trailing bits",
            vec![format!("Basic {trailing_bits}").into_bytes()],
        ),
        (
            "a space within",
            vec![format!("Basic {} {}", &padded[..8], &padded[8..]).into_bytes()],
        ),
        ("a tab", vec![format!("Basic\t{padded}").into_bytes()]),
        ("another alphabet", vec![format!("Basic {urlsafe}").into_bytes()]),
        (
            "two credentials in one",
            vec![format!("Basic {padded}, Basic {padded}").into_bytes()],
        ),
        (
            "a second scheme",
            vec![format!("Basic {padded}, Bearer x").into_bytes()],
        ),
        ("no colon", vec![basic("able")]),
        ("an empty id", vec![basic(format!(":{secret}"))]),
        ("an empty secret", vec![basic("able:")]),
        ("percent garbage in the secret", vec![basic("able:%zz")]),
        ("percent garbage in the id", vec![basic(format!("%zz:{secret}"))]),
        ("half an escape", vec![basic("able:x%4")]),
        ("bytes beyond ASCII", vec![basic(b"able:\xff\xfe")]),
        ("an escape beyond UTF-8", vec![basic("able:%ff%fe")]),
        ("a control character", vec![basic("able:a\nb")]),
        ("NUL", vec![basic("able:%00")]),
        ("NUL after the secret", vec![basic(format!("able:{secret}%00"))]),
        ("a space after the secret", vec![basic(format!("able:{secret}+"))]),
        (
            "another letter case of the id",
            vec![basic(format!("ABLE:{secret}"))],
        ),
        (
            "an id with a line break",
            vec![basic(format!("able%0d%0a:{secret}"))],
        ),
        ("another scheme", vec![format!("Bearer {padded}").into_bytes()]),
        ("digest", vec![b"Digest username=\"able\"".to_vec()]),
        ("a header that is no text", vec![b"Basic \xff\xfe".to_vec()]),
        (
            "a secret that needs encoding, without",
            vec![basic(format!("hard:{HARD}"))],
        ),
    ];
    let secret_field = format!("&client_secret={secret}");
    type Form<'a> = (&'a str, Vec<Vec<u8>>, String, u16, &'a str);
    let forms: Vec<Form<'_>> = vec![
        ("two headers", vec![basic(&credentials), basic(&credentials)], String::new(), 400, "invalid_request"),
        ("header and body", vec![basic(&credentials)], secret_field.clone(), 400, "invalid_request"),
        ("header and body with id", vec![basic(&credentials)], format!("&client_id=able{secret_field}"), 400, "invalid_request"),
        ("a broken header and the body", vec![b"Basic x".to_vec()], format!("&client_id=able{secret_field}"), 400, "invalid_request"),
        ("header and another id", vec![basic(&credentials)], "&client_id=rs-all".to_owned(), 400, "invalid_request"),
        ("header and a longer id", vec![basic(&credentials)], "&client_id=able%00".to_owned(), 400, "invalid_request"),
        ("a secret without an id", vec![], secret_field.clone(), 401, "invalid_client"),
        ("a wrong secret in the body", vec![], "&client_id=able&client_secret=x".to_owned(), 401, "invalid_client"),
        ("an id alone where Basic is registered", vec![], "&client_id=able".to_owned(), 401, "invalid_client"),
        ("an empty secret in the body", vec![], "&client_id=able&client_secret=".to_owned(), 401, "invalid_client"),
        ("an assertion that is not built", vec![], "&client_id=able&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.e30.e30".to_owned(), 401, "invalid_client"),
        ("nothing at all", vec![], String::new(), 401, "invalid_client"),
        ("a secret of a public client", vec![], "&client_id=public&client_secret=x".to_owned(), 401, "invalid_client"),
        ("Basic with a secret of a public client", vec![basic("public:x")], String::new(), 401, "invalid_client"),
    ];
    let fine: Vec<(&str, Vec<Vec<u8>>, String)> = vec![
        ("canonical Basic", vec![basic(&credentials)], String::new()),
        (
            "a scheme in another letter case",
            vec![format!("bAsIC {padded}").into_bytes()],
            String::new(),
        ),
        (
            "the same id in the body",
            vec![basic(&credentials)],
            "&client_id=able".to_owned(),
        ),
        (
            "a secret that needs encoding",
            vec![basic(format!("hard:{HARD_ENCODED}"))],
            String::new(),
        ),
        (
            "more encoded than needed",
            vec![basic("%61ble:".to_owned() + &secret.replace('s', "%73"))],
            String::new(),
        ),
        (
            "two spaces",
            vec![format!("Basic  {padded}").into_bytes()],
            String::new(),
        ),
        (
            "seven spaces",
            vec![format!("basic       {padded}").into_bytes()],
            String::new(),
        ),
        (
            "the body where Basic is registered",
            vec![],
            format!("&client_id=able{secret_field}"),
        ),
        (
            "Basic where the body is registered",
            vec![basic(format!("able-post:{}", secret_of("able-post")))],
            String::new(),
        ),
    ];

    let mut matrix = Matrix::new("TK-12 endpoint × client authentication");
    for (path, form) in ENDPOINTS {
        for (what, headers) in &malformed {
            let answer = post(&server, path, headers, form).await;
            let got = (
                answer.status,
                answer.code(),
                answer.header("www-authenticate").is_empty(),
            );
            matrix.cell(
                format!("{path} {what}"),
                got,
                (401, "invalid_client".to_owned(), false),
            );
        }
        for (what, headers, more, status, code) in &forms {
            let answer = post(&server, path, headers, &format!("{form}{more}")).await;
            // Who sent no header is not challenged, but where RFC 7662 §2.3 wants 401.
            let status = match status {
                401 if headers.is_empty() && path != "/introspect" => 400,
                other => *other,
            };
            let got = (
                answer.status,
                answer.code(),
                answer.header("www-authenticate").is_empty(),
            );
            let expected = (status, (*code).to_owned(), status != 401);
            matrix.cell(format!("{path} {what}"), got, expected);
        }
        for (what, headers, more) in &fine {
            let answer = post(&server, path, headers, &format!("{form}{more}")).await;
            matrix.cell(format!("{path} {what}"), answer.status, 200);
        }
        // Guesses are throttled, and this is not about throttles.
        server.clock.advance(61_000);
    }
    matrix.end();
}

/// TK-12.
#[tokio::test]
async fn the_feed_takes_the_same_credentials_and_none_from_the_query() {
    let server = server().await;
    let mut matrix = Matrix::new("TK-12 feed × client authentication");
    let good = format!("able:{}", secret_of("able"));
    let query = format!("?client_id=able&client_secret={}", secret_of("able"));
    for (what, header, query, status) in [
        ("canonical", Some(basic(&good)), "", 200),
        ("nothing", None, "", 401),
        ("the query", None, query.as_str(), 401),
        (
            "no padding",
            Some(format!("Basic {}", STANDARD_NO_PAD.encode(&good)).into_bytes()),
            "",
            401,
        ),
        ("no colon", Some(basic("able")), "", 401),
        ("a wrong secret", Some(basic("able:x")), "", 401),
        (
            "two spaces",
            Some(format!("Basic  {}", STANDARD.encode(&good)).into_bytes()),
            "",
            200,
        ),
        (
            "registered for the body",
            Some(basic(format!("able-post:{}", secret_of("able-post")))),
            "",
            200,
        ),
        ("a bearer", Some(b"Bearer x".to_vec()), "", 401),
    ] {
        let mut request = http().get(format!("{}/revocations{query}", server.url()));
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.expect("an answer");
        matrix.cell(what, answer.status().as_u16(), status);
    }
    matrix.end();
    server.stop().await;
}

/// HTTP libraries send a public client's id as a user name with an empty password.
#[tokio::test]
async fn a_header_without_a_secret_means_the_id_alone() {
    let server = server().await;
    let mut matrix = Matrix::new("endpoint × header without a secret");
    let code = "grant_type=authorization_code&code=nobodys";
    for (path, form, id, expected) in [
        ("/token", code, "public", (400, "invalid_grant")),
        ("/revoke", "token=x", "public", (200, "")),
        ("/introspect", "token=x", "public", (401, "invalid_client")),
        ("/token", code, "able", (401, "invalid_client")),
        ("/revoke", "token=x", "able", (401, "invalid_client")),
        ("/introspect", "token=x", "able", (401, "invalid_client")),
        ("/token", code, "nobody", (401, "invalid_client")),
        ("/revoke", "token=x", "nobody", (401, "invalid_client")),
    ] {
        for more in [String::new(), format!("&client_id={id}")] {
            let header = basic(format!("{id}:"));
            let answer = post(&server, path, &[header], &format!("{form}{more}")).await;
            let got = (answer.status, answer.code());
            matrix.cell(
                format!("{path} {id}{more}"),
                got,
                (expected.0, expected.1.to_owned()),
            );
        }
    }
    matrix.end();
    server.stop().await;
}

/// TK-13.
/// All that a stranger can try gets one and the same answer, byte for byte, so that nobody learns which ids exist: one
/// answer for those who sent the header and are challenged, and one for those who did not.
#[tokio::test]
async fn an_unknown_client_and_a_wrong_secret_get_the_same_answer_to_the_byte() {
    let server = server().await;
    let identity = server.identity();
    let id = latchkey_protocol::ClientId::parse("idle").unwrap();
    identity.clients().set_enabled(&id, false, "test").await.unwrap();
    let mut matrix = Matrix::new("TK-13 endpoint × reason of a refusal");
    for (path, form) in ENDPOINTS {
        let challenged = comparable(&post(&server, path, &[basic("nobody:x")], form).await);
        assert_eq!(challenged.0, 401, "{challenged:?}");
        let in_form = format!("{form}&client_id=nobody&client_secret=x");
        let unchallenged = comparable(&post(&server, path, &[], &in_form).await);
        let expected = if path == "/introspect" { 401 } else { 400 };
        assert_eq!(unchallenged.0, expected, "{unchallenged:?}");
        assert_eq!(unchallenged.2, challenged.2, "one body");
        let others: Vec<(&str, Vec<Vec<u8>>, String)> = vec![
            ("wrong secret", vec![basic("able:x")], String::new()),
            (
                "wrong secret of the same length",
                vec![basic(format!("able:{}", "x".repeat(secret_of("able").len())))],
                String::new(),
            ),
            (
                "a secret of 1 KiB",
                vec![basic(format!("able:{}", "x".repeat(1_024)))],
                String::new(),
            ),
            (
                "another client's secret",
                vec![basic(format!("able:{}", secret_of("rs-all")))],
                String::new(),
            ),
            (
                "wrong secret in the body",
                vec![],
                "&client_id=able&client_secret=x".to_owned(),
            ),
            ("no secret", vec![], "&client_id=able".to_owned()),
            ("no secret in the header", vec![basic("able:")], String::new()),
            (
                "public, with a secret",
                vec![],
                "&client_id=public&client_secret=x".to_owned(),
            ),
            (
                "public, with a secret in the header",
                vec![basic("public:x")],
                String::new(),
            ),
            ("disabled, wrong secret", vec![basic("idle:x")], String::new()),
            (
                "disabled, right secret",
                vec![basic(format!("idle:{}", secret_of("idle")))],
                String::new(),
            ),
            (
                "unknown in the body",
                vec![],
                "&client_id=nobody&client_secret=x".to_owned(),
            ),
            ("unknown and public", vec![], "&client_id=nobody".to_owned()),
            ("no id that could be", vec![basic("%00:x")], String::new()),
            (
                "the id of a person",
                vec![basic("01890a5d-ac96-774b-bcce-b302099a8057:x")],
                String::new(),
            ),
            ("malformed", vec![b"Basic x".to_vec()], String::new()),
        ];
        for (what, headers, more) in others {
            let answer = post(&server, path, &headers, &format!("{form}{more}")).await;
            let reference = if headers.is_empty() {
                &unchallenged
            } else {
                &challenged
            };
            matrix.cell(format!("{path} {what}"), comparable(&answer), reference.clone());
        }
        server.clock.advance(61_000);
    }
    matrix.end();
}

/// TK-13.
/// What is answered alike must be counted alike: else the thirty-first try tells which ids exist, and the commit that
/// counts tells it at the first.
#[tokio::test]
async fn an_unknown_client_and_a_wrong_method_run_into_the_same_throttle() {
    let server = server().await;
    let mut matrix = Matrix::new("TK-13 stranger × throttle");
    for (what, id, headers, more) in [
        ("unknown, Basic", "ghost-1", vec![basic("ghost-1:x")], ""),
        ("wrong secret, Basic", "able", vec![basic("able:x")], ""),
        (
            "unknown, in the body",
            "ghost-2",
            vec![],
            "&client_id=ghost-2&client_secret=x",
        ),
        (
            "known, in the body",
            "rs-all",
            vec![],
            "&client_id=rs-all&client_secret=x",
        ),
        ("unknown, no secret", "ghost-3", vec![], "&client_id=ghost-3"),
        ("known, no secret", "rs-orders", vec![], "&client_id=rs-orders"),
        ("public, with a secret", "public", vec![basic("public:x")], ""),
    ] {
        let form = format!("token=x{more}");
        let mut seen = Vec::new();
        for _ in 0..31 {
            seen.push(post(&server, "/introspect", &headers, &form).await.status);
        }
        matrix.hold(
            format!("{what} ({id})"),
            seen[..30] == [401; 30] && seen[30] == 429,
            &seen,
        );
    }
    matrix.end();
}
