//! The look at the files of a certificate, every few seconds and when an operator asks: a new pair replaces the old one,
//! and a broken one leaves it in service.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use latchkey_clock::Clock;
use latchkey_metrics::labels::Reload;
use tokio_util::sync::CancellationToken;

use super::files::{Files, Fingerprint, Pair};
use super::served::Served;
use super::trust::{self, Trust};
use super::validity;

/// Three small files are read this often. It is long enough for a client that writes a chain and then its key.
const EVERY: Duration = Duration::from_secs(3);

/// The files, and everything that follows them.
pub(crate) struct Watch {
    pub files: Files,
    pub served: Arc<Served>,
    pub trust: Arc<Trust>,
    pub listeners: Vec<&'static str>,
    pub clock: Clock,
    pub seen: Mutex<Seen>,
}

/// What was seen of the files.
#[derive(Debug)]
pub(crate) struct Seen {
    served: Fingerprint,
    /// Broken at the last look, and perhaps only because it is being written.
    unsettled: Option<Fingerprint>,
    /// Broken, and told.
    refused: Option<Fingerprint>,
}

/// What follows from a look.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing has changed, or it was told before.
    Nothing,
    /// It is broken; perhaps half of it is written. The next look decides.
    Wait,
    /// It is told that they are broken, once.
    Refuse,
    /// They are served from now on.
    Replace,
}

impl Seen {
    /// The files as they were at the start.
    pub fn at_start(served: Fingerprint) -> Self {
        Self {
            served,
            unsettled: None,
            refused: None,
        }
    }

    /// An operator who asked is told what is wrong without delay, and each time.
    fn next(&mut self, now: Fingerprint, usable: bool, asked: bool) -> Next {
        let (unsettled, refused) = (self.unsettled.take(), self.refused.take());
        if now == self.served {
            return Next::Nothing;
        }
        if usable {
            self.served = now;
            return Next::Replace;
        }
        if !asked && refused == Some(now) {
            self.refused = refused;
            return Next::Nothing;
        }
        if !asked && unsettled != Some(now) {
            (self.unsettled, self.refused) = (Some(now), refused);
            return Next::Wait;
        }
        self.refused = Some(now);
        Next::Refuse
    }
}

impl Watch {
    /// Looks at the files until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut every = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = every.tick() => self.clone().look(false).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Looks at the files now; `asked` by an operator or on its own.
    pub async fn look(self: Arc<Self>, asked: bool) {
        let looking = tokio::task::spawn_blocking(move || self.settle(asked));
        if let Err(error) = looking.await {
            tracing::error!(error = %error, "the look at the certificate failed");
        }
    }

    fn settle(&self, asked: bool) {
        // One look at a time: an older one that ends later would bring back what was replaced.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (fingerprint, pair) = self.files.look();
        // A pair that nobody would accept is as good as a broken one.
        let now_s = self.clock.now_ms() / 1_000;
        let pair = pair.and_then(|pair| in_time(pair, now_s)).and_then(|pair| {
            let verifier = trust::verifier(&pair.authority)?;
            Ok((pair, verifier))
        });
        let next = seen.next(fingerprint, pair.is_ok(), asked);
        match (next, pair) {
            (Next::Replace, Ok((pair, verifier))) => {
                // What is trusted goes first: callers in this process meet the new certificate next.
                self.trust.replace(verifier);
                self.replace(pair);
            }
            (Next::Refuse, Err(reason)) => {
                validity::count(Reload::Refused);
                tracing::error!(
                    reason,
                    "the new certificate cannot be used; the old one stays in service"
                );
            }
            (Next::Nothing | Next::Wait | Next::Replace | Next::Refuse, _) => {}
        }
    }

    fn replace(&self, pair: Pair) {
        self.served.replace(pair.certified);
        validity::tell(&self.listeners, pair.not_after_s);
        validity::count(Reload::Replaced);
        tracing::info!(
            not_after = %latchkey_clock::rfc3339(pair.not_after_s.saturating_mul(1_000)),
            "the certificate was replaced"
        );
    }
}

fn in_time(pair: Pair, now_s: i64) -> Result<Pair, String> {
    match pair.not_after_s > now_s {
        true => Ok(pair),
        false => Err("it has expired".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_refused_when_it_stays_broken_and_told_once() {
        let mark = |byte: u8| Fingerprint::of_test(byte);
        let (old, half, new) = (mark(1), mark(2), mark(3));
        // Each look: what the files hold, whether that is usable, whether an operator asked, and what follows.
        let story = [
            (old, true, false, Next::Nothing),
            (half, false, false, Next::Wait),
            (new, true, false, Next::Replace),
            (new, true, true, Next::Nothing),
            (half, false, false, Next::Wait),
            (half, false, false, Next::Refuse),
            (half, false, false, Next::Nothing),
            (half, false, true, Next::Refuse),
            (half, false, false, Next::Nothing),
            // Broken in another way, and back to what is served.
            (old, false, false, Next::Wait),
            (new, true, false, Next::Nothing),
            (half, false, true, Next::Refuse),
            (old, true, true, Next::Replace),
        ];
        let mut seen = Seen::at_start(old);
        for (step, (now, usable, asked, next)) in story.into_iter().enumerate() {
            assert_eq!(seen.next(now, usable, asked), next, "step {step}");
        }
    }
}
