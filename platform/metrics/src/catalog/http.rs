//! Requests in both directions, the edge, and the guards of services.

use crate::labels::{
    Attempt, Destination, FeedState, Limit, MethodClass, Outcome, Reload, Role, RouteClass, Site,
    StatusClass, Verdict,
};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    HTTP_SERVER_DURATION: Histogram<(Role, RouteClass, MethodClass, StatusClass)> =
        "http_server_request_duration_seconds", "seconds", Always,
        "From the head of a request to the head of its response, by role.";
    HTTP_CLIENT_DURATION: Histogram<(Destination, Outcome)> =
        "http_client_request_duration_seconds", "seconds", Where("once something was called"),
        "From the start of a call to the head of its response, connecting included.";
    EDGE_ATTEMPTS: Counter<(Role, Attempt)> = "latchkey_edge_upstream_attempts_total", "attempts", Always,
        "Requests that the edge sent to an upstream; each is sent once.";
    THROTTLED: Counter<Limit> = "latchkey_throttled_total", "refusals", Always,
        "What was refused or put off because there was too much of it.";
    CSP_VIOLATIONS: Counter<Site> = "latchkey_csp_violations_total", "reports", Always,
        "Reports of browsers that a page broke its content security policy.";
    TLS_NOT_AFTER: Gauge<Role> = "latchkey_tls_certificate_not_after_seconds", "seconds",
        Where("where listeners speak TLS by files or ACME"),
        "Until when the certificate of a listener is valid, in Unix time.";
    TLS_RELOADS: Counter<Reload> = "latchkey_tls_reloads_total", "reloads", Always,
        "New certificates of the listeners that were taken, and those that could not be.";
    GUARD_VERDICTS: Counter<(Role, Verdict)> = "latchkey_guard_verdicts_total", "requests", Always,
        "What guards decided about requests, by the service behind them; scopes are demanded later.";
    GUARD_FEED_STATE: Gauge<(Role, FeedState)> = "latchkey_guard_feed_state", "0 or 1",
        Where("where a service runs in this process"),
        "1 for the state that a guard's knowledge of revocations is in.";
    GUARD_FEED_AGE: Gauge<Role> = "latchkey_guard_feed_age_seconds", "seconds",
        Where("where a service runs in this process"),
        "How long ago a guard last knew of every revocation.";
    GUARD_KEYS_AGE: Gauge<Role> = "latchkey_guard_keys_age_seconds", "seconds",
        Where("where a service runs in this process"),
        "How long ago a guard last fetched the issuer's keys.";
    GUARD_KEYS_POISONED: Counter<Role> = "latchkey_guard_poisoned_key_sets_total", "key sets", Always,
        "Key sets of the issuer that a guard rejected as a whole because a key in them is suspicious.";
}
