//! The `Forwarded` header (RFC 7239), read strictly: of a line that is not exactly what the grammar says nothing is
//! believed, because whoever wrote a part of it may have meant to hide another part.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one proxy says of whoever asked it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hop {
    /// `None` where it is hidden or cannot be read.
    pub address: Option<IpAddr>,
    pub scheme: Option<Scheme>,
}

/// How a client reached a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn parse(text: &str) -> Option<Self> {
        [("http", Self::Http), ("https", Self::Https)]
            .into_iter()
            .find_map(|(name, scheme)| text.eq_ignore_ascii_case(name).then_some(scheme))
    }
}

/// Nobody needs more parameters in an element: `for`, `by`, `host`, `proto` and some of their own.
const MOST_PARAMETERS: usize = 16;

/// The hops of one line, in its order, or `None` if any of it is malformed. An element without `for`, or one that hides
/// its address (`unknown`, `_name`), is a hop without an address.
pub(crate) fn hops(line: &[u8]) -> Option<Vec<Hop>> {
    let mut reader = Reader(line);
    let mut hops = Vec::new();
    loop {
        reader.spaces();
        hops.push(reader.element()?);
        reader.spaces();
        match reader.0 {
            [] => return Some(hops),
            _ => reader.eat(b',')?,
        }
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// `forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )`, without spaces.
    fn element(&mut self) -> Option<Hop> {
        let mut hop = Hop::default();
        let mut names: Vec<String> = Vec::new();
        loop {
            if self.0.first().is_some_and(|byte| is_token(*byte)) {
                let name = self.token()?.to_ascii_lowercase();
                self.eat(b'=')?;
                let value = self.value()?;
                // RFC 7239 §4: each parameter must not occur more than once in an element.
                if names.contains(&name) || names.len() == MOST_PARAMETERS {
                    return None;
                }
                match name.as_str() {
                    "for" => hop.address = node(&value)?.address(),
                    "by" => {
                        node(&value)?;
                    }
                    "proto" => hop.scheme = Scheme::parse(&value),
                    _ => {}
                }
                names.push(name);
            }
            if self.eat(b';').is_none() {
                return Some(hop);
            }
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    fn spaces(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let length = self.0.iter().take_while(|byte| is_token(**byte)).count();
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(token).ok().filter(|token| !token.is_empty())
    }

    /// A token or a quoted string (RFC 9110 §5.6.4), in ASCII alone.
    fn value(&mut self) -> Option<Cow<'a, str>> {
        if self.eat(b'"').is_none() {
            return self.token().map(Cow::Borrowed);
        }
        let mut text = String::new();
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let said = match byte {
                b'"' => return Some(Cow::Owned(text)),
                b'\\' => {
                    let (escaped, rest) = self.0.split_first()?;
                    self.0 = rest;
                    escaped
                }
                plain => plain,
            };
            match said {
                b'\t' | b' '..=b'~' => text.push(char::from(*said)),
                _ => return None,
            }
        }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Who a `for` or a `by` names.
enum Node {
    Address(IpAddr),
    Hidden,
}

impl Node {
    fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.to_canonical()),
            Self::Hidden => None,
        }
    }
}

/// RFC 7239 §6: `nodename [ ":" node-port ]`.
fn node(text: &str) -> Option<Node> {
    let (node, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, after) = rest.split_once(']')?;
            let address = inner.parse::<Ipv6Addr>().ok()?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':')?),
            };
            (Node::Address(IpAddr::V6(address)), port)
        }
        None => {
            let (name, port) = match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            };
            let node = if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
                Node::Hidden
            } else {
                Node::Address(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?))
            };
            (node, port)
        }
    };
    port.is_none_or(is_port).then_some(node)
}

fn is_port(text: &str) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.parse::<u16>().is_ok()) || is_obfuscated(text)
}

/// RFC 7239 §6.3: `_` and at least one more character.
fn is_obfuscated(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let rest = text.strip_prefix('_');
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses and schemes of a line, or `malformed`.
    fn read(line: &str) -> String {
        let Some(hops) = hops(line.as_bytes()) else {
            return "malformed".to_owned();
        };
        let told = hops.into_iter().map(|hop| {
            let address = hop.address.map_or("-".to_owned(), |address| address.to_string());
            match hop.scheme {
                None => address,
                Some(Scheme::Http) => format!("{address} http"),
                Some(Scheme::Https) => format!("{address} https"),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// The examples of RFC 7239 and their neighbours.
    #[test]
    fn what_the_grammar_allows_is_read() {
        for (line, expected) in [
            ("for=192.0.2.43", "192.0.2.43"),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60 http"),
            ("for=192.0.2.43, for=198.51.100.17", "192.0.2.43, 198.51.100.17"),
            ("for=192.0.2.43,for=\"[::1]\" , for=unknown", "192.0.2.43, ::1, -"),
            ("for=_gazonk", "-"),
            ("for=\"_mdn:_8080\"", "-"),
            ("for=UNKNOWN", "-"),
            ("for=\"192.0.2.43:47011\"", "192.0.2.43"),
            ("for=\"192.0.2.43\"", "192.0.2.43"),
            ("for=\"1\\92.0.2.43\"", "192.0.2.43"),
            ("for=\"[::ffff:192.0.2.43]\"", "192.0.2.43"),
            ("PROTO=HTTPS;FOR=192.0.2.43", "192.0.2.43 https"),
            ("proto=wss;for=192.0.2.43", "192.0.2.43"),
            ("by=192.0.2.1", "-"),
            ("host=\"a, for=6.6.6.6\";for=192.0.2.43", "192.0.2.43"),
            ("secret=x;for=192.0.2.43;", "192.0.2.43"),
            ("", "-"),
            (",for=192.0.2.43", "-, 192.0.2.43"),
        ] {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    /// GW-02.
    #[test]
    fn a_line_that_is_not_quite_the_grammar_is_nobodys_word() {
        for line in [
            "192.0.2.43",
            "for",
            "for=",
            "for =192.0.2.43",
            "for= 192.0.2.43",
            "for=192.0.2.43; proto=http",
            "for=192.0.2.43 for=192.0.2.44",
            "for=192.0.2.43;for=192.0.2.44",
            "for=192.0.2.43;FOR=192.0.2.44",
            "for=192.0.2.43:80",
            "for=[2001:db8::1]",
            "for=\"2001:db8::1\"",
            "for=\"[192.0.2.43]\"",
            "for=\"[2001:db8::1\"",
            "for=\"[2001:db8::1]x\"",
            "for=\"[2001:db8::1]:\"",
            "for=\"192.0.2.43:\"",
            "for=\"192.0.2.43:65536\"",
            "for=\"192.0.2.43:+80\"",
            "for=\"192.0.2.43:123456\"",
            "for=192.0.2.043",
            "for=192.0.2.256",
            "for=proxy.test",
            "for=_",
            "for=\"_a b\"",
            "for=\"unknown \"",
            "by=proxy.test;for=192.0.2.43",
            "for=\"192.0.2.43",
            "for=\"192.0.2.43\\",
            "for=\"192.0.2.43\"x",
            "for=192.0.2.43\u{e9}",
            "host=\"\u{e9}\";for=192.0.2.43",
            "a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1;q=1",
            // A client's open quotation mark cannot swallow what the proxy adds to the same line.
            "for=6.6.6.6;x=\", for=192.0.2.43",
            "for=6.6.6.6;x=\", for=\"[2001:db8::1]\"",
            "x=\", for=192.0.2.43;host=\"id.test\";proto=https",
            "for=\"6.6.6.6\\, for=192.0.2.43",
        ] {
            assert_eq!(read(line), "malformed", "{line}");
        }
    }

    #[test]
    fn any_bytes_are_read_to_an_end() {
        // A small generator of its own: every byte follows from the one before, and grammar's own bytes are frequent.
        let grammar = b"for=;,\"\\[]:_ \t.127unknownproto\xff\0";
        let mut state = 1_u32;
        for length in 0..3_000_usize {
            let line: Vec<u8> = (0..length % 97)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    grammar[(state >> 16) as usize % grammar.len()]
                })
                .collect();
            let commas = line.iter().filter(|byte| **byte == b',').count();
            let read = hops(&line).map_or(0, |hops| hops.len());
            assert!(read <= commas + 1, "{}", line.escape_ascii());
        }
    }
}
