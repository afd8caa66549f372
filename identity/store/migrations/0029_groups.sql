-- Groups, and roles that are given to users and groups.
--
-- users.roles stays what an administrator, a seed, an import or a registration wrote, without an end: nodes of the release
-- before read and write it alone. What comes in addition is worked out when it changes, into the columns below, so that
-- signing in and refreshing read the user's row and nothing else.

CREATE TABLE groups (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- In canonical form: the one in tokens.
    name       TEXT   NOT NULL UNIQUE,
    display    TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE group_members (
    group_id TEXT   NOT NULL,
    -- personal: user_id
    user_id  TEXT   NOT NULL,
    -- manual, upstream:PROVIDER, import or invitation
    origin   TEXT   NOT NULL,
    added_by TEXT   NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

-- A role of a user or of a group: one of both is NULL.
CREATE TABLE role_grants (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- personal: user_id
    user_id    TEXT,
    group_id   TEXT,
    role       TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    -- When it ends by itself.
    until      BIGINT,
    granted_by TEXT   NOT NULL,
    granted_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX role_grants_user ON role_grants (user_id, role, origin);
CREATE UNIQUE INDEX role_grants_group ON role_grants (group_id, role, origin);
CREATE INDEX role_grants_until ON role_grants (until);

-- The roles besides users.roles, as a list; those that end, by name; and the names of the groups.
ALTER TABLE users ADD COLUMN granted_roles TEXT;
ALTER TABLE users ADD COLUMN ending_roles TEXT;
ALTER TABLE users ADD COLUMN in_groups TEXT;

-- The groups that an invitation leads into, by id, and the application that it leads to.
ALTER TABLE invitations ADD COLUMN group_ids TEXT;
ALTER TABLE invitations ADD COLUMN client_id TEXT;
