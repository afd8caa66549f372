//! The tables of the ladder.

use super::*;
use crate::user::tests::carol;

const UV: Method = Method::Passkey { user_verified: true };
const UP: Method = Method::Passkey { user_verified: false };

fn proofs(of: &[(Method, i64)]) -> Vec<Proof> {
    let proof = |(method, at): &(Method, i64)| Proof::new(*method, Timestamp(*at));
    of.iter().map(proof).collect()
}

/// Proofs, and what they amount to: acr, amr, auth_time.
type Row = (
    &'static [(Method, i64)],
    Option<(&'static str, &'static [&'static str], i64)>,
);

#[test]
fn proofs_amount_to_exactly_what_they_show() {
    use Method::{EmailCode, Password, RecoveryCode, Totp, Upstream};
    let (email, upstream) = ("urn:latchkey:acr:email", "urn:latchkey:acr:upstream");
    let (password, mfa) = ("urn:latchkey:acr:password", "urn:latchkey:acr:mfa");
    let table: &[Row] = &[
        (&[], None),
        // What only stands beside another.
        (&[(Totp, 1)], None),
        (&[(RecoveryCode, 1)], None),
        (&[(UP, 1)], None),
        (&[(Totp, 1), (RecoveryCode, 2), (UP, 3)], None),
        (&[(EmailCode, 5)], Some((email, &["email"], 5))),
        (&[(Upstream, 5)], Some((upstream, &["fed"], 5))),
        (&[(Password, 5)], Some((password, &["pwd"], 5))),
        (&[(UV, 5)], Some(("phr", &["pop", "user", "mfa"], 5))),
        (
            &[(Password, 5), (Totp, 9)],
            Some((mfa, &["pwd", "otp", "mfa"], 5)),
        ),
        (
            &[(Password, 9), (Totp, 5)],
            Some((mfa, &["pwd", "otp", "mfa"], 5)),
        ),
        (
            &[(Password, 5), (RecoveryCode, 9)],
            Some((mfa, &["pwd", "rc", "mfa"], 5)),
        ),
        (&[(Password, 5), (UP, 9)], Some((mfa, &["pwd", "pop", "mfa"], 5))),
        (
            &[(Upstream, 5), (Totp, 9)],
            Some((mfa, &["fed", "otp", "mfa"], 5)),
        ),
        (
            &[(Upstream, 5), (RecoveryCode, 9)],
            Some((mfa, &["fed", "rc", "mfa"], 5)),
        ),
        (&[(Upstream, 5), (UP, 9)], Some((upstream, &["fed"], 5))),
        // Mail never makes two factors.
        (&[(EmailCode, 5), (Totp, 9)], Some((email, &["email"], 5))),
        (&[(EmailCode, 5), (Password, 9)], Some((password, &["pwd"], 9))),
        (&[(EmailCode, 5), (UP, 9)], Some((email, &["email"], 5))),
        // The class rests on the passkey alone, whatever else was shown before.
        (
            &[(Password, 1), (Totp, 2), (UV, 9)],
            Some(("phr", &["pop", "user", "mfa"], 9)),
        ),
        // Of two ways to one class, the later.
        (
            &[(Password, 5), (Totp, 7), (RecoveryCode, 3)],
            Some((mfa, &["pwd", "otp", "mfa"], 5)),
        ),
        (
            &[(Password, 1), (Upstream, 6), (Totp, 7)],
            Some((mfa, &["fed", "otp", "mfa"], 6)),
        ),
    ];
    for (given, expected) in table {
        let got = sign_in(&proofs(given));
        let expected = expected.map(|(acr, amr, at)| SignIn {
            auth_time: Timestamp(at),
            acr: Some(acr.to_owned()),
            amr: amr.iter().map(|value| (*value).to_owned()).collect(),
        });
        assert_eq!(got, expected, "{given:?}");
    }
}

#[test]
fn another_proof_never_lowers_the_class() {
    for one in Method::ALL {
        for two in Method::ALL {
            for three in Method::ALL {
                let few = level(&proofs(&[(one, 1), (two, 2)]));
                let more = level(&proofs(&[(one, 1), (two, 2), (three, 3)]));
                assert!(more >= few, "{one:?} {two:?} {three:?}");
            }
        }
    }
}

#[test]
fn methods_and_classes_read_back_by_their_names() {
    for method in Method::ALL {
        assert_eq!(Method::parse(method.name()), Some(method));
        let text = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<Method>(&text).unwrap(), method);
    }
    for acr in Acr::ALL {
        assert_eq!(Acr::parse(acr.name()), Some(acr));
    }
    for strange in ["phrh", "", "PHR", "urn:latchkey:acr:passwor"] {
        assert_eq!(Acr::parse(strange), None, "{strange}");
    }
    assert!(Acr::ALL.is_sorted());
}

fn facts(proofs: &[Proof]) -> Facts<'_> {
    Facts {
        proofs,
        needed: Needed::default(),
        factors: Factors::default(),
        remembered: false,
        required: &[],
    }
}

const TOTP: Factors = Factors {
    passkey: false,
    totp: true,
};
const PASSKEY: Factors = Factors {
    passkey: true,
    totp: false,
};

#[test]
fn an_enrolled_app_is_asked_for_even_where_no_policy_asks() {
    use Method::{EmailCode, Password, RecoveryCode, Totp, Upstream};
    type Row = (&'static [(Method, i64)], bool, Next);
    let table: &[Row] = &[
        (&[], false, Next::First),
        (&[(Totp, 1)], false, Next::First),
        (&[(Password, 1)], false, Next::Second),
        (&[(EmailCode, 1)], false, Next::Second),
        (&[(Upstream, 1)], false, Next::Second),
        (&[(Password, 1)], true, Next::Done),
        (&[(Password, 1), (Totp, 2)], false, Next::Done),
        (&[(Password, 1), (RecoveryCode, 2)], false, Next::Done),
        (&[(EmailCode, 1), (Totp, 2)], false, Next::Done),
        (&[(UV, 1)], false, Next::Done),
    ];
    for (given, remembered, expected) in table {
        let given = proofs(given);
        let facts = Facts {
            factors: TOTP,
            remembered: *remembered,
            ..facts(&given)
        };
        assert_eq!(next(facts), *expected, "{given:?} {remembered}");
    }
    // A passkey is a way in by itself. Having one does not close the password, which a browser without script needs.
    let given = proofs(&[(Method::Password, 1)]);
    let facts = Facts {
        factors: PASSKEY,
        ..facts(&given)
    };
    assert_eq!(next(facts), Next::Done);
}

#[test]
fn policy_is_met_or_no_session_begins() {
    use Method::{EmailCode, Password, Totp, Upstream};
    let factor = Next::Required(Requirement::Factor);
    let none = Factors::default();
    type Row = (Acr, &'static [(Method, i64)], Factors, Next);
    let table: &[Row] = &[
        (Acr::Password, &[(Password, 1)], none, Next::Done),
        // Whoever reads the mail sets up no factor by that alone.
        (Acr::Password, &[(EmailCode, 1)], none, Next::First),
        (Acr::Mfa, &[(EmailCode, 1)], none, Next::First),
        (Acr::Phr, &[(EmailCode, 1)], none, Next::First),
        (Acr::Mfa, &[(EmailCode, 1), (Password, 2)], none, factor),
        (Acr::Mfa, &[(Upstream, 1)], none, factor),
        (Acr::Password, &[(EmailCode, 1)], PASSKEY, Next::Second),
        (Acr::Mfa, &[(Password, 1)], none, factor),
        (Acr::Mfa, &[(Password, 1)], TOTP, Next::Second),
        (Acr::Mfa, &[(Password, 1)], PASSKEY, Next::Second),
        (Acr::Mfa, &[(Password, 1), (Totp, 2)], TOTP, Next::Done),
        (Acr::Mfa, &[(Password, 1), (UP, 2)], PASSKEY, Next::Done),
        (Acr::Mfa, &[(Upstream, 1)], TOTP, Next::Second),
        (Acr::Mfa, &[(EmailCode, 1), (Totp, 2)], TOTP, Next::First),
        (Acr::Mfa, &[(UV, 1)], PASSKEY, Next::Done),
        (Acr::Phr, &[(Password, 1), (Totp, 2)], TOTP, factor),
        (Acr::Phr, &[(Password, 1), (Totp, 2)], PASSKEY, Next::Second),
        (Acr::Phr, &[(Password, 1), (UP, 2)], PASSKEY, Next::Second),
        (Acr::Phr, &[(UV, 1)], PASSKEY, Next::Done),
    ];
    for (wanted, given, factors, expected) in table {
        let given = proofs(given);
        let facts = Facts {
            needed: Needed {
                policy: Some(*wanted),
                ..Needed::default()
            },
            factors: *factors,
            // Policy asks a remembered browser, too.
            remembered: true,
            ..facts(&given)
        };
        assert_eq!(next(facts), *expected, "{wanted} {given:?} {factors:?}");
    }
}

#[test]
fn whatever_is_proved_done_means_that_policy_is_met() {
    for wanted in Acr::ALL {
        for one in Method::ALL {
            for two in Method::ALL {
                for factors in [Factors::default(), TOTP, PASSKEY] {
                    let given = proofs(&[(one, 1), (two, 2)]);
                    let facts = Facts {
                        needed: Needed {
                            policy: Some(wanted),
                            ..Needed::default()
                        },
                        factors,
                        ..facts(&given)
                    };
                    let done = next(facts) == Next::Done;
                    assert!(!done || level(&given) >= Some(wanted), "{wanted} {given:?}");
                }
            }
        }
    }
}

#[test]
fn a_wish_and_an_essential_claim_ask_only_for_what_there_is() {
    let given = proofs(&[(Method::Password, 1)]);
    for needed in [
        Needed {
            wished: Some(Acr::Phr),
            ..Needed::default()
        },
        Needed {
            essential: Some(Acr::Phr),
            ..Needed::default()
        },
    ] {
        for (factors, expected) in [(Factors::default(), Next::Done), (PASSKEY, Next::Second)] {
            let facts = Facts {
                needed,
                factors,
                ..facts(&given)
            };
            assert_eq!(next(facts), expected, "{needed:?} {factors:?}");
        }
    }
}

#[test]
fn a_stale_proof_is_asked_for_again_and_no_other() {
    let given = proofs(&[(Method::Password, 10), (Method::Totp, 20)]);
    for (since, expected) in [
        (10, Next::Done),
        // The password is gone, and a code alone is nothing.
        (11, Next::First),
        (21, Next::First),
    ] {
        let still = fresh(given.clone(), Some(Timestamp(since)));
        let facts = Facts {
            factors: TOTP,
            ..facts(&still)
        };
        assert_eq!(next(facts), expected, "{since}");
    }
    let later = fresh(
        proofs(&[(Method::Totp, 10), (Method::Password, 20)]),
        Some(Timestamp(11)),
    );
    let facts = Facts {
        factors: TOTP,
        ..facts(&later)
    };
    assert_eq!(next(facts), Next::Second);
}

#[test]
fn requirements_come_in_their_order_and_after_the_proofs() {
    let given = proofs(&[(Method::Password, 1)]);
    let required = [
        Requirement::Deletion,
        Requirement::Address,
        Requirement::NewPassword,
    ];
    let base = Facts {
        required: &required,
        needed: Needed {
            policy: Some(Acr::Mfa),
            ..Needed::default()
        },
        ..facts(&given)
    };
    assert_eq!(next(base), Next::Required(Requirement::Address));
    let only = [Requirement::Deletion];
    let base = Facts {
        required: &only,
        ..base
    };
    assert_eq!(next(base), Next::Required(Requirement::Factor));
    assert_eq!(
        next(Facts {
            factors: TOTP,
            ..base
        }),
        Next::Second
    );
    assert_eq!(next(Facts { proofs: &[], ..base }), Next::First);
}

#[test]
fn policy_is_the_highest_of_client_and_roles() {
    let mut client = crate::redirect_uri::matching_client(false, &["https://app.test/cb"]);
    let roles = RoleAcr::from([
        ("instructor".to_owned(), Acr::Mfa),
        ("admin".to_owned(), Acr::Phr),
    ]);
    let mut person = carol();
    assert_eq!(policy(Some(&client), &person, &RoleAcr::new()), None);
    assert_eq!(policy(Some(&client), &person, &roles), Some(Acr::Mfa));
    client.metadata.required_acr = Some(Acr::Phr);
    assert_eq!(policy(Some(&client), &person, &roles), Some(Acr::Phr));
    client.metadata.required_acr = Some(Acr::Password);
    assert_eq!(policy(Some(&client), &person, &roles), Some(Acr::Mfa));
    person.roles.clear();
    assert_eq!(policy(Some(&client), &person, &roles), Some(Acr::Password));
    assert_eq!(policy(None, &person, &roles), None);
}

#[test]
fn of_one_method_and_credential_the_latest_proof_stays() {
    let key = |id: &str, at| Proof {
        credential: Some(id.to_owned()),
        ..Proof::new(UV, Timestamp(at))
    };
    let before = vec![Proof::new(Method::Password, Timestamp(5)), key("a", 6)];
    let new = [
        Proof::new(Method::Password, Timestamp(9)),
        key("b", 7),
        key("a", 2),
    ];
    let all = merged(before, &new);
    assert_eq!(
        all,
        [
            Proof::new(Method::Password, Timestamp(9)),
            key("a", 6),
            key("b", 7)
        ]
    );
}

#[test]
fn an_essential_request_is_answered_by_a_class_that_it_named() {
    let asked = AcrRequest {
        wished: Vec::new(),
        essential: vec![Acr::Mfa, Acr::Password],
    };
    assert_eq!(asked.named(Acr::Phr), Acr::Mfa);
    assert_eq!(asked.named(Acr::Password), Acr::Password);
    assert_eq!(AcrRequest::default().named(Acr::Phr), Acr::Phr);
    assert_eq!(Needed::of(&asked, None).essential, Some(Acr::Password));
}
