//! A processor for installations without a real one: it moves no money, behaves by the card's number, and remembers what
//! it did in tables of its own, so that it outlives a crash of this process as another company would.

use futures::FutureExt;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, DbError};
use latchkey_kit::Context;
use sha2::Sha256;

use super::behavior::{Behavior, Past, TEST_CARDS};
use super::{CardProcessor, CardRefused, Found, Instruction, SavedCard, Silence};
use crate::domain::{CardDetails, Outcome};
use crate::store::test_processor::{self as memory, Account, Done};

/// The test processor.
#[derive(Clone)]
pub struct TestProcessor {
    db: Db,
    clock: Clock,
    random: Random,
}

impl TestProcessor {
    /// The processor of this service; its memory is in the same database, in tables that nobody else reads.
    pub fn of(context: &Context) -> Self {
        Self {
            db: context.db.clone(),
            clock: context.clock.clone(),
            random: context.random.clone(),
        }
    }

    /// Its account, made at the first use.
    async fn account(&self) -> Result<Account, DbError> {
        if let Some(account) = memory::account(&self.db).await? {
            return Ok(account);
        }
        let new = Account {
            webhook_secret: hex::encode(self.random.bytes::<32>()),
            fingerprint_secret: hex::encode(self.random.bytes::<32>()),
        };
        self.db
            .write(move |tx| async move {
                memory::insert_account(&tx, &new).await?;
                let account = memory::account(&tx).await?;
                account.ok_or_else(|| DbError::row("test_processor_account", "it was just written"))
            })
            .await
    }

    async fn keep(&self, card: &CardDetails) -> Result<Option<SavedCard>, DbError> {
        let Some(known) = TEST_CARDS.iter().find(|known| *known.number == **card.number) else {
            return Ok(None);
        };
        let account = self.account().await?;
        let mut mac = Hmac::<Sha256>::new_from_slice(account.fingerprint_secret.as_bytes())
            .expect("HMAC takes a key of any length (RFC 2104 §2)");
        mac.update(card.number.as_bytes());
        let fingerprint = hex::encode(mac.finalize().into_bytes());
        let reference = format!("card_{}", hex::encode(self.random.bytes::<16>()));
        let saved = SavedCard {
            reference: reference.clone(),
            brand: known.brand.to_owned(),
            last4: known.number[known.number.len() - 4..].to_owned(),
            fingerprint,
        };
        let (behavior, now) = (known.behavior.as_str(), self.clock.now_ms());
        self.db
            .write(move |tx| async move {
                memory::insert_card(&tx, &reference, behavior, now).await?;
                Ok::<_, DbError>(Some(saved))
            })
            .await
    }

    /// Does what is asked, or says again what it did. `None` while it is at it, and when the answer is lost.
    async fn act(&self, key: &str, instruction: &Instruction) -> Result<Option<Outcome>, DbError> {
        let (key, instruction, now) = (key.to_owned(), instruction.clone(), self.clock.now_ms());
        self.db
            .write(move |tx| async move {
                if let Instruction::Forget { card } = &instruction {
                    memory::delete_card(&tx, card).await?;
                    return Ok(Some(Outcome::Forgotten));
                }
                if let Some(known) = memory::done(&tx, &key).await? {
                    return said(&known, &instruction, now);
                }
                let (about, amount) = facts(&key, &instruction);
                let past = memory::lock_all_about(&tx, &about).await?;
                let behavior = match (&instruction, past.first()) {
                    (Instruction::Authorize { card, .. }, _) => memory::behavior(&tx, card).await?,
                    (_, Some(authorization)) => Some(authorization.behavior.clone()),
                    (_, None) => None,
                };
                let behavior = behavior.as_deref().and_then(Behavior::parse);
                let past = past.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                let outcome = decide(behavior, &instruction, &past);
                let authorizes = matches!(instruction, Instruction::Authorize { .. });
                let slow = behavior.filter(|_| authorizes).map_or(0, Behavior::takes);
                let done = Done {
                    kind: instruction.kind().as_str().to_owned(),
                    about,
                    behavior: behavior.map_or("unknown", Behavior::as_str).to_owned(),
                    amount,
                    outcome: serde_json::to_string(&outcome)
                        .map_err(|error| DbError::row("outcome", error.to_string()))?,
                    ready_at: now + slow,
                    key,
                };
                if !memory::insert(&tx, &done, now).await? {
                    // Somebody asked the same at the same time: the caller asks what became of it.
                    return Ok(None);
                }
                let lost = authorizes && behavior.is_some_and(Behavior::loses_the_answer);
                Ok::<_, DbError>(Some(outcome).filter(|_| !lost && slow == 0))
            })
            .await
    }

    async fn known(&self, key: &str) -> Result<Found, DbError> {
        let Some(done) = memory::done(&self.db, key).await? else {
            return Ok(Found::Unknown);
        };
        match done.ready_at > self.clock.now_ms() {
            true => Ok(Found::Pending),
            false => Ok(Found::Done(read(&done)?.outcome)),
        }
    }
}

impl CardProcessor for TestProcessor {
    fn save_card<'a>(&'a self, card: &'a CardDetails) -> BoxFuture<'a, Result<SavedCard, CardRefused>> {
        async move {
            match self.keep(card).await {
                Ok(saved) => saved.ok_or(CardRefused::Unknown),
                Err(error) => Err(silence(&error).into()),
            }
        }
        .boxed()
    }

    fn submit<'a>(
        &'a self,
        key: &'a str,
        instruction: &'a Instruction,
    ) -> BoxFuture<'a, Result<Outcome, Silence>> {
        async move {
            let answer = self.act(key, instruction).await;
            answer.map_err(|error| silence(&error))?.ok_or(Silence)
        }
        .boxed()
    }

    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, Silence>> {
        async move { self.known(key).await.map_err(|error| silence(&error)) }.boxed()
    }

    fn webhook_secret(&self) -> BoxFuture<'_, Result<Vec<u8>, Silence>> {
        async move {
            let account = self.account().await.map_err(|error| silence(&error))?;
            Ok(account.webhook_secret.into_bytes())
        }
        .boxed()
    }
}

fn decide(behavior: Option<Behavior>, instruction: &Instruction, past: &[Past]) -> Outcome {
    use latchkey_contracts::events::payment::DeclinedReason::UnknownCard;
    match (instruction, behavior) {
        (Instruction::Authorize { .. }, Some(behavior)) => behavior.authorize(),
        (Instruction::Authorize { .. }, None) => Outcome::Declined(UnknownCard),
        (Instruction::Action { approve, .. }, _) => Behavior::action(past, *approve),
        (Instruction::Capture { amount, .. }, behavior) => {
            behavior.unwrap_or(Behavior::Approve).capture(past, *amount)
        }
        (Instruction::Void { .. }, _) => Behavior::void(past),
        (Instruction::Refund { amount, .. }, behavior) => {
            behavior.unwrap_or(Behavior::Approve).refund(past, *amount)
        }
        (Instruction::Forget { .. }, _) => Outcome::Forgotten,
    }
}

/// The authorization that an instruction is about, and its amount.
fn facts(key: &str, instruction: &Instruction) -> (String, i64) {
    match instruction {
        Instruction::Authorize { amount, .. } => (key.to_owned(), *amount),
        Instruction::Capture {
            authorization,
            amount,
        }
        | Instruction::Refund {
            authorization,
            amount,
        } => (authorization.clone(), *amount),
        Instruction::Action { authorization, .. } | Instruction::Void { authorization } => {
            (authorization.clone(), 0)
        }
        Instruction::Forget { card } => (card.clone(), 0),
    }
}

/// What was said about a key. One that was used for something else gets no answer: that is a defect of its user.
fn said(known: &Done, instruction: &Instruction, now: i64) -> Result<Option<Outcome>, DbError> {
    let (about, amount) = facts(&known.key, instruction);
    let same =
        (known.kind.as_str(), &known.about, known.amount) == (instruction.kind().as_str(), &about, amount);
    if !same {
        tracing::error!(key = known.key, "a key was used for two operations");
        return Ok(None);
    }
    match known.ready_at > now {
        true => Ok(None),
        false => Ok(Some(read(known)?.outcome)),
    }
}

fn read(done: &Done) -> Result<Past, DbError> {
    let outcome = serde_json::from_str(&done.outcome);
    Ok(Past {
        kind: done.kind.clone(),
        amount: done.amount,
        outcome: outcome.map_err(|error| DbError::row("outcome", error.to_string()))?,
    })
}

/// From outside, a processor whose own database fails looks like one that does not answer.
fn silence(error: &DbError) -> Silence {
    tracing::warn!(
        reason = latchkey_http::reasons(error),
        "the test processor's memory failed"
    );
    Silence
}
