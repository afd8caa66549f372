//! A path is accepted only if it has exactly one interpretation; nothing is ever repaired.
//!
//! The decision is made on these bytes and the same bytes are forwarded. Anything that two parsers could interpret
//! differently is therefore rejected: what one of them would decode, fold, truncate or skip.

use unicode_normalization::UnicodeNormalization;

/// Why a path has more than one interpretation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the path does not begin with a slash")]
    Relative,
    #[error("the path contains an empty segment")]
    EmptySegment,
    #[error("the path contains a dot segment")]
    DotSegment,
    #[error("the path contains a character that RFC 3986 §3.3 does not allow there, or `;`")]
    Character,
    #[error("the path contains a percent sign without two hexadecimal digits")]
    Escape,
    #[error("the path contains an escape for an unreserved character or for a delimiter")]
    Disguise,
    #[error("the path contains an escaped control character")]
    Control,
    #[error("the decoded path is not UTF-8")]
    NotUtf8,
}

/// Accepts a path that is in canonical form.
pub(crate) fn canonical(path: &[u8]) -> Result<(), PathError> {
    let Some((b'/', rest)) = path.split_first() else {
        return Err(PathError::Relative);
    };
    if !path.iter().all(|byte| is_plain(*byte)) {
        return Err(PathError::Character);
    }
    segments(rest)?;
    if path.contains(&b'%') {
        escapes(path)
    } else {
        Ok(())
    }
}

/// RFC 3986 §3.3 `pchar` and the slash. Not `;`: some servers end a segment there, others do not.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'/' | b'%' | b'!' | b'$' | b'&'..=b',' | b'=' | b':' | b'@')
}

/// RFC 3986 §2.3: an escape of one of these is the same character, so the path would have two spellings.
pub(crate) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Only the last segment may be empty: a final slash is part of a name, a double one is skipped by some servers.
fn segments(path: &[u8]) -> Result<(), PathError> {
    let mut segments = path.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"" if segments.peek().is_some() => return Err(PathError::EmptySegment),
            // RFC 3986 §5.2.4: removed by some servers, a file name for others.
            b"." | b".." => return Err(PathError::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

fn escapes(path: &[u8]) -> Result<(), PathError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        if byte != b'%' {
            decoded.push(byte);
            at += 1;
            continue;
        }
        let byte = escaped(path, at).ok_or(PathError::Escape)?;
        match byte {
            byte if is_unreserved(byte) => return Err(PathError::Disguise),
            b'/' | b'\\' | b';' | b'#' | b'?' => return Err(PathError::Disguise),
            // `%252e` is `%2e` after decoding once and `.` after decoding twice.
            b'%' if decodes_again(path, at + 3) => return Err(PathError::Disguise),
            byte => decoded.push(byte),
        }
        at += 3;
    }
    let text = std::str::from_utf8(&decoded).map_err(|_| PathError::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    // Some file systems ignore spaces at the end of a name: `..%20` is `..` there.
    if text
        .split('/')
        .any(|segment| matches!(segment.trim(), "." | ".."))
    {
        return Err(PathError::DotSegment);
    }
    if folds_into_separators(text) {
        Err(PathError::Disguise)
    } else {
        Ok(())
    }
}

/// Whether Unicode's compatibility forms hide a separator: U+FF0F is a wide slash, U+2025 is two dots.
fn folds_into_separators(text: &str) -> bool {
    let separates = |char: &char| matches!(char, '/' | '\\' | '.' | ';' | '#' | '?' | '%');
    !text.is_ascii() && text.nfkc().filter(separates).count() != text.chars().filter(separates).count()
}

/// The byte that is escaped at `at`.
fn escaped(path: &[u8], at: usize) -> Option<u8> {
    let digit = |index: usize| path.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    let value = digit(at + 1)? * 16 + digit(at + 2)?;
    u8::try_from(value).ok()
}

/// Whether the two characters after an escaped percent sign, possibly escaped themselves, form another escape.
fn decodes_again(path: &[u8], at: usize) -> bool {
    path.get(at)
        .is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b'%')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// GW-09.
    #[test]
    fn an_ordinary_path_is_its_own_canonical_form() {
        for path in [
            "/",
            "/api/catalog/v1/whoami",
            "/api/catalog/v1/courses/",
            "/a/b.c/~d_e-f",
            "/a:b@c/(d)!$&'*+,=",
            "/caf%C3%A9/%20x",
            "/100%25",
            "/.well-known/x",
            "/.../x",
        ] {
            assert_eq!(canonical(path.as_bytes()), Ok(()), "{path}");
        }
    }

    /// CVE-2019-9901, GW-09.
    #[test]
    fn a_path_with_two_readings_is_refused_with_its_reason() {
        let cases: &[(&[u8], PathError)] = &[
            (b"", PathError::Relative),
            (b"*", PathError::Relative),
            (b"a/b", PathError::Relative),
            (b"//", PathError::EmptySegment),
            (b"//a", PathError::EmptySegment),
            (b"/a//b", PathError::EmptySegment),
            (b"/a//", PathError::EmptySegment),
            (b"/http://canary/", PathError::EmptySegment),
            (b"/.", PathError::DotSegment),
            (b"/..", PathError::DotSegment),
            (b"/a/./b", PathError::DotSegment),
            (b"/a/../b", PathError::DotSegment),
            (b"/a/..", PathError::DotSegment),
            (b"/a;b", PathError::Character),
            (b"/a/..;/b", PathError::Character),
            (b"/a\\b", PathError::Character),
            (b"/a#b", PathError::Character),
            (b"/a?b", PathError::Character),
            (b"/a b", PathError::Character),
            (b"/a\tb", PathError::Character),
            (b"/a\r\nb", PathError::Character),
            (b"/a\0b", PathError::Character),
            (b"/a\x7fb", PathError::Character),
            (b"/a\x1b[31mb", PathError::Character),
            (b"/caf\xc3\xa9", PathError::Character),
            (b"/a|b", PathError::Character),
            (b"/a\"b", PathError::Character),
            (b"/a<b>", PathError::Character),
            (b"/a%", PathError::Escape),
            (b"/a%2", PathError::Escape),
            (b"/a%zz", PathError::Escape),
            (b"/a%2g", PathError::Escape),
            (b"/a%u002e", PathError::Escape),
            (b"/a%+2", PathError::Escape),
            (b"/a%2fb", PathError::Disguise),
            (b"/a%2Fb", PathError::Disguise),
            (b"/a%5cb", PathError::Disguise),
            (b"/a%5Cb", PathError::Disguise),
            (b"/a%2eb", PathError::Disguise),
            (b"/%2E%2e/b", PathError::Disguise),
            (b"/a%3bb", PathError::Disguise),
            (b"/a%23b", PathError::Disguise),
            (b"/a%3Fb", PathError::Disguise),
            (b"/%61dmin", PathError::Disguise),
            (b"/a%252eb", PathError::Disguise),
            (b"/a%25252e", PathError::Disguise),
            (b"/a%25%32%65", PathError::Disguise),
            (b"/a/%ef%bc%8e%ef%bc%8e/b", PathError::Disguise),
            (b"/a/%e2%80%a5/b", PathError::Disguise),
            (b"/a%ef%bc%8fb", PathError::Disguise),
            (b"/a/..%20/b", PathError::DotSegment),
            (b"/a/%20..", PathError::DotSegment),
            (b"/a/.%C2%A0/b", PathError::DotSegment),
            (b"/a%00", PathError::Control),
            (b"/a%0d%0ab", PathError::Control),
            (b"/a%1b", PathError::Control),
            (b"/a%7f", PathError::Control),
            (b"/a%C2%85", PathError::Control),
            (b"/a%c0%af", PathError::NotUtf8),
            (b"/a%ff", PathError::NotUtf8),
            (b"/a%ed%a0%80", PathError::NotUtf8),
        ];
        for (path, reason) in cases {
            assert_eq!(canonical(path), Err(*reason), "{}", path.escape_ascii());
        }
    }

    proptest! {
        /// GW-09.
        #[test]
        fn what_passes_reads_the_same_after_decoding_twice(path in "/[a-c%.;/\\\\0-9]{0,12}") {
            if canonical(path.as_bytes()).is_ok() {
                let once = decode(path.as_bytes());
                prop_assert_eq!(decode(&once), once.clone());
                prop_assert_eq!(
                    once.iter().filter(|byte| **byte == b'/').count(),
                    path.bytes().filter(|byte| *byte == b'/').count()
                );
                prop_assert!(!once.split(|byte| *byte == b'/').any(|segment| segment == b"." || segment == b".."));
            }
        }
    }

    fn decode(path: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < path.len() {
            match escaped(path, at).filter(|_| path[at] == b'%') {
                Some(byte) => {
                    decoded.push(byte);
                    at += 3;
                }
                None => {
                    decoded.push(path[at]);
                    at += 1;
                }
            }
        }
        decoded
    }
}
