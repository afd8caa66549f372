//! An amount in parts.

use super::DomainError;

/// Spreads an amount over weights so that the parts add up exactly: each gets its share rounded down, and what is left
/// goes to the largest remainders, the earlier of two equal ones first.
pub fn spread(amount: i64, weights: &[i64]) -> Result<Vec<i64>, DomainError> {
    if amount < 0 || weights.iter().any(|weight| *weight < 0) {
        return Err(DomainError::Malformed("an amount below zero cannot be spread"));
    }
    let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if all == 0 {
        return match amount {
            0 => Ok(vec![0; weights.len()]),
            _ => Err(DomainError::Malformed("an amount cannot be spread over nothing")),
        };
    }
    let shares = weights
        .iter()
        .map(|weight| i128::from(amount) * i128::from(*weight))
        .map(|scaled| Ok((i64::try_from(scaled / all)?, scaled % all)));
    let shares: Vec<(i64, i128)> = shares.collect::<Result<_, DomainError>>()?;
    let given: i64 = shares.iter().map(|(part, _)| part).sum();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|position| std::cmp::Reverse(shares[*position].1));
    let left = usize::try_from(amount - given)?;
    let mut parts: Vec<i64> = shares.iter().map(|(part, _)| *part).collect();
    for position in order.into_iter().take(left) {
        parts[position] += 1;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_left_goes_to_the_largest_remainders() {
        assert_eq!(spread(100, &[1, 1, 1]).unwrap(), [34, 33, 33]);
        assert_eq!(spread(5, &[10, 60, 30]).unwrap(), [1, 3, 1]);
        assert_eq!(spread(0, &[0, 0]).unwrap(), [0, 0]);
        assert_eq!(spread(10, &[3, 7]).unwrap(), [3, 7]);
    }

    #[test]
    fn nothing_takes_no_amount_and_nobody_gives() {
        assert!(spread(1, &[0, 0]).is_err());
        assert!(spread(1, &[]).is_err());
        assert!(spread(-1, &[1]).is_err());
        assert!(spread(1, &[2, -1]).is_err());
        assert_eq!(
            spread(i64::MAX, &[i64::MAX, i64::MAX])
                .unwrap()
                .iter()
                .sum::<i64>(),
            i64::MAX
        );
    }

    proptest! {
        #[test]
        fn parts_add_up_and_none_is_more_than_one_off(
            amount in 0_i64..1_000_000_000,
            weights in proptest::collection::vec(0_i64..1_000_000, 1..20),
        ) {
            let all: i64 = weights.iter().sum();
            prop_assume!(all > 0);
            let parts = spread(amount, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), amount);
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = i128::from(amount) * i128::from(*weight) / i128::from(all);
                prop_assert!((i128::from(*part) - exact).abs() <= 1);
            }
        }
    }
}
