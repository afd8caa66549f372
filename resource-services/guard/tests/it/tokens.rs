//! JW: the requirements on a token. The verdict is called directly, because it is pure.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use latchkey_guard::{Algorithm, Audiences, KeySet, Policy, TokenError, verify};
use latchkey_testkit::mint::with;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::mint::{EC, ED, NOTES, NOW_S, PSS, Pair, RSA, Signer, b64, jwks, keys, minted, payload, policy};

fn verdict(token: &str) -> Result<latchkey_guard::Claims, TokenError> {
    verify(token, &keys(), &policy(), NOW_S)
}

/// A token with changed header members (`null` removes one), signed again.
fn with_header(changes: Value) -> String {
    let header = with(EC.header(), &changes);
    EC.jws(&header.to_string(), &payload(json!({})).to_string())
}

#[test]
fn a_good_token_of_each_algorithm_is_accepted() {
    for signer in [&*EC, &*ED, &*RSA, &*PSS] {
        let claims = verdict(&minted(signer, json!({"unknown": {"a": [1, null]}}))).expect("good");
        assert_eq!((claims.sub.as_str(), claims.is_machine()), ("alice", false));
    }
}

/// JW-01.
#[test]
fn none_and_hmac_are_refused_in_any_spelling() {
    for alg in [
        "none", "None", "NONE", "nOnE", "HS256", "hs256", "HS384", "HS512", "", "es256", "ES384", "RS512",
    ] {
        let refused = verdict(&with_header(json!({"alg": alg}))).expect_err(alg);
        assert!(
            matches!(
                refused,
                TokenError::AlgorithmNotAllowed | TokenError::Mistyped("alg")
            ),
            "{alg}: {refused:?}"
        );
    }
    assert_eq!(
        verdict(&with_header(json!({"alg": null}))),
        Err(TokenError::Missing("alg"))
    );
    assert_eq!(
        verdict(&with_header(json!({"alg": ["ES256"]}))),
        Err(TokenError::Mistyped("alg"))
    );
    let unsigned = format!("{}.{}.", b64(br#"{"alg":"none","typ":"at+jwt"}"#), b64(b"{}"));
    assert_eq!(verdict(&unsigned), Err(TokenError::NotThreeParts));
}

/// JW-01.
#[test]
fn only_configured_algorithms_count() {
    let only_ec = Policy {
        algorithms: vec![Algorithm::ES256],
        ..policy()
    };
    assert!(verify(&minted(&EC, json!({})), &keys(), &only_ec, NOW_S).is_ok());
    assert_eq!(
        verify(&minted(&RSA, json!({})), &keys(), &only_ec, NOW_S),
        Err(TokenError::AlgorithmNotAllowed)
    );
}

/// GHSA-hjrf-2m68-5959, JW-02.
#[test]
fn public_key_bytes_are_no_hmac_secret() {
    let Pair::Ec(pair) = &EC.pair else {
        unreachable!("an EC key")
    };
    let point = pair.public_key().as_ref();
    // RFC 5480: SubjectPublicKeyInfo of a point on P-256.
    let prefix = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let der = [&prefix[..], point].concat();
    let pem_body = base64::engine::general_purpose::STANDARD.encode(&der);
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n",
        &pem_body[..64],
        &pem_body[64..]
    );
    let jwk = EC.jwk();
    let text = |name: &str| jwk[name].as_str().expect("text").as_bytes().to_vec();
    let secrets = [
        point.to_vec(),
        point[1..].to_vec(),
        point[1..33].to_vec(),
        der,
        pem.clone().into_bytes(),
        pem.trim().as_bytes().to_vec(),
        jwk.to_string().into_bytes(),
        jwks(&[&EC]),
        text("x"),
        text("y"),
        text("kid"),
        Vec::new(),
    ];
    for secret in secrets {
        for (alg, hash) in [
            ("HS256", hmac::HMAC_SHA256),
            ("HS512", hmac::HMAC_SHA512),
            ("ES256", hmac::HMAC_SHA512),
        ] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": EC.kid}).to_string();
            let signed = format!(
                "{}.{}",
                b64(header.as_bytes()),
                b64(payload(json!({})).to_string().as_bytes())
            );
            let tag = hmac::sign(&hmac::Key::new(hash, &secret), signed.as_bytes());
            let refused = verdict(&format!("{signed}.{}", b64(tag.as_ref()))).expect_err(alg);
            assert!(
                matches!(
                    refused,
                    TokenError::AlgorithmNotAllowed | TokenError::BadSignature
                ),
                "{refused:?}"
            );
        }
    }
}

/// JW-02.
#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    for (signer, alg) in [
        (&*RSA, "ES256"),
        (&*RSA, "PS256"),
        (&*PSS, "RS256"),
        (&*EC, "EdDSA"),
        (&*ED, "ES256"),
    ] {
        let header = json!({"alg": alg, "typ": "at+jwt", "kid": signer.kid}).to_string();
        let token = signer.jws(&header, &payload(json!({})).to_string());
        assert_eq!(
            verdict(&token),
            Err(TokenError::KeyMismatch),
            "{alg} with {}",
            signer.kid
        );
    }
}

/// JW-03.
#[test]
fn embedded_keys_are_ignored() {
    let mallory = Signer::ec("ec-1");
    for (name, value) in [
        ("jwk", mallory.jwk()),
        ("jku", json!("https://mallory.example/jwks")),
        ("x5u", json!("https://mallory.example/cert")),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = mallory.header();
        header[name] = value;
        let forged = mallory.jws(&header.to_string(), &payload(json!({})).to_string());
        assert_eq!(verdict(&forged), Err(TokenError::BadSignature), "{name}");
        let honest = EC.jws(&header.to_string(), &payload(json!({})).to_string());
        assert!(
            verdict(&honest).is_ok(),
            "{name} changes nothing for a token of the real key"
        );
    }
}

/// JW-03.
#[test]
fn any_critical_extension_is_refused() {
    for crit in [json!(["zzz"]), json!([]), json!(["exp"]), json!("b64"), json!({})] {
        assert_eq!(
            verdict(&with_header(json!({"crit": crit, "b64": false}))),
            Err(TokenError::Critical)
        );
    }
}

/// JW-04.
#[test]
fn no_other_kind_of_token_is_an_access_token() {
    for typ in [
        "JWT",
        "logout+jwt",
        "dpop+jwt",
        "secevent+jwt",
        "revocations+jwt",
        "at",
        "jwt",
        "at+jwt+x",
        "client-authentication+jwt",
    ] {
        assert_eq!(
            verdict(&with_header(json!({"typ": typ}))),
            Err(TokenError::WrongType),
            "{typ}"
        );
    }
    assert_eq!(
        verdict(&with_header(json!({"typ": null}))),
        Err(TokenError::Missing("typ"))
    );
    assert!(verdict(&with_header(json!({"typ": "Application/AT+JWT"}))).is_ok());
}

/// CVE-2026-25537, JW-05.
#[test]
fn a_mistyped_time_is_refused_and_not_taken_for_absent() {
    let bad = [
        "\"1800000100\"",
        "1800000100.0",
        "18e8",
        "-1",
        "null",
        "[1800000100]",
        "{}",
        "true",
        "9223372036854775808",
        "1e999",
        "NaN",
        "253402300800",
    ];
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in bad {
            let mut claims = payload(json!({"nbf": NOW_S, "auth_time": NOW_S}));
            claims[name] = json!("PLACE");
            let text = claims.to_string().replace("\"PLACE\"", value);
            let refused = verdict(&EC.jws(&EC.header().to_string(), &text)).expect_err(value);
            assert!(
                matches!(refused, TokenError::Mistyped(_) | TokenError::NotJson),
                "{name}={value}: {refused:?}"
            );
        }
    }
}

/// CVE-2026-25537, JW-05.
#[test]
fn each_required_claim_must_be_there_and_typed() {
    for name in ["iss", "sub", "aud", "client_id", "jti", "exp", "iat"] {
        assert_eq!(
            verdict(&minted(&EC, json!({name: null}))),
            Err(TokenError::Missing(name))
        );
        let mut nulled = payload(json!({}));
        nulled[name] = Value::Null;
        for value in [
            Value::Null,
            json!({}),
            json!([]),
            json!(true),
            json!(""),
            json!(1.5),
        ] {
            nulled[name] = value.clone();
            let token = EC.jws(&EC.header().to_string(), &nulled.to_string());
            assert_eq!(verdict(&token), Err(TokenError::Mistyped(name)), "{value}");
        }
    }
}

/// JW-05.
#[test]
fn optional_claims_are_typed_too() {
    for name in ["scope", "fam", "sid", "acr"] {
        assert_eq!(
            verdict(&minted(&EC, json!({name: ["x"]}))),
            Err(TokenError::Mistyped(name))
        );
    }
    for name in ["roles", "amr"] {
        assert_eq!(
            verdict(&minted(&EC, json!({name: "admin"}))),
            Err(TokenError::Mistyped(name))
        );
        assert_eq!(
            verdict(&minted(&EC, json!({name: ["a", 1]}))),
            Err(TokenError::Mistyped(name))
        );
    }
}

/// CVE-2026-55669, JW-06.
#[test]
fn lookalike_issuers_are_other_issuers() {
    for iss in [
        "https://id.example/",
        "https://ID.example",
        "https://id.example:443",
        "http://id.example",
        "https://id.example.evil",
        " https://id.example",
        "https://id.exampl",
    ] {
        assert_eq!(
            verdict(&minted(&EC, json!({"iss": iss}))),
            Err(TokenError::WrongIssuer),
            "{iss}"
        );
    }
}

/// CVE-2020-26160, JW-06.
#[test]
fn the_audience_must_name_this_very_service() {
    for aud in [
        json!("urn:example:notes2"),
        json!("urn:example:note"),
        json!("URN:example:notes"),
        json!(["urn:example:basket"]),
        json!("urn:example:notes urn:example:basket"),
        json!(["urn:example:notes "]),
    ] {
        assert_eq!(
            verdict(&minted(&EC, json!({"aud": aud}))),
            Err(TokenError::WrongAudience),
            "{aud}"
        );
    }
    for aud in [
        json!(""),
        json!([]),
        json!([""]),
        json!([NOTES, ""]),
        json!([NOTES, 7]),
        json!({NOTES: true}),
    ] {
        assert_eq!(
            verdict(&minted(&EC, json!({"aud": aud}))),
            Err(TokenError::Mistyped("aud")),
            "{aud}"
        );
    }
    assert!(verdict(&minted(&EC, json!({"aud": ["urn:example:basket", NOTES]}))).is_ok());
}

/// JW-06.
#[test]
fn only_the_issuer_itself_may_leave_the_audience_unchecked() {
    let issuer = Policy {
        audiences: Audiences::Unchecked,
        ..policy()
    };
    assert!(verify(&minted(&EC, json!({"aud": "elsewhere"})), &keys(), &issuer, NOW_S).is_ok());
}

/// GHSA-wxg7-w2v3-w38g, JW-07.
#[test]
fn a_token_that_lives_too_long_is_refused_whoever_signed_it() {
    for life in [901, 86_400, 315_360_000] {
        assert_eq!(
            verdict(&minted(&EC, json!({"exp": NOW_S + life}))),
            Err(TokenError::LivesTooLong),
            "{life}"
        );
    }
    assert_eq!(
        verdict(&minted(&EC, json!({"iat": NOW_S + 11}))),
        Err(TokenError::IssuedInFuture)
    );
    assert_eq!(
        verdict(&minted(&EC, json!({"iat": 0, "exp": NOW_S + 300}))),
        Err(TokenError::LivesTooLong)
    );
}

/// JW-08.
#[test]
fn repeated_members_are_refused_and_unknown_ones_ignored() {
    let good = payload(json!({})).to_string();
    let header = EC.header().to_string();
    for name in ["sub", "aud", "exp", "scope", "unknown"] {
        let twice = format!("{{\"{name}\":\"x\",\"{name}\":\"x\",{}", &good[1..]);
        assert_eq!(
            verdict(&EC.jws(&header, &twice)),
            Err(TokenError::RepeatedMember),
            "{name}"
        );
    }
    let escaped = format!("{{\"\\u0073ub\":\"mallory\",{}", &good[1..]);
    assert_eq!(
        verdict(&EC.jws(&header, &escaped)),
        Err(TokenError::RepeatedMember)
    );
    for name in ["alg", "kid", "typ", "x"] {
        let twice = format!("{{\"{name}\":\"none\",\"{name}\":\"none\",{}", &header[1..]);
        assert_eq!(
            verdict(&EC.jws(&twice, &good)),
            Err(TokenError::RepeatedMember),
            "{name}"
        );
    }
}

/// CVE-2025-30204, CVE-2025-27144, JW-09.
#[test]
fn size_and_shape_are_bounded_before_anything_is_decoded() {
    assert_eq!(verdict(&".".repeat(1 << 20)), Err(TokenError::TooLong));
    assert_eq!(verdict(&"a.".repeat(4_000)), Err(TokenError::NotThreeParts));
    assert_eq!(
        verdict(&format!("{}.e30.AA", "e".repeat(1_025))),
        Err(TokenError::TooLong)
    );
    for shape in ["", ".", "..", "a", "a.b", "a.b.", ".b.c", "a..c", "a.b.c.d"] {
        assert_eq!(verdict(shape), Err(TokenError::NotThreeParts), "{shape:?}");
    }
    let padded = minted(&EC, json!({"padding": "x".repeat(8_000)}));
    assert_eq!(verdict(&padded), Err(TokenError::TooLong));
}

/// CVE-2024-28180, CVE-2024-28122, JW-10.
#[test]
fn encrypted_or_compressed_tokens_are_not_opened() {
    let pbes2 = b64(br#"{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","zip":"DEF","p2c":1000000000}"#);
    assert_eq!(
        verdict(&format!("{pbes2}.AA.AA.AA.AA")),
        Err(TokenError::NotThreeParts)
    );
    assert_eq!(
        verdict(&with_header(json!({"zip": "DEF"}))),
        Err(TokenError::Encrypted)
    );
    assert_eq!(
        verdict(&with_header(json!({"enc": "A256GCM"}))),
        Err(TokenError::Encrypted)
    );
    assert_eq!(
        verdict(&with_header(json!({"alg": "dir"}))),
        Err(TokenError::AlgorithmNotAllowed)
    );
}

/// JW-11.
#[test]
fn a_token_has_one_spelling() {
    let token = minted(&EC, json!({}));
    let parts = token.split('.').collect::<Vec<_>>();
    let mut respellings = vec![
        format!("{token}="),
        format!("{token}=="),
        format!("{token} "),
        format!(" {token}"),
        format!("{token}\n"),
    ];
    for part in 0..3 {
        let mut with = |text: String| {
            let mut parts = parts.iter().map(ToString::to_string).collect::<Vec<_>>();
            parts[part] = text;
            respellings.push(parts.join("."));
        };
        with(format!("{}=", parts[part]));
        with(format!("{}\n", parts[part]));
        with(format!("{} {}", &parts[part][..4], &parts[part][4..]));
        with(parts[part].replace('-', "+").replace('_', "/") + "+");
    }
    // 64 bytes of signature leave four unused bits in the last character: 16 spellings, one of them right.
    let last = token.chars().last().expect("a character");
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        .chars()
        .filter(|c| *c != last)
    {
        respellings.push(format!("{}{other}", &token[..token.len() - 1]));
    }
    for respelling in respellings {
        assert!(verdict(&respelling).is_err(), "{respelling:?}");
    }
}

/// JW-12.
#[test]
fn every_single_bit_flip_of_twenty_tokens_is_refused() {
    let (keys, policy) = (keys(), policy());
    for number in 0..5 {
        for signer in [&*EC, &*ED, &*RSA, &*PSS] {
            let token = minted(signer, json!({"jti": format!("jti-{number}")})).into_bytes();
            for (at, bit) in (0..token.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut flipped = token.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(text) = std::str::from_utf8(&flipped) {
                    assert!(
                        verify(text, &keys, &policy, NOW_S).is_err(),
                        "byte {at}, bit {bit}: {text}"
                    );
                }
            }
        }
    }
}

/// CVE-2022-21449, JW-12.
#[test]
fn signatures_of_zeros_and_of_the_group_order_fail() {
    let token = minted(&EC, json!({}));
    let (signed, _) = token.rsplit_once('.').expect("a token");
    let order = ORDER.to_vec();
    let zero = vec![0; 32];
    let one = [vec![0; 31], vec![1]].concat();
    for r in [&zero, &one, &order] {
        for s in [&zero, &order] {
            let forged = format!("{signed}.{}", b64(&[&r[..], &s[..]].concat()));
            assert_eq!(verdict(&forged), Err(TokenError::BadSignature));
        }
    }
    for wrong_length in [0, 1, 63, 65, 70, 128] {
        let forged = format!("{signed}.{}", b64(&vec![1; wrong_length]));
        assert!(verdict(&forged).is_err(), "{wrong_length}");
    }
}

/// JW-13.
#[test]
fn a_kid_is_only_a_name_to_look_up() {
    for kid in [
        "../../keys/x",
        "' OR 1=1 --",
        "https://mallory.example/",
        "\0",
        "ec-1\0",
        "EC-1",
        "ec-1 ",
        "%00",
    ] {
        assert_eq!(
            verdict(&with_header(json!({"kid": kid}))),
            Err(TokenError::UnknownKey),
            "{kid:?}"
        );
    }
    assert_eq!(
        verdict(&with_header(json!({"kid": "k".repeat(257)}))),
        Err(TokenError::TooLong)
    );
    assert_eq!(
        verdict(&with_header(json!({"kid": "k".repeat(1 << 20)}))),
        Err(TokenError::TooLong)
    );
    assert_eq!(
        verdict(&with_header(json!({"kid": ""}))),
        Err(TokenError::Mistyped("kid"))
    );
    assert_eq!(
        verdict(&with_header(json!({"kid": 1}))),
        Err(TokenError::Mistyped("kid"))
    );
    assert_eq!(
        verdict(&with_header(json!({"kid": null}))),
        Err(TokenError::Missing("kid"))
    );
}

/// CVE-2026-1529, JW-19.
#[test]
fn no_source_of_this_crate_decodes_without_verifying() {
    let mut folders = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src"
    ))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(files.len() > 20, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).expect("text");
        for forbidden in [
            "insecure_decode",
            "jsonwebtoken::dangerous",
            "dangerous::",
            "jsonwebtoken::decode",
            "decode_header",
        ] {
            assert!(!text.contains(forbidden), "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn rfc_9449_7_1_a_sender_constrained_token_is_no_bearer_token() {
    for cnf in [
        json!({"jkt": "x"}),
        json!({"x5t#S256": "x"}),
        json!({}),
        json!("x"),
    ] {
        assert_eq!(
            verdict(&minted(&EC, json!({"cnf": cnf}))),
            Err(TokenError::SenderConstrained)
        );
    }
    let mut claims = payload(json!({}));
    claims["cnf"] = Value::Null;
    assert_eq!(
        verdict(&EC.jws(&EC.header().to_string(), &claims.to_string())),
        Err(TokenError::SenderConstrained)
    );
}

#[test]
fn without_keys_nothing_is_proven() {
    assert_eq!(
        verify(&minted(&EC, json!({})), &KeySet::default(), &policy(), NOW_S),
        Err(TokenError::UnknownKey)
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_verdict_panic_or_pass(text in "\\PC{0,300}") {
        prop_assert!(verdict(&text).is_err());
    }

    #[test]
    fn no_signed_payload_makes_the_verdict_panic(text in "[\\[\\]{}\":,0-9a-z.eE+-]{0,80}") {
        let _ = verdict(&EC.jws(&EC.header().to_string(), &text));
    }
}

/// The order of P-256 (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The same signature with s replaced by n − s: equally valid, with another text.
pub fn twin(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let mut signature = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(signature)
        .expect("base64");
    let mut borrow = 0_i16;
    for at in (0..32).rev() {
        let difference = i16::from(ORDER[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        signature[32 + at] = difference.rem_euclid(256) as u8;
    }
    format!("{signed}.{}", b64(&signature))
}
