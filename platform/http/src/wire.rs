//! The socket below a connection: observed by its deadlines, and read once to detect the protocol.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::activity::Activity;
use crate::deadlines::Version;

/// A socket that reports what it reads and whether it can write. It is below TLS, which would hide that.
pub(crate) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn told(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(_) => self.activity.wrote(),
            Poll::Pending => self.activity.blocked(),
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.told(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.told(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream whose first bytes were already read.
pub(crate) struct Rewound<S> {
    ahead: Bytes,
    stream: S,
}

/// Detects the version from the first bytes (RFC 9113 §3.4). The caller limits the time: a peer that sends nothing, or
/// only a part, must not hold a slot. `None` if it disconnects.
pub(crate) async fn version_of<S: AsyncRead + Unpin>(mut stream: S) -> Option<(Version, Rewound<S>)> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut first = [0; PREFACE.len()];
    let mut filled = 0;
    let version = loop {
        let read = stream.read(&mut first[filled..]).await.ok()?;
        if read == 0 {
            return None;
        }
        filled += read;
        if !PREFACE.starts_with(&first[..filled]) {
            break Version::One;
        }
        if filled == PREFACE.len() {
            break Version::Two;
        }
    };
    let ahead = Bytes::copy_from_slice(&first[..filled]);
    Some((version, Rewound { ahead, stream }))
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let size = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_preface_wakes_nobody_until_there_is_more_of_it() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let mut telling = Box::pin(version_of(stream));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        peer.write_all(b"PRI * HTTP/2").await.unwrap();
        let polled = telling.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        peer.write_all(b".0\r\n\r\nSM\r\n\r\n").await.unwrap();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(telling.await.map(|(version, _)| version), Some(Version::Two));
    }

    #[tokio::test]
    async fn what_was_read_to_tell_the_version_is_read_again() {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        for (said, version) in [
            (format!("{preface}more"), Version::Two),
            ("PUT / HTTP/1.1\r\n\r\n".to_owned(), Version::One),
            ("PRI * HTTP/1.1\r\n\r\n".to_owned(), Version::One),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), Version::One),
        ] {
            let (told, mut rewound) = version_of(said.as_bytes()).await.unwrap();
            let mut again = String::new();
            rewound.read_to_string(&mut again).await.unwrap();
            assert_eq!((told, again.as_str()), (version, said.as_str()));
        }
        assert!(version_of("PRI * HTTP/2".as_bytes()).await.is_none());
    }
}
