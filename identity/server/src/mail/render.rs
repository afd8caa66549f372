//! What a mail says: its words from the message files, as text and as HTML that asks nobody for anything.

use askama::Template;
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Purpose, plain};
use latchkey_web::Words;

use crate::site::Site;

/// A mail as it is sent or shown.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Where its button leads.
    pub link: Option<String>,
}

#[derive(Template)]
#[template(path = "identity/mail.html")]
struct MailView<'a> {
    lang: &'a str,
    subject: &'a str,
    said: &'a Said,
    link: Option<&'a (String, String)>,
    footer: &'a str,
    /// The operator's name for the site.
    name: Option<&'a str>,
    /// The colour of the button.
    button: &'a str,
}

/// What a mail says, before it is text or HTML.
struct Said {
    subject: String,
    /// What has happened or is asked.
    lead: String,
    code: Option<String>,
    /// When and where it happened, or until when it is of use.
    when: Option<String>,
    /// What the link does.
    button: Option<String>,
    /// What to do if it was not the reader.
    otherwise: Option<String>,
}

/// The colour of a button that the operator has chosen none for: the accent of light pages.
const BUTTON: &str = "#0F6B5C";

/// A mail in the words of one language.
pub(crate) fn render(site: &Site, words: &Words, purpose: &Purpose) -> Rendered {
    let mut said = say(site, words, purpose);
    said.subject = unmarked(&said.subject);
    let link = said.button.clone().zip(address(site, purpose));
    let footer = words.fill("mail.footer", &[("host", &site.host())]);
    let name = site.brand.shown.name.as_deref().map(plain);
    let view = MailView {
        lang: words.tag(),
        subject: &said.subject,
        said: &said,
        link: link.as_ref(),
        footer: &footer,
        name: name.as_deref(),
        button: site.brand.button.as_deref().unwrap_or(BUTTON),
    };
    let html = view.render().unwrap_or_default();
    let mut parts: Vec<String> = name.iter().cloned().collect();
    parts.push(said.lead.clone());
    parts.extend(said.code.clone());
    parts.extend(said.when.clone());
    parts.extend(
        link.as_ref()
            .map(|(label, address)| format!("{}\n{address}", words.fill("mail.link", &[("label", label)]))),
    );
    parts.extend(said.otherwise.clone());
    parts.push(format!("-- \n{footer}"));
    Rendered {
        text: unmarked(&parts.join("\n\n")),
        subject: said.subject,
        html,
        link: link.map(|(_, address)| address),
    }
}

/// The address of the link: always below the configured issuer, whatever host a request has named.
fn address(site: &Site, purpose: &Purpose) -> Option<String> {
    let link = purpose.link()?;
    let page = format!("{}{}", site.issuer(), link.path);
    Some(match link.token {
        Some(token) => format!("{page}?token={token}"),
        None => page,
    })
}

/// Fluent isolates values from the direction of a sentence by marks that a subject and a text need not have.
fn unmarked(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, '\u{2066}'..='\u{2069}'))
        .collect()
}

fn moment(words: &Words, at: Timestamp) -> String {
    let iso = latchkey_clock::rfc3339(at.0);
    words.minute(&iso).unwrap_or(iso)
}

fn say(site: &Site, words: &Words, purpose: &Purpose) -> Said {
    let host = site.host();
    let text = |name: &str| words.say(name).to_owned();
    // The subject and the first sentence.
    let (subject, lead) = match purpose {
        Purpose::RegistrationCode { code, .. } => (
            words.fill("mail.registration_subject", &[("host", &host), ("code", code)]),
            words.fill("mail.registration_lead", &[("host", &host)]),
        ),
        Purpose::AccountExists => (
            words.fill("mail.account_exists_subject", &[("host", &host)]),
            text("mail.account_exists_lead"),
        ),
        Purpose::Approved => (
            words.fill("mail.approved_subject", &[("host", &host)]),
            text("mail.approved_lead"),
        ),
        Purpose::NotApproved => (
            words.fill("mail.not_approved_subject", &[("host", &host)]),
            text("mail.not_approved_lead"),
        ),
        Purpose::Invitation { .. } => (
            words.fill("mail.invitation_subject", &[("host", &host)]),
            words.fill("mail.invitation_lead", &[("host", &host)]),
        ),
        Purpose::SignInCode { code, .. } => (
            words.fill("mail.sign_in_code_subject", &[("host", &host), ("code", code)]),
            words.fill("mail.sign_in_code_lead", &[("host", &host)]),
        ),
        Purpose::PasskeyAdded { name, .. } => (
            text("mail.passkey_added_subject"),
            words.fill("mail.passkey_added_lead", &[("name", &plain(name))]),
        ),
        Purpose::PasskeyRemoved { name, .. } => (
            text("mail.passkey_removed_subject"),
            words.fill("mail.passkey_removed_lead", &[("name", &plain(name))]),
        ),
        Purpose::PasskeySuspended { name, .. } => (
            text("mail.passkey_suspended_subject"),
            words.fill("mail.passkey_suspended_lead", &[("name", &plain(name))]),
        ),
        Purpose::FactorAdded { .. } => (text("mail.factor_added_subject"), text("mail.factor_added_lead")),
        Purpose::FactorRemoved { .. } => (
            text("mail.factor_removed_subject"),
            text("mail.factor_removed_lead"),
        ),
        Purpose::SecondStepGuessed { .. } => (
            text("mail.second_step_guessed_subject"),
            text("mail.second_step_guessed_lead"),
        ),
        Purpose::RecoveryCodeUsed { left, .. } => (
            text("mail.recovery_code_used_subject"),
            words.count("mail.recovery_code_used_lead", *left),
        ),
        Purpose::RecoveryCodesRenewed { .. } => (
            text("mail.recovery_codes_renewed_subject"),
            text("mail.recovery_codes_renewed_lead"),
        ),
        Purpose::PasswordReset { .. } => (
            words.fill("mail.password_reset_subject", &[("host", &host)]),
            text("mail.password_reset_lead"),
        ),
        Purpose::AdminReset { .. } => (
            words.fill("mail.admin_reset_subject", &[("host", &host)]),
            text("mail.admin_reset_lead"),
        ),
        Purpose::Welcome { .. } => (
            words.fill("mail.welcome_subject", &[("host", &host)]),
            words.fill("mail.welcome_lead", &[("host", &host)]),
        ),
        Purpose::PasswordChanged { .. } => (
            text("mail.password_changed_subject"),
            text("mail.password_changed_lead"),
        ),
        Purpose::EmailCode { code, .. } => (
            words.fill("mail.email_code_subject", &[("host", &host), ("code", code)]),
            text("mail.email_code_lead"),
        ),
        Purpose::EmailChanged { .. } => (
            text("mail.email_changed_subject"),
            text("mail.email_changed_lead"),
        ),
        Purpose::EmailNew { .. } => (text("mail.email_new_subject"), text("mail.email_new_lead")),
        Purpose::EmailUndone { .. } => (text("mail.email_undone_subject"), text("mail.email_undone_lead")),
        Purpose::NoticeAddressChanged { .. } => (
            text("mail.notice_address_subject"),
            text("mail.notice_address_lead"),
        ),
        Purpose::RecoveryStarted { ready_at, .. } => (
            text("mail.recovery_started_subject"),
            words.fill("mail.recovery_started_lead", &[("at", &moment(words, *ready_at))]),
        ),
        Purpose::RecoveryStopped { .. } => (
            text("mail.recovery_stopped_subject"),
            text("mail.recovery_stopped_lead"),
        ),
        Purpose::RecoveryFinished { .. } => (
            text("mail.recovery_finished_subject"),
            text("mail.recovery_finished_lead"),
        ),
        Purpose::ProviderConnected { provider, .. } => (
            text("mail.provider_connected_subject"),
            words.fill("mail.provider_connected_lead", &[("provider", &plain(provider))]),
        ),
        Purpose::ProviderRemoved { provider, .. } => (
            text("mail.provider_removed_subject"),
            words.fill("mail.provider_removed_lead", &[("provider", &plain(provider))]),
        ),
        Purpose::ExportReady { .. } => (text("mail.export_ready_subject"), text("mail.export_ready_lead")),
        Purpose::DeletionRequested { on, .. } => (
            text("mail.deletion_requested_subject"),
            words.fill("mail.deletion_requested_lead", &[("at", &moment(words, *on))]),
        ),
        Purpose::Deleted => (
            words.fill("mail.deleted_subject", &[("host", &host)]),
            text("mail.deleted_lead"),
        ),
    };
    let button = match purpose {
        Purpose::RegistrationCode { .. } => Some(text("mail.registration_do")),
        Purpose::Invitation { .. } => Some(text("mail.invitation_do")),
        Purpose::PasswordReset { .. } | Purpose::AdminReset { .. } | Purpose::Welcome { .. } => {
            Some(text("mail.reset_do"))
        }
        Purpose::EmailChanged { .. } => Some(text("mail.undo_do")),
        Purpose::RecoveryStarted { .. } => Some(text("mail.stop_do")),
        _ => purpose.link().map(|_| text("mail.account_do")),
    };
    let when = match (purpose.notice(), purpose.expires_at()) {
        (Some(notice), _) => {
            let at = moment(words, notice.at);
            Some(match notice.device.as_deref().map(plain) {
                Some(device) => words.fill("mail.when_where", &[("at", &at), ("device", &device)]),
                None => words.fill("mail.when", &[("at", &at)]),
            })
        }
        (None, Some(until)) => Some(words.fill("mail.valid", &[("at", &moment(words, until))])),
        (None, None) => None,
    };
    let otherwise = match purpose.notice() {
        Some(_) => Some(text("mail.not_you")),
        None => purpose.is_on_request().then(|| text("mail.ignore")),
    };
    Said {
        subject,
        lead,
        code: purpose.code().map(str::to_owned),
        when,
        button,
        otherwise,
    }
}
