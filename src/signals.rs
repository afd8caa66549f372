//! Revocations from the log to a guard: the contracts' events as the guard's signals.

use latchkey_bus::{Delivery, RevocationLog};
use latchkey_clock::Clock;
use latchkey_contracts::events::revocation::Revocation;
use latchkey_guard::{Signal, Signals};
use latchkey_protocol::revocation::WINDOW_MS;
use tokio_util::sync::CancellationToken;

/// Keeps `signals` current from the log, until `stop`.
pub(crate) async fn listen(log: RevocationLog, signals: Signals, clock: Clock, stop: CancellationToken) {
    // An unreadable revocation cannot be applied: the feed counts as incomplete until an operator has restarted the
    // process.
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
                    tracing::error!(error = %error, event.id = event.id, "a revocation event cannot be parsed");
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
