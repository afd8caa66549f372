//! Who pays an order: the wallet and the card.

use latchkey_contracts::events::payment::DeclinedReason;

/// Who pays how much of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub wallet: i64,
    pub card: i64,
}

/// Splits `amount`: first the wallet, at most `wallet_at_most`, then the card.
pub fn plan(
    amount: i64,
    wallet_at_most: Option<i64>,
    available: i64,
    has_card: bool,
) -> Result<Plan, DeclinedReason> {
    let at_most = wallet_at_most.unwrap_or(amount);
    if amount <= 0 || at_most < 0 {
        return Err(DeclinedReason::ProcessorError);
    }
    let wallet = amount.min(at_most).min(available.max(0));
    match amount - wallet {
        0 => Ok(Plan { wallet, card: 0 }),
        card if has_card => Ok(Plan { wallet, card }),
        _ => Err(DeclinedReason::InsufficientCredits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wallet_pays_first_and_the_card_the_rest() {
        let split = |amount, at_most, available, card| plan(amount, at_most, available, card);
        assert_eq!(
            split(1_000, None, 300, true),
            Ok(Plan {
                wallet: 300,
                card: 700
            })
        );
        assert_eq!(
            split(1_000, None, 5_000, false),
            Ok(Plan {
                wallet: 1_000,
                card: 0
            })
        );
        assert_eq!(
            split(1_000, Some(100), 300, true),
            Ok(Plan {
                wallet: 100,
                card: 900
            })
        );
        assert_eq!(
            split(1_000, Some(0), 300, true),
            Ok(Plan {
                wallet: 0,
                card: 1_000
            })
        );
        let poor = Err(DeclinedReason::InsufficientCredits);
        assert_eq!(split(1_000, None, 999, false), poor);
        assert_eq!(split(1_000, Some(100), 5_000, false), poor);
        for nonsense in [0, -1, i64::MIN] {
            let refused = Err(DeclinedReason::ProcessorError);
            assert_eq!(split(nonsense, None, 10, true), refused);
        }
        assert!(split(1, Some(-1), 10, true).is_err());
        assert_eq!(
            split(i64::MAX, Some(i64::MAX), i64::MAX, true),
            Ok(Plan {
                wallet: i64::MAX,
                card: 0
            })
        );
    }
}
