//! Credits that administrators give.

use latchkey_contracts::events::payment::WalletEntryKind;
use latchkey_kit::Transaction;

use super::credits;
use crate::domain::{DomainError, Grant, GrantDraft, GrantState, Movement};
use crate::{Error, store};

/// Grants credits to a user who has a wallet, or notes the wish until a second administrator agrees.
pub async fn request(
    t: &Transaction,
    administrator: &str,
    user_id: &str,
    draft: GrantDraft,
) -> Result<Grant, Error> {
    let content = draft.check(&t.currency)?;
    let grant = Grant::new(t.new_id(), user_id.to_owned(), content, administrator, t.now);
    credits::must_take(t, user_id, grant.amount).await?;
    store::insert_grant(&t.tx, &grant).await?;
    give(t, &grant).await?;
    Ok(grant)
}

/// Agrees with a grant of another administrator.
pub async fn approve(t: &Transaction, administrator: &str, id: &str) -> Result<Grant, Error> {
    let grant = store::grant(&t.tx, id).await?.ok_or(DomainError::Missing)?;
    let approved = grant.approved(administrator)?;
    credits::must_take(t, &approved.user_id, approved.amount).await?;
    if !store::update_grant(&t.tx, &approved).await? {
        return Err(DomainError::GrantDecided.into());
    }
    give(t, &approved).await?;
    Ok(approved)
}

async fn give(t: &Transaction, grant: &Grant) -> Result<(), Error> {
    if grant.state == GrantState::Granted {
        let credit = Movement::Credit(WalletEntryKind::Grant, grant.amount);
        credits::record(t, &grant.user_id, credit, &format!("grant:{}", grant.id), None).await?;
    }
    Ok(())
}
