//! What the issuer gives out and takes back.

use crate::labels::{Cause, Delivery, ErrorCode, Grant, Mail, Refresh, Revoked, Table};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    TOKENS_ISSUED: Counter<Grant> = "latchkey_tokens_issued_total", "tokens", Always,
        "Access tokens issued, by grant.";
    GRANTS_REFUSED: Counter<(Grant, ErrorCode)> = "latchkey_grants_refused_total", "requests", Always,
        "Token requests of a proved client that were refused.";
    CLIENTS_REFUSED: Counter<ErrorCode> = "latchkey_client_refused_total", "requests", Always,
        "Requests whose client was not proved or not allowed to make them.";
    CODES_ISSUED: Counter<()> = "latchkey_codes_issued_total", "codes", Always,
        "Authorization codes issued.";
    REFRESHES: Counter<Refresh> = "latchkey_refreshes_total", "requests", Always,
        "Refresh tokens that were presented, by what became of them; reused is a replay that ended its family.";
    FAMILIES_ENDED: Counter<Cause> = "latchkey_families_ended_total", "families", Always,
        "Families of refresh tokens that a token request ended.";
    REVOCATIONS: Counter<Revoked> = "latchkey_revocations_total", "revocations", Always,
        "Revocations that guards were told of.";
    FEED_FOLLOWERS: Gauge<()> = "latchkey_feed_followers", "connections", Where("where the issuer runs"),
        "Guards that are connected to the revocation feed of this node.";
    LOGOUT_TOKENS: Counter<Delivery> = "latchkey_logout_tokens_total", "attempts", Always,
        "Attempts to tell clients of the end of a session.";
    KEY_AGE: Gauge<()> = "latchkey_signing_key_age_seconds", "seconds", Where("where the issuer runs"),
        "How long the oldest key that signs has been signing.";
    KEY_ROTATION: Gauge<()> = "latchkey_signing_key_rotation_seconds", "seconds", Where("where the issuer runs"),
        "Until the next key takes over; negative when that is late.";
    MAILS: Counter<Mail> = "latchkey_mails_total", "attempts", Always,
        "Attempts to send a mail, by where the mail is afterwards.";
    MAIL_QUEUE: Gauge<Mail> = "latchkey_mail_queue", "mails", Where("where the issuer runs"),
        "Mails that wait, and dead ones that nobody has looked after; at most 10000 are counted.";
    MAIL_OLDEST: Gauge<Mail> = "latchkey_mail_oldest_seconds", "seconds", Where("where the issuer runs"),
        "Age of the oldest of these mails; 0 without one.";
    OLDEST_ROW: Gauge<Table> = "latchkey_oldest_row_seconds", "seconds", Where("within an hour after the issuer's start"),
        "Age of the oldest row of a table that is purged; negative when it is due later.";
}
