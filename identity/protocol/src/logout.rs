//! RP-initiated logout: whether to ask, what ends, and where the browser goes (OpenID Connect RP-Initiated Logout §2,
//! §3).

use crate::client::Client;
use crate::error::PageError;
use crate::id_token::Hint;
use crate::redirect_uri::LogoutUri;
use crate::session::Session;

/// The facts of a logout request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The browser's session, unless somebody ended it; one that has merely expired counts, and ends for good.
    pub session: Option<&'a Session>,
    /// What `id_token_hint` is.
    pub hint: &'a Hint,
    /// The `sid` under which the hint's client knows the browser's session.
    pub sid: Option<&'a str>,
    /// `client_id`, as sent.
    pub client_id: Option<&'a str>,
    /// The client of the hint, or without a hint, of `client_id`.
    pub client: Option<&'a Client>,
    /// `post_logout_redirect_uri`, as sent.
    pub post_logout_redirect_uri: Option<&'a str>,
    /// `state`, as sent.
    pub state: Option<&'a str>,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// End the session, if there is one, by [`crate::revocation_policy::RevocationCause::SignedOut`], and go there.
    End(After),
    /// Show the question. Only after a confirmation the session ends and the browser goes there.
    Ask(After),
    /// Show the error; nothing ends.
    Page(PageError),
}

/// Where the browser goes after a logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// To the client, with its `state`.
    Redirect {
        /// The registered address.
        to: LogoutUri,
        /// `state`, as sent.
        state: Option<String>,
    },
    /// To the page that says that the user is signed out.
    SignedOut,
    /// To the same page, with the error that the requested address is not registered.
    Unregistered,
}

/// Decides what a logout request leads to. Only an ID token hint of ours, for this session or for one that no longer
/// exists here, signs out without asking. A redirect requires such a hint or the user's confirmation, and in both cases
/// an address that is registered for the requesting client.
pub fn decide(facts: Facts<'_>) -> Decision {
    let Hint::Ours {
        sub,
        client: hinted,
        sid,
    } = facts.hint
    else {
        // An invalid hint counts as none: a sender could simply omit it.
        return Decision::Ask(after_yes(facts));
    };
    if facts.client_id.is_some_and(|id| id != hinted.as_str()) {
        return Decision::Page(PageError::IdTokenHint);
    }
    let after = after(facts, |client| client.id() == hinted);
    let same =
        |session: &Session| session.user == *sub && sid.as_deref().is_none_or(|sid| facts.sid == Some(sid));
    if !facts.session.is_none_or(same) {
        return Decision::Ask(after);
    }
    match after {
        After::Unregistered => Decision::Page(PageError::LogoutUri),
        registered => Decision::End(registered),
    }
}

/// Where the browser goes after the confirmation: decided again, because the registration may have changed since the
/// question.
pub fn after_yes(facts: Facts<'_>) -> After {
    after(facts, |client| facts.client_id == Some(client.id().as_str()))
}

/// Where the browser goes once the session has ended. `asks` tells whether the request comes from the client itself.
fn after(facts: Facts<'_>, asks: impl Fn(&Client) -> bool) -> After {
    let Some(uri) = facts.post_logout_redirect_uri else {
        return After::SignedOut;
    };
    let registered = facts
        .client
        .filter(|client| client.disabled_at.is_none() && asks(client))
        .and_then(|client| LogoutUri::of(client, uri));
    registered.map_or(After::Unregistered, |to| After::Redirect {
        to,
        state: facts.state.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientId;
    use crate::redirect_uri::{matching_client, matching_mutations};
    use crate::session::tests::session;
    use crate::user::tests::carol;

    const URI: &str = "https://shop.example.test/oauth/cb?tenant=a";

    fn hint(sub: &str, client: &str, sid: Option<&str>) -> Hint {
        Hint::Ours {
            sub: sub.into(),
            client: ClientId::parse(client).unwrap(),
            sid: sid.map(str::to_owned),
        }
    }

    /// LO-02.
    #[test]
    fn the_table_of_sign_outs() {
        let (session, client) = (session(), matching_client(false, &[URI]));
        let (person, id) = (carol().id, client.id().as_str());
        let ours = hint(&person, id, Some("sid-1"));
        let whole = Facts {
            session: Some(&session),
            hint: &ours,
            sid: Some("sid-1"),
            client_id: None,
            client: Some(&client),
            post_logout_redirect_uri: Some(URI),
            state: Some("x&y"),
        };
        let to = LogoutUri::of(&client, URI).unwrap();
        let back = |state: Option<&str>| {
            Decision::End(After::Redirect {
                to: to.clone(),
                state: state.map(str::to_owned),
            })
        };
        let ask_back = Decision::Ask(After::Redirect {
            to: to.clone(),
            state: Some("x&y".into()),
        });
        let mut disabled = client.clone();
        disabled.disabled_at = Some(crate::Timestamp(1));
        let mut other_client = client.clone();
        other_client.metadata.client_id = ClientId::parse("other").unwrap();
        let without_sid = hint(&person, id, None);
        let other_sid = hint(&person, id, Some("sid-2"));
        let other_person = hint("somebody", id, None);
        let table: &[(&str, Facts<'_>, Decision)] = &[
            ("27 hint and registered URI", whole, back(Some("x&y"))),
            ("27 no state", Facts { state: None, ..whole }, back(None)),
            (
                "27 its own client_id",
                Facts {
                    client_id: Some(id),
                    ..whole
                },
                back(Some("x&y")),
            ),
            (
                "27 a hint without sid",
                Facts {
                    hint: &without_sid,
                    ..whole
                },
                back(Some("x&y")),
            ),
            (
                "27 nobody is signed in any more",
                Facts {
                    session: None,
                    sid: None,
                    ..whole
                },
                back(Some("x&y")),
            ),
            (
                "28 unregistered URI",
                Facts {
                    post_logout_redirect_uri: Some("https://shop.example.test/other"),
                    ..whole
                },
                Decision::Page(PageError::LogoutUri),
            ),
            (
                "28 added query",
                Facts {
                    post_logout_redirect_uri: Some("https://shop.example.test/oauth/cb?tenant=a&b=c"),
                    ..whole
                },
                Decision::Page(PageError::LogoutUri),
            ),
            (
                "28 no hint",
                Facts {
                    hint: &Hint::Absent,
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "28 no hint but a client_id",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some(id),
                    ..whole
                },
                ask_back.clone(),
            ),
            (
                "28 a broken or unsigned hint",
                Facts {
                    hint: &Hint::Broken,
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "28 a broken hint and a client_id",
                Facts {
                    hint: &Hint::Broken,
                    client_id: Some(id),
                    ..whole
                },
                ask_back.clone(),
            ),
            (
                "no hint, a client_id, an unregistered URI",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some(id),
                    post_logout_redirect_uri: Some("https://shop.example.test/other"),
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "no hint, a client_id, no URI",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some(id),
                    post_logout_redirect_uri: None,
                    ..whole
                },
                Decision::Ask(After::SignedOut),
            ),
            (
                "no hint, a disabled client",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some(id),
                    client: Some(&disabled),
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "no hint, a client_id of nobody",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some("nobody"),
                    client: None,
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "no hint, a client that is not the one of client_id",
                Facts {
                    hint: &Hint::Absent,
                    client_id: Some(id),
                    client: Some(&other_client),
                    ..whole
                },
                Decision::Ask(After::Unregistered),
            ),
            (
                "28 another session's hint",
                Facts {
                    hint: &other_sid,
                    ..whole
                },
                ask_back.clone(),
            ),
            (
                "28 another person's hint",
                Facts {
                    hint: &other_person,
                    ..whole
                },
                ask_back.clone(),
            ),
            (
                "another client_id",
                Facts {
                    client_id: Some("other"),
                    ..whole
                },
                Decision::Page(PageError::IdTokenHint),
            ),
            (
                "a disabled client",
                Facts {
                    client: Some(&disabled),
                    ..whole
                },
                Decision::Page(PageError::LogoutUri),
            ),
            (
                "a client that is gone",
                Facts {
                    client: None,
                    ..whole
                },
                Decision::Page(PageError::LogoutUri),
            ),
            (
                "a client that is not the hint's",
                Facts {
                    client: Some(&other_client),
                    ..whole
                },
                Decision::Page(PageError::LogoutUri),
            ),
            (
                "29 no parameters",
                Facts {
                    hint: &Hint::Absent,
                    post_logout_redirect_uri: None,
                    state: None,
                    ..whole
                },
                Decision::Ask(After::SignedOut),
            ),
            (
                "29 only state",
                Facts {
                    hint: &Hint::Absent,
                    post_logout_redirect_uri: None,
                    ..whole
                },
                Decision::Ask(After::SignedOut),
            ),
            (
                "29 hint without URI",
                Facts {
                    post_logout_redirect_uri: None,
                    ..whole
                },
                Decision::End(After::SignedOut),
            ),
        ];
        for (what, facts, expected) in table {
            assert_eq!(decide(*facts), *expected, "{what}");
        }
    }

    /// CVE-2020-10734, CVE-2026-9086, LO-02.
    #[test]
    fn no_mutation_of_the_logout_uri_redirects() {
        let (session, client) = (session(), matching_client(false, &[URI]));
        let ours = hint(&carol().id, client.id().as_str(), None);
        for uri in matching_mutations().iter().filter(|uri| *uri != URI) {
            let decision = decide(Facts {
                session: Some(&session),
                hint: &ours,
                sid: None,
                client_id: None,
                client: Some(&client),
                post_logout_redirect_uri: Some(uri),
                state: None,
            });
            assert_eq!(decision, Decision::Page(PageError::LogoutUri), "{uri:?}");
            // Neither does one after the user's confirmation.
            let asked = decide(Facts {
                session: Some(&session),
                hint: &Hint::Absent,
                sid: None,
                client_id: Some(client.id().as_str()),
                client: Some(&client),
                post_logout_redirect_uri: Some(uri),
                state: None,
            });
            assert_eq!(asked, Decision::Ask(After::Unregistered), "{uri:?}");
        }
    }
}
