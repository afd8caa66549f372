//! Version 2 of the PROXY protocol of HAProxy: who speaks through a proxy that does not look into a connection. The
//! header comes before everything else, before TLS too, and only a trusted proxy may send one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The length of what every header begins with: the signature, version and command, family and transport, and how much
/// follows.
const FIXED: usize = 16;
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Addresses are at most 36 bytes here. The rest is for what proxies say of TLS, which is not read.
const LONGEST: usize = 2_048;
const PP2_TYPE_CRC32C: u8 = 0x03;

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyProtocolError {
    #[error("the connection ended in it")]
    Ended,
    #[error("it has not its signature")]
    NoSignature,
    #[error("it is not version 2")]
    Version,
    #[error("its command is unknown")]
    Command,
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is not about TCP over IPv4 or IPv6")]
    Transport,
    #[error("it is cut off")]
    CutOff,
    #[error("its checksum is wrong")]
    Checksum,
}

/// Reads one header, and not a byte more. The caller limits the time. `None` if the proxy speaks for itself.
pub(crate) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Option<SocketAddr>, ProxyProtocolError> {
    let mut header = vec![0; FIXED];
    let ended = |_| ProxyProtocolError::Ended;
    stream.read_exact(&mut header).await.map_err(ended)?;
    let length = rest(&header)?;
    header.resize(FIXED + length, 0);
    stream.read_exact(&mut header[FIXED..]).await.map_err(ended)?;
    parse(&header)
}

/// How much follows the fixed part.
fn rest(fixed: &[u8]) -> Result<usize, ProxyProtocolError> {
    let after = fixed
        .strip_prefix(&SIGNATURE)
        .ok_or(ProxyProtocolError::NoSignature)?;
    let [version_and_command, _, high, low, ..] = *after else {
        return Err(ProxyProtocolError::CutOff);
    };
    if version_and_command >> 4 != 2 {
        return Err(ProxyProtocolError::Version);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(ProxyProtocolError::TooLong);
    }
    Ok(length)
}

/// The client of a whole header; `None` for the command LOCAL, which a proxy sends with its own probes. A client whose
/// address is not told is refused: it would pass for the proxy, whose headers are believed.
fn parse(header: &[u8]) -> Result<Option<SocketAddr>, ProxyProtocolError> {
    let length = rest(header)?;
    let (fixed, body) = header.split_at(FIXED);
    if body.len() != length {
        return Err(ProxyProtocolError::CutOff);
    }
    match fixed[12] & 0x0f {
        // What it says must be ignored.
        0 => return Ok(None),
        1 => {}
        _ => return Err(ProxyProtocolError::Command),
    }
    let (client, extra) = match fixed[13] {
        0x11 => {
            let (addresses, extra) = body.split_first_chunk::<12>().ok_or(ProxyProtocolError::CutOff)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            let ip = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
            (SocketAddr::new(ip, u16::from_be_bytes([high, low])), extra)
        }
        0x21 => {
            let (addresses, extra) = body.split_first_chunk::<36>().ok_or(ProxyProtocolError::CutOff)?;
            let (source, ports) = (addresses.first_chunk::<16>(), addresses.last_chunk::<4>());
            let (Some(source), Some([high, low, _, _])) = (source, ports) else {
                return Err(ProxyProtocolError::CutOff);
            };
            let ip = IpAddr::V6(Ipv6Addr::from(*source)).to_canonical();
            (SocketAddr::new(ip, u16::from_be_bytes([*high, *low])), extra)
        }
        _ => return Err(ProxyProtocolError::Transport),
    };
    check_extra(header, extra)?;
    Ok(Some(client))
}

/// Walks the values after the addresses. Unknown ones are skipped; a checksum must be right.
fn check_extra(header: &[u8], extra: &[u8]) -> Result<(), ProxyProtocolError> {
    let mut left = extra;
    let mut checksum = None;
    while !left.is_empty() {
        let (&[kind, high, low], rest) = left.split_first_chunk::<3>().ok_or(ProxyProtocolError::CutOff)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(ProxyProtocolError::CutOff)?;
        if kind == PP2_TYPE_CRC32C {
            let value: [u8; 4] = value.try_into().map_err(|_| ProxyProtocolError::Checksum)?;
            let at = header.len() - rest.len() - value.len();
            if checksum.replace((at, u32::from_be_bytes(value))).is_some() {
                return Err(ProxyProtocolError::Checksum);
            }
        }
        left = rest;
    }
    match checksum {
        Some((at, told)) if crc32c_without(header, at) != told => Err(ProxyProtocolError::Checksum),
        Some(_) | None => Ok(()),
    }
}

/// CRC-32C (Castagnoli) of the header with zeros where its checksum is.
fn crc32c_without(header: &[u8], at: usize) -> u32 {
    let mut crc = u32::MAX;
    for (index, byte) in header.iter().enumerate() {
        let is_checksum = (at..at + 4).contains(&index);
        crc ^= u32::from(if is_checksum { 0 } else { *byte });
        for _ in 0..8 {
            let polynomial = if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            crc = (crc >> 1) ^ polynomial;
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with this command, family and body.
    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, body].concat()
    }

    /// 192.0.2.7:4711 to 127.0.0.1:443.
    const V4: [u8; 12] = [192, 0, 2, 7, 127, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];

    fn v6(source: &str) -> Vec<u8> {
        let source: Ipv6Addr = source.parse().unwrap();
        [&source.octets()[..], &[0; 16], &[0x12, 0x67, 0x01, 0xbb]].concat()
    }

    /// The header with a checksum after its addresses, changed by this much.
    fn summed(wrong_by: u32) -> Vec<u8> {
        let mut all = header(1, 0x11, &[&V4[..], &[PP2_TYPE_CRC32C, 0, 4, 0, 0, 0, 0]].concat());
        let at = all.len() - 4;
        let sum = crc32c_without(&all, at).wrapping_add(wrong_by);
        all[at..].copy_from_slice(&sum.to_be_bytes());
        all
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // The check value of CRC-32C is that of "123456789"; nothing of it is left out.
        assert_eq!(crc32c_without(b"123456789", 9), 0xe306_9283);
        assert_eq!(crc32c_without(&[0; 32], 0), 0x8a91_36aa);
    }

    #[test]
    fn a_header_names_the_client() {
        let tls = [0x20, 0, 5, 1, 0, 0, 0, 0];
        for (header, client) in [
            (header(1, 0x11, &V4), Some("192.0.2.7:4711")),
            (header(1, 0x21, &v6("2001:db8::7")), Some("[2001:db8::7]:4711")),
            (header(1, 0x21, &v6("::ffff:192.0.2.7")), Some("192.0.2.7:4711")),
            (
                header(1, 0x11, &[&V4[..], &tls, &[0xea, 0, 0]].concat()),
                Some("192.0.2.7:4711"),
            ),
            (
                header(1, 0x11, &[&V4[..], &[0x04, 0, 3, 0, 0, 0]].concat()),
                Some("192.0.2.7:4711"),
            ),
            (summed(0), Some("192.0.2.7:4711")),
            (header(0, 0x00, &[]), None),
            // What LOCAL says is ignored, whatever it is.
            (header(0, 0x11, &V4), None),
            (header(0, 0x77, b"anything"), None),
        ] {
            let client = client.map(|text| text.parse().unwrap());
            assert_eq!(parse(&header), Ok(client), "{}", header.escape_ascii());
        }
    }

    /// GW-02.
    #[test]
    fn a_header_that_is_not_quite_one_is_refused() {
        use ProxyProtocolError::*;
        let changed = |at: usize, to: u8| {
            let mut header = header(1, 0x11, &V4);
            header[at] = to;
            header
        };
        let with = |extra: &[u8]| header(1, 0x11, &[&V4[..], extra].concat());
        let twice = {
            let one = [PP2_TYPE_CRC32C, 0, 4, 0, 0, 0, 0];
            with(&[one, one].concat())
        };
        for (header, error) in [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), NoSignature),
            (
                b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n".to_vec(),
                NoSignature,
            ),
            (changed(11, b'\r'), NoSignature),
            (changed(12, 0x11), Version),
            (changed(12, 0x31), Version),
            (changed(12, 0x22), Command),
            (changed(12, 0x2f), Command),
            // Not specified: somebody, and not the proxy itself.
            (changed(13, 0x00), Transport),
            (header(1, 0x00, &[]), Transport),
            (changed(13, 0x12), Transport),
            (changed(13, 0x22), Transport),
            (changed(13, 0x31), Transport),
            (changed(13, 0xff), Transport),
            (changed(14, 0xff), TooLong),
            (changed(15, 11), CutOff),
            (changed(15, 13), CutOff),
            (header(1, 0x11, &V4[..11]), CutOff),
            (header(1, 0x11, &[]), CutOff),
            (header(1, 0x21, &V4), CutOff),
            (header(1, 0x21, &v6("::1")[..35]), CutOff),
            (with(&[0x20]), CutOff),
            (with(&[0x20, 0]), CutOff),
            (with(&[0x20, 0, 1]), CutOff),
            (with(&[0x20, 0xff, 0xff, 0]), CutOff),
            (with(&[PP2_TYPE_CRC32C, 0, 3, 0, 0, 0]), Checksum),
            (with(&[PP2_TYPE_CRC32C, 0, 4, 0, 0, 0, 0]), Checksum),
            (summed(1), Checksum),
            (twice, Checksum),
            (SIGNATURE.to_vec(), CutOff),
            (header(1, 0x11, &vec![0; LONGEST + 1]), TooLong),
        ] {
            assert_eq!(parse(&header), Err(error), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn any_change_of_a_summed_header_is_noticed_and_none_falls_over() {
        let good = summed(0);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut changed = good.clone();
                changed[at] ^= 1 << bit;
                // The command LOCAL is one bit away, and what it says is not read; a value of another kind is no checksum.
                let is_unread = (at, bit) == (12, 0) || at == FIXED + V4.len();
                assert_eq!(parse(&changed).is_ok(), is_unread, "{at} {bit}");
            }
            assert!(parse(&good[..at]).is_err(), "{at}");
        }
        let mut state = 7_u32;
        for length in 0..2_000_usize {
            let body: Vec<u8> = (0..length % 71)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let _either = parse(&header((state % 3) as u8, [0x11, 0x21, 0x00][length % 3], &body));
        }
    }

    #[tokio::test]
    async fn what_follows_a_header_is_left_to_be_read() {
        let said = [header(1, 0x11, &V4), b"GET /".to_vec()].concat();
        let mut stream = said.as_slice();
        let client = read(&mut stream).await.unwrap();
        assert_eq!(client, Some("192.0.2.7:4711".parse().unwrap()));
        assert_eq!(stream, b"GET /");
        for cut in [0, 1, 15, 16, 27] {
            let mut stream = &header(1, 0x11, &V4)[..cut];
            assert_eq!(read(&mut stream).await, Err(ProxyProtocolError::Ended), "{cut}");
        }
    }
}
