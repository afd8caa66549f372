//! People who come: sign-ins, recoveries, registrations, and the work of comparing passwords.

use crate::labels::{Class, Method, Recovery, SignIn, Upstream};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    SIGN_INS: Counter<(Method, SignIn)> = "latchkey_sign_ins_total", "steps", Always,
        "Steps of sign-ins that ended, by method; a whole sign-in counts once, for its first proof.";
    SIGN_INS_SHED: Counter<()> = "latchkey_sign_in_shed_total", "refusals", Always,
        "Sign-ins that were refused because more arrived than can be hashed.";
    UPSTREAM_SIGN_INS: Counter<Upstream> = "latchkey_upstream_sign_ins_total", "sign-ins", Always,
        "Sign-ins by other providers: begun, proved, or why not.";
    REGISTRATIONS: Counter<()> = "latchkey_registrations_total", "accounts", Always,
        "Accounts that people made themselves.";
    RECOVERIES: Counter<Recovery> = "latchkey_recoveries_total", "recoveries", Always,
        "Recoveries of accounts that were asked for, and those that were finished.";
    PASSWORD_HASH: Histogram<()> = "latchkey_password_hash_duration_seconds", "seconds",
        Where("once a password was hashed"),
        "How long hashing a password takes, without waiting.";
    PASSWORD_WAIT: Histogram<Class> = "latchkey_password_wait_seconds", "seconds",
        Where("once a password was hashed"),
        "How long a password waits for a thread that hashes it.";
    PASSWORD_QUEUE: Gauge<Class> = "latchkey_password_queue", "sign-ins", Where("once a password was hashed"),
        "Sign-ins that have a place in the queue of passwords.";
    UNMIGRATED_PASSWORDS: Gauge<()> = "latchkey_unmigrated_passwords", "accounts", Where("where the issuer runs"),
        "Imported accounts whose password is still hashed as another system did.";
}
