//! From the revocation log to a guard: the contracts' revocations in the guard's own words.

use latchkey_bus::{Delivery, RevocationLog};
use latchkey_clock::Clock;
use latchkey_contracts::events::revocation::Revocation;
use latchkey_guard::{Signal, Signals};
use latchkey_protocol::revocation::WINDOW_MS;
use latchkey_storefront::people::People;
use tokio_util::sync::CancellationToken;

/// How often, and how far apart, the shop's database is tried for one event.
const TRIES: usize = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// Keeps `signals` true by the log, until `stop`.
pub(crate) async fn listen(log: RevocationLog, signals: Signals, clock: Clock, stop: CancellationToken) {
    // What cannot be read cannot be obeyed: the feed is not whole until somebody has looked and started again.
    let mut whole = true;
    let since = clock.now_ms() - WINDOW_MS;
    let mut subscription = log.subscribe(Revocation::SOURCE, Revocation::TYPES, since, stop);
    while let Some(delivery) = subscription.next().await {
        match delivery {
            Delivery::Event { event, .. } => match Revocation::parse(&event.r#type, &event.data) {
                Ok(revocation) => signals_of(revocation)
                    .into_iter()
                    .for_each(|signal| signals.apply(signal)),
                Err(error) => {
                    whole = false;
                    tracing::error!(error = %error, event.id = event.id, "a revocation cannot be read");
                    signals.apply(Signal::Reset);
                }
            },
            Delivery::Live { .. } if !whole => {}
            Delivery::Live { position, .. } => {
                signals.apply(Signal::Live {
                    position: u64::try_from(position).unwrap_or(0),
                });
            }
            Delivery::Reset => signals.apply(Signal::Reset),
        }
    }
}

/// Signs people out of the shop as soon as the issuer takes their sign-in back, until `stop`.
pub(crate) async fn sign_out(log: RevocationLog, people: People, clock: Clock, stop: CancellationToken) {
    // What was taken back while nobody listened is heard now: the sign-ins of before are still there.
    let since = clock.now_ms() - WINDOW_MS;
    let mut subscription = log.subscribe(Revocation::SOURCE, Revocation::TYPES, since, stop);
    while let Some(delivery) = subscription.next().await {
        let Delivery::Event { event, .. } = delivery else {
            continue;
        };
        match Revocation::parse(&event.r#type, &event.data) {
            Ok(revocation) => {
                for _ in 0..TRIES {
                    match people.hear(&revocation).await {
                        Ok(()) => break,
                        Err(error) => {
                            // If it goes on, their next refresh will find it out.
                            tracing::error!(error = %error, event.id = event.id, "a person stays signed in at the shop");
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = %error, event.id = event.id, "a revocation cannot be read");
            }
        }
    }
}

fn signals_of(revocation: Revocation) -> Vec<Signal> {
    match revocation {
        Revocation::Token(token) => vec![Signal::Token {
            jti: token.jti,
            until: token.until,
        }],
        Revocation::Family(family) => {
            vec![Signal::Family {
                fam: family.fam,
                sid: family.sid,
                until: family.until,
            }]
        }
        Revocation::Session(session) => {
            let until = session.until;
            let families = session.families.into_iter();
            families
                .map(|family| Signal::Family {
                    fam: family.fam,
                    sid: family.sid,
                    until,
                })
                .collect()
        }
        Revocation::Subject(subject) => {
            vec![Signal::Subject {
                sub: subject.sub,
                before: subject.before,
                until: subject.until,
            }]
        }
        Revocation::Client(client) => vec![Signal::Client {
            client_id: client.client_id,
            before: client.before,
            until: client.until,
        }],
        Revocation::Key(key) => vec![Signal::Key { kid: key.kid }],
    }
}
