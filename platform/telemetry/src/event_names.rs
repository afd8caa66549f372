//! The names of what the log says. A sentence may be worded better; its name stays, for whoever searches and alerts by
//! it. `docs/logs.md` lists them.

/// The sentences of the log, sorted, each with the name of its event.
pub const EVENTS: &[(&str, &str)] = &[
    (
        "LISTEN_FDS is meant for another process and is not used",
        "manager.sockets_of_another",
    ),
    (
        "NOTIFY_SOCKET cannot be used; the service manager is told nothing",
        "manager.unusable",
    ),
    (
        "a background task ended unexpectedly and is restarted",
        "task.restarted",
    ),
    (
        "a background task failed repeatedly; this process stops",
        "task.lost",
    ),
    ("a card could not be saved", "storefront.card_not_saved"),
    (
        "a client of the seed names an unknown scope",
        "seed.unknown_scope",
    ),
    (
        "a client rejected a logout token; the user may stay signed in there",
        "logout_token.rejected",
    ),
    ("a client waits to be told of a sign-out", "logout_token.waits"),
    ("a command has nothing to say", "order.command_empty"),
    ("a connection cannot be accepted", "http.accept_failed"),
    (
        "a connection of the revocation feed ended",
        "feed.connection_ended",
    ),
    (
        "a connection was closed because its peer was too slow",
        "http.peer_slow",
    ),
    (
        "a consumer cannot hand a failed delivery on",
        "bus.hand_on_failed",
    ),
    ("a consumer continues", "bus.consumer_continues"),
    ("a consumer is waiting for its database", "bus.database_away"),
    ("a consumer is waiting for the broker", "bus.broker_away"),
    ("a coupon could not be looked up", "basket.coupon_lookup_failed"),
    ("a course could not be looked up", "basket.course_lookup_failed"),
    (
        "a course names a photo that its instructor does not have",
        "photo.unknown",
    ),
    ("a family ended", "family.ended"),
    (
        "a handler extracts the caller, but its route has no guard",
        "guard.no_guard",
    ),
    ("a handler panicked", "http.handler_panicked"),
    ("a key cannot be generated", "key.not_generated"),
    ("a key was used for two operations", "payment.key_reused"),
    (
        "a logout request failed with an internal error",
        "relying_party.logout_failed",
    ),
    ("a logout request was refused", "upstream.logout_refused"),
    ("a logout request was rejected", "relying_party.logout_rejected"),
    ("a mail cannot be opened", "mail.unreadable"),
    ("a mail did not reach the relay", "mail.relay_failed"),
    ("a mail was not taken", "mail.not_taken"),
    ("a new passkey was refused", "passkey.new_refused"),
    ("a page cannot be rendered", "page.not_rendered"),
    ("a page panicked", "storefront.page_panicked"),
    ("a page violated its Content Security Policy", "page.csp_violated"),
    ("a parked event was discarded", "bus.event_discarded"),
    (
        "a passkey may have been copied, and is suspended",
        "passkey.suspended",
    ),
    ("a passkey was refused", "passkey.refused"),
    ("a password hashing thread cannot be started", "hashing.no_thread"),
    ("a password was changed", "password.changed"),
    ("a picture broke its decoder", "picture.decoder_broke"),
    ("a picture took too long to decode", "picture.too_slow"),
    (
        "a provider did not confirm who somebody is",
        "upstream.not_confirmed",
    ),
    ("a provider ended sign-ins by a logout token", "upstream.logout"),
    (
        "a provider's metadata cannot be read again",
        "upstream.metadata_failed",
    ),
    (
        "a refused token of a session cannot be dropped",
        "edge.token_not_dropped",
    ),
    ("a request failed with an internal error", "request.failed"),
    ("a request took too long", "http.too_slow"),
    ("a request was refused", "request.refused"),
    (
        "a request without credentials was refused",
        "guard.no_credentials",
    ),
    ("a revocation event cannot be parsed", "feed.event_unreadable"),
    (
        "a round of background work failed; it is tried again",
        "task.round_failed",
    ),
    (
        "a route of the edge demands a scope that the issuer does not know",
        "edge.unknown_scope",
    ),
    ("a service did not respond", "storefront.service_away"),
    ("a sign-in failed", "relying_party.sign_in_failed"),
    ("a signing key was revoked", "guard.key_revoked"),
    (
        "a source of the revocation log has stopped sending heartbeats",
        "revocation_log.silent",
    ),
    (
        "a source of the revocation log sends heartbeats again",
        "revocation_log.heard",
    ),
    (
        "a stream was reset because its peer was too slow",
        "http.stream_reset",
    ),
    (
        "a subscriber can read the revocation log again",
        "revocation_log.readable",
    ),
    (
        "a subscriber cannot read the revocation log",
        "revocation_log.unreadable",
    ),
    (
        "a suspicious key set was rejected; the previous keys stay in use",
        "guard.keys_suspicious",
    ),
    ("a thread panicked", "process.panicked"),
    ("a timer failed", "order.timer_failed"),
    (
        "a token signed with the issuer's keys names another issuer than this guard is configured for",
        "guard.other_issuer",
    ),
    (
        "a top-up was sent and not answered",
        "storefront.top_up_unanswered",
    ),
    (
        "a tunnel was closed because its caller may not use the route any more",
        "edge.tunnel_closed",
    ),
    ("a user of the seed has an unknown role", "seed.unknown_role"),
    (
        "a visitor's basket could not be merged",
        "storefront.basket_not_merged",
    ),
    ("a write panicked and was rolled back", "database.write_panicked"),
    ("an account was recovered", "recovery.done"),
    (
        "an address has reached its limit of connections",
        "http.address_limit",
    ),
    ("an administrator's intervention failed", "intervention.failed"),
    (
        "an administrator's intervention was carried out",
        "intervention.done",
    ),
    (
        "an entry of the journal is not what was once written",
        "billing.journal_changed",
    ),
    (
        "an event of the revocation log cannot be parsed",
        "revocation_log.event_unreadable",
    ),
    ("an event was parked", "bus.event_parked"),
    ("an operation has no payment", "payment.operation_empty"),
    (
        "an operation of the processor was left; it is taken up again",
        "payment.operation_left",
    ),
    (
        "an order asks about a payment that is not known",
        "payment.unknown",
    ),
    ("an order could not be priced", "order.not_priced"),
    ("an order could not be priced in time", "order.priced_too_late"),
    ("an order may not have been placed", "storefront.order_doubtful"),
    ("an order went on", "order.went_on"),
    (
        "an outcome does not fit; it is asked for again",
        "payment.outcome_unexpected",
    ),
    ("another instance took over the consumer group", "bus.taken_over"),
    (
        "cards that nobody saved are kept for now; they are looked at again",
        "payment.cards_kept",
    ),
    ("client refused", "client.refused"),
    (
        "connections were refused: a proxy must begin with a header of the PROXY protocol, version 2",
        "http.proxy_header_refused",
    ),
    (
        "connections were refused: their peer is not in trusted_proxies, and this listener is for those alone",
        "http.stranger_refused",
    ),
    (
        "deleting accounts that are due failed; it is tried again",
        "deletion.failed",
    ),
    (
        "delivery of a logout token failed; it is tried again",
        "logout_token.failed",
    ),
    ("delivery of a logout token was given up", "logout_token.given_up"),
    ("demo.json cannot be removed", "stop.demo_file_left"),
    ("ending a replaced sign-in failed", "relying_party.end_failed"),
    ("ending roles failed; it is tried again", "roles.end_failed"),
    (
        "ending the families of a bulk revocation failed; it is tried again",
        "bulk_revocation.failed",
    ),
    ("grant refused", "grant.refused"),
    (
        "interventions cannot be carried out; they are looked at again",
        "interventions.failed",
    ),
    ("introspection of a token failed", "guard.introspection_failed"),
    (
        "introspection of a token timed out",
        "guard.introspection_timed_out",
    ),
    (
        "log lines were dropped because the output was too slow",
        "log.lines_dropped",
    ),
    ("making an export failed; it is tried again", "export.failed"),
    ("no [::1] here", "http.no_ipv6"),
    ("no access token could be obtained yet", "relying_party.no_token"),
    (
        "no access token for the API could be obtained",
        "storefront.no_token",
    ),
    (
        "offline_access was ignored: it needs the grant refresh_token, and prompt=consent or an earlier consent",
        "grant.offline_access_ignored",
    ),
    (
        "old events wait for a group that does not handle them",
        "bus.old_events_wait",
    ),
    (
        "open connections were closed at the end of the shutdown grace period",
        "http.shutdown_cut",
    ),
    ("payment could not be asked", "storefront.payment_not_asked"),
    (
        "processes on this host share these SQLite files; roles on several hosts need postgres:, and a bus and a revocation log that they can all reach",
        "start.shared_sqlite",
    ),
    (
        "pruning old outbox and inbox rows failed; it is tried again later",
        "outbox.prune_failed",
    ),
    (
        "purging expired rows failed; it is tried again later",
        "purge.failed",
    ),
    (
        "purging expired sessions of the shop failed; it is tried again later",
        "storefront.purge_failed",
    ),
    (
        "reading the pending logout tokens failed; it is tried again",
        "logout_token.read_failed",
    ),
    (
        "reading the queued mails failed; it is tried again",
        "mail.read_failed",
    ),
    (
        "reading the registry timed out; requests are refused once it is too old",
        "registry.timed_out",
    ),
    ("registered", "registration.done"),
    ("registered by another provider", "registration.upstream"),
    ("request", "http.request"),
    ("revoked", "revocation.done"),
    (
        "sending notices of recoveries failed; it is tried again",
        "recovery.notices_failed",
    ),
    (
        "sign-in refused: too many wrong passwords for this user",
        "throttle.passwords",
    ),
    ("signed in", "sign_in.done"),
    ("signed out everywhere else", "session.ended_elsewhere"),
    (
        "some gauges could not be read; the last ones are served",
        "metrics.not_read",
    ),
    (
        "some gauges were not read in time; the last ones are served",
        "metrics.late",
    ),
    (
        "something happened to an order and changed nothing",
        "order.unchanged",
    ),
    (
        "storefront.key is missing; the new key ends every session of the shop",
        "storefront.key_missing",
    ),
    (
        "the ACME directory gave no certificate; it is asked again",
        "tls.acme_refused",
    ),
    (
        "the access token of a request lacks a scope",
        "guard.scope_missing",
    ),
    ("the answer of a step is not stored", "payment.answer_missing"),
    (
        "the books have differed for more than five minutes",
        "billing.books_differ",
    ),
    (
        "the certificate of the ACME directory is in service",
        "tls.acme_replaced",
    ),
    ("the certificate was replaced", "tls.replaced"),
    ("the channel was gone already", "bus.channel_gone"),
    (
        "the clock of this machine is behind a timestamp in the database: this clock or that of another node was set back or is wrong; what had expired by then stays expired",
        "clock.behind",
    ),
    (
        "the clock of this machine is more than seven days behind a timestamp in the database, which is therefore ignored: this clock or that of another node is or was wrong",
        "clock.far_behind",
    ),
    (
        "the connection to the broker was gone already",
        "bus.connection_gone",
    ),
    ("the database cannot be watched for changes", "database.unwatched"),
    (
        "the database file can no longer be trusted; this process stops",
        "database.untrusted",
    ),
    (
        "the database file cannot be watched for changes",
        "database.file_unwatched",
    ),
    ("the database is unavailable", "database.unavailable"),
    ("the dead letters cannot be read", "dead_letters.unreadable"),
    ("the disk has free space again", "disk.free_again"),
    (
        "the disk is full; writes fail until there is free space",
        "disk.full",
    ),
    (
        "the edge does not serve it: its url is not set",
        "gateway.not_served",
    ),
    (
        "the end of a try to send a mail could not be written",
        "mail.end_unwritten",
    ),
    ("the files are unavailable", "files.unavailable"),
    ("the issuer answered with an error page", "page.error"),
    (
        "the issuer ended sign-ins by a logout token",
        "relying_party.logout",
    ),
    ("the issuer has ended a sign-in", "relying_party.ended"),
    (
        "the issuer rejected the revocation of a token",
        "relying_party.revocation_rejected",
    ),
    ("the issuer's keys have changed", "guard.keys_changed"),
    ("the issuer's metadata could not be read", "guard.metadata_failed"),
    (
        "the issuer's scopes cannot be read: those of the edge's routes were not checked",
        "edge.scopes_not_checked",
    ),
    (
        "the key set could not be refreshed; the previous keys stay in use",
        "guard.keys_not_refreshed",
    ),
    (
        "the lease could not be released and expires by itself",
        "bus.lease_not_released",
    ),
    (
        "the limit of mails for an hour is reached; mails wait",
        "mail.limit_reached",
    ),
    ("the limit of open files cannot be raised", "start.open_files"),
    (
        "the list of breached passwords cannot be read",
        "breached_list.failed",
    ),
    (
        "the listener of the gateway does not provide the address of its peer",
        "gateway.no_peer_address",
    ),
    ("the look at the certificate failed", "tls.look_failed"),
    (
        "the metadata of the issuer cannot be refreshed; the previous copy stays in use",
        "relying_party.metadata_failed",
    ),
    (
        "the name of a user cannot be fetched right now",
        "relying_party.no_name",
    ),
    (
        "the new certificate cannot be used; the old one stays in service",
        "tls.refused",
    ),
    (
        "the operations of the processor cannot be read; they are looked at again",
        "payment.operations_unreadable",
    ),
    (
        "the outbox relay failed; events stay in the outbox until it succeeds",
        "outbox.failed",
    ),
    ("the outbox relay works again", "outbox.works_again"),
    (
        "the priority of the password hashing threads cannot be lowered",
        "hashing.priority",
    ),
    (
        "the processor has not said what became of an operation",
        "payment.processor_silent",
    ),
    (
        "the published key set holds no usable key; access tokens cannot be verified",
        "jwks.unusable",
    ),
    (
        "the ready line could not be written to standard output",
        "start.no_ready_line",
    ),
    (
        "the registry cannot be read; requests are refused once it is too old",
        "registry.unreadable",
    ),
    (
        "the request was given up after several attempts",
        "request.given_up",
    ),
    (
        "the response of the API cannot be used",
        "storefront.response_unusable",
    ),
    (
        "the response to a sign-in was rejected",
        "relying_party.response_rejected",
    ),
    ("the revocation feed cannot be signed", "feed.unsigned"),
    (
        "the revocation feed contains revocations of an unknown kind",
        "guard.feed_unknown_kind",
    ),
    ("the revocation feed was interrupted", "guard.feed_interrupted"),
    (
        "the revocation of a token could not be sent to the issuer",
        "relying_party.revocation_unsent",
    ),
    (
        "the routes of the edge were not replaced: the file is not valid",
        "edge.reload_refused",
    ),
    ("the routes of the edge were read again", "edge.reloaded"),
    (
        "the secret of an authenticator app cannot be opened",
        "totp.unreadable",
    ),
    (
        "the seed file can be read by other users of this machine",
        "start.seed_readable",
    ),
    ("the seed is unusual", "seed.unusual"),
    ("the service manager could not be told", "manager.not_told"),
    ("the session store failed", "relying_party.store_failed"),
    (
        "the signer key of an import cannot be read; its people cannot sign in by password",
        "import.signer_key_unreadable",
    ),
    (
        "the task that watches a database for changes panicked and is restarted",
        "database.watcher_restarted",
    ),
    (
        "the test processor's memory failed",
        "payment.test_processor_failed",
    ),
    ("this service was started without the bus", "dead_letters.no_bus"),
    ("timers of orders cannot be read", "order.timers_unreadable"),
    ("token issued", "token.issued"),
    (
        "too many wrong codes after a right password",
        "second_step.too_many_wrong",
    ),
    ("too many wrong passwords or codes", "sign_in.too_many_wrong"),
    ("too many wrong secrets", "throttle.secrets"),
    ("traces are exported again", "traces.exported_again"),
    (
        "traces cannot be exported; they are lost until the collector takes them",
        "traces.not_exported",
    ),
];

/// The name of what a sentence says.
pub fn event_of(message: &str) -> Option<&'static str> {
    let found = EVENTS.binary_search_by(|(known, _)| (*known).cmp(message)).ok()?;
    Some(EVENTS[found].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_has_one_name_and_is_found_by_itself() {
        assert!(EVENTS.is_sorted());
        for (message, name) in EVENTS {
            assert_eq!(event_of(message), Some(*name));
            let parts: Vec<_> = name.split('.').collect();
            assert_eq!(parts.len(), 2, "{name}");
            let plain = |part: &str| {
                part.bytes()
                    .all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            };
            assert!(parts.iter().all(|part| !part.is_empty() && plain(part)), "{name}");
        }
        let mut names: Vec<_> = EVENTS.iter().map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), EVENTS.len(), "a name stands for one sentence");
        assert_eq!(event_of("said by nobody"), None);
    }
}
