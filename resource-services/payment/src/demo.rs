//! The demo's wallets and cards. Courses and orders have other owners, so their payments begin with the demo's visitors.

use futures::FutureExt;
use futures::future::BoxFuture;
use latchkey_bus::Cause;
use latchkey_contracts::resource::{ADMIN, INSTRUCTOR};
use latchkey_kit::{Context, DemoUser};
use zeroize::Zeroizing;

use crate::commands::{cards, credits};
use crate::domain::{CardDetails, month_of};
use crate::processor::{CardProcessor, TEST_CARDS, TestProcessor};
use crate::{Error, store};

/// Opens a wallet for every user, and saves a test card for those who only buy. A second start adds nothing.
pub fn fill(context: Context, users: Vec<DemoUser>) -> BoxFuture<'static, Result<(), String>> {
    async move {
        for user in &users {
            seed(&context, user)
                .await
                .map_err(|error| latchkey_http::reasons(&error))?;
        }
        Ok(())
    }
    .boxed()
}

async fn seed(context: &Context, user: &DemoUser) -> Result<(), Error> {
    let known = store::wallet(&context.db, &user.id).await?.is_some();
    let user_id = user.id.clone();
    context
        .write(Cause::default(), async move |t| {
            credits::welcome(&t, &user_id).await
        })
        .await?;
    let works_here = user.roles.iter().any(|role| role == ADMIN || role == INSTRUCTOR);
    if known || works_here {
        return Ok(());
    }
    let year = month_of(context.clock.now_ms()) / 12;
    let details = CardDetails {
        number: Zeroizing::new(TEST_CARDS[0].number.to_owned()),
        exp_month: 12,
        exp_year: year + 3,
        cvc: Zeroizing::new("123".to_owned()),
    };
    // Outside of the transaction, like every word with the processor.
    let Ok(saved) = TestProcessor::of(context).save_card(&details).await else {
        return Ok(()); // the demo works without it
    };
    let user_id = user.id.clone();
    context
        .write(Cause::default(), async move |t| {
            cards::save(&t, &user_id, saved, (12, year + 3), cards::Keep::Saved).await?;
            Ok(())
        })
        .await
}
