//! Mails: queued in the transaction that causes them, sealed until they are sent (docs/mail.md).

mod delivery;
mod relay;
mod render;

use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{MailRow, MailState, Store};
use latchkey_metrics::catalog::THROTTLED;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::user::canonical;
use serde::{Deserialize, Serialize};

pub(crate) use self::delivery::MailDelivery;
pub use self::relay::{Relay, RelayError};
pub(crate) use self::render::{Rendered, render};
use crate::IdentityError;
use crate::signer::Signer;

/// What becomes of mails.
#[derive(Clone, Debug)]
pub enum Mailing {
    /// They stay here, and the administrator's listener shows them.
    Kept,
    /// A relay takes them.
    Relay(Box<Relay>),
    /// There is no relay: they are dead letters until there is one.
    Nowhere,
}

/// How many mails anybody may cause to one mailbox in a day. More are not sent, and nobody is told: whoever asks for the
/// mails of another learns nothing, and live links stay as they are.
const MOST_A_DAY: i64 = 30;
const DAY_MS: i64 = 24 * 3_600_000;

/// What is sealed of a mail.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Content {
    pub to: Address,
    #[serde(flatten)]
    pub purpose: Purpose,
}

impl Content {
    /// The content of a row; `None` if nobody needs it any more or it cannot be opened.
    pub fn open(signer: &Signer, row: &MailRow) -> Option<Self> {
        let text = signer.open(&place(&row.id), row.sealed.as_deref()?)?;
        serde_json::from_str(&text).ok()
    }
}

/// Queues mails. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Mails {
    pub store: Store,
    pub signer: Signer,
    pub random: Random,
    /// The state in which a mail begins, and why it is not sent where it is not.
    pub begins: (MailState, Option<&'static str>),
}

impl Mails {
    pub fn new(store: Store, signer: Signer, random: Random, mailing: &Mailing) -> Self {
        let begins = match mailing {
            Mailing::Kept => (MailState::Kept, None),
            Mailing::Relay(_) => (MailState::Queued, None),
            Mailing::Nowhere => (MailState::Dead, Some("no_relay")),
        };
        Self {
            store,
            signer,
            random,
            begins,
        }
    }

    /// Queues a mail in the transaction that causes it. `to` is the address as it is stored.
    pub async fn queue(
        &self,
        tx: &Tx,
        to: &Address,
        user: Option<&str>,
        locale: &str,
        purpose: &Purpose,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        self.queue_from(tx, to, user, locale, purpose, None, now).await
    }

    /// The same, asked for in a browser that this user has signed in with: it has a share of its own of what the mailbox may
    /// get, so that strangers cannot use up the owner's.
    #[expect(clippy::too_many_arguments, reason = "a mail has as many parts")]
    pub async fn queue_from(
        &self,
        tx: &Tx,
        to: &Address,
        user: Option<&str>,
        locale: &str,
        purpose: &Purpose,
        known: Option<&str>,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let address = canonical(to.as_str());
        let mut parts = vec![address.as_str()];
        parts.extend(known);
        let mailbox = self.signer.mac("mailbox", &parts);
        let mailbox = mailbox.filter(|_| purpose.is_on_request());
        if let Some(mailbox) = &mailbox {
            let since = Timestamp(now.0 - DAY_MS);
            if self.store.mails_to(tx, mailbox, since).await? >= MOST_A_DAY {
                THROTTLED.inc(labels::Limit::Mailbox);
                return Ok(());
            }
        }
        self.add(tx, to, user, locale, purpose, mailbox, now).await?;
        // A notice goes to a second address, too: whoever holds one mailbox hides nothing from the other.
        if purpose.goes_to_both()
            && let Some(user) = user
            && let Some(second) = self.store.notice_address_beside(tx, user, &address).await?
            && let Some(second) = Address::parse(&second)
        {
            self.add(tx, &second, Some(user), locale, purpose, None, now)
                .await?;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "a mail has as many parts")]
    async fn add(
        &self,
        tx: &Tx,
        to: &Address,
        user: Option<&str>,
        locale: &str,
        purpose: &Purpose,
        mailbox: Option<String>,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let id = self.random.uuid_v7(now.0);
        let content = Content {
            to: to.clone(),
            purpose: purpose.clone(),
        };
        let text = serde_json::to_string(&content).map_err(|_| IdentityError::Unexpected("a mail"))?;
        let sealed = self.signer.seal(&place(&id), &text);
        let (state, error) = self.begins;
        let row = MailRow {
            purpose: purpose.name().to_owned(),
            user: user.map(str::to_owned),
            mailbox,
            sealed: Some(sealed.ok_or(IdentityError::Unexpected("the key of mails"))?),
            locale: locale.to_owned(),
            state,
            attempts: 0,
            next_at: now,
            expires_at: purpose.expires_at(),
            error: error.map(str::to_owned),
            created_at: now,
            sent_at: None,
            id,
        };
        Ok(self.store.add_mail(tx, &row).await?)
    }

    /// A mail to nobody, for whoever asks for the mail of an account that does not exist: the same work, and a row that is
    /// over from the beginning.
    pub async fn decoy(&self, tx: &Tx, purpose: &Purpose, now: Timestamp) -> Result<(), IdentityError> {
        let id = self.random.uuid_v7(now.0);
        let mailbox = self.signer.mac("mailbox", &[&id]);
        let since = Timestamp(now.0 - DAY_MS);
        self.store
            .mails_to(tx, mailbox.as_deref().unwrap_or_default(), since)
            .await?;
        let text = serde_json::to_string(purpose).map_err(|_| IdentityError::Unexpected("a mail"))?;
        self.signer
            .seal(&place(&id), &text)
            .ok_or(IdentityError::Unexpected("the key of mails"))?;
        let row = MailRow {
            purpose: purpose.name().to_owned(),
            user: None,
            mailbox,
            sealed: None,
            locale: "en".to_owned(),
            state: MailState::Expired,
            attempts: 0,
            next_at: now,
            expires_at: purpose.expires_at(),
            error: None,
            created_at: now,
            sent_at: None,
            id,
        };
        Ok(self.store.add_mail(tx, &row).await?)
    }
}

fn place(id: &str) -> String {
    format!("mail/{id}")
}
