//! The rules of every text, and the errors that name an invalid field.

use latchkey_http::FieldError;

/// Collects errors while a body is checked, so that its author learns all of them at once.
#[derive(Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds an error, as long as the response stays readable.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < MOST_ERRORS {
            self.0.push(FieldError::new(field, message));
        }
    }

    /// A single line: trimmed, between `min` and `max` characters, without invisible characters that move a cursor.
    pub fn line(&mut self, field: &str, text: &str, min: usize, max: usize) -> String {
        if text.chars().any(|c| c.is_control() || reorders(c)) {
            self.add(field, "contains control characters");
        }
        self.length(field, text.trim(), min, max);
        text.trim().to_owned()
    }

    /// A text of several lines: tabs and line ends are allowed.
    pub fn prose(&mut self, field: &str, text: &str, max: usize) -> String {
        if text
            .chars()
            .any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || reorders(c))
        {
            self.add(field, "contains control characters");
        }
        self.length(field, text, 0, max);
        text.to_owned()
    }

    /// A list of at most `max` entries.
    pub fn count(&mut self, field: &str, count: usize, max: usize) {
        if count > max {
            self.add(field, format!("has more than {max} entries"));
        }
    }

    /// The value, if there were no errors.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    fn length(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length < min || length > max {
            let rule = match min {
                0 => format!("has more than {max} characters"),
                _ => format!("must have {min} to {max} characters"),
            };
            self.add(field, rule);
        }
    }
}

/// Characters that no database or terminal should get: one engine cannot even store a NUL.
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// Bidirectional overrides make a title read as another one.
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The response to a completely invalid body stays readable.
const MOST_ERRORS: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<FieldError> {
        let mut errors = FieldErrors::default();
        errors.line("title", text, 2, 5);
        errors.0
    }

    #[test]
    fn length_is_counted_in_characters_after_trimming() {
        assert!(line("  éééé  ").is_empty());
        assert!(!line(" é ").is_empty());
        assert!(!line("éééééé").is_empty());
    }

    #[test]
    fn control_characters_and_overrides_are_refused_in_a_line() {
        for text in ["a\0b", "a\nb", "a\u{1b}b", "a\u{7f}b", "a\u{85}b", "a\u{202e}b"] {
            assert_eq!(
                line(text),
                [FieldError::new("title", "contains control characters")],
                "{text:?}"
            );
        }
    }

    #[test]
    fn prose_keeps_its_line_ends_and_refuses_the_rest() {
        let mut errors = FieldErrors::default();
        errors.prose("description_md", "one\r\n\ttwo", 100);
        assert!(errors.0.is_empty());
        errors.prose("description_md", "nul\0", 100);
        assert_eq!(errors.0.len(), 1);
    }
}
