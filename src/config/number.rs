//! Numbers of the configuration.

use std::ops::RangeInclusive;

use super::ConfigError;

/// A whole number within limits.
pub(super) fn number(key: &str, text: &str, limits: RangeInclusive<i64>) -> Result<i64, ConfigError> {
    let number = text.parse::<i64>().ok().filter(|number| limits.contains(number));
    let (least, most) = (limits.start(), limits.end());
    number.ok_or_else(|| ConfigError(format!("{key} is a whole number from {least} to {most}")))
}
