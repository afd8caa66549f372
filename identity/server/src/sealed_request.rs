//! A request that its browser carries: sealed in its addresses and forms, so that it needs no row.

use latchkey_identity_store::RequestRow;
use latchkey_protocol::Timestamp;

use crate::origin;
use crate::secret::digest;

/// The longest sealed request: with the rest of the address it stays within the limits of listeners and proxies.
pub(crate) const LONGEST: usize = 6 * 1_024;
/// The id of a row has 43 characters; no sealed request is that short.
const SHORTEST: usize = 64;

/// Whether a text looks like a sealed request: nothing else is opened.
pub(crate) fn is_sealed(text: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The sealed content: everything of its possible row that is known from the start. One value per line, the parsed
/// request last; none of the others contains a line break.
pub(crate) fn text(row: &RequestRow) -> String {
    let RequestRow {
        id,
        client_id,
        parsed,
        origin,
        expires_at: Timestamp(expires_at),
        ..
    } = row;
    format!("{expires_at}\n{id}\n{origin}\n{client_id}\n{parsed}")
}

/// The row of an opened request, before any step.
pub(crate) fn row(text: &str, browser: &str) -> Option<RequestRow> {
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next();
    let (expires_at, id, origin) = (line()?.parse().ok()?, line()?, line()?);
    let origin = [origin::AUTHORIZE, origin::ACCOUNT]
        .into_iter()
        .find(|known| *known == origin)?;
    Some(RequestRow {
        id: id.to_owned(),
        client_id: line()?.to_owned(),
        parsed: line()?.to_owned(),
        origin: origin.to_owned(),
        browser_hash: Some(digest(browser)),
        session: None,
        step: None,
        proofs: None,
        challenges: 0,
        expires_at: Timestamp(expires_at),
        finished_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_as_the_row_that_it_was() {
        for (client_id, parsed, origin) in [
            ("shop", r#"{"state":"a\nb"}"#, origin::AUTHORIZE),
            ("shop", "a\nb\n\nc\n", origin::AUTHORIZE),
            ("", "{}", origin::ACCOUNT),
        ] {
            let before = RequestRow {
                id: "A".repeat(43),
                client_id: client_id.to_owned(),
                parsed: parsed.to_owned(),
                origin: origin.to_owned(),
                browser_hash: Some(digest("browser")),
                session: None,
                step: None,
                proofs: None,
                challenges: 0,
                expires_at: Timestamp(1_000),
                finished_at: None,
            };
            assert_eq!(row(&text(&before), "browser"), Some(before));
        }
        for broken in [
            "",
            "1\n2\nauthorize\nshop",
            "x\nid\nauthorize\nshop\n{}",
            "1\nid\nlogout\n\n{}",
        ] {
            assert_eq!(row(broken, "browser"), None, "{broken:?}");
        }
    }

    #[test]
    fn a_row_id_and_a_text_with_dots_are_not_opened() {
        assert!(is_sealed(&"a-_Z".repeat(16)) && is_sealed(&"A".repeat(LONGEST)));
        for other in [
            "A".repeat(43),
            "A".repeat(LONGEST + 1),
            format!("{}.A", "A".repeat(64)),
            format!("{}\0", "A".repeat(64)),
            String::new(),
        ] {
            assert!(!is_sealed(&other), "{other}");
        }
    }
}
