//! Ways to sign in that an operator turns on.

use super::ConfigError;

/// Whether a mailed code is a first step.
pub(super) fn mail_code(value: Option<toml::Value>) -> Result<bool, ConfigError> {
    let text = value.map(|value| value.to_string().trim_matches('"').to_owned());
    match text.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ConfigError("sign_in.mail_code is true or false".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;

    #[test]
    fn a_mailed_code_is_a_way_in_only_where_the_operator_says_so() {
        let read = |variables: &[(&str, &str)]| serve(variables).map(|config| config.people.mail_code);
        assert!(!read(&[]).unwrap());
        assert!(read(&[("LATCHKEY_SIGN_IN_MAIL_CODE", "true")]).unwrap());
        assert!(!read(&[("LATCHKEY_SIGN_IN_MAIL_CODE", "false")]).unwrap());
        let told = read(&[("LATCHKEY_SIGN_IN_MAIL_CODE", "yes")])
            .err()
            .map(|error| error.0);
        assert_eq!(told.as_deref(), Some("sign_in.mail_code is true or false"));
    }
}
