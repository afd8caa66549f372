//! From the bus to a guard: the contracts' revocations in the guard's own words.

use std::collections::BTreeSet;

use latchkey_bus::{Bus, Heard};
use latchkey_clock::Clock;
use latchkey_contracts::events::revocation::Revocation;
use latchkey_guard::{Signal, Signals};
use latchkey_protocol::revocation::WINDOW_MS;
use latchkey_relying_party::{People, StoreError, Whom};
use tokio_util::sync::CancellationToken;

/// How often, and how far apart, the shop's database is tried for one event.
const TRIES: usize = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// Keeps `signals` true by the bus, until `stop`.
pub(crate) async fn listen(bus: Bus, signals: Signals, clock: Clock, stop: CancellationToken) {
    // What cannot be read cannot be obeyed: the feed is not whole until somebody has looked and started again.
    let mut whole = true;
    let since = clock.now_ms() - WINDOW_MS;
    let mut broadcast = bus.broadcast_of(Revocation::SOURCE, Revocation::TYPES, since, stop);
    while let Some(heard) = broadcast.next().await {
        match heard {
            Heard::Event { event, .. } => match Revocation::parse(&event.r#type, &event.data) {
                Ok(revocation) => signals_of(revocation)
                    .into_iter()
                    .for_each(|signal| signals.apply(signal)),
                Err(error) => {
                    whole = false;
                    tracing::error!(error = %error, event.id = event.id, "a revocation cannot be read");
                    signals.apply(Signal::Reset);
                }
            },
            Heard::Live { .. } if !whole => {}
            Heard::Live { position, .. } => {
                signals.apply(Signal::Live {
                    position: u64::try_from(position).unwrap_or(0),
                });
            }
            Heard::Reset => signals.apply(Signal::Reset),
        }
    }
}

/// Signs people out of the shop as soon as the issuer takes their sign-in back, until `stop`.
pub(crate) async fn sign_out(bus: Bus, people: People, clock: Clock, stop: CancellationToken) {
    // What was taken back while nobody listened is heard now: the sign-ins of before are still there.
    let since = clock.now_ms() - WINDOW_MS;
    let mut broadcast = bus.broadcast(Revocation::TYPES, since, stop);
    while let Some(heard) = broadcast.next().await {
        let Heard::Event { event, .. } = heard else {
            continue;
        };
        match Revocation::parse(&event.r#type, &event.data) {
            Ok(revocation) => {
                for _ in 0..TRIES {
                    match end_sign_ins(&people, &revocation).await {
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

/// The issuer has taken something back: whoever it concerns is signed out of this client at once.
async fn end_sign_ins(people: &People, revocation: &Revocation) -> Result<(), StoreError> {
    let ours = |client: &str| client == people.oidc.client_id();
    let store = &people.store;
    match revocation {
        // Several tabs are several families in one session, and which is whose only the issuer knows: the next page
        // asks it, and finds this sign-in over or living.
        Revocation::Family(family) if ours(&family.client_id) => {
            if let Some(sid) = &family.sid {
                store.drop_tokens(sid).await?;
            }
        }
        Revocation::Session(session) => {
            let own = session.families.iter().filter(|family| ours(&family.client_id));
            // However many families: the session has one name here.
            let names: BTreeSet<&String> = own.filter_map(|family| family.sid.as_ref()).collect();
            for sid in names {
                store.end_logins(Whom::Session(sid.clone())).await?;
            }
        }
        Revocation::Subject(subject) => {
            let whom = Whom::Person {
                sub: subject.sub.clone(),
                before_ms: subject.before.saturating_mul(1_000).saturating_add(999),
            };
            store.end_logins(whom).await?;
        }
        Revocation::Client(client) if ours(&client.client_id) => {
            let before_ms = client.before.saturating_mul(1_000).saturating_add(999);
            store.end_logins(Whom::Everybody { before_ms }).await?;
        }
        Revocation::Family(_) | Revocation::Client(_) | Revocation::Token(_) | Revocation::Key(_) => {}
    }
    Ok(())
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
