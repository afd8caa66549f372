//! A parser for server-sent events (WHATWG HTML §9.2.6), with bounded memory, however the bytes are split. Pure.

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The event name; `message` if the server sent none.
    pub event: String,
    /// The data lines, joined by line feeds.
    pub data: String,
}

/// A line or an event is longer than any that a legitimate server sends, or is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadStream {
    #[error("a line or an event is longer than 1 MiB")]
    TooLong,
    #[error("a line is not UTF-8")]
    NotText,
}

/// The state of the unfinished line and event.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    line: Vec<u8>,
    event: String,
    data: String,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    begun: bool,
}

impl Sse {
    /// The events that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, BadStream> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => frames.extend(self.end_line()?),
                _ if self.line.len() == LONGEST => return Err(BadStream::TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(frames)
    }

    fn end_line(&mut self) -> Result<Option<Frame>, BadStream> {
        let line = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&line).map_err(|_| BadStream::NotText)?;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" if self.data.len() + value.len() >= LONGEST => return Err(BadStream::TooLong),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            // Comments, `retry` and `id`: the position to resume from is in the signed data.
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<Frame> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // Without a data line there is no event. Otherwise the last line feed is removed.
        data.pop()?;
        let event = if event.is_empty() {
            "message".to_owned()
        } else {
            event
        };
        Some(Frame { event, data })
    }
}

const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\nid: 1.2\nevent: entries\ndata: a.b.c\n\nevent:heartbeat\r\ndata:x\r\ndata: y\r\n\r\nretry: 5\rdata\rdata: ü\r\rdata: never finished\n";

    fn expected() -> Vec<Frame> {
        [("entries", "a.b.c"), ("heartbeat", "x\ny"), ("message", "\nü")]
            .map(|(event, data)| Frame {
                event: event.into(),
                data: data.into(),
            })
            .to_vec()
    }

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            let mut sse = Sse::default();
            let mut frames = sse.push(&bytes[..cut]).expect("text");
            frames.extend(sse.push(&bytes[cut..]).expect("text"));
            assert_eq!(frames, expected(), "cut at {cut}");
        }
        let mut sse = Sse::default();
        let one_by_one = bytes
            .iter()
            .flat_map(|byte| sse.push(&[*byte]).expect("text"))
            .collect::<Vec<_>>();
        assert_eq!(one_by_one, expected());
    }

    #[test]
    fn a_line_that_never_ends_is_cut_off() {
        let mut sse = Sse::default();
        assert_eq!(sse.push(&vec![b'x'; LONGEST]), Ok(Vec::new()));
        assert_eq!(sse.push(b"x"), Err(BadStream::TooLong));
    }

    #[test]
    fn an_event_of_ever_more_lines_is_cut_off() {
        let mut sse = Sse::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        assert!((0..2_000).any(|_| sse.push(&line) == Err(BadStream::TooLong)));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert_eq!(Sse::default().push(b"data: \xff\n"), Err(BadStream::NotText));
    }
}
