//! `tracestate`: what others keep beside a trace, and our own word that a trace comes from this process.

/// The name of our own member.
const OURS: &str = "latchkey";
/// §3.3.1.5: a longer one may be left out.
const LONGEST: usize = 512;
/// §3.3.1.1
const MOST_MEMBERS: usize = 32;

/// The members that are not ours, joined, and our own. A list with a single fault is left out as a whole (§3.3.1).
pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> (Option<String>, Option<u64>) {
    let mut kept: Vec<&str> = Vec::new();
    let (mut ours, mut names, mut length) = (None, Vec::new(), 0);
    for value in values {
        length += value.len() + 1;
        let Some(text) = std::str::from_utf8(value).ok().filter(|_| length <= LONGEST) else {
            return (None, None);
        };
        for member in text.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let Some((name, value)) = member
                .split_once('=')
                .filter(|(name, value)| is_name(name) && is_value(value))
            else {
                return (None, None);
            };
            if names.contains(&name) || names.len() == MOST_MEMBERS {
                return (None, None);
            }
            names.push(name);
            if name == OURS {
                ours = number(value);
            } else {
                kept.push(member);
            }
        }
    }
    (Some(kept.join(",")).filter(|kept| !kept.is_empty()), ours)
}

/// The list with our own member, which is the newest and therefore the first (§3.3.1.4).
pub(crate) fn with_ours(rest: Option<&str>, ours: u64) -> String {
    let mut text = format!("{OURS}={ours:016x}");
    if let Some(rest) = rest.filter(|rest| text.len() + 1 + rest.len() <= LONGEST) {
        text.push(',');
        text.push_str(rest);
    }
    text
}

fn number(value: &str) -> Option<u64> {
    let digits = value.len() == 16
        && value
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    digits.then(|| u64::from_str_radix(value, 16).ok()).flatten()
}

/// §3.3.1.3.1: a name, or `tenant@system`.
fn is_name(text: &str) -> bool {
    let (tenant, system) = text
        .split_once('@')
        .map_or((text, None), |(tenant, system)| (tenant, Some(system)));
    let plain = |part: &str, longest: usize| {
        (1..=longest).contains(&part.len())
            && part
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'))
    };
    let letter = |part: &str| part.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    match system {
        None => plain(tenant, 256) && letter(tenant),
        Some(system) => plain(tenant, 241) && plain(system, 14) && letter(system),
    }
}

/// §3.3.1.3.2
fn is_value(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && !text.ends_with(' ')
        && text
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> (Option<String>, Option<u64>) {
        parse(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn members_of_others_are_kept_in_their_order_without_ours() {
        assert_eq!(
            read(&["a=1, t@b=2", "c=x y"]),
            (Some("a=1,t@b=2,c=x y".into()), None)
        );
        assert_eq!(
            read(&["latchkey=00000000000000ff,a=1"]),
            (Some("a=1".into()), Some(255))
        );
        assert_eq!(read(&["latchkey=ff"]), (None, None));
        assert_eq!(read(&[]), (None, None));
        assert_eq!(read(&[" , ,"]), (None, None));
        assert_eq!(with_ours(Some("a=1"), 255), "latchkey=00000000000000ff,a=1");
        assert_eq!(with_ours(None, 1), "latchkey=0000000000000001");
    }

    #[test]
    fn a_list_with_a_single_fault_is_left_out_as_a_whole() {
        for hostile in [
            "a".to_owned(),
            "a=".to_owned(),
            "=1".to_owned(),
            "A=1".to_owned(),
            "1a=1".to_owned(),
            "a=1=2".to_owned(),
            "a=1,a=2".to_owned(),
            "a@b@c=1".to_owned(),
            "a=\u{e9}".to_owned(),
            "a=\u{7f}".to_owned(),
            format!("a={}", "x".repeat(257)),
            format!("a={}", "x".repeat(10_000)),
            (0..33).map(|n| format!("a{n}=1")).collect::<Vec<_>>().join(","),
        ] {
            assert_eq!(read(&["b=1", &hostile]), (None, None), "{hostile:.60}");
        }
    }
}
