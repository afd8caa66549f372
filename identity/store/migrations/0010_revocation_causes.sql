-- Why something ended is one of the names in identity/protocol/src/revocation_policy.rs. Before, it was a sentence here and a
-- name there. These are all that were ever written; what somebody else wrote is `other`.
CREATE TABLE cause_names (
    was  TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO cause_names (was, name) VALUES
    ('replay', 'refresh_reuse'),
    ('code_replay', 'code_reuse'),
    ('password changed', 'password_reset'),
    ('disabled by an administrator', 'user_disabled'),
    ('locked by an administrator', 'user_locked'),
    ('deleted', 'user_deleted'),
    ('client disabled', 'client_disabled'),
    ('client removed', 'client_removed'),
    ('revoked by an administrator', 'client_tokens_revoked'),
    ('revoked by the client', 'revoked_by_client'),
    ('too many single tokens', 'tokens_revoked'),
    ('compromised', 'key_compromised'),
    ('logout', 'logout'),
    ('signed_out_there', 'signed_out_there'),
    ('replaced', 'replaced'),
    ('ended', 'ended'),
    ('admin', 'admin'),
    ('consent_withdrawn', 'consent_withdrawn'),
    ('client_disabled', 'client_disabled'),
    ('tokens_revoked', 'tokens_revoked'),
    ('family_limit', 'family_limit'),
    ('store_rewound', 'store_rewound'),
    ('overlap_streak', 'overlap_streak'),
    ('asked_again', 'asked_again');

UPDATE families SET cause = COALESCE((SELECT n.name FROM cause_names n WHERE n.was = families.cause), 'other')
    WHERE cause IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM cause_names n WHERE n.was = families.cause AND n.name = n.was);
UPDATE sessions SET cause = COALESCE((SELECT n.name FROM cause_names n WHERE n.was = sessions.cause), 'other')
    WHERE cause IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM cause_names n WHERE n.was = sessions.cause AND n.name = n.was);
UPDATE bulk_revocations
    SET cause = COALESCE((SELECT n.name FROM cause_names n WHERE n.was = bulk_revocations.cause), 'other');
UPDATE revocations SET cause = COALESCE((SELECT n.name FROM cause_names n WHERE n.was = revocations.cause), 'other');

-- Records of revocations say the cause and nothing else, but for one kind whose cause keeps its name.
UPDATE audit SET detail =
        (SELECT '{"cause":"' || n.name || '"}' FROM cause_names n WHERE audit.detail = '{"cause":"' || n.was || '"}')
    WHERE EXISTS (SELECT 1 FROM cause_names n WHERE audit.detail = '{"cause":"' || n.was || '"}' AND n.name <> n.was);
DROP TABLE cause_names;
-- The kinds of these records were made of the sentences.
UPDATE audit SET kind = CASE kind
        WHEN 'user.disabled_by_an_administrator' THEN 'user.disabled'
        WHEN 'user.locked_by_an_administrator' THEN 'user.locked'
        ELSE 'user.password.changed' END
    WHERE kind IN ('user.disabled_by_an_administrator', 'user.locked_by_an_administrator', 'user.password_changed');

-- Rises when what a person proves themselves by changes. A device cookie names it, and was bound to the password's hash
-- before: browsers are known again from their next sign-in on.
ALTER TABLE users ADD COLUMN credential_epoch BIGINT NOT NULL DEFAULT 0;
